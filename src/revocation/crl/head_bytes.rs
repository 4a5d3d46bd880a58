//! The head of a list as bytes, for data that is shared between VMs.
//!
//! A version, and the fields in their order; numbers are little-endian, and what has no fixed length follows its length in four
//! octets. Everything is read as strictly as the list itself was, by the same code.

use thiserror::Error;
use time::OffsetDateTime;

use super::general_name::{GeneralName, Name};
use super::head::Head;
use super::issuers::MAX_CERTIFICATE_ISSUERS;
use super::number::CrlNumber;
use super::scope::IssuingDistributionPoint;
use crate::cert::Fingerprint;
use crate::cert::der;

/// Of this form. Bytes of any other are refused, so that two versions of the filter never misread each other.
const VERSION: u8 = 2;

/// The bytes are no head of a list, or one of another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the bytes are no head of a list, or were written by another version")]
pub struct NotAHead;

impl Head {
    /// As bytes, for [`from_bytes`](Self::from_bytes).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        put(&mut out, self.source.as_bytes());
        out.extend_from_slice(self.signer.as_bytes());
        put(&mut out, self.issuer.der());
        put_optional(&mut out, self.authority_key_id.as_deref());
        out.extend_from_slice(self.digest.as_bytes());
        out.extend_from_slice(&self.this_update.unix_timestamp().to_le_bytes());
        out.extend_from_slice(&self.next_update.unix_timestamp().to_le_bytes());
        put(&mut out, self.number.octets());
        put_optional(&mut out, self.delta_base.as_ref().map(CrlNumber::octets));
        put_optional(&mut out, self.scope.as_ref().map(IssuingDistributionPoint::der));
        out.extend_from_slice(&(self.certificate_issuers.len() as u32).to_le_bytes());
        for names in &self.certificate_issuers {
            let names: Vec<_> = names.iter().map(GeneralName::to_der).collect();
            put(&mut out, &names.concat());
        }
        out.extend_from_slice(&self.entries.to_le_bytes());
        out.extend_from_slice(&self.shards.to_le_bytes());
        out
    }

    /// What [`to_bytes`](Self::to_bytes) made.
    ///
    /// # Errors
    /// Where they are not that, to the last byte.
    pub fn from_bytes(bytes: &[u8]) -> Result<Head, NotAHead> {
        let mut fields = Fields(bytes);
        if fields.array()? != [VERSION] {
            return Err(NotAHead);
        }
        let head = Head {
            source: std::str::from_utf8(fields.long()?).map_err(|_| NotAHead)?.into(),
            signer: Fingerprint::from_bytes(fields.array()?),
            issuer: Name::parse(fields.long()?).ok_or(NotAHead)?,
            authority_key_id: fields.optional()?.map(Box::from),
            digest: Fingerprint::from_bytes(fields.array()?),
            this_update: fields.time()?,
            next_update: fields.time()?,
            number: crl_number(fields.long()?)?,
            delta_base: fields.optional()?.map(crl_number).transpose()?,
            scope: fields
                .optional()?
                .map(IssuingDistributionPoint::parse)
                .transpose()
                .map_err(|_| NotAHead)?,
            certificate_issuers: {
                let count = fields.number()? as usize;
                if count > MAX_CERTIFICATE_ISSUERS {
                    return Err(NotAHead);
                }
                let names = (0..count).map(|_| GeneralName::all(fields.long()?).map_err(|_| NotAHead));
                names.collect::<Result<_, _>>()?
            },
            entries: fields.number()?,
            shards: fields.number()?,
        };
        if fields.0.is_empty() { Ok(head) } else { Err(NotAHead) }
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    // Nothing in a head has more than a few kilobytes.
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_optional(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    out.push(bytes.is_some().into());
    if let Some(bytes) = bytes {
        put(out, bytes);
    }
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], NotAHead> {
        let (array, rest) = self.0.split_first_chunk().ok_or(NotAHead)?;
        self.0 = rest;
        Ok(*array)
    }

    fn number(&mut self) -> Result<u32, NotAHead> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn time(&mut self) -> Result<OffsetDateTime, NotAHead> {
        let seconds = i64::from_le_bytes(self.array()?);
        OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| NotAHead)
    }

    fn long(&mut self) -> Result<&'a [u8], NotAHead> {
        let length = self.number()? as usize;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(NotAHead)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn optional(&mut self) -> Result<Option<&'a [u8]>, NotAHead> {
        match self.array()? {
            [0] => Ok(None),
            [1] => self.long().map(Some),
            _ => Err(NotAHead),
        }
    }
}

fn crl_number(octets: &[u8]) -> Result<CrlNumber, NotAHead> {
    CrlNumber::new(octets).ok_or(NotAHead)
}

impl GeneralName {
    fn to_der(&self) -> Vec<u8> {
        match self {
            Self::Uri(uri) => der::element(GeneralName::URI, &[uri]),
            Self::Directory(name) => der::element(GeneralName::DIRECTORY_NAME, &[name.der()]),
            Self::Other(whole) => whole.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint::Ca;
    use crate::mint::crl::*;
    use crate::revocation::crl::tests::{ca, load};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn heads() -> Vec<Head> {
        let scope = Scope::new().uri("http://a.example/crl").reasons(&[1, 8]).indirect();
        let indirect = ca().crl().scope(&scope).number(300).delta_of(299);
        let indirect = indirect.entry(Revoked::new(&[1]).certificate_issuer(&Ca::new("Other").name()));
        [indirect, ca().crl().no_key_identifier(), ca().crl()]
            .map(|crl| {
                let mut head = load(crl.der()).unwrap().head;
                head.source = "http://a.example/crl".into();
                head
            })
            .into()
    }

    #[test]
    fn a_head_comes_back_as_it_was() {
        for head in heads() {
            assert_eq!(Head::from_bytes(&head.to_bytes()), Ok(head));
        }
    }

    #[test]
    fn other_bytes_are_refused_and_make_nothing_panic() {
        for head in heads() {
            let good = head.to_bytes();
            for length in 0..good.len() {
                assert_eq!(Head::from_bytes(&good[..length]), Err(NotAHead), "cut after {length}");
            }
            assert_eq!(Head::from_bytes(&[&good[..], &[0]].concat()), Err(NotAHead));
            for at in 0..good.len() {
                for change in [0x01, 0x80, 0xff] {
                    let mut other = good.clone();
                    other[at] ^= change;
                    assert_ne!(Head::from_bytes(&other), Ok(head.clone()), "byte {at}");
                }
            }
            let mut other = good.clone();
            other[0] = VERSION + 1;
            assert_eq!(Head::from_bytes(&other), Err(NotAHead));
        }
    }
}
