//! Compiles `crls` of a trust bundle: lists that stand in the policy, and lists that are fetched.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::pem;
use super::reader::{Keys, Object, Problems, all_or_none, entries, string, whole_number};
use super::trust_bundle::{at_most, server};
use crate::policy::error::PolicyErrorKind;
use crate::policy::source::{Member, Node};
use crate::policy::trust_bundle::TrustBundleError;
use crate::revocation::CrlSource;
use crate::revocation::crl::{List, Load};
use crate::trust::Authorities;

const CRL_KEYS: Keys = Keys::of(&["pem", "der_base64", "cluster", "url", "refresh_seconds", "timeout_ms"]);

/// The most lists of one bundle. CAs that split theirs have some dozens.
const MAX_LISTS: usize = 64;

/// Longest time between two questions for a list, in seconds: a week.
const MAX_REFRESH_SECONDS: u32 = 7 * 86_400;

/// The same where the policy does not say: an hour.
const DEFAULT_REFRESH_SECONDS: u32 = 3_600;

/// Lists of the policy, and those to be fetched.
pub(super) type CompiledLists = (Vec<Arc<List>>, Vec<Arc<CrlSource>>);

enum Source {
    Inline(Option<Arc<List>>),
    Fetched(CrlSource),
}

/// The lists of the bundle `name`. Without its authorities, which were faulty, no signature is looked at.
pub(super) fn lists(
    node: &Node,
    name: &str,
    authorities: Option<&Authorities>,
    problems: &mut Problems,
) -> Option<CompiledLists> {
    let entries = entries(node, "`crls`", problems)?;
    at_most(node, entries.len(), MAX_LISTS, "lists", problems)?;
    let (mut seen, mut digests) = (HashSet::new(), HashSet::new());
    let mut sources = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        let source = source(entry, problems).and_then(|source| match source {
            Given::Bytes(node, bytes) => {
                let label = format!("/trust_bundles/{name}/crls/{at}");
                let list = problems.keep(node.span, load(bytes, label, authorities))?;
                if list.as_ref().is_none_or(|list| digests.insert(list.head().digest)) {
                    return Some(Source::Inline(list));
                }
                problems.add(node.span, TrustBundleError::Repeated { what: "list" }.into())
            }
            Given::Fetched(source) => {
                if seen.insert((source.cluster.clone(), Arc::clone(&source.url))) {
                    return Some(Source::Fetched(source));
                }
                problems.add(entry.span, TrustBundleError::Repeated { what: "source" }.into())
            }
        });
        sources.push(source);
    }
    let (mut lists, mut fetched) = (Vec::new(), Vec::new());
    for source in all_or_none(sources)? {
        match source {
            Source::Inline(list) => lists.extend(list),
            Source::Fetched(source) => fetched.push(Arc::new(source)),
        }
    }
    Some((lists, fetched))
}

enum Given<'n> {
    Bytes(&'n Node, Vec<u8>),
    Fetched(CrlSource),
}

fn source<'n>(node: &'n Node, problems: &mut Problems) -> Option<Given<'n>> {
    let object = Object::open(node, CRL_KEYS, problems)?;
    let Some(Member { key, value, .. }) = object.member("pem").or_else(|| object.member("der_base64")) else {
        return fetched(&object, problems).map(Given::Fetched);
    };
    for other in object.members().iter().filter(|member| member.key != *key) {
        let why = "the list stands here, and is not fetched";
        problems.add::<()>(other.key_span, PolicyErrorKind::Ineffective { key: other.key.clone(), why });
    }
    let text = string(value, problems)?;
    let bytes = if key == "pem" { pem::one_block(text, pem::CRL) } else { pem::base64(text) };
    problems.keep(value.span, bytes).map(|bytes| Given::Bytes(value, bytes))
}

fn fetched(object: &Object<'_>, problems: &mut Problems) -> Option<CrlSource> {
    let (cluster, url, timeout) = server(object, problems);
    let refresh = object
        .get("refresh_seconds")
        .map_or(Some(DEFAULT_REFRESH_SECONDS), |node| whole_number(node, 1, MAX_REFRESH_SECONDS, problems))
        .map(|seconds| Duration::from_secs(seconds.into()));
    Some(CrlSource { cluster: cluster?, url: url?, refresh: refresh?, timeout: timeout? })
}

/// `None` where there are no authorities to check it against.
fn load(
    bytes: Vec<u8>,
    label: String,
    authorities: Option<&Authorities>,
) -> Result<Option<Arc<List>>, TrustBundleError> {
    let Some(authorities) = authorities else { return Ok(None) };
    let mut loaded = Load::new(bytes, authorities.iter().map(Arc::clone).collect())
        .finish()
        .map_err(|error| TrustBundleError::List { why: error.to_string() })?;
    loaded.head.source = label.into();
    Ok(Some(Arc::new(loaded.into_list())))
}
