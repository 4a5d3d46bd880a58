//! Routes, and which of them a request selects.

use std::fmt;
use std::sync::Arc;

use super::certificate_demands::CertificateDemands;
use super::decision::Mode;
use super::forward::Forward;
use super::host::{Host, HostPattern};
use super::matcher::Matcher;
use super::on_deny::OnDeny;
use super::path::{self, PathCase, PathError, Readings};
use super::tls::TlsDemands;
use super::token::TokenDemands;
use crate::identity::TextPattern;

/// Most routes that the detail of an ambiguous path names.
const MAX_CANDIDATES_SHOWN: usize = 8;

/// Most bytes that the expressions of all routes see for one request, each reading of the path counted for each
/// expression that it is compared with: 10,000 expressions and a path of 400 bytes, in a few milliseconds.
const MAX_EXPRESSION_BYTES: usize = 4 * 1024 * 1024;

/// One entry of a policy: the requests it matches and what it demands of them.
#[derive(Debug)]
pub struct Route {
    pub(super) name: String,
    pub(super) hosts: Vec<HostPattern>,
    pub(super) path: Option<PathPattern>,
    pub(super) methods: Vec<String>,
    pub(super) client_certificate: ClientCertificate,
    pub(super) mode: Mode,
    pub(super) forward: Arc<Forward>,
    pub(super) on_deny: Arc<OnDeny>,
}

impl Route {
    /// The name, unique in its policy: 1 to 64 letters, digits, `.`, `_` and `-`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the route's denials are enforced.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What the route tells the upstream of a client who may pass.
    pub fn forward(&self) -> &Forward {
        &self.forward
    }

    /// How the route answers a denied request.
    pub fn on_deny(&self) -> &OnDeny {
        &self.on_deny
    }

    /// What the route asks of the client's certificate.
    pub(crate) fn client_certificate(&self) -> &ClientCertificate {
        &self.client_certificate
    }

    /// Whether the route names hosts by name, so that every honest TLS client sends a server name.
    pub(crate) fn names_hosts(&self) -> bool {
        self.hosts.iter().any(|host| !host.is_ip_literal())
    }

    fn matches_host_and_method(&self, host: &Host, method: &str) -> bool {
        (self.hosts.is_empty() || self.hosts.iter().any(|pattern| pattern.matches(host)))
            && (self.methods.is_empty() || self.methods.iter().any(|name| name == method))
    }
}

/// What a route asks of the client's certificate.
#[derive(Debug)]
pub(crate) enum ClientCertificate {
    /// It is not looked at.
    Ignored,
    /// A client may come without one; one that is presented must be good.
    Optional(CertificateRules),
    /// A client must present a good one.
    Required(CertificateRules),
}

impl ClientCertificate {
    /// The demand as policies write it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Optional(_) => "optional",
            Self::Required(_) => "required",
        }
    }
}

/// What must hold of a certificate that is presented.
#[derive(Debug)]
pub(crate) struct CertificateRules {
    pub(crate) tls: Arc<TlsDemands>,
    pub(crate) certificate: Arc<CertificateDemands>,
    /// Looked at first.
    pub(crate) deny: Option<Matcher>,
    pub(crate) allow: Allow,
    /// Of anonymous clients too.
    pub(crate) token: Option<TokenDemands>,
}

/// Whom a route lets in.
#[derive(Debug)]
pub(crate) enum Allow {
    /// The holder of any verified certificate.
    AnyVerified,
    /// The holder of a certificate that matches.
    Matching(Matcher),
}

/// A path as a route names it.
#[derive(Debug)]
pub(super) enum PathPattern {
    Exact(Literal),
    /// Matches on segment borders; held without trailing slash.
    Prefix(Literal),
    /// Matches whole paths.
    Regex {
        as_written: TextPattern,
        folded: TextPattern,
    },
}

/// A literal path and its form without case.
#[derive(Debug)]
pub(super) struct Literal {
    as_written: Vec<u8>,
    folded: Vec<u8>,
}

impl Literal {
    pub(super) fn new(text: &str) -> Self {
        Self { as_written: text.as_bytes().to_vec(), folded: text.to_ascii_lowercase().into_bytes() }
    }

    fn in_case(&self, case: PathCase) -> &[u8] {
        match case {
            PathCase::Sensitive => &self.as_written,
            PathCase::Insensitive => &self.folded,
        }
    }
}

impl PathPattern {
    /// Whether `path` matches; without case, `path` must be in lower case.
    fn matches(&self, path: &[u8], case: PathCase) -> bool {
        match self {
            Self::Exact(literal) => literal.in_case(case) == path,
            Self::Prefix(literal) => path
                .strip_prefix(literal.in_case(case))
                .is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/')),
            Self::Regex { as_written, folded } => match case {
                PathCase::Sensitive => as_written.matches_bytes(path),
                PathCase::Insensitive => folded.matches_bytes(path),
            },
        }
    }
}

/// The routes of a policy, in order.
#[derive(Debug)]
pub struct RouteTable {
    routes: Vec<Arc<Route>>,
    path_case: PathCase,
}

