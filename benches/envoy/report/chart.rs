//! The chart: what each adds to a request, in time on processors, with the least and the greatest.

use std::fmt::Write;

use super::Report;
use crate::figures::Spread;
use crate::load::Protocol;

const LEFT: f64 = 330.0;
const WIDTH: f64 = 500.0;
const TOP: f64 = 64.0;
const BAR: f64 = 11.0;
const ROW: f64 = 32.0;
/// Dark for HTTP/1.1, light for HTTP/2: of ours, and of the others.
const OURS: [&str; 2] = ["#1f5f9f", "#8fbfe8"];
const OTHERS: [&str; 2] = ["#6b6b6b", "#bdbdbd"];

impl Report<'_> {
    pub(super) fn chart(&self) -> String {
        let rows: Vec<(&str, [Option<Spread>; 2])> = self
            .contestants
            .iter()
            .filter(|contestant| contestant.over.is_some())
            .map(|contestant| {
                let added = |protocol| self.added(contestant.name, protocol).and_then(Spread::of);
                (contestant.about, Protocol::ALL.map(added))
            })
            .collect();
        let medians = rows.iter().flat_map(|(_, spreads)| spreads).flatten().map(|spread| spread.median);
        // Room for a fifth more: one bad round must not make all the others small.
        let most = 1.2 * medians.fold(1.0, f64::max);
        let step = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
            .into_iter()
            .find(|step| most / step <= 8.0)
            .unwrap_or(200.0);
        let at = |value: f64| LEFT + value.clamp(0.0, most) / most * WIDTH;
        let bottom = TOP + ROW * rows.len() as f64;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"16\" y=\"24\" font-size=\"15\">What a filter adds to a request, in us of Envoy's time on processors</text>\n",
            LEFT + WIDTH + 70.0,
            bottom + 62.0,
        );
        for (number, protocol) in Protocol::ALL.into_iter().enumerate() {
            let x = LEFT + 90.0 * number as f64;
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"36\" width=\"11\" height=\"11\" fill=\"{}\"/><text x=\"{}\" y=\"46\">{}</text>",
                OTHERS[number],
                x + 16.0,
                protocol.name()
            );
        }
        for tick in (0..).map(|number| f64::from(number) * step).take_while(|value| *value <= most) {
            let x = at(tick);
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {TOP} V{bottom}\" stroke=\"#dddddd\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{tick}</text>",
                bottom + 16.0
            );
        }
        for (number, (about, spreads)) in rows.iter().enumerate() {
            let y = TOP + ROW * number as f64 + 4.0;
            let colours = if about.starts_with("ours") { OURS } else { OTHERS };
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{about}</text>",
                LEFT - 8.0,
                y + 15.0
            );
            for (protocol, spread) in spreads.iter().enumerate() {
                let Some(spread) = spread else { continue };
                let (y, middle) = (y + BAR * protocol as f64, y + BAR * (protocol as f64 + 0.5));
                let _ = writeln!(
                    svg,
                    "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{:.1}\" height=\"{BAR}\" fill=\"{}\"/>\
                     <path d=\"M{:.1} {middle} H{:.1}\" stroke=\"#333333\"/>\
                     <text x=\"{:.1}\" y=\"{}\" font-size=\"10\">{:.1}</text>",
                    at(spread.median) - LEFT,
                    colours[protocol],
                    at(spread.min),
                    at(spread.max),
                    at(spread.max) + 4.0,
                    middle + 3.5,
                    spread.median,
                );
            }
        }
        let machine: Vec<String> = self.machine.iter().map(|(what, is)| format!("{what} {is}")).collect();
        let how = format!("Medians of {} rounds; lines from the least to the greatest.", self.size.rounds);
        for (text, below) in [(how, 36.0), (machine.join(", "), 50.0)] {
            let y = bottom + below;
            let _ = writeln!(svg, "<text x=\"16\" y=\"{y}\" fill=\"#555555\" font-size=\"10\">{text}</text>");
        }
        svg + "</svg>\n"
    }
}
