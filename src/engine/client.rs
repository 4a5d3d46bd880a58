//! Who the client is: reads the certificate that it presented, has it verified by whom the policy names, and finds out whether denials are
//! enforced for its holder.

use std::rc::Rc;

use time::OffsetDateTime;

use super::chains::Vouched;
use super::{Engine, Found};
use crate::cert::forwarded::{self, ForwardedError};
use crate::cert::{Certificate, Fingerprint};
use crate::facts::Facts;
use crate::identity::{Identity, Known};
use crate::policy::evaluate::{self, Vetted};
use crate::policy::trace::{self, Finding, Stage, Trace, Untraced};
use crate::policy::{
    Client, ClientCertificate, Denial, LeafSource, Mode, Reason, Route, TrustBundle, Verification, Verifier,
};
use crate::request::{Headers, XFCC};
use crate::revocation::Evidence;

impl Engine {
    /// The certificate that the client presented, which nobody has verified yet; `None` if it presented none.
    pub(super) fn presented(
        &self,
        facts: &impl Facts,
        headers: &Headers,
        digest: Option<Fingerprint>,
        found: &mut Found,
    ) -> Result<Option<Presented>, Denial> {
        let Some(digest) = digest else { return Ok(None) };
        let known = self.known(digest);
        self.identity_use.count(known.is_some());
        if let Some(Known { identity, certificate }) = known {
            found.identity = Some(Rc::clone(&identity));
            found.certificate = certificate;
            return Ok(Some(Presented { identity, unknown_bytes: None }));
        }
        let (certificate, origin) = self.leaf(facts, headers, digest)?;
        found.octets = Octets::Bound;
        let identity =
            Identity::of(&certificate).map_err(|error| Denial::new(Reason::MalformedCertificate, error))?;
        let identity = Rc::new(identity);
        let unknown_bytes = match origin {
            Origin::Connection => Some(certificate.der().len()),
            // A header is checked on every request that brings it.
            Origin::Header => None,
        };
        found.identity = Some(Rc::clone(&identity));
        found.certificate = self.keeps_certificates.then(|| Rc::new(certificate));
        let presented = Presented { identity, unknown_bytes };
        // Here anybody gets as far as this, as often as it likes, and reading a large certificate takes milliseconds.
        if self.policy.verification() == Verification::Plugin {
            self.keep(&presented, found);
        }
        Ok(Some(presented))
    }

    pub(super) fn known(&self, digest: Fingerprint) -> Option<Known> {
        self.identities.borrow_mut().get(digest)
    }

    /// Lets whom the policy names verify the certificate.
    #[expect(clippy::too_many_arguments, reason = "the facts of one request, the route and the time")]
    pub(super) fn vet(
        &self,
        presented: Presented,
        demand: &ClientCertificate,
        facts: &impl Facts,
        evidence: &impl Evidence,
        headers: &Headers,
        now: OffsetDateTime,
        found: &mut Found,
        trace: &mut impl Trace,
    ) -> Result<Vetted, Denial> {
        found.verifier = Some(Verifier::Nobody);
        let identity = &presented.identity;
        let trust = demand.rules().and_then(|rules| rules.trust.as_deref());
        let vetted = match (demand, self.policy.verification(), trust) {
            (ClientCertificate::Unverified(_), _, _) => Vetted::unverified(Rc::clone(identity)),
            (_, Verification::Envoy(resumption), _) => {
                let envoy_verified = || facts.certificate_valid().map_err(Denial::from);
                Vetted::by_envoy(resumption, Rc::clone(identity), envoy_verified)?
            }
            (_, Verification::Plugin, Some(rules)) => {
                // Of a certificate whose time is over that is to be said, and it is no work.
                evaluate::check_validity(identity.validity(), now, &mut Untraced)?;
                let bundles = self.policy.trust_bundles();
                if let Some(assumed) = evidence.assumed_bundles() {
                    let named = rules.bundles().iter().filter_map(|at| bundles.get(*at));
                    if !named.map(TrustBundle::name).any(|name| assumed.contain(name)) {
                        let detail = "the test says that no trust bundle vouches for it";
                        return Err(Denial::new(Reason::Untrusted, detail));
                    }
                    found.verifier = Some(Verifier::Plugin);
                    return Ok(Vetted::assumed(Rc::clone(identity)));
                }
                let leaf = found.certificate.as_deref().ok_or_else(without_trust)?;
                let (vouched, span) = self.chains.verify(leaf, identity, headers, rules, bundles, now)?;
                trace.note(|| {
                    let subject = format!("verified up to {}", self.shown(&vouched));
                    trace::Step::new(Stage::Certificate, Finding::Yes, subject)
                });
                let vetted = Vetted::by_chain(Rc::clone(identity), &vouched.chain)?;
                found.vouched = Some((vouched, span));
                vetted
            }
            (_, Verification::Plugin, None) => return Err(without_trust()),
        };
        // Where Envoy verifies, whom it did not verify takes no room from others.
        if self.policy.verification() != Verification::Plugin {
            self.keep(&presented, found);
        }
        found.verifier = Some(match (vetted.client(), self.policy.verification()) {
            (Client::Verified, Verification::Envoy(_)) => Verifier::Envoy,
            (Client::Verified, Verification::Plugin) => Verifier::Plugin,
            (Client::Unverified | Client::Anonymous, _) => Verifier::Nobody,
        });
        Ok(vetted)
    }

