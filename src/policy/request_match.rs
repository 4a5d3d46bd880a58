//! What a request must be for a route to be its own.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use super::decision::{Denial, Reason};
use super::header::{HeaderCondition, HeaderReadings};
use super::host::{Host, HostPattern};
use super::network::{self, Network};
use super::path::{PathCase, PathPattern};
use super::route_metadata::{Entry, RouteMetadata};
use crate::identity::Truth;

/// Most bytes that expressions see for one request, each reading of a path or header counted for each expression that it
/// is compared with: 10,000 expressions and a path of 400 bytes, in a few milliseconds.
const MAX_EXPRESSION_BYTES: usize = 4 * 1024 * 1024;

/// Conditions, all of which must hold. An empty list is none.
#[derive(Debug, Default)]
pub(super) struct RequestMatch {
    pub(super) hosts: Vec<HostPattern>,
    pub(super) path: Option<PathPattern>,
    pub(super) methods: Vec<String>,
    pub(super) headers: Vec<HeaderCondition>,
    pub(super) envoy_routes: Vec<String>,
    pub(super) envoy_clusters: Vec<String>,
    pub(super) route_metadata: Vec<MetadataCondition>,
    pub(super) sources: Vec<Network>,
}

/// What a route demands of one entry of the metadata of Envoy's route.
#[derive(Debug)]
pub(super) struct MetadataCondition {
    pub(super) namespace: String,
    pub(super) key: String,
    /// Any of these.
    pub(super) values: Vec<String>,
}

/// Whether a request matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matched<'r> {
    /// Every condition holds.
    Yes,
    /// Servers may read the header of this name differently, and then it depends on the reading.
    CannotTell(&'r str),
    /// The first condition that does not hold.
    No(Mismatch<'r>),
}

/// A condition that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mismatch<'r> {
    Host,
    Method,
    Path,
    Header(&'r str),
    EnvoyRoute,
    EnvoyCluster,
    RouteMetadata { namespace: &'r str, key: &'r str },
    Source,
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Method => f.write_str("method"),
            Self::Path => f.write_str("path"),
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::EnvoyRoute => f.write_str("Envoy's route"),
            Self::EnvoyCluster => f.write_str("Envoy's cluster"),
            Self::RouteMetadata { namespace, key } => {
                write!(f, "metadata `{namespace}.{key}` of Envoy's route")
            }
            Self::Source => f.write_str("source address"),
        }
    }
}

/// Why it was not found out whether a request matches.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A question was not answered.
    Denied(Denial),
    /// It takes more work than one request may cost.
    TooMuchWork,
}

/// Answers what conditions ask beyond a request's first line.
pub(crate) trait Answers {
    /// Calls `visit` with name and value of each header.
    fn each_header(&self, visit: &mut dyn FnMut(&str, &[u8]));

    /// The name of the route that Envoy chose, if it chose one that has a name.
    fn envoy_route(&self) -> Result<Option<Vec<u8>>, Denial>;

    /// The name of the cluster that Envoy chose, if it chose one.
    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, Denial>;

    /// The metadata of the route that Envoy chose, serialized, if there are any.
    fn route_metadata(&self) -> Result<Option<Vec<u8>>, Denial>;

    /// Address and port of the client, by the policy's choice the connection's or the forwarded one.
    fn source(&self) -> Result<Option<Vec<u8>>, Denial>;
}

/// One request as conditions see it. Each question is asked once, and only when a condition needs its answer.
pub(crate) struct Request<'a> {
    pub(super) host: &'a Host,
    pub(super) method: &'a str,
    answers: &'a dyn Answers,
    headers: RefCell<HashMap<String, Rc<HeaderReadings>>>,
    envoy_route: OnceCell<Option<Vec<u8>>>,
    envoy_cluster: OnceCell<Option<Vec<u8>>>,
    route_metadata: OnceCell<RouteMetadata>,
    source: OnceCell<IpAddr>,
    expression_bytes: Cell<usize>,
}

impl<'a> Request<'a> {
    pub(crate) fn new(host: &'a Host, method: &'a str, answers: &'a dyn Answers) -> Self {
        Self {
            host,
            method,
            answers,
            headers: RefCell::default(),
            envoy_route: OnceCell::new(),
            envoy_cluster: OnceCell::new(),
            route_metadata: OnceCell::new(),
            source: OnceCell::new(),
            expression_bytes: Cell::new(0),
        }
    }

