//! Which routes and rules of a policy no test reaches.

use mtls_policy::policy::trace::{Finding, Stage, Step};
use mtls_policy::policy::{Decision, Policy, Rule};
use mtls_policy::revocation::Status;
use serde::Serialize;

/// Most matchers of one rule that are named: a deny list may hold thousands of serials.
const MAX_SHOWN: usize = 10;

/// What the tests of a policy have reached so far.
#[derive(Debug)]
pub(super) struct Coverage {
    routes: Vec<RouteCoverage>,
}

#[derive(Debug)]
struct RouteCoverage {
    name: String,
    selected: bool,
    permits: bool,
    denials: bool,
    /// Whether a client can be refused at all.
    can_deny: bool,
    /// Whether revoked clients, and those of whom it cannot be told, were tried; `None` where the route does not want to know.
    revocation: Option<RevocationCoverage>,
    rules: Vec<(Rule, bool)>,
}

#[derive(Debug, Default)]
struct RevocationCoverage {
    revoked: bool,
    unknown: bool,
}

/// Something that no test reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Gap {
    pub(super) route: String,
    pub(super) what: String,
}

impl Coverage {
    /// Nothing of `policy` reached yet.
    pub(super) fn of(policy: &Policy) -> Self {
        let routes = policy.routes().iter().map(|route| RouteCoverage {
            name: route.name().to_owned(),
            selected: false,
            permits: false,
            denials: false,
            can_deny: route.looks_at_certificates(),
            revocation: route.revocation().map(|_| RevocationCoverage::default()),
            rules: route.rules().into_iter().map(|rule| (rule, false)).collect(),
        });
        Self { routes: routes.collect() }
    }

    /// Adds what one decision reached.
    pub(super) fn add(&mut self, decision: &Decision, trace: &[Step]) {
        let name = decision.route().map(|route| route.name());
        let Some(route) = self.routes.iter_mut().find(|route| Some(route.name.as_str()) == name) else {
            return;
        };
        route.selected = true;
        match decision.verdict() {
            Ok(_) => route.permits = true,
            Err(_) => route.denials = true,
        }
        if let (Some(tried), Some(judgement)) = (&mut route.revocation, decision.revocation()) {
            match judgement.status {
                Status::Good => {}
                Status::Revoked(_) => tried.revoked = true,
                Status::Unknown(_) => tried.unknown = true,
            }
        }
        for step in trace.iter().filter(|step| step.finding == Finding::Yes) {
            for (rule, held) in &mut route.rules {
                *held |= rule.stage == step.stage && rule.matcher == step.subject;
            }
        }
    }

    /// What is missing, in the order of the routes.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        self.routes.iter().flat_map(RouteCoverage::gaps).collect()
    }
}

impl RouteCoverage {
    fn gaps(&self) -> Vec<Gap> {
        let gap = |what: &str| Gap { route: self.name.clone(), what: what.to_owned() };
        if !self.selected {
            return vec![gap("no test selects it")];
        }
        let mut gaps = Vec::new();
        if !self.permits {
            gaps.push(gap("no test is let in"));
        }
        if self.can_deny && !self.denials {
            gaps.push(gap("no test is refused"));
        }
        if let Some(tried) = &self.revocation {
            if !tried.revoked {
                gaps.push(gap("no test's client was revoked"));
            }
            if !tried.unknown {
                gaps.push(gap("no test's client is one of whom it cannot be told whether it was revoked"));
            }
        }
        for (stage, key) in [(Stage::Deny, "deny"), (Stage::Allow, "allow")] {
            let missed = || self.rules.iter().filter(|(rule, held)| rule.stage == stage && !held);
            for (rule, _) in missed().take(MAX_SHOWN) {
                gaps.push(gap(&format!("no test matches {} of `{key}`", rule.matcher)));
            }
            if let more @ 1.. = missed().count().saturating_sub(MAX_SHOWN) {
                gaps.push(gap(&format!("no test matches {more} more of `{key}`")));
            }
        }
        gaps
    }
}
