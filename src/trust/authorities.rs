//! The authorities of one trust bundle.

use std::sync::Arc;

use time::OffsetDateTime;

use super::{Authority, Standing, extensions};
use crate::cert::{Certificate, Fingerprint};
use crate::identity::{DistinguishedName, NameDigest};
use crate::sorted::{sorted, sorted_by_key};

/// The most authorities of one bundle. The largest public collections of roots hold about 150, with some hundreds of
/// intermediates.
pub const MAX_AUTHORITIES: usize = 1024;

/// The most signatures that are checked to find out who issued the intermediates of one bundle. One is enough for each unless
/// many issuers have the same name.
const MAX_SIGNATURE_CHECKS: usize = 4 * MAX_AUTHORITIES;

/// The extension authorityKeyIdentifier, 2.5.29.35.
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];

/// The anchors of a bundle, and those of its intermediates that chain to one.
#[derive(Debug, Default)]
pub struct Authorities {
    accepted: Vec<Accepted>,
}

/// An authority, and how it came to be one.
#[derive(Debug)]
struct Accepted {
    authority: Arc<Authority>,
    role: Role,
    /// The positions of those that issued it, beside itself.
    issuers: Vec<u16>,
    /// The positions of the anchors that it chains to; an anchor is one of its own.
    anchors: Vec<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Anchor,
    Intermediate,
}

impl Accepted {
    fn new(authority: Authority, role: Role) -> Accepted {
        Accepted { authority: Arc::new(authority), role, issuers: Vec::new(), anchors: Vec::new() }
    }

    /// Whether it may be the issuer of a certificate.
    fn may_issue(&self) -> bool {
        let authority = &self.authority;
        match (authority.standing(), self.role) {
            (Standing::Ca { .. }, _) => authority.may_sign_certificates(),
            // That it is a CA's says the policy, in place of the certificate (RFC 5280 section 6.1.4 (k)).
            (Standing::Unstated, Role::Anchor) => authority.subject_digest() == authority.issuer_digest(),
            (Standing::Unstated, Role::Intermediate) | (Standing::EndEntity, _) => false,
        }
    }
}

impl Authorities {
    /// The authorities of a bundle with these anchors and intermediates. Also gives the positions of intermediates that are
    /// none, in ascending order: those that chain to no anchor, sign with an algorithm that is not believed, hold a critical
    /// extension that is not known, may sign nothing that counts here (a leaf), or are beyond [`MAX_AUTHORITIES`].
    ///
    /// An intermediate counts where the key of an anchor, or of another intermediate that counts, signed it, in whatever order
    /// they are given. One that is no CA's may sign lists or OCSP responses, and no certificates.
    pub fn new(anchors: Vec<Authority>, intermediates: Vec<Authority>) -> (Authorities, Vec<usize>) {
        Authorities::with_limit(anchors, intermediates, MAX_AUTHORITIES)
    }

    fn with_limit(
        anchors: Vec<Authority>,
        intermediates: Vec<Authority>,
        limit: usize,
    ) -> (Authorities, Vec<usize>) {
        let anchors = anchors.into_iter().take(limit);
        let mut accepted: Vec<Accepted> = anchors.map(|anchor| Accepted::new(anchor, Role::Anchor)).collect();
        let mut pending: Vec<(usize, Authority)> = intermediates.into_iter().enumerate().collect();
        let mut refused = Vec::new();
        let mut left = MAX_SIGNATURE_CHECKS;
        let mut next = 0;
        // Each turn takes the next authority as an issuer, and may add authorities.
        while let Some(issuer) = accepted.get(next) {
            next += 1;
            if !issuer.may_issue() {
                continue;
            }
            let issuer = Arc::clone(&issuer.authority);
            for (at, authority) in std::mem::take(&mut pending) {
                if !may_have_issued(&issuer, &authority, &mut left) {
                    pending.push((at, authority));
                } else if accepted.len() < limit && is_of_use(&authority) {
                    accepted.push(Accepted::new(authority, Role::Intermediate));
                } else {
                    refused.push(at);
                }
            }
        }
        refused.extend(pending.into_iter().map(|(at, _)| at));
        let mut authorities = Authorities { accepted };
        authorities.find_issuers(&mut left);
        authorities.find_anchors();
        (authorities, sorted(refused))
    }

