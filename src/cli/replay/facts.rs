//! What a record tells of a request, as answers to the engine's questions. What it does not tell is noted, and the decision that
//! asked for it does not count.

use std::cell::{Cell, RefCell};

use mtls_policy::cert::Fingerprint;
use mtls_policy::facts::{FactError, Facts, Transport};
use mtls_policy::request::Headers;
use mtls_policy::revocation::crl::List;
use mtls_policy::revocation::ocsp::Query;
use mtls_policy::revocation::{
    AssumedBundles, CrlSource, Entry, EntryReason, Evidence, Lists, Response, Status, Unknown, Why,
};
use mtls_policy::token::{Claim, ClaimPath};

use crate::cli::records::{Field, Record, Tls};

/// What a record tells of the client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presented {
    /// The client presented the one of this digest.
    Certificate(Fingerprint),
    /// It presented none.
    None,
    /// That is not recorded.
    Unknown,
}

/// What nothing is known of was asked for: the first such question.
#[derive(Debug, Default)]
pub(super) struct Lacks(RefCell<Option<String>>);

impl Lacks {
    pub(super) fn note(&self, what: impl Into<String>) {
        self.0.borrow_mut().get_or_insert_with(|| what.into());
    }

    pub(super) fn first(&self) -> Option<String> {
        self.0.borrow().clone()
    }
}

/// The facts of a record.
pub(super) struct RecordedFacts<'a> {
    pub(super) record: &'a Record,
    pub(super) headers: Headers,
    pub(super) presented: Presented,
    /// What it says that `tls.sni` is empty.
    pub(super) server_name: Absence,
    pub(super) lacks: &'a Lacks,
}

/// What a field says that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// Nothing: it may have been left out.
    Unknown,
    /// That there was nothing.
    Nothing,
}

impl RecordedFacts<'_> {
    fn lack<T>(&self, fact: &'static str, why: &str) -> Result<T, FactError> {
        self.lacks.note(format!("{fact} {why}"));
        Err(FactError { fact, why: why.to_owned() })
    }

    fn text(&self, fact: &'static str, field: &Field) -> Result<Option<Vec<u8>>, FactError> {
        match field {
            // Bytes that are not UTF-8 were replaced.
            Field::Whole(text) if text.contains('\u{fffd}') => self.lack(fact, "was not recorded as it was"),
            Field::Whole(text) => Ok(Some(text.clone().into_bytes())),
            Field::Cut(_) | Field::Hashed(_) | Field::Missing => self.lack(fact, field.lack()),
        }
    }

    fn of_tls(
        &self,
        fact: &'static str,
        field: impl Fn(&Tls) -> &Field,
    ) -> Result<Option<Vec<u8>>, FactError> {
        match &self.record.tls {
            Some(tls) => self.text(fact, field(tls)),
            None => self.lack(fact, Field::Missing.lack()),
        }
    }
}

impl Facts for RecordedFacts<'_> {
    fn headers(&self) -> Result<&Headers, FactError> {
        Ok(&self.headers)
    }

    fn before_headers(&self) {
        self.lacks.note("headers of the request are not recorded");
    }

    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError> {
        match self.presented {
            Presented::Certificate(digest) => Ok(Some(digest.to_string().into_bytes())),
            Presented::None => Ok(None),
            Presented::Unknown => {
                self.lack("the client's certificate", "is not recorded, nor that there was none")
            }
        }
    }

    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.lack("the client's certificate", "is not recorded")
    }

    fn certificate_valid(&self) -> Result<Option<bool>, FactError> {
        let by = self.record.verification.as_ref().and_then(|verification| verification.by.as_deref());
        match (by, self.record.reason.as_deref()) {
            (Some("envoy"), _) => Ok(Some(true)),
            (Some("none"), Some("untrusted")) => Ok(Some(false)),
            (_, _) => self.lack("whether Envoy verified the certificate", "is not recorded"),
        }
    }

    fn server_name(&self) -> Result<Option<Vec<u8>>, FactError> {
        match &self.record.tls {
            Some(tls) if tls.sni == Field::Missing && self.server_name == Absence::Nothing => Ok(None),
            Some(_) | None => self.of_tls("`tls.sni`", |tls| &tls.sni),
        }
    }

    fn tls_version(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.of_tls("`tls.version`", |tls| &tls.version)
    }

    fn cipher(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.of_tls("`tls.cipher`", |tls| &tls.cipher)
    }

    fn transport(&self) -> Result<Transport, FactError> {
        match &self.record.tls {
            Some(_) => Ok(Transport::Tls),
            None => self.lack("`tls`", "is not recorded"),
        }
    }

    fn protocol(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.lack("`request.protocol`", "is not asked for by policies")
    }

    fn claim(&self, _metadata: &str, _path: &ClaimPath) -> Result<Claim, FactError> {
        self.lack("the token", "is not recorded")
    }

    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.text("`source`", &self.record.source)
    }

    fn forwarded_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.lack("the forwarded address", "is not recorded")
    }

    fn envoy_route(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.lack("Envoy's route", "is not recorded")
    }

    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.lack("Envoy's cluster", "is not recorded")
    }

    fn route_metadata(&self) -> Result<Option<Vec<u8>>, FactError> {
        self.lack("the metadata of Envoy's route", "are not recorded")
    }
}

/// What a record tells of revocation and of who vouched.
pub(super) struct RecordedEvidence {
    /// What was said of the certificate; of a record that does not tell it, that it is good.
    pub(super) status: Status,
    /// Who vouched for it; `None` has the chain looked for.
    pub(super) bundles: Option<AssumedBundles>,
    pub(super) asked_for_status: Cell<bool>,
    pub(super) asked_for_bundles: Cell<bool>,
}

impl RecordedEvidence {
    pub(super) fn new(status: Status, bundles: Option<AssumedBundles>) -> Self {
        Self { status, bundles, asked_for_status: Cell::new(false), asked_for_bundles: Cell::new(false) }
    }
}

impl Evidence for RecordedEvidence {
    fn lists(&self, _source: &CrlSource) -> Lists {
        Lists::Loaded(Vec::<std::sync::Arc<List>>::new())
    }

    fn response(&self, _query: &Query<'_>) -> Response {
        Response::Failed(Unknown::new(Why::Missing, "no response is recorded"))
    }

    fn may_wait(&self) -> bool {
        false
    }

    fn assumed(&self) -> Option<Status> {
        self.asked_for_status.set(true);
        Some(self.status.clone())
    }

    fn assumed_bundles(&self) -> Option<AssumedBundles> {
        self.asked_for_bundles.set(true);
        self.bundles.clone()
    }
}

/// The status that a record tells; `None` where it tells none.
pub(super) fn status(record: &Record) -> Option<Status> {
    let revocation = record.revocation.as_ref()?;
    match revocation.status.as_deref()? {
        "good" => Some(Status::Good),
        "revoked" => {
            Some(Status::Revoked(Entry { since: revocation.since, reason: EntryReason::Unspecified }))
        }
        "unknown" => {
            let why = revocation.why.as_deref()?;
            let why = Why::ALL.into_iter().find(|known| known.code() == why)?;
            Some(Status::Unknown(Unknown::new(why, "as it was recorded")))
        }
        _ => None,
    }
}
