//! Certificates in files.

use std::fs;
use std::path::Path;

use x509_parser::pem::Pem;

/// Reads the certificates of a PEM file in their order, or the one of a DER file. At least one is there.
pub(crate) fn read(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    parse(&bytes).map_err(|why| format!("{}: {why}", path.display()))
}

/// Reads what a client presents: its own certificate, which is the first of the file, and the others.
pub(crate) fn presented(path: &Path) -> Result<(Vec<u8>, Vec<Vec<u8>>), String> {
    let mut all = read(path)?.into_iter();
    let leaf = all.next().ok_or_else(|| format!("{}: it holds no certificate", path.display()))?;
    Ok((leaf, all.collect()))
}

/// The certificates in PEM text, or the one in DER.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    // DER of a certificate begins with the tag of a sequence, which is `0` in ASCII; PEM does not.
    let is_der = bytes.first() == Some(&0x30);
    if is_der {
        return Ok(vec![bytes.to_vec()]);
    }
    let mut certificates = Vec::new();
    for block in Pem::iter_from_buffer(bytes) {
        let block = block.map_err(|error| format!("it is no PEM: {error}"))?;
        if block.label == "CERTIFICATE" {
            certificates.push(block.contents);
        }
    }
    if certificates.is_empty() {
        return Err("it holds no certificate: neither a PEM block `CERTIFICATE` nor DER".to_owned());
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";

    #[test]
    fn a_file_may_hold_one_certificate_in_der_or_several_in_pem() {
        assert_eq!(parse(&[0x30, 0x00]), Ok(vec![vec![0x30, 0x00]]));
        let two = format!("subject=a\n{BLOCK}text\n{BLOCK}");
        assert_eq!(parse(two.as_bytes()), Ok(vec![vec![0x30, 0x00]; 2]));
    }

    #[test]
    fn keys_beside_certificates_are_passed_over_and_alone_are_an_error() {
        let key = BLOCK.replace("CERTIFICATE", "PRIVATE KEY");
        assert_eq!(parse(format!("{key}{BLOCK}").as_bytes()).map(|found| found.len()), Ok(1));
        assert!(parse(key.as_bytes()).is_err());
        assert!(parse(b"").is_err());
    }
}
