//! One certificate of a trust bundle.

use thiserror::Error;
use time::OffsetDateTime;

use super::extensions::{Extensions, KeyUses, Standing};

use crate::cert::der::{self, BIT_STRING, NotDer, Reader, SEQUENCE};
use crate::cert::signature::SignatureError;
use crate::cert::{Certificate, Fingerprint, signed};
use crate::identity::{DistinguishedName, Identity, KeyPurpose, NameDigest, Names, Validity};

/// A certificate of a trust bundle, read once.
#[derive(Debug)]
pub struct Authority {
    certificate: Certificate,
    subject: DistinguishedName,
    subject_der: Box<[u8]>,
    subject_digest: Option<NameDigest>,
    issuer: DistinguishedName,
    issuer_der: Box<[u8]>,
    issuer_digest: Option<NameDigest>,
    serial: Box<[u8]>,
    validity: Validity,
    spki: Box<[u8]>,
    spki_fingerprint: Fingerprint,
    key_bits: Box<[u8]>,
    purposes: Names<KeyPurpose>,
    extensions: Extensions,
}

/// Why a certificate can be no authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthorityError {
    /// A field of it cannot be read.
    #[error("the certificate cannot be read")]
    Malformed,
    /// An extension that says what it may sign cannot be read.
    #[error("its extension `{0}` cannot be read")]
    Extension(&'static str),
}

impl From<NotDer> for AuthorityError {
    fn from(_: NotDer) -> AuthorityError {
        AuthorityError::Malformed
    }
}

impl Authority {
    /// Reads a certificate.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of(certificate: Certificate) -> Result<Authority, AuthorityError> {
        let identity = Identity::of(&certificate).map_err(|_| AuthorityError::Malformed)?;
        let fields = certificate.fields().map_err(|_| AuthorityError::Malformed)?;
        let spki = fields.public_key;
        Ok(Authority {
            subject: identity.subject().clone(),
            subject_der: fields.subject.into(),
            subject_digest: NameDigest::of(identity.subject()),
            issuer: identity.issuer().clone(),
            issuer_der: fields.issuer.into(),
            issuer_digest: NameDigest::of(identity.issuer()),
            serial: fields.serial.into(),
            validity: identity.validity(),
            spki_fingerprint: identity.spki_fingerprint(),
            key_bits: key_bits(spki)?.into(),
            spki: spki.into(),
            purposes: identity.key_purposes().clone(),
            extensions: Extensions::of(identity.extensions())?,
            certificate,
        })
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its subject: the issuer's name in what it signs.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// Its subject in DER, as it is in the certificate: what an OCSP `CertID` holds the hash of (RFC 6960 section 4.1.1).
    pub fn subject_der(&self) -> &[u8] {
        &self.subject_der
    }

    /// The digest of its subject; `None` where the subject is not comparable.
    pub fn subject_digest(&self) -> Option<NameDigest> {
        self.subject_digest
    }

    /// Its issuer.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// Its issuer in DER, as it is in the certificate.
    pub fn issuer_der(&self) -> &[u8] {
        &self.issuer_der
    }

    /// The digest of its issuer's name; `None` where the name is not comparable.
    pub fn issuer_digest(&self) -> Option<NameDigest> {
        self.issuer_digest
    }

    /// Its serial number: the contents of the DER INTEGER, as they are.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// What the certificates that it issues may be for, where it says so (RFC 5280 section 4.2.1.12).
    pub fn purposes(&self) -> &Names<KeyPurpose> {
        &self.purposes
    }

    /// When it is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether `now` is within its validity, whose last second is part of it as a whole (RFC 5280 section 4.1.2.5). Not asked when
    /// bundles are read: a clock goes on, and bundles stay.
    pub fn is_valid_at(&self, now: OffsetDateTime) -> bool {
        let Validity { not_before, not_after } = self.validity;
        (not_before.unix_timestamp()..=not_after.unix_timestamp()).contains(&now.unix_timestamp())
    }

    /// Whether it bears the name of its issuer: a root, or a CA's certificate for another key of its own (RFC 5280 section 3.2).
    pub fn is_self_issued(&self) -> bool {
        self.subject_digest.is_some() && self.subject_digest == self.issuer_digest
    }

    /// Its `SubjectPublicKeyInfo` in DER (RFC 5280 section 4.1.2.7).
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of [`spki`](Self::spki).
    pub fn spki_fingerprint(&self) -> Fingerprint {
        self.spki_fingerprint
    }

    /// What the BIT STRING of its public key holds, without the octet that counts unused bits: what an OCSP `CertID` and
    /// `ResponderID` hold the hash of (RFC 6960 sections 4.1.1 and 4.2.1).
    pub fn key_bits(&self) -> &[u8] {
        &self.key_bits
    }

    /// Its `subjectKeyIdentifier` (RFC 5280 section 4.2.1.2), if it has one that is not empty.
    pub fn key_identifier(&self) -> Option<&[u8]> {
        self.extensions.key_identifier.as_deref()
    }

    /// The `keyIdentifier` of its `authorityKeyIdentifier` (RFC 5280 section 4.2.1.1), if it has one that is not empty.
    pub fn issuer_key_identifier(&self) -> Option<&[u8]> {
        self.extensions.issuer_key_identifier.as_deref()
    }

    /// Whether it is the certificate of a CA (RFC 5280 section 4.2.1.9).
    pub fn standing(&self) -> Standing {
        self.extensions.standing
    }

