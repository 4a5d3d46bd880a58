//! Whether a client may use a route that was found.

use std::rc::Rc;

use time::OffsetDateTime;

use super::decision::{Client, Denial, Permit, Reason};
use super::matcher::{Matcher, Place};
use super::route::{Allow, CertificateRules};
use super::trace::{Finding, Stage, Step, Trace};
use super::{Resumption, Verification};
use crate::identity::{Identity, Truth, Validity};

/// Lets a client pass whose certificate the route does not look at, or who may come without one.
pub(crate) fn permit_anonymous() -> Permit {
    Permit::new(Client::Anonymous)
}

/// The identity in a certificate that was verified: proof for [`examine`] and [`admit`].
#[derive(Debug)]
pub(crate) struct Verified(Rc<Identity>);

impl Verified {
    /// Takes the word of whom the policy names; `envoy_verified` says whether Envoy verified the certificate in this
    /// very handshake, as far as it can tell, and is asked only if that matters.
    ///
    /// # Errors
    /// `untrusted`, where the certificate was not verified or nobody can tell.
    pub(crate) fn check(
        by: Verification,
        identity: Rc<Identity>,
        envoy_verified: impl FnOnce() -> Result<Option<bool>, Denial>,
    ) -> Result<Self, Denial> {
        let untrusted = |detail| Err(Denial::new(Reason::Untrusted, detail));
        match by {
            // The operator vouches for the listener, resumed sessions included.
            Verification::Envoy(Resumption::Trusted) => Ok(Self(identity)),
            Verification::Envoy(Resumption::Disabled) => match envoy_verified()? {
                Some(true) => Ok(Self(identity)),
                Some(false) => untrusted(
                    "Envoy did not verify the certificate in this handshake: it is not trusted, or the TLS \
                     session was resumed",
                ),
                None => untrusted(
                    "this Envoy has no attribute `connection.peer_certificate_valid`; the policy must say \
                     `\"resumption\": \"trusted\"`",
                ),
            },
        }
    }
}

/// Holds a verified certificate against what the route demands of certificates.
///
/// # Errors
/// The denial, where the certificate's time is not now or a demand on it is not met.
pub(crate) fn examine(
    rules: &CertificateRules,
    Verified(identity): &Verified,
    now: OffsetDateTime,
    trace: &mut impl Trace,
) -> Result<(), Denial> {
    trace.note(|| {
        let subject = format!("certificate {}, subject `{}`", identity.fingerprint(), identity.subject());
        Step::new(Stage::Certificate, Finding::Yes, subject)
    });
    check_validity(identity.validity(), now, trace)?;
    rules.certificate.judge(identity, now, trace)
}

/// Judges the holder of a verified certificate by name.
///
/// # Errors
/// The denial, where `deny` holds or `allow` does not.
pub(crate) fn admit(
    rules: &CertificateRules,
    Verified(identity): &Verified,
    trace: &mut impl Trace,
) -> Result<Permit, Denial> {
    if let Some(deny) = &rules.deny {
        // What cannot be told is a hit: a malformed name must not get around a `deny`.
        match deny.evaluate(identity, Place { stage: Stage::Deny, depth: 0 }, trace) {
            Truth::Yes => return Err(denial(Reason::IdentityDenied, "`deny` matches", deny)),
            Truth::CannotTell => return Err(denial(Reason::IdentityDenied, "`deny` cannot be told", deny)),
            Truth::No => {}
        }
    }
    match &rules.allow {
        Allow::AnyVerified => {
            trace.note(|| Step::new(Stage::Allow, Finding::Yes, "any verified client"));
            Ok(Permit::new(Client::Verified))
        }
        Allow::Matching(allow) => {
            match allow.evaluate(identity, Place { stage: Stage::Allow, depth: 0 }, trace) {
                Truth::Yes => Ok(Permit::new(Client::Verified)),
                Truth::No => Err(denial(Reason::IdentityNotAllowed, "`allow` does not match", allow)),
                Truth::CannotTell => Err(denial(Reason::IdentityNotAllowed, "`allow` cannot be told", allow)),
            }
        }
    }
}

fn check_validity(validity: Validity, now: OffsetDateTime, trace: &mut impl Trace) -> Result<(), Denial> {
    // RFC 5280, section 4.1.2.5: both ends belong to the period, which is given in whole seconds.
    if now.unix_timestamp() > validity.not_after.unix_timestamp() {
        return Err(Denial::new(Reason::Expired, format_args!("valid {validity}")));
    }
    if now.unix_timestamp() < validity.not_before.unix_timestamp() {
        return Err(Denial::new(Reason::NotYetValid, format_args!("valid {validity}")));
    }
    trace.note(|| Step::new(Stage::Validity, Finding::Yes, format!("valid {validity}")));
    Ok(())
}

/// A denial that says which named identities the rule asked for.
fn denial(reason: Reason, what: &str, matcher: &Matcher) -> Denial {
    match matcher.identity_names().as_slice() {
        [] => Denial::new(reason, what),
        names => Denial::new(reason, format_args!("{what} (identities: {})", names.join(", "))),
    }
}
