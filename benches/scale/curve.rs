//! What was measured along a curve: figures by size, for one or several who are compared.

use serde::Serialize;

use crate::figures::Spread;

/// Figures along one quantity, such as the number of routes.
#[derive(Serialize)]
pub(crate) struct Curve {
    pub(crate) title: String,
    /// What grows.
    pub(crate) along: &'static str,
    pub(crate) measures: Vec<Measure>,
}

/// One thing that was measured.
#[derive(Serialize)]
pub(crate) struct Measure {
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// Its figures for one of those who are compared.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(crate) who: &'static str,
    pub(crate) points: Vec<Point>,
}

/// Its figures at one size.
#[derive(Serialize)]
pub(crate) struct Point {
    pub(crate) at: u64,
    #[serde(flatten)]
    pub(crate) spread: Spread,
}

impl Curve {
    pub(crate) fn new(title: &str, along: &'static str) -> Curve {
        Curve { title: title.to_owned(), along, measures: Vec::new() }
    }

    /// Adds the figures of one size; none are no point.
    pub(crate) fn add(
        &mut self,
        (what, unit): (&'static str, &'static str),
        who: &'static str,
        at: u64,
        figures: impl IntoIterator<Item = f64>,
    ) {
        let Some(spread) = Spread::of(figures) else { return };
        let known = self.measures.iter().position(|measure| measure.what == what);
        let measure = known.unwrap_or_else(|| {
            self.measures.push(Measure { what, unit, lines: Vec::new() });
            self.measures.len() - 1
        });
        let lines = &mut self.measures[measure].lines;
        let line = lines.iter().position(|line| line.who == who).unwrap_or_else(|| {
            lines.push(Line { who, points: Vec::new() });
            lines.len() - 1
        });
        lines[line].points.push(Point { at, spread });
    }

    /// As a table in Markdown: a row for each size, a column for each measure of each who is compared.
    pub(crate) fn table(&self) -> String {
        let lines =
            || self.measures.iter().flat_map(|measure| measure.lines.iter().map(move |line| (measure, line)));
        let mut sizes: Vec<u64> =
            lines().flat_map(|(_, line)| line.points.iter().map(|point| point.at)).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let heads = lines().map(|(measure, line)| format!("{} {}, {}", line.who, measure.what, measure.unit));
        let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let heads: Vec<String> = [self.along.to_owned()].into_iter().chain(heads).collect();
        let rule = format!("|{}\n", "---|".repeat(heads.len()));
        let mut table = format!("{}\n\n{}{rule}", self.title, row(heads));
        for size in sizes {
            let cells = lines().map(|(_, line)| {
                let point = line.points.iter().find(|point| point.at == size);
                point.map(|point| cell(point.spread)).unwrap_or_default()
            });
            table += &row([count(size)].into_iter().chain(cells).collect());
        }
        table
    }
}

/// The median, and from where to where.
fn cell(Spread { median, min, max }: Spread) -> String {
    format!("{} ({}-{})", figure(median), figure(min), figure(max))
}

/// Three digits are more than is meant.
pub(crate) fn figure(number: f64) -> String {
    let digits = if number.abs() >= 100.0 {
        0
    } else if number.abs() >= 10.0 {
        1
    } else {
        2
    };
    format!("{number:.digits$}")
}

/// `10,000`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}
