//! Mistakes in `throttle`, with the whole message.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::members;

const ROUTES: &str = r#""routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]"#;

/// Values of `throttle`, at `4:15`.
fn throttle(cases: &[(&str, &str)]) {
    for (throttle, wanted) in cases {
        members(&[(&format!("\"throttle\": {throttle}, {ROUTES}"), wanted)]);
    }
}

#[test]
fn of_numbers() {
    throttle(&[
        (r#"{"denials": 1, "window_seconds": 1}"#, ""),
        (r#"{"denials": 10000, "window_seconds": 3600}"#, ""),
        (
            r#"{"denials": 0, "window_seconds": 1}"#,
            "4:27: `0` is not a whole number between 1 and 10000 (at `/throttle/denials`)",
        ),
        (
            r#"{"denials": 10001, "window_seconds": 1}"#,
            "4:27: `10001` is not a whole number between 1 and 10000 (at `/throttle/denials`)",
        ),
        (
            r#"{"denials": 1, "window_seconds": 3601}"#,
            "4:48: `3601` is not a whole number between 1 and 3600 (at `/throttle/window_seconds`)",
        ),
        (
            r#"{"denials": 1, "window_seconds": 0.5}"#,
            "4:48: `0.5` is not a whole number between 1 and 3600 (at `/throttle/window_seconds`)",
        ),
        (
            r#"{"denials": "20", "window_seconds": 60}"#,
            "4:27: expected a number, found a string (at `/throttle/denials`)",
        ),
    ]);
}

#[test]
fn of_keys() {
    throttle(&[
        (
            "{}",
            "4:15: missing key `denials` (at `/throttle`); say how many, such as `20`\n\
             4:15: missing key `window_seconds` (at `/throttle`); say within how many seconds, such as `60`",
        ),
        (
            r#"{"denials": 1, "window_seconds": 1, "window": 1}"#,
            "4:51: unknown key `window` (at `/throttle/window`); did you mean `window_seconds`?",
        ),
        ("true", "4:15: expected an object, found a boolean (at `/throttle`)"),
    ]);
}

#[test]
fn of_the_answer() {
    let on_deny = |answer: &str| {
        format!(r#""defaults": {{"on_deny": {{"reasons": {{"throttled": {answer}}}}}}}, {ROUTES}"#)
    };
    members(&[
        (&on_deny(r#"{"body": "wait"}"#), ""),
        (
            &on_deny(r#"{"status": 403}"#),
            "4:54: `status` has no effect here: this reason has a status of its own (at `/defaults/on_deny/reasons/throttled/status`)",
        ),
    ]);
}
