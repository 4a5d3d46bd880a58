//! Who takes part: each is an Envoy with the listener that we ship, which answers every request itself, and with another filter in it.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::mint::Minted;
use crate::harness::{Listener, Pki, Setup};
use crate::{load, rules};

/// As many rules as an ordinary listener has.
pub(crate) const ROUTES: usize = 10;
/// The cluster of the service that says yes.
const SERVICE: &str = "service";
/// The calls of a warm request that is permitted, for the filter that makes them in vain.
const CALLS: &str = include_str!("calls.txt");

/// One who takes part.
#[derive(Clone)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// For whoever reads the table.
    pub(crate) about: &'static str,
    pub(crate) setup: Setup,
    pub(crate) client: Minted,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) filter: Filter,
    /// Whose cost is taken from its own.
    pub(crate) over: Option<&'static str>,
    /// How its requests get there.
    pub(crate) way: Way,
}

/// What filter there is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    /// The one that we ship.
    Ours,
    /// One that makes calls in vain.
    Vain,
    /// None, or another.
    Other,
}

/// How requests get to an Envoy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// On a few connections with one certificate.
    Straight,
    /// Through another Envoy, which has so many connections with as many certificates, and takes each in turn.
    Fleet,
    /// The same, but all with one certificate.
    Clones,
}

/// All who take part, in the order of the table.
pub(crate) struct Field<'a> {
    pub(crate) pki: &'a Pki,
    /// Where the modules of the filters lie that decide nothing.
    pub(crate) filters: PathBuf,
    /// A server that has a large revocation list.
    pub(crate) lists: u16,
    /// A service that says yes to whatever it is asked.
    pub(crate) service: u16,
}

impl Field<'_> {
    pub(crate) fn all(&self) -> Vec<Contestant> {
        let others = |filters: Vec<Value>| {
            self.listening(listener().patch_manager(move |manager| with(manager, &filters)))
        };
        let ours = |name, about, setup| Contestant { filter: Filter::Ours, ..self.one(name, about, setup) };
        let plain = |routes| self.shipped().policy(rules::policy(routes));
        let many = |name, about, routes| Contestant {
            filter: Filter::Ours,
            ..self.with_routes(name, about, plain(routes), routes)
        };
        let denials = ours("denials", "ours, requests that are denied", plain(ROUTES));
        let fleet = |name, about, over, way| Contestant {
            over,
            way,
            ..ours(name, about, self.listening(everywhere()).policy(rules::policy(ROUTES)))
        };
        vec![
            Contestant { over: None, ..self.one("none", "no filter", others(Vec::new())) },
            self.one("bare", "no filter, no facts for filters", self.listening(bare())),
            self.one("empty", "empty Wasm filter", self.module("empty", "")),
            Contestant {
                filter: Filter::Vain,
                ..self.one("calls", "Wasm filter, our calls in vain", self.module("calls", CALLS))
            },
            many("ours-1", "ours, 1 route", 1),
            many("ours", "ours, 10 routes", ROUTES),
            many("ours-1000", "ours, 1,000 routes", 1_000),
            many("ours-10000", "ours, 10,000 routes", 10_000),
            ours("revocation", "ours, list of 1,000,000", self.revoking()),
            ours("headers", "ours, certificate and ID forwarded", self.shipped().policy(forwarding())),
            Contestant { client: rules::stranger(&self.pki.ca, ROUTES), status: 403, ..denials },
            ours("records", "ours, a record of each request", self.recording()),
            fleet("known", "ours, 8,000 connections, one certificate", None, Way::Clones),
            fleet("cold", "ours, new certificate: beyond a known one", Some("known"), Way::Fleet),
            self.one("rbac", "Envoy's RBAC filter, same rules", others(vec![rules::rbac(ROUTES)])),
            self.one("lua", "Envoy's Lua filter, same rules", others(vec![rules::lua(ROUTES)])),
            self.one("ext_authz", "ext_authz over HTTP, always yes", self.asking()),
        ]
    }

    /// With a large list, fetched by the filter.
    fn revoking(&self) -> Setup {
        let mut policy = rules::policy(ROUTES);
        let list = json!({ "cluster": "lists", "url": "http://lists.acme.example/large.crl", "refresh_seconds": 86_400, "timeout_ms": 20_000 });
        policy["trust_bundles"] = json!({ "acme": { "anchors_pem": [self.pki.ca.pem()], "crls": [list] } });
        policy["defaults"]["revocation"] = json!({ "check": ["crl"], "on_unknown": "deny" });
        // A list of a million entries is larger than Envoy takes for an answer unless told.
        let raised =
            json!([{ "name": "large", "static_layer": { "http.async_response_buffer_limit": 1 << 26 } }]);
        let setup = self.shipped().policy(policy).cluster("lists", self.lists);
        setup.patch(move |whole| whole["layered_runtime"]["layers"] = raised.clone())
    }

    /// With a record of each request, made and thrown away: the disk is no contestant.
    fn recording(&self) -> Setup {
        let mut policy = rules::policy(ROUTES);
        policy["defaults"]["audit"] = json!({ "allowed_ratio": 1.0, "denied_ratio": 1.0 });
        self.shipped().policy(policy).log_level("info").log_file(Some("/dev/null"))
    }

    /// With a question for each request.
    fn asking(&self) -> Setup {
        let asks = listener().patch_manager(|manager| with(manager, &[rules::ext_authz(SERVICE)]));
        self.listening(asks)
    }

    fn one(&self, name: &'static str, about: &'static str, setup: Setup) -> Contestant {
        self.with_routes(name, about, setup, ROUTES)
    }

    fn with_routes(
        &self,
        name: &'static str,
        about: &'static str,
        setup: Setup,
        routes: usize,
    ) -> Contestant {
        let client = rules::client(&self.pki.ca, routes);
        let path = rules::path(routes);
        let (filter, over, way) = (Filter::Other, Some("none"), Way::Straight);
        Contestant { name, about, setup, client, path, status: 200, filter, over, way }
    }

    /// With the filter that we ship.
    fn shipped(&self) -> Setup {
        self.listening(listener())
    }

    /// With another module in its place.
    fn module(&self, name: &str, configuration: &str) -> Setup {
        self.shipped().module(self.filters.join(format!("{name}.wasm"))).policy(configuration)
    }

    fn listening(&self, listener: Listener) -> Setup {
        let listener = listener.patch_manager(|manager| {
            let through = json!({
                "match": { "prefix": "/", "headers": [{ "name": load::THROUGH, "present_match": true }] },
                "route": { "cluster": SERVICE },
            });
            let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
            routes.as_array_mut().unwrap().insert(0, through);
        });
        let setup = Setup::new(self.pki).workers(1).log_level("warning");
        setup.listener(listener).cluster(SERVICE, self.service)
    }
}

