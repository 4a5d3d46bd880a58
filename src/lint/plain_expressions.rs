//! Regular expressions that say no more than plain text would.

use super::expression::is_special;
use super::finding::Findings;
use super::language::Language;
use super::matchers::Matchers;
use super::patterns::kind_and_text;
use super::tree;
use super::view::View;
use crate::identity::pattern::shown;
use crate::policy::{Lint, Node};

pub(super) fn check(view: &View<'_>, matchers: &Matchers<'_>, findings: &mut Findings) {
    for leaf in &matchers.leaves {
        if let ("regex", text) = kind_and_text(leaf)
            && let Some(plain) = plain_text(text)
        {
            report(text, &plain, leaf.pattern, leaf.route, findings);
        }
    }
    for (index, route) in view.routes.iter().enumerate() {
        let path = tree::get(route.node, "match").and_then(|requests| tree::get(requests, "path"));
        let Some(expression) = path.and_then(|path| tree::get(path, "regex")) else { continue };
        if let Some(text) = tree::text(expression)
            && let Some(plain) = plain_path(text)
        {
            report(text, &plain, expression, Some(index), findings);
        }
    }
}

fn report(text: &str, plain: &str, node: &Node, route: Option<usize>, findings: &mut Findings) {
    let message = format!("the expression `{}` is plain text", shown(text));
    findings.lint(Lint::RegexWithoutNeed, node.span, route, message, &format!("write `{plain}`"));
}

/// What to write for an expression over a name, if that needs none.
fn plain_text(text: &str) -> Option<String> {
    let text = without_anchors(text);
    match (text.strip_prefix(".*"), text.strip_suffix(".*")) {
        (None, None) => literal(text).map(|text| quoted(&text)),
        (None, Some(beginning)) => {
            literal(beginning).map(|text| format!("{{\"prefix\": {}}}", quoted(&text)))
        }
        (Some(end), None) => literal(end).map(|text| format!("{{\"suffix\": {}}}", quoted(&text))),
        (Some(_), Some(_)) => None,
    }
}

/// What to write for an expression over a path, if that needs none.
fn plain_path(text: &str) -> Option<String> {
    let text = without_anchors(text);
    let folder = ["(/.*)?", "(?:/.*)?", "/.*"].iter().find_map(|rest| text.strip_suffix(rest));
    let plain = match folder {
        Some(folder) => {
            let folder = if folder.is_empty() { "/".to_owned() } else { literal(folder)? };
            (folder.clone(), format!("{{\"prefix\": {}}}", quoted(&folder)))
        }
        None => {
            let path = literal(text)?;
            (path.clone(), quoted(&path))
        }
    };
    // Other paths cannot be written as they are.
    (Language::Plain.contains(plain.0.as_bytes()) == Ok(true)).then_some(plain.1)
}

/// Expressions match wholly anyway.
fn without_anchors(text: &str) -> &str {
    let text = text.strip_prefix('^').unwrap_or(text);
    match text.strip_suffix('$') {
        Some(before) if !before.ends_with('\\') => before,
        Some(_) | None => text,
    }
}

/// The text that an expression of literals matches; `None` for any other, and for none.
fn literal(text: &str) -> Option<String> {
    let mut literal = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let meant = match character {
            // Of letters and digits an escape means something else.
            '\\' => characters
                .next()
                .filter(|escaped| escaped.is_ascii_punctuation() && !matches!(escaped, '<' | '>'))?,
            _ if is_special(character) => return None,
            _ => character,
        };
        literal.push(meant);
    }
    (!literal.is_empty()).then_some(literal)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_over_names_that_need_none() {
        for (text, plain) in [
            ("abc", Some(r#""abc""#)),
            (r"a\.b", Some(r#""a.b""#)),
            ("^abc$", Some(r#""abc""#)),
            ("abc.*", Some(r#"{"prefix": "abc"}"#)),
            (r".*\.example", Some(r#"{"suffix": ".example"}"#)),
            ("a.b", None),
            (".*abc.*", None),
            (".*", None),
            ("a|b", None),
            (r"a\d", None),
            (r"abc\.*", None),
            (r"a\$", Some(r#""a$""#)),
        ] {
            assert_eq!(plain_text(text).as_deref(), plain, "{text}");
        }
    }

    #[test]
    fn expressions_over_paths_that_need_none() {
        for (text, plain) in [
            ("/healthz", Some(r#""/healthz""#)),
            ("/v1(/.*)?", Some(r#"{"prefix": "/v1"}"#)),
            ("/v1/.*", Some(r#"{"prefix": "/v1"}"#)),
            ("/.*", Some(r#"{"prefix": "/"}"#)),
            ("/v1.*", None),
            ("/v1/[^/]+", None),
            ("/a%2fb", None),
            ("/a/?", None),
        ] {
            assert_eq!(plain_path(text).as_deref(), plain, "{text}");
        }
    }
}
