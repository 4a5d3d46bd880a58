//! Responses as they are written (RFC 6960 section 4.2.1), borrowed and to their last byte. Nothing is believed yet.

use time::OffsetDateTime;

use super::certificate_id::CertificateId;
use super::error::OcspError;
use super::request::NONCE;
use crate::cert::Criticality;
use crate::cert::der::{
    self, BIT_STRING, INTEGER, NotDer, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE,
};
use crate::cert::extension;
use crate::cert::signed::{self, Signed};
use crate::revocation::crl::moment::Moment;
use crate::revocation::{Entry, EntryReason, Status, Unknown, Why};

/// The longest response that is looked at, in bytes. One about a single certificate has about 2 KB: a signature, and a few
/// certificates of the responder at most.
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// The most certificates of which one response may tell. One is asked about; some responders answer in batches.
pub const MAX_ANSWERS: usize = 64;

/// The most certificates that may come along with a response: the responder's and those above it.
pub const MAX_CERTIFICATES: usize = 8;

/// The most extensions in one place of a response. Four are known.
const MAX_EXTENSIONS: usize = 16;

/// `id-pkix-ocsp-basic`, 1.3.6.1.5.5.7.48.1.1.
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1, 1];

const ENUMERATED: u8 = 0x0a;
const GENERALIZED_TIME: u8 = 0x18;

/// A `BasicOCSPResponse`.
#[derive(Debug)]
pub(super) struct Response<'a> {
    pub(super) signed: Signed<'a>,
    pub(super) signer: ResponderId<'a>,
    pub(super) produced_at: OffsetDateTime,
    pub(super) answers: Vec<SingleResponse<'a>>,
    /// What the nonce's OCTET STRING holds, where there is one.
    pub(super) nonce: Option<&'a [u8]>,
    /// Certificates that came along, whole in DER.
    pub(super) certificates: Vec<&'a [u8]>,
}

/// Who signed a response.
#[derive(Debug, Clone, Copy)]
pub(super) enum ResponderId<'a> {
    /// Whose name is this, whole in DER.
    Name(&'a [u8]),
    /// Whose key has this SHA-1 digest.
    Key(&'a [u8]),
}

/// What a response says of one certificate.
#[derive(Debug)]
pub(super) struct SingleResponse<'a> {
    pub(super) id: CertificateId<'a>,
    pub(super) status: Status,
    pub(super) this_update: OffsetDateTime,
    pub(super) next_update: Option<OffsetDateTime>,
}

