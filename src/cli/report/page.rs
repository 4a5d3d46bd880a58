//! The report, for programs and in tables for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mtls_policy::policy::{Policy, Ratio, Route};
use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use super::usage::{OTHERS, Usage};
use crate::cli::records::{Counts, Shown, counted, plain, table};

/// Most gaps that are named of one VM.
const MAX_GAPS: usize = 8;

/// What is reported.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    lines: Counts,
    first: At,
    last: At,
    /// To which remaining days are counted.
    now: At,
    permits: u64,
    denials: u64,
    shadow_denials: u64,
    clients: usize,
    lost_records: u64,
    /// Whether there were so many groups that some were put together.
    merged: bool,
    uses: Vec<UseRow>,
    denied: Vec<RefusedRow>,
    shadowed: Vec<RefusedRow>,
    expiring_within_days: u32,
    expiring: Vec<ExpiringRow>,
    /// Requests with certificates that are not looked at here, for there were too many.
    certificates_left_out: u64,
    revocation_unknown: Vec<UnknownRow>,
    /// What the policy has and nobody used; `None` without a policy.
    unused: Option<Unused>,
    vms: Vec<VmRow>,
}

/// A time, or that it is not known.
#[derive(Debug, Clone, Copy)]
struct At(Option<OffsetDateTime>);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(_) => serializer.collect_str(&Shown(self.0)),
            None => serializer.serialize_none(),
        }
    }
}

impl At {
    fn text(self) -> String {
        // In seconds: who looks for more has the record.
        let whole = self.0.and_then(|time| time.replace_nanosecond(0).ok());
        Shown(whole).to_string()
    }
}

#[derive(Debug, Serialize)]
struct UseRow {
    route: String,
    client: String,
    requests: u64,
    permits: u64,
    denials: u64,
    shadow_denials: u64,
    first: At,
    last: At,
}

#[derive(Debug, Serialize)]
struct RefusedRow {
    count: u64,
    reason: String,
    route: String,
    client: String,
    last: At,
    example: Option<String>,
}

#[derive(Debug, Serialize)]
struct ExpiringRow {
    /// Whole days that are left; below 0 of one whose time is over.
    days: i64,
    not_after: At,
    client: String,
    serial: Option<String>,
    sha256: String,
    last: At,
}

#[derive(Debug, Serialize)]
struct UnknownRow {
    count: u64,
    route: String,
    why: String,
    method: String,
}

#[derive(Debug, Serialize)]
struct Unused {
    policy: String,
    routes: Vec<String>,
    /// Whether there may be routes that were used, and of which there is no record.
    #[serde(skip)]
    doubt: Option<&'static str>,
    /// `None` where records do not say which rule decided.
    rules: Option<Vec<UnusedRule>>,
}

#[derive(Debug, Serialize)]
struct UnusedRule {
    route: String,
    rule: String,
}

#[derive(Debug, Serialize)]
struct VmRow {
    vm: String,
    first: u64,
    last: u64,
    missing: u64,
    repeated: u64,
    /// The first ones, as `4..7`.
    gaps: Vec<String>,
}

impl Page {
    pub(super) fn new(
        usage: &Usage,
        lines: Counts,
        policy: Option<&Policy>,
        now: Option<OffsetDateTime>,
        within_days: u32,
    ) -> Self {
        let clients: BTreeSet<&str> = usage
            .uses
            .keys()
            .map(|(_, client)| client.as_str())
            .filter(|client| *client != OTHERS && !client.starts_with('('))
            .collect();
        let vms: Vec<VmRow> = usage
            .sequences
            .iter()
            .filter_map(|(vm, numbers)| {
                let (first, last) = numbers.ends()?;
                let gaps = numbers.gaps().take(MAX_GAPS).map(|(first, last)| {
                    if first == last { first.to_string() } else { format!("{first}..{last}") }
                });
                Some(VmRow {
                    vm: vm.clone(),
                    first,
                    last,
                    missing: numbers.missing(),
                    repeated: numbers.repeated,
                    gaps: gaps.collect(),
                })
            })
            .collect();
        Self {
            lines,
            first: At(usage.first),
            last: At(usage.last),
            now: At(now),
            permits: usage.permits,
            denials: usage.denials,
            shadow_denials: usage.shadow_denials,
            clients: clients.len(),
            lost_records: vms.iter().fold(0, |sum, row| sum.saturating_add(row.missing)),
            merged: usage.merged,
            uses: uses(usage),
            denied: refused(&usage.denied),
            shadowed: refused(&usage.shadowed),
            expiring_within_days: within_days,
            expiring: expiring(usage, now, within_days),
            certificates_left_out: usage.certificates_left_out,
            revocation_unknown: unknown(usage),
            unused: policy.map(|policy| unused(usage, policy)),
            vms,
        }
    }
}

fn uses(usage: &Usage) -> Vec<UseRow> {
    let mut rows: Vec<UseRow> = usage
        .uses
        .iter()
        .map(|((route, client), group)| UseRow {
            route: route.clone(),
            client: client.clone(),
            requests: group.permits + group.denials + group.shadow_denials,
            permits: group.permits,
            denials: group.denials,
            shadow_denials: group.shadow_denials,
            first: At(group.first),
            last: At(group.last),
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.requests));
    rows
}

