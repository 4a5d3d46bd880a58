//! A filter that makes the calls that its configuration lists for each request, throws the answers away, and lets the request pass: what
//! a filter costs that asks as much as ours and thinks nothing.
//!
//! A line is a call and what it is given, apart by spaces:
//!
//! | line | call |
//! |---|---|
//! | `clock` | the time |
//! | `headers` | all headers of the request |
//! | `property NAME...` | an attribute, by the parts of its path |
//! | `shared KEY BYTES` | a value of so many bytes that all workers share |
//! | `replace NAME VALUE` | a header of the request |
//! | `set NAME VALUE` | filter state |
//! | `log LINE` | a line in Envoy's log, at the level `info` |
#![cfg(all(target_arch = "wasm32", target_os = "wasi"))]
#![expect(missing_docs, reason = "what `proxy_wasm::main!` exports has none")]

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, BufferType, ContextType, LogLevel, MapType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root(Rc::default())));
}}

/// A call for each request.
enum Call {
    Clock,
    Headers,
    Property(Vec<String>),
    Shared(String),
    Replace(String, String),
    Set(String, String),
    Log(String),
}

impl Call {
    /// Of a line; `None` where it is no call.
    fn read(line: &str) -> Option<Call> {
        let (call, given) = line.split_once(' ').unwrap_or((line, ""));
        let pair = || given.split_once(' ').map(|(name, value)| (name.to_owned(), value.to_owned()));
        match call {
            "clock" => Some(Call::Clock),
            "headers" => Some(Call::Headers),
            "property" => Some(Call::Property(given.split(' ').map(str::to_owned).collect())),
            "shared" => {
                let (key, bytes) = given.split_once(' ')?;
                hostcalls::set_shared_data(key, Some(&vec![1; bytes.parse().ok()?]), None).ok()?;
                Some(Call::Shared(key.to_owned()))
            }
            "replace" => pair().map(|(name, value)| Call::Replace(name, value)),
            "set" => pair().map(|(name, value)| Call::Set(name, value)),
            "log" => Some(Call::Log(given.to_owned())),
            _ => None,
        }
    }

    /// What comes of it is nothing to this filter.
    fn make(&self) {
        match self {
            Call::Clock => {
                let _ = hostcalls::get_current_time();
            }
            Call::Headers => {
                let _ = hostcalls::get_map_bytes(MapType::HttpRequestHeaders);
            }
            Call::Property(path) => {
                let _ = hostcalls::get_property(path.iter().map(String::as_str).collect());
            }
            Call::Shared(key) => {
                let _ = hostcalls::get_shared_data(key);
            }
            Call::Replace(name, value) => {
                let value = Some(value.as_bytes());
                let _ = hostcalls::set_map_value_bytes(MapType::HttpRequestHeaders, name, value);
            }
            Call::Set(name, value) => {
                let _ = hostcalls::set_property(vec![name.as_str()], Some(value.as_bytes()));
            }
            Call::Log(line) => {
                let _ = hostcalls::log(LogLevel::Info, line);
            }
        }
    }
}

struct Root(Rc<[Call]>);

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _configuration_size: usize) -> bool {
        let Ok(Some(text)) = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX) else {
            return false;
        };
        let Ok(text) = String::from_utf8(text) else { return false };
        let Some(calls) = text.lines().map(Call::read).collect::<Option<Vec<Call>>>() else { return false };
        self.0 = calls.into();
        true
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request(Rc::clone(&self.0))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Request(Rc<[Call]>);

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        self.0.iter().for_each(Call::make);
        Action::Continue
    }
}
