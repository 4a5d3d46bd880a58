//! Answers held against what cases expect.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::{Answer, Verdict};
use super::in_order;
use super::input::{Line, Lines};
use super::operation::answer_line;
use crate::cli::{Exit, output};

/// What lets somebody in, of any operation: the answers that must not be given wrongly.
const POSITIVE: [&str; 4] = ["accept", "allow", "good", "match"];

/// How many cases are named for each reason to fail: more do not help before these are right.
const MOST_NAMED: usize = 20;

/// How many answers are named that took longest.
const SLOWEST: usize = 5;

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Groups,
    EachCase,
}

/// Cases that are known to be answered otherwise than expected, with the reasons.
pub(super) struct Exceptions(BTreeMap<String, String>);

impl Exceptions {
    /// Reads a JSON object; there are none without a file. Says what is wrong in words.
    pub(super) fn read(file: Option<&Path>) -> Result<Exceptions, String> {
        let Some(file) = file else {
            return Ok(Exceptions(BTreeMap::new()));
        };
        let name = file.display();
        let text = fs::read(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
        let reasons: BTreeMap<String, String> = serde_json::from_slice(&text)
            .map_err(|error| format!("{name} is no object of ids and reasons: {error}"))?;
        match reasons.iter().find(|(_, reason)| reason.trim().is_empty()) {
            None => Ok(Exceptions(reasons)),
            Some((id, _)) => Err(format!("{name} gives no reason for `{id}`")),
        }
    }
}

/// How an answer stands to what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Right,
    FalseAccept,
    FalseReject,
    /// The verdict is right, and what comes with it is not.
    WrongDetail,
    Unsupported,
    /// The line is no case with an `id` and an `expect`, so that nothing could be answered.
    Missing,
    /// Not right, and known not to be.
    Exception,
}

impl Outcome {
    const ALL: [Outcome; 7] = [
        Outcome::Right,
        Outcome::FalseAccept,
        Outcome::FalseReject,
        Outcome::WrongDetail,
        Outcome::Unsupported,
        Outcome::Missing,
        Outcome::Exception,
    ];

    fn name(self) -> &'static str {
        match self {
            Outcome::Right => "right",
            Outcome::FalseAccept => "false_accept",
            Outcome::FalseReject => "false_reject",
            Outcome::WrongDetail => "wrong_detail",
            Outcome::Unsupported => "unsupported",
            Outcome::Missing => "missing",
            Outcome::Exception => "exception",
        }
    }
}

/// Answers every case and prints how the answers stand to what was expected. Lines with nothing on them are no cases.
pub(super) fn run(lines: Lines, jobs: u16, exceptions: Exceptions, detail: Detail) -> Exit {
    let mut score = Score::new(exceptions, detail);
    let cases = lines.filter(|line| !matches!(line, Ok(Line::Whole(line)) if line.trim_ascii().is_empty()));
    let end = in_order::run(cases, jobs, answer_expected, |answered, _| {
        score.add(answered);
        Ok(())
    });
    // A reader that has gone away has seen what it wanted; how it went says the exit.
    let _ = io::stdout().write_all(score.page().as_bytes());
    match end {
        // A folder that has moved must not look like a success.
        Ok(()) if score.groups.is_empty() => output::fail("there are no cases"),
        Ok(()) => score.exit(),
        Err(error) => output::fail(error),
    }
}

/// A case, as far as it is needed here.
#[derive(Deserialize)]
struct Expected {
    id: String,
    expect: String,
    /// Of `parse_xfcc`.
    elements: Option<Vec<Map<String, Value>>>,
    tags: Option<Vec<Value>>,
    expect_detail: Option<String>,
    note: Option<String>,
}

struct Answered {
    expected: Option<Expected>,
    answer: Answer,
}

fn answer_expected(line: Line) -> Answered {
    let expected = match &line {
        Line::Whole(line) => serde_json::from_slice(line).ok(),
        Line::TooLong => None,
    };
    Answered { expected, answer: answer_line(line) }
}

impl Expected {
    fn outcome(&self, answer: &Answer) -> Outcome {
        let verdict = answer.finding.verdict;
        let positive = |verdict: &str| POSITIVE.contains(&verdict);
        let either = self.expect == "either" && matches!(verdict, Verdict::Accept | Verdict::Reject);
        let same = verdict.name() == self.expect;
        if same && self.has_elements(answer) || either {
            Outcome::Right
        } else if verdict == Verdict::Unsupported {
            Outcome::Unsupported
        } else if positive(verdict.name()) && !positive(&self.expect) {
            Outcome::FalseAccept
        } else if same {
            Outcome::WrongDetail
        } else {
            Outcome::FalseReject
        }
    }

    /// A key that is left out, `null` and an empty list say the same.
    fn has_elements(&self, answer: &Answer) -> bool {
        let (Some(expected), Verdict::Accept) = (&self.elements, answer.finding.verdict) else {
            return true;
        };
        let empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let said = |element: &Map<String, Value>| -> BTreeMap<String, Value> {
            element.clone().into_iter().filter(|(_, value)| !empty(value)).collect()
        };
        let given = answer.finding.more.get("elements").and_then(Value::as_array);
        let given = given.into_iter().flatten().map(|element| element.as_object().map(said));
        given.eq(expected.iter().map(|element| Some(said(element))))
    }

