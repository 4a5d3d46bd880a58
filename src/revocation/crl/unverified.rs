//! Lists whose signature nobody has verified: for people who look into one, never for decisions.

use time::OffsetDateTime;

use super::armor::{Armor, Decoded};
use super::entry::RawEntry;
use super::error::LoadError;
use super::issuers::CertificateIssuers;
use super::moment::Moment;
use super::outline::Outline;
use super::{GeneralName, Head};
use crate::cert::Fingerprint;
use crate::cert::algorithm_identifier::AlgorithmIdentifier;
use crate::cert::der::SEQUENCE;
use crate::identity::{SignatureAlgorithm, SignatureProblem};
use crate::revocation::Entry;

/// A list that is well-formed to its last byte, and may be anybody's.
#[derive(Debug)]
pub struct Unverified {
    der: Vec<u8>,
    head: Head,
    signature_algorithm: Result<SignatureAlgorithm, SignatureProblem>,
    first_entries: Vec<ListedEntry>,
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEntry {
    /// The contents of the INTEGER.
    pub serial: Box<[u8]>,
    /// Who issued the certificate: an ordinal of [`Head::certificate_issuers`].
    pub issuer: u16,
    /// Since when it is revoked, and why.
    pub entry: Entry,
}

impl Unverified {
    /// Reads a list as [`Load`](super::Load) does, all at once and without its signature, and keeps the first `keep` entries.
    ///
    /// # Errors
    /// Where it is no list, or one that cannot be used whoever signed it.
    pub fn read(bytes: Vec<u8>, keep: usize) -> Result<Unverified, LoadError> {
        let der = bare(bytes)?;
        let outline = Outline::read(&der)?;
        let mut issuers = CertificateIssuers::new(&outline.issuer, outline.entries_of());
        let mut first_entries = Vec::new();
        let mut count = 0;
        let mut rest = der.get(outline.entries.clone()).unwrap_or_default();
        while !rest.is_empty() {
            let (entry, after) = RawEntry::first(rest)?;
            rest = after;
            outline.check(&entry)?;
            let issuer = issuers.of(&entry)?;
            if first_entries.len() < keep {
                let since = Moment::unpack(entry.date.packed());
                let serial = entry.serial.into();
                first_entries.push(ListedEntry {
                    serial,
                    issuer,
                    entry: Entry { since, reason: entry.reason },
                });
            }
            count += 1;
        }
        let algorithm = AlgorithmIdentifier::only(&outline.algorithm);
        let signature_algorithm =
            algorithm.map_err(|_| SignatureProblem::Unknown).and_then(SignatureAlgorithm::of);
        let nobody = Fingerprint::from_bytes([0; 32]);
        let head = outline.into_head(nobody, issuers.into_names(), (count, 0));
        Ok(Unverified { head, der, signature_algorithm, first_entries })
    }

    /// SHA-256 of the whole list in DER.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }

    /// Who says that it issued the list.
    pub fn issuer(&self) -> &super::Name {
        &self.head.issuer
    }

    /// The key identifier of its authorityKeyIdentifier.
    pub fn authority_key_id(&self) -> Option<&[u8]> {
        self.head.authority_key_id.as_deref()
    }

    /// Its number.
    pub fn number(&self) -> &super::CrlNumber {
        &self.head.number
    }

    /// The number of the list on which it builds, where it is a delta.
    pub fn delta_base(&self) -> Option<&super::CrlNumber> {
        self.head.delta_base.as_ref()
    }

    /// When it was issued.
    pub fn this_update(&self) -> OffsetDateTime {
        self.head.this_update
    }

    /// When a newer one is due.
    pub fn next_update(&self) -> OffsetDateTime {
        self.head.next_update
    }

    /// What it is about.
    pub fn scope(&self) -> Option<&super::IssuingDistributionPoint> {
        self.head.scope.as_ref()
    }

    /// Whose certificates it has entries of, as [`Head::certificate_issuers`].
    pub fn certificate_issuers(&self) -> &[Vec<GeneralName>] {
        &self.head.certificate_issuers
    }

    /// How many entries it has.
    pub fn entries(&self) -> u32 {
        self.head.entries
    }

    /// As many of the first entries as were to be kept.
    pub fn first_entries(&self) -> &[ListedEntry] {
        &self.first_entries
    }

    /// How it says it is signed, or why no such signature is believed.
    pub fn signature_algorithm(&self) -> Result<SignatureAlgorithm, SignatureProblem> {
        self.signature_algorithm
    }
}

/// The list in DER.
fn bare(bytes: Vec<u8>) -> Result<Vec<u8>, LoadError> {
    if bytes.len() > super::MAX_LIST_BYTES {
        return Err(LoadError::TooLong { bytes: bytes.len() });
    }
    if bytes.first() == Some(&SEQUENCE) {
        return Ok(bytes);
    }
    let mut armor = Armor::new(bytes);
    loop {
        match armor.step()? {
            Decoded::Working(next) => armor = next,
            Decoded::Done(der) => return Ok(der),
        }
    }
}
