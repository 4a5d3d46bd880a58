//! What is said to be impossible is tried: random small policies, and every short path through the engine.

use mtls_policy::Engine;
use mtls_policy::facts::{FactError, Facts};
use mtls_policy::policy::{Policy, Reason};
use mtls_policy::request::Headers;
use mtls_policy::token::{Claim, ClaimPath};
use serde_json::{Value, json};

use crate::{findings, policy};

const POLICIES: u64 = 60;
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
            scope["path"] = match self.below(3) {
                0 => json!(self.one(PATHS)),
                1 => json!({"prefix": self.one(PREFIXES)}),
                _ => json!({"regex": self.one(EXPRESSIONS)}),
            };
        }
        scope
    }

    fn document(&mut self) -> Value {
        let routes: Vec<Value> = (0..2 + self.below(4))
            .map(|at| {
                let mut route = json!({"name": format!("r{at}"), "match": self.scope()});
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

/// Every path of up to four of these bytes after the slash, and some that can be read in several ways.
fn paths() -> Vec<String> {
    let mut paths = vec!["/".to_owned()];
    let mut last = paths.clone();
    for _ in 0..4 {
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
    ];
    paths.extend(odd.map(str::to_owned));
    paths
}

struct Request(Headers);

impl Request {
    fn new(method: &str, host: &str, path: Option<&str>) -> Self {
        let mut pairs = vec![(":method", method), (":authority", host)];
        pairs.extend(path.map(|path| (":path", path)));
        Self(Headers::new(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()))
    }
}

impl Facts for Request {
    fn headers(&self) -> Result<&Headers, FactError> {
        Ok(&self.0)
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
        Ok(None)
    }
    fn forwarded_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
    fn envoy_route(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
    fn route_metadata(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
}

fn engine(document: &Value) -> Engine {
    Engine::new(Policy::from_json(document.to_string().as_bytes()).unwrap())
}

/// What the engine does with every request: the index of the route, and whether the assertion is about the request.
fn tried(document: &Value, paths: &[String]) -> Vec<(Option<usize>, bool)> {
    let engine_of_all = engine(document);
    let mut scope = document["assert"][0].clone();
    scope.as_object_mut().unwrap().remove("never");
    let everything = scope == json!({});
    let scope = if everything { json!({"path": {"prefix": "/"}}) } else { scope };
    let alone = json!([{"name": "scope", "match": scope, "client_certificate": "ignored"}]);
    let engine_of_scope = engine(&policy(json!({"path_case": document["path_case"], "routes": alone})));
    let mut requests: Vec<Request> = Vec::new();
    for host in HOSTS {
        for method in METHODS {
            requests.extend(paths.iter().map(|path| Request::new(method, host, Some(path))));
        }
        requests.push(Request::new("CONNECT", host, None));
        requests.push(Request::new("OPTIONS", host, Some("*")));
    }
    let result = |request: &Request| {
        let decision = engine_of_all.decide(request, None);
        let route = decision.route().map(|route| route.name().trim_start_matches('r').parse().unwrap());
        // A path of which some readings are meant and others are not is meant.
        let covered = match engine_of_scope.decide(request, None).verdict() {
            Ok(_) => true,
            Err(denial) => denial.reason() == Reason::AmbiguousPath,
        };
        (route, covered)
    };
    requests.iter().map(result).collect()
}

#[test]
fn verdicts_agree_with_what_the_engine_does() {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let paths = paths();
    let (mut hidden, mut failed, mut proved) = (0, 0, 0);
    for _ in 0..POLICIES {
        let document = chance.document();
        let findings = findings(&document);
        let is_found = |code: &str, pointer: &str| {
            findings
                .iter()
                .any(|finding| finding.rule().code() == code && finding.location().pointer == pointer)
        };
        let tried = tried(&document, &paths);
        for (index, route) in document["routes"].as_array().unwrap().iter().enumerate() {
            let place = format!("/routes/{index}/name");
            let is_reached = tried.iter().any(|(taken_by, _)| *taken_by == Some(index));
            let never = is_found("never-matches", &place);
            hidden += usize::from(never);
            assert!(!(never && is_reached), "{route} is reached in {document:#}");
            let undecided = is_found("undecided", &place);
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
        failed += usize::from(is_failed);
        proved += usize::from(!is_failed && !is_unproven);
        assert!(is_failed || is_unproven || !is_broken, "the assertion is broken in {document:#}");
        assert!(!is_failed || is_broken, "the assertion holds in {document:#}");
    }
    assert!(hidden > 10 && failed > 10 && proved > 10, "{hidden} hidden, {failed} failed, {proved} proved");
}
