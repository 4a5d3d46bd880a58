//! `mtlsctl`: the policy engine of the filter, offline.

fn main() {}
