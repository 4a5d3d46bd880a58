//! What would be different, grouped and counted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::judge::Verdict;
use crate::cli::records::{Counts, Record, counted, plain, table};

/// Most groups that are kept apart; records of further ones are counted without route and client.
const MAX_GROUPS: usize = 10_000;

/// What a group without a name of its own is called.
const OTHERS: &str = "(others)";

/// Groups of records that are decided otherwise, or cannot be decided.
#[derive(Debug, Default)]
pub(super) struct Table {
    unchanged: u64,
    same_policy: u64,
    changes: BTreeMap<Key, Group>,
    undecidable: BTreeMap<Key, Group>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    was: String,
    /// What it would be, or why that cannot be told.
    becomes: String,
    route: String,
    client: String,
}

#[derive(Debug, Default)]
struct Group {
    count: u64,
    /// The id of the first one.
    example: Option<String>,
}

impl Table {
    /// Takes what became of a record, on this route of the policy.
    pub(super) fn add(&mut self, record: &Record, verdict: Verdict, route: Option<String>) {
        let was = record.outcome();
        let (groups, becomes) = match verdict {
            Verdict::SamePolicy => {
                self.same_policy += 1;
                return;
            }
            Verdict::Decided(becomes) if becomes == was => {
                self.unchanged += 1;
                return;
            }
            Verdict::Decided(becomes) => (&mut self.changes, becomes),
            Verdict::Undecidable(why) => (&mut self.undecidable, why),
        };
        let route = route.unwrap_or_else(|| "(none)".to_owned());
        let key = Key { was, becomes, route, client: record.who() };
        let group = if groups.len() < MAX_GROUPS || groups.contains_key(&key) {
            groups.entry(key).or_default()
        } else {
            let key = Key { route: OTHERS.to_owned(), client: OTHERS.to_owned(), ..key };
            groups.entry(key).or_default()
        };
        group.count += 1;
        group.example = group.example.take().or_else(|| record.id.clone());
    }

    /// What was found, the most frequent first.
    pub(super) fn page(self, policy: String, counts: Counts) -> Page {
        let rows = |groups: BTreeMap<Key, Group>| {
            let row = |(key, group): (Key, Group)| Row {
                count: group.count,
                was: key.was,
                becomes: key.becomes,
                route: key.route,
                client: key.client,
                example: group.example,
            };
            let mut rows: Vec<Row> = groups.into_iter().map(row).collect();
            // Stable: of equals the order is that of the groups.
            rows.sort_by_key(|row| std::cmp::Reverse(row.count));
            rows
        };
        let (changes, undecidable) = (rows(self.changes), rows(self.undecidable));
        let sum = |rows: &[Row]| rows.iter().map(|row| row.count).sum();
        Page {
            policy,
            lines: counts,
            unchanged: self.unchanged,
            same_policy: self.same_policy,
            changed: sum(&changes),
            not_decided: sum(&undecidable),
            changes,
            undecidable,
        }
    }
}

/// What a replay found.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    policy: String,
    lines: Counts,
    /// Records that would be decided alike.
    unchanged: u64,
    /// Records that this very policy decided.
    same_policy: u64,
    changed: u64,
    not_decided: u64,
    changes: Vec<Row>,
    undecidable: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    count: u64,
    was: String,
    /// What it would be; of the undecidable, why that cannot be told.
    becomes: String,
    route: String,
    client: String,
    /// The id of a record of the group.
    example: Option<String>,
}

impl Page {
    pub(super) fn changed(&self) -> u64 {
        self.changed
    }

    pub(super) fn undecidable(&self) -> u64 {
        self.not_decided
    }

    pub(super) fn human(&self) -> String {
        let mut page = String::new();
        let _ = writeln!(
            page,
            "{} by policy {}: {} unchanged, {} changed, {} undecidable",
            counted(self.lines.records, "record"),
            self.policy.get(..12).unwrap_or(&self.policy),
            self.unchanged + self.same_policy,
            self.changed,
            self.not_decided,
        );
        if self.same_policy > 0 {
            let _ = writeln!(page, "{} made by this very policy", counted(self.same_policy, "record"));
        }
        if let Some(skipped) = self.lines.skipped() {
            let _ = writeln!(page, "{skipped}");
        }
        for (title, becomes, rows) in
            [("changes", "becomes", &self.changes), ("undecidable", "because", &self.undecidable)]
        {
            if rows.is_empty() {
                continue;
            }
            let _ = writeln!(page, "\n{title}");
            let cells = |row: &Row| {
                let example = row.example.as_deref().map(plain).unwrap_or_default();
                vec![
                    row.count.to_string(),
                    plain(&row.was),
                    plain(&row.becomes),
                    plain(&row.route),
                    plain(&row.client),
                    example,
                ]
            };
            let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
            page.push_str(&table(&["count", "was", becomes, "route", "client", "example"], &rows));
        }
        page
    }
}
