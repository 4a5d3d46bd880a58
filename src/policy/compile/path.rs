//! Compiles `path`.

use std::collections::HashSet;

use super::reader::{Keys, Object, Problems, not_one, string};
use crate::identity::{Case, TextKind, TextPattern};
use crate::policy::error::PolicyErrorKind;
use crate::policy::path::{PathPattern, Segment};
use crate::policy::source::{Node, Value};

const PATH_KEYS: Keys = Keys::of(&["exact", "prefix", "template", "regex"]);

pub(super) fn path_pattern(node: &Node, problems: &mut Problems) -> Option<PathPattern> {
    if let Value::String(text) = &node.value {
        return problems.keep(node.span, exact(text));
    }
    let object = Object::open(node, PATH_KEYS, problems)?;
    let [member] = object.members() else {
        let expected = "a path, or exactly one of `exact`, `prefix`, `template`, `regex`";
        return not_one(&object, node, expected, problems);
    };
    let text = string(&member.value, problems)?;
    let pattern = match member.key.as_str() {
        "exact" => exact(text),
        "prefix" => prefix(text),
        "template" => template(text),
        "regex" => expression(text),
        // Reported when the object was opened.
        _ => return None,
    };
    problems.keep(member.value.span, pattern)
}

fn exact(text: &str) -> Result<PathPattern, PolicyErrorKind> {
    check_literal(text).map_err(|why| bad_path(text, why))?;
    Ok(PathPattern::Exact(text.to_owned()))
}

/// `/v1/` and `/v1` are one prefix: whoever protects what is below a folder means the folder too.
fn prefix(text: &str) -> Result<PathPattern, PolicyErrorKind> {
    check_literal(text).map_err(|why| bad_path(text, why))?;
    Ok(PathPattern::Prefix(text.strip_suffix('/').unwrap_or(text).to_owned()))
}

/// `/users/{id}/orders`: whatever stands in braces is one segment.
fn template(text: &str) -> Result<PathPattern, PolicyErrorKind> {
    let fault = |why| PolicyErrorKind::BadTemplate { template: text.to_owned(), why };
    let mut names = HashSet::new();
    let mut segments = Vec::new();
    let mut literal = String::new();
    for segment in text.strip_prefix('/').ok_or_else(|| fault("it does not begin with `/`"))?.split('/') {
        literal.push('/');
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if let Some(name) = name {
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(fault("a name in braces holds letters, digits and `_`"));
            }
            if !names.insert(name) {
                return Err(fault("two segments have one name"));
            }
            segments.push(Segment::Any);
            // Any text that is none of what a path must not hold.
            literal.push('-');
        } else if segment.contains(['{', '}']) {
            return Err(fault("braces stand around a whole segment, as in `/users/{id}`"));
        } else {
            segments.push(Segment::Literal(segment.to_owned()));
            literal.push_str(segment);
        }
    }
    if names.is_empty() {
        return Err(fault("it has no segment in braces; write it as `exact`"));
    }
    check_literal(&literal).map_err(fault)?;
    Ok(PathPattern::Template(segments))
}

/// Checked alone here, so that a fault is told of it; the table compiles many together.
fn expression(text: &str) -> Result<PathPattern, PolicyErrorKind> {
    TextPattern::new(TextKind::Regex, text, Case::Sensitive)?;
    Ok(PathPattern::Expression(text.to_owned()))
}

fn bad_path(text: &str, why: &'static str) -> PolicyErrorKind {
    PolicyErrorKind::BadPath { path: text.to_owned(), why }
}

/// A path that has one reading only, so that no request for it is ambiguous.
fn check_literal(text: &str) -> Result<(), &'static str> {
    let segments = text.strip_prefix('/').ok_or("it does not begin with `/`")?;
    if text.contains('?') {
        return Err("queries are not matched");
    }
    if text.contains(';') {
        return Err("parameters after `;` are not matched");
    }
    if text.contains('%') {
        return Err("it holds an escape; write the character itself, if a path can hold it");
    }
    if text.contains(['{', '}']) {
        return Err("it holds braces; if they stand for a segment, write it as `template`");
    }
    let is_path_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@/".contains(&byte);
    if !text.bytes().all(is_path_byte) {
        return Err("it holds a character that a path cannot hold as it is (RFC 3986, section 3.3)");
    }
    if text.contains("//") || segments.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err("it holds an empty segment, `.` or `..`");
    }
    Ok(())
}
