//! What the records of one VM have in common.

use std::cell::{Cell, RefCell};

use super::certificate::MAX_DER_BYTES;
use super::record::{About, Record};
use crate::cert::Fingerprint;
use crate::facts::Facts;
use crate::generations::Generations;
use crate::policy::{Certificates, RecordField as Field};

/// So many certificates are known to have been recorded before the oldest are forgotten: some hundred kilobytes.
const MAX_KNOWN: usize = 4_096;

/// Counts the records of a VM, and knows of which certificates there have been any.
#[derive(Debug)]
pub struct Recorder {
    records: Cell<u64>,
    known: RefCell<Generations<Fingerprint, ()>>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { records: Cell::new(0), known: RefCell::new(Generations::new(MAX_KNOWN)) }
    }
}

impl Recorder {
    /// The next record.
    pub fn record(&self, about: &About<'_, impl Facts>) -> Record {
        let sequence = self.records.get();
        self.records.set(sequence.wrapping_add(1));
        Record::new(about, sequence, self.unknown_certificate(about))
    }

    /// Leaves out a record for which there is no room, so that its number is missing.
    pub fn skip(&self) {
        self.records.set(self.records.get().wrapping_add(1));
    }

    /// The certificate that the decision is about, where it is to be recorded and has not been.
    fn unknown_certificate<'d>(&self, about: &About<'d, impl Facts>) -> Option<&'d [u8]> {
        let audit = about.policy.audit();
        if audit.certificates() != Certificates::Once || audit.omitted().contains(Field::Der) {
            return None;
        }
        let certificate = about.decision.certificate()?;
        let mut known = self.known.borrow_mut();
        if certificate.der().len() > MAX_DER_BYTES || known.get(&certificate.fingerprint()).is_some() {
            return None;
        }
        known.insert(certificate.fingerprint(), (), 1);
        Some(certificate.der())
    }
}
