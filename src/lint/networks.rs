//! Networks that routes name, and addresses that few of them hold.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::policy::Network;

/// An address that no route names, if luck will have it: it is for documentation (RFC 5737, section 3).
pub(super) const SOME_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// The same in IPv6 (RFC 3849).
const SOME_IPV6_ADDRESS: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// Every address of one version of IP, or those of one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    is_ipv4: bool,
    first: u128,
    /// In reverse, so that a network stands before those inside of it.
    last: Reverse<u128>,
}

/// The networks of all routes, in order.
#[derive(Debug, Default)]
pub(super) struct Networks(Vec<Range>);

impl Networks {
    pub(super) fn new<'n>(networks: impl Iterator<Item = &'n Network>) -> Self {
        let mut ranges: Vec<Range> = networks.map(Range::of).collect();
        ranges.sort_unstable();
        ranges.dedup();
        Self(ranges)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An address in none of the networks.
    pub(super) fn outside(&self) -> Option<IpAddr> {
        let everywhere = [(true, u128::from(u32::MAX)), (false, u128::MAX)];
        let everywhere = everywhere.map(|(is_ipv4, last)| Range { is_ipv4, first: 0, last: Reverse(last) });
        let is_named = |address: &IpAddr| self.0.iter().any(|range| range.contains(*address));
        [SOME_ADDRESS, SOME_IPV6_ADDRESS]
            .into_iter()
            .find(|address| !is_named(address))
            .or_else(|| everywhere.iter().find_map(|range| self.left_in(*range, self.0.iter())))
    }

    /// An address in `network` and in none of the networks inside of it.
    pub(super) fn inside(&self, network: &Network) -> Option<IpAddr> {
        let range = Range::of(network);
        let after = self.0.partition_point(|other| *other <= range);
        self.left_in(range, self.0.iter().skip(after))
    }

    fn left_in<'r>(&self, range: Range, others: impl Iterator<Item = &'r Range>) -> Option<IpAddr> {
        let mut left = range.first;
        for other in others.skip_while(|other| !other.is_ipv4 & range.is_ipv4) {
            if other.is_ipv4 != range.is_ipv4 || other.first > range.last.0 || left < other.first {
                break;
            }
            left = left.max(other.last.0.checked_add(1)?);
        }
        (left <= range.last.0).then(|| address(range.is_ipv4, left)).flatten()
    }
}

/// The first address of a network.
pub(super) fn first(network: &Network) -> Option<IpAddr> {
    let range = Range::of(network);
    address(range.is_ipv4, range.first)
}

/// Whether every address of `inner` is in `outer`.
pub(super) fn holds(outer: &Network, inner: &Network) -> bool {
    let (outer, inner) = (Range::of(outer), Range::of(inner));
    outer.is_ipv4 == inner.is_ipv4 && outer.first <= inner.first && inner.last.0 <= outer.last.0
}

/// Whether some address is in both. Of two networks that meet one holds the other.
pub(super) fn meet(left: &Network, right: &Network) -> bool {
    holds(left, right) || holds(right, left)
}

impl Range {
    fn of(network: &Network) -> Self {
        let (is_ipv4, prefix) = network.shape();
        let first = network.octets().iter().fold(0, |number, octet| number << 8 | u128::from(*octet));
        let width = if is_ipv4 { 32 } else { 128 };
        let rest = u128::MAX.checked_shr(128 - (width - u32::from(prefix))).unwrap_or(0);
        Self { is_ipv4, first, last: Reverse(first | rest) }
    }

    fn contains(self, address: IpAddr) -> bool {
        let (is_ipv4, number) = match address {
            IpAddr::V4(address) => (true, u128::from(address.to_bits())),
            IpAddr::V6(address) => (false, address.to_bits()),
        };
        self.is_ipv4 == is_ipv4 && (self.first..=self.last.0).contains(&number)
    }
}

/// `None` for IPv4 in the form of IPv6, which is read as IPv4.
fn address(is_ipv4: bool, number: u128) -> Option<IpAddr> {
    if is_ipv4 {
        return u32::try_from(number).ok().map(|bits| Ipv4Addr::from_bits(bits).into());
    }
    let address = IpAddr::from(Ipv6Addr::from_bits(number));
    (address.to_canonical() == address).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| Network::parse(text).unwrap()).collect()
    }

    fn outside(texts: &[&str]) -> Option<String> {
        Networks::new(networks(texts).iter()).outside().map(|address| address.to_string())
    }

    fn inside(network: &str, others: &[&str]) -> Option<String> {
        let own = Network::parse(network).unwrap();
        let all = networks(others);
        Networks::new(all.iter().chain([&own])).inside(&own).map(|address| address.to_string())
    }

    #[test]
    fn an_address_outside_of_every_network_is_found_if_there_is_one() {
        assert_eq!(outside(&["10.0.0.0/8"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(outside(&["0.0.0.0/0"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(outside(&["128.0.0.0/1", "2000::/3"]).as_deref(), Some("0.0.0.0"));
        assert_eq!(outside(&["0.0.0.0/0", "::/1", "8000::/2"]), Some("c000::".to_owned()));
        assert_eq!(outside(&["0.0.0.0/0", "::/0"]), None);
    }

    #[test]
    fn an_address_of_a_network_avoids_those_inside_of_it_and_no_others() {
        for (others, found) in [
            (&[][..], Some("10.0.0.0")),
            (&["10.0.0.0/9"], Some("10.128.0.0")),
            (&["10.128.0.0/9"], Some("10.0.0.0")),
            (&["10.0.0.0/9", "10.128.0.0/9"], None),
            (&["10.0.0.0/9", "10.0.0.0/16", "10.128.0.0/16"], Some("10.129.0.0")),
            (&["0.0.0.0/0", "11.0.0.0/8"], Some("10.0.0.0")),
            (&["::/0"], Some("10.0.0.0")),
        ] {
            assert_eq!(inside("10.0.0.0/8", others).as_deref(), found, "{others:?}");
        }
        assert_eq!(inside("255.0.0.0/8", &["255.0.0.0/9", "255.128.0.0/9"]), None);
    }

    #[test]
    fn one_network_holds_another_or_they_do_not_meet() {
        let [wide, narrow, other] =
            ["10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8"].map(|text| networks(&[text])[0]);
        assert!(holds(&wide, &narrow) && !holds(&narrow, &wide) && holds(&wide, &wide));
        assert!(meet(&narrow, &wide) && !meet(&wide, &other));
    }
}