    /// Counts bytes that an expression is about to see.
    pub(super) fn spend(&self, bytes: usize) -> Result<(), Stop> {
        let spent = self.expression_bytes.get().saturating_add(bytes);
        self.expression_bytes.set(spent);
        if spent > MAX_EXPRESSION_BYTES { Err(Stop::TooMuchWork) } else { Ok(()) }
    }

    /// The readings of the header `name`, which is in lower case.
    pub(super) fn header(&self, name: &str) -> Rc<HeaderReadings> {
        if let Some(known) = self.headers.borrow().get(name) {
            return Rc::clone(known);
        }
        let mut lines: Vec<(String, Vec<u8>)> = Vec::new();
        self.answers.each_header(&mut |sent, value| {
            if super::header::is_read_as(sent, name) {
                lines.push((sent.to_owned(), value.to_vec()));
            }
        });
        let lines = lines.iter().map(|(sent, value)| (sent.as_str(), value.as_slice()));
        let readings = Rc::new(HeaderReadings::new(name, lines));
        self.headers.borrow_mut().insert(name.to_owned(), Rc::clone(&readings));
        readings
    }

    /// What is known by now of Envoy's route.
    pub(super) fn known_envoy_route(&self) -> Option<Option<&[u8]>> {
        self.envoy_route.get().map(Option::as_deref)
    }

    /// What is known by now of Envoy's cluster.
    pub(super) fn known_envoy_cluster(&self) -> Option<Option<&[u8]>> {
        self.envoy_cluster.get().map(Option::as_deref)
    }

    /// What is known by now of the metadata of Envoy's route.
    pub(super) fn known_route_metadata(&self) -> Option<&RouteMetadata> {
        self.route_metadata.get()
    }

    /// What is known by now of the client's address.
    pub(super) fn known_source(&self) -> Option<IpAddr> {
        self.source.get().copied()
    }

    fn envoy_route(&self) -> Result<Option<&[u8]>, Stop> {
        once(&self.envoy_route, || self.answers.envoy_route()).map(Option::as_deref)
    }

    fn envoy_cluster(&self) -> Result<Option<&[u8]>, Stop> {
        once(&self.envoy_cluster, || self.answers.envoy_cluster()).map(Option::as_deref)
    }

    fn route_metadata(&self) -> Result<&RouteMetadata, Stop> {
        once(&self.route_metadata, || {
            let bytes = self.answers.route_metadata()?.unwrap_or_default();
            RouteMetadata::read(&bytes)
                .ok_or_else(|| unreadable("the metadata of Envoy's route cannot be read"))
        })
    }

    /// Without an address nobody knows whether a route for some networks is meant, so there is no going on without.
    fn source(&self) -> Result<IpAddr, Stop> {
        once(&self.source, || {
            let text = self
                .answers
                .source()?
                .ok_or_else(|| unreadable("the proxy does not tell the client's address"))?;
            network::address(&text)
                .ok_or_else(|| unreadable("the client's address is no IP address with port"))
        })
        .copied()
    }
}

fn unreadable(what: &'static str) -> Denial {
    Denial::new(Reason::InternalError, what)
}

fn once<T>(cell: &OnceCell<T>, ask: impl FnOnce() -> Result<T, Denial>) -> Result<&T, Stop> {
    if let Some(known) = cell.get() {
        return Ok(known);
    }
    let answer = ask().map_err(Stop::Denied)?;
    Ok(cell.get_or_init(|| answer))
}

