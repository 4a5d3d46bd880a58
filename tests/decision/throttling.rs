//! Clients who are denied again and again are told to wait, and nobody else is.

use std::cell::RefCell;

use mtls_policy::outcome::{GrpcStatus, Outcome, Reply};
use mtls_policy::policy::{Decision, Format};
use mtls_policy::revocation::NoEvidence;
use mtls_policy::throttle::Failures;
use mtls_policy::{Engine, audit};
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::chance::Chance;
use crate::mint::Minted;
use crate::situation::{ID, NOW, Question, Situation, about, at, decide_at, document, leaf, one_route, word};
use mtls_policy::facts::Facts as _;

/// An engine and what it has counted.
struct Counting {
    engine: Engine,
    failures: RefCell<Failures>,
}

impl Counting {
    fn of(routes: Value) -> Self {
        let engine =
            document(json!({ "throttle": { "denials": 2, "window_seconds": 60 }, "routes": routes }));
        let policy = engine.policy();
        let failures = RefCell::new(Failures::new(policy.throttle().unwrap(), policy.digest()));
        Self { engine, failures }
    }

    fn decide(&self, situation: &Situation, seconds: i64) -> Decision {
        let now = Some(at(NOW + seconds));
        self.engine.decide_throttled(situation, &NoEvidence, &self.failures, now).decided()
    }

    fn word(&self, situation: &Situation) -> String {
        word(&self.decide(situation, 0))
    }

    /// Asks three times, which is once too often.
    fn words(&self, situation: impl Fn() -> Situation) -> [String; 3] {
        [(); 3].map(|()| self.word(&situation()))
    }
}

fn required() -> Value {
    json!({ "client_certificate": "required", "allow": { "dns": "good.example" }, "deny": { "dns": "bad.example" } })
}

fn one(members: Value) -> Counting {
    Counting::of(json!([one_route(members)]))
}

fn good() -> Minted {
    leaf("good").dns("good.example").mint()
}

fn other() -> Minted {
    leaf("other").dns("other.example").mint()
}

fn holding(minted: &Minted) -> Situation {
    Situation::get("/").certificate(minted).source(b"192.0.2.7:1000")
}

fn anonymous(source: &[u8]) -> Situation {
    Situation::get("/").source(source)
}

#[test]
fn what_the_certificate_alone_is_the_reason_of_is_refused_before_it_is_read_again() {
    let counting = one(required());
    let bad = leaf("bad").dns("bad.example").mint();
    for (minted, reason) in [(other(), "identity_not_allowed"), (bad, "identity_denied")] {
        assert_eq!(counting.words(|| holding(&minted)), [reason, reason, "throttled"]);
        let situation = holding(&minted);
        counting.word(&situation);
        assert!(!situation.asked().contains(&Question::Pem), "{:?}", situation.asked());
        assert_eq!(word(&counting.decide(&holding(&minted), 59)), "throttled");
        assert_eq!(word(&counting.decide(&holding(&minted), 60)), reason);
    }
    assert_eq!(counting.word(&holding(&good())), "verified", "from the same address");
}

#[test]
fn demands_on_certificates_count() {
    let counting = one(json!({
        "client_certificate": "required", "allow": "any_verified",
        "certificate": { "max_lifetime_days": 1, "forbid_wildcard_names": true },
    }));
    let long = leaf("a").valid(at(NOW - 86_400), at(NOW + 10 * 86_400)).mint();
    assert_eq!(counting.words(|| holding(&long)), ["lifetime_too_long", "lifetime_too_long", "throttled"]);
    let wildcard = leaf("b").dns("*.acme.example").valid(at(NOW - 10), at(NOW + 10)).mint();
    assert_eq!(counting.words(|| holding(&wildcard)), ["wildcard_name", "wildcard_name", "throttled"]);
}

#[test]
fn a_client_without_a_certificate_is_known_by_the_address_of_its_connection() {
    let counting = one(required());
    let port = std::cell::Cell::new(1000);
    let from_any_port = || {
        port.set(port.get() + 1);
        let forwarded = format!("203.0.113.{}:1", port.get() % 200);
        anonymous(format!("192.0.2.7:{}", port.get()).as_bytes())
            .forwarded(forwarded.as_bytes())
            .header("x-forwarded-for", forwarded.as_bytes())
    };
    assert_eq!(counting.words(from_any_port), ["no_certificate", "no_certificate", "throttled"]);
    assert_eq!(counting.word(&anonymous(b"192.0.2.8:1001")), "no_certificate", "another address");
    let pretending = anonymous(b"192.0.2.8:1").header("x-forwarded-for", b"192.0.2.7");
    assert_eq!(counting.word(&pretending.forwarded(b"192.0.2.7:1")), "no_certificate");
    assert_eq!(counting.word(&holding(&good())), "verified", "the same address, with a certificate");
    assert_eq!(counting.word(&holding(&other())), "identity_not_allowed");
}

