//! What a decision does to a request: change its headers and let it pass, or answer it.

use crate::policy::{Client, Decision, DecisionId, Denial, OnDeny, Policy, Reason, Route};
use crate::request::{Headers, XFCC};

/// The header that tells the upstream whether the client's certificate was verified.
pub const CLIENT_VERIFY: &str = "x-client-verify";

/// The header of an answer that names the decision.
pub const DECISION_ID: &str = "x-mtls-decision-id";

/// Where a body of the policy wants the decision's id.
const DECISION_ID_PLACEHOLDER: &str = "{decision_id}";

/// Headers that the filter sets. What a client sends by one of these names never reaches the upstream.
const OWN_HEADERS: [&str; 1] = [CLIENT_VERIFY];

/// What happens to a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes to the upstream, with these changes to its headers.
    Pass(HeaderChanges),
    /// It is answered.
    Reply(Reply),
}

/// Changes to the headers of a request, removals first.
#[derive(Debug, PartialEq, Eq)]
pub struct HeaderChanges {
    /// Names of headers to remove, as the client sent them.
    pub remove: Vec<String>,
    /// Headers to set.
    pub set: [(&'static str, &'static str); 1],
}

/// An answer to a denied request.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// To an HTTP request.
    Http {
        /// Status code, 400 to 599.
        status: u16,
        /// Body, text.
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
    /// 13.
    Internal,
    /// 14.
    Unavailable,
    /// 16.
    Unauthenticated,
}

impl Outcome {
    /// What `decision` by `policy` does to the request with `headers`; `None` where they could not be read.
    pub fn of(decision: &Decision, policy: &Policy, headers: Option<&Headers>, id: DecisionId) -> Self {
        match (decision.enforced_denial(), headers) {
            (Some(denial), _) => {
                let on_deny = decision.route().map_or(policy.on_deny(), Route::on_deny);
                Self::Reply(Reply::to(denial, on_deny, headers, id))
            }
            (None, Some(headers)) => Self::Pass(HeaderChanges::new(decision, headers)),
            // A decision that lets pass has read the headers; were it otherwise, nothing may pass unstripped.
            (None, None) => Self::Reply(Reply::Http { status: 500, body: default_body(id) }),
        }
    }
}

impl HeaderChanges {
    fn new(decision: &Decision, headers: &Headers) -> Self {
        let mut remove = own_headers(headers.names());
        let verify = match decision.verdict().map(|permit| permit.client()) {
            Ok(Client::Verified) => "SUCCESS",
            Ok(Client::Anonymous) => "NONE",
            // Only a permit says anything of the client: a shadowed denial passes as if it were anonymous, and an
            // upstream that goes by Envoy's own header must not grant what the policy denied.
            Err(_) => {
                remove.extend(read_as(&[XFCC], headers.names()));
                "NONE"
            }
        };
        Self { remove, set: [(CLIENT_VERIFY, verify)] }
    }
}

/// Those of `names` that are, or that some server may read as, the name of a header that the filter sets.
pub fn own_headers<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    read_as(&OWN_HEADERS, names)
}

fn read_as<'a>(wanted: &[&str], names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.filter(|name| wanted.iter().any(|wanted| is_read_as(name, wanted))).map(str::to_owned).collect()
}

/// CGI (RFC 3875, section 4.1.18) and its descendants read `_`, `-` and letters of either case alike.
fn is_read_as(name: &str, wanted: &str) -> bool {
    name.len() == wanted.len()
        && name.bytes().zip(wanted.bytes()).all(|(byte, wanted)| match byte {
            b'_' => wanted == b'-',
            _ => byte.eq_ignore_ascii_case(&wanted),
        })
}

impl Reply {
    fn to(denial: &Denial, on_deny: &OnDeny, headers: Option<&Headers>, id: DecisionId) -> Self {
        if headers.is_some_and(is_grpc) {
            let message = format!("access denied, decision id {id}");
            return Self::Grpc { status: grpc_status(denial.reason()), message };
        }
        let status = status(denial.reason()).unwrap_or_else(|| on_deny.status().unwrap_or(403));
        let body = match on_deny.body() {
            Some(body) => body.replace(DECISION_ID_PLACEHOLDER, &id.to_string()),
            None => default_body(id),
        };
        Self::Http { status, body }
    }
}

fn default_body(id: DecisionId) -> String {
    format!("access denied\ndecision id: {id}\n")
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

/// The status that says what is wrong with the request rather than with the client's rights; a policy's `on_deny`
/// does not change it.
fn status(reason: Reason) -> Option<u16> {
    match reason {
        Reason::AmbiguousPath | Reason::InvalidRequest => Some(400),
        Reason::SniMismatch => Some(421),
        Reason::InternalError => Some(500),
        Reason::TimeUnavailable => Some(503),
        Reason::NoRoute
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
        | Reason::IdentityDenied
        | Reason::IdentityNotAllowed
        | Reason::TokenMissing
        | Reason::TokenMismatch
        | Reason::TokenNotBound
        | Reason::TlsVersion
        | Reason::Cipher => None,
    }
}

fn grpc_status(reason: Reason) -> GrpcStatus {
    match reason {
        Reason::AmbiguousPath | Reason::InvalidRequest => GrpcStatus::InvalidArgument,
        Reason::InternalError => GrpcStatus::Internal,
        // A client may try these again, the one when the clock is back, the other on a new connection.
        Reason::TimeUnavailable | Reason::SniMismatch => GrpcStatus::Unavailable,
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
    fn client_copies_of_own_headers_are_found_in_every_spelling() {
        let sent = ["x-client-verify", "x_client_verify", "x-client_verify", "X-Client-Verify"];
        assert_eq!(own_headers(sent.into_iter()), sent);
    }

    #[test]
    fn headers_of_similar_names_stay() {
        let sent = ["x-client-verify2", "xclient-verify", "client-verify", "x-client.verify", ":path"];
        assert!(own_headers(sent.into_iter()).is_empty());
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
