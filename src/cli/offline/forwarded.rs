//! The header in which Envoy forwards what a client presented.

use mtls_policy::cert::Fingerprint;
use mtls_policy::policy::{Policy, Verification};
use mtls_policy::request::XFCC;
use pem_rfc7468::LineEnding;

/// Adds what Envoy writes of a client that presented `leaf` and `others` beside it, as `x-forwarded-client-cert`, where `policy` is one
/// of those by which the filter verifies: it knows the others from nowhere else. A header that is there already stays as it is.
///
/// # Errors
/// Where a certificate is longer than PEM may be.
pub(crate) fn forward(
    policy: &Policy,
    leaf: &[u8],
    others: &[Vec<u8>],
    headers: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), String> {
    match policy.verification() {
        Verification::Envoy(_) => {}
        Verification::Plugin if headers.iter().any(|(name, _)| name == XFCC) => {}
        Verification::Plugin => headers.push((XFCC.to_owned(), xfcc(leaf, others)?.into_bytes())),
    }
    Ok(())
}

/// As Envoy writes it that is told to forward certificate and chain.
fn xfcc(leaf: &[u8], others: &[Vec<u8>]) -> Result<String, String> {
    let hash = Fingerprint::of(leaf);
    let leaf = escaped_pem(leaf)?;
    let mut chain = leaf.clone();
    for other in others {
        chain.push_str(&escaped_pem(other)?);
    }
    Ok(format!("Hash={hash};Cert=\"{leaf}\";Chain=\"{chain}\""))
}

/// What Envoy replaces, it replaces in this order, and nothing else.
fn escaped_pem(der: &[u8]) -> Result<String, String> {
    let pem = pem_rfc7468::encode_string("CERTIFICATE", LineEnding::LF, der)
        .map_err(|error| format!("a certificate cannot be written as PEM: {error}"))?;
    let escapes = [("\n", "%0A"), (" ", "%20"), ("+", "%2B"), ("/", "%2F"), ("=", "%3D")];
    Ok(escapes.iter().fold(pem, |text, (plain, escape)| text.replace(plain, escape)))
}

#[cfg(test)]
mod tests {
    use mtls_policy::cert::forwarded::{chain_from_xfcc, from_xfcc};

    use super::*;
    use crate::cli::offline::mint::Description;

    fn minted(name: &str) -> Vec<u8> {
        let now = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        Description::default().mint(name, now).unwrap()
    }

    #[test]
    fn what_is_written_is_what_the_filter_reads() {
        let (leaf, others) = (minted("leaf"), [minted("one"), minted("two")]);
        let header = xfcc(&leaf, &others).unwrap();
        let connection = Fingerprint::of(&leaf);
        assert_eq!(from_xfcc(&[header.as_bytes()], connection).unwrap().der(), leaf);
        let chain = chain_from_xfcc(&[header.as_bytes()], connection).unwrap();
        let chain: Vec<&[u8]> = chain.iter().map(|certificate| certificate.der()).collect();
        assert_eq!(chain, [leaf.as_slice(), &others[0], &others[1]]);
    }

    #[test]
    fn a_client_without_a_chain_has_one_of_its_leaf() {
        let leaf = minted("leaf");
        let header = xfcc(&leaf, &[]).unwrap();
        assert_eq!(chain_from_xfcc(&[header.as_bytes()], Fingerprint::of(&leaf)).unwrap().len(), 1);
    }
}
