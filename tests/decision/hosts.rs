//! Hosts: how those of requests are read, and how routes name them.

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{Situation, route_found, routes, verdict};

fn found(hosts: Value, authority: &str) -> String {
    let engine =
        routes(json!([{ "name": "it", "match": { "hosts": hosts }, "client_certificate": "ignored" }]));
    route_found(&engine, &Situation::get("/").authority(authority.as_bytes()))
}

#[test]
fn case_port_and_trailing_dot_of_a_host_do_not_matter() {
    for authority in [
        "pay.acme.example",
        "PAY.Acme.Example",
        "pay.acme.example:8443",
        "pay.acme.example.",
        "Pay.acme.example.:443",
    ] {
        assert_eq!(found(json!(["pay.acme.example"]), authority), "it", "{authority}");
        assert_eq!(found(json!(["PAY.acme.example."]), authority), "it", "{authority}");
    }
}

#[test]
fn hosts_that_only_look_alike_do_not_match() {
    for authority in [
        "xpay.acme.example",
        "pay.acme.example.evil.example",
        "acme.example",
        "pay-acme.example",
        "a.pay.acme.example",
        "pay.acme.examp1e",
    ] {
        assert_eq!(found(json!(["pay.acme.example"]), authority), "no_route", "{authority}");
    }
}

#[test]
fn a_host_wildcard_matches_every_host_below_and_not_the_suffix_itself() {
    let hosts = json!(["*.acme.example"]);
    for authority in ["a.acme.example", "a.b.acme.example", "A.ACME.EXAMPLE.:1"] {
        assert_eq!(found(hosts.clone(), authority), "it", "{authority}");
    }
    for authority in ["acme.example", "xacme.example", "a.acme.example.org", "a.acme.exampl"] {
        assert_eq!(found(hosts.clone(), authority), "no_route", "{authority}");
    }
}

#[test]
fn any_host_of_a_long_list_matches() {
    let hosts: Vec<String> = (0..150).map(|index| format!("h{index}.acme.example")).collect();
    assert_eq!(found(json!(hosts), "H149.acme.example."), "it");
    assert_eq!(found(json!(hosts), "h150.acme.example"), "no_route");
}

#[test]
fn addresses_match_in_every_spelling_of_theirs() {
    for hosts in [json!(["::1"]), json!(["[0:0::1]"])] {
        assert_eq!(found(hosts.clone(), "[::1]:443"), "it");
        assert_eq!(found(hosts.clone(), "[0:0:0:0:0:0:0:1]"), "it");
        assert_eq!(found(hosts, "[::2]"), "no_route");
    }
    assert_eq!(found(json!(["10.0.0.1"]), "10.0.0.1:8080"), "it");
    assert_eq!(found(json!(["10.0.0.1"]), "10.0.0.11"), "no_route");
}

#[test]
fn a_host_that_is_none_is_an_invalid_request() {
    let engine = routes(json!([{
        "name": "all", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored"
    }]));
    let verdict_on = |authority: &[u8]| verdict(&engine, &Situation::get("/").authority(authority));
    for authority in [
        b"".as_slice(),
        b".",
        b":443",
        b"a..example",
        b"user@pay.acme.example",
        b"user:password@pay.acme.example",
        b"pay.acme.example:https",
        b"pay.acme.example:",
        b"pay.acme.example,evil.example",
        b"pay.acme.example evil.example",
        b"pay.acme.example/x",
        b"pay.acme.example\0",
        b"pay.acme.ex\xc3\xa4mple",
        b"pay.acme.example\xff",
        b"::1",
        b"[::1",
        b"[::1]x",
    ] {
        // An empty port is a port (RFC 3986, section 3.2.3).
        let wanted = if authority == b"pay.acme.example:" { "anonymous" } else { "invalid_request" };
        assert_eq!(verdict_on(authority), wanted, "{}", authority.escape_ascii());
    }
    assert_eq!(verdict_on(b"xn--mnchen-3ya.example"), "anonymous");
    assert_eq!(verdict(&engine, &Situation::get("/").without_header(":authority")), "invalid_request");
}

#[test]
fn a_host_of_253_characters_is_read_and_one_of_254_is_not() {
    let engine = routes(json!([{
        "name": "all", "match": { "path": { "prefix": "/" } }, "client_certificate": "ignored"
    }]));
    let long = "a.".repeat(126) + "a";
    assert_eq!(verdict(&engine, &Situation::get("/").authority(long.as_bytes())), "anonymous");
    let longer = format!("{long}b");
    assert_eq!(verdict(&engine, &Situation::get("/").authority(longer.as_bytes())), "invalid_request");
}
