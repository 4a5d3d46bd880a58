//! `mtlsctl schema`: what editors are told is what the commands do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use mtls_policy::policy::{Policy, Reason};
use serde_json::{Value, json};

use crate::mint::Ca;
use crate::places::{Place, parts, places};
use crate::schema::{POLICY, Schema};
use crate::{Files, run, stdout};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Tests that say everything that tests can say.
const WHOLE: &str = include_str!("../schema/tests.json");

/// A policy whose trust bundles fetch lists, and one route that every client may use.
fn policy_of_tests() -> String {
    let bundle = json!({
        "anchors_pem": [Ca::new("Test CA").pem()],
        "crls": [{ "cluster": "crl", "url": "http://crl.acme.example/corp.crl" }],
    });
    let policy = json!({
        "version": 1,
        "peer_certificate": { "verified_by": "plugin" },
        "trust_bundles": { "corp": bundle, "other": bundle },
        "routes": [{
            "name": "payments",
            "match": { "path": { "prefix": "/" } },
            "client_certificate": "required",
            "trust": ["corp", "other"],
            "allow": "any_verified",
        }],
    });
    policy.to_string()
}

fn printed(of: &str) -> String {
    let output = run(&["schema", of]);
    assert_eq!(output.status.code(), Some(0));
    stdout(&output)
}

fn whole() -> Value {
    serde_json::from_str(WHOLE).unwrap()
}

/// What `mtlsctl test` says of each of these files of tests, and nothing of those that it runs.
fn refusals(files: &[Value]) -> Vec<Option<String>> {
    let alice = Ca::new("Test CA").leaf("alice").mint().pem();
    let names: Vec<String> = (0..files.len()).map(|index| format!("{index}.tests.json")).collect();
    let texts: Vec<String> = files.iter().map(Value::to_string).collect();
    let (policy, list) = (policy_of_tests(), Ca::new("Test CA").crl().pem());
    let mut all: Vec<(&str, &str)> =
        vec![("policy.json", &policy), ("alice.pem", &alice), ("corp.crl", &list), ("corp.ocsp", "none")];
    all.extend(names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())));
    let folder = Files::new(&all);
    let report = stdout(&run(&["test", "--format", "json", folder.folder().to_str().unwrap()]));
    let report: Value = serde_json::from_str(&report).unwrap();
    let errors: BTreeMap<String, String> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error.as_str().unwrap().split_once(": ").unwrap())
        .map(|(path, error)| (path.to_owned(), error.to_owned()))
        .collect();
    names.iter().map(|name| errors.get(&folder.path(name)).cloned()).collect()
}

/// Every place at which the schema says something of the whole file, with what it says.
fn all_places() -> Vec<(Place, Value)> {
    let schema: Value = serde_json::from_str(&printed("tests")).unwrap();
    let places = places(&schema, &whole()).into_iter();
    places.map(|place| (place.clone(), schema.pointer(&place.schema).unwrap().clone())).collect()
}

/// The whole file with another value at a place.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = whole();
    *document.pointer_mut(pointer).unwrap() = value;
    narrowed(document, pointer)
}

/// Without the tests that have nothing to do with a place: each mints certificates.
fn narrowed(mut document: Value, pointer: &str) -> Value {
    let Some(tests) = document.get_mut("tests").and_then(Value::as_array_mut) else { return document };
    let mut steps = pointer.split('/').skip(1);
    match (steps.next(), steps.next().and_then(|step| step.parse::<usize>().ok())) {
        (Some("tests"), Some(index)) => *tests = tests.get(index).cloned().into_iter().collect(),
        // The first and the third use all that stands around the tests.
        (Some(_), _) if pointer != "/tests" => *tests = vec![tests[0].clone(), tests[2].clone()],
        _ => {}
    }
    document
}

