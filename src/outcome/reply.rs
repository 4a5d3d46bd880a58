//! The answer to a denied request.

use std::borrow::Cow;

use super::DECISION_ID;
use super::accept::prefers_html;
use crate::policy::{
    Answer, DecisionId, Denial, MediaType, OnDeny, Page, Piece, Reason, ReplyField, Template, fixed_status,
};
use crate::request::Headers;

/// The page for those whose policy brings none.
const PAGE: &str = include_str!("denied.html");

/// Where that page wants the decision's id.
const DECISION_ID_PLACE: &str = "{decision_id}";

/// An answer to a denied request.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// To an HTTP request.
    Http {
        /// Status code: 302, 303, 307, or 400 to 599.
        status: u16,
        /// Headers.
        headers: Vec<(&'static str, Cow<'static, str>)>,
        /// Body, text. Envoy keeps it from those who asked by `HEAD`.
        body: String,
    },
    /// To a gRPC request.
    Grpc {
        /// Status.
        status: GrpcStatus,
        /// Message, one line.
        message: String,
    },
}

/// The gRPC status codes of denials, by the numbers of the gRPC specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrpcStatus {
    /// 3.
    InvalidArgument,
    /// 7.
    PermissionDenied,
    /// 8.
    ResourceExhausted,
    /// 13.
    Internal,
    /// 14.
    Unavailable,
    /// 16.
    Unauthenticated,
}

impl Reply {
    /// The answer to a request with `headers`, as far as they could be read, that was denied so.
    pub(super) fn to(denial: &Denial, on_deny: &OnDeny, headers: Option<&Headers>, id: DecisionId) -> Self {
        let reason = denial.reason();
        if headers.is_some_and(is_grpc) {
            let message = format!("access denied, decision id {id}");
            return Self::Grpc { status: grpc_status(reason), message };
        }
        let answer = on_deny.answer(reason);
        let told = Told { reason, id };
        let mut reply = Http::new(id);
        let (media_type, body) = told.body(answer, headers);
        reply.header("content-type", media_type);
        if answer.html().is_some() {
            reply.header("vary", "accept");
        }
        let status = match (fixed_status(reason), answer.redirect()) {
            (Some(status), _) => status,
            (None, Some(redirect)) if headers.is_some_and(only_reads) => {
                reply.header("location", told.text(redirect.url()));
                redirect.status().code()
            }
            (None, Some(_) | None) => answer.status().unwrap_or(403),
        };
        if let Some(seconds) = denial.retry_after() {
            reply.header("retry-after", seconds.to_string());
        }
        if status == 401 {
            reply.header("www-authenticate", challenge(reason));
        }
        reply.into_reply(status, body)
    }

    /// The answer to a request about which nothing can be decided.
    pub fn refusal(status: u16, id: DecisionId) -> Self {
        let mut reply = Http::new(id);
        reply.header("content-type", MediaType::default().as_str().to_owned());
        reply.into_reply(status, default_body(id))
    }
}

/// An HTTP answer in the making.
struct Http(Vec<(&'static str, Cow<'static, str>)>);

impl Http {
    fn new(id: DecisionId) -> Self {
        Self(vec![
            ("cache-control", "no-store".into()),
            ("x-content-type-options", "nosniff".into()),
            (DECISION_ID, id.to_string().into()),
        ])
    }

    fn header(&mut self, name: &'static str, value: impl Into<Cow<'static, str>>) {
        self.0.push((name, value.into()));
    }

    fn into_reply(self, status: u16, body: String) -> Reply {
        Reply::Http { status, headers: self.0, body }
    }
}

/// What a client is told of a decision.
struct Told {
    reason: Reason,
    id: DecisionId,
}

impl Told {
    /// The body, and what it is.
    fn body(&self, answer: &Answer, headers: Option<&Headers>) -> (Cow<'static, str>, String) {
        let default = MediaType::default();
        let media_type = answer.body().map_or(&default, |body| body.media_type());
        let page = answer.html().filter(|_| {
            headers.is_some_and(|headers| prefers_html(headers.values("accept"), media_type.essence()))
        });
        let html = Cow::Borrowed("text/html; charset=utf-8");
        match (page, answer.body()) {
            (Some(Page::BuiltIn), _) => (html, PAGE.replace(DECISION_ID_PLACE, &self.id.to_string())),
            (Some(Page::Own(page)), _) => (html, self.text(page)),
            (None, Some(body)) => (media_type.as_str().to_owned().into(), self.text(body.text())),
            (None, None) => (media_type.as_str().to_owned().into(), default_body(self.id)),
        }
    }

