//! Mistakes in trust bundles and in what routes want to know of revocation, with the whole message.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::mint::crl::UNHEARD_OF;
use crate::mint::{Ca, pem};
use crate::{errors, required, with_members};

const ROUTE: &str = r#""routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#;

/// What is said of a policy with these trust bundles, without the line and column, which depend on the length of the PEM.
fn bundles(bundles: &Value) -> String {
    without_place(&errors(&with_members(&format!("\"trust_bundles\": {bundles},\n  {ROUTE}"))))
}

pub(crate) fn without_place(said: &str) -> String {
    let said: Vec<&str> =
        said.lines().filter_map(|line| line.split_once(": ")).map(|(_, said)| said).collect();
    said.join("\n")
}

/// What is said of a bundle `corp` that has these members beside one good anchor, or in its place.
fn corp(members: Value) -> String {
    let mut bundle = json!({ "anchors_pem": [root().pem()] });
    bundle.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    bundles(&json!({ "corp": bundle }))
}

fn root() -> Ca {
    Ca::new("Acme Root")
}

fn source(members: Value) -> Value {
    let mut source = json!({ "cluster": "crl", "url": "http://crl.acme.example/corp.crl" });
    source.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    source
}

/// What is said of a policy whose bundle has everything, and whose one route has this `revocation`.
fn of_route(revocation: &str) -> String {
    let bundle = json!({
        "anchors_pem": [root().pem()],
        "crls": [source(json!({}))],
        "ocsp": { "cluster": "ocsp", "url": "http://ocsp.acme.example/" },
        "revoked": { "serials": [] },
    });
    let route = format!(
        r#""routes": [{{"name": "a", "match": {{"path": "/"}}, "client_certificate": "required", "allow": "any_verified", "revocation": {revocation}}}]"#
    );
    let bundles = json!({ "corp": bundle });
    without_place(&errors(&with_members(&format!("\"trust_bundles\": {bundles},\n  {route}"))))
}

