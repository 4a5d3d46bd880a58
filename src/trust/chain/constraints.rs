//! Name constraints (RFC 5280 section 4.2.1.10) on names of which webpki knows no more than that they are constrained:
//! directory names, email addresses and URIs. DNS names, addresses and other names are webpki's.

use std::net::Ipv4Addr;

use crate::cert::der::{self, NotDer, Reader, SEQUENCE};
use crate::cert::{Certificate, extension};
use crate::identity::{AttributeValue, DistinguishedName, DnsName, EmailAddress, Extensions, Truth};
use crate::trust::extensions::{NAME_CONSTRAINTS, SUBJECT_ALT_NAME};

const PERMITTED: u8 = 0xa0;
const EXCLUDED: u8 = 0xa1;

/// Tags of general names (RFC 5280 section 4.2.1.6).
const EMAIL: u8 = 0x81;
const DIRECTORY: u8 = 0xa4;
const URI: u8 = 0x86;

/// What a CA's certificate says of the names below it.
#[derive(Debug)]
pub(super) struct Constraints {
    permitted: Vec<Base>,
    excluded: Vec<Base>,
    /// The contents of the extension's `SEQUENCE` without these; empty where nothing else is constrained.
    rest: Vec<u8>,
    /// How many subtrees are in `rest`.
    others: usize,
}

/// The names of one subtree.
#[derive(Debug)]
enum Base {
    /// Those that begin with this one.
    Directory(Option<DistinguishedName>),
    Email(Option<Mailboxes>),
    /// Those of these hosts.
    Uri(Option<Hosts>),
}

#[derive(Debug)]
enum Mailboxes {
    One(EmailAddress),
    At(Hosts),
}

#[derive(Debug)]
enum Hosts {
    One(DnsName),
    Below(DnsName),
}

/// The names of a certificate that are looked at here. What cannot be read is `None`.
#[derive(Debug, Default)]
pub(super) struct Held {
    directories: Vec<Option<DistinguishedName>>,
    emails: Vec<Option<EmailAddress>>,
    hosts: Vec<Option<DnsName>>,
}

impl Constraints {
    /// Those of a certificate; `None` where it constrains no names.
    ///
    /// # Errors
    /// Where the extension is malformed, or says nothing, as none must (RFC 5280 section 4.2.1.10).
    pub(super) fn of(certificate: &Certificate) -> Result<Option<Constraints>, NotDer> {
        let extensions = Extensions::new(certificate.extension_list().map_err(|_| NotDer)?);
        let Some(extension) = extensions.find(NAME_CONSTRAINTS) else { return Ok(None) };
        let mut kinds = Reader::new(der::only(SEQUENCE, extension.value)?);
        let (permitted, permitted_others) = subtrees(kinds.optional(PERMITTED)?)?;
        let (excluded, excluded_others) = subtrees(kinds.optional(EXCLUDED)?)?;
        kinds.end()?;
        let rest = [section(PERMITTED, &permitted_others), section(EXCLUDED, &excluded_others)].concat();
        let others = permitted_others.len() + excluded_others.len();
        let constraints = Constraints { permitted, excluded, rest, others };
        if constraints.are_webpkis() && others == 0 { Err(NotDer) } else { Ok(Some(constraints)) }
    }

    /// Whether they are on other names only than those that are looked at here.
    pub(super) fn are_webpkis(&self) -> bool {
        self.permitted.is_empty() && self.excluded.is_empty()
    }

    /// What is left for webpki: the contents of the extension's `SEQUENCE`; `None` where nothing is.
    pub(super) fn rest(&self) -> Option<&[u8]> {
        Some(self.rest.as_slice()).filter(|rest| !rest.is_empty())
    }

    /// How many subtrees are left for webpki, which compares each name below with each.
    pub(super) fn others(&self) -> usize {
        self.others
    }

    /// How many comparisons [`permit`](Self::permit) makes at most.
    pub(super) fn comparisons(&self, held: &Held) -> usize {
        let names = held.directories.len() + held.emails.len() + held.hosts.len();
        names.saturating_mul(self.permitted.len() + self.excluded.len())
    }

