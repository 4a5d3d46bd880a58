//! Where records go: Envoy's log, filter state and a collector.

use proxy_wasm::types::LogLevel;
use time::OffsetDateTime;

use super::facts::RequestFacts;
use super::guard::Guard;
use super::{host, metrics};
use crate::audit::{About, decision_word, filter_state, is_recorded};
use crate::policy::{AccessLog, Audit, Decision, EnvoyLog};

/// Records a decision about `stream`, which is the effective context, that was asked for when it `began`, wherever the policy wants a record and somebody takes it. Nothing is read
/// for one that nobody takes.
pub(super) fn record(
    guard: &Guard,
    about: About<'_, RequestFacts>,
    began: Option<OffsetDateTime>,
    stream: u32,
) {
    let audit = about.policy.audit();
    if !is_recorded(about.policy, about.decision, about.id, guard.secret) {
        return;
    }
    // Denials stay visible where the proxy's log begins at warnings.
    let level = if about.decision.verdict().is_ok() { LogLevel::Info } else { LogLevel::Warn };
    let log = match audit.envoy_log() {
        EnvoyLog::Write if host::logs_about(level, about.now) => Some(level),
        EnvoyLog::Write => {
            metrics::add("audit.records.below_level", 1);
            None
        }
        EnvoyLog::None => None,
    };
    let key = match audit.access_log() {
        AccessLog::Record => Some(filter_state::RECORD),
        AccessLog::Outcome | AccessLog::None => None,
    };
    if log.is_none() && key.is_none() {
        match &guard.sink {
            None => return,
            Some(sink) if !sink.has_room(about.decision) => {
                // A flood of denials is not to cost the making of records that are dropped.
                guard.recorder.skip();
                return sink.drop_unmade();
            }
            Some(_) => {}
        }
    }
    let took = began.zip(host::now()).and_then(|(began, now)| (now - began).try_into().ok());
    let line = guard.recorder.record(&About { took, ..about }).to_line(audit.format());
    if let Some(level) = log {
        host::log(level, &line);
    }
    if let Some(key) = key {
        host::set_filter_state(key, &line);
    }
    if let Some(sink) = &guard.sink
        && let Some(time) = sink.take(&about, &line)
    {
        guard.tick_within(time, stream);
    }
}

/// Leaves for Envoy's access log what a decision about the effective context comes to.
pub(super) fn leave_for_access_log(decision: &Decision, audit: &Audit) {
    match audit.access_log() {
        AccessLog::Outcome | AccessLog::Record => {}
        AccessLog::None => return,
    }
    host::set_filter_state(filter_state::DECISION, decision_word(decision));
    if let Err(denial) = decision.verdict() {
        host::set_filter_state(filter_state::REASON, denial.reason().code());
    }
    if let Some(route) = decision.route() {
        host::set_filter_state(filter_state::ROUTE, route.name());
    }
}

/// Says once where Envoy's log takes no records, and nothing else does.
pub(super) fn warn_of_lost_records(audit: &Audit) {
    let only_log = match (audit.envoy_log(), audit.access_log(), audit.otlp()) {
        (EnvoyLog::Write, AccessLog::Outcome | AccessLog::None, None) => true,
        (EnvoyLog::Write | EnvoyLog::None, _, _) => false,
    };
    if !only_log || host::logs(LogLevel::Info) {
        return;
    }
    let (level, whose) = if host::logs(LogLevel::Warn) {
        (LogLevel::Warn, "permits")
    } else {
        (LogLevel::Error, "permits and denials")
    };
    let line = [
        "there are no audit records of ",
        whose,
        ": this proxy's log does not take their level; say \
         `\"access_log\": \"record\"` or `otlp` in `audit`, or raise the level of component `wasm`",
    ]
    .concat();
    host::log(level, &line);
}
