//! Lists of every scope and kind, each with a certificate that it speaks of and one that it does not.

use serde_json::{Map, Value, json};

use super::{bundle, by_lists, fresh, policy_of, source, url};
use crate::common::{PKI, ask, at};
use crate::harness::mint::crl::{CERTIFICATE_HOLD, Point, REMOVE_FROM_CRL, Revoked, Scope, UNHEARD_OF};
use crate::harness::mint::{CRL_SIGN, Ca, KEY_CERT_SIGN, Key, Leaf, Minted};
use crate::harness::{Answer, Envoy, Listener, Server, Setup, Version};

/// What becomes of a client.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Good,
    Revoked,
    Unknown(&'static str),
}

/// A CA, its lists, and its clients.
struct Case {
    name: &'static str,
    ca: Ca,
    intermediates: Vec<String>,
    lists: Vec<Vec<u8>>,
    clients: Vec<(Minted, Wanted)>,
}

impl Case {
    fn new(name: &'static str, ca: Ca) -> Case {
        Case { name, ca, intermediates: Vec::new(), lists: Vec::new(), clients: Vec::new() }
    }

    /// A client of the CA, changed by `change`.
    fn leaf(&self, name: &str, change: impl Fn(Leaf) -> Leaf) -> Minted {
        change(self.ca.leaf(&format!("{} {name}", self.name))).mint()
    }

    fn list(mut self, list: Vec<u8>) -> Case {
        self.lists.push(list);
        self
    }

    fn client(mut self, certificate: Minted, wanted: Wanted) -> Case {
        self.clients.push((certificate, wanted));
        self
    }

    fn path(&self, number: usize) -> String {
        format!("/{}-{number}.crl", self.name)
    }
}