    /// Whether a certificate below may hold its names: each of a kind that is permitted must be in one of the subtrees of its
    /// kind, and none in one that is excluded.
    pub(super) fn permit(&self, held: &Held) -> bool {
        let Held { directories, emails, hosts } = held;
        directories.iter().all(|name| self.permits(|base| base.holds_directory(name.as_ref())))
            && emails.iter().all(|name| self.permits(|base| base.holds_email(name.as_ref())))
            && hosts.iter().all(|name| self.permits(|base| base.holds_host(name.as_ref())))
    }

    /// By whether each subtree holds a name; `None` where it is one of other names.
    fn permits(&self, holds: impl Fn(&Base) -> Option<Truth>) -> bool {
        // What cannot be told is in no subtree that is permitted, and in each that is excluded.
        let excluded = self.excluded.iter().filter_map(&holds).any(|holds| holds != Truth::No);
        let mut permitted = self.permitted.iter().filter_map(&holds).peekable();
        !excluded && (permitted.peek().is_none() || permitted.any(|holds| holds == Truth::Yes))
    }
}

/// The subtrees that are looked at here, and the others as they are.
fn subtrees(list: Option<&[u8]>) -> Result<(Vec<Base>, Vec<&[u8]>), NotDer> {
    let (mut bases, mut others) = (Vec::new(), Vec::new());
    let Some(list) = list else { return Ok((bases, others)) };
    let mut list = Reader::new(list);
    // As long as the certificate, which is bounded.
    while let Some(subtree) = list.next()? {
        let mut parts = Reader::new(der::only(SEQUENCE, subtree.whole)?);
        let base = parts.next()?.ok_or(NotDer)?;
        let read = match base.tag {
            DIRECTORY => Base::Directory(DistinguishedName::parse_der(base.contents).ok()),
            EMAIL => Base::Email(Mailboxes::of(base.contents)),
            URI => Base::Uri(Hosts::of(base.contents)),
            _ => {
                others.push(subtree.whole);
                continue;
            }
        };
        // `minimum` is 0, which DER leaves out, and `maximum` is absent.
        parts.end()?;
        bases.push(read);
    }
    if bases.is_empty() && others.is_empty() { Err(NotDer) } else { Ok((bases, others)) }
}

fn section(tag: u8, subtrees: &[&[u8]]) -> Vec<u8> {
    if subtrees.is_empty() { Vec::new() } else { der::element(tag, subtrees) }
}

impl Base {
    fn holds_directory(&self, name: Option<&DistinguishedName>) -> Option<Truth> {
        let Base::Directory(base) = self else { return None };
        Some(told(base, name, |base, name| name.is_within(base)))
    }

    fn holds_email(&self, name: Option<&EmailAddress>) -> Option<Truth> {
        let Base::Email(base) = self else { return None };
        Some(told(base, name, Mailboxes::hold))
    }

    fn holds_host(&self, name: Option<&DnsName>) -> Option<Truth> {
        let Base::Uri(base) = self else { return None };
        Some(told(base, name, |base, name| base.hold(name.as_str())))
    }
}

/// Nothing can be told of what cannot be read.
fn told<B, N>(base: &Option<B>, name: Option<&N>, holds: impl Fn(&B, &N) -> Truth) -> Truth {
    match (base, name) {
        (Some(base), Some(name)) => holds(base, name),
        (None, _) | (_, None) => Truth::CannotTell,
    }
}

impl Mailboxes {
    /// `local@host`, `host` or `.domain`.
    fn of(text: &[u8]) -> Option<Mailboxes> {
        match text.contains(&b'@') {
            true => EmailAddress::from_bytes(text).map(Mailboxes::One),
            false => Hosts::of(text).map(Mailboxes::At),
        }
    }

    fn hold(&self, address: &EmailAddress) -> Truth {
        match self {
            Mailboxes::One(one) => Truth::from(one == address),
            Mailboxes::At(hosts) => {
                let host = address.as_str().split_once('@').map(|(_, host)| host);
                host.map_or(Truth::CannotTell, |host| hosts.hold(host))
            }
        }
    }
}

impl Hosts {
    /// `host`, or `.domain` for all below it.
    fn of(text: &[u8]) -> Option<Hosts> {
        match text.strip_prefix(b".") {
            Some(domain) => host(domain).map(Hosts::Below),
            None => host(text).map(Hosts::One),
        }
    }

