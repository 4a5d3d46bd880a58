//! What a list says of itself.

use std::cmp::Ordering;
use std::sync::Arc;

use thiserror::Error;
use time::OffsetDateTime;

use super::general_name::{GeneralName, Name};
use super::number::CrlNumber;
use super::scope::{EntriesOf, Holders, IssuingDistributionPoint, Reasons};
use crate::cert::Fingerprint;
use crate::identity::{DistinguishedName, Truth};

/// What a list says of itself, and by whom it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Where the list is from: a URL, or the place in the policy. Empty until who loaded the list sets it.
    pub source: Arc<str>,
    /// The key that signed it: SHA-256 of the signer's `SubjectPublicKeyInfo`.
    pub signer: Fingerprint,
    /// Who issued it.
    pub issuer: Name,
    /// The key identifier of its authorityKeyIdentifier (RFC 5280 section 5.2.1).
    pub authority_key_id: Option<Box<[u8]>>,
    /// Tells the list from every other: SHA-256 of everything in it but its entries, which the signature, of which this is
    /// a digest too, stands for. Not the digest of the file: that would mean to hash 35 MB twice.
    pub digest: Fingerprint,
    /// When it was issued.
    pub this_update: OffsetDateTime,
    /// When a newer one is due. A list that does not say is refused (RFC 5280 section 5.1.2.5).
    pub next_update: OffsetDateTime,
    /// Its number (RFC 5280 section 5.2.3).
    pub number: CrlNumber,
    /// The number of the list on which it builds, where it is a delta (RFC 5280 section 5.2.4).
    pub delta_base: Option<CrlNumber>,
    /// What it is about; `None` for all that its issuer issued.
    pub scope: Option<IssuingDistributionPoint>,
    /// Whose certificates it has entries of, by ordinal: first, at 0, the list's own issuer; then, in an indirect list, those
    /// that its entries name (RFC 5280 section 5.3.3), each with the names that it is given.
    pub certificate_issuers: Vec<Vec<GeneralName>>,
    /// How many entries it has.
    pub entries: u32,
    /// How many shards they are in.
    pub shards: u32,
}

/// Why a list does not take the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotNewer {
    /// Its number is lower.
    #[error("its number is lower than that of the list in force")]
    LowerNumber,
    /// It has the same number, and it is older.
    #[error("it is older than the list in force")]
    Older,
    /// It is of another signer, issuer or scope, and takes no place of this one; see [`Head::may_replace`].
    #[error("it is signed by another key, or about other certificates, than the list in force")]
    OtherList,
}

impl Head {
    /// The ordinals under which entries for certificates of the issuer `name` are.
    pub fn ordinals_of(&self, name: &DistinguishedName) -> impl Iterator<Item = u32> {
        let is_named = |given: &GeneralName| match given {
            GeneralName::Directory(given) => given.name().same_name(name) == Truth::Yes,
            GeneralName::Uri(_) | GeneralName::Other(_) => false,
        };
        (0u32..)
            .zip(&self.certificate_issuers)
            .filter(move |(_, names)| names.iter().any(is_named))
            .map(|(ordinal, _)| ordinal)
    }

    /// Whether it is a delta: what has changed since another list.
    pub fn is_delta(&self) -> bool {
        self.delta_base.is_some()
    }

    /// Whether it may take the place of `old`, which is of the same source: a lower number never replaces a higher one, and with
    /// the same number an older date never a newer.
    ///
    /// Names of distribution points may change, if the list is younger. One that is about other certificates or other reasons
    /// must also wait for the end of `old`: whoever is between here and the source may serve another list of the same CA, for
    /// example that of its CAs' certificates, and would take the list of its users' away. A delta takes the place of deltas
    /// only: without the list on which it builds it makes nobody good.
    ///
    /// # Errors
    /// Where it may not.
    pub fn may_replace(&self, old: &Head, now: OffsetDateTime) -> Result<(), NotNewer> {
        let same_kind = self.issuer.name().same_name(old.issuer.name()) == Truth::Yes
            && self.is_delta() == old.is_delta()
            && self.kind() == old.kind();
        if same_kind && self.signer == old.signer && self.scope == old.scope {
            return match self.number.cmp(&old.number) {
                Ordering::Less => Err(NotNewer::LowerNumber),
                // Some CAs never count.
                Ordering::Equal if self.this_update < old.this_update => Err(NotNewer::Older),
                Ordering::Equal | Ordering::Greater => Ok(()),
            };
        }
        let has_ended = old.next_update < now && (old.is_delta() || !self.is_delta());
        let may = self.signer == old.signer && self.this_update > old.this_update && (same_kind || has_ended);
        if may { Ok(()) } else { Err(NotNewer::OtherList) }
    }

