//! Adds up what decisions come to.

use time::OffsetDateTime;

use super::{Lifetime, NO_ROUTE, Outcome};
use crate::policy::{Decision, Policy};
use crate::revocation::{Judgement, Method, Status, Why};

/// What a look for a certificate's status comes to: good, revoked, or why it is unknown.
const STATUSES: usize = 2 + Why::ALL.len();

/// Who may say the status; the last is nobody.
const SAYERS: usize = Method::ALL.len() + 1;

/// What the decisions of one policy have come to since it was taken out last.
///
/// A count takes memory only when it is the first of its route, kind and outcome: at most some tens for each route.
#[derive(Debug)]
pub struct Counts {
    /// By the route's position; the last is that of requests that selected none.
    rows: Vec<Row>,
    /// Rows with counts.
    counted: Vec<usize>,
    lookups: [[u32; STATUSES]; SAYERS],
    lifetimes: [u32; Lifetime::ALL.len()],
    /// Whether there may be anything to take out.
    any: bool,
}

#[derive(Debug, Default)]
struct Row {
    is_counted: bool,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    kind: Kind,
    outcome: Outcome,
    count: u32,
}

/// What was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A request that came.
    Request,
    /// A stream that was open, and is judged otherwise than before.
    Stream,
}

impl Kind {
    fn family(self) -> &'static str {
        match self {
            Self::Request => "decisions",
            Self::Stream => "stream_decisions",
        }
    }
}

impl Counts {
    /// Nothing yet, of a policy with so many routes.
    pub fn new(policy: &Policy) -> Self {
        let mut rows = Vec::new();
        rows.resize_with(policy.routes().iter().len() + 1, Row::default);
        Self {
            rows,
            counted: Vec::new(),
            lookups: [[0; STATUSES]; SAYERS],
            lifetimes: [0; Lifetime::ALL.len()],
            any: false,
        }
    }

    /// Counts what was decided on a request: as `decisions`, once for each request, and as `client_certificates` by how long the
    /// certificate is still valid.
    pub fn request(&mut self, decision: &Decision, now: Option<OffsetDateTime>) {
        self.decision(Kind::Request, decision);
        if let Some(lifetime) = Lifetime::of(decision, now)
            && let Some(at) = Lifetime::ALL.iter().position(|known| *known == lifetime)
            && let Some(count) = self.lifetimes.get_mut(at)
        {
            *count = count.saturating_add(1);
        }
    }

    /// Counts what was decided anew on a stream that is open: as `stream_decisions`.
    pub fn stream(&mut self, decision: &Decision) {
        self.decision(Kind::Stream, decision);
    }

    /// Counts a look for a certificate's status: as `revocation_lookups`.
    pub fn lookup(&mut self, judgement: &Judgement) {
        self.any = true;
        let sayer = judgement
            .method
            .and_then(|method| Method::ALL.iter().position(|known| *known == method))
            .unwrap_or(Method::ALL.len());
        let status = match &judgement.status {
            Status::Good => 0,
            Status::Revoked(_) => 1,
            Status::Unknown(unknown) => {
                2 + Why::ALL.iter().position(|known| *known == unknown.why).unwrap_or_default()
            }
        };
        if let Some(count) = self.lookups.get_mut(sayer).and_then(|statuses| statuses.get_mut(status)) {
            *count = count.saturating_add(1);
        }
    }

    /// Whether nothing was counted since all was taken out.
    pub fn is_empty(&self) -> bool {
        !self.any
    }

    /// Takes out what was counted, each with its name: of the routes of `policy`, whose decisions these are, `most` at a time.
    /// What is left is for the next time.
    pub fn take(&mut self, policy: &Policy, most: usize, mut hand_over: impl FnMut(&str, u32)) {
        let hand_over: &mut dyn FnMut(&str, u32) = &mut hand_over;
        self.take_lookups(hand_over);
        for (lifetime, count) in Lifetime::ALL.iter().zip(&mut self.lifetimes) {
            match std::mem::take(count) {
                0 => {}
                count => hand_over(&["client_certificates.remaining.", lifetime.word()].concat(), count),
            }
        }
        for _ in 0..most {
            let Some(at) = self.counted.pop() else { break };
            let Some(row) = self.rows.get_mut(at) else { continue };
            row.is_counted = false;
            let route = policy.routes().at(at).map_or(NO_ROUTE, |route| route.name());
            row.take(route, hand_over);
        }
        self.any = !self.counted.is_empty();
    }

    fn decision(&mut self, kind: Kind, decision: &Decision) {
        self.any = true;
        let nowhere = self.rows.len().saturating_sub(1);
        let at = decision.route().map_or(nowhere, |route| route.position());
        let Some(row) = self.rows.get_mut(at) else { return };
        if !std::mem::replace(&mut row.is_counted, true) {
            self.counted.push(at);
        }
        row.count(kind, Outcome::of(decision));
    }

    fn take_lookups(&mut self, hand_over: &mut dyn FnMut(&str, u32)) {
        let methods = Method::ALL.iter().map(|method| method.word()).chain(["none"]);
        for (method, counts) in methods.zip(&mut self.lookups) {
            let statuses = ["good", "revoked"].into_iter().chain(Why::ALL.iter().map(|why| why.code()));
            for (status, count) in statuses.zip(counts) {
                match std::mem::take(count) {
                    0 => {}
                    count => {
                        hand_over(&["revocation_lookups.method.", method, ".status.", status].concat(), count)
                    }
                }
            }
        }
    }
}

impl Row {
    fn count(&mut self, kind: Kind, outcome: Outcome) {
        // A few are ever met on one route.
        match self.entries.iter_mut().find(|entry| entry.kind == kind && entry.outcome == outcome) {
            Some(entry) => entry.count = entry.count.saturating_add(1),
            None => self.entries.push(Entry { kind, outcome, count: 1 }),
        }
    }

    fn take(&mut self, route: &str, hand_over: &mut dyn FnMut(&str, u32)) {
        for Entry { kind, outcome, count } in &mut self.entries {
            match std::mem::take(count) {
                0 => {}
                count => hand_over(&name(*kind, *outcome, route), count),
            }
        }
    }
}

/// The route comes last: its name may hold dots, and words that look like labels. What is behind it belongs to the label: Envoy looks at
/// the end of names for labels of its own (`_rq_404`). It drops dots from the ends of names and labels, so these are escaped; no name of
/// a route holds a `%`.
fn name(kind: Kind, outcome: Outcome, route: &str) -> String {
    let begin = route.trim_end_matches('.');
    let dots = "%2E".repeat(route.len() - begin.len());
    let (family, outcome, reason) = (kind.family(), outcome.word(), outcome.reason());
    [family, ".outcome.", outcome, ".reason.", reason, ".route.", begin, &dots, ".end"].concat()
}
