//! What was decided, and why.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use time::OffsetDateTime;

use super::decided_by::DecidedBy;
use super::route::Route;
use crate::cert::Certificate;
use crate::identity::Identity;
use crate::revocation::Judgement;
use crate::trust::chain::Chain;

/// Whether denials of a route are enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// A denied request is answered by the filter.
    #[default]
    Enforce,
    /// A denied request passes; the denial is recorded all the same.
    Shadow,
}

impl Mode {
    /// The mode as policies and records write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Shadow => "shadow",
        }
    }
}

/// Why a request was denied. The codes are stable: alerts and dashboards are built on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// No route matches the request.
    NoRoute,
    /// The path, or a header that a route names, can be read in ways that select different routes.
    AmbiguousPath,
    /// Method, host or path are none.
    InvalidRequest,
    /// The route requires a certificate and the client presented none.
    NoCertificate,
    /// The certificate, or the form in which it was forwarded, cannot be read.
    MalformedCertificate,
    /// The forwarded certificate is not the connection's.
    ForwardedCertificateMismatch,
    /// The certificate was presented, but not verified.
    Untrusted,
    /// The certificate's time is over.
    Expired,
    /// The certificate's time has not begun.
    NotYetValid,
    /// The certificate's key, signature or names are weaker than the route accepts.
    WeakCertificate,
    /// The certificate holds a wildcard name, and the route accepts none.
    WildcardName,
    /// The certificate is valid for longer than the route accepts.
    LifetimeTooLong,
    /// The certificate is not meant for TLS clients, or not for what the route demands.
    WrongKeyUsage,
    /// The certificate was revoked.
    Revoked,
    /// Whether the certificate was revoked cannot be told, and the route wants to know.
    RevocationUnknown,
    /// A `deny` matcher holds, or cannot tell.
    IdentityDenied,
    /// No `allow` matcher holds.
    IdentityNotAllowed,
    /// The request brings no token that was verified, or the token lacks a claim.
    TokenMissing,
    /// A claim of the token is not what the route demands.
    TokenMismatch,
    /// The token is not bound to the client's certificate.
    TokenNotBound,
    /// The connection's version of TLS is older than the route accepts.
    TlsVersion,
    /// The connection's cipher suite is not one that the route accepts.
    Cipher,
    /// The server name of the TLS handshake is not one that the request's host may come with.
    SniMismatch,
    /// The client was denied so often on the route that it is not judged again before some time has passed.
    Throttled,
    /// The clock could not be read.
    TimeUnavailable,
    /// The proxy did not answer a question that a decision needs.
    InternalError,
    /// There is no room for the audit record, and the policy wants no request to pass without.
    AuditUnavailable,
}

impl Reason {
    /// Every reason, in the order in which a request meets them.
    pub const ALL: [Self; 27] = [
        Self::InvalidRequest,
        Self::NoRoute,
        Self::AmbiguousPath,
        Self::SniMismatch,
        Self::TlsVersion,
        Self::Cipher,
        Self::Throttled,
        Self::NoCertificate,
        Self::MalformedCertificate,
        Self::ForwardedCertificateMismatch,
        Self::Untrusted,
        Self::Expired,
        Self::NotYetValid,
        Self::WrongKeyUsage,
        Self::WeakCertificate,
        Self::WildcardName,
        Self::LifetimeTooLong,
        Self::Revoked,
        Self::IdentityDenied,
        Self::IdentityNotAllowed,
        Self::TokenMissing,
        Self::TokenMismatch,
        Self::TokenNotBound,
        Self::RevocationUnknown,
        Self::TimeUnavailable,
        Self::InternalError,
        Self::AuditUnavailable,
    ];