    /// What it is about, but for the names of distribution points.
    fn kind(&self) -> (Holders, Reasons, EntriesOf) {
        self.scope.as_ref().map_or((Holders::All, Reasons::ALL, EntriesOf::Issuer), |scope| {
            (scope.holders(), scope.only_reasons().unwrap_or(Reasons::ALL), scope.entries_of())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint::Ca;
    use crate::mint::crl::*;
    use crate::revocation::crl::tests::{ca, load, load_with};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn head(crl: &Crl) -> Head {
        load(crl.der()).unwrap().head
    }

    fn replaces(new: &Crl, old: &Crl) -> Result<(), NotNewer> {
        head(new).may_replace(&head(old), date_time(2026))
    }

    #[test]
    fn a_lower_number_replaces_no_higher_one_whatever_the_date() {
        let later = date_time(2030);
        let crl = || ca().crl();
        for (new, old, expected) in [
            (crl().number(2), crl().number(1), Ok(())),
            (crl().number(1), crl().number(1), Ok(())),
            (crl().number(1), crl().number(1).this_update(later), Err(NotNewer::Older)),
            (crl().number(256), crl().number(255), Ok(())),
            (crl().number(255), crl().number(256), Err(NotNewer::LowerNumber)),
            (crl().number(1).this_update(later), crl().number(2), Err(NotNewer::LowerNumber)),
            (crl().number(2), crl().number(1).this_update(later), Ok(())),
            (crl().number(1).this_update(later), crl().number(1), Ok(())),
        ] {
            assert_eq!(replaces(&new, &old), expected);
        }
    }

    #[test]
    fn a_list_of_another_distribution_point_replaces_older_ones() {
        let crl = || ca().crl();
        let at = |uri| crl().scope(&Scope::new().uri(uri));
        let younger = |list: Crl| list.this_update(date_time(2021));
        assert_eq!(replaces(&at("http://a").number(2), &at("http://a").number(2)), Ok(()));
        for (new, old) in [
            (at("http://a"), at("http://b")),
            (at("http://a"), crl()),
            (crl(), at("http://b")),
            (at("http://a").delta_of(1), at("http://b").delta_of(1)),
        ] {
            let (new, old) = (new.number(2), old.number(2));
            assert_eq!(replaces(&younger(new.clone()), &old), Ok(()));
            // Of other names numbers are not compared.
            assert_eq!(replaces(&younger(new.clone()).number(1), &old), Ok(()));
            assert_eq!(replaces(&new, &old), Err(NotNewer::OtherList), "as old");
            assert_eq!(replaces(&new, &younger(old)), Err(NotNewer::OtherList), "older");
        }
    }

    #[test]
    fn a_list_about_other_certificates_or_reasons_replaces_none_in_force() {
        let all = ca().crl().number(2);
        let of = |scope: Scope| all.clone().scope(&scope);
        let younger = |list: &Crl| list.clone().number(3).this_update(date_time(2021));
        let scopes = [
            all.clone(),
            of(Scope::new().only_user()),
            of(Scope::new().only_ca()),
            of(Scope::new().only_attribute()),
            of(Scope::new().reasons(&[1])),
            of(Scope::new().reasons(&[2])),
            of(Scope::new().indirect()),
            of(Scope::new().uri("http://a").only_user().indirect()),
        ];
        for (at, old) in scopes.iter().enumerate() {
            for (other_at, new) in scopes.iter().enumerate() {
                let expected = if at == other_at { Ok(()) } else { Err(NotNewer::OtherList) };
                assert_eq!(replaces(&younger(new), old), expected, "{other_at} for {at}");
                let ended = old.clone().expired();
                assert_eq!(replaces(&younger(new), &ended), Ok(()), "{other_at} for {at}, which has ended");
                assert_eq!(replaces(new, &ended), expected, "{other_at} for {at}, as old");
            }
        }
        // To its last second.
        let ended = head(&all.clone().expired());
        let new = head(&younger(&scopes[2]));
        assert_eq!(new.may_replace(&ended, ended.next_update), Err(NotNewer::OtherList));
        assert_eq!(new.may_replace(&ended, ended.next_update + time::Duration::SECOND), Ok(()));
    }

    #[test]
    fn a_delta_takes_the_place_of_deltas_only() {
        let full = ca().crl().number(2);
        let delta = full.clone().delta_of(1);
        let younger = |list: &Crl| list.clone().number(3).this_update(date_time(2021));
        assert_eq!(replaces(&younger(&delta), &delta), Ok(()));
        assert_eq!(replaces(&younger(&delta), &full), Err(NotNewer::OtherList));
        assert_eq!(replaces(&younger(&delta), &full.clone().expired()), Err(NotNewer::OtherList));
        assert_eq!(replaces(&younger(&full), &delta), Err(NotNewer::OtherList));
        assert_eq!(replaces(&younger(&full), &delta.clone().expired()), Ok(()));
    }

    #[test]
    fn a_list_of_another_signer_never_takes_the_place_of_one() {
        let crl = ca().crl().number(2);
        let next_key = Ca::with_seed("Acme Root", "the next key");
        let next = next_key.crl().number(3).this_update(date_time(2021));
        let next = load_with(next.der(), &[&next_key]).unwrap().head;
        for old in [crl.clone(), crl.expired()] {
            assert_eq!(next.may_replace(&head(&old), date_time(2026)), Err(NotNewer::OtherList));
        }
    }

    fn date_time(year: i32) -> OffsetDateTime {
        rcgen::date_time_ymd(year, 1, 1)
    }
}
