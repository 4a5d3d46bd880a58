//! The trust bundle of a case, and what its peer presents.

use mtls_policy::cert::Certificate;
use mtls_policy::policy::Reason;
use mtls_policy::trust::chain::MAX_PRESENTED;
use mtls_policy::trust::{Authorities, Authority};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Rejection;
use super::ask::Ask;
use crate::cli::offline::certificates;

/// A trust bundle and a peer.
pub(super) struct Bundle {
    /// With no intermediates of its own: those that a case has are the peer's.
    pub(super) anchors: Authorities,
    /// What of the peer's intermediates may stand above its leaf.
    pub(super) presented: Vec<Certificate>,
    /// All of the peer's that can be read.
    pub(super) intermediates: Vec<Certificate>,
}

impl Bundle {
    /// Reads what a case holds.
    ///
    /// # Errors
    /// Where an anchor is none, for which a policy that holds it would be refused.
    pub(super) fn read(ask: &Ask, leaf: &Certificate) -> Result<Bundle, Rejection> {
        let anchors = ask.anchors.iter().map(|pem| anchor(pem)).collect::<Result<Vec<_>, _>>()?;
        let (anchors, _) = Authorities::new(anchors, Vec::new());
        // A peer may send what it likes: what cannot be read is no step of a chain.
        let intermediates: Vec<_> =
            ask.intermediates.iter().filter_map(|pem| certificate(pem).ok()).collect();
        Ok(Bundle { anchors, presented: above(leaf, &intermediates), intermediates })
    }

    /// A bundle with the same anchors and all intermediates: those who may have signed lists and responses. They count where they
    /// chain to an anchor.
    pub(super) fn authorities(&self) -> Authorities {
        let again = |certificate: &Certificate| Authority::of(certificate.clone()).ok();
        let anchors = self.anchors.iter().filter_map(|anchor| again(anchor.certificate())).collect();
        Authorities::new(anchors, self.intermediates.iter().filter_map(again).collect()).0
    }
}

/// The one certificate that a PEM text holds.
pub(super) fn certificate(pem: &str) -> Result<Certificate, String> {
    let mut found = certificates::parse(pem.as_bytes())?.into_iter();
    let (Some(der), None) = (found.next(), found.next()) else {
        return Err("it holds several certificates".to_owned());
    };
    Certificate::from_der(der).map_err(|error| error.to_string())
}

fn anchor(pem: &str) -> Result<Authority, Rejection> {
    let refuse = |why: &dyn ToString| {
        Rejection::new(
            Reason::Untrusted,
            format!("a policy with this anchor is refused: {}", why.to_string()),
        )
    };
    let certificate = certificate(pem).map_err(|why| refuse(&why))?;
    let authority = Authority::of(certificate).map_err(|why| refuse(&why))?;
    authority.fit_as_anchor().map_err(|why| refuse(&why))?;
    Ok(authority)
}

/// Those of the intermediates whose names lead upwards from the leaf, the nearest first, and of these as many as are looked at in
/// the filter. Some suites hand over all that their CAs ever issued, which no peer does. What is left out is sound to leave out:
/// without it there may be no chain, and with it there is none that would not hold by itself.
fn above(leaf: &Certificate, intermediates: &[Certificate]) -> Vec<Certificate> {
    let names = |certificate: &Certificate| {
        let (_, parsed) = X509Certificate::from_der(certificate.der()).ok()?;
        Some((parsed.subject.as_raw().to_vec(), parsed.issuer.as_raw().to_vec()))
    };
    let mut left: Vec<_> = intermediates
        .iter()
        .filter_map(|one| names(one).map(|(subject, issuer)| (one, subject, issuer)))
        .collect();
    let mut sought: Vec<Vec<u8>> = names(leaf).map(|(_, issuer)| issuer).into_iter().collect();
    let mut found = Vec::new();
    let mut next = 0;
    while let Some(name) = sought.get(next).cloned() {
        next += 1;
        let (named, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(|(_, subject, _)| *subject == name);
        left = rest;
        for (one, _, issuer) in named {
            found.push(one.clone());
            if !sought.contains(&issuer) {
                sought.push(issuer);
            }
        }
    }
    found.truncate(MAX_PRESENTED);
    found
}
