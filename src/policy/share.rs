//! For which clients a route's denials are enforced, while it is rolled out.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::identity::{Identity, SpiffeIdentity};

/// The clients for whom denials are enforced; the others are in shadow. Each route has its own, and a greater share holds whom a
/// smaller one did.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) enum Share {
    /// Everybody.
    #[default]
    All,
    /// Verified clients whose place lies below this part of all places, and everybody who was not verified.
    Part(Part),
}

/// A part of all clients: at least 0 and less than 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Part {
    ratio: f64,
    /// The first place that does not belong to it, of 2^64.
    end: u64,
}

impl Share {
    /// That ratio of clients; `None` where it is none between 0 and 1.
    pub(super) fn of(ratio: f64) -> Option<Share> {
        /// All places: 2^64.
        const PLACES: f64 = 18_446_744_073_709_551_616.0;
        if ratio == 1.0 {
            return Some(Share::All);
        }
        // The product is exact, and below 2^64: the greatest ratio below 1 lacks 2^-53.
        (0.0..1.0).contains(&ratio).then_some(Share::Part(Part { ratio, end: (ratio * PLACES) as u64 }))
    }

    /// The part, where it is not everybody.
    pub(crate) fn part(self) -> Option<Part> {
        match self {
            Share::All => None,
            Share::Part(part) => Some(part),
        }
    }
}

impl Part {
    /// Whether a verified client belongs to it, on the route of this name.
    pub(crate) fn contains(self, route: &str, client: &Identity) -> bool {
        place(route, client) < self.end
    }

    /// Whether it is nobody.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn is_empty(self) -> bool {
        self.end == 0
    }
}

/// As the policy has it: `0.25`.
impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.ratio)
    }
}

/// Where a client stands among all places. It is its own on each route, so that it is not the same clients who are the first on all.
///
/// Of the names as records write them, so that records tell it too: a certificate that is renewed, and another one of the same
/// client, have the same place.
fn place(route: &str, client: &Identity) -> u64 {
    let mut digest = Sha256::new();
    // A NUL is in no route's name, and names are escaped or without: no two clients of two routes are digested alike.
    digest.update(route);
    match client.spiffe() {
        SpiffeIdentity::Id(id) => {
            digest.update(b"\0spiffe\0");
            digest.update(id.as_str());
        }
        SpiffeIdentity::None | SpiffeIdentity::Invalid(_) => {
            digest.update(b"\0issuer\0");
            digest.update(client.issuer().to_string());
            digest.update(b"\0subject\0");
            digest.update(client.subject().to_string());
            // Without a subject the alternative names are all there is (RFC 5280 section 4.1.2.6).
            if client.subject().is_empty() {
                let dns = client.dns().values().iter().map(|name| name.as_str());
                let uri = client.uri().values().iter().map(|name| name.as_str());
                let email = client.email().values().iter().map(|name| name.as_str());
                for name in dns.chain(uri).chain(email) {
                    digest.update(b"\0");
                    digest.update(name);
                }
            }
        }
    }
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(digest.finalize());
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
