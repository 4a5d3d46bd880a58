//! Times as entries of lists keep them.

use time::OffsetDateTime;

use crate::cert::der::{Element, NotDer};
use crate::cert::time_form;

/// Seconds from the beginning of 1950, where UTCTime begins, to that of 1970.
const FROM_1950_TO_1970: i64 = 7305 * 86_400;

/// A time in whole seconds since the beginning of 1950, which is as far back as UTCTime goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::revocation) struct Moment(i64);

impl Moment {
    /// Reads UTCTime or GeneralizedTime, from 1950 on.
    pub(in crate::revocation) fn parse(element: Element<'_>) -> Result<Moment, NotDer> {
        let seconds = time_form::unix_seconds(element)? + FROM_1950_TO_1970;
        if seconds >= 0 { Ok(Moment(seconds)) } else { Err(NotDer) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::der::Reader;
    use crate::mint::der;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const GENERALIZED_TIME: u8 = 0x18;

    fn read(text: &str) -> Option<Moment> {
        let bytes = der(GENERALIZED_TIME, &[text.as_bytes()]);
        Moment::parse(Reader::new(&bytes).next().unwrap().unwrap()).ok()
    }

    #[test]
    fn what_is_before_1950_is_refused() {
        assert!(read("19500101000000Z").is_some());
        assert_eq!(read("19491231235959Z"), None);
        assert_eq!(read("00000101000000Z"), None);
    }

    #[test]
    fn four_octets_hold_times_up_to_2086_and_say_where_they_do_not() {
        for (text, kept) in [("19500101000000Z", true), ("20860101000000Z", true), ("20870101000000Z", false)]
        {
            let moment = read(text).unwrap();
            assert_eq!(Moment::unpack(moment.packed()), moment.date_time().filter(|_| kept), "{text}");
        }
    }
}
