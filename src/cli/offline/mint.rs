//! Certificates described by their fields, minted on the fly.
//!
//! Their keys follow from names and are no secrets: such a certificate shows what a policy says, and opens nothing.

use std::net::IpAddr;

use mtls_policy::identity::ObjectIdentifier;
use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, OtherNameValue, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, PublicKeyData, SanType,
    SerialNumber, SignatureAlgorithm,
};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};

use super::distinguished_name::{self, Attributes};
use super::{OneOrMany, parse_time};

/// How long before and after the time of a test a certificate is valid that does not say it.
const DEFAULT_AGE: Duration = Duration::days(1);
const DEFAULT_REMAINDER: Duration = Duration::days(30);

/// The User Principal Name, 1.3.6.1.4.1.311.20.2.3.
const UPN: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 20, 2, 3];

/// The extension certificatePolicies (RFC 5280, section 4.2.1.4).
const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];

/// A leaf certificate by its fields. What is left out is what an ordinary client certificate has.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Description {
    /// Attributes by name or object identifier; by default `CN` is the certificate's name in the test file.
    subject: Option<Attributes>,
    issuer: Option<Attributes>,
    /// Hexadecimal, colons optional.
    serial: Option<String>,
    spiffe_id: Option<String>,
    dns: OneOrMany<String>,
    uri: OneOrMany<String>,
    email: OneOrMany<String>,
    ip: OneOrMany<IpAddr>,
    upn: OneOrMany<String>,
    other_name: OneOrMany<OtherName>,
    extended_key_usage: Option<OneOrMany<String>>,
    policy_oid: OneOrMany<String>,
    extension: OneOrMany<Extension>,
    /// RFC 3339.
    not_before: Option<String>,
    not_after: Option<String>,
    key: Key,
    ca: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct OtherName {
    oid: String,
    utf8: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extension {
    oid: String,
    #[serde(default)]
    critical: bool,
    /// Hexadecimal.
    der: Option<String>,
    utf8: Option<String>,
}

/// The kind of the certificate's key.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Key {
    #[default]
    EcP256,
    #[serde(rename = "rsa_1024")]
    Rsa1024,
    #[serde(rename = "rsa_2048")]
    Rsa2048,
    #[serde(rename = "rsa_3072")]
    Rsa3072,
    #[serde(rename = "rsa_4096")]
    Rsa4096,
}

