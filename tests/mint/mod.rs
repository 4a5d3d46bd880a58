//! Mints certificates for tests: good ones with `rcgen`, odd ones by putting other bytes into a good one and signing
//! it anew. No clock and no chance: the same calls give the same bytes, and keys follow from names, so that they
//! are no secrets.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests stop where a certificate cannot be made"
)]

use std::net::IpAddr;

use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::pkcs8::{EncodePrivateKey, LineEnding};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SerialNumber, SignatureAlgorithm,
    date_time_ymd,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// Tags of the entries of a subjectAltName (RFC 5280 section 4.2.1.6).
pub(crate) const SAN_OTHER: u8 = 0xa0;
pub(crate) const SAN_EMAIL: u8 = 0x81;
pub(crate) const SAN_DNS: u8 = 0x82;
pub(crate) const SAN_URI: u8 = 0x86;
pub(crate) const SAN_IP: u8 = 0x87;

/// Tags of the string types of a distinguished name.
pub(crate) const UTF8: u8 = 0x0c;
pub(crate) const NUMERIC: u8 = 0x12;
pub(crate) const PRINTABLE: u8 = 0x13;
pub(crate) const TELETEX: u8 = 0x14;
pub(crate) const IA5: u8 = 0x16;
pub(crate) const UNIVERSAL: u8 = 0x1c;
pub(crate) const BMP: u8 = 0x1e;

/// Contents of the object identifiers of attributes.
pub(crate) const CN: &[u8] = &[0x55, 0x04, 0x03];
pub(crate) const C: &[u8] = &[0x55, 0x04, 0x06];
pub(crate) const O: &[u8] = &[0x55, 0x04, 0x0a];
pub(crate) const OU: &[u8] = &[0x55, 0x04, 0x0b];

/// Contents of the object identifier of user principal names, 1.3.6.1.4.1.311.20.2.3.
pub(crate) const UPN: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03];

const KEY_USAGE: &[u64] = &[2, 5, 29, 15];
pub(crate) const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
pub(crate) const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
pub(crate) const CERTIFICATE_POLICIES: &[u64] = &[2, 5, 29, 32];
pub(crate) const EXTENDED_KEY_USAGE: &[u64] = &[2, 5, 29, 37];

/// A P-256 key that follows from a text.
#[derive(Clone)]
pub(crate) struct Key {
    secret: SecretKey,
    public: Vec<u8>,
}

impl Key {
    pub(crate) fn new(seed: &str) -> Key {
        let secret = SecretKey::from_slice(&Sha256::digest(format!("key of {seed}"))).unwrap();
        let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
        Key { secret, public }
    }

    /// PKCS #8 in PEM.
    pub(crate) fn pem(&self) -> String {
        self.secret.to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
    }

    /// PKCS #8 in DER.
    pub(crate) fn der(&self) -> Vec<u8> {
        self.secret.to_pkcs8_der().unwrap().as_bytes().to_vec()
    }

    /// The two coordinates of the public key.
    pub(crate) fn coordinates(&self) -> [&[u8]; 2] {
        let (x, y) = self.public[1..].split_at(32);
        [x, y]
    }

    /// A signature with SHA-256 in the form of tokens (RFC 7518 section 3.4).
    pub(crate) fn sign_token(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = SigningKey::from(&self.secret).sign(message);
        signature.to_bytes().to_vec()
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let signature: Signature = SigningKey::from(&self.secret).sign(message);
        signature.to_der().as_bytes().to_vec()
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(Key::sign(self, message))
    }
}

/// A certification authority.
#[derive(Clone)]
pub(crate) struct Ca {
    params: CertificateParams,
    key: Key,
    der: Vec<u8>,
}

impl Ca {
    /// A root of this name, valid from 2020 to 2099.
    pub(crate) fn new(name: &str) -> Ca {
        Ca::with_seed(name, name)
    }

    /// A root of this name whose key follows from `seed`: another CA of the same name.
    pub(crate) fn with_seed(name: &str, seed: &str) -> Ca {
        let key = Key::new(seed);
        let params = ca_params(name, &key);
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Ca { params, key, der }
    }

    /// A CA below this one.
    pub(crate) fn intermediate(&self, name: &str) -> Ca {
        self.intermediate_with(name, &[])
    }

