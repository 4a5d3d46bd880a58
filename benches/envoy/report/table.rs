//! The tables, as Markdown that a terminal shows well, too.

use super::Report;
use crate::contestants::Contestant;
use crate::figures::{Figures, Run, Spread};
use crate::load::Protocol;

impl Report<'_> {
    /// Everything, with the least and the greatest of each figure.
    pub(super) fn tables(&self) -> String {
        let mut text = String::new();
        for protocol in Protocol::ALL {
            let ratios = [
                "contestant",
                "to empty",
                "to the same calls",
                "to ext_authz",
                "p50 to no filter",
                "CPU added, us",
                "CPU, us",
            ];
            let rows = self.rows(protocol, |contestant, figures| self.ratios(contestant, figures, protocol));
            text += &format!("### {}\n\n{}\n", protocol.name(), aligned(&ratios, &rows));
            let latencies = [
                "contestant",
                "p50, us",
                "p99, us",
                "p50 to no filter, answered by Envoy",
                "its p50, us",
                "its p99, us",
            ];
            let rows =
                self.rows(protocol, |contestant, figures| self.latencies(contestant, figures, protocol));
            text += &format!("{}\n", aligned(&latencies, &rows));
        }
        let rest = [
            "contestant",
            "calls",
            "resident, MiB",
            "start, ms",
            "its CPU, ms",
            "CPU of the service asked, us",
            "what it is",
        ];
        let rows: Vec<Vec<String>> =
            self.all().map(|(contestant, figures)| self.rest(contestant, figures)).collect();
        text + &aligned(&rest, &rows) + "\n" + &self.circumstances() + "\n"
    }

    /// Medians only, each over HTTP/1.1 and over HTTP/2.
    pub(super) fn summary(&self) -> String {
        let heads = [
            "",
            "to an empty filter",
            "to the same calls",
            "to ext_authz",
            "p50 to no filter",
            "CPU added, us",
            "resident, MiB",
            "start, ms",
        ];
        let rows: Vec<Vec<String>> =
            self.all().map(|(contestant, figures)| self.short(contestant, figures)).collect();
        aligned(&heads, &rows) + "\n" + &self.circumstances() + "\n"
    }

    fn circumstances(&self) -> String {
        let size = self.size;
        let machine: Vec<String> = self.machine.iter().map(|(what, is)| format!("{what} {is}")).collect();
        format!(
            "Medians of {} rounds. CPU: {} requests, 8 at a time; latency: {}, one at a time. {}.",
            size.rounds,
            size.requests,
            size.single,
            machine.join(", ")
        )
    }

    fn rows(
        &self,
        protocol: Protocol,
        row: impl Fn(&Contestant, &Figures) -> Vec<String>,
    ) -> Vec<Vec<String>> {
        let ran = self.all().filter(|(_, figures)| figures.runs.contains_key(&protocol));
        ran.map(|(contestant, figures)| row(contestant, figures)).collect()
    }

    fn ratios(&self, contestant: &Contestant, figures: &Figures, protocol: Protocol) -> Vec<String> {
        let name = contestant.name;
        vec![
            name.to_owned(),
            whole(self.ratio(name, "empty", protocol), 2),
            whole(self.ratio_to_calls(name, protocol), 2),
            whole(self.ratio(name, "ext_authz", protocol), 2),
            whole(self.slower(contestant, protocol, |run| run.through.p50), 2),
            whole(self.added(name, protocol).and_then(Spread::of), 1),
            whole(figures.spread(protocol, |run| run.cpu), 1),
        ]
    }

    fn latencies(&self, contestant: &Contestant, figures: &Figures, protocol: Protocol) -> Vec<String> {
        let shown = |latency: fn(&Run) -> f64| whole(figures.spread(protocol, latency), 0);
        vec![
            contestant.name.to_owned(),
            shown(|run| run.through.p50),
            shown(|run| run.through.p99),
            whole(self.slower(contestant, protocol, |run| run.single.p50), 2),
            shown(|run| run.single.p50),
            shown(|run| run.single.p99),
        ]
    }

    fn rest(&self, contestant: &Contestant, figures: &Figures) -> Vec<String> {
        let beside = figures.spread(Protocol::Http1, |run| run.beside.unwrap_or_default());
        vec![
            contestant.name.to_owned(),
            self.calls_of(contestant.name).map_or_else(String::new, |calls| calls.len().to_string()),
            whole(Spread::of(figures.resident.iter().copied()), 0),
            whole(Spread::of(figures.start.iter().copied()), 0),
            whole(Spread::of(figures.start_cpu.iter().copied()), 0),
            whole(beside.filter(|beside| beside.max > 0.0), 1),
            contestant.about.to_owned(),
        ]
    }

    fn short(&self, contestant: &Contestant, figures: &Figures) -> Vec<String> {
        let both = |digits: usize, figure: &dyn Fn(Protocol) -> Option<Spread>| {
            let medians = Protocol::ALL.into_iter().filter_map(figure);
            medians.map(|spread| format!("{:.digits$}", spread.median)).collect::<Vec<_>>().join(" / ")
        };
        let name = contestant.name;
        vec![
            contestant.about.to_owned(),
            both(2, &|protocol| self.ratio(name, "empty", protocol)),
            both(2, &|protocol| self.ratio_to_calls(name, protocol)),
            both(2, &|protocol| self.ratio(name, "ext_authz", protocol)),
            both(2, &|protocol| self.slower(contestant, protocol, |run| run.through.p50)),
            both(1, &|protocol| self.added(name, protocol).and_then(Spread::of)),
            median(&figures.resident),
            median(&figures.start),
        ]
    }
}

fn median(figures: &[f64]) -> String {
    Spread::of(figures.iter().copied()).map_or_else(String::new, |spread| format!("{:.0}", spread.median))
}

/// As `median (least..greatest)`.
fn whole(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(String::new, |Spread { median, min, max }| {
        format!("{median:.digits$} ({min:.digits$}..{max:.digits$})")
    })
}

fn aligned(heads: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(column, head)| rows.iter().map(|row| row[column].len()).fold(head.len(), usize::max))
        .collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("| {} |\n", padded.join(" | "))
    };
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    line(heads.to_vec()) + &line(rules.iter().map(String::as_str).collect()) + &body.collect::<String>()
}