    /// Finds out who issued each of them. An intermediate may have been issued by several: certificates of one key.
    fn find_issuers(&mut self, left: &mut usize) {
        let mut found = Vec::new();
        for (at, one) in (0u16..).zip(&self.accepted) {
            for (issuer_at, issuer) in (0u16..).zip(&self.accepted) {
                if at != issuer_at
                    && issuer.may_issue()
                    && may_have_issued(&issuer.authority, &one.authority, left)
                {
                    found.push((at, issuer_at));
                }
            }
        }
        for (at, issuer) in found {
            if let Some(one) = self.accepted.get_mut(usize::from(at)) {
                one.issuers.push(issuer);
            }
        }
    }

    /// Finds out which anchors each of them chains to, from the anchors down.
    fn find_anchors(&mut self) {
        for anchor in 0..self.accepted.len() {
            let Ok(number) = u16::try_from(anchor) else { return };
            if self.accepted.get(anchor).is_none_or(|one| one.role != Role::Anchor) {
                continue;
            }
            let mut below = vec![number];
            while let Some(issuer) = below.pop() {
                for (at, one) in (0u16..).zip(&mut self.accepted) {
                    let is_it = at == number && issuer == number;
                    if (is_it || one.issuers.contains(&issuer)) && !one.anchors.contains(&number) {
                        one.anchors.push(number);
                        below.push(at);
                    }
                }
            }
        }
    }

    /// Every authority of the bundle.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Authority>> {
        self.accepted.iter().map(|one| &one.authority)
    }

    /// Those of this name, anchors first.
    pub fn named(&self, name: NameDigest) -> impl Iterator<Item = &Arc<Authority>> {
        self.iter().filter(move |authority| authority.subject_digest() == Some(name))
    }

    /// Those of this name that may sign revocation lists. Those come first whose key identifier is `key`, and last those that
    /// have another; which of them signed a list, its signature tells.
    pub fn list_signers(&self, name: NameDigest, key: Option<&[u8]>) -> Vec<&Arc<Authority>> {
        let signers: Vec<_> = self.named(name).filter(|authority| authority.may_sign_lists()).collect();
        sorted_by_key(signers, |authority| key_distance(authority, key))
    }

    /// The authority whose key signed `certificate`, whose name is its issuer's, and which may sign certificates. Of several
    /// certificates of that key and name, the one whose key identifier the certificate names, or else the first.
    pub fn issuer_of(&self, certificate: &Certificate) -> Option<&Arc<Authority>> {
        let fields = certificate.fields().ok()?;
        let name = NameDigest::of(&DistinguishedName::parse_der(fields.issuer).ok()?)?;
        let list = crate::identity::Extensions::new(fields.extensions);
        let identifier = list.find(AUTHORITY_KEY_IDENTIFIER);
        // It says where to look first: what is odd in it says nothing.
        let identifier = identifier
            .and_then(|extension| extensions::issuer_key_identifier(extension.value).ok())
            .flatten()
            .filter(|identifier| !identifier.is_empty());
        self.issuer_among(certificate, name, identifier)
    }

    /// As [`issuer_of`](Self::issuer_of), of a certificate whose issuer's name and key identifier have been read.
    pub(crate) fn issuer_among(
        &self,
        certificate: &Certificate,
        name: NameDigest,
        key: Option<&[u8]>,
    ) -> Option<&Arc<Authority>> {
        let candidates = || {
            self.accepted
                .iter()
                .filter(|one| one.authority.subject_digest() == Some(name) && one.may_issue())
                .map(|one| &one.authority)
        };
        // Identifiers are hints. CAs that were renewed have been seen to go by several for one key, and a certificate shall not
        // lose its issuer, and with it its entry in a list, over them.
        (0..=MOST_DISTANT).find_map(|distance| {
            candidates()
                .filter(|authority| key_distance(authority, key) == distance)
                .find(|authority| authority.signed(certificate).is_ok())
        })
    }

    /// Whether it may be the issuer of certificates: it is a CA's, or an anchor without extensions, as in version 1 of X.509.
    pub fn may_issue(&self, authority: &Authority) -> bool {
        self.find(authority).is_some_and(Accepted::may_issue)
    }

    /// Whether a certificate is one of these.
    pub(crate) fn holds(&self, certificate: Fingerprint) -> bool {
        self.iter().any(|authority| authority.certificate().fingerprint() == certificate)
    }

    /// Whether it is an anchor.
    pub fn is_anchor(&self, authority: &Authority) -> bool {
        self.find(authority).is_some_and(|one| one.role == Role::Anchor)
    }

    /// Those that issued it, beside itself.
    pub fn issuers_of(&self, authority: &Authority) -> impl Iterator<Item = &Arc<Authority>> {
        let issuers = self.find(authority).map(|one| one.issuers.as_slice()).unwrap_or_default();
        issuers.iter().filter_map(|at| self.accepted.get(usize::from(*at))).map(|one| &one.authority)
    }

    /// How long an issuer that is valid at `now` stays so, by any certificate of its name and key; `None` where none is valid.
    pub fn issuer_valid_until(&self, issuer: &Authority, now: OffsetDateTime) -> Option<OffsetDateTime> {
        if issuer.is_valid_at(now) {
            return Some(issuer.validity().not_after);
        }
        let renewed = self.named(issuer.subject_digest()?).find(|other| {
            other.spki_fingerprint() == issuer.spki_fingerprint()
                && other.is_valid_at(now)
                && self.may_issue(other)
        })?;
        Some(renewed.validity().not_after)
    }

    /// Who may issue certificates by the name and the key of `issuer`.
    pub fn of_name_and_key(&self, issuer: &Authority) -> Option<&Arc<Authority>> {
        let name = issuer.subject_digest()?;
        self.named(name)
            .find(|other| other.spki_fingerprint() == issuer.spki_fingerprint() && self.may_issue(other))
    }

    /// Whether two keys of this name are of one CA by its own word: one of them signed a certificate of the other, with that name
    /// (a self-issued certificate, RFC 5280 section 3.2).
    pub fn are_linked(&self, name: NameDigest, one: Fingerprint, other: Fingerprint) -> bool {
        self.named(name).filter(|linked| [one, other].contains(&linked.spki_fingerprint())).any(|linked| {
            let mut issuers = self.issuers_of(linked).map(|issuer| issuer.spki_fingerprint());
            let sought = if linked.spki_fingerprint() == one { other } else { one };
            linked.issuer_digest() == Some(name) && issuers.any(|issuer| issuer == sought)
        })
    }

    /// Whether both chain to one and the same anchor (RFC 5280 section 6.3.3 (f)).
    pub fn share_an_anchor(&self, one: &Authority, other: &Authority) -> bool {
        let (Some(one), Some(other)) = (self.find(one), self.find(other)) else { return false };
        one.anchors.iter().any(|anchor| other.anchors.contains(anchor))
    }

    fn find(&self, authority: &Authority) -> Option<&Accepted> {
        let fingerprint = authority.certificate().fingerprint();
        self.accepted.iter().find(|one| one.authority.certificate().fingerprint() == fingerprint)
    }
}

