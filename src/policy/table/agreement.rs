//! The index and a naive matcher, which asks one route after the other and shares nothing with it but the readings of paths,
//! agree on a million random requests. Alphabets are small, so that nearly everything meets.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::identity::{TextPattern, Truth};
use crate::policy::path::{PathCase, Readings, readings};
use crate::policy::{Answers, Denial, Host, Policy, Reason, Request, Selection};

/// In WebAssembly, where debug builds are slower still, a sample.
const POLICIES: usize = if cfg!(target_arch = "wasm32") { 5 } else { 250 };
const REQUESTS: usize = 1_000;

#[test]
fn index_and_naive_matcher_agree_on_paths_in_one_case() {
    agree(0x9e37_79b9_7f4a_7c15, PathCase::Sensitive, Conditions::RequestLine);
}

#[test]
fn index_and_naive_matcher_agree_on_paths_in_both_cases() {
    agree(0xbf58_476d_1ce4_e5b9, PathCase::Insensitive, Conditions::RequestLine);
}

#[test]
fn index_and_naive_matcher_agree_on_every_condition_in_one_case() {
    agree(0x94d0_49bb_1331_11eb, PathCase::Sensitive, Conditions::All);
}

#[test]
fn index_and_naive_matcher_agree_on_every_condition_in_both_cases() {
    agree(0xd6e8_feb8_6659_fd93, PathCase::Insensitive, Conditions::All);
}

/// Which conditions routes have.
#[derive(Clone, Copy, PartialEq)]
enum Conditions {
    /// Host, method and path.
    RequestLine,
    All,
}

fn agree(seed: u64, case: PathCase, conditions: Conditions) {
    let mut random = Random(seed);
    let mut outcomes = BTreeSet::new();
    for _ in 0..POLICIES {
        // Some policies hold more routes than one block of the index.
        let count = if random.one_in(40) { 64 + random.below(80) } else { 1 + random.below(8) };
        let routes: Vec<NaiveRoute> =
            (0..count).map(|_| NaiveRoute::random(&mut random, conditions)).collect();
        let document = document(&routes, case);
        let policy = match Policy::from_json(document.as_bytes()) {
            Ok(policy) => policy,
            Err(errors) => panic!("{document}\n{errors:?}"),
        };
        for _ in 0..REQUESTS {
            let request = NaiveRequest::random(&mut random, conditions);
            let wanted = naive(&routes, &request, case);
            let found = indexed(&policy, &request);
            assert_eq!(found, wanted, "{request:?}\n{document}");
            outcomes.insert(match wanted {
                Found::Error => 0,
                Found::Routes(routes, open) => 1 + routes.len().min(2) * 2 + usize::from(open),
            });
        }
    }
    let all = if conditions == Conditions::All { 6 } else { 5 };
    assert!(outcomes.len() >= all, "every kind of outcome occurs: {outcomes:?}");
}

/// Xorshift (Marsaglia, 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 33) as usize) % end
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn some<T: Copy>(&mut self, from: &[T]) -> Vec<T> {
        (0..1 + self.below(2)).map(|_| self.pick(from)).collect()
    }
}

struct NaiveRoute {
    hosts: Vec<&'static str>,
    methods: Vec<&'static str>,
    path: Option<NaivePath>,
    /// By the number of the name.
    headers: Vec<(usize, NaiveHeader)>,
    envoy_routes: Vec<&'static str>,
    envoy_clusters: Vec<&'static str>,
    metadata: Vec<&'static str>,
    sources: Vec<&'static str>,
}

