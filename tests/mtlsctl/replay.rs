//! `mtlsctl replay`: what a policy would have decided on records.

use serde_json::{Value, json};

use crate::mint::Ca;
use crate::records::{denial, lines, permit};
use crate::{Files, run, run_on_stdin, stderr, stdout};

fn policy(members: Value) -> Value {
    let mut route = json!({
        "name": "payments", "match": { "hosts": ["pay.acme.example"], "path": { "prefix": "/v1" } },
        "client_certificate": "required", "allow": { "spiffe_id": ["spiffe://acme.example/billing", "spiffe://acme.example/ops"] },
    });
    route.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    whole(json!([route]))
}

fn whole(routes: Value) -> Value {
    json!({
        "version": 1, "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } }, "routes": routes,
    })
}

/// What comes of records, as JSON, and the exit.
fn replayed(policy: &Value, records: &[Value], options: &[&str]) -> (Value, i32) {
    let files = Files::new(&[("policy.json", &policy.to_string()), ("envoy.log", &lines(records))]);
    let (policy, records) = (files.path("policy.json"), files.path("envoy.log"));
    let mut arguments = vec!["replay", &records, "--policy", &policy, "--format", "json"];
    arguments.extend(options);
    let output = run(&arguments);
    let exit = output.status.code().unwrap();
    assert!(exit < 2, "{}", stderr(&output));
    (serde_json::from_str(&stdout(&output)).unwrap(), exit)
}

/// What one record becomes: `same`, the other outcome, or `? ` and why it cannot be decided.
fn becomes(policy: &Value, record: Value) -> String {
    let (page, _) = replayed(policy, &[record], &[]);
    let (changed, undecidable) = (page["changes"].get(0), page["undecidable"].get(0));
    assert!(changed.is_none() || undecidable.is_none(), "one record has one row: {page}");
    match (changed, undecidable) {
        (Some(row), _) => row["becomes"].as_str().unwrap().to_owned(),
        (None, Some(row)) => format!("? {}", row["becomes"].as_str().unwrap()),
        (None, None) => "same".to_owned(),
    }
}

fn billing(members: Value) -> Value {
    permit(0, "billing", members)
}

#[test]
fn whole_records_are_decided_without_the_certificate() {
    for (members, expected) in [
        (json!({}), "same"),
        (json!({ "allow": { "spiffe_id": "spiffe://acme.example/ops" } }), "deny identity_not_allowed"),
        (
            json!({ "deny": { "serial": "0f:3a:99", "issuer": { "CN": "Acme Root" } } }),
            "deny identity_denied",
        ),
        (json!({ "deny": { "serial": "0f:3a:99", "issuer": { "CN": "Other Root" } } }), "same"),
        (json!({ "allow": { "subject": { "O": "Acme" } } }), "same"),
        (json!({ "allow": { "dns": "*.acme.example" } }), "same"),
        (json!({ "certificate": { "max_lifetime_days": 90 } }), "deny lifetime_too_long"),
        (json!({ "certificate": { "min_remaining_hours": 480 } }), "deny expired"),
        (json!({ "certificate": { "min_remaining_hours": 24 } }), "same"),
        (json!({ "certificate": { "key_types": "rsa" } }), "deny weak_certificate"),
        (json!({ "tls": { "min_version": "TLSv1.3" } }), "same"),
        (json!({ "tls": { "sni": ["other.example"] } }), "deny sni_mismatch"),
        (json!({ "mode": "shadow", "allow": { "dns": "x.example" } }), "shadow_deny identity_not_allowed"),
        (json!({ "match": { "path": "/v2" } }), "deny no_route"),
    ] {
        assert_eq!(becomes(&policy(members.clone()), billing(json!({}))), expected, "{members}");
    }
}

