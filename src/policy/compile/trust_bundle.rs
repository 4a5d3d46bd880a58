//! Compiles `trust_bundles`: authorities, lists, responders and what the policy itself calls revoked.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::crl::lists;
use super::pem;
use super::reader::{Keys, Object, Problems, all_or_none, entries, string, whole_number, word, wrong_type};
use super::revocation::Available;
use super::route::is_name;
use crate::cert::{Certificate, Fingerprint};
use crate::identity::{FingerprintPattern, SerialPattern, TrustDomainPattern};
use crate::policy::error::PolicyErrorKind;
use crate::policy::source::{Member, Node, Value};
use crate::policy::trust_bundle::{TrustBundle, TrustBundleError, check_cluster, check_url};
use crate::revocation::ocsp::{Nonce, Responder};
use crate::revocation::{DenyList, Sources};
use crate::trust::chain::MAX_INTERMEDIATES;
use crate::trust::{Authorities, Authority, Unfit};

const BUNDLE_KEYS: Keys = Keys::of(&[
    "anchors_pem",
    "intermediates_pem",
    "max_intermediates",
    "spiffe_trust_domain",
    "crls",
    "ocsp",
    "revoked",
]);
const OCSP_KEYS: Keys = Keys::of(&["cluster", "url", "timeout_ms", "method", "nonce"]);
const REVOKED_KEYS: Keys = Keys::of(&["serials", "sha256"]);

/// The most trust bundles of a policy. A bundle is an organisation, or a generation of its PKI.
const MAX_BUNDLES: usize = 64;

/// The most certificates of one kind in a bundle. Browsers trust some 150 roots of the whole web.
const MAX_CERTIFICATES: usize = 256;

/// The most certificates that a bundle calls revoked by serial number, or by digest. More belong in a CRL.
const MAX_DENIED: usize = 100_000;

/// Longest time that a request to a list's server or a responder may take, in milliseconds.
pub(super) const MAX_TIMEOUT_MS: u32 = 60_000;

/// How long it may take where the policy does not say, in milliseconds.
pub(super) const DEFAULT_TIMEOUT_MS: u32 = 2_000;

/// What the bundles have anything for. Faulty ones count, so that one mistake is told once.
pub(super) fn available(node: Option<&Node>) -> Available {
    let mut available = Available::default();
    let Some(Node { value: Value::Object(bundles), .. }) = node else { return available };
    for bundle in bundles {
        let Value::Object(members) = &bundle.value.value else { continue };
        available.deny_list |= members.iter().any(|member| member.key == "revoked");
        available.crl |= members.iter().any(|member| member.key == "crls");
        available.ocsp |= members.iter().any(|member| member.key == "ocsp");
    }
    available
}

pub(super) fn trust_bundles(node: &Node, problems: &mut Problems) -> Option<Vec<TrustBundle>> {
    let object = Object::open_map(node, problems)?;
    if object.members().is_empty() {
        return problems.add(node.span, PolicyErrorKind::EmptyList { what: "`trust_bundles`", help: None });
    }
    at_most(node, object.members().len(), MAX_BUNDLES, "trust bundles", problems)?;
    all_or_none(object.members().iter().map(|member| trust_bundle(member, problems)))
}