    /// Keeps what was read of a certificate, where it was not known and may be.
    fn keep(&self, presented: &Presented, found: &Found) {
        if let Some(bytes) = presented.unknown_bytes {
            let (identity, certificate) = (Rc::clone(&presented.identity), found.certificate.clone());
            self.identities.borrow_mut().insert(Known { identity, certificate }, bytes);
        }
    }

    /// A chain above its leaf, and its bundle, for people.
    fn shown(&self, vouched: &Vouched) -> String {
        let names: Vec<String> = vouched
            .chain
            .authorities()
            .iter()
            .map(|authority| format!("`{}`", authority.subject()))
            .collect();
        let bundle = self.policy.trust_bundles().get(vouched.bundle).map_or("", TrustBundle::name);
        format!("{}, of trust bundle `{bundle}`", names.join(", issued by "))
    }

    fn leaf(
        &self,
        facts: &impl Facts,
        headers: &Headers,
        digest: Fingerprint,
    ) -> Result<(Certificate, Origin), Denial> {
        let from_xfcc = || {
            let values: Vec<&[u8]> = headers.values(XFCC).collect();
            Ok((forwarded::from_xfcc(&values, digest)?, Origin::Header))
        };
        let from_connection =
            |pem: Vec<u8>| Ok((forwarded::from_attribute(&pem, digest)?, Origin::Connection));
        match self.policy.leaf_source() {
            LeafSource::Xfcc => from_xfcc(),
            LeafSource::Auto => facts.certificate_pem()?.map_or_else(from_xfcc, from_connection),
            LeafSource::Connection => {
                let pem = facts.certificate_pem()?.ok_or_else(|| {
                    let detail = "this Envoy has no attribute `connection.peer_certificate`";
                    Denial::new(Reason::InternalError, detail)
                })?;
                from_connection(pem)
            }
        }
    }

    /// The same of a client who is denied for its connection, before its certificate was looked at: while the route is enforced for
    /// some, it matters who it is.
    #[expect(clippy::too_many_arguments, reason = "the facts of one request, the route and the time")]
    pub(super) fn enroll_early(
        &self,
        route: &Route,
        facts: &impl Facts,
        evidence: &impl Evidence,
        headers: &Headers,
        now: Option<OffsetDateTime>,
        found: &mut Found,
        trace: &mut impl Trace,
    ) {
        if route.share().part().is_none() || found.mode == Mode::Shadow {
            return;
        }
        let Some(now) = now else { return };
        // Whoever cannot be verified is denied as everybody is.
        let demand = route.client_certificate();
        let vetted = match digest(facts).and_then(|digest| self.presented(facts, headers, digest, found)) {
            Ok(Some(presented)) => {
                self.vet(presented, demand, facts, evidence, headers, now, found, &mut Untraced)
            }
            Ok(None) | Err(_) => return,
        };
        if let Ok(vetted) = vetted {
            enroll(route, &vetted, now, found, trace);
        }
    }
}

/// Finds out whether the client is one for whom the route's denials are enforced. Only who was verified, by a certificate whose time is
/// now, can be another: were it told by names that nobody vouches for, everybody could choose them.
pub(super) fn enroll(
    route: &Route,
    vetted: &Vetted,
    now: OffsetDateTime,
    found: &mut Found,
    trace: &mut impl Trace,
) {
    let (Some(part), Mode::Enforce, Client::Verified) = (route.share().part(), found.mode, vetted.client())
    else {
        return;
    };
    if evaluate::check_validity(vetted.identity().validity(), now, &mut Untraced).is_err() {
        return;
    }
    let enforced = part.contains(route.name(), vetted.identity());
    if !enforced {
        found.mode = Mode::Shadow;
    }
    trace.note(|| {
        let (finding, subject) = if enforced {
            (Finding::Yes, format!("one of the clients for whom denials are enforced (a part of {part})"))
        } else {
            (Finding::No, format!("not one of the clients for whom denials are enforced (a part of {part})"))
        };
        trace::Step::new(Stage::Rollout, finding, subject)
    });
}

/// A certificate that a client presented.
pub(super) struct Presented {
    identity: Rc<Identity>,
    /// Its length, where it was not known and may be.
    unknown_bytes: Option<usize>,
}

/// The digest of the certificate that the client presented; `None` if it presented none.
pub(super) fn digest(facts: &impl Facts) -> Result<Option<Fingerprint>, Denial> {
    let Some(digest) = facts.certificate_digest()? else { return Ok(None) };
    let digest = Fingerprint::from_hex(&digest).ok_or_else(|| {
        Denial::new(Reason::InternalError, "the connection's certificate digest is not SHA-256 in hex")
    })?;
    Ok(Some(digest))
}

fn without_trust() -> Denial {
    Denial::new(Reason::InternalError, "the route names no trust bundle")
}

/// Where a leaf certificate was read.
enum Origin {
    /// An attribute of the connection.
    Connection,
    /// A header of the request.
    Header,
}

/// Whether what is judged are the octets that the connection's digest is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Octets {
    /// They were not read yet, or could not be told from others.
    #[default]
    Unknown,
    /// They are.
    Bound,
}

impl From<ForwardedError> for Denial {
    fn from(error: ForwardedError) -> Self {
        let reason = match &error {
            ForwardedError::Malformed(_) => Reason::MalformedCertificate,
            ForwardedError::Absent | ForwardedError::Mismatch(_) => Reason::ForwardedCertificateMismatch,
        };
        Denial::new(reason, error)
    }
}
