//! A certificate, its issuer and whom to ask, for tests.

use std::sync::Arc;
use std::time::Duration;

use time::{Date, Month, OffsetDateTime, Time};

use super::{Answer, Nonce, OcspError, Query, Responder, read};
use crate::cert::Certificate;
use crate::mint::ocsp::OcspResponse;
use crate::mint::{Ca, Minted};
use crate::trust::Authority;

pub(super) const HOUR: time::Duration = time::Duration::HOUR;

pub(super) struct Situation {
    pub(super) ca: Ca,
    pub(super) leaf: Minted,
    pub(super) serial: Vec<u8>,
    pub(super) issuer: Arc<Authority>,
    pub(super) responder: Arc<Responder>,
}

impl Situation {
    /// A leaf of Acme Root, and a responder that is asked by POST without a nonce.
    pub(super) fn new() -> Situation {
        let ca = Ca::new("Acme Root");
        let leaf = ca.leaf("billing").mint();
        Situation {
            serial: leaf.serial(),
            issuer: Arc::new(authority(ca.der())),
            responder: responder("http://ocsp.acme.example/", false, Nonce::Off),
            ca,
            leaf,
        }
    }

    pub(super) fn query(&self) -> Query<'_> {
        Query { responder: &self.responder, issuer: &self.issuer, serial: &self.serial }
    }

    /// A response of the CA that the leaf is good.
    pub(super) fn good(&self) -> OcspResponse {
        self.ca.ocsp(now()).answer(&self.ca.good(&self.leaf, now()))
    }

    /// The same from a delegate with this certificate.
    pub(super) fn delegated(&self, delegate: &Minted) -> OcspResponse {
        OcspResponse::delegated(delegate, now()).answer(&self.ca.good(&self.leaf, now()))
    }

    /// Reads a response to a question without a nonce.
    pub(super) fn read(&self, response: &OcspResponse) -> Result<Answer, OcspError> {
        read(&response.der(), &self.query(), None, now())
    }
}

/// 2030-01-01.
pub(super) fn now() -> OffsetDateTime {
    Date::from_calendar_date(2030, Month::January, 1).unwrap().with_time(Time::MIDNIGHT).assume_utc()
}

pub(super) fn authority(der: &[u8]) -> Authority {
    Authority::of(Certificate::from_der(der.to_vec()).unwrap()).unwrap()
}

pub(super) fn responder(url: &str, get: bool, nonce: Nonce) -> Arc<Responder> {
    let timeout = Duration::from_secs(2);
    Arc::new(Responder { cluster: "ocsp".into(), url: url.into(), timeout, get, nonce })
}