#[test]
fn without_an_address_nothing_is_counted() {
    let counting = one(required());
    let unknown = || Situation::get("/");
    let failing = || anonymous(b"192.0.2.7:1").failing(Question::Source);
    let pipe = || anonymous(b"/run/socket");
    for situation in [&unknown as &dyn Fn() -> Situation, &failing, &pipe] {
        assert_eq!(counting.words(situation), ["no_certificate"; 3]);
    }
}

#[test]
fn a_permit_asks_no_more_than_it_does_without() {
    let counting = one(required());
    let situation = holding(&good());
    assert_eq!(counting.word(&situation), "verified");
    let (plain, engine) = (holding(&good()), document(json!({ "routes": [one_route(required())] })));
    decide_at(&engine, &plain, Some(at(NOW)));
    assert_eq!(situation.asked(), plain.asked());
    let optional = json!({ "client_certificate": "optional", "allow": { "dns": "good.example" } });
    let situation = anonymous(b"192.0.2.7:1");
    assert_eq!(one(optional).word(&situation), "anonymous");
    assert!(!situation.asked().contains(&Question::Source));
}

#[test]
fn what_is_denied_on_one_route_is_allowed_on_another() {
    let route = |name: &str, allow: Value| {
        json!({
            "name": name, "match": { "path": { "prefix": format!("/{name}") } },
            "client_certificate": "required", "allow": allow,
        })
    };
    let counting = Counting::of(json!([
        route("a", json!({ "dns": "good.example" })),
        route("b", json!("any_verified"))
    ]));
    let asks = |path: &str| Situation::get(path).certificate(&other());
    assert_eq!(counting.words(|| asks("/a"))[2], "throttled");
    assert_eq!(counting.word(&asks("/b")), "verified");
    assert_eq!(counting.words(|| asks("/none")), ["no_route"; 3], "which costs nothing to say");
    assert_eq!(counting.words(|| asks("/a/../b")), ["ambiguous_path"; 3]);
    assert_eq!(counting.word(&asks("/a")), "throttled");
}

#[test]
fn what_another_request_of_the_same_certificate_may_do_better_is_not_counted() {
    let counting = || {
        one(json!({
            "client_certificate": "required", "allow": { "dns": "good.example" },
            "tls": { "min_version": "TLSv1.3" }, "token": { "claims": { "sub": "alice" } },
        }))
    };
    let alice = || holding(&good()).token(json!({ "sub": "alice" }));
    let later = leaf("good").dns("good.example").valid(at(NOW + 30), at(NOW + 60)).mint();
    let cases: [(&dyn Fn() -> Situation, &str); 9] = [
        (&|| alice().server_name(b"other.example"), "sni_mismatch"),
        (&|| alice().tls_version(b"TLSv1.2"), "tls_version"),
        (&|| alice().valid(Some(false)), "untrusted"),
        (&|| holding(&good()), "token_missing"),
        (&|| holding(&good()).token(json!({ "sub": "bob" })), "token_mismatch"),
        (&|| alice().pem(other().pem().as_bytes()), "forwarded_certificate_mismatch"),
        (&|| alice().authority(b""), "invalid_request"),
        (&|| alice().failing(Question::Pem), "internal_error"),
        (&|| alice().certificate(&later), "not_yet_valid"),
    ];
    for (situation, reason) in cases {
        let counting = counting();
        assert_eq!(counting.words(situation), [reason; 3]);
        assert_eq!(counting.word(&alice()), "verified", "after {reason}");
        assert_eq!(word(&counting.decide(&alice().certificate(&later), 40)), "verified", "after {reason}");
    }
}

#[test]
fn what_the_form_or_the_clock_is_the_reason_of_is_judged_each_time_and_told_to_wait() {
    let counting = one(required());
    let broken = || holding(&good()).pem(b"nonsense");
    assert_eq!(counting.words(broken), ["malformed_certificate", "malformed_certificate", "throttled"]);
    assert_eq!(counting.word(&holding(&good())), "verified", "and the next one is read");
    let ended = leaf("good").dns("good.example").valid(at(NOW - 60), at(NOW - 1)).mint();
    assert_eq!(counting.words(|| holding(&ended)), ["expired", "expired", "throttled"]);
    assert_eq!(word(&counting.decide(&holding(&ended), -1)), "verified", "the clock was set back");
}

#[test]
fn a_certificate_that_is_none_of_a_client_is_not_read_again() {
    let counting = one(required());
    let odd = leaf("good").dns("good.example").extension(&[2, 5, 29, 15], b"\xff").mint();
    let words = counting.words(|| holding(&odd));
    // Whatever is made of it is the certificate's own.
    assert_eq!(words[2], "throttled", "{words:?}");
}

#[test]
fn in_shadow_nothing_is_counted_and_nobody_refused() {
    let mut shadowed = required();
    shadowed["mode"] = json!("shadow");
    let counting = one(shadowed);
    assert_eq!(counting.words(|| holding(&other())), ["shadow identity_not_allowed"; 3]);
    assert_eq!(counting.words(|| anonymous(b"192.0.2.7:1")), ["shadow no_certificate"; 3]);
}

