//! The policy: what it says, how a document becomes one, and how a request is judged by it.

mod any_of;
#[cfg(not(target_arch = "wasm32"))]
mod asks;
mod assertion;
mod audit;
mod certificate_demands;
mod compile;
mod configuration;
mod decided_by;
mod decision;
mod error;
pub(crate) mod evaluate;
mod forward;
mod header;
mod host;
mod lint;
mod listener;
mod location;
mod matcher;
mod method;
mod network;
mod on_deny;
mod path;
mod protobuf;
mod ratio;
mod request_match;
mod revocation;
mod route;
mod route_metadata;
mod rule;
pub(crate) mod share;
mod source;
mod table;
mod template;
mod throttle;
mod tls;
mod token;
pub mod trace;
pub(crate) mod trust;
mod trust_bundle;

pub use assertion::Assertion;
pub use audit::{
    AccessLog, Audit, AuditError, Certificates, EnvoyLog, Field as RecordField, FieldSet, Format, Hashed,
    OnOverflow, Otlp, Query, Sampling, Secret, Standing,
};
pub use decided_by::DecidedBy;
pub use decision::{Client, Decision, DecisionId, Denial, Mode, Permit, Reason, Verifier};
pub use error::{PolicyError, PolicyErrorKind, PolicyErrors, closest};
pub use forward::{
    CLIENT_CERT, CLIENT_CERT_CHAIN, CLIENT_VERIFY, Field, Forward, ForwardedCertificates, ForwardedHeader,
    HeaderError, HeaderName, OwnHeaders, XfccUse,
};
pub use host::{Host, HostPattern};
pub use lint::Lint;
pub use listener::{AddressUse, CertificateUse, ChainUse, CipherUse, ServerNameUse};
pub use location::Location;
pub use method::is_method;
pub use on_deny::{
    Answer, Body, MediaType, OnDeny, OnDenyError, Page, Redirect, RedirectStatus, ReplyField, fixed_status,
};
pub use path::{PathCase, PathError};
pub use ratio::Ratio;
pub use revocation::{OnUnknown, RevocationRules, Scope, WhileLoading};
pub use route::Route;
pub use rule::Rule;
pub use table::RouteTable;
pub use template::{Piece, Template, TemplateError};
pub use throttle::Throttling;
pub use tls::ServerNameRule;
pub use trust::TrustRules;
pub use trust_bundle::{TrustBundle, TrustBundleError};

pub(crate) use network::address;
pub(crate) use path::{check as check_path, without_query};
pub(crate) use request_match::{Answers, Matched, Request, Stop};
pub(crate) use route::ClientCertificate;
pub(crate) use table::Selection;
pub(crate) use tls::{CipherSuite, TlsDemands, TlsVersion};
pub(crate) use token::{Binding, TokenDemands, names_certificate};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use {compile::fingerprint_in, location::Locator, network::Network, source::Value};

use std::sync::Arc;

use crate::cert::Fingerprint;
pub(crate) use location::Span;
pub(crate) use source::Node;

/// A policy document that was read, checked and compiled; every value of this type is valid.
#[derive(Debug)]
pub struct Policy {
    digest: Fingerprint,
    verification: Verification,
    leaf_source: LeafSource,
    client_address: ClientAddress,
    on_deny: Arc<OnDeny>,
    own_headers: OwnHeaders,
    trust_bundles: Vec<TrustBundle>,
    routes: RouteTable,
    assertions: Vec<Assertion>,
    audit: Audit,
    sampling: Sampling,
    throttle: Option<Throttling>,
}

/// Who verifies the chain of the client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// Envoy, in the TLS handshake.
    Envoy(Resumption),
    /// The filter, on every request, against the trust bundles of the route.
    Plugin,
}

/// What a policy says about TLS sessions that were resumed, of which Envoy cannot tell whether it verified the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resumption {
    /// The listener resumes none, so a certificate that Envoy does not call valid is not trusted.
    Disabled,
    /// The operator vouches for the listener: what it accepted once stays good on resumed sessions.
    Trusted,
}

/// Where the client's certificate is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeafSource {
    /// The connection's attribute, or the forwarded header where Envoy lacks it.
    Auto,
    /// The connection's attribute.
    Connection,
    /// The last element of the forwarded header, bound to the connection by digest.
    Xfcc,
}