/// The shipped listener, which answers by itself: to pass requests on would cost all of them the same. It writes no access log.
fn listener() -> Listener {
    Listener::tls("https").patch_manager(answering)
}

/// Also without what the filter reads: the certificate in a header, and what is told of the connection.
fn bare() -> Listener {
    listener()
        .patch_manager(|manager| {
            with(manager, &[]);
            manager["forward_client_cert_details"] = "SANITIZE".into();
            manager.as_object_mut().unwrap().remove("set_current_client_cert_details");
        })
        .patch(|listener| {
            let filters = listener["filter_chains"][0]["filters"].as_array_mut().unwrap();
            filters.retain(|filter| filter["name"] != "envoy.filters.network.set_filter_state");
        })
}

/// The same, under every address of this machine.
fn everywhere() -> Listener {
    listener().patch(|listener| listener["address"]["socket_address"]["address"] = "0.0.0.0".into())
}

/// The certificate for the upstream, and the client's name.
fn forwarding() -> Value {
    let mut policy = rules::policy(ROUTES);
    policy["defaults"]["forward"] =
        json!({ "client_cert": true, "headers": { "x-client-id": "{spiffe_id}" } });
    policy
}

/// A service that says yes to whatever it is asked.
pub(crate) fn agreeing(pki: &Pki) -> Setup {
    let listener = Listener::plaintext("http").patch_manager(|manager| {
        answering(manager);
        with(manager, &[]);
    });
    Setup::new(pki).workers(1).log_level("warning").listener(listener)
}

pub(crate) fn answering(manager: &mut Value) {
    manager.as_object_mut().unwrap().remove("access_log");
    manager["route_config"]["virtual_hosts"][0]["routes"] = json!([{ "match": { "prefix": "/" }, "direct_response": { "status": 200, "body": { "inline_string": "ok\n" } } }]);
}

/// Puts other filters in the place of ours.
pub(crate) fn with(manager: &mut Value, filters: &[Value]) {
    let router = manager["http_filters"].as_array().and_then(|filters| filters.last()).unwrap().clone();
    manager["http_filters"] = filters.iter().cloned().chain([router]).collect();
}