#[test]
fn what_a_route_asks_for_and_a_record_does_not_hold_is_undecidable() {
    for (policy_members, record_members, why) in [
        (
            json!({ "match": { "headers": { "x-tenant": "a" } } }),
            json!({}),
            "headers of the request are not recorded",
        ),
        (json!({ "token": { "claims": { "sub": "x" } } }), json!({}), "the token is not recorded"),
        (
            json!({ "tls": { "ciphers": ["TLS_AES_128_GCM_SHA256"] } }),
            json!({}),
            "`tls.cipher` is not recorded",
        ),
        (
            json!({ "match": { "source": ["192.0.2.0/24"] } }),
            json!({ "source": null }),
            "`source` is not recorded",
        ),
        (
            json!({ "match": { "source": ["192.0.2.0/24"] } }),
            json!({ "source": "hmac-sha256:00" }),
            "`source` was hashed",
        ),
        (json!({ "match": { "envoy_route": "a" } }), json!({}), "Envoy's route is not recorded"),
        (json!({}), json!({ "request": { "path": "/v1/aaaa…" } }), "`request.path` was cut"),
        (json!({}), json!({ "tls": { "sni": null } }), "`tls.sni` is not recorded"),
        (json!({}), json!({ "time": null }), "`time` is not recorded"),
        (
            json!({}),
            json!({ "certificate": null }),
            "the client's certificate is not recorded, nor that there was none",
        ),
        (
            json!({}),
            json!({ "certificate": { "public_key": null } }),
            "of the certificate its public key cannot be told",
        ),
        (
            json!({}),
            json!({ "certificate": { "uri": null } }),
            "of the certificate not all names that `allow` asks for are known",
        ),
        (
            json!({ "allow": { "dns": "x.example" } }),
            json!({ "certificate": { "names_omitted": 3 } }),
            "of the certificate not all names that `allow` asks for are known",
        ),
        (
            json!({ "deny": { "email": "a@b.example" } }),
            json!({ "certificate": { "email": ["hmac-sha256:00"] } }),
            "of the certificate not all names that `deny` asks for are known",
        ),
        (
            json!({ "allow": { "subject": { "O": "Acme" } } }),
            json!({ "certificate": { "subject": "O=Acme,CN=bill…" } }),
            "of the certificate its subject cannot be told",
        ),
        (
            json!({ "allow": { "extension": "1.3.6.1.4.1.55555.1" } }),
            json!({}),
            "of the certificate its extensions cannot be told",
        ),
        (
            json!({ "allow": { "policy_oid": "1.3.6.1.4.1.55555.1" } }),
            json!({}),
            "of the certificate not all names that `allow` asks for are known",
        ),
        (
            json!({ "certificate": { "forbid_self_signed": true } }),
            json!({}),
            "of the certificate its key identifiers cannot be told",
        ),
        (
            json!({}),
            json!({ "verification": { "by": "plugin", "bundle": "acme" } }),
            "whether Envoy verified the certificate is not recorded",
        ),
    ] {
        let found = becomes(&policy(policy_members.clone()), billing(record_members.clone()));
        assert_eq!(found, format!("? {why}"), "{policy_members} {record_members}");
    }
}

