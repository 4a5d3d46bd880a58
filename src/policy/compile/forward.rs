//! Compiles `forward`: what the upstream is told of a client.

use std::collections::HashSet;

use super::reader::{Keys, Object, Problems, all_or_none, string, wrong_type};
use crate::identity::AttributeType;
use crate::policy::error::PolicyErrorKind;
use crate::policy::forward::{
    Field, Forward, ForwardedCertificates, ForwardedHeader, HeaderError, HeaderName, XfccUse,
};
use crate::policy::source::{Member, Node, Value};
use crate::policy::template::{Piece, Template, TemplateError};

/// The most headers of one route: each costs a call on every request.
const MAX_HEADERS: usize = 32;

/// The longest template, in bytes: far more than a few fields and their names take.
const MAX_TEMPLATE_BYTES: usize = 1024;

const FORWARD_KEYS: Keys = Keys::of(&["headers", "client_cert", "client_cert_chain", "remove_xfcc"]);

/// What a template may name. Any other attribute may stand behind the dot, too.
const FIELDS: [&str; 18] = [
    "spiffe_id",
    "spiffe_trust_domain",
    "subject",
    "subject.CN",
    "issuer",
    "issuer.CN",
    "serial",
    "sha256",
    "spki_sha256",
    "dns",
    "uri",
    "email",
    "ip",
    "upn",
    "not_before",
    "not_after",
    "route",
    "decision_id",
];

pub(super) fn forward(node: &Node, problems: &mut Problems) -> Option<Forward> {
    let object = Object::open(node, FORWARD_KEYS, problems)?;
    let headers = match object.get("headers") {
        Some(node) => headers(node, problems),
        None => Some(Vec::new()),
    };
    let leaf = choice(&object, "client_cert", problems);
    let chain = choice(&object, "client_cert_chain", problems);
    let certificates = match (leaf, chain, object.member("client_cert_chain")) {
        // RFC 9440, section 2.3.
        (Some(Choice::No), Some(Choice::Yes), Some(member)) => {
            let why = "the chain goes with `\"client_cert\": true` only";
            problems.add(member.key_span, PolicyErrorKind::Ineffective { key: member.key.clone(), why })
        }
        (Some(Choice::No), Some(_), _) => Some(ForwardedCertificates::None),
        (Some(Choice::Yes), Some(Choice::No), _) => Some(ForwardedCertificates::Leaf),
        (Some(Choice::Yes), Some(Choice::Yes), _) => Some(ForwardedCertificates::LeafAndChain),
        (None, _, _) | (_, None, _) => None,
    };
    let xfcc = choice(&object, "remove_xfcc", problems).map(|choice| match choice {
        Choice::Yes => XfccUse::Remove,
        Choice::No => XfccUse::Keep,
    });
    Some(Forward { headers: headers?, certificates: certificates?, xfcc: xfcc? })
}

/// Notes what a route's `forward` says of certificates where none is looked at.
pub(super) fn check_ignored(node: &Node, problems: &mut Problems) {
    let Value::Object(members) = &node.value else {
        return;
    };
    for member in members {
        let key = ["headers", "client_cert", "client_cert_chain"].into_iter().find(|key| *key == member.key);
        if let Some(key) = key {
            problems.add::<()>(member.key_span, PolicyErrorKind::NoEffect { key });
        }
    }
}

/// Notes what a route's `forward` says of certificates that nobody verified, beside which they are.
pub(super) fn check_unverified(node: &Node, forward: &Forward, problems: &mut Problems) {
    let Value::Object(members) = &node.value else { return };
    for member in members {
        match (member.key.as_str(), &member.value.value) {
            ("headers", Value::Object(headers)) => {
                for (header, member) in forward.headers().iter().zip(headers) {
                    if !header.holds_only_digests() {
                        let matcher = string(&member.value, problems).unwrap_or_default().to_owned();
                        problems.add::<()>(member.value.span, PolicyErrorKind::ProvesNothing { matcher });
                    }
                }
            }
            (key @ ("client_cert" | "client_cert_chain"), _) => {
                let why = "of an unverified certificate only digests are forwarded";
                let kind = PolicyErrorKind::Ineffective { key: key.to_owned(), why };
                problems.add::<()>(member.key_span, kind);
            }
            (_, _) => {}
        }
    }
}

