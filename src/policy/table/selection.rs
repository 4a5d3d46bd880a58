//! What a request selects.

use std::fmt;
use std::sync::Arc;

use crate::policy::decision::Mode;
use crate::policy::route::Route;

/// Most routes that the detail of an ambiguous request names.
const MAX_CANDIDATES_SHOWN: usize = 8;

/// What a request selects.
#[derive(Debug)]
pub(crate) enum Selection {
    /// Every reading of the request selects this route.
    Route(Arc<Route>),
    /// Every reading of the request selects nothing.
    None,
    /// Readings of the request select different routes, or there are too many to tell.
    Ambiguous(Ambiguity),
}

/// The routes among which an ambiguous request leaves the choice.
#[derive(Debug, Default)]
pub(crate) struct Ambiguity {
    /// Every route that some reading selects, in no particular order.
    candidates: Vec<Arc<Route>>,
    /// Whether some reading selects no route, or not every reading was followed.
    open: bool,
    /// Whether more than one reading of the path was followed.
    of_path: bool,
    /// The first header whose readings disagree on a route's condition.
    of_header: Option<String>,
}

impl Ambiguity {
    /// Of a request that takes too much work to read.
    pub(super) fn of_too_much_work() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Every route that some reading selects.
    #[cfg(test)]
    pub(super) fn candidates(&self) -> &[Arc<Route>] {
        &self.candidates
    }

    /// Whether some reading selects no route.
    #[cfg(test)]
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Shadowed only if every route that could have been meant is: otherwise a request could choose to be shadowed.
    pub(crate) fn mode(&self) -> Mode {
        if !self.open && self.candidates.iter().all(|route| route.mode() == Mode::Shadow) {
            Mode::Shadow
        } else {
            Mode::Enforce
        }
    }
}

impl fmt::Display for Ambiguity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.candidates.is_empty() {
            return f.write_str("the path or a header takes more work to read than one request may cost");
        }
        match (&self.of_header, self.of_path) {
            (None, _) => f.write_str("readings of the path select ")?,
            (Some(name), false) => write!(f, "readings of the header `{name}` select ")?,
            (Some(name), true) => write!(f, "readings of the path and of the header `{name}` select ")?,
        }
        for (index, route) in self.candidates.iter().take(MAX_CANDIDATES_SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}`{}`", route.name())?;
        }
        if self.open {
            f.write_str(" and no route")?;
        }
        Ok(())
    }
}

/// What the readings that were followed so far select.
#[derive(Debug, Default)]
pub(super) struct Choices(Ambiguity);

impl Choices {
    /// Of a path that is read in so many ways.
    pub(super) fn of(readings: usize) -> Self {
        Self(Ambiguity { of_path: readings > 1, ..Ambiguity::default() })
    }

    /// Adds a route that a reading selects.
    pub(super) fn add(&mut self, route: &Arc<Route>) {
        if !self.0.candidates.iter().any(|candidate| Arc::ptr_eq(candidate, route)) {
            self.0.candidates.push(Arc::clone(route));
        }
    }

    /// Adds a route that some servers would select, because they read this header so.
    pub(super) fn add_doubtful(&mut self, route: &Arc<Route>, header: &str) {
        self.add(route);
        self.0.of_header.get_or_insert_with(|| header.to_owned());
    }

    /// Notes that a reading selects no route.
    pub(super) fn add_none(&mut self) {
        self.0.open = true;
    }

    pub(super) fn into_selection(self) -> Selection {
        match (self.0.candidates.as_slice(), self.0.open) {
            ([], _) => Selection::None,
            ([route], false) => Selection::Route(Arc::clone(route)),
            _ => Selection::Ambiguous(self.0),
        }
    }
}
