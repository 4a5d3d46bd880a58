//! `mtlsctl inspect`: what the engine sees in a certificate.

use serde_json::Value;

use crate::mint::{Ca, Leaf, SAN_DNS};
use crate::{Files, run, run_on_stdin, stderr, stdout};

fn leaf() -> Leaf {
    Ca::new("Acme Root").leaf("billing").spiffe("spiffe://acme.example/billing").dns("a.acme.example")
}

#[test]
fn names_are_shown_by_the_matchers_that_compare_them() {
    let minted = leaf().serial(&[0x0f, 0x3a]).mint();
    let files = Files::new(&[("a.pem", &minted.pem())]);
    let output = run(&["inspect", &files.path("a.pem")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let page = stdout(&output);
    for (name, value) in [
        ("subject", "CN=billing"),
        ("issuer", "CN=Acme Root"),
        ("serial", "0f3a"),
        ("spiffe_id", "spiffe://acme.example/billing"),
        ("dns", "a.acme.example"),
        ("extended_key_usage", "clientAuth"),
        ("sha256", &minted.hex_digest()),
    ] {
        let line = page.lines().find(|line| line.trim_start().starts_with(&format!("{name} ")));
        assert!(line.is_some_and(|line| line.ends_with(value)), "{name}:\n{page}");
    }
    assert!(!page.contains("upn"), "kinds that are not there are left out:\n{page}");
}

#[test]
fn a_forwarded_header_is_read_as_the_filter_reads_it() {
    let xfcc = leaf().mint().xfcc_element();
    let output = run(&["inspect", "--xfcc", &format!("By=spiffe://x;Hash=00,{xfcc}"), "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(found[0]["fields"][0]["values"][0], "CN=billing");
    let other = Ca::new("Acme Root").leaf("other").mint().hex_digest();
    let forged = xfcc.replacen(&leaf().mint().hex_digest(), &other, 1);
    let output = run(&["inspect", "--xfcc", &forged]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains("the filter refuses it"), "{}", stdout(&output));
}

#[test]
fn names_that_cannot_be_read_are_counted_and_terminals_kept_safe() {
    let minted = leaf().raw_san(SAN_DNS, b"a\0b").subject(crate::mint::CN, "a\u{1b}[2Jb").mint();
    let output = run_on_stdin(&["inspect", "-"], &minted.der);
    let page = stdout(&output);
    assert!(page.contains("(1 that cannot be read)"), "{page}");
    assert!(!page.contains('\u{1b}'), "{page:?}");
}

#[test]
fn what_is_no_certificate_exits_with_1_or_2() {
    let files = Files::new(&[("text", "hello"), ("der", "0\u{1}")]);
    let output = run(&["inspect", &files.path("text")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("it holds no certificate"), "{}", stderr(&output));
    let output = run(&["inspect", &files.path("der")]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "a certificate that cannot be read is what the filter would refuse"
    );
    assert_eq!(run(&["inspect"]).status.code(), Some(2));
}
