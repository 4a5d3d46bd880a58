//! What is said to be impossible is tried: random small policies, and every short path through the engine.

use mtls_policy::Engine;
use mtls_policy::facts::{FactError, Facts};
use mtls_policy::policy::{Policy, Reason};
use mtls_policy::request::Headers;
use mtls_policy::revocation::NoEvidence;
use mtls_policy::token::{Claim, ClaimPath};
use serde_json::{Value, json};

use crate::{findings, policy};

const POLICIES: u64 = 60;
/// Policies whose routes ask for more than host, method and path.
const FURTHER_POLICIES: u64 = 40;
const HOSTS: &[&str] = &["a.example", "b.a.example", "c.a.example", "c.example", "d.test"];
const METHODS: &[&str] = &["GET", "POST", "PUT"];
const PATHS: &[&str] = &["/", "/a", "/a/", "/a/b", "/b", "/A", "/ab"];
const PREFIXES: &[&str] = &["/", "/a", "/a/b", "/b", "/A"];
const EXPRESSIONS: &[&str] = &[
    "/[ab]",
    "/a.*",
    "/(?:a|b)(?:/.*)?",
    "/[^a].*",
    "/[^/]*",
    ".*",
    "/a/?",
    "/a//b",
    "/[a-z]*",
    "(?-i:/A).*",
    "/a|/b/.*",
    "/x;a",
];

const TEMPLATES: &[&str] = &["/{x}", "/a/{x}", "/{x}/b", "/A/{y}", "/{x}/{y}"];
/// Values of `x-role` that tell conditions apart, and some that can be read in several ways.
const ROLES: &[&str] = &["a", "b", "c", "any", "ab", "aa", "ba", "ca", "", "a,b", "b, d"];
const ADDRESSES: &[&str] = &["10.0.0.0:1", "10.1.0.0:1", "10.1.2.3:1", "192.0.2.1:1", "[2001:db8::1]:1"];
/// Metadata of Envoy's route in which `acme.tier` is a text of four bytes, which follow.
const TIER: &[u8] = b"\n\x18\n\x04acme\x12\x10\n\x0e\n\x04tier\x12\x06\x1a\x04";

/// Numbers that look random and are the same every time (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn some(&mut self, of: &[&str]) -> Vec<String> {
        let some: Vec<String> =
            of.iter().filter(|_| self.below(2) == 0).map(|one| (*one).to_owned()).collect();
        if some.is_empty() { vec![self.one(of).to_owned()] } else { some }
    }

    /// Hosts, methods and a path; at least one of them.
    fn scope(&mut self) -> Value {
        let mut scope = json!({});
        if self.below(3) == 0 {
            scope["hosts"] = json!(self.some(&["a.example", "*.a.example", "*.example", "b.a.example"]));
        }
        if self.below(3) == 0 {
            scope["methods"] = json!(self.some(&["GET", "POST"]));
        }
        if self.below(6) > 0 || scope == json!({}) {
            scope["path"] = match self.below(7) {
                0 | 1 => json!(self.one(PATHS)),
                2 | 3 => json!({"prefix": self.one(PREFIXES)}),
                4 => json!({"template": self.one(TEMPLATES)}),
                _ => json!({"regex": self.one(EXPRESSIONS)}),
            };
        }
        scope
    }

    /// A condition of this kind, and its key.
    fn further(&mut self, kind: Kind) -> (&'static str, Value) {
        match kind {
            Kind::Role => {
                let wanted = match self.below(8) {
                    0 => json!({"present": true}),
                    1 => json!({"present": false}),
                    2 => json!({"prefix": "a"}),
                    3 => json!({"suffix": "b"}),
                    4 => json!({"regex": "[ab]"}),
                    5 => json!({"regex": "(?:b|c).*"}),
                    _ => json!(self.some(&["a", "b", "c"])),
                };
                ("headers", json!({"x-role": wanted}))
            }
            Kind::Route => ("envoy_route", json!(self.some(&["one", "two"]))),
            Kind::Cluster => ("envoy_cluster", json!(self.some(&["one", "two"]))),
            Kind::Tier => ("route_metadata", json!({"acme": {"tier": self.one(&["gold", "lead"])}})),
            Kind::Source => {
                let networks = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "::/0"];
                ("source", json!([self.one(&networks), self.one(&networks)]))
            }
        }
    }

    fn kinds(&mut self) -> Vec<Kind> {
        let all = [Kind::Role, Kind::Role, Kind::Route, Kind::Cluster, Kind::Tier, Kind::Source];
        let (first, second) = (self.one(&all), self.one(&all));
        if first == second { vec![first] } else { vec![first, second] }
    }

    fn document(&mut self, kinds: &[Kind]) -> Value {
        let routes: Vec<Value> = (0..2 + self.below(4))
            .map(|at| {
                let mut route = json!({"name": format!("r{at}"), "match": self.scope()});
                for kind in kinds {
                    if self.below(2) == 0 {
                        let (key, condition) = self.further(*kind);
                        route["match"][key] = condition;
                    }
                }
                route["client_certificate"] = json!(self.one(&["required", "optional", "ignored"]));
                if route["client_certificate"] == "required" {
                    route["allow"] = json!("any_verified");
                }
                route
            })
            .collect();
        let mut assertion = self.scope();
        assertion["never"] = json!({"client_certificate": self.some(&["ignored", "optional"])});
        let case = self.one(&["sensitive", "insensitive"]);
        policy(json!({"path_case": case, "routes": routes, "assert": [assertion]}))
    }
}

