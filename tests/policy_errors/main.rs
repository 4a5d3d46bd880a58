//! Policies that are wrong, and what their authors are told; policies that are right in every form they may come in.
//! Runs natively and in WebAssembly under Node.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where what it stands on does not hold")]

mod audit;
mod demands;
mod documents;
#[cfg(not(target_arch = "wasm32"))]
mod editors;
mod forms;
mod forward;
mod json;
mod limits;
mod matchers;
#[path = "../mint/mod.rs"]
mod mint;
mod on_deny;
#[cfg(not(target_arch = "wasm32"))]
#[path = "../schema/places.rs"]
mod places;
mod revocation;
mod routes;
#[cfg(not(target_arch = "wasm32"))]
#[path = "../schema/mod.rs"]
mod schema;
mod several;
mod throttle;
mod trust;

use mtls_policy::policy::Policy;

/// Every error of a document, a line for each; nothing where it is a policy.
fn errors(document: &str) -> String {
    let compiled = Policy::from_json(document.as_bytes());
    #[cfg(not(target_arch = "wasm32"))]
    editors::agree(document, &compiled);
    match compiled {
        Ok(_) => String::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

fn digest(document: &str) -> String {
    match Policy::from_json(document.as_bytes()) {
        Ok(policy) => policy.digest().to_string(),
        Err(errors) => panic!("{document}\n{errors:?}"),
    }
}

/// Whole documents and all their errors.
fn documents(cases: &[(&str, &str)]) {
    for (document, wanted) in cases {
        assert_eq!(errors(document), *wanted, "{document}");
    }
}

/// Members of a document, the first of which stands at `4:3`.
fn with_members(members: &str) -> String {
    format!(
        "{{\n  \"version\": 1,\n  \"peer_certificate\": {{\"verified_by\": \"envoy\"}},\n  {members}\n}}\n"
    )
}

fn members(cases: &[(&str, &str)]) {
    for (members, wanted) in cases {
        assert_eq!(errors(&with_members(members)), *wanted, "{members}");
    }
}

/// Routes, the first of which stands at `5:5`.
fn with_routes(routes: &str) -> String {
    with_members(&format!("\"routes\": [\n    {routes}\n  ]"))
}

fn routes(cases: &[(&str, &str)]) {
    for (route, wanted) in cases {
        assert_eq!(errors(&with_routes(route)), *wanted, "{route}");
    }
}

/// Values of `match`, at `5:28`.
fn matches(cases: &[(&str, &str)]) {
    for (matches, wanted) in cases {
        let route = format!(r#"{{"name": "a", "match": {matches}, "client_certificate": "ignored"}}"#);
        assert_eq!(errors(&with_routes(&route)), *wanted, "{matches}");
    }
}

/// A required route with these members beside the usual ones, the first of which stands at `5:77`.
fn with_required(members: &str) -> String {
    let usual = r#""name": "a", "match": {"path": "/"}, "client_certificate": "required""#;
    with_routes(&format!("{{{usual}, {members}}}"))
}

fn required(cases: &[(&str, &str)]) {
    for (members, wanted) in cases {
        assert_eq!(errors(&with_required(members)), *wanted, "{members}");
    }
}

/// Values of `allow`, at `5:86`.
fn allows(cases: &[(&str, &str)]) {
    for (allow, wanted) in cases {
        assert_eq!(errors(&with_required(&format!("\"allow\": {allow}"))), *wanted, "{allow}");
    }
}
