//! `mtlsctl envoy trusted-ca`: the anchors of a policy, as Envoy reads them.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use mtls_policy::cert::Certificate;
use mtls_policy::policy::{Policy, TrustBundle};
use mtls_policy::trust::Authority;
use pem_rfc7468::LineEnding;

use crate::cli::findings_report::{FileReport, human};
use crate::cli::{Exit, input, output, trust_bundle};

/// Longest comment on an anchor, in bytes of ASCII: Envoy's library for PEM reads 253 of a line at once, and what comes next looks to
/// it like another line.
const MAX_COMMENT_BYTES: usize = 200;

/// Longest subject in a comment, so that there is room for bundles.
const MAX_SUBJECT_BYTES: usize = 120;

/// Print the anchors of a policy's trust bundles as PEM, for `trusted_ca` in Envoy's validation context.
///
/// Each anchor stands there once, in the policy's order, below a comment with its subject and bundles.
///
/// The CA names that Envoy advertises in the handshake, when it asks for a certificate, are the subjects in this file; by them many
/// clients choose a certificate, or send none. They may differ from the CAs that a given route trusts: a listener has one file for all
/// of its routes, and the handshake comes before the request. Everybody who connects can read them. Make the file anew when an
/// anchor comes or goes.
///
/// Errors of the policy go to the standard error, as `mtlsctl check` shows them. Exits with 0 if the anchors were printed, with 1
/// if the policy has errors, and with 2 if it cannot be read or has no such trust bundle.
#[derive(Debug, Args)]
pub(super) struct TrustedCa {
    /// The policy; `-` is the standard input.
    policy: PathBuf,

    /// Only the anchors of this trust bundle; may be given several times.
    #[arg(long = "bundle", value_name = "NAME")]
    bundles: Vec<String>,
}

impl TrustedCa {
    pub(super) fn run(&self) -> Exit {
        let name = input::name(&self.policy);
        let document = match input::read(&self.policy) {
            Ok(document) => document,
            Err(error) => return output::fail(format_args!("{name}: cannot be read: {error}")),
        };
        let policy = match Policy::from_json(&document) {
            Ok(policy) => policy,
            Err(errors) => {
                // Not among what goes into a file for Envoy.
                let page = human(&[FileReport::checked(name, &document, Err(errors))]);
                let _ = anstream::stderr().write_all(page.as_bytes());
                return Exit::Errors;
            }
        };
        match self.pem(&policy) {
            Ok(pem) => output::print(pem, Exit::Good),
            Err(error) => output::fail(format_args!("{name}: {error}")),
        }
    }

    fn pem(&self, policy: &Policy) -> Result<String, String> {
        if policy.trust_bundles().is_empty() {
            return Err("the policy has no trust bundles; list the CAs that you trust as `anchors_pem` of a bundle in `trust_bundles`".to_owned());
        }
        for name in &self.bundles {
            trust_bundle::named(policy, name)?;
        }
        let is_wanted = |bundle: &&TrustBundle| {
            self.bundles.is_empty() || self.bundles.iter().any(|name| name == bundle.name())
        };
        let bundles: Vec<&TrustBundle> = policy.trust_bundles().iter().filter(is_wanted).collect();
        let mut pem = String::new();
        for (anchor, holders) in anchors(&bundles) {
            pem.push_str(&comment(&anchor.subject().to_string(), &holders));
            pem.push_str(&block(anchor.certificate())?);
        }
        Ok(pem)
    }
}

/// Every anchor once, with the names of the bundles that hold it.
fn anchors<'p>(bundles: &[&'p TrustBundle]) -> Vec<(&'p Authority, Vec<&'p str>)> {
    let mut all: Vec<(&Authority, Vec<&str>)> = Vec::new();
    let mut places = HashMap::new();
    for bundle in bundles {
        for anchor in bundle.anchors() {
            let place = *places.entry(anchor.certificate().fingerprint()).or_insert(all.len());
            match all.get_mut(place) {
                Some((_, holders)) => holders.push(bundle.name()),
                None => all.push((anchor, vec![bundle.name()])),
            }
        }
    }
    all
}

fn block(certificate: &Certificate) -> Result<String, String> {
    pem_rfc7468::encode_string("CERTIFICATE", LineEnding::LF, certificate.der())
        .map_err(|error| format!("an anchor cannot be written: {error}"))
}

/// `# SUBJECT (BUNDLES)`. Subjects come from certificates, and may hold anything.
fn comment(subject: &str, bundles: &[&str]) -> String {
    let subject = match subject {
        "" => "(no subject)".to_owned(),
        subject => shortened(&plain(subject), MAX_SUBJECT_BYTES),
    };
    let mut comment = format!("# {subject} (");
    for (at, bundle) in bundles.iter().enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        let next = format!("{separator}{}", plain(bundle));
        if comment.len() + next.len() > MAX_COMMENT_BYTES {
            comment.push_str(&format!(" and {} more", bundles.len() - at));
            break;
        }
        comment.push_str(&next);
    }
    comment + ")\n"
}

/// In printable ASCII, without the five hyphens by which programs that read PEM know where a block begins or ends.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut hyphens = 0;
    for character in text.chars() {
        hyphens = if character == '-' { hyphens + 1 } else { 0 };
        if hyphens == 5 {
            plain.extend(character.escape_unicode());
            hyphens = 0;
        } else if matches!(character, ' '..='~') {
            plain.push(character);
        } else {
            plain.extend(character.escape_unicode());
        }
    }
    plain
}

/// Of ASCII.
fn shortened(text: &str, limit: usize) -> String {
    match text.get(..limit) {
        Some(beginning) if text.len() > limit => format!("{beginning}..."),
        Some(_) | None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_names_subject_and_bundles() {
        assert_eq!(comment("CN=Acme Root", &["corp"]), "# CN=Acme Root (corp)\n");
        assert_eq!(comment("CN=Acme Root", &["corp", "partners"]), "# CN=Acme Root (corp, partners)\n");
        assert_eq!(comment("", &["corp"]), "# (no subject) (corp)\n");
        assert_eq!(comment("CN=xn--acme----root", &["a--b"]), "# CN=xn--acme----root (a--b)\n");
    }

    #[test]
    fn whatever_a_subject_holds_its_comment_is_one_short_line_that_bounds_no_block() {
        let long = "a".repeat(64);
        let many = [long.as_str(); 64];
        for subject in [
            "CN=-----BEGIN CERTIFICATE-----",
            "CN=a\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
            "CN=a\r-----END CERTIFICATE-----\0\u{2028}\u{85}",
            "CN=\u{1b}[31mRoot \u{202e}",
            &format!("CN={}", "-".repeat(1000)),
            &format!("CN={}", "é".repeat(1000)),
            &format!("CN={}-----BEGIN CERTIFICATE-----", "x".repeat(251)),
        ] {
            for bundles in [&["corp"][..], &["-----BEGIN"], &many] {
                let comment = comment(subject, bundles);
                let line = comment.strip_suffix('\n').unwrap_or_default();
                assert!(line.starts_with("# CN=") && line.ends_with(')'), "{line}");
                assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line}");
                assert!(!line.contains("-----"), "{line}");
                assert!(line.len() < 254, "{line}");
            }
        }
        assert_eq!(comment("CN=a", &many), format!("# CN=a ({long}, {long} and 62 more)\n"));
    }
}
