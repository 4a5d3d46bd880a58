//! `verify`: whether a certificate is trusted at a time, with all that a route and a trust bundle may demand of it.
//!
//! | key | means |
//! |---|---|
//! | `anchors_pem` | what the trust bundle holds; one that a policy would refuse refuses the certificate |
//! | `intermediates_pem` | what the peer presents beside `leaf_pem` |
//! | `max_depth` | the most intermediates; as many as are followed at all where it is `null` |
//! | `eku`, `eku_mode` | purposes, of which the leaf must name one: `if_present`, in case that it names any; `required`, always; `strict`, always, and so must CAs that name any |
//! | `key_usage` | what a `keyUsage` of the leaf must hold, if it has one |
//! | `names`, `names_match` | names that the leaf must have: `any` of them, `all`, or as an `exact_set` no others of their kinds |
//! | `crls_pem`, `ocsp_der_b64`, `revocation` | what is known of revocation, and how much of that is demanded |
//! | `policies` | certificate policies: only "any", with nothing demanded |
//!
//! Every stage is the filter's own: [`chain`](mtls_policy::trust::chain), a route's demands on certificates, and the judges of
//! lists and responses. The answer has the reason code of a denial, or else `chain`: SHA-256 of each certificate from the
//! leaf to the anchor.

mod ask;
mod bundle;
mod leaf;
mod names;
mod revocation;

use mtls_policy::cert::Certificate;
use mtls_policy::identity::Identity;
use mtls_policy::policy::Reason;
use mtls_policy::trust::chain::{self, Budget, ChainError, Demands, Presented};
use serde_json::Value;
use time::OffsetDateTime;

use self::ask::Ask;
use super::answer::{Finding, Verdict};
use super::case::{Case, Refusal};

/// Why a certificate is refused.
struct Rejection {
    reason: Reason,
    detail: String,
}

impl Rejection {
    fn new(reason: Reason, detail: impl ToString) -> Rejection {
        Rejection { reason, detail: detail.to_string() }
    }
}

/// `verify`: see the head of this file.
pub(super) fn verify(case: &Case) -> Result<Finding, Refusal> {
    let ask = Ask::read(case)?;
    Ok(match judge(&ask)? {
        Ok(chain) => Finding::plain(Verdict::Accept).with("chain", chain.into()),
        Err(Rejection { reason, detail }) => Finding::because(Verdict::Reject, reason.code(), detail),
    })
}

/// The fingerprints of the chain, from the leaf to the anchor.
fn judge(ask: &Ask) -> Result<Result<Vec<Value>, Rejection>, Refusal> {
    let names = names::Demand::read(&ask.names, ask.names_match)?;
    let leaf_demands = leaf::Demand::read(ask)?;
    Ok(accept(ask, &names, &leaf_demands))
}

fn accept(ask: &Ask, names: &names::Demand, demands: &leaf::Demand) -> Result<Vec<Value>, Rejection> {
    let malformed = |error: &dyn ToString| Rejection::new(Reason::MalformedCertificate, error.to_string());
    let leaf = bundle::certificate(&ask.leaf).map_err(|error| malformed(&error))?;
    let identity = Identity::of(&leaf).map_err(|error| malformed(&error))?;
    let bundle = bundle::Bundle::read(ask, &leaf)?;
    let chain_demands = Demands {
        max_intermediates: ask.max_depth.unwrap_or(chain::MAX_INTERMEDIATES).min(chain::MAX_INTERMEDIATES),
        purposes: demands.purposes(),
    };
    let (budget, presented) = (Budget::new(), Presented::new(&bundle.presented));
    let outcome =
        chain::verify(&leaf, &identity, &presented, &bundle.anchors, &chain_demands, ask.now, &budget);
    let chain = outcome.verdict.map_err(|error| untrusted(&error, &identity, ask.now))?;
    demands.check(&leaf, chain.authorities(), ask.now)?;
    revocation::check(ask, &leaf, &chain, &bundle)?;
    names.check(&leaf, &identity)?;
    let authorities = chain.authorities().iter().map(|authority| authority.certificate());
    let fingerprints = [&leaf].into_iter().chain(authorities).map(Certificate::fingerprint);
    Ok(fingerprints.map(|fingerprint| fingerprint.to_string().into()).collect())
}

/// Where the leaf's own time is not now, that is the reason.
fn untrusted(error: &ChainError, identity: &Identity, now: OffsetDateTime) -> Rejection {
    let validity = identity.validity();
    let reason = match error {
        ChainError::NotValid if now.unix_timestamp() > validity.not_after.unix_timestamp() => Reason::Expired,
        ChainError::NotValid if now.unix_timestamp() < validity.not_before.unix_timestamp() => {
            Reason::NotYetValid
        }
        ChainError::NotValid
        | ChainError::UnknownIssuer
        | ChainError::NobodyNamed { .. }
        | ChainError::AuthorityNotValid { .. }
        | ChainError::Authority { .. }
        | ChainError::CaAsLeaf
        | ChainError::LeafAsCa(_)
        | ChainError::NotACa
        | ChainError::NameConstraints
        | ChainError::CriticalExtension
        | ChainError::Signature
        | ChainError::PathLength
        | ChainError::TooLong { .. }
        | ChainError::Purpose { .. }
        | ChainError::Unreadable
        | ChainError::TooMuchWork => Reason::Untrusted,
    };
    Rejection::new(reason, error)
}
