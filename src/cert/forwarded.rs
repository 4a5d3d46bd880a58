//! The client certificate in the forms in which Envoy forwards it.
//!
//! Whatever the form, the certificate counts only when its SHA-256 digest is the one that Envoy itself computed on
//! the connection. The bytes must be as Envoy writes them, to the last one.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use thiserror::Error;

use super::xfcc::{self, Element, XfccError};
use super::{Certificate, CertificateError, Fingerprint, MAX_CERTIFICATE_BYTES};

/// The longest PEM: base64 makes four bytes of three and adds a line end to each 64; twice is always enough.
const MAX_PEM_BYTES: usize = 2 * MAX_CERTIFICATE_BYTES;

/// The most certificates in a chain, the leaf included. BoringSSL takes 100 KiB for a client's chain; chains of more
/// than four are rare.
pub const MAX_CHAIN_CERTIFICATES: usize = 16;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----\n";
const END: &[u8] = b"-----END CERTIFICATE-----\n";

/// Digits of a full line (RFC 7468 section 2).
const LINE_DIGITS: usize = 64;

/// Why what Envoy forwarded gives no certificate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ForwardedError {
    /// Nothing was forwarded.
    #[error("no certificate was forwarded")]
    Absent,
    /// What was forwarded as the certificate is none.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// What was forwarded is not bound to the connection.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

/// Why what was forwarded cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The header breaks its grammar.
    #[error("`x-forwarded-client-cert` cannot be read: {0}")]
    Header(XfccError),
    /// `Cert` holds an escape that Envoy does not write, or a character that Envoy escapes.
    #[error("`Cert` of `x-forwarded-client-cert` is not escaped as Envoy does it")]
    Escapes,
    /// Not exactly one PEM block `CERTIFICATE` in lines of 64 characters.
    #[error("the certificate is not one block of PEM as Envoy writes it")]
    Pem,
    /// More than [`MAX_CHAIN_CERTIFICATES`].
    #[error("the chain holds more than `{MAX_CHAIN_CERTIFICATES}` certificates")]
    TooLongChain,
    /// The PEM holds no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Why what was forwarded is not known to be the certificate of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// The request holds the header more than once.
    #[error("the request holds `{count}` headers `x-forwarded-client-cert`")]
    SeveralHeaders {
        /// How many.
        count: usize,
    },
    /// A pair of the header that must stand alone does not.
    #[error("`{key}` stands more than once in an element of `x-forwarded-client-cert`")]
    RepeatedPair {
        /// The pair's key.
        key: &'static str,
    },
    /// The last element lacks what a certificate needs.
    #[error("the last element of `x-forwarded-client-cert` holds no `{key}`")]
    NoPair {
        /// The missing pair's key.
        key: &'static str,
    },
    /// `Hash` is not the digest of the connection.
    #[error("`Hash` of `x-forwarded-client-cert` is not the digest of the connection's certificate")]
    Hash,
    /// The certificate is not the one of the connection.
    #[error("the certificate has digest `{forwarded}`, and the connection's has `{connection}`")]
    Digest {
        /// Of the certificate that was forwarded.
        forwarded: Fingerprint,
        /// Of the connection, as Envoy says.
        connection: Fingerprint,
    },
}

/// Takes the certificate from the value of Envoy's attribute `connection.peer_certificate`, which is PEM.
pub fn from_attribute(pem: &[u8], connection: Fingerprint) -> Result<Certificate, ForwardedError> {
    if pem.is_empty() {
        return Err(ForwardedError::Absent);
    }
    bound(certificate_of_pem(pem)?, connection)
}

/// Takes the certificate from the values of *all* headers `x-forwarded-client-cert` of a request: there must be one
/// header, and its last element is the one that this Envoy wrote.
pub fn from_xfcc(values: &[&[u8]], connection: Fingerprint) -> Result<Certificate, ForwardedError> {
    let element = own_element(values)?;
    let hash = pair("Hash", element.hash.as_deref())?;
    let cert = pair("Cert", element.cert.as_deref())?;
    if Fingerprint::from_hex(hash) != Some(connection) {
        return Err(Mismatch::Hash.into());
    }
    bound(certificate_of_pem(&undo_escapes(cert)?)?, connection)
}

