//! Distribution points: which list answers for which certificate.

use super::der;

/// The scope of a list: an issuingDistributionPoint (RFC 5280 section 5.2.5).
#[derive(Clone, Default)]
pub(crate) struct Scope {
    point: Option<Vec<u8>>,
    only_user: bool,
    only_ca: bool,
    only_attribute: bool,
    indirect: bool,
    reasons: Option<Vec<u8>>,
}

impl Scope {
    pub(crate) fn new() -> Scope {
        Scope::default()
    }

    /// For the distribution points of this URI.
    pub(crate) fn uri(self, uri: &str) -> Scope {
        self.names(&[uri_name(uri)])
    }

    /// For the distribution points of any of these `GeneralName`s.
    pub(crate) fn names(mut self, names: &[Vec<u8>]) -> Scope {
        self.point = Some(full_name(names));
        self
    }

    /// For the distribution point of this name relative to the issuer: the contents of a relative name.
    pub(crate) fn relative_name(mut self, contents: &[u8]) -> Scope {
        self.point = Some(relative_name(contents));
        self
    }

    pub(crate) fn only_user(mut self) -> Scope {
        self.only_user = true;
        self
    }

    pub(crate) fn only_ca(mut self) -> Scope {
        self.only_ca = true;
        self
    }

    pub(crate) fn only_attribute(mut self) -> Scope {
        self.only_attribute = true;
        self
    }

    pub(crate) fn indirect(mut self) -> Scope {
        self.indirect = true;
        self
    }

    /// For these reasons only, by the numbers of their bits: those of reasons, and 7 for `privilegeWithdrawn`, 8 for
    /// `aACompromise`.
    pub(crate) fn reasons(mut self, bits: &[u8]) -> Scope {
        self.reasons = Some(named_bits(bits));
        self
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let flag = |tag, on| if on { der(tag, &[&[0xff]]) } else { Vec::new() };
        der(
            0x30,
            &[
                self.point.as_deref().unwrap_or_default(),
                &flag(0x81, self.only_user),
                &flag(0x82, self.only_ca),
                &self.reasons.as_ref().map(|bits| der(0x83, &[bits])).unwrap_or_default(),
                &flag(0x84, self.indirect),
                &flag(0x85, self.only_attribute),
            ],
        )
    }
}

/// A distribution point that a certificate names (RFC 5280 section 4.2.1.13).
#[derive(Clone, Default)]
pub(crate) struct Point {
    point: Vec<u8>,
    reasons: Vec<u8>,
    issuer: Vec<u8>,
}

impl Point {
    pub(crate) fn new() -> Point {
        Point::default()
    }

    pub(crate) fn uri(self, uri: &str) -> Point {
        self.names(&[uri_name(uri)])
    }

    /// These `GeneralName`s.
    pub(crate) fn names(mut self, names: &[Vec<u8>]) -> Point {
        self.point = full_name(names);
        self
    }

    /// A name relative to the list's issuer: the contents of a relative name.
    pub(crate) fn relative_name(mut self, contents: &[u8]) -> Point {
        self.point = relative_name(contents);
        self
    }

    /// As in [`Scope::reasons`].
    pub(crate) fn reasons(mut self, bits: &[u8]) -> Point {
        self.reasons = der(0x81, &[&named_bits(bits)]);
        self
    }

    /// Who issues the list, where not the certificate's issuer: a whole name.
    pub(crate) fn crl_issuer(mut self, name: &[u8]) -> Point {
        self.issuer = der(0xa2, &[&directory_name(name)]);
        self
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        der(0x30, &[&self.point, &self.reasons, &self.issuer])
    }
}

/// A `GeneralName` that is a directory name; `name` is whole.
pub(crate) fn directory_name(name: &[u8]) -> Vec<u8> {
    der(0xa4, &[name])
}

/// A `GeneralName` that is a URI.
pub(crate) fn uri_name(uri: &str) -> Vec<u8> {
    der(0x86, &[uri.as_bytes()])
}

/// The contents of a BIT STRING of named bits: no zeros behind the last one.
fn named_bits(bits: &[u8]) -> Vec<u8> {
    let Some(last) = bits.iter().max() else {
        return vec![0];
    };
    let mut contents = vec![0; 2 + usize::from(last / 8)];
    contents[0] = 7 - last % 8;
    for bit in bits {
        contents[1 + usize::from(bit / 8)] |= 0x80 >> (bit % 8);
    }
    contents
}

fn full_name(names: &[Vec<u8>]) -> Vec<u8> {
    der(0xa0, &[&der(0xa0, &[&names.concat()])])
}

fn relative_name(contents: &[u8]) -> Vec<u8> {
    der(0xa0, &[&der(0xa1, &[contents])])
}
