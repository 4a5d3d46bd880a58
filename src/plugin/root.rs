//! One configured plugin in one VM: compiles the policy and hands it to requests.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};
use time::OffsetDateTime;

use super::audit;
use super::audit_sink::{FLUSH_LIMIT, Sink};
use super::guard::{Guard, Ticks};
use super::host;
use super::http::Request;
use super::metrics;
use super::stream::Stream;
use super::streams::{PluginName, Streams};
use crate::engine::Engine;
use crate::metrics::POLICY_REFUSED;
use crate::policy::Policy;

/// State of a configured plugin.
pub(super) struct Root {
    context: u32,
    /// `None` until a policy was compiled; no request passes before.
    guard: Option<Rc<Guard>>,
    ticks: Rc<Ticks>,
    stage: Cell<Stage>,
}

/// How far the root has come.
#[derive(Clone, Copy)]
enum Stage {
    /// Requests come to it, or may come yet.
    Serving,
    /// Envoy wants to end it, and waits for the last audit records to be delivered, at most until then.
    Ending(OffsetDateTime),
    /// Envoy ends it.
    Over,
}

impl Root {
    pub(super) fn new(context: u32) -> Self {
        Self { context, guard: None, ticks: Rc::default(), stage: Cell::new(Stage::Serving) }
    }

    fn configure(&mut self, policy: Policy) {
        let digest = policy.digest();
        let loaded = format!("policy {digest} with {} routes is in force", policy.routes().iter().len());
        host::log(LogLevel::Info, &loaded);
        audit::warn_of_lost_records(policy.audit());
        // Two listeners with one configuration are one root, which is configured for each of them.
        let known = self.guard.as_ref().filter(|guard| guard.engine.policy().digest() == digest);
        if known.is_none() {
            // Seeded at random by the host, and all that is wanted is that two VMs differ.
            let vm = RandomState::new().hash_one(digest.as_bytes());
            let streams = Streams::of(PluginName::configured());
            let guard = Guard::new(Engine::new(policy), self.context, vm, streams, Rc::clone(&self.ticks));
            guard.streams.take_over(&guard);
            if let Some(replaced) = self.guard.replace(guard) {
                replaced.streams.retire(&replaced);
                self.leave(&replaced);
                metrics::end(&replaced);
            }
        }
    }

    /// Does a bounded part of all that is to be done.
    fn work(&self) {
        let Some(guard) = &self.guard else { return };
        let now = host::now();
        match self.stage.get() {
            Stage::Serving => {}
            Stage::Ending(until) => return self.finish(guard, now, until),
            Stage::Over => return,
        }
        let lists = guard.lists.borrow_mut().tick(now);
        let streams = guard.streams.tick(now);
        let ask = |guard: Rc<Guard>| {
            // A question is its own root's to send: what comes back is looked for there, and Envoy drops it where that root ends.
            host::act_for(guard.root).ok()?;
            guard.responses.borrow_mut().tick(now?)
        };
        let asking = self.guards().into_iter().filter_map(ask).min();
        // From here on for this plugin again.
        let _ = host::act_for(self.context);
        let sending = guard.sink.as_ref().and_then(|sink| sink.tick(now));
        let counted = metrics::tick(now);
        self.ticks.set([lists, streams, asking, sending, counted].into_iter().flatten().min());
    }

    /// Envoy wants to end the root. Says whether it may at once: there are no audit records to be delivered, or another root delivers
    /// them.
    fn may_end(&self) -> bool {
        let Some(guard) = &self.guard else { return true };
        guard.streams.retire(guard);
        let (Some(sink), Some(now)) = (&guard.sink, host::now()) else { return true };
        if self.hand_over(guard, |heir| sink.hand_over(heir)) {
            return true;
        }
        self.stage.set(Stage::Ending(now + FLUSH_LIMIT));
        self.ticks.hurry();
        false
    }

    /// Delivers the last audit records, and lets Envoy end the root when there are none, or it has taken too long.
    fn finish(&self, guard: &Guard, now: Option<OffsetDateTime>, until: OffsetDateTime) {
        let Some(sink) = &guard.sink else { return };
        let wait = sink.tick(now);
        metrics::flush();
        if sink.is_empty() || now.is_none_or(|now| now >= until) {
            self.stage.set(Stage::Over);
            self.ticks.set(None);
            host::done();
        } else {
            self.ticks.set(wait);
        }
    }

    /// Gives the audit records that `guard` has not delivered to who delivers to the same collector, or counts them as dropped.
    fn leave(&self, guard: &Guard) {
        if let Some(sink) = &guard.sink {
            self.hand_over(guard, |heir| sink.end(heir));
        }
    }

    /// Does so with who took the place of `guard`, and has it ticked.
    fn hand_over<T>(&self, guard: &Guard, give: impl FnOnce(Option<&Sink>) -> T) -> T {
        let inherits = |other: &Guard| match (&guard.sink, &other.sink) {
            (Some(sink), Some(other)) => other.may_inherit_from(sink),
            (_, _) => false,
        };
        let heir = guard.streams.newest_that(inherits);
        let given = give(heir.as_ref().and_then(|heir| heir.sink.as_ref()));
        if let Some(heir) = heir
            && host::act_for(heir.root).is_ok()
        {
            heir.ticks.hurry();
            let _ = host::act_for(self.context);
        }
        given
    }

    /// The plugin's own state, and that of the root which took its place, whose questions are seen to from here too: there
    /// need not be a tick there.
    fn guards(&self) -> Vec<Rc<Guard>> {
        let Some(guard) = &self.guard else { return Vec::new() };
        let newest = guard.streams.guard_in_force(guard);
        let newest = (!Rc::ptr_eq(&newest, guard)).then_some(newest);
        [Rc::clone(guard)].into_iter().chain(newest).collect()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if let Some(guard) = &self.guard {
            guard.streams.retire(guard);
            self.leave(guard);
            metrics::end(guard);
        }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, num_headers: usize, body_size: usize, _trailers: usize) {
        let Some(guard) = &self.guard else { return };
        let taken = guard.lists.borrow_mut().on_response(token, num_headers, body_size)
            || guard.sink.as_ref().is_some_and(|sink| sink.on_response(token, num_headers, body_size));
        if !taken {
            let now = host::now();
            guard.responses.borrow_mut().on_response(token, num_headers, body_size, now);
        }
        self.work();
    }

    fn on_done(&mut self) -> bool {
        self.may_end()
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _configuration_size: usize) -> bool {
        match load_policy() {
            Ok(policy) => {
                self.configure(policy);
                metrics::begin();
                // The first tick does the rest: it also finds the streams that were judged by another policy.
                self.ticks.hurry();
                true
            }
            Err(errors) => {
                for error in errors {
                    host::log(LogLevel::Error, &error);
                }
                // At once: there may be no tick here any more.
                metrics::add(POLICY_REFUSED, 1);
                metrics::flush();
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.work();
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        let stream = self.guard.as_ref().map(|guard| Stream::new(context, Rc::clone(guard)));
        Some(Box::new(Request::new(stream)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// The policy in the plugin's configuration, or a line for everything that is wrong with it.
fn load_policy() -> Result<Policy, Vec<String>> {
    let configuration =
        host::plugin_configuration().map_err(|error| vec![format!("policy error: {error}")])?.ok_or_else(
            || vec!["policy error: the plugin has no configuration; it must hold a policy".to_owned()],
        )?;
    Policy::from_configuration(&configuration)
        .map_err(|errors| errors.iter().map(|error| format!("policy error: {error}")).collect())
}
