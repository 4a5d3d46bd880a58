//! Compiles `defaults` and `routes`.

use std::collections::HashSet;

use super::matcher::MatcherCompiler;
use super::reader::{
    Keys, Object, Problems, all_or_none, entries, not_one, string, whole_number, word, wrong_type,
};
use crate::identity::{Case, PatternError, TextKind, TextPattern};
use crate::policy::decision::Mode;
use crate::policy::error::PolicyErrorKind;
use crate::policy::host::HostPattern;
use crate::policy::method::is_method;
use crate::policy::route::{
    Allow, CertificateRules, ClientCertificate, Literal, OnDeny, PathPattern, Route, ServerNameRule,
};
use crate::policy::source::{Node, Value};

/// Longest body of a denial, in bytes: it is copied for each denied request.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Longest name of a route or identity, in characters: names go into every record.
const MAX_NAME_CHARS: usize = 64;

const DEFAULTS_KEYS: Keys =
    Keys { known: &["mode", "on_deny", "tls"], unsupported: &["revocation", "audit"] };
const ROUTE_KEYS: Keys = Keys {
    known: &["name", "match", "client_certificate", "allow", "deny", "tls", "on_deny", "mode"],
    unsupported: &["trust", "certificate", "revocation", "token", "forward", "audit", "enforce_ratio"],
};
const MATCH_KEYS: Keys = Keys {
    known: &["hosts", "path", "methods"],
    unsupported: &["headers", "envoy_route", "envoy_cluster", "route_metadata", "source"],
};
const PATH_KEYS: Keys = Keys { known: &["exact", "prefix", "regex"], unsupported: &["template"] };
const TLS_KEYS: Keys = Keys { known: &["sni"], unsupported: &["min_version", "ciphers"] };
const ON_DENY_KEYS: Keys =
    Keys { known: &["status", "body"], unsupported: &["content_type", "reasons", "redirect", "html"] };
const MATCH_ALL_HELP: &str = "to match every request, write `\"match\": {\"path\": {\"prefix\": \"/\"}}`";
const CLIENT_CERTIFICATE: &[&str] = &["required", "optional", "ignored"];

/// What routes inherit that do not say otherwise.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    pub(super) mode: Mode,
    pub(super) on_deny: OnDeny,
    server_name: Option<ServerNameRule>,
}

pub(super) fn defaults(node: &Node, problems: &mut Problems) -> Option<Defaults> {
    let object = Object::open(node, DEFAULTS_KEYS, problems)?;
    let mode = object.get("mode").map_or(Some(Mode::default()), |node| mode(node, problems));
    let on_deny = object.get("on_deny").map_or(Some(OnDeny::default()), |node| on_deny(node, problems));
    let server_name = match object.get("tls") {
        Some(node) => tls(node, problems).map(Some),
        None => Some(None),
    };
    Some(Defaults { mode: mode?, on_deny: on_deny?, server_name: server_name? })
}

pub(super) fn routes<'n>(
    node: &'n Node,
    defaults: &Defaults,
    matchers: &mut MatcherCompiler<'n>,
    problems: &mut Problems,
) -> Option<Vec<Route>> {
    let mut names = HashSet::new();
    let entries = entries(node, "`routes`", problems)?;
    let routes = entries.iter().map(|entry| route(entry, defaults, matchers, &mut names, problems)).collect();
    all_or_none(routes)
}

fn route<'n>(
    node: &'n Node,
    defaults: &Defaults,
    matchers: &mut MatcherCompiler<'n>,
    names: &mut HashSet<&'n str>,
    problems: &mut Problems,
) -> Option<Route> {
    let object = Object::open(node, ROUTE_KEYS, problems)?;
    let name = object.require("name", Some("records and reports name routes"), problems).and_then(|node| {
        let name = string(node, problems)?;
        if !is_name(name) {
            return problems.add(node.span, PolicyErrorKind::BadName { name: name.to_owned() });
        }
        if !names.insert(name) {
            return problems.add(node.span, PolicyErrorKind::DuplicateRoute { name: name.to_owned() });
        }
        Some(name.to_owned())
    });
    let matches = object
        .require("match", Some(MATCH_ALL_HELP), problems)
        .and_then(|node| request_match(node, problems));
    let client_certificate = client_certificate(&object, defaults, matchers, problems);
    let mode = object.get("mode").map_or(Some(defaults.mode), |node| mode(node, problems));
    let on_deny =
        object.get("on_deny").map_or_else(|| Some(defaults.on_deny.clone()), |node| on_deny(node, problems));
    let RequestMatch { hosts, path, methods } = matches?;
    Some(Route {
        name: name?,
        hosts,
        path,
        methods,
        client_certificate: client_certificate?,
        mode: mode?,
        on_deny: on_deny?,
    })
}

/// Whether `name` can be the name of a route or identity.
pub(super) fn is_name(name: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

struct RequestMatch {
    hosts: Vec<HostPattern>,
    path: Option<PathPattern>,
    methods: Vec<String>,
}

fn request_match(node: &Node, problems: &mut Problems) -> Option<RequestMatch> {
    let object = Object::open(node, MATCH_KEYS, problems)?;
    if object.members().is_empty() {
        return problems
            .add(node.span, PolicyErrorKind::EmptyList { what: "`match`", help: Some(MATCH_ALL_HELP) });
    }
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

fn list<T>(
    node: &Node,
    what: &'static str,
    problems: &mut Problems,
    parse: impl Fn(&str) -> Result<T, PolicyErrorKind>,
) -> Option<Vec<T>> {
    let values = entries(node, what, problems)?
        .iter()
        .map(|entry| {
            let text = string(entry, problems)?;
            problems.keep(entry.span, parse(text))
        })
        .collect();
    all_or_none(values)
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

fn client_certificate<'n>(
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
    let server_name = match object.get("tls") {
        Some(node) => tls(node, problems),
        None => Some(defaults.server_name.clone().unwrap_or(ServerNameRule::Match)),
    };
    let demand = demand?;
    if demand == Demand::Ignored {
        for key in ["allow", "deny", "tls"] {
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
    let rules = CertificateRules { server_name: server_name?, deny: deny?, allow };
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

fn tls(node: &Node, problems: &mut Problems) -> Option<ServerNameRule> {
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

fn mode(node: &Node, problems: &mut Problems) -> Option<Mode> {
    word(node, &["enforce", "shadow"], &[Mode::Enforce, Mode::Shadow], problems)
}

fn on_deny(node: &Node, problems: &mut Problems) -> Option<OnDeny> {
    let object = Object::open(node, ON_DENY_KEYS, problems)?;
    let status = match object.get("status") {
        Some(node) => whole_number(node, 400, 599, problems).map(|status| u16::try_from(status).ok()),
        None => Some(None),
    };
    let body = match object.get("body") {
        Some(node) => string(node, problems).and_then(|text| {
            if text.len() > MAX_BODY_BYTES {
                let kind = PolicyErrorKind::TooLong { length: text.len(), limit: MAX_BODY_BYTES };
                return problems.add(node.span, kind);
            }
            Some(Some(text.to_owned()))
        }),
        None => Some(None),
    };
    Some(OnDeny { status: status?, body: body? })
}
