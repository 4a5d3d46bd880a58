//! What is told of a benchmark: a table, JSON, and a chart.

mod chart;
mod machine;
mod table;

pub(crate) use machine::load_average;

use std::path::Path;

use serde_json::{Value, json};

use crate::calls::Calls;
use crate::contestants::{Contestant, Filter};
use crate::figures::{Figures, Run, Spread};
use crate::load::Protocol;
use crate::race::Size;

/// Around the results in the README.
const BEGIN: &str = "<!-- results of `make bench PUBLISH=1` -->";
const END: &str = "<!-- end of results -->";

/// All that is known when the benchmark is over.
pub(crate) struct Report<'a> {
    contestants: &'a [Contestant],
    figures: &'a [Figures],
    calls: &'a [Option<Calls>],
    size: Size,
    machine: Vec<(&'static str, String)>,
}

impl<'a> Report<'a> {
    /// `busy` is the load average before.
    pub(crate) fn new(
        contestants: &'a [Contestant],
        figures: &'a [Figures],
        calls: &'a [Option<Calls>],
        size: Size,
        busy: f64,
    ) -> Report<'a> {
        Report { contestants, figures, calls, size, machine: machine::described(busy) }
    }

    /// Writes `results.md`, `results.json` and `results.svg` into a folder; returns the first.
    pub(crate) fn write(&self, folder: &Path) -> String {
        let tables = self.tables();
        let json = serde_json::to_string_pretty(&self.json()).expect("JSON") + "\n";
        write(&folder.join("results.md"), &format!("# Results of `make bench`\n\n{tables}"));
        write(&folder.join("results.json"), &json);
        write(&folder.join("results.svg"), &self.chart());
        tables
    }

    /// The same beside the benchmark, and medians between two marks of the README, with the chart.
    pub(crate) fn publish(&self, root: &Path) {
        self.write(&root.join("benches/envoy"));
        let readme = root.join("README.md");
        let text = std::fs::read_to_string(&readme).expect("the README");
        let (before, rest) = text.split_once(BEGIN).expect("a place for results in the README");
        let (_, after) = rest.split_once(END).expect("its end");
        let chart = "![What a filter adds to a request](benches/envoy/results.svg)";
        write(&readme, &format!("{before}{BEGIN}\n{chart}\n\n{}{END}{after}", self.summary()));
    }

    fn all(&self) -> impl Iterator<Item = (&Contestant, &Figures)> {
        self.contestants.iter().zip(self.figures)
    }

    fn figures_of(&self, name: &str) -> Option<&Figures> {
        let place = self.contestants.iter().position(|contestant| contestant.name == name)?;
        self.figures.get(place)
    }

    /// What a contestant adds to the one that it is held against, round by round.
    fn added(&self, name: &str, protocol: Protocol) -> Option<Vec<f64>> {
        let contestant = self.contestants.iter().find(|contestant| contestant.name == name)?;
        let over = contestant.over?;
        self.figures_of(name)?.added(self.figures_of(over)?, protocol)
    }

    /// What it adds as a multiple of what another adds, round by round.
    fn ratio(&self, name: &str, other: &str, protocol: Protocol) -> Option<Spread> {
        // What is held against another of ours is no multiple of a whole filter.
        self.contestants.iter().find(|known| known.name == name && known.over == Some("none"))?;
        let (own, others) = (self.added(name, protocol)?, self.added(other, protocol)?);
        Spread::of(own.iter().zip(&others).map(|(own, other)| own / other))
    }

    /// A latency as a multiple of that of what it is held against, round by round.
    fn slower(
        &self,
        contestant: &Contestant,
        protocol: Protocol,
        latency: impl Fn(&Run) -> f64,
    ) -> Option<Spread> {
        let over = self.figures_of(contestant.over?)?.runs.get(&protocol)?;
        let own = self.figures_of(contestant.name)?.runs.get(&protocol)?;
        Spread::of(own.iter().zip(over).map(|(own, over)| latency(own) / latency(over)))
    }

    /// The same to a filter that makes the same calls in vain, where there is one.
    fn ratio_to_calls(&self, name: &str, protocol: Protocol) -> Option<Spread> {
        let calls = self.calls_of(name)?;
        let vain = self.all().find(|(other, _)| {
            other.filter == Filter::Vain && self.calls_of(other.name).is_some_and(|others| others == calls)
        });
        self.ratio(name, vain?.0.name, protocol)
    }

    fn calls_of(&self, name: &str) -> Option<&Calls> {
        let place = self.contestants.iter().position(|contestant| contestant.name == name)?;
        self.calls.get(place)?.as_ref()
    }

    fn json(&self) -> Value {
        let round = |run: &Run| {
            json!({
                "cpu_us": run.cpu,
                "p50_us": run.single.p50,
                "p99_us": run.single.p99,
                "p50_us_through": run.through.p50,
                "p99_us_through": run.through.p99,
            })
        };
        let runs = |contestant: &Contestant, figures: &Figures, protocol| {
            json!({
                "ratio_to_empty": self.ratio(contestant.name, "empty", protocol),
                "ratio_to_calls": self.ratio_to_calls(contestant.name, protocol),
                "ratio_to_ext_authz": self.ratio(contestant.name, "ext_authz", protocol),
                "ratio_of_p50": self.slower(contestant, protocol, |run| run.single.p50),
                "ratio_of_p50_through": self.slower(contestant, protocol, |run| run.through.p50),
                "added_cpu_us": self.added(contestant.name, protocol).and_then(Spread::of),
                "cpu_us": figures.spread(protocol, |run| run.cpu),
                "cpu_us_beside": figures.spread(protocol, |run| run.beside.unwrap_or_default()).filter(|spread| spread.max > 0.0),
                "p50_us": figures.spread(protocol, |run| run.single.p50),
                "p99_us": figures.spread(protocol, |run| run.single.p99),
                "p50_us_through": figures.spread(protocol, |run| run.through.p50),
                "p99_us_through": figures.spread(protocol, |run| run.through.p99),
                "rounds": figures.runs.get(&protocol).into_iter().flatten().map(round).collect::<Vec<Value>>(),
            })
        };
        let one = |(contestant, figures): (&Contestant, &Figures)| {
            json!({
                "name": contestant.name,
                "about": contestant.about,
                "over": contestant.over,
                "calls": self.calls_of(contestant.name),
                "http1": runs(contestant, figures, Protocol::Http1),
                "http2": runs(contestant, figures, Protocol::Http2),
                "start_ms": Spread::of(figures.start.iter().copied()),
                "start_cpu_ms": Spread::of(figures.start_cpu.iter().copied()),
                "resident_mib": Spread::of(figures.resident.iter().copied()),
            })
        };
        let machine: serde_json::Map<String, Value> =
            self.machine.iter().map(|(what, text)| ((*what).to_owned(), text.clone().into())).collect();
        json!({
            "machine": machine,
            "rounds": self.size.rounds,
            "requests": self.size.requests,
            "single_requests": self.size.single,
            "contestants": self.all().map(one).collect::<Vec<Value>>(),
        })
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("cannot write `{}`: {error}", path.display()));
}
