//! One request: asks the engine and does what it says.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

use super::facts::RequestFacts;
use super::host;
use super::root::Guard;
use crate::audit::{self, Record, filter_state};
use crate::outcome::{Outcome, Reply, trailers_to_remove};
use crate::policy::{Decision, DecisionId, Denial};

/// One request.
pub(super) struct Request {
    guard: Option<Rc<Guard>>,
    /// Names the decision once it is made.
    id: DecisionId,
    passed: bool,
}

impl Request {
    pub(super) fn new(guard: Option<Rc<Guard>>) -> Self {
        Self { guard, id: DecisionId { vm: 0, sequence: 0 }, passed: false }
    }

    fn decide(&mut self, guard: &Guard) -> Action {
        let facts = RequestFacts::default();
        let now = host::now();
        self.id = guard.next_id();
        let policy = guard.engine.policy();
        let mut decision = guard.engine.decide(&facts, now);
        let mut outcome = Outcome::of(&decision, policy, facts.readable_headers(), self.id);
        if let Outcome::Pass(changes) = &outcome
            && let Err(error) = host::change_request_headers(changes)
        {
            // A client's copy of a header may still be there.
            decision = decision.overruled(Denial::from(error));
            outcome = Outcome::of(&decision, policy, facts.readable_headers(), self.id);
        }
        leave_for_access_log(&decision);
        // Denials stay visible where the proxy's log begins at warnings.
        let level = if decision.verdict().is_ok() { LogLevel::Info } else { LogLevel::Warn };
        if host::logs(level) {
            let record = Record::new(&decision, &facts, policy.digest(), self.id, now);
            host::log(level, &record.to_line());
        }
        match outcome {
            Outcome::Pass(_) => {
                self.passed = true;
                Action::Continue
            }
            Outcome::Reply(reply) => self.answer(&reply),
        }
    }

    /// Answers and keeps the request from the upstream, whether or not the answer could be sent.
    fn answer(&mut self, reply: &Reply) -> Action {
        self.passed = false;
        if let Err(error) = host::reply(reply, self.id) {
            host::log(LogLevel::Error, &format!("denied request {} could not be answered: {error}", self.id));
        }
        Action::Pause
    }

    fn refuse(&mut self, why: &str) -> Action {
        host::log(LogLevel::Error, &format!("request {} was denied: {why}", self.id));
        self.answer(&Reply::refusal(503, self.id))
    }
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        match self.guard.clone() {
            Some(guard) => self.decide(&guard),
            None => self.refuse("no policy is in force"),
        }
    }

    fn on_http_request_body(&mut self, _body_size: usize, _end_of_stream: bool) -> Action {
        if self.passed { Action::Continue } else { Action::Pause }
    }

    /// Trailers that bear the name of a header that the filter sets go the same way as headers: some servers merge them.
    fn on_http_request_trailers(&mut self, _num_trailers: usize) -> Action {
        if !self.passed {
            return Action::Pause;
        }
        let Some(guard) = self.guard.clone() else {
            return self.refuse("no policy is in force");
        };
        let stripped = host::request_trailers().and_then(|trailers| {
            let names = trailers_to_remove(guard.engine.policy(), trailers.names());
            names.iter().try_for_each(|name| host::remove_request_trailer(name))
        });
        match stripped {
            Ok(()) => Action::Continue,
            Err(error) => self.refuse(&error.to_string()),
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
