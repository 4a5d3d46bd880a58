//! What a test asks for: which Envoy, which listeners, which policy. `configuration` makes Envoy's configuration of it.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::pki::Pki;

/// The versions of Envoy that tests run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// The one that we ship for: `connection.peer_certificate` and `connection.peer_certificate_valid` are there.
    #[default]
    Current,
    /// One that has neither: the certificate comes from `x-forwarded-client-cert`.
    Older,
}

impl Version {
    /// As Envoy writes it.
    pub fn number(self) -> &'static str {
        match self {
            Version::Current => "1.40.0",
            Version::Older => "1.37.0",
        }
    }

    /// The name of an environment variable for this version.
    pub fn variable(self, name: &str) -> String {
        match self {
            Version::Current => name.to_owned(),
            Version::Older => format!("{name}_1_37_0"),
        }
    }
}

/// How the policy is wrapped in the filter's configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrapping {
    /// As text, as we ship it.
    #[default]
    StringValue,
    /// As a protobuf `Struct`, as Istio sends it.
    Struct,
}

/// How the policy comes to Envoy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// In the listener.
    #[default]
    Static,
    /// As a file that Envoy watches: extension configuration discovery (ECDS).
    Discovered,
}

/// `forward_client_cert_details` of a listener.
#[expect(clippy::enum_variant_names, reason = "Envoy's names")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forward {
    /// Replace what the client sent; what we ship.
    SanitizeSet,
    /// Let pass what the client sent, and add nothing.
    AlwaysForwardOnly,
    /// The same on connections with a client certificate; drop it on others.
    ForwardOnly,
    /// Add to what the client sent.
    AppendForward,
    /// Drop what the client sent, and add nothing.
    Sanitize,
}

impl Forward {
    pub(super) fn name(self) -> &'static str {
        match self {
            Forward::SanitizeSet => "SANITIZE_SET",
            Forward::AlwaysForwardOnly => "ALWAYS_FORWARD_ONLY",
            Forward::ForwardOnly => "FORWARD_ONLY",
            Forward::AppendForward => "APPEND_FORWARD",
            Forward::Sanitize => "SANITIZE",
        }
    }
}

/// Changes a part of Envoy's configuration.
pub type Patch = Arc<dyn Fn(&mut Value) + Send + Sync>;

/// One listener: the shipped one, with these differences.
#[derive(Clone)]
pub struct Listener {
    pub(super) name: String,
    pub(super) tls: bool,
    pub(super) trusted_ca: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) patches: Vec<Patch>,
}

impl Listener {
    /// The shipped listener under another name.
    pub fn tls(name: &str) -> Listener {
        Listener { name: name.to_owned(), tls: true, trusted_ca: None, policy: None, patches: Vec::new() }
    }

    /// The shipped listener without TLS.
    pub fn plaintext(name: &str) -> Listener {
        Listener { tls: false, ..Listener::tls(name) }
    }

    /// Trusts these client CAs (PEM) instead of the PKI's.
    pub fn trusted_ca(mut self, pem: &str) -> Listener {
        self.trusted_ca = Some(pem.to_owned());
        self
    }

    /// A policy of its own.
    pub fn policy(mut self, policy: impl Display) -> Listener {
        self.policy = Some(policy.to_string());
        self
    }

    /// Refuses in the handshake whoever has no certificate.
    pub fn require_certificate(self) -> Listener {
        self.patch_tls(|tls| tls["require_client_certificate"] = true.into())
    }

    /// Lets untrusted certificates through the handshake.
    pub fn accept_untrusted(self) -> Listener {
        self.patch_tls(|tls| {
            tls["common_tls_context"]["validation_context"]["trust_chain_verification"] =
                "ACCEPT_UNTRUSTED".into();
        })
    }

    /// Resumes TLS sessions, as Envoy does unless told otherwise.
    pub fn resumption(self) -> Listener {
        self.patch_tls(|tls| {
            tls["disable_stateless_session_resumption"] = false.into();
            tls["disable_stateful_session_resumption"] = false.into();
        })
    }

    /// What becomes of `x-forwarded-client-cert`.
    pub fn forward(self, forward: Forward) -> Listener {
        self.patch_manager(move |manager| {
            manager["forward_client_cert_details"] = forward.name().into();
            if forward != Forward::SanitizeSet && forward != Forward::AppendForward {
                manager.as_object_mut().unwrap().remove("set_current_client_cert_details");
            }
        })
    }

    /// Leaves paths as they came.
    pub fn paths_untouched(self) -> Listener {
        self.patch_manager(|manager| {
            manager["normalize_path"] = false.into();
            manager["merge_slashes"] = false.into();
        })
    }

    /// Takes the peer's address from `x-forwarded-for`, as Envoy does unless told otherwise.
    pub fn believe_forwarded_for(self) -> Listener {
        self.patch_manager(|manager| manager["use_remote_address"] = false.into())
    }