enum NaivePath {
    Exact(String),
    Prefix(String),
    Template(String),
    Expression(&'static str, TextPattern, TextPattern),
}

enum NaiveHeader {
    Present(bool),
    Values(Vec<&'static str>),
    Prefix(&'static str),
}

const EXPRESSIONS: [&str; 6] = ["/a.*", "/[ab]/b?", "(/a|/b)+", "/A/.*", ".*b", "/[^/]*/%?.*"];
const NETWORKS: [(&str, [u8; 4], u32); 4] = [
    ("10.0.0.0/8", [10, 0, 0, 0], 8),
    ("10.1.0.0/16", [10, 1, 0, 0], 16),
    ("10.1.2.3", [10, 1, 2, 3], 32),
    ("0.0.0.0/0", [0, 0, 0, 0], 0),
];

impl NaiveRoute {
    fn random(random: &mut Random, conditions: Conditions) -> Self {
        let mut route = Self {
            hosts: Vec::new(),
            methods: Vec::new(),
            path: Some(NaivePath::random(random)),
            headers: Vec::new(),
            envoy_routes: Vec::new(),
            envoy_clusters: Vec::new(),
            metadata: Vec::new(),
            sources: Vec::new(),
        };
        if random.one_in(2) {
            route.hosts = random.some(&["a", "b", "a.b", "*.b", "*.a.b", "c.a.b"]);
        }
        if random.one_in(3) {
            route.methods = random.some(&["GET", "POST", "PUT"]);
        }
        if conditions == Conditions::RequestLine {
            return route;
        }
        if random.one_in(5) {
            route.path = None;
            route.methods = vec!["GET"];
        }
        for name in 0..HEADERS.len() {
            if random.one_in(4) {
                route.headers.push((name, NaiveHeader::random(random)));
            }
        }
        if random.one_in(4) {
            route.envoy_routes = random.some(&["r", "s"]);
        }
        if random.one_in(6) {
            route.envoy_clusters = random.some(&["r", "s"]);
        }
        if random.one_in(6) {
            route.metadata = random.some(&["r", "s"]);
        }
        if random.one_in(4) {
            route.sources = random.some(&["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0"]);
        }
        route
    }

    fn to_json(&self, index: usize) -> Value {
        let mut matches = json!({});
        for (key, texts) in [("hosts", &self.hosts), ("methods", &self.methods), ("source", &self.sources)] {
            if !texts.is_empty() {
                matches[key] = json!(texts);
            }
        }
        for (key, texts) in [("envoy_route", &self.envoy_routes), ("envoy_cluster", &self.envoy_clusters)] {
            if !texts.is_empty() {
                matches[key] = json!(texts);
            }
        }
        if !self.metadata.is_empty() {
            matches["route_metadata"] = json!({ "m": { "k": self.metadata } });
        }
        if let Some(path) = &self.path {
            matches["path"] = match path {
                NaivePath::Exact(text) => json!(text),
                NaivePath::Prefix(text) => json!({ "prefix": text }),
                NaivePath::Template(text) => json!({ "template": text }),
                NaivePath::Expression(text, ..) => json!({ "regex": text }),
            };
        }
        for (name, wanted) in &self.headers {
            matches["headers"][HEADERS[*name]] = match wanted {
                NaiveHeader::Present(present) => json!({ "present": present }),
                NaiveHeader::Values(values) => json!(values),
                NaiveHeader::Prefix(prefix) => json!({ "prefix": prefix }),
            };
        }
        json!({ "name": format!("r{index}"), "match": matches, "client_certificate": "ignored" })
    }

    /// `None` where an answer cannot be had. `known` are the answers that were had before.
    fn matches(
        &self,
        request: &NaiveRequest,
        path: &str,
        case: PathCase,
        known: &mut [bool; 4],
    ) -> Option<Truth> {
        let host_matches = |pattern: &&str| match pattern.strip_prefix('*') {
            Some(suffix) => request.host.ends_with(suffix) && request.host.len() > suffix.len(),
            None => request.host == *pattern,
        };
        if !self.hosts.is_empty() && !self.hosts.iter().any(host_matches)
            || !self.methods.is_empty() && !self.methods.contains(&request.method)
            || self.path.as_ref().is_some_and(|pattern| !pattern.matches(path, case))
        {
            return Some(Truth::No);
        }
        let headers =
            Truth::all(self.headers.iter().map(|(name, wanted)| wanted.holds(request.header(*name))));
        if headers == Truth::No {
            return Some(Truth::No);
        }
        let among =
            |wanted: &[&str], answer: Option<&str>| answer.is_some_and(|answer| wanted.contains(&answer));
        let texts = [
            (&self.envoy_routes, request.envoy_route),
            (&self.envoy_clusters, request.envoy_cluster),
            (&self.metadata, request.metadata),
        ];
        let in_network = |source: [u8; 4]| {
            NETWORKS.iter().any(|(text, first, prefix)| {
                let distance = u32::from_be_bytes(source) ^ u32::from_be_bytes(*first);
                self.sources.contains(text) && (*prefix == 0 || distance >> (32 - prefix) == 0)
            })
        };
        // What other routes have asked already rules a route out before anything is asked for it.
        let ruled_out = |(number, (wanted, answer)): (usize, &(&Vec<&str>, Answer))| {
            known[number] && !wanted.is_empty() && answer.is_ok_and(|answer| !among(wanted, answer))
        };
        if texts.iter().enumerate().any(ruled_out)
            || known[3]
                && !self.sources.is_empty()
                && request.source.is_some_and(|source| !in_network(source))
        {
            return Some(Truth::No);
        }
        for (number, (wanted, answer)) in texts.into_iter().enumerate() {
            if !wanted.is_empty() {
                let answer = answer.ok()?;
                known[number] = true;
                if !among(wanted, answer) {
                    return Some(Truth::No);
                }
            }
        }
        if !self.sources.is_empty() {
            let source = request.source?;
            known[3] = true;
            if !in_network(source) {
                return Some(Truth::No);
            }
        }
        Some(headers)
    }
}

impl NaivePath {
    fn random(random: &mut Random) -> Self {
        let mut literal = |segments: &[&str]| {
            let path: String = (0..random.below(4)).map(|_| format!("/{}", random.pick(segments))).collect();
            let end = if random.one_in(6) || path.is_empty() { "/" } else { "" };
            path + end
        };
        let (plain, template) = (literal(&["a", "b", "A"]), literal(&["a", "{}", "b", "B"]));
        match random.below(5) {
            0 => Self::Exact(plain),
            1 | 2 => Self::Prefix(plain),
            3 if template.contains("{}") => {
                let mut names = 0..;
                let parts = template.split("{}");
                let named = parts.fold(String::new(), |named, part| match named.as_str() {
                    "" => part.to_owned(),
                    _ => format!("{named}{{n{}}}{part}", names.next().unwrap()),
                });
                Self::Template(named)
            }
            3 => Self::Exact(template),
            _ => {
                let text = random.pick(&EXPRESSIONS);
                let folded = TextPattern::regex(&format!("(?i){text}")).unwrap();
                Self::Expression(text, TextPattern::regex(text).unwrap(), folded)
            }
        }
    }

    fn matches(&self, path: &str, case: PathCase) -> bool {
        let same = |wanted: &str, text: &str| match case {
            PathCase::Sensitive => wanted == text,
            PathCase::Insensitive => wanted.to_ascii_lowercase() == text,
        };
        match self {
            Self::Exact(wanted) => same(wanted, path),
            Self::Prefix(wanted) => {
                let wanted = wanted.strip_suffix('/').unwrap_or(wanted);
                same(wanted, path) || path.match_indices('/').any(|(border, _)| same(wanted, &path[..border]))
            }
            Self::Template(wanted) => {
                let (wanted, path): (Vec<&str>, Vec<&str>) =
                    (wanted.split('/').collect(), path.split('/').collect());
                let fits = |(wanted, text): (&&str, &&str)| {
                    if wanted.starts_with('{') { !text.is_empty() } else { same(wanted, text) }
                };
                wanted.len() == path.len() && wanted.iter().zip(&path).all(fits)
            }
            Self::Expression(_, as_written, folded) => match case {
                PathCase::Sensitive => as_written.matches(path),
                PathCase::Insensitive => folded.matches(path),
            },
        }
    }
}

impl NaiveHeader {
    fn random(random: &mut Random) -> Self {
        match random.below(4) {
            0 => Self::Present(random.one_in(2)),
            1 => Self::Prefix(random.pick(&["1", "1,"])),
            _ => Self::Values(random.some(&["1", "2", "1,2"])),
        }
    }

    fn holds(&self, header: &NaiveReadings) -> Truth {
        let NaiveReadings { lines, certainly, values } = header;
        if *lines == 0 {
            return Truth::from(matches!(self, Self::Present(false)));
        }
        let matching = |wanted: &dyn Fn(&str) -> bool| {
            let count = values.iter().filter(|value| wanted(value)).count();
            match count {
                0 => Truth::No,
                _ if count == values.len() && *certainly => Truth::Yes,
                _ => Truth::CannotTell,
            }
        };
        match self {
            Self::Present(_) if !certainly => Truth::CannotTell,
            Self::Present(present) => Truth::from(*present),
            Self::Values(wanted) => matching(&|value| wanted.contains(&value)),
            Self::Prefix(prefix) => matching(&|value| value.starts_with(prefix)),
        }
    }
}

/// What servers may take a header for.
#[derive(Debug)]
struct NaiveReadings {
    lines: usize,
    /// Every server sees the header, and not without a value.
    certainly: bool,
    values: BTreeSet<String>,
}

impl NaiveReadings {
    fn of(name: &str, sent: &[(&str, &str)]) -> Self {
        let lines = sent.iter().filter(|(sent, _)| sent.replace('_', "-") == name.replace('_', "-"));
        let all: Vec<&str> = lines.clone().map(|(_, value)| *value).collect();
        let exact: Vec<&str> = lines.filter(|(sent, _)| *sent == name).map(|(_, value)| *value).collect();
        let mut values: BTreeSet<String> = all.iter().map(|value| (*value).to_owned()).collect();
        let several = [&exact, &all].into_iter().filter(|lines| lines.len() > 1);
        values.extend(several.flat_map(|lines| [lines.join(","), lines.join(", ")]));
        let parts = all.iter().flat_map(|value| value.split(','));
        values.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
        Self { lines: all.len(), certainly: !exact.is_empty() && !exact.contains(&""), values }
    }
}

/// The headers that routes name.
const HEADERS: [&str; 5] = ["x-a", "x_b", "x-c", "x-d", "x-e"];

/// A name that Envoy tells, if there is one; an error where it does not answer.
type Answer = Result<Option<&'static str>, ()>;

#[derive(Debug)]
struct NaiveRequest {
    host: &'static str,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, &'static str)>,
    envoy_route: Answer,
    envoy_cluster: Answer,
    metadata: Answer,
    source: Option<[u8; 4]>,
    /// Of each of the headers that routes name, once it is asked for.
    read: [OnceCell<NaiveReadings>; HEADERS.len()],
}

impl NaiveRequest {
    fn header(&self, name: usize) -> &NaiveReadings {
        self.read[name].get_or_init(|| NaiveReadings::of(HEADERS[name], &self.headers))
    }

