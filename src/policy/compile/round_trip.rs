//! What a matcher is written as means what it was read from.

use std::collections::BTreeSet;

use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::matcher::MatcherCompiler;
use super::reader::Problems;
use crate::cert::Certificate;
use crate::chance::Chance;
use crate::identity::{Identity, Truth};
use crate::mint::{CN, Ca, Leaf, OU, SAN_DNS, SAN_IP, SAN_OTHER};
use crate::policy::matcher::{Matcher, Place};
use crate::policy::source;
use crate::policy::trace::{Stage, Untraced};

/// Of the text of a matcher, the matcher; it may refer to the identity `named`.
fn compiled(text: &str) -> Matcher {
    let identities = source::parse(r#"{"named": {"dns": "a.example"}}"#).unwrap();
    let mut problems = Problems::default();
    let mut compiler = MatcherCompiler::new(Some(&identities), &mut problems);
    let tree = source::parse(text).unwrap();
    let matcher = compiler.matcher(&tree, &mut problems);
    assert!(problems.is_empty(), "{text}: {problems:?}");
    matcher.unwrap()
}

fn evaluate(matcher: &Matcher, identity: &Identity) -> Truth {
    matcher.evaluate(identity, Place { stage: Stage::Allow, depth: 0 }, &mut Untraced)
}

/// Every kind of matcher with every kind of pattern, and how it is written where that is not the same.
fn instances() -> Vec<(Value, Option<Value>)> {
    let same = |matcher: Value| (matcher, None);
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let dns = || json!({ "dns": "a.example" });
    vec![
        same(json!({ "any": [dns(), { "dns": "*.b.example" }] })),
        same(json!({ "all": [dns(), { "uri": "urn:a" }] })),
        same(json!({ "not": dns() })),
        same(json!({ "not": { "not": { "any": [dns(), { "all": [dns(), dns()] }] } } })),
        same(json!({ "identity": "named" })),
        same(json!({ "spiffe_id": "spiffe://acme.example/ns/*/**" })),
        same(json!({ "spiffe_trust_domain": "acme.example" })),
        same(json!({ "uri": { "prefix": "urn:\"\\" } })),
        same(json!({ "uri": { "regex": "\\A(?:a|b)\\z|c\"\\.\\x41" } })),
        same(json!({ "email": { "suffix": "@acme.example" } })),
        same(json!({ "email": { "regex": "[a-z]+@acme\\.example" } })),
        same(json!({ "ip": "192.0.2.0/24" })),
        same(json!({ "ip": "2001:db8::1" })),
        same(json!({ "upn": "alice@acme.example" })),
        same(json!({ "upn": { "suffix": "@müller.example" } })),
        same(json!({ "upn": { "regex": "SVC-.*" } })),
        same(json!({ "other_name": { "oid": "1.2.3" } })),
        same(json!({ "other_name": { "oid": "1.2.3", "value": "é\"" } })),
        same(json!({ "other_name": { "oid": "1.2.3", "value": { "prefix": " a " } } })),
        same(json!({ "other_name": { "oid": "1.2.3", "value": { "der": "0c0161" } } })),
        same(json!({ "subject": { "CN": { "prefix": "acme " } } })),
        same(json!({ "subject": { "2.5.4.97": { "suffix": " ltd." } } })),
        same(json!({ "issuer": { "O": { "regex": "Acme [A-Z]+" } } })),
        same(json!({ "serial": "0f3a99" })),
        same(json!({ "serial": "00" })),
        same(json!({ "sha256": digest })),
        same(json!({ "spki_sha256": digest })),
        same(json!({ "extended_key_usage": "clientAuth" })),
        same(json!({ "extended_key_usage": "1.3.6.1.4.1.311.20.2.2" })),
        same(json!({ "policy_oid": "2.16.840.1.101.3.2.1.3.13" })),
        same(json!({ "extension": "1.2.3" })),
        same(json!({ "extension": { "oid": "1.2.3", "critical": false } })),
        same(json!({ "extension": { "oid": "1.2.3", "critical": true, "value": { "der": "0500" } } })),
        same(json!({ "extension": { "oid": "1.2.3", "value": { "utf8": "a" } } })),
        same(json!({ "extension": { "oid": "1.2.3", "value": { "utf8": { "regex": "a.*" } } } })),
        (json!([dns()]), Some(dns())),
        (json!({ "any": [dns()] }), Some(dns())),
        (
            json!({ "identity": ["named", "named"] }),
            Some(json!({ "any": [{ "identity": "named" }, { "identity": "named" }] })),
        ),
        (
            json!({ "dns": ["A.example", "b.example"] }),
            Some(json!({ "any": [dns(), { "dns": "b.example" }] })),
        ),
        (json!({ "dns": "a.example", "serial": "1" }), Some(json!({ "all": [dns(), { "serial": "01" }] }))),
        (
            json!({ "subject": { "cn": " Acme  Ltd.", "2.5.4.10": ["A", "b"] } }),
            Some(json!({ "all": [
                { "any": [{ "subject": { "O": "a" } }, { "subject": { "O": "b" } }] },
                { "subject": { "CN": "acme ltd." } }
            ] })),
        ),
        (json!({ "email": "Alice@ACME.example" }), Some(json!({ "email": "Alice@acme.example" }))),
        (json!({ "upn": "Alice@ACME.example" }), Some(json!({ "upn": "alice@acme.example" }))),
        (json!({ "ip": "2001:DB8:0::1/128" }), Some(json!({ "ip": "2001:db8::1" }))),
        (
            json!({ "extended_key_usage": "1.3.6.1.5.5.7.3.9" }),
            Some(json!({ "extended_key_usage": "OCSPSigning" })),
        ),
        (json!({ "extension": { "oid": "1.2.3" } }), Some(json!({ "extension": "1.2.3" }))),
        (
            json!({ "other_name": { "oid": "1.2.3", "value": ["a", { "der": "0C:01:62" }] } }),
            Some(json!({ "any": [
                { "other_name": { "oid": "1.2.3", "value": "a" } },
                { "other_name": { "oid": "1.2.3", "value": { "der": "0c0162" } } }
            ] })),
        ),
    ]
}

#[test]
fn every_kind_of_matcher_is_written_as_the_policy_that_it_was_read_from() {
    let mut kinds = BTreeSet::new();
    for (matcher, written) in instances() {
        let text = compiled(&matcher.to_string()).to_string();
        let written = written.unwrap_or_else(|| matcher.clone());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), written, "{matcher}");
        assert_eq!(compiled(&text).to_string(), text, "{matcher}");
        kinds.extend(written.as_object().unwrap().keys().cloned());
    }
    let known: BTreeSet<String> =
        super::matcher::MATCHER_KEYS.known.iter().map(ToString::to_string).collect();
    assert_eq!(kinds, known, "every kind is tried");
}