fn refused(
    groups: &std::collections::BTreeMap<(String, String, String), super::usage::Refused>,
) -> Vec<RefusedRow> {
    let mut rows: Vec<RefusedRow> = groups
        .iter()
        .map(|((reason, route, client), group)| RefusedRow {
            count: group.count,
            reason: reason.clone(),
            route: route.clone(),
            client: client.clone(),
            last: At(group.last),
            example: group.example.clone(),
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows
}

fn expiring(usage: &Usage, now: Option<OffsetDateTime>, within_days: u32) -> Vec<ExpiringRow> {
    let Some(now) = now else { return Vec::new() };
    let mut rows: Vec<ExpiringRow> = usage
        .certificates
        .iter()
        .map(|(digest, held)| ExpiringRow {
            days: (held.not_after - now).whole_seconds().div_euclid(86_400),
            not_after: At(Some(held.not_after)),
            client: held.client.clone(),
            serial: held.serial.clone(),
            sha256: digest.clone(),
            last: At(held.last),
        })
        .filter(|row| row.days < i64::from(within_days))
        .collect();
    rows.sort_by_key(|row| row.not_after.0);
    rows
}

fn unknown(usage: &Usage) -> Vec<UnknownRow> {
    let row = |((route, why, method), count): (&(String, String, String), &u64)| UnknownRow {
        count: *count,
        route: route.clone(),
        why: why.clone(),
        method: method.clone(),
    };
    let mut rows: Vec<UnknownRow> = usage.revocation_unknown.iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.count));
    rows
}

fn unused(usage: &Usage, policy: &Policy) -> Unused {
    let unused: Vec<&Route> =
        policy.routes().iter().filter(|route| !usage.routes.contains_key(route.name())).collect();
    let doubt = if usage.permits == 0 {
        Some("there is no record of a permit: does the log take them? They are of level `info`")
    } else if unused.iter().any(|route| route.sampling().allowed != Ratio::ALL) {
        Some("permits of some of them are sampled (`allowed_ratio`): they may have been used")
    } else {
        None
    };
    let unused = unused.into_iter().map(|route| route.name().to_owned()).collect();
    let rules = (!usage.rules.is_empty()).then(|| {
        let is_used =
            |route: &str, rule: &str| usage.rules.keys().any(|(on, found)| on == route && holds(found, rule));
        let all = policy.routes().iter().flat_map(|route| {
            route.rule_names().into_iter().map(|rule| UnusedRule { route: route.name().to_owned(), rule })
        });
        all.filter(|rule| !is_used(&rule.route, &rule.rule)).collect()
    });
    Unused { policy: policy.digest().to_string(), routes: unused, doubt, rules }
}

/// Whether a record's `rule`, such as `allow:billing,ops`, names this one, such as `allow:ops`.
fn holds(found: &str, rule: &str) -> bool {
    if found == rule {
        return true;
    }
    match (found.split_once(':'), rule.split_once(':')) {
        (Some((kind, names)), Some((wanted, name))) => {
            kind == wanted && names.split([',', ' ']).any(|held| held == name)
        }
        (_, _) => false,
    }
}

/// A table for people.
pub(super) struct Section {
    pub(super) title: &'static str,
    /// What it is about, or what is left out.
    pub(super) note: String,
    pub(super) head: Vec<&'static str>,
    /// Cells hold plain text, for [`plain`] made it.
    pub(super) rows: Vec<Vec<String>>,
    /// Rows beyond those.
    pub(super) more: usize,
    /// What is said in place of a table without rows.
    pub(super) nothing: &'static str,
}

impl Page {
    /// A line that says what all is about.
    pub(super) fn period(&self) -> String {
        format!(
            "{} from {} to {}",
            counted(self.lines.records, "record"),
            self.first.text(),
            self.last.text()
        )
    }