/// Which address of a client `source` compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAddress {
    /// The connection's other end.
    Direct,
    /// What Envoy takes for the client's address: by its configuration out of `x-forwarded-for`.
    Forwarded,
}

impl Policy {
    /// Reads and compiles a policy document: UTF-8 JSON.
    ///
    /// # Errors
    /// Everything that is wrong with the document; of text that is not JSON, the first fault.
    pub fn from_json(document: &[u8]) -> Result<Self, PolicyErrors> {
        let (text, tree) = read(document)?;
        Self::from_tree(text, &tree)
    }

    /// Reads and compiles a plugin's configuration: a policy document as JSON text, or as the serialized
    /// `google.protobuf.Struct` that stands for it. Both mean the same.
    ///
    /// # Errors
    /// Everything that is wrong with the document. In a `Struct` there are no lines: its errors are told by pointer.
    pub fn from_configuration(configuration: &[u8]) -> Result<Self, PolicyErrors> {
        // A message never is JSON: between its strings stand lengths and tags, which are control bytes there. So what
        // is not JSON may be one.
        if let Ok(text) = std::str::from_utf8(configuration)
            && let Ok(tree) = source::parse(text)
        {
            return Self::from_tree(text, &tree);
        }
        match configuration::json_of_struct(configuration) {
            Some(json) => Self::from_json(json.as_bytes()).map_err(PolicyErrors::without_text),
            None => Self::from_json(configuration),
        }
    }

    pub(crate) fn from_tree(text: &str, tree: &Node) -> Result<Self, PolicyErrors> {
        compile::compile(tree).map_err(|faults| PolicyErrors::locate(faults, text, Some(tree)))
    }

    /// SHA-256 of what the document means: the same for any order of keys, white space and form of numbers.
    pub fn digest(&self) -> Fingerprint {
        self.digest
    }

    /// Who verifies certificates.
    pub fn verification(&self) -> Verification {
        self.verification
    }

    /// Where certificates are read.
    pub fn leaf_source(&self) -> LeafSource {
        self.leaf_source
    }

    /// Which address of a client `source` compares.
    pub fn client_address(&self) -> ClientAddress {
        self.client_address
    }

    /// How a request is denied that selects no route.
    pub fn on_deny(&self) -> &OnDeny {
        &self.on_deny
    }

    /// The headers that the policy may set in a request.
    pub fn own_headers(&self) -> &OwnHeaders {
        &self.own_headers
    }

    /// Whether any route forwards the client's certificate itself.
    pub(crate) fn forwards_certificates(&self) -> bool {
        self.own_headers.contains(CLIENT_CERT)
    }

    /// Whether any route wants to know of revocation.
    pub(crate) fn checks_revocation(&self) -> bool {
        self.rules().any(|rules| rules.revocation.is_some())
    }

    /// The trust bundles.
    pub fn trust_bundles(&self) -> &[TrustBundle] {
        &self.trust_bundles
    }

    /// The routes.
    pub fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// Where audit records go and what they hold.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Of which decisions there are records whose requests select no route.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Whether a bundle may vouch for a certificate, as far as its SPIFFE ID says.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn may_vouch(&self, bundle: &TrustBundle, identity: &crate::identity::Identity) -> bool {
        trust::may_vouch(bundle, &self.trust_bundles, identity)
    }

    /// What the policy asserts of its routes.
    pub fn assertions(&self) -> &[Assertion] {
        &self.assertions
    }

    /// How often a client may be denied; `None` where that is not counted.
    pub fn throttle(&self) -> Option<Throttling> {
        self.throttle
    }
}

/// The text of a policy document, and its tree.
///
/// # Errors
/// Why it cannot be read: it is not UTF-8, or not JSON.
pub(crate) fn read(document: &[u8]) -> Result<(&str, Node), PolicyErrors> {
    let text = std::str::from_utf8(document).map_err(|error| {
        let valid = error.valid_up_to();
        let text = String::from_utf8_lossy(document);
        let fault = (PolicyErrorKind::NotUtf8, Span { start: valid, end: valid });
        PolicyErrors::locate(vec![fault], &text, None)
    })?;
    let tree = source::parse(text).map_err(|fault| PolicyErrors::locate(vec![fault], text, None))?;
    Ok((text, tree))
}
