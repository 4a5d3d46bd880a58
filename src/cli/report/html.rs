//! The report as one page for browsers. It loads nothing and runs nothing; whatever clients wrote is text.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use super::page::{Page, Section};

const STYLE: &str = include_str!("report.css");

/// Columns that hold numbers.
const NUMBERS: [&str; 7] = ["requests", "permits", "denials", "shadow", "count", "days", "missing"];

/// Columns that hold times.
const TIMES: [&str; 3] = ["first", "last", "ends"];

/// The page, with at most so many rows in each table.
pub(super) fn page(report: &Page, top: usize) -> String {
    // Nothing but this very style sheet.
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let mut html = String::new();
    let _ = write!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Access report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>Access report</h1>\n<p>{}</p>\n",
        escaped(&report.period())
    );
    for remark in report.remarks() {
        let _ = writeln!(html, "<p class=\"remark\">{}</p>", escaped(&remark));
    }
    html.push_str("</header>\n<main>\n<dl class=\"figures\">\n");
    for (what, count) in report.figures() {
        let class = if count == 0 { " class=\"zero\"" } else { "" };
        let _ = writeln!(html, "<div{class}><dt>{}</dt><dd>{count}</dd></div>", escaped(what));
    }
    html.push_str("</dl>\n");
    for section in report.sections(top) {
        write_section(&mut html, &section);
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn write_section(html: &mut String, section: &Section) {
    let _ = writeln!(html, "<section>\n<h2>{}</h2>", escaped(section.title));
    if !section.note.is_empty() {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", escaped(&section.note));
    }
    if section.rows.is_empty() {
        let _ = writeln!(html, "<p class=\"nothing\">{}</p>\n</section>", escaped(section.nothing));
        return;
    }
    html.push_str("<div class=\"wide\"><table>\n<thead><tr>");
    for title in &section.head {
        let _ = write!(html, "<th scope=\"col\"{}>{}</th>", class(title), escaped(title));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in &section.rows {
        html.push_str("<tr>");
        for (title, cell) in section.head.iter().zip(row) {
            let _ = write!(
                html,
                "<td data-label=\"{}\"{}><bdi>{}</bdi></td>",
                escaped(title),
                class(title),
                escaped(cell)
            );
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table></div>\n");
    if section.more > 0 {
        let _ = writeln!(html, "<p class=\"note\">and {} more</p>", section.more);
    }
    html.push_str("</section>\n");
}

fn class(title: &str) -> &'static str {
    if NUMBERS.contains(&title) {
        " class=\"number\""
    } else if TIMES.contains(&title) {
        " class=\"time\""
    } else {
        ""
    }
}

/// Text between tags, and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(escaped("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
    }

    #[test]
    fn the_style_sheet_ends_where_it_should() {
        assert!(!STYLE.contains('<'));
    }
}
