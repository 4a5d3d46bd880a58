//! Serial numbers (RFC 5280 section 4.1.2.2) and patterns for them.

use std::fmt;

use super::pattern::PatternError;
use super::truth::Truth;

/// The longest serial number, in octets (RFC 5280 section 4.1.2.2).
pub const MAX_SERIAL_OCTETS: usize = 20;

/// A certificate's serial number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Serial {
    value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Value {
    /// Big-endian without leading zeros: zero has no octets.
    Number(Vec<u8>),
    Negative,
    TooLong,
}

impl Serial {
    /// Takes the contents of the DER INTEGER. Negative and longer numbers break RFC 5280 and match nothing: which
    /// of two readings a pattern means cannot be told.
    pub(crate) fn from_integer(contents: &[u8]) -> Serial {
        let value = match contents.first() {
            Some(first) if first & 0x80 != 0 => Value::Negative,
            Some(_) | None => {
                let number = without_leading_zeros(contents);
                if number.len() > MAX_SERIAL_OCTETS { Value::TooLong } else { Value::Number(number.to_vec()) }
            }
        };
        Serial { value }
    }

    /// The number, big-endian without leading zeros; `None` where it is negative or too long.
    pub fn octets(&self) -> Option<&[u8]> {
        match &self.value {
            Value::Number(octets) => Some(octets),
            Value::Negative | Value::TooLong => None,
        }
    }
}

/// Lower-case hexadecimal digits in pairs, `00` for zero; `negative` or `too long` where it is no such number.
impl fmt::Display for Serial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Number(octets) if octets.is_empty() => out.write_str("00"),
            Value::Number(octets) => out.write_str(&hex::encode(octets)),
            Value::Negative => out.write_str("negative"),
            Value::TooLong => out.write_str("too long"),
        }
    }
}

/// A pattern for one serial number. Serial numbers are unique to an issuer only: a policy names that one, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialPattern {
    octets: Vec<u8>,
}

impl SerialPattern {
    /// Reads hexadecimal digits in either case, plain (`0F3A99`) or with a colon after each pair (`0f:3a:99`).
    /// Leading zeros count for nothing.
    pub fn parse(text: &str) -> Result<SerialPattern, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let octets = octets_of(text).ok_or_else(|| PatternError::Serial { text: text.to_owned() })?;
        let octets = without_leading_zeros(&octets).to_vec();
        if octets.len() > MAX_SERIAL_OCTETS {
            return Err(PatternError::Serial { text: text.to_owned() });
        }
        Ok(SerialPattern { octets })
    }

    /// The number, big-endian without leading zeros.
    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The number as the contents of a DER INTEGER (X.690 section 8.3).
    pub(crate) fn to_integer(&self) -> Vec<u8> {
        let sign = self.octets.first().is_none_or(|first| first & 0x80 != 0);
        [if sign { &[0][..] } else { &[] }, &self.octets].concat()
    }

    /// Whether it is this number.
    pub fn matches(&self, serial: &Serial) -> Truth {
        match &serial.value {
            Value::Number(octets) => (*octets == self.octets).into(),
            Value::Negative | Value::TooLong => Truth::CannotTell,
        }
    }
}

/// As a policy writes it, in JSON: lower-case digits in pairs.
impl fmt::Display for SerialPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = if self.octets.is_empty() { &[0] } else { self.octets.as_slice() };
        write!(out, "\"{}\"", hex::encode(octets))
    }
}

fn octets_of(text: &str) -> Option<Vec<u8>> {
    if text.contains(':') {
        return hex_with_colons(text);
    }
    let padded = if text.len().is_multiple_of(2) { text.to_owned() } else { format!("0{text}") };
    hex::decode(padded.as_bytes()).ok()
}

/// Pairs of digits with one colon between each two.
pub(super) fn hex_with_colons(text: &str) -> Option<Vec<u8>> {
    let pair = |pair: &str| match hex::decode(pair.as_bytes()).ok()?.as_slice() {
        [octet] => Some(*octet),
        _ => None,
    };
    text.split(':').map(pair).collect()
}

fn without_leading_zeros(octets: &[u8]) -> &[u8] {
    let zeros = octets.iter().take_while(|&&octet| octet == 0).count();
    octets.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_integer_of_a_pattern_is_that_of_the_certificates_it_matches() {
        for (pattern, contents) in
            [("00", &[0][..]), ("0f:3a", &[0x0f, 0x3a]), ("00000f3a", &[0x0f, 0x3a]), ("80", &[0, 0x80])]
        {
            assert_eq!(SerialPattern::parse(pattern).unwrap().to_integer(), contents, "{pattern}");
            assert_eq!(matches(pattern, contents), Truth::Yes, "{pattern}");
        }
    }

    fn matches(pattern: &str, contents: &[u8]) -> Truth {
        SerialPattern::parse(pattern).unwrap().matches(&Serial::from_integer(contents))
    }

    #[test]
    fn digits_match_in_every_form_that_is_read() {
        for pattern in ["0f:3a:99", "0F:3A:99", "0f3a99", "0F3A99", "f3a99", "00:00:0f:3a:99", "00000f3a99"] {
            assert_eq!(matches(pattern, &[0x0f, 0x3a, 0x99]), Truth::Yes, "{pattern}");
            assert_eq!(matches(pattern, &[0x0f, 0x3a, 0x98]), Truth::No, "{pattern}");
            assert_eq!(matches(pattern, &[0x0f, 0x3a, 0x99, 0x00]), Truth::No, "{pattern}");
        }
    }

    #[test]
    fn a_sign_octet_and_zero_count_for_nothing() {
        assert_eq!(matches("ff", &[0x00, 0xff]), Truth::Yes);
        assert_eq!(matches("00", &[0x00]), Truth::Yes);
        assert_eq!(matches("0", &[0x00]), Truth::Yes);
        assert_eq!(matches("00", &[0x01]), Truth::No);
    }

    #[test]
    fn negative_and_overlong_numbers_cannot_be_told() {
        assert_eq!(matches("ff", &[0xff]), Truth::CannotTell);
        assert_eq!(matches("01", &[0x01; 20]), Truth::No);
        assert_eq!(matches("01", &[0x01; 21]), Truth::CannotTell);
        // 20 octets of which the highest bit is on take 21 in DER.
        assert_eq!(matches(&"ff".repeat(20), &[&[0x00][..], &[0xff; 20]].concat()), Truth::Yes);
    }

    #[test]
    fn numbers_are_written_as_they_are_read() {
        let written = |contents: &[u8]| Serial::from_integer(contents).to_string();
        assert_eq!(written(&[0x00, 0x9f, 0x03]), "9f03");
        assert_eq!(written(&[0x0f, 0x3a]), "0f3a");
        assert_eq!(written(&[0x00]), "00");
        assert_eq!(written(&[0x80]), "negative");
        assert_eq!(written(&[0x01; 21]), "too long");
    }

    #[test]
    fn other_text_is_refused_in_words() {
        let message = SerialPattern::parse("0x0f").unwrap_err().to_string();
        let expected = "`0x0f` is no serial number; expected hexadecimal digits like `0f3a99` or `0f:3a:99`, at most 20 octets";
        assert_eq!(message, expected);
        assert_eq!(SerialPattern::parse(""), Err(PatternError::Empty));
        for text in
            ["0f:3a9", "f:3a:99", "0f:3a:", ":0f", "0f::3a", "0f 3a", "-1", "0g", "é", &"11".repeat(21)]
        {
            assert!(SerialPattern::parse(text).is_err(), "{text}");
        }
        assert!(SerialPattern::parse(&"11".repeat(20)).is_ok());
    }
}
