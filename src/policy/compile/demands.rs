//! Compiles what a route demands of the client: `client_certificate`, and what only some of its values go with.

use std::sync::Arc;

use super::certificate::certificate;
use super::matcher::MatcherCompiler;
use super::reader::{Object, Problems, word};
use super::revocation::revocation;
use super::route::Defaults;
use super::tls::tls;
use super::token::token;
use super::trust::Trust;
use crate::policy::certificate_demands::CertificateDemands;
use crate::policy::error::PolicyErrorKind;
use crate::policy::matcher::Matcher;
use crate::policy::route::{Allow, CertificateRules, ClientCertificate};
use crate::policy::source::{Node, Value};
use crate::policy::tls::TlsDemands;
use crate::policy::token::TokenDemands;

const CLIENT_CERTIFICATE: &[&str] = &["required", "optional", "unverified", "ignored"];

/// What a route asks of the client's certificate.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Demand {
    Required,
    Optional,
    Unverified,
    Ignored,
}

const DEMANDS: &[Demand] = &[Demand::Required, Demand::Optional, Demand::Unverified, Demand::Ignored];

pub(super) fn client_certificate<'n>(
    object: &Object<'n>,
    defaults: &Defaults,
    trust: &Trust<'_>,
    matchers: &mut MatcherCompiler<'n>,
    problems: &mut Problems,
) -> Option<ClientCertificate> {
    let help = "say `required`, `optional`, `unverified` or `ignored`";
    let demand = object
        .require("client_certificate", Some(help), problems)
        .and_then(|node| word(node, CLIENT_CERTIFICATE, DEMANDS, problems));
    // Compiled whatever the demand is, so that every fault is found at once.
    let allow = match object.get("allow") {
        Some(node) => allow(node, matchers, problems).map(Some),
        None => Some(None),
    };
    let deny = match object.get("deny") {
        Some(node) => matchers.matcher(node, problems).map(Some),
        None => Some(None),
    };
    let certificate = match object.get("certificate") {
        Some(node) => certificate(node, problems).map(Arc::new),
        None => Some(Arc::clone(&defaults.certificate)),
    };
    let tls = match object.get("tls") {
        Some(node) => tls(node, problems).map(Arc::new),
        None => Some(Arc::clone(&defaults.tls)),
    };
    let bundles = match object.member("trust") {
        Some(member) => trust.bundles(member, problems).map(Some),
        None => Some(defaults.trust.clone()),
    };
    let revocation = match object.get("revocation") {
        Some(node) => {
            revocation(node, defaults.available, trust, problems).map(|rules| Some(Arc::new(rules)))
        }
        None => Some(defaults.revocation.clone()),
    };
    let token = match object.get("token") {
        Some(node) => token(node, problems).map(Some),
        None => Some(None),
    };
    let demand = demand?;
    if demand == Demand::Ignored {
        for key in ["allow", "deny", "certificate", "tls", "token", "trust", "revocation"] {
            if let Some(member) = object.member(key) {
                problems.add::<()>(member.key_span, PolicyErrorKind::NoEffect { key });
            }
        }
        return Some(ClientCertificate::Ignored);
    }
    if demand == Demand::Unverified {
        return unverified(
            object,
            trust,
            Unverified { allow: allow?, deny: deny?, certificate: certificate?, tls: tls?, token: token? },
            problems,
        );
    }
    let allow = match (allow?, demand) {
        (Some(allow), _) => allow,
        (None, Demand::Optional) => match object.member("deny") {
            Some(member) => return problems.add(member.key_span, PolicyErrorKind::DenyWithoutAllow),
            None => Allow::AnyVerified,
        },
        (None, _) => {
            let help = Some(
                "say who may use the route; `\"allow\": \"any_verified\"` lets every verified client in",
            );
            return problems.add(object.brace, PolicyErrorKind::MissingKey { key: "allow", help });
        }
    };
    let certificate = certificate?;
    let trust = match (trust.is_plugin(), bundles?) {
        (Some(true), Some(bundles)) => Some(trust.rules(&bundles, &certificate)),
        (Some(true), None) => {
            let help =
                Some("name the trust bundle that vouches for the route's clients, here or in `defaults`");
            return problems.add(object.brace, PolicyErrorKind::MissingKey { key: "trust", help });
        }
        (Some(false) | None, _) => None,
    };
    let rules = CertificateRules {
        trust,
        tls: tls?,
        certificate,
        deny: deny?,
        allow,
        revocation: revocation?,
        token: token?,
    };
    Some(if demand == Demand::Optional {
        ClientCertificate::Optional(rules)
    } else {
        ClientCertificate::Required(rules)
    })
}

/// What was compiled of a route whose clients' certificates nobody verifies.
struct Unverified {
    allow: Option<Allow>,
    deny: Option<Matcher>,
    certificate: Arc<CertificateDemands>,
    tls: Arc<TlsDemands>,
    token: Option<TokenDemands>,
}

/// A certificate that nobody verified may be anybody's: only its digest, or its key's, tells it from others.
fn unverified(
    object: &Object<'_>,
    trust: &Trust<'_>,
    compiled: Unverified,
    problems: &mut Problems,
) -> Option<ClientCertificate> {
    if let Some(member) = object.member("client_certificate") {
        trust.needs_plugin(member, "\"client_certificate\": \"unverified\"", problems)?;
    }
    for key in ["trust", "revocation"] {
        if let Some(member) = object.member(key) {
            let why = "of an unverified certificate nobody knows who issued it";
            let kind = PolicyErrorKind::Ineffective { key: key.to_owned(), why };
            problems.add::<()>(member.key_span, kind);
        }
    }
    let Unverified { allow, deny, certificate, tls, token } = compiled;
    let help = Some("say which certificates may use the route, by `sha256` or `spki_sha256`");
    let Some(member) = object.member("allow") else {
        return problems.add(object.brace, PolicyErrorKind::MissingKey { key: "allow", help });
    };
    let allow = match allow {
        Some(Allow::Matching(matcher)) => Some(matcher),
        Some(Allow::AnyVerified) | None => {
            let matcher = "\"any_verified\"".to_owned();
            problems.add(member.value.span, PolicyErrorKind::ProvesNothing { matcher })
        }
    };
    for (key, matcher) in [("allow", &allow), ("deny", &deny)] {
        if let (Some(matcher), Some(member)) = (matcher, object.member(key))
            && let Some(other) = matcher.beside_digests()
        {
            problems
                .add::<()>(member.value.span, PolicyErrorKind::ProvesNothing { matcher: other.to_string() });
        }
    }
    let allow = Allow::Matching(allow?);
    let rules = CertificateRules { trust: None, tls, certificate, deny, allow, revocation: None, token };
    Some(ClientCertificate::Unverified(rules))
}

fn allow<'n>(node: &'n Node, matchers: &mut MatcherCompiler<'n>, problems: &mut Problems) -> Option<Allow> {
    if let Value::String(_) = node.value {
        return word(node, &["any_verified"], &[()], problems).map(|()| Allow::AnyVerified);
    }
    matchers.matcher(node, problems).map(Allow::Matching)
}
