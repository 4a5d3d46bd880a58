//! What a policy rests on in the listener that it runs behind.

use std::collections::BTreeSet;

use super::Policy;
use super::route::{CertificateRules, ClientCertificate, Route};
use super::tls::ServerNameRule;
use super::trust_bundle::TrustBundle;

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

/// What the routes of a policy, taken together, ask of clients' addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressUse {
    /// No route looks at them.
    Never,
    /// Some route has a condition `source`.
    Compared,
}

/// What the routes of a policy, taken together, ask of the cipher suite of the TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CipherUse {
    /// No route looks at it.
    Never,
    /// Some route accepts certain ones only.
    Compared,
}

/// What the routes of a policy, taken together, ask of what clients present beside their certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainUse {
    /// The filter verifies no chain, or none that may have intermediates.
    Never,
    /// It verifies chains that may have intermediates.
    Verified,
}

impl Policy {
    /// What its routes ask of clients' certificates.
    pub fn certificate_use(&self) -> CertificateUse {
        let (mut looks, mut demands) = (0, 0);
        for route in self.routes.iter() {
            match route.client_certificate() {
                ClientCertificate::Ignored => {}
                ClientCertificate::Optional(_) => looks += 1,
                ClientCertificate::Required(_) | ClientCertificate::Unverified(_) => {
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
        let compares = self.rules().any(|rules| rules.tls.server_name != ServerNameRule::Ignore);
        if compares { ServerNameUse::Compared } else { ServerNameUse::Never }
    }

    /// What its routes ask of what clients present beside their certificates.
    pub fn chain_use(&self) -> ChainUse {
        let verifies = self.trusted_bundles().iter().any(|bundle| bundle.max_intermediates() > 0);
        if verifies { ChainUse::Verified } else { ChainUse::Never }
    }

    /// The trust bundles that vouch for clients of some route, in the policy's order; none where Envoy vouches.
    pub fn trusted_bundles(&self) -> Vec<&TrustBundle> {
        let named: BTreeSet<usize> = self
            .rules()
            .filter_map(|rules| rules.trust.as_deref())
            .flat_map(|trust| trust.bundles().iter().copied())
            .collect();
        named.into_iter().filter_map(|at| self.trust_bundles.get(at)).collect()
    }

    /// The routes that know clients by a digest, whoever issued their certificates.
    pub fn unverified_routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(|route| match route.client_certificate() {
            ClientCertificate::Unverified(_) => true,
            ClientCertificate::Ignored | ClientCertificate::Optional(_) | ClientCertificate::Required(_) => {
                false
            }
        })
    }

    /// What its routes ask of clients' addresses.
    pub fn address_use(&self) -> AddressUse {
        let compares = self.routes.iter().any(|route| !route.matches.sources.is_empty());
        if compares { AddressUse::Compared } else { AddressUse::Never }
    }

    /// What its routes ask of the cipher suite of the TLS connection.
    pub fn cipher_use(&self) -> CipherUse {
        let compares = self.rules().any(|rules| rules.tls.ciphers.is_some());
        if compares { CipherUse::Compared } else { CipherUse::Never }
    }

    /// The keys of the metadata of `jwt_authn` under which its routes look for the claims of a token; none where no route
    /// demands one.
    pub fn token_metadata(&self) -> BTreeSet<&str> {
        self.rules().filter_map(|rules| rules.token.as_ref()).map(|token| token.metadata.as_str()).collect()
    }

    /// The clusters of the proxy that the filter calls for lists and responses, each with the URL that it is asked for.
    pub fn called_clusters(&self) -> BTreeSet<(&str, &str)> {
        let sources = self.trust_bundles.iter().map(TrustBundle::revocation);
        sources
            .flat_map(|sources| {
                let lists = sources.fetched.iter().map(|source| (&*source.cluster, &*source.url));
                lists.chain(sources.responder.iter().map(|responder| (&*responder.cluster, &*responder.url)))
            })
            .collect()
    }

    /// The cluster of the proxy through which audit records are sent, with the collector's URL.
    pub fn collector(&self) -> Option<(&str, &str)> {
        self.audit.otlp().map(|otlp| (&*otlp.cluster, &*otlp.url))
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &CertificateRules> {
        self.routes.iter().filter_map(|route| route.client_certificate().rules())
    }
}

impl Route {
    /// The names of Envoy's routes, one of which must have been chosen; empty where any will do.
    pub fn envoy_routes(&self) -> &[String] {
        &self.matches.envoy_routes
    }

    /// The names of Envoy's clusters, one of which must have been chosen; empty where any will do.
    pub fn envoy_clusters(&self) -> &[String] {
        &self.matches.envoy_clusters
    }

    /// Namespace and key of the entries that the metadata of Envoy's route must have.
    pub fn envoy_metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        let conditions = self.matches.route_metadata.iter();
        conditions.map(|condition| (condition.namespace.as_str(), condition.key.as_str()))
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

    #[test]
    fn addresses_ciphers_and_tokens_are_used_where_a_route_asks_for_them() {
        let idle = policy(&[OPEN, NEEDS]);
        assert_eq!((idle.address_use(), idle.cipher_use()), (AddressUse::Never, CipherUse::Never));
        assert!(idle.token_metadata().is_empty());
        let asks = policy(&[
            r#"{ "name": "near", "match": { "source": ["10.0.0.0/8"] }, "client_certificate": "ignored" }"#,
            r#"{ "name": "strict", "match": { "path": "/s" }, "client_certificate": "required",
                "allow": "any_verified", "tls": { "ciphers": ["TLS_AES_128_GCM_SHA256"] },
                "token": { "bound": true } }"#,
            r#"{ "name": "other", "match": { "path": "/t" }, "client_certificate": "optional",
                "allow": "any_verified", "token": { "bound": true, "metadata": "claims" } }"#,
        ]);
        assert_eq!((asks.address_use(), asks.cipher_use()), (AddressUse::Compared, CipherUse::Compared));
        assert_eq!(asks.token_metadata(), ["claims", "payload"].into());
    }

    #[test]
    fn a_route_tells_what_it_wants_envoy_to_have_chosen() {
        let policy = policy(&[
            r#"{ "name": "a", "match": { "envoy_route": ["r", "s"], "envoy_cluster": "c",
                "route_metadata": { "acme": { "tier": "gold" } } }, "client_certificate": "ignored" }"#,
            OPEN,
        ]);
        let routes: Vec<&Route> = policy.routes().iter().collect();
        assert_eq!(
            (routes[0].envoy_routes(), routes[0].envoy_clusters()),
            (&["r".into(), "s".into()][..], &["c".into()][..])
        );
        assert_eq!(routes[0].envoy_metadata().collect::<Vec<_>>(), [("acme", "tier")]);
        assert!(routes[1].envoy_routes().is_empty() && routes[1].envoy_metadata().next().is_none());
    }
}