fn cases() -> Vec<Case> {
    let plain = |leaf| leaf;
    let mut cases = Vec::new();

    // Of two distribution points the second one is the list's.
    let case = Case::new("points", Ca::new("points"));
    let points = |second: &'static str| {
        move |leaf: Leaf| {
            let points = [url("/first"), url(second)];
            leaf.crl_distribution_points(&points.map(|point| Point::new().uri(&point).der()))
        }
    };
    let [bad, good, elsewhere] = [
        case.leaf("bad", points("/second")),
        case.leaf("good", points("/second")),
        case.leaf("elsewhere", points("/third")),
    ];
    let scope = Scope::new().uri(&url("/second"));
    let list = fresh(&case.ca).scope(&scope).revoke(&bad).der();
    let case = case.list(list).client(bad, Wanted::Revoked).client(good, Wanted::Good);
    cases.push(case.client(elsewhere, Wanted::Unknown("missing")));

    // Lists that somebody else signed, or that the CA may not sign.
    let case = Case::new("forged", Ca::new("forged"));
    let good = case.leaf("good", plain);
    let list = fresh(&case.ca).key(&Key::new("another")).der();
    cases.push(case.list(list).client(good, Wanted::Unknown("bad_signature")));
    let case = Case::new("no-crl-sign", Ca::with_key_usage("no-crl-sign", KEY_CERT_SIGN));
    let good = case.leaf("good", plain);
    let list = fresh(&case.ca).der();
    cases.push(case.list(list).client(good, Wanted::Unknown("bad_signature")));
    let case = Case::new("crl-sign", Ca::with_key_usage("crl-sign", KEY_CERT_SIGN | CRL_SIGN));
    let (good, bad) = (case.leaf("good", plain), case.leaf("bad", plain));
    let list = fresh(&case.ca).revoke(&bad).der();
    cases.push(case.list(list).client(good, Wanted::Good).client(bad, Wanted::Revoked));

    // Changes without the list that they change, and with it.
    let case = Case::new("delta-alone", Ca::new("delta-alone"));
    let good = case.leaf("good", plain);
    let list = fresh(&case.ca).number(2).delta_of(1).der();
    cases.push(case.list(list).client(good, Wanted::Unknown("missing")));
    let case = Case::new("delta", Ca::new("delta"));
    let [held, freed, added, good] = ["held", "freed", "added", "good"].map(|name| case.leaf(name, plain));
    let base = [&held, &freed].into_iter().fold(fresh(&case.ca), |list, certificate| {
        list.entry(Revoked::new(&certificate.serial()).reason(CERTIFICATE_HOLD))
    });
    let delta = fresh(&case.ca).number(2).delta_of(1).revoke(&added);
    let delta = delta.entry(Revoked::new(&freed.serial()).reason(REMOVE_FROM_CRL));
    let case = case.list(base.der()).list(delta.der());
    let case = case.client(held, Wanted::Revoked).client(freed, Wanted::Good);
    cases.push(case.client(added, Wanted::Revoked).client(good, Wanted::Good));

    // A list of entries of several issuers, signed by one who is no CA.
    let case = Case::new("indirect", Ca::new("indirect"));
    let signer = case.ca.signer("indirect signer", "indirect signer", CRL_SIGN, false);
    let point = |leaf: Leaf| {
        let point = Point::new().uri(&url("/indirect")).crl_issuer(&signer.name());
        leaf.crl_distribution_points(&[point.der()])
    };
    let (bad, other) = (case.leaf("bad", point), case.leaf("other", point));
    let list = fresh(&signer).scope(&Scope::new().uri(&url("/indirect")).indirect());
    // The second serial number is listed for a CA of another name.
    let list = list.entry(Revoked::new(&bad.serial()).certificate_issuer(&case.ca.name()));
    let list = list.entry(Revoked::new(&other.serial()).certificate_issuer(&PKI.stranger.name()));
    let mut case = case.list(list.der()).client(bad, Wanted::Revoked).client(other, Wanted::Good);
    case.intermediates.push(signer.pem());
    cases.push(case);

    // What must be understood and is not.
    let case = Case::new("critical", Ca::new("critical"));
    let (good, bad) = (case.leaf("good", plain), case.leaf("bad", plain));
    let list = fresh(&case.ca).revoke(&bad).critical_extension(UNHEARD_OF, &[5, 0]).der();
    let unusable = Wanted::Unknown("unusable");
    cases.push(case.list(list).client(good, unusable).client(bad, unusable));
    let case = Case::new("not-critical", Ca::new("not-critical"));
    let (good, bad) = (case.leaf("good", plain), case.leaf("bad", plain));
    let list = fresh(&case.ca).revoke(&bad).extension(UNHEARD_OF, &[5, 0]).der();
    cases.push(case.list(list).client(good, Wanted::Good).client(bad, Wanted::Revoked));

    // For certificates of CAs only, and for some reasons only.
    let case = Case::new("only-ca", Ca::new("only-ca"));
    let good = case.leaf("good", plain);
    let list = fresh(&case.ca).scope(&Scope::new().only_ca()).der();
    cases.push(case.list(list).client(good, Wanted::Unknown("missing")));
    let case = Case::new("some-reasons", Ca::new("some-reasons"));
    let (good, bad) = (case.leaf("good", plain), case.leaf("bad", plain));
    let list = fresh(&case.ca).scope(&Scope::new().reasons(&[1])).revoke(&bad).der();
    cases.push(case.list(list).client(good, Wanted::Unknown("incomplete")).client(bad, Wanted::Revoked));
    cases
}

#[tokio::test]
async fn each_kind_of_list_speaks_of_its_own_certificates_and_of_no_others() {
    for version in [Version::Current, Version::Older] {
        let server = Server::start();
        let cases = cases();
        let mut bundles = Map::new();
        let mut trusted = PKI.ca.pem();
        for case in &cases {
            let mut sources = Vec::new();
            for (number, list) in case.lists.iter().enumerate() {
                server.answer(&case.path(number), Answer::body(list.clone()));
                sources.push(source(&case.path(number)));
            }
            let members = json!({ "crls": sources, "intermediates_pem": case.intermediates });
            bundles.insert(case.name.to_owned(), bundle(&case.ca, members));
            trusted += &case.ca.pem();
        }
        let policy = policy_of(Value::Object(bundles), &[by_lists("lists")]);
        let setup = Setup::new(&PKI).version(version).policy(policy).cluster("crl", server.port());
        let envoy = Envoy::start(setup.listener(Listener::tls("https").trusted_ca(&trusted))).await;
        for case in &cases {
            for (certificate, wanted) in &case.clients {
                let asked = ask(&envoy.client().presents(certificate), &at("/lists")).await;
                let record = asked.record(&envoy).await;
                println!("{} {wanted:?}: {}", case.name, record["revocation"]);
                match wanted {
                    Wanted::Good => asked.assert_good(&envoy, "crl").await,
                    Wanted::Revoked => asked.assert_revoked(&envoy, "crl").await,
                    Wanted::Unknown(why) => asked.assert_unknown(&envoy, why).await,
                };
            }
        }
        envoy.assert_no_trap().await;
    }
}
