//! The signature algorithms of chains: for webpki a table of identifiers, behind which [`signature`] does the work.

use rustls_pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use super::budget::Budget;
use super::shown::Originals;
use crate::cert::der::{self, BIT_STRING, SEQUENCE};
use crate::cert::signature;

/// A kind of key and a kind of signature that go together.
#[derive(Debug, Clone, Copy)]
struct Algorithm {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    cost: Cost,
}

/// What a signature costs, in tenths of a millisecond in V8.
#[derive(Debug, Clone, Copy)]
enum Cost {
    Fixed(u32),
    /// By the length of the key: for twice the bits it is four times as much.
    Rsa,
}

const P256: Cost = Cost::Fixed(12);
const P384: Cost = Cost::Fixed(40);
const P521: Cost = Cost::Fixed(40);
const EDWARDS: Cost = Cost::Fixed(4);

/// Octets of a key of 2048 bits, and what a signature of it costs.
const RSA_2048: (usize, usize) = (256, 6);

/// Octets of an `RSAPublicKey` (RFC 8017 section A.1.1) beside those of the modulus, where the exponent is 65537.
const RSA_KEY_OVERHEAD: usize = 14;

/// `AlgorithmIdentifier`s that leave the NULL out that belongs there: readers take those (RFC 4055 section 5).
const fn bare_rsa(last: u8) -> AlgorithmIdentifier {
    AlgorithmIdentifier::from_slice(match last {
        11 => &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 11],
        12 => &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 12],
        _ => &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 13],
    })
}

const fn of(key: AlgorithmIdentifier, signature: AlgorithmIdentifier, cost: Cost) -> Algorithm {
    Algorithm { key, signature, cost }
}

/// All that [`signature`] knows, but for RSASSA-PSS with other parameters than are usual.
const ALGORITHMS: [Algorithm; 19] = [
    of(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256, P256),
    of(alg_id::ECDSA_P256, alg_id::ECDSA_SHA384, P256),
    of(alg_id::ECDSA_P256, alg_id::ECDSA_SHA512, P256),
    of(alg_id::ECDSA_P384, alg_id::ECDSA_SHA256, P384),
    of(alg_id::ECDSA_P384, alg_id::ECDSA_SHA384, P384),
    of(alg_id::ECDSA_P384, alg_id::ECDSA_SHA512, P384),
    of(alg_id::ECDSA_P521, alg_id::ECDSA_SHA256, P521),
    of(alg_id::ECDSA_P521, alg_id::ECDSA_SHA384, P521),
    of(alg_id::ECDSA_P521, alg_id::ECDSA_SHA512, P521),
    of(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA256, Cost::Rsa),
    of(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA384, Cost::Rsa),
    of(alg_id::RSA_ENCRYPTION, alg_id::RSA_PKCS1_SHA512, Cost::Rsa),
    of(alg_id::RSA_ENCRYPTION, bare_rsa(11), Cost::Rsa),
    of(alg_id::RSA_ENCRYPTION, bare_rsa(12), Cost::Rsa),
    of(alg_id::RSA_ENCRYPTION, bare_rsa(13), Cost::Rsa),
    of(alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA256, Cost::Rsa),
    of(alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA384, Cost::Rsa),
    of(alg_id::RSA_ENCRYPTION, alg_id::RSA_PSS_SHA512, Cost::Rsa),
    of(alg_id::ED25519, alg_id::ED25519, EDWARDS),
];

/// An algorithm whose use is paid for.
#[derive(Debug)]
pub(super) struct Metered<'a> {
    algorithm: Algorithm,
    budget: &'a Budget,
    originals: &'a Originals<'a>,
}

/// All algorithms, paid for out of `budget`, of what was signed.
pub(super) fn metered<'a>(
    budget: &'a Budget,
    originals: &'a Originals<'a>,
) -> [Metered<'a>; ALGORITHMS.len()] {
    ALGORITHMS.map(|algorithm| Metered { algorithm, budget, originals })
}

impl SignatureVerificationAlgorithm for Metered<'_> {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let Algorithm { key, signature: algorithm, cost } = &self.algorithm;
        if !self.budget.take_work(cost.of(public_key)) {
            return Err(InvalidSignature);
        }
        let key = der::element(SEQUENCE, &[key.as_ref()]);
        let spki = der::element(SEQUENCE, &[&key, &der::element(BIT_STRING, &[&[0], public_key])]);
        let algorithm = der::element(SEQUENCE, &[algorithm.as_ref()]);
        let message = self.originals.of(message);
        signature::verify(&spki, &algorithm, message, signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.algorithm.signature
    }
}

impl Cost {
    fn of(self, key: &[u8]) -> u32 {
        match self {
            Cost::Fixed(cost) => cost,
            Cost::Rsa => {
                let (octets, cost) = RSA_2048;
                let length = key.len().saturating_sub(RSA_KEY_OVERHEAD);
                let cost = cost.saturating_mul(length.saturating_mul(length)).div_ceil(octets * octets);
                u32::try_from(cost).unwrap_or(u32::MAX - 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::public_key_info::PublicKeyInfo;
    use crate::mint;
    use crate::trust::chain::MAX_INTERMEDIATES;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_signature_of_rsa_costs_four_times_as_much_for_twice_the_bits() {
        for (bits, expected) in [(2048, 6), (3072, 14), (4096, 24), (8192, 96), (16384, 384)] {
            let info = mint::rsa_public_key(bits);
            let Ok(PublicKeyInfo::Rsa(key)) = PublicKeyInfo::read(&info) else { panic!("{bits}") };
            assert_eq!(Cost::Rsa.of(key), expected, "{bits}");
        }
    }

    #[test]
    fn the_longest_chain_can_be_paid_for_whatever_its_keys_are() {
        let info = mint::rsa_public_key(4096);
        let Ok(PublicKeyInfo::Rsa(rsa)) = PublicKeyInfo::read(&info) else { panic!() };
        for algorithm in ALGORITHMS {
            let budget = Budget::new();
            let paid = (0..=MAX_INTERMEDIATES).all(|_| budget.take_work(algorithm.cost.of(rsa)));
            assert!(paid, "{algorithm:?}");
        }
    }
}
