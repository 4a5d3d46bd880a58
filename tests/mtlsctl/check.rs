//! `mtlsctl check`.

use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::mint::Ca;
use crate::{Files, mtlsctl, run, run_on_stdin, stderr, stdout};

const GOOD: &str = r#"{
  "version": 1,
  "peer_certificate": {"verified_by": "envoy"},
  "routes": [{"name": "a", "match": {"path": "/"}, "client_certificate": "ignored"}]
}
"#;

const BAD: &str = r#"{
  "version": 1,
  "peer_certificate": {"verified_by": "envoy"},
  "routes": [
    {"name": "a", "match": {"path": "/"}, "client_certificate": "require"},
    {"name": "a", "match": {"methods": ["GET"]}, "client_certificate": "ignored"}
  ]
}
"#;

fn check(files: &Files, arguments: &[&str]) -> Output {
    let mut command = mtlsctl();
    command.arg("check").args(arguments).current_dir(files.folder()).stdin(Stdio::null());
    command.output().unwrap()
}

fn digest_of_good() -> String {
    mtls_policy::policy::Policy::from_json(GOOD.as_bytes()).unwrap().digest().to_string()
}

#[test]
fn a_good_policy_is_told_in_one_line_with_its_digest_and_exits_with_0() {
    let output = check(&Files::new(&[("good.json", GOOD)]), &["good.json"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), format!("good.json: good, 1 route, digest {}\n", digest_of_good()));
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_bad_policy_is_shown_with_every_error_and_exits_with_1() {
    let output = check(&Files::new(&[("bad.json", BAD)]), &["bad.json"]);
    assert_eq!(output.status.code(), Some(1));
    let wanted = r#"error: unknown value `require`, expected one of `required`, `optional`, `unverified`, `ignored`
 --> bad.json:5:65
  |
4 |   "routes": [
5 |     {"name": "a", "match": {"path": "/"}, "client_certificate": "require"},
  |                                                                 ^^^^^^^^^
6 |     {"name": "a", "match": {"methods": ["GET"]}, "client_certificate": "ignored"}
  |
  = help: did you mean `required`?

error: duplicate route name `a`
 --> bad.json:6:14
  |
5 |     {"name": "a", "match": {"path": "/"}, "client_certificate": "require"},
6 |     {"name": "a", "match": {"methods": ["GET"]}, "client_certificate": "ignored"}
  |              ^^^
7 |   ]
  |

bad.json: 2 errors
"#;
    assert_eq!(stdout(&output), wanted);
    assert_eq!(stderr(&output), "");
}

#[test]
fn several_files_are_all_checked_and_the_worst_decides() {
    let files = Files::new(&[("good.json", GOOD), ("bad.json", BAD)]);
    let all = check(&files, &["good.json", "bad.json", "good.json"]);
    assert_eq!(all.status.code(), Some(1));
    let text = stdout(&all);
    assert_eq!(text.matches("good.json: good").count(), 2, "{text}");
    assert!(text.contains("bad.json: 2 errors"), "{text}");

    let unreadable = check(&files, &["bad.json", "absent.json", "good.json"]);
    assert_eq!(unreadable.status.code(), Some(2));
    let text = stdout(&unreadable);
    assert!(text.contains("absent.json: cannot be read: No such file or directory"), "{text}");
    assert!(text.contains("bad.json: 2 errors") && text.contains("good.json: good"), "{text}");
}

#[test]
fn a_folder_is_no_policy() {
    let files = Files::new(&[]);
    let output = check(&files, &["."]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).starts_with(".: cannot be read: "), "{}", stdout(&output));
}

#[test]
fn a_dash_is_the_standard_input() {
    let good = run_on_stdin(&["check", "-"], GOOD.as_bytes());
    assert_eq!(good.status.code(), Some(0));
    assert_eq!(stdout(&good), format!("<stdin>: good, 1 route, digest {}\n", digest_of_good()));
    let bad = run_on_stdin(&["check", "-"], BAD.as_bytes());
    assert_eq!(bad.status.code(), Some(1));
    assert!(stdout(&bad).contains(" --> <stdin>:5:65"), "{}", stdout(&bad));
    let empty = run_on_stdin(&["check", "-"], b"");
    assert_eq!(empty.status.code(), Some(1));
    assert!(stdout(&empty).starts_with("error: the policy is empty"), "{}", stdout(&empty));
}

