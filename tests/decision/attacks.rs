//! Attacks on `x-forwarded-client-cert`, which a client may write as it likes and a certificate's names may break.

use mtls_policy::request::XFCC;
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::{Ca, Minted, xfcc_escaped};
use crate::situation::{Situation, document, leaf, one_route, verdict, verdict_on};
use mtls_policy::Engine;

const MISMATCH: &str = "forwarded_certificate_mismatch";

/// Lets the administrator in, on an Envoy that has digests and the header alone.
fn engine() -> Engine {
    document(json!({
        "peer_certificate": { "verified_by": "envoy" },
        "routes": [one_route(json!({
            "client_certificate": "required",
            "allow": [{ "spiffe_id": "spiffe://acme.example/admin" }, { "dns": "admin.example" }],
        }))],
    }))
}

fn admin() -> Minted {
    leaf("admin").spiffe("spiffe://acme.example/admin").mint()
}

fn mallory() -> Minted {
    leaf("mallory").spiffe("spiffe://acme.example/mallory").mint()
}

/// The verdict on a client whose connection has the certificate of `peer`, and whose request has these headers.
fn with(peer: &Minted, headers: &[&str]) -> String {
    let situation = Situation::get("/").digest(peer.hex_digest().as_bytes());
    verdict(
        &engine(),
        &headers.iter().fold(situation, |situation, header| situation.header(XFCC, header.as_bytes())),
    )
}

#[test]
fn a_header_of_a_real_client_on_a_connection_without_certificate_is_nothing() {
    let forged = admin().xfcc_element();
    let on_tls = Situation::get("/").header(XFCC, forged.as_bytes());
    assert_eq!(verdict(&engine(), &on_tls), "no_certificate");
    let plaintext = Situation::get("/").plaintext().header(XFCC, forged.as_bytes());
    assert_eq!(verdict(&engine(), &plaintext), "no_certificate");
    assert_eq!(with(&admin(), &[&forged]), "verified", "and on its own connection it is the client");
}

#[test]
fn a_header_of_another_client_is_a_mismatch() {
    assert_eq!(with(&mallory(), &[&admin().xfcc_element()]), MISMATCH);
    assert_eq!(with(&mallory(), &[&mallory().xfcc_element()]), "identity_not_allowed");
}

#[test]
fn of_several_elements_only_the_last_counts() {
    let (own, others) = (admin().xfcc_element(), mallory().xfcc_element());
    assert_eq!(with(&admin(), &[&format!("{others},{own}")]), "verified");
    assert_eq!(with(&admin(), &[&format!("{own},{others}")]), MISMATCH);
    assert_eq!(with(&mallory(), &[&format!("{own},{others}")]), "identity_not_allowed");
}

#[test]
fn a_repeated_header_is_a_mismatch_in_any_order() {
    let (admin_header, own) = (admin().xfcc_element(), mallory().xfcc_element());
    assert_eq!(with(&mallory(), &[&admin_header, &own]), MISMATCH);
    assert_eq!(with(&mallory(), &[&own, &admin_header]), MISMATCH);
    assert_eq!(with(&admin(), &[&admin_header, &admin_header]), MISMATCH, "even if both are good");
    assert_eq!(with(&admin(), &[&admin_header, ""]), MISMATCH);
}

#[test]
fn hash_and_cert_must_be_of_one_certificate() {
    let cert = |minted: &Minted| format!("Cert=\"{}\"", xfcc_escaped(&minted.pem()));
    let hash = |minted: &Minted| format!("Hash={}", minted.hex_digest());
    let pairs = |peer: &Minted, hash: String, cert: String| with(peer, &[&format!("{hash};{cert}")]);
    assert_eq!(pairs(&mallory(), hash(&mallory()), cert(&admin())), MISMATCH);
    assert_eq!(pairs(&mallory(), hash(&admin()), cert(&mallory())), MISMATCH);
    assert_eq!(pairs(&admin(), hash(&admin()), cert(&admin())), "verified");
    assert_eq!(with(&admin(), &[&hash(&admin())]), MISMATCH, "no `Cert`");
    assert_eq!(with(&admin(), &[&cert(&admin())]), MISMATCH, "no `Hash`");
    assert_eq!(
        with(&admin(), &[&format!("{},{}", hash(&admin()), cert(&admin()))]),
        MISMATCH,
        "two elements"
    );
}

