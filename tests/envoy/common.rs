//! What the tests on Envoy share: identities, requests that can be told apart, and what a user sees of a decision.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::harness::mint::{Ca, Minted};
use crate::harness::{Client, Connection, Envoy, Pki, Reply, Setup, Version, request};

/// The SPIFFE ID that policies of these tests allow.
pub(crate) const BILLING_ID: &str = "spiffe://acme.example/ns/prod/sa/billing";

/// The host that most routes name.
pub(crate) const PAY: &str = "https://pay.acme.example";

/// The certificates that every Envoy of these tests starts from: minting takes longer than a request.
pub(crate) static PKI: LazyLock<Pki> = LazyLock::new(Pki::new);

/// A client certificate of the identity that policies allow.
pub(crate) static BILLING: LazyLock<Minted> = LazyLock::new(|| service(&PKI.ca, "billing"));

/// A client certificate of another identity, as good as the first.
pub(crate) static WEB: LazyLock<Minted> = LazyLock::new(|| service(&PKI.ca, "web"));

/// A client certificate of the SPIFFE ID and the DNS name of a service.
pub(crate) fn service(ca: &Ca, name: &str) -> Minted {
    let spiffe_id = format!("spiffe://acme.example/ns/prod/sa/{name}");
    ca.leaf(name).spiffe(&spiffe_id).dns(&format!("{name}.acme.example")).mint()
}

/// The element of `x-forwarded-client-cert` that Envoy writes for a connection with this certificate of `billing`.
pub(crate) fn xfcc_element(certificate: &Minted) -> String {
    format!("{};Subject=\"CN=billing\";URI={BILLING_ID}", certificate.xfcc_element())
}

/// A policy of these routes that suits a version of Envoy: only the current one can say whether a certificate was
/// verified on its connection.
pub(crate) fn policy(version: Version, routes: &[Value]) -> Value {
    let resumption = match version {
        Version::Current => "disabled",
        Version::Older => "trusted",
    };
    json!({
        "version": 1,
        "peer_certificate": { "verified_by": { "envoy": { "resumption": resumption } } },
        "identities": { "billing": { "spiffe_id": BILLING_ID } },
        "routes": routes,
    })
}

/// A route for everything below `/NAME` that requires `billing`, to be changed.
pub(crate) fn route(name: &str) -> Value {
    json!({
        "name": name,
        "match": { "path": { "prefix": format!("/{name}") } },
        "client_certificate": "required",
        "allow": { "identity": "billing" },
    })
}

/// A route for everything below `/NAME` that looks at no certificate.
pub(crate) fn ignored(name: &str) -> Value {
    with(route(name), json!({ "client_certificate": "ignored", "allow": null }))
}

/// `object` with some of its members replaced; `null` removes one.
pub(crate) fn with(mut object: Value, members: Value) -> Value {
    let object_members = object.as_object_mut().unwrap();
    for (name, value) in members.as_object().unwrap() {
        if value.is_null() {
            object_members.remove(name);
        } else {
            object_members.insert(name.clone(), value.clone());
        }
    }
    object
}

/// One Envoy for all tests that run at the same time; it ends with the last of them.
pub(crate) struct Shared {
    running: Mutex<Weak<Envoy>>,
    setup: fn() -> Setup,
}

impl Shared {
    pub(crate) const fn new(setup: fn() -> Setup) -> Shared {
        Shared { running: Mutex::const_new(Weak::new()), setup }
    }

    pub(crate) async fn envoy(&self) -> Arc<Envoy> {
        let mut running = self.running.lock().await;
        if let Some(envoy) = running.upgrade() {
            return envoy;
        }
        let envoy = Arc::new(Envoy::start((self.setup)()).await);
        *running = Arc::downgrade(&envoy);
        envoy
    }
}

/// A request for a path that no other request has, so that its record and its line of the access log can be found.
pub(crate) fn unique(method: Method, prefix: &str) -> Request<Full<Bytes>> {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    request(method, &format!("{prefix}/{}", ASKED.fetch_add(1, Ordering::Relaxed)))
}

/// The URL of a path on the host that most routes name.
pub(crate) fn at(path: &str) -> String {
    format!("{PAY}{path}")
}

/// The same client over HTTP/1.1 and over HTTP/2.
pub(crate) fn both(client: Client) -> [Client; 2] {
    [client.clone(), client.http2()]
}

