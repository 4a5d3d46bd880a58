//! Everything of a list but its entries: `CertificateList` and `TBSCertList` (RFC 5280 section 5.1).

use std::ops::Range;

use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::entry::RawEntry;
use super::error::{InField as _, LoadError, Place};
use super::extension::{self, Seen};
use super::general_name::{GeneralName, Name};
use super::head::Head;
use super::moment::Moment;
use super::number::CrlNumber;
use super::scope::{EntriesOf, IssuingDistributionPoint};
use crate::cert::der::{self, BIT_STRING, INTEGER, Reader, SEQUENCE};
use crate::cert::{Criticality, Fingerprint};
use crate::revocation::EntryReason;

/// The most extensions of a list. Those of CAs hold about four.
const MAX_LIST_EXTENSIONS: usize = 32;

/// The most bytes of a list that are not its entries: they are read and hashed in one step, before anybody knows who wrote
/// them. Those of CAs have less than a kilobyte.
const MAX_OUTLINE_BYTES: usize = 64 * 1024;

/// Everything of a list but its entries, and where these are.
#[derive(Debug)]
pub(super) struct Outline {
    /// What is signed: `tbsCertList`, with its head.
    pub(super) signed: Range<usize>,
    /// The contents of `revokedCertificates`; empty where there is none.
    pub(super) entries: Range<usize>,
    /// The whole `AlgorithmIdentifier`, the same inside of what is signed and beside the signature.
    pub(super) algorithm: Box<[u8]>,
    /// What the BIT STRING holds.
    pub(super) signature: Box<[u8]>,
    /// As [`Head::digest`](super::Head::digest).
    pub(super) digest: Fingerprint,
    pub(super) issuer: Name,
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
    pub(super) extensions: ListExtensions,
}

/// What the extensions of a list say (RFC 5280 section 5.2).
#[derive(Debug)]
pub(super) struct ListExtensions {
    pub(super) authority_key_id: Option<Box<[u8]>>,
    number: CrlNumber,
    delta_base: Option<CrlNumber>,
    scope: Option<IssuingDistributionPoint>,
}

impl Outline {
    /// Reads the DER of a list, of which the entries are passed over.
    pub(super) fn read(der: &[u8]) -> Result<Outline, LoadError> {
        let mut outer = Reader::new(whole(der)?);
        let begin = der.len() - outer.rest().len();
        let signed = outer.next().ok().flatten().filter(|element| element.tag == SEQUENCE);
        let signed = signed.ok_or(LoadError::NotAList)?;
        let end = der.len() - outer.rest().len();
        let algorithm = outer.next().in_field("signatureAlgorithm")?;
        let signature = outer.expect(BIT_STRING).in_field("signatureValue")?;
        outer.end().in_field("it holds bytes after its signature")?;

        let mut fields = Reader::new(signed.contents);
        let version = fields.optional(INTEGER).in_field("version")?;
        let inner = fields.next().in_field("signature")?.filter(|element| element.tag == SEQUENCE);
        let inner = inner.ok_or(LoadError::Malformed("signature"))?;
        if Some(inner) != algorithm {
            return Err(LoadError::Malformed("it names two signature algorithms"));
        }
        let issuer = fields.next().in_field("issuer")?;
        let this_update = time(&mut fields, "thisUpdate")?;
        // RFC 5280 section 5.1.2.5: it must be there. Without it nobody knows when a list is too old to be believed.
        let next_update = time(&mut fields, "nextUpdate")?;
        // RFC 5280 section 5.1.2.6 wants it left out where there are no entries; some write it, and it says the same.
        let entries = fields.optional(SEQUENCE).in_field("revokedCertificates")?.unwrap_or_default();
        let entries_end = end - fields.rest().len();
        let entries_begin = entries_end - entries.len();
        if der.len() - entries.len() > MAX_OUTLINE_BYTES {
            return Err(LoadError::Malformed("too many bytes that are no entries"));
        }
        let issuer = issuer.and_then(|issuer| Name::parse(issuer.whole));
        let issuer = issuer.filter(|name| !name.name().is_empty()).ok_or(LoadError::Malformed("issuer"))?;
        let extensions = fields.optional(0xa0).in_field("crlExtensions")?;
        fields.end().in_field("it holds bytes after its last field")?;
        // RFC 5280 section 5.1.2.1: version 1 is no field at all, has no extensions, and so no number.
        let extensions = match (version, extensions) {
            (None | Some([1]), None) => return Err(LoadError::NoNumber),
            (None, Some(_)) => return Err(LoadError::Malformed("it is of version 1, and has extensions")),
            (Some([1]), Some(extensions)) => {
                ListExtensions::read(der::only(SEQUENCE, extensions).in_field("crlExtensions")?)?
            }
            (Some(_), _) => return Err(LoadError::Malformed("version")),
        };
        let (&unused, signature) = signature.split_first().ok_or(LoadError::Malformed("signatureValue"))?;
        if unused != 0 {
            return Err(LoadError::Malformed("signatureValue"));
        }
        let around = [der.get(..entries_begin), der.get(entries_end..)];
        Ok(Outline {
            signed: begin..end,
            entries: entries_begin..entries_end,
            algorithm: inner.whole.into(),
            signature: signature.into(),
            digest: Fingerprint::from_bytes(
                around.iter().flatten().fold(Sha256::new(), Sha256::chain_update).finalize().into(),
            ),
            issuer,
            this_update,
            next_update,
            extensions,
        })
    }

