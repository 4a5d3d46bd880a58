//! The host that a request names, and the hosts that a route names.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest host name (RFC 1035, section 2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// A host in the form in which hosts are compared: lower case, without port and trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host(String);

impl Host {
    /// Reads the `:authority` of a request: a host, with or without port.
    ///
    /// # Errors
    /// What is wrong with it, where it is no host: empty, with user information, or with characters that
    /// neither a name nor an address has.
    pub fn from_authority(authority: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(authority).map_err(|_| "it is not ASCII")?;
        if let Some(rest) = text.strip_prefix('[') {
            let (address, port) = rest.split_once(']').ok_or("the bracket is not closed")?;
            check_port(port)?;
            return Self::ipv6(address);
        }
        match text.split_once(':') {
            Some((_, port)) if port.contains(':') => Err("an IPv6 address needs brackets"),
            Some((name, port)) => {
                check_digits(port)?;
                Self::name(name)
            }
            None => Self::name(text),
        }
    }

    /// Reads a name or address without port, as policies and server name indications hold it.
    ///
    /// # Errors
    /// What is wrong with it, where it is no host.
    pub fn from_name(name: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(name).map_err(|_| "it is not ASCII")?;
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if bare.contains(':') { Self::ipv6(bare) } else { Self::name(text) }
    }

    fn name(text: &str) -> Result<Self, &'static str> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err("it is empty");
        }
        if text.len() > MAX_HOST_BYTES {
            return Err("it is longer than 253 characters");
        }
        let (mut label_begins, mut is_label_empty) = (true, false);
        for byte in text.bytes() {
            match byte {
                b'.' => {
                    is_label_empty |= label_begins;
                    label_begins = true;
                }
                b'-' | b'_' => label_begins = false,
                _ if byte.is_ascii_alphanumeric() => label_begins = false,
                _ if text.contains('@') => return Err("it holds user information"),
                _ => {
                    return Err(
                        "it holds a character that no host name has (write other scripts in their `xn--` form)",
                    );
                }
            }
        }
        if is_label_empty || label_begins {
            return Err("it holds an empty label");
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    fn ipv6(text: &str) -> Result<Self, &'static str> {
        // One spelling for every address (RFC 5952).
        text.parse::<Ipv6Addr>().map(|address| Self(address.to_string())).map_err(|_| "it is no IPv6 address")
    }

    /// The host as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an address, which a client never sends as server name (RFC 6066, section 3).
    pub fn is_ip_literal(&self) -> bool {
        self.0.contains(':') || self.0.parse::<Ipv4Addr>().is_ok()
    }
}

fn check_port(text: &str) -> Result<(), &'static str> {
    match text.strip_prefix(':') {
        Some(digits) => check_digits(digits),
        None if text.is_empty() => Ok(()),
        None => Err("text follows the address"),
    }
}

fn check_digits(port: &str) -> Result<(), &'static str> {
    // RFC 3986, section 3.2.3: the digits may be absent.
    if port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err("its port is no number")
    }
}

/// A host as a route names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// This host.
    Exact(Host),
    /// `*.suffix`: every host below the suffix, however many labels, but not the suffix itself, as Envoy's
    /// virtual hosts understand it. Holds the suffix with its leading dot.
    Below(String),
}

impl HostPattern {
    /// Reads `name`, an address, or `*.suffix`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "*" {
            return Err("leave `hosts` out to match every host");
        }
        if let Some(suffix) = text.strip_prefix("*.") {
            let suffix = Host::name(suffix)?;
            if suffix.is_ip_literal() {
                return Err("nothing is below an address");
            }
            return Ok(Self::Below(format!(".{}", suffix.as_str())));
        }
        if text.contains('*') {
            return Err("`*` may only stand for the whole beginning, as in `*.example.com`");
        }
        if text.contains('/') {
            return Err("leave scheme and path out");
        }
        if has_port(text) {
            return Err("leave the port out");
        }
        Host::from_name(text.as_bytes()).map(Self::Exact)
    }

    /// Whether the pattern names `host`.
    pub fn matches(&self, host: &Host) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::Below(suffix) => {
                host.as_str().len() > suffix.len() && host.as_str().ends_with(suffix.as_str())
            }
        }
    }

    /// Whether the pattern can only name an address.
    pub(crate) fn is_ip_literal(&self) -> bool {
        match self {
            Self::Exact(host) => host.is_ip_literal(),
            Self::Below(_) => false,
        }
    }
}

fn has_port(text: &str) -> bool {
    text.contains("]:") || text.matches(':').count() == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn case_port_and_trailing_dot_do_not_matter() {
        for authority in [
            "API.Example.COM",
            "api.example.com.",
            "api.example.com:8443",
            "api.example.com.:",
            "API.example.com.:1",
        ] {
            let host = Host::from_authority(authority.as_bytes());
            assert_eq!(host.as_ref().map(Host::as_str), Ok("api.example.com"), "{authority}");
        }
        assert_eq!(Host::from_authority(b"[::1]:8443"), Host::from_name(b"0:0:0:0:0:0:0:1"));
        assert_eq!(Host::from_authority(b"127.0.0.1:80").as_ref().map(Host::as_str), Ok("127.0.0.1"));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for authority in [
            "",
            ".",
            ":80",
            "user@a.example",
            "a..example",
            "a.example:x",
            "a.example:123456",
            "[::1",
            "[::1]x",
            "::1",
            "a b",
            "a/b",
            "a\0b",
            "b\u{fc}cher.example",
            "*.a.example",
        ] {
            assert!(Host::from_authority(authority.as_bytes()).is_err(), "{authority:?}");
        }
        assert!(Host::from_authority(b"a.example\xff").is_err());
    }

    #[test]
    fn a_wildcard_names_every_host_below_and_nothing_else() {
        let pattern = HostPattern::parse("*.Acme.example").unwrap();
        let matches = |name: &str| pattern.matches(&Host::from_name(name.as_bytes()).unwrap());
        assert!(matches("a.acme.example"));
        assert!(matches("a.b.ACME.example"));
        assert!(!matches("acme.example"));
        assert!(!matches("evilacme.example"));
        assert!(!matches("a.acme.example.org"));
    }

    #[test]
    fn patterns_that_no_request_can_name_are_refused() {
        for text in [
            "*",
            "a.*.example",
            "*a.example",
            "a.example:443",
            "[::1]:443",
            "",
            "*.",
            "*.10.0.0.1",
            "http://a",
        ] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
        assert!(HostPattern::parse("::1").is_ok_and(|pattern| pattern.is_ip_literal()));
        assert!(HostPattern::parse("[::1]").is_ok_and(|pattern| pattern.is_ip_literal()));
    }
}
