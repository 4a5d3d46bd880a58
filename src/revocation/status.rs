//! What is known of a certificate's revocation.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Whether a certificate was revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// A source that covers the certificate, current and well signed, does not call it revoked.
    Good,
    /// It was revoked, or is on hold.
    Revoked(Entry),
    /// It cannot be told.
    Unknown(Unknown),
}

/// What a source says of a revoked certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Since when, where the source says so.
    pub since: Option<OffsetDateTime>,
    /// Why.
    pub reason: EntryReason,
}

/// Why a certificate was revoked (RFC 5280 section 5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the RFC")]
pub enum EntryReason {
    Unspecified,
    KeyCompromise,
    CaCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    CertificateHold,
    RemoveFromCrl,
    PrivilegeWithdrawn,
    AaCompromise,
}

impl EntryReason {
    /// The reason of this number of the `CRLReason` enumeration.
    pub fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Unspecified,
            1 => Self::KeyCompromise,
            2 => Self::CaCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::CertificateHold,
            8 => Self::RemoveFromCrl,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AaCompromise,
            _ => return None,
        })
    }

    /// Its number in the `CRLReason` enumeration.
    pub fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// Its name in the `CRLReason` enumeration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

/// Why a certificate's status cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The stable code.
    pub why: Why,
    /// More, for people.
    pub detail: Cow<'static, str>,
}

impl Unknown {
    /// Why, and more for people.
    pub fn new(why: Why, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { why, detail: detail.into() }
    }

    /// No certificate of its issuer's name and key is valid now: nobody below it is good, whoever says so.
    pub fn issuer_not_valid() -> Self {
        Self::new(Why::IssuerUnknown, "the certificate of its issuer has expired or is not yet valid")
    }
}

/// Why a certificate's status cannot be told: stable codes, for records and counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// No certificate of a trust bundle issued it.
    IssuerUnknown,
    /// There is no list, and no responder, for certificates of its issuer, or of its scope.
    Missing,
    /// A source that may cover it has not been fetched yet.
    Loading,
    /// A source that may cover it could not be fetched so far.
    Unavailable,
    /// The list's or the response's time is over.
    Stale,
    /// The list's or the response's time has not begun.
    Future,
    /// The list or response cannot be read, or asks for what is not supported.
    Unusable,
    /// The list or response is not signed by whom it should be.
    BadSignature,
    /// The lists together do not cover all reasons.
    Incomplete,
    /// The responder asks to try later.
    TryLater,
    /// The responder refuses to answer.
    Refused,
    /// The responder does not know the certificate.
    UnknownToResponder,
    /// Too many certificates are being asked about.
    Overloaded,
}

impl Why {
    /// Every code.
    pub const ALL: [Self; 13] = [
        Self::IssuerUnknown,
        Self::Missing,
        Self::Loading,
        Self::Unavailable,
        Self::Stale,
        Self::Future,
        Self::Unusable,
        Self::BadSignature,
        Self::Incomplete,
        Self::TryLater,
        Self::Refused,
        Self::UnknownToResponder,
        Self::Overloaded,
    ];

    /// The code in records and counters.
    pub fn code(self) -> &'static str {
        match self {
            Self::IssuerUnknown => "issuer_unknown",
            Self::Missing => "missing",
            Self::Loading => "loading",
            Self::Unavailable => "unavailable",
            Self::Stale => "stale",
            Self::Future => "future",
            Self::Unusable => "unusable",
            Self::BadSignature => "bad_signature",
            Self::Incomplete => "incomplete",
            Self::TryLater => "try_later",
            Self::Refused => "refused",
            Self::UnknownToResponder => "unknown_to_responder",
            Self::Overloaded => "overloaded",
        }
    }
}

/// How a status is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// What the policy itself calls revoked.
    DenyList,
    /// Certificate revocation lists.
    Crl,
    /// The online certificate status protocol.
    Ocsp,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::DenyList, Self::Crl, Self::Ocsp];

    /// The method as policies and records write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::DenyList => "deny_list",
            Self::Crl => "crl",
            Self::Ocsp => "ocsp",
        }
    }
}

/// A status, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The status.
    pub status: Status,
    /// Who says so; `None` where nobody does.
    pub method: Option<Method>,
    /// The source: a URL, or the place in the policy; `None` where there is none.
    pub source: Option<Arc<str>>,
    /// When the list or response was made.
    pub this_update: Option<OffsetDateTime>,
    /// When a newer one is due.
    pub next_update: Option<OffsetDateTime>,
    /// Until when this judgement holds if nothing new is heard: the end of `next_update` and grace.
    pub until: Option<OffsetDateTime>,
}

impl Judgement {
    /// The policy itself calls the certificate revoked.
    pub(crate) fn denied() -> Self {
        let status = Status::Revoked(Entry { since: None, reason: EntryReason::Unspecified });
        Self { method: Some(Method::DenyList), ..Self::of(status) }
    }

    /// The policy itself does not call the certificate revoked, and nobody else is to be asked.
    pub(crate) fn not_denied() -> Self {
        Self { method: Some(Method::DenyList), ..Self::of(Status::Good) }
    }

    /// A status with no source yet.
    pub(crate) fn of(status: Status) -> Self {
        Self { status, method: None, source: None, this_update: None, next_update: None, until: None }
    }

    /// Whether the certificate was revoked.
    pub fn is_revoked(&self) -> bool {
        matches!(self.status, Status::Revoked(_))
    }

    /// Why the status cannot be told; `None` if it can.
    pub fn why(&self) -> Option<Why> {
        match &self.status {
            Status::Unknown(unknown) => Some(unknown.why),
            Status::Good | Status::Revoked(_) => None,
        }
    }

    /// A status that cannot be told, with no source.
    pub fn unknown(why: Why, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(Status::Unknown(Unknown::new(why, detail)))
    }
}

/// `crl http://crl.acme.example/corp.crl: revoked (keyCompromise) since 2026-01-01T00:00:00Z`.
impl fmt::Display for Judgement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(method) = self.method {
            out.write_str(method.word())?;
            if let Some(source) = &self.source {
                write!(out, " {source}")?;
            }
            out.write_str(": ")?;
        }
        match &self.status {
            Status::Good => out.write_str("good"),
            Status::Revoked(entry) => {
                out.write_str("revoked")?;
                if entry.reason != EntryReason::Unspecified {
                    write!(out, " ({})", entry.reason.name())?;
                }
                match entry.since.and_then(|since| since.format(&Rfc3339).ok()) {
                    Some(since) => write!(out, " since {since}"),
                    None => Ok(()),
                }
            }
            Status::Unknown(unknown) => write!(out, "unknown, {unknown}"),
        }
    }
}

/// `stale: the list's nextUpdate was 2026-01-01T00:00:00Z`.
impl fmt::Display for Unknown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.why.code(), self.detail)
    }
}
