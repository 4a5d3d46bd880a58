//! The filter: Envoy's callbacks on one side, the engine on the other.
//!
//! The only module that knows proxy-wasm. A trap ends the VM with every request on it, so nothing here unwraps.

mod facts;
mod host;
mod http;
mod root;

proxy_wasm::main! {{
    // Also makes a panic, should there be one, say in Envoy's log where it was.
    proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(root::Root::default()));
}}
