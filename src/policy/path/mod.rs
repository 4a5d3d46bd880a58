//! Paths: how a request's may be read, and how a route names one.

mod pattern;
mod readings;

pub(super) use pattern::{PathPattern, Segment};
pub use readings::{PathCase, PathError};
pub(crate) use readings::{Readings, check, readings, without_case, without_query};
