//! Conditions on a request's headers, and every way in which a server may read a header.
//!
//! Servers disagree on a header that is there twice: some take the first line, some the last, some join them; some part
//! lists at commas; some take `_` for `-`. A condition is asked of each reading, and where readings disagree nobody can tell
//! whether it holds.

use crate::identity::{TextPattern, Truth};
use crate::request::canonical_name;

/// Longest value that a condition is compared with, in bytes: as long as the longest path, so that an expression that is
/// slow on hostile text costs a request little.
const MAX_VALUE_BYTES: usize = 8 * 1024;

/// Most readings of one header that are followed; honest ones have fewer than ten. Envoy takes 100 lines of headers in
/// all unless told otherwise.
const MAX_READINGS: usize = 64;

/// What a route demands of one header.
#[derive(Debug)]
pub(super) struct HeaderCondition {
    /// In lower case.
    pub(super) name: String,
    pub(super) wanted: Wanted,
}

/// What is demanded.
#[derive(Debug)]
pub(super) enum Wanted {
    /// That it is there.
    Present,
    /// That it is not.
    Absent,
    /// That its value is any of these.
    Value(Vec<ValuePattern>),
}

/// A value as a route names it.
#[derive(Debug)]
pub(super) enum ValuePattern {
    Exact(String),
    Pattern(TextPattern),
}

impl HeaderCondition {
    /// Whether it holds of the header that was read so. `spend` is told how many bytes a pattern sees, and stops the
    /// search with its error.
    pub(super) fn holds<E>(
        &self,
        header: &HeaderReadings,
        mut spend: impl FnMut(usize) -> Result<(), E>,
    ) -> Result<Truth, E> {
        let patterns = match &self.wanted {
            Wanted::Present => return Ok(header.presence),
            Wanted::Absent => return Ok(header.presence.not()),
            Wanted::Value(patterns) => patterns,
        };
        let Some(values) = &header.values else { return Ok(Truth::CannotTell) };
        let mut matching = 0;
        for value in values {
            for pattern in patterns {
                let matches = match pattern {
                    ValuePattern::Exact(wanted) => wanted.as_bytes() == value,
                    ValuePattern::Pattern(pattern) => {
                        spend(value.len())?;
                        pattern.matches_bytes(value)
                    }
                };
                if matches {
                    matching += 1;
                    break;
                }
            }
        }
        Ok(match header.presence {
            _ if matching == 0 => Truth::No,
            Truth::Yes if matching == values.len() => Truth::Yes,
            Truth::Yes | Truth::CannotTell | Truth::No => Truth::CannotTell,
        })
    }
}

/// The readings of one header.
#[derive(Debug)]
pub(super) struct HeaderReadings {
    presence: Truth,
    /// Different values; `None` if there are more than are followed.
    values: Option<Vec<Vec<u8>>>,
}

impl HeaderReadings {
    /// Reads the header `name`, which is in lower case, out of all headers of a request.
    pub(super) fn new<'a>(name: &str, headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut readings = Self { presence: Truth::No, values: Some(Vec::new()) };
        // What servers see that take `_` for `-`, and what the others see.
        let (mut folded, mut exact) = (Vec::new(), Vec::new());
        for (sent, value) in headers.filter(|(sent, _)| is_read_as(sent, name)) {
            let trimmed = value.trim_ascii();
            folded.push(trimmed);
            if sent == name {
                exact.push(trimmed);
            }
            readings.add(value);
            readings.add(trimmed);
            // RFC 9110, section 5.6.1.2: empty elements of a list do not count.
            let elements = trimmed.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            elements.filter(|element| !element.is_empty()).for_each(|element| readings.add(element));
        }
        for lines in [&exact, &folded] {
            if lines.len() > 1 {
                // RFC 9110, section 5.3: whoever passes a request on may join its lines.
                readings.add(&lines.join(b",".as_slice()));
                readings.add(&lines.join(b", ".as_slice()));
            }
        }
        readings.presence = if folded.is_empty() {
            Truth::No
        } else if exact.is_empty() || exact.iter().any(|line| line.is_empty()) {
            // A header without a value is none to some servers.
            Truth::CannotTell
        } else {
            Truth::Yes
        };
        readings
    }

    /// The different values; `None` if there are too many to follow.
    pub(super) fn values(&self) -> Option<&[Vec<u8>]> {
        self.values.as_deref()
    }

    fn add(&mut self, value: &[u8]) {
        let Some(values) = &mut self.values else { return };
        if values.iter().any(|known| known == value) {
            return;
        }
        if values.len() == MAX_READINGS || value.len() > MAX_VALUE_BYTES {
            self.values = None;
            return;
        }
        values.push(value.to_vec());
    }
}

/// Whether some server takes a header named `sent` for the one named `wanted`.
pub(super) fn is_read_as(sent: &str, wanted: &str) -> bool {
    sent.len() == wanted.len() && canonical_name(sent).eq(canonical_name(wanted))
}

