//! Compiles `match`: the requests that a route is for.

use super::reader::{Keys, Object, Problems, list, not_one, string};
use crate::identity::{Case, PatternError, TextKind, TextPattern};
use crate::policy::error::PolicyErrorKind;
use crate::policy::host::HostPattern;
use crate::policy::method::is_method;
use crate::policy::route::{Literal, PathPattern};
use crate::policy::source::{Node, Value};

const MATCH_KEYS: Keys = Keys {
    known: &["hosts", "path", "methods"],
    unsupported: &["headers", "envoy_route", "envoy_cluster", "route_metadata", "source"],
};
const PATH_KEYS: Keys = Keys { known: &["exact", "prefix", "regex"], unsupported: &["template"] };
pub(super) const MATCH_ALL_HELP: &str =
    "to match every request, write `\"match\": {\"path\": {\"prefix\": \"/\"}}`";

/// What a request must be for a route to be its own.
pub(super) struct RequestMatch {
    pub(super) hosts: Vec<HostPattern>,
    pub(super) path: Option<PathPattern>,
    pub(super) methods: Vec<String>,
}

pub(super) fn request_match(node: &Node, problems: &mut Problems) -> Option<RequestMatch> {
    let object = Object::open(node, MATCH_KEYS, problems)?;
    if object.members().is_empty() {
        return problems
            .add(node.span, PolicyErrorKind::EmptyList { what: "`match`", help: Some(MATCH_ALL_HELP) });
    }
    conditions(&object, problems)
}

/// What `object` says of hosts, paths and methods.
pub(super) fn conditions(object: &Object<'_>, problems: &mut Problems) -> Option<RequestMatch> {
    let hosts = object.get("hosts").map_or(Some(Vec::new()), |node| {
        list(node, "`hosts`", problems, |text| {
            HostPattern::parse(text).map_err(|why| PolicyErrorKind::BadHost { host: text.to_owned(), why })
        })
    });
    let methods = object.get("methods").map_or(Some(Vec::new()), |node| {
        list(node, "`methods`", problems, |text| {
            if is_method(text) {
                Ok(text.to_owned())
            } else {
                Err(PolicyErrorKind::BadMethod { method: text.to_owned() })
            }
        })
    });
    let path = match object.get("path") {
        Some(node) => path_pattern(node, problems).map(Some),
        None => Some(None),
    };
    Some(RequestMatch { hosts: hosts?, path: path?, methods: methods? })
}

fn path_pattern(node: &Node, problems: &mut Problems) -> Option<PathPattern> {
    if let Value::String(text) = &node.value {
        return problems.keep(node.span, literal(text)).map(PathPattern::Exact);
    }
    let object = Object::open(node, PATH_KEYS, problems)?;
    let [member] = object.members() else {
        return not_one(&object, node, "a path, or exactly one of `exact`, `prefix`, `regex`", problems);
    };
    let text = string(&member.value, problems)?;
    let pattern = match member.key.as_str() {
        "exact" => literal(text).map(PathPattern::Exact),
        "prefix" => prefix(text).map(PathPattern::Prefix),
        "regex" => path_regex(text).map_err(PolicyErrorKind::from),
        // Reported when the object was opened.
        _ => return None,
    };
    problems.keep(member.value.span, pattern)
}

/// A path that has one reading only, so that no request for it is ambiguous.
fn literal(text: &str) -> Result<Literal, PolicyErrorKind> {
    let fault = |why| Err(PolicyErrorKind::BadPath { path: text.to_owned(), why });
    let Some(segments) = text.strip_prefix('/') else {
        return fault("it does not begin with `/`");
    };
    if text.contains('?') {
        return fault("queries are not matched");
    }
    if text.contains(';') {
        return fault("parameters after `;` are not matched");
    }
    if text.contains('%') {
        return fault("it holds an escape; write the character itself, if a path can hold it");
    }
    let is_path_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@/".contains(&byte);
    if !text.bytes().all(is_path_byte) {
        return fault("it holds a character that a path cannot hold as it is (RFC 3986, section 3.3)");
    }
    if text.contains("//") || segments.split('/').any(|segment| matches!(segment, "." | "..")) {
        return fault("it holds an empty segment, `.` or `..`");
    }
    Ok(Literal::new(text))
}

/// `/v1/` and `/v1` are one prefix: whoever protects what is below a folder means the folder too.
fn prefix(text: &str) -> Result<Literal, PolicyErrorKind> {
    literal(text)?;
    Ok(Literal::new(text.strip_suffix('/').unwrap_or(text)))
}

fn path_regex(text: &str) -> Result<PathPattern, PatternError> {
    Ok(PathPattern::Regex {
        as_written: TextPattern::new(TextKind::Regex, text, Case::Sensitive)?,
        folded: TextPattern::new(TextKind::Regex, text, Case::Ignored)?,
    })
}
