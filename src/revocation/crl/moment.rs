//! Times as lists (RFC 5280 sections 5.1.2.4 to 5.1.2.6) and OCSP responses write them.

use time::OffsetDateTime;

use crate::cert::der::{Element, NotDer};

pub(super) const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Seconds from the beginning of 1950, where UTCTime begins, to that of 1970.
const FROM_1950_TO_1970: i64 = 7305 * 86_400;

/// A time in whole seconds since the beginning of 1950, which is as far back as UTCTime goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::revocation) struct Moment(i64);

impl Moment {
    /// Reads UTCTime or GeneralizedTime, in UTC and whole seconds. RFC 5280 wants UTCTime up to the year 2049; a later form
    /// for an earlier time means nothing else, and is taken from 1950 on.
    pub(in crate::revocation) fn parse(element: Element<'_>) -> Result<Moment, NotDer> {
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
        let in_range = year >= 1950
            && (1..=12).contains(&month)
            && day >= 1
            && day <= days_of(month, year)
            && hour < 24
            && minute < 60
            && second < 60;
        if rest != b"Z" || !in_range {
            return Err(NotDer);
        }
        let days = days_since_1950(year, month, day);
        Ok(Moment(days * 86_400 + i64::from(hour * 3600 + minute * 60 + second)))
    }

    /// In four octets, which reach to the year 2086; `u32::MAX` for what is later.
    pub(super) fn packed(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }

    /// What [`packed`](Self::packed) made, where it is exact.
    pub(super) fn unpack(packed: u32) -> Option<OffsetDateTime> {
        if packed == u32::MAX { None } else { Moment(packed.into()).date_time() }
    }

    pub(in crate::revocation) fn date_time(self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.0 - FROM_1950_TO_1970).ok()
    }
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
fn days_since_1950(year: u32, month: u32, day: u32) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    // 1 January 1950 is day 712_163 of that count, which begins on 1 March of the year 0.
    i64::from(days) - 712_163
}

#[cfg(test)]
mod tests {
    use time::format_description::well_known::Rfc3339;

    use super::*;
    use crate::cert::der::Reader;
    use crate::mint::der;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn read(tag: u8, text: &str) -> Option<Moment> {
        let bytes = der(tag, &[text.as_bytes()]);
        Moment::parse(Reader::new(&bytes).next().unwrap().unwrap()).ok()
    }

    fn shown(tag: u8, text: &str) -> Option<String> {
        Some(read(tag, text)?.date_time()?.format(&Rfc3339).unwrap())
    }

    #[test]
    fn both_forms_mean_the_same_time() {
        for (tag, text, expected) in [
            (UTC_TIME, "500101000000Z", "1950-01-01T00:00:00Z"),
            (UTC_TIME, "700101000000Z", "1970-01-01T00:00:00Z"),
            (UTC_TIME, "991231235959Z", "1999-12-31T23:59:59Z"),
            (UTC_TIME, "000229120000Z", "2000-02-29T12:00:00Z"),
            (UTC_TIME, "491231235959Z", "2049-12-31T23:59:59Z"),
            (GENERALIZED_TIME, "20240301000000Z", "2024-03-01T00:00:00Z"),
            (GENERALIZED_TIME, "20500101000000Z", "2050-01-01T00:00:00Z"),
            (GENERALIZED_TIME, "99991231235959Z", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(shown(tag, text).as_deref(), Some(expected), "{text}");
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
            (GENERALIZED_TIME, "19491231235959Z"),
            (GENERALIZED_TIME, "00000101000000Z"),
            (GENERALIZED_TIME, "21000229000000Z"),
            (0x0c, "240101000000Z"),
            (UTC_TIME, ""),
        ] {
            assert_eq!(read(tag, text), None, "{text}");
        }
    }

    #[test]
    fn four_octets_hold_times_up_to_2086_and_say_where_they_do_not() {
        for (text, kept) in [("19500101000000Z", true), ("20860101000000Z", true), ("20870101000000Z", false)]
        {
            let moment = read(GENERALIZED_TIME, text).unwrap();
            assert_eq!(Moment::unpack(moment.packed()), moment.date_time().filter(|_| kept), "{text}");
        }
    }
}
