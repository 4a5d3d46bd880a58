//! One configured plugin in one VM: compiles the policy and hands it to requests.

use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};

use super::guard::{Guard, Ticks};
use super::host;
use super::http::Request;
use super::metrics;
use super::stream::Stream;
use super::streams::{PluginName, Streams};
use crate::engine::Engine;
use crate::policy::Policy;

/// State of a configured plugin.
pub(super) struct Root {
    context: u32,
    /// `None` until a policy was compiled; no request passes before.
    guard: Option<Rc<Guard>>,
    ticks: Rc<Ticks>,
}

impl Root {
    pub(super) fn new(context: u32) -> Self {
        Self { context, guard: None, ticks: Rc::default() }
    }

    fn configure(&mut self, policy: Policy) {
        let digest = policy.digest();
        let loaded = format!("policy {digest} with {} routes is in force", policy.routes().iter().len());
        host::log(LogLevel::Info, &loaded);
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
            }
        }
    }

    /// Does a bounded part of all that is to be done.
    fn work(&self) {
        let Some(guard) = &self.guard else { return };
        let now = host::now();
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
        metrics::flush();
        self.ticks.set([lists, streams, asking].into_iter().flatten().min());
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
        }
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, num_headers: usize, body_size: usize, _trailers: usize) {
        let Some(guard) = &self.guard else { return };
        let taken = guard.lists.borrow_mut().on_response(token, num_headers, body_size);
        if !taken {
            let now = host::now();
            guard.responses.borrow_mut().on_response(token, num_headers, body_size, now);
        }
        self.work();
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _configuration_size: usize) -> bool {
        match load_policy() {
            Ok(policy) => {
                self.configure(policy);
                // The first tick does the rest: it also finds the streams that were judged by another policy.
                self.ticks.hurry();
                true
            }
            Err(errors) => {
                for error in errors {
                    host::log(LogLevel::Error, &error);
                }
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