impl RequestMatch {
    /// Whether `request` matches where its path is read as `path`; `None` where it has none. `expression` tells whether the
    /// path's expression matches, and is asked only where there is one.
    pub(super) fn matches(
        &self,
        request: &Request<'_>,
        path: Option<&[u8]>,
        case: PathCase,
        expression: impl FnOnce() -> Result<bool, Stop>,
    ) -> Result<Matched<'_>, Stop> {
        let no = |why| Ok(Matched::No(why));
        if !self.hosts.is_empty() && !self.hosts.iter().any(|pattern| pattern.matches(request.host)) {
            return no(Mismatch::Host);
        }
        if !self.methods.is_empty() && !self.methods.iter().any(|name| name == request.method) {
            return no(Mismatch::Method);
        }
        let on_path = match (&self.path, path) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(pattern), Some(path)) => pattern.matches(path, case, expression)?,
        };
        if !on_path {
            return no(Mismatch::Path);
        }
        let mut doubtful = None;
        for condition in &self.headers {
            let header = request.header(&condition.name);
            match condition.holds(&header, |bytes| request.spend(bytes))? {
                Truth::Yes => {}
                Truth::No => return no(Mismatch::Header(&condition.name)),
                Truth::CannotTell => doubtful = doubtful.or(Some(condition.name.as_str())),
            }
        }
        if let Some(why) = self.mismatch_beyond_headers(request)? {
            return no(why);
        }
        Ok(doubtful.map_or(Matched::Yes, Matched::CannotTell))
    }

    /// What Envoy tells is asked last: each answer costs a call. What it told for other routes is looked at first, so that
    /// nothing is asked for a route that is none in any case.
    fn mismatch_beyond_headers(&self, request: &Request<'_>) -> Result<Option<Mismatch<'_>>, Stop> {
        if let Some(known) = self.mismatch_by_known(request) {
            return Ok(Some(known));
        }
        if !self.envoy_routes.is_empty() && !is_among(&self.envoy_routes, request.envoy_route()?) {
            return Ok(Some(Mismatch::EnvoyRoute));
        }
        if !self.envoy_clusters.is_empty() && !is_among(&self.envoy_clusters, request.envoy_cluster()?) {
            return Ok(Some(Mismatch::EnvoyCluster));
        }
        for condition in &self.route_metadata {
            match condition.holds(request.route_metadata()?) {
                Truth::Yes => {}
                Truth::No => return Ok(Some(condition.mismatch())),
                // Written by the operator as something else than the policy expects: nobody knows what is meant.
                Truth::CannotTell => {
                    let MetadataCondition { namespace, key, .. } = condition;
                    let what = format_args!("metadata `{namespace}.{key}` of Envoy's route is no text");
                    return Err(Stop::Denied(Denial::new(Reason::InternalError, what)));
                }
            }
        }
        if !self.sources.is_empty() && !self.is_from(request.source()?) {
            return Ok(Some(Mismatch::Source));
        }
        Ok(None)
    }

    fn mismatch_by_known(&self, request: &Request<'_>) -> Option<Mismatch<'_>> {
        let differs = |wanted: &[String], known: Option<Option<&[u8]>>| {
            !wanted.is_empty() && known.is_some_and(|name| !is_among(wanted, name))
        };
        if differs(&self.envoy_routes, request.known_envoy_route()) {
            return Some(Mismatch::EnvoyRoute);
        }
        if differs(&self.envoy_clusters, request.known_envoy_cluster()) {
            return Some(Mismatch::EnvoyCluster);
        }
        if let Some(metadata) = request.known_route_metadata()
            && let Some(other) = self.route_metadata.iter().find(|wanted| wanted.holds(metadata) == Truth::No)
        {
            return Some(other.mismatch());
        }
        let elsewhere = |source| !self.sources.is_empty() && !self.is_from(source);
        request.known_source().is_some_and(elsewhere).then_some(Mismatch::Source)
    }

    fn is_from(&self, source: IpAddr) -> bool {
        self.sources.iter().any(|network| network.contains(source))
    }
}

fn is_among(wanted: &[String], name: Option<&[u8]>) -> bool {
    wanted.iter().any(|wanted| name == Some(wanted.as_bytes()))
}

impl MetadataCondition {
    /// Cannot be told where the entry is no text.
    fn holds(&self, metadata: &RouteMetadata) -> Truth {
        match metadata.entry(&self.namespace, &self.key) {
            Entry::Text(text) => self.values.iter().any(|value| value == text).into(),
            Entry::Absent => Truth::No,
            Entry::NoText => Truth::CannotTell,
        }
    }

    fn mismatch(&self) -> Mismatch<'_> {
        Mismatch::RouteMetadata { namespace: &self.namespace, key: &self.key }
    }
}