    fn text(&self, template: &Template<ReplyField>) -> String {
        let pieces = template.pieces().iter().map(|piece| match piece {
            Piece::Text(text) => Cow::Borrowed(text.as_str()),
            Piece::Field(ReplyField::DecisionId) => Cow::Owned(self.id.to_string()),
            Piece::Field(ReplyField::Reason) => Cow::Borrowed(self.reason.code()),
        });
        pieces.collect()
    }
}

fn default_body(id: DecisionId) -> String {
    format!("access denied\ndecision id: {id}\n")
}

/// What a 401 must bring (RFC 9110, section 15.5.2): how to do better. No scheme is registered for client certificates,
/// and those that are would make browsers ask for a password; one that a client does not know it passes over.
fn challenge(reason: Reason) -> &'static str {
    match reason {
        // RFC 6750, section 3: without a token no error is told.
        Reason::TokenMissing => "Bearer",
        // RFC 6750, section 3.1, and RFC 8705, section 3.
        Reason::TokenMismatch | Reason::TokenNotBound => "Bearer error=\"invalid_token\"",
        Reason::NoRoute
        | Reason::AmbiguousPath
        | Reason::InvalidRequest
        | Reason::NoCertificate
        | Reason::MalformedCertificate
        | Reason::ForwardedCertificateMismatch
        | Reason::Untrusted
        | Reason::Expired
        | Reason::NotYetValid
        | Reason::WeakCertificate
        | Reason::WildcardName
        | Reason::LifetimeTooLong
        | Reason::WrongKeyUsage
        | Reason::Revoked
        | Reason::RevocationUnknown
        | Reason::IdentityDenied
        | Reason::IdentityNotAllowed
        | Reason::TlsVersion
        | Reason::Cipher
        | Reason::SniMismatch
        | Reason::Throttled
        | Reason::TimeUnavailable
        | Reason::InternalError
        | Reason::AuditUnavailable => "TLS-Client-Certificate",
    }
}

/// Whether a client can be sent elsewhere without losing, or sending there, what it brings.
fn only_reads(headers: &Headers) -> bool {
    matches!(headers.first(":method"), Some(b"GET" | b"HEAD"))
}

/// `application/grpc`, with a suffix or without, and a path. As Envoy sees it: a request that is gRPC to us alone, such as
/// a `CONNECT`, would be answered with the status 200 of gRPC and no gRPC status beside it.
fn is_grpc(headers: &Headers) -> bool {
    headers.first(":path").is_some()
        && headers
            .first("content-type")
            .and_then(|value| value.strip_prefix(b"application/grpc"))
            .is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b'+'))
}

fn grpc_status(reason: Reason) -> GrpcStatus {
    match reason {
        Reason::AmbiguousPath | Reason::InvalidRequest => GrpcStatus::InvalidArgument,
        Reason::InternalError => GrpcStatus::Internal,
        // Not `UNAVAILABLE`, which many clients try again at once.
        Reason::Throttled => GrpcStatus::ResourceExhausted,
        // A client may try these again: when the clock is back, on a new connection, when a list has come, when records were sent.
        Reason::TimeUnavailable
        | Reason::SniMismatch
        | Reason::RevocationUnknown
        | Reason::AuditUnavailable => GrpcStatus::Unavailable,
        Reason::NoCertificate
        | Reason::MalformedCertificate
        | Reason::ForwardedCertificateMismatch
        | Reason::Untrusted
        | Reason::Expired
        | Reason::NotYetValid
        | Reason::WeakCertificate
        | Reason::WildcardName
        | Reason::LifetimeTooLong
        | Reason::WrongKeyUsage
        | Reason::Revoked
        | Reason::TokenMissing
        | Reason::TokenNotBound => GrpcStatus::Unauthenticated,
        Reason::NoRoute
        | Reason::IdentityDenied
        | Reason::IdentityNotAllowed
        | Reason::TokenMismatch
        | Reason::TlsVersion
        | Reason::Cipher => GrpcStatus::PermissionDenied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        Headers::new(
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect(),
        )
    }

    #[test]
    fn grpc_is_known_by_its_content_type_and_nothing_that_begins_like_it() {
        for value in ["application/grpc", "application/grpc+proto", "application/grpc+json"] {
            assert!(is_grpc(&headers(&[(":path", "/a.B/c"), ("content-type", value)])), "{value}");
            assert!(!is_grpc(&headers(&[("content-type", value)])), "{value}, as a CONNECT without a path");
        }
        for value in
            ["application/grpc-web", "application/grpcx", "application/grpc;x", "application/json", ""]
        {
            assert!(!is_grpc(&headers(&[(":path", "/a.B/c"), ("content-type", value)])), "{value}");
        }
    }
}
