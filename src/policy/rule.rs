//! The rules of a route one by one, as coverage counts them.

use super::matcher::Matcher;
use super::revocation::RevocationRules;
use super::route::{Allow, CertificateRules, Route};
use super::trace::Stage;

/// A matcher that asks something of a certificate, and the rule that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// [`Stage::Deny`] or [`Stage::Allow`].
    pub stage: Stage,
    /// The matcher as the steps of a trace name it.
    pub matcher: String,
}

impl Route {
    /// Whether the route looks at certificates, so that it can refuse one.
    pub fn looks_at_certificates(&self) -> bool {
        self.rules_on_certificates().is_some()
    }

    /// The matchers in `deny` and `allow`, those inside named identities included.
    pub fn rules(&self) -> Vec<Rule> {
        let Some(rules) = self.rules_on_certificates() else { return Vec::new() };
        let named = |stage, matcher: &Matcher| {
            matcher.leaves().into_iter().map(|leaf| Rule { stage, matcher: leaf.to_string() }).collect()
        };
        let deny: Vec<Rule> = rules.deny.as_ref().map(|deny| named(Stage::Deny, deny)).unwrap_or_default();
        let allow: Vec<Rule> = match &rules.allow {
            Allow::AnyVerified => Vec::new(),
            Allow::Matching(allow) => named(Stage::Allow, allow),
        };
        deny.into_iter().chain(allow).collect()
    }

    /// The rules by which the route decides, as records name them: `any_verified`, and `allow` or `deny` with each identity that it
    /// names, as `allow:billing`.
    pub fn rule_names(&self) -> Vec<String> {
        let Some(rules) = self.rules_on_certificates() else { return Vec::new() };
        let named = |rule: &str, matcher: &Matcher| match matcher.identity_names().as_slice() {
            [] => vec![rule.to_owned()],
            names => names.iter().map(|name| format!("{rule}:{name}")).collect(),
        };
        let deny = rules.deny.iter().flat_map(|deny| named("deny", deny));
        let allow = match &rules.allow {
            Allow::AnyVerified => vec!["any_verified".to_owned()],
            Allow::Matching(allow) => named("allow", allow),
        };
        deny.chain(allow).collect()
    }

    /// What the route wants to know of revocation; `None` where it does not want to.
    pub fn revocation(&self) -> Option<&RevocationRules> {
        self.rules_on_certificates().and_then(|rules| rules.revocation.as_deref())
    }

    fn rules_on_certificates(&self) -> Option<&CertificateRules> {
        self.client_certificate().rules()
    }
}
