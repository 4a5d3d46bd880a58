//! Which denials count, and what becomes of those who were denied too often.

use time::OffsetDateTime;

use super::{Found, Octets};
use crate::cert::Fingerprint;
use crate::facts::Facts;
use crate::identity::Known;
use crate::policy::{Denial, Mode, Reason, Throttling, Verification, address};
use crate::throttle::{Failing, Grounds, Peer, Refusal, Throttle};

/// The count that is kept of a policy's clients, at one time.
pub(super) struct Throttled<'a> {
    rules: Throttling,
    throttle: &'a dyn Throttle,
    now: OffsetDateTime,
}

/// Whose denials count; nobody's, where the proxy does not tell an address.
pub(super) fn client(digest: Option<Fingerprint>, facts: &impl Facts) -> Option<Peer> {
    match digest {
        Some(digest) => Some(Peer::Certificate(digest)),
        None => address(&facts.source_address().ok()??).map(Peer::Address),
    }
}

impl<'a> Throttled<'a> {
    /// Nothing is counted where the policy does not want it, or there is no time to count by.
    pub(super) fn new(
        rules: Option<Throttling>,
        throttle: Option<&'a dyn Throttle>,
        now: Option<OffsetDateTime>,
    ) -> Option<Self> {
        Some(Self { rules: rules?, throttle: throttle?, now: now? })
    }

    /// Refuses a client who would only be denied again. `known` is what is at hand of its certificate, for the record.
    ///
    /// # Errors
    /// `throttled`.
    pub(super) fn refuse(
        &self,
        found: &mut Found,
        known: impl FnOnce() -> Option<Known>,
    ) -> Result<(), Denial> {
        let Some(failing) = failing(found) else { return Ok(()) };
        let Some(refusal) = self.throttle.refuses(failing, self.now) else { return Ok(()) };
        found.identity = known().map(|known| known.identity);
        Err(self.denial(failing, refusal, None))
    }

    /// Counts a denial that counts; answers the same, or where there were too many before it that the client is to wait.
    pub(super) fn count(&self, denial: Denial, found: &Found, verification: Verification) -> Denial {
        let (Some(failing), Some(grounds)) = (failing(found), grounds(denial.reason(), found, verification))
        else {
            return denial;
        };
        match self.throttle.count(failing, grounds, self.now) {
            Some(refusal) => self.denial(failing, refusal, Some(&denial)),
            None => denial,
        }
    }

    fn denial(
        &self,
        Failing { client, .. }: Failing,
        refusal: Refusal,
        as_judged: Option<&Denial>,
    ) -> Denial {
        let who = match client {
            Peer::Certificate(digest) => format!("the certificate `{digest}`"),
            // Which, says the record's source, where the policy wants it told.
            Peer::Address(_) => "who has no certificate at this address".to_owned(),
        };
        let (denials, window) = (self.rules.denials(), self.rules.window().as_secs());
        let now = match as_judged {
            Some(denial) => format!(", and now as `{}`: {}", denial.reason(), denial.detail()),
            None => String::new(),
        };
        let detail = format_args!("{who} was denied {denials} times on this route within {window} s{now}");
        Denial::throttled(refusal.seconds, detail)
    }
}

/// Whose denial it would be; nobody's whom the route does not refuse, for all or for this client.
fn failing(found: &Found) -> Option<Failing> {
    match found.mode {
        Mode::Enforce => {}
        Mode::Shadow => return None,
    }
    let route = u32::try_from(found.route.as_ref()?.position()).ok()?;
    Some(Failing { client: found.client?, route })
}

/// What a denial for `reason` says of the client's next request on the same route; `None` where it says nothing of the client, and
/// is not counted.
///
/// [`Grounds::Certain`] is for what follows from the octets of the certificate, or from there being none, and from the route alone:
/// no header, no other connection, no list and no clock makes a permit of it. Every way to a permit leads through the check
/// that gave the denial.
fn grounds(reason: Reason, found: &Found, verification: Verification) -> Option<Grounds> {
    match reason {
        // The route demands a certificate, and requests with one are other clients'.
        Reason::NoCertificate
        // Use, key, signature, names and lifetime stand in the certificate.
        | Reason::WrongKeyUsage
        | Reason::WeakCertificate
        | Reason::WildcardName
        | Reason::LifetimeTooLong
        // The matchers see the certificate and nothing else.
        | Reason::IdentityDenied
        | Reason::IdentityNotAllowed => Some(Grounds::Certain),
        // The very octets cannot be read; or the form in which they came, which may be another the next time.
        Reason::MalformedCertificate => Some(match (found.octets, &found.identity) {
            (Octets::Bound, None) => Grounds::Certain,
            (Octets::Unknown, _) | (Octets::Bound, Some(_)) => Grounds::AsJudged,
        }),
        // The clock may be set back.
        Reason::Expired
        // A list or a response may take it back.
        | Reason::Revoked => Some(Grounds::AsJudged),
        Reason::Untrusted => match verification {
            // By what is presented beside it on another connection it may be trusted.
            Verification::Plugin => Some(Grounds::AsJudged),
            // Of the connection: a good client whose session was resumed is told the same.
            Verification::Envoy(_) => None,
        },
        // It may be valid within the window.
        Reason::NotYetValid
        // Of the request: its target, its headers, its token.
        | Reason::NoRoute
        | Reason::AmbiguousPath
        | Reason::InvalidRequest
        | Reason::ForwardedCertificateMismatch
        | Reason::TokenMissing
        | Reason::TokenMismatch
        | Reason::TokenNotBound
        // Of the connection.
        | Reason::SniMismatch
        | Reason::TlsVersion
        | Reason::Cipher
        // Of the proxy: what is missing is not the client's fault.
        | Reason::RevocationUnknown
        | Reason::TimeUnavailable
        | Reason::InternalError
        | Reason::AuditUnavailable
        // A refusal that counted would never end.
        | Reason::Throttled => None,
    }
}
