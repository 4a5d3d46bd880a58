//! IP addresses (`iPAddress`, RFC 5280 section 4.2.1.6) and patterns for them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::names::Names;
use super::pattern::PatternError;
use super::text::quoted;
use super::truth::Truth;

/// Reads 4 octets as IPv4 and 16 as IPv6. The 8 and 32 octets of a name constraint are no address.
pub(crate) fn from_octets(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(Ipv4Addr::from(octets).into());
    }
    <[u8; 16]>::try_from(octets).ok().map(|octets| Ipv6Addr::from(octets).into())
}

/// A pattern for IP addresses: one address, or a network such as `192.0.2.0/24`.
///
/// Addresses of the two versions never match each other. An address of IPv4 in the form of IPv6 (`::ffff:192.0.2.7`,
/// RFC 4291 section 2.5.5.2) is one of IPv6; against a pattern for IPv4 that holds what it stands for, the answer is
/// [`Truth::CannotTell`]: some take the two for one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpPattern {
    network: IpAddr,
    /// Bits that count; all of them for one address.
    prefix: u8,
}

impl IpPattern {
    /// Reads an address, or an address, `/` and the number of bits that count. Beyond them, no bit may be set.
    pub fn parse(text: &str) -> Result<IpPattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let no_ip = || PatternError::Ip { text: text.to_owned() };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| no_ip())?;
        let bits = width(address);
        let prefix = match prefix {
            Some(prefix) => read_prefix(prefix).ok_or_else(no_ip)?,
            None => bits,
        };
        if prefix > bits {
            return Err(PatternError::IpPrefix { text: text.to_owned(), bits });
        }
        let network = truncated(address, prefix);
        if network != address {
            let network = IpPattern { network, prefix }.to_string_without_quotes();
            return Err(PatternError::IpHostBits {
                text: text.to_owned(),
                network,
                address: address.to_string(),
            });
        }
        let pattern = IpPattern { network, prefix };
        match pattern.unmapped() {
            Some(plain) => {
                let plain = plain.to_string_without_quotes();
                Err(PatternError::IpMapped { text: text.to_owned(), plain })
            }
            None => Ok(pattern),
        }
    }

    /// Whether any of the certificate's IP addresses matches.
    pub fn matches(&self, names: &Names<IpAddr>) -> Truth {
        names.any(|address| self.matches_address(*address))
    }

    fn matches_address(&self, address: IpAddr) -> Truth {
        match (self.network, address) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => self.holds(address).into(),
            (IpAddr::V4(_), IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                Some(address) if self.holds(address.into()) => Truth::CannotTell,
                Some(_) | None => Truth::No,
            },
            (IpAddr::V6(_), IpAddr::V4(_)) => Truth::No,
        }
    }

    fn holds(&self, address: IpAddr) -> bool {
        truncated(address, self.prefix) == self.network
    }

    /// The same in the form of IPv4, where all of it is IPv4 in the form of IPv6.
    fn unmapped(&self) -> Option<IpPattern> {
        const MAPPED_PREFIX: u8 = 96;
        match self.network {
            IpAddr::V4(_) => None,
            IpAddr::V6(network) => Some(IpPattern {
                network: network.to_ipv4_mapped()?.into(),
                prefix: self.prefix.checked_sub(MAPPED_PREFIX)?,
            }),
        }
    }

    fn to_string_without_quotes(self) -> String {
        let IpPattern { network, prefix } = self;
        if prefix == width(network) { network.to_string() } else { format!("{network}/{prefix}") }
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for IpPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        quoted(&self.to_string_without_quotes()).fmt(out)
    }
}

