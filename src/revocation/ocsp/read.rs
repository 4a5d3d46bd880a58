//! From a response to an answer.

use time::OffsetDateTime;

use super::error::OcspError;
use super::response::Response;
use super::{Answer, NONCE_BYTES, Nonce, Query, signer};
use crate::cert::der::{self, OCTET_STRING};

/// Checks a response to `query`, which was sent with this nonce. Its dates are [`judge`](super::judge)'s; that of the
/// certificate that signed it is held against `now`.
///
/// # Errors
/// Where it is no answer to this question, by somebody who may answer it.
pub fn read(
    response: &[u8],
    query: &Query<'_>,
    nonce: Option<&[u8; NONCE_BYTES]>,
    now: OffsetDateTime,
) -> Result<Answer, OcspError> {
    let response = Response::from_der(response)?;
    check_nonce(&response, query.responder.nonce, nonce)?;
    let signer_until = signer::check(&response, query.issuer, now)?;
    let mut found = None;
    let Response { produced_at, answers, .. } = response;
    for answer in answers {
        if answer.id.names(query.issuer, query.serial) && found.replace(answer).is_some() {
            return Err(OcspError::Twice);
        }
    }
    let found = found.ok_or(OcspError::NotAsked)?;
    if found.next_update.is_some_and(|next| next < found.this_update) {
        return Err(OcspError::Dates);
    }
    Ok(Answer {
        status: found.status,
        this_update: found.this_update,
        next_update: found.next_update,
        produced_at,
        signer_until,
    })
}

