//! What must hold for any input, one module for each fuzz target.
//!
//! The targets run them on what the fuzzer makes up; the test `fuzz_seeds` of the package runs them on the seeds.

pub mod certificate;
pub mod chain;
pub mod crl;
pub mod decide;
pub mod ocsp;
pub mod path;
pub mod policy;
mod request;
pub mod xfcc;
