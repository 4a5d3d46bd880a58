//! DNS names (`dNSName`, RFC 5280 section 4.2.1.6) and patterns for them.

use std::fmt;

use super::names::Names;
use super::pattern::PatternError;
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
