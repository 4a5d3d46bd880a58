//! The HTTP filters before and after ours.

use super::bootstrap::HttpFilter;
use super::finding::{Findings, Id};
use super::plugin;

const HTTP_FILTERS: &str = "envoy.extensions.filters.http.";

/// What a filter does to requests that matters to one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// It changes nothing that the policy looks at, and answers by refusing at the most.
    Fine,
    /// It may answer requests by itself.
    Answers,
    /// It answers with what was kept from other requests.
    Serves,
    /// It decides by the client's identity.
    Identifies,
    /// It may change the request's path, host or headers.
    Rewrites,
    /// Filters after it are never asked.
    Ends,
}

/// What a filter does to requests that matters to one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The request stays what was decided on.
    Fine,
    /// It lets Envoy choose the route anew where it is told to.
    MayClear,
    /// It may change the request's path or host, or have the route chosen anew.
    Rewrites,
}

/// The filters that come with Envoy, by the names of their packages. Whatever is not here is said to be unknown.
const KNOWN: &[(&str, Before, After)] = &[
    ("adaptive_concurrency", Before::Fine, After::Fine),
    ("admission_control", Before::Fine, After::Fine),
    ("alternate_protocols_cache", Before::Fine, After::Fine),
    ("api_key_auth", Before::Identifies, After::Fine),
    ("bandwidth_limit", Before::Fine, After::Fine),
    ("basic_auth", Before::Identifies, After::Fine),
    ("buffer", Before::Fine, After::Fine),
    ("cache", Before::Serves, After::Fine),
    ("cache_v2", Before::Serves, After::Fine),
    ("composite", Before::Rewrites, After::Rewrites),
    ("compressor", Before::Fine, After::Fine),
    ("cors", Before::Answers, After::Fine),
    ("credential_injector", Before::Fine, After::Fine),
    ("csrf", Before::Fine, After::Fine),
    ("custom_response", Before::Fine, After::Fine),
    ("decompressor", Before::Fine, After::Fine),
    ("dynamic_forward_proxy", Before::Fine, After::Fine),
    ("dynamic_modules", Before::Rewrites, After::Rewrites),
    ("ext_authz", Before::Identifies, After::MayClear),
    ("ext_proc", Before::Rewrites, After::Rewrites),
    ("fault", Before::Fine, After::Fine),
    ("file_system_buffer", Before::Fine, After::Fine),
    ("gcp_authn", Before::Fine, After::Fine),
    ("geoip", Before::Fine, After::Fine),
    ("golang", Before::Rewrites, After::Rewrites),
    ("grpc_field_extraction", Before::Fine, After::Fine),
    ("grpc_http1_bridge", Before::Fine, After::Fine),
    ("grpc_http1_reverse_bridge", Before::Fine, After::Fine),
    ("grpc_json_reverse_transcoder", Before::Rewrites, After::Rewrites),
    ("grpc_json_transcoder", Before::Rewrites, After::Rewrites),
    ("grpc_stats", Before::Fine, After::Fine),
    ("grpc_web", Before::Fine, After::Fine),
    ("header_mutation", Before::Rewrites, After::Rewrites),
    ("header_to_metadata", Before::Fine, After::MayClear),
    ("health_check", Before::Answers, After::Fine),
    ("ip_tagging", Before::Fine, After::Fine),
    ("json_to_metadata", Before::Fine, After::MayClear),
    ("jwt_authn", Before::Fine, After::MayClear),
    ("kill_request", Before::Fine, After::Fine),
    ("local_ratelimit", Before::Fine, After::Fine),
    ("lua", Before::Rewrites, After::Rewrites),
    ("oauth2", Before::Answers, After::Fine),
    ("original_src", Before::Fine, After::Fine),
    ("rate_limit_quota", Before::Fine, After::Fine),
    ("ratelimit", Before::Fine, After::Fine),
    ("rbac", Before::Identifies, After::Fine),
    ("router", Before::Ends, After::Fine),
    ("set_filter_state", Before::Fine, After::MayClear),
    ("set_metadata", Before::Fine, After::Fine),
    ("stateful_session", Before::Fine, After::Fine),
    ("tap", Before::Fine, After::Fine),
    ("wasm", Before::Rewrites, After::Rewrites),
];

