//! Whose certificates the entries of a list are about (RFC 5280 section 5.3.3).

use std::collections::BTreeMap;

use super::entry::RawEntry;
use super::error::{InField as _, LoadError};
use super::general_name::{GeneralName, Name};
use super::scope::EntriesOf;

/// The most issuers of certificates in one indirect list, and so of ordinals. Those that are known have a few dozen.
pub const MAX_CERTIFICATE_ISSUERS: usize = 1024;

/// The longest names of one issuer, in bytes of DER: they are kept, and go into the head of the list.
const MAX_ISSUER_BYTES: usize = 1024;

/// The issuers that the entries of a list have named so far.
#[derive(Debug)]
pub(super) struct CertificateIssuers {
    entries_of: EntriesOf,
    names: Vec<Vec<GeneralName>>,
    /// The ordinals by what the entries write.
    ordinals: BTreeMap<Box<[u8]>, u16>,
    /// That of the entry before.
    current: u16,
}

impl CertificateIssuers {
    pub(super) fn new(issuer: &Name, entries_of: EntriesOf) -> CertificateIssuers {
        let names = vec![vec![GeneralName::Directory(issuer.clone())]];
        CertificateIssuers { entries_of, names, ordinals: BTreeMap::new(), current: 0 }
    }

    /// The ordinal of the issuer of the next entry's certificate: where the entry does not name one, that of the entry before,
    /// and of the list's own issuer at first.
    pub(super) fn of(&mut self, entry: &RawEntry<'_>) -> Result<u16, LoadError> {
        let Some(named) = entry.certificate_issuer else { return Ok(self.current) };
        match self.entries_of {
            // Whoever does not know the extension would take the entry for one of the list's issuer.
            EntriesOf::Issuer => {
                Err(LoadError::Malformed("an entry of another issuer in a list that is not indirect"))
            }
            EntriesOf::AnyIssuer => {
                self.current = match self.ordinals.get(named) {
                    Some(known) => *known,
                    None => self.add(named)?,
                };
                Ok(self.current)
            }
        }
    }

    fn add(&mut self, named: &[u8]) -> Result<u16, LoadError> {
        const FIELD: &str = "certificateIssuer";
        if self.names.len() >= MAX_CERTIFICATE_ISSUERS {
            return Err(LoadError::TooManyIssuers);
        }
        if named.len() > MAX_ISSUER_BYTES {
            return Err(LoadError::Malformed(FIELD));
        }
        let names = GeneralName::all(named).in_field(FIELD)?;
        // It must hold the name that is in the certificates.
        if !names.iter().any(GeneralName::is_directory) {
            return Err(LoadError::Malformed(FIELD));
        }
        let ordinal = u16::try_from(self.names.len()).map_err(|_| LoadError::TooManyIssuers)?;
        self.names.push(names);
        self.ordinals.insert(named.into(), ordinal);
        Ok(ordinal)
    }

    pub(super) fn into_names(self) -> Vec<Vec<GeneralName>> {
        self.names
    }
}
