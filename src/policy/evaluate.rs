//! Whether a client may use a route that was found.

use std::rc::Rc;

use time::OffsetDateTime;

use super::Resumption;
use super::decided_by::DecidedBy;
use super::decision::{Client, Denial, Permit, Reason};
use super::matcher::{Matcher, Place};
use super::route::{Allow, CertificateRules};
use super::trace::{Finding, Stage, Step, Trace};
use crate::identity::{Identity, Truth, Validity};
use crate::trust::chain::Chain;

/// The most named identities that a denial tells, of a rule that may name 100,000.
const MAX_NAMES: usize = 16;

/// Lets a client pass whose certificate the route does not look at, or who may come without one.
pub(crate) fn permit_anonymous() -> Permit {
    Permit::new(Client::Anonymous, None)
}

/// The identity in a certificate that was verified, or on a route that asks for none need not be: proof for [`admit`].
#[derive(Debug)]
pub(crate) struct Vetted {
    identity: Rc<Identity>,
    client: Client,
}

impl Vetted {
    /// The identity.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether anybody verified it.
    pub(crate) fn client(&self) -> Client {
        self.client
    }

    /// Of a certificate whose chain was verified here.
    ///
    /// # Errors
    /// `internal_error`, where the chain is another certificate's.
    pub(crate) fn by_chain(identity: Rc<Identity>, chain: &Chain) -> Result<Self, Denial> {
        if chain.leaf() == identity.fingerprint() {
            return Ok(Self { identity, client: Client::Verified });
        }
        Err(Denial::new(Reason::InternalError, "the chain is that of another certificate"))
    }

    /// Of a certificate of a test, whose chain is taken for granted.
    pub(crate) fn assumed(identity: Rc<Identity>) -> Self {
        Self { identity, client: Client::Verified }
    }

    /// Of a certificate on a route that asks for nobody's word: its rules name digests and nothing else.
    pub(crate) fn unverified(identity: Rc<Identity>) -> Self {
        Self { identity, client: Client::Unverified }
    }

    /// Takes Envoy's word; `envoy_verified` says whether Envoy verified the certificate in this very handshake, as far as it
    /// can tell, and is asked only if that matters.
    ///
    /// # Errors
    /// `untrusted`, where the certificate was not verified or nobody can tell.
    pub(crate) fn by_envoy(
        resumption: Resumption,
        identity: Rc<Identity>,
        envoy_verified: impl FnOnce() -> Result<Option<bool>, Denial>,
    ) -> Result<Self, Denial> {
        let untrusted = |detail| Err(Denial::new(Reason::Untrusted, detail));
        let verified = Self { identity, client: Client::Verified };
        match resumption {
            // The operator vouches for the listener, resumed sessions included.
            Resumption::Trusted => Ok(verified),
            Resumption::Disabled => match envoy_verified()? {
                Some(true) => Ok(verified),
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

/// Holds a certificate against what the route demands of certificates.
///
/// # Errors
/// The denial, where the certificate's time is not now or a demand on it is not met.
pub(crate) fn examine(
    rules: &CertificateRules,
    identity: &Identity,
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

/// Judges the holder of a certificate by name.
///
/// # Errors
/// The denial, where `deny` holds or `allow` does not.
pub(crate) fn admit(
    rules: &CertificateRules,
    Vetted { identity, client }: &Vetted,
    trace: &mut impl Trace,
) -> Result<Permit, Denial> {
    if let Some(deny) = &rules.deny {
        // What cannot be told is a hit: a malformed name must not get around a `deny`.
        match deny.evaluate(identity, Place { stage: Stage::Deny, depth: 0 }, trace) {
            Truth::Yes => {
                return Err(denial(Reason::IdentityDenied, "`deny` matches", deny).by(DecidedBy::Deny));
            }
            Truth::CannotTell => {
                return Err(denial(Reason::IdentityDenied, "`deny` cannot be told", deny).by(DecidedBy::Deny));
            }
            Truth::No => {}
        }
    }
    match &rules.allow {
        Allow::AnyVerified => {
            trace.note(|| Step::new(Stage::Allow, Finding::Yes, "any verified client"));
            Ok(Permit::new(*client, Some(DecidedBy::AnyVerified)))
        }
        Allow::Matching(allow) => {
            let refused = |what| Err(denial(Reason::IdentityNotAllowed, what, allow).by(DecidedBy::Allow));
            match allow.evaluate(identity, Place { stage: Stage::Allow, depth: 0 }, trace) {
                Truth::Yes => Ok(Permit::new(*client, Some(DecidedBy::Allow))),
                Truth::No => refused("`allow` does not match"),
                Truth::CannotTell => refused("`allow` cannot be told"),
            }
        }
    }
}

/// Holds the time of a certificate against the clock.
///
/// # Errors
/// `expired` and `not_yet_valid`.
pub(crate) fn check_validity(
    validity: Validity,
    now: OffsetDateTime,
    trace: &mut impl Trace,
) -> Result<(), Denial> {
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

/// A denial that says which named identities the rule asked for, the first ones of a long list.
fn denial(reason: Reason, what: &str, matcher: &Matcher) -> Denial {
    let names = matcher.first_identity_names(MAX_NAMES + 1);
    match names.split_at_checked(MAX_NAMES) {
        None if names.is_empty() => Denial::new(reason, what),
        Some((told, [_, ..])) => {
            Denial::new(reason, format_args!("{what} (identities: {}, …)", told.join(", ")))
        }
        Some((_, [])) | None => {
            Denial::new(reason, format_args!("{what} (identities: {})", names.join(", ")))
        }
    }
}