    /// The reason of that code, if there is one.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The code in records, filter state and counters.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoRoute => "no_route",
            Self::AmbiguousPath => "ambiguous_path",
            Self::InvalidRequest => "invalid_request",
            Self::NoCertificate => "no_certificate",
            Self::MalformedCertificate => "malformed_certificate",
            Self::ForwardedCertificateMismatch => "forwarded_certificate_mismatch",
            Self::Untrusted => "untrusted",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::WeakCertificate => "weak_certificate",
            Self::WildcardName => "wildcard_name",
            Self::LifetimeTooLong => "lifetime_too_long",
            Self::WrongKeyUsage => "wrong_key_usage",
            Self::Revoked => "revoked",
            Self::RevocationUnknown => "revocation_unknown",
            Self::IdentityDenied => "identity_denied",
            Self::IdentityNotAllowed => "identity_not_allowed",
            Self::TokenMissing => "token_missing",
            Self::TokenMismatch => "token_mismatch",
            Self::TokenNotBound => "token_not_bound",
            Self::TlsVersion => "tls_version",
            Self::Cipher => "cipher",
            Self::SniMismatch => "sni_mismatch",
            Self::Throttled => "throttled",
            Self::TimeUnavailable => "time_unavailable",
            Self::InternalError => "internal_error",
            Self::AuditUnavailable => "audit_unavailable",
        }
    }

    /// Whether the denial is enforced on shadowed routes too: these reasons belong to no route's rules.
    pub fn is_always_enforced(self) -> bool {
        match self {
            Self::NoRoute
            | Self::InvalidRequest
            | Self::TimeUnavailable
            | Self::InternalError
            | Self::AuditUnavailable => true,
            Self::AmbiguousPath
            | Self::NoCertificate
            | Self::MalformedCertificate
            | Self::ForwardedCertificateMismatch
            | Self::Untrusted
            | Self::Expired
            | Self::NotYetValid
            | Self::WeakCertificate
            | Self::WildcardName
            | Self::LifetimeTooLong
            | Self::WrongKeyUsage
            | Self::Revoked
            | Self::RevocationUnknown
            | Self::IdentityDenied
            | Self::IdentityNotAllowed
            | Self::TokenMissing
            | Self::TokenMismatch
            | Self::TokenNotBound
            | Self::TlsVersion
            | Self::Cipher
            | Self::SniMismatch
            | Self::Throttled => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A request may pass. Only the evaluator can make one.
#[derive(Debug)]
pub struct Permit {
    client: Client,
    decided_by: Option<DecidedBy>,
}

/// What a permit knows of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// It holds the key of a certificate that was verified.
    Verified,
    /// It holds the key of a certificate that nobody verified, and that the route knows by its digest.
    Unverified,
    /// It presented no certificate, or the route does not look at it.
    Anonymous,
}

impl Client {
    /// The word for it in records and tests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unverified => "unverified",
            Self::Anonymous => "anonymous",
        }
    }
}

impl Permit {
    pub(super) fn new(client: Client, decided_by: Option<DecidedBy>) -> Self {
        Self { client, decided_by }
    }

    pub(super) fn decided_by(&self) -> Option<DecidedBy> {
        self.decided_by
    }

    /// What is known of the client.
    pub fn client(&self) -> Client {
        self.client
    }
}

/// A request may not pass.
#[derive(Debug)]
pub struct Denial {
    reason: Reason,
    detail: String,
    decided_by: Option<DecidedBy>,
    retry_after: Option<u32>,
}

impl Denial {
    pub(crate) fn new(reason: Reason, detail: impl fmt::Display) -> Self {
        Self { reason, detail: detail.to_string(), decided_by: None, retry_after: None }
    }

    /// The same by a rule of the route.
    pub(super) fn by(self, rule: DecidedBy) -> Self {
        Self { decided_by: Some(rule), ..self }
    }

    pub(super) fn decided_by(&self) -> Option<DecidedBy> {
        self.decided_by
    }

    /// Of a client that is to try again after so many seconds.
    pub(crate) fn throttled(seconds: u32, detail: impl fmt::Display) -> Self {
        Self { retry_after: Some(seconds), ..Self::new(Reason::Throttled, detail) }
    }

    /// The stable code.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What led to it, for people; may hold text of the client, so it is for records and never for replies.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// After how many seconds the client may try again; `None` where no time is known.
    pub fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }
}

/// Who verified the certificate that a client presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verifier {
    /// Envoy, in the TLS handshake.
    Envoy,
    /// The filter.
    Plugin,
    /// Nobody: it is not trusted, or the request was denied before anybody looked, or the route asks for nobody's word.
    Nobody,
}

impl Verifier {
    /// The word for it in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Envoy => "envoy",
            Self::Plugin => "plugin",
            Self::Nobody => "none",
        }
    }
}

/// What one request came to.
#[derive(Debug)]
pub struct Decision {
    verdict: Result<Permit, Denial>,
    route: Option<Arc<Route>>,
    mode: Mode,
    identity: Option<Rc<Identity>>,
    certificate: Option<Rc<Certificate>>,
    revocation: Option<Rc<Judgement>>,
    chain: Option<Rc<Chain>>,
    chain_until: Option<OffsetDateTime>,
    verifier: Option<Verifier>,
    bundle: Option<usize>,
}

