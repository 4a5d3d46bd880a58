//! What is kept of a question in shared data.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::cert::Fingerprint;
use crate::plugin::shared::{self, Key, Read};
use crate::revocation::ocsp::{Kept, Query, Responder};
use crate::trust::Authority;

/// How many values in shared data hold what VMs know, each about one certificate: those are never removed. Two certificates
/// that share one displace each other there, and are asked about by every VM for itself.
const SLOTS: u32 = 16_384;

/// A query that outlives the request it was made for.
pub(super) struct Question {
    pub(super) responder: Arc<Responder>,
    issuer: Arc<Authority>,
    serial: Box<[u8]>,
}

impl Question {
    pub(super) fn of(query: &Query<'_>) -> Question {
        Question {
            responder: Arc::clone(query.responder),
            issuer: Arc::clone(query.issuer),
            serial: query.serial.into(),
        }
    }

    pub(super) fn query(&self) -> Query<'_> {
        Query { responder: &self.responder, issuer: &self.issuer, serial: &self.serial }
    }
}

/// What VMs know of a certificate, and what is in its place in shared data, whatever that is about.
pub(super) fn read(key: Fingerprint) -> (Option<Kept>, Option<Read>) {
    let read = shared::get(&slot(key));
    (read.as_ref().and_then(|read| Kept::from_bytes(key, &read.value)), read)
}

/// Notes in shared data what is known of a certificate, and until when this VM asks, unless that changed since it was `seen`. Says
/// whether it did.
pub(super) fn write(
    kept: &Kept,
    key: Fingerprint,
    seen: Option<&Read>,
    asked_until: Option<OffsetDateTime>,
) -> bool {
    shared::replace(&slot(key), seen, &kept.to_bytes(key, asked_until))
}

fn slot(key: Fingerprint) -> Key {
    let number = key.as_bytes().first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first)) % SLOTS;
    Key::new("ocsp", &[&number.to_be_bytes()])
}
