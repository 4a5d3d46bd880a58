//! What is counted, and under which names.
//!
//! [`Counts`] adds up what requests come to, without text and, once warm, without memory; whoever runs the engine takes it out
//! from time to time and hands it to a system of metrics. Names begin with a family; labels follow as pairs of `.LABEL.VALUE` in a
//! fixed order, and `envoy/observability/stats-tags.yaml` tells Envoy how to take them out again. Every value is a word of this
//! program or a name from the policy: nothing that a client sends can become part of a name.

mod cache;
mod counts;
mod lifetime;
mod outcome;

use crate::cert::Fingerprint;
use crate::revocation::Status;

pub use cache::CacheUse;
pub use counts::Counts;
pub use lifetime::Lifetime;
pub use outcome::Outcome;

/// What stands for the route where none was selected. No route can be named so: names have no brackets.
pub const NO_ROUTE: &str = "(none)";

/// Policies that are in force; the label is the beginning of their digest.
pub const POLICY_IN_FORCE: &str = "policy.in_force.digest.";

/// Policies that were refused.
pub const POLICY_REFUSED: &str = "policy.refused";

/// Requests that were refused without a decision: nobody could be asked, or what was decided could not be done.
pub const REFUSED: &str = "requests.refused";

/// So many digits of a policy's digest are told.
const DIGEST_DIGITS: usize = 12;

/// So many letters of a URL are told.
const MAX_SOURCE_LETTERS: usize = 100;

/// The name of the gauge of a policy.
pub fn policy_in_force(digest: Fingerprint) -> String {
    let digest = digest.to_string();
    [POLICY_IN_FORCE, digest.get(..DIGEST_DIGITS).unwrap_or(&digest)].concat()
}

/// What a source of lists or a responder is called in names: its URL in letters that names may have, and a part of its digest.
pub fn source_name(cluster: &str, url: &str) -> String {
    let digest = Fingerprint::of([cluster, "\n", url].concat().as_bytes()).to_string();
    let letters = url.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' });
    let letters: String = letters.take(MAX_SOURCE_LETTERS).collect();
    [&letters, "_", digest.get(..8).unwrap_or_default()].concat()
}

/// A status in a word: why it is unknown, where it is.
pub fn status_word(status: &Status) -> &'static str {
    match status {
        Status::Good => "good",
        Status::Revoked(_) => "revoked",
        Status::Unknown(unknown) => unknown.why.code(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_source_has_a_name_of_its_own_without_dots() {
        let one = source_name("crl", "http://crl.acme.example/corp.crl?a=.result.loaded");
        assert!(one.starts_with("http___crl_acme_example_corp_crl_a__result_loaded_"), "{one}");
        assert!(!one.contains('.'), "{one}");
        // The letters are the same, and the source is not.
        assert_ne!(source_name("crl", "http://a.example/b"), source_name("crl", "http://a.example.b"));
        assert_ne!(source_name("crl", "http://a.example/b"), source_name("other", "http://a.example/b"));
        assert_eq!(source_name("crl", &"x".repeat(5000)).len(), MAX_SOURCE_LETTERS + 9);
    }

    #[test]
    fn a_policy_is_told_by_the_beginning_of_its_digest() {
        let name = policy_in_force(Fingerprint::of(b""));
        assert_eq!(name, "policy.in_force.digest.e3b0c44298fc");
    }
}
