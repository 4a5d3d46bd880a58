#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| mtls_policy_fuzz::chain::run(data));

/// Without a fuzzer there is nothing to run: the seeds have a test.
#[cfg(not(fuzzing))]
fn main() {}
