//! From the entries of a list to its shards, without a second list in memory.
//!
//! A record of the index is shorter than the entry that it is made of. Entries are therefore walked once, from first to last,
//! and their records written into what was walked over: pages of it are handed to buckets of [`BUCKET_SHARDS`] shards as they
//! need them. A few pages more, one for each bucket, are all that is needed beside the list. When all is walked the list is
//! gone, and the buckets are turned into shards one after the other, each a quarter of a megabyte.

use std::vec;

use super::entry::{MAX_SERIAL_OCTETS, RawEntry};
use super::error::LoadError;
use super::shard::{HEADER_BYTES, Layout, MAX_RECORD_BYTES, MAX_SHARD_BYTES, Record};

/// How many shards a bucket is for: what one step of [`ShardStream`] makes, about 12,000 entries.
const BUCKET_SHARDS: u32 = 64;

/// Pages are walked over one by one and waste less than a record each.
const PAGE_BYTES: usize = 4096;

// Before each record stands the number of its shard, within the bucket. Even so, pages are filled more slowly than they
// get free: an entry is longer than its serial number by 19 bytes at least, a record by 9 at most, and at its end a page wastes
// less than a record, which is a fiftieth of the page.
const TAG_BYTES: usize = 1;
const _: () = assert!((MAX_SERIAL_OCTETS + 10) * PAGE_BYTES < (MAX_SERIAL_OCTETS + 19) * (PAGE_BYTES - 80));
const _: () = assert!(BUCKET_SHARDS <= 256 && TAG_BYTES + MAX_RECORD_BYTES < 80);

/// The list in memory, of which the entries are being replaced by their records.
#[derive(Debug)]
pub(super) struct Partition {
    layout: Layout,
    memory: Memory,
    /// Up to where the entries are walked over, and where they end.
    at: usize,
    end: usize,
    buckets: Vec<Vec<Page>>,
    /// How many bytes the records of each shard have.
    lengths: Vec<u32>,
    record: Record,
}

/// The list, and pages beside it.
#[derive(Debug)]
struct Memory {
    list: Vec<u8>,
    beside: Vec<u8>,
    /// Where the next page of the list begins.
    next: usize,
}

/// A page of which so many bytes are written.
#[derive(Debug, Clone, Copy)]
struct Page {
    place: Place,
    at: usize,
    used: usize,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    List,
    Beside,
}

impl Partition {
    /// Of a list whose entries are from `begin` to `end`.
    pub(super) fn new(layout: Layout, list: Vec<u8>, begin: usize, end: usize) -> Partition {
        let buckets = layout.shards.div_ceil(BUCKET_SHARDS) as usize;
        Partition {
            layout,
            memory: Memory { list, beside: Vec::with_capacity(buckets * PAGE_BYTES), next: begin },
            at: begin,
            end,
            buckets: vec![Vec::new(); buckets],
            lengths: vec![0; layout.shards as usize],
            record: Record::new(),
        }
    }

    /// What is not walked over yet.
    fn rest(&self) -> &[u8] {
        self.memory.list.get(self.at..self.end).unwrap_or_default()
    }

