//! The certificates that a set-up starts from.

use super::mint::{Ca, Minted};

/// A CA whose clients Envoy trusts, one that it does not know, and Envoy's own certificate.
pub struct Pki {
    /// Signs the clients whom Envoy trusts.
    pub ca: Ca,
    /// Signs the others.
    pub stranger: Ca,
    /// Signs Envoy's certificate.
    pub server_ca: Ca,
    /// Envoy's certificate, for `acme.example`, every host one label below it, `localhost` and 127.0.0.1.
    pub server: Minted,
}

impl Pki {
    /// The same certificates every time.
    pub fn new() -> Pki {
        let ca = Ca::new("Acme Root");
        let server_ca = Ca::new("Acme Server Root");
        let server = server_ca
            .leaf("localhost")
            .dns("localhost")
            .dns("acme.example")
            .dns("*.acme.example")
            .ip([127, 0, 0, 1].into())
            .server()
            .mint();
        Pki { ca, stranger: Ca::new("Stranger Root"), server_ca, server }
    }
}
