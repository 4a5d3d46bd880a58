//! Envoy's configuration beside a policy: `mtlsctl envoy` makes parts of it, `mtlsctl check --envoy` says whether it keeps what
//! the policy rests on.
//!
//! ```text
//! file ─▶ document (values with places) ─▶ bootstrap (listeners, chains, filters) ─▶ checks ─▶ findings ─▶ report
//! ```
//!
//! | module | checks |
//! |---|---|
//! | [`tls`] | the TLS context, and what the listener reads of the handshake |
//! | [`manager`] | the connection manager: forwarded certificate, paths |
//! | [`connection`] | what filters before ours tell of the connection: addresses, cipher suite |
//! | [`token`] | the filter that verifies tokens |
//! | [`routing`] | Envoy's routes, as far as the policy goes by them |
//! | [`plugin`] | the filter itself |
//! | [`bypass`] | ways around the filter |
//! | [`neighbours`] | filters before and after it |

mod bootstrap;
mod bypass;
mod command;
mod connection;
mod document;
mod finding;
mod manager;
mod neighbours;
mod plugin;
mod report;
mod revocation;
mod routing;
mod tls;
mod token;
mod trusted_ca;
mod untrusted;

pub(super) use command::Envoy;
pub(super) use finding::Id;
pub(super) use report::EnvoyReport;

use std::collections::BTreeSet;
use std::io::{self, Read};

use mtls_policy::lint;
use mtls_policy::policy::{Lint, Policy};

use time::OffsetDateTime;

use super::findings_report::FileReport;
use bootstrap::{ConnectionManager, FilterChain, HttpFilter, Listener};
use document::{At, MAX_DOCUMENT_BYTES};
use finding::Findings;
use plugin::Embedded;

/// Where a filter of ours stands, and the policies that it is held to.
struct Scene<'a, 'd> {
    bootstrap: &'a At<'d>,
    listener: &'a Listener<'d>,
    chain: &'a FilterChain<'d>,
    manager: &'a ConnectionManager<'d>,
    policies: &'a [&'a Policy],
}

/// Checks an Envoy configuration, against the policy that stands in it and those `given` beside it. What is `allowed`
/// is not reported, nor are the lints of `silenced` in the policies that stand in it, on which there are reports beside.
pub(super) fn check(
    file: &str,
    input: impl Read,
    given: &[&Policy],
    allowed: &[Id],
    silenced: &BTreeSet<Lint>,
) -> (EnvoyReport, Vec<FileReport>) {
    let text = match read(input) {
        Ok(text) => text,
        Err(error) => return (EnvoyReport::unreadable(file, error.to_string()), Vec::new()),
    };
    let node = match document::parse(&text) {
        Ok(node) => node,
        Err(error) => return (EnvoyReport::unreadable(file, format!("not YAML: {error}")), Vec::new()),
    };
    let mut walk = Walk {
        file,
        given,
        silenced,
        findings: Findings::default(),
        listeners: Vec::new(),
        policies: Vec::new(),
    };
    walk.check(&At::root(&node));
    let Walk { findings, listeners, policies, .. } = walk;
    (EnvoyReport::read(file, text, listeners, findings.into_sorted(allowed)), policies)
}

