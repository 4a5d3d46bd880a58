//! Decides, request by request, whether the holder of a client certificate may use a route.

pub mod cert;
pub mod identity;

#[cfg(test)]
#[path = "../tests/mint/mod.rs"]
mod mint;
