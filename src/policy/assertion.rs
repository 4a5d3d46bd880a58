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

    /// What the assertion says of a route with these properties, in words; `None` if it is content with the route.
    pub fn broken_by(&self, route: &Route) -> Option<String> {
        if let Some(forbidden) = self.never.iter().find(|forbidden| forbidden.holds_for(route)) {
            return Some(format!("{}, which must never be", forbidden.words()));
        }
        let missing = self.always.iter().find(|group| !group.iter().any(|wanted| wanted.holds_for(route)))?;
        let wanted: Vec<String> = missing.iter().map(|wanted| wanted.words()).collect();
        let has = missing.first().map_or_else(String::new, |wanted| wanted.instead(route));
        Some(format!("{has}, not {}, as must always be", wanted.join(" or ")))
    }
}

impl Trait {
    fn holds_for(self, route: &Route) -> bool {
        match self {
            Self::ClientCertificate(word) => route.client_certificate().word() == word,
            Self::Mode(mode) => route.mode() == mode,
            Self::LetsAnyoneIn => match route.client_certificate() {
                ClientCertificate::Ignored | ClientCertificate::Optional(_) => true,
                ClientCertificate::Required(rules) => match rules.allow {
                    Allow::AnyVerified => true,
                    Allow::Matching(_) => false,
                },
            },
        }
    }

    fn words(self) -> String {
        match self {
            Self::ClientCertificate(word) => format!("`client_certificate` is `{word}`"),
            Self::Mode(mode) => format!("`mode` is `{}`", mode.as_str()),
            Self::LetsAnyoneIn => "clients get in whom no matcher names".to_owned(),
        }
    }

    /// What `route` has where this trait could be.
    fn instead(self, route: &Route) -> String {
        match self {
            Self::ClientCertificate(_) => {
                format!("`client_certificate` is `{}`", route.client_certificate().word())
            }
            Self::Mode(_) => format!("`mode` is `{}`", route.mode().as_str()),
            Self::LetsAnyoneIn => "`allow` names clients".to_owned(),
        }
    }
}
