//! Compiles `trust`: which bundles vouch for the clients of a route.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::reader::{Problems, all_or_none, one_or_many, string};
use crate::identity::KeyPurposePattern;
use crate::policy::Verification;
use crate::policy::certificate_demands::CertificateDemands;
use crate::policy::error::{PolicyErrorKind, closest};
use crate::policy::source::{Member, Node, Value};
use crate::policy::trust::TrustRules;
use crate::policy::trust_bundle::TrustBundleError;

/// Who verifies certificates, and the bundles that there are to verify them against. Faulty ones count, so that one mistake is
/// told once.
#[derive(Debug, Default)]
pub(super) struct Trust<'n> {
    /// `None` where that is faulty.
    verification: Option<Verification>,
    bundles: Vec<&'n str>,
    shared: RefCell<HashMap<Key, Arc<TrustRules>>>,
}

/// By what rules differ: the bundles' positions, and the purposes as policies write them.
type Key = (Vec<usize>, Option<Vec<String>>);

impl<'n> Trust<'n> {
    pub(super) fn new(verification: Option<Verification>, trust_bundles: Option<&'n Node>) -> Trust<'n> {
        let bundles = match trust_bundles {
            Some(Node { value: Value::Object(members), .. }) => {
                members.iter().map(|member| member.key.as_str()).collect()
            }
            Some(_) | None => Vec::new(),
        };
        Trust { verification, bundles, shared: RefCell::default() }
    }

    /// Whether the filter verifies certificates, as far as that is known.
    pub(super) fn is_plugin(&self) -> Option<bool> {
        self.verification.map(|verification| verification == Verification::Plugin)
    }

    /// The positions of the bundles that a route names, or the defaults.
    pub(super) fn bundles(&self, member: &Member, problems: &mut Problems) -> Option<Vec<usize>> {
        self.needs_plugin(member, "trust", problems)?;
        let mut positions = Vec::new();
        let entries = one_or_many(&member.value, "`trust`", problems)?.iter().map(|entry| {
            let name = string(entry, problems)?;
            let Some(position) = self.bundles.iter().position(|bundle| *bundle == name) else {
                let suggestion = closest(name, self.bundles.iter().copied()).map(str::to_owned);
                let error = PolicyErrorKind::UnknownTrustBundle { name: name.to_owned(), suggestion };
                return problems.add(entry.span, error);
            };
            if positions.contains(&position) {
                return problems
                    .add(entry.span, TrustBundleError::RepeatedName { name: name.to_owned() }.into());
            }
            positions.push(position);
            Some(())
        });
        all_or_none(entries).map(|_| positions)
    }

    /// Notes a problem with what only a filter that verifies certificates can do.
    pub(super) fn needs_plugin(
        &self,
        member: &Member,
        feature: &'static str,
        problems: &mut Problems,
    ) -> Option<()> {
        match self.is_plugin() {
            Some(false) => problems.add(member.key_span, PolicyErrorKind::NeedsPlugin { feature }),
            Some(true) | None => Some(()),
        }
    }

    /// The rules of a route that trusts these bundles, and demands this of certificates.
    pub(super) fn rules(&self, bundles: &[usize], demands: &CertificateDemands) -> Arc<TrustRules> {
        let purposes = demands.purposes();
        let texts = purposes.map(|purposes| purposes.iter().map(KeyPurposePattern::to_string).collect());
        let mut shared = self.shared.borrow_mut();
        let number = shared.len();
        let rules = shared.entry((bundles.to_vec(), texts)).or_insert_with(|| {
            let purposes = purposes.map(<[KeyPurposePattern]>::to_vec);
            Arc::new(TrustRules { number, bundles: bundles.to_vec(), purposes })
        });
        Arc::clone(rules)
    }
}
