//! Leaves.

use std::net::IpAddr;

use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyUsagePurpose,
    date_time_ymd,
};
use time::OffsetDateTime;

use super::ca::params;
use super::{
    CERTIFICATE_POLICIES, CRL_DISTRIBUTION_POINTS, Ca, KEY_USAGE, Key, Minted, SAN_DNS, SAN_EMAIL, SAN_IP,
    SAN_OTHER, SAN_URI, SUBJECT_ALT_NAME, UPN, UTF8, attribute, der, elements,
};

impl Ca {
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

    /// Where its lists are: `DistributionPoint`s in DER.
    pub(crate) fn crl_distribution_points(self, points: &[Vec<u8>]) -> Self {
        self.extension(CRL_DISTRIBUTION_POINTS, &der(0x30, &[&points.concat()]))
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
        let signature = der(0x03, &[&[0], &self.ca.key().sign(&signed)]);
        der(0x30, &[&signed, outer, &signature])
    }
}
