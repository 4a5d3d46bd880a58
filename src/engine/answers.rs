//! Answers what the conditions of routes ask, out of the facts of a request.

use crate::facts::Facts;
use crate::policy::{Answers, ClientAddress, Denial};
use crate::request::Headers;

/// The facts of one request, as routes ask for them.
pub(super) struct RouteAnswers<'a, F> {
    pub(super) facts: &'a F,
    pub(super) headers: &'a Headers,
    /// Which address counts as the client's.
    pub(super) client_address: ClientAddress,
}

impl<F: Facts> Answers for RouteAnswers<'_, F> {
    fn each_header(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        self.facts.before_headers();
        self.headers.iter().for_each(|(name, value)| visit(name, value));
    }

    fn envoy_route(&self) -> Result<Option<Vec<u8>>, Denial> {
        Ok(self.facts.envoy_route()?)
    }

    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, Denial> {
        Ok(self.facts.envoy_cluster()?)
    }

    fn route_metadata(&self) -> Result<Option<Vec<u8>>, Denial> {
        Ok(self.facts.route_metadata()?)
    }

    fn source(&self) -> Result<Option<Vec<u8>>, Denial> {
        Ok(match self.client_address {
            ClientAddress::Direct => self.facts.source_address()?,
            ClientAddress::Forwarded => self.facts.forwarded_address()?,
        })
    }
}
