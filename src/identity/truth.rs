//! Answers that a matcher gives: yes, no, or that it cannot tell.

/// The answer of a matcher (Kleene's three-valued logic).
///
/// `CannotTell` is a hit inside `deny`, a miss inside `allow`, and stays itself under `not`: a name that cannot be
/// read never lets anybody in, and never lets anybody escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Truth {
    /// It matches.
    Yes,
    /// It does not match.
    No,
    /// What the certificate holds cannot be read, or can be read in more than one way.
    CannotTell,
}

impl Truth {
    /// The opposite; what cannot be told stays so.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "`!` on three values reads as if there were two")]
    pub fn not(self) -> Truth {
        match self {
            Truth::Yes => Truth::No,
            Truth::No => Truth::Yes,
            Truth::CannotTell => Truth::CannotTell,
        }
    }

    /// Whether any holds: `Yes` wins, then `CannotTell`; `No` when there is none. Stops at the first `Yes`.
    pub fn any(answers: impl IntoIterator<Item = Truth>) -> Truth {
        let mut sum = Truth::No;
        for answer in answers {
            match answer {
                Truth::Yes => return Truth::Yes,
                Truth::CannotTell => sum = Truth::CannotTell,
                Truth::No => {}
            }
        }
        sum
    }

    /// Whether all hold: `No` wins, then `CannotTell`; `Yes` when there is none. Stops at the first `No`.
    pub fn all(answers: impl IntoIterator<Item = Truth>) -> Truth {
        let mut sum = Truth::Yes;
        for answer in answers {
            match answer {
                Truth::No => return Truth::No,
                Truth::CannotTell => sum = Truth::CannotTell,
                Truth::Yes => {}
            }
        }
        sum
    }
}

impl From<bool> for Truth {
    fn from(matches: bool) -> Truth {
        if matches { Truth::Yes } else { Truth::No }
    }
}
