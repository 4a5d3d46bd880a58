//! What the VMs of one proxy tell each other: Envoy's shared data.
//!
//! Every worker and the main thread has a VM of its own, and all filters with the same `vm_id` see the same shared data, also
//! those of other versions of this module. So a [`Key`] names the module's version, what the value is, and everything that the
//! value depends on.

use std::cell::OnceCell;
use std::fmt::Display;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use proxy_wasm::hostcalls;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use crate::revocation::refresh::{self, Holder, lease_end};

/// What no value's compare-and-swap number is: Envoy counts them up from 1, one for each value ever set, and sets a key that is
/// not there whatever the number.
const ABSENT: u32 = u32::MAX;

/// A time as values hold it: in milliseconds since 1970, before which no clock of a host is.
pub(super) fn millis(time: OffsetDateTime) -> u64 {
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}

/// The name of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key(Box<str>);

impl Key {
    /// The name of the value of this kind that depends on `parts`.
    pub(super) fn new(kind: &'static str, parts: &[&[u8]]) -> Key {
        let mut digest = Sha256::new();
        for part in parts {
            // With its length, so that the parts cannot be cut differently.
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        let digest = hex::encode(digest.finalize());
        Key(["mtls_policy/", env!("CARGO_PKG_VERSION"), "/", kind, "/", &digest].concat().into())
    }

    /// The name of a part of the value.
    pub(super) fn part(&self, name: impl Display) -> Key {
        Key(format!("{}/{name}", self.0).into())
    }
}

/// A value as it was read.
pub(super) struct Read {
    /// The value; never empty.
    pub(super) value: Vec<u8>,
    /// Changes whenever the value is set.
    pub(super) cas: Option<u32>,
}

/// The value of `key`; `None` if there is none, or an empty one: nothing is ever removed from shared data.
pub(super) fn get(key: &Key) -> Option<Read> {
    let (value, cas) = hostcalls::get_shared_data(&key.0).ok()?;
    let value = value.filter(|value| !value.is_empty())?;
    Some(Read { value, cas })
}

/// Sets the value of `key`, whatever it was.
pub(super) fn set(key: &Key, value: &[u8]) {
    // Without a number to compare nothing can fail.
    let _ = hostcalls::set_shared_data(&key.0, Some(value), None);
}

/// Empties the value of `key`, so that it takes no memory but that of its key.
pub(super) fn empty(key: &Key) {
    set(key, &[]);
}

/// Sets the value of `key` if it still is the one that was `seen`: `None` if there was none. Says whether it was set.
///
/// Of many who try at once only one is told that it was.
pub(super) fn replace(key: &Key, seen: Option<&Read>, value: &[u8]) -> bool {
    let cas = match seen {
        Some(read) => read.cas,
        // An emptied value has a number, which `get` does not tell.
        None => match hostcalls::get_shared_data(&key.0) {
            Ok((None, None)) => Some(ABSENT),
            Ok((None, cas)) => cas,
            Ok((Some(_), _)) | Err(_) => return false,
        },
    };
    cas.is_some() && hostcalls::set_shared_data(&key.0, Some(value), cas).is_ok()
}

/// The sole right to do something for the whole proxy, under a name in shared data.
#[derive(Debug)]
pub(super) struct Lease {
    key: Key,
    lease: refresh::Lease,
}

impl Lease {
    /// The lease of this name, not held yet.
    pub(super) fn new(key: Key, term: Duration) -> Lease {
        let holder = Holder { vm: vm(), within: random() };
        let term = u64::try_from(term.as_millis()).unwrap_or(u64::MAX);
        Lease { key, lease: refresh::Lease::new(holder, term) }
    }

    /// Takes the lease if nobody else has it, and takes it anew when half of its time is over. Says whether it is held.
    ///
    /// `now` is in milliseconds since 1970.
    pub(super) fn take(&mut self, now: u64) -> bool {
        if self.lease.is_held(now) {
            return true;
        }
        let seen = get(&self.key);
        let value = seen.as_ref().map(|seen| seen.value.as_slice());
        self.lease.take(value, now, |value| replace(&self.key, seen.as_ref(), value))
    }

    /// Gives the lease up, so that others need not wait for its end.
    pub(super) fn release(&mut self, now: u64) {
        let seen = get(&self.key);
        if let Some(value) = self.lease.release(seen.as_ref().map(|seen| seen.value.as_slice()), now) {
            replace(&self.key, seen.as_ref(), &value);
        }
    }

    /// When the lease of this name ends or has ended, in milliseconds since 1970; `None` if nobody ever took it.
    pub(super) fn end(key: &Key) -> Option<u64> {
        lease_end(&get(key)?.value)
    }
}

/// A number of this VM that no other has.
pub(super) fn vm() -> u64 {
    thread_local! {
        static VM: OnceCell<u64> = const { OnceCell::new() };
    }
    VM.with(|vm| *vm.get_or_init(random))
}

/// How many VMs of the proxy were configured before this one, about: Envoy tries a policy in a VM that it throws away, then
/// configures the main thread's, and then those of the workers.
pub(super) fn vms_before() -> u64 {
    thread_local! {
        static BEFORE: OnceCell<u64> = const { OnceCell::new() };
    }
    BEFORE.with(|before| {
        *before.get_or_init(|| {
            let key = Key::new("vms", &[]);
            let seen = get(&key);
            let count = seen.as_ref().and_then(|seen| seen.value.first_chunk()).copied();
            let count = count.map_or(0, u64::from_be_bytes);
            // Two at once may take the same number: nothing but an order of preference hangs on it.
            replace(&key, seen.as_ref(), &count.saturating_add(1).to_be_bytes());
            count
        })
    })
}

/// A number that nobody can foretell but the host: its randomness is what the hasher is seeded with.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}
