//! What the extensions of an authority's certificate say that it may sign.

use super::AuthorityError;
use crate::cert::Criticality;
use crate::cert::der::{
    self, BIT_STRING, BOOLEAN, INTEGER, NotDer, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE,
};
use crate::identity;

const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];
pub(super) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
pub(super) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
pub(super) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];
const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 0x20];
const POLICY_MAPPINGS: &[u8] = &[0x55, 0x1d, 0x21];
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
const POLICY_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x24];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const INHIBIT_ANY_POLICY: &[u8] = &[0x55, 0x1d, 0x36];

/// `id-kp-OCSPSigning`, 1.3.6.1.5.5.7.3.9.
const OCSP_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 9];

/// Extensions that may be critical: they are followed here, are followed where whole chains are verified, or do not say
/// anything about what may be signed.
const KNOWN: [&[u8]; 12] = [
    SUBJECT_KEY_IDENTIFIER,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    BASIC_CONSTRAINTS,
    NAME_CONSTRAINTS,
    CRL_DISTRIBUTION_POINTS,
    CERTIFICATE_POLICIES,
    POLICY_MAPPINGS,
    AUTHORITY_KEY_IDENTIFIER,
    POLICY_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    INHIBIT_ANY_POLICY,
];

/// Whether a certificate is a CA's (RFC 5280 section 4.2.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Ca {
        /// How many intermediates may stand between it and a leaf; `None` where it does not say.
        path_length: Option<u32>,
    },
    /// It is not.
    EndEntity,
    /// It has no extensions at all, as in versions 1 and 2 of X.509, and does not say.
    Unstated,
}

impl Standing {
    /// Reads it from the extensions of a certificate.
    ///
    /// # Errors
    /// Where its basicConstraints cannot be read.
    pub(crate) fn of(extensions: &identity::Extensions) -> Result<Standing, AuthorityError> {
        match extensions.find(BASIC_CONSTRAINTS) {
            Some(extension) => {
                standing(extension.value).map_err(|NotDer| AuthorityError::Extension("basicConstraints"))
            }
            None if extensions.bytes() == 0 => Ok(Standing::Unstated),
            None => Ok(Standing::EndEntity),
        }
    }
}

/// What the extensions say.
#[derive(Debug)]
pub(super) struct Extensions {
    pub(super) standing: Standing,
    pub(super) uses: KeyUses,
    pub(super) signs_responses: bool,
    pub(super) key_identifier: Option<Box<[u8]>>,
    pub(super) issuer_key_identifier: Option<Box<[u8]>>,
    pub(super) unknown_critical: bool,
    pub(super) policy_constraints: bool,
}

impl Extensions {
    pub(super) fn of(extensions: &identity::Extensions) -> Result<Extensions, AuthorityError> {
        let value = |oid: &[u8]| extensions.find(oid).map(|extension| extension.value);
        let named = |name: &'static str| move |NotDer| AuthorityError::Extension(name);
        let purposes = value(EXTENDED_KEY_USAGE).map(names_ocsp_signing).transpose();
        let own = value(SUBJECT_KEY_IDENTIFIER).map(|value| der::only(OCTET_STRING, value)).transpose();
        let issuers = value(AUTHORITY_KEY_IDENTIFIER).map(issuer_key_identifier).transpose();
        Ok(Extensions {
            standing: Standing::of(extensions)?,
            uses: KeyUses::of(value(KEY_USAGE)).map_err(named("keyUsage"))?,
            signs_responses: purposes.map_err(named("extKeyUsage"))?.unwrap_or(false),
            key_identifier: identifier(own.map_err(named("subjectKeyIdentifier"))?),
            issuer_key_identifier: identifier(issuers.map_err(named("authorityKeyIdentifier"))?.flatten()),
            policy_constraints: value(POLICY_CONSTRAINTS).is_some(),
            unknown_critical: extensions.iter().any(|extension| {
                extension.criticality != Some(Criticality::NotCritical) && !KNOWN.contains(&extension.oid)
            }),
        })
    }
}

/// Some write identifiers that identify nothing.
fn identifier(octets: Option<&[u8]>) -> Option<Box<[u8]>> {
    octets.filter(|octets| !octets.is_empty()).map(Box::from)
}

/// The `keyIdentifier` of an `authorityKeyIdentifier`, if it has one.
pub(crate) fn issuer_key_identifier(extension: &[u8]) -> Result<Option<&[u8]>, NotDer> {
    const KEY_IDENTIFIER: u8 = 0x80;
    Reader::new(der::only(SEQUENCE, extension)?).optional(KEY_IDENTIFIER)
}

/// `BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER (0..MAX) OPTIONAL }`
fn standing(extension: &[u8]) -> Result<Standing, NotDer> {
    let mut parts = Reader::new(der::only(SEQUENCE, extension)?);
    let is_ca = match parts.optional(BOOLEAN)? {
        // DER leaves the default out (X.690 section 11.5); some CAs write it all the same.
        None | Some([0x00]) => false,
        Some([0xff]) => true,
        Some(_) => return Err(NotDer),
    };
    let path_length = parts.optional(INTEGER)?.map(path_length).transpose()?;
    parts.end()?;
    Ok(if is_ca { Standing::Ca { path_length } } else { Standing::EndEntity })
}

