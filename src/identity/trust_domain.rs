//! Patterns for SPIFFE trust domains.

use std::fmt;

use super::pattern::PatternError;
use super::spiffe::{SpiffeIdentity, is_trust_domain};
use super::text::quoted;
use super::truth::Truth;

/// A pattern for the trust domain of a SPIFFE ID: one name, without wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustDomainPattern {
    name: String,
}

impl TrustDomainPattern {
    /// Reads a name like `acme.example`, without the scheme.
    pub fn parse(text: &str) -> Result<TrustDomainPattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if !is_trust_domain(text) {
            return Err(PatternError::TrustDomain { text: text.to_owned() });
        }
        Ok(TrustDomainPattern { name: text.to_owned() })
    }

    /// Whether the certificate's SPIFFE ID is of this trust domain. One that is invalid cannot be told.
    pub fn matches(&self, identity: &SpiffeIdentity) -> Truth {
        match identity {
            SpiffeIdentity::None => Truth::No,
            SpiffeIdentity::Id(id) => (id.trust_domain() == self.name).into(),
            SpiffeIdentity::Invalid(_) => Truth::CannotTell,
        }
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for TrustDomainPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        quoted(&self.name).fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Names, Uri};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn matches(pattern: &str, uris: &[&str]) -> Truth {
        let mut names = Names::new();
        uris.iter().for_each(|uri| names.push(Uri::from_bytes(uri.as_bytes())));
        TrustDomainPattern::parse(pattern).unwrap().matches(&SpiffeIdentity::of(&names))
    }

    #[test]
    fn a_trust_domain_matches_every_id_in_it_and_none_of_another() {
        for id in ["spiffe://acme.example/a", "spiffe://acme.example/ns/prod/sa/billing"] {
            assert_eq!(matches("acme.example", &[id]), Truth::Yes, "{id}");
        }
        for id in [
            "spiffe://acme.example.evil/a",
            "spiffe://a.acme.example/a",
            "spiffe://xacme.example/a",
            "spiffe://acme/example/a",
            "spiffe://evil/acme.example",
            "https://acme.example/a",
        ] {
            assert_eq!(matches("acme.example", &[id]), Truth::No, "{id}");
        }
        assert_eq!(matches("acme.example", &[]), Truth::No);
    }

    #[test]
    fn an_invalid_id_cannot_be_told() {
        for ids in [
            &["spiffe://acme.example"][..],
            &["spiffe://acme.example:443/a"],
            &["spiffe://ACME.example/a"],
            &["spiffe://acme.example/a/"],
            &["spiffe://acme.example/a", "urn:a"],
        ] {
            assert_eq!(matches("acme.example", ids), Truth::CannotTell, "{ids:?}");
        }
    }

    #[test]
    fn other_text_is_refused_in_words() {
        let expected = "`spiffe://acme.example` is no SPIFFE trust domain; expected `a` to `z`, `0` to `9`, `.`, `-` and `_`, 255 at most, as in `acme.example`";
        assert_eq!(TrustDomainPattern::parse("spiffe://acme.example").unwrap_err().to_string(), expected);
        assert_eq!(TrustDomainPattern::parse(""), Err(PatternError::Empty));
        for text in ["Acme.example", "*.acme.example", "acme.example:443", "acme.example/", &"a".repeat(256)]
        {
            assert!(TrustDomainPattern::parse(text).is_err(), "{text}");
        }
        assert!(TrustDomainPattern::parse(&"a".repeat(255)).is_ok());
    }
}
