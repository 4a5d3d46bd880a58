//! The walk-through of `make demo`.

fn main() {}