#[test]
fn schemas_are_printed_as_they_are() {
    assert_eq!(printed("policy"), POLICY);
    for of in ["policy", "tests"] {
        let schema: Value = serde_json::from_str(&printed(of)).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
    assert_eq!(run(&["schema", "polcy"]).status.code(), Some(2));
}

#[test]
fn an_editor_finds_no_fault_with_any_policy_or_test_that_is_shipped() {
    fn search(folder: &Path, files: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                search(&path, files);
            } else if let Ok(text) = fs::read_to_string(&path) {
                files.push((path.display().to_string(), text));
            }
        }
    }
    /// Texts inside a YAML document.
    fn texts(value: Value, found: &mut Vec<Value>) {
        match value {
            Value::String(text) => found.extend(serde_json::from_str::<Value>(&text)),
            Value::Array(values) => values.into_iter().for_each(|value| texts(value, found)),
            Value::Object(members) => members.into_iter().for_each(|(_, value)| texts(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut files = Vec::new();
    for folder in ["policies", "envoy"] {
        search(&Path::new(ROOT).join(folder), &mut files);
    }
    let mut documents = Vec::new();
    for (path, text) in &files {
        if path.ends_with(".json") {
            documents.push(serde_json::from_str(text).unwrap());
        } else if path.ends_with(".yaml") {
            texts(serde_saphyr::from_str(text).unwrap(), &mut documents);
        }
    }
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let blocks = readme.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap());
    documents.extend(blocks.map(|block| serde_json::from_str(block).unwrap()));

    let (policy, tests) = (Schema::new(POLICY), Schema::new(&printed("tests")));
    let mut policies = 0;
    for document in documents {
        if document.get("routes").is_some() {
            policies += 1;
            assert_eq!(policy.fault(&document), None, "{document}");
            assert!(Policy::from_json(document.to_string().as_bytes()).is_ok(), "{document}");
        } else if document.get("tests").is_some() {
            assert_eq!(tests.fault(&document), None, "{document}");
        }
    }
    assert!(policies >= 6, "{policies}");
}

#[test]
fn the_whole_file_of_tests_passes_and_reaches_every_part_of_the_schema() {
    let schema = printed("tests");
    assert_eq!(Schema::new(&schema).fault(&whole()), None);
    assert_eq!(refusals(&[whole()]), [None]);
    let reached: BTreeSet<String> = all_places().into_iter().map(|(place, _)| place.schema).collect();
    let parts = parts(&serde_json::from_str(&schema).unwrap());
    let missed: Vec<String> = parts.into_iter().filter(|part| !reached.contains(part)).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn every_object_has_the_keys_that_the_command_knows() {
    let places: Vec<_> = all_places()
        .into_iter()
        .filter(|(_, part)| part.get("additionalProperties") == Some(&Value::Bool(false)))
        .collect();
    let files: Vec<Value> = places
        .iter()
        .map(|(place, _)| {
            let mut document = whole();
            document.pointer_mut(&place.document).unwrap()["no such key"] = json!(1);
            narrowed(document, &place.document)
        })
        .collect();
    for ((place, part), refusal) in places.iter().zip(refusals(&files)) {
        let refusal = refusal.unwrap();
        let Some((_, known)) = refusal.split_once("unknown field `no such key`, expected ") else {
            // Where one or an array of them may stand, the command does not list the keys.
            assert!(refusal.contains("an array of values of the right kind"), "{refusal}");
            continue;
        };
        let known: BTreeSet<&str> = known.split('`').skip(1).step_by(2).collect();
        let keys = part["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(known, keys, "{place:?}");
    }
}

#[test]
fn every_word_of_the_schema_is_one_of_the_command_s_and_no_other_is() {
    let mut cases = Vec::new();
    for (place, part) in all_places() {
        let words = part.get("enum").and_then(Value::as_array);
        cases.extend(words.map(|_| (place.clone(), json!("no such word"), false)));
        cases.extend(words.into_iter().flatten().map(|word| (place.clone(), word.clone(), true)));
    }
    let files: Vec<Value> =
        cases.iter().map(|(place, word, _)| with(&place.document, word.clone())).collect();
    let tests = Schema::new(&printed("tests"));
    for (((place, word, good), refusal), file) in cases.iter().zip(refusals(&files)).zip(&files) {
        // With the rest of the file some words make no sense; then the schema says so too.
        let agreed = refusal.is_none() == tests.fault(file).is_none();
        assert!(agreed && (*good || refusal.is_some()), "{place:?}: {word}: {refusal:?}");
    }
    let reasons: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    let schema: Value = serde_json::from_str(&printed("tests")).unwrap();
    let words = schema["$defs"]["reason"]["enum"].as_array().unwrap();
    assert_eq!(words.iter().filter_map(Value::as_str).collect::<BTreeSet<_>>(), reasons);
}

#[test]
fn what_is_missing_or_of_another_kind_is_refused_by_the_schema_and_by_the_command() {
    let mut files = Vec::new();
    let pointers: BTreeSet<String> = all_places().into_iter().map(|(place, _)| place.document).collect();
    for pointer in pointers.iter().filter(|pointer| !pointer.is_empty()) {
        for other in [json!(true), json!(1.5), json!([[]]), json!({ "no such key": 1 })] {
            files.push(with(pointer, other));
        }
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mut document = whole();
        if let Some(members) = document.pointer_mut(parent).unwrap().as_object_mut() {
            members.remove(key);
            files.push(narrowed(document, parent));
        }
    }
    let tests = Schema::new(&printed("tests"));
    for (file, refusal) in files.iter().zip(refusals(&files)) {
        let fault = tests.fault(file);
        // Of what refers to what, and of what a certificate can hold, a schema knows nothing.
        let is_of_form = refusal.as_ref().is_some_and(|refusal| {
            ["unknown field", "missing field", "invalid type"].iter().any(|form| refusal.contains(form))
        });
        assert!(fault.is_none() || refusal.is_some(), "{}\n{file}", fault.unwrap());
        assert!(fault.is_some() || !is_of_form, "{refusal:?}\n{file}");
    }
}

#[test]
fn every_example_and_default_is_good_where_it_stands() {
    let schema = printed("tests");
    let mut cases = Vec::new();
    for (place, part) in all_places() {
        let examples = part.get("examples").and_then(Value::as_array).into_iter().flatten();
        for example in examples.chain(part.get("default")) {
            let fault = Schema::of_node(&schema, &place.schema).fault(example);
            assert_eq!(fault, None, "{place:?}: {example}");
            cases.push((place.clone(), with(&place.document, example.clone())));
        }
    }
    let files: Vec<Value> = cases.iter().map(|(_, file)| file.clone()).collect();
    for ((place, file), refusal) in cases.iter().zip(refusals(&files)) {
        // Files and certificates of these names are not there.
        let refusal = refusal.filter(|refusal| !refusal.contains("billing"));
        assert_eq!(refusal, None, "{place:?}: {file}");
    }
}
