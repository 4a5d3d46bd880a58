//! Networks that a route names, and the address that a request comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network in CIDR form (RFC 4632, section 3.1; RFC 4291, section 2.3), or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network {
    /// No bit is set beyond the prefix.
    first: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or an address.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr =
            address.parse().map_err(|_| "expected one like `10.0.0.0/8` or `2001:db8::/32`")?;
        let width = width(address);
        let prefix = match prefix {
            None => width,
            Some(digits) => {
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
                    && (digits == "0" || !digits.starts_with('0'));
                let prefix = digits.parse::<u8>().ok().filter(|prefix| plain && *prefix <= width);
                prefix.ok_or("the length of its prefix is no number of bits that the address has")?
            }
        };
        let network = Self::around(address, prefix);
        if network.first != address {
            return Err("bits are set beyond the length of its prefix");
        }
        if address.to_canonical() != address {
            return Err("IPv4 in the form of IPv6 is matched as IPv4; write it so");
        }
        Ok(network)
    }

    /// The network of that prefix length in which `address` lies.
    pub(crate) fn around(address: IpAddr, prefix: u8) -> Self {
        let first = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        };
        Self { first, prefix }
    }

    /// Whether `address` lies in it.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && Self::around(address, self.prefix) == *self
    }

    /// The octets of its first address.
    pub(crate) fn octets(&self) -> Vec<u8> {
        match self.first {
            IpAddr::V4(first) => first.octets().to_vec(),
            IpAddr::V6(first) => first.octets().to_vec(),
        }
    }

    /// Whether it is a network of IPv4 or of IPv6, and the length of its prefix.
    pub(crate) fn shape(&self) -> (bool, u8) {
        (self.first.is_ipv4(), self.prefix)
    }
}

/// Reads an address with port as Envoy writes it: `192.0.2.7:60408`, `[2001:db8::1]:60408`. IPv4 in the form of IPv6,
/// which a listener for both sees, is IPv4.
pub(crate) fn address(text: &[u8]) -> Option<IpAddr> {
    let (address, port) = std::str::from_utf8(text).ok()?.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    let address = match address.strip_prefix('[') {
        // The zone of a link-local address (RFC 4007, section 11) is no part of it.
        Some(rest) => rest.strip_suffix(']')?.split('%').next()?.parse::<Ipv6Addr>().ok()?.into(),
        None => address.parse::<Ipv4Addr>().ok()?.into(),
    };
    Some(IpAddr::to_canonical(&address))
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn contains(network: &str, source: &str) -> bool {
        Network::parse(network).unwrap().contains(address(source.as_bytes()).unwrap())
    }

    #[test]
    fn a_network_contains_its_first_and_last_address_and_not_their_neighbours() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", ["10.0.0.0:1", "10.255.255.255:65535"], ["9.255.255.255:1", "11.0.0.0:1"]),
            ("192.0.2.7", ["192.0.2.7:1", "[::ffff:192.0.2.7]:1"], ["192.0.2.6:1", "[::192.0.2.7]:1"]),
            ("192.0.2.6/31", ["192.0.2.6:1", "192.0.2.7:1"], ["192.0.2.5:1", "192.0.2.8:1"]),
            (
                "2001:db8::/32",
                ["[2001:db8::]:1", "[2001:db8:ffff::1]:1"],
                ["[2001:db9::]:1", "32.1.13.184:1"],
            ),
            ("fe80::/10", ["[fe80::1%eth0]:1", "[febf::]:1"], ["[fec0::]:1", "[fe7f::]:1"]),
        ] {
            inside.iter().for_each(|source| assert!(contains(network, source), "{source} of {network}"));
            outside.iter().for_each(|source| assert!(!contains(network, source), "{source} of {network}"));
        }
        assert!(contains("0.0.0.0/0", "255.1.2.3:1") && !contains("0.0.0.0/0", "[::1]:1"));
        assert!(contains("::/0", "[::1]:1") && !contains("::/0", "1.2.3.4:1"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "10.0.0.0/8/8",
            "10.0.0",
            "::/129",
            "localhost",
            "[::1]",
            "10.0.0.0:80",
            "::ffff:192.0.2.0/120",
            "010.0.0.0/8",
        ] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_with_port_is_none() {
        for text in [
            "",
            "10.0.0.1",
            "10.0.0.1:",
            "10.0.0.1:65536",
            "::1:80",
            "[::1]",
            "[10.0.0.1]:1",
            "/run/socket",
            "@a:1",
            "a\u{e9}:1",
        ] {
            assert_eq!(address(text.as_bytes()), None, "{text}");
        }
        assert_eq!(address(b"10.0.0.1\xff:1"), None);
    }
}
