//! Compiles `token`: what a route demands of the token that comes with the certificate.

use super::reader::{Keys, Object, Problems, all_or_none, boolean, not_one, one_or_many, string, wrong_type};
use crate::identity::{Case, TextKind, TextPattern};
use crate::policy::error::PolicyErrorKind;
use crate::policy::source::{Member, Node, Value};
use crate::policy::token::{Binding, ClaimDemand, ClaimPattern, TokenDemands};
use crate::token::{ClaimPath, DEFAULT_METADATA};

const TOKEN_KEYS: Keys = Keys::of(&["metadata", "claims", "bound"]);
const CLAIM_KEYS: Keys = Keys::of(&["prefix", "suffix", "regex", "word"]);

pub(super) fn token(node: &Node, problems: &mut Problems) -> Option<TokenDemands> {
    let object = Object::open(node, TOKEN_KEYS, problems)?;
    let metadata = match object.get("metadata") {
        Some(node) => metadata(node, problems),
        None => Some(DEFAULT_METADATA.to_owned()),
    };
    let claims = match object.get("claims") {
        Some(node) => claims(node, problems),
        None => Some(Vec::new()),
    };
    let binding = match object.get("bound").map(|node| boolean(node, problems)) {
        None | Some(Some(false)) => Some(Binding::NotDemanded),
        Some(Some(true)) => Some(Binding::ToCertificate),
        Some(None) => None,
    };
    let (claims, binding) = (claims?, binding?);
    // Of a misspelt key the author has been told.
    let known = object.members().iter().all(|member| TOKEN_KEYS.known.contains(&member.key.as_str()));
    if claims.is_empty() && binding == Binding::NotDemanded && known {
        let help = Some("name `claims`, or write `\"bound\": true`");
        return problems.add(node.span, PolicyErrorKind::EmptyList { what: "`token`", help });
    }
    Some(TokenDemands { metadata: metadata?, claims, binding })
}

fn metadata(node: &Node, problems: &mut Problems) -> Option<String> {
    let text = string(node, problems)?;
    if text.is_empty() {
        return problems.add(node.span, PolicyErrorKind::EmptyList { what: "`metadata`", help: None });
    }
    claim_text(node, text, problems).map(str::to_owned)
}

fn claims(node: &Node, problems: &mut Problems) -> Option<Vec<ClaimDemand>> {
    let object = Object::open_map(node, problems)?;
    if object.members().is_empty() {
        return problems.add(node.span, PolicyErrorKind::EmptyList { what: "`claims`", help: None });
    }
    all_or_none(object.members().iter().map(|member| claim(member, problems)))
}

fn claim(Member { key, key_span, value }: &Member, problems: &mut Problems) -> Option<ClaimDemand> {
    let path = ClaimPath::parse(key).map_err(|why| PolicyErrorKind::BadClaim { path: key.clone(), why });
    let path = problems.keep(*key_span, path);
    let any_of = one_or_many(value, "a claim", problems)?;
    let any_of = all_or_none(any_of.iter().map(|entry| pattern(entry, problems)));
    Some(ClaimDemand { path: path?, any_of: any_of? })
}

fn pattern(node: &Node, problems: &mut Problems) -> Option<ClaimPattern> {
    match &node.value {
        Value::String(text) => text_pattern(node, TextKind::Exact, text, problems),
        Value::Number(number) => Some(ClaimPattern::Number(*number)),
        Value::Bool(boolean) => Some(ClaimPattern::Boolean(*boolean)),
        Value::Object(_) => {
            let object = Object::open(node, CLAIM_KEYS, problems)?;
            let [Member { key, value: node, .. }] = object.members() else {
                return not_one(
                    &object,
                    node,
                    "exactly one of `prefix`, `suffix`, `regex`, `word`",
                    problems,
                );
            };
            let text = string(node, problems)?;
            match key.as_str() {
                "prefix" => text_pattern(node, TextKind::Prefix, text, problems),
                "suffix" => text_pattern(node, TextKind::Suffix, text, problems),
                "regex" => text_pattern(node, TextKind::Regex, text, problems),
                "word" => word(node, text, problems),
                // Reported when the object was opened.
                _ => None,
            }
        }
        Value::Null | Value::Array(_) => wrong_type(
            node,
            "a string, a number, true, false or an object such as {\"prefix\": \"a\"}",
            problems,
        ),
    }
}

fn text_pattern(node: &Node, kind: TextKind, text: &str, problems: &mut Problems) -> Option<ClaimPattern> {
    let text = claim_text(node, text, problems)?;
    problems.keep(node.span, TextPattern::new(kind, text, Case::Sensitive)).map(ClaimPattern::Text)
}

fn word(node: &Node, text: &str, problems: &mut Problems) -> Option<ClaimPattern> {
    let text = claim_text(node, text, problems)?;
    if text.is_empty() || text.contains(' ') {
        let why = "a word is not empty and holds no space";
        return problems.add(node.span, PolicyErrorKind::BadClaimText { text: text.to_owned(), why });
    }
    Some(ClaimPattern::Word(text.to_owned()))
}

/// Text with control characters is no text of a claim: see [`crate::token::ClaimValue::text`].
fn claim_text<'n>(node: &Node, text: &'n str, problems: &mut Problems) -> Option<&'n str> {
    if text.chars().any(char::is_control) {
        let why = "it holds control characters";
        return problems.add(node.span, PolicyErrorKind::BadClaimText { text: text.to_owned(), why });
    }
    Some(text)
}
