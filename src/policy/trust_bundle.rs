//! Trust bundles: named anchors and intermediates, and where their revocation data comes from.

use thiserror::Error;

use super::host::Host;
use super::on_deny::is_url_byte;
use crate::cert::CertificateError;
use crate::identity::TrustDomainPattern;
use crate::identity::pattern::shown;
use crate::revocation::Sources;
use crate::trust::{Authorities, Authority};

/// One trust bundle of a policy.
#[derive(Debug)]
pub struct TrustBundle {
    pub(crate) name: Box<str>,
    pub(crate) authorities: Authorities,
    pub(crate) max_intermediates: u8,
    pub(crate) trust_domain: Option<TrustDomainPattern>,
    pub(crate) revocation: Sources,
}

impl TrustBundle {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its anchors, and its intermediates that chain to one.
    pub fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    /// The most intermediates between a client's certificate and an anchor.
    pub fn max_intermediates(&self) -> u8 {
        self.max_intermediates
    }

    /// The SPIFFE trust domain for which it vouches, and for nothing else; `None` where it vouches for names of any kind.
    pub fn trust_domain(&self) -> Option<&TrustDomainPattern> {
        self.trust_domain.as_ref()
    }

    /// Its anchors, in the policy's order.
    pub fn anchors(&self) -> impl Iterator<Item = &Authority> {
        self.iter().filter(|authority| self.authorities.is_anchor(authority))
    }

    /// Its intermediates, in an order of their own: each behind one that issued it.
    pub fn intermediates(&self) -> impl Iterator<Item = &Authority> {
        self.iter().filter(|authority| !self.authorities.is_anchor(authority))
    }

    fn iter(&self) -> impl Iterator<Item = &Authority> {
        self.authorities.iter().map(|authority| &**authority)
    }

    /// Its revocation data.
    pub fn revocation(&self) -> &Sources {
        &self.revocation
    }
}

/// What is wrong with an entry of a trust bundle.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrustBundleError {
    /// Not exactly one block of PEM (RFC 7468) of the kind that belongs here.
    #[error("this is not one block of PEM `{label}`: {why}")]
    Pem {
        /// The kind of block that belongs here.
        label: &'static str,
        /// What is wrong with it, or what to do.
        why: &'static str,
    },
    /// Not base64 of DER.
    #[error("this is no base64 of a list in DER: {why}")]
    Base64 {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The block holds no certificate that is read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A certificate that can be no authority.
    #[error("`{subject}` can be no authority: {why}", subject = shown(subject))]
    Authority {
        /// Its subject; its digest where the subject cannot be read.
        subject: String,
        /// Why not.
        why: String,
    },
    /// An intermediate that no anchor stands above.
    #[error(
        "`{subject}` chains to no anchor of this bundle: nobody in it signed it with an algorithm that is supported; its issuer is `{issuer}`",
        subject = shown(subject),
        issuer = shown(issuer)
    )]
    NoAnchor {
        /// Its subject.
        subject: String,
        /// Its issuer.
        issuer: String,
    },
    /// Something that stands in the bundle already.
    #[error("this {what} stands in the bundle already")]
    Repeated {
        /// What it is.
        what: &'static str,
    },
    /// What the proxy cannot fetch.
    #[error("`{url}` is not a URL to fetch from: {why}", url = shown(url))]
    Url {
        /// The text.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// What can be no name of a cluster.
    #[error("`{name}` is not the name of a cluster: {why}", name = shown(name))]
    Cluster {
        /// The text.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A list that is not one that an authority of the bundle signed.
    #[error("this list cannot be used: {why}")]
    List {
        /// Why not.
        why: String,
    },
    /// More than any bundle, or policy, has.
    #[error("more than {limit} {what} in one place")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A way to find out about revocation of which no trust bundle has anything.
    #[error("no trust bundle has `{key}`, without which `{method}` finds out nothing")]
    NoSource {
        /// The method.
        method: &'static str,
        /// The key of trust bundles that it needs.
        key: &'static str,
    },
    /// A bundle that stands in `trust` already.
    #[error("`{name}` stands here already", name = shown(name))]
    RepeatedName {
        /// Its name.
        name: String,
    },
    /// A method that stands in `check` already.
    #[error("`{method}` stands here already")]
    RepeatedMethod {
        /// The method.
        method: &'static str,
    },
}

impl TrustBundleError {
    /// A short stable name for machines, in snake case.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Pem { .. } | Self::Certificate(_) | Self::Authority { .. } | Self::NoAnchor { .. } => {
                "bad_certificate"
            }
            Self::Base64 { .. } | Self::List { .. } => "bad_crl",
            Self::Repeated { .. } | Self::RepeatedName { .. } | Self::RepeatedMethod { .. } => "repeated",
            Self::Url { .. } => "bad_url",
            Self::Cluster { .. } => "bad_cluster",
            Self::TooMany { .. } => "too_many",
            Self::NoSource { .. } => "no_source",
        }
    }
}

