//! RSA signatures (RFC 8017 section 8).
//!
//! The paddings are checked here, and the one power by `crypto-bigint`, which the curves stand on too. The `rsa` crate would do
//! both, but its release, 0.9, stands on another generation of hash functions and big numbers than all else here, and 0.10 is a
//! release candidate.

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};

use super::SignatureError;
use super::algorithm::PssParameters;
use super::digest::{Digest, Hash};
use crate::cert::der;

/// The shortest modulus, in bits: what [`crate::identity`] believes too. Policies ask for more.
const MIN_BITS: u32 = 1024;

/// The longest modulus, in bits. Nobody uses longer ones, and twice the bits take four times as long.
const MAX_BITS: u32 = 8192;

/// The longest public exponent, in octets. All that are used have three at most; those of CryptoAPI have four.
const MAX_EXPONENT_OCTETS: usize = 4;

/// A public key.
#[derive(Debug)]
pub(super) struct RsaKey {
    modulus: BoxedMontyParams,
    /// Bits of the modulus.
    bits: u32,
    exponent: BoxedUint,
}

impl RsaKey {
    /// Reads an `RSAPublicKey` (RFC 8017 appendix A.1.1).
    pub(super) fn read(key: &[u8]) -> Result<RsaKey, SignatureError> {
        let [modulus, exponent] = der::two_positive(key).map_err(|_| SignatureError::Key)?;
        let odd = exponent.last().is_some_and(|last| last & 1 == 1);
        // Measured before they become numbers, which takes time.
        if modulus.len() > MAX_BITS.div_ceil(8) as usize
            || exponent.len() > MAX_EXPONENT_OCTETS
            || !odd
            || exponent == [1]
        {
            return Err(SignatureError::Key);
        }
        let modulus = BoxedUint::from_be_slice_vartime(modulus);
        let bits = modulus.bits_vartime();
        if bits < MIN_BITS {
            return Err(SignatureError::Key);
        }
        let modulus = Odd::new(modulus).into_option().ok_or(SignatureError::Key)?;
        let exponent = BoxedUint::from_be_slice_vartime(exponent);
        Ok(RsaKey { modulus: BoxedMontyParams::new_vartime(modulus), bits, exponent })
    }

    /// RSASSA-PKCS1-v1_5 (section 8.2.2): the one encoding of the digest is made and compared.
    pub(super) fn signed_pkcs1(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        let Some(encoded) = self.recover(signature) else {
            return false;
        };
        let (info, digest_octets) = (digest_info(hash), digest.len());
        let Some(padding) = encoded.len().checked_sub(3 + info.len() + digest_octets) else {
            return false;
        };
        let mut expected = vec![0, 1];
        expected.resize(2 + padding, 0xff);
        expected.push(0);
        expected.extend_from_slice(info);
        expected.extend_from_slice(digest);
        // Of the shortest modulus the padding is still longer than the eight octets that it must have.
        encoded == expected
    }

    /// RSASSA-PSS (section 8.1.2).
    pub(super) fn signed_pss(&self, parameters: PssParameters, digest: &[u8], signature: &[u8]) -> bool {
        self.recover(signature)
            .and_then(|encoded| self.is_pss_encoding(parameters, digest, &encoded))
            .unwrap_or(false)
    }

    /// EMSA-PSS-VERIFY (section 9.1.2), step by step.
    fn is_pss_encoding(
        &self,
        PssParameters { hash, salt }: PssParameters,
        digest: &[u8],
        encoded: &[u8],
    ) -> Option<bool> {
        // The encoding has one bit less than the modulus, so that it may be an octet shorter.
        let bits = self.bits as usize - 1;
        let (above, encoded) = encoded.split_at_checked(encoded.len() - bits.div_ceil(8))?;
        let (encoded, [0xbc]) = encoded.split_last_chunk()? else {
            return None;
        };
        let (masked, hashed) = encoded.split_at_checked(encoded.len().checked_sub(digest.len())?)?;
        let zeros = masked.len().checked_sub(salt + 1)?;
        let unused = 0xff_u8.unbounded_shl(u32::try_from(8 - (bits.div_ceil(8) * 8 - bits)).ok()?);
        if above.iter().any(|octet| *octet != 0) || masked.first()? & unused != 0 {
            return None;
        }
        let mut block = mask(hash, hashed, masked.len());
        for (octet, masked) in block.iter_mut().zip(masked) {
            *octet ^= masked;
        }
        *block.first_mut()? &= !unused;
        let (padding, salt) = block.split_at_checked(zeros + 1)?;
        let (one, padding) = padding.split_last()?;
        let mut again = Digest::new(hash);
        again.update(&[0; 8]);
        again.update(digest);
        again.update(salt);
        Some(padding.iter().all(|octet| *octet == 0) && *one == 1 && again.finish() == hashed)
    }

    /// RSAVP1 (section 5.2.2), as octets of the modulus' length.
    fn recover(&self, signature: &[u8]) -> Option<Vec<u8>> {
        let octets = self.bits.div_ceil(8) as usize;
        if signature.len() != octets {
            return None;
        }
        let signature = BoxedUint::from_be_slice(signature, self.modulus.bits_precision()).ok()?;
        if signature >= *self.modulus.modulus().as_ref() {
            return None;
        }
        let power = BoxedMontyForm::new(signature, &self.modulus)
            .pow_bounded_exp(&self.exponent, self.exponent.bits_vartime())
            .retrieve()
            .to_be_bytes();
        // The number has whole limbs; what is above the modulus is zero.
        power.get(power.len().checked_sub(octets)?..).map(<[u8]>::to_vec)
    }
}

/// MGF1 (appendix B.2.1).
fn mask(hash: Hash, seed: &[u8], octets: usize) -> Vec<u8> {
    let mut mask = Vec::new();
    // As many rounds as digests are in a modulus at most.
    let mut counter = 0_u32;
    while mask.len() < octets {
        let mut digest = Digest::new(hash);
        digest.update(seed);
        digest.update(&counter.to_be_bytes());
        mask.extend_from_slice(&digest.finish());
        counter += 1;
    }
    mask.truncate(octets);
    mask
}

/// What stands before the digest in a `DigestInfo` (section 9.2 note 1).
#[rustfmt::skip]
fn digest_info(hash: Hash) -> &'static [u8] {
    match hash {
        Hash::Sha256 => &[
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
        ],
        Hash::Sha384 => &[
            0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30,
        ],
        Hash::Sha512 => &[
            0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40,
        ],
    }
}
