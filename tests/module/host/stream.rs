//! One stream, as Envoy knows it.

use std::collections::HashMap;

use super::abi::{Pairs, Status};

/// A request, what Envoy tells of it and its connection, and what became of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stream {
    /// As the upstream will see them.
    pub(crate) headers: Pairs,
    pub(crate) trailers: Pairs,
    /// By their names, with a full stop between the segments.
    pub(crate) attributes: HashMap<String, Vec<u8>>,
    /// What the filter has left in filter state.
    pub(crate) left: HashMap<String, Vec<u8>>,
    /// The status of a reply in the upstream's place: of HTTP, or of gRPC.
    pub(crate) reply: Option<u32>,
    /// Its headers have gone to the upstream: at once, or after the filter held them.
    pub(crate) went_on: bool,
    /// Its trailers have.
    pub(crate) trailers_went_on: bool,
    /// The filter has cut it.
    pub(crate) reset: bool,
}

/// What became of a request, as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It went on to the upstream.
    Passed,
    /// It was answered with this status.
    Answered(u32),
    /// It waits.
    Held,
}

impl Stream {
    pub(crate) fn fate(&self) -> Fate {
        match self.reply {
            Some(status) => Fate::Answered(status),
            None if self.went_on => Fate::Passed,
            None => Fate::Held,
        }
    }

    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let values = self.headers.iter().filter(|(known, _)| known == name.as_bytes());
        values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }

    pub(super) fn attribute(&self, path: &[u8]) -> Result<Vec<u8>, Status> {
        let path = String::from_utf8_lossy(path).replace('\0', ".");
        self.attributes.get(&path).cloned().ok_or(Status::NotFound)
    }
}

/// Removes every pair of this name.
pub(super) fn remove(pairs: &mut Pairs, name: &[u8]) {
    pairs.retain(|(known, _)| known != name);
}

/// Replaces every pair of this name by one.
pub(super) fn replace(pairs: &mut Pairs, name: Vec<u8>, value: Vec<u8>) {
    remove(pairs, &name);
    pairs.push((name, value));
}
