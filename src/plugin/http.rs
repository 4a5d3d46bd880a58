//! Envoy's callbacks for one request.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

use super::host;
use super::metrics;
use super::stream::Stream;
use crate::metrics::REFUSED;
use crate::outcome::Reply;
use crate::policy::DecisionId;

/// One request, as long as Envoy keeps it.
pub(super) struct Request {
    /// `None` where no policy is in force.
    stream: Option<Rc<Stream>>,
}

impl Request {
    pub(super) fn new(stream: Option<Rc<Stream>>) -> Self {
        Self { stream }
    }
}

impl Context for Request {}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _num_headers: usize, _end_of_stream: bool) -> Action {
        match &self.stream {
            Some(stream) => stream.begin(),
            None => {
                host::log(LogLevel::Error, "a request was denied: no policy is in force");
                // Whether or not it could be sent: the request stays where it is.
                let id = DecisionId { vm: 0, sequence: 0 };
                let _ = host::reply(&Reply::refusal(503, id), id);
                // At once: without a policy there are no ticks.
                metrics::add(REFUSED, 1);
                metrics::flush();
                Action::Pause
            }
        }
    }

    /// A body must wait as the headers do: where the filter is configured with `allow_on_headers_stop_iteration`, it would take
    /// them along to the upstream otherwise. What has come of it is kept by Envoy, within the limits of its buffers.
    fn on_http_request_body(&mut self, _body_size: usize, _end_of_stream: bool) -> Action {
        self.stream.as_ref().map_or(Action::Pause, |stream| stream.body())
    }

    fn on_http_request_trailers(&mut self, _num_trailers: usize) -> Action {
        self.stream.as_ref().map_or(Action::Pause, |stream| stream.trailers())
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            stream.end();
        }
    }
}
