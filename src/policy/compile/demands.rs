//! Compiles what a route demands of the client: `client_certificate`, and what only some of its values go with.

use std::sync::Arc;

use super::certificate::certificate;
use super::matcher::MatcherCompiler;
use super::reader::{Object, Problems, string, word};
use super::revocation::revocation;
use super::route::Defaults;
use super::tls::tls;
use super::token::token;
use crate::policy::error::PolicyErrorKind;
use crate::policy::route::{Allow, CertificateRules, ClientCertificate};
use crate::policy::source::{Node, Value};

const CLIENT_CERTIFICATE: &[&str] = &["required", "optional", "ignored"];

pub(super) fn client_certificate<'n>(
    object: &Object<'n>,
    defaults: &Defaults,
    matchers: &mut MatcherCompiler<'n>,
    problems: &mut Problems,
) -> Option<ClientCertificate> {
    #[derive(Clone, Copy, PartialEq)]
    enum Demand {
        Required,
        Optional,
        Ignored,
    }
    let help = "say `required`, `optional` or `ignored`";
    let demand = object.require("client_certificate", Some(help), problems).and_then(|node| {
        if string(node, problems)? == "unverified" {
            let feature = "\"client_certificate\": \"unverified\"".to_owned();
            return problems.add(node.span, PolicyErrorKind::Unsupported { feature });
        }
        word(node, CLIENT_CERTIFICATE, &[Demand::Required, Demand::Optional, Demand::Ignored], problems)
    });
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
    let revocation = match object.get("revocation") {
        Some(node) => revocation(node, defaults.available, problems).map(|rules| Some(Arc::new(rules))),
        None => Some(defaults.revocation.clone()),
    };
    let token = match object.get("token") {
        Some(node) => token(node, problems).map(Some),
        None => Some(None),
    };
    let demand = demand?;
    if demand == Demand::Ignored {
        for key in ["allow", "deny", "certificate", "tls", "token", "revocation"] {
            if let Some(member) = object.member(key) {
                problems.add::<()>(member.key_span, PolicyErrorKind::NoEffect { key });
            }
        }
        return Some(ClientCertificate::Ignored);
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
    let rules = CertificateRules {
        tls: tls?,
        certificate: certificate?,
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

fn allow<'n>(node: &'n Node, matchers: &mut MatcherCompiler<'n>, problems: &mut Problems) -> Option<Allow> {
    if let Value::String(_) = node.value {
        return word(node, &["any_verified"], &[()], problems).map(|()| Allow::AnyVerified);
    }
    matchers.matcher(node, problems).map(Allow::Matching)
}
