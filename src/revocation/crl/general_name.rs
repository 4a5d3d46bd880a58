//! Names as lists and certificates write them: `Name` and `GeneralName` (RFC 5280 sections 4.1.2.4 and 4.2.1.6).

use crate::cert::der::{self, Element, NotDer, Reader, SEQUENCE, SET};
use crate::identity::{DistinguishedName, Truth};

/// The most names in one `GeneralNames`: of a distribution point, or of an issuer. CAs write one or two.
pub const MAX_GENERAL_NAMES: usize = 64;

/// A distinguished name, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    der: Box<[u8]>,
    name: DistinguishedName,
}

impl Name {
    /// Reads the DER of a `Name`.
    pub fn parse(der: &[u8]) -> Option<Name> {
        let name = DistinguishedName::parse_der(der).ok()?;
        Some(Name { der: der.into(), name })
    }

    /// Its DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The name.
    pub fn name(&self) -> &DistinguishedName {
        &self.name
    }

    /// This name with one more relative name at its end, given as the contents of the SET (RFC 5280 section 4.2.1.13,
    /// `nameRelativeToCRLIssuer`).
    fn below(&self, relative: &[u8]) -> Option<Name> {
        let above = der::only(SEQUENCE, &self.der).ok()?;
        Name::parse(&der::element(SEQUENCE, &[above, &der::element(SET, &[relative])]))
    }
}

/// A `GeneralName` (RFC 5280 section 4.2.1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GeneralName {
    /// A URI, octet for octet.
    Uri(Box<[u8]>),
    /// A distinguished name.
    Directory(Name),
    /// A name of any other kind: its DER.
    Other(Box<[u8]>),
}

impl GeneralName {
    pub(super) const DIRECTORY_NAME: u8 = 0xa4;
    pub(super) const URI: u8 = 0x86;

    /// Whether both name the same thing: distinguished names as RFC 5280 section 7.1 compares them, all else octet for octet.
    pub fn same(&self, other: &GeneralName) -> bool {
        match (self, other) {
            (Self::Directory(one), Self::Directory(other)) => one.name.same_name(&other.name) == Truth::Yes,
            (Self::Uri(one), Self::Uri(other)) | (Self::Other(one), Self::Other(other)) => one == other,
            (Self::Directory(_) | Self::Uri(_) | Self::Other(_), _) => false,
        }
    }

    pub(super) fn is_directory(&self) -> bool {
        match self {
            Self::Directory(_) => true,
            Self::Uri(_) | Self::Other(_) => false,
        }
    }

    fn of(element: Element<'_>) -> Result<GeneralName, NotDer> {
        // Tags 0 to 8 of the context, of which 0, 3, 4 and 5 hold other elements.
        const KINDS: [u8; 9] = [0xa0, 0x81, 0x82, 0xa3, 0xa4, 0xa5, 0x86, 0x87, 0x88];
        match element.tag {
            Self::DIRECTORY_NAME => Name::parse(element.contents).map(GeneralName::Directory).ok_or(NotDer),
            Self::URI => Ok(GeneralName::Uri(element.contents.into())),
            other if KINDS.contains(&other) => Ok(GeneralName::Other(element.whole.into())),
            _ => Err(NotDer),
        }
    }

    /// Reads the contents of `GeneralNames`: one name at least, [`MAX_GENERAL_NAMES`] at most.
    pub(crate) fn all(contents: &[u8]) -> Result<Vec<GeneralName>, NotDer> {
        let mut names = Vec::new();
        let mut list = Reader::new(contents);
        while let Some(element) = list.next()? {
            if names.len() >= MAX_GENERAL_NAMES {
                return Err(NotDer);
            }
            names.push(GeneralName::of(element)?);
        }
        if names.is_empty() { Err(NotDer) } else { Ok(names) }
    }
}

/// `DistributionPointName` (RFC 5280 section 4.2.1.13), which distribution points of certificates and of lists have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistributionPointName {
    /// One or more names of one distribution point.
    Full(Vec<GeneralName>),
    /// What comes after the name of the list's issuer: the contents of a SET of attributes.
    RelativeToIssuer(Box<[u8]>),
}

impl DistributionPointName {
    /// Reads the contents of the element `[0]` in which both extensions have it.
    pub(crate) fn parse(contents: &[u8]) -> Result<DistributionPointName, NotDer> {
        const FULL_NAME: u8 = 0xa0;
        const RELATIVE: u8 = 0xa1;
        let mut choice = Reader::new(contents);
        let chosen = choice.next()?.ok_or(NotDer)?;
        choice.end()?;
        match chosen.tag {
            FULL_NAME => GeneralName::all(chosen.contents).map(DistributionPointName::Full),
            RELATIVE => {
                // It must be one relative name that can be read, whoever the issuer is.
                let set = der::element(SET, &[chosen.contents]);
                Name::parse(&der::element(SEQUENCE, &[&set])).ok_or(NotDer)?;
                Ok(DistributionPointName::RelativeToIssuer(chosen.contents.into()))
            }
            _ => Err(NotDer),
        }
    }

    /// Its names where `issuer` issues the list.
    pub fn names(&self, issuer: &Name) -> Vec<GeneralName> {
        match self {
            Self::Full(names) => names.clone(),
            Self::RelativeToIssuer(relative) => {
                issuer.below(relative).map(GeneralName::Directory).into_iter().collect()
            }
        }
    }
}