    /// A host in lower case.
    fn hold(&self, host: &str) -> Truth {
        Truth::from(match self {
            Hosts::One(one) => one.as_str() == host,
            Hosts::Below(domain) => {
                host.strip_suffix(domain.as_str()).is_some_and(|before| before.ends_with('.'))
            }
        })
    }
}

fn host(text: &[u8]) -> Option<DnsName> {
    DnsName::from_bytes(text).filter(|name| !name.is_wildcard())
}

/// How many alternative names a certificate holds.
pub(super) fn alt_names(certificate: &Certificate) -> Result<usize, NotDer> {
    let extensions = Extensions::new(certificate.extension_list().map_err(|_| NotDer)?);
    let Some(extension) = extensions.find(SUBJECT_ALT_NAME) else { return Ok(0) };
    let mut names = Reader::new(der::only(SEQUENCE, extension.value)?);
    let mut count = 0;
    while names.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

impl Held {
    /// Those of a certificate with this subject.
    pub(super) fn of(certificate: &Certificate, subject: &DistinguishedName) -> Result<Held, NotDer> {
        let mut held = Held::default();
        if !subject.is_empty() {
            held.directories.push(Some(subject.clone()));
        }
        // Whoever reads addresses out of subjects must not find others there than in alternative names.
        let addresses = subject.relative_names().iter().flatten().filter(|one| one.kind().is_email_address());
        held.emails.extend(addresses.map(|address| match address.value() {
            AttributeValue::Text(text) => EmailAddress::from_bytes(text.as_bytes()),
            AttributeValue::Malformed(_) => None,
        }));
        let mut extensions = Reader::new(certificate.extension_list().map_err(|_| NotDer)?);
        while let Some(extension) = extension::next(&mut extensions)? {
            if extension.oid == SUBJECT_ALT_NAME {
                held.add(extension.value)?;
            }
        }
        Ok(held)
    }

    fn add(&mut self, alt_names: &[u8]) -> Result<(), NotDer> {
        let mut names = Reader::new(der::only(SEQUENCE, alt_names)?);
        // As long as the certificate, which is bounded.
        while let Some(name) = names.next()? {
            match name.tag {
                DIRECTORY => self.directories.push(DistinguishedName::parse_der(name.contents).ok()),
                EMAIL => self.emails.push(EmailAddress::from_bytes(name.contents)),
                URI => self.hosts.push(host_of_uri(name.contents)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The host that a URI names. One without, with an address in its place, or with more than a port beside it, must not be where
/// URIs are constrained (RFC 5280 section 4.2.1.10); of what stands before an `@` no two readers agree.
fn host_of_uri(uri: &[u8]) -> Option<DnsName> {
    let (scheme, rest) = std::str::from_utf8(uri).ok()?.split_once(':')?;
    let starts = scheme.bytes().next().is_some_and(|first| first.is_ascii_alphabetic());
    if !starts || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
        return None;
    }
    let authority = rest.strip_prefix("//")?.split(['/', '?', '#']).next()?;
    let name = match authority.split_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) => return None,
        None => authority,
    };
    host(name.as_bytes()).filter(|_| name.parse::<Ipv4Addr>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mint::{self, C, CN, Ca, O, UTF8, attribute, der};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn subtree(tag: u8, contents: &[u8]) -> Vec<u8> {
        der(0x30, &[&der(tag, &[contents])])
    }

    fn directory(attributes: &[(&[u8], &str)]) -> Vec<u8> {
        let sets: Vec<Vec<u8>> = attributes
            .iter()
            .map(|(kind, text)| der(0x31, &[&attribute(kind, &der(UTF8, &[text.as_bytes()]))]))
            .collect();
        der(0x30, &sets.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn read(value: &[u8]) -> Result<Option<Constraints>, NotDer> {
        let ca = Ca::new("Acme Root").intermediate_with("Acme Issuing", &[(mint::NAME_CONSTRAINTS, value)]);
        Constraints::of(&Certificate::from_der(ca.der().to_vec()).unwrap())
    }

    /// Whether one subtree, permitted and then excluded, lets a leaf be.
    fn both(tag: u8, base: &[u8], leaf: crate::mint::Leaf) -> [bool; 2] {
        let certificate = Certificate::from_der(leaf.mint().der).unwrap();
        let subject = certificate.fields().unwrap().subject.to_vec();
        let held = Held::of(&certificate, &DistinguishedName::parse_der(&subject).unwrap()).unwrap();
        [PERMITTED, EXCLUDED].map(|list| {
            let value = der(0x30, &[&der(list, &[&subtree(tag, base)])]);
            read(&value).unwrap().unwrap().permit(&held)
        })
    }

    const IN: [bool; 2] = [true, false];
    const OUT: [bool; 2] = [false, true];
    const NOT_ASKED: [bool; 2] = [true, true];
    const UNCLEAR: [bool; 2] = [false, false];

    fn leaf() -> crate::mint::Leaf {
        Ca::new("Acme Root").leaf("billing")
    }

    #[test]
    fn uris_are_constrained_by_their_hosts() {
        for (base, uri, expected) in [
            ("acme.example", "spiffe://acme.example/billing", IN),
            ("ACME.example", "spiffe://Acme.EXAMPLE", IN),
            ("acme.example", "https://acme.example:443/?a#b", IN),
            ("acme.example", "spiffe://prod.acme.example/billing", OUT),
            ("acme.example", "spiffe://evilacme.example/billing", OUT),
            ("acme.example", "spiffe://acme.example.evil/billing", OUT),
            (".acme.example", "spiffe://prod.acme.example/billing", IN),
            (".acme.example", "spiffe://a.b.acme.example/billing", IN),
            (".acme.example", "spiffe://acme.example/billing", OUT),
            (".acme.example", "spiffe://evilacme.example/billing", OUT),
            ("acme.example", "spiffe://evil.example/acme.example", OUT),
            ("acme.example", "spiffe://evil.example?acme.example", OUT),
            ("acme.example", "spiffe://acme.example@evil.example/", UNCLEAR),
            ("acme.example", "spiffe://evil.example@acme.example/", UNCLEAR),
            ("acme.example", "spiffe://acme.example\\@evil.example/", UNCLEAR),
            ("acme.example", "spiffe://acme.example:x/", UNCLEAR),
            ("acme.example", "https://192.0.2.1/", UNCLEAR),
            ("acme.example", "https://[2001:db8::1]/", UNCLEAR),
            ("acme.example", "urn:acme.example", UNCLEAR),
            ("acme.example", "acme.example", UNCLEAR),
            ("acme.example", "//acme.example", UNCLEAR),
            ("spiffe://acme.example", "spiffe://acme.example", UNCLEAR),
            ("*.acme.example", "spiffe://prod.acme.example", UNCLEAR),
            ("", "spiffe://acme.example", UNCLEAR),
        ] {
            assert_eq!(both(URI, base.as_bytes(), leaf().uri(uri)), expected, "{base} {uri}");
        }
        assert_eq!(both(URI, b"acme.example", leaf().dns("evil.example")), NOT_ASKED);
        assert_eq!(both(URI, b"://", leaf()), NOT_ASKED, "of no name of the kind nothing is asked");
        // Every one of several.
        let two = || leaf().uri("spiffe://acme.example/a").uri("spiffe://evil.example/a");
        assert_eq!(both(URI, b"acme.example", two()), UNCLEAR);
    }

    #[test]
    fn addresses_are_constrained_by_mailbox_host_or_domain() {
        for (base, address, expected) in [
            ("ada@acme.example", "ada@acme.example", IN),
            ("ada@acme.example", "ada@ACME.example", IN),
            ("ada@acme.example", "Ada@acme.example", OUT),
            ("acme.example", "ada@acme.example", IN),
            ("acme.example", "ada@mail.acme.example", OUT),
            ("acme.example", "ada@evilacme.example", OUT),
            (".acme.example", "ada@mail.acme.example", IN),
            (".acme.example", "ada@acme.example", OUT),
            ("*@acme.example", "*@acme.example", IN),
            ("*@acme.example", "ada@acme.example", OUT),
            ("a@b@acme.example", "ada@acme.example", UNCLEAR),
            ("acme.example", "ada", UNCLEAR),
            ("acme.example", "ada@evil.example@acme.example", UNCLEAR),
        ] {
            assert_eq!(both(EMAIL, base.as_bytes(), leaf().email(address)), expected, "{base} {address}");
        }
        assert_eq!(both(EMAIL, b"acme.example", leaf()), NOT_ASKED);
        // 1.2.840.113549.1.9.1, emailAddress.
        const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];
        let in_subject = |text| leaf().subject(EMAIL_ADDRESS, text);
        assert_eq!(both(EMAIL, b"acme.example", in_subject("ada@acme.example")), IN);
        assert_eq!(both(EMAIL, b"acme.example", in_subject("ada@evil.example")), OUT);
    }

    #[test]
    fn directory_names_are_constrained_by_how_they_begin() {
        let named = |attributes: &[(&[u8], &str)]| {
            attributes.iter().fold(leaf().no_subject(), |leaf, (kind, text)| leaf.subject(kind, text))
        };
        let ada = || named(&[(C, "DE"), (O, "Acme"), (CN, "Ada")]);
        for (base, expected) in [
            (directory(&[(C, "DE"), (O, "Acme")]), IN),
            (directory(&[(C, "de"), (O, " ACME ")]), IN),
            (directory(&[(C, "DE"), (O, "Acme"), (CN, "Ada")]), IN),
            (directory(&[(O, "Acme")]), OUT),
            (directory(&[(C, "DE"), (O, "Evil")]), OUT),
            (directory(&[(C, "DE"), (O, "Acme"), (CN, "Ada"), (CN, "x")]), OUT),
            (directory(&[]), IN),
            (vec![5, 0], UNCLEAR),
        ] {
            assert_eq!(both(DIRECTORY, &base, ada()), expected, "{base:x?}");
        }
        let base = directory(&[(C, "DE"), (O, "Acme")]);
        let evil = directory(&[(C, "DE"), (O, "Evil")]);
        assert_eq!(both(DIRECTORY, &base, ada().raw_san(DIRECTORY, &evil)), UNCLEAR, "an alternative name");
        assert_eq!(both(DIRECTORY, &base, leaf().no_subject().dns("a.example")), NOT_ASKED);
    }

    #[test]
    fn what_is_left_is_for_webpki() {
        let dns = subtree(0x82, b"acme.example");
        let uri = subtree(URI, b"acme.example");
        let list = |tag: u8, subtrees: &[&[u8]]| der(tag, subtrees);
        let value = |lists: &[&[u8]]| der(0x30, lists);
        let rest = |lists: &[&[u8]]| {
            read(&value(lists)).map(|read| read.map(|read| read.rest().map(<[u8]>::to_vec)))
        };
        let all = list(PERMITTED, &[&dns]);
        assert_eq!(rest(&[&all]), Ok(Some(Some(all.clone()))));
        let of =
            |lists: &[&[u8]]| read(&value(lists)).unwrap().map(|read| (read.are_webpkis(), read.others()));
        assert_eq!(of(&[&all]), Some((true, 1)));
        let mixed = list(PERMITTED, &[&uri, &dns]);
        assert_eq!(of(&[&mixed]), Some((false, 1)));
        assert_eq!(rest(&[&list(PERMITTED, &[&uri])]), Ok(Some(None)));
        let both = list(PERMITTED, &[&dns, &uri]);
        assert_eq!(rest(&[&both]), Ok(Some(Some(list(PERMITTED, &[&dns])))));
        let excluded = list(EXCLUDED, &[&uri, &dns]);
        assert_eq!(rest(&[&excluded]), Ok(Some(Some(list(EXCLUDED, &[&dns])))));
        let expected = [list(PERMITTED, &[&dns]), list(EXCLUDED, &[&dns])].concat();
        assert_eq!(rest(&[&both, &excluded]), Ok(Some(Some(expected))));
        for (name, lists) in [
            ("nothing", vec![]),
            ("an empty list", vec![list(PERMITTED, &[])]),
            ("an empty list beside one", vec![both.clone(), list(EXCLUDED, &[])]),
            ("the wrong order", vec![excluded.clone(), both.clone()]),
            ("a list twice", vec![both.clone(), both]),
            ("a minimum", vec![list(PERMITTED, &[&der(0x30, &[&der(URI, &[b"a"]), &[0x80, 1, 0]])])]),
            ("no base", vec![list(PERMITTED, &[&der(0x30, &[])])]),
        ] {
            let lists: Vec<&[u8]> = lists.iter().map(Vec::as_slice).collect();
            assert_eq!(rest(&lists), Err(NotDer), "{name}");
        }
    }
}
