//! From the bytes of a list to its index, in steps.

use std::mem;
use std::sync::Arc;

use super::MAX_LIST_BYTES;
use super::armor::{Armor, Decoded};
use super::error::LoadError;
use super::head::Head;
use super::issuers::CertificateIssuers;
use super::list::{List, MemoryShards};
use super::outline::Outline;
use super::partition::{Partition, ShardStream};
use super::shard::Layout;
use super::signer;
use crate::cert::Fingerprint;
use crate::cert::der::SEQUENCE;
use crate::cert::signature::{SignatureCheck, SignatureError};
use crate::trust::Authority;

/// How many bytes are hashed in one step: 0.75 ms in V8, where SHA-256 makes 0.35 GB a second.
const HASH_STEP_BYTES: usize = 256 * 1024;

/// How many entries are walked over in one step: half a millisecond natively, about 1 ms in V8.
const WALK_STEP_ENTRIES: usize = 4096;

/// A list that is being loaded: from bytes, DER or PEM, to an index of its entries.
///
/// The signer is found, the signature checked, and only then are the entries walked over; where anything is wrong with any of
/// them the whole list is refused. Beside the bytes that it is given it takes a few hundred kilobytes: PEM is decoded in place,
/// and the index is made in place of the entries.
#[derive(Debug)]
pub struct Load {
    authorities: Vec<Arc<Authority>>,
    stage: Stage,
}

/// How far a list is loaded.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "whoever loads takes it apart at once, and it is large once for each list"
)]
pub enum Progress {
    /// More steps are needed.
    Working,
    /// It is loaded, or cannot be. There are no more steps.
    Done(Result<Loaded, LoadError>),
}

/// A list that was loaded: its signature is good, and every entry is well-formed.
#[derive(Debug)]
pub struct Loaded {
    /// What it says of itself.
    pub head: Head,
    /// Its entries.
    pub shards: ShardStream,
}

impl Loaded {
    /// The list, with its shards in memory: 22 bytes for each entry with a serial number of 16 octets.
    pub fn into_list(self) -> List {
        List::new(self.head, Box::new(MemoryShards::new(self.shards)))
    }
}

#[derive(Debug)]
enum Stage {
    Arrived(Vec<u8>),
    Armored(Armor),
    Bare(Vec<u8>),
    Signed(Box<Signed>),
    Walked(Box<Walked>),
    Ended,
}

/// A list whose signature is being checked.
#[derive(Debug)]
struct Signed {
    bytes: Vec<u8>,
    outline: Outline,
    /// Who may have signed it, in turn; the last is being tried.
    signers: Vec<Arc<Authority>>,
    /// `None` before the first step with a signer.
    check: Option<SignatureCheck>,
    /// How far it is hashed.
    at: usize,
}

/// A list whose entries are being walked over.
#[derive(Debug)]
struct Walked {
    outline: Outline,
    signer: Fingerprint,
    partition: Partition,
    issuers: CertificateIssuers,
    entries: u32,
}

impl Load {
    /// Begins to load a list, in DER or in PEM (RFC 7468) with one block `X509 CRL` and any text around it, which one of
    /// `authorities` must have signed.
    pub fn new(bytes: Vec<u8>, authorities: Vec<Arc<Authority>>) -> Load {
        Load { authorities, stage: Stage::Arrived(bytes) }
    }

    /// Takes the next step, of about a millisecond at most. After the end there are no more.
    pub fn step(&mut self) -> Progress {
        let next = match mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Arrived(bytes) => arrived(bytes),
            Stage::Armored(armor) => armor.step().map(|decoded| match decoded {
                Decoded::Working(armor) => Stage::Armored(armor),
                Decoded::Done(bytes) => Stage::Bare(bytes),
            }),
            Stage::Bare(bytes) => Signed::new(bytes, &self.authorities).map(Stage::Signed),
            Stage::Signed(signed) => signed.step(),
            Stage::Walked(walked) => match walked.step() {
                Ok(Walk::Working(walked)) => Ok(Stage::Walked(walked)),
                Ok(Walk::Done(loaded)) => return Progress::Done(Ok(*loaded)),
                Err(error) => Err(error),
            },
            Stage::Ended => Err(LoadError::NotAList),
        };
        match next {
            Ok(stage) => {
                self.stage = stage;
                Progress::Working
            }
            Err(error) => Progress::Done(Err(error)),
        }
    }

    /// Takes all steps at once: for lists that stand in a policy, and where nobody waits.
    ///
    /// # Errors
    /// Where the list cannot be used.
    pub fn finish(mut self) -> Result<Loaded, LoadError> {
        loop {
            match self.step() {
                Progress::Working => {}
                Progress::Done(loaded) => return loaded,
            }
        }
    }
}

