//! The identity in a certificate of which only what an audit record holds is at hand.

use std::net::IpAddr;

use time::OffsetDateTime;

use super::alt_names::AltNames;
use super::{
    AttributeType, DistinguishedName, DnsName, EmailAddress, Extensions, Identity, KeyPurpose, KeyUsage,
    Names, Properties, PublicKey, Serial, SignatureAlgorithm, SpiffeIdentity, Uri, UserPrincipalName,
    Validity,
};
use crate::cert::Fingerprint;
use crate::cert::der::{SEQUENCE, SET};

const UTF8_STRING: u8 = 0x0c;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// What a record holds of a certificate, as it holds it. `None` is what it does not hold; in a list, a name of which it does not hold
/// the whole.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// SHA-256 of the certificate.
    pub sha256: Fingerprint,
    /// SHA-256 of its public key.
    pub spki_sha256: Option<Fingerprint>,
    /// Hexadecimal digits.
    pub serial: Option<String>,
    /// As [`DistinguishedName`] is written.
    pub subject: Option<String>,
    /// As [`DistinguishedName`] is written.
    pub issuer: Option<String>,
    /// The first second of its validity, and the last.
    pub validity: Option<(OffsetDateTime, OffsetDateTime)>,
    /// DNS names.
    pub dns: Option<Vec<Option<String>>>,
    /// URIs.
    pub uri: Option<Vec<Option<String>>>,
    /// Addresses of e-mail.
    pub email: Option<Vec<Option<String>>>,
    /// IP addresses.
    pub ip: Option<Vec<Option<String>>>,
    /// User principal names.
    pub upn: Option<Vec<Option<String>>>,
    /// Whether there are names beside those that are listed, of whatever kind.
    pub names_omitted: bool,
    /// `EC P-256`, `RSA 2048`.
    pub public_key: Option<String>,
    /// As policies name it.
    pub signature_algorithm: Option<String>,
    /// Names of key usages; empty where the certificate does not say any.
    pub key_usage: Option<Vec<String>>,
    /// Names of purposes, or their object identifiers; empty where the certificate does not say any.
    pub extended_key_usage: Option<Vec<Option<String>>>,
}

/// A part of a certificate that rules ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the matchers and demands")]
pub enum Part {
    Subject,
    Issuer,
    Serial,
    Validity,
    SpkiSha256,
    Extension,
    PublicKey,
    SignatureAlgorithm,
    KeyUsage,
    ExtendedKeyUsage,
    DnsNames,
    KeyIdentifiers,
}

impl Part {
    /// What of a certificate it is, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Subject => "its subject",
            Self::Issuer => "its issuer",
            Self::Serial => "its serial number",
            Self::Validity => "its validity",
            Self::SpkiSha256 => "the digest of its key",
            Self::Extension => "its extensions",
            Self::PublicKey => "its public key",
            Self::SignatureAlgorithm => "its signature algorithm",
            Self::KeyUsage => "its key usage",
            Self::ExtendedKeyUsage => "its extended key usage",
            Self::DnsNames => "all its DNS names",
            Self::KeyIdentifiers => "its key identifiers",
        }
    }
}

/// An identity in which not everything is known.
#[derive(Debug, Clone)]
pub struct Rebuilt {
    /// The identity. Of names that are not known, no pattern can be told; of the other parts in `unknown` it says nothing that
    /// counts.
    pub identity: Identity,
    /// What it does not tell.
    pub unknown: Vec<Part>,
}

