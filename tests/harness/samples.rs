//! Metrics as Prometheus reads them, in its text format.

use std::collections::{BTreeMap, BTreeSet};

/// One line: a name, labels, a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The name.
    pub name: String,
    /// The labels; each name at most once.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

/// What a scrape has brought.
#[derive(Debug, Clone)]
pub struct Samples(Vec<Sample>);

impl Samples {
    /// Reads the text format; panics at a line that is none.
    pub fn read(text: &str) -> Samples {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples: Vec<Sample> = lines.map(sample).collect();
        let mut seen = BTreeSet::new();
        for Sample { name, labels, .. } in &samples {
            assert!(seen.insert((name, labels)), "`{name}` {labels:?} is there twice");
        }
        Samples(samples)
    }

    /// Those of a name, and with these labels among theirs.
    pub fn of<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = &'a Sample> {
        let has = |sample: &Sample| {
            labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|known| known == value))
        };
        self.0.iter().filter(move |sample| sample.name == name && has(sample))
    }

    /// The sum of those.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.of(name, labels).map(|sample| sample.value as u64).sum()
    }

    /// Every name.
    pub fn names(&self) -> BTreeSet<&str> {
        self.0.iter().map(|sample| sample.name.as_str()).collect()
    }

    /// Every value of a label, where the name begins so.
    pub fn values(&self, begin: &str, label: &str) -> BTreeSet<String> {
        let named = self.0.iter().filter(|sample| sample.name.starts_with(begin));
        named.filter_map(|sample| sample.labels.get(label).cloned()).collect()
    }

    /// Those whose names begin so.
    pub fn beginning(&self, begin: &str) -> Vec<Sample> {
        self.0.iter().filter(|sample| sample.name.starts_with(begin)).cloned().collect()
    }
}

/// `name{label="value",...} 1`
fn sample(line: &str) -> Sample {
    let parsed = || {
        let end = line.find(['{', ' '])?;
        let (name, mut rest) = line.split_at(end);
        let is_name = |name: &str| {
            !name.is_empty()
                && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == ':')
                && !name.starts_with(|letter: char| letter.is_ascii_digit())
        };
        let mut labels = BTreeMap::new();
        if let Some(inside) = rest.strip_prefix('{') {
            rest = inside;
            while !rest.starts_with('}') {
                let (label, value) = rest.split_once("=\"")?;
                let mut text = String::new();
                let mut letters = value.char_indices();
                rest = loop {
                    match letters.next()? {
                        (_, '\\') => text.push(match letters.next()?.1 {
                            'n' => '\n',
                            letter @ ('\\' | '"') => letter,
                            _ => return None,
                        }),
                        (at, '"') => break &value[at + 1..],
                        (_, letter) => text.push(letter),
                    }
                };
                rest = rest.strip_prefix(',').unwrap_or(rest);
                if !is_name(label) || labels.insert(label.to_owned(), text).is_some() {
                    return None;
                }
            }
            rest = &rest[1..];
        }
        let value = rest.strip_prefix(' ')?.parse().ok()?;
        is_name(name).then(|| Sample { name: name.to_owned(), labels, value })
    };
    parsed().unwrap_or_else(|| panic!("no line of Prometheus: `{line}`"))
}
