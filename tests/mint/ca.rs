//! Certification authorities, and others who sign lists.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose,
    SerialNumber, date_time_ymd,
};
use sha2::{Digest, Sha256};

use super::{KEY_USAGE, Key, der, elements, field, pem};

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

    /// A root of this name whose keyUsage is these bits; without any, no such extension.
    pub(crate) fn with_key_usage(name: &str, bits: u8) -> Ca {
        let key = Key::new(name);
        let params = with_key_usage(ca_params(name, &key), bits);
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Ca { params, key, der }
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

    /// Who signs lists below this CA: a certificate of any name, its own too, whose key follows from `seed`, with this
    /// keyUsage, and which is a CA or none.
    pub(crate) fn signer(&self, name: &str, seed: &str, bits: u8, is_ca: bool) -> Ca {
        let key = Key::new(seed);
        let mut params = with_key_usage(ca_params(name, &key), bits);
        let digest = Sha256::digest(format!("serial of {name} with the key of {seed}"));
        params.serial_number = Some(SerialNumber::from_slice(&[&[0x5e], &digest[..8]].concat()));
        if !is_ca {
            params.is_ca = IsCa::ExplicitNoCa;
        }
        let der = params.signed_by(&key, &self.issuer()).unwrap().der().to_vec();
        Ca { params, key, der }
    }

    /// A certificate below this CA, of any name and with the key that follows from `seed`: a CA's but for what `change` makes of
    /// it.
    pub(crate) fn below(&self, name: &str, seed: &str, change: impl FnOnce(&mut CertificateParams)) -> Ca {
        let key = Key::new(seed);
        let mut params = ca_params(name, &key);
        let digest = Sha256::digest(format!("serial of {name} with the key of {seed}"));
        params.serial_number = Some(SerialNumber::from_slice(&[&[0x5e], &digest[..8]].concat()));
        change(&mut params);
        let der = params.signed_by(&key, &self.issuer()).unwrap().der().to_vec();
        Ca { params, key, der }
    }

    /// This CA's name and key in another certificate of its own, but for what `change` makes of it.
    pub(crate) fn renewed(&self, change: impl FnOnce(&mut CertificateParams)) -> Ca {
        let mut params = self.params.clone();
        change(&mut params);
        let der = params.self_signed(&self.key).unwrap().der().to_vec();
        Ca { params, key: self.key.clone(), der }
    }

    /// The contents of its serial number's INTEGER.
    pub(crate) fn serial(&self) -> Vec<u8> {
        elements(&field(&self.der, 1))[0].1.to_vec()
    }

    /// Its name, whole in DER.
    pub(crate) fn name(&self) -> Vec<u8> {
        field(&self.der, 5)
    }

    /// Its subjectKeyIdentifier.
    pub(crate) fn key_identifier(&self) -> Vec<u8> {
        Sha256::digest(self.key.public())[..20].to_vec()
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

    /// It as it signs.
    pub(super) fn issuer(&self) -> Issuer<'_, &Key> {
        Issuer::from_params(&self.params, &self.key)
    }
}

pub(super) fn params(name: &str) -> CertificateParams {
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
    params.key_identifier_method = KeyIdMethod::PreSpecified(Sha256::digest(key.public())[..20].to_vec());
    params
}

/// With this keyUsage alone; without bits, no such extension.
fn with_key_usage(mut params: CertificateParams, bits: u8) -> CertificateParams {
    params.key_usages = Vec::new();
    if bits != 0 {
        let unused = bits.trailing_zeros() as u8;
        let mut extension = CustomExtension::from_oid_content(KEY_USAGE, der(0x03, &[&[unused, bits]]));
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    }
    params
}
