//! A filter that lets every request pass, and makes the mistake that ours must not make: it reads headers as text,
//! which traps on a byte that is not UTF-8. The tests load it instead of ours, to show that they notice a trap.
#![cfg(all(target_arch = "wasm32", target_os = "wasi"))]
#![expect(missing_docs, reason = "what `proxy_wasm::main!` exports has none")]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Request;

impl Context for Request {}

impl HttpContext for Request {
    #[expect(clippy::disallowed_methods, reason = "the mistake that this filter is for")]
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        let _ = self.get_http_request_headers();
        Action::Continue
    }
}
