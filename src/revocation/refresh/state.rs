//! What is remembered of the attempts to fetch a list, so that any worker can go on with them.

use super::Validators;
use crate::revocation::{Unknown, Why};

/// How it stands with a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchState {
    /// When the last attempt ended, in milliseconds since 1970.
    pub tried: u64,
    /// When the server last gave the list that is in force, or said that it is, in milliseconds since 1970.
    pub confirmed: Option<u64>,
    /// When the next one is due, in milliseconds since 1970.
    pub next: u64,
    /// How many attempts on end brought no list that is current.
    pub failures: u32,
    /// Why the last one failed, if it did.
    pub failure: Option<Unknown>,
    /// What the server said of the list that is in force.
    pub validators: Validators,
}

impl FetchState {
    /// As lines of text.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (code, detail) = match &self.failure {
            Some(failure) => (failure.why.code(), failure.detail.as_ref()),
            None => ("", ""),
        };
        let confirmed = self.confirmed.unwrap_or_default();
        let numbers = [self.tried, confirmed, self.next, self.failures.into()];
        let [tried, confirmed, next, failures] = &numbers.map(|number| number.to_string());
        let validator = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
        let detail = detail.replace(char::is_control, " ");
        let (etag, last_modified) =
            (validator(&self.validators.etag), validator(&self.validators.last_modified));
        [tried, confirmed, next, failures, code, &detail, &etag, &last_modified].join("\n").into_bytes()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` if it is not that.
    pub fn from_bytes(bytes: &[u8]) -> Option<FetchState> {
        let mut lines = std::str::from_utf8(bytes).ok()?.split('\n');
        let mut line = || lines.next();
        let (tried, confirmed) = (line()?.parse().ok()?, line()?.parse().ok()?);
        let confirmed = Some(confirmed).filter(|confirmed| *confirmed > 0);
        let next = line()?.parse().ok()?;
        let failures = line()?.parse().ok()?;
        let (code, detail) = (line()?, line()?);
        let why = Why::ALL.into_iter().find(|why| why.code() == code);
        let validator = |text: &str| (!text.is_empty()).then(|| text.into());
        let validators = Validators { etag: validator(line()?), last_modified: validator(line()?) };
        if why.is_none() && !code.is_empty() {
            return None;
        }
        let failure = why.map(|why| Unknown::new(why, detail.to_owned()));
        Some(FetchState { tried, confirmed, next, failures, failure, validators })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn state() -> FetchState {
        FetchState {
            tried: 1_800_000_000_000,
            confirmed: Some(1_799_999_000_000),
            next: 1_800_000_003_600,
            failures: 0,
            failure: None,
            validators: Validators { etag: Some("\"a\"".into()), last_modified: None },
        }
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        for why in Why::ALL {
            let failure = Some(Unknown::new(why, "the response has the status 500"));
            let failed = FetchState {
                failures: 3,
                confirmed: None,
                failure,
                validators: Validators::default(),
                ..state()
            };
            assert_eq!(FetchState::from_bytes(&failed.to_bytes()), Some(failed));
        }
        assert_eq!(FetchState::from_bytes(&state().to_bytes()), Some(state()));
    }

    #[test]
    fn a_detail_of_several_lines_becomes_one() {
        let failure = Some(Unknown::new(Why::Unusable, "a\nb"));
        let read = FetchState::from_bytes(&FetchState { failure, ..state() }.to_bytes()).unwrap();
        assert_eq!(read.failure.unwrap().detail, "a b");
        assert_eq!(read.validators, state().validators);
    }

    #[test]
    fn other_bytes_are_no_state() {
        for bytes in
            [&b""[..], b"1\n2\n3\n4\n\n", b"1\n2\n3\n4\nno_such_code\n\n\n", b"a\n2\n3\n4\n\n\n\n", b"\xff"]
        {
            assert_eq!(FetchState::from_bytes(bytes), None, "{bytes:?}");
        }
    }
}
