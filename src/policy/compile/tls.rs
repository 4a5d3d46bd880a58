//! Compiles `tls`: what a route demands of the TLS connection.

use super::reader::{Keys, Object, Problems, list, word, wrong_type};
use crate::policy::error::PolicyErrorKind;
use crate::policy::host::HostPattern;
use crate::policy::route::ServerNameRule;
use crate::policy::source::{Node, Value};

const TLS_KEYS: Keys = Keys { known: &["sni"], unsupported: &["min_version", "ciphers"] };

pub(super) fn tls(node: &Node, problems: &mut Problems) -> Option<ServerNameRule> {
    let object = Object::open(node, TLS_KEYS, problems)?;
    let node = object.require("sni", None, problems)?;
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
