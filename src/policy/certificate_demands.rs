//! What a route demands of a certificate beside the names in it.

use std::fmt;

use time::{Duration, OffsetDateTime};

use super::decision::{Denial, Reason};
use super::trace::{Finding, Stage, Step, Trace};
use crate::identity::{Identity, KeyPurposePattern, KeyType, KeyUsage, PublicKey, SignatureAlgorithm, Truth};

/// Bits that the modulus of an RSA key must have where a policy says nothing: below, NIST SP 800-131A forbids them.
pub(crate) const DEFAULT_MIN_RSA_BITS: u32 = 2048;

/// Demands on a certificate. Weak keys and signatures are refused whatever they say.
#[derive(Debug, Clone)]
pub(crate) struct CertificateDemands {
    pub(super) min_rsa_bits: u32,
    /// `None` is any.
    pub(super) key_types: Option<Vec<KeyType>>,
    /// `None` is any.
    pub(super) signature_algorithms: Option<Vec<SignatureAlgorithm>>,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) min_remaining: Option<Duration>,
    pub(super) max_dns_names: Option<u32>,
    pub(super) wildcard_names: Acceptance,
    pub(super) self_signed: Acceptance,
    pub(super) key_purpose: PurposeDemand,
}

/// Whether certificates of a kind are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acceptance {
    Accepted,
    Forbidden,
}

/// What the extended key usage must say.
#[derive(Debug, Clone)]
pub(crate) enum PurposeDemand {
    /// Anything.
    Any,
    /// One of these, where there is such an extension; `anyExtendedKeyUsage` stands for each of them.
    IfPresent(Vec<KeyPurposePattern>),
    /// One of these by name, whether there is such an extension or not.
    Required(Vec<KeyPurposePattern>),
}

impl Default for PurposeDemand {
    /// RFC 5280 section 4.2.1.12: a certificate that says what it is for is for nothing else.
    fn default() -> Self {
        // Without a pattern no extension would do; there is one, for the name is known.
        Self::IfPresent(KeyPurposePattern::parse("clientAuth").into_iter().collect())
    }
}

impl Default for CertificateDemands {
    fn default() -> Self {
        Self {
            min_rsa_bits: DEFAULT_MIN_RSA_BITS,
            key_types: None,
            signature_algorithms: None,
            max_lifetime: None,
            min_remaining: None,
            max_dns_names: None,
            wildcard_names: Acceptance::Accepted,
            self_signed: Acceptance::Accepted,
            key_purpose: PurposeDemand::default(),
        }
    }
}

impl CertificateDemands {
    /// Judges a certificate that is valid `now`.
    ///
    /// # Errors
    /// The denial for the first demand that is not met.
    pub(super) fn judge(
        &self,
        identity: &Identity,
        now: OffsetDateTime,
        trace: &mut impl Trace,
    ) -> Result<(), Denial> {
        self.check_remaining(identity, now, trace)?;
        self.check_purpose(identity, trace)?;
        self.check_key(identity, trace)?;
        self.check_signature(identity, trace)?;
        self.check_names(identity, trace)?;
        self.check_lifetime(identity, trace)
    }

    /// What a certificate must be for that says what it is for; `None` where that is not looked at.
    pub(super) fn purposes(&self) -> Option<&[KeyPurposePattern]> {
        match &self.key_purpose {
            PurposeDemand::Any => None,
            PurposeDemand::IfPresent(wanted) | PurposeDemand::Required(wanted) => Some(wanted),
        }
    }

    /// The last moment at which a certificate that ends at `not_after` is valid for as long yet as is demanded.
    pub(super) fn last_moment(&self, not_after: OffsetDateTime) -> OffsetDateTime {
        not_after.saturating_sub(self.min_remaining.unwrap_or_default())
    }

    fn check_remaining(
        &self,
        identity: &Identity,
        now: OffsetDateTime,
        trace: &mut impl Trace,
    ) -> Result<(), Denial> {
        let Some(wanted) = self.min_remaining else { return Ok(()) };
        let left = identity.validity().not_after - now;
        check(trace, Truth::from(left >= wanted), Reason::Expired, || {
            let hours = |duration: Duration| duration.whole_hours();
            format!("it is valid for `{}` hours more, and `{}` are demanded", hours(left), hours(wanted))
        })
    }

    fn check_purpose(&self, identity: &Identity, trace: &mut impl Trace) -> Result<(), Denial> {
        let purposes = identity.key_purposes();
        let named =
            |wanted: &[KeyPurposePattern]| Truth::any(wanted.iter().map(|pattern| pattern.matches(purposes)));
        let (truth, wanted) = match &self.key_purpose {
            PurposeDemand::Any => return Ok(()),
            PurposeDemand::IfPresent(_) if purposes.is_empty() => (Truth::Yes, &[][..]),
            PurposeDemand::IfPresent(wanted) => {
                let truth = match named(wanted) {
                    // Of an extension that can be read, it is `anyExtendedKeyUsage` that leaves this open.
                    Truth::CannotTell if purposes.malformed() == 0 => Truth::Yes,
                    truth @ (Truth::Yes | Truth::No | Truth::CannotTell) => truth,
                };
                (truth, wanted.as_slice())
            }
            PurposeDemand::Required(wanted) => (named(wanted), wanted.as_slice()),
        };
        check(trace, truth, Reason::WrongKeyUsage, || {
            let found = match (purposes.malformed(), purposes.values()) {
                (0, []) => "it does not say what it is for".to_owned(),
                (0, values) => format!("it is for {}", list(values)),
                (_, _) => "its extended key usage cannot be read".to_owned(),
            };
            if wanted.is_empty() { found } else { format!("{found}; demanded is {}", list(wanted)) }
        })?;
        let usage = match identity.properties().key_usage() {
            KeyUsage::Unrestricted | KeyUsage::DigitalSignature => Truth::Yes,
            KeyUsage::Other => Truth::No,
        };
        check(trace, usage, Reason::WrongKeyUsage, || match usage {
            Truth::Yes => "its key may sign handshakes".to_owned(),
            Truth::No | Truth::CannotTell => {
                "its key usage lacks `digitalSignature`, as that of a CA does".to_owned()
            }
        })
    }