/// The longest URL to fetch from, in bytes: what every proxy and server takes.
const MAX_URL_BYTES: usize = 2048;

/// The longest name of a cluster, in bytes: that of Istio's, with a host of 253 letters in it, stays below.
const MAX_CLUSTER_BYTES: usize = 512;

/// Whether the proxy can be asked to fetch from `url`: an absolute URL of `http` or `https` (RFC 9110 section 4.2) without user
/// and fragment. Which server that is says the cluster; host and path are what the request says.
pub(super) fn check_url(url: &str) -> Result<(), TrustBundleError> {
    let refuse = |why| Err(TrustBundleError::Url { url: url.to_owned(), why });
    if url.len() > MAX_URL_BYTES {
        return refuse("it is longer than 2048 bytes");
    }
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        return refuse("write a whole one that begins with `http://` or `https://`");
    };
    if !rest.bytes().all(is_url_byte) {
        return refuse("it holds characters that a URL must have percent-encoded");
    }
    if rest.contains('#') {
        return refuse("no server is told of a fragment, which begins with `#`");
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    if authority.contains('@') {
        return refuse("credentials have no place in a policy; let the cluster add them");
    }
    if Host::from_authority(authority.as_bytes()).is_err() {
        return refuse("its host is none");
    }
    if path.starts_with('?') {
        return refuse("write `/` before the query");
    }
    Ok(())
}

/// Whether a cluster of Envoy can have this name.
pub(super) fn check_cluster(name: &str) -> Result<(), TrustBundleError> {
    let refuse = |why| Err(TrustBundleError::Cluster { name: name.to_owned(), why });
    if name.is_empty() {
        return refuse("it is empty");
    }
    if name.len() > MAX_CLUSTER_BYTES {
        return refuse("it is longer than 512 bytes");
    }
    if name.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return refuse("it holds spaces or control characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn why(url: &str) -> Option<&'static str> {
        match check_url(url) {
            Err(TrustBundleError::Url { why, .. }) => Some(why),
            other => {
                assert_eq!(other, Ok(()), "{url}");
                None
            }
        }
    }

    #[test]
    fn a_url_that_a_proxy_can_be_asked_for_is_taken() {
        for url in [
            "http://crl.acme.example/corp.crl",
            "https://crl.acme.example:8443/a/b.crl?delta=no",
            "http://192.0.2.7/",
            "http://[2001:db8::1]:8080/x",
            "http://crl.acme.example",
            "http://ca.acme.example/CertEnroll/Acme%20CA(1).crl",
        ] {
            assert_eq!(why(url), None, "{url}");
        }
    }

    #[test]
    fn what_is_near_to_one_is_refused_with_its_reason() {
        let absolute = "write a whole one that begins with `http://` or `https://`";
        let encoded = "it holds characters that a URL must have percent-encoded";
        for (url, wanted) in [
            ("", absolute),
            ("/corp.crl", absolute),
            ("crl.acme.example/corp.crl", absolute),
            ("ldap://crl.acme.example/cn=crl", absolute),
            ("file:///etc/corp.crl", absolute),
            ("http:/crl.acme.example/", absolute),
            ("http://crl.acme.example/a b.crl", encoded),
            ("http://crl.acme.example/\r\nx: y", encoded),
            ("http://crl.acme.example/ä.crl", encoded),
            ("http://crl.acme.example/{name}.crl", encoded),
            (
                "http://crl.acme.example/corp.crl#new",
                "no server is told of a fragment, which begins with `#`",
            ),
            (
                "http://user:secret@crl.acme.example/",
                "credentials have no place in a policy; let the cluster add them",
            ),
            ("http:///corp.crl", "its host is none"),
            ("http://crl.acme.example:http/", "its host is none"),
            ("http://crl.acme.example?x", "write `/` before the query"),
        ] {
            assert_eq!(why(url), Some(wanted), "{url}");
        }
        let long = |length: usize| format!("http://a.example/{}", "x".repeat(length - 17));
        assert_eq!(why(&long(MAX_URL_BYTES)), None);
        assert_eq!(why(&long(MAX_URL_BYTES + 1)), Some("it is longer than 2048 bytes"));
    }

    #[test]
    fn a_cluster_has_a_name_in_one_word() {
        for name in ["crl", "outbound|80||crl.acme.example", &"x".repeat(MAX_CLUSTER_BYTES)] {
            assert_eq!(check_cluster(name), Ok(()), "{name}");
        }
        for name in ["", "a b", "a\n", "a\u{0}", &"x".repeat(MAX_CLUSTER_BYTES + 1)] {
            assert!(check_cluster(name).is_err(), "{name}");
        }
    }
}