impl Description {
    /// The certificate in DER, for a test at `now`.
    ///
    /// # Errors
    /// What of the description no certificate can hold.
    pub(crate) fn mint(&self, name: &str, now: OffsetDateTime) -> Result<Vec<u8>, String> {
        let common_name = |text: &str| Attributes::from([("CN".to_owned(), OneOrMany::One(text.to_owned()))]);
        let subject = self.subject.clone().unwrap_or_else(|| common_name(name));
        let subject = distinguished_name::encode(&subject)?;
        let issuer = self.issuer.clone().unwrap_or_else(|| common_name("Test CA"));
        let issuer = distinguished_name::encode(&issuer)?;
        let mut params = CertificateParams::default();
        params.serial_number = Some(self.serial_number(name)?);
        params.not_before = self.time(self.not_before.as_deref(), now - DEFAULT_AGE)?;
        params.not_after = self.time(self.not_after.as_deref(), now + DEFAULT_REMAINDER)?;
        params.subject_alt_names = self.subject_alt_names()?;
        params.is_ca = if self.ca { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = self.extended_key_usages()?;
        params.custom_extensions = self.extensions()?;
        let authority = CertificateParams::default();
        let authority = Issuer::from_params(&authority, KeyOfNames::new("the authority of tests"));
        let signed = match self.key {
            Key::EcP256 => params.signed_by(&KeyOfNames::new(name), &authority),
            Key::Rsa1024 => params.signed_by(&RsaPublicKey::new(name, 1024), &authority),
            Key::Rsa2048 => params.signed_by(&RsaPublicKey::new(name, 2048), &authority),
            Key::Rsa3072 => params.signed_by(&RsaPublicKey::new(name, 3072), &authority),
            Key::Rsa4096 => params.signed_by(&RsaPublicKey::new(name, 4096), &authority),
        };
        let certificate = signed.map_err(|error| error.to_string())?;
        let sign = |body: &[u8]| authority.key().sign_bytes(body);
        distinguished_name::rename(certificate.der(), &issuer, &subject, sign)
            .map_err(|error| error.to_string())
    }

    fn time(&self, text: Option<&str>, default: OffsetDateTime) -> Result<OffsetDateTime, String> {
        text.map_or(Ok(default), parse_time)
    }

    fn serial_number(&self, name: &str) -> Result<SerialNumber, String> {
        let octets = match &self.serial {
            Some(text) => hex(text)?,
            // The highest bit must be off, and some other on: a positive number without leading zeros.
            None => {
                let mut octets = Sha256::digest(format!("serial of {name}")).to_vec();
                octets.truncate(8);
                octets.insert(0, 0x5e);
                octets
            }
        };
        Ok(SerialNumber::from(octets))
    }

    fn subject_alt_names(&self) -> Result<Vec<SanType>, String> {
        let mut names = Vec::new();
        for text in self.spiffe_id.iter().chain(self.uri.as_slice()) {
            names.push(SanType::URI(ia5(text)?));
        }
        for text in self.dns.as_slice() {
            names.push(SanType::DnsName(ia5(text)?));
        }
        for text in self.email.as_slice() {
            names.push(SanType::Rfc822Name(ia5(text)?));
        }
        names.extend(self.ip.as_slice().iter().copied().map(SanType::IpAddress));
        for text in self.upn.as_slice() {
            names.push(SanType::OtherName((UPN.to_vec(), OtherNameValue::Utf8String(text.clone()))));
        }
        for name in self.other_name.as_slice() {
            names.push(SanType::OtherName((arcs(&name.oid)?, OtherNameValue::Utf8String(name.utf8.clone()))));
        }
        Ok(names)
    }

    fn extended_key_usages(&self) -> Result<Vec<ExtendedKeyUsagePurpose>, String> {
        let Some(usages) = &self.extended_key_usage else {
            return Ok(vec![ExtendedKeyUsagePurpose::ClientAuth]);
        };
        let usage = |text: &String| {
            Ok(match text.as_str() {
                "anyExtendedKeyUsage" => ExtendedKeyUsagePurpose::Any,
                "serverAuth" => ExtendedKeyUsagePurpose::ServerAuth,
                "clientAuth" => ExtendedKeyUsagePurpose::ClientAuth,
                "codeSigning" => ExtendedKeyUsagePurpose::CodeSigning,
                "emailProtection" => ExtendedKeyUsagePurpose::EmailProtection,
                "timeStamping" => ExtendedKeyUsagePurpose::TimeStamping,
                "OCSPSigning" => ExtendedKeyUsagePurpose::OcspSigning,
                dotted => ExtendedKeyUsagePurpose::Other(arcs(dotted)?),
            })
        };
        usages.as_slice().iter().map(usage).collect()
    }

    fn extensions(&self) -> Result<Vec<CustomExtension>, String> {
        let mut extensions = Vec::new();
        if !self.policy_oid.as_slice().is_empty() {
            let content = yasna::try_construct_der(|writer| {
                writer.write_sequence(|policies| {
                    self.policy_oid.as_slice().iter().try_for_each(|oid| {
                        let oid = yasna::models::ObjectIdentifier::new(arcs(oid)?);
                        policies.next().write_sequence(|policy| policy.next().write_oid(&oid));
                        Ok::<(), String>(())
                    })
                })
            })?;
            extensions.push(CustomExtension::from_oid_content(CERTIFICATE_POLICIES, content));
        }
        for extension in self.extension.as_slice() {
            let content = match (&extension.der, &extension.utf8) {
                (Some(der), None) => hex(der)?,
                (None, Some(text)) => yasna::construct_der(|writer| writer.write_utf8_string(text)),
                (None, None) | (Some(_), Some(_)) => {
                    return Err(format!("extension `{}` needs one of `der` and `utf8`", extension.oid));
                }
            };
            let mut custom = CustomExtension::from_oid_content(&arcs(&extension.oid)?, content);
            custom.set_criticality(extension.critical);
            extensions.push(custom);
        }
        Ok(extensions)
    }
}

fn ia5(text: &str) -> Result<Ia5String, String> {
    Ia5String::try_from(text).map_err(|_| format!("`{text}` is not ASCII"))
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.replace(':', "");
    let digits = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits };
    hex::decode(digits.as_bytes()).map_err(|_| format!("`{text}` is not hexadecimal"))
}

fn arcs(oid: &str) -> Result<Vec<u64>, String> {
    let oid = ObjectIdentifier::parse(oid).map_err(|error| error.to_string())?;
    oid.arcs().ok_or_else(|| format!("`{oid}` is too large an object identifier"))
}

/// A P-256 key that follows from a text.
struct KeyOfNames {
    secret: SecretKey,
    public: Vec<u8>,
}

impl KeyOfNames {
    fn new(seed: &str) -> Self {
        // A digest is a valid key but for one in 2^32; then the next one is taken.
        let mut digest = Sha256::digest(format!("key of {seed}"));
        let secret = loop {
            match SecretKey::from_slice(&digest) {
                Ok(secret) => break secret,
                Err(_) => digest = Sha256::digest(digest),
            }
        };
        let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
        Self { secret, public }
    }

    fn sign_bytes(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = SigningKey::from(&self.secret).sign(message);
        signature.to_der().as_bytes().to_vec()
    }
}

impl PublicKeyData for KeyOfNames {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for KeyOfNames {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(self.sign_bytes(message))
    }
}

/// An RSA public key of the right length to which no private key is known: leaf keys sign nothing here.
struct RsaPublicKey(Vec<u8>);

impl RsaPublicKey {
    fn new(seed: &str, bits: usize) -> Self {
        let digests = (0u8..).map(|count| Sha256::digest(format!("modulus {count} of {seed}")));
        let mut modulus: Vec<u8> = digests.flatten().take(bits / 8).collect();
        if let Some(first) = modulus.first_mut() {
            *first |= 0x80;
        }
        if let Some(last) = modulus.last_mut() {
            *last |= 1;
        }
        Self(yasna::construct_der(|writer| {
            writer.write_sequence(|key| {
                key.next().write_bigint_bytes(&modulus, true);
                key.next().write_u32(65_537);
            });
        }))
    }
}

impl PublicKeyData for RsaPublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}
