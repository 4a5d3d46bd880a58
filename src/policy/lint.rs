//! The names of the policy lints, which policies use to silence one. The lints themselves are no part of the filter.

/// Defines the lints: variant, id, and why one should care.
macro_rules! lints {
    ($($(#[$doc:meta])* $variant:ident = $id:literal, $reason:literal;)*) => {
        /// Something in a policy that is legal and yet seldom meant.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Lint {
            $($(#[$doc])* $variant,)*
        }

        impl Lint {
            /// Every lint.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The ids of all lints, in the same order.
            pub const IDS: &[&str] = &[$($id),*];

            /// The name by which a lint is reported and silenced.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$variant => $id,)*
                }
            }

            /// Why what the lint finds should not stay unnoticed.
            pub fn reason(self) -> &'static str {
                match self {
                    $(Self::$variant => $reason,)*
                }
            }
        }
    };
}

lints! {
    /// A route that no request can select.
    NeverMatches = "never-matches",
        "a route that earlier routes hide is not in force, whatever it demands";
    /// An identity that no route refers to.
    UnusedIdentity = "unused-identity",
        "an identity that no route refers to protects nothing; often a route has forgotten it";
    /// A path that is protected for some requests and open for others.
    BackDoor = "back-door",
        "what one route protects, another opens to requests of another method, host or header";
    /// An open route for everything that the routes before it leave.
    DenyByPath = "deny-by-path",
        "where the rest is open, every path that somebody forgets to protect is open; name what is open instead";
    /// The same, in a policy that does not say whether the server's paths have case.
    PathCaseUnstated = "path-case-unstated",
        "where the rest is open, `/Admin` is open; if the server takes it for `/admin`, so is that";
    /// A route that ignores certificates on every path.
    IgnoredOnRoot = "ignored-on-root",
        "a route that ignores certificates on every path leaves nothing for the policy to protect";
    /// A pattern in `allow` that takes almost anything.
    BroadPattern = "broad-pattern",
        "a pattern that takes names of unknown owners lets their owners in";
    /// A regular expression that could be an exact text, a prefix or a suffix.
    RegexWithoutNeed = "regex-without-need",
        "plain text cannot be misread, and costs nothing to compare";
    /// A pin of a whole certificate.
    ExpiringPin = "expiring-pin",
        "`sha256` pins one certificate, which the next renewal replaces; `spki_sha256` pins its key, which may stay";
    /// A route whose denials are not enforced.
    Shadow = "shadow",
        "in shadow, denied requests pass; what was meant for a trial stays on unnoticed";
    /// A route that lets clients in of whom it cannot be told whether they were revoked.
    UnknownAllowed = "unknown-allowed",
        "whoever keeps lists and answers from arriving lets revoked clients in";
    /// The same, until a list has come for the first time.
    LoadingAllowed = "loading-allowed",
        "until a list has come, after each start of the proxy, revoked clients get in";
    /// A long time in which a list is believed after its end.
    LongGrace = "long-grace",
        "who holds back new lists keeps revoked clients in for as long as old ones are believed";
    /// A list in the policy whose time is over, or nearly.
    ExpiringList = "expiring-list",
        "a list in the policy is replaced by nobody else; when its time is over, nobody knows who was revoked";
    /// A certificate of a trust bundle that is not valid now.
    CaNotValid = "ca-not-valid",
        "what rests on a CA that is not valid is not believed: no client, no list, no response";
    /// A certificate of a trust bundle that ends soon.
    ExpiringCa = "expiring-ca",
        "when a CA ends, all of its clients are shut out at once; the one that follows it may stand beside it until then";
    /// An anchor that may sign no certificates.
    NonIssuingAnchor = "non-issuing-anchor",
        "an anchor that may sign no certificates vouches for nobody; often it is not the one that was meant";
    /// A trust bundle that no route makes use of.
    UnusedBundle = "unused-bundle",
        "a trust bundle that no route makes use of vouches for nobody and revokes nobody; often `trust` or `revocation` has been forgotten";
    /// An assertion that no route's requests touch.
    VacuousAssertion = "vacuous-assertion",
        "an assertion about requests that no route takes proves nothing; often its path or host is misspelt";
    /// A question about the policy that takes too much work to decide.
    Undecided = "undecided",
        "what cannot be decided may be as bad as what is reported";
    /// A silence that silences nothing.
    UselessAllow = "useless-allow",
        "a silence that outlives its finding hides the next one";
}

impl Lint {
    /// The lint of that id, if there is one.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|lint| lint.id() == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn ids_are_kebab_case_and_lead_back_to_their_lints() {
        for (lint, id) in Lint::ALL.iter().zip(Lint::IDS) {
            assert_eq!(Lint::from_id(id), Some(*lint));
            assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{id}");
            assert!(!lint.reason().ends_with('.') && !lint.reason().is_empty(), "{id}");
        }
        assert_eq!(Lint::from_id("never_matches"), None);
    }
}
