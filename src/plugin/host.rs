//! Hostcalls as results.
//!
//! The SDK turns the statuses that a host may answer by contract into results, and panics at others, such as a bad
//! pointer, which Envoy answers only to a broken module. A panic is a trap: the VM ends, the request is refused, and Envoy
//! loads the filter anew. The SDK's getters that make `String`s panic at bytes that are not UTF-8, which any client can send;
//! they are not called anywhere, and clippy keeps it so.

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
    let nanos = i128::try_from(since_epoch.as_nanos()).ok()?;
    let now = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    (now.unix_timestamp() >= EARLIEST_TIME).then_some(now)
}

/// Whether Envoy's log takes lines of `level` at present; an operator may change that at any time. Where it cannot be
/// told, a record is rather made in vain than lost.
pub(super) fn logs(level: LogLevel) -> bool {
    !hostcalls::get_log_level().is_ok_and(|least| (level as u32) < least as u32)
}

/// Writes a line to Envoy's log.
pub(super) fn log(level: LogLevel, line: &str) {
    let _ = hostcalls::log(level, line);
}

fn error(fact: &'static str, status: Status) -> FactError {
    FactError { fact, why: format!("status {}", status as u32) }
}