#[test]
fn a_policy_without_throttle_and_a_clock_that_cannot_be_read_count_nothing() {
    let counting = one(required());
    let plain = document(json!({ "routes": [one_route(required())] }));
    for _ in 0..4 {
        let decided =
            plain.decide_throttled(&holding(&other()), &NoEvidence, &counting.failures, Some(at(NOW)));
        assert_eq!(word(&decided.decided()), "identity_not_allowed");
        let decided = counting.engine.decide_throttled(
            &anonymous(b"192.0.2.7:1"),
            &NoEvidence,
            &counting.failures,
            None,
        );
        assert_eq!(word(&decided.decided()), "no_certificate");
    }
}

#[test]
fn the_answer_says_when_to_try_again_whatever_the_policy_says_of_denials() {
    let mut route = required();
    route["on_deny"] = json!({
        "status": 404, "body": "no", "redirect": { "url": "/help" },
        "reasons": { "throttled": { "body": "wait, {reason}" } },
    });
    let counting = one(route);
    counting.words(|| holding(&other()));
    let reply = |situation: Situation| {
        let decision = counting.decide(&situation, 17);
        match Outcome::of(&decision, counting.engine.policy(), situation.headers().ok(), ID) {
            Outcome::Reply(reply) => reply,
            Outcome::Pass(changes) => panic!("{changes:?}"),
        }
    };
    let Reply::Http { status, headers, body } = reply(holding(&other())) else { panic!("not HTTP") };
    assert_eq!((status, body.as_str()), (429, "wait, throttled"));
    assert!(headers.contains(&("retry-after", "43".into())), "{headers:?}");
    assert!(!headers.iter().any(|(name, _)| *name == "location"), "{headers:?}");
    let grpc = reply(holding(&other()).header("content-type", b"application/grpc"));
    let message = format!("access denied, decision id {ID}");
    assert_eq!(grpc, Reply::Grpc { status: GrpcStatus::ResourceExhausted, message });
}

#[test]
fn the_record_says_who_and_of_what_is_at_hand_no_less_than_before() {
    let counting = one(required());
    let minted = other();
    let record = |situation: Situation| -> Value {
        let decision = counting.decide(&situation, 0);
        let about = about(&counting.engine, &situation, &decision);
        serde_json::from_str(&audit::Recorder::default().record(&about).to_line(Format::MtlsPolicy)).unwrap()
    };
    record(holding(&minted));
    record(holding(&minted));
    let throttled = record(holding(&minted));
    assert_eq!((&throttled["decision"], &throttled["reason"]), (&json!("deny"), &json!("throttled")));
    assert_eq!((&throttled["mode"], &throttled["route"]), (&json!("enforce"), &json!("only")));
    let detail =
        format!("the certificate `{}` was denied 2 times on this route within 60 s", minted.hex_digest());
    assert_eq!(throttled["detail"], json!(detail));
    assert_eq!(throttled["certificate"]["sha256"], json!(minted.hex_digest()));
}

#[test]
fn whatever_came_before_nobody_is_refused_who_would_pass() {
    let route = |name: &str, members: Value| {
        let mut route = one_route(members);
        route["name"] = json!(name);
        route["match"] = json!({ "path": { "prefix": format!("/{name}") } });
        route
    };
    let counting = Counting::of(json!([
        route("required", required()),
        route("optional", json!({ "client_certificate": "optional", "allow": { "dns": "other.example" } })),
        route(
            "token",
            json!({
                "client_certificate": "required", "allow": "any_verified", "token": { "claims": { "sub": "alice" } },
            })
        ),
        route("open", json!({ "client_certificate": "ignored" })),
    ]));
    let ends = leaf("ends").dns("good.example").dns("other.example").valid(at(NOW + 20), at(NOW + 80)).mint();
    let certificates = [good(), other(), ends];
    let mut chance = Chance(7);
    let (mut seconds, mut throttled, mut passed) = (0, 0, 0);
    for _ in 0..3_000 {
        seconds += [0, 0, 0, 1, -1][chance.below(5)];
        let path = ["/required", "/optional", "/token", "/open", "/none", "/open/../token"][chance.below(6)];
        let mut situation =
            Situation::get(path).source([&b"192.0.2.7:1"[..], b"192.0.2.8:1"][chance.below(2)]);
        if let Some(minted) = certificates.get(chance.below(4)) {
            situation = situation.certificate(minted);
            match chance.below(8) {
                0 => situation = situation.valid(Some(false)),
                1 => situation = situation.pem(b"nonsense"),
                2 => situation = situation.server_name(b"other.example"),
                _ => {}
            }
        }
        if chance.below(2) == 0 {
            let subject = ["alice", "bob"][chance.below(2)];
            situation = situation.token(json!({ "sub": subject }));
        }
        let with = word(&counting.decide(&situation, seconds));
        let without = word(&decide_at(&counting.engine, &situation, Some(at(NOW + seconds))));
        let is_denied = !["verified", "anonymous"].contains(&without.as_str());
        assert!(with == without || with == "throttled" && is_denied, "{with}, not {without}");
        throttled += usize::from(with == "throttled");
        passed += usize::from(!is_denied);
    }
    assert!(throttled > 100 && passed > 500, "{throttled} {passed}");
}