/// Takes the chain that the client presented, the leaf first, from the values of *all* headers
/// `x-forwarded-client-cert` of a request, as [`from_xfcc`] does the leaf. Nobody verified it: bound to the connection is
/// the leaf alone, which must be its first certificate.
pub fn chain_from_xfcc(
    values: &[&[u8]],
    connection: Fingerprint,
) -> Result<Vec<Certificate>, ForwardedError> {
    let element = own_element(values)?;
    if Fingerprint::from_hex(pair("Hash", element.hash.as_deref())?) != Some(connection) {
        return Err(Mismatch::Hash.into());
    }
    let blocks = undo_escapes(pair("Chain", element.chain.as_deref())?)?;
    let mut chain = Vec::new();
    for block in pem_blocks(&blocks) {
        if chain.len() >= MAX_CHAIN_CERTIFICATES {
            return Err(Malformed::TooLongChain.into());
        }
        let certificate = certificate_of_pem(block)?;
        chain.push(if chain.is_empty() { bound(certificate, connection)? } else { certificate });
    }
    Ok(chain)
}

/// The one element that this Envoy wrote.
fn own_element<'a>(values: &[&'a [u8]]) -> Result<Element<'a>, ForwardedError> {
    let header = match values {
        [] => return Err(ForwardedError::Absent),
        [header] => header,
        _ => return Err(Mismatch::SeveralHeaders { count: values.len() }.into()),
    };
    Ok(xfcc::parse(header).map_err(unreadable)?.pop().unwrap_or_default())
}

fn pair<'a>(key: &'static str, value: Option<&'a [u8]>) -> Result<&'a [u8], Mismatch> {
    value.ok_or(Mismatch::NoPair { key })
}

/// The blocks that the text is made of, each to the end of its last line. What belongs to none is a block that
/// cannot be read.
fn pem_blocks(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.windows(END.len()).position(|window| window == END).map(|at| at + END.len());
        let (block, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        rest = after;
        (!block.is_empty()).then_some(block)
    })
}

/// A pair that repeats is what a name in the certificate with `;Hash=` in it makes: the header is readable, and does
/// not say which certificate it is about.
fn unreadable(error: XfccError) -> ForwardedError {
    if let XfccError::Repeated { key, .. } = error {
        Mismatch::RepeatedPair { key }.into()
    } else {
        Malformed::Header(error).into()
    }
}

fn bound(certificate: Certificate, connection: Fingerprint) -> Result<Certificate, ForwardedError> {
    let forwarded = certificate.fingerprint();
    if forwarded == connection {
        Ok(certificate)
    } else {
        Err(Mismatch::Digest { forwarded, connection }.into())
    }
}

fn certificate_of_pem(pem: &[u8]) -> Result<Certificate, Malformed> {
    if pem.len() > MAX_PEM_BYTES {
        return Err(Malformed::Pem);
    }
    let der = octets_of_pem(pem).ok_or(Malformed::Pem)?;
    Ok(Certificate::from_der(der)?)
}

/// Exactly one block in the one form in which Envoy writes it (RFC 7468 section 3, strict): each octet string has one text, which leaves no
/// room for text around it, a second block, other line ends or base64 that decodes alike.
fn octets_of_pem(pem: &[u8]) -> Option<Vec<u8>> {
    let lines = pem.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let mut digits = Vec::with_capacity(lines.len());
    let lines = lines.chunks(LINE_DIGITS + 1);
    for line in lines {
        // Only the last line may be shorter, and it is not empty.
        digits.extend_from_slice(line.strip_suffix(b"\n").filter(|line| !line.is_empty())?);
    }
    // Which takes neither bits behind the last octet nor padding that is too long or missing, nor a line's end.
    BASE64_STANDARD.decode(digits).ok()
}