fn trust_bundle(Member { key, key_span, value }: &Member, problems: &mut Problems) -> Option<TrustBundle> {
    if !is_name(key) {
        problems.add::<()>(*key_span, PolicyErrorKind::BadName { name: key.clone() });
    }
    let object = Object::open(value, BUNDLE_KEYS, problems)?;
    let help = Some("list the CA certificates that you trust, each in PEM");
    let mut seen = HashSet::new();
    let anchors = object.require("anchors_pem", help, problems).and_then(|node| {
        let entries = entries(node, "`anchors_pem`", problems)?;
        certificates(node, entries, Authority::fit_as_anchor, &mut seen, problems)
    });
    let intermediates_node = object.get("intermediates_pem");
    let intermediates = match intermediates_node {
        Some(node) => {
            let entries = array(node, problems);
            entries.and_then(|entries| {
                certificates(node, entries, Authority::fit_as_intermediate, &mut seen, problems)
            })
        }
        None => Some(Vec::new()),
    };
    let authorities = match (anchors, intermediates) {
        (Some(anchors), Some(intermediates)) => {
            let nodes = intermediates_node.and_then(|node| array(node, problems)).unwrap_or_default();
            authorities(anchors, intermediates, nodes, problems)
        }
        (Some(_) | None, _) => None,
    };
    let max_intermediates = object.get("max_intermediates").map_or(Some(MAX_INTERMEDIATES.into()), |node| {
        whole_number(node, 0, MAX_INTERMEDIATES.into(), problems)
    });
    let trust_domain = match object.get("spiffe_trust_domain") {
        Some(node) => string(node, problems)
            .and_then(|text| problems.keep(node.span, TrustDomainPattern::parse(text)).map(Some)),
        None => Some(None),
    };
    let lists = match object.get("crls") {
        Some(node) => lists(node, key, authorities.as_ref(), problems),
        None => Some((Vec::new(), Vec::new())),
    };
    let responder = match object.get("ocsp") {
        Some(node) => responder(node, problems).map(Some),
        None => Some(None),
    };
    let denied = match object.get("revoked") {
        Some(node) => deny_list(node, problems),
        None => Some(DenyList::default()),
    };
    let (lists, fetched) = lists?;
    Some(TrustBundle {
        name: key.as_str().into(),
        authorities: authorities?,
        max_intermediates: u8::try_from(max_intermediates?).unwrap_or(MAX_INTERMEDIATES),
        trust_domain: trust_domain?,
        revocation: Sources { denied: denied?, lists, fetched, responder: responder?.map(Arc::new) },
    })
}

/// Each a block of PEM, none of them twice in the bundle.
fn certificates(
    node: &Node,
    entries: &[Node],
    check: fn(&Authority) -> Result<(), Unfit>,
    seen: &mut HashSet<Fingerprint>,
    problems: &mut Problems,
) -> Option<Vec<Authority>> {
    at_most(node, entries.len(), MAX_CERTIFICATES, "certificates", problems)?;
    let authorities = entries.iter().map(|entry| {
        let text = string(entry, problems)?;
        let authority = problems.keep(entry.span, authority(text, check))?;
        if seen.insert(authority.certificate().fingerprint()) {
            return Some(authority);
        }
        problems.add(entry.span, TrustBundleError::Repeated { what: "certificate" }.into())
    });
    all_or_none(authorities)
}

fn authority(text: &str, check: fn(&Authority) -> Result<(), Unfit>) -> Result<Authority, TrustBundleError> {
    let certificate = Certificate::from_der(pem::one_block(text, pem::CERTIFICATE)?)?;
    let fingerprint = certificate.fingerprint();
    let refuse = |subject: String, why: String| TrustBundleError::Authority { subject, why };
    let authority =
        Authority::of(certificate).map_err(|why| refuse(fingerprint.to_string(), why.to_string()))?;
    match check(&authority) {
        Ok(()) => Ok(authority),
        Err(why) => Err(refuse(authority.subject().to_string(), why.to_string())),
    }
}

/// SHA-256 of the certificate in an entry of a bundle that compiles, by which lints find its authority.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn fingerprint_in(entry: &str) -> Option<Fingerprint> {
    pem::one_block(entry, pem::CERTIFICATE).ok().map(|der| Fingerprint::of(&der))
}

/// `None` where an intermediate, whose node stands at its position in `nodes`, chains to no anchor.
fn authorities(
    anchors: Vec<Authority>,
    intermediates: Vec<Authority>,
    nodes: &[Node],
    problems: &mut Problems,
) -> Option<Authorities> {
    let names: Vec<(String, String)> = intermediates
        .iter()
        .map(|authority| (authority.subject().to_string(), authority.issuer().to_string()))
        .collect();
    let (authorities, strays) = Authorities::new(anchors, intermediates);
    for stray in &strays {
        if let (Some(node), Some((subject, issuer))) = (nodes.get(*stray), names.get(*stray)) {
            let error = TrustBundleError::NoAnchor { subject: subject.clone(), issuer: issuer.clone() };
            problems.add::<()>(node.span, error.into());
        }
    }
    strays.is_empty().then_some(authorities)
}