#[test]
fn what_is_not_asked_for_may_be_missing() {
    for record in [
        billing(json!({ "source": null, "tls": { "cipher": null } })),
        billing(json!({ "certificate": { "subject": "O=Acme,CN=bill…", "serial": null, "email": null } })),
        // Whatever the other names are, this one lets in.
        billing(json!({ "certificate": { "names_omitted": 0, "dns": null } })),
    ] {
        assert_eq!(becomes(&policy(json!({})), record.clone()), "same", "{record}");
    }
    let by_dns = policy(json!({ "allow": { "dns": "billing.acme.example" } }));
    assert_eq!(becomes(&by_dns, billing(json!({ "certificate": { "names_omitted": 3 } }))), "same");
    let open = whole(
        json!([{ "name": "a", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored" }]),
    );
    assert_eq!(becomes(&open, billing(json!({ "certificate": null, "tls": null }))), "permit (anonymous)");
}

#[test]
fn denials_become_permits_and_stay_what_they_were() {
    let wider = policy(json!({ "allow": "any_verified" }));
    for (record, expected) in [
        (denial(0, "guest", "identity_not_allowed", json!({})), "permit (verified)"),
        (denial(0, "guest", "no_certificate", json!({ "certificate": null, "verification": null })), "same"),
        (denial(0, "guest", "untrusted", json!({ "verification": { "by": "none" } })), "same"),
        (
            denial(
                0,
                "guest",
                "invalid_request",
                json!({ "route": null, "request": { "path": null }, "certificate": null }),
            ),
            "same",
        ),
        (
            denial(
                0,
                "guest",
                "no_route",
                json!({ "route": null, "request": { "path": "/v0" }, "certificate": null }),
            ),
            "same",
        ),
        (denial(0, "guest", "internal_error", json!({})), "? the proxy did not answer a question then"),
        (
            denial(0, "guest", "malformed_certificate", json!({ "certificate": null })),
            "? the certificate could not be read then",
        ),
        (
            denial(0, "guest", "throttled", json!({})),
            "? it was denied for what came before it, not for what it was",
        ),
        (denial(0, "guest", "expired", json!({ "time": "2027-01-01T00:00:00Z" })), "same"),
    ] {
        assert_eq!(becomes(&wider, record.clone()), expected, "{record}");
    }
}

#[test]
fn a_share_of_clients_is_told_from_the_record() {
    let half = policy(json!({ "allow": { "dns": "x.example" }, "enforce_ratio": 0.5 }));
    let all: Vec<Value> = (0..64).map(|at| permit(at, &format!("w{at}"), json!({}))).collect();
    let (page, exit) = replayed(&half, &all, &[]);
    let of = |outcome: &str| {
        page["changes"].as_array().unwrap().iter().filter(|row| row["becomes"] == outcome).count()
    };
    let (enforced, shadowed) = (of("deny identity_not_allowed"), of("shadow_deny identity_not_allowed"));
    assert_eq!((enforced + shadowed, exit), (64, 1));
    assert!((16..48).contains(&enforced), "{enforced}");
}

#[test]
fn whoever_vouched_then_vouches_now_by_the_same_anchor() {
    let (acme, other) = (Ca::new("Acme Root"), Ca::new("Other Root"));
    let anchor = |ca: &Ca| sha256(ca.der());
    let policy = |trust: &str, acme: &Ca| {
        let mut document = policy(json!({ "trust": trust }));
        document["peer_certificate"] = json!({ "verified_by": "plugin" });
        document["trust_bundles"] =
            json!({ "acme": { "anchors_pem": [acme.pem()] }, "other": { "anchors_pem": [other.pem()] } });
        document
    };
    let record = billing(
        json!({ "verification": { "by": "plugin", "bundle": "acme", "anchor_sha256": anchor(&acme) } }),
    );
    assert_eq!(becomes(&policy("acme", &acme), record.clone()), "same");
    assert_eq!(
        becomes(&policy("other", &acme), record.clone()),
        "? `acme` vouched then, and the route trusts others"
    );
    let renewed = Ca::with_seed("Acme Root", "another key");
    assert_eq!(
        becomes(&policy("acme", &renewed), record),
        "? the anchor by which `acme` vouched is not in it any more"
    );
    let by_envoy = billing(json!({}));
    assert_eq!(
        becomes(&policy("acme", &acme), by_envoy),
        "? the chain that came with the certificate is not recorded"
    );
}

fn sha256(der: &[u8]) -> String {
    mtls_policy::cert::Fingerprint::of(der).to_string()
}

#[test]
fn the_certificate_itself_tells_what_the_record_does_not() {
    let minted = Ca::new("Acme Root").leaf("billing").spiffe("spiffe://acme.example/billing").mint();
    let names = policy(
        json!({ "allow": { "subject": { "CN": "billing" } }, "certificate": { "forbid_self_signed": true } }),
    );
    let bare = |der: Value| {
        billing(
            json!({ "certificate": { "sha256": minted.hex_digest(), "subject": null, "public_key": null, "der": der } }),
        )
    };
    assert_eq!(becomes(&names, bare(Value::Null)), "? of the certificate its subject cannot be told");
    let base64: String = minted.pem().lines().filter(|line| !line.starts_with('-')).collect();
    let (page, exit) = replayed(&names, &[bare(json!(base64)), bare(Value::Null)], &[]);
    assert_eq!(
        (&page["unchanged"], exit),
        (&json!(2), 0),
        "the first record holds it, the second is of the same one: {page}"
    );
    let files = Files::new(&[("a.pem", &minted.pem())]);
    let (file, folder) = (files.path("a.pem"), files.folder().to_str().unwrap());
    for option in [["--cert", &file], ["--certs", folder]] {
        let (page, _) = replayed(&names, &[bare(Value::Null)], &option);
        assert_eq!(page["unchanged"], json!(1), "{option:?}");
    }
}

#[test]
fn revocation_is_what_it_was_where_the_same_is_asked() {
    let ca = Ca::new("Acme Root");
    let asking = |revocation: Value| {
        let mut document = policy(json!({ "revocation": revocation }));
        document["trust_bundles"] = json!({ "acme": {
            "anchors_pem": [ca.pem()], "crls": [{ "cluster": "crl", "url": "http://crl.example/a.crl" }],
            "ocsp": { "cluster": "ocsp", "url": "http://ocsp.example/" },
        } });
        document
    };
    let crl = asking(json!({ "check": ["crl"] }));
    let said =
        |status: &str, why: Value| json!({ "revocation": { "status": status, "why": why, "method": "crl" } });
    assert_eq!(becomes(&crl, billing(said("good", Value::Null))), "same");
    assert_eq!(becomes(&crl, billing(said("revoked", Value::Null))), "deny revoked");
    assert_eq!(becomes(&crl, billing(said("unknown", json!("stale")))), "deny revocation_unknown");
    let lax = asking(json!({ "check": ["crl"], "on_unknown": "allow" }));
    assert_eq!(becomes(&lax, billing(said("unknown", json!("stale")))), "same");
    let ocsp = asking(json!({ "check": ["ocsp"] }));
    assert_eq!(
        becomes(&ocsp, billing(said("good", Value::Null))),
        "? revocation was asked about in another way"
    );
    assert_eq!(becomes(&crl, billing(json!({}))), "? `revocation` is not recorded");
    // Nobody asks about a client who is not let in anyway.
    let others = {
        let mut document = ocsp.clone();
        document["routes"][0]["allow"] = json!({ "dns": "x.example" });
        document
    };
    assert_eq!(becomes(&others, billing(json!({}))), "deny identity_not_allowed");
}

#[test]
fn a_policy_that_made_the_record_says_what_its_missing_fields_mean() {
    let old = policy(json!({ "client_certificate": "optional" }));
    let files = Files::new(&[("old.json", &old.to_string())]);
    let digest = {
        let output = run(&["check", "--format", "json", &files.path("old.json")]);
        let page: Value = serde_json::from_str(&stdout(&output)).unwrap();
        page["files"][0]["digest"].clone()
    };
    let anonymous = billing(
        json!({ "policy": digest, "client": "anonymous", "certificate": null, "verification": null, "tls": { "sni": null } }),
    );
    let new = policy(json!({ "tls": { "sni": "ignore" } }));
    let (page, _) = replayed(&new, std::slice::from_ref(&anonymous), &[]);
    assert_eq!(page["not_decided"], json!(1));
    let (page, exit) = replayed(&new, &[anonymous], &["--was", &files.path("old.json")]);
    assert_eq!((&page["changes"][0]["becomes"], exit), (&json!("deny no_certificate"), 1), "{page}");
}

#[test]
fn what_a_policy_left_out_of_its_records_is_unknown_although_it_is_at_hand() {
    let new = policy(json!({ "audit": { "allowed_ratio": 0.5 } }));
    let mut old = policy(json!({}));
    let mut becomes = Vec::new();
    for audit in [json!({}), json!({ "omit": ["tls.sni"] })] {
        old["audit"] = audit;
        let files = Files::new(&[("old.json", &old.to_string())]);
        let output = run(&["check", "--format", "json", &files.path("old.json")]);
        let page: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let digest = page["files"][0]["digest"].clone();
        let unnamed = billing(json!({ "policy": digest, "tls": { "sni": null } }));
        let (page, _) = replayed(&new, &[unnamed], &["--was", &files.path("old.json")]);
        becomes.push((page["not_decided"].clone(), page["undecidable"][0]["becomes"].clone()));
    }
    let unknown = (json!(1), json!("`tls.sni` is not recorded"));
    assert_eq!(becomes, [(json!(0), Value::Null), unknown]);
}

#[test]
fn changes_are_grouped_counted_and_shown_with_an_example() {
    let narrower = policy(json!({ "allow": { "spiffe_id": "spiffe://acme.example/ops" } }));
    let records = [
        billing(json!({})),
        permit(1, "billing", json!({})),
        permit(2, "ops", json!({})),
        permit(3, "ops", json!({ "certificate": { "public_key": null } })),
    ];
    let files = Files::new(&[("policy.json", &narrower.to_string())]);
    let log = format!("starting\n{}{{\"schema\":\"mtls-policy.audit/1\",\n", lines(&records));
    let output = run_on_stdin(&["replay", "-", "--policy", &files.path("policy.json")], log.as_bytes());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let page = stdout(&output);
    for line in [
        "4 records by policy ",
        ": 1 unchanged, 2 changed, 1 undecidable\n",
        "skipped 1 line without a record, 1 line with a record that cannot be read\n",
        "  2      permit (verified)  deny identity_not_allowed  payments  spiffe://acme.example/billing  00000000000000aa-0\n",
        "of the certificate its public key cannot be told  payments  spiffe://acme.example/ops",
    ] {
        assert!(page.contains(line), "`{line}` is not in\n{page}");
    }
}

#[test]
fn the_exit_says_whether_something_changes() {
    let same = policy(json!({}));
    let unknown = billing(json!({ "certificate": { "public_key": null } }));
    assert_eq!(replayed(&same, &[billing(json!({}))], &[]).1, 0);
    assert_eq!(replayed(&same, std::slice::from_ref(&unknown), &[]).1, 0);
    assert_eq!(replayed(&same, &[unknown], &["--deny-undecidable"]).1, 1);
    let files =
        Files::new(&[("policy.json", &same.to_string()), ("bad.json", "{}"), ("empty.log", "nothing\n")]);
    for (arguments, wanted) in [
        (["empty.log", "policy.json"], "no audit record was found; skipped 1 line without a record"),
        (["empty.log", "bad.json"], "missing key `version`"),
        (["none.log", "policy.json"], "cannot be read"),
    ] {
        let [records, policy] = arguments.map(|name| files.path(name));
        let output = run(&["replay", &records, "--policy", &policy]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(wanted), "{}", stderr(&output));
    }
}

#[test]
fn hostile_names_do_nothing_to_a_terminal() {
    let hostile = billing(json!({ "certificate": { "uri": [], "subject": "CN=\u{1b}[2J\u{202e}evil" } }));
    let files = Files::new(&[
        ("policy.json", &policy(json!({ "allow": { "dns": "x.example" } })).to_string()),
        ("r.log", &lines(&[hostile])),
    ]);
    let output = run(&["replay", &files.path("r.log"), "--policy", &files.path("policy.json")]);
    let page = stdout(&output);
    assert!(page.contains("CN=\\u{1b}[2J\\u{202e}evil"), "{page}");
}