pub(super) fn check(before: &[HttpFilter<'_>], after: &[HttpFilter<'_>], findings: &mut Findings) {
    for filter in before.iter().filter(|filter| !plugin::is_ours(filter)) {
        match known(filter) {
            Some((before, _)) => check_before(filter, before, findings),
            None => unknown(filter, "before", findings),
        }
    }
    for filter in after.iter().filter(|filter| !plugin::is_ours(filter)) {
        match known(filter) {
            Some((_, after)) => check_after(filter, after, findings),
            None => unknown(filter, "after", findings),
        }
    }
}

fn known(filter: &HttpFilter<'_>) -> Option<(Before, After)> {
    let package = filter.config.as_ref()?.type_name.strip_prefix(HTTP_FILTERS)?.split('.').next()?;
    let (_, before, after) = KNOWN.iter().find(|(name, _, _)| *name == package)?;
    Some((*before, *after))
}

fn check_before(filter: &HttpFilter<'_>, effect: Before, findings: &mut Findings) {
    const HELP: &str = "move it behind `mtls_policy`";
    let (at, name) = (&filter.at, filter.name.escape_debug());
    match effect {
        Before::Fine => {}
        Before::Answers => findings.warning(
            Id::AnswersFirst,
            at,
            format!("`{name}` may answer requests before the policy is asked, and without a record"),
            HELP,
        ),
        Before::Serves => findings.error(
            Id::AnswersFirst,
            at,
            format!("`{name}` answers with what it kept from others before the policy is asked"),
            HELP,
        ),
        Before::Identifies => findings.warning(
            Id::IdentityFirst,
            at,
            format!("`{name}` decides by the client's identity before the policy does, and without a record"),
            HELP,
        ),
        Before::Rewrites => findings.warning(
            Id::RewritesFirst,
            at,
            format!(
                "`{name}` may change path, host or `x-forwarded-client-cert`, or answer, before the policy is asked"
            ),
            HELP,
        ),
        Before::Ends => findings.error(
            Id::RouterFirst,
            at,
            format!("`{name}` sends requests on before the policy is asked"),
            HELP,
        ),
    }
}

fn check_after(filter: &HttpFilter<'_>, effect: After, findings: &mut Findings) {
    let name = filter.name.escape_debug();
    match effect {
        After::Fine => {}
        After::MayClear => {
            if let Some(at) = filter.at.sets_anywhere("clear_route_cache") {
                findings.warning(
                    Id::RewritesAfter,
                    &at,
                    format!("`{name}` has Envoy choose a route anew, after the policy has decided"),
                    "remove `clear_route_cache`, or move the filter before `mtls_policy`",
                );
            }
        }
        After::Rewrites => findings.warning(
            Id::RewritesAfter,
            &filter.at,
            format!(
                "`{name}` may change path or host, or choose another route, after the policy has decided"
            ),
            "move it before `mtls_policy`, or make sure that it leaves path and host alone",
        ),
    }
}

fn unknown(filter: &HttpFilter<'_>, side: &str, findings: &mut Findings) {
    let name = filter.name.escape_debug();
    if filter.config.is_none() && filter.discovery.is_some() {
        findings.note(
            Id::DiscoveredFilters,
            &filter.at,
            format!("`{name}`, {side} the policy, comes from elsewhere (ECDS) and was not looked at"),
            "make sure by hand that it leaves path, host and identity alone",
        );
    } else {
        findings.note(
            Id::UnknownFilter,
            &filter.at,
            format!("`{name}`, {side} the policy, is unknown here"),
            "make sure by hand that it leaves path, host and identity alone",
        );
    }
}
