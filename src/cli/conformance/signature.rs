//! Operations on signatures.

use mtls_policy::cert::signature::{self, SignatureError};

use super::answer::{Finding, Verdict};
use super::case::{Case, Refusal};

/// `verify_sig`: whether this key signed this message, by an algorithm that is named.
pub(super) fn by_name(case: &Case) -> Result<Finding, Refusal> {
    let keys = ["spki_der_hex", "alg", "msg_hex", "sig_hex"];
    let [spki, algorithm, message, signature] = case.texts(keys)?;
    let Some(algorithm) = identifier(algorithm) else {
        return Ok(Finding::because(Verdict::Unsupported, "unknown_algorithm", algorithm));
    };
    let hex = |key, text: &str| hex::decode(text.as_bytes()).map_err(|_| Refusal::NotHexadecimal(key));
    let (spki, message) = (hex("spki_der_hex", spki)?, hex("msg_hex", message)?);
    Ok(found(signature::verify(&spki, &algorithm, &message, &hex("sig_hex", signature)?)))
}

/// `verify_signed`: whether this key signed this message, by an algorithm as certificates have it.
pub(super) fn by_identifier(case: &Case) -> Result<Finding, Refusal> {
    let keys = ["spki_der_b64", "alg_der_b64", "data_b64", "sig_bitstring_der_b64"];
    let [spki, algorithm, message, bit_string] = case.octets(keys)?;
    Ok(match octets_of(&bit_string) {
        Some(signature) => found(signature::verify(&spki, &algorithm, &message, signature)),
        None => Finding::because(
            Verdict::Reject,
            "malformed_signature",
            "the signature is no BIT STRING of whole octets",
        ),
    })
}

fn found(result: Result<(), SignatureError>) -> Finding {
    let reason = match result {
        Ok(()) => return Finding::plain(Verdict::Accept),
        Err(SignatureError::Algorithm) => "unsupported_algorithm",
        Err(SignatureError::Key) => "unsuitable_key",
        Err(SignatureError::Wrong) => "wrong_signature",
    };
    Finding::because(Verdict::Reject, reason, result.err().map(|error| error.to_string()).unwrap_or_default())
}

/// The `AlgorithmIdentifier` of an algorithm, by the names of RFC 8017 appendix A.2.4, RFC 5758 and RFC 8410. Of RSASSA-PSS,
/// with one hash for all and a salt of its length.
fn identifier(name: &str) -> Option<Vec<u8>> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA_WITH_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
    const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
    const NULL: &[u8] = &[0x05, 0x00];
    let sequence = |parts: &[&[u8]]| element(0x30, parts);
    let algorithm = |oid: &[&[u8]], parameters: &[u8]| sequence(&[&element(0x06, oid), parameters]);
    let pss = |last: u8, salt: u8| {
        let hash = algorithm(&[SHA2, &[last]], NULL);
        let mask = algorithm(&[RSA, &[8]], &hash);
        let salt = element(0x02, &[&[salt]]);
        let parameters =
            sequence(&[&element(0xa0, &[&hash]), &element(0xa1, &[&mask]), &element(0xa2, &[&salt])]);
        algorithm(&[RSA, &[10]], &parameters)
    };
    Some(match name {
        "sha256WithRSAEncryption" => algorithm(&[RSA, &[11]], NULL),
        "sha384WithRSAEncryption" => algorithm(&[RSA, &[12]], NULL),
        "sha512WithRSAEncryption" => algorithm(&[RSA, &[13]], NULL),
        "rsassaPss-sha256" => pss(1, 32),
        "rsassaPss-sha384" => pss(2, 48),
        "rsassaPss-sha512" => pss(3, 64),
        "ecdsa-with-SHA256" => algorithm(&[ECDSA_WITH_SHA2, &[2]], &[]),
        "ecdsa-with-SHA384" => algorithm(&[ECDSA_WITH_SHA2, &[3]], &[]),
        "ecdsa-with-SHA512" => algorithm(&[ECDSA_WITH_SHA2, &[4]], &[]),
        "ed25519" => algorithm(&[ED25519], &[]),
        _ => return None,
    })
}

/// An element of fewer than 128 octets in DER, as all of [`identifier`] are.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let length = u8::try_from(contents.len()).unwrap_or_default();
    [&[tag, length][..], &contents].concat()
}

/// The octets of a BIT STRING, of which no bit may be unused.
fn octets_of(bit_string: &[u8]) -> Option<&[u8]> {
    let (&[tag, first], rest) = bit_string.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81 => rest.split_first().map(|(&length, rest)| (usize::from(length), rest))?,
        0x82 => {
            rest.split_first_chunk().map(|(&length, rest)| (usize::from(u16::from_be_bytes(length)), rest))?
        }
        _ => return None,
    };
    if tag == 0x03 && rest.len() == length { rest.strip_prefix(&[0]) } else { None }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::{Value, json};

    use super::*;

    /// RFC 8032 section 7.1, test 2: the message is one octet.
    const KEY: &str =
        "302a300506032b65700321003d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

    fn answer(operation: fn(&Case) -> Result<Finding, Refusal>, case: &Value) -> (Verdict, &'static str) {
        let case = Case::read(case.to_string().as_bytes()).unwrap();
        let finding = operation(&case).unwrap_or_else(Finding::from);
        (finding.verdict, finding.reason)
    }

    #[test]
    fn a_signature_is_checked_by_the_name_of_its_algorithm() {
        let by = |algorithm: &str, message: &str| {
            answer(
                by_name,
                &json!({"spki_der_hex": KEY, "alg": algorithm, "msg_hex": message, "sig_hex": SIGNATURE}),
            )
        };
        assert_eq!(by("ed25519", "72"), (Verdict::Accept, ""));
        assert_eq!(by("ed25519", "73"), (Verdict::Reject, "wrong_signature"));
        assert_eq!(by("rsassaPss-sha256", "72"), (Verdict::Reject, "unsuitable_key"));
        assert_eq!(by("ed448", "72"), (Verdict::Unsupported, "unknown_algorithm"));
        assert_eq!(by("ed25519", "7"), (Verdict::Error, "malformed_case"));
    }

    #[test]
    fn a_signature_is_checked_by_the_identifier_of_its_algorithm() {
        let by = |identifier: &[u8], head: &[u8]| {
            let octets = |digits: &str| hex::decode(digits.as_bytes()).unwrap();
            let bit_string = [head, &octets(SIGNATURE)].concat();
            let encode = |octets: &[u8]| BASE64_STANDARD.encode(octets);
            let case = json!({
                "spki_der_b64": encode(&octets(KEY)), "alg_der_b64": encode(identifier), "data_b64": encode(b"r"),
                "sig_bitstring_der_b64": encode(&bit_string),
            });
            answer(by_identifier, &case)
        };
        let ed25519 = identifier("ed25519").unwrap();
        assert_eq!(by(&ed25519, &[3, 65, 0]), (Verdict::Accept, ""));
        assert_eq!(by(&ed25519, &[3, 65, 1]), (Verdict::Reject, "malformed_signature"), "an unused bit");
        assert_eq!(by(&ed25519, &[4, 65, 0]), (Verdict::Reject, "malformed_signature"), "an OCTET STRING");
        assert_eq!(by(&ed25519, &[3, 64, 0]), (Verdict::Reject, "malformed_signature"), "something after it");
        assert_eq!(by(&[0x05, 0x00], &[3, 65, 0]), (Verdict::Reject, "unsupported_algorithm"));
    }
}
