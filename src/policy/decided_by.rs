//! Which rule of a route decided.

use super::decision::Decision;
use super::matcher::{Matcher, Place};
use super::route::{Allow, Route};
use super::trace::{Stage, Untraced};
use crate::identity::{Identity, Truth};

/// The most named identities that are told of one rule: a record is no list of them.
const MAX_NAMES: usize = 4;

/// The rule that decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecidedBy {
    /// `"allow": "any_verified"`.
    AnyVerified,
    /// A matcher in `allow`, or that none there holds.
    Allow,
    /// A matcher in `deny`.
    Deny,
}

impl Decision {
    /// The rule that decided; `None` where none was reached, or what it said was overruled.
    pub fn decided_by(&self) -> Option<DecidedBy> {
        match self.verdict() {
            Ok(permit) => permit.decided_by(),
            Err(denial) => denial.decided_by(),
        }
    }

    /// The rule that decided, with the named identities in it that hold: `any_verified`, `allow:billing`, `deny:stolen,old`; `None`
    /// where none was reached. The matchers are asked once more, so this is for who records it.
    pub fn rule(&self) -> Option<String> {
        let rules = self.route().map(Route::client_certificate).and_then(|demand| demand.rules())?;
        let (word, stage, matcher) = match self.decided_by()? {
            DecidedBy::AnyVerified => return Some("any_verified".to_owned()),
            DecidedBy::Deny => ("deny", Stage::Deny, rules.deny.as_ref()),
            DecidedBy::Allow => match &rules.allow {
                Allow::AnyVerified => ("allow", Stage::Allow, None),
                Allow::Matching(matcher) => ("allow", Stage::Allow, Some(matcher)),
            },
        };
        let mut names = Vec::new();
        if let (Some(matcher), Some(identity)) = (matcher, self.identity()) {
            held(matcher, identity, Place { stage, depth: 0 }, &mut names);
        }
        let mut rule = word.to_owned();
        for (at, name) in names.iter().enumerate() {
            rule.push(if at == 0 { ':' } else { ',' });
            rule.push_str(name);
        }
        Some(rule)
    }
}

/// Adds the named identities in `matcher` that hold, in order; in `deny` those that cannot be told hold, too. What stands under
/// `not` holds nobody.
fn held<'m>(matcher: &'m Matcher, identity: &Identity, place: Place, names: &mut Vec<&'m str>) {
    if names.len() >= MAX_NAMES {
        return;
    }
    match matcher.named() {
        Some(name) => {
            let holds = match matcher.evaluate(identity, place, &mut Untraced) {
                Truth::Yes => true,
                Truth::CannotTell => place.stage == Stage::Deny,
                Truth::No => false,
            };
            if holds && !names.contains(&name) {
                names.push(name);
            }
        }
        None if matcher.is_not() => {}
        None => {
            for inner in matcher.candidates(identity) {
                held(inner, identity, place, names);
            }
        }
    }
}
