//! The extensions of lists and their entries (RFC 5280 sections 5.2 and 5.3).

use super::error::{InField as _, LoadError, Place};
use crate::cert::der::Reader;
use crate::cert::extension::{self as any, Criticality};
use crate::identity::ObjectIdentifier;

/// One extension, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extension<'a> {
    oid: &'a [u8],
    pub(super) criticality: Criticality,
    /// What the OCTET STRING holds.
    pub(super) value: &'a [u8],
}

/// The object identifiers of extensions before this one, at most `MAX` of them.
#[derive(Debug)]
pub(super) struct Seen<'a, const MAX: usize> {
    oids: [&'a [u8]; MAX],
    count: usize,
}

impl<const MAX: usize> Default for Seen<'_, MAX> {
    fn default() -> Self {
        Self { oids: [&[]; MAX], count: 0 }
    }
}

/// The next extension of a list of them, or `None` at its end. The list must have one at least, and none twice.
pub(super) fn next<'a, const MAX: usize>(
    list: &mut Reader<'a>,
    seen: &mut Seen<'a, MAX>,
    place: Place,
) -> Result<Option<Extension<'a>>, LoadError> {
    let field = match place {
        Place::List => "crlExtensions",
        Place::Entry => "crlEntryExtensions",
    };
    let Some(found) = any::next(list).in_field(field)? else {
        return if seen.count == 0 { Err(LoadError::Malformed(field)) } else { Ok(None) };
    };
    let criticality = found.criticality.ok_or(LoadError::Malformed(field))?;
    if seen.oids.iter().take(seen.count).any(|oid| *oid == found.oid) {
        return Err(LoadError::Malformed("an extension stands twice"));
    }
    *seen.oids.get_mut(seen.count).ok_or(LoadError::Malformed("too many extensions"))? = found.oid;
    seen.count += 1;
    Ok(Some(Extension { oid: found.oid, criticality, value: found.value }))
}

impl Extension<'_> {
    /// The last arc of its object identifier under 2.5.29; `None` elsewhere.
    pub(super) fn known(&self) -> Option<u8> {
        match self.oid {
            [0x55, 0x1d, last] => Some(*last),
            _ => None,
        }
    }

    /// RFC 5280 section 5.2: who does not know a critical extension must not use the list.
    pub(super) fn must_not_be_critical(&self, place: Place) -> Result<(), LoadError> {
        match self.criticality {
            Criticality::NotCritical => Ok(()),
            Criticality::Critical => {
                let oid = ObjectIdentifier::from_der(self.oid);
                let oid = oid.map_err(|_| LoadError::Malformed("an extension"))?.to_string();
                Err(LoadError::UnsupportedExtension { place, oid })
            }
        }
    }
}