fn read(input: impl Read) -> io::Result<String> {
    let limit = u64::try_from(MAX_DOCUMENT_BYTES).unwrap_or(u64::MAX);
    let mut text = String::new();
    input.take(limit.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() > MAX_DOCUMENT_BYTES {
        let message = format!("it is larger than {MAX_DOCUMENT_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// The way through a configuration, and what was found on it.
struct Walk<'a> {
    file: &'a str,
    given: &'a [&'a Policy],
    silenced: &'a BTreeSet<Lint>,
    findings: Findings,
    /// The names of listeners with the filter.
    listeners: Vec<String>,
    policies: Vec<FileReport>,
}

impl<'a> Walk<'a> {
    fn check(&mut self, bootstrap: &At<'_>) {
        let mut discovered = discovered_listeners(bootstrap);
        if let Some(at) = &discovered {
            self.findings.note(
                Id::DiscoveredListeners,
                at,
                "listeners come from elsewhere (LDS) and were not looked at",
                "check the static configuration that stands for them",
            );
        }
        let listeners = bootstrap::listeners(bootstrap);
        for listener in &listeners {
            discovered = self.discovered_network_filters(listener).or(discovered);
            if bypass::holds_filter(listener) {
                self.listeners.push(listener.name.clone());
                self.check_listener(bootstrap, listener);
            }
        }
        bypass::check_listeners(&listeners, &mut self.findings);
        self.findings.leave();
        if self.listeners.is_empty() {
            let message = "no connection manager of this configuration holds the filter";
            let help = "add it to `http_filters`, as `envoy/envoy.yaml` has it";
            match discovered {
                Some(at) => self.findings.warning(Id::FilterNotFound, &at, message, help),
                None => self.findings.error(Id::FilterNotFound, bootstrap, message, help),
            }
        }
    }

    /// Connection managers can come from elsewhere, too.
    fn discovered_network_filters<'d>(&mut self, listener: &Listener<'d>) -> Option<At<'d>> {
        let filters = listener.chains.iter().flat_map(|chain| &chain.network_filters);
        let discovered: Vec<At<'d>> = filters.filter_map(|filter| filter.get("config_discovery")).collect();
        self.findings.enter(&listener.name);
        for at in &discovered {
            self.findings.note(
                Id::DiscoveredFilters,
                at,
                "a network filter comes from elsewhere (ECDS) and was not looked at",
                "make sure by hand that no connection manager comes without the filter",
            );
        }
        discovered.into_iter().next()
    }

    fn check_listener(&mut self, bootstrap: &At<'_>, listener: &Listener<'_>) {
        bypass::check_chains(listener, &mut self.findings);
        for chain in &listener.chains {
            let Some(manager) = chain.manager.as_ref().filter(|manager| bypass::has_filter(manager)) else {
                continue;
            };
            bypass::check_manager(manager, &mut self.findings);
            let upgrades = manager.upgrades.iter().map(|upgrade| &upgrade.filters);
            for filters in std::iter::once(&manager.filters).chain(upgrades) {
                for (index, filter) in
                    filters.iter().enumerate().filter(|(_, filter)| plugin::is_ours(filter))
                {
                    let (before, after) = filters.split_at(index);
                    let after = after.split_first().map(|(_, after)| after).unwrap_or_default();
                    let embedded = self.check_filter(filter, &listener.name);
                    let policies = self.policies_for(filter, embedded.as_ref().and_then(FileReport::policy));
                    let scene = Scene { bootstrap, listener, chain, manager, policies: &policies };
                    tls::check(&scene, &mut self.findings);
                    manager::check(&scene, &mut self.findings);
                    connection::check(&scene, before, &mut self.findings);
                    token::check(&scene, before, after, &mut self.findings);
                    revocation::check(&scene, &mut self.findings);
                    routing::check(&scene, &mut self.findings);
                    neighbours::check(before, after, &mut self.findings);
                    self.policies.extend(embedded);
                }
            }
        }
    }

    /// Checks the filter itself, and the policy that it is given.
    fn check_filter(&mut self, filter: &HttpFilter<'_>, listener: &str) -> Option<FileReport> {
        bypass::check_filter(filter, &mut self.findings);
        if let Some(at) = &filter.discovery {
            self.findings.note(
                Id::DiscoveredFilters,
                at,
                "the filter's configuration and policy come from elsewhere (ECDS) and were not looked at",
                "name the policy beside `--envoy`, so that the listener is held to it",
            );
        }
        let config = filter.config.as_ref()?;
        let Some(plugin) = plugin::plugin(filter) else {
            self.no_policy(&config.at);
            return None;
        };
        plugin::check(&plugin, &mut self.findings);
        match plugin::embedded(&plugin) {
            Embedded::Document { at, bytes } => {
                let name = format!("{} (policy of listener {listener})", self.file);
                let report = FileReport::checked(
                    name,
                    &bytes,
                    lint::check(&bytes, self.silenced, OffsetDateTime::now_utc()),
                );
                let differs = report.policy().is_some_and(|policy| !self.is_given(policy));
                if differs && !self.given.is_empty() {
                    self.findings.warning(
                        Id::PolicyDiffers,
                        &at,
                        "this is not the policy that was named beside it",
                        "paste the policy file here when it is good",
                    );
                }
                Some(report)
            }
            Embedded::Missing => {
                self.no_policy(&plugin);
                None
            }
            Embedded::Unreadable(at) => {
                self.findings.error(
                    Id::PolicyForm,
                    &at,
                    "the filter takes its policy as a `StringValue` with its text, or as a `Struct`",
                    "write `\"@type\": type.googleapis.com/google.protobuf.StringValue` and the text as `value`",
                );
                None
            }
        }
    }

    fn no_policy(&mut self, at: &At<'_>) {
        self.findings.error(
            Id::NoPolicy,
            at,
            "the filter has no policy; Envoy refuses such a configuration",
            "add the policy as `configuration`",
        );
    }

    fn is_given(&self, policy: &Policy) -> bool {
        self.given.iter().any(|given| given.digest() == policy.digest())
    }

    /// The policies that a filter is held to: the one that stands in it, and those that are to take its place.
    fn policies_for<'p>(&mut self, filter: &HttpFilter<'_>, embedded: Option<&'p Policy>) -> Vec<&'p Policy>
    where
        'a: 'p,
    {
        let given = match embedded {
            Some(policy) if self.is_given(policy) => &[],
            Some(_) | None => self.given,
        };
        let policies: Vec<&Policy> = embedded.into_iter().chain(given.iter().copied()).collect();
        if policies.is_empty() {
            self.findings.note(
                Id::PolicyUnknown,
                &filter.at,
                "no good policy is at hand, so nothing was checked that depends on one",
                "name the policy beside `--envoy`",
            );
        }
        policies
    }
}

/// Where listeners come from elsewhere.
fn discovered_listeners<'d>(bootstrap: &At<'d>) -> Option<At<'d>> {
    let dynamic = bootstrap.get("dynamic_resources")?;
    ["lds_config", "lds_resources_locator"].iter().find_map(|field| dynamic.get(field))
}