fn headers(node: &Node, problems: &mut Problems) -> Option<Vec<ForwardedHeader>> {
    let object = Object::open_map(node, problems)?;
    if object.members().is_empty() {
        return problems.add(node.span, PolicyErrorKind::EmptyList { what: "`headers`", help: None });
    }
    if object.members().len() > MAX_HEADERS {
        let count = object.members().len();
        return problems.keep(node.span, Err(HeaderError::TooMany { count, limit: MAX_HEADERS }));
    }
    let mut names = HashSet::new();
    let headers = object.members().iter().map(|member| header(member, &mut names, problems));
    all_or_none(headers)
}

#[inline(never)]
fn header(member: &Member, names: &mut HashSet<String>, problems: &mut Problems) -> Option<ForwardedHeader> {
    let name = HeaderName::parse(&member.key).and_then(|name| {
        if names.insert(name.canonical()) {
            return Ok(name);
        }
        Err(HeaderError::Repeated { name: member.key.clone() })
    });
    let name = problems.keep(member.key_span, name);
    let node = &member.value;
    let value = string(node, problems).and_then(|text| {
        if text.len() > MAX_TEMPLATE_BYTES {
            let kind = PolicyErrorKind::TooLong { length: text.len(), limit: MAX_TEMPLATE_BYTES };
            return problems.add(node.span, kind);
        }
        problems.keep(node.span, value(text))
    });
    Some(ForwardedHeader { name: name?, value: value? })
}

fn value(text: &str) -> Result<Template<Field>, PolicyErrorKind> {
    let template = Template::parse(text, field)?;
    let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if !text.bytes().all(visible) || text.starts_with(' ') || text.ends_with(' ') {
        return Err(HeaderError::Value { value: text.to_owned() }.into());
    }
    if !template.pieces().iter().any(|piece| matches!(piece, Piece::Field(_))) {
        return Err(HeaderError::NoField { value: text.to_owned() }.into());
    }
    Ok(template)
}

fn field(name: &str) -> Result<Field, PolicyErrorKind> {
    Ok(match name {
        "spiffe_id" => Field::SpiffeId,
        "spiffe_trust_domain" => Field::SpiffeTrustDomain,
        "subject" => Field::Subject,
        "issuer" => Field::Issuer,
        "serial" => Field::Serial,
        "sha256" => Field::Sha256,
        "spki_sha256" => Field::SpkiSha256,
        "dns" => Field::Dns,
        "uri" => Field::Uri,
        "email" => Field::Email,
        "ip" => Field::Ip,
        "upn" => Field::Upn,
        "not_before" => Field::NotBefore,
        "not_after" => Field::NotAfter,
        "route" => Field::Route,
        "decision_id" => Field::DecisionId,
        _ => match name.split_once('.') {
            Some(("subject", attribute)) => Field::SubjectAttribute(AttributeType::parse(attribute)?),
            Some(("issuer", attribute)) => Field::IssuerAttribute(AttributeType::parse(attribute)?),
            Some(_) | None => return Err(TemplateError::unknown(name, &FIELDS).into()),
        },
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Yes,
    No,
}

/// The value of a key that may be `true` or `false`, and is `false` where it is missing.
#[inline(never)]
fn choice(object: &Object<'_>, key: &str, problems: &mut Problems) -> Option<Choice> {
    let Some(node) = object.get(key) else {
        return Some(Choice::No);
    };
    match node.value {
        Value::Bool(true) => Some(Choice::Yes),
        Value::Bool(false) => Some(Choice::No),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            wrong_type(node, "`true` or `false`", problems)
        }
    }
}
