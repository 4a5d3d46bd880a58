//! Compiles `tls`: what a route demands of the TLS connection.

use super::reader::{Keys, Object, Problems, list, word, wrong_type};
use crate::policy::error::PolicyErrorKind;
use crate::policy::host::HostPattern;
use crate::policy::source::{Node, Value};
use crate::policy::tls::{CipherSuite, ServerNameRule, TlsDemands, TlsVersion};

const TLS_KEYS: Keys = Keys::of(&["sni", "min_version", "ciphers"]);

pub(super) fn tls(node: &Node, problems: &mut Problems) -> Option<TlsDemands> {
    let object = Object::open(node, TLS_KEYS, problems)?;
    if object.members().is_empty() {
        return problems.add(node.span, PolicyErrorKind::EmptyList { what: "`tls`", help: None });
    }
    let server_name = match object.get("sni") {
        Some(node) => server_name(node, problems),
        None => Some(ServerNameRule::Match),
    };
    let min_version = match object.get("min_version") {
        Some(node) => {
            let values = [TlsVersion::Tls12, TlsVersion::Tls13];
            word(node, &["TLSv1.2", "TLSv1.3"], &values, problems).map(Some)
        }
        None => Some(None),
    };
    let ciphers = match object.get("ciphers") {
        Some(node) => list(node, "`ciphers`", problems, CipherSuite::parse).map(Some),
        None => Some(None),
    };
    Some(TlsDemands { server_name: server_name?, min_version: min_version?, ciphers: ciphers? })
}

fn server_name(node: &Node, problems: &mut Problems) -> Option<ServerNameRule> {
    match &node.value {
        Value::Array(_) => list(node, "`sni`", problems, |text| {
            HostPattern::parse(text).map_err(|why| PolicyErrorKind::BadHost { host: text.to_owned(), why })
        })
        .map(ServerNameRule::OneOf),
        Value::String(_) => {
            let values = [ServerNameRule::Match, ServerNameRule::Ignore];
            word(node, &["match", "ignore"], &values, problems)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            wrong_type(node, "`match`, `ignore` or an array of names", problems)
        }
    }
}
