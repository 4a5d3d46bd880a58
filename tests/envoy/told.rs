//! What the listener tells of a connection in one line, and what the filter makes of a line, of half a line and of none: the same.

use serde_json::{Value, json};

use crate::common::{BILLING, PAY, PKI, ask, ask_on, at, policy, route, service, with};
use crate::harness::{Client, Connection, Envoy, Listener, Setup, Version};

/// Changes the format of the line.
type Change = fn(&str) -> String;

/// What puts the line into filter state.
fn line(listener: &mut Value) -> &mut Value {
    &mut listener["filter_chains"][0]["filters"][0]["typed_config"]["on_downstream_tls_handshake"][0]
}

/// Changes the format of the line.
fn reformat(listener: Listener, change: impl Fn(&str) -> String + Send + Sync + 'static) -> Listener {
    listener.patch(move |listener| {
        let format = &mut line(listener)["format_string"]["text_format_source"]["inline_string"];
        *format = change(format.as_str().unwrap()).into();
    })
}

/// Has the access log tell the line, and the attributes that it is to agree with.
fn shows(listener: Listener) -> Listener {
    listener.patch_manager(|manager| {
        let log = &mut manager["access_log"][0]["typed_config"]["log_format"]["json_format"];
        log["line"] = "%FILTER_STATE(mtls_policy.connection:PLAIN)%".into();
        log["digest"] = "%CEL(connection.sha256_peer_certificate_digest)%".into();
        log["valid"] = "%CEL(connection.peer_certificate_valid)%".into();
        log["version"] = "%CEL(connection.tls_version)%".into();
        log["name"] = "%CEL(connection.requested_server_name)%".into();
    })
}

/// Listeners that trust who has a certificate of the CA, or whoever has one, and resume sessions.
fn listeners(prefix: &str, change: impl Fn(Listener) -> Listener) -> [Listener; 3] {
    let plain = Listener::tls(&format!("{prefix}-plain"));
    let lax = Listener::tls(&format!("{prefix}-lax")).accept_untrusted().resumption();
    [change(plain), change(lax), change(Listener::tls(&format!("{prefix}-resuming")).resumption())]
}

fn setup(version: Version, listeners: impl IntoIterator<Item = Listener>) -> Setup {
    let any = |name: &str, members: Value| with(route(name), members);
    let routes = [
        any("required", json!({})),
        any("modern", json!({ "tls": { "min_version": "TLSv1.3" } })),
        any("optional", json!({ "client_certificate": "optional" })),
    ];
    let setup = Setup::new(&PKI).version(version).policy(policy(version, &routes)).workers(1);
    listeners.into_iter().fold(setup, Setup::listener)
}

/// Connections of every kind to the listeners of this prefix: who has a good certificate, one of another CA, or none; by a full
/// handshake and by a resumed session.
async fn connections(envoy: &Envoy, prefix: &str) -> Vec<(String, Connection)> {
    let stranger = service(&PKI.stranger, "billing");
    let at = |listener: &str| envoy.client_of(&format!("{prefix}-{listener}"));
    let clients: [(&str, Client); 6] = [
        ("good", at("plain").presents(&BILLING)),
        ("none", at("plain")),
        ("good at lax", at("lax").presents(&BILLING)),
        ("stranger at lax", at("lax").presents(&stranger)),
        ("none at lax", at("lax")),
        ("good at resuming", at("resuming").presents(&BILLING)),
    ];
    let mut connections = Vec::new();
    for (kind, client) in clients {
        for client in [client.clone().resumption().tls12(), client.clone().resumption().tls13().http2()] {
            for _ in 0..2 {
                let mut connection = client.connect(PAY).await;
                // So that the client has the session's ticket.
                ask_on(&mut connection, &crate::common::at("/none")).await;
                connections.push((kind.to_owned(), connection));
            }
        }
    }
    assert!(connections.iter().any(|(_, connection)| connection.resumed()));
    connections
}