/// Every path of up to so many of these bytes after the slash, and some that can be read in several ways.
fn paths(length: usize) -> Vec<String> {
    let mut paths = vec!["/".to_owned()];
    let mut last = paths.clone();
    for _ in 0..length {
        last =
            last.iter().flat_map(|path| "/abAx".chars().map(move |next| format!("{path}{next}"))).collect();
        paths.extend(last.iter().cloned());
    }
    let odd = [
        "/%61",
        "/a%2fb",
        "/a/../b",
        "/x;a",
        "/x;a/b",
        "/%41/x",
        "/a\\b",
        "/./a",
        "/b%3fx",
        "/100%",
        "/a.b",
        "/a%2Fb/../b",
        "/any",
        "/x;a/any",
        "/a/b/",
        "/a/b/any",
        "/a//b",
    ];
    paths.extend(odd.map(str::to_owned));
    let segments = ["a", "b", "A", "any"];
    paths.extend(segments.iter().flat_map(|first| segments.map(|second| format!("/{first}/{second}"))));
    paths
}

/// What a condition is about, beside host, method and path.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Role,
    Route,
    Cluster,
    Tier,
    Source,
}

/// What a request has beside host, method and path.
#[derive(Debug, Clone, Copy, Default)]
struct Further {
    role: Option<&'static str>,
    route: Option<&'static str>,
    cluster: Option<&'static str>,
    tier: Option<&'static str>,
    source: Option<&'static str>,
}