/// Why no route can name the header `name`, which is in lower case; `None` where one can.
pub(super) fn why_no_condition(name: &str) -> Option<&'static str> {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.starts_with(':') {
        return Some("what HTTP/2 writes in front of headers is matched by `hosts`, `path` and `methods`");
    }
    // RFC 9110, section 5.6.2.
    if name.is_empty() || !name.bytes().all(is_token_byte) {
        return Some("it holds a character that no name of a header has");
    }
    match name.replace('_', "-").as_str() {
        "host" => Some("it is matched by `hosts`"),
        "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer" | "transfer-encoding"
        | "upgrade" => Some("it is between the client and the proxy (RFC 9110, section 7.6.1)"),
        "x-client-verify" => Some("the filter sets it; what a client sends by that name is removed"),
        "x-forwarded-client-cert" => Some("certificates are matched by `allow` and `deny`"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn readings(lines: &[(&str, &str)]) -> HeaderReadings {
        HeaderReadings::new("x-role", lines.iter().map(|(name, value)| (*name, value.as_bytes())))
    }

    fn holds(wanted: Wanted, lines: &[(&str, &str)]) -> Truth {
        let condition = HeaderCondition { name: "x-role".to_owned(), wanted };
        let Ok(truth) = condition.holds(&readings(lines), |_| Ok::<_, Infallible>(()));
        truth
    }

    fn admin() -> Wanted {
        Wanted::Value(vec![ValuePattern::Exact("admin".to_owned())])
    }

    #[test]
    fn one_line_is_what_it_says() {
        assert_eq!(holds(admin(), &[("x-role", "admin")]), Truth::Yes);
        assert_eq!(holds(admin(), &[("x-role", "user")]), Truth::No);
        assert_eq!(holds(admin(), &[("x-role", "admins")]), Truth::No);
        assert_eq!(holds(admin(), &[("x-role", "Admin")]), Truth::No);
        assert_eq!(holds(admin(), &[("x-roles", "admin"), ("xrole", "admin")]), Truth::No);
        assert_eq!(holds(admin(), &[]), Truth::No);
    }

    #[test]
    fn readings_that_disagree_cannot_be_told() {
        for lines in [
            &[("x-role", "user"), ("x-role", "admin")][..],
            &[("x-role", "admin"), ("x-role", "user")],
            &[("x-role", "user, admin")],
            &[("x-role", "admin,user")],
            &[("x-role", "admin,")],
            &[("x-role", "admin, admin")],
            &[("x-role", "admin"), ("x-role", "admin")],
            &[("x-role", "admin"), ("x-role", "")],
            &[("x-role", "admin "), ("x-rule", "")],
            &[("x_role", "admin")],
            &[("x-role", "user"), ("x_role", "admin")],
            &[("X-Role", "user"), ("X_ROLE", "user,\tadmin")],
        ] {
            assert_eq!(holds(admin(), lines), Truth::CannotTell, "{lines:?}");
        }
    }

    #[test]
    fn readings_that_agree_are_told_however_many_there_are() {
        let admins =
            || Wanted::Value(vec![ValuePattern::Pattern(TextPattern::regex("(admin|root|[ ,])+").unwrap())]);
        for lines in [
            &[("x-role", "admin,root")][..],
            &[("x-role", "admin"), ("x-role", "root")],
            &[("x-role", "root"), ("x_role", "admin")],
        ] {
            assert_eq!(holds(admins(), lines), Truth::Yes, "{lines:?}");
        }
        assert_eq!(holds(admin(), &[("x-role", "a"), ("x-role", "b,c"), ("x_role", "d")]), Truth::No);
    }

    #[test]
    fn a_value_that_only_joining_makes_is_a_reading() {
        for joined in ["user,admin", "user, admin"] {
            let wanted = || Wanted::Value(vec![ValuePattern::Exact(joined.to_owned())]);
            assert_eq!(
                holds(wanted(), &[("x-role", "user"), ("x-role", "admin")]),
                Truth::CannotTell,
                "{joined}"
            );
            assert_eq!(holds(wanted(), &[("x-role", "admin"), ("x-role", "user")]), Truth::No, "{joined}");
        }
    }

    #[test]
    fn presence_is_told_unless_servers_disagree() {
        for (lines, wanted) in [
            (&[][..], Truth::No),
            (&[("x-rol", "a")], Truth::No),
            (&[("x-role", "a")], Truth::Yes),
            (&[("x-role", "a"), ("x-role", "b")], Truth::Yes),
            (&[("x-role", "")], Truth::CannotTell),
            (&[("x-role", " ")], Truth::CannotTell),
            (&[("x_role", "a")], Truth::CannotTell),
        ] {
            assert_eq!(holds(Wanted::Present, lines), wanted, "{lines:?}");
            assert_eq!(holds(Wanted::Absent, lines), wanted.not(), "{lines:?}");
        }
    }

    #[test]
    fn a_header_of_more_readings_than_are_followed_cannot_be_told() {
        let list = |count: usize| (0..count).map(|index| index.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(holds(admin(), &[("x-role", &list(63))]), Truth::No);
        assert_eq!(holds(admin(), &[("x-role", &list(64))]), Truth::CannotTell);
    }
}