#[test]
fn a_written_matcher_has_the_spaces_that_people_write() {
    for text in [
        r#"{"dns": "*.billing.acme.example"}"#,
        r#"{"subject": {"CN": {"prefix": "a"}}}"#,
        r#"{"not": {"any": [{"identity": "named"}, {"serial": "0f"}]}}"#,
        r#"{"extension": {"oid": "1.2.3", "critical": true, "value": {"utf8": {"suffix": "a"}}}}"#,
        r#"{"other_name": {"oid": "1.2.3", "value": {"der": "0500"}}}"#,
    ] {
        assert_eq!(compiled(text).to_string(), text);
    }
}

impl Chance {
    fn of<'v>(&mut self, values: &'v [Value]) -> &'v Value {
        &values[self.below(values.len())]
    }

    /// A matcher of matchers, of which `leaves` stand at the ends.
    fn tree(&mut self, leaves: &[Value], depth: usize) -> Value {
        if depth == 0 || self.below(4) == 0 {
            return self.of(leaves).clone();
        }
        let several = |chance: &mut Chance| {
            let count = 1 + chance.below(3);
            Value::Array((0..count).map(|_| chance.tree(leaves, depth - 1)).collect())
        };
        match self.below(5) {
            0 => json!({ "any": several(self) }),
            1 => json!({ "all": several(self) }),
            2 => several(self),
            3 => json!({ "not": self.tree(leaves, depth - 1) }),
            _ => {
                // Several keys in one object, the later ones in the place of earlier ones of the same name.
                let mut object = serde_json::Map::new();
                for _ in 0..=self.below(3) {
                    let other = self.tree(leaves, depth - 1);
                    object.extend(
                        other
                            .as_object()
                            .into_iter()
                            .flatten()
                            .map(|(key, value)| (key.clone(), value.clone())),
                    );
                }
                if object.is_empty() { self.of(leaves).clone() } else { Value::Object(object) }
            }
        }
    }
}

/// Certificates of which the leaves below say yes, no and that they cannot tell.
fn identities() -> Vec<Identity> {
    let leaf = || Ca::new("Acme Root").leaf("acme ltd.");
    let certificates: [Leaf; 6] = [
        leaf(),
        leaf()
            .dns("a.example")
            .ip([192, 0, 2, 7].into())
            .upn("alice@acme.example")
            .subject(OU, "a")
            .subject(CN, "acme ltd."),
        leaf()
            .spiffe("spiffe://acme.example/ns/prod/a")
            .email("Alice@acme.example")
            .serial(&[0x0f, 0x3a, 0x99]),
        leaf()
            .raw_san(SAN_DNS, b"\0")
            .raw_san(SAN_IP, b"\0")
            .raw_san(SAN_OTHER, b"\0")
            .subject(CN, "a")
            .subject(CN, "b"),
        leaf()
            .other_name(&[0x2a, 0x03], b"\x0c\x01a")
            .critical_extension(&[1, 2, 3], &[5, 0])
            .policies(&[&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x02, 0x01, 0x03, 0x0d]]),
        leaf()
            .uri("urn:a")
            .uri("spiffe://acme.example")
            .purposes(&[&[2, 5, 29, 37, 0]])
            .extension(&[1, 2, 3], b"\x0c\x01a"),
    ];
    certificates.map(|leaf| Identity::of(&Certificate::from_der(leaf.mint().der).unwrap()).unwrap()).into()
}

#[test]
fn trees_of_matchers_mean_and_are_written_the_same_when_they_are_read_again() {
    let leaves: Vec<Value> = instances().into_iter().map(|(matcher, _)| matcher).collect();
    let identities = identities();
    let mut chance = Chance(0x6d74_6c73);
    let mut seen = [0; 3];
    for _ in 0..2_000 {
        let text = chance.tree(&leaves, 4).to_string();
        let matcher = compiled(&text);
        let written = matcher.to_string();
        let again = compiled(&written);
        assert_eq!(again.to_string(), written, "{text}");
        for identity in &identities {
            let truth = evaluate(&matcher, identity);
            assert_eq!(evaluate(&again, identity), truth, "{text}");
            seen[match truth {
                Truth::Yes => 0,
                Truth::No => 1,
                Truth::CannotTell => 2,
            }] += 1;
        }
    }
    assert!(seen.iter().all(|count| *count > 500), "{seen:?}");
}
