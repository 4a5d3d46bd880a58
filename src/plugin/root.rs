//! One configured plugin in one VM: compiles the policy and hands it to requests.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};

use super::host;
use super::http::Request;
use crate::engine::Engine;
use crate::policy::{DecisionId, Policy};

/// State of a configured plugin.
#[derive(Default)]
pub(super) struct Root {
    /// `None` until a policy was compiled; no request passes before.
    guard: Option<Rc<Guard>>,
}

/// What every request of a configured plugin shares.
pub(super) struct Guard {
    pub(super) engine: Engine,
    vm: u64,
    decisions: Cell<u64>,
}

impl Guard {
    pub(super) fn next_id(&self) -> DecisionId {
        let sequence = self.decisions.get();
        self.decisions.set(sequence.wrapping_add(1));
        DecisionId { vm: self.vm, sequence }
    }
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _configuration_size: usize) -> bool {
        match load_policy() {
            Ok(policy) => {
                let loaded = format!(
                    "policy {} with {} routes is in force",
                    policy.digest(),
                    policy.routes().iter().len()
                );
                host::log(LogLevel::Info, &loaded);
                // Seeded at random by the host, and all that is wanted is that two VMs differ.
                let vm = RandomState::new().hash_one(policy.digest().as_bytes());
                self.guard =
                    Some(Rc::new(Guard { engine: Engine::new(policy), vm, decisions: Cell::new(0) }));
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

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request::new(self.guard.clone())))
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