#[test]
fn good_bundles_are_no_mistake() {
    let issuing = root().intermediate("Acme Issuing");
    for members in [
        json!({}),
        json!({ "intermediates_pem": [] }),
        json!({ "intermediates_pem": [issuing.pem()] }),
        json!({ "intermediates_pem": [issuing.intermediate("Acme Issuing 2").pem(), issuing.pem()] }),
        json!({ "anchors_pem": [root().pem(), Ca::new("Acme Root 2").pem()] }),
        json!({ "crls": [source(json!({}))] }),
        json!({ "crls": [source(json!({})), source(json!({ "cluster": "crl2" }))] }),
        json!({ "crls": [source(json!({ "refresh_seconds": 604_800, "timeout_ms": 1 }))] }),
        json!({ "crls": [{ "pem": root().crl().pem() }, { "der_base64": base64(&root().crl().number(2).der()) }] }),
        json!({ "crls": [{ "pem": root().crl().expired().pem() }] }),
        json!({ "ocsp": { "cluster": "ocsp", "url": "https://ocsp.acme.example", "method": "get" } }),
        json!({ "revoked": { "serials": ["0F:3A:99", "00"], "sha256": [] } }),
    ] {
        assert_eq!(corp(members.clone()), "", "{members}");
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    BASE64_STANDARD.encode(bytes)
}

#[test]
fn of_bundles() {
    let anchors = json!({ "anchors_pem": [root().pem()] });
    for (value, wanted) in [
        (json!([]), "expected an object, found an array (at `/trust_bundles`)"),
        (json!({}), "`trust_bundles` must not be empty (at `/trust_bundles`)"),
        (
            json!({ "acme corp": anchors }),
            "`acme corp` is not a name: use 1 to 64 letters, digits, `.`, `_` and `-` (at `/trust_bundles/acme corp`)",
        ),
        (
            json!({ "corp": {} }),
            "missing key `anchors_pem` (at `/trust_bundles/corp`); list the CA certificates that you trust, each in PEM",
        ),
        (
            json!({ "corp": { "anchors_pem": [] } }),
            "`anchors_pem` must not be empty (at `/trust_bundles/corp/anchors_pem`)",
        ),
        (
            json!({ "corp": { "anchors": [root().pem()] } }),
            "missing key `anchors_pem` (at `/trust_bundles/corp`); list the CA certificates that you trust, each in PEM\nunknown key `anchors` (at `/trust_bundles/corp/anchors`); did you mean `anchors_pem`?",
        ),
        (
            json!({ "corp": { "anchors_pem": root().pem() } }),
            "expected an array, found a string (at `/trust_bundles/corp/anchors_pem`)",
        ),
    ] {
        assert_eq!(bundles(&value), wanted, "{value}");
    }
    assert_eq!(
        corp(json!({ "max_depth": 3 })),
        "unknown key `max_depth` (at `/trust_bundles/corp/max_depth`); known here: `anchors_pem`, `intermediates_pem`, `max_intermediates`, `spiffe_trust_domain`, `crls`, `ocsp`, `revoked`"
    );
}

#[test]
fn of_certificates() {
    let leaf = root().leaf("billing").mint();
    let two = format!("{}{}", root().pem(), Ca::new("Acme Root 2").pem());
    let wrong = |text: String, wanted: &str| {
        let said = corp(json!({ "anchors_pem": [text] }));
        assert_eq!(said, format!("{wanted} (at `/trust_bundles/corp/anchors_pem/0`)"));
    };
    let no_block = |why: &str| format!("this is not one block of PEM `CERTIFICATE`: {why}");
    wrong(
        "/etc/ssl/corp.pem".into(),
        &no_block("it has no line `-----BEGIN ...-----`; paste what the file holds"),
    );
    wrong(two, &no_block("it holds several; write each as a string of its own"));
    wrong(root().key().pem(), &no_block("it is a private key, which has no place in a policy"));
    wrong(root().crl().pem(), &no_block("it is a block of another kind"));
    wrong(pem("CERTIFICATE", &[0x30, 0]), "the bytes are no X.509 certificate");
    wrong(
        leaf.pem(),
        "`CN=billing` can be no authority: it is no CA's: no basic constraints in it say that it is one",
    );
    assert_eq!(
        corp(json!({ "anchors_pem": [root().pem(), root().pem()] })),
        "this certificate stands in the bundle already (at `/trust_bundles/corp/anchors_pem/1`)"
    );
    assert_eq!(
        corp(json!({ "intermediates_pem": [root().pem()] })),
        "this certificate stands in the bundle already (at `/trust_bundles/corp/intermediates_pem/0`)"
    );
}

#[test]
fn of_intermediates() {
    let wrong = |text: String, wanted: &str| {
        let said = corp(json!({ "intermediates_pem": [text] }));
        assert_eq!(said, format!("{wanted} (at `/trust_bundles/corp/intermediates_pem/0`)"));
    };
    wrong(
        Ca::new("Other Root").intermediate("Other Issuing").pem(),
        "`CN=Other Issuing` chains to no anchor of this bundle: nobody in it signed it with an algorithm that is supported; its issuer is `CN=Other Root`",
    );
    // The name of the anchor, and another key.
    wrong(
        Ca::with_seed("Acme Root", "another").intermediate("Acme Issuing").pem(),
        "`CN=Acme Issuing` chains to no anchor of this bundle: nobody in it signed it with an algorithm that is supported; its issuer is `CN=Acme Root`",
    );
    wrong(
        root().leaf("billing").mint().pem(),
        "`CN=billing` can be no authority: it is no CA's: no basic constraints in it say that it is one",
    );
    // A CA's that may sign nothing but data.
    wrong(
        root().signer("Acme Issuing", "issuing", 0x80, true).pem(),
        "`CN=Acme Issuing` can be no authority: its key usage lets it sign neither certificates nor lists nor OCSP responses",
    );
    wrong(
        root().intermediate_with("Acme Issuing", &[(&[1, 2, 3], &[5, 0])]).pem(),
        "`CN=Acme Issuing` can be no authority: it holds a critical extension that is not known",
    );
}

#[test]
fn of_lists_in_the_policy() {
    let wrong = |entry: Value, wanted: &str| {
        assert_eq!(corp(json!({ "crls": [entry] })), wanted, "{entry}");
    };
    let at = |key: &str| format!("(at `/trust_bundles/corp/crls/0/{key}`)");
    let no_block = |why: &str| format!("this is not one block of PEM `X509 CRL`: {why} {}", at("pem"));
    wrong(json!({ "pem": root().pem() }), &no_block("it is a block of another kind"));
    wrong(json!({ "pem": "" }), &no_block("it has no line `-----BEGIN ...-----`; paste what the file holds"));
    wrong(
        json!({ "der_base64": root().crl().pem() }),
        &format!("this is no base64 of a list in DER: it is PEM; write it as `pem` {}", at("der_base64")),
    );
    wrong(
        json!({ "der_base64": "a b*c" }),
        &format!("this is no base64 of a list in DER: its base64 is broken {}", at("der_base64")),
    );
    wrong(
        json!({ "pem": root().crl().pem(), "url": "http://crl.acme.example/" }),
        &format!("`url` has no effect here: the list stands here, and is not fetched {}", at("url")),
    );
    for list in [
        root().pem().replace("CERTIFICATE", "X509 CRL"),
        Ca::new("Other Root").crl().pem(),
        Ca::with_seed("Acme Root", "another").crl().pem(),
        root().crl().critical_extension(UNHEARD_OF, &[5, 0]).pem(),
        root().crl().no_next_update().pem(),
        root().crl().no_number().pem(),
    ] {
        let said = corp(json!({ "crls": [{ "pem": list }] }));
        assert!(said.starts_with("this list cannot be used: ") && said.ends_with(&at("pem")), "{said}");
    }
}

#[test]
fn of_sources() {
    let wrong = |entry: Value, wanted: &str| {
        assert_eq!(corp(json!({ "crls": [entry] })), wanted, "{entry}");
    };
    let at = "at `/trust_bundles/corp/crls/0";
    wrong(
        json!({}),
        &format!(
            "missing key `cluster` ({at}`); name the cluster of Envoy through which the server is reached\nmissing key `url` ({at}`)"
        ),
    );
    wrong(
        json!({ "url": "http://crl.acme.example/" }),
        &format!(
            "missing key `cluster` ({at}`); name the cluster of Envoy through which the server is reached"
        ),
    );
    wrong(
        source(json!({ "refresh": 60 })),
        &format!("unknown key `refresh` ({at}/refresh`); did you mean `refresh_seconds`?"),
    );
    wrong(
        source(json!({ "refresh_seconds": 0 })),
        &format!("`0` is not a whole number between 1 and 604800 ({at}/refresh_seconds`)"),
    );
    wrong(
        source(json!({ "timeout_ms": 60_001 })),
        &format!("`60001` is not a whole number between 1 and 60000 ({at}/timeout_ms`)"),
    );
    wrong(
        source(json!({ "url": "ldap://crl.acme.example/" })),
        &format!(
            "`ldap://crl.acme.example/` is not a URL to fetch from: write a whole one that begins with `http://` or `https://` ({at}/url`)"
        ),
    );
    wrong(
        source(json!({ "url": "http://a:b@crl.acme.example/" })),
        &format!(
            "`http://a:b@crl.acme.example/` is not a URL to fetch from: credentials have no place in a policy; let the cluster add them ({at}/url`)"
        ),
    );
    wrong(
        source(json!({ "cluster": "my crl" })),
        &format!(
            "`my crl` is not the name of a cluster: it holds spaces or control characters ({at}/cluster`)"
        ),
    );
    assert_eq!(
        corp(
            json!({ "crls": [{ "pem": root().crl().pem() }, { "der_base64": base64(&root().crl().der()) }] })
        ),
        "this list stands in the bundle already (at `/trust_bundles/corp/crls/1/der_base64`)"
    );
    assert_eq!(
        corp(json!({ "crls": [source(json!({})), source(json!({ "refresh_seconds": 60 }))] })),
        "this source stands in the bundle already (at `/trust_bundles/corp/crls/1`)"
    );
}

#[test]
fn of_responders() {
    let wrong = |members: Value, wanted: &str| {
        let mut ocsp = json!({ "cluster": "ocsp", "url": "http://ocsp.acme.example/" });
        ocsp.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        assert_eq!(corp(json!({ "ocsp": ocsp })), wanted, "{members}");
    };
    let at = "at `/trust_bundles/corp/ocsp";
    wrong(
        json!({ "method": "GET" }),
        &format!("unknown value `GET`, expected one of `post`, `get` ({at}/method`)"),
    );
    wrong(json!({ "nonce": true }), &format!("expected a string, found a boolean ({at}/nonce`)"));
    wrong(
        json!({ "url": "ocsp.acme.example" }),
        &format!(
            "`ocsp.acme.example` is not a URL to fetch from: write a whole one that begins with `http://` or `https://` ({at}/url`)"
        ),
    );
    wrong(
        json!({ "refresh_seconds": 60 }),
        &format!(
            "unknown key `refresh_seconds` ({at}/refresh_seconds`); known here: `cluster`, `url`, `timeout_ms`, `method`, `nonce`"
        ),
    );
    assert_eq!(
        corp(json!({ "ocsp": [] })),
        "expected an object, found an array (at `/trust_bundles/corp/ocsp`)"
    );
}

#[test]
fn of_deny_lists() {
    let at = "at `/trust_bundles/corp/revoked";
    for (value, wanted) in [
        (
            json!({}),
            format!("`revoked` must not be empty ({at}`); name `serials` or `sha256`, which may be empty"),
        ),
        (json!({ "serials": "0f" }), format!("expected an array, found a string ({at}/serials`)")),
        (
            json!({ "serials": ["0f:3"] }),
            format!(
                "`0f:3` is no serial number; expected hexadecimal digits like `0f3a99` or `0f:3a:99`, at most 20 octets ({at}/serials/0`)"
            ),
        ),
        (
            json!({ "sha256": ["0f3a99"] }),
            format!(
                "`0f3a99` is no SHA-256 digest; expected 64 hexadecimal digits, which may have a colon after each pair ({at}/sha256/0`)"
            ),
        ),
        (
            json!({ "serial": ["0f"] }),
            format!("unknown key `serial` ({at}/serial`); did you mean `serials`?"),
        ),
    ] {
        assert_eq!(corp(json!({ "revoked": value })), wanted, "{value}");
    }
}

#[test]
fn every_mistake_in_a_bundle_is_told_at_once() {
    let said = corp(json!({
        "intermediates_pem": [root().leaf("billing").mint().pem()],
        "crls": [{ "pem": "x" }, source(json!({ "url": "x" }))],
        "ocsp": { "cluster": "", "url": "http://ocsp.acme.example/" },
        "revoked": { "serials": ["x"] },
    }));
    assert_eq!(said.lines().count(), 5, "{said}");
}

#[test]
fn of_what_routes_want_to_know() {
    let at = "at `/routes/0/revocation";
    for (value, wanted) in [
        (r#"{"check": ["crl"]}"#, String::new()),
        (r#"{"check": ["crl", "ocsp"], "scope": "leaf", "on_unknown": "deny"}"#, String::new()),
        (r#"{"check": ["deny_list"], "stale_grace_seconds": 2592000}"#, String::new()),
        (r#"{"check": ["ocsp"], "while_loading": "allow"}"#, String::new()),
        (r#"{"check": ["ocsp", "crl"], "while_loading": {"wait_ms": 60000}}"#, String::new()),
        (
            "{}",
            format!(
                "missing key `check` ({at}`); say how it is found out: `\"check\": [\"crl\"]`, `[\"ocsp\"]` or both in their order"
            ),
        ),
        (r#"{"check": []}"#, format!("`check` must not be empty ({at}/check`)")),
        (r#"{"check": "crl"}"#, format!("expected an array, found a string ({at}/check`)")),
        (
            r#"{"check": ["crls"]}"#,
            format!(
                "unknown value `crls`, expected one of `deny_list`, `crl`, `ocsp` ({at}/check/0`); did you mean `crl`?"
            ),
        ),
        (r#"{"check": ["crl", "ocsp", "crl"]}"#, format!("`crl` stands here already ({at}/check/2`)")),
        (
            r#"{"check": ["crl"], "scope": "all"}"#,
            format!("unknown value `all`, expected one of `leaf`, `chain` ({at}/scope`)"),
        ),
        (
            r#"{"check": ["crl"], "on_unknown": "permit"}"#,
            format!("unknown value `permit`, expected one of `deny`, `allow` ({at}/on_unknown`)"),
        ),
        (
            r#"{"check": ["crl"], "stale_grace_seconds": 2592001}"#,
            format!("`2592001` is not a whole number between 0 and 2592000 ({at}/stale_grace_seconds`)"),
        ),
        (
            r#"{"check": ["crl"], "while_loading": 5000}"#,
            format!(
                "expected `deny`, `allow` or {{\"wait_ms\": 5000}}, found a number ({at}/while_loading`)"
            ),
        ),
        (
            r#"{"check": ["crl"], "while_loading": "wait"}"#,
            format!("unknown value `wait`, expected one of `deny`, `allow` ({at}/while_loading`)"),
        ),
        (
            r#"{"check": ["crl"], "while_loading": {"wait_ms": 0}}"#,
            format!("`0` is not a whole number between 1 and 60000 ({at}/while_loading/wait_ms`)"),
        ),
        (
            r#"{"check": ["crl"], "while_loading": {"wait": 1}}"#,
            format!(
                "missing key `wait_ms` ({at}/while_loading`)\nunknown key `wait` ({at}/while_loading/wait`); did you mean `wait_ms`?"
            ),
        ),
    ] {
        assert_eq!(of_route(value), wanted, "{value}");
    }
}

#[test]
fn of_methods_of_which_no_bundle_has_anything() {
    let missing = |at: &str, method: &str, key: &str| {
        format!("5:{at}: no trust bundle has `{key}`, without which `{method}` finds out nothing")
    };
    for (method, key) in [("crl", "crls"), ("ocsp", "ocsp"), ("deny_list", "revoked")] {
        let members = format!(r#""allow": "any_verified", "revocation": {{"check": ["{method}"]}}"#);
        let wanted = format!("{} (at `/routes/0/revocation/check/0`)", missing("127", method, key));
        required(&[(members.as_str(), wanted.as_str())]);
    }
}

#[test]
fn of_routes_that_look_at_no_certificate() {
    let bundle = json!({ "anchors_pem": [root().pem()], "revoked": { "serials": ["0f"] } });
    let route = |client_certificate: &str| {
        format!(
            r#""routes": [{{"name": "a", "match": {{"path": "/"}}, "client_certificate": "{client_certificate}", "revocation": {{"check": ["deny_list"]}}}}]"#
        )
    };
    let said = |route: &str, defaults: &str| {
        let bundles = json!({ "corp": bundle });
        without_place(&errors(&with_members(&format!("\"trust_bundles\": {bundles},\n  {defaults}{route}"))))
    };
    assert_eq!(said(&route("optional"), ""), "");
    assert_eq!(
        said(&route("ignored"), ""),
        r#"`revocation` has no effect on a route with `"client_certificate": "ignored"` (at `/routes/0/revocation`)"#
    );
    assert_eq!(said(ROUTE, r#""defaults": {"revocation": {"check": ["deny_list"]}}, "#), "");
    assert_eq!(
        said(ROUTE, r#""defaults": {"revocation": {"check": ["crl"]}}, "#),
        "no trust bundle has `crls`, without which `crl` finds out nothing (at `/defaults/revocation/check/0`)"
    );
}