    /// Whether it may sign certificates: it is a CA's, and its `keyUsage`, where it has one, holds `keyCertSign` (RFC 5280
    /// sections 4.2.1.3 and 4.2.1.9). A certificate without extensions says neither, and may do it as an anchor only: see
    /// [`Authorities::may_issue`](super::Authorities::may_issue).
    pub fn may_sign_certificates(&self) -> bool {
        match self.extensions.standing {
            Standing::Ca { .. } => self.extensions.uses.allow(KeyUses::SIGN_CERTIFICATES),
            Standing::EndEntity | Standing::Unstated => false,
        }
    }

    /// Whether it may sign revocation lists: its `keyUsage` holds `cRLSign`, or it has no `keyUsage` (RFC 5280 sections
    /// 4.2.1.3 and 6.3.3 (f)) and is no end entity's. The RFC demands `keyUsage` where keys sign lists, and an ordinary leaf
    /// among the intermediates shall not become able to revoke.
    pub fn may_sign_lists(&self) -> bool {
        match self.extensions.standing {
            Standing::Ca { .. } | Standing::Unstated => self.extensions.uses.allow(KeyUses::SIGN_LISTS),
            Standing::EndEntity => self.extensions.uses.state(KeyUses::SIGN_LISTS),
        }
    }

    /// Whether it may sign OCSP responses about certificates of the CA that issued it: its `extKeyUsage` holds
    /// `id-kp-OCSPSigning` (RFC 6960 section 4.2.2.2), and its `keyUsage`, where it has one, allows signatures.
    pub fn may_sign_responses(&self) -> bool {
        self.extensions.signs_responses && self.extensions.uses.allow(KeyUses::SIGN_RESPONSES)
    }

    /// Whether it holds a critical extension that is not known here (RFC 5280 section 4.2).
    pub(crate) fn has_unknown_critical_extension(&self) -> bool {
        self.extensions.unknown_critical
    }

    /// Whether it demands certificate policies of those below it, or forbids to map them (RFC 5280 section 4.2.1.11).
    pub(crate) fn constrains_policies(&self) -> bool {
        self.extensions.policy_constraints
    }

    /// Whether this key signed `certificate`. Neither names nor what the key may sign are looked at.
    ///
    /// # Errors
    /// Where it did not, or the algorithm is not supported.
    pub fn signed(&self, certificate: &Certificate) -> Result<(), SignatureError> {
        certificate.verify_signature(&self.spki)
    }
}

fn key_bits(spki: &[u8]) -> Result<&[u8], NotDer> {
    let mut parts = Reader::new(der::only(SEQUENCE, spki)?);
    parts.expect(SEQUENCE)?;
    let bits = signed::bits(parts.expect(BIT_STRING)?)?;
    parts.end()?;
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::mint::{self, Ca};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn authority(ca: &Ca) -> Authority {
        Authority::of(Certificate::from_der(ca.der().to_vec()).unwrap()).unwrap()
    }

    #[test]
    fn names_and_keys_are_those_of_the_certificate() {
        let root = Ca::new("Acme Root");
        let issuing = root.below("Acme Issuing", "issuing", |params| {
            params.use_authority_key_identifier_extension = true;
        });
        let (root, issuing) = (authority(&root), authority(&issuing));
        assert_eq!(issuing.issuer_digest(), root.subject_digest());
        assert_ne!(issuing.subject_digest(), root.subject_digest());
        assert!(root.key_identifier().is_some());
        assert_eq!(issuing.issuer_key_identifier(), root.key_identifier());
        assert_eq!(issuing.subject().to_string(), "CN=Acme Issuing");
        assert_eq!(DistinguishedName::parse_der(issuing.subject_der()).unwrap(), *issuing.subject());
        assert_eq!(Fingerprint::of(issuing.spki()), issuing.spki_fingerprint());
        // An uncompressed point of P-256.
        assert_eq!((issuing.key_bits().len(), issuing.key_bits()[0]), (65, 4));
        assert!(issuing.spki().ends_with(issuing.key_bits()));
        assert_eq!(root.signed(issuing.certificate()), Ok(()));
        assert_eq!(issuing.signed(issuing.certificate()), Err(SignatureError::Wrong));
    }

    #[test]
    fn an_authority_is_valid_from_its_first_second_to_its_last() {
        let root = authority(&Ca::new("Acme Root"));
        let second = Duration::SECOND;
        let Validity { not_before, not_after } = root.validity();
        for (at, expected) in [
            (not_before - second, false),
            (not_before, true),
            (not_after, true),
            (not_after + second / 2, true),
            (not_after + second, false),
        ] {
            assert_eq!(root.is_valid_at(at), expected, "{at}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let with = |oid: &[u64], value: &[u8]| {
            let leaf = Ca::new("Acme Root").leaf("lists").purposes(&[]).key_usage(&[]).extension(oid, value);
            Authority::of(Certificate::from_der(leaf.mint().der).unwrap()).map(|_| ())
        };
        let key = mint::der(0x30, &[&mint::der(0x80, &[&[1, 2, 3]])]);
        assert_eq!(with(&[2, 5, 29, 35], &key), Ok(()));
        assert_eq!(with(&[2, 5, 29, 35], &[5, 0]), Err(AuthorityError::Extension("authorityKeyIdentifier")));
        assert_eq!(with(&[2, 5, 29, 37], &[0x30, 2, 5, 0]), Err(AuthorityError::Extension("extKeyUsage")));
    }
}
