//! DNS names (`dNSName`, RFC 5280 section 4.2.1.6) and patterns for them.

use std::fmt;

use super::names::Names;
use super::pattern::PatternError;
use super::text::quoted;
use super::truth::Truth;

/// The longest DNS name in characters (RFC 1035 section 2.3.4, less the root's length octet and the last dot).
const MAX_NAME: usize = 253;
/// The longest label (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// A DNS name as a certificate holds it, in lower case: a host's name, or a wildcard like `*.acme.example`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DnsName {
    text: String,
}

impl DnsName {
    /// Reads labels of letters, digits, `-` (not at an end) and `_`, the first of which may be `*` where another
    /// follows. No trailing dot: certificates hold none (RFC 5280 section 4.2.1.6, preferred name syntax). `_` is
    /// no host name character, but service names in private PKIs hold it.
    pub fn from_bytes(bytes: &[u8]) -> Option<DnsName> {
        if bytes.len() > MAX_NAME {
            return None;
        }
        let labels = bytes.strip_prefix(b"*.").unwrap_or(bytes);
        if !labels.split(|&byte| byte == b'.').all(is_label) {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?.to_ascii_lowercase();
        Some(DnsName { text })
    }

    /// The name in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the name is a wildcard, which names no single host.
    pub fn is_wildcard(&self) -> bool {
        self.text.starts_with("*.")
    }

    /// What of a pattern this name may match: a host's name its own, and a wildcard that covers it.
    pub(crate) fn keys(&self) -> impl Iterator<Item = DnsKey<'_>> {
        [DnsKey::Name(&self.text)].into_iter().chain(self.parent().map(DnsKey::Below))
    }

    /// What follows the left-most label.
    fn parent(&self) -> Option<&str> {
        self.text.split_once('.').map(|(_, parent)| parent)
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

fn is_label(label: &[u8]) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && label.first() != Some(&b'-')
        && label.last() != Some(&b'-')
}

/// What the names have in common that a pattern may match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DnsKey<'a> {
    /// They are this.
    Name(&'a str),
    /// They are one label longer than this.
    Below(&'a str),
}

/// A pattern for DNS names: one name, or `*.` and a suffix, where `*` stands for exactly one left-most label.
///
/// A wildcard *in the certificate* matches only the same wildcard in the policy. Where it covers the one host that a
/// pattern names, the answer is [`Truth::CannotTell`]: the certificate may be that host's, or another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsPattern {
    name: DnsName,
}

impl DnsPattern {
    /// Reads a name or `*.suffix`, in either case.
    pub fn parse(text: &str) -> Result<DnsPattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let name = DnsName::from_bytes(text.as_bytes())
            .ok_or_else(|| PatternError::Dns { text: text.to_owned() })?;
        Ok(DnsPattern { name })
    }

    /// What all hosts' names have in common that match. A wildcard in a certificate may match beside.
    pub(crate) fn key(&self) -> DnsKey<'_> {
        match self.name.parent() {
            Some(parent) if self.name.is_wildcard() => DnsKey::Below(parent),
            Some(_) | None => DnsKey::Name(self.name.as_str()),
        }
    }

    /// Whether any of the certificate's DNS names matches.
    pub fn matches(&self, names: &Names<DnsName>) -> Truth {
        names.any(|name| self.matches_name(name))
    }

    fn matches_name(&self, name: &DnsName) -> Truth {
        if self.name == *name {
            return Truth::Yes;
        }
        if self.name.parent().is_none() || self.name.parent() != name.parent() {
            return Truth::No;
        }
        match (self.name.is_wildcard(), name.is_wildcard()) {
            (true, _) => Truth::Yes,
            (false, true) => Truth::CannotTell,
            (false, false) => Truth::No,
        }
    }
}