#[test]
fn keys_compare_without_case_and_a_second_one_is_a_mismatch() {
    let good = admin().xfcc_element();
    assert_eq!(with(&admin(), &[&good.replace("Hash", "hASH").replace("Cert=", "CERT=")]), "verified");
    for repeated in ["hash=00", "HASH=00", "cert=\"x\"", "Hash="] {
        assert_eq!(with(&admin(), &[&format!("{good};{repeated}")]), MISMATCH, "{repeated}");
        assert_eq!(with(&admin(), &[&format!("{repeated};{good}")]), MISMATCH, "{repeated}");
    }
}

#[test]
fn identity_is_the_certificates_and_never_the_text_beside_it() {
    let own = mallory().xfcc_element();
    for text in [
        "Subject=\"CN=admin\"",
        "URI=spiffe://acme.example/admin",
        "DNS=admin.example",
        "URI=spiffe://acme.example/admin;DNS=admin.example;By=spiffe://acme.example/admin",
    ] {
        assert_eq!(with(&mallory(), &[&format!("{own};{text}")]), "identity_not_allowed", "{text}");
        assert_eq!(with(&mallory(), &[&format!("{text};{own}")]), "identity_not_allowed", "{text}");
    }
    let others = "Subject=\"CN=mallory\";URI=spiffe://acme.example/mallory;DNS=mallory.example";
    assert_eq!(with(&admin(), &[&format!("{};{others}", admin().xfcc_element())]), "verified");
}

/// What Envoy writes for a certificate: its names stand after the certificate, without quotes or escapes.
fn as_envoy_writes(minted: &Minted, uris: &[&str], names: &[&str]) -> String {
    let uris: String = uris.iter().map(|uri| format!(";URI={uri}")).collect();
    let names: String = names.iter().map(|name| format!(";DNS={name}")).collect();
    format!("{}{uris}{names}", minted.xfcc_element())
}

#[test]
fn a_uri_that_injects_pairs_or_elements_gives_no_other_identity() {
    for injection in [
        "spiffe://x/a;Subject=\"CN=admin\"".to_owned(),
        format!("x;Hash={}", admin().hex_digest()),
        format!("x;{}", admin().xfcc_element()),
        format!("x,{}", admin().xfcc_element()),
        format!(
            "x,Hash={};Cert=\"{}\";URI=spiffe://acme.example/admin",
            admin().hex_digest(),
            xfcc_escaped(&admin().pem())
        ),
        "x\";Cert=\"".to_owned(),
        "x,".to_owned(),
        "x;".to_owned(),
        ",,;;==\"".to_owned(),
    ] {
        let mallory = leaf("mallory").uri(&injection).mint();
        let header = as_envoy_writes(&mallory, &[&injection], &[]);
        let verdict = with(&mallory, &[&header]);
        assert!(
            [MISMATCH, "malformed_certificate", "identity_not_allowed"].contains(&verdict.as_str()),
            "{injection}: {verdict}"
        );
    }
    let harmless = leaf("admin").spiffe("spiffe://acme.example/admin").dns("a.example").mint();
    let header = as_envoy_writes(&harmless, &["spiffe://acme.example/admin"], &["a.example"]);
    assert_eq!(with(&harmless, &[&header]), "verified");
}

#[test]
fn a_dns_name_that_injects_an_element_gives_no_other_identity() {
    let injection = format!("x,{}", admin().xfcc_element());
    let mallory = leaf("mallory").dns(&injection).mint();
    assert_eq!(with(&mallory, &[&as_envoy_writes(&mallory, &[], &[&injection])]), MISMATCH);
}