impl<'a> Response<'a> {
    /// Reads an `OCSPResponse`.
    ///
    /// # Errors
    /// Where it is none that answers, or not in DER.
    pub(super) fn from_der(bytes: &'a [u8]) -> Result<Response<'a>, OcspError> {
        const RESPONSE_BYTES: u8 = 0xa0;
        if bytes.len() > MAX_RESPONSE_BYTES {
            return Err(OcspError::TooLong);
        }
        let mut response = Reader::new(der::only(SEQUENCE, bytes)?);
        let status = response.expect(ENUMERATED)?;
        let body = response.optional(RESPONSE_BYTES)?;
        response.end()?;
        let body = match (status, body) {
            ([0], Some(body)) => body,
            // OCSPResponseStatus has no 4. Nobody signs these.
            ([1], _) => return Err(OcspError::MalformedRequest),
            ([2], _) => return Err(OcspError::InternalError),
            ([3], _) => return Err(OcspError::TryLater),
            ([5], _) => return Err(OcspError::SignatureRequired),
            ([6], _) => return Err(OcspError::Unauthorized),
            _ => return Err(OcspError::Malformed),
        };
        let mut body = Reader::new(der::only(SEQUENCE, body)?);
        let kind = body.expect(OBJECT_IDENTIFIER)?;
        let basic = body.expect(OCTET_STRING)?;
        body.end()?;
        if kind == BASIC { Response::from_basic(basic) } else { Err(OcspError::UnknownType) }
    }

    /// Reads a `BasicOCSPResponse`.
    fn from_basic(bytes: &'a [u8]) -> Result<Response<'a>, OcspError> {
        const CERTIFICATES: u8 = 0xa0;
        let mut parts = Reader::new(der::only(SEQUENCE, bytes)?);
        let data = parts.next()?.ok_or(NotDer)?;
        let algorithm = parts.next()?.filter(|part| part.tag == SEQUENCE).ok_or(NotDer)?.whole;
        let signature = signed::bits(parts.expect(BIT_STRING)?)?;
        let list = parts.optional(CERTIFICATES)?;
        parts.end()?;
        let mut certificates = Vec::new();
        if let Some(list) = list {
            let mut list = Reader::new(der::only(SEQUENCE, list)?);
            while let Some(certificate) = list.next()? {
                if certificates.len() == MAX_CERTIFICATES {
                    return Err(OcspError::TooMany);
                }
                certificates.push(certificate.whole);
            }
        }
        let signed = Signed { message: data.whole, algorithm, signature };
        Response::from_data(signed, certificates)
    }

    /// Reads the `ResponseData` in what is signed.
    fn from_data(signed: Signed<'a>, certificates: Vec<&'a [u8]>) -> Result<Response<'a>, OcspError> {
        const VERSION: u8 = 0xa0;
        const BY_NAME: u8 = 0xa1;
        const BY_KEY: u8 = 0xa2;
        const EXTENSIONS: u8 = 0xa1;
        let mut data = Reader::new(der::only(SEQUENCE, signed.message)?);
        // DER leaves the default out (X.690 section 11.5); some responders write it all the same.
        match data.optional(VERSION)?.map(|version| der::only(INTEGER, version)).transpose()? {
            None | Some([0]) => {}
            Some(_) => return Err(OcspError::Malformed),
        }
        let signer = data.next()?.ok_or(NotDer)?;
        let signer = match signer.tag {
            BY_NAME => {
                der::only(SEQUENCE, signer.contents)?;
                ResponderId::Name(signer.contents)
            }
            BY_KEY => ResponderId::Key(der::only(OCTET_STRING, signer.contents)?),
            _ => return Err(OcspError::Malformed),
        };
        let produced_at = time(&mut data)?;
        let mut list = Reader::new(data.expect(SEQUENCE)?);
        let nonce = data.optional(EXTENSIONS)?.map(nonce_of).transpose()?.flatten();
        data.end()?;
        let mut answers = Vec::new();
        while let Some(answer) = list.next()? {
            if answers.len() == MAX_ANSWERS {
                return Err(OcspError::TooMany);
            }
            answers.push(SingleResponse::from_der(answer.whole)?);
        }
        Ok(Response { signed, signer, produced_at, answers, nonce, certificates })
    }
}

impl<'a> SingleResponse<'a> {
    fn from_der(bytes: &'a [u8]) -> Result<SingleResponse<'a>, OcspError> {
        const NEXT_UPDATE: u8 = 0xa0;
        const EXTENSIONS: u8 = 0xa1;
        let mut fields = Reader::new(der::only(SEQUENCE, bytes)?);
        let id = CertificateId::from_contents(fields.expect(SEQUENCE)?)?;
        let status = fields.next()?.ok_or(NotDer)?;
        let status = status_of(status.tag, status.contents)?;
        let this_update = time(&mut fields)?;
        let next_update = fields.optional(NEXT_UPDATE)?;
        let next_update = next_update.map(only_time).transpose()?;
        // No extension of an answer changes what it says, but those that are critical might (RFC 6960 section 4.4).
        fields.optional(EXTENSIONS)?.map(nonce_of).transpose()?;
        fields.end()?;
        Ok(SingleResponse { id, status, this_update, next_update })
    }
}

/// Reads a `CertStatus`.
fn status_of(tag: u8, contents: &[u8]) -> Result<Status, NotDer> {
    const GOOD: u8 = 0x80;
    const REVOKED: u8 = 0xa1;
    const UNKNOWN: u8 = 0x82;
    const REASON: u8 = 0xa0;
    match (tag, contents) {
        (GOOD, []) => Ok(Status::Good),
        (REVOKED, contents) => {
            let mut fields = Reader::new(contents);
            let since = time(&mut fields)?;
            let reason = fields.optional(REASON)?.map(|reason| der::only(ENUMERATED, reason)).transpose()?;
            fields.end()?;
            let reason = match reason {
                // A certificate that was revoked for a reason without a name was revoked.
                Some([number]) => EntryReason::from_number(*number).unwrap_or(EntryReason::Unspecified),
                None => EntryReason::Unspecified,
                Some(_) => return Err(NotDer),
            };
            Ok(Status::Revoked(Entry { since: Some(since), reason }))
        }
        (UNKNOWN, []) => Ok(unknown_to_responder()),
        _ => Err(NotDer),
    }
}

/// The next element, a `GeneralizedTime` in UTC and whole seconds (RFC 6960 section 4.2.2.1, RFC 5280 section 4.1.2.5.2).
fn time(fields: &mut Reader<'_>) -> Result<OffsetDateTime, NotDer> {
    let element = fields.next()?.filter(|element| element.tag == GENERALIZED_TIME).ok_or(NotDer)?;
    Moment::parse(element)?.date_time().ok_or(NotDer)
}

fn only_time(bytes: &[u8]) -> Result<OffsetDateTime, NotDer> {
    let mut reader = Reader::new(bytes);
    let time = time(&mut reader)?;
    reader.end()?;
    Ok(time)
}

/// What it is that a responder says of a certificate that it does not know.
pub(super) fn unknown_to_responder() -> Status {
    Status::Unknown(Unknown::new(Why::UnknownToResponder, "the responder does not know the certificate"))
}

/// The nonce among extensions. No other extension may be critical.
fn nonce_of(extensions: &[u8]) -> Result<Option<&[u8]>, OcspError> {
    let mut list = Reader::new(der::only(SEQUENCE, extensions)?);
    let mut nonce = None;
    let mut count = 0;
    while let Some(extension) = extension::next(&mut list)? {
        count += 1;
        match extension.criticality {
            Some(_) if count > MAX_EXTENSIONS => return Err(OcspError::TooMany),
            Some(_) if extension.oid == NONCE => {
                if nonce.replace(extension.value).is_some() {
                    return Err(OcspError::Malformed);
                }
            }
            Some(Criticality::NotCritical) => {}
            Some(Criticality::Critical) => return Err(OcspError::CriticalExtension),
            None => return Err(OcspError::Malformed),
        }
    }
    Ok(nonce)
}
