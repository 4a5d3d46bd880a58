//! What a policy asserts of its own routes, for `mtlsctl check` to prove.

use super::decision::Mode;
use super::route::{Allow, ClientCertificate, Route};

/// A statement about every route that takes certain requests. The filter reads it and does nothing with it.
#[derive(Debug)]
pub struct Assertion {
    pub(super) name: Option<String>,
    pub(super) never: Vec<Trait>,
    /// Of each group, one must hold.
    pub(super) always: Vec<Vec<Trait>>,
}

/// Something that a route may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trait {
    /// `client_certificate` has this value.
    ClientCertificate(&'static str),
    /// `mode` has this value, its own or the default.
    Mode(Mode),
    /// Clients get in whom no matcher names: `any_verified`, and whoever may come without a certificate.
    LetsAnyoneIn,
}

impl Assertion {
    /// The name, where the author gave one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What is wrong with a route, in the assertion's eyes; `None` if nothing is.
    pub fn broken_by(&self, route: &Route) -> Option<String> {
        if let Some(forbidden) = self.never.iter().find(|forbidden| forbidden.holds_for(route)) {
            return Some(match forbidden {
                Trait::ClientCertificate(_) | Trait::Mode(_) => {
                    format!("{} is `{}`, which it must never be", forbidden.key(), forbidden.value())
                }
                Trait::LetsAnyoneIn => "clients get in whom no matcher names, which must never be".to_owned(),
            });
        }
        let missing = self.always.iter().find(|group| !group.iter().any(|wanted| wanted.holds_for(route)))?;
        let wanted: Vec<String> = missing.iter().map(|wanted| format!("`{}`", wanted.value())).collect();
        let first = missing.first()?;
        Some(format!(
            "{} is `{}`, and must always be {}",
            first.key(),
            first.value_of(route),
            wanted.join(" or ")
        ))
    }
}

impl Trait {
    fn holds_for(self, route: &Route) -> bool {
        self.value() == self.value_of(route)
    }

    fn key(self) -> &'static str {
        match self {
            Self::ClientCertificate(_) => "`client_certificate`",
            Self::Mode(_) => "`mode`",
            Self::LetsAnyoneIn => "`allow`",
        }
    }

    fn value(self) -> &'static str {
        match self {
            Self::ClientCertificate(word) => word,
            Self::Mode(mode) => mode.as_str(),
            Self::LetsAnyoneIn => "any_verified",
        }
    }

    /// What `route` has where this trait could be.
    fn value_of(self, route: &Route) -> &'static str {
        match self {
            Self::ClientCertificate(_) => route.client_certificate().word(),
            // Enforced for some is not enforced.
            Self::Mode(_) if route.shadows_somebody() => Mode::Shadow.as_str(),
            Self::Mode(_) => Mode::Enforce.as_str(),
            // Whom a shadowed route denies gets in all the same.
            Self::LetsAnyoneIn if route.shadows_somebody() => "any_verified",
            Self::LetsAnyoneIn => match route.client_certificate() {
                ClientCertificate::Ignored | ClientCertificate::Optional(_) => "any_verified",
                ClientCertificate::Required(rules) | ClientCertificate::Unverified(rules) => {
                    match rules.allow {
                        Allow::AnyVerified => "any_verified",
                        Allow::Matching(_) => "a matcher",
                    }
                }
            },
        }
    }
}
