//! The policy in the configuration, and those beside it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::common::{
    Files, TRUSTED, filter, finds, found, plugin, policy_of, remove, report, set_policy, shipped, tls,
};

fn check_beside(bootstrap: &Value, policies: &[(&str, &str)]) -> (Value, Option<i32>) {
    let text = bootstrap.to_string();
    let files: Vec<(&str, &str)> = policies.iter().copied().chain([("envoy.json", text.as_str())]).collect();
    let names = policies.iter().map(|(name, _)| *name);
    let arguments: Vec<&str> =
        ["--envoy", "envoy.json", "--format", "json"].into_iter().chain(names).collect();
    let output = Files::new(&files).check(&arguments);
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code())
}

#[test]
fn the_policy_may_be_a_struct_or_bytes() {
    finds(&[], |bootstrap| {
        plugin(bootstrap)["configuration"] = json!({
            "@type": "type.googleapis.com/google.protobuf.Struct", "value": policy_of(bootstrap),
        });
    });
    finds(&[], |bootstrap| {
        let bytes = BASE64_STANDARD.encode(policy_of(bootstrap).to_string().as_bytes());
        plugin(bootstrap)["configuration"] =
            json!({ "@type": "type.googleapis.com/google.protobuf.BytesValue", "value": bytes });
    });
    finds(&["error resumption-on"], |bootstrap| {
        plugin(bootstrap)["configuration"] = json!({
            "@type": "type.googleapis.com/google.protobuf.Struct", "value": policy_of(bootstrap),
        });
        tls(bootstrap)["disable_stateful_session_resumption"] = false.into();
    });
}

#[test]
fn a_missing_policy_and_one_in_another_form_are_found() {
    finds(&["note policy-unknown", "error no-policy"], |b| remove(plugin(b), "configuration"));
    finds(&["note policy-unknown", "error no-policy"], |b| remove(&mut filter(b)["typed_config"], "config"));
    for configuration in [
        json!({ "@type": "type.googleapis.com/google.protobuf.Duration", "value": "1s" }),
        json!({ "@type": "type.googleapis.com/google.protobuf.StringValue" }),
        json!({ "@type": "type.googleapis.com/google.protobuf.BytesValue", "value": "?" }),
        json!({ "version": 1 }),
    ] {
        finds(&["note policy-unknown", "error policy-form"], |bootstrap| {
            plugin(bootstrap)["configuration"] = configuration;
        });
    }
}

#[test]
fn a_faulty_policy_in_the_configuration_is_reported_with_its_own_errors() {
    let report = report(|bootstrap| set_policy(bootstrap, &TRUSTED.replace("required", "require")));
    assert_eq!(found(&report), ["note policy-unknown"]);
    let policy = &report["files"][0];
    assert_eq!(policy["file"], "envoy.json (policy of listener https)");
    assert_eq!(policy["errors"][0]["code"], "unknown_value");
    assert_eq!(policy["errors"][0]["line"], 4);
}

#[test]
fn a_policy_beside_is_compared_by_what_it_means() {
    let mut bootstrap = shipped();
    let same = serde_json::to_string_pretty(&policy_of(&mut bootstrap)).unwrap();
    let (report, code) = check_beside(&bootstrap, &[("same.json", &same)]);
    assert_eq!((found(&report), code), (vec![], Some(0)));
    let (report, code) = check_beside(&bootstrap, &[("other.json", TRUSTED)]);
    // The other is judged on this listener, too, and nothing is wrong with that.
    assert_eq!((found(&report), code), (vec!["warning policy-differs".to_owned()], Some(0)));
    let (report, _) = check_beside(&bootstrap, &[("other.json", TRUSTED), ("same.json", &same)]);
    assert_eq!(found(&report), [""; 0]);
}

#[test]
fn the_listener_is_held_to_the_policy_in_it_and_to_the_one_that_is_to_replace_it() {
    let mut bootstrap = shipped();
    let disabled = policy_of(&mut bootstrap).to_string();
    set_policy(&mut bootstrap, TRUSTED);
    remove(tls(&mut bootstrap), "disable_stateless_session_resumption");
    assert_eq!(found(&check_beside(&bootstrap, &[]).0), [""; 0]);
    let (report, code) = check_beside(&bootstrap, &[("new.json", &disabled)]);
    assert_eq!(found(&report), ["error resumption-on", "warning policy-differs"]);
    assert_eq!(code, Some(1));
}

#[test]
fn a_policy_beside_stands_for_one_that_comes_from_elsewhere() {
    let mut bootstrap = shipped();
    remove(tls(&mut bootstrap), "disable_stateless_session_resumption");
    let policy = policy_of(&mut bootstrap).to_string();
    *filter(&mut bootstrap) = json!({ "name": "mtls_policy", "config_discovery": {} });
    let (report, _) = check_beside(&bootstrap, &[("policy.json", &policy)]);
    assert_eq!(found(&report), ["error resumption-on", "note discovered-filters"]);
    let (report, code) = check_beside(&bootstrap, &[("policy.json", "{}")]);
    assert_eq!(found(&report), ["note discovered-filters", "note policy-unknown"]);
    assert_eq!(code, Some(1));
}