/// The last of [`key_distance`].
const MOST_DISTANT: u8 = 2;

/// How far an authority's key identifier is from the one that is looked for: the same, not known, another.
fn key_distance(authority: &Authority, key: Option<&[u8]>) -> u8 {
    match (authority.key_identifier(), key) {
        (Some(own), Some(key)) if own == key => 0,
        (None, _) | (_, None) => 1,
        (Some(_), Some(_)) => MOST_DISTANT,
    }
}

/// Whether an intermediate may sign anything that is asked for here.
fn is_of_use(authority: &Authority) -> bool {
    let signs = match authority.standing() {
        Standing::Ca { .. } | Standing::EndEntity => {
            authority.may_sign_certificates() || authority.may_sign_lists() || authority.may_sign_responses()
        }
        Standing::Unstated => false,
    };
    signs && !authority.has_unknown_critical_extension()
}

/// Whether the name of `issuer` is that of the issuer of `authority`, and its key signed it.
fn may_have_issued(issuer: &Authority, authority: &Authority, left: &mut usize) -> bool {
    let same_name = issuer.subject_digest().is_some() && issuer.subject_digest() == authority.issuer_digest();
    if !same_name || *left == 0 {
        return false;
    }
    *left -= 1;
    issuer.signed(authority.certificate()).is_ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyUsagePurpose,
    };

    use super::*;
    use crate::mint::{self, Ca, Minted};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const CRL_SIGN: u8 = 0x02;
    const CERT_SIGN: u8 = 0x04;

    fn authority(ca: &Ca) -> Authority {
        Authority::of(Certificate::from_der(ca.der().to_vec()).unwrap()).unwrap()
    }

    fn bundle(anchors: &[&Ca], intermediates: &[&Ca]) -> (Authorities, Vec<usize>) {
        let all = |cas: &[&Ca]| cas.iter().map(|ca| authority(ca)).collect();
        Authorities::new(all(anchors), all(intermediates))
    }

    fn certificate(leaf: &Minted) -> Certificate {
        Certificate::from_der(leaf.der.clone()).unwrap()
    }

    /// Whether `ca`, by its certificate, is taken for the issuer of `leaf`.
    fn is_issuer(authorities: &Authorities, leaf: &Minted, ca: &Ca) -> bool {
        let issuer = authorities.issuer_of(&certificate(leaf));
        issuer.is_some_and(|issuer| issuer.certificate().der() == ca.der())
    }

    #[test]
    fn an_issuer_is_found_by_name_and_signature() {
        let (root, other) = (Ca::new("Acme Root"), Ca::new("Other Root"));
        let issuing = root.intermediate("Acme Issuing");
        let (authorities, refused) = bundle(&[&other, &root], &[&issuing]);
        assert!(refused.is_empty());
        assert!(is_issuer(&authorities, &issuing.leaf("billing").mint(), &issuing));
        assert!(is_issuer(&authorities, &root.leaf("billing").mint(), &root));
        let stranger = Ca::new("Unknown Root").leaf("billing").mint();
        assert!(authorities.issuer_of(&certificate(&stranger)).is_none());
        // The name alone is anybody's.
        let impostor = Ca::with_seed("Acme Issuing", "impostor").leaf("billing").mint();
        assert!(authorities.issuer_of(&certificate(&impostor)).is_none());
    }

    #[test]
    fn of_two_issuers_of_one_name_the_one_that_signed_is_found() {
        let (one, other) = (Ca::with_seed("Acme", "one"), Ca::with_seed("Acme", "other"));
        for anchors in [[&one, &other], [&other, &one]] {
            let (authorities, _) = bundle(&anchors, &[]);
            assert!(is_issuer(&authorities, &one.leaf("billing").mint(), &one));
            assert!(is_issuer(&authorities, &other.leaf("billing").mint(), &other));
        }
    }

    #[test]
    fn a_key_identifier_is_a_hint_only() {
        let root = Ca::new("Acme Root");
        let identifier = |octets: &[u8]| KeyIdMethod::PreSpecified(octets.to_vec());
        let renewed = root.renewed(|params| params.key_identifier_method = identifier(&[1, 2, 3]));
        let key = mint::der(0x30, &[&mint::der(0x80, &[&root.key_identifier()])]);
        let leaf = root.leaf("billing").extension(&[2, 5, 29, 35], &key).mint();
        let (authorities, _) = bundle(&[&renewed, &root], &[]);
        assert!(is_issuer(&authorities, &leaf, &root));
        let (authorities, _) = bundle(&[&renewed], &[]);
        assert!(is_issuer(&authorities, &leaf, &renewed));
    }

    #[test]
    fn intermediates_are_accepted_in_any_order() {
        let root = Ca::new("Acme Root");
        let one = root.intermediate("Acme One");
        let two = one.intermediate("Acme Two");
        let three = two.intermediate("Acme Three");
        for order in [[&one, &two, &three], [&three, &two, &one], [&two, &three, &one]] {
            let (authorities, refused) = bundle(&[&root], &order);
            assert_eq!((authorities.iter().count(), refused), (4, vec![]));
            assert!(authorities.share_an_anchor(&authority(&three), &authority(&root)));
        }
        let (authorities, refused) = bundle(&[&root], &[&three, &one]);
        assert_eq!((authorities.iter().count(), refused), (2, vec![0]));
    }

    #[test]
    fn intermediates_that_chain_to_no_anchor_are_none() {
        let (root, other) = (Ca::new("Acme Root"), Ca::new("Other Root"));
        let stray = other.intermediate("Other Issuing");
        let below = stray.intermediate("Other Issuing 2");
        let forged = Ca::with_seed("Acme Root", "impostor").intermediate("Acme Issuing");
        let (authorities, refused) = bundle(&[&root], &[&stray, &below, &forged, &other]);
        assert_eq!((authorities.iter().count(), refused), (1, vec![0, 1, 2, 3]));
        assert!(!authorities.share_an_anchor(&authority(&root), &authority(&stray)));
    }

    #[test]
    fn a_certificate_that_may_not_sign_certificates_is_no_issuer() {
        let root = Ca::new("Acme Root");
        for (bits, is_ca, expected) in [
            (CERT_SIGN, true, true),
            (CERT_SIGN | CRL_SIGN, true, true),
            (CRL_SIGN, true, false),
            (CERT_SIGN | CRL_SIGN, false, false),
            (CRL_SIGN, false, false),
        ] {
            let issuing = root.signer("Acme Issuing", "issuing", bits, is_ca);
            let below = issuing.intermediate("Acme Below");
            let (authorities, refused) = bundle(&[&root], &[&below, &issuing]);
            assert_eq!(is_issuer(&authorities, &issuing.leaf("billing").mint(), &issuing), expected);
            assert_eq!(refused, if expected { vec![] } else { vec![0] }, "{bits} {is_ca}");
            // An anchor is held to its words, too.
            let (authorities, _) = bundle(&[&issuing], &[]);
            assert_eq!(is_issuer(&authorities, &issuing.leaf("billing").mint(), &issuing), expected);
        }
    }

    #[test]
    fn who_only_signs_lists_or_responses_is_accepted_for_that() {
        let root = Ca::new("Acme Root");
        let lists = root.signer("Acme Lists", "lists", CRL_SIGN, false);
        let responses = root.below("Acme OCSP", "responses", |params| {
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::OcspSigning];
        });
        let leaf = root.below("billing", "billing", |params| {
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        });
        let silent = root.below("silent", "silent", |params| {
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = vec![];
        });
        let (authorities, refused) = bundle(&[&root], &[&lists, &responses, &leaf, &silent]);
        assert_eq!(refused, [2, 3]);
        let uses = |authority: &Arc<Authority>| {
            (authority.may_sign_certificates(), authority.may_sign_lists(), authority.may_sign_responses())
        };
        let uses: Vec<_> = authorities.iter().map(uses).collect();
        assert_eq!(uses, [(true, true, false), (false, true, false), (false, false, true)]);
        let signers = authorities.list_signers(authority(&lists).subject_digest().unwrap(), None);
        assert_eq!(signers.len(), 1);
        assert!(authorities.list_signers(authority(&responses).subject_digest().unwrap(), None).is_empty());
    }

    #[test]
    fn an_intermediate_with_an_unknown_critical_extension_is_none() {
        let root = Ca::new("Acme Root");
        let with = |critical| {
            let issuing = root.below("Acme Issuing", "issuing", |params| {
                let mut extension =
                    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
                extension.set_criticality(critical);
                params.custom_extensions.push(extension);
            });
            bundle(&[&root], &[&issuing]).1
        };
        assert_eq!(with(true), [0]);
        assert!(with(false).is_empty());
    }

    #[test]
    fn signers_of_lists_come_by_key_identifier() {
        let root = Ca::new("Acme Root");
        let one = root.signer("Acme", "one", CRL_SIGN, true);
        let other = root.signer("Acme", "other", CRL_SIGN, true);
        let (authorities, _) = bundle(&[&root], &[&one, &other]);
        let name = authority(&one).subject_digest().unwrap();
        let first = |key: &[u8]| authorities.list_signers(name, Some(key))[0].certificate().der().to_vec();
        assert_eq!(first(&one.key_identifier()), one.der());
        assert_eq!(first(&other.key_identifier()), other.der());
        assert_eq!(authorities.list_signers(name, Some(&[1])).len(), 2);
    }

    #[test]
    fn two_share_an_anchor_where_one_anchor_is_above_both() {
        let (root, other) = (Ca::new("Acme Root"), Ca::new("Other Root"));
        let (one, two) = (root.intermediate("Acme One"), root.intermediate("Acme Two"));
        let foreign = other.intermediate("Other One");
        let (authorities, _) = bundle(&[&root, &other], &[&one, &two, &foreign]);
        let share = |one, other| authorities.share_an_anchor(&authority(one), &authority(other));
        assert!(share(&one, &two) && share(&one, &root) && share(&root, &root));
        assert!(!share(&one, &foreign) && !share(&root, &other) && !share(&foreign, &root));
        // A certificate of one's key by the other.
        let crossed = other.below("Acme Root", "Acme Root", |_| {});
        let (authorities, refused) = bundle(&[&root, &other], &[&crossed, &one, &foreign]);
        assert!(refused.is_empty());
        assert!(authorities.share_an_anchor(&authority(&one), &authority(&foreign)));
        assert_eq!(authorities.issuers_of(&authority(&one)).count(), 2);
    }

    #[test]
    fn path_lengths_are_read_and_left_to_others() {
        let root = Ca::new("Acme Root");
        let issuing = root.below("Acme Issuing", "issuing", |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        });
        assert_eq!(authority(&issuing).standing(), Standing::Ca { path_length: Some(0) });
        assert_eq!(authority(&root).standing(), Standing::Ca { path_length: None });
        let below = issuing.intermediate("Acme Below");
        assert!(bundle(&[&root], &[&issuing, &below]).1.is_empty());
    }

    #[test]
    fn intermediates_beyond_the_limit_are_none() {
        let root = Ca::new("Acme Root");
        let (one, two) = (root.intermediate("Acme One"), root.intermediate("Acme Two"));
        let with_limit = |limit| {
            let intermediates = vec![authority(&one), authority(&two)];
            let (authorities, refused) =
                Authorities::with_limit(vec![authority(&root)], intermediates, limit);
            (authorities.iter().count(), refused)
        };
        assert_eq!(with_limit(3), (3, vec![]));
        assert_eq!(with_limit(2), (2, vec![1]));
    }
}
