//! All that lies outside of the filter.

use std::collections::{BTreeMap, HashMap};

use super::abi::{
    CALL_RESPONSE_BODY, CALL_RESPONSE_HEADERS, PLUGIN_CONFIGURATION, Pairs, REQUEST_HEADERS,
    REQUEST_TRAILERS, Status,
};
use super::fault::{Answer, Fault};
use super::shared::SharedData;
use super::stream::Stream;

/// 2026-11-22T00:00:00Z, in nanoseconds since 1970.
pub(crate) const START: u64 = 1_795_305_600_000_000_000;

/// The level `info` of a log.
pub(crate) const INFO: i32 = 2;

/// The clusters that Envoy has.
const CLUSTERS: [&str; 3] = ["crl", "ocsp", "collector"];

/// What the filter's calls act on.
pub(crate) struct World {
    /// In nanoseconds since 1970.
    pub(crate) now: u64,
    /// The least level that the log takes.
    pub(crate) log_level: i32,
    pub(crate) log: Vec<String>,
    pub(crate) streams: HashMap<i32, Stream>,
    pub(crate) shared: SharedData,
    /// By name: counters and gauges as they stand, of histograms the sum.
    pub(crate) metrics: BTreeMap<String, i64>,
    /// In milliseconds; 0 where there are no ticks.
    pub(crate) tick_period: i32,
    /// What was sent and not answered, by token.
    pub(crate) sent: BTreeMap<i32, Sent>,
    /// The response that is being handed to the filter.
    pub(crate) response: Option<Response>,
    /// The name of each call of the filter since it was last cleared.
    pub(crate) calls: Vec<&'static str>,
    pub(crate) fault: Option<Fault>,
    /// Whether the filter has said that it is done.
    pub(crate) done: bool,
    pub(super) configuration: Vec<u8>,
    pub(super) root: i32,
    /// Whose callback runs, or whom the filter acts for.
    pub(super) context: i32,
    metric_names: Vec<String>,
    last_token: i32,
    random: u64,
}

/// A call to a server.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) cluster: String,
    pub(crate) headers: Pairs,
    pub(crate) body: Vec<u8>,
}

/// What a server has answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    pub(crate) headers: Pairs,
    pub(crate) body: Vec<u8>,
}

impl World {
    pub(super) fn new() -> World {
        World {
            now: START,
            log_level: INFO,
            log: Vec::new(),
            streams: HashMap::new(),
            shared: SharedData::default(),
            metrics: BTreeMap::new(),
            tick_period: 0,
            sent: BTreeMap::new(),
            response: None,
            calls: Vec::new(),
            fault: None,
            done: false,
            configuration: Vec::new(),
            root: 0,
            context: 0,
            metric_names: Vec::new(),
            last_token: 0,
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Notes a call, and says what it is to answer if not the truth.
    pub(super) fn note(&mut self, name: &'static str) -> Option<Answer> {
        let at = self.calls.len();
        self.calls.push(name);
        self.fault.as_ref().filter(|fault| fault.at == at).map(|fault| fault.answer.clone())
    }

    /// What the plugin was configured with last.
    pub(crate) fn configuration(&self) -> &[u8] {
        &self.configuration
    }

    /// Octets that follow from how many were drawn before, so that runs are alike.
    pub(super) fn random(&mut self) -> u8 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.to_le_bytes()[3]
    }

    pub(super) fn property(&self, path: &[u8]) -> Result<Vec<u8>, Status> {
        match path {
            b"plugin_name" | b"plugin_root_id" => Ok(b"mtls_policy".to_vec()),
            _ => self.stream().ok_or(Status::NotFound)?.attribute(path),
        }
    }

    pub(super) fn set_property(&mut self, path: &[u8], value: Vec<u8>) -> Result<(), Status> {
        let key = String::from_utf8_lossy(path).replace('\0', ".");
        self.stream_mut()?.left.insert(key, value);
        Ok(())
    }

    pub(super) fn map(&self, kind: i32) -> Result<&Pairs, Status> {
        let map = match kind {
            REQUEST_HEADERS => self.stream().map(|stream| &stream.headers),
            REQUEST_TRAILERS => self.stream().map(|stream| &stream.trailers),
            CALL_RESPONSE_HEADERS => self.response.as_ref().map(|response| &response.headers),
            _ => None,
        };
        map.ok_or(Status::BadArgument)
    }

    pub(super) fn map_mut(&mut self, kind: i32) -> Result<&mut Pairs, Status> {
        match kind {
            REQUEST_HEADERS => Ok(&mut self.stream_mut()?.headers),
            REQUEST_TRAILERS => Ok(&mut self.stream_mut()?.trailers),
            _ => Err(Status::BadArgument),
        }
    }

    pub(super) fn buffer(&self, kind: i32) -> Result<&[u8], Status> {
        match kind {
            PLUGIN_CONFIGURATION => Ok(&self.configuration),
            CALL_RESPONSE_BODY => Ok(&self.response.as_ref().ok_or(Status::NotFound)?.body),
            _ => Err(Status::NotFound),
        }
    }

    pub(super) fn stream_mut(&mut self) -> Result<&mut Stream, Status> {
        self.streams.get_mut(&self.context).ok_or(Status::BadArgument)
    }

    fn stream(&self) -> Option<&Stream> {
        self.streams.get(&self.context)
    }

    pub(super) fn act_for(&mut self, context: i32) -> Result<(), Status> {
        if context != self.root && !self.streams.contains_key(&context) {
            return Err(Status::BadArgument);
        }
        self.context = context;
        Ok(())
    }

    pub(super) fn send(&mut self, call: Sent) -> Result<i32, Status> {
        let has = |name: &str| call.headers.iter().any(|(known, _)| known == name.as_bytes());
        if !CLUSTERS.contains(&call.cluster.as_str())
            || ![":method", ":path", ":authority"].into_iter().all(has)
        {
            return Err(Status::BadArgument);
        }
        self.last_token += 1;
        self.sent.insert(self.last_token, call);
        Ok(self.last_token)
    }

    pub(super) fn define_metric(&mut self, name: String) -> i32 {
        let known = self.metric_names.iter().position(|known| *known == name);
        let at = known.unwrap_or_else(|| {
            self.metrics.insert(name.clone(), 0);
            self.metric_names.push(name);
            self.metric_names.len() - 1
        });
        i32::try_from(at).unwrap() + 1
    }

    pub(super) fn metric(&mut self, id: i32) -> Result<&mut i64, Status> {
        let at = usize::try_from(id - 1).map_err(|_| Status::BadArgument)?;
        let name = self.metric_names.get(at).ok_or(Status::BadArgument)?;
        self.metrics.get_mut(name).ok_or(Status::NotFound)
    }
}
