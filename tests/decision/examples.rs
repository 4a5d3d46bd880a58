//! The example policies, in WebAssembly too. What they decide is in the tests beside them, which `mtlsctl test` runs.

use mtls_policy::policy::Policy;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

macro_rules! examples {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../policies/", $name, "/policy.json")))),*]
    };
}

const EXAMPLES: &[(&str, &str)] = examples! {
    "from-apache"
    "from-nginx"
    "iot-fleet"
    "open-banking"
    "partner-api"
    "partner-cas"
    "public-site"
    "revocation"
    "service-mesh"
    "smart-cards"
    "staged-rollout"
    "two-trust-domains"
};

#[test]
fn every_example_compiles() {
    for (name, policy) in EXAMPLES {
        let policy = Policy::from_json(policy.as_bytes());
        assert!(policy.is_ok(), "{name}: {policy:?}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn no_example_is_forgotten() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, EXAMPLES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}
