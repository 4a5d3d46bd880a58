//! Decides, request by request, whether the holder of a client certificate may use a route.

pub mod cert;
pub mod identity;
