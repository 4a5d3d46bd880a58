//! `verify` of `mtlsctl conformance`, with certificates of our own.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, date_time_ymd};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::mint::crl::Scope;
use crate::mint::{self, Ca, Leaf, Minted};
use crate::{run_on_stdin, stderr, stdout};

/// A root, a CA below it, and a leaf of that CA.
struct Pki {
    root: Ca,
    issuing: Ca,
}

impl Pki {
    fn new() -> Pki {
        let root = Ca::new("Acme Root");
        let issuing = root.intermediate("Acme Issuing");
        Pki { root, issuing }
    }

    fn leaf(&self) -> Leaf {
        self.issuing.leaf("billing").dns("billing.acme.example")
    }

    /// A case in which all is well, but for what `change` sets.
    fn case(&self, leaf: &Minted, change: Value) -> Value {
        with(&[&self.root], &[&self.issuing], leaf, change)
    }

    /// The same case with lists that are demanded.
    fn with_lists(&self, leaf: &Minted, lists: &[String], rules: Value) -> Value {
        let mut case = self.case(leaf, json!({ "crls_pem": lists }));
        case["revocation"] = json!({ "mode": "crl" });
        set(&mut case["revocation"], rules);
        case
    }
}

fn with(anchors: &[&Ca], presented: &[&Ca], leaf: &Minted, change: Value) -> Value {
    let pems = |cas: &[&Ca]| cas.iter().map(|ca| ca.pem()).collect::<Vec<_>>();
    let mut case = json!({
        "id": "a", "op": "verify", "time": "2030-01-01T00:00:00Z",
        "anchors_pem": pems(anchors), "intermediates_pem": pems(presented), "leaf_pem": leaf.pem(),
        "eku": ["clientAuth"],
    });
    set(&mut case, change);
    case
}

fn set(object: &mut Value, change: Value) {
    let change = change.as_object().unwrap().clone();
    object.as_object_mut().unwrap().extend(change);
}