/// As a policy writes it, in JSON.
impl fmt::Display for DnsPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        quoted(self.name.as_str()).fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn matches(pattern: &str, names: &[&str]) -> Truth {
        let mut all = Names::new();
        names.iter().for_each(|name| all.push(DnsName::from_bytes(name.as_bytes())));
        DnsPattern::parse(pattern).unwrap().matches(&all)
    }

    #[test]
    fn names_are_read_in_lower_case() {
        for (bytes, expected) in [
            ("Billing.ACME.example", "billing.acme.example"),
            ("localhost", "localhost"),
            ("_svc.a_b.acme-x.example", "_svc.a_b.acme-x.example"),
            ("*.Acme.example", "*.acme.example"),
            ("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
        ] {
            assert_eq!(DnsName::from_bytes(bytes.as_bytes()).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_is_no_name_is_not_read() {
        for bytes in [
            &b""[..],
            b".",
            b"*",
            b"*.",
            b"a.",
            b".a",
            b"a..b",
            b"-a.b",
            b"a-.b",
            b"*a.b",
            b"a*.b",
            b"a.*.b",
            b"*.*.b",
            b"a b",
            b"a.b\n",
            b"good.example.com\0.evil.com",
            b"\0",
            b"m\xc3\xbcnchen.example",
            b"\xff.example",
            b"a/b",
            b"a:443",
            b"a@b",
        ] {
            assert_eq!(DnsName::from_bytes(bytes), None, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn labels_and_names_at_the_limit_are_read_and_longer_ones_not() {
        let label = |length| "a".repeat(length);
        assert!(DnsName::from_bytes(label(63).as_bytes()).is_some());
        assert!(DnsName::from_bytes(label(64).as_bytes()).is_none());
        let name = |last| [label(63), label(63), label(63), label(last)].join(".");
        assert!(DnsName::from_bytes(name(61).as_bytes()).is_some());
        assert!(DnsName::from_bytes(name(62).as_bytes()).is_none());
    }

    #[test]
    fn an_exact_pattern_matches_its_name_only() {
        assert_eq!(matches("Pay.acme.example", &["x.example", "pay.ACME.example"]), Truth::Yes);
        for miss in
            ["x.pay.acme.example", "pay.acme.example.evil", "acme.example", "xpay.acme.example", "pay.acme"]
        {
            assert_eq!(matches("pay.acme.example", &[miss]), Truth::No, "{miss}");
        }
        assert_eq!(matches("pay.acme.example", &[]), Truth::No);
    }

    #[test]
    fn a_wildcard_pattern_matches_exactly_one_label() {
        assert_eq!(matches("*.acme.example", &["pay.acme.example"]), Truth::Yes);
        for miss in
            ["acme.example", "a.pay.acme.example", "payacme.example", "pay.acme.example.evil", "example"]
        {
            assert_eq!(matches("*.acme.example", &[miss]), Truth::No, "{miss}");
        }
    }

    #[test]
    fn a_wildcard_in_the_certificate_matches_itself_and_leaves_its_hosts_untold() {
        assert_eq!(matches("*.acme.example", &["*.acme.example"]), Truth::Yes);
        assert_eq!(matches("pay.acme.example", &["*.acme.example"]), Truth::CannotTell);
        assert_eq!(matches("pay.acme.example", &["*.acme.example", "pay.acme.example"]), Truth::Yes);
        for miss in ["*.pay.acme.example", "*.example", "*.acme.example.evil"] {
            assert_eq!(matches("*.acme.example", &[miss]), Truth::No, "{miss}");
            assert_eq!(matches("pay.acme.example", &[miss]), Truth::No, "{miss}");
        }
        assert_eq!(matches("acme.example", &["*.acme.example"]), Truth::No);
    }

    #[test]
    fn a_name_of_one_label_shares_no_suffix_with_another() {
        assert_eq!(matches("a", &["b"]), Truth::No);
        assert_eq!(matches("a", &["a"]), Truth::Yes);
    }

    #[test]
    fn an_unreadable_name_cannot_be_told_unless_another_matches() {
        assert_eq!(matches("pay.acme.example", &["pay.acme.example\0.evil.com"]), Truth::CannotTell);
        assert_eq!(matches("pay.acme.example", &["\0", "pay.acme.example"]), Truth::Yes);
    }

    #[test]
    fn a_pattern_that_is_no_name_is_refused_in_words() {
        let message = DnsPattern::parse("pay.*.example").unwrap_err().to_string();
        let expected =
            "`pay.*.example` is no DNS name; expected one like `billing.acme.example` or `*.acme.example`";
        assert_eq!(message, expected);
        assert_eq!(DnsPattern::parse(""), Err(PatternError::Empty));
        for text in ["*", "**.a", "a.", "spiffe://a/b", "münchen.example"] {
            assert!(DnsPattern::parse(text).is_err(), "{text}");
        }
    }
}