    /// What stands before the last `::` of the id, or before its first `/`; PKITS by its sections, which are tags.
    fn group(&self) -> String {
        let group = match self.id.rsplit_once("::") {
            Some((group, _)) => group,
            None => self.id.split('/').next().unwrap_or_default(),
        };
        match self.tags.as_ref().and_then(|tags| tags.first()).and_then(Value::as_str) {
            Some(section) if group == "pkits" => format!("{group}/{section}"),
            Some(_) | None => group.to_owned(),
        }
    }
}

struct Score {
    exceptions: Exceptions,
    detail: Detail,
    /// Every case that was not answered as expected, in words.
    wrong: String,
    groups: BTreeMap<String, BTreeMap<Outcome, usize>>,
    /// What makes the whole a failure.
    failed: Vec<String>,
    /// Exceptions of cases that are answered as expected.
    stale: BTreeSet<String>,
    slowest: BTreeSet<(u64, String)>,
}

impl Score {
    fn new(exceptions: Exceptions, detail: Detail) -> Score {
        Score {
            exceptions,
            detail,
            wrong: String::new(),
            groups: BTreeMap::new(),
            failed: Vec::new(),
            stale: BTreeSet::new(),
            slowest: BTreeSet::new(),
        }
    }

    fn add(&mut self, Answered { expected, answer }: Answered) {
        let Some(expected) = expected else {
            *self.groups.entry("no case".to_owned()).or_default().entry(Outcome::Missing).or_default() += 1;
            self.failed.push(format!("a line that is no case: {}", answer.finding.detail));
            return;
        };
        let excepted = self.exceptions.0.contains_key(&expected.id);
        let outcome = expected.outcome(&answer);
        let outcome = if excepted && outcome != Outcome::Right { Outcome::Exception } else { outcome };
        match outcome {
            Outcome::Right if excepted => _ = self.stale.insert(expected.id.clone()),
            Outcome::FalseAccept | Outcome::Missing => self.failed.push(expected.id.clone()),
            Outcome::Right
            | Outcome::FalseReject
            | Outcome::WrongDetail
            | Outcome::Unsupported
            | Outcome::Exception => {}
        }
        if outcome != Outcome::Right && self.detail == Detail::EachCase {
            self.describe(outcome, &expected, &answer);
        }
        *self.groups.entry(expected.group()).or_default().entry(outcome).or_default() += 1;
        self.slowest.insert((answer.us, expected.id));
        if self.slowest.len() > SLOWEST {
            self.slowest.pop_first();
        }
    }

    fn describe(&mut self, outcome: Outcome, expected: &Expected, answer: &Answer) {
        let Expected { id, expect, expect_detail, note, .. } = expected;
        let (outcome, got, reason) = (outcome.name(), answer.finding.verdict.name(), answer.finding.reason);
        let note = expect_detail.as_ref().or(note.as_ref()).map_or("", String::as_str);
        self.wrong += &format!("{outcome:13} {id} | expected {expect}, got {got} {reason} | {note}\n");
    }

    fn exit(&self) -> Exit {
        if self.failed.is_empty() && self.stale.is_empty() { Exit::Good } else { Exit::Errors }
    }

    fn page(&self) -> String {
        let mut page = self.wrong.clone();
        let heads: String = Outcome::ALL.iter().map(|outcome| format!(" {:>12}", outcome.name())).collect();
        let mut total = BTreeMap::new();
        page += &format!("{:40} {:>6}{heads}\n", "group", "cases");
        for (group, counts) in &self.groups {
            page += &row(group, counts);
            for (outcome, count) in counts {
                *total.entry(*outcome).or_default() += count;
            }
        }
        page += &row("total", &total);
        let slowest: Vec<String> =
            self.slowest.iter().rev().map(|(us, id)| format!("{us} us {id}")).collect();
        page += &format!("slowest: {}\n", slowest.join(", "));
        page += &named("accepted or missing, and must not be", self.failed.iter());
        page += &named("exception that no longer applies", self.stale.iter());
        page
    }
}

fn named<'a>(reason: &str, cases: impl ExactSizeIterator<Item = &'a String>) -> String {
    let more = cases.len().saturating_sub(MOST_NAMED);
    let mut lines: String = cases.take(MOST_NAMED).map(|case| format!("{reason}: {case}\n")).collect();
    if more > 0 {
        lines += &format!("{reason}: {more} more\n");
    }
    lines
}

fn row(group: &str, counts: &BTreeMap<Outcome, usize>) -> String {
    let mut row = format!("{group:40} {:6}", counts.values().sum::<usize>());
    for outcome in Outcome::ALL {
        // Writing to a `String` does not fail.
        let _ = write!(row, " {:12}", counts.get(&outcome).copied().unwrap_or_default());
    }
    row + "\n"
}