impl Decision {
    pub(crate) fn new(
        verdict: Result<Permit, Denial>,
        route: Option<Arc<Route>>,
        mode: Mode,
        identity: Option<Rc<Identity>>,
    ) -> Self {
        let mode = match &verdict {
            Err(denial) if denial.reason().is_always_enforced() => Mode::Enforce,
            Ok(_) | Err(_) => mode,
        };
        Self {
            verdict,
            route,
            mode,
            identity,
            certificate: None,
            revocation: None,
            chain: None,
            chain_until: None,
            verifier: None,
            bundle: None,
        }
    }

    /// The same with the certificate that `identity` was read from, which some route may forward.
    pub(crate) fn with_certificate(self, certificate: Option<Rc<Certificate>>) -> Self {
        Self { certificate, ..self }
    }

    /// The same with what was found out about the certificate's revocation.
    pub(crate) fn with_revocation(self, revocation: Option<Rc<Judgement>>) -> Self {
        Self { revocation, ..self }
    }

    /// The same with the chain that the filter verified, and how long it holds.
    pub(crate) fn with_chain(self, chain: Option<(Rc<Chain>, Option<OffsetDateTime>)>) -> Self {
        let (chain, until) = chain.unzip();
        Self { chain, chain_until: until.flatten(), ..self }
    }

    /// The same with who verified the certificate, and the position in the policy of the trust bundle that vouches for it.
    pub(crate) fn with_verifier(self, verifier: Option<Verifier>, bundle: Option<usize>) -> Self {
        Self { verifier, bundle, ..self }
    }

    /// The permit, or the denial whatever its mode.
    pub fn verdict(&self) -> Result<&Permit, &Denial> {
        self.verdict.as_ref()
    }

    /// The denial that the filter answers with; `None` if the request passes.
    pub fn enforced_denial(&self) -> Option<&Denial> {
        match (&self.verdict, self.mode) {
            (Err(denial), Mode::Enforce) => Some(denial),
            (Err(_), Mode::Shadow) | (Ok(_), _) => None,
        }
    }

    /// The route that the request selects, if it selects one.
    pub fn route(&self) -> Option<&Route> {
        self.route.as_deref()
    }

    /// Whether a denial is enforced.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The identity in the client's certificate, as far as one was read; it proves nothing without a [`Permit`].
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_deref()
    }

    /// The certificate of that identity, where the policy forwards certificates; it proves as little.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_deref()
    }

    /// What was found out about the certificate's revocation, where the route wants to know.
    pub fn revocation(&self) -> Option<&Judgement> {
        self.revocation.as_deref()
    }

    /// The chain by which the filter trusts the certificate; `None` where Envoy verified it, or nobody could.
    pub fn chain(&self) -> Option<&Chain> {
        self.chain.as_deref()
    }

    /// Who verified the certificate; `None` where none was read.
    pub fn verifier(&self) -> Option<Verifier> {
        self.verifier
    }

    /// The position in the policy of the trust bundle that vouches for the certificate, where the filter verified it.
    pub fn bundle(&self) -> Option<usize> {
        self.bundle
    }

    /// When the decision has to be made anew for a request that is still open: the end of a certificate in the chain, or where the route
    /// demands that it be valid for some time yet so long before; or the end of what is known of its revocation. `None` where
    /// it holds for as long as the policy does.
    pub fn until(&self) -> Option<OffsetDateTime> {
        let Ok(permit) = &self.verdict else { return None };
        match permit.client() {
            Client::Anonymous => None,
            Client::Verified | Client::Unverified => {
                let end = self.identity.as_ref().map(|identity| identity.validity().not_after);
                let demands = self.route.as_deref().and_then(Route::certificate_demands);
                let end = end.map(|end| demands.map_or(end, |demands| demands.last_moment(end)));
                let judged = self.revocation.as_ref().and_then(|judgement| judgement.until);
                end.into_iter().chain(judged).chain(self.chain_until).min()
            }
        }
    }

    /// The same with a denial that came up while the decision was carried out.
    pub fn overruled(self, denial: Denial) -> Self {
        let decision = Self::new(Err(denial), self.route, self.mode, self.identity);
        let decision = decision.with_revocation(self.revocation).with_verifier(self.verifier, self.bundle);
        Self { chain: self.chain, ..decision }
    }
}

/// Names one decision in the reply and the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionId {
    /// A random number of the VM that decided.
    pub vm: u64,
    /// Counts the decisions of that VM.
    pub sequence: u64,
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:x}", self.vm, self.sequence)
    }
}
