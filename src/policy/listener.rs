//! What a policy rests on in the listener that it runs behind.

use super::Policy;
use super::route::ClientCertificate;
use super::tls::ServerNameRule;

/// What the routes of a policy, taken together, ask of clients' certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateUse {
    /// No route looks at one.
    Never,
    /// Some route looks at one, and some can be used without.
    Sometimes,
    /// Every route demands one.
    Always,
}

/// What the routes of a policy, taken together, ask of the server name of the TLS handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerNameUse {
    /// No route looks at it.
    Never,
    /// Some route compares it.
    Compared,
}

impl Policy {
    /// What its routes ask of clients' certificates.
    pub fn certificate_use(&self) -> CertificateUse {
        let (mut looks, mut demands) = (0, 0);
        for route in self.routes.iter() {
            match route.client_certificate() {
                ClientCertificate::Ignored => {}
                ClientCertificate::Optional(_) => looks += 1,
                ClientCertificate::Required(_) => {
                    looks += 1;
                    demands += 1;
                }
            }
        }
        if looks == 0 {
            CertificateUse::Never
        } else if demands == self.routes.iter().len() {
            CertificateUse::Always
        } else {
            CertificateUse::Sometimes
        }
    }

    /// What its routes ask of the server name of the TLS handshake.
    pub fn server_name_use(&self) -> ServerNameUse {
        let compares = self.routes.iter().any(|route| match route.client_certificate() {
            ClientCertificate::Ignored => false,
            ClientCertificate::Optional(rules) | ClientCertificate::Required(rules) => {
                rules.tls.server_name != ServerNameRule::Ignore
            }
        });
        if compares { ServerNameUse::Compared } else { ServerNameUse::Never }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn policy(routes: &[&str]) -> Policy {
        let text = format!(
            r#"{{ "version": 1, "peer_certificate": {{ "verified_by": "envoy" }}, "routes": [{}] }}"#,
            routes.join(",")
        );
        Policy::from_json(text.as_bytes()).unwrap()
    }

    const OPEN: &str = r#"{ "name": "open", "match": { "path": "/o" }, "client_certificate": "ignored" }"#;
    const ASKS: &str = r#"{ "name": "asks", "match": { "path": "/a" }, "client_certificate": "optional",
        "allow": "any_verified" }"#;
    const NEEDS: &str = r#"{ "name": "needs", "match": { "path": "/n" }, "client_certificate": "required",
        "allow": "any_verified", "tls": { "sni": "ignore" } }"#;

    #[test]
    fn certificates_are_used_as_the_routes_say_taken_together() {
        for (routes, wanted) in [
            (&[OPEN][..], CertificateUse::Never),
            (&[OPEN, NEEDS], CertificateUse::Sometimes),
            (&[ASKS], CertificateUse::Sometimes),
            (&[ASKS, NEEDS], CertificateUse::Sometimes),
            (&[NEEDS], CertificateUse::Always),
        ] {
            assert_eq!(policy(routes).certificate_use(), wanted, "{routes:?}");
        }
    }

    #[test]
    fn the_server_name_is_used_where_a_route_that_looks_at_certificates_does_not_ignore_it() {
        for (routes, wanted) in [
            (&[OPEN][..], ServerNameUse::Never),
            (&[OPEN, NEEDS], ServerNameUse::Never),
            (&[ASKS, NEEDS], ServerNameUse::Compared),
        ] {
            assert_eq!(policy(routes).server_name_use(), wanted, "{routes:?}");
        }
    }
}