    fn random(random: &mut Random, conditions: Conditions) -> Self {
        let mut path = String::new();
        let odd = random.one_in(12);
        for _ in 0..1 + random.below(4) {
            let segment = if odd {
                random.pick(&["a", "b", "A", "", "..", "%61", "a;b", "a%2fb", "a%2Fb", "%5ca"])
            } else {
                random.pick(&["a", "b", "A", "B", "ab"])
            };
            write!(path, "/{segment}").unwrap();
        }
        if random.one_in(8) {
            path.push('/');
        }
        let mut request = Self {
            host: random.pick(&["a", "b", "a.b", "c.a.b", "b.b", "ab"]),
            method: random.pick(&["GET", "GET", "POST"]),
            path,
            headers: Vec::new(),
            envoy_route: Ok(None),
            envoy_cluster: Ok(None),
            metadata: Ok(None),
            source: None,
            read: Default::default(),
        };
        if conditions == Conditions::All {
            let mut answer =
                || if random.one_in(40) { Err(()) } else { Ok(random.pick(&[None, Some("r"), Some("s")])) };
            (request.envoy_route, request.envoy_cluster, request.metadata) = (answer(), answer(), answer());
            request.source = random.pick(&[
                Some([10, 1, 2, 3]),
                Some([10, 1, 9, 9]),
                Some([10, 9, 9, 9]),
                Some([9, 9, 9, 9]),
            ]);
            if random.one_in(40) {
                request.source = None;
            }
            let names = ["x-a", "x-b", "x_b", "x_a", "x-c", "x-d", "x-e", "x-a", "x_b"];
            for _ in 0..random.below(6) {
                request.headers.push((
                    random.pick(&names),
                    random.pick(&["1", "2", "1", "2", "1,2", "2,1", "", "12", "1,"]),
                ));
            }
        }
        request
    }
}

impl Answers for NaiveRequest {
    fn each_header(&self, visit: &mut dyn FnMut(&str, &[u8])) {
        self.headers.iter().for_each(|(name, value)| visit(name, value.as_bytes()));
    }