fn responder(node: &Node, problems: &mut Problems) -> Option<Responder> {
    let object = Object::open(node, OCSP_KEYS, problems)?;
    let (cluster, url, timeout) = server(&object, problems);
    let get = object
        .get("method")
        .map_or(Some(false), |node| word(node, &["post", "get"], &[false, true], problems));
    let nonce = object.get("nonce").map_or(Some(Nonce::Off), |node| {
        let values = [Nonce::Off, Nonce::Optional, Nonce::Required];
        word(node, &["off", "optional", "required"], &values, problems)
    });
    Some(Responder { cluster: cluster?, url: url?, timeout: timeout?, get: get?, nonce: nonce? })
}

/// What an HTTP server is reached by: `cluster`, `url` and `timeout_ms`.
pub(super) fn server(
    object: &Object<'_>,
    problems: &mut Problems,
) -> (Option<Box<str>>, Option<Arc<str>>, Option<Duration>) {
    let help = Some("name the cluster of Envoy through which the server is reached");
    let cluster = object.require("cluster", help, problems).and_then(|node| {
        let name = string(node, problems)?;
        problems.keep(node.span, check_cluster(name))?;
        Some(name.into())
    });
    let url = object.require("url", None, problems).and_then(|node| {
        let url = string(node, problems)?;
        problems.keep(node.span, check_url(url))?;
        Some(url.into())
    });
    let timeout = object
        .get("timeout_ms")
        .map_or(Some(DEFAULT_TIMEOUT_MS), |node| whole_number(node, 1, MAX_TIMEOUT_MS, problems));
    (cluster, url, timeout.map(|milliseconds| Duration::from_millis(milliseconds.into())))
}

fn deny_list(node: &Node, problems: &mut Problems) -> Option<DenyList> {
    let object = Object::open(node, REVOKED_KEYS, problems)?;
    if object.members().is_empty() {
        let help = Some("name `serials` or `sha256`, which may be empty");
        return problems.add(node.span, PolicyErrorKind::EmptyList { what: "`revoked`", help });
    }
    let serials = denied(object.get("serials"), problems, |text| {
        SerialPattern::parse(text).map(|pattern| pattern.to_integer().into())
    });
    let fingerprints = denied(object.get("sha256"), problems, |text| {
        FingerprintPattern::sha256(text).map(|pattern| pattern.digest())
    });
    Some(DenyList { serials: serials?, fingerprints: fingerprints? })
}

/// A list that may be empty: what is taken off it last need not take the list along.
fn denied<T: Eq + std::hash::Hash, E: Into<PolicyErrorKind>>(
    node: Option<&Node>,
    problems: &mut Problems,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Option<HashSet<T>> {
    let Some(node) = node else { return Some(HashSet::new()) };
    let entries = array(node, problems)?;
    at_most(node, entries.len(), MAX_DENIED, "entries", problems)?;
    let values = entries.iter().map(|entry| {
        let text = string(entry, problems)?;
        problems.keep(entry.span, parse(text))
    });
    all_or_none(values).map(|values| values.into_iter().collect())
}

/// An array that may be empty.
fn array<'n>(node: &'n Node, problems: &mut Problems) -> Option<&'n [Node]> {
    match &node.value {
        Value::Array(entries) => Some(entries),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            wrong_type(node, "an array", problems)
        }
    }
}

pub(super) fn at_most(
    node: &Node,
    count: usize,
    limit: usize,
    what: &'static str,
    problems: &mut Problems,
) -> Option<()> {
    let error = TrustBundleError::TooMany { what, limit };
    problems.keep(node.span, if count > limit { Err(error) } else { Ok(()) })
}