#[test]
fn json_is_one_object_with_every_file_and_every_error() {
    let files = Files::new(&[("good.json", GOOD), ("bad.json", BAD)]);
    let output = check(&files, &["--format", "json", "good.json", "bad.json", "absent.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "");
    let mut report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let unreadable = report["files"][2]["errors"][0]["message"].take();
    assert!(unreadable.as_str().unwrap().starts_with("No such file"), "{unreadable}");
    let wanted = json!({
        "files": [
            { "file": "good.json", "good": true, "digest": digest_of_good(), "routes": 1, "errors": [], "warnings": [] },
            {
                "file": "bad.json",
                "good": false,
                "errors": [
                    {
                        "code": "unknown_value",
                        "message": "unknown value `require`, expected one of `required`, `optional`, `unverified`, `ignored`",
                        "help": "did you mean `required`?",
                        "line": 5,
                        "column": 65,
                        "pointer": "/routes/0/client_certificate",
                        "text": "\"require\"",
                    },
                    {
                        "code": "duplicate_route",
                        "message": "duplicate route name `a`",
                        "line": 6,
                        "column": 14,
                        "pointer": "/routes/1/name",
                        "text": "\"a\"",
                    },
                ],
                "warnings": [],
            },
            {
                "file": "absent.json",
                "good": false,
                "errors": [{ "code": "unreadable", "message": null }],
                "warnings": [],
            },
        ],
    });
    assert_eq!(report, wanted);
}

/// A good policy whose bundle has these anchors and one intermediate, and what is said of it up to its digest.
fn with_bundle(anchors: &[Ca]) -> (String, String) {
    let mut policy: Value = serde_json::from_str(GOOD).unwrap();
    policy["trust_bundles"]["corp"] = json!({
        "anchors_pem": anchors.iter().map(Ca::pem).collect::<Vec<_>>(),
        "intermediates_pem": [anchors[0].intermediate("Acme Issuing").pem()],
    });
    let policy = policy.to_string();
    let digest = mtls_policy::policy::Policy::from_json(policy.as_bytes()).unwrap().digest();
    (policy, format!("policy.json: good, 1 route, digest {digest}\n"))
}

fn sha256(ca: &Ca) -> String {
    mtls_policy::cert::Fingerprint::of(ca.der()).to_string()
}

#[test]
fn the_anchors_of_trust_bundles_are_shown() {
    let [old, new] = ["Acme Root", "Acme Root 2"].map(Ca::new);
    let (policy, summary) = with_bundle(&[old.clone(), new.clone()]);
    let files = Files::new(&[("policy.json", &policy)]);
    let output = check(&files, &["--allow", "unused-bundle", "policy.json"]);
    let [old, new] = [&old, &new].map(sha256);
    let wanted = format!(
        "{summary}  trust bundle `corp`: 2 anchors, 1 intermediate
    CN=Acme Root, valid until 2099-01-01T00:00:00Z, sha256 {old}
    CN=Acme Root 2, valid until 2099-01-01T00:00:00Z, sha256 {new}
"
    );
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), wanted));

    let output = check(&files, &["--allow", "unused-bundle", "--format", "json", "policy.json"]);
    let report: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let anchor = |subject: &str, sha256: &str| json!({ "subject": subject, "sha256": sha256, "not_after": "2099-01-01T00:00:00Z" });
    let wanted = json!([{
        "name": "corp",
        "anchors": [anchor("CN=Acme Root", &old), anchor("CN=Acme Root 2", &new)],
        "intermediates": 1,
    }]);
    assert_eq!(report["files"][0]["trust_bundles"], wanted);
}

#[test]
fn of_many_anchors_people_see_the_first_and_programs_all() {
    let anchors: Vec<Ca> = (1..=12).map(|number| Ca::new(&format!("Acme Root {number}"))).collect();
    for (count, last) in [(10, "CN=Acme Root 10, "), (12, "and 2 more, which `--format json` shows")] {
        let (policy, _) = with_bundle(&anchors[..count]);
        let files = Files::new(&[("policy.json", &policy)]);
        let text = stdout(&check(&files, &["--allow", "unused-bundle", "policy.json"]));
        assert!(text.lines().last().unwrap().starts_with(&format!("    {last}")), "{text}");
        let text = stdout(&check(&files, &["--format", "json", "policy.json"]));
        let report: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["files"][0]["trust_bundles"][0]["anchors"].as_array().unwrap().len(), count);
    }
}

#[test]
fn there_is_no_colour_in_a_pipe() {
    let files = Files::new(&[("bad.json", BAD)]);
    for arguments in [&["bad.json"][..], &["--format", "json", "bad.json"]] {
        let output = check(&files, arguments);
        assert!(!output.stdout.contains(&0x1b), "{}", stdout(&output));
    }
    // Whoever wants it may have it.
    let forced =
        mtlsctl().args(["check", &files.path("bad.json")]).env("CLICOLOR_FORCE", "1").output().unwrap();
    assert!(forced.stdout.contains(&0x1b));
}

#[test]
fn text_that_is_no_utf8_and_controls_do_not_reach_the_terminal() {
    let hostile = b"{\"version\": 1, \"\x1b[31m\xff\": 1}";
    let output = run_on_stdin(&["check", "-"], hostile);
    assert_eq!(output.status.code(), Some(1));
    assert!(!output.stdout.contains(&0x1b), "{}", stdout(&output));
    let escaped = BAD.replace("require\"", "\\u001b[31m\\u202e\"");
    let output = run_on_stdin(&["check", "-"], escaped.as_bytes());
    assert!(!stdout(&output).contains(['\u{1b}', '\u{202e}']), "{}", stdout(&output));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let many: Vec<String> = (0..2000).map(|index| format!("\"x{index}\": 1")).collect();
    let files = Files::new(&[("bad.json", &format!("{{{}}}", many.join(",\n")))]);
    let mut child = mtlsctl()
        .args(["check", &files.path("bad.json")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "");
}

#[test]
fn the_example_policies_are_good() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut policies: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            policies.push(path.join("policy.json").to_str().unwrap().to_owned());
        }
    }
    assert!(policies.len() >= 10, "{policies:?}");
    let arguments: Vec<&str> = std::iter::once("check").chain(policies.iter().map(String::as_str)).collect();
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}
