//! Whether a client may use a route that was found.

use time::OffsetDateTime;

use super::decision::{Client, Denial, Permit, Reason};
use super::matcher::Matcher;
use super::route::{Allow, CertificateRules};
use crate::identity::{Identity, Truth};

/// Lets a client pass whose certificate the route does not look at, or who may come without one.
pub(crate) fn permit_anonymous() -> Permit {
    Permit::new(Client::Anonymous)
}

/// Judges the holder of a verified certificate.
///
/// # Errors
/// The denial, where the certificate's time is not now, `deny` holds or `allow` does not.
pub(crate) fn judge(
    rules: &CertificateRules,
    identity: &Identity,
    now: OffsetDateTime,
) -> Result<Permit, Denial> {
    let validity = identity.validity();
    // RFC 5280, section 4.1.2.5: both ends belong to the period, which is given in whole seconds.
    if now.unix_timestamp() > validity.not_after.unix_timestamp() {
        return Err(Denial::new(Reason::Expired, format_args!("not valid after {}", validity.not_after)));
    }
    if now.unix_timestamp() < validity.not_before.unix_timestamp() {
        return Err(Denial::new(
            Reason::NotYetValid,
            format_args!("not valid before {}", validity.not_before),
        ));
    }
    if let Some(deny) = &rules.deny {
        // What cannot be told is a hit: a malformed name must not get around a `deny`.
        match deny.matches(identity) {
            Truth::Yes => return Err(denial(Reason::IdentityDenied, "`deny` matches", deny)),
            Truth::CannotTell => return Err(denial(Reason::IdentityDenied, "`deny` cannot be told", deny)),
            Truth::No => {}
        }
    }
    match &rules.allow {
        Allow::AnyVerified => Ok(Permit::new(Client::Verified)),
        Allow::Matching(allow) => match allow.matches(identity) {
            Truth::Yes => Ok(Permit::new(Client::Verified)),
            Truth::No => Err(denial(Reason::IdentityNotAllowed, "`allow` does not match", allow)),
            Truth::CannotTell => Err(denial(Reason::IdentityNotAllowed, "`allow` cannot be told", allow)),
        },
    }
}

/// A denial that says which named identities the rule asked for.
fn denial(reason: Reason, what: &str, matcher: &Matcher) -> Denial {
    match matcher.identity_names().as_slice() {
        [] => Denial::new(reason, what),
        names => Denial::new(reason, format_args!("{what} (identities: {})", names.join(", "))),
    }
}