impl Further {
    /// Everything that tells conditions of these kinds apart.
    fn all(kinds: &[Kind]) -> Vec<Self> {
        let names = [None, Some("one"), Some("two")];
        let some = |values: &[&'static str]| values.iter().map(|value| Some(*value)).collect::<Vec<_>>();
        let mut all = vec![Self::default()];
        for kind in kinds {
            let each: Vec<Vec<Self>> = all
                .iter()
                .map(|given| match kind {
                    Kind::Role => {
                        let roles = some(ROLES).into_iter().chain([None]);
                        roles.map(|role| Self { role, ..*given }).collect()
                    }
                    Kind::Route => names.iter().map(|name| Self { route: *name, ..*given }).collect(),
                    Kind::Cluster => names.iter().map(|name| Self { cluster: *name, ..*given }).collect(),
                    Kind::Tier => {
                        let tiers = [None, Some("gold"), Some("lead")];
                        tiers.map(|tier| Self { tier, ..*given }).to_vec()
                    }
                    Kind::Source => {
                        some(ADDRESSES).into_iter().map(|source| Self { source, ..*given }).collect()
                    }
                })
                .collect();
            all = each.concat();
        }
        all
    }
}

struct Request {
    headers: Headers,
    further: Further,
}

impl Request {
    fn new(method: &str, host: &str, path: Option<&str>, further: Further) -> Self {
        let mut pairs = vec![(":method", method), (":authority", host)];
        pairs.extend(path.map(|path| (":path", path)));
        pairs.extend(further.role.map(|role| ("x-role", role)));
        let pairs = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        Self { headers: Headers::new(pairs.collect()), further }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as the questions demand")]
fn answer(text: Option<&str>) -> Result<Option<Vec<u8>>, FactError> {
    Ok(text.map(|text| text.as_bytes().to_vec()))
}

impl Facts for Request {
    fn headers(&self) -> Result<&Headers, FactError> {
        Ok(&self.headers)
    }
    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
    fn certificate_valid(&self) -> Result<Option<bool>, FactError> {
        Ok(None)
    }
    fn protocol(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
    fn server_name(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
    fn tls_version(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
    fn cipher(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
    fn claim(&self, _metadata: &str, _path: &ClaimPath) -> Result<Claim, FactError> {
        Ok(Claim::Missing)
    }
    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        answer(self.further.source)
    }
    fn forwarded_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
    fn envoy_route(&self) -> Result<Option<Vec<u8>>, FactError> {
        answer(self.further.route)
    }
    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, FactError> {
        answer(self.further.cluster)
    }
    fn route_metadata(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(self.further.tier.map(|tier| [TIER, tier.as_bytes()].concat()))
    }
}

fn engine(document: &Value) -> Engine {
    Engine::new(Policy::from_json(document.to_string().as_bytes()).unwrap())
}

/// What the engine does with every request: the index of the route, and whether the assertion is about the request.
fn tried(document: &Value, paths: &[String], furthers: &[Further]) -> Vec<(Option<usize>, bool)> {
    let engine_of_all = engine(document);
    let mut scope = document["assert"][0].clone();
    scope.as_object_mut().unwrap().remove("never");
    let everything = scope == json!({});
    let scope = if everything { json!({"path": {"prefix": "/"}}) } else { scope };
    let alone = json!([{"name": "scope", "match": scope, "client_certificate": "ignored"}]);
    let engine_of_scope = engine(&policy(json!({"path_case": document["path_case"], "routes": alone})));
    let paths: Vec<Option<&str>> = paths.iter().map(|path| Some(path.as_str())).collect();
    let mut tried = Vec::new();
    for host in HOSTS {
        let methods = METHODS.iter().map(|method| (*method, paths.as_slice()));
        let without_path = [("CONNECT", [None].as_slice()), ("OPTIONS", [Some("*")].as_slice())];
        for (method, path) in methods
            .chain(without_path)
            .flat_map(|(method, paths)| paths.iter().map(move |path| (method, *path)))
        {
            let any = Request::new(method, host, path, Further::default());
            // A path of which some readings are meant and others are not is meant.
            let covered = match engine_of_scope.decide(&any, &NoEvidence, None).decided().verdict() {
                Ok(_) => true,
                Err(denial) => denial.reason() == Reason::AmbiguousPath,
            };
            tried.extend(furthers.iter().map(|further| {
                let request = Request::new(method, host, path, *further);
                let decision = engine_of_all.decide(&request, &NoEvidence, None).decided();
                let route =
                    decision.route().map(|route| route.name().trim_start_matches('r').parse().unwrap());
                (route, covered)
            }));
        }
    }
    tried
}

#[test]
fn verdicts_agree_with_what_the_engine_does() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let paths = paths(4);
    let mut seen = Seen::default();
    for _ in 0..POLICIES {
        let document = chance.document(&[]);
        compare(&document, &tried(&document, &paths, &[Further::default()]), &mut seen);
    }
    seen.assert_enough();
}

#[test]
fn verdicts_agree_where_routes_ask_for_more_than_host_method_and_path() {
    let mut chance = Chance(0x94d0_49bb_1331_11eb);
    let paths = paths(2);
    let mut seen = Seen::default();
    for _ in 0..FURTHER_POLICIES {
        let kinds = chance.kinds();
        let document = chance.document(&kinds);
        compare(&document, &tried(&document, &paths, &Further::all(&kinds)), &mut seen);
    }
    seen.assert_enough();
}

/// How often each verdict was seen.
#[derive(Debug, Default)]
struct Seen {
    reached: usize,
    hidden: usize,
    undecided: usize,
    failed: usize,
    proved: usize,
}

impl Seen {
    fn assert_enough(&self) {
        let Self { reached, hidden, undecided, failed, proved } = self;
        assert!(*hidden > 10 && *failed > 10 && *proved > 10 && undecided * 10 < *reached, "{self:?}");
    }
}

fn compare(document: &Value, tried: &[(Option<usize>, bool)], seen: &mut Seen) {
    let findings = findings(document);
    let is_found = |code: &str, pointer: &str| {
        findings.iter().any(|finding| finding.rule().code() == code && finding.location().pointer == pointer)
    };
    for (index, route) in document["routes"].as_array().unwrap().iter().enumerate() {
        let place = format!("/routes/{index}/name");
        let is_reached = tried.iter().any(|(taken_by, _)| *taken_by == Some(index));
        let never = is_found("never-matches", &place);
        seen.hidden += usize::from(never);
        seen.reached += usize::from(is_reached);
        assert!(!(never && is_reached), "{route} is reached in {document:#}");
        let undecided = is_found("undecided", &place) && !is_reached;
        seen.undecided += usize::from(undecided);
        assert!(never || undecided || is_reached, "{route} is not reached in {document:#}");
    }
    let demanded = document["assert"][0]["never"]["client_certificate"].as_array().unwrap();
    let is_broken = tried.iter().any(|(taken_by, covered)| {
        *covered
            && taken_by
                .is_some_and(|index| demanded.contains(&document["routes"][index]["client_certificate"]))
    });
    let is_failed = is_found("assertion-failed", "/assert/0");
    let is_unproven = is_found("assertion-unproven", "/assert/0");
    seen.failed += usize::from(is_failed);
    seen.proved += usize::from(!is_failed && !is_unproven);
    assert!(is_failed || is_unproven || !is_broken, "the assertion is broken in {document:#}");
    assert!(!is_failed || is_broken, "the assertion holds in {document:#}");
}