    /// Sends what is below a path to another cluster, without a limit on time and with WebSockets.
    pub fn streams(self, prefix: &str, cluster: &str) -> Listener {
        let route = json!({
            "match": { "prefix": prefix },
            "route": { "cluster": cluster, "timeout": "0s", "upgrade_configs": [{ "upgrade_type": "websocket" }] },
        });
        self.patch_manager(move |manager| {
            manager["http2_protocol_options"]["allow_connect"] = true.into();
            manager["upgrade_configs"] = json!([{ "upgrade_type": "websocket" }]);
            let routes = &mut manager["route_config"]["virtual_hosts"][0]["routes"];
            routes.as_array_mut().unwrap().insert(0, route.clone());
        })
    }

    /// Any other change to the listener.
    pub fn patch(mut self, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Listener {
        self.patches.push(Arc::new(change));
        self
    }

    /// A change to its `DownstreamTlsContext`.
    pub fn patch_tls(self, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Listener {
        assert!(self.tls, "listener `{}` has no TLS", self.name);
        self.patch(move |listener| {
            change(&mut listener["filter_chains"][0]["transport_socket"]["typed_config"])
        })
    }

    /// A change to its `HttpConnectionManager`.
    pub fn patch_manager(self, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Listener {
        self.patch(move |listener| {
            let filters = listener["filter_chains"][0]["filters"].as_array_mut().unwrap();
            change(&mut filters.last_mut().unwrap()["typed_config"]);
        })
    }
}

/// An Envoy to be started. Unless told otherwise: the shipped listener, named `https`, with the shipped policy.
#[derive(Clone)]
pub struct Setup {
    pub(super) version: Version,
    pub(super) listeners: Vec<Listener>,
    pub(super) policy: Option<String>,
    pub(super) wrapping: Wrapping,
    pub(super) delivery: Delivery,
    pub(super) server: (String, String),
    pub(super) server_der: Vec<u8>,
    pub(super) trusted_ca: String,
    pub(super) module: Option<PathBuf>,
    pub(super) log_level: String,
    pub(super) log_file: Option<String>,
    pub(super) concurrency: u32,
    pub(super) clusters: Vec<(String, u16)>,
    pub(super) patches: Vec<Patch>,
}

impl Setup {
    /// Envoy with these certificates.
    pub fn new(pki: &Pki) -> Setup {
        Setup {
            version: Version::default(),
            listeners: Vec::new(),
            policy: None,
            wrapping: Wrapping::default(),
            delivery: Delivery::default(),
            server: (pki.server.pem(), pki.server.key_pem()),
            server_der: pki.server.der.clone(),
            trusted_ca: pki.ca.pem(),
            module: None,
            log_level: "info".to_owned(),
            log_file: None,
            concurrency: 2,
            clusters: Vec::new(),
            patches: Vec::new(),
        }
    }

    /// Runs this version.
    pub fn version(mut self, version: Version) -> Setup {
        self.version = version;
        self
    }

    /// The policy of every listener that has none of its own; JSON text or a JSON value.
    pub fn policy(mut self, policy: impl Display) -> Setup {
        self.policy = Some(policy.to_string());
        self
    }

    /// Sends the policy as a protobuf `Struct`.
    pub fn policy_as_struct(mut self) -> Setup {
        self.wrapping = Wrapping::Struct;
        self
    }

    /// Delivers the policy by ECDS, so that `Envoy::replace_policy` can replace it. All listeners share it.
    pub fn discovered(mut self) -> Setup {
        self.delivery = Delivery::Discovered;
        self
    }

    /// Adds a listener; the first one takes the place of `https`.
    pub fn listener(mut self, listener: Listener) -> Setup {
        self.listeners.push(listener);
        self
    }

    /// Loads this module instead of the one built from this tree.
    pub fn module(mut self, path: impl Into<PathBuf>) -> Setup {
        self.module = Some(path.into());
        self
    }

    /// Envoy's log level; `info` unless told otherwise.
    pub fn log_level(mut self, level: &str) -> Setup {
        self.log_level = level.to_owned();
        self
    }

    /// Has Envoy write its log to this file, where the handle of this Envoy sees nothing of it; or to its standard error again.
    pub fn log_file(mut self, path: Option<&str>) -> Setup {
        self.log_file = path.map(str::to_owned);
        self
    }

    /// The number of worker threads; 2 unless told otherwise.
    pub fn workers(mut self, number: u32) -> Setup {
        self.concurrency = number;
        self
    }

    /// Adds a cluster: a server on this machine, by its port.
    pub fn cluster(mut self, name: &str, port: u16) -> Setup {
        self.clusters.push((name.to_owned(), port));
        self
    }

    /// Any other change to the whole configuration, made last.
    pub fn patch(mut self, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Setup {
        self.patches.push(Arc::new(change));
        self
    }

    pub(super) fn all_listeners(&self) -> Vec<Listener> {
        if self.listeners.is_empty() { vec![Listener::tls("https")] } else { self.listeners.clone() }
    }
}
