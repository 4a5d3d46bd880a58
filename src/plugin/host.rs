//! Hostcalls as results.
//!
//! The SDK turns the statuses that a host may answer by contract into results, and panics at others, such as a bad
//! pointer, which Envoy answers only to a broken module. A panic is a trap: the VM ends, the request is refused, and Envoy
//! loads the filter anew. The SDK's getters that make `String`s panic at bytes that are not UTF-8, which any client can send;
//! they are not called anywhere, and clippy keeps it so.

use std::cell::Cell;
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, LogLevel, MapType, Status};
use time::OffsetDateTime;

use crate::facts::FactError;
use crate::outcome::{DECISION_ID, GrpcStatus, HeaderChanges, Reply};
use crate::policy::DecisionId;
use crate::request::Headers;

/// The clock before this is not set: 2020-01-01T00:00:00Z, in seconds.
const EARLIEST_TIME: i64 = 1_577_836_800;

/// The attribute at `path`; `None` where Envoy has none, or an empty one.
pub(super) fn attribute(fact: &'static str, path: &[&str]) -> Result<Option<Vec<u8>>, FactError> {
    match hostcalls::get_property(path.to_vec()) {
        Ok(value) => Ok(value.filter(|value| !value.is_empty())),
        Err(status) => Err(error(fact, status)),
    }
}

/// A value of the dynamic metadata.
pub(super) enum Metadata {
    /// There is none, or an empty one.
    Absent,
    /// One that Envoy gives to no filter: null, or what holds it.
    Unserializable,
    /// Anything else.
    Octets(Vec<u8>),
}

/// The value of the dynamic metadata at `path`.
pub(super) fn metadata(fact: &'static str, path: &[&str]) -> Result<Metadata, FactError> {
    match hostcalls::get_property(path.to_vec()) {
        Ok(Some(octets)) if !octets.is_empty() => Ok(Metadata::Octets(octets)),
        Ok(_) => Ok(Metadata::Absent),
        Err(Status::SerializationFailure) => Ok(Metadata::Unserializable),
        Err(status) => Err(error(fact, status)),
    }
}

/// A boolean attribute: one byte.
pub(super) fn boolean(fact: &'static str, path: &[&str]) -> Result<Option<bool>, FactError> {
    match attribute(fact, path)?.as_deref() {
        None => Ok(None),
        Some([0]) => Ok(Some(false)),
        Some([1]) => Ok(Some(true)),
        Some(_) => Err(FactError { fact, why: "not a boolean".to_owned() }),
    }
}

/// All headers of the request, pseudo-headers included.
pub(super) fn request_headers() -> Result<Headers, FactError> {
    hostcalls::get_map_bytes(MapType::HttpRequestHeaders)
        .map(Headers::new)
        .map_err(|status| error("request headers", status))
}

/// All trailers of the request.
pub(super) fn request_trailers() -> Result<Headers, FactError> {
    hostcalls::get_map_bytes(MapType::HttpRequestTrailers)
        .map(Headers::new)
        .map_err(|status| error("request trailers", status))
}

/// Changes the headers of the request.
pub(super) fn change_request_headers(changes: &HeaderChanges) -> Result<(), FactError> {
    let failed = |status| error("changing request headers", status);
    for name in &changes.remove {
        hostcalls::remove_map_value(MapType::HttpRequestHeaders, name).map_err(failed)?;
    }
    for (name, value) in &changes.set {
        hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, name, Some(value.as_bytes()))
            .map_err(failed)?;
    }
    Ok(())
}

/// Removes a trailer of the request.
pub(super) fn remove_request_trailer(name: &str) -> Result<(), FactError> {
    hostcalls::remove_map_value(MapType::HttpRequestTrailers, name)
        .map_err(|status| error("changing request trailers", status))
}

/// Answers the request.
pub(super) fn reply(reply: &Reply, id: DecisionId) -> Result<(), FactError> {
    let sent = match reply {
        Reply::Http { status, headers, body } => {
            let headers = headers.iter().map(|(name, value)| (*name, value.as_ref())).collect();
            hostcalls::send_http_response(u32::from(*status), headers, Some(body.as_bytes()))
        }
        // Envoy makes a gRPC reply of it, whose status is 200.
        Reply::Grpc { status, message } => {
            let status = match status {
                GrpcStatus::InvalidArgument => proxy_wasm::types::GrpcStatusCode::InvalidArgument,
                GrpcStatus::ResourceExhausted => proxy_wasm::types::GrpcStatusCode::ResourceExhausted,
                GrpcStatus::PermissionDenied => proxy_wasm::types::GrpcStatusCode::PermissionDenied,
                GrpcStatus::Internal => proxy_wasm::types::GrpcStatusCode::Internal,
                GrpcStatus::Unavailable => proxy_wasm::types::GrpcStatusCode::Unavailable,
                GrpcStatus::Unauthenticated => proxy_wasm::types::GrpcStatusCode::Unauthenticated,
            };
            let id = id.to_string();
            hostcalls::send_grpc_response(status, Some(message), vec![(DECISION_ID, id.as_bytes())])
        }
    };
    sent.map_err(|status| error("sending a reply", status))
}

