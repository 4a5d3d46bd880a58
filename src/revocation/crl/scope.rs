//! What a list is about: `IssuingDistributionPoint` (RFC 5280 section 5.2.5).

use super::general_name::DistributionPointName;
use crate::cert::der::{self, NotDer, Reader, SEQUENCE};

/// Which certificates, and which reasons, a list is about. A list without one is about all that its issuer issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuingDistributionPoint {
    der: Box<[u8]>,
    point: Option<DistributionPointName>,
    holders: Holders,
    reasons: Option<Reasons>,
    entries: EntriesOf,
}

/// Which holders' certificates a list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holders {
    /// All public key certificates; attribute certificates too, for what that is worth.
    All,
    /// Those of end entities (`onlyContainsUserCerts`).
    Users,
    /// Those of CAs (`onlyContainsCACerts`).
    Cas,
    /// Attribute certificates, which are no public key certificates (`onlyContainsAttributeCerts`).
    Attributes,
}

/// Whose certificates a list has entries of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntriesOf {
    /// Of the list's own issuer.
    Issuer,
    /// Also of others (`indirectCRL`).
    AnyIssuer,
}

/// A set of reasons (`ReasonFlags`, RFC 5280 section 4.2.1.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reasons(u16);

impl Reasons {
    /// No reason.
    pub const NONE: Reasons = Reasons(0);
    /// Every reason there is: bits 1 (`keyCompromise`) to 8 (`aACompromise`).
    pub const ALL: Reasons = Reasons(0x1fe);

    /// Reads the contents of the BIT STRING.
    pub(crate) fn parse(bits: &[u8]) -> Result<Reasons, NotDer> {
        let (&unused, octets) = bits.split_first().ok_or(NotDer)?;
        let (&last, _) = octets.split_last().ok_or(NotDer)?;
        // Bits 0 to 8 are named. X.690 section 11.2.2 wants no zeros at their end, which some write: they change nothing.
        if unused > 7 || u32::from(unused) > last.trailing_zeros() || octets.len() > 2 {
            return Err(NotDer);
        }
        let mut reasons = 0;
        for (at, octet) in octets.iter().enumerate() {
            reasons |= u16::from(octet.reverse_bits()) << (8 * at);
        }
        // Bit 0 is unused since 1997; a bit that has no meaning may mean that more is left out than can be told.
        let reasons = reasons & !1;
        if reasons == 0 || reasons & !Reasons::ALL.0 != 0 { Err(NotDer) } else { Ok(Reasons(reasons)) }
    }

    /// Those of both.
    pub fn union(self, other: Reasons) -> Reasons {
        Reasons(self.0 | other.0)
    }

    /// Those that are in both.
    pub fn intersection(self, other: Reasons) -> Reasons {
        Reasons(self.0 & other.0)
    }

    /// Whether all of `other` are among these.
    pub fn contains(self, other: Reasons) -> bool {
        other.0 & !self.0 == 0
    }

    /// The names of these, as the RFC has them.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: [&str; 9] = [
            "unused",
            "keyCompromise",
            "cACompromise",
            "affiliationChanged",
            "superseded",
            "cessationOfOperation",
            "certificateHold",
            "privilegeWithdrawn",
            "aACompromise",
        ];
        (0..).zip(NAMES).filter(move |(bit, _)| self.0 & 1 << bit != 0).map(|(_, name)| name)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl IssuingDistributionPoint {
    /// Reads the value of the extension.
    pub(crate) fn parse(value: &[u8]) -> Result<IssuingDistributionPoint, NotDer> {
        let mut fields = Reader::new(der::only(SEQUENCE, value)?);
        let point = fields.optional(0xa0)?.map(DistributionPointName::parse).transpose()?;
        let users = flag(&mut fields, 0x81)?;
        let cas = flag(&mut fields, 0x82)?;
        let reasons = fields.optional(0x83)?.map(Reasons::parse).transpose()?;
        let indirect = flag(&mut fields, 0x84)?;
        let attributes = flag(&mut fields, 0x85)?;
        fields.end()?;
        let holders = match (users, cas, attributes) {
            (false, false, false) => Holders::All,
            (true, false, false) => Holders::Users,
            (false, true, false) => Holders::Cas,
            (false, false, true) => Holders::Attributes,
            // At most one may be set.
            (true, true, _) | (true, _, true) | (_, true, true) => return Err(NotDer),
        };
        let entries = if indirect { EntriesOf::AnyIssuer } else { EntriesOf::Issuer };
        let says_nothing = point.is_none() && holders == Holders::All && reasons.is_none() && !indirect;
        if says_nothing {
            return Err(NotDer);
        }
        Ok(IssuingDistributionPoint { der: value.into(), point, holders, reasons, entries })
    }

    /// The value of the extension in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The names of the distribution point, which a certificate's must match; `None` where the list is about any.
    pub fn point(&self) -> Option<&DistributionPointName> {
        self.point.as_ref()
    }

    /// Which holders' certificates the list is about.
    pub fn holders(&self) -> Holders {
        self.holders
    }

    /// The only reasons the list is about (`onlySomeReasons`); `None` where it is about all.
    pub fn only_reasons(&self) -> Option<Reasons> {
        self.reasons
    }

    /// Whose certificates it has entries of.
    pub fn entries_of(&self) -> EntriesOf {
        self.entries
    }
}

