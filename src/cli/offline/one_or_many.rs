//! A value, or an array of values, as policies and their tests may write lists.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a value or an array of values of the right kind")]
pub(crate) enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<T> OneOrMany<T> {
    pub(crate) fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}