/// Leaves `value` in Envoy's filter state under `wasm.KEY`. An access log without it is no reason to deny.
pub(super) fn set_filter_state(key: &str, value: &str) {
    let _ = hostcalls::set_property(vec![key], Some(value.as_bytes()));
}

/// The text of the plugin's configuration; answered only while the plugin is configured.
pub(super) fn plugin_configuration() -> Result<Option<Vec<u8>>, FactError> {
    hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX)
        .map_err(|status| error("plugin configuration", status))
}

/// The time; `None` where the clock cannot be read or is not set.
pub(super) fn now() -> Option<OffsetDateTime> {
    let since_epoch = hostcalls::get_current_time().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(since_epoch.as_secs()).ok()?;
    if seconds < EARLIEST_TIME {
        return None;
    }
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.replace_nanosecond(since_epoch.subsec_nanos()).ok()
}

/// Has the root's context ticked every `period` from now on, or not at all.
pub(super) fn set_ticks(period: Option<Duration>) {
    // In milliseconds, of which 0 ends them.
    let period = period.map_or(Duration::ZERO, |period| period.max(Duration::from_millis(1)));
    let _ = hostcalls::set_tick_period(period);
}

/// Has what follows be done for this context: a root, or a stream.
pub(super) fn act_for(context: u32) -> Result<(), FactError> {
    hostcalls::set_effective_context(context).map_err(|status| error("a stream", status))
}

/// Lets the request go that was held.
pub(super) fn resume_request() -> Result<(), FactError> {
    hostcalls::resume_http_request().map_err(|status| error("resuming a request", status))
}

/// Lets Envoy end the root, whose end was put off. The SDK panics where it was not, or the effective context is not the root's.
pub(super) fn done() {
    let _ = hostcalls::done();
}

/// Ends the stream.
pub(super) fn reset_stream() -> Result<(), FactError> {
    hostcalls::reset_http_request().map_err(|status| error("resetting a stream", status))
}

/// Sends a request to a cluster of the proxy; answers the token that its response comes with.
pub(super) fn call(
    cluster: &str,
    headers: Vec<(&str, &str)>,
    body: &[u8],
    timeout: Duration,
) -> Result<u32, FactError> {
    let body = (!body.is_empty()).then_some(body);
    hostcalls::dispatch_http_call(cluster, headers, body, Vec::new(), timeout)
        .map_err(|status| error("a call", status))
}

/// The headers of the response to a call, names in lower case and pseudo-headers included.
pub(super) struct CallHeaders(Vec<(String, Vec<u8>)>);

/// The headers of the response to a call; only where it has any.
pub(super) fn call_headers() -> Result<CallHeaders, FactError> {
    hostcalls::get_map_bytes(MapType::HttpCallResponseHeaders)
        .map(CallHeaders)
        .map_err(|status| error("headers of a response", status))
}

impl CallHeaders {
    /// The status of the response.
    pub(super) fn status(&self) -> Result<u16, FactError> {
        let status = self.iter().find(|(name, _)| *name == ":status");
        let status = status.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok());
        status.ok_or_else(|| FactError { fact: "status of a response", why: "no number".to_owned() })
    }

    /// Each header, name and value.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

/// The body of the response to a call, at most so many bytes of it.
pub(super) fn call_body(most: usize) -> Result<Vec<u8>, FactError> {
    hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, most)
        .map(Option::unwrap_or_default)
        .map_err(|status| error("body of a response", status))
}

/// Whether Envoy's log takes lines of `level` at present; an operator may change that at any time. Where it cannot be
/// told, a record is rather made in vain than lost.
pub(super) fn logs(level: LogLevel) -> bool {
    !hostcalls::get_log_level().is_ok_and(|least| (level as u32) < least as u32)
}

/// The same, of what was asked within the last second: requests are not to ask each.
pub(super) fn logs_about(level: LogLevel, now: Option<OffsetDateTime>) -> bool {
    thread_local! {
        /// In which second the least level was asked for, and what it is.
        static ASKED: Cell<Option<(i64, u32)>> = const { Cell::new(None) };
    }
    let Some(second) = now.map(OffsetDateTime::unix_timestamp) else { return logs(level) };
    let least = match ASKED.get() {
        Some((asked, least)) if asked == second => least,
        Some(_) | None => match hostcalls::get_log_level() {
            Ok(least) => {
                ASKED.set(Some((second, least as u32)));
                least as u32
            }
            Err(_) => return true,
        },
    };
    level as u32 >= least
}

/// Writes a line to Envoy's log.
pub(super) fn log(level: LogLevel, line: &str) {
    let _ = hostcalls::log(level, line);
}

fn error(fact: &'static str, status: Status) -> FactError {
    FactError { fact, why: format!("status {}", status as u32) }
}
