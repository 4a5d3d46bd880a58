//! Every target on its seeds, without a fuzzer: what once was found stays mended.

use std::fs;
use std::path::Path;

/// Runs a target on every file in the folder of its seeds.
fn run(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        target(&fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 0, "{} holds no seeds", folder.display());
}

#[test]
fn policies() {
    run("policy", mtls_policy_fuzz::policy::run);
}

#[test]
fn forwarded_certificates() {
    run("xfcc", mtls_policy_fuzz::xfcc::run);
}

#[test]
fn certificates() {
    run("certificate", mtls_policy_fuzz::certificate::run);
}

#[test]
fn chains() {
    run("chain", mtls_policy_fuzz::chain::run);
}

#[test]
fn revocation_lists() {
    run("crl", mtls_policy_fuzz::crl::run);
}

#[test]
fn paths() {
    run("path", mtls_policy_fuzz::path::run);
}

#[test]
fn decisions() {
    run("decide", mtls_policy_fuzz::decide::run);
}

#[test]
fn ocsp_responses() {
    run("ocsp", mtls_policy_fuzz::ocsp::run);
}