/// A BOOLEAN that is false where it is left out. DER leaves out what is the default; it is told all the same where a CA
/// writes it.
fn flag(fields: &mut Reader<'_>, tag: u8) -> Result<bool, NotDer> {
    match fields.optional(tag)? {
        None | Some([0x00]) => Ok(false),
        Some([0xff]) => Ok(true),
        Some(_) => Err(NotDer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint::crl::*;
    use crate::mint::{CN, Ca, UTF8, attribute, der};
    use crate::revocation::crl::{GeneralName, Name};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn parse(scope: &Scope) -> Result<IssuingDistributionPoint, NotDer> {
        IssuingDistributionPoint::parse(&scope.der())
    }

    #[test]
    fn every_field_is_read() {
        let names =
            [uri_name("http://a.example/crl"), directory_name(&Ca::new("Point").name()), der(0x82, &[b"a"])];
        let scope = parse(&Scope::new().names(&names).only_user().reasons(&[1, 8]).indirect()).unwrap();
        let directory = Name::parse(&Ca::new("Point").name()).unwrap();
        let expected = vec![
            GeneralName::Uri((*b"http://a.example/crl").into()),
            GeneralName::Directory(directory),
            GeneralName::Other((*b"\x82\x01a").into()),
        ];
        assert_eq!(scope.point(), Some(&DistributionPointName::Full(expected)));
        assert_eq!((scope.holders(), scope.entries_of()), (Holders::Users, EntriesOf::AnyIssuer));
        let reasons = scope.only_reasons().unwrap();
        assert_eq!(reasons, Reasons::parse(&[0x07, 0x40, 0x80]).unwrap());
        assert_eq!(parse(&Scope::new().only_ca()).unwrap().holders(), Holders::Cas);
        assert_eq!(parse(&Scope::new().only_attribute()).unwrap().holders(), Holders::Attributes);
    }

    #[test]
    fn a_relative_name_follows_that_of_the_issuer() {
        let relative = attribute(CN, &der(UTF8, &[b"point"]));
        let scope = parse(&Scope::new().relative_name(&relative)).unwrap();
        let issuer = Name::parse(&Ca::new("Acme Root").name()).unwrap();
        let names = scope.point().unwrap().names(&issuer);
        let [GeneralName::Directory(name)] = &names[..] else { panic!("{names:?}") };
        assert_eq!(name.name().to_string(), "CN=point,CN=Acme Root");
    }

    #[test]
    fn what_is_malformed_or_says_nothing_is_refused() {
        for (name, contents) in [
            ("nothing", &[][..]),
            ("a flag that says no", &[0x81, 1, 0]),
            ("two holders", &[0x81, 1, 0xff, 0x85, 1, 0xff]),
            ("a flag that is none", &[0x81, 1, 1]),
            ("an empty point", &[0xa0, 0]),
            ("a point without names", &[0xa0, 2, 0xa0, 0]),
            ("two points", &[0xa0, 10, 0xa0, 3, 0x86, 1, b'a', 0xa0, 3, 0x86, 1, b'a']),
            ("a name of no kind", &[0xa0, 5, 0xa0, 3, 0x89, 1, b'a']),
            ("a name that is none", &[0xa0, 6, 0xa0, 4, 0xa4, 2, 5, 0]),
            ("a relative name that is none", &[0xa0, 4, 0xa1, 2, 5, 0]),
            ("no reasons", &[0x83, 1, 0]),
            ("no reason that has a meaning", &[0x83, 2, 7, 0x80]),
            ("a reason that nobody knows", &[0x83, 3, 6, 0x40, 0x40]),
            ("bits that are not there", &[0x83, 2, 1, 0x41]),
            ("more after it", &[0x84, 1, 0xff, 5, 0]),
            ("another order", &[0x84, 1, 0xff, 0x81, 1, 0xff]),
        ] {
            assert_eq!(IssuingDistributionPoint::parse(&der(0x30, &[contents])), Err(NotDer), "{name}");
        }
        assert!(IssuingDistributionPoint::parse(&der(0x30, &[&[0x81, 1, 0xff]])).is_ok());
        assert!(IssuingDistributionPoint::parse(&der(0x30, &[&[0x83, 2, 6, 0x40]])).is_ok());
    }

    #[test]
    fn sets_of_reasons_are_compared_as_sets() {
        let [one, other] = [&[6, 0x40][..], &[5, 0x60]].map(|bits| Reasons::parse(bits).unwrap());
        assert!(other.contains(one) && !one.contains(other));
        assert_eq!(one.union(other), other);
        assert_eq!(one.intersection(other), one);
        assert!(Reasons::ALL.contains(other) && Reasons::NONE.is_empty() && !one.is_empty());
    }
}
