//! `mtlsctl conformance`, with cases of our own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Output, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::mint::{self, CN, Ca, OU, PRINTABLE, SAN_DNS, SAN_URI, UTF8};
use crate::{Files, mtlsctl, run, run_on_stdin, stderr, stdout};

/// What is answered to these lines, each without the time that it took.
fn answers(arguments: &[&str], input: &str) -> Vec<Value> {
    let output = run_on_stdin(&[&["conformance"], arguments].concat(), input.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let without_time = |line: &str| {
        let mut answer: Value = serde_json::from_str(line).unwrap();
        assert!(answer.as_object_mut().unwrap().remove("us").unwrap().is_u64());
        answer
    };
    stdout(&output).lines().map(without_time).collect()
}

fn answer(case: &Value) -> Value {
    answers(&[], &case.to_string()).remove(0)
}

fn verdict(case: &Value) -> String {
    answer(case)["verdict"].as_str().unwrap().to_owned()
}

/// A case that is right where it expects `match` of `a/b`, and `differ` of `b`.
fn uri_match(id: &str, expect: &str, value: &str) -> String {
    let case = json!({ "id": id, "op": "uri_match", "pattern": "a/*", "value": value, "expect": expect });
    format!("{case}\n")
}

/// Scores a file of cases, with these exceptions.
fn score(cases: &str, exceptions: &Value) -> Output {
    let files = Files::new(&[("cases.jsonl", cases), ("exceptions.json", &exceptions.to_string())]);
    let exceptions = files.path("exceptions.json");
    run(&["conformance", "--score", "--exceptions", &exceptions, &files.path("cases.jsonl")])
}

/// The counts of one row of a score, by their names.
fn counts(output: &Output, group: &str) -> Value {
    let page = stdout(output);
    let mut rows = page.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let heads = rows.next().unwrap();
    let row = rows.find(|row| row[0] == group).unwrap();
    let counts = heads.iter().zip(row).skip(1).filter(|(_, count)| *count != "0");
    counts.map(|(name, count)| ((*name).to_owned(), Value::from(count.parse::<u64>().unwrap()))).collect()
}

#[test]
fn answers_keep_the_order_of_the_cases_whatever_the_number_of_jobs() {
    // Some take long: a header with many elements.
    let header = vec!["URI=a"; 60].join(",");
    let case = |at: usize| match at % 7 {
        0 => json!({ "id": at, "op": "parse_xfcc", "header": header }).to_string(),
        1 => "rubbish".to_owned(),
        _ => json!({ "id": at, "op": "uri_match", "pattern": "a", "value": "a" }).to_string(),
    };
    let input: Vec<String> = (0..1000).map(case).collect();
    let input = input.join("\n");
    let wanted: Vec<Value> = (0..1000).map(|at| if at % 7 == 1 { Value::Null } else { at.into() }).collect();
    for jobs in ["1", "2", "7"] {
        let ids: Vec<Value> =
            answers(&["--jobs", jobs], &input).into_iter().map(|mut answer| answer["id"].take()).collect();
        assert_eq!(ids, wanted, "{jobs}");
    }
}

#[test]
fn a_line_that_is_no_case_is_an_error_and_the_next_one_is_answered() {
    let bad = [
        "rubbish",
        "",
        "[]",
        r#"{"id": "a""#,
        r#"{"id": "no op"}"#,
        r#"{"id": 7, "op": 1}"#,
        r#"{"id": "no header", "op": "parse_xfcc"}"#,
        r#"{"id": "a number", "op": "parse_xfcc", "header": 1}"#,
        r#"{"id": "no base64", "op": "parse_cert", "cert_der_b64": "?"}"#,
    ];
    let ids: Vec<Value> = vec![
        Value::Null,
        Value::Null,
        Value::Null,
        Value::Null,
        "no op".into(),
        7.into(),
        "no header".into(),
        "a number".into(),
        "no base64".into(),
    ];
    let good = r#"{"id": "good", "op": "uri_match", "pattern": "a", "value": "a"}"#;
    let mut all = answers(&[], &format!("{}\n{good}\n", bad.join("\n")));
    assert_eq!(all.pop().unwrap()["verdict"], "match");
    assert_eq!(all.len(), bad.len());
    for ((answer, id), line) in all.iter().zip(ids).zip(bad) {
        assert_eq!(answer["verdict"], "error", "{line}");
        assert_eq!(answer["reason"], "malformed_case", "{line}");
        assert_eq!(answer["id"], id, "{line}");
        assert!(!answer["detail"].as_str().unwrap().is_empty(), "{line}");
    }
}

#[test]
fn bytes_that_are_no_utf8_are_an_error_too() {
    let output = run_on_stdin(&["conformance"], b"{\"id\": \"\xff\"}\n");
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).starts_with(r#"{"id":null,"verdict":"error""#), "{}", stdout(&output));
}

#[test]
fn what_is_not_known_is_unsupported_and_never_accepted() {
    let operation = answer(&json!({ "id": "a", "op": "guess", "header": "" }));
    let wanted = json!({
        "id": "a",
        "verdict": "unsupported",
        "reason": "unknown_operation",
        "detail": "the operation `guess` is not known",
    });
    assert_eq!(operation, wanted);
    let option = answer(&json!({ "id": "a", "op": "parse_xfcc", "header": "", "lenient": false }));
    let wanted = json!({
        "id": "a",
        "verdict": "unsupported",
        "reason": "unknown_option",
        "detail": "the operation does not know `lenient`",
    });
    assert_eq!(option, wanted);
}

#[test]
fn what_only_describes_a_case_is_no_option() {
    let case = json!({
        "id": "a", "op": "parse_xfcc", "header": "", "lenient": null,
        "expect": "reject", "expect_detail": "x", "elements": [], "tags": ["x"], "note": "x", "dialect": "x",
    });
    assert_eq!(verdict(&case), "accept");
}

#[test]
fn a_header_is_answered_with_its_elements() {
    let header = r#"By=spiffe://a/b;Hash=00;Subject="CN=\"a,b\"";URI=,Cert="%20";Chain="x";DNS=a;DNS=b"#;
    let wanted = json!({
        "id": "a", "verdict": "accept", "reason": "", "detail": "",
        "elements": [
            { "by": ["spiffe://a/b"], "hash": "00", "subject": "CN=\"a,b\"", "uri": [], "dns": [] },
            { "by": [], "cert_raw": "%20", "chain_raw": "x", "uri": [], "dns": ["a", "b"] },
        ],
    });
    assert_eq!(answer(&json!({ "id": "a", "op": "parse_xfcc", "header": header })), wanted);
    let wanted = json!({
        "id": "b", "verdict": "reject", "reason": "malformed_header",
        "detail": "an unknown key at byte `0`",
    });
    assert_eq!(answer(&json!({ "id": "b", "op": "parse_xfcc", "header": "SAN=a" })), wanted);
}

#[test]
fn certificates_are_accepted_with_names_that_can_be_read_and_no_others() {
    let leaf = || Ca::new("Acme Root").leaf("billing").dns("billing.acme.example");
    let parse = |der: &[u8]| {
        let answer =
            answer(&json!({ "id": "a", "op": "parse_cert", "cert_der_b64": BASE64_STANDARD.encode(der) }));
        (answer["verdict"].as_str().unwrap().to_owned(), answer["detail"].as_str().unwrap().to_owned())
    };
    let good = leaf().mint().der;
    assert_eq!(parse(&good), ("accept".to_owned(), String::new()));
    for (der, detail) in [
        ([&good[..], b"\0"].concat(), "the certificate holds bytes that belong to none of its fields"),
        (good[..good.len() - 1].to_vec(), "the bytes are no X.509 certificate"),
        (Vec::new(), "the bytes are no X.509 certificate"),
        (leaf().raw_san(SAN_DNS & 0x0f, b"a").mint().der, "the subject alternative names cannot be parsed"),
        (
            leaf().raw_san(SAN_DNS, b"a\0b").raw_san(SAN_URI, b"").mint().der,
            "2 of the subject alternative names cannot be read",
        ),
    ] {
        assert_eq!(parse(&der), ("reject".to_owned(), detail.to_owned()));
    }
}

fn name(attributes: &[(&[u8], u8, &str)]) -> String {
    let sets: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(oid, tag, text)| {
            mint::der(0x31, &[&mint::attribute(oid, &mint::der(*tag, &[text.as_bytes()]))])
        })
        .collect();
    let sets: Vec<&[u8]> = sets.iter().map(Vec::as_slice).collect();
    BASE64_STANDARD.encode(mint::der(0x30, &sets))
}

