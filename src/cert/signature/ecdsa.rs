//! ECDSA (FIPS 186-5 section 6.4.2) on the curves of NIST.

use ecdsa::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use ecdsa::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytes, FieldBytesSize};
use ecdsa::signature::hazmat::PrehashVerifier as _;
use ecdsa::{EcdsaCurve, Signature, VerifyingKey};
use p256::NistP256;
use p384::NistP384;
use p521::NistP521;

use super::SignatureError;
use crate::cert::der;
use crate::cert::public_key_info::Curve;

/// A public key.
#[derive(Debug)]
pub(super) enum EcdsaKey {
    P256(VerifyingKey<NistP256>),
    P384(VerifyingKey<NistP384>),
    P521(VerifyingKey<NistP521>),
}

impl EcdsaKey {
    /// Reads a point of a curve (RFC 5480 section 2.2).
    pub(super) fn read(curve: Curve, point: &[u8]) -> Result<EcdsaKey, SignatureError> {
        match curve {
            Curve::P256 => key(point).map(EcdsaKey::P256),
            Curve::P384 => key(point).map(EcdsaKey::P384),
            Curve::P521 => key(point).map(EcdsaKey::P521),
        }
    }

    /// Whether `signature`, an `ECDSA-Sig-Value` (RFC 3279 section 2.2.3), is this key's.
    pub(super) fn signed(&self, digest: &[u8], signature: &[u8]) -> bool {
        let Ok([r, s]) = der::two_positive(signature) else {
            return false;
        };
        match self {
            EcdsaKey::P256(key) => signed(key, digest, r, s),
            EcdsaKey::P384(key) => signed(key, digest, r, s),
            EcdsaKey::P521(key) => signed(key, digest, r, s),
        }
    }
}

fn key<C>(point: &[u8]) -> Result<VerifyingKey<C>, SignatureError>
where
    C: EcdsaCurve + CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    // Both coordinates, or one and the parity of the other. The crate reads one alone too, which RFC 5480 does not know.
    let (2..=4) = point.first().copied().unwrap_or_default() else {
        return Err(SignatureError::Key);
    };
    VerifyingKey::from_sec1_bytes(point).map_err(|_| SignatureError::Key)
}

/// Whether `r` and `s`, most significant octet first, are a signature of what has this digest. Of a digest that is longer than the
/// number of points, the crate takes the first bits; a shorter one is a number as it is.
fn signed<C>(key: &VerifyingKey<C>, digest: &[u8], r: &[u8], s: &[u8]) -> bool
where
    C: EcdsaCurve + CurveArithmetic,
{
    let (Some(r), Some(s)) = (padded::<C>(r), padded::<C>(s)) else {
        return false;
    };
    // Numbers that are zero, or not less than the number of points, are none.
    Signature::from_scalars(r, s).is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok())
}

/// A number with as many octets as a coordinate has, where it is not longer.
fn padded<C: EcdsaCurve>(number: &[u8]) -> Option<FieldBytes<C>> {
    let mut octets = FieldBytes::<C>::default();
    let zeros = octets.len().checked_sub(number.len())?;
    octets.get_mut(zeros..)?.copy_from_slice(number);
    Some(octets)
}
