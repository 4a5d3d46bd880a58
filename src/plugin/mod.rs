//! The filter: Envoy's callbacks on one side, the engine on the other.
//!
//! The only module that knows proxy-wasm. A trap ends the VM with every request on it, so nothing here unwraps.

mod audit;
mod audit_sink;
mod evidence;
mod facts;
mod guard;
mod host;
mod http;
mod lists;
mod metrics;
mod ocsp;
mod root;
mod shared;
mod stream;
mod streams;
mod throttle;

proxy_wasm::main! {{
    // Also makes a panic, should there be one, say in Envoy's log where it was.
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Trace);
    proxy_wasm::set_root_context(|context| Box::new(root::Root::new(context)));
}}