/// Undoes the five replacements that Envoy makes. What Envoy replaces must not stand there unreplaced, so that
/// there is one way to write each text; `+` in particular never means a space.
fn undo_escapes(escaped: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut plain = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let decoded = match byte {
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>().ok_or(Malformed::Escapes)?;
                rest = after;
                match digits {
                    b"0A" => b'\n',
                    b"20" => b' ',
                    b"2B" => b'+',
                    b"2F" => b'/',
                    b"3D" => b'=',
                    _ => return Err(Malformed::Escapes),
                }
            }
            b'\n' | b' ' | b'+' | b'/' | b'=' => return Err(Malformed::Escapes),
            other => other,
        };
        plain.push(decoded);
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::mint::{self, Ca, Minted, xfcc_escaped as escaped};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn minted() -> Minted {
        Ca::new("Acme Root").leaf("billing").spiffe("spiffe://acme.example/billing").mint()
    }

    fn digest(minted: &Minted) -> Fingerprint {
        Fingerprint::of(&minted.der)
    }

    fn element(minted: &Minted) -> String {
        minted.xfcc_element()
    }

    fn xfcc(header: &str, minted: &Minted) -> Result<Vec<u8>, ForwardedError> {
        from_xfcc(&[header.as_bytes()], digest(minted)).map(|certificate| certificate.der().to_vec())
    }

    /// By a library: what it reads, where writing that gives the very text.
    fn read_by_others(pem: &[u8]) -> Option<Vec<u8>> {
        let (label, octets) = pem_rfc7468::decode_vec(pem).ok()?;
        let again = pem_rfc7468::encode_string("CERTIFICATE", pem_rfc7468::LineEnding::LF, &octets).ok()?;
        (label == "CERTIFICATE" && again.as_bytes() == pem).then_some(octets)
    }

    #[test]
    fn a_block_is_read_in_the_one_form_that_a_library_writes_and_in_no_other() {
        const ODD: &[u8] = b"A=\n\r -/+z";
        let mut chance = Chance(7);
        for length in 1..=300 {
            let octets: Vec<u8> = (0..length).map(|_| chance.below(256) as u8).collect();
            let pem = mint::pem("CERTIFICATE", &octets);
            assert_eq!(octets_of_pem(pem.as_bytes()).as_ref(), Some(&octets), "{pem}");
            for _ in 0..20 {
                let mut other = pem.clone().into_bytes();
                let at = chance.below(other.len());
                match chance.below(3) {
                    0 => other[at] = ODD[chance.below(ODD.len())],
                    1 => other.insert(at, ODD[chance.below(ODD.len())]),
                    _ => {
                        other.remove(at);
                    }
                }
                assert_eq!(
                    octets_of_pem(&other),
                    read_by_others(&other),
                    "{}",
                    String::from_utf8_lossy(&other)
                );
            }
        }
    }

    const PEM: ForwardedError = ForwardedError::Malformed(Malformed::Pem);
    const ESCAPES: ForwardedError = ForwardedError::Malformed(Malformed::Escapes);
    const HASH: ForwardedError = ForwardedError::Mismatch(Mismatch::Hash);

    #[test]
    fn pem_of_the_connections_certificate_is_taken() {
        let minted = minted();
        let certificate = from_attribute(minted.pem().as_bytes(), digest(&minted)).unwrap();
        assert_eq!(certificate.der(), minted.der);
    }

    #[test]
    fn pem_of_another_certificate_is_a_mismatch() {
        let (minted, other) = (minted(), Ca::new("Acme Root").leaf("other").mint());
        let expected = Mismatch::Digest { forwarded: digest(&minted), connection: digest(&other) };
        assert_eq!(from_attribute(minted.pem().as_bytes(), digest(&other)), Err(expected.into()));
    }

    #[test]
    fn an_attribute_without_a_byte_is_absent() {
        assert_eq!(from_attribute(b"", Fingerprint::of(b"")), Err(ForwardedError::Absent));
    }

    #[test]
    fn pem_that_envoy_would_not_write_is_malformed() {
        let minted = minted();
        let pem = minted.pem();
        for (name, odd) in [
            ("a second block", pem.repeat(2)),
            ("text before", format!("leaf\n{pem}")),
            ("an empty line before", format!("\n{pem}")),
            ("text after", format!("{pem}leaf\n")),
            ("no line end after", pem.trim_end().to_owned()),
            ("CRLF", pem.replace('\n', "\r\n")),
            ("a space in a line", pem.replacen("\nMII", "\n MII", 1)),
            ("one long line", mint::pem("CERTIFICATE", &minted.der).lines().collect::<String>()),
            ("a trusted certificate", pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE")),
            ("a request", pem.replace("CERTIFICATE", "CERTIFICATE REQUEST")),
            ("labels that differ", pem.replacen("CERTIFICATE", "X509 CRL", 1)),
            ("a header", pem.replacen("-----\n", "-----\nA: b\n\n", 1)),
            ("no base64", pem.replacen("\nMII", "\nM*I", 1)),
            ("no end", pem.lines().take(3).collect::<Vec<_>>().join("\n")),
            ("no block", "MIIB".to_owned()),
        ] {
            assert_eq!(from_attribute(odd.as_bytes(), digest(&minted)), Err(PEM), "{name}");
        }
    }

    #[test]
    fn base64_whose_unused_bits_are_set_is_malformed() {
        // The length makes base64 end in one `=`, which leaves two bits unused.
        let (minted, pem) = (0..)
            .map(|at| Ca::new("Acme Root").leaf(&"b".repeat(at + 1)).mint())
            .map(|minted| (minted.clone(), minted.pem()))
            .find(|(_, pem)| pem.contains("=\n-----END") && !pem.contains("==\n-----END"))
            .unwrap();
        let at = pem.find("=\n-----END").unwrap() - 1;
        let mut odd = pem.into_bytes();
        odd[at] += 1;
        assert_eq!(from_attribute(&odd, digest(&minted)), Err(PEM));
    }

    #[test]
    fn pem_of_something_else_is_malformed() {
        let mut der = minted().der;
        der.push(0);
        let pem = mint::pem("CERTIFICATE", &der);
        let expected = Malformed::Certificate(CertificateError::NotWhole);
        assert_eq!(from_attribute(pem.as_bytes(), Fingerprint::of(&der)), Err(expected.into()));
        let long = vec![b'-'; MAX_PEM_BYTES + 1];
        assert_eq!(from_attribute(&long, Fingerprint::of(&der)), Err(PEM));
    }

    #[test]
    fn a_header_as_envoy_writes_it_is_taken() {
        let minted = minted();
        let header = format!(
            "By=spiffe://acme.example/envoy;{};Subject=\"CN=billing\";URI=spiffe://acme.example/billing",
            element(&minted)
        );
        assert_eq!(xfcc(&header, &minted), Ok(minted.der.clone()));
        let upper = header.replace(&digest(&minted).to_string(), &digest(&minted).to_string().to_uppercase());
        assert_eq!(xfcc(&upper, &minted), Ok(minted.der.clone()));
    }

    #[test]
    fn only_the_last_element_counts() {
        let (minted, other) = (minted(), Ca::new("Acme Root").leaf("admin").mint());
        assert_eq!(
            xfcc(&format!("{},{}", element(&other), element(&minted)), &minted),
            Ok(minted.der.clone())
        );
        assert_eq!(xfcc(&format!("{},{}", element(&minted), element(&other)), &minted), Err(HASH));
        assert_eq!(
            xfcc(&format!("{},By=a", element(&minted)), &minted),
            Err(Mismatch::NoPair { key: "Hash" }.into())
        );
    }

    #[test]
    fn there_must_be_exactly_one_header() {
        let minted = minted();
        let header = element(&minted);
        assert_eq!(from_xfcc(&[], digest(&minted)), Err(ForwardedError::Absent));
        let twice = from_xfcc(&[header.as_bytes(), header.as_bytes()], digest(&minted));
        assert_eq!(twice, Err(Mismatch::SeveralHeaders { count: 2 }.into()));
    }

    #[test]
    fn an_element_without_hash_or_certificate_is_a_mismatch() {
        let minted = minted();
        let hash = format!("Hash={}", digest(&minted));
        let cert = format!("Cert=\"{}\"", escaped(&minted.pem()));
        assert_eq!(xfcc("", &minted), Err(Mismatch::NoPair { key: "Hash" }.into()));
        assert_eq!(xfcc(&cert, &minted), Err(Mismatch::NoPair { key: "Hash" }.into()));
        assert_eq!(xfcc(&hash, &minted), Err(Mismatch::NoPair { key: "Cert" }.into()));
        assert_eq!(xfcc(&format!("{hash};{cert}"), &minted), Ok(minted.der.clone()));
    }

    #[test]
    fn hash_certificate_and_connection_must_agree() {
        let (minted, other) = (minted(), Ca::new("Acme Root").leaf("admin").mint());
        let with = |hash: &str, of: &Minted| format!("Hash={hash};Cert=\"{}\"", escaped(&of.pem()));
        let (own, others) = (digest(&minted).to_string(), digest(&other).to_string());
        assert_eq!(xfcc(&with(&own, &minted), &minted), Ok(minted.der.clone()));
        assert_eq!(xfcc(&with(&others, &minted), &minted), Err(HASH));
        assert_eq!(xfcc(&with(&others, &other), &minted), Err(HASH));
        assert_eq!(xfcc(&with("", &minted), &minted), Err(HASH));
        assert_eq!(xfcc(&with(own.split_at(1).1, &minted), &minted), Err(HASH));
        let expected = Mismatch::Digest { forwarded: digest(&other), connection: digest(&minted) };
        assert_eq!(xfcc(&with(&own, &other), &minted), Err(expected.into()));
    }

    #[test]
    fn pairs_injected_by_a_name_never_bring_another_certificate() {
        let (minted, admin) = (minted(), Ca::new("Acme Root").leaf("admin").mint());
        let before = format!("{};Subject=\"CN=billing\"", element(&minted));
        let repeated = |key| Err(ForwardedError::from(Mismatch::RepeatedPair { key }));
        for (name, san, expected) in [
            ("a subject", "spiffe://x/a;Subject=\"CN=admin\"".to_owned(), repeated("Subject")),
            ("a certificate", format!("x;{}", element(&admin)), repeated("Hash")),
            ("an element", format!("x,{}", element(&admin)), Err(HASH)),
            (
                "an element with the own digest",
                format!("x,Hash={};{}", digest(&minted), element(&admin)),
                repeated("Hash"),
            ),
            (
                "the own digest and another certificate",
                format!("x,Hash={};Cert=\"{}\"", digest(&minted), escaped(&admin.pem())),
                Err(Mismatch::Digest { forwarded: digest(&admin), connection: digest(&minted) }.into()),
            ),
            (
                "an element without a certificate",
                format!("x,Hash={}", digest(&minted)),
                Err(Mismatch::NoPair { key: "Cert" }.into()),
            ),
            (
                "a quote",
                "x\"".to_owned(),
                Err(Malformed::Header(XfccError::StrayQuote { at: before.len() + 5 }).into()),
            ),
            (
                "an unknown key",
                "x;a=b".to_owned(),
                Err(Malformed::Header(XfccError::UnknownKey { at: before.len() + 7 }).into()),
            ),
            ("a second name", "x;URI=spiffe://acme.example/admin".to_owned(), Ok(minted.der.clone())),
        ] {
            for key in ["URI", "DNS"] {
                assert_eq!(xfcc(&format!("{before};{key}={san}"), &minted), expected, "{name} by {key}");
            }
        }
    }

    #[test]
    fn escapes_other_than_envoys_are_malformed() {
        let minted = minted();
        let good = escaped(&minted.pem());
        let with = |cert: &str| xfcc(&format!("Hash={};Cert=\"{cert}\"", digest(&minted)), &minted);
        assert_eq!(with(&good), Ok(minted.der.clone()));
        for (name, odd) in [
            ("lower case", good.replacen("%0A", "%0a", 1)),
            ("a raw space", good.replacen("%20", " ", 1)),
            ("a plus for a space", good.replacen("%20", "+", 1)),
            ("a raw line end", good.replacen("%0A", "\n", 1)),
            ("an escaped letter", good.replacen("MII", "%4DII", 1)),
            ("a line end of CRLF", good.replacen("%0A", "%0D%0A", 1)),
            ("no digits", format!("{good}%")),
            ("one digit", format!("{good}%0")),
            ("no hexadecimal digits", "%ZZ%invalid".to_owned()),
        ] {
            assert_eq!(with(&odd), Err(ESCAPES), "{name}");
        }
    }

    #[test]
    fn raw_plus_slash_and_equals_are_malformed() {
        for raw in ["+", "/", "="] {
            assert_eq!(undo_escapes(raw.as_bytes()), Err(Malformed::Escapes), "{raw}");
        }
        assert_eq!(undo_escapes(b"%2B%2F%3D%20%0Aa-"), Ok(b"+/= \na-".to_vec()));
        assert_eq!(undo_escapes(b"%2b"), Err(Malformed::Escapes));
    }

    #[test]
    fn a_header_that_breaks_the_grammar_is_malformed() {
        let minted = minted();
        for header in [
            format!("{};", element(&minted)),
            format!("{},", element(&minted)),
            format!("SAN=a;{}", element(&minted)),
        ] {
            let result = xfcc(&header, &minted);
            assert!(
                matches!(result, Err(ForwardedError::Malformed(Malformed::Header(_)))),
                "{header}: {result:?}"
            );
        }
    }

    fn chain(header: &str, minted: &Minted) -> Result<Vec<Vec<u8>>, ForwardedError> {
        let chain = chain_from_xfcc(&[header.as_bytes()], digest(minted))?;
        Ok(chain.iter().map(|certificate| certificate.der().to_vec()).collect())
    }

    #[test]
    fn a_chain_is_taken_whole_and_begins_with_the_connections_leaf() {
        let (minted, ca) = (minted(), Ca::new("Acme Root"));
        let with =
            |pems: &[String]| chain(&format!("{};{}", element(&minted), mint::xfcc_chain(pems)), &minted);
        let ders = vec![minted.der.clone(), ca.der().to_vec()];
        assert_eq!(with(&[minted.pem(), ca.pem()]), Ok(ders.clone()));
        assert_eq!(with(&[minted.pem()]), Ok(ders[..1].to_vec()));
        let swapped = Mismatch::Digest { forwarded: Fingerprint::of(ca.der()), connection: digest(&minted) };
        assert_eq!(with(&[ca.pem(), minted.pem()]), Err(swapped.into()));
        assert_eq!(with(&[minted.pem(), "x".to_owned()]), Err(PEM));
        assert_eq!(with(&[minted.pem(), "\n".to_owned(), ca.pem()]), Err(PEM));
        let many = |count| vec![minted.pem(); count];
        assert_eq!(with(&many(MAX_CHAIN_CERTIFICATES)).map(|chain| chain.len()), Ok(MAX_CHAIN_CERTIFICATES));
        let too_many = Malformed::TooLongChain.into();
        assert_eq!(with(&many(MAX_CHAIN_CERTIFICATES + 1)), Err(too_many));
    }

    #[test]
    fn a_chain_beside_another_digest_is_a_mismatch() {
        let (minted, other) = (minted(), Ca::new("Acme Root").leaf("other").mint());
        let header = format!("{};{}", element(&other), mint::xfcc_chain(&[minted.pem()]));
        assert_eq!(chain(&header, &minted), Err(HASH));
        let missing = |key| Err(Mismatch::NoPair { key }.into());
        assert_eq!(chain(&element(&minted), &minted), missing("Chain"));
        assert_eq!(chain(&mint::xfcc_chain(&[minted.pem()]), &minted), missing("Hash"));
        assert_eq!(chain("", &minted), missing("Hash"));
        assert_eq!(chain_from_xfcc(&[], digest(&minted)), Err(ForwardedError::Absent));
    }
}