#[test]
fn names_are_parsed_and_compared() {
    let acme = name(&[(OU, PRINTABLE, "Acme  Staff"), (CN, UTF8, "Ada")]);
    let parse = |name: &str| verdict(&json!({ "id": "a", "op": "parse_name", "name_der_b64": name }));
    assert_eq!(parse(&acme), "accept");
    assert_eq!(parse("MQA="), "reject");
    let compare = |a: &str, b: &str| {
        let answer = answer(&json!({ "id": "a", "op": "name_match", "a_der_b64": a, "b_der_b64": b }));
        (answer["verdict"].as_str().unwrap().to_owned(), answer["reason"].as_str().unwrap().to_owned())
    };
    let is = |verdict: &str, reason: &str| (verdict.to_owned(), reason.to_owned());
    assert_eq!(compare(&acme, &name(&[(OU, UTF8, "ACME staff"), (CN, PRINTABLE, "ada")])), is("match", ""));
    assert_eq!(
        compare(&acme, &name(&[(CN, PRINTABLE, "ada"), (OU, UTF8, "ACME staff")])),
        is("differ", "other_name")
    );
    assert_eq!(compare("MQA=", "MQA="), is("differ", "malformed_name"), "what is no name is no name's like");
}

#[test]
fn each_answer_is_there_before_the_next_case_is_asked() {
    let mut child =
        mtlsctl().arg("conformance").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut cases = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    for id in ["a", "b"] {
        cases.write_all(uri_match(id, "match", "a/b").as_bytes()).unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["id"], id);
    }
    drop(cases);
    assert_eq!(answers.read_to_end(&mut Vec::new()).unwrap(), 0);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn gzipped_cases_are_unpacked_from_files_and_from_the_standard_input() {
    // `{"id":"a","op":"uri_match","pattern":"a","value":"a"}` and a line end, as `gzip -n` packs it.
    let packed = BASE64_STANDARD.decode(PACKED.as_bytes()).unwrap();
    let output = run_on_stdin(&["conformance"], &packed);
    assert!(stdout(&output).starts_with(r#"{"id":"a","verdict":"match""#), "{}", stdout(&output));
    // Two files in one go, the second not packed.
    let files = Files::new(&[("b.jsonl", &uri_match("b", "differ", "b"))]);
    std::fs::write(files.folder().join("a.jsonl.gz"), &packed).unwrap();
    let output = run(&["conformance", &files.path("a.jsonl.gz"), &files.path("b.jsonl")]);
    let page = stdout(&output);
    let answers: Vec<&str> = page.lines().collect();
    assert_eq!(answers.len(), 2);
    assert!(answers[1].starts_with(r#"{"id":"b","verdict":"differ""#), "{page}");
    // Cut short, what is missing is noticed.
    let output = run_on_stdin(&["conformance"], &packed[..packed.len() - 12]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: <stdin> cannot be read: "), "{}", stderr(&output));
}

const PACKED: &str = "H4sIAAAAAAAAA6tWykxRslJKVNJRyi8AMkqLMuNzE0uSM4ACBYklJalFeVDpssSc0lQwu5YLAOcpR4A2AAAA";

#[test]
fn a_file_that_cannot_be_read_is_told_and_exits_with_2() {
    let files = Files::new(&[("a.jsonl", &uri_match("a", "match", "a/b"))]);
    for score in [&["conformance"][..], &["conformance", "--score"]] {
        let paths = [files.path("a.jsonl"), files.path("absent.jsonl")];
        let output = run(&[score, &[paths[0].as_str(), paths[1].as_str()]].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(!output.stdout.is_empty(), "what was read is answered");
        let wanted = format!("error: {} cannot be read: No such file", files.path("absent.jsonl"));
        assert!(stderr(&output).starts_with(&wanted), "{}", stderr(&output));
    }
}

#[test]
fn a_score_counts_each_group_and_all_of_them() {
    let cases = [
        uri_match("one/a", "match", "a/b"),
        uri_match("one/b", "differ", "b"),
        uri_match("two::x::c", "match", "b"),
        uri_match("two::y::d", "either", "b"),
        json!({ "id": "two::x::e", "op": "guess", "expect": "accept" }).to_string() + "\n",
        json!({ "id": "two::x::f", "op": "parse_xfcc", "header": "DNS=a", "expect": "accept",
            "elements": [{ "dns": ["b"] }] })
        .to_string()
            + "\n\n",
        json!({ "id": "two::x::g", "op": "parse_xfcc", "header": "DNS=a", "expect": "accept",
            "elements": [{ "dns": ["a"], "uri": [], "hash": null }] })
        .to_string(),
        "\n".to_owned(),
        json!({ "id": "two::x::h", "op": "parse_xfcc", "header": "DNS", "expect": "either" }).to_string(),
    ];
    let output = score(&cases.concat(), &json!({}));
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert_eq!(counts(&output, "one"), json!({ "cases": 2, "right": 2 }));
    let x = json!({ "cases": 5, "right": 2, "false_reject": 1, "unsupported": 1, "wrong_detail": 1 });
    assert_eq!(counts(&output, "two::x"), x);
    // `either` is about `accept` and `reject`.
    assert_eq!(counts(&output, "two::y"), json!({ "cases": 1, "false_reject": 1 }));
    let total = json!({ "cases": 8, "right": 4, "false_reject": 2, "unsupported": 1, "wrong_detail": 1 });
    assert_eq!(counts(&output, "total"), total);
}

#[test]
fn a_false_accept_fails_unless_an_exception_explains_it() {
    let cases = uri_match("x/a", "differ", "a/b") + &uri_match("x/b", "match", "a/b");
    let output = score(&cases, &json!({}));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(counts(&output, "x"), json!({ "cases": 2, "right": 1, "false_accept": 1 }));
    let page = stdout(&output);
    assert!(page.ends_with("accepted or missing, and must not be: x/a\n"), "{page}");

    let output = score(&cases, &json!({ "x/a": "the suite has another dialect" }));
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert_eq!(counts(&output, "x"), json!({ "cases": 2, "right": 1, "exception": 1 }));
}

#[test]
fn an_exception_that_no_longer_applies_fails_and_one_of_another_suite_does_not() {
    let cases = uri_match("x/a", "match", "a/b");
    let output = score(&cases, &json!({ "x/a": "was wrong once" }));
    assert_eq!(output.status.code(), Some(1));
    let page = stdout(&output);
    assert!(page.ends_with("exception that no longer applies: x/a\n"), "{page}");
    let output = score(&cases, &json!({ "y/a": "of another suite" }));
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn a_line_that_is_no_case_fails_a_score() {
    for line in [
        "rubbish".to_owned(),
        json!({ "id": "a", "op": "uri_match", "pattern": "a", "value": "a" }).to_string(),
        json!({ "op": "uri_match", "pattern": "a", "value": "a", "expect": "match" }).to_string(),
    ] {
        let output = score(&(uri_match("x/a", "match", "a/b") + &line), &json!({}));
        assert_eq!(output.status.code(), Some(1), "{line}");
        let total = json!({ "cases": 2, "right": 1, "missing": 1 });
        assert_eq!(counts(&output, "total"), total, "{line}");
    }
}

#[test]
fn a_score_of_nothing_and_exceptions_without_a_reason_exit_with_2() {
    let good = uri_match("x/a", "match", "a/b");
    for (cases, exceptions, wanted) in [
        ("\n", json!({}), "error: there are no cases"),
        (good.as_str(), json!({ "x/b": " " }), "gives no reason for `x/b`"),
        (good.as_str(), json!(["x/b"]), "is no object of ids and reasons"),
    ] {
        let output = score(cases, &exceptions);
        assert_eq!(output.status.code(), Some(2), "{wanted}");
        assert!(stderr(&output).contains(wanted), "{}", stderr(&output));
    }
}

#[test]
fn each_case_that_is_not_right_is_told_where_asked_for() {
    let cases = uri_match("x/a", "differ", "a/b") + &uri_match("x/b", "match", "a/b");
    let output = run_on_stdin(&["conformance", "--score", "--verbose"], cases.as_bytes());
    let page = stdout(&output);
    assert!(page.starts_with("false_accept  x/a | expected differ, got match"), "{page}");
    assert_eq!(page.matches("expected").count(), 1, "{page}");
}

#[test]
fn exceptions_are_for_scores_and_there_is_at_least_one_job() {
    for arguments in [&["--exceptions", "a.json"][..], &["--verbose"], &["--jobs", "0"], &["--jobs", "257"]] {
        let output = run(&[&["conformance"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_goes_away_leaves_cases_unanswered() {
    let mut child = mtlsctl()
        .arg("conformance")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut cases = child.stdin.take().unwrap();
    // The command may be gone before all is written.
    let _ = cases.write_all(uri_match("a", "match", "a/b").repeat(2000).as_bytes());
    drop(cases);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr(&output), "");
}