#[tokio::test]
async fn the_line_agrees_with_envoys_attributes_on_every_connection() {
    for version in [Version::Current, Version::Older] {
        let plain = shows(Listener::plaintext("plaintext"));
        let envoy = Envoy::start(setup(version, listeners("shown", shows).into_iter().chain([plain]))).await;
        for (kind, mut connection) in connections(&envoy, "shown").await {
            let asked = ask_on(&mut connection, &at("/required")).await;
            let access = envoy.wait_for_access(|access| access["path"] == asked.path.as_str()).await;
            let told: Vec<&str> = access["line"].as_str().unwrap().split('|').collect();
            let [form, digest, valid, version, cipher, source, name] = told[..] else {
                panic!("{kind}: {access}")
            };
            // Of what is absent the attributes tell nothing, and the line `-`.
            let or_dash = |field: &Value| match field {
                Value::Null => "-".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let attributes = ["digest", "valid", "version", "name"].map(|field| or_dash(&access[field]));
            assert_eq!(
                [digest, valid, version, name],
                attributes.each_ref().map(String::as_str),
                "{kind}: {access}"
            );
            assert_eq!((form, source), ("1", access["source"].as_str().unwrap()), "{kind}: {access}");
            assert_ne!(cipher, "-", "{kind}: {access}");
            assert_eq!(digest == "-", kind.starts_with("none"), "{kind}: {access}");
        }
        let asked = ask(&envoy.client_of("plaintext"), "http://pay.acme.example/required").await;
        let access = envoy.wait_for_access(|access| access["path"] == asked.path.as_str()).await;
        let told = access["line"].as_str().unwrap();
        let valid = match version {
            Version::Current => "false",
            Version::Older => "-",
        };
        let source = access["source"].as_str().unwrap();
        assert_eq!(told, format!("1|-|{valid}|-|-|{source}|-"));
    }
}

/// Who may pass, by connection and route.
async fn verdicts(envoy: &Envoy, prefix: &str) -> Vec<String> {
    let mut verdicts = Vec::new();
    for (kind, mut connection) in connections(envoy, prefix).await {
        for path in ["/required", "/modern", "/optional"] {
            let asked = ask_on(&mut connection, &at(path)).await;
            let record = asked.record(envoy).await;
            let (reason, verify) = (&record["reason"], record["certificate"]["sha256"].is_string());
            verdicts.push(format!("{kind} {path} {} {reason} {verify}", asked.reply.status));
        }
    }
    verdicts
}

#[tokio::test]
async fn who_may_pass_is_the_same_whatever_the_line_tells() {
    let changes: [(&str, Change); 5] = [
        ("told", str::to_owned),
        ("without-validity", |format| format.replace("%CEL(connection.peer_certificate_valid)%", "-")),
        ("without-certificate", |format| {
            let format = format.replace("%CEL(connection.peer_certificate_valid)%", "true");
            format.replace("%DOWNSTREAM_PEER_FINGERPRINT_256%", "-")
        }),
        ("without-tls", |format| {
            let format = format.replace("%DOWNSTREAM_PEER_FINGERPRINT_256%", "-");
            format.replace("%DOWNSTREAM_TLS_VERSION%|%DOWNSTREAM_TLS_CIPHER%", "-|-")
        }),
        ("empty", |_| "1||||||".to_owned()),
    ];
    for version in [Version::Current, Version::Older] {
        let told = changes
            .into_iter()
            .flat_map(|(name, change)| listeners(name, |listener| reformat(listener, change)));
        // The line is there before the handshake, or not at all.
        let early = listeners("early", |listener| {
            listener.patch(|listener| {
                let early = line(listener).take();
                let events = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
                events.as_object_mut().unwrap().remove("on_downstream_tls_handshake");
                events["on_new_connection"].as_array_mut().unwrap().push(early);
            })
        });
        let silent = listeners("silent", |listener| {
            listener.patch(|listener| {
                let events = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
                events.as_object_mut().unwrap().remove("on_downstream_tls_handshake");
            })
        });
        let envoy = Envoy::start(setup(version, told.chain(early).chain(silent))).await;
        let expected = verdicts(&envoy, "silent").await;
        for wanted in [
            "good /required 200 null true",
            "none /required 403 \"no_certificate\" false",
            "none at lax /optional 200 null false",
        ] {
            assert!(expected.iter().any(|verdict| verdict == wanted), "{wanted}: {expected:#?}");
        }
        let untrusted = expected.iter().any(|verdict| verdict.contains("\"untrusted\""));
        assert_eq!(untrusted, version == Version::Current, "{expected:#?}");
        for (name, _) in changes {
            assert_eq!(verdicts(&envoy, name).await, expected, "{name}");
        }
        // Who asks Envoy for the version before the handshake is told one that is none, and so is who asks later: that is kept.
        let of_the_certificate = |verdicts: Vec<String>| -> Vec<String> {
            verdicts.into_iter().filter(|verdict| !verdict.contains(" /modern ")).collect()
        };
        let early = of_the_certificate(verdicts(&envoy, "early").await);
        assert_eq!(early, of_the_certificate(expected));
        envoy.assert_no_trap().await;
    }
}

#[tokio::test]
async fn a_line_of_another_form_lets_nobody_in_where_a_certificate_is_looked_at() {
    let others: [(&str, Change); 4] = [
        ("unmarked", |format| format.trim_start_matches("1|").to_owned()),
        ("newer", |format| format.replacen('1', "2", 1)),
        ("short", |format| format.rsplit_once('|').unwrap().0.to_owned()),
        ("presented", |format| {
            format
                .replace("%CEL(connection.peer_certificate_valid)%", "%CEL(connection.mtls ? 'yes' : 'no')%")
        }),
    ];
    let listeners = others.into_iter().map(|(name, change)| reformat(Listener::tls(name), change));
    let envoy = Envoy::start(setup(Version::Current, listeners)).await;
    for (name, _) in others {
        for client in [envoy.client_of(name), envoy.client_of(name).presents(&BILLING)] {
            for path in ["/required", "/optional"] {
                let asked = ask(&client, &at(path)).await;
                let record = asked.record(&envoy).await;
                assert_eq!(
                    (asked.reply.status, &record["reason"]),
                    (500, &json!("internal_error")),
                    "{name}"
                );
                let detail = record["detail"].as_str().unwrap();
                assert!(detail.contains("`mtls_policy.connection`"), "{name}: {record}");
            }
        }
    }
    envoy.assert_no_trap().await;
}
