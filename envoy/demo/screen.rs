//! How the demo looks. `anstream` drops the colours where they are not wanted: no terminal, or `NO_COLOR`.

use anstream::println;
use serde_json::Value;

pub(crate) const BOLD: &str = "\x1b[1m";
pub(crate) const DIM: &str = "\x1b[2m";
pub(crate) const GREEN: &str = "\x1b[32m";
pub(crate) const RED: &str = "\x1b[31m";
pub(crate) const YELLOW: &str = "\x1b[33m";
pub(crate) const RESET: &str = "\x1b[0m";

/// Prints one thing under its name.
pub(crate) fn line(name: &str, value: &str) {
    println!("   {DIM}{name:<9}{RESET}{value}");
}

/// Prints an audit record.
pub(crate) fn record(record: &Value) {
    let text = |value: &Value| value.as_str().map_or_else(|| "-".to_owned(), printable);
    let shadow = record["mode"] == "shadow";
    let decision = match (record["decision"].as_str(), shadow) {
        (Some("permit"), _) => format!("{GREEN}permit{RESET}"),
        (Some("deny"), true) => format!("{YELLOW}deny, but shadowed{RESET}"),
        (decision, _) => format!("{RED}{}{RESET}", decision.unwrap_or("-")),
    };
    let reason =
        record["reason"].as_str().map(|reason| format!("  {BOLD}{reason}{RESET}")).unwrap_or_default();
    line("record", &format!("{decision}{reason}  route {}", text(&record["route"])));
    if let Some(detail) = record["detail"].as_str() {
        line("", &printable(detail));
    }
    let request = &record["request"];
    let what = format!("{} {}{}", text(&request["method"]), text(&request["host"]), text(&request["path"]));
    line("", &format!("{what}  from {}", text(&record["source"])));
    let certificate = &record["certificate"];
    if certificate.is_object() {
        let names =
            ["uri", "dns", "email"].into_iter().filter_map(|kind| certificate[kind].as_array()).flatten();
        let names: Vec<String> = names.map(text).collect();
        line("", &format!("{}  {}", text(&certificate["subject"]), names.join("  ")));
        line(
            "",
            &format!("issued by {}, until {}", text(&certificate["issuer"]), text(&certificate["not_after"])),
        );
    }
    line("", &format!("{DIM}id {}  policy {:.12}{RESET}", text(&record["id"]), text(&record["policy"])));
}

/// Text of a client without what would order the terminal about.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter })
        .collect()
}