fn answer(case: &Value) -> Value {
    let output = run_on_stdin(&["conformance"], case.to_string().as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

/// The reason why a case is refused; empty where it is not.
fn reason(case: &Value) -> String {
    let answer = answer(case);
    let reason = answer["reason"].as_str().unwrap().to_owned();
    let verdict = if reason.is_empty() { "accept" } else { "reject" };
    assert_eq!(answer["verdict"], verdict, "{answer}");
    reason
}

#[test]
fn who_is_accepted_has_a_chain_from_the_leaf_to_the_anchor() {
    let pki = Pki::new();
    let leaf = pki.leaf().mint();
    let found = answer(&pki.case(&leaf, json!({})));
    assert_eq!(found["verdict"], "accept", "{found}");
    let digest = |der: &[u8]| mtls_policy::cert::Fingerprint::of(der).to_string();
    let chain = json!([digest(&leaf.der), digest(pki.issuing.der()), digest(pki.root.der())]);
    assert_eq!(found["chain"], chain);
    let refused = answer(&with(&[&Ca::new("Other")], &[&pki.issuing], &leaf, json!({})));
    assert_eq!((&refused["verdict"], &refused["reason"]), (&json!("reject"), &json!("untrusted")));
    assert_eq!(refused.get("chain"), None);
}

#[test]
fn a_chain_must_lead_to_an_anchor_that_may_be_one() {
    let pki = Pki::new();
    let leaf = pki.leaf().mint();
    let other = Ca::with_seed("Acme Issuing", "another key");
    let no_ca = pki.root.signer("Acme Issuing", "Acme Issuing", mint::CRL_SIGN, false);
    let constrained = pki.root.below("Acme Issuing", "Acme Issuing", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let below = constrained.intermediate("Acme Below");
    let of_below = below.leaf("billing").mint();
    for (name, case, expected) in [
        ("its chain", pki.case(&leaf, json!({})), ""),
        ("an anchor of another", with(&[&Ca::new("Other")], &[&pki.issuing], &leaf, json!({})), "untrusted"),
        (
            "a root of the name, and another key",
            with(&[&Ca::with_seed("Acme Root", "x")], &[&pki.issuing], &leaf, json!({})),
            "untrusted",
        ),
        ("nobody in between", with(&[&pki.root], &[], &leaf, json!({})), "untrusted"),
        ("the issuer as anchor", with(&[&pki.issuing], &[], &leaf, json!({})), ""),
        (
            "the name of the issuer, and another key",
            with(&[&pki.root], &[&other], &leaf, json!({})),
            "untrusted",
        ),
        ("an issuer that is no CA", with(&[&pki.root], &[&no_ca], &leaf, json!({})), "untrusted"),
        (
            "one more than the issuer allows",
            with(&[&pki.root], &[&constrained, &below], &of_below, json!({})),
            "untrusted",
        ),
        ("one more than the case allows", pki.case(&leaf, json!({ "max_depth": 0 })), "untrusted"),
        ("as many as the case allows", pki.case(&leaf, json!({ "max_depth": 1 })), ""),
        ("no anchor", with(&[], &[&pki.issuing], &leaf, json!({})), "untrusted"),
        ("a leaf as anchor", pki.case(&leaf, json!({ "anchors_pem": [leaf.pem()] })), "untrusted"),
        (
            "an anchor that cannot be read",
            pki.case(&leaf, json!({ "anchors_pem": [pki.root.pem(), mint::pem("CERTIFICATE", b"0")] })),
            "untrusted",
        ),
        (
            "what cannot be read in between",
            pki.case(
                &leaf,
                json!({ "intermediates_pem": [mint::pem("CERTIFICATE", b"0"), pki.issuing.pem()] }),
            ),
            "",
        ),
        (
            "a leaf that cannot be read",
            pki.case(&leaf, json!({ "leaf_pem": mint::pem("CERTIFICATE", b"0") })),
            "malformed_certificate",
        ),
    ] {
        assert_eq!(reason(&case), expected, "{name}");
    }
}

#[test]
fn more_is_presented_than_is_looked_at_and_the_chain_is_found_all_the_same() {
    let pki = Pki::new();
    let leaf = pki.leaf().mint();
    let strangers: Vec<Ca> = (0..40).map(|at| Ca::new(&format!("Stranger {at}"))).collect();
    let mut presented: Vec<&Ca> = strangers.iter().collect();
    presented.push(&pki.issuing);
    assert_eq!(reason(&with(&[&pki.root], &presented, &leaf, json!({}))), "");
}

#[test]
fn certificates_are_of_their_time() {
    let pki = Pki::new();
    let at = |time: &str| json!({ "time": time });
    let leaf = pki.leaf().valid(date_time_ymd(2025, 1, 1), date_time_ymd(2031, 1, 1)).mint();
    let old = pki.root.below("Acme Old", "Acme Old", |params| params.not_after = date_time_ymd(2029, 1, 1));
    let of_old = old.leaf("billing").mint();
    for (case, expected) in [
        (pki.case(&leaf, at("2024-12-31T23:59:59Z")), "not_yet_valid"),
        (pki.case(&leaf, at("2025-01-01T00:00:00Z")), ""),
        (pki.case(&leaf, at("2031-01-01T00:00:00Z")), ""),
        (pki.case(&leaf, at("2031-01-01T00:00:00.9Z")), ""),
        (pki.case(&leaf, at("2031-01-01T00:00:01Z")), "expired"),
        (with(&[&pki.root], &[&old], &of_old, at("2029-01-01T00:00:00Z")), ""),
        (with(&[&pki.root], &[&old], &of_old, at("2029-01-01T00:00:01Z")), "untrusted"),
        (with(&[&pki.root], &[&old], &of_old, json!({ "time": null })), ""),
    ] {
        assert_eq!(reason(&case), expected, "{}", case["time"]);
    }
}

#[test]
fn purposes_are_demanded_in_three_ways() {
    let pki = Pki::new();
    let none = pki.leaf().purposes(&[]).mint();
    let client = pki.leaf().mint();
    let server = pki.leaf().server().mint();
    let any = pki.leaf().purposes(&[&[2, 5, 29, 37, 0]]).mint();
    for (mode, purposes, expected) in [
        (Value::Null, json!(["clientAuth"]), ["", "", "wrong_key_usage", ""]),
        (json!("if_present"), json!(["clientAuth"]), ["", "", "wrong_key_usage", ""]),
        (json!("if_present"), json!(["1.3.6.1.5.5.7.3.1"]), ["", "wrong_key_usage", "", ""]),
        (json!("if_present"), json!(["clientAuth", "serverAuth"]), ["", "", "", ""]),
        (
            json!("required"),
            json!(["clientAuth"]),
            ["wrong_key_usage", "", "wrong_key_usage", "wrong_key_usage"],
        ),
        (
            json!("strict"),
            json!(["clientAuth"]),
            ["wrong_key_usage", "", "wrong_key_usage", "wrong_key_usage"],
        ),
        (json!("if_present"), json!([]), ["", "", "", ""]),
        (json!("required"), json!([]), ["", "", "", ""]),
    ] {
        for (leaf, expected) in [&none, &client, &server, &any].into_iter().zip(expected) {
            let case = pki.case(leaf, json!({ "eku": purposes, "eku_mode": mode }));
            assert_eq!(reason(&case), expected, "{mode} {purposes}");
        }
    }
}

#[test]
fn cas_for_other_purposes_lead_nowhere() {
    let root = Ca::new("Acme Root");
    let of = |purpose: ExtendedKeyUsagePurpose| {
        root.below("Acme Issuing", "Acme Issuing", |params| params.extended_key_usages = vec![purpose])
    };
    for (purpose, mode, expected) in [
        (ExtendedKeyUsagePurpose::ClientAuth, "if_present", ""),
        (ExtendedKeyUsagePurpose::ClientAuth, "strict", ""),
        (ExtendedKeyUsagePurpose::Any, "if_present", ""),
        (ExtendedKeyUsagePurpose::Any, "required", ""),
        (ExtendedKeyUsagePurpose::Any, "strict", "wrong_key_usage"),
        (ExtendedKeyUsagePurpose::ServerAuth, "if_present", "untrusted"),
    ] {
        let issuing = of(purpose);
        let leaf = issuing.leaf("billing").mint();
        let case = with(&[&root], &[&issuing], &leaf, json!({ "eku_mode": mode }));
        assert_eq!(reason(&case), expected, "{mode}");
    }
}

#[test]
fn uses_of_the_key_are_demanded_where_it_says_any() {
    let pki = Pki::new();
    let signs = pki.leaf().mint();
    let silent = pki.leaf().key_usage(&[]).mint();
    for (uses, leaf, expected) in [
        (json!(["digitalSignature"]), &signs, ""),
        (json!(["digitalSignature", "keyAgreement"]), &signs, "wrong_key_usage"),
        (json!(["keyAgreement"]), &silent, ""),
    ] {
        assert_eq!(reason(&pki.case(leaf, json!({ "key_usage": uses }))), expected, "{uses}");
    }
}

#[test]
fn weak_keys_are_refused_as_on_any_route() {
    let pki = Pki::new();
    // RSA with a modulus of 1024 bits.
    let modulus = [&[0x00, 0x80][..], &[1; 127]].concat();
    let key = mint::der(0x30, &[&mint::der(0x02, &[&modulus]), &mint::der(0x02, &[&[1, 0, 1]])]);
    let rsa = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let info = mint::der(0x30, &[&rsa, &mint::der(0x03, &[&[0], &key])]);
    let leaf = pki.leaf().public_key(&info).mint();
    assert_eq!(reason(&pki.case(&leaf, json!({}))), "weak_certificate");
}

#[test]
fn names_are_those_of_the_leaf() {
    let pki = Pki::new();
    let leaf = pki
        .leaf()
        .dns("*.dev.acme.example")
        .email("Ada@acme.example")
        .uri("spiffe://acme.example/billing")
        .upn("ada@corp.acme.example")
        .ip([192, 0, 2, 1].into())
        .mint();
    let pin = answer(&pki.case(&leaf, json!({})))["chain"][0].clone();
    for (kind, value, expected) in [
        ("dns", "billing.acme.example", true),
        ("dns", "BILLING.acme.example", true),
        ("dns", "x.dev.acme.example", true),
        ("dns", "x.y.dev.acme.example", false),
        ("dns", "dev.acme.example", false),
        ("dns", "acme.example", false),
        ("dns", "192.0.2.1", false),
        ("ip", "192.0.2.1", true),
        ("ip", "192.0.2.2", false),
        ("ip", "billing.acme.example", false),
        ("email", "Ada@ACME.example", true),
        ("email", "ada@acme.example", false),
        ("uri", "spiffe://acme.example/billing", true),
        ("uri", "spiffe://acme.example/billing/", false),
        ("upn", "ada@corp.acme.example", true),
        ("upn", "bob@corp.acme.example", false),
        ("subject", "CN=billing", true),
        ("subject", "CN=Billing", false),
        ("issuer", "CN=Acme Issuing", true),
        ("issuer", "CN=Acme Root", false),
        // That of the certificate, and not of its key.
        ("spki_sha256", pin.as_str().unwrap(), false),
    ] {
        let case = pki.case(&leaf, json!({ "names": [{ "kind": kind, "value": value }] }));
        let wanted = if expected { "" } else { "identity_not_allowed" };
        assert_eq!(reason(&case), wanted, "{kind} {value}");
    }
    for (kind, regex, expected) in [
        ("dns", r"bill.*\.acme\.example", true),
        ("dns", r"bill", false),
        ("email", r"Ada@.*", true),
        ("uri", r"spiffe://acme\.example/.*", true),
        ("upn", r".*@acme\.example", false),
        ("ip", r"192\.0\.2\..*", true),
        ("subject", r"CN=b.*", true),
        ("spki_sha256", r"[0-9a-f]{64}", true),
    ] {
        let case = pki.case(&leaf, json!({ "names": [{ "kind": kind, "regex": regex }] }));
        let wanted = if expected { "" } else { "identity_not_allowed" };
        assert_eq!(reason(&case), wanted, "{kind} {regex}");
    }
}

#[test]
fn several_names_are_matched_by_any_by_all_or_as_a_set() {
    let pki = Pki::new();
    let leaf = pki.leaf().email("ada@acme.example").email("bob@acme.example").mint();
    let odd = pki.leaf().email("ada@acme.example").raw_san(mint::SAN_EMAIL, b"bob").mint();
    let emails = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({ "kind": "email", "value": name })).collect()
    };
    let (ada, bob, eve) = ("ada@acme.example", "bob@acme.example", "eve@acme.example");
    for (leaf, names, [any, all, set]) in [
        (&leaf, emails(&[]), [true, true, true]),
        (&leaf, emails(&[ada]), [true, true, false]),
        (&leaf, emails(&[ada, bob]), [true, true, true]),
        (&leaf, emails(&[bob, ada, bob]), [true, true, true]),
        (&leaf, emails(&[ada, eve]), [true, false, false]),
        (&leaf, emails(&[ada, bob, eve]), [true, false, false]),
        (&leaf, emails(&[eve]), [false, false, false]),
        (&odd, emails(&[ada]), [true, true, false]),
    ] {
        for (how, expected) in [("any", any), ("all", all), ("exact_set", set)] {
            let case = pki.case(leaf, json!({ "names": names, "names_match": how }));
            let wanted = if expected { "" } else { "identity_not_allowed" };
            assert_eq!(reason(&case), wanted, "{how} {names}");
        }
    }
}

#[test]
fn revocation_is_known_by_lists() {
    let pki = Pki::new();
    let leaf = pki.leaf().mint();
    let lists = |leafs: String, cas: String| vec![leafs, cas];
    let good = || pki.issuing.crl().pem();
    let revoked = pki.issuing.crl().revoke(&leaf).pem();
    let root = || pki.root.crl().pem();
    let ca_revoked = pki
        .root
        .crl()
        .revoke_serial(&Minted { der: pki.issuing.der().to_vec(), key: leaf.key.clone() }.serial())
        .pem();
    let stale = pki.issuing.crl().expired().pem();
    let forged = pki.issuing.crl().key(pki.root.key()).pem();
    let of_cas = pki.issuing.crl().scope(&Scope::new().only_ca()).pem();
    let deny = json!({});
    let allow = json!({ "unknown": "allow" });
    let of_leaf = json!({ "scope": "leaf" });
    let late = json!({ "expired": "allow" });
    for (name, lists, rules, expected) in [
        ("both lists", lists(good(), root()), &deny, ""),
        ("none", vec![], &deny, "revocation_unknown"),
        ("none, and that is allowed", vec![], &allow, ""),
        ("none of the root", vec![good()], &deny, "revocation_unknown"),
        ("none of the root, which is not asked for", vec![good()], &of_leaf, ""),
        ("revoked", lists(revoked.clone(), root()), &deny, "revoked"),
        ("revoked, and unknown is allowed", vec![revoked.clone()], &allow, "revoked"),
        ("a CA that is revoked", lists(good(), ca_revoked.clone()), &deny, "revoked"),
        ("a CA that is revoked, which is not asked for", lists(good(), ca_revoked), &of_leaf, ""),
        ("stale", lists(stale.clone(), root()), &deny, "revocation_unknown"),
        ("stale, and unknown is allowed", lists(stale.clone(), root()), &allow, "revocation_unknown"),
        ("stale, which does not matter", lists(stale, root()), &late, ""),
        ("forged", lists(forged.clone(), root()), &deny, "revocation_unknown"),
        ("forged, and unknown is allowed", lists(forged.clone(), root()), &allow, "revocation_unknown"),
        ("forged beside a good one", vec![forged, good(), root()], &deny, ""),
        ("about others", lists(of_cas, root()), &deny, "revocation_unknown"),
        ("no list", lists("rubbish".to_owned(), root()), &allow, "revocation_unknown"),
        ("of a stranger", vec![Ca::new("Stranger").crl().pem()], &allow, ""),
    ] {
        assert_eq!(reason(&pki.with_lists(&leaf, &lists, rules.clone())), expected, "{name}");
    }
    let off = pki.with_lists(&leaf, &[revoked], json!({ "mode": "off" }));
    assert_eq!(reason(&off), "");
}

#[test]
fn revocation_is_known_by_responses_too() {
    let root = Ca::new("Acme Root");
    let leaf = root.leaf("billing").mint();
    let now: OffsetDateTime = date_time_ymd(2030, 1, 1);
    let good = root.ocsp(now).answer(&root.good(&leaf, now));
    let revoked = root.ocsp(now).answer(&root.good(&leaf, now).revoked(now));
    let stale = root.ocsp(date_time_ymd(2029, 1, 1)).answer(&root.good(&leaf, date_time_ymd(2029, 1, 1)));
    let other = root.leaf("mail").mint();
    let of_another = root.ocsp(now).answer(&root.good(&other, now));
    let packed = |response: &mint::ocsp::OcspResponse| BASE64_STANDARD.encode(response.der());
    let list = root.crl().pem();
    let naming = root.crl().revoke(&leaf).pem();
    for (name, mode, responses, lists, expected) in [
        ("good", "ocsp", vec![packed(&good)], vec![], ""),
        ("revoked", "ocsp", vec![packed(&revoked)], vec![], "revoked"),
        ("of another", "ocsp", vec![packed(&of_another)], vec![], "revocation_unknown"),
        ("that beside the good one", "ocsp", vec![packed(&of_another), packed(&good)], vec![], ""),
        ("good and revoked", "ocsp", vec![packed(&good), packed(&revoked)], vec![], "revoked"),
        ("stale", "ocsp", vec![packed(&stale)], vec![], "revocation_unknown"),
        ("none", "ocsp", vec![], vec![list.clone()], "revocation_unknown"),
        ("none, and a list", "any", vec![], vec![list.clone()], ""),
        ("good, and no list", "any", vec![packed(&good)], vec![], ""),
        ("good, and a list that names it", "any", vec![packed(&good)], vec![naming], "revoked"),
        ("revoked, and a list that does not name it", "any", vec![packed(&revoked)], vec![list], "revoked"),
        ("neither", "any", vec![], vec![], "revocation_unknown"),
    ] {
        let change = json!({ "revocation": { "mode": mode }, "ocsp_der_b64": responses, "crls_pem": lists });
        assert_eq!(reason(&with(&[&root], &[], &leaf, change)), expected, "{name}");
    }
}

#[test]
fn what_is_not_known_is_never_accepted() {
    let pki = Pki::new();
    let leaf = pki.leaf().mint();
    let any = json!({
        "initial": ["2.5.29.32.0"], "explicit": false, "inhibit_mapping": false, "inhibit_any": false,
    });
    assert_eq!(reason(&pki.case(&leaf, json!({ "policies": any }))), "");
    let policy = |key: &str, value: Value| {
        let mut policies = any.clone();
        policies[key] = value;
        json!({ "policies": policies })
    };
    for (change, verdict) in [
        (json!({ "lenient": true }), "unsupported"),
        (policy("initial", json!(["1.2.3"])), "unsupported"),
        (policy("initial", json!([])), "unsupported"),
        (policy("explicit", json!(true)), "unsupported"),
        (policy("inhibit_mapping", json!(true)), "unsupported"),
        (policy("inhibit_any", json!(true)), "unsupported"),
        (policy("lenient", json!(true)), "unsupported"),
        (json!({ "eku_mode": "lenient" }), "unsupported"),
        (json!({ "eku": ["everything"] }), "unsupported"),
        (json!({ "key_usage": ["everything"] }), "unsupported"),
        (json!({ "names": [{ "kind": "nick", "value": "a" }] }), "unsupported"),
        (json!({ "names": [{ "kind": "dns", "value": "a", "case": true }] }), "unsupported"),
        (json!({ "names": [{ "kind": "dns" }] }), "error"),
        (json!({ "names": [{ "kind": "dns", "regex": "(" }] }), "error"),
        (json!({ "names_match": "none" }), "unsupported"),
        (json!({ "names_match": "exact_set", "names": [{ "kind": "dns", "regex": "a" }] }), "unsupported"),
        (json!({ "revocation": { "mode": "rumour" } }), "unsupported"),
        (json!({ "revocation": { "lenient": true } }), "unsupported"),
        (json!({ "max_depth": -1 }), "error"),
        (json!({ "time": "soon" }), "error"),
        (json!({ "anchors_pem": "a" }), "error"),
        (json!({ "ocsp_der_b64": ["?"] }), "error"),
    ] {
        let answer = answer(&pki.case(&leaf, change.clone()));
        assert_eq!(answer["verdict"], verdict, "{change}: {answer}");
    }
}

#[test]
fn a_leaf_that_is_a_cas_or_looks_like_one_is_refused() {
    let pki = Pki::new();
    let as_leaf = |ca: &Ca| Minted { der: ca.der().to_vec(), key: ca.key().clone() };
    let ca = pki.issuing.below("billing", "billing", |_| {});
    let signer = pki.issuing.below("billing", "billing", |params| {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
    });
    let plain = pki.issuing.below("billing", "billing", |params| {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    });
    for (leaf, expected) in [(&ca, "untrusted"), (&signer, "untrusted"), (&plain, "")] {
        assert_eq!(reason(&pki.case(&as_leaf(leaf), json!({ "eku": [] }))), expected);
    }
}
