//! What lists say of a certificate (RFC 5280 section 6.3.3).
//!
//! Revoked beats everything. What a list of the certificate's scope calls revoked stays so though the list is stale, or its time
//! has not begun, or other lists do not know of it: a revoked certificate does not become unknown with time. Only a newer
//! list of the same signer and scope takes a revocation back, or a current delta that releases what was on hold.
//!
//! Good wants more: lists that are current and together cover all reasons, whose signers and whose certificate's issuer
//! are valid now; and that nothing of the certificate's scope is in force which cannot be read. All else is unknown.
//!
//! What the RFC leaves open: a signer that is not the issuer shares an anchor with it, and is not itself revoked as far as
//! these lists tell. The list of another key of the issuer's name always revokes; whether it makes good, says
//! [`vouches`](Judge::vouches). That they tell is not demanded: the bundle names the signer, whose own status is often on no list
//! but its own.

mod series;
mod signer;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use self::signer::{Signer, Trail};
use self::tally::{Obstacle, Tally};
use super::List;
use super::list::Unreadable;
use super::reach::Coverage;
use crate::revocation::checked::Claims;
use crate::revocation::{CLOCK_SKEW, Checked, Entry, EntryReason, Judgement};
use crate::trust::{Authorities, Authority};

/// What these lists, taken together, say of a certificate (RFC 5280 section 6.3.3).
///
/// `issuer` issued it, and `authorities` are those of the same bundle: they may sign lists for one another where the RFC lets
/// them. `grace` is how long a list is believed after its `nextUpdate`.
///
/// Nothing is allocated, but by what looks up entries, where the lists are signed by the issuer itself. Where one is signed by
/// another key, the certificate of that key is read and its status looked for, too.
pub fn judge(
    checked: &Checked,
    issuer: &Authority,
    authorities: &Authorities,
    lists: &[Arc<List>],
    now: OffsetDateTime,
    grace: Duration,
) -> Judgement {
    Judge { authorities, lists, now, grace }.certificate(checked.claims(), issuer, Trail::START)
}

/// What is the same for every certificate that is judged on the way.
#[derive(Clone, Copy)]
struct Judge<'a> {
    authorities: &'a Authorities,
    lists: &'a [Arc<List>],
    now: OffsetDateTime,
    grace: Duration,
}

/// What a list says of a certificate.
enum Word<'a> {
    Revoked(Entry),
    /// Not revoked, as long as any of these is current.
    NotRevoked([Option<&'a List>; 2]),
    /// Nothing: it is not the newest, or has had its say with another.
    Nothing,
    /// Nothing that helps.
    Obstacle(Obstacle),
}

impl From<Unreadable> for Word<'_> {
    fn from(_: Unreadable) -> Self {
        Word::Obstacle(Obstacle::Unreadable)
    }
}

impl<'a> Judge<'a> {
    fn certificate(self, claims: &Claims, issuer: &Authority, trail: Trail<'_>) -> Judgement {
        let mut tally = Tally::default();
        match self.authorities.issuer_valid_until(issuer, self.now) {
            Some(until) => tally.ends_by(until),
            None => tally.meet(Obstacle::IssuerNotValid, None),
        }
        for list in self.lists {
            let coverage = list.reach().coverage(claims);
            let signer = match coverage {
                Coverage::None => continue,
                Coverage::Unclear | Coverage::For(_) => self.signer(list, issuer, trail),
            };
            match signer {
                Signer::Stranger => continue,
                Signer::Revoked => {
                    tally.meet(Obstacle::SignerRevoked, Some(list));
                    continue;
                }
                Signer::NotValid | Signer::ValidUntil(_) => {}
            }
            if !self.has_begun(list) {
                tally.ends_by(list.head().this_update.saturating_sub(CLOCK_SKEW));
            }
            match self.word(list, claims) {
                Word::Revoked(entry) => return tally.revoked(entry, list),
                Word::NotRevoked(by) if self.vouches(list, issuer) => {
                    self.count(list, by, coverage, signer, &mut tally);
                }
                Word::NotRevoked(_) => tally.meet(Obstacle::OtherKey, None),
                Word::Nothing => {}
                Word::Obstacle(obstacle) => tally.meet(obstacle, Some(list)),
            }
        }
        tally.judgement()
    }

