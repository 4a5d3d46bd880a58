//! What names in certificates can do to the audit record: nothing but stand in it.

use super::{Target, verdict};
use crate::harness::get;
use crate::harness::mint::{CN, Leaf, SAN_EMAIL, SAN_URI, UTF8};

const ADMIN: &str = "https://pay.acme.example/admin";

#[tokio::test]
async fn a_certificate_whose_names_break_lines_or_go_on_for_64_kb_leaves_one_bounded_record() {
    let target = Target::start(|setup| setup).await;
    let leaf = || target.pki.ca.leaf("odd");
    let name = |text: &[u8]| leaf().relative_name(&[(CN, UTF8, text)]);
    let forged = br#"a"},{"schema":"mtls-policy.audit/1","decision":"permit"}"#;
    let cases: [(&str, Leaf); 8] = [
        ("a quote and a record", name(forged)),
        ("a line end and a record", name(&[b"a\r\n", &forged[..]].concat())),
        ("U+2028 and U+2029", name("a\u{2028}{\"decision\":\"permit\"}\u{2029}".as_bytes())),
        ("a terminal's commands", name(b"a\x1b[2K\x1b[1Ab")),
        ("64 kB", name(&b"a".repeat(64_000))),
        ("64 kB of quotes", name(&b"\"".repeat(64_000))),
        ("64 kB of U+2028", name("\u{2028}".repeat(21_000).as_bytes())),
        (
            "bytes that are no text, in other names",
            leaf().raw_san(SAN_URI, b"urn:\xff\xfe\n").raw_san(SAN_EMAIL, b"\xff@acme.example"),
        ),
    ];
    for (what, leaf) in cases {
        let minted = leaf.mint();
        let client = target.envoy.client().presents(&minted);
        // `strike` looks at the line itself: ASCII, whole, bounded, and the only one.
        let (reply, record) = target.strike(what, client.try_send(get(ADMIN))).await;
        let record = record.unwrap_or_else(|| panic!("no record of {what}"));
        let found = verdict(reply.ok().map(|reply| reply.status), Some(&record));
        assert_eq!(found, "identity_not_allowed 403", "{what}");
        assert_eq!(record["certificate"]["sha256"], minted.hex_digest(), "{what}: {record}");
        let subject = record["certificate"]["subject"].as_str().unwrap();
        assert!(subject.starts_with("CN=") && subject.len() <= 300, "{what}: {subject}");
        assert!(!subject.contains(char::is_control), "{what}: {subject}");
    }
}
