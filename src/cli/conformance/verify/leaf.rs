//! What a route demands of the leaf beside its names.

use std::sync::Arc;

use mtls_policy::Engine;
use mtls_policy::cert::Certificate;
use mtls_policy::identity::KeyPurposePattern;
use mtls_policy::policy::{Policy, Reason};
use mtls_policy::revocation::NoEvidence;
use mtls_policy::trust::Authority;
use serde_json::{Value, json};
use time::OffsetDateTime;
use x509_parser::extensions::KeyUsage;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::super::case::Refusal;
use super::Rejection;
use super::ask::{Ask, PurposeMode};
use crate::cli::offline::{self, Connection, Situation, Tls};

/// Purposes, uses of the key, and what a route refuses whatever it says.
pub(super) struct Demand {
    /// A policy of one route, which lets in whoever has a certificate that meets its demands.
    engine: Engine,
    patterns: Vec<KeyPurposePattern>,
    mode: PurposeMode,
    key_usage: Vec<Use>,
}

/// A bit of `keyUsage`.
type Use = (&'static str, fn(&KeyUsage) -> bool);

const USES: [Use; 9] = [
    ("digitalSignature", KeyUsage::digital_signature),
    ("nonRepudiation", KeyUsage::non_repudiation),
    ("keyEncipherment", KeyUsage::key_encipherment),
    ("dataEncipherment", KeyUsage::data_encipherment),
    ("keyAgreement", KeyUsage::key_agreement),
    ("keyCertSign", KeyUsage::key_cert_sign),
    ("cRLSign", KeyUsage::crl_sign),
    ("encipherOnly", KeyUsage::encipher_only),
    ("decipherOnly", KeyUsage::decipher_only),
];

impl Demand {
    pub(super) fn read(ask: &Ask) -> Result<Demand, Refusal> {
        let pattern = |text: &String| {
            KeyPurposePattern::parse(text).map_err(|error| Refusal::UnknownOption(format!("eku: {error}")))
        };
        let named = |text: &String| {
            let known = USES.iter().find(|(name, _)| name == text).copied();
            known.ok_or_else(|| Refusal::UnknownOption(format!("key_usage: `{text}`")))
        };
        Ok(Demand {
            engine: Engine::new(policy(&ask.purposes, ask.purpose_mode)?),
            patterns: ask.purposes.iter().map(pattern).collect::<Result<_, _>>()?,
            mode: ask.purpose_mode,
            key_usage: ask.key_usage.iter().map(named).collect::<Result<_, _>>()?,
        })
    }

    /// What CAs must be good for; `None` is anything.
    pub(super) fn purposes(&self) -> Option<Vec<KeyPurposePattern>> {
        (!self.patterns.is_empty()).then(|| self.patterns.clone())
    }

    /// Checks a certificate and those above it.
    ///
    /// # Errors
    /// Where it does not meet the demands.
    pub(super) fn check(
        &self,
        leaf: &Certificate,
        above: &[Arc<Authority>],
        now: OffsetDateTime,
    ) -> Result<(), Rejection> {
        let decision = self.engine.decide(&situation(leaf), &NoEvidence, Some(now)).decided();
        if let Some(denial) = decision.enforced_denial() {
            return Err(Rejection::new(denial.reason(), denial.detail()));
        }
        if self.mode == PurposeMode::Strict && !above.iter().all(|authority| self.is_named_by(authority)) {
            return Err(Rejection::new(Reason::WrongKeyUsage, "a CA of its chain names other purposes only"));
        }
        self.check_key_usage(leaf)
    }

    /// Whether a CA says nothing of purposes, or names one of these; `anyExtendedKeyUsage` does not count.
    fn is_named_by(&self, authority: &Authority) -> bool {
        use mtls_policy::identity::Truth;
        let purposes = authority.purposes();
        let named = self.patterns.iter().map(|pattern| pattern.matches(purposes));
        purposes.is_empty() || self.patterns.is_empty() || Truth::any(named) == Truth::Yes
    }

    /// RFC 5280 section 4.2.1.3: a key without the extension is for anything.
    fn check_key_usage(&self, leaf: &Certificate) -> Result<(), Rejection> {
        let unreadable = || Rejection::new(Reason::WrongKeyUsage, "its key usage cannot be read");
        let (_, parsed) = X509Certificate::from_der(leaf.der()).map_err(|_| unreadable())?;
        let Some(usage) = parsed.key_usage().map_err(|_| unreadable())? else { return Ok(()) };
        match self.key_usage.iter().find(|(_, has)| !has(usage.value)) {
            Some((name, _)) => {
                Err(Rejection::new(Reason::WrongKeyUsage, format!("its key usage lacks `{name}`")))
            }
            None => Ok(()),
        }
    }
}

fn policy(purposes: &[String], mode: PurposeMode) -> Result<Policy, Refusal> {
    let demand = match (purposes, mode) {
        ([], _) => json!("any"),
        (_, PurposeMode::IfPresent) => json!({ "if_present": purposes }),
        (_, PurposeMode::Required | PurposeMode::Strict) => json!(purposes),
    };
    let document: Value = json!({
        "version": 1,
        "peer_certificate": { "verified_by": "envoy" },
        "routes": [{
            "name": "case",
            "match": { "path": { "prefix": "/" } },
            "client_certificate": "required",
            "allow": "any_verified",
            "certificate": { "extended_key_usage": demand },
            "tls": { "sni": "ignore" },
        }],
    });
    Policy::from_json(document.to_string().as_bytes()).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Refusal::UnknownOption(format!("eku: {}", errors.join("; ")))
    })
}

/// Any request, by a client with this certificate.
fn situation(leaf: &Certificate) -> Situation {
    let certificate = offline::Certificate::verified(leaf.der().to_vec());
    let tls = Tls { certificate: Some(certificate), ..Tls::default() };
    let pseudo = [(":method", "GET"), (":authority", "case.invalid"), (":path", "/")];
    let pseudo = pseudo.map(|(name, value)| (name, Some(value.to_owned())));
    Situation::from_parts(pseudo, Vec::new(), Connection { transport: Some(tls), ..Connection::default() })
}