/// What a request selects.
#[derive(Debug)]
pub(crate) enum Selection {
    /// Every reading of the path selects this route.
    Route(Arc<Route>),
    /// Every reading of the path selects nothing.
    None,
    /// Readings of the path select different routes, or there are too many readings to tell.
    Ambiguous(Ambiguity),
}

/// The routes among which an ambiguous path leaves the choice.
#[derive(Debug)]
pub(crate) struct Ambiguity {
    /// Every route that some reading selects, in no particular order.
    pub(crate) candidates: Vec<Arc<Route>>,
    /// Whether some reading selects no route, or not every reading was followed.
    pub(crate) open: bool,
}

impl Ambiguity {
    /// Shadowed only if every route that could have been meant is: otherwise a path could choose to be shadowed.
    pub(crate) fn mode(&self) -> Mode {
        if !self.open && self.candidates.iter().all(|route| route.mode == Mode::Shadow) {
            Mode::Shadow
        } else {
            Mode::Enforce
        }
    }
}

impl fmt::Display for Ambiguity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.candidates.is_empty() {
            return f.write_str("the path takes more work to read than one request may cost");
        }
        f.write_str("readings of the path select ")?;
        for (index, route) in self.candidates.iter().take(MAX_CANDIDATES_SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}`{}`", route.name)?;
        }
        if self.open {
            f.write_str(" and no route")?;
        }
        Ok(())
    }
}

impl RouteTable {
    pub(super) fn new(routes: Vec<Route>, path_case: PathCase) -> Self {
        Self { routes: routes.into_iter().map(Arc::new).collect(), path_case }
    }

    /// The routes, in the order in which they are tried.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Route> {
        self.routes.iter().map(Arc::as_ref)
    }

    /// Whether paths are also read without case.
    pub fn path_case(&self) -> PathCase {
        self.path_case
    }

    /// The first route that matches, for every reading of `path` (which has no query).
    ///
    /// # Errors
    /// [`PathError`] where the path cannot be one.
    pub(crate) fn select(&self, host: &Host, path: &[u8], method: &str) -> Result<Selection, PathError> {
        let too_much = Selection::Ambiguous(Ambiguity { candidates: Vec::new(), open: true });
        let mut choices = Choices::default();
        let chosen = match path::readings(path)? {
            Readings::One(reading) => self.choose(&mut choices, host, reading, method),
            Readings::Several(readings) => {
                readings.iter().try_for_each(|reading| self.choose(&mut choices, host, reading, method))
            }
            Readings::TooMany => return Ok(too_much),
        };
        Ok(chosen.map_or(too_much, |()| choices.into_selection()))
    }

    /// Selects for a request that has no path: only routes that name none can match.
    pub(crate) fn select_without_path(&self, host: &Host, method: &str) -> Selection {
        let matches =
            |route: &&Arc<Route>| route.path.is_none() && route.matches_host_and_method(host, method);
        self.routes.iter().find(matches).map_or(Selection::None, |route| Selection::Route(Arc::clone(route)))
    }

    /// Adds what one reading selects; `None` if that takes more work than one request may cost.
    fn choose(&self, choices: &mut Choices, host: &Host, path: &[u8], method: &str) -> Option<()> {
        self.choose_in_case(choices, host, path, PathCase::Sensitive, method)?;
        if self.path_case == PathCase::Insensitive {
            let folded = path.to_ascii_lowercase();
            self.choose_in_case(choices, host, &folded, PathCase::Insensitive, method)?;
        }
        Some(())
    }

    fn choose_in_case(
        &self,
        choices: &mut Choices,
        host: &Host,
        path: &[u8],
        case: PathCase,
        method: &str,
    ) -> Option<()> {
        for route in self.routes.iter().filter(|route| route.matches_host_and_method(host, method)) {
            let matches = match &route.path {
                None => true,
                Some(pattern) => {
                    if let PathPattern::Regex { .. } = pattern {
                        choices.expression_bytes += path.len();
                        if choices.expression_bytes > MAX_EXPRESSION_BYTES {
                            return None;
                        }
                    }
                    pattern.matches(path, case)
                }
            };
            if matches {
                choices.add(Some(route));
                return Some(());
            }
        }
        choices.add(None);
        Some(())
    }
}

#[derive(Default)]
struct Choices {
    candidates: Vec<Arc<Route>>,
    open: bool,
    expression_bytes: usize,
}

impl Choices {
    fn add(&mut self, route: Option<&Arc<Route>>) {
        match route {
            Some(route) if self.candidates.iter().any(|candidate| Arc::ptr_eq(candidate, route)) => {}
            Some(route) => self.candidates.push(Arc::clone(route)),
            None => self.open = true,
        }
    }

    fn into_selection(self) -> Selection {
        match (self.candidates.as_slice(), self.open) {
            ([], _) => Selection::None,
            ([route], false) => Selection::Route(Arc::clone(route)),
            _ => Selection::Ambiguous(Ambiguity { candidates: self.candidates, open: self.open }),
        }
    }
}
