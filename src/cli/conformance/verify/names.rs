//! Whether a leaf has the names that are demanded.

use std::collections::BTreeSet;
use std::net::IpAddr;

use mtls_policy::cert::Certificate;
use mtls_policy::identity::{
    EmailPattern, FingerprintPattern, Identity, Names, TextKind, TextPattern, Truth, UpnPattern, UriPattern,
};
use mtls_policy::policy::Reason;
use rustls_pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

use super::super::case::Refusal;
use super::Rejection;
use super::ask::{Name, NameKind, NamesMatch};

/// Names that a leaf must have.
pub(super) struct Demand {
    names: Vec<Wanted>,
    how: NamesMatch,
}

struct Wanted {
    kind: NameKind,
    how: How,
}

enum How {
    /// The one name.
    Value(String),
    /// Any of which the whole text matches.
    Pattern(TextPattern),
}

impl Demand {
    pub(super) fn read(names: &[Name], how: NamesMatch) -> Result<Demand, Refusal> {
        let names: Vec<Wanted> = names.iter().map(wanted).collect::<Result<_, _>>()?;
        // A pattern is no set.
        if how == NamesMatch::ExactSet && names.iter().any(|name| matches!(name.how, How::Pattern(_))) {
            return Err(Refusal::UnknownOption(
                "names_match: an `exact_set` of regular expressions".to_owned(),
            ));
        }
        Ok(Demand { names, how })
    }

    /// Checks a leaf and its identity.
    ///
    /// # Errors
    /// Where the names are others.
    pub(super) fn check(&self, leaf: &Certificate, identity: &Identity) -> Result<(), Rejection> {
        let has = |name: &Wanted| name.is_of(leaf, identity);
        let met = match self.how {
            NamesMatch::Any => self.names.is_empty() || self.names.iter().any(has),
            NamesMatch::All => self.names.iter().all(has),
            NamesMatch::ExactSet => self.is_exact(identity),
        };
        if met { Ok(()) } else { Err(Rejection::new(Reason::IdentityNotAllowed, "its names are others")) }
    }

    /// Whether the leaf's names of each kind that is named are these. One that cannot be read is another.
    fn is_exact(&self, identity: &Identity) -> bool {
        self.names.iter().map(|name| name.kind).all(|kind| {
            let wanted: Option<BTreeSet<String>> = self
                .names
                .iter()
                .filter(|name| name.kind == kind)
                .map(|name| match &name.how {
                    How::Value(value) => canonical(kind, value),
                    How::Pattern(_) => None,
                })
                .collect();
            let (held, malformed) = texts(identity, kind);
            wanted.is_some_and(|wanted| malformed == 0 && held.into_iter().collect::<BTreeSet<_>>() == wanted)
        })
    }
}

fn wanted(name: &Name) -> Result<Wanted, Refusal> {
    let how = match (&name.value, &name.regex) {
        (Some(value), None) => How::Value(value.clone()),
        (None, Some(regex)) => {
            How::Pattern(TextPattern::regex(regex).map_err(|error| Refusal::malformed("names", error))?)
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(Refusal::malformed("names", "a name has either `value` or `regex`"));
        }
    };
    Ok(Wanted { kind: name.kind, how })
}

impl Wanted {
    fn is_of(&self, leaf: &Certificate, identity: &Identity) -> bool {
        let value = match &self.how {
            How::Value(value) => value,
            How::Pattern(pattern) => {
                return texts(identity, self.kind).0.iter().any(|text| pattern.matches(text));
            }
        };
        // What is no name of its kind is nobody's.
        let truth = match self.kind {
            NameKind::Dns | NameKind::Ip => return is_server(leaf, self.kind, value),
            NameKind::Email => {
                EmailPattern::new(TextKind::Exact, value).map(|pattern| pattern.matches(identity.email()))
            }
            NameKind::Uri => {
                UriPattern::new(TextKind::Exact, value).map(|pattern| pattern.matches(identity.uri()))
            }
            NameKind::Upn => {
                UpnPattern::new(TextKind::Exact, value).map(|pattern| pattern.matches(identity.upn()))
            }
            NameKind::SpkiSha256 => FingerprintPattern::spki_sha256(value)
                .map(|pattern| pattern.matches(&identity.spki_fingerprint())),
            NameKind::Subject | NameKind::Issuer => {
                Ok(Truth::from(texts(identity, self.kind).0.contains(value)))
            }
        };
        truth == Ok(Truth::Yes)
    }
}

/// Whether it is the certificate of a server of this name, as TLS clients ask it (RFC 9525 section 6): with wildcards.
fn is_server(leaf: &Certificate, kind: NameKind, value: &str) -> bool {
    let der = CertificateDer::from(leaf.der());
    let Ok(end_entity) = EndEntityCert::try_from(&der) else { return false };
    let is_address = value.parse::<IpAddr>().is_ok();
    match ServerName::try_from(value) {
        Ok(name) if is_address == (kind == NameKind::Ip) => {
            end_entity.verify_is_valid_for_subject_name(&name).is_ok()
        }
        Ok(_) | Err(_) => false,
    }
}

/// The names of a kind as text, and how many of them cannot be read.
fn texts(identity: &Identity, kind: NameKind) -> (Vec<String>, usize) {
    fn all<T>(names: &Names<T>, text: impl Fn(&T) -> String) -> (Vec<String>, usize) {
        (names.values().iter().map(text).collect(), names.malformed())
    }
    match kind {
        NameKind::Dns => all(identity.dns(), |name| name.as_str().to_ascii_lowercase()),
        NameKind::Ip => all(identity.ip(), IpAddr::to_string),
        NameKind::Email => all(identity.email(), |name| name.as_str().to_owned()),
        NameKind::Uri => all(identity.uri(), |name| name.as_str().to_owned()),
        NameKind::Upn => all(identity.upn(), |name| name.as_str().to_owned()),
        NameKind::Subject => (vec![identity.subject().to_string()], 0),
        NameKind::Issuer => (vec![identity.issuer().to_string()], 0),
        NameKind::SpkiSha256 => (vec![identity.spki_fingerprint().to_string()], 0),
    }
}

/// A value as [`texts`] writes it; `None` where it is no name of its kind.
fn canonical(kind: NameKind, value: &str) -> Option<String> {
    match kind {
        NameKind::Dns => Some(value.to_ascii_lowercase()),
        NameKind::Ip => value.parse::<IpAddr>().ok().map(|address| address.to_string()),
        NameKind::SpkiSha256 => Some(value.replace(':', "").to_ascii_lowercase()),
        NameKind::Email | NameKind::Uri | NameKind::Upn | NameKind::Subject | NameKind::Issuer => {
            Some(value.to_owned())
        }
    }
}