    /// Walks over the next entry, or gives `None` at the end. `issuer_of` tells the ordinal of its certificate's issuer.
    pub(super) fn next(
        &mut self,
        issuer_of: impl FnOnce(&RawEntry<'_>) -> Result<u16, LoadError>,
    ) -> Result<Option<()>, LoadError> {
        let rest = self.memory.list.get(self.at..self.end).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let (entry, after) = RawEntry::first(rest)?;
        let read = rest.len() - after.len();
        let issuer = issuer_of(&entry)?;
        let shard = self.layout.shard_of(issuer.into(), entry.serial);
        self.layout.write_record(issuer, &entry, &mut self.record);
        self.at += read;
        self.put(shard)
    }

    fn put(&mut self, shard: u32) -> Result<Option<()>, LoadError> {
        let record = self.record.bytes();
        let bucket = self.buckets.get_mut((shard / BUCKET_SHARDS) as usize);
        let length = self.lengths.get_mut(shard as usize);
        // Neither is missing: there are as many as the layout has.
        let (bucket, length) = bucket.zip(length).ok_or(LoadError::Skewed)?;
        *length += record.len() as u32;
        if *length as usize > MAX_SHARD_BYTES - HEADER_BYTES {
            return Err(LoadError::Skewed);
        }
        let needed = TAG_BYTES + record.len();
        let page = match bucket.last_mut() {
            Some(page) if page.used + needed <= PAGE_BYTES => page,
            Some(_) | None => bucket.push_mut(self.memory.page(self.at)),
        };
        let to = self.memory.of(*page).and_then(|page| page.split_first_chunk_mut::<TAG_BYTES>());
        let (tag, to) = to.ok_or(LoadError::Skewed)?;
        *tag = [(shard % BUCKET_SHARDS) as u8];
        to.get_mut(..record.len()).ok_or(LoadError::Skewed)?.copy_from_slice(record);
        page.used += needed;
        Ok(Some(()))
    }

    /// The shards, when all is walked over.
    pub(super) fn into_shards(self) -> ShardStream {
        debug_assert!(self.rest().is_empty(), "entries are left");
        ShardStream {
            layout: self.layout,
            memory: self.memory,
            buckets: self.buckets.into_iter(),
            lengths: self.lengths,
            number: 0,
            made: Vec::new().into_iter(),
        }
    }
}

impl Memory {
    /// A page to write to: one of the list that is walked over up to `walked`, or one beside it.
    fn page(&mut self, walked: usize) -> Page {
        if self.next + PAGE_BYTES <= walked {
            let at = self.next;
            self.next += PAGE_BYTES;
            return Page { place: Place::List, at, used: 0 };
        }
        let at = self.beside.len();
        self.beside.resize(at + PAGE_BYTES, 0);
        Page { place: Place::Beside, at, used: 0 }
    }

    /// What is free of a page.
    fn of(&mut self, page: Page) -> Option<&mut [u8]> {
        let memory = match page.place {
            Place::List => &mut self.list,
            Place::Beside => &mut self.beside,
        };
        memory.get_mut(page.at + page.used..page.at + PAGE_BYTES)
    }

    /// What is written of a page.
    fn written(&self, page: Page) -> Option<&[u8]> {
        let memory = match page.place {
            Place::List => &self.list,
            Place::Beside => &self.beside,
        };
        memory.get(page.at..page.at + page.used)
    }
}

/// One shard, as it is published and as [`Shards::shard`](super::Shards::shard) gives it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Its number.
    pub number: u32,
    /// At most [`MAX_SHARD_BYTES`](super::MAX_SHARD_BYTES).
    pub bytes: Vec<u8>,
}

/// The shards of a list, in the order of their numbers. Many take no time; making the next 64 takes about as long as a step of
/// [`Load`](super::Load).
#[derive(Debug)]
pub struct ShardStream {
    layout: Layout,
    memory: Memory,
    buckets: vec::IntoIter<Vec<Page>>,
    lengths: Vec<u32>,
    number: u32,
    made: vec::IntoIter<Shard>,
}

impl ShardStream {
    /// How many shards there are.
    pub(super) fn total(&self) -> u32 {
        self.layout.shards
    }

    fn shards_of(&mut self, pages: &[Page]) -> Vec<Shard> {
        let lengths = self.lengths.iter().skip(self.number as usize).take(BUCKET_SHARDS as usize);
        let mut shards: Vec<Shard> = (self.number..)
            .zip(lengths)
            .map(|(number, &length)| {
                let mut bytes = Vec::with_capacity(HEADER_BYTES + length as usize);
                self.layout.write_header(number, length, &mut bytes);
                Shard { number, bytes }
            })
            .collect();
        self.number += shards.len() as u32;
        for page in pages {
            let mut rest = self.memory.written(*page).unwrap_or_default();
            while let Some((&tag, records)) = rest.split_first() {
                let length = self.layout.record_length(records).unwrap_or(records.len());
                let Some((record, after)) = records.split_at_checked(length) else { break };
                // A record that were lost would make its shard one of another length than its header says.
                if let Some(shard) = shards.get_mut(usize::from(tag)) {
                    shard.bytes.extend_from_slice(record);
                }
                rest = after;
            }
        }
        shards
    }
}

impl Iterator for ShardStream {
    type Item = Shard;

    fn next(&mut self) -> Option<Shard> {
        loop {
            if let Some(shard) = self.made.next() {
                return Some(shard);
            }
            let pages = self.buckets.next()?;
            self.made = self.shards_of(&pages).into_iter();
        }
    }
}
