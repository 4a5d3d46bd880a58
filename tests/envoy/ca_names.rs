//! The CA names that Envoy advertises when it asks for a certificate, with a `trusted_ca` that `mtlsctl envoy trusted-ca` made.

use std::io::Write as _;
use std::process::{Command, Stdio};

use rcgen::DnType;
use serde_json::{Value, json};

use crate::common::{BILLING_ID, PAY, PKI, ask, at, policy, route, with};
use crate::harness::mint::{Ca, Minted, der};
use crate::harness::{Client, Envoy, Listener, Setup, Version, get};

/// The CAs of two bundles.
struct Cas {
    /// In the middle of a rotation, with the old one and the new one, which has another name.
    corp: [Ca; 2],
    /// The same with one name, and a CA whose subject is made to pass for the end and the beginning of blocks in PEM.
    partners: [Ca; 3],
}

fn cas() -> Cas {
    let hostile = "\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n".repeat(10);
    let hostile = Ca::new("Hostile Root").renewed(|params| {
        params.distinguished_name.push(DnType::CommonName, hostile.replace('\n', ""));
        params.distinguished_name.push(DnType::OrganizationName, hostile);
    });
    Cas {
        corp: [PKI.ca.clone(), Ca::new("Acme Root 2")],
        partners: [Ca::new("Partner Root"), Ca::with_seed("Partner Root", "the next key"), hostile],
    }
}

impl Cas {
    fn all(&self) -> impl Iterator<Item = &Ca> {
        self.corp.iter().chain(&self.partners)
    }

    fn policy(&self, version: Version) -> Value {
        let pems = |cas: &[Ca]| cas.iter().map(Ca::pem).collect::<Vec<_>>();
        // One of them is in both.
        let partners = [pems(&self.partners), pems(&self.corp[..1])].concat();
        let bundles =
            json!({ "corp": { "anchors_pem": pems(&self.corp) }, "partners": { "anchors_pem": partners } });
        with(policy(version, &[route("pay")]), json!({ "trust_bundles": bundles }))
    }
}

/// What `mtlsctl envoy trusted-ca` prints of a policy.
fn trusted_ca(policy: &Value) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mtlsctl"))
        .args(["envoy", "trusted-ca", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(policy.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// A client of `billing`, whose certificate says which key signed it: of two CAs of one name, Envoy tries no other.
fn billing(ca: &Ca) -> Minted {
    const AUTHORITY_KEY_IDENTIFIER: &[u64] = &[2, 5, 29, 35];
    let identifier = der(0x30, &[&der(0x80, &[&ca.key_identifier()])]);
    ca.leaf("billing").spiffe(BILLING_ID).extension(AUTHORITY_KEY_IDENTIFIER, &identifier).mint()
}

/// The names that Envoy advertises to this client, in whatever order.
async fn advertised(client: Client) -> Vec<Vec<u8>> {
    let mut names = client.ca_names("pay.acme.example").await;
    names.sort();
    names
}

async fn check(version: Version) {
    let cas = cas();
    let policy = cas.policy(version);
    let file = trusted_ca(&policy);
    assert_eq!(file.matches("# ").count(), 5, "{file}");
    let setup = Setup::new(&PKI).version(version).policy(policy);
    let strict = Listener::tls("https").trusted_ca(&file);
    let lax = Listener::tls("lax").trusted_ca(&file).accept_untrusted();
    let envoy = Envoy::start(setup.listener(strict).listener(lax)).await;

    let mut names: Vec<Vec<u8>> = cas.all().map(Ca::name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4);
    for listener in ["https", "lax"] {
        let client = || envoy.client_of(listener);
        assert_eq!(advertised(client().tls12()).await, names, "{listener}");
        assert_eq!(advertised(client().tls13()).await, names, "{listener}");
        // Comments keep no anchor from being read: clients of every one get in.
        for ca in cas.all() {
            let client = client().presents(&billing(ca));
            ask(&client, &at("/pay")).await.assert_permitted(&envoy, "SUCCESS").await;
        }
    }
    let stranger = billing(&PKI.stranger);
    let refused = envoy.client().presents(&stranger).try_send(get(PAY)).await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn the_names_are_those_of_the_anchors_and_no_others() {
    check(Version::Current).await;
}

#[tokio::test]
async fn the_names_of_the_older_envoy_are_the_same() {
    check(Version::Older).await;
}