    /// A CA below this one with further extensions, which are critical.
    pub(crate) fn intermediate_with(&self, name: &str, extensions: &[(&[u64], &[u8])]) -> Ca {
        let key = Key::new(name);
        let mut params = ca_params(name, &key);
        for (oid, contents) in extensions {
            let mut extension = CustomExtension::from_oid_content(oid, contents.to_vec());
            extension.set_criticality(true);
            params.custom_extensions.push(extension);
        }
        let der = params.signed_by(&key, &self.issuer()).unwrap().der().to_vec();
        Ca { params, key, der }
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// A leaf with this common name and the extended key usage `clientAuth`, valid from 2020 to 2099.
    pub(crate) fn leaf(&self, name: &str) -> Leaf {
        let mut params = params(name);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = Key::new(name);
        Leaf {
            ca: self.clone(),
            params,
            key,
            alt_names: Vec::new(),
            subject: None,
            serial: None,
            public_key: None,
            signature_algorithms: None,
            trailer: Vec::new(),
        }
    }

    fn issuer(&self) -> Issuer<'_, &Key> {
        Issuer::from_params(&self.params, &self.key)
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let digest = Sha256::digest(format!("serial of {name}"));
    // The highest bit must be off, and some other on: a positive number without leading zeros.
    params.serial_number = Some(SerialNumber::from_slice(&[&[0x5e], &digest[..8]].concat()));
    params
}

fn ca_params(name: &str, key: &Key) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.key_identifier_method = KeyIdMethod::PreSpecified(Sha256::digest(&key.public)[..20].to_vec());
    params
}

/// A leaf to be minted.
#[derive(Clone)]
pub(crate) struct Leaf {
    ca: Ca,
    params: CertificateParams,
    key: Key,
    alt_names: Vec<Vec<u8>>,
    subject: Option<Vec<Vec<u8>>>,
    serial: Option<Vec<u8>>,
    public_key: Option<Vec<u8>>,
    signature_algorithms: Option<[Vec<u8>; 2]>,
    trailer: Vec<u8>,
}

impl Leaf {
    pub(crate) fn spiffe(self, id: &str) -> Self {
        self.uri(id)
    }

    pub(crate) fn dns(self, name: &str) -> Self {
        self.raw_san(SAN_DNS, name.as_bytes())
    }

    pub(crate) fn uri(self, uri: &str) -> Self {
        self.raw_san(SAN_URI, uri.as_bytes())
    }

    pub(crate) fn email(self, address: &str) -> Self {
        self.raw_san(SAN_EMAIL, address.as_bytes())
    }

