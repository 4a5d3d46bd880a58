//! Compiles `enforce_ratio`.

use super::reader::{Object, Problems, wrong_type};
use crate::policy::decision::Mode;
use crate::policy::error::PolicyErrorKind;
use crate::policy::route::ClientCertificate;
use crate::policy::share::Share;
use crate::policy::source::Value;

/// What `object`, a route or the defaults, says for whom denials are enforced, where they are enforced in this mode; else `inherited`.
pub(super) fn share(
    object: &Object<'_>,
    inherited: Share,
    mode: Option<Mode>,
    client_certificate: Option<&ClientCertificate>,
    problems: &mut Problems,
) -> Option<Share> {
    let Some(member) = object.member("enforce_ratio") else { return Some(inherited) };
    let node = &member.value;
    let Value::Number(ratio) = node.value else { return wrong_type(node, "a number", problems) };
    let Some(share) = Share::of(ratio) else {
        return problems.add(node.span, PolicyErrorKind::NotARatio { value: ratio });
    };
    let idle = match (mode, client_certificate) {
        (Some(Mode::Shadow), _) => Some("in shadow, nothing is enforced; say `\"mode\": \"enforce\"`"),
        (_, Some(ClientCertificate::Ignored | ClientCertificate::Unverified(_))) => {
            Some("it is about verified clients, and this route verifies none")
        }
        (_, Some(ClientCertificate::Optional(_) | ClientCertificate::Required(_)) | None) => None,
    };
    match idle {
        Some(why) => {
            problems.add(member.key_span, PolicyErrorKind::Ineffective { key: member.key.clone(), why })
        }
        None => Some(share),
    }
}
