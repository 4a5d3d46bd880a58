//! What is printed, how the command ends, and what it refuses to read.

use std::collections::BTreeSet;
use std::fs;

use mtls_policy::policy::Lint;

use crate::common::{Files, root, shipped_text, stdout};

fn check(text: &str, more: &[&str]) -> (String, Option<i32>) {
    let arguments: Vec<&str> = ["--envoy", "envoy.yaml"].iter().chain(more).copied().collect();
    let output = Files::new(&[("envoy.yaml", text)]).check(&arguments);
    (stdout(&output), output.status.code())
}

#[test]
fn the_shipped_configuration_is_good_with_its_own_policy() {
    let (text, code) = check(&shipped_text(), &["--deny-warnings"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("envoy.yaml (policy of listener https): good, 2 routes, digest "), "{text}");
    assert!(text.ends_with("\nenvoy.yaml: good, 1 listener with the filter\n"), "{text}");
}

#[test]
fn a_finding_is_shown_where_it_is_with_the_way_to_it_and_what_mends_it() {
    let broken = shipped_text().replace("failure_policy: FAIL_RELOAD", "failure_policy: FAIL_OPEN");
    let (text, code) = check(&broken, &[]);
    assert_eq!(code, Some(1));
    let line = broken.lines().position(|line| line.contains("failure_policy:")).unwrap() + 1;
    for wanted in [
        "error[fail-open]: under `FAIL_OPEN` every request passes when the filter has failed\n",
        &format!("--> envoy.yaml:{line}:17\n"),
        &format!("{line} |                 failure_policy: FAIL_OPEN\n"),
        "                ^^^^^^^^^^^^^^^^^^^^^^^^^\n",
        "= note: listener `https`, at static_resources.listeners[0].filter_chains[0].filters[1].typed_config\
         .http_filters[0].typed_config.config.failure_policy\n",
        "= help: write `failure_policy: FAIL_RELOAD`",
        "\nenvoy.yaml: 1 error, 1 listener with the filter\n",
    ] {
        assert!(text.contains(wanted), "{wanted}\n{text}");
    }
}

#[test]
fn a_warning_fails_the_check_where_warnings_are_denied_and_a_note_never_does() {
    let warning = shipped_text().replace("use_remote_address: true", "use_remote_address: false");
    assert_eq!(check(&warning, &[]).1, Some(0));
    assert_eq!(check(&warning, &["--deny-warnings"]).1, Some(1));
    let note = shipped_text().replace("KEEP_UNCHANGED", "UNESCAPE_AND_FORWARD");
    let (text, code) = check(&note, &["--deny-warnings"]);
    assert_eq!(code, Some(0));
    assert!(text.ends_with("envoy.yaml: 1 note, 1 listener with the filter\n"), "{text}");
}

#[test]
fn what_is_allowed_is_not_reported() {
    let broken = shipped_text()
        .replace("failure_policy: FAIL_RELOAD", "fail_open: true")
        .replace("use_remote_address: true", "use_remote_address: false");
    let (text, code) = check(&broken, &[]);
    assert_eq!(code, Some(1));
    assert!(text.ends_with("envoy.yaml: 1 error, 1 warning, 1 note, 1 listener with the filter\n"), "{text}");
    let (text, code) =
        check(&broken, &["--allow", "fail-open", "--deny-warnings", "--allow", "remote-address"]);
    assert_eq!(code, Some(0));
    assert!(text.ends_with("envoy.yaml: 1 note, 1 listener with the filter\n"), "{text}");
    let (_, code) = check(&broken, &["--allow", "remote-address"]);
    assert_eq!(code, Some(1));
}

#[test]
fn an_id_that_does_not_exist_cannot_be_allowed() {
    let output = Files::new(&[]).check(&["--envoy", "x", "--allow", "fail-opn"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("a similar value exists: 'fail-open'"), "{text}");
}

#[test]
fn what_cannot_be_read_exits_with_2() {
    for (text, wanted) in [
        ("a: [1\n", "envoy.yaml: cannot be read: not YAML: unclosed bracket '[' at line 1, column 4\n"),
        ("a: 1\na: 2\n", "envoy.yaml: cannot be read: not YAML: "),
    ] {
        let (text, code) = check(text, &[]);
        assert_eq!(code, Some(2));
        assert!(text.starts_with(wanted), "{text}");
    }
    let files = Files::new(&[]);
    let output = files.check(&["--envoy", "absent.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).starts_with("absent.yaml: cannot be read: No such file"), "{}", stdout(&output));
    let output = files.check(&["--envoy", "."]);
    assert_eq!(output.status.code(), Some(2));
    let output = files.check(&["--envoy", "absent.yaml", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["envoy"]["good"], false);
    assert!(report["envoy"]["error"].as_str().unwrap().starts_with("No such file"));
}

#[test]
fn what_holds_no_filter_is_told() {
    for text in ["", "[]", "{}", "static_resources: 7\n", "static_resources: {listeners: [1, {name: 2}]}\n"] {
        let (text, code) = check(text, &[]);
        assert_eq!(code, Some(1));
        assert!(text.starts_with("error[filter-not-found]: "), "{text}");
        assert!(text.ends_with("envoy.yaml: 1 error, 0 listeners with the filter\n"), "{text}");
    }
}

#[test]
fn controls_in_names_do_not_reach_the_terminal() {
    let hostile = shipped_text()
        .replace("- name: https", "- name: \"a\\e[31m\\u202e\"")
        .replace("failure_policy: FAIL_RELOAD", "\"fail\\e_open\": 1");
    let (text, _) = check(&hostile, &[]);
    assert!(text.contains("listener `a\\u{1b}[31m\\u{202e}`"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
}

#[test]
fn anchors_are_followed() {
    let anchored = shipped_text()
        .replace(
            "filter_chains:\n    - transport_socket:",
            "filter_chains:\n    - &chain\n      transport_socket:",
        )
        .replace(
            "\n  clusters:",
            "\n  - name: second\n    address: {}\n    filter_chains: [*chain]\n\n  clusters:",
        );
    let (text, code) = check(&anchored, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert_eq!(text.matches("error[no-tls-inspector]").count(), 1, "{text}");
    assert!(text.ends_with("envoy.yaml: 1 error, 2 listeners with the filter\n"), "{text}");
}

#[test]
fn every_id_is_documented_and_no_other() {
    let output = Files::new(&[]).check(&["--envoy", "x", "--allow", "?"]);
    let text = String::from_utf8(output.stderr).unwrap();
    let (_, listed) = text.split_once("[possible values: ").unwrap();
    let ids: BTreeSet<&str> = listed.split_once(']').unwrap().0.split(", ").collect();
    let readme = fs::read_to_string(root().join("envoy/README.md")).unwrap();
    let (_, section) = readme.split_once("\n## What `mtlsctl check --envoy` finds\n").unwrap();
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let rows = section.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 2);
    let documented: BTreeSet<&str> = rows.flat_map(|row| row.split('|').nth(1)).flat_map(ids_in).collect();
    // Those of lints are documented where policies are.
    let ids: BTreeSet<&str> = ids.into_iter().filter(|id| Lint::from_id(id).is_none()).collect();
    assert_eq!(documented, ids);
}

fn ids_in(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(',').map(|id| id.trim().trim_matches('`'))
}
