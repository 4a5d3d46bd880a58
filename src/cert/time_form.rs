//! Times as certificates, lists (RFC 5280 sections 4.1.2.5 and 5.1.2.4 to 5.1.2.6) and OCSP responses write them.

use super::der::{Element, NotDer};

pub(crate) const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Reads UTCTime or GeneralizedTime, in UTC and whole seconds, as seconds since the beginning of 1970. RFC 5280 wants UTCTime up to
/// the year 2049; a later form for an earlier time means nothing else.
pub(crate) fn unix_seconds(element: Element<'_>) -> Result<i64, NotDer> {
    let (year, rest) = match element.tag {
        UTC_TIME => {
            let ([year], rest) = pairs(element.contents)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let ([century, year], rest) = pairs(element.contents)?;
            (100 * century + year, rest)
        }
        _ => return Err(NotDer),
    };
    let ([month, day, hour, minute, second], rest) = pairs(rest)?;
    let in_range = (1..=12).contains(&month)
        && day >= 1
        && day <= days_of(month, year)
        && hour < 24
        && minute < 60
        && second < 60;
    if rest != b"Z" || !in_range {
        return Err(NotDer);
    }
    let days = days_since_1970(year, month, day);
    Ok(days * 86_400 + i64::from(hour * 3600 + minute * 60 + second))
}

/// So many numbers of two decimal digits, and what follows.
fn pairs<const COUNT: usize>(bytes: &[u8]) -> Result<([u32; COUNT], &[u8]), NotDer> {
    let (pairs, rest) = bytes.split_at_checked(2 * COUNT).ok_or(NotDer)?;
    let mut numbers = [0; COUNT];
    let mut are_digits = true;
    for (number, [tens, ones]) in numbers.iter_mut().zip(pairs.as_chunks().0) {
        are_digits &= tens.is_ascii_digit() & ones.is_ascii_digit();
        *number = 10 * u32::from(tens & 0x0f) + u32::from(ones & 0x0f);
    }
    if are_digits { Ok((numbers, rest)) } else { Err(NotDer) }
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(month: u32, year: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// In years that begin with March, so that the leap day is a year's last.
fn days_since_1970(year: u32, month: u32, day: u32) -> i64 {
    // Four centuries later, so that January of the year 0 is in no year before it.
    let (year, month) = if month > 2 { (year + 400, month - 3) } else { (year + 399, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    // 1 January 1970 is day 719_468 of that count, which begins on 1 March of the year 0; four centuries have 146_097 days.
    i64::from(days) - 719_468 - 146_097
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    use super::*;
    use crate::cert::der::Reader;
    use crate::mint::der;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read(tag: u8, text: &str) -> Option<String> {
        let bytes = der(tag, &[text.as_bytes()]);
        let seconds = unix_seconds(Reader::new(&bytes).next().unwrap().unwrap()).ok()?;
        Some(OffsetDateTime::from_unix_timestamp(seconds).unwrap().format(&Rfc3339).unwrap())
    }

    #[test]
    fn both_forms_mean_the_same_time() {
        for (tag, text, expected) in [
            (UTC_TIME, "500101000000Z", "1950-01-01T00:00:00Z"),
            (UTC_TIME, "700101000000Z", "1970-01-01T00:00:00Z"),
            (UTC_TIME, "991231235959Z", "1999-12-31T23:59:59Z"),
            (UTC_TIME, "000229120000Z", "2000-02-29T12:00:00Z"),
            (UTC_TIME, "491231235959Z", "2049-12-31T23:59:59Z"),
            (GENERALIZED_TIME, "00000101000000Z", "0000-01-01T00:00:00Z"),
            (GENERALIZED_TIME, "00000229000000Z", "0000-02-29T00:00:00Z"),
            (GENERALIZED_TIME, "19491231235959Z", "1949-12-31T23:59:59Z"),
            (GENERALIZED_TIME, "20240301000000Z", "2024-03-01T00:00:00Z"),
            (GENERALIZED_TIME, "20500101000000Z", "2050-01-01T00:00:00Z"),
            (GENERALIZED_TIME, "99991231235959Z", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(read(tag, text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_time_is_refused() {
        for (tag, text) in [
            (UTC_TIME, "2401010000Z"),
            (UTC_TIME, "240101000000"),
            (UTC_TIME, "240101000000+0000"),
            (UTC_TIME, "240101000000z"),
            (UTC_TIME, "240101000000ZZ"),
            (UTC_TIME, "24010100000 Z"),
            (UTC_TIME, "20240101000000Z"),
            (UTC_TIME, "240001000000Z"),
            (UTC_TIME, "241301000000Z"),
            (UTC_TIME, "240100000000Z"),
            (UTC_TIME, "240431000000Z"),
            (UTC_TIME, "230229000000Z"),
            (UTC_TIME, "240101240000Z"),
            (UTC_TIME, "240101006000Z"),
            (UTC_TIME, "240101000060Z"),
            (GENERALIZED_TIME, "240101000000Z"),
            (GENERALIZED_TIME, "20240101000000.5Z"),
            (GENERALIZED_TIME, "21000229000000Z"),
            (0x0c, "240101000000Z"),
            (UTC_TIME, ""),
        ] {
            assert_eq!(read(tag, text), None, "{text}");
        }
    }
}