/// Digits without a sign or needless zeros.
fn read_prefix(text: &str) -> Option<u8> {
    let plain = text == "0" || !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    // More than 255 is longer than any address, and so is that.
    plain.then(|| text.parse::<u32>().ok().map(|bits| u8::try_from(bits).unwrap_or(u8::MAX))).flatten()
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with no bit set beyond the first so many.
fn truncated(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            Ipv4Addr::from(u32::from(address) & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            Ipv6Addr::from(u128::from(address) & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn matches(pattern: &str, addresses: &[&str]) -> Truth {
        let mut names = Names::new();
        addresses.iter().for_each(|address| names.push(address.parse().ok()));
        IpPattern::parse(pattern).unwrap().matches(&names)
    }

    #[test]
    fn an_address_is_4_or_16_octets() {
        assert_eq!(from_octets(&[192, 0, 2, 7]), Some([192, 0, 2, 7].into()));
        assert_eq!(from_octets(&[0; 16]), Some(Ipv6Addr::UNSPECIFIED.into()));
        for length in [0, 1, 3, 5, 8, 15, 17, 32] {
            assert_eq!(from_octets(&vec![0; length]), None, "{length}");
        }
    }

    #[test]
    fn an_address_matches_itself_and_not_its_neighbour() {
        for (pattern, hit, miss) in [
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.6"),
            ("2001:db8::1", "2001:DB8:0:0::1", "2001:db8::2"),
            ("2001:db8::1/128", "2001:db8::1", "2001:db8::"),
        ] {
            assert_eq!(matches(pattern, &[hit]), Truth::Yes, "{pattern}");
            assert_eq!(matches(pattern, &[miss]), Truth::No, "{pattern}");
            assert_eq!(matches(pattern, &[miss, hit]), Truth::Yes, "{pattern}");
        }
        assert_eq!(matches("192.0.2.7", &[]), Truth::No);
    }

    #[test]
    fn a_network_matches_from_its_first_address_to_its_last() {
        for (pattern, hits, misses) in [
            ("192.0.2.0/24", ["192.0.2.0", "192.0.2.255"], ["192.0.1.255", "192.0.3.0"]),
            ("192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.0"]),
            ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1"]),
            ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db7:ffff::", "2001:db9::"]),
            ("::/0", ["::", "2001:db8::1"], ["0.0.0.0", "192.0.2.7"]),
        ] {
            for hit in hits {
                assert_eq!(matches(pattern, &[hit]), Truth::Yes, "{pattern} {hit}");
            }
            for miss in misses {
                assert_eq!(matches(pattern, &[miss]), Truth::No, "{pattern} {miss}");
            }
        }
    }

    #[test]
    fn the_versions_never_match_and_what_some_take_for_both_cannot_be_told() {
        assert_eq!(matches("192.0.2.7", &["::ffff:192.0.2.7"]), Truth::CannotTell);
        assert_eq!(matches("192.0.2.0/24", &["::ffff:192.0.2.7"]), Truth::CannotTell);
        assert_eq!(matches("192.0.2.7", &["::ffff:192.0.2.8"]), Truth::No);
        // Other addresses of IPv6 that hold one of IPv4 are addresses of their own.
        assert_eq!(matches("192.0.2.7", &["::192.0.2.7"]), Truth::No);
        assert_eq!(matches("192.0.2.7", &["64:ff9b::192.0.2.7"]), Truth::No);
        assert_eq!(matches("::/0", &["::ffff:192.0.2.7"]), Truth::Yes);
        assert_eq!(matches("::/0", &["192.0.2.7"]), Truth::No);
    }

    #[test]
    fn an_unreadable_address_cannot_be_told() {
        assert_eq!(matches("192.0.2.7", &["no address"]), Truth::CannotTell);
        assert_eq!(matches("192.0.2.7", &["no address", "192.0.2.7"]), Truth::Yes);
    }

    #[test]
    fn patterns_are_written_in_their_shortest_form() {
        for (text, written) in [
            ("192.0.2.7", r#""192.0.2.7""#),
            ("192.0.2.7/32", r#""192.0.2.7""#),
            ("192.0.2.0/24", r#""192.0.2.0/24""#),
            ("2001:0DB8:0:0::/32", r#""2001:db8::/32""#),
            ("::/0", r#""::/0""#),
        ] {
            assert_eq!(IpPattern::parse(text).unwrap().to_string(), written);
        }
    }

    #[test]
    fn other_text_is_refused_in_words() {
        let error = |text| IpPattern::parse(text).unwrap_err().to_string();
        assert_eq!(error(""), "the text is empty");
        for text in [
            "192.0.2",
            "192.0.2.07",
            "0300.0.2.7",
            "192.0.2.256",
            "3221225991",
            "192.0.2.7:443",
            "[::1]",
            "fe80::1%eth0",
            "a.example",
            "192.0.2.7/",
            "192.0.2.0/+24",
            "192.0.2.0/024",
            "192.0.2.0/255.255.255.0",
            " 192.0.2.7",
            "192.0.2.0/24/24",
            "192.0.2.*",
            "*",
        ] {
            let expected = "is no IP address or network; expected one like `192.0.2.7`, `192.0.2.0/24` or `2001:db8::/32`";
            assert_eq!(error(text), format!("`{text}` {expected}"));
        }
        assert_eq!(
            error("192.0.2.0/33"),
            "`192.0.2.0/33` has a prefix longer than the `32` bits of such an address"
        );
        assert_eq!(error("::/999"), "`::/999` has a prefix longer than the `128` bits of such an address");
        let expected = "`192.0.2.7/24` has bits set beyond its prefix; write `192.0.2.0/24` for the network or `192.0.2.7` for the one address";
        assert_eq!(error("192.0.2.7/24"), expected);
        let expected = "`::ffff:192.0.2.0/120` is IPv4 in the form of IPv6; write `192.0.2.0/24`";
        assert_eq!(error("::ffff:192.0.2.0/120"), expected);
        assert_eq!(
            error("::ffff:c000:207"),
            "`::ffff:c000:207` is IPv4 in the form of IPv6; write `192.0.2.7`"
        );
        assert!(IpPattern::parse("::/80").is_ok(), "more than IPv4 in the form of IPv6");
    }
}