impl Recorded {
    /// The identity, as far as the record goes.
    pub fn rebuild(&self) -> Rebuilt {
        let mut unknown = vec![Part::Extension, Part::KeyIdentifiers];
        let mut known = |part, known: bool| {
            if !known {
                unknown.push(part);
            }
        };
        let subject = self.subject.as_deref().and_then(distinguished_name);
        known(Part::Subject, subject.is_some());
        let issuer = self.issuer.as_deref().and_then(distinguished_name);
        known(Part::Issuer, issuer.is_some());
        let serial = self.serial.as_deref().and_then(|digits| hex::decode(digits.as_bytes()).ok());
        known(Part::Serial, serial.is_some());
        known(Part::Validity, self.validity.is_some());
        known(Part::SpkiSha256, self.spki_sha256.is_some());
        let public_key = self.public_key.as_deref().and_then(public_key);
        known(Part::PublicKey, public_key.is_some());
        let signature = self.signature_algorithm.as_deref().and_then(signature_algorithm);
        known(Part::SignatureAlgorithm, signature.is_some());
        known(Part::KeyUsage, self.key_usage.is_some());
        let key_purposes =
            names(self.extended_key_usage.as_ref(), false, |text| KeyPurpose::parse(text).ok());
        known(Part::ExtendedKeyUsage, key_purposes.malformed() == 0);
        let omitted = self.names_omitted;
        let dns = names(self.dns.as_ref(), omitted, |text| DnsName::from_bytes(text.as_bytes()));
        known(Part::DnsNames, dns.malformed() == 0);
        let mut alt_names = AltNames::new();
        alt_names.uri = names(self.uri.as_ref(), omitted, |text| Uri::from_bytes(text.as_bytes()));
        alt_names.email =
            names(self.email.as_ref(), omitted, |text| EmailAddress::from_bytes(text.as_bytes()));
        alt_names.ip = names(self.ip.as_ref(), omitted, |text| text.parse::<IpAddr>().ok());
        alt_names.upn = names(self.upn.as_ref(), omitted, UserPrincipalName::parse);
        alt_names.other = Names::unreadable();
        let (subject, issuer) = (subject.unwrap_or_default(), issuer.unwrap_or_default());
        let key_usage = match self.key_usage.as_deref() {
            None | Some([]) => KeyUsage::Unrestricted,
            Some(named) if named.iter().any(|name| name == "digitalSignature") => KeyUsage::DigitalSignature,
            Some(_) => KeyUsage::Other,
        };
        let properties = Properties::recorded(
            public_key.unwrap_or(PublicKey::EcP256),
            signature.unwrap_or(SignatureAlgorithm::EcdsaSha256),
            key_usage,
            (&subject, &issuer),
            &dns,
        );
        alt_names.dns = dns;
        let (not_before, not_after) =
            self.validity.unwrap_or((OffsetDateTime::UNIX_EPOCH, OffsetDateTime::UNIX_EPOCH));
        let identity = Identity {
            subject,
            issuer,
            serial: Serial::from_integer(&[&[0], serial.unwrap_or_default().as_slice()].concat()),
            spiffe: SpiffeIdentity::of(&alt_names.uri),
            names: alt_names,
            key_purposes,
            policies: Names::unreadable(),
            extensions: Extensions::new(&[]),
            fingerprint: self.sha256,
            spki_fingerprint: self.spki_sha256.unwrap_or(self.sha256),
            validity: Validity { not_before, not_after },
            properties,
        };
        Rebuilt { identity, unknown }
    }
}

/// The names of one kind; one that cannot be read stands for whatever is not known.
fn names<T>(listed: Option<&Vec<Option<String>>>, more: bool, read: impl Fn(&str) -> Option<T>) -> Names<T> {
    let Some(listed) = listed else { return Names::unreadable() };
    let mut names = if more { Names::unreadable() } else { Names::new() };
    for name in listed {
        names.push(name.as_deref().and_then(&read));
    }
    names
}

fn public_key(text: &str) -> Option<PublicKey> {
    let plain: String =
        text.to_ascii_lowercase().chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    Some(match plain.as_str() {
        "ecp256" => PublicKey::EcP256,
        "ecp384" => PublicKey::EcP384,
        "ecp521" => PublicKey::EcP521,
        "ed25519" => PublicKey::Ed25519,
        "ed448" => PublicKey::Ed448,
        rsa => PublicKey::Rsa { bits: rsa.strip_prefix("rsa")?.parse().ok()? },
    })
}

fn signature_algorithm(text: &str) -> Option<SignatureAlgorithm> {
    let at = SignatureAlgorithm::NAMES.iter().position(|name| *name == text)?;
    SignatureAlgorithm::ALL.get(at).copied()
}

/// Reads a name as [`DistinguishedName`] is written: the most specific relative name first (RFC 4514). `None` where it is not
/// written so.
fn distinguished_name(text: &str) -> Option<DistinguishedName> {
    if text.is_empty() {
        return Some(DistinguishedName::default());
    }
    let mut relative_names = Vec::new();
    for relative_name in split(text, ',') {
        let mut attributes = Vec::new();
        for attribute in split(relative_name, '+') {
            attributes.push(self::attribute(attribute)?);
        }
        relative_names.push(der(SET, &attributes.concat()));
    }
    relative_names.reverse();
    let name = DistinguishedName::parse_der(&der(SEQUENCE, &relative_names.concat())).ok()?;
    // What is read is what was written, or it was not read right.
    (name.to_string() == text).then_some(name)
}

fn attribute(text: &str) -> Option<Vec<u8>> {
    let (kind, value) = text.split_once('=')?;
    let kind = AttributeType::parse(kind).ok()?;
    let value = match value.strip_prefix('#') {
        Some(digits) => hex::decode(digits.as_bytes()).ok()?,
        None => {
            let mut plain = String::new();
            let mut letters = value.chars();
            while let Some(letter) = letters.next() {
                plain.push(if letter == '\\' { letters.next()? } else { letter });
            }
            der(UTF8_STRING, plain.as_bytes())
        }
    };
    let kind = der(OBJECT_IDENTIFIER, kind.object_identifier().contents());
    Some(der(SEQUENCE, &[kind, value].concat()))
}

/// The pieces between separators that no backslash stands before.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut from, mut escaped) = (0, false);
    for (at, letter) in text.char_indices() {
        if letter == separator && !escaped {
            pieces.extend(text.get(from..at));
            from = at + letter.len_utf8();
        }
        escaped = letter == '\\' && !escaped;
    }
    pieces.extend(text.get(from..));
    pieces
}

fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|octet| *octet == 0).collect();
    let mut whole = vec![tag];
    match (length.as_slice(), length.len()) {
        ([], _) => whole.push(0),
        ([short], _) if *short < 0x80 => whole.push(*short),
        // A usize has eight octets at most.
        (long, count) => {
            whole.push(0x80 | count as u8);
            whole.extend(long);
        }
    }
    whole.extend(contents);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::Certificate;
    use crate::identity::Truth;
    use crate::mint::{CN, Ca, Minted, O, OU, UTF8};

    fn read(minted: Minted) -> Identity {
        Identity::of(&Certificate::from_der(minted.der).unwrap()).unwrap()
    }

    /// What a whole record holds of it.
    fn recorded(identity: &Identity) -> Recorded {
        let list = |names: Vec<String>| Some(names.into_iter().map(Some).collect());
        Recorded {
            sha256: identity.fingerprint(),
            spki_sha256: Some(identity.spki_fingerprint()),
            serial: Some(identity.serial().to_string()),
            subject: Some(identity.subject().to_string()),
            issuer: Some(identity.issuer().to_string()),
            validity: Some((identity.validity().not_before, identity.validity().not_after)),
            dns: list(identity.dns().values().iter().map(|name| name.as_str().to_owned()).collect()),
            uri: list(identity.uri().values().iter().map(|name| name.as_str().to_owned()).collect()),
            email: list(identity.email().values().iter().map(|name| name.as_str().to_owned()).collect()),
            ip: list(identity.ip().values().iter().map(ToString::to_string).collect()),
            upn: list(identity.upn().values().iter().map(|name| name.as_str().to_owned()).collect()),
            names_omitted: false,
            public_key: Some("EC P-256".to_owned()),
            signature_algorithm: Some("ecdsa_sha256".to_owned()),
            key_usage: Some(vec!["digitalSignature".to_owned()]),
            extended_key_usage: list(vec!["clientAuth".to_owned()]),
        }
    }

    #[test]
    fn a_whole_record_gives_the_identity_back() {
        let whole = read(
            Ca::new("Acme, \"Root\" #1")
                .leaf(" a+b ")
                .relative_name(&[(OU, UTF8, "Bü,ro=\\".as_bytes()), (O, UTF8, b"#1")])
                .subject(CN, "last")
                .spiffe("spiffe://acme.example/billing")
                .dns("*.acme.example")
                .email("a@acme.example")
                .ip("2001:db8::1".parse().unwrap())
                .upn("a@acme.example")
                .mint(),
        );
        let Rebuilt { identity, unknown } = recorded(&whole).rebuild();
        assert_eq!(unknown, [Part::Extension, Part::KeyIdentifiers]);
        assert_eq!((identity.subject(), identity.issuer()), (whole.subject(), whole.issuer()));
        assert_eq!((identity.serial(), identity.validity()), (whole.serial(), whole.validity()));
        assert_eq!((identity.dns(), identity.uri()), (whole.dns(), whole.uri()));
        assert_eq!(
            (identity.email(), identity.ip(), identity.upn()),
            (whole.email(), whole.ip(), whole.upn())
        );
        assert_eq!((identity.spiffe(), identity.key_purposes()), (whole.spiffe(), whole.key_purposes()));
        assert_eq!(
            (identity.fingerprint(), identity.spki_fingerprint()),
            (whole.fingerprint(), whole.spki_fingerprint())
        );
        assert_eq!(identity.properties(), whole.properties());
    }

    #[test]
    fn what_a_record_does_not_hold_is_unknown_and_never_absent() {
        let whole = recorded(&read(Ca::new("Acme").leaf("a").dns("a.example").mint()));
        let unknown = |recorded: Recorded| recorded.rebuild().unknown.into_iter().skip(2).collect::<Vec<_>>();
        assert_eq!(unknown(Recorded { subject: None, ..whole.clone() }), [Part::Subject]);
        assert_eq!(unknown(Recorded { subject: Some("CN=a…".to_owned()), ..whole.clone() }), []);
        assert_eq!(unknown(Recorded { subject: Some("a".to_owned()), ..whole.clone() }), [Part::Subject]);
        assert_eq!(
            unknown(Recorded { serial: Some("negative".to_owned()), ..whole.clone() }),
            [Part::Serial]
        );
        assert_eq!(
            unknown(Recorded { public_key: Some("DSA 1024".to_owned()), ..whole.clone() }),
            [Part::PublicKey]
        );
        assert_eq!(unknown(Recorded { names_omitted: true, ..whole.clone() }), [Part::DnsNames]);
        for recorded in [
            Recorded { dns: None, ..whole.clone() },
            Recorded { dns: Some(vec![None]), ..whole.clone() },
            Recorded { names_omitted: true, ..whole },
        ] {
            assert_eq!(recorded.rebuild().identity.dns().any(|_| Truth::No), Truth::CannotTell);
        }
    }
}
