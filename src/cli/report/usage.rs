//! What records tell of who uses which route, gathered without keeping the records.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::sequences::Sequences;
use crate::cli::records::{Came, Record};

/// Most groups of one kind that are kept apart: a hundred megabytes in all at worst.
const MAX_GROUPS: usize = 20_000;

/// Most certificates that are kept: those that come first.
const MAX_CERTIFICATES: usize = 100_000;

/// What a group without a name of its own is called.
pub(super) const OTHERS: &str = "(others)";

/// What records told.
#[derive(Debug, Default)]
pub(super) struct Usage {
    pub(super) permits: u64,
    pub(super) denials: u64,
    pub(super) shadow_denials: u64,
    pub(super) first: Option<OffsetDateTime>,
    pub(super) last: Option<OffsetDateTime>,
    /// By route and client.
    pub(super) uses: BTreeMap<(String, String), Use>,
    /// By reason, route and client.
    pub(super) denied: BTreeMap<(String, String, String), Refused>,
    pub(super) shadowed: BTreeMap<(String, String, String), Refused>,
    /// Requests of each route.
    pub(super) routes: BTreeMap<String, u64>,
    /// Requests of each rule of a route.
    pub(super) rules: BTreeMap<(String, String), u64>,
    /// By route, why and method.
    pub(super) revocation_unknown: BTreeMap<(String, String, String), u64>,
    /// By digest.
    pub(super) certificates: BTreeMap<String, Held>,
    /// Requests with certificates for which there was no room.
    pub(super) certificates_left_out: u64,
    /// By VM.
    pub(super) sequences: BTreeMap<String, Sequences>,
    /// Groups that were put together with others.
    pub(super) merged: bool,
}

/// How a client used a route.
#[derive(Debug, Clone, Default)]
pub(super) struct Use {
    pub(super) permits: u64,
    pub(super) denials: u64,
    pub(super) shadow_denials: u64,
    pub(super) first: Option<OffsetDateTime>,
    pub(super) last: Option<OffsetDateTime>,
}

/// Denials of one kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Refused {
    pub(super) count: u64,
    /// The id of the first.
    pub(super) example: Option<String>,
    pub(super) last: Option<OffsetDateTime>,
}

/// A certificate that was presented.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) client: String,
    pub(super) serial: Option<String>,
    pub(super) not_after: OffsetDateTime,
    pub(super) last: Option<OffsetDateTime>,
}

impl Usage {
    /// Takes one record.
    pub(super) fn add(&mut self, record: &Record) {
        let came = record.came();
        match came {
            Came::Permit => self.permits += 1,
            Came::Deny => self.denials += 1,
            Came::ShadowDeny => self.shadow_denials += 1,
            Came::Unknown => {}
        }
        span(&mut self.first, &mut self.last, record.time);
        let route = record.route.clone().unwrap_or_else(|| "(none)".to_owned());
        let client = record.who();
        let merged = &mut self.merged;
        let others = || (OTHERS.to_owned(), OTHERS.to_owned());
        let group = entry(&mut self.uses, (route.clone(), client.clone()), others, merged);
        match came {
            Came::Permit => group.permits += 1,
            Came::Deny => group.denials += 1,
            Came::ShadowDeny => group.shadow_denials += 1,
            Came::Unknown => {}
        }
        span(&mut group.first, &mut group.last, record.time);
        let refused = match came {
            Came::Deny => Some(&mut self.denied),
            Came::ShadowDeny => Some(&mut self.shadowed),
            Came::Permit | Came::Unknown => None,
        };
        if let Some(refused) = refused {
            let reason = record.reason.clone().unwrap_or_else(|| "unknown".to_owned());
            let others = || (reason.clone(), OTHERS.to_owned(), OTHERS.to_owned());
            let group = entry(refused, (reason.clone(), route.clone(), client.clone()), others, merged);
            group.count += 1;
            group.example = group.example.take().or_else(|| record.id.clone());
            group.last = group.last.max(record.time);
        }
        if record.route.is_some() {
            *entry(&mut self.routes, route.clone(), || OTHERS.to_owned(), merged) += 1;
            // Of who is let in by nothing, `allow` is named as well.
            let held = came == Came::Permit || record.reason.as_deref() == Some("identity_denied");
            if let Some(rule) = record.rule.as_ref().filter(|_| held) {
                let others = || (OTHERS.to_owned(), OTHERS.to_owned());
                *entry(&mut self.rules, (route.clone(), rule.clone()), others, merged) += 1;
            }
        }
        if let (Some(vm), Some(sequence)) = (&record.vm, record.sequence) {
            entry(&mut self.sequences, vm.clone(), || OTHERS.to_owned(), merged).add(sequence);
        }
        self.add_revocation(record, &route);
        self.add_certificate(record, client);
    }

    fn add_revocation(&mut self, record: &Record, route: &str) {
        let Some(revocation) = &record.revocation else { return };
        if revocation.status.as_deref() != Some("unknown") {
            return;
        }
        let why = revocation.why.clone().unwrap_or_else(|| "unknown".to_owned());
        let method = revocation.method.clone().unwrap_or_else(|| "none".to_owned());
        let others = || (OTHERS.to_owned(), why.clone(), method.clone());
        let key = (route.to_owned(), why.clone(), method.clone());
        *entry(&mut self.revocation_unknown, key, others, &mut self.merged) += 1;
    }

    fn add_certificate(&mut self, record: &Record, client: String) {
        let Some(certificate) = &record.certificate else { return };
        let (Some(digest), Some(not_after)) = (certificate.sha256.shown(), certificate.not_after) else {
            return;
        };
        if let Some(held) = self.certificates.get_mut(digest) {
            held.last = held.last.max(record.time);
        } else if self.certificates.len() < MAX_CERTIFICATES {
            let serial = certificate.serial.shown().map(str::to_owned);
            let held = Held { client, serial, not_after, last: record.time };
            self.certificates.insert(digest.to_owned(), held);
        } else {
            self.certificates_left_out += 1;
        }
    }
}

/// The group of that key; where there are too many, that of all others.
fn entry<'a, K: Ord, V: Default>(
    groups: &'a mut BTreeMap<K, V>,
    key: K,
    others: impl FnOnce() -> K,
    merged: &mut bool,
) -> &'a mut V {
    if groups.len() < MAX_GROUPS || groups.contains_key(&key) {
        return groups.entry(key).or_default();
    }
    *merged = true;
    groups.entry(others()).or_default()
}

fn span(first: &mut Option<OffsetDateTime>, last: &mut Option<OffsetDateTime>, time: Option<OffsetDateTime>) {
    let Some(time) = time else { return };
    *first = Some(first.map_or(time, |first| first.min(time)));
    *last = Some(last.map_or(time, |last| last.max(time)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_limit_is_counted_together_and_said() {
        let mut usage = Usage::default();
        for client in 0..MAX_GROUPS + 10 {
            let line = format!(
                r#"{{"decision":"permit","mode":"enforce","route":"a","certificate":{{"subject":"CN={client}"}}}}"#
            );
            usage.add(&serde_json::from_str(&line).unwrap());
        }
        assert_eq!(usage.uses.len(), MAX_GROUPS + 1);
        assert_eq!(usage.uses[&(OTHERS.to_owned(), OTHERS.to_owned())].permits, 10);
        assert!(usage.merged);
    }
}
