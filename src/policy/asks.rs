//! Which parts of a certificate a route asks for, beside the lists of names in it: for those who have only some of them.

use super::certificate_demands::{Acceptance, PurposeDemand};
use super::matcher::Matcher;
use super::route::{Allow, CertificateRules, Route};
use crate::identity::recorded::Part;
use crate::identity::{Identity, SpiffeIdentity};

impl Route {
    /// The parts of this client's certificate that decide about it here. Names of kinds that hold several are left out: matchers say
    /// themselves that they cannot tell.
    pub fn asks(&self, client: &Identity) -> Vec<Part> {
        let Some(rules) = self.client_certificate().rules() else { return Vec::new() };
        let mut parts = vec![Part::Validity];
        of_demands(rules, &mut parts);
        let allow = match &rules.allow {
            Allow::AnyVerified => None,
            Allow::Matching(allow) => Some(allow),
        };
        for matcher in rules.deny.iter().chain(allow) {
            parts.extend(matcher.leaves().into_iter().filter_map(of_matcher));
        }
        if self.share().part().is_some() {
            match client.spiffe() {
                SpiffeIdentity::Id(_) => {}
                SpiffeIdentity::None | SpiffeIdentity::Invalid(_) => {
                    parts.extend([Part::Issuer, Part::Subject])
                }
            }
        }
        parts.sort();
        parts.dedup();
        parts
    }

    /// Whether for whom the route is enforced cannot be told of a client some of whose names are not known.
    pub fn divides_by_names(&self, client: &Identity) -> bool {
        let unread = |malformed: usize| malformed > 0;
        self.share().part().is_some()
            && match client.spiffe() {
                SpiffeIdentity::Id(_) => false,
                SpiffeIdentity::None | SpiffeIdentity::Invalid(_) => {
                    unread(client.uri().malformed())
                        || client.subject().is_empty()
                            && (unread(client.dns().malformed()) || unread(client.email().malformed()))
                }
            }
    }
}

fn of_demands(rules: &CertificateRules, parts: &mut Vec<Part>) {
    let demands = &rules.certificate;
    // Weak keys and signatures are refused whatever a policy says.
    parts.extend([Part::PublicKey, Part::SignatureAlgorithm]);
    match demands.key_purpose {
        PurposeDemand::Any => {}
        PurposeDemand::IfPresent(_) | PurposeDemand::Required(_) => {
            parts.extend([Part::ExtendedKeyUsage, Part::KeyUsage]);
        }
    }
    if demands.self_signed == Acceptance::Forbidden {
        parts.extend([Part::Subject, Part::Issuer, Part::KeyIdentifiers]);
    }
    if demands.wildcard_names == Acceptance::Forbidden {
        parts.extend([Part::Subject, Part::DnsNames]);
    }
    if demands.max_dns_names.is_some() {
        parts.push(Part::DnsNames);
    }
}

fn of_matcher(matcher: &Matcher) -> Option<Part> {
    match matcher {
        Matcher::Subject(_) => Some(Part::Subject),
        Matcher::Issuer(_) => Some(Part::Issuer),
        Matcher::Serial(_) => Some(Part::Serial),
        Matcher::SpkiSha256(_) => Some(Part::SpkiSha256),
        Matcher::Extension(_) => Some(Part::Extension),
        Matcher::Any(_)
        | Matcher::All(_)
        | Matcher::Not(_)
        | Matcher::Identity(_)
        | Matcher::SpiffeId(_)
        | Matcher::SpiffeTrustDomain(_)
        | Matcher::Dns(_)
        | Matcher::Uri(_)
        | Matcher::Email(_)
        | Matcher::Ip(_)
        | Matcher::Upn(_)
        | Matcher::OtherName(_)
        | Matcher::Sha256(_)
        | Matcher::ExtendedKeyUsage(_)
        | Matcher::PolicyOid(_) => None,
    }
}
