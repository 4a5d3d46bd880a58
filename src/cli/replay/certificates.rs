//! Whole certificates by their digest: out of records, or out of files.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mtls_policy::cert::{Certificate, Fingerprint};
use mtls_policy::identity::Identity;

use crate::cli::offline::certificates;

/// What all of them may weigh, in bytes: a hundred thousand.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// Certificates that are at hand.
#[derive(Default)]
pub(super) struct Certificates {
    by_digest: HashMap<Fingerprint, Vec<u8>>,
    bytes: usize,
}

impl Certificates {
    /// Takes those of a file, or of every file in a folder.
    ///
    /// # Errors
    /// One that cannot be read.
    pub(super) fn add_files(&mut self, path: &Path) -> Result<(), String> {
        let unreadable = |error| format!("{}: cannot be read: {error}", path.display());
        if !path.is_dir() {
            return self.add_file(path);
        }
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.is_file() {
                self.add_file(&file)?;
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), String> {
        for der in certificates::read(path)? {
            self.add(Fingerprint::of(&der), der);
        }
        Ok(())
    }

    /// Takes what a record holds; what is not the certificate of that digest is passed over.
    pub(super) fn add_base64(&mut self, digest: Fingerprint, text: &str) {
        if self.by_digest.contains_key(&digest) {
            return;
        }
        if let Some(der) =
            BASE64_STANDARD.decode(text.as_bytes()).ok().filter(|der| Fingerprint::of(der) == digest)
        {
            self.add(digest, der);
        }
    }

    fn add(&mut self, digest: Fingerprint, der: Vec<u8>) {
        if self.bytes + der.len() <= MAX_BYTES {
            self.bytes += der.len();
            self.by_digest.insert(digest, der);
        }
    }

    /// The certificate of a digest, where it is at hand and can be read.
    pub(super) fn get(&self, digest: Fingerprint) -> Option<(Identity, Certificate)> {
        let certificate = Certificate::from_der(self.by_digest.get(&digest)?.clone()).ok()?;
        Some((Identity::of(&certificate).ok()?, certificate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_gives_the_certificate_of_its_digest_and_no_other() {
        let der: Vec<u8> = (0..200).collect();
        let mut held = Certificates::default();
        held.add_base64(Fingerprint::of(b"other"), &BASE64_STANDARD.encode(&der));
        assert_eq!(held.by_digest.len(), 0);
        held.add_base64(Fingerprint::of(&der), &BASE64_STANDARD.encode(&der));
        assert_eq!(held.by_digest.get(&Fingerprint::of(&der)), Some(&der));
        held.add_base64(Fingerprint::of(b""), "é");
        assert_eq!(held.by_digest.len(), 1);
    }
}
