//! Chains that were verified here, where the policy leaves that to the filter.
//!
//! A verdict is kept for as long as it must be the same: for the same certificate, the same certificates beside it, the same
//! bundles, and until any certificate that was looked at begins or ends to be valid. Refusals are kept as permits are, for a
//! client may ask again and again. What a client presents beside its leaf is a header of a few kilobytes: it is compared with
//! those of earlier requests, and read only where it is none of them.

use std::cell::{OnceCell, RefCell};
use std::hash::{BuildHasher as _, RandomState};
use std::rc::Rc;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::cert::forwarded::{self, ForwardedError, Malformed, Mismatch};
use crate::cert::{Certificate, Fingerprint};
use crate::generations::Generations;
use crate::identity::Identity;
use crate::metrics::CacheUse;
use crate::policy::trust::may_vouch;
use crate::policy::{Denial, Reason, TrustBundle, TrustRules};
use crate::request::{Headers, XFCC};
use crate::revocation::Checked;
use crate::trust::Authority;
use crate::trust::chain::{self, Budget, Chain, Presented, Span};

/// What the verdicts of one generation may weigh, in bytes: some thousand.
const MAX_VERDICTS_WEIGHT: usize = 2 * 1024 * 1024;

/// What the headers of one generation may weigh, in bytes: some thousand of ordinary chains.
const MAX_HEADERS_WEIGHT: usize = 8 * 1024 * 1024;

/// About what one entry weighs beside what it holds.
const ENTRY_WEIGHT: usize = 256;

/// A certificate, by rules.
type Holder = (Fingerprint, usize);

/// A chain that was verified, and by whose anchors.
#[derive(Debug)]
pub(super) struct Vouched {
    /// The bundle's position in the policy.
    pub(super) bundle: usize,
    pub(super) chain: Rc<Chain>,
    /// The positions of the other bundles that the route trusts.
    others: Box<[usize]>,
    /// The certificates of the chain below the anchor, the leaf first, as the search for their status wants them.
    checked: OnceCell<Option<Vec<Rc<Checked>>>>,
}

/// What came of a certificate with what was presented beside it.
#[derive(Debug, Clone)]
struct Verdict {
    outcome: Result<Rc<Vouched>, Rc<str>>,
    span: Span,
}

/// The verdict on what one header holds.
#[derive(Debug)]
struct OnHeader {
    header: Option<Box<[u8]>>,
    verdict: Verdict,
}

/// The verdicts of a policy's lifetime.
#[derive(Debug)]
pub(super) struct Chains {
    /// By what was presented beside the certificate.
    verdicts: RefCell<Generations<(Holder, Fingerprint), Verdict>>,
    /// By a digest of the header, which is compared whole all the same.
    headers: RefCell<Generations<(Holder, u64), OnHeader>>,
    cache_use: CacheUse,
    /// Chosen by chance, so that nobody can tell which headers have one digest.
    seed: u64,
}

impl Default for Chains {
    fn default() -> Chains {
        Chains {
            verdicts: RefCell::new(Generations::new(MAX_VERDICTS_WEIGHT)),
            headers: RefCell::new(Generations::new(MAX_HEADERS_WEIGHT)),
            cache_use: CacheUse::default(),
            seed: RandomState::new().hash_one(0),
        }
    }
}

impl Chains {
    /// How often a verdict was at hand; where what was presented could not be read, neither is counted.
    pub(super) fn cache_use(&self) -> &CacheUse {
        &self.cache_use
    }

