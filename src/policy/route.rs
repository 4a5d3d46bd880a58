//! Routes: what each demands of the requests that it matches.

use std::sync::Arc;

use super::audit::Sampling;
use super::certificate_demands::CertificateDemands;
use super::decision::Mode;
use super::forward::Forward;
use super::matcher::Matcher;
use super::on_deny::OnDeny;
use super::request_match::RequestMatch;
use super::revocation::RevocationRules;
use super::share::Share;
use super::tls::TlsDemands;
use super::token::TokenDemands;
use super::trust::TrustRules;

/// One entry of a policy: the requests it matches and what it demands of them.
#[derive(Debug)]
pub struct Route {
    /// Among the routes of its policy; the table sets it.
    pub(super) position: usize,
    pub(super) name: String,
    pub(super) matches: RequestMatch,
    pub(super) client_certificate: ClientCertificate,
    pub(super) mode: Mode,
    /// For whom denials are enforced, where they are.
    pub(super) share: Share,
    pub(super) forward: Arc<Forward>,
    pub(super) on_deny: Arc<OnDeny>,
    pub(super) sampling: Sampling,
}

impl Route {
    /// Where it stands among the routes of its policy, from 0.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The name, unique in its policy: 1 to 64 letters, digits, `.`, `_` and `-`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the route's denials are enforced.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// For which clients the route's denials are enforced, where its mode is [`Mode::Enforce`].
    pub(crate) fn share(&self) -> Share {
        self.share
    }

    /// Whether denials of some clients are not enforced, or of all.
    pub(crate) fn shadows_somebody(&self) -> bool {
        match self.client_certificate {
            // Nobody is verified there.
            ClientCertificate::Ignored | ClientCertificate::Unverified(_) => self.mode == Mode::Shadow,
            ClientCertificate::Optional(_) | ClientCertificate::Required(_) => {
                self.mode == Mode::Shadow || self.share.part().is_some()
            }
        }
    }

    /// What the route tells the upstream of a client who may pass.
    pub fn forward(&self) -> &Forward {
        &self.forward
    }

    /// How the route answers a denied request.
    pub fn on_deny(&self) -> &OnDeny {
        &self.on_deny
    }

    /// Of which of the route's decisions there are audit records.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// What the route asks of the client's certificate.
    pub(crate) fn client_certificate(&self) -> &ClientCertificate {
        &self.client_certificate
    }

    /// What the route demands of certificates beside the names in them; `None` where it does not look at any.
    pub(super) fn certificate_demands(&self) -> Option<&CertificateDemands> {
        self.client_certificate.rules().map(|rules| &*rules.certificate)
    }

    /// Whom the route trusts to certify its clients; `None` where that is Envoy's business, or nobody's.
    pub fn trust(&self) -> Option<&TrustRules> {
        self.client_certificate.rules().and_then(|rules| rules.trust.as_deref())
    }

    /// Whether the route names hosts by name, so that every honest TLS client sends a server name.
    pub(crate) fn names_hosts(&self) -> bool {
        self.matches.hosts.iter().any(|host| !host.is_ip_literal())
    }
}

/// What a route asks of the client's certificate.
#[derive(Debug)]
pub(crate) enum ClientCertificate {
    /// It is not looked at.
    Ignored,
    /// A client may come without one; one that is presented must be good.
    Optional(CertificateRules),
    /// A client must present one, which nobody verifies: it is known by its digest alone.
    Unverified(CertificateRules),
    /// A client must present a good one.
    Required(CertificateRules),
}

impl ClientCertificate {
    /// The demand as policies write it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Optional(_) => "optional",
            Self::Unverified(_) => "unverified",
            Self::Required(_) => "required",
        }
    }

    /// What must hold of a certificate; `None` where it is not looked at.
    pub(crate) fn rules(&self) -> Option<&CertificateRules> {
        match self {
            Self::Ignored => None,
            Self::Optional(rules) | Self::Unverified(rules) | Self::Required(rules) => Some(rules),
        }
    }
}

/// What must hold of a certificate that is presented.
#[derive(Debug)]
pub(crate) struct CertificateRules {
    /// Who vouches for it; `None` where Envoy does, or nobody.
    pub(crate) trust: Option<Arc<TrustRules>>,
    pub(crate) tls: Arc<TlsDemands>,
    pub(crate) certificate: Arc<CertificateDemands>,
    /// Looked at first.
    pub(crate) deny: Option<Matcher>,
    pub(crate) allow: Allow,
    /// Whether the certificate was revoked; `None` where the route does not want to know.
    pub(crate) revocation: Option<Arc<RevocationRules>>,
    /// Of anonymous clients too.
    pub(crate) token: Option<TokenDemands>,
}

/// Whom a route lets in.
#[derive(Debug)]
pub(crate) enum Allow {
    /// The holder of any verified certificate.
    AnyVerified,
    /// The holder of a certificate that matches.
    Matching(Matcher),
}