    fn envoy_route(&self) -> Result<Option<Vec<u8>>, Denial> {
        answered(self.envoy_route)
    }

    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, Denial> {
        answered(self.envoy_cluster)
    }

    fn route_metadata(&self) -> Result<Option<Vec<u8>>, Denial> {
        // `m: {k: ...}` of one letter.
        let serialized = |value: &str| {
            [b"\n\x0f\n\x01m\x12\x0a\n\x08\n\x01k\x12\x03\x1a\x01".as_slice(), value.as_bytes()].concat()
        };
        Ok(self.metadata.map_err(|()| Denial::new(Reason::InternalError, "no answer"))?.map(serialized))
    }

    fn source(&self) -> Result<Option<Vec<u8>>, Denial> {
        Ok(self.source.map(|source| format!("{}:1", IpAddr::from(source)).into_bytes()))
    }
}

fn answered(answer: Answer) -> Result<Option<Vec<u8>>, Denial> {
    let answer = answer.map_err(|()| Denial::new(Reason::InternalError, "no answer"))?;
    Ok(answer.map(|text| text.as_bytes().to_vec()))
}

fn document(routes: &[NaiveRoute], case: PathCase) -> String {
    let routes: Vec<Value> = routes.iter().enumerate().map(|(index, route)| route.to_json(index)).collect();
    let path_case = match case {
        PathCase::Sensitive => "sensitive",
        PathCase::Insensitive => "insensitive",
    };
    let verified_by = json!({ "verified_by": "envoy" });
    json!({ "version": 1, "peer_certificate": verified_by, "path_case": path_case, "routes": routes })
        .to_string()
}

#[derive(Debug, PartialEq)]
enum Found {
    Error,
    /// Every route that is meant in some reading, and whether in some reading none is.
    Routes(BTreeSet<String>, bool),
}

fn naive(routes: &[NaiveRoute], request: &NaiveRequest, case: PathCase) -> Found {
    let readings: Vec<Vec<u8>> = match readings(request.path.as_bytes()) {
        Ok(Readings::One(path)) => vec![path.to_vec()],
        Ok(Readings::Several(paths)) => paths.into_iter().collect(),
        Ok(Readings::TooMany) => return Found::Routes(BTreeSet::new(), true),
        Err(_) => return Found::Error,
    };
    let (mut found, mut open, mut known) = (BTreeSet::new(), false, [false; 4]);
    for reading in readings {
        let path = String::from_utf8_lossy(&reading).into_owned();
        let mut cases = vec![(PathCase::Sensitive, path.clone())];
        if case == PathCase::Insensitive {
            cases.push((PathCase::Insensitive, path.to_ascii_lowercase()));
        }
        for (case, path) in cases {
            let mut none = true;
            for (index, route) in routes.iter().enumerate() {
                match route.matches(request, &path, case, &mut known) {
                    None => return Found::Error,
                    Some(Truth::No) => {}
                    Some(Truth::CannotTell) => _ = found.insert(format!("r{index}")),
                    Some(Truth::Yes) => {
                        found.insert(format!("r{index}"));
                        none = false;
                        break;
                    }
                }
            }
            open |= none;
        }
    }
    Found::Routes(found, open)
}

fn indexed(policy: &Policy, request: &NaiveRequest) -> Found {
    let host = Host::from_name(request.host.as_bytes()).unwrap();
    let selection =
        policy.routes().select(&Request::new(&host, request.method, request), Some(request.path.as_bytes()));
    match selection {
        Err(_) => Found::Error,
        Ok(Selection::None) => Found::Routes(BTreeSet::new(), true),
        Ok(Selection::Route(route)) => Found::Routes(BTreeSet::from([route.name().to_owned()]), false),
        Ok(Selection::Ambiguous(ambiguity)) => {
            let names = ambiguity.candidates().iter().map(|route| route.name().to_owned()).collect();
            Found::Routes(names, ambiguity.is_open())
        }
    }
}