    /// The chain of a certificate to an anchor of the bundles that `rules` name.
    ///
    /// # Errors
    /// `untrusted` where there is none; and where the header is not about this connection, as for the leaf itself.
    pub(super) fn verify(
        &self,
        leaf: &Certificate,
        identity: &Identity,
        headers: &Headers,
        rules: &TrustRules,
        bundles: &[TrustBundle],
        now: OffsetDateTime,
    ) -> Result<(Rc<Vouched>, Span), Denial> {
        let holder = (identity.fingerprint(), rules.number());
        let values: Vec<&[u8]> = headers.values(XFCC).collect();
        let header = match values.as_slice() {
            [] => None,
            [header] => Some(*header),
            _ => return Err(ForwardedError::from(Mismatch::SeveralHeaders { count: values.len() }).into()),
        };
        let key = (holder, header.map_or(0, |header| digest(self.seed, header)));
        let known = self.headers.borrow_mut().get(&key).and_then(|last| {
            (last.verdict.span.contains(now) && same(last.header.as_deref(), header))
                .then(|| last.verdict.clone())
        });
        let verdict = match known {
            Some(verdict) => {
                self.cache_use.count(true);
                verdict
            }
            None => {
                let verdict = self.judge(leaf, identity, &values, holder, rules, bundles, now)?;
                let weight = ENTRY_WEIGHT + header.map_or(0, <[u8]>::len);
                let last = OnHeader { header: header.map(Box::from), verdict: verdict.clone() };
                self.headers.borrow_mut().insert(key, last, weight);
                verdict
            }
        };
        match verdict.outcome {
            Ok(vouched) => Ok((vouched, verdict.span)),
            Err(why) => Err(Denial::new(Reason::Untrusted, why)),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the facts of one certificate, the policy and the time")]
    fn judge(
        &self,
        leaf: &Certificate,
        identity: &Identity,
        values: &[&[u8]],
        holder: Holder,
        rules: &TrustRules,
        bundles: &[TrustBundle],
        now: OffsetDateTime,
    ) -> Result<Verdict, Denial> {
        let presented = match presented(values, identity.fingerprint()) {
            Ok(presented) => presented,
            Err(ForwardedError::Malformed(why @ (Malformed::TooLongChain | Malformed::Certificate(_)))) => {
                let why = format!("what was presented beside it cannot be read: {why}");
                return Ok(Verdict { outcome: Err(why.into()), span: Span::ALWAYS });
            }
            Err(error) => return Err(error.into()),
        };
        let digests: Vec<[u8; 32]> =
            presented.iter().map(|certificate| *certificate.fingerprint().as_bytes()).collect();
        let key = (holder, Fingerprint::of(digests.as_flattened()));
        let known = self.verdicts.borrow_mut().get(&key).cloned();
        let known = known.filter(|verdict| verdict.span.contains(now));
        self.cache_use.count(known.is_some());
        if let Some(verdict) = known {
            return Ok(verdict);
        }
        let verdict = find(leaf, identity, &presented, rules, bundles, now);
        let certificates = match &verdict.outcome {
            Ok(vouched) => vouched.weight(leaf),
            Err(why) => why.len(),
        };
        self.verdicts.borrow_mut().insert(key, verdict.clone(), ENTRY_WEIGHT + certificates);
        Ok(verdict)
    }
}

/// Tries one bundle after the other.
fn find(
    leaf: &Certificate,
    identity: &Identity,
    presented: &[Certificate],
    rules: &TrustRules,
    bundles: &[TrustBundle],
    now: OffsetDateTime,
) -> Verdict {
    let (budget, presented) = (Budget::new(), Presented::new(presented));
    let mut span = Span::ALWAYS;
    let mut refused = Vec::new();
    for at in rules.bundles() {
        let Some(bundle) = bundles.get(*at) else { continue };
        let name = bundle.name();
        if !may_vouch(bundle, bundles, identity) {
            refused.push(format!("`{name}` may not vouch for its SPIFFE ID, or for its having none"));
            continue;
        }
        let demands = rules.demands(bundle);
        let found = chain::verify(leaf, identity, &presented, bundle.authorities(), &demands, now, &budget);
        span = span.and(found.span);
        match found.verdict {
            Ok(chain) => {
                let others = rules.bundles().iter().copied().filter(|other| other != at).collect();
                let vouched =
                    Vouched { bundle: *at, chain: Rc::new(chain), others, checked: OnceCell::new() };
                return Verdict { outcome: Ok(Rc::new(vouched)), span };
            }
            Err(error) => refused.push(format!("by `{name}`: {error}")),
        }
    }
    Verdict { outcome: Err(refused.join("; ").into()), span }
}

/// What the client presented beside its leaf; nothing where Envoy does not forward it.
fn presented(values: &[&[u8]], leaf: Fingerprint) -> Result<Vec<Certificate>, ForwardedError> {
    match forwarded::chain_from_xfcc(values, leaf) {
        Ok(mut chain) => {
            if !chain.is_empty() {
                chain.remove(0);
            }
            Ok(chain)
        }
        Err(ForwardedError::Absent | ForwardedError::Mismatch(Mismatch::NoPair { key: "Chain" })) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

impl Vouched {
    /// The certificates of the chain below the anchor, the leaf first; `None` where one cannot be read for its status.
    pub(super) fn checked(&self, leaf: &Certificate, bundles: &[TrustBundle]) -> Option<&[Rc<Checked>]> {
        let checked = self.checked.get_or_init(|| {
            let authorities = self.chain.authorities();
            let below = authorities.iter().map(|authority| authority.certificate());
            let certificates = [leaf].into_iter().chain(below);
            let pairs = certificates.zip(authorities);
            let read = pairs.map(|(certificate, issuer)| {
                Checked::issued_by(certificate, self.holders(issuer, bundles)).map(Rc::new).ok()
            });
            read.collect()
        });
        checked.as_deref()
    }

    /// The bundles of the route that hold a CA of the chain, the one that vouches first. Which of them vouches depends on what the
    /// client presents, and who was revoked must not.
    fn holders(&self, issuer: &Arc<Authority>, bundles: &[TrustBundle]) -> Vec<(usize, Arc<Authority>)> {
        let others = self.others.iter().filter_map(|at| {
            let held = bundles.get(*at)?.authorities().of_name_and_key(issuer)?;
            Some((*at, Arc::clone(held)))
        });
        [(self.bundle, Arc::clone(issuer))].into_iter().chain(others).collect()
    }

    fn weight(&self, leaf: &Certificate) -> usize {
        let above = self.chain.authorities().iter().map(|authority| authority.certificate());
        // Each is kept as DER and as what was read of it.
        above.chain([leaf]).map(|certificate| 2 * certificate.der().len()).sum()
    }
}

/// A digest of a header, which takes a fifth of a nanosecond for a byte; that of a `HashMap` takes one. Four sums at a time, for none
/// of them waits for another.
fn digest(seed: u64, header: &[u8]) -> u64 {
    // An odd number without pattern: the fraction of the golden ratio.
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let step = |sum: u64, word: u64| (sum ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let mut sums = [seed, !seed, seed.rotate_left(16), seed.rotate_left(32)];
    let (blocks, rest) = header.as_chunks::<32>();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum = step(*sum, u64::from_le_bytes(*word));
        }
    }
    let length = header.len() as u64;
    let sum = sums.into_iter().fold(length, step);
    rest.iter().fold(sum, |sum, byte| step(sum, u64::from(*byte)))
}

/// Whether two headers are one, eight bytes at a time: WebAssembly has no instruction for it, and `==` goes byte by byte there,
/// which for a chain of four kilobytes takes 4 us.
fn same(one: Option<&[u8]>, other: Option<&[u8]>) -> bool {
    // An empty header is refused, and a missing one is not.
    let (Some(one), Some(other)) = (one, other) else { return one.is_none() && other.is_none() };
    let (one_words, one_rest) = one.as_chunks::<8>();
    let (other_words, other_rest) = other.as_chunks::<8>();
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    one.len() == other.len()
        && one_words.iter().zip(other_words).all(|(one, other)| word(one) == word(other))
        && one_rest == other_rest
}