fn arrived(bytes: Vec<u8>) -> Result<Stage, LoadError> {
    if bytes.len() > MAX_LIST_BYTES {
        return Err(LoadError::TooLong { bytes: bytes.len() });
    }
    // DER of a list begins with the tag of a sequence, which is `0` in ASCII; PEM does not.
    match bytes.first() {
        Some(&SEQUENCE) => Ok(Stage::Bare(bytes)),
        Some(_) => Ok(Stage::Armored(Armor::new(bytes))),
        None => Err(LoadError::NotAList),
    }
}

impl Signed {
    fn new(bytes: Vec<u8>, authorities: &[Arc<Authority>]) -> Result<Box<Signed>, LoadError> {
        let outline = Outline::read(&bytes)?;
        let mut signers = signer::of(&outline, authorities)?;
        // The last is taken first.
        signers.reverse();
        Ok(Box::new(Signed { at: outline.signed.start, bytes, outline, signers, check: None }))
    }

    fn step(mut self: Box<Self>) -> Result<Stage, LoadError> {
        let Some(signer) = self.signers.last() else { return Err(SignatureError::Wrong.into()) };
        let mut check = match self.check.take() {
            Some(check) => check,
            None => {
                match SignatureCheck::new(signer.spki(), &self.outline.algorithm, &self.outline.signature) {
                    Ok(check) => check,
                    Err(error) => return self.next_signer(error),
                }
            }
        };
        let end = self.outline.signed.end.min(self.at + HASH_STEP_BYTES);
        check.update(self.bytes.get(self.at..end).unwrap_or_default());
        self.at = end;
        if end < self.outline.signed.end {
            self.check = Some(check);
            return Ok(Stage::Signed(self));
        }
        match check.finish() {
            Ok(()) => {
                let signer = signer.spki_fingerprint();
                Walked::new(self.bytes, self.outline, signer).map(Stage::Walked)
            }
            Err(error) => self.next_signer(error),
        }
    }

    /// Begins anew with the next signer; without one, `error` is what is wrong.
    fn next_signer(mut self: Box<Self>, error: SignatureError) -> Result<Stage, LoadError> {
        self.signers.pop();
        if self.signers.is_empty() {
            return Err(error.into());
        }
        self.at = self.outline.signed.start;
        Ok(Stage::Signed(self))
    }
}

enum Walk {
    Working(Box<Walked>),
    Done(Box<Loaded>),
}

impl Walked {
    fn new(bytes: Vec<u8>, outline: Outline, signer: Fingerprint) -> Result<Box<Walked>, LoadError> {
        let entries = outline.entries.clone();
        let layout = Layout::new(&outline.digest, entries.len(), outline.entries_of());
        let issuers = CertificateIssuers::new(&outline.issuer, outline.entries_of());
        let partition = Partition::new(layout, bytes, entries.start, entries.end);
        Ok(Box::new(Walked { outline, signer, partition, issuers, entries: 0 }))
    }

    fn step(mut self: Box<Self>) -> Result<Walk, LoadError> {
        let Self { outline, partition, issuers, entries, .. } = &mut *self;
        for _ in 0..WALK_STEP_ENTRIES {
            let next = partition.next(|entry| {
                outline.check(entry)?;
                issuers.of(entry)
            });
            match next? {
                Some(()) => *entries += 1,
                None => return Ok(Walk::Done(self.end())),
            }
        }
        Ok(Walk::Working(self))
    }

    fn end(self: Box<Self>) -> Box<Loaded> {
        let Walked { outline, signer, partition, issuers, entries } = *self;
        let shards = partition.into_shards();
        Box::new(Loaded {
            head: outline.into_head(signer, issuers.into_names(), (entries, shards.total())),
            shards,
        })
    }
}
