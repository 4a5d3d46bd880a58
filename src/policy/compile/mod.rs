//! From the spanned tree to a [`Policy`](super::Policy): checks everything, collects every error, builds only what is valid.

mod assertion;
mod audit;
mod certificate;
mod crl;
mod demands;
mod forward;
mod lint;
mod matcher;
mod on_deny;
mod path;
mod pem;
mod reader;
mod request_match;
mod revocation;
#[cfg(test)]
mod round_trip;
mod route;
mod share;
mod throttle;
mod tls;
mod token;
mod trust;
mod trust_bundle;
mod value;

use reader::{Keys, Object, Problems, word};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use trust_bundle::fingerprint_in;

use self::matcher::MatcherCompiler;
use self::trust::Trust;
use super::audit::Audit;
use super::error::PolicyErrorKind;
use super::forward::OwnHeaders;
use super::location::Span;
use super::path::PathCase;
use super::route::Route;
use super::source::{Node, Value};
use super::table::RouteTable;
use super::{ClientAddress, LeafSource, Policy, Resumption, Verification};

const POLICY_KEYS: Keys = Keys::of(&[
    "version",
    "peer_certificate",
    "path_case",
    "client_address",
    "trust_bundles",
    "identities",
    "defaults",
    "routes",
    "assert",
    "audit",
    "throttle",
    "lint",
]);
const PEER_CERTIFICATE_KEYS: Keys = Keys::of(&["verified_by", "from"]);
const ENVOY_KEYS: Keys = Keys::of(&["resumption"]);

/// The only version of the policy language so far.
const VERSION: u32 = 1;

/// Builds the policy that `document` describes.
///
/// # Errors
/// Everything that is wrong with it, in no particular order.
pub(super) fn compile(document: &Node) -> Result<Policy, Vec<(PolicyErrorKind, Span)>> {
    let mut problems = Problems::default();
    let policy = compile_document(document, &mut problems);
    match policy {
        Some(policy) if problems.is_empty() => Ok(policy),
        Some(_) | None => Err(problems.into_inner()),
    }
}

fn compile_document(document: &Node, problems: &mut Problems) -> Option<Policy> {
    let object = Object::open(document, POLICY_KEYS, problems)?;
    let version = object
        .require("version", Some("write `\"version\": 1`"), problems)
        .and_then(|node| version(node, problems));
    let peer_certificate = object
        .require(
            "peer_certificate",
            Some("write `\"peer_certificate\": {\"verified_by\": {\"envoy\": {\"resumption\": \"disabled\"}}}`"),
            problems,
        )
        .and_then(|node| peer_certificate(node, problems));
    let path_case = object.get("path_case").map_or(Some(PathCase::Sensitive), |node| {
        let values = [PathCase::Sensitive, PathCase::Insensitive];
        word(node, &["sensitive", "insensitive"], &values, problems)
    });
    let client_address = object.get("client_address").map_or(Some(ClientAddress::Direct), |node| {
        let values = [ClientAddress::Direct, ClientAddress::Forwarded];
        word(node, &["direct", "xff"], &values, problems)
    });
    let trust_bundles = object
        .get("trust_bundles")
        .map_or(Some(Vec::new()), |node| trust_bundle::trust_bundles(node, problems));
    let available = trust_bundle::available(object.get("trust_bundles"));
    let verification = peer_certificate.map(|(verification, _)| verification);
    let trust = Trust::new(verification, object.get("trust_bundles"));
    let mut matchers = MatcherCompiler::new(object.get("identities"), problems);
    let defaults = match object.get("defaults") {
        Some(node) => route::defaults(node, available, &trust, problems),
        None => Some(route::Defaults::built_in(available)),
    };
    // Routes that state nothing themselves are checked against the built-in defaults if the given ones are faulty.
    let mut on_faulty = route::Defaults::built_in(available);
    // Nor do they miss what faulty defaults may say.
    on_faulty.trust = object.get("defaults").map(|_| Vec::new());
    let routes = object.require("routes", None, problems).and_then(|node| {
        route::routes(node, defaults.as_ref().unwrap_or(&on_faulty), &trust, &mut matchers, problems)
    });
    let assertions =
        object.get("assert").map_or(Some(Vec::new()), |node| assertion::assertions(node, problems));
    let audit = object.get("audit").map_or(Some(Audit::default()), |node| audit::audit(node, problems));
    let throttle = match object.get("throttle") {
        Some(node) => throttle::throttle(node, problems).map(Some),
        None => Some(None),
    };
    if let Some(node) = object.get("lint") {
        lint::lint(node, problems)?;
    }
    version?;
    let (verification, leaf_source) = peer_certificate?;
    let routes = routes?;
    let defaults = defaults?;
    Some(Policy {
        digest: document.digest(),
        verification,
        leaf_source,
        client_address: client_address?,
        on_deny: defaults.on_deny,
        own_headers: OwnHeaders::of(routes.iter().map(Route::forward)),
        trust_bundles: trust_bundles?,
        routes: RouteTable::new(routes, path_case?),
        assertions: assertions?,
        audit: audit?,
        sampling: defaults.sampling,
        throttle: throttle?,
    })
}

fn version(node: &Node, problems: &mut Problems) -> Option<()> {
    match node.value {
        Value::Number(version) if version == f64::from(VERSION) => Some(()),
        Value::Number(version) => {
            problems.add(node.span, PolicyErrorKind::UnsupportedVersion { version, supported: VERSION })
        }
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            reader::wrong_type(node, "the number 1", problems)
        }
    }
}

fn peer_certificate(node: &Node, problems: &mut Problems) -> Option<(Verification, LeafSource)> {
    let object = Object::open(node, PEER_CERTIFICATE_KEYS, problems)?;
    let verification = object
        .require(
            "verified_by",
            Some("say who verifies the client's certificate: it has no default"),
            problems,
        )
        .and_then(|node| verified_by(node, problems));
    let from = object.get("from").map_or(Some(LeafSource::Auto), |node| {
        let values = [LeafSource::Auto, LeafSource::Connection, LeafSource::Xfcc];
        word(node, &["auto", "connection", "xfcc"], &values, problems)
    });
    Some((verification?, from?))
}

fn verified_by(node: &Node, problems: &mut Problems) -> Option<Verification> {
    if let Value::String(_) = &node.value {
        // Of `envoy` the short form: the operator vouches for the listener.
        let values = [Verification::Plugin, Verification::Envoy(Resumption::Trusted)];
        return word(node, &["plugin", "envoy"], &values, problems);
    }
    let object = Object::open(node, Keys::of(&["envoy"]), problems)?;
    let envoy = object.require("envoy", None, problems)?;
    let envoy = Object::open(envoy, ENVOY_KEYS, problems)?;
    let resumption = envoy.require("resumption", Some("say `disabled` or `trusted`"), problems)?;
    let values = [Resumption::Disabled, Resumption::Trusted];
    word(resumption, &["disabled", "trusted"], &values, problems).map(Verification::Envoy)
}