/// A reply, and the path that was asked for.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) reply: Reply,
}

/// GETs a path below `prefix`, which is a URL, on a new connection.
pub(crate) async fn ask(client: &Client, prefix: &str) -> Asked {
    ask_for(client, unique(Method::GET, prefix)).await
}

/// Sends a request of `unique` on a new connection.
pub(crate) async fn ask_for(client: &Client, request: Request<Full<Bytes>>) -> Asked {
    let path = request.uri().path().to_owned();
    Asked { path, reply: client.send(request).await }
}

/// GETs a path below `prefix` on an open connection.
pub(crate) async fn ask_on(connection: &mut Connection, prefix: &str) -> Asked {
    let request = unique(Method::GET, prefix);
    let path = request.uri().path().to_owned();
    let reply = connection.try_send(request).await.unwrap_or_else(|why| panic!("no reply: {why}"));
    Asked { path, reply }
}

impl Asked {
    /// Asserts that the request reached the upstream with this `x-client-verify`, and that record and access log say
    /// why. Returns the record.
    pub(crate) async fn assert_permitted(&self, envoy: &Envoy, verify: &str) -> Value {
        assert_eq!(self.reply.status, 200, "{self:?}");
        assert_eq!(self.reply.echo().header("x-client-verify"), [verify], "{self:?}");
        let record = self.record(envoy).await;
        assert_eq!((&record["decision"], &record["reason"]), (&json!("permit"), &Value::Null), "{record}");
        self.assert_access(envoy, "permit", &record).await;
        record
    }

    /// Asserts that the request was answered with `status` in the upstream's place, that the reply tells no more than
    /// the decision's id, and that record and access log say why. Returns the record.
    pub(crate) async fn assert_denied(&self, envoy: &Envoy, status: u16, reason: &str) -> Value {
        let id = self.reply.decision_id().unwrap_or_else(|| panic!("no decision id: {self:?}"));
        assert_eq!(self.reply.status, status, "{self:?}");
        assert_eq!(self.reply.body, format!("access denied\ndecision id: {id}\n"), "{self:?}");
        self.assert_recorded_denial(envoy, reason).await
    }

    /// Asserts what record and access log say of an enforced denial. Returns the record.
    pub(crate) async fn assert_recorded_denial(&self, envoy: &Envoy, reason: &str) -> Value {
        let record = envoy.record_of(&self.reply).await;
        assert_eq!(record["request"]["path"], self.path, "{record}");
        let said = (&record["decision"], &record["mode"], &record["reason"]);
        assert_eq!(said, (&json!("deny"), &json!("enforce"), &json!(reason)), "{record}");
        let line = self.assert_access(envoy, "deny", &record).await;
        assert_eq!(line["upstream"], Value::Null, "{line}");
        record
    }

    /// Asserts that the request reached the upstream as an anonymous one, although it was denied in shadow. Returns
    /// the record.
    pub(crate) async fn assert_shadowed(&self, envoy: &Envoy, reason: &str) -> Value {
        assert_eq!(self.reply.status, 200, "{self:?}");
        assert_eq!(self.reply.echo().header("x-client-verify"), ["NONE"], "{self:?}");
        assert!(self.reply.echo().header("x-forwarded-client-cert").is_empty(), "{self:?}");
        let record = self.record(envoy).await;
        let said = (&record["decision"], &record["mode"], &record["reason"]);
        assert_eq!(said, (&json!("deny"), &json!("shadow"), &json!(reason)), "{record}");
        self.assert_access(envoy, "shadow_deny", &record).await;
        record
    }

    /// The audit record, found by the path.
    pub(crate) async fn record(&self, envoy: &Envoy) -> Value {
        envoy.wait_for_record(|record| record["request"]["path"] == self.path).await
    }

    /// Asserts that the access log tells the decision as the record does.
    async fn assert_access(&self, envoy: &Envoy, decision: &str, record: &Value) -> Value {
        let line = envoy.wait_for_access(|line| line["path"] == self.path).await;
        let said = (&line["mtls_decision"], &line["mtls_reason"], &line["mtls_route"]);
        assert_eq!(said, (&json!(decision), &record["reason"], &record["route"]), "{line}");
        assert_eq!((&line["source"], &line["status"]), (&record["source"], &json!(self.reply.status)));
        line
    }
}
