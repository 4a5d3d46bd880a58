//! What a policy says of audit records: where they go, how their fields are called, and what of the client they hold.

mod field;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use field::{Field, FieldSet, Standing};

use super::ratio::Ratio;
use crate::identity::pattern::shown;

/// What a policy says of audit records.
#[derive(Debug, Default)]
pub struct Audit {
    pub(super) format: Format,
    pub(super) envoy_log: EnvoyLog,
    pub(super) access_log: AccessLog,
    pub(super) otlp: Option<Otlp>,
    pub(super) query: Query,
    pub(super) omitted: FieldSet,
    pub(super) hashed: Option<Hashed>,
    pub(super) certificates: Certificates,
}

impl Audit {
    /// How the fields of a record are called.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether records go to Envoy's log.
    pub fn envoy_log(&self) -> EnvoyLog {
        self.envoy_log
    }

    /// What is left for Envoy's access log.
    pub fn access_log(&self) -> AccessLog {
        self.access_log
    }

    /// Where records are sent over OTLP, if they are.
    pub fn otlp(&self) -> Option<&Otlp> {
        self.otlp.as_ref()
    }

    /// What becomes of a path's query.
    pub fn query(&self) -> Query {
        self.query
    }

    /// The fields that are left out.
    pub fn omitted(&self) -> FieldSet {
        self.omitted
    }

    /// The fields that are hashed, and with which key.
    pub fn hashed(&self) -> Option<&Hashed> {
        self.hashed.as_ref()
    }

    /// Whether a record holds the certificate itself.
    pub fn certificates(&self) -> Certificates {
        self.certificates
    }
}

/// How the fields of a record are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// By the names of this filter.
    #[default]
    MtlsPolicy,
    /// By those of the Elastic Common Schema.
    Ecs,
    /// By those of the Open Cybersecurity Schema Framework.
    Ocsf,
}

/// Whether records go to Envoy's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EnvoyLog {
    /// Each is a line of it.
    #[default]
    Write,
    /// None is.
    None,
}

/// What is left for Envoy's access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccessLog {
    /// Decision, reason and route.
    #[default]
    Outcome,
    /// The whole record, too.
    Record,
    /// Nothing.
    None,
}

/// What becomes of a path's query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Query {
    /// It is left out: queries may hold secrets.
    #[default]
    Omit,
    /// It is part of the path.
    Include,
}

/// Whether a record holds the certificate itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Certificates {
    /// None does.
    #[default]
    Never,
    /// The first about it does, of each VM.
    Once,
}

/// Where records are sent over OTLP.
#[derive(Debug)]
pub struct Otlp {
    /// The cluster of Envoy through which the collector is reached.
    pub cluster: Box<str>,
    /// The URL that is posted to.
    pub url: Arc<str>,
    /// How long one request may take.
    pub timeout: Duration,
    /// The most records in one request.
    pub max_batch: usize,
    /// How long a record may wait for others.
    pub max_delay: Duration,
    /// The most records that wait.
    pub max_queue: usize,
    /// Headers of the request by name, in lower case.
    pub headers: Vec<(Box<str>, Secret)>,
    /// What happens where more would wait.
    pub on_overflow: OnOverflow,
}

/// What happens to a record for which there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnOverflow {
    /// It is dropped, and counted.
    #[default]
    Drop,
    /// Requests are denied while there is none.
    Deny,
}

/// The fields that are hashed.
#[derive(Debug)]
pub struct Hashed {
    /// Which.
    pub fields: FieldSet,
    /// With what: a hash of an address without a key is guessed in a minute.
    pub key: Secret,
}

/// Text that nothing prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    pub(super) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text, for the one place where it is needed.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Of which share of decisions there are records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Of permits.
    pub allowed: Ratio,
    /// Of denials, those included that are not enforced.
    pub denied: Ratio,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { allowed: Ratio::ALL, denied: Ratio::ALL }
    }
}

/// What can be wrong with what a policy says of records.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuditError {
    /// A name of no field.
    #[error("records have no field `{name}`", name = shown(name))]
    UnknownField {
        /// The name.
        name: String,
    },
    /// A field that is always there.
    #[error("`{field}` cannot be left out: without it nobody can tell what the record is about")]
    Fixed {
        /// Its name.
        field: &'static str,
    },
    /// Several fields by one name.
    #[error("`{name}` is a group, and most of it says nothing of anybody: name the fields in it that are to be hashed", name = shown(name))]
    GroupToHash {
        /// The name.
        name: String,
    },
    /// A field of which a hash says nothing.
    #[error("`{field}` cannot be hashed: it holds nothing that the client said or is named by", field = shown(field))]
    NothingToHash {
        /// The name.
        field: String,
    },
    /// A field that is left out.
    #[error("`{field}` is left out by `omit`")]
    Omitted {
        /// Its name.
        field: &'static str,
    },
    /// A field that was named before.
    #[error("`{field}` stands here already")]
    Repeated {
        /// Its name.
        field: &'static str,
    },
    /// A certificate that holds what is left out.
    #[error("the certificate itself holds `{field}`, which `omit` or `hash` keeps out of records")]
    InCertificate {
        /// The field.
        field: &'static str,
    },
    /// A key that is too short.
    #[error("a key of {length} bytes is guessed; use at least {least}, such as 32 random ones in hex")]
    ShortKey {
        /// Its length.
        length: usize,
        /// The least.
        least: usize,
    },
    /// A header that a request to a collector cannot have.
    #[error("`{name}` cannot be a header of the request: {why}", name = shown(name))]
    BadHeader {
        /// The name.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// More records in one request than can wait for it.
    #[error("no batch of {batch} records comes together where at most {queue} wait")]
    BatchAboveQueue {
        /// Records in a request.
        batch: u32,
        /// Records that wait.
        queue: u32,
    },
}
