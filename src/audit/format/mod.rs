//! How the fields of a record are called, and where they stand.
//!
//! A format says of every field which places it takes and in what form. The places are put in order once, so that those of an
//! object stand together, and written as they come.

mod ecs;
mod ocsf;

use std::sync::LazyLock;

use super::certificate::{MAX_DER_BYTES, MAX_NAMES_BYTES};
use super::line::Line;
use super::record::Record;
use super::text::MAX_TEXT_BYTES;
use super::value::Value;
use crate::policy::{Format, RecordField as Field};

/// The most bytes of a line, whatever a client or a certificate holds.
///
/// Any byte of a text may be written as six (`\u0000`). There are at most 32 texts beside the names; names come twice in no format;
/// what is left is for keys, words, numbers and the quotes of 96 entries of lists.
pub const MAX_LINE_BYTES: usize = 32 * 6 * (MAX_TEXT_BYTES + 3)
    + 6 * (MAX_NAMES_BYTES + 96 * 3)
    + MAX_DER_BYTES.div_ceil(3) * 4
    + 16 * 1024;

/// A place of a format: the names of objects and of the member in them, with dots between them.
struct Place {
    path: &'static str,
    field: Field,
    form: Form,
}

/// In what form a field stands at a place.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// As in the format of this filter.
    Same,
    /// This, whatever the field holds.
    Text(&'static str),
    /// This, whatever the field holds.
    Number(i64),
    /// These, whatever the field holds.
    Texts(&'static [&'static str]),
    /// What the format makes of the record; `None` where there is nothing to say.
    Made(fn(&Record) -> Option<Made>),
}

/// What a format makes of a record.
enum Made {
    Text(String),
    Number(i64),
    Texts(Vec<String>),
    /// Objects of texts and numbers.
    Objects(Vec<Vec<(&'static str, Made)>>),
}

static ECS: LazyLock<Vec<Place>> = LazyLock::new(|| in_order(ecs::places));
static OCSF: LazyLock<Vec<Place>> = LazyLock::new(|| in_order(ocsf::places));

pub(super) fn to_line(record: &Record, format: Format) -> String {
    let mut line = Line::new();
    match format {
        Format::MtlsPolicy => write_whole(&mut line, record),
        Format::Ecs => write_places(&mut line, record, &ECS),
        Format::Ocsf => write_places(&mut line, record, &OCSF),
    }
    line.finish()
}

/// Every field by its own name, also those that hold nothing; a group of which all hold nothing holds nothing itself.
fn write_whole(line: &mut Line, record: &Record) {
    let same_group = |one: &Field, other: &Field| one.group().is_some() && one.group() == other.group();
    line.open();
    for fields in Field::ALL.chunk_by(same_group) {
        let group = fields.first().and_then(|field| field.group());
        if let Some(group) = group {
            line.key(group);
            if fields.iter().all(|field| *record.value(*field) == Value::Nothing) {
                line.null();
                continue;
            }
            line.open();
        }
        for field in fields {
            line.key(field.group_and_name().1);
            record.value(*field).write(line);
        }
        if group.is_some() {
            line.close();
        }
    }
    line.close();
}

fn in_order(places: fn(Field) -> &'static [(&'static str, Form)]) -> Vec<Place> {
    let of = |field: &Field| {
        let field = *field;
        places(field).iter().map(move |(path, form)| Place { path, field, form: *form })
    };
    let mut places: Vec<Place> = Field::ALL.iter().flat_map(of).collect();
    places.sort_by(|one, other| one.path.split('.').cmp(other.path.split('.')));
    places
}