    fn word(self, list: &'a List, claims: &Claims) -> Word<'a> {
        let word = if list.head().is_delta() {
            self.word_of_delta(list, claims)
        } else {
            self.word_of_full_list(list, claims)
        };
        word.unwrap_or_else(Word::from)
    }

    fn word_of_full_list(self, list: &'a List, claims: &Claims) -> Result<Word<'a>, Unreadable> {
        if self.is_superseded(list) {
            return Ok(Word::Nothing);
        }
        // What the delta calls revoked is for its own turn.
        let delta = self.delta_of(list);
        let Some(entry) = find(list, claims)? else {
            return Ok(Word::NotRevoked([Some(list), delta]));
        };
        // Only what is on hold is released (section 5.3.1), and not by a delta that may itself have been taken back.
        if let Some(delta) = delta.filter(|delta| self.is_current(delta))
            && entry.reason == EntryReason::CertificateHold
            // What cannot be read releases nobody.
            && find(delta, claims).is_ok_and(is_released)
        {
            return Ok(Word::NotRevoked([Some(delta), None]));
        }
        Ok(Word::Revoked(entry))
    }

    fn word_of_delta(self, delta: &'a List, claims: &Claims) -> Result<Word<'a>, Unreadable> {
        if self.is_outdated(delta) {
            return Ok(Word::Nothing);
        }
        match find(delta, claims)? {
            Some(entry) if entry.reason != EntryReason::RemoveFromCrl => Ok(Word::Revoked(entry)),
            Some(_) | None if self.has_base(delta) => Ok(Word::Nothing),
            Some(_) | None => Ok(Word::Obstacle(Obstacle::NoBase)),
        }
    }

    /// Counts that `list` does not call the certificate revoked, if any of `by` is current.
    fn count(
        self,
        list: &'a List,
        by: [Option<&'a List>; 2],
        coverage: Coverage,
        signer: Signer,
        tally: &mut Tally<'a>,
    ) {
        let current = by.into_iter().flatten().filter(|list| self.is_current(list));
        // The one that is current the longest: what never ends, ends last.
        let longest = current.max_by_key(|list| {
            let end = self.end(list);
            (end.is_none(), end)
        });
        match (longest, signer, coverage) {
            (None, _, _) if self.has_begun(list) => tally.meet(Obstacle::Stale, Some(list)),
            (None, _, _) => tally.meet(Obstacle::Future, Some(list)),
            (Some(longest), Signer::ValidUntil(until), Coverage::For(reasons)) => {
                tally.cover(reasons, longest, [self.end(longest), Some(until)]);
            }
            (Some(_), Signer::ValidUntil(_), Coverage::Unclear | Coverage::None) => {
                tally.meet(Obstacle::Unclear, Some(list));
            }
            (Some(_), Signer::NotValid | Signer::Revoked | Signer::Stranger, _) => {
                tally.meet(Obstacle::SignerNotValid, Some(list));
            }
        }
    }
}

/// The entry of a certificate. In a list of several issuers, one may go by several ordinals; as under a single one, an entry
/// that revokes is found before one that takes it off a list.
fn find(list: &List, claims: &Claims) -> Result<Option<Entry>, Unreadable> {
    claims.look_ups.get(list, || search(list, claims))
}

fn search(list: &List, claims: &Claims) -> Result<Option<Entry>, Unreadable> {
    let Some(issuer) = claims.issuer_digest else { return Err(Unreadable) };
    let mut found = None;
    for ordinal in list.reach().ordinals_of(issuer) {
        match list.find(ordinal, &claims.serial)? {
            Some(entry) if entry.reason != EntryReason::RemoveFromCrl => return Ok(Some(entry)),
            Some(entry) => found = Some(entry),
            None => {}
        }
    }
    Ok(found)
}

fn is_released(entry: Option<Entry>) -> bool {
    entry.is_some_and(|entry| entry.reason == EntryReason::RemoveFromCrl)
}

#[cfg(test)]
mod tests;
