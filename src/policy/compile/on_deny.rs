//! Compiles `on_deny`: how denied requests are answered.

use super::reader::{Keys, Object, Problems, all_or_none, string, whole_number, wrong_type};
use crate::policy::decision::Reason;
use crate::policy::error::PolicyErrorKind;
use crate::policy::on_deny::{
    Answer, Body, MediaType, OnDeny, OnDenyError, Page, Redirect, RedirectStatus, ReplyField, fixed_status,
};
use crate::policy::source::{Node, Value};
use crate::policy::template::Template;

/// Longest body of a denial, in bytes: it is copied for each denied request.
const MAX_BODY_BYTES: usize = 64 * 1024;

const ON_DENY_KEYS: Keys = Keys::of(&["status", "body", "content_type", "html", "redirect", "reasons"]);
const ANSWER_KEYS: Keys = Keys::of(&["status", "body", "content_type", "html", "redirect"]);
const REDIRECT_KEYS: Keys = Keys::of(&["url", "status"]);

/// Which requests an `on_deny` answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// Those that select one route.
    OnRoute,
    /// Those of every route that does not say otherwise, and those that select none.
    Anywhere,
}

pub(super) fn on_deny(node: &Node, denied: Denied, problems: &mut Problems) -> Option<OnDeny> {
    let object = Object::open(node, ON_DENY_KEYS, problems)?;
    let general = answer(&object, problems);
    let reasons = match object.get("reasons") {
        Some(node) => reasons(node, denied, problems),
        None => Some(Vec::new()),
    };
    Some(OnDeny { general: general?, reasons: reasons? })
}

fn reasons(node: &Node, denied: Denied, problems: &mut Problems) -> Option<Vec<(Reason, Answer)>> {
    let object = Object::open_map(node, problems)?;
    let answers = object.members().iter().map(|member| {
        let code = &member.key;
        let Some(reason) = Reason::from_code(code) else {
            return problems.add(member.key_span, PolicyErrorKind::UnknownReason { code: code.clone() });
        };
        if denied == Denied::OnRoute && is_of_no_route(reason) {
            let why = "no route is found then; say it in `defaults`";
            let kind = PolicyErrorKind::Ineffective { key: code.clone(), why };
            return problems.add(member.key_span, kind);
        }
        let object = Object::open(&member.value, ANSWER_KEYS, problems)?;
        let answer = answer(&object, problems);
        if fixed_status(reason).is_some() {
            for member in ["status", "redirect"].iter().filter_map(|key| object.member(key)) {
                let why = "this reason has a status of its own";
                let kind = PolicyErrorKind::Ineffective { key: member.key.clone(), why };
                problems.add::<()>(member.key_span, kind);
            }
        }
        Some((reason, answer?))
    });
    all_or_none(answers)
}

/// Whether requests denied for `reason` select no one route.
fn is_of_no_route(reason: Reason) -> bool {
    [Reason::NoRoute, Reason::AmbiguousPath, Reason::InvalidRequest].contains(&reason)
}

fn answer(object: &Object<'_>, problems: &mut Problems) -> Option<Answer> {
    let status = match object.get("status") {
        Some(node) => whole_number(node, 400, 599, problems).map(|status| u16::try_from(status).ok()),
        None => Some(None),
    };
    let media_type = match object.get("content_type") {
        Some(node) => {
            string(node, problems).and_then(|text| problems.keep(node.span, MediaType::parse(text)))
        }
        None => Some(MediaType::default()),
    };
    let text = match object.get("body") {
        Some(node) => bounded(node, problems).and_then(|text| template(node, text, problems)).map(Some),
        None => {
            if let Some(member) = object.member("content_type") {
                let why = "it is the type of `body`, which is missing";
                let kind = PolicyErrorKind::Ineffective { key: member.key.clone(), why };
                problems.add::<()>(member.key_span, kind);
            }
            Some(None)
        }
    };
    let html = match object.get("html") {
        Some(node) => page(node, problems).map(Some),
        None => Some(None),
    };
    let redirect = match object.get("redirect") {
        Some(node) => redirect(node, problems).map(Some),
        None => Some(None),
    };
    let (media_type, text) = (media_type?, text?);
    let body = text.map(|text| Body { media_type, text });
    Some(Answer { status: status?, body, html: html?, redirect: redirect? })
}

fn bounded<'n>(node: &'n Node, problems: &mut Problems) -> Option<&'n str> {
    let text = string(node, problems)?;
    if text.len() > MAX_BODY_BYTES {
        let kind = PolicyErrorKind::TooLong { length: text.len(), limit: MAX_BODY_BYTES };
        return problems.add(node.span, kind);
    }
    Some(text)
}

fn template(node: &Node, text: &str, problems: &mut Problems) -> Option<Template<ReplyField>> {
    let template = Template::parse_among_braces(text, &ReplyField::KNOWN).map_err(OnDenyError::from);
    problems.keep(node.span, template)
}

fn page(node: &Node, problems: &mut Problems) -> Option<Page> {
    match bounded(node, problems)? {
        "default" => Some(Page::BuiltIn),
        text if !text.contains('<') => {
            problems.keep(node.span, Err(OnDenyError::Page { text: text.to_owned() }))
        }
        text => template(node, text, problems).map(Page::Own),
    }
}

fn redirect(node: &Node, problems: &mut Problems) -> Option<Redirect> {
    let object = Object::open(node, REDIRECT_KEYS, problems)?;
    let status = match object.get("status") {
        Some(node) => redirect_status(node, problems),
        None => Some(RedirectStatus::default()),
    };
    let url = object.require("url", None, problems)?;
    let text = string(url, problems)?;
    let redirect = problems.keep(url.span, Redirect::parse(text, status.unwrap_or_default()))?;
    status.map(|_| redirect)
}

fn redirect_status(node: &Node, problems: &mut Problems) -> Option<RedirectStatus> {
    let Value::Number(value) = node.value else {
        return wrong_type(node, "a number", problems);
    };
    let known = [RedirectStatus::Found, RedirectStatus::SeeOther, RedirectStatus::TemporaryRedirect];
    let status = known.into_iter().find(|status| f64::from(status.code()) == value);
    problems.keep(node.span, status.ok_or(OnDenyError::RedirectStatus { value }))
}
