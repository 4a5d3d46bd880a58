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

#[cfg(test)]
mod tests {
    use super::Truth::{self, CannotTell, No, Yes};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn not_turns_yes_and_no_and_keeps_what_cannot_be_told() {
        assert_eq!([Yes, No, CannotTell].map(Truth::not), [No, Yes, CannotTell]);
    }

    #[test]
    fn any_and_all_follow_kleene_on_every_pair() {
        for (a, b, any, all) in [
            (Yes, Yes, Yes, Yes),
            (Yes, No, Yes, No),
            (Yes, CannotTell, Yes, CannotTell),
            (No, No, No, No),
            (No, CannotTell, CannotTell, No),
            (CannotTell, CannotTell, CannotTell, CannotTell),
        ] {
            for pair in [[a, b], [b, a]] {
                assert_eq!(Truth::any(pair), any, "any of {pair:?}");
                assert_eq!(Truth::all(pair), all, "all of {pair:?}");
                let turned = Truth::all(pair.map(Truth::not)).not();
                assert_eq!(turned, any, "De Morgan on {pair:?}");
            }
        }
    }

    #[test]
    fn any_of_nothing_is_no_and_all_of_nothing_is_yes() {
        assert_eq!(Truth::any([]), No);
        assert_eq!(Truth::all([]), Yes);
    }

    #[test]
    fn what_comes_after_the_answer_is_not_asked() {
        let mut asked = 0;
        let mut ask = |answer| {
            asked += 1;
            answer
        };
        assert_eq!(Truth::any([CannotTell, Yes, No].into_iter().map(&mut ask)), Yes);
        assert_eq!(Truth::all([CannotTell, No, Yes].into_iter().map(&mut ask)), No);
        assert_eq!(asked, 4);
    }
}