/// A number that is not negative. Larger ones than fit limit no chain that anybody builds.
fn path_length(contents: &[u8]) -> Result<u32, NotDer> {
    match contents {
        [] | [0x80..=0xff, ..] | [0, 0..0x80, ..] => Err(NotDer),
        octets if octets.len() > 4 => Ok(u32::MAX),
        octets => Ok(octets.iter().fold(0, |sum, &octet| sum << 8 | u32::from(octet))),
    }
}

fn names_ocsp_signing(extension: &[u8]) -> Result<bool, NotDer> {
    let mut purposes = Reader::new(der::only(SEQUENCE, extension)?);
    let mut found = false;
    // As long as the certificate, which is bounded.
    while let Some(purpose) = purposes.next()? {
        found |= der::only(OBJECT_IDENTIFIER, purpose.whole)? == OCSP_SIGNING;
    }
    Ok(found)
}

/// What a key may be used for (RFC 5280 section 4.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyUses {
    /// The certificate does not say.
    Unrestricted,
    /// For these: the first eight bits, counted from the left.
    Only(u8),
}

impl KeyUses {
    /// `keyCertSign`, bit 5.
    pub(super) const SIGN_CERTIFICATES: u8 = 0x80 >> 5;
    /// `cRLSign`, bit 6.
    pub(super) const SIGN_LISTS: u8 = 0x80 >> 6;
    /// `digitalSignature` or `nonRepudiation`, bits 0 and 1.
    pub(super) const SIGN_RESPONSES: u8 = 0x80 | 0x80 >> 1;

    pub(super) fn of(extension: Option<&[u8]>) -> Result<KeyUses, NotDer> {
        let Some(extension) = extension else { return Ok(KeyUses::Unrestricted) };
        match der::only(BIT_STRING, extension)? {
            // The bits that are beyond the string's end count for nothing, even if they are on.
            [unused @ 0..8, bits] => Ok(KeyUses::Only(bits >> unused << unused)),
            [0..8, bits, _] => Ok(KeyUses::Only(*bits)),
            [0] => Ok(KeyUses::Only(0)),
            _ => Err(NotDer),
        }
    }

    /// Whether any of these uses is allowed.
    pub(super) fn allow(self, uses: u8) -> bool {
        match self {
            KeyUses::Unrestricted => true,
            KeyUses::Only(_) => self.state(uses),
        }
    }

    /// Whether any of these uses is stated.
    pub(super) fn state(self, uses: u8) -> bool {
        match self {
            KeyUses::Unrestricted => false,
            KeyUses::Only(bits) => bits & uses != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_ca_says_that_it_is_one() {
        let ca = |path_length| Ok(Standing::Ca { path_length });
        for (extension, expected) in [
            (&[0x30, 0][..], Ok(Standing::EndEntity)),
            (&[0x30, 3, 1, 1, 0], Ok(Standing::EndEntity)),
            (&[0x30, 3, 1, 1, 0xff], ca(None)),
            (&[0x30, 6, 1, 1, 0xff, 2, 1, 0], ca(Some(0))),
            (&[0x30, 7, 1, 1, 0xff, 2, 2, 1, 0], ca(Some(256))),
            (&[0x30, 7, 1, 1, 0xff, 2, 2, 0, 0x80], ca(Some(128))),
            (&[0x30, 10, 1, 1, 0xff, 2, 5, 1, 0, 0, 0, 0], ca(Some(u32::MAX))),
            (&[0x30, 3, 2, 1, 0], Ok(Standing::EndEntity)),
            (&[0x30, 3, 1, 1, 1], Err(NotDer)),
            (&[0x30, 6, 1, 1, 0xff, 2, 1, 0x80], Err(NotDer)),
            (&[0x30, 7, 1, 1, 0xff, 2, 2, 0, 1], Err(NotDer)),
            (&[0x30, 5, 1, 1, 0xff, 2, 0], Err(NotDer)),
            (&[0x30, 5, 1, 1, 0xff, 5, 0], Err(NotDer)),
            (&[0x31, 0], Err(NotDer)),
        ] {
            assert_eq!(standing(extension), expected, "{extension:x?}");
        }
    }

    #[test]
    fn uses_are_the_bits_that_are_on() {
        for (extension, certificates, lists, responses) in [
            (&[3, 2, 1, 0x06][..], true, true, false),
            (&[3, 2, 2, 0x04], true, false, false),
            (&[3, 2, 1, 0x02], false, true, false),
            (&[3, 2, 7, 0x80], false, false, true),
            (&[3, 2, 6, 0x40], false, false, true),
            (&[3, 3, 7, 0x06, 0x80], true, true, false),
            (&[3, 1, 0], false, false, false),
            // `cRLSign` beyond the end.
            (&[3, 2, 2, 0x06], true, false, false),
        ] {
            let uses = KeyUses::of(Some(extension)).unwrap();
            let found = [KeyUses::SIGN_CERTIFICATES, KeyUses::SIGN_LISTS, KeyUses::SIGN_RESPONSES]
                .map(|wanted| uses.allow(wanted));
            assert_eq!(found, [certificates, lists, responses], "{extension:x?}");
        }
        assert!(KeyUses::Unrestricted.allow(KeyUses::SIGN_LISTS));
        assert!(!KeyUses::Unrestricted.state(KeyUses::SIGN_LISTS));
        for odd in [&[3, 0][..], &[3, 1, 1], &[3, 2, 8, 0], &[4, 2, 0, 0], &[3, 4, 0, 0, 0, 0]] {
            assert_eq!(KeyUses::of(Some(odd)), Err(NotDer), "{odd:x?}");
        }
    }
}
