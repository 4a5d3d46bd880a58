//! The table, as Markdown that a terminal shows well, too.

use std::fmt::Write;

use super::Report;
use crate::contestants::Contestant;
use crate::figures::{Figures, Spread};
use crate::load::Protocol;

const HEADS: [&str; 8] = [
    "contestant",
    "to empty",
    "to the same calls",
    "to ext_authz",
    "p50 to no filter",
    "CPU added, us",
    "p50, us",
    "p99, us",
];

impl Report<'_> {
    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        for protocol in Protocol::ALL {
            let rows: Vec<Vec<String>> = self
                .contestants
                .iter()
                .zip(self.figures)
                .filter(|(_, figures)| figures.runs.contains_key(&protocol))
                .map(|(contestant, figures)| self.row(contestant, figures, protocol))
                .collect();
            let _ = write!(text, "{}\n\n{}\n", protocol.name(), aligned(&HEADS, &rows));
        }
        let rows: Vec<Vec<String>> = self
            .contestants
            .iter()
            .zip(self.figures)
            .map(|(contestant, figures)| self.rest(contestant, figures))
            .collect();
        let heads = [
            "contestant",
            "CPU, HTTP/1.1, us",
            "CPU, HTTP/2, us",
            "beside it, us",
            "resident, MiB",
            "start, ms",
            "what it is",
        ];
        let _ = writeln!(text, "{}", aligned(&heads, &rows));
        let machine: Vec<String> = self.machine.iter().map(|(what, is)| format!("{what} {is}")).collect();
        let size = self.size;
        let _ = writeln!(
            text,
            "Medians of {} rounds (least to greatest). CPU: {} requests, 8 at a time; latency: {}, one at a time. {}.",
            size.rounds,
            size.requests,
            size.single,
            machine.join(", ")
        );
        text
    }

    fn row(&self, contestant: &Contestant, figures: &Figures, protocol: Protocol) -> Vec<String> {
        let name = contestant.name;
        let ratio = |other: &str| shown(self.ratio(name, other, protocol), 2);
        vec![
            name.to_owned(),
            ratio("empty"),
            ratio("calls"),
            ratio("ext_authz"),
            shown(self.slower(contestant, protocol), 2),
            shown(self.added(name, protocol).and_then(Spread::of), 1),
            shown(figures.spread(protocol, |run| run.p50), 0),
            shown(figures.spread(protocol, |run| run.p99), 0),
        ]
    }

    fn rest(&self, contestant: &Contestant, figures: &Figures) -> Vec<String> {
        let cpu = |protocol| shown(figures.spread(protocol, |run| run.cpu), 1);
        let beside = figures.spread(Protocol::Http1, |run| run.beside.unwrap_or_default());
        vec![
            contestant.name.to_owned(),
            cpu(Protocol::Http1),
            cpu(Protocol::Http2),
            shown(beside.filter(|beside| beside.max > 0.0), 1),
            shown(Spread::of(figures.resident.iter().copied()), 0),
            shown(Spread::of(figures.start.iter().copied()), 0),
            contestant.about.to_owned(),
        ]
    }
}

/// As `median (least to greatest)`.
fn shown(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(String::new, |Spread { median, min, max }| {
        format!("{median:.digits$} ({min:.digits$} to {max:.digits$})")
    })
}

fn aligned(heads: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(column, head)| {
            rows.iter().map(|row| row[column].len()).chain([head.len()]).max().unwrap_or_default()
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut text = line(&mut heads.iter().map(|head| (*head).to_owned()));
    text += &line(&mut rule.into_iter());
    rows.iter().for_each(|row| text += &line(&mut row.iter().cloned()));
    text
}