    fn check_key(&self, identity: &Identity, trace: &mut impl Trace) -> Result<(), Denial> {
        let key = match identity.properties().public_key() {
            Ok(key) => key,
            Err(problem) => return refuse(trace, problem),
        };
        let kind = key.kind();
        if let Some(wanted) = &self.key_types {
            check(trace, Truth::from(wanted.contains(&kind)), Reason::WeakCertificate, || {
                format!("its key is of type `{kind}`; demanded is {}", list(wanted))
            })?;
        }
        match key {
            PublicKey::Rsa { bits } => {
                check(trace, Truth::from(bits >= self.min_rsa_bits), Reason::WeakCertificate, || {
                    format!("its RSA key has `{bits}` bits; demanded are `{}`", self.min_rsa_bits)
                })
            }
            PublicKey::EcP256
            | PublicKey::EcP384
            | PublicKey::EcP521
            | PublicKey::Ed25519
            | PublicKey::Ed448 => Ok(()),
        }
    }

    fn check_signature(&self, identity: &Identity, trace: &mut impl Trace) -> Result<(), Denial> {
        let algorithm = match identity.properties().signature_algorithm() {
            Ok(algorithm) => algorithm,
            Err(problem) => return refuse(trace, problem),
        };
        if let Some(wanted) = &self.signature_algorithms {
            check(trace, Truth::from(wanted.contains(&algorithm)), Reason::WeakCertificate, || {
                format!("it is signed with `{algorithm}`; demanded is {}", list(wanted))
            })?;
        }
        match self.self_signed {
            Acceptance::Accepted => Ok(()),
            Acceptance::Forbidden => {
                let self_signed = identity.properties().self_signed();
                check(trace, self_signed.not(), Reason::WeakCertificate, || match self_signed {
                    Truth::Yes => "it is self-signed".to_owned(),
                    Truth::No => "it is not self-signed".to_owned(),
                    Truth::CannotTell => "whether it is self-signed cannot be told".to_owned(),
                })
            }
        }
    }

    fn check_names(&self, identity: &Identity, trace: &mut impl Trace) -> Result<(), Denial> {
        if let Some(most) = self.max_dns_names {
            let names = identity.dns().len();
            let few = u32::try_from(names).is_ok_and(|names| names <= most);
            check(trace, Truth::from(few), Reason::WeakCertificate, || {
                format!("it holds `{names}` DNS names, and at most `{most}` are accepted")
            })?;
        }
        match self.wildcard_names {
            Acceptance::Accepted => Ok(()),
            Acceptance::Forbidden => {
                let wildcard = identity.properties().wildcard_name();
                check(trace, wildcard.not(), Reason::WildcardName, || match wildcard {
                    Truth::Yes => "it holds a wildcard name".to_owned(),
                    Truth::No => "it holds no wildcard name".to_owned(),
                    Truth::CannotTell => {
                        "it holds a DNS name that cannot be read and may be a wildcard".to_owned()
                    }
                })
            }
        }
    }

    fn check_lifetime(&self, identity: &Identity, trace: &mut impl Trace) -> Result<(), Denial> {
        let Some(longest) = self.max_lifetime else { return Ok(()) };
        let validity = identity.validity();
        let lifetime = validity.not_after - validity.not_before;
        check(trace, Truth::from(lifetime <= longest), Reason::LifetimeTooLong, || {
            let seconds = lifetime - Duration::days(lifetime.whole_days());
            format!(
                "its lifetime is `{}` days and `{}` seconds; accepted are `{}` days",
                lifetime.whole_days(),
                seconds.whole_seconds(),
                longest.whole_days()
            )
        })
    }
}

/// Notes a demand and denies where it is not met, or nobody can tell. `found` says what was found, in either case.
fn check(
    trace: &mut impl Trace,
    met: Truth,
    reason: Reason,
    found: impl Fn() -> String,
) -> Result<(), Denial> {
    trace.note(|| Step::new(Stage::Demands, Finding::from(met), found()));
    match met {
        Truth::Yes => Ok(()),
        Truth::No | Truth::CannotTell => Err(Denial::new(reason, found())),
    }
}

fn refuse(trace: &mut impl Trace, problem: impl fmt::Display) -> Result<(), Denial> {
    check(trace, Truth::No, Reason::WeakCertificate, || problem.to_string())
}

fn list<T: fmt::Display>(values: &[T]) -> String {
    /// Most values that a message names: a certificate may hold thousands.
    const MAX_SHOWN: usize = 8;
    let shown: Vec<String> = values.iter().take(MAX_SHOWN).map(|value| format!("`{value}`")).collect();
    let more = if values.len() > MAX_SHOWN { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}
