//! A curve as a drawing: a panel for each measure, sizes along logarithms.

use std::fmt::Write as _;

use crate::curve::{Curve, Line, Measure, count, figure};

/// Of one panel, in pixels, margins included.
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 260.0;
/// Left, top, right and bottom.
const MARGINS: [f64; 4] = [56.0, 64.0, 16.0, 40.0];
/// Told apart by people who see few colours, too.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];
/// Above this ratio of the greatest to the least figure, figures go along logarithms too.
const WIDE: f64 = 30.0;

/// The drawing as SVG.
pub(crate) fn svg(curve: &Curve) -> String {
    let width = WIDTH * curve.measures.len() as f64;
    let height = HEIGHT + 28.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"20\" font-size=\"14\">{}</text>\n",
        escaped(&curve.title)
    );
    for (number, measure) in curve.measures.iter().enumerate() {
        let _ = writeln!(out, "<g transform=\"translate({} 28)\">", WIDTH * number as f64);
        panel(&mut out, curve.along, measure);
        out += "</g>\n";
    }
    out + "</svg>\n"
}

/// Maps figures to pixels.
struct Scale {
    from: f64,
    to: f64,
    is_logarithmic: bool,
    pixels: [f64; 2],
}

impl Scale {
    fn at(&self, figure: f64) -> f64 {
        let place = |figure: f64| if self.is_logarithmic { figure.ln() } else { figure };
        let span = place(self.to) - place(self.from);
        let part = if span > 0.0 { (place(figure) - place(self.from)) / span } else { 0.5 };
        self.pixels[0] + part * (self.pixels[1] - self.pixels[0])
    }

    fn ticks(&self) -> Vec<f64> {
        if self.is_logarithmic {
            let powers = self.from.log10().floor() as i32..=self.to.log10().ceil() as i32;
            let ticks = powers.map(|power| 10_f64.powi(power));
            return ticks.filter(|tick| (self.from..=self.to).contains(tick)).collect();
        }
        let step = 10_f64.powf((self.to / 4.0).log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].map(|times| times * step).into_iter().find(|step| self.to / step <= 5.0);
        let step = step.unwrap_or(self.to);
        (0..=5).map(|number| f64::from(number) * step).filter(|tick| *tick <= self.to).collect()
    }
}

fn panel(out: &mut String, along: &str, measure: &Measure) {
    let [left, top, right, bottom] = MARGINS;
    let points = || measure.lines.iter().flat_map(|line| &line.points);
    let extreme = |figures: &mut dyn Iterator<Item = f64>| {
        figures.fold((f64::INFINITY, 0_f64), |(least, greatest), figure| {
            (least.min(figure), greatest.max(figure))
        })
    };
    let (first, last) = extreme(&mut points().map(|point| point.at as f64));
    let (least, greatest) =
        extreme(&mut points().flat_map(|point| [point.spread.min.max(0.0), point.spread.max.max(0.0)]));
    let is_logarithmic = least > 0.0 && greatest / least > WIDE;
    let horizontal = Scale { from: first, to: last, is_logarithmic: true, pixels: [left, WIDTH - right] };
    let vertical = Scale {
        from: if is_logarithmic { 10_f64.powf(least.log10().floor()) } else { 0.0 },
        to: if is_logarithmic {
            10_f64.powf(greatest.log10().ceil())
        } else {
            (greatest * 1.1).max(f64::MIN_POSITIVE)
        },
        is_logarithmic,
        pixels: [HEIGHT - bottom, top],
    };
    let _ = writeln!(
        out,
        "<text x=\"{left}\" y=\"16\">{}, {}</text>",
        escaped(measure.what),
        escaped(measure.unit)
    );
    for tick in vertical.ticks() {
        let y = vertical.at(tick);
        let _ = writeln!(
            out,
            "<line x1=\"{left}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - right,
            left - 6.0,
            y + 4.0,
            label(tick)
        );
    }
    let mut sizes: Vec<u64> = points().map(|point| point.at).collect();
    sizes.sort_unstable();
    sizes.dedup();
    for size in sizes {
        let (x, y) = (horizontal.at(size as f64), HEIGHT - bottom + 16.0);
        let _ =
            writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{}</text>", count(size));
    }
    let middle = f64::midpoint(left, WIDTH - right);
    let _ =
        writeln!(out, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{along}</text>", HEIGHT - 8.0);
    for (number, line) in measure.lines.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        draw(out, line, colour, &horizontal, &vertical);
        let y = 32.0 + 13.0 * number as f64;
        let _ = writeln!(out, "<text x=\"{left}\" y=\"{y}\" fill=\"{colour}\">{}</text>", escaped(line.who));
    }
}

fn draw(out: &mut String, line: &Line, colour: &str, horizontal: &Scale, vertical: &Scale) {
    let mut path = String::new();
    for point in &line.points {
        let (x, y) = (horizontal.at(point.at as f64), vertical.at(point.spread.median));
        let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { "M" } else { " L" });
        let (low, high) = (vertical.at(point.spread.min.max(vertical.from)), vertical.at(point.spread.max));
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{low:.1}\" y2=\"{high:.1}\" stroke=\"{colour}\"/>\
             <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
        );
    }
    let _ = writeln!(out, "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>");
}

fn label(tick: f64) -> String {
    if tick >= 1_000.0 {
        count(tick as u64)
    } else if tick >= 1.0 {
        format!("{tick:.0}")
    } else {
        figure(tick)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