    pub(crate) fn ip(self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => self.raw_san(SAN_IP, &address.octets()),
            IpAddr::V6(address) => self.raw_san(SAN_IP, &address.octets()),
        }
    }

    /// A user principal name.
    pub(crate) fn upn(self, name: &str) -> Self {
        self.other_name(UPN, &der(UTF8, &[name.as_bytes()]))
    }

    /// A name of another kind: the contents of its object identifier, and its value in DER.
    pub(crate) fn other_name(self, oid: &[u8], value: &[u8]) -> Self {
        self.raw_san(SAN_OTHER, &[der(0x06, &[oid]), der(0xa0, &[value])].concat())
    }

    /// An entry of the subjectAltName with any tag and bytes.
    pub(crate) fn raw_san(mut self, tag: u8, contents: &[u8]) -> Self {
        self.alt_names.push(der(tag, &[contents]));
        self
    }

    /// No subject at all.
    pub(crate) fn no_subject(mut self) -> Self {
        self.subject = Some(Vec::new());
        self
    }

    /// Adds a relative name of one attribute in UTF-8. The first of these replaces the common name.
    pub(crate) fn subject(self, attribute: &[u8], value: &str) -> Self {
        self.relative_name(&[(attribute, UTF8, value.as_bytes())])
    }

    /// Adds a relative name of attributes with any tags and bytes. The first of these replaces the common name.
    pub(crate) fn relative_name(self, attributes: &[(&[u8], u8, &[u8])]) -> Self {
        let attributes: Vec<Vec<u8>> =
            attributes.iter().map(|(oid, tag, value)| attribute(oid, &der(*tag, &[value]))).collect();
        let attributes: Vec<&[u8]> = attributes.iter().map(Vec::as_slice).collect();
        self.raw_relative_name(&der(0x31, &attributes))
    }

    /// Adds any bytes as a relative name. The first of these replaces the common name.
    pub(crate) fn raw_relative_name(mut self, relative_name: &[u8]) -> Self {
        self.subject.get_or_insert_default().push(relative_name.to_vec());
        self
    }

    /// The contents of the INTEGER, as they are: negative, with leading zeros, too long.
    pub(crate) fn serial(mut self, contents: &[u8]) -> Self {
        self.serial = Some(contents.to_vec());
        self
    }

    pub(crate) fn valid(mut self, not_before: OffsetDateTime, not_after: OffsetDateTime) -> Self {
        self.params.not_before = not_before;
        self.params.not_after = not_after;
        self
    }

    /// Valid in the year 2020 only.
    pub(crate) fn expired(self) -> Self {
        self.valid(date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1))
    }

    /// For a server: the extended key usage `serverAuth` alone.
    pub(crate) fn server(mut self) -> Self {
        self.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self
    }

    /// These extended key usages alone; without any, no such extension.
    pub(crate) fn purposes(mut self, oids: &[&[u64]]) -> Self {
        let purpose = |oid: &&[u64]| ExtendedKeyUsagePurpose::Other(oid.to_vec());
        self.params.extended_key_usages = oids.iter().map(purpose).collect();
        self
    }

    /// Issued under these policies: the contents of their object identifiers.
    pub(crate) fn policies(self, oids: &[&[u8]]) -> Self {
        let policies: Vec<Vec<u8>> = oids.iter().map(|oid| der(0x30, &[&der(0x06, &[oid])])).collect();
        let policies: Vec<&[u8]> = policies.iter().map(Vec::as_slice).collect();
        self.extension(CERTIFICATE_POLICIES, &der(0x30, &policies))
    }

    /// Another key than the one that follows from the common name.
    pub(crate) fn key(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    /// Another `SubjectPublicKeyInfo`, to which nobody may have the key.
    pub(crate) fn public_key(mut self, info: &[u8]) -> Self {
        self.public_key = Some(info.to_vec());
        self
    }

    /// Other algorithm identifiers, inside of what is signed and beside the signature, which stays what it is.
    pub(crate) fn signature_algorithms(mut self, inner: &[u8], outer: &[u8]) -> Self {
        self.signature_algorithms = Some([inner.to_vec(), outer.to_vec()]);
        self
    }

    /// This keyUsage alone, the octets of its bits; without any, no such extension.
    pub(crate) fn key_usage(mut self, bits: &[u8]) -> Self {
        self.params.key_usages = Vec::new();
        if bits.is_empty() { self } else { self.extension(KEY_USAGE, &der(0x03, &[&[0], bits])) }
    }

    /// The subjectKeyIdentifier.
    pub(crate) fn key_identifier(mut self, identifier: &[u8]) -> Self {
        self.params.key_identifier_method = KeyIdMethod::PreSpecified(identifier.to_vec());
        self
    }

    /// A further extension, which may repeat another.
    pub(crate) fn extension(mut self, oid: &[u64], contents: &[u8]) -> Self {
        self.params.custom_extensions.push(CustomExtension::from_oid_content(oid, contents.to_vec()));
        self
    }

    /// A further extension that is critical.
    pub(crate) fn critical_extension(mut self, oid: &[u64], contents: &[u8]) -> Self {
        let mut extension = CustomExtension::from_oid_content(oid, contents.to_vec());
        extension.set_criticality(true);
        self.params.custom_extensions.push(extension);
        self
    }

    /// A further subjectAltName, of any contents.
    pub(crate) fn raw_alt_names(self, contents: &[u8]) -> Self {
        self.extension(SUBJECT_ALT_NAME, contents)
    }

    /// Bytes after the last field, inside of what is signed.
    pub(crate) fn signed_trailer(mut self, bytes: &[u8]) -> Self {
        self.trailer = bytes.to_vec();
        self
    }

    pub(crate) fn mint(mut self) -> Minted {
        if !self.alt_names.is_empty() {
            let names: Vec<&[u8]> = self.alt_names.iter().map(Vec::as_slice).collect();
            let contents = der(0x30, &names);
            self = self.raw_alt_names(&contents);
        }
        let good = self.params.signed_by(&self.key, &self.ca.issuer()).unwrap().der().to_vec();
        let odd = self.subject.is_some()
            || self.serial.is_some()
            || self.public_key.is_some()
            || self.signature_algorithms.is_some()
            || !self.trailer.is_empty();
        Minted { der: if odd { self.with_odd_fields(&good) } else { good }, key: self.key }
    }

    /// The certificate with other bytes in its fields, signed anew.
    fn with_odd_fields(&self, good: &[u8]) -> Vec<u8> {
        let certificate = elements(good)[0].1;
        let parts = elements(certificate);
        let mut fields: Vec<Vec<u8>> = elements(parts[0].1).iter().map(|(whole, _)| whole.to_vec()).collect();
        // Version, serial number, signature, issuer, validity, subject, ...
        if let Some(serial) = &self.serial {
            fields[1] = der(0x02, &[serial]);
        }
        if let Some(subject) = &self.subject {
            let names: Vec<&[u8]> = subject.iter().map(Vec::as_slice).collect();
            fields[5] = der(0x30, &names);
        }
        if let Some(info) = &self.public_key {
            fields[6] = info.clone();
        }
        let mut outer = parts[1].0;
        if let Some([inside, beside]) = &self.signature_algorithms {
            fields[2] = inside.clone();
            outer = beside;
        }
        fields.push(self.trailer.clone());
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let signed = der(0x30, &fields);
        let signature = der(0x03, &[&[0], &self.ca.key.sign(&signed)]);
        der(0x30, &[&signed, outer, &signature])
    }
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Minted {
    pub(crate) der: Vec<u8>,
    pub(crate) key: Key,
}

impl Minted {
    pub(crate) fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    pub(crate) fn key_pem(&self) -> String {
        self.key.pem()
    }

    pub(crate) fn key_der(&self) -> Vec<u8> {
        self.key.der()
    }

    /// SHA-256 of the certificate.
    pub(crate) fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    /// [`Minted::digest`] in hex, as Envoy and records write it.
    pub(crate) fn hex_digest(&self) -> String {
        self.digest().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// An element of `x-forwarded-client-cert` as Envoy writes it for a certificate without names.
    pub(crate) fn xfcc_element(&self) -> String {
        format!("Hash={};Cert=\"{}\"", self.hex_digest(), xfcc_escaped(&self.pem()))
    }
}

/// The pair `Chain` of `x-forwarded-client-cert` as Envoy writes it for certificates in PEM, the leaf first.
pub(crate) fn xfcc_chain(pems: &[String]) -> String {
    format!("Chain=\"{}\"", xfcc_escaped(&pems.concat()))
}

/// Envoy's five replacements in `x-forwarded-client-cert`.
pub(crate) fn xfcc_escaped(pem: &str) -> String {
    let escapes = [("\n", "%0A"), (" ", "%20"), ("+", "%2B"), ("/", "%2F"), ("=", "%3D")];
    escapes.iter().fold(pem.to_owned(), |text, (plain, escape)| text.replace(plain, escape))
}

/// PEM as Envoy writes it: lines of 64 characters, LF.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    pem_rfc7468::encode_string(label, pem_rfc7468::LineEnding::LF, der).unwrap()
}

/// One attribute of a relative name.
pub(crate) fn attribute(oid: &[u8], value: &[u8]) -> Vec<u8> {
    der(0x30, &[&der(0x06, &[oid]), value])
}

/// A `SubjectPublicKeyInfo`.
pub(crate) fn public_key(algorithm: &[u8], parameters: &[u8], key: &[u8]) -> Vec<u8> {
    let algorithm = der(0x30, &[&der(0x06, &[algorithm]), parameters]);
    der(0x30, &[&algorithm, &der(0x03, &[&[0], key])])
}

/// The `SubjectPublicKeyInfo` of an RSA key with so many bits and the exponent 65537, to which nobody has the other half.
pub(crate) fn rsa_public_key(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] >>= (8 - bits % 8) % 8;
    if modulus[0] & 0x80 != 0 {
        modulus.insert(0, 0);
    }
    let key = der(0x30, &[&der(0x02, &[&modulus]), &der(0x02, &[&[1, 0, 1]])]);
    public_key(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01], &[0x05, 0x00], &key)
}

/// One DER element.
pub(crate) fn der(tag: u8, contents: &[&[u8]]) -> Vec<u8> {
    let contents = contents.concat();
    let mut element = vec![tag];
    match contents.len() {
        length @ 0..0x80 => element.push(length as u8),
        length @ 0x80..0x100 => element.extend([0x81, length as u8]),
        length @ 0x100..0x1_0000 => element.extend([0x82, (length >> 8) as u8, length as u8]),
        length => element.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]),
    }
    element.extend(contents);
    element
}

/// The DER elements in a row, each whole and its contents.
fn elements(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut all = Vec::new();
    while let [_, first, rest @ ..] = bytes {
        let octets = if *first < 0x80 { 0 } else { usize::from(first & 0x7f) };
        let long = rest.iter().take(octets).fold(0, |length, octet| length << 8 | usize::from(*octet));
        let length = if octets == 0 { usize::from(*first) } else { long };
        let (whole, after) = bytes.split_at(2 + octets + length);
        all.push((whole, whole.split_at(2 + octets).1));
        bytes = after;
    }
    all
}