/// RFC 9654 section 2.1. What comes without having been sent says nothing: prepared responses may hold some.
fn check_nonce(
    response: &Response<'_>,
    wanted: Nonce,
    sent: Option<&[u8; NONCE_BYTES]>,
) -> Result<(), OcspError> {
    match (wanted, sent, response.nonce) {
        (Nonce::Required, None, _) | (Nonce::Required, Some(_), None) => Err(OcspError::NoNonce),
        (Nonce::Off | Nonce::Optional, None, _) | (Nonce::Off | Nonce::Optional, Some(_), None) => Ok(()),
        (Nonce::Off | Nonce::Optional | Nonce::Required, Some(sent), Some(came)) => {
            match der::only(OCTET_STRING, came) {
                Ok(came) if came == sent => Ok(()),
                Ok(_) | Err(_) => Err(OcspError::OtherNonce),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::situation::{HOUR, Situation, authority, now, responder};
    use super::*;
    use crate::cert::signature::SignatureError;
    use crate::mint::ocsp::{NONCE, OCSP_SIGNING, OcspResponse};
    use crate::mint::{self, Ca, Key, Leaf, Minted};
    use crate::revocation::{Entry, EntryReason, Status, Unknown, Why};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// An extension that nobody knows.
    const UNHEARD_OF: &[u8] = mint::crl::UNHEARD_OF;

    fn status(read: Result<Answer, OcspError>) -> Result<Status, OcspError> {
        read.map(|answer| answer.status)
    }

    #[test]
    fn an_answer_of_the_issuer_itself_is_taken_with_its_dates() {
        let situation = Situation::new();
        let expected = Answer {
            status: Status::Good,
            this_update: now(),
            next_update: Some(now() + 24 * HOUR),
            produced_at: now(),
            signer_until: None,
        };
        assert_eq!(situation.read(&situation.good()), Ok(expected.clone()));
        assert_eq!(situation.read(&situation.good().by_key()), Ok(expected.clone()));
        assert_eq!(situation.read(&situation.good().version(0)), Ok(expected.clone()));
        let answer = situation.ca.good(&situation.leaf, now()).no_next_update();
        let read = situation.read(&situation.ca.ocsp(now()).answer(&answer));
        assert_eq!(read, Ok(Answer { next_update: None, ..expected }));
    }

    #[test]
    fn a_certificate_is_revoked_for_a_reason_or_not_known() {
        let Situation { ca, leaf, .. } = &Situation::new();
        let read = |answer| status(Situation::new().read(&ca.ocsp(now()).answer(&answer)));
        let answer = || ca.good(leaf, now());
        let revoked = |reason| Ok(Status::Revoked(Entry { since: Some(now() - HOUR), reason }));
        assert_eq!(read(answer()), Ok(Status::Good));
        assert_eq!(read(answer().revoked(now() - HOUR)), revoked(EntryReason::Unspecified));
        assert_eq!(read(answer().revoked_for(now() - HOUR, 1)), revoked(EntryReason::KeyCompromise));
        assert_eq!(read(answer().revoked_for(now() - HOUR, 6)), revoked(EntryReason::CertificateHold));
        assert_eq!(read(answer().revoked_for(now() - HOUR, 99)), revoked(EntryReason::Unspecified));
        let why = |read| match read {
            Ok(Status::Unknown(Unknown { why, .. })) => Some(why),
            Ok(Status::Good | Status::Revoked(_)) | Err(_) => None,
        };
        assert_eq!(why(read(answer().unknown())), Some(Why::UnknownToResponder));
        for odd in [&[0x80, 1, 0][..], &[0x82, 1, 0], &[0x83, 0], &[0xa0, 2, 5, 0], &[0xa1, 0], &[5, 0]] {
            assert_eq!(read(answer().raw_status(odd)), Err(OcspError::Malformed), "{odd:x?}");
        }
    }

    #[test]
    fn an_answer_about_another_certificate_is_none() {
        let situation = Situation::new();
        let Situation { ca, serial, .. } = &situation;
        let read = |ca: &Ca, serial: &[u8]| {
            let response = situation.ca.ocsp(now()).answer(&ca.good_serial(serial, now()));
            status(situation.read(&response))
        };
        assert_eq!(read(ca, serial), Ok(Status::Good));
        assert_eq!(read(ca, &[1]), Err(OcspError::NotAsked));
        assert_eq!(read(ca, &[&[0], &serial[..]].concat()), Err(OcspError::NotAsked));
        assert_eq!(read(&Ca::new("Acme Root 2"), serial), Err(OcspError::NotAsked), "another name");
        assert_eq!(read(&Ca::with_seed("Acme Root", "x"), serial), Err(OcspError::NotAsked), "another key");
        assert_eq!(situation.read(&ca.ocsp(now())), Err(OcspError::NotAsked), "nothing at all");
    }

    #[test]
    fn the_right_one_of_several_answers_is_taken_but_not_one_of_two() {
        let situation = Situation::new();
        let Situation { ca, leaf, .. } = &situation;
        let other = |number: u8| ca.good_serial(&[number], now());
        let revoked = ca.good(leaf, now()).revoked(now());
        let response = ca.ocsp(now()).answer(&other(1)).answer(&revoked).answer(&other(2));
        assert!(matches!(status(situation.read(&response)), Ok(Status::Revoked(_))));
        let twice = response.answer(&ca.good(leaf, now()));
        assert_eq!(situation.read(&twice), Err(OcspError::Twice));
        let twice = situation.good().answer(&ca.good(leaf, now()).sha256());
        assert_eq!(situation.read(&twice), Err(OcspError::Twice), "by another digest");
        let many = |count: u8| (1..count).fold(situation.good(), |many, number| many.answer(&other(number)));
        assert_eq!(status(situation.read(&many(64))), Ok(Status::Good));
        assert_eq!(situation.read(&many(65)), Err(OcspError::TooMany));
    }

    #[test]
    fn an_answer_may_name_its_certificate_by_sha256() {
        let situation = Situation::new();
        let Situation { ca, serial, leaf, .. } = &situation;
        let read = |answer| status(situation.read(&ca.ocsp(now()).answer(&answer)));
        assert_eq!(read(ca.good(leaf, now()).sha256()), Ok(Status::Good));
        let other = Ca::with_seed("Acme Root", "x").good_serial(serial, now());
        assert_eq!(read(other.sha256()), Err(OcspError::NotAsked));
    }

    #[test]
    fn who_is_not_the_issuer_signs_nothing() {
        let situation = Situation::new();
        let wrong = Err(OcspError::Signature(SignatureError::Wrong));
        let stranger = Ca::with_seed("Acme Root", "stranger");
        assert_eq!(situation.read(&situation.good().key(&Key::new("x"))), wrong);
        assert_eq!(situation.read(&situation.good().key(stranger.key()).certificate(stranger.der())), {
            // The certificate that came along has the right name, and is none of the issuer's.
            wrong
        });
        let answer = situation.ca.good(&situation.leaf, now());
        let by_key = stranger.ocsp(now()).by_key().answer(&answer);
        assert_eq!(situation.read(&by_key), Err(OcspError::UnknownSigner));
        // A CA of the same bundle, even one above or below the issuer, is not asked about others' certificates.
        let below = situation.ca.intermediate("Acme Issuing");
        let response = below.ocsp(now()).answer(&answer).certificate(below.der());
        assert_eq!(situation.read(&response), Err(OcspError::SignerPurpose));
        let leaf = below.leaf("payments").mint();
        let issuer = Arc::new(authority(below.der()));
        let query = Query { issuer: &issuer, serial: &leaf.serial(), ..situation.query() };
        let response = situation.ca.ocsp(now()).answer(&below.good(&leaf, now()));
        let read_below = |response: &OcspResponse| read(&response.der(), &query, None, now());
        assert_eq!(read_below(&response), Err(OcspError::UnknownSigner));
        assert!(read_below(&below.ocsp(now()).answer(&below.good(&leaf, now()))).is_ok());
    }

    #[test]
    fn the_signer_is_the_one_that_the_response_names() {
        let situation = Situation::new();
        let named = |id: &[u8]| situation.read(&situation.good().raw_signer(id));
        let name = situation.ca.name();
        assert!(named(&mint::der(0xa1, &[&name])).is_ok());
        // The same name in other letters (RFC 5280 section 7.1).
        let shouted: Vec<u8> = name.iter().map(u8::to_ascii_uppercase).collect();
        assert_ne!(shouted, name);
        assert!(named(&mint::der(0xa1, &[&shouted])).is_ok());
        assert_eq!(named(&mint::der(0xa1, &[&Ca::new("Acme").name()])), Err(OcspError::UnknownSigner));
        let hash = mint::der(0x04, &[&[7; 20]]);
        assert_eq!(named(&mint::der(0xa2, &[&hash])), Err(OcspError::UnknownSigner));
        for odd in [&[0xa1, 0][..], &[0xa2, 0], &[0xa3, 0], &[0xa1, 2, 5, 0], &[0x04, 0], &[]] {
            assert_eq!(named(odd), Err(OcspError::Malformed), "{odd:x?}");
        }
    }

    fn delegate(ca: &Ca) -> Leaf {
        ca.leaf("OCSP responder").purposes(&[OCSP_SIGNING])
    }

    #[test]
    fn a_delegate_of_the_issuer_signs_for_it() {
        let situation = Situation::new();
        let delegate = delegate(&situation.ca);
        let no_check = delegate.clone().extension(&[1, 3, 6, 1, 5, 5, 7, 48, 1, 5], &[5, 0]);
        let unrestricted = delegate.clone().key_usage(&[]);
        for delegate in [delegate, no_check, unrestricted] {
            let delegate = delegate.mint();
            let until = authority(&delegate.der).validity().not_after;
            for response in [situation.delegated(&delegate), situation.delegated(&delegate).by_key()] {
                let response = response.certificate(situation.ca.der());
                let signer_until = situation.read(&response).map(|answer| answer.signer_until);
                assert_eq!(signer_until, Ok(Some(until)));
            }
        }
    }

    #[test]
    fn a_delegate_needs_the_purpose_and_the_issuers_own_signature() {
        let situation = Situation::new();
        let ca = &situation.ca;
        let read = |delegate: Leaf| status(situation.read(&situation.delegated(&delegate.mint())));
        assert_eq!(read(delegate(ca)), Ok(Status::Good));
        for (leaf, expected) in [
            (ca.leaf("OCSP responder"), OcspError::SignerPurpose),
            (ca.leaf("OCSP responder").purposes(&[]), OcspError::SignerPurpose),
            // `anyExtendedKeyUsage` is not said aloud.
            (ca.leaf("OCSP responder").purposes(&[&[2, 5, 29, 37, 0]]), OcspError::SignerPurpose),
            // keyEncipherment only.
            (delegate(ca).key_usage(&[0x20]), OcspError::SignerPurpose),
            (delegate(ca).critical_extension(&[1, 2, 3], &[5, 0]), OcspError::SignerPurpose),
            (delegate(ca).expired(), OcspError::SignerNotValid),
            (delegate(ca).valid(now() + HOUR, now() + 2 * HOUR), OcspError::SignerNotValid),
            (delegate(&Ca::new("Other Root")), OcspError::SignerNotIssued),
            (delegate(&Ca::with_seed("Acme Root", "x")), OcspError::SignerNotIssued),
            // Below the issuer, and so not its own.
            (delegate(&ca.intermediate("Acme Issuing")), OcspError::SignerNotIssued),
        ] {
            assert_eq!(read(leaf), Err(expected));
        }
        let minted = delegate(ca).mint();
        let without = situation.delegated(&minted).no_certificates();
        assert_eq!(situation.read(&without), Err(OcspError::UnknownSigner));
        let other = situation.delegated(&minted).key(&Key::new("x"));
        assert_eq!(situation.read(&other), Err(OcspError::Signature(SignatureError::Wrong)));
    }

    #[test]
    fn no_more_certificates_come_along_than_the_limit() {
        let situation = Situation::new();
        let minted = delegate(&situation.ca).mint();
        let with = |count: usize| {
            let first = situation.delegated(&minted).no_certificates();
            let strangers = (1..count).fold(first, |response, _| response.certificate(&[0x30, 0]));
            situation.read(&strangers.certificate(&minted.der))
        };
        assert_eq!(status(with(8)), Ok(Status::Good), "what cannot be read is nobody's");
        assert_eq!(with(9), Err(OcspError::TooMany));
    }

    #[test]
    fn what_is_no_response_or_refuses_to_be_one_is_named() {
        let situation = Situation::new();
        for (number, expected, why) in [
            (1, OcspError::MalformedRequest, Why::Refused),
            (2, OcspError::InternalError, Why::Refused),
            (3, OcspError::TryLater, Why::TryLater),
            (4, OcspError::Malformed, Why::Unusable),
            (5, OcspError::SignatureRequired, Why::Refused),
            (6, OcspError::Unauthorized, Why::Refused),
            (7, OcspError::Malformed, Why::Unusable),
        ] {
            let error = situation.read(&situation.good().status(number)).unwrap_err();
            assert_eq!((error, error.why()), (expected, why), "{number}");
        }
        assert_eq!(situation.read(&situation.good().kind(NONCE)), Err(OcspError::UnknownType));
        assert_eq!(situation.read(&situation.good().version(1)), Err(OcspError::Malformed));
        let read = |bytes: &[u8]| read(bytes, &situation.query(), None, now());
        for none in [&b""[..], b"<html>", &[0x30, 0], &[0x30, 3, 0x0a, 1, 0], &[0x30, 0x80, 0, 0]] {
            assert_eq!(read(none), Err(OcspError::Malformed), "{none:x?}");
        }
        let limit = super::super::MAX_RESPONSE_BYTES;
        assert_eq!(read(&vec![0x30; limit]), Err(OcspError::Malformed));
        assert_eq!(read(&vec![0x30; limit + 1]), Err(OcspError::TooLong));
    }

    #[test]
    fn critical_extensions_and_bytes_that_belong_to_nothing_are_refused() {
        let situation = Situation::new();
        let Situation { ca, leaf, .. } = &situation;
        let good = || situation.good();
        assert_eq!(status(situation.read(&good().extension(UNHEARD_OF, &[5, 0]))), Ok(Status::Good));
        let critical = Err(OcspError::CriticalExtension);
        assert_eq!(situation.read(&good().critical_extension(UNHEARD_OF, &[5, 0])), critical);
        let single = |is_critical| {
            let answer = ca.good(leaf, now()).extension(UNHEARD_OF, is_critical, &[5, 0]);
            status(situation.read(&ca.ocsp(now()).answer(&answer)))
        };
        assert_eq!(single(false), Ok(Status::Good));
        assert_eq!(single(true), Err(OcspError::CriticalExtension));
        for odd in [
            good().signed_trailer(&[5, 0]),
            good().raw_answer(&[5, 0]),
            good().raw_answer(&[0x30, 0]),
            good().raw_produced_at(&mint::der(0x17, &[b"300101000000Z"])),
            good().nonce(&[1]).nonce(&[1]),
        ] {
            assert_eq!(situation.read(&odd), Err(OcspError::Malformed));
        }
        let der = good().der();
        let trailing = [&der[..], &[0]].concat();
        assert_eq!(read(&trailing, &situation.query(), None, now()), Err(OcspError::Malformed));
        let early = ca.good(leaf, now()).next_update(now() - HOUR);
        assert_eq!(situation.read(&ca.ocsp(now()).answer(&early)), Err(OcspError::Dates));
    }

    #[test]
    fn a_nonce_comes_back_as_it_was_sent() {
        let situation = Situation::new();
        let sent = [7; NONCE_BYTES];
        let read = |nonce: Nonce, sent: Option<&[u8; NONCE_BYTES]>, response: OcspResponse| {
            let responder = responder("http://ocsp.acme.example/", false, nonce);
            let query = Query { responder: &responder, ..situation.query() };
            status(read(&response.der(), &query, sent, now()))
        };
        let (good, other) = (|| situation.good(), Err(OcspError::OtherNonce));
        for nonce in [Nonce::Optional, Nonce::Required] {
            assert_eq!(read(nonce, Some(&sent), good().nonce(&sent)), Ok(Status::Good), "{nonce:?}");
            assert_eq!(read(nonce, Some(&sent), good().nonce(&[8; NONCE_BYTES])), other, "{nonce:?}");
            assert_eq!(read(nonce, Some(&sent), good().nonce(&sent[1..])), other, "{nonce:?}");
            assert_eq!(read(nonce, Some(&sent), good().extension(NONCE, &sent)), other, "{nonce:?}");
        }
        assert_eq!(read(Nonce::Optional, Some(&sent), good()), Ok(Status::Good));
        assert_eq!(read(Nonce::Required, Some(&sent), good()), Err(OcspError::NoNonce));
        assert_eq!(read(Nonce::Required, None, good().nonce(&sent)), Err(OcspError::NoNonce));
        assert_eq!(read(Nonce::Off, None, good()), Ok(Status::Good));
        assert_eq!(read(Nonce::Off, None, good().nonce(&sent)), Ok(Status::Good), "a prepared response");
    }

    /// What is read of a response after one change is an error, or what was read without.
    fn changed(situation: &Situation, response: &OcspResponse) {
        let der = response.der();
        let expected = situation.read(response).unwrap();
        for at in 0..der.len() {
            let mut other = der.clone();
            other[at] ^= 1 << (at % 8);
            if let Ok(answer) = read(&other, &situation.query(), None, now()) {
                assert_eq!(answer, expected, "byte {at}");
            }
            assert!(read(&der[..at], &situation.query(), None, now()).is_err(), "cut after {at} bytes");
        }
    }

    #[test]
    fn a_response_with_any_one_byte_changed_says_nothing_else() {
        let situation = Situation::new();
        let Situation { ca, leaf, .. } = &situation;
        let revoked = ca.ocsp(now()).answer(&ca.good(leaf, now()).revoked_for(now() - HOUR, 1));
        changed(&situation, &revoked.by_key());
        let delegated: Minted = delegate(ca).mint();
        changed(&situation, &situation.delegated(&delegated));
    }

    #[test]
    fn a_delegate_that_was_valid_is_no_longer() {
        let situation = Situation::new();
        let delegate = delegate(&situation.ca).valid(now() - HOUR, now() + HOUR).mint();
        let response = situation.delegated(&delegate).der();
        let read = |at: OffsetDateTime| read(&response, &situation.query(), None, at).map(|_| ());
        assert_eq!(read(now() + HOUR), Ok(()));
        assert_eq!(read(now() + HOUR + time::Duration::SECOND), Err(OcspError::SignerNotValid));
    }
}