/// What is known, at its places; what is not is not there.
fn write_places(line: &mut Line, record: &Record, places: &[Place]) {
    let mut open: Vec<&str> = Vec::new();
    line.open();
    for place in places {
        let value = record.value(place.field);
        let made = match place.form {
            Form::Same if *value == Value::Nothing => continue,
            Form::Same => None,
            Form::Text(text) => Some(Made::Text(text.to_owned())),
            Form::Number(number) => Some(Made::Number(number)),
            Form::Texts(texts) => Some(Made::Texts(texts.iter().map(|text| (*text).to_owned()).collect())),
            Form::Made(make) => match make(record) {
                Some(made) => Some(made),
                None => continue,
            },
        };
        let (objects, name) = place.path.rsplit_once('.').unwrap_or(("", place.path));
        let objects: Vec<&str> = objects.split('.').filter(|object| !object.is_empty()).collect();
        let shared = open.iter().zip(&objects).take_while(|(one, other)| one == other).count();
        for _ in shared..open.len() {
            line.close();
        }
        open.truncate(shared);
        for object in objects.into_iter().skip(shared) {
            line.key(object);
            line.open();
            open.push(object);
        }
        line.key(name);
        match made {
            Some(made) => made.write(line),
            None => value.write(line),
        }
    }
    for _ in open {
        line.close();
    }
    line.close();
}

impl Made {
    fn write(&self, line: &mut Line) {
        match self {
            Self::Text(text) => line.string(text),
            Self::Number(number) => line.number(*number),
            Self::Texts(texts) => {
                line.open_list();
                for text in texts {
                    line.string(text);
                }
                line.close_list();
            }
            Self::Objects(objects) => {
                line.open_list();
                for members in objects {
                    line.open();
                    for (key, value) in members {
                        line.key(key);
                        value.write(line);
                    }
                    line.close();
                }
                line.close_list();
            }
        }
    }
}

/// The text of a field, where it is known as it came.
fn text(record: &Record, field: Field) -> Option<Made> {
    record.value(field).plain().map(|text| Made::Text(text.to_owned()))
}

/// The text of a field behind `prefix`: of `HTTP/2` the `2`.
fn text_behind(record: &Record, field: Field, prefix: &str) -> Option<Made> {
    record.value(field).plain()?.strip_prefix(prefix).map(|text| Made::Text(text.to_owned()))
}

/// The host or address in a field, without its port.
fn without_port(record: &Record, field: Field) -> Option<Made> {
    let (host, _) = super::privacy::split_port(record.value(field).plain()?);
    Some(Made::Text(host.to_owned()))
}

/// The port in a field.
fn port(record: &Record, field: Field) -> Option<Made> {
    let (_, port) = super::privacy::split_port(record.value(field).plain()?);
    Some(Made::Number(port?.parse::<u16>().ok()?.into()))
}

/// The path without its query, and the query without `?`.
fn path(record: &Record) -> Option<(&str, Option<&str>)> {
    let whole = record.value(Field::Path).plain()?;
    Some(whole.split_once('?').map_or((whole, None), |(path, query)| (path, Some(query))))
}

fn path_alone(record: &Record) -> Option<Made> {
    path(record).map(|(path, _)| Made::Text(path.to_owned()))
}

fn query_alone(record: &Record) -> Option<Made> {
    path(record)?.1.map(|query| Made::Text(query.to_owned()))
}

/// What became of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Permitted,
    Denied,
    /// It passed, though it was denied.
    Shadowed,
}

impl Fate {
    fn of(record: &Record) -> Self {
        match (record.value(Field::Decision), record.value(Field::Mode)) {
            (Value::Word("permit"), _) => Self::Permitted,
            (_, Value::Word("shadow")) => Self::Shadowed,
            (_, _) => Self::Denied,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Permitted => "permit",
            Self::Denied => "deny",
            Self::Shadowed => "shadow_deny",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn no_place_is_taken_twice_and_none_is_an_object_too() {
        for places in [&*ECS, &*OCSF] {
            for pair in places.windows(2) {
                let [one, other] = pair else { panic!() };
                assert_ne!(one.path, other.path);
                assert!(!other.path.starts_with(&format!("{}.", one.path)), "{}", other.path);
            }
        }
    }

    #[test]
    fn the_places_of_an_object_stand_together() {
        for places in [&*ECS, &*OCSF] {
            let mut objects: Vec<&str> = Vec::new();
            for place in places {
                let object = place.path.split('.').next().unwrap_or_default();
                if objects.last() != Some(&object) {
                    assert!(!objects.contains(&object), "{object}");
                    objects.push(object);
                }
            }
        }
    }
}
