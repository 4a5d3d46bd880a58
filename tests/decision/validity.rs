//! The time in which a certificate is valid, and what happens without a clock.

use mtls_policy::policy::Decision;
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::situation::{NOW, Situation, allow, at, decide_at, leaf, route, word};
use mtls_policy::Engine;
use time::Duration;

/// Valid from one hour before [`NOW`] to one hour after.
fn decide_after(engine: &Engine, offset: Duration) -> Decision {
    let hour = Duration::hours(1);
    let minted = leaf("a").valid(at(NOW) - hour, at(NOW) + hour).mint();
    decide_at(engine, &Situation::get("/").certificate(&minted), Some(at(NOW) + offset))
}

#[test]
fn both_borders_belong_to_the_time_of_validity() {
    let engine = allow(json!("any_verified"));
    for (offset, wanted) in [
        (Duration::ZERO, "verified"),
        (Duration::seconds(-3600), "verified"),
        (Duration::seconds(-3601), "not_yet_valid"),
        (Duration::milliseconds(-3_600_001), "not_yet_valid"),
        (Duration::seconds(3600), "verified"),
        (Duration::milliseconds(3_600_999), "verified"),
        (Duration::seconds(3601), "expired"),
        (Duration::days(40_000), "expired"),
        (Duration::days(-20_000), "not_yet_valid"),
    ] {
        assert_eq!(word(&decide_after(&engine, offset)), wanted, "{offset}");
    }
}

#[test]
fn a_certificate_that_is_known_expires_all_the_same() {
    let engine = allow(json!("any_verified"));
    assert_eq!(word(&decide_after(&engine, Duration::ZERO)), "verified");
    assert_eq!(word(&decide_after(&engine, Duration::hours(2))), "expired");
    assert_eq!(word(&decide_after(&engine, Duration::ZERO)), "verified", "the clock was set back");
}

#[test]
fn time_is_judged_before_deny_and_allow() {
    let engine = route(json!({
        "client_certificate": "required", "allow": { "dns": "nobody.example" }, "deny": { "subject": { "CN": "a" } },
    }));
    assert_eq!(word(&decide_after(&engine, Duration::hours(2))), "expired");
    assert_eq!(word(&decide_after(&engine, Duration::ZERO)), "identity_denied");
}

#[test]
fn a_certificate_without_end_is_valid_to_the_end_of_time() {
    // 99991231235959Z (RFC 5280, section 4.1.2.5).
    let end = at(253_402_300_799);
    let minted = leaf("a").valid(at(NOW), end).mint();
    let engine = allow(json!("any_verified"));
    assert_eq!(word(&decide_at(&engine, &Situation::get("/").certificate(&minted), Some(end))), "verified");
}

#[test]
fn years_before_and_after_2050_are_read_alike() {
    // UTCTime to 2049, GeneralizedTime from 2050 (RFC 5280, section 4.1.2.5).
    let engine = allow(json!("any_verified"));
    for year in [2049, 2050] {
        let last = time::Date::from_calendar_date(year, time::Month::December, 31).unwrap();
        let last = last.with_hms(23, 59, 59).unwrap().assume_utc();
        let minted = leaf("a").valid(at(NOW), last).mint();
        let word_at = |now| word(&decide_at(&engine, &Situation::get("/").certificate(&minted), Some(now)));
        assert_eq!(word_at(last), "verified", "{year}");
        assert_eq!(word_at(last + Duration::SECOND), "expired", "{year}");
    }
}

#[test]
fn without_a_clock_no_certificate_is_judged() {
    let minted = leaf("a").mint();
    let presented = Situation::get("/").certificate(&minted);
    for demand in ["required", "optional"] {
        let engine = route(json!({ "client_certificate": demand, "allow": "any_verified" }));
        assert_eq!(word(&decide_at(&engine, &presented, None)), "time_unavailable", "{demand}");
        assert_eq!(word(&decide_at(&engine, &presented, Some(at(NOW)))), "verified", "{demand}");
    }
    let ignored = route(json!({ "client_certificate": "ignored" }));
    assert_eq!(word(&decide_at(&ignored, &presented, None)), "anonymous");
}