    /// What was passed over, and what was put together.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks: Vec<String> = self.lines.skipped().into_iter().collect();
        if self.merged {
            remarks.push(format!(
                "there were so many groups that the last ones are counted together as {OTHERS}"
            ));
        }
        remarks
    }

    /// The numbers at the top.
    pub(super) fn figures(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("permits", self.permits),
            ("denials", self.denials),
            ("shadow denials", self.shadow_denials),
            ("clients", self.clients as u64),
            ("certificates that end soon", self.expiring.len() as u64),
            ("lost records", self.lost_records),
        ]
    }

    /// The tables, of at most so many rows each.
    pub(super) fn sections(&self, top: usize) -> Vec<Section> {
        let mut sections = vec![
            Section {
                title: "Who used which route",
                note: String::new(),
                head: vec!["requests", "permits", "denials", "shadow", "route", "client", "first", "last"],
                rows: rows(&self.uses, top, |row| {
                    let numbers = [row.requests, row.permits, row.denials, row.shadow_denials];
                    let mut cells: Vec<String> = numbers.iter().map(ToString::to_string).collect();
                    cells.extend([plain(&row.route), plain(&row.client), row.first.text(), row.last.text()]);
                    cells
                }),
                more: self.uses.len().saturating_sub(top),
                nothing: "nobody",
            },
            refused_section("Denials", &self.denied, top),
            refused_section("Shadow denials", &self.shadowed, top),
            Section {
                title: "Certificates that end soon",
                note: format!(
                    "within {} days of {}{}",
                    self.expiring_within_days,
                    self.now.text(),
                    match self.certificates_left_out {
                        0 => String::new(),
                        left => format!(
                            "; {} with further certificates are not looked at",
                            counted(left, "request")
                        ),
                    }
                ),
                head: vec!["days", "ends", "client", "serial", "last"],
                rows: rows(&self.expiring, top, |row| {
                    let serial = row.serial.as_deref().map(plain).unwrap_or_default();
                    vec![
                        row.days.to_string(),
                        row.not_after.text(),
                        plain(&row.client),
                        serial,
                        row.last.text(),
                    ]
                }),
                more: self.expiring.len().saturating_sub(top),
                nothing: "none",
            },
            Section {
                title: "Revocation that could not be told",
                note: String::new(),
                head: vec!["count", "why", "method", "route"],
                rows: rows(&self.revocation_unknown, top, |row| {
                    vec![row.count.to_string(), plain(&row.why), plain(&row.method), plain(&row.route)]
                }),
                more: self.revocation_unknown.len().saturating_sub(top),
                nothing: "none",
            },
        ];
        sections.extend(self.unused.iter().flat_map(|unused| unused_sections(unused, top)));
        let gaps: Vec<&VmRow> = self.vms.iter().filter(|row| row.missing > 0 || row.repeated > 0).collect();
        sections.push(Section {
            title: "Lost records",
            note: format!(
                "{} of {}",
                counted(self.lost_records, "record"),
                counted(self.vms.len() as u64, "VM")
            ),
            head: vec!["missing", "vm", "first", "last", "twice", "which"],
            rows: rows(&gaps, top, |row| {
                let numbers = [row.first, row.last, row.repeated].map(|number| number.to_string());
                let mut cells = vec![row.missing.to_string(), plain(&row.vm)];
                cells.extend(numbers);
                cells.push(row.gaps.join(", "));
                cells
            }),
            more: gaps.len().saturating_sub(top),
            nothing: if self.vms.is_empty() { "the records are not numbered" } else { "none" },
        });
        sections
    }

    pub(super) fn human(&self, top: usize) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "{}", self.period());
        let figures: Vec<String> =
            self.figures().into_iter().map(|(what, count)| format!("{count} {what}")).collect();
        let _ = writeln!(text, "{}", figures.join(", "));
        for remark in self.remarks() {
            let _ = writeln!(text, "{remark}");
        }
        for section in self.sections(top) {
            let note = if section.note.is_empty() { String::new() } else { format!(" ({})", section.note) };
            let _ = writeln!(text, "\n{}{note}", section.title);
            if section.rows.is_empty() {
                let _ = writeln!(text, "  {}", section.nothing);
                continue;
            }
            text.push_str(&table(&section.head, &section.rows));
            if section.more > 0 {
                let _ = writeln!(text, "  ... and {} more", section.more);
            }
        }
        text
    }
}

fn rows<T>(all: &[T], top: usize, cells: impl Fn(&T) -> Vec<String>) -> Vec<Vec<String>> {
    all.iter().take(top).map(cells).collect()
}

fn refused_section(title: &'static str, refused: &[RefusedRow], top: usize) -> Section {
    Section {
        title,
        note: String::new(),
        head: vec!["count", "reason", "route", "client", "last", "example"],
        rows: rows(refused, top, |row| {
            let example = row.example.as_deref().map(plain).unwrap_or_default();
            vec![
                row.count.to_string(),
                plain(&row.reason),
                plain(&row.route),
                plain(&row.client),
                row.last.text(),
                example,
            ]
        }),
        more: refused.len().saturating_sub(top),
        nothing: "none",
    }
}

fn unused_sections(unused: &Unused, top: usize) -> Vec<Section> {
    let policy = format!("of policy {}", unused.policy.get(..12).unwrap_or(&unused.policy));
    let routes = Section {
        title: "Routes that nobody used",
        note: unused.doubt.map_or_else(|| policy.clone(), |doubt| format!("{policy}; {doubt}")),
        head: vec!["route"],
        rows: rows(&unused.routes, top, |name| vec![plain(name)]),
        more: unused.routes.len().saturating_sub(top),
        nothing: "none",
    };
    let listed = unused.rules.as_deref();
    let rules = Section {
        title: "Rules that never held",
        note: policy,
        head: vec!["route", "rule"],
        rows: rows(listed.unwrap_or_default(), top, |rule| vec![plain(&rule.route), plain(&rule.rule)]),
        more: listed.unwrap_or_default().len().saturating_sub(top),
        nothing: if listed.is_some() { "none" } else { "the records do not say which rule decided" },
    };
    vec![routes, rules]
}
