//! Policies under which a certificate was issued (`certificatePolicies`, RFC 5280 section 4.2.1.4), and patterns for them.

use std::fmt;

use super::names::Names;
use super::object_identifier::ObjectIdentifier;
use super::pattern::PatternError;
use super::truth::Truth;
use super::{ListProblem, count_name};
use crate::cert::der::{self, OBJECT_IDENTIFIER, Reader, SEQUENCE};

/// The extension, 2.5.29.32.
pub(crate) const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 0x20];

/// `anyPolicy`, 2.5.29.32.0.
const ANY: &[u8] = &[0x55, 0x1d, 0x20, 0x00];

/// A policy that a certificate names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CertificatePolicy {
    oid: ObjectIdentifier,
}

impl CertificatePolicy {
    /// Reads the value of the extension, which names at least one policy, and takes them from `left`. Qualifiers are
    /// for people to read: they are walked and left.
    pub(crate) fn list_from_der(
        value: &[u8],
        left: &mut usize,
    ) -> Result<Names<CertificatePolicy>, ListProblem> {
        let mut policies = Names::new();
        let mut list = Reader::new(der::only(SEQUENCE, value)?);
        while let Some(policy) = list.next()? {
            count_name(left)?;
            let mut parts = Reader::new(der::only(SEQUENCE, policy.whole)?);
            let oid = ObjectIdentifier::from_der(parts.expect(OBJECT_IDENTIFIER)?)?;
            if let Some(qualifiers) = parts.optional(SEQUENCE)? {
                check_qualifiers(qualifiers)?;
            }
            parts.end()?;
            policies.push(Some(CertificatePolicy { oid }));
        }
        if policies.is_empty() { Err(ListProblem::NotDer) } else { Ok(policies) }
    }

    /// The object identifier.
    pub fn oid(&self) -> &ObjectIdentifier {
        &self.oid
    }
}

/// At most as many as the bytes of the extension hold, of at least five each.
fn check_qualifiers(qualifiers: &[u8]) -> Result<(), ListProblem> {
    let mut list = Reader::new(qualifiers);
    while let Some(qualifier) = list.next()? {
        let mut parts = Reader::new(der::only(SEQUENCE, qualifier.whole)?);
        parts.expect(OBJECT_IDENTIFIER)?;
        parts.next()?.ok_or(ListProblem::NotDer)?;
        parts.end()?;
    }
    Ok(())
}

/// A pattern for one policy, which a certificate must name itself.
///
/// One that names `anyPolicy` stands for all policies or for none that anybody meant: that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePolicyPattern {
    policy: CertificatePolicy,
}

impl CertificatePolicyPattern {
    /// Reads a dotted object identifier.
    pub fn parse(text: &str) -> Result<CertificatePolicyPattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        Ok(CertificatePolicyPattern { policy: CertificatePolicy { oid: ObjectIdentifier::parse(text)? } })
    }

    /// Whether the certificate names the policy.
    pub fn matches(&self, policies: &Names<CertificatePolicy>) -> Truth {
        policies.any(|policy| {
            if *policy == self.policy {
                Truth::Yes
            } else if policy.oid.contents() == ANY {
                Truth::CannotTell
            } else {
                Truth::No
            }
        })
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for CertificatePolicyPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "\"{}\"", self.policy.oid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn oid(text: &str) -> Vec<u8> {
        mint::der(0x06, &[ObjectIdentifier::parse(text).unwrap().contents()])
    }

    fn policy(text: &str) -> Vec<u8> {
        mint::der(0x30, &[&oid(text)])
    }

    fn read(policies: &[&[u8]]) -> Result<Names<CertificatePolicy>, ListProblem> {
        CertificatePolicy::list_from_der(&mint::der(0x30, policies), &mut 2)
    }

    fn matches(pattern: &str, policies: &[&str]) -> Truth {
        let policies: Vec<Vec<u8>> = policies.iter().map(|text| policy(text)).collect();
        let policies: Vec<&[u8]> = policies.iter().map(Vec::as_slice).collect();
        CertificatePolicyPattern::parse(pattern).unwrap().matches(&read(&policies).unwrap())
    }

    #[test]
    fn a_policy_matches_where_it_is_named() {
        assert_eq!(matches("2.16.840.1.101.3.2.1.3.13", &["1.2.3", "2.16.840.1.101.3.2.1.3.13"]), Truth::Yes);
        assert_eq!(matches("2.16.840.1.101.3.2.1.3.13", &["2.16.840.1.101.3.2.1.3.1"]), Truth::No);
        assert_eq!(CertificatePolicyPattern::parse("1.2.3").unwrap().matches(&Names::new()), Truth::No);
    }

    #[test]
    fn any_policy_is_itself_and_leaves_the_others_untold() {
        assert_eq!(matches("2.5.29.32.0", &["2.5.29.32.0"]), Truth::Yes);
        assert_eq!(matches("1.2.3", &["2.5.29.32.0"]), Truth::CannotTell);
        assert_eq!(matches("1.2.3", &["2.5.29.32.0", "1.2.3"]), Truth::Yes);
        assert_eq!(matches("2.5.29.32.0", &["1.2.3"]), Truth::No);
    }

    #[test]
    fn qualifiers_are_walked_and_what_is_no_list_of_policies_is_refused() {
        let (id, good) = (oid("1.2.3"), policy("1.2.3"));
        // id-qt-cps and a place to read it.
        let cps = mint::der(
            0x30,
            &[&oid("1.3.6.1.5.5.7.2.1"), &mint::der(mint::IA5, &[b"https://acme.example/cps"])],
        );
        let qualified = mint::der(0x30, &[&id, &mint::der(0x30, &[&cps])]);
        assert_eq!(read(&[&qualified]).map(|list| list.len()), Ok(1));
        for (problem, list) in [
            ("none", vec![]),
            ("an identifier alone", vec![&id[..]]),
            ("a null among them", vec![&good, &[0x05, 0x00]]),
            (
                "something after the qualifiers",
                vec![&mint::der(0x30, &[&id, &mint::der(0x30, &[&cps]), &[5, 0]])],
            ),
            ("a qualifier that is none", vec![&mint::der(0x30, &[&id, &mint::der(0x30, &[&id])])]),
            ("a qualifier without a value", vec![&mint::der(0x30, &[&id, &mint::der(0x30, &[&good])])]),
        ] {
            assert_eq!(read(&list), Err(ListProblem::NotDer), "{problem}");
        }
        assert_eq!(read(&[&good, &good, &good]), Err(ListProblem::TooMany));
    }
}
