#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mtls_policy_fuzz::xfcc::run(data));