    /// The head of the list: what follows from its entries is given.
    pub(super) fn into_head(
        self,
        signer: Fingerprint,
        certificate_issuers: Vec<Vec<GeneralName>>,
        (entries, shards): (u32, u32),
    ) -> Head {
        let ListExtensions { authority_key_id, number, delta_base, scope } = self.extensions;
        Head {
            source: "".into(),
            signer,
            issuer: self.issuer,
            authority_key_id,
            digest: self.digest,
            this_update: self.this_update,
            next_update: self.next_update,
            number,
            delta_base,
            scope,
            certificate_issuers,
            entries,
            shards,
        }
    }

    /// What an entry may not say in this list.
    pub(super) fn check(&self, entry: &RawEntry<'_>) -> Result<(), LoadError> {
        // RFC 5280 section 5.3.1: only a delta takes certificates off a list.
        if entry.reason == EntryReason::RemoveFromCrl && self.extensions.delta_base.is_none() {
            return Err(LoadError::Malformed("`removeFromCRL` in a list that is no delta"));
        }
        Ok(())
    }

    /// Whose certificates the list has entries of.
    pub(super) fn entries_of(&self) -> EntriesOf {
        let scope = self.extensions.scope.as_ref();
        scope.map_or(EntriesOf::Issuer, IssuingDistributionPoint::entries_of)
    }
}

/// The contents of the one element that `der` must be. Where it says to be longer than the bytes there are, it was cut short.
fn whole(der: &[u8]) -> Result<&[u8], LoadError> {
    let mut reader = Reader::new(der);
    match reader.next() {
        Ok(Some(element)) if element.tag == SEQUENCE => match reader.end() {
            Ok(()) => Ok(element.contents),
            Err(_) => Err(LoadError::Malformed("it holds bytes after its end")),
        },
        Err(_) if der.first() == Some(&SEQUENCE) && der::is_cut_short(der) => Err(LoadError::Truncated),
        Ok(_) | Err(_) => Err(LoadError::NotAList),
    }
}

fn time(fields: &mut Reader<'_>, name: &'static str) -> Result<OffsetDateTime, LoadError> {
    let element = fields.next().in_field(name)?.ok_or(LoadError::Malformed(name))?;
    Moment::parse(element).in_field(name)?.date_time().ok_or(LoadError::Malformed(name))
}

/// The last arcs of the extensions under 2.5.29 (RFC 5280 section 5.2) that are looked at.
const CRL_NUMBER: u8 = 20;
const DELTA_CRL_INDICATOR: u8 = 27;
const ISSUING_DISTRIBUTION_POINT: u8 = 28;
const AUTHORITY_KEY_IDENTIFIER: u8 = 35;

impl ListExtensions {
    fn read(list: &[u8]) -> Result<ListExtensions, LoadError> {
        let (mut authority_key_id, mut number, mut delta_base, mut scope) = (None, None, None, None);
        let mut seen = Seen::<MAX_LIST_EXTENSIONS>::default();
        let mut reader = Reader::new(list);
        while let Some(extension) = extension::next(&mut reader, &mut seen, Place::List)? {
            match extension.known() {
                Some(CRL_NUMBER) => match extension.criticality {
                    Criticality::NotCritical => {
                        number = Some(CrlNumber::parse(extension.value).in_field("cRLNumber")?);
                    }
                    // RFC 5280 section 5.2.3: it is not.
                    Criticality::Critical => return Err(LoadError::Malformed("its CRL number is critical")),
                },
                Some(DELTA_CRL_INDICATOR) => {
                    delta_base = Some(CrlNumber::parse(extension.value).in_field("deltaCRLIndicator")?);
                }
                Some(ISSUING_DISTRIBUTION_POINT) => {
                    let parsed = IssuingDistributionPoint::parse(extension.value);
                    scope = Some(parsed.in_field("issuingDistributionPoint")?);
                }
                Some(AUTHORITY_KEY_IDENTIFIER) => {
                    // AuthorityKeyIdentifier ::= SEQUENCE { keyIdentifier [0] OPTIONAL, ... }
                    let identifier = der::only(SEQUENCE, extension.value)
                        .and_then(|contents| Reader::new(contents).optional(0x80));
                    authority_key_id = identifier.in_field("authorityKeyIdentifier")?.map(Box::from);
                }
                Some(_) | None => extension.must_not_be_critical(Place::List)?,
            }
        }
        // RFC 5280 section 5.2.3: every list has one. By it an older list is told from a newer, whatever its date.
        let number = number.ok_or(LoadError::NoNumber)?;
        // RFC 5280 section 5.2.4: the number of a delta is higher than that on which it builds, or the same.
        if delta_base.as_ref().is_some_and(|base| *base > number) {
            return Err(LoadError::Malformed("deltaCRLIndicator"));
        }
        Ok(ListExtensions { authority_key_id, number, delta_base, scope })
    }
}
