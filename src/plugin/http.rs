//! One request: asks the engine and does what it says.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

use super::facts::RequestFacts;
use super::host;
use super::root::Guard;
use crate::audit::{self, Record, filter_state};
use crate::facts::FactError;
use crate::outcome::{Outcome, Reply, own_headers};
use crate::policy::{Decision, DecisionId};

/// One request.
pub(super) struct Request {
    guard: Option<Rc<Guard>>,
}

impl Request {
    pub(super) fn new(guard: Option<Rc<Guard>>) -> Self {
        Self { guard }
    }

    fn decide(&self) -> Action {
        let Some(guard) = &self.guard else {
            host::log(LogLevel::Error, "a request was denied because no policy is in force");
            return answer(&unavailable(), DecisionId { vm: 0, sequence: 0 });
        };
        let facts = RequestFacts::default();
        let now = host::now();
        let id = guard.next_id();
        let decision = guard.engine.decide(&facts, now);
        let outcome = Outcome::of(&decision, facts.readable_headers(), id);
        leave_for_access_log(&decision);
        let record = Record::new(&decision, &facts, guard.engine.policy().digest(), id, now);
        // Denials stay visible where the proxy's log begins at warnings.
        let level = if decision.verdict().is_ok() { LogLevel::Info } else { LogLevel::Warn };
        host::log(level, &record.to_line());
        match outcome {
            Outcome::Pass(changes) => match host::change_request_headers(&changes) {
                Ok(()) => Action::Continue,
                // A client's copy of a header may still be there.
                Err(error) => refuse(&error, id),
            },
            Outcome::Reply(reply) => answer(&reply, id),
        }
    }
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        self.decide()
    }

    /// Trailers that bear the name of a header that the filter sets go the same way as headers: some servers merge them.
    fn on_http_request_trailers(&mut self, _num_trailers: usize) -> Action {
        let stripped = host::request_trailers().and_then(|trailers| {
            own_headers(trailers.names()).iter().try_for_each(|name| host::remove_request_trailer(name))
        });
        match stripped {
            Ok(()) => Action::Continue,
            Err(error) => refuse(&error, DecisionId { vm: 0, sequence: 0 }),
        }
    }
}

fn leave_for_access_log(decision: &Decision) {
    host::set_filter_state(filter_state::DECISION, audit::decision_word(decision));
    if let Err(denial) = decision.verdict() {
        host::set_filter_state(filter_state::REASON, denial.reason().code());
    }
    if let Some(route) = decision.route() {
        host::set_filter_state(filter_state::ROUTE, route.name());
    }
}

fn refuse(error: &FactError, id: DecisionId) -> Action {
    host::log(LogLevel::Error, &format!("a request was denied: {error}"));
    answer(&unavailable(), id)
}

fn unavailable() -> Reply {
    Reply::Http { status: 503, body: "access denied\n".to_owned() }
}

/// Answers and keeps the request from the upstream, whether or not the answer could be sent.
fn answer(reply: &Reply, id: DecisionId) -> Action {
    if let Err(error) = host::reply(reply, id) {
        host::log(LogLevel::Error, &format!("a denied request could not be answered: {error}"));
    }
    Action::Pause
}