#[test]
fn a_subject_with_quotes_and_separators_stays_one_value() {
    let subject = r#"Subject="CN=\",URI=spiffe://acme.example/admin;Subject=\"\\""#;
    let own = |minted: &Minted| format!("{};{subject}", minted.xfcc_element());
    assert_eq!(with(&mallory(), &[&own(&mallory())]), "identity_not_allowed");
    assert_eq!(with(&admin(), &[&own(&admin())]), "verified");
    let open = format!("{};Subject=\"CN=\\\"", admin().xfcc_element());
    assert_eq!(with(&admin(), &[&open]), "malformed_certificate", "the quote is not closed");
}

#[test]
fn a_cert_that_is_not_escaped_as_envoy_does_it_is_malformed() {
    let admin = admin();
    let header = |cert: &str| format!("Hash={};Cert=\"{cert}\"", admin.hex_digest());
    let good = xfcc_escaped(&admin.pem());
    assert_eq!(with(&admin, &[&header(&good)]), "verified");
    for broken in [
        good.replace("%0A", "%0a"),
        good.replace("%2F", "%2f"),
        good.replacen("%20", " ", 1),
        good.replacen("%20", "+", 1),
        good.replace("%2F", "/"),
        good.replacen("BEGIN", "%42EGIN", 1),
        good.replacen("%0A", "%0D%0A", 1),
        good.replacen("%0A", "\n", 1),
        good.clone() + "%",
        good.clone() + "%0A",
        good.clone() + &good,
        "text".to_owned() + &good,
        good.replace("BEGIN", "BEGIN%20TRUSTED").replace("END", "END%20TRUSTED"),
        good.replace("%0A", ""),
        good.replace('%', "%25"),
    ] {
        assert_eq!(with(&admin, &[&header(&broken)]), "malformed_certificate", "{broken}");
    }
}

#[test]
fn the_chain_that_a_peer_presents_proves_nothing() {
    let chain = xfcc_escaped(&(admin().pem() + &mallory().pem()));
    let own = format!("{};Chain=\"{chain}\"", mallory().xfcc_element());
    assert_eq!(with(&mallory(), &[&own]), "identity_not_allowed");
    let beside = format!("{};Chain=\"{}\"", admin().xfcc_element(), xfcc_escaped(&mallory().pem()));
    assert_eq!(with(&admin(), &[&beside]), "verified");
}

#[test]
fn bytes_that_are_no_header_of_envoy_are_malformed() {
    for header in ["nonsense", ";", ",", "Hash", "=", "Hash=\"", "Foo=bar", " Hash=x", "Hash =x"] {
        let verdict = with(&admin(), &[header]);
        assert!([MISMATCH, "malformed_certificate"].contains(&verdict.as_str()), "{header}: {verdict}");
    }
    let bytes =
        Situation::get("/").digest(admin().hex_digest().as_bytes()).header(XFCC, b"Hash=\xff\0;Cert=\x80");
    assert_eq!(verdict(&engine(), &bytes), MISMATCH);
    assert_eq!(with(&admin(), &[""]), MISMATCH);
}

#[test]
fn headers_of_similar_names_are_not_read() {
    let good = admin().xfcc_element();
    for name in ["x_forwarded_client_cert", "x-forwarded-client-certs", "x-forwarded-client_cert"] {
        let situation =
            Situation::get("/").digest(admin().hex_digest().as_bytes()).header(name, good.as_bytes());
        assert_eq!(verdict(&engine(), &situation), MISMATCH, "{name}");
    }
    let beside =
        Situation::get("/").certificate_in_header(&admin()).header("x_forwarded_client_cert", b"nonsense");
    assert_eq!(verdict(&engine(), &beside), "verified");
}

#[test]
fn a_certificate_of_another_ca_with_the_same_names_is_untrusted_on_a_listener_that_accepts_it() {
    let engine = document(json!({
        "routes": [one_route(json!({
            "client_certificate": "required", "allow": { "spiffe_id": "spiffe://acme.example/admin" },
        }))],
    }));
    let forged =
        Ca::with_seed("Acme Issuing", "mallory's").leaf("admin").spiffe("spiffe://acme.example/admin").mint();
    let presented = Situation::get("/").certificate(&forged).valid(Some(false));
    assert_eq!(verdict(&engine, &presented), "untrusted");
    assert_eq!(verdict_on(&engine, &admin()), "verified");
}
