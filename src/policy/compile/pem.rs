//! PEM as people paste it into a policy (RFC 7468): one block, whatever the length of its lines.

use crate::policy::trust_bundle::TrustBundleError;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

pub(super) const CERTIFICATE: &str = "CERTIFICATE";
pub(super) const CRL: &str = "X509 CRL";

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The bytes in the one block that `text` must be, of this kind. Text before it is left out, as `openssl` writes it.
pub(super) fn one_block(text: &str, label: &'static str) -> Result<Vec<u8>, TrustBundleError> {
    contents(text, label).and_then(decode).map_err(|why| TrustBundleError::Pem { label, why })
}

/// The bytes that `text` is the base64 of; white space counts for nothing.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, TrustBundleError> {
    if text.contains(BEGIN) {
        return Err(TrustBundleError::Base64 { why: "it is PEM; write it as `pem`" });
    }
    decode(text).map_err(|why| TrustBundleError::Base64 { why })
}

fn contents<'t>(text: &'t str, label: &str) -> Result<&'t str, &'static str> {
    let mut blocks = text.split(BEGIN).skip(1);
    let block = blocks.next().ok_or("it has no line `-----BEGIN ...-----`; paste what the file holds")?;
    if blocks.next().is_some() {
        return Err("it holds several; write each as a string of its own");
    }
    let (found, rest) = block.split_once(DASHES).ok_or("its first line is not closed")?;
    if found.ends_with("PRIVATE KEY") {
        return Err("it is a private key, which has no place in a policy");
    }
    if found != label {
        return Err("it is a block of another kind");
    }
    let (contents, end) = rest.split_once(END).ok_or("it has no end")?;
    match end.strip_prefix(label).and_then(|end| end.strip_prefix(DASHES)) {
        Some(after) if after.trim_ascii().is_empty() => Ok(contents),
        Some(_) => Err("text follows its end"),
        None => Err("its end is of another kind"),
    }
}

fn decode(text: &str) -> Result<Vec<u8>, &'static str> {
    if text.contains('\\') {
        return Err("it holds a backslash; a line end is `\\n` in JSON, with one backslash");
    }
    let digits: String = text.split_ascii_whitespace().collect();
    if digits.is_empty() {
        return Err("it is empty");
    }
    BASE64_STANDARD.decode(digits).map_err(|_| "its base64 is broken")
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read(text: &str) -> Result<Vec<u8>, &'static str> {
        one_block(text, CERTIFICATE).map_err(|error| {
            let TrustBundleError::Pem { why, .. } = error else { panic!("{error}") };
            why
        })
    }

    #[test]
    fn a_block_is_read_however_its_lines_are_broken() {
        let begin = "-----BEGIN CERTIFICATE-----";
        let end = "-----END CERTIFICATE-----";
        for text in [
            format!("{begin}\nAQID\n{end}\n"),
            format!("{begin}\r\nAQ\r\nID\r\n{end}\r\n"),
            format!("{begin}AQID{end}"),
            format!(" {begin}\n  AQID\n  {end}\n\n"),
            format!("Certificate:\n    Data:\n{begin}\nAQID\n{end}"),
        ] {
            assert_eq!(read(&text), Ok(vec![1, 2, 3]), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_block_is_refused_with_its_reason() {
        for (text, why) in [
            ("", "it has no line `-----BEGIN ...-----`; paste what the file holds"),
            ("MIIB", "it has no line `-----BEGIN ...-----`; paste what the file holds"),
            ("corp.pem", "it has no line `-----BEGIN ...-----`; paste what the file holds"),
            ("-----BEGIN CERTIFICATE", "its first line is not closed"),
            ("-----BEGIN CERTIFICATE-----\nAQID\n", "it has no end"),
            ("-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----", "it is empty"),
            ("-----BEGIN CERTIFICATE-----\nAQI\n-----END CERTIFICATE-----", "its base64 is broken"),
            ("-----BEGIN CERTIFICATE-----\nAQI*\n-----END CERTIFICATE-----", "its base64 is broken"),
            ("-----BEGIN CERTIFICATE-----\nAQID\n-----END X509 CRL-----", "its end is of another kind"),
            ("-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\nx", "text follows its end"),
            ("-----BEGIN X509 CRL-----\nAQID\n-----END X509 CRL-----", "it is a block of another kind"),
            (
                "-----BEGIN EC PRIVATE KEY-----\nAQID\n-----END EC PRIVATE KEY-----",
                "it is a private key, which has no place in a policy",
            ),
            (
                "-----BEGIN CERTIFICATE-----\\nAQID\\n-----END CERTIFICATE-----",
                "it holds a backslash; a line end is `\\n` in JSON, with one backslash",
            ),
            (
                "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----",
                "it holds several; write each as a string of its own",
            ),
        ] {
            assert_eq!(read(text), Err(why), "{text}");
        }
    }

    #[test]
    fn base64_may_have_white_space_and_is_no_pem() {
        assert_eq!(base64("AQ\nID\n"), Ok(vec![1, 2, 3]));
        for text in ["", "AQI", "-----BEGIN X509 CRL-----\nAQID\n-----END X509 CRL-----"] {
            assert!(base64(text).is_err(), "{text}");
        }
    }
}
