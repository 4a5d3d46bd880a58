//! Asks of the token what a route demands of it.

use crate::facts::Facts;
use crate::identity::Identity;
use crate::policy::trace::{Finding, Stage, Step, Trace};
use crate::policy::{Binding, Denial, Reason, TokenDemands, names_certificate};
use crate::token::{Claim, ClaimPath};

/// Checks the token of a request from the client with this certificate, if it presented one.
///
/// # Errors
/// The denial for the first demand that is not met.
pub(super) fn check(
    demands: &TokenDemands,
    identity: Option<&Identity>,
    facts: &impl Facts,
    trace: &mut impl Trace,
) -> Result<(), Denial> {
    for demand in &demands.claims {
        let path = &demand.path;
        let claim = facts.claim(&demands.metadata, path)?;
        let (finding, found) = match &claim {
            Claim::Missing => (Finding::No, "is not there"),
            Claim::Unreadable => (Finding::CannotTell, "cannot be compared"),
            Claim::One(_) | Claim::Many(_) if demand.holds(&claim) => (Finding::Yes, "is as demanded"),
            Claim::One(_) | Claim::Many(_) => (Finding::No, "is not what is demanded"),
        };
        trace.note(|| Step::new(Stage::Token, finding, format!("claim `{path}` {found}")));
        match finding {
            Finding::Yes | Finding::Fact => {}
            Finding::No | Finding::CannotTell if claim == Claim::Missing => {
                return Err(missing(demands, path, facts)?);
            }
            Finding::No | Finding::CannotTell => {
                let detail = format_args!("claim `{path}` of the token {found}");
                return Err(Denial::new(Reason::TokenMismatch, detail));
            }
        }
    }
    match demands.binding {
        Binding::NotDemanded => Ok(()),
        Binding::ToCertificate => {
            let bound = check_binding(demands, identity, facts);
            match &bound {
                Ok(()) => trace.note(|| Step::new(Stage::Token, Finding::Yes, "bound to the certificate")),
                Err(why) => trace.note(|| Step::new(Stage::Token, Finding::No, why.detail())),
            }
            bound
        }
    }
}

/// Says whether there is a token at all: then it lacks the claim.
fn missing(demands: &TokenDemands, path: &ClaimPath, facts: &impl Facts) -> Result<Denial, Denial> {
    Ok(match facts.claim(&demands.metadata, &ClaimPath::whole())? {
        Claim::Missing => no_token(demands),
        Claim::One(_) | Claim::Many(_) | Claim::Unreadable => {
            Denial::new(Reason::TokenMissing, format_args!("the token has no claim `{path}`"))
        }
    })
}

fn no_token(demands: &TokenDemands) -> Denial {
    let detail = format_args!(
        "there is no token that `jwt_authn` verified: its metadata holds nothing under `{}`",
        demands.metadata
    );
    Denial::new(Reason::TokenMissing, detail)
}

/// RFC 8705 section 3: whoever uses the token must hold the key of the certificate that it names.
fn check_binding(
    demands: &TokenDemands,
    identity: Option<&Identity>,
    facts: &impl Facts,
) -> Result<(), Denial> {
    let not_bound = |detail| Err(Denial::new(Reason::TokenNotBound, detail));
    let Some(identity) = identity else {
        return not_bound("the client presented no certificate to which a token could be bound");
    };
    let path = ClaimPath::certificate_digest();
    let claim = facts.claim(&demands.metadata, &path)?;
    match &claim {
        Claim::Missing if facts.claim(&demands.metadata, &ClaimPath::whole())? == Claim::Missing => {
            Err(no_token(demands))
        }
        Claim::Missing => not_bound("the token is bound to no certificate: it has no claim `/cnf/x5t#S256`"),
        Claim::One(_) | Claim::Many(_) | Claim::Unreadable => {
            if names_certificate(&claim, identity.fingerprint()) {
                Ok(())
            } else {
                not_bound("the token is bound to another certificate")
            }
        }
    }
}
