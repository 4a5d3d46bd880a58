//! How the entries of a list are kept: in shards of about [`SHARD_BYTES`], found by a hash of issuer and serial number.
//!
//! A shard is the list's generation (the first 16 octets of [`Head::digest`](super::Head::digest)), the shard's number and the
//! length of its records, each in four octets, and its records one after the other, in no order: length of the serial number,
//! serial number, in an indirect list the ordinal of the certificate issuer in two octets, number of the reason, and date in
//! four. All numbers are little-endian.

use super::entry::{MAX_SERIAL_OCTETS, RawEntry};
use super::head::Head;
use super::list::Unreadable;
use super::moment::Moment;
use super::scope::{EntriesOf, IssuingDistributionPoint};
use crate::cert::Fingerprint;
use crate::revocation::{Entry, EntryReason};

/// How long a shard is, about: what a look-up copies out of shared data and walks through, 180 entries.
pub const SHARD_BYTES: usize = 4096;

/// The longest shard. By chance one of 4 KB never grows to this: it would take 30 standard deviations.
pub const MAX_SHARD_BYTES: usize = 16 * 1024;

/// Bytes of a list's entries for each shard. An entry of 35 bytes makes a record of 22.
const ENTRY_BYTES_PER_SHARD: usize = 6 * 1024;

/// Generation, number, length.
pub(super) const HEADER_BYTES: usize = 16 + 4 + 4;

/// The longest record: lengths, longest serial number, ordinal, reason, date.
pub(super) const MAX_RECORD_BYTES: usize = 1 + MAX_SERIAL_OCTETS + 2 + 1 + 4;

/// Where the entries of one list are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    generation: [u8; 16],
    seed: u64,
    pub(super) shards: u32,
    issuers: EntriesOf,
}

impl Layout {
    /// For a list of this digest whose entries are so many bytes long.
    pub(super) fn new(digest: &Fingerprint, entry_bytes: usize, issuers: EntriesOf) -> Layout {
        let shards = 1 + entry_bytes / ENTRY_BYTES_PER_SHARD;
        Layout::with(digest, u32::try_from(shards).unwrap_or(u32::MAX), issuers)
    }

    /// For a list with this head.
    pub(super) fn of(head: &Head) -> Layout {
        let issuers = head.scope.as_ref().map_or(EntriesOf::Issuer, IssuingDistributionPoint::entries_of);
        Layout::with(&head.digest, head.shards, issuers)
    }

    fn with(digest: &Fingerprint, shards: u32, issuers: EntriesOf) -> Layout {
        let (generation, rest) = digest.as_bytes().split_first_chunk().unwrap_or((&[0; 16], &[]));
        // Who writes a list cannot choose serial numbers that meet in one shard without knowing the signature before.
        let seed = rest.first_chunk().map_or(0, |octets| u64::from_le_bytes(*octets));
        Layout { generation: *generation, seed, shards, issuers }
    }

    /// The shard in which the entry for a serial number of an issuer is, if there is one.
    pub(super) fn shard_of(&self, issuer: u32, serial: &[u8]) -> u32 {
        // As good as a hash must be that spreads what nobody can choose.
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut hash = self.seed ^ u64::from(issuer).wrapping_mul(ODD) ^ serial.len() as u64;
        for chunk in serial.chunks(8) {
            let mut octets = [0; 8];
            for (to, from) in octets.iter_mut().zip(chunk) {
                *to = *from;
            }
            hash = (hash ^ u64::from_le_bytes(octets)).wrapping_mul(ODD);
            hash ^= hash >> 29;
        }
        hash = hash.wrapping_mul(ODD);
        // The upper half of the product with the upper half of the hash: below `shards`.
        ((u64::from(self.shards) * (hash >> 32)) >> 32) as u32
    }

    /// Writes the beginning of a shard whose records are so many bytes long.
    pub(super) fn write_header(&self, number: u32, length: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.generation);
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
    }

    /// Writes the record of an entry to the beginning of `out`, which has room for [`MAX_RECORD_BYTES`].
    pub(super) fn write_record(&self, issuer: u16, entry: &RawEntry<'_>, out: &mut Record) {
        out.length = 0;
        out.push(&[entry.serial.len() as u8]);
        out.push(entry.serial);
        match self.issuers {
            EntriesOf::Issuer => {}
            EntriesOf::AnyIssuer => out.push(&issuer.to_le_bytes()),
        }
        out.push(&[entry.reason.number()]);
        out.push(&entry.date.packed().to_le_bytes());
    }

    /// How long the record is with which `bytes` begin.
    pub(super) fn record_length(&self, bytes: &[u8]) -> Option<usize> {
        let serial = usize::from(*bytes.first()?);
        Some(1 + serial + self.after_serial())
    }

    fn after_serial(&self) -> usize {
        match self.issuers {
            EntriesOf::Issuer => 1 + 4,
            EntriesOf::AnyIssuer => 2 + 1 + 4,
        }
    }

    /// Looks for an entry in the shard of this number. Where a list holds several for one certificate, one that revokes it
    /// is found before one that takes it off a list.
    pub(super) fn search(
        &self,
        number: u32,
        shard: &[u8],
        issuer: u32,
        serial: &[u8],
    ) -> Result<Option<Entry>, Unreadable> {
        let mut records = self.records(number, shard)?;
        let mut found: Option<Entry> = None;
        while let Some((&length, rest)) = records.split_first() {
            let (of, rest) = rest.split_at_checked(length.into()).ok_or(Unreadable)?;
            let (more, rest) = rest.split_at_checked(self.after_serial()).ok_or(Unreadable)?;
            records = rest;
            if of != serial {
                continue;
            }
            let (by, more) = match self.issuers {
                EntriesOf::Issuer => (0, more),
                EntriesOf::AnyIssuer => {
                    let (by, more) = more.split_first_chunk().ok_or(Unreadable)?;
                    (u32::from(u16::from_le_bytes(*by)), more)
                }
            };
            if by != issuer {
                continue;
            }
            let (&reason, date) = more.split_first().ok_or(Unreadable)?;
            let reason = EntryReason::from_number(reason).ok_or(Unreadable)?;
            let date = date.first_chunk().ok_or(Unreadable)?;
            let entry = Entry { since: Moment::unpack(u32::from_le_bytes(*date)), reason };
            if reason != EntryReason::RemoveFromCrl {
                return Ok(Some(entry));
            }
            found = Some(entry);
        }
        Ok(found)
    }

    /// The records of a shard, which must be the one of this number of this list.
    fn records<'a>(&self, number: u32, shard: &'a [u8]) -> Result<&'a [u8], Unreadable> {
        let records = shard.strip_prefix(&self.generation).and_then(|rest| {
            let rest = rest.strip_prefix(&number.to_le_bytes())?;
            let (length, records) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*length) as usize == records.len()).then_some(records)
        });
        records.ok_or(Unreadable)
    }
}

/// A record that is being written.
#[derive(Debug)]
pub(super) struct Record {
    octets: [u8; MAX_RECORD_BYTES],
    length: usize,
}

impl Record {
    pub(super) fn new() -> Record {
        Record { octets: [0; MAX_RECORD_BYTES], length: 0 }
    }

    /// What does not fit is left out, and does not happen: serial numbers are bounded before.
    fn push(&mut self, bytes: &[u8]) {
        if let Some(to) = self.octets.get_mut(self.length..self.length + bytes.len()) {
            to.copy_from_slice(bytes);
            self.length += bytes.len();
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}
