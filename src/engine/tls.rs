//! Asks of the TLS connection what a route demands of it.

use crate::facts::{Facts, Transport};
use crate::policy::trace::{Finding, Stage, Step, Trace};
use crate::policy::{CipherSuite, Denial, Host, Reason, Route, ServerNameRule, TlsDemands, TlsVersion};

/// Checks the connection on which a request for `host` came.
///
/// # Errors
/// The denial for the first demand that is not met.
pub(super) fn check(
    demands: &TlsDemands,
    route: &Route,
    host: &Host,
    facts: &impl Facts,
    trace: &mut impl Trace,
) -> Result<(), Denial> {
    let checked = check_server_name(&demands.server_name, route, host, facts, trace)
        .and_then(|()| demands.min_version.map_or(Ok(()), |least| check_version(least, facts, trace)))
        .and_then(|()| demands.ciphers.as_ref().map_or(Ok(()), |of| check_cipher(of, facts, trace)));
    if let Err(denial) = &checked {
        trace.note(|| Step::new(Stage::Tls, Finding::No, denial.detail()));
    }
    checked
}

/// A client that asks one name's handshake for another name's resources gets 421, so that it asks again
/// on a connection of the right name (RFC 9110, section 15.5.20).
fn check_server_name(
    rule: &ServerNameRule,
    route: &Route,
    host: &Host,
    facts: &impl Facts,
    trace: &mut impl Trace,
) -> Result<(), Denial> {
    let names = match rule {
        ServerNameRule::Ignore => return Ok(()),
        ServerNameRule::Match => None,
        ServerNameRule::OneOf(names) => Some(names),
    };
    let Some(server_name) = facts.server_name()? else {
        // Clients send no server name for an address (RFC 6066, section 3).
        let may_be_absent = names.is_none() && (!route.names_hosts() || host.is_ip_literal());
        if may_be_absent || facts.transport()? == Transport::Plaintext {
            trace.note(|| Step::new(Stage::Tls, Finding::Yes, "no server name, and none is needed"));
            return Ok(());
        }
        return Err(Denial::new(Reason::SniMismatch, "the TLS handshake named no server"));
    };
    let agrees = match names {
        // Mostly it is written as hosts compare, and is the host if it is the same text: 2,000 instructions less.
        None if server_name == host.as_str().as_bytes() => true,
        None => Host::from_name(&server_name).is_ok_and(|name| name == *host),
        Some(names) => {
            Host::from_name(&server_name).is_ok_and(|name| names.iter().any(|pattern| pattern.matches(&name)))
        }
    };
    let shown = || String::from_utf8_lossy(&server_name);
    if agrees {
        trace.note(|| Step::new(Stage::Tls, Finding::Yes, format!("server name `{}`", shown())));
        return Ok(());
    }
    let server_name = shown();
    let detail = format_args!("the TLS handshake named `{server_name}`, the request `{}`", host.as_str());
    Err(Denial::new(Reason::SniMismatch, detail))
}

fn check_version(least: TlsVersion, facts: &impl Facts, trace: &mut impl Trace) -> Result<(), Denial> {
    let Some(version) = facts.tls_version()? else {
        let detail = format_args!("the connection has no TLS; demanded is at least `{least}`");
        return Err(Denial::new(Reason::TlsVersion, detail));
    };
    let found = || format!("`{}`; demanded is at least `{least}`", String::from_utf8_lossy(&version));
    // A version that is not known is none that a policy can have meant.
    if TlsVersion::from_name(&version).is_some_and(|version| version >= least) {
        trace.note(|| Step::new(Stage::Tls, Finding::Yes, found()));
        return Ok(());
    }
    Err(Denial::new(Reason::TlsVersion, format_args!("the connection is {}", found())))
}

fn check_cipher(accepted: &[CipherSuite], facts: &impl Facts, trace: &mut impl Trace) -> Result<(), Denial> {
    let Some(cipher) = facts.cipher()? else {
        return Err(match facts.transport()? {
            Transport::Plaintext => Denial::new(Reason::Cipher, "the connection has no TLS"),
            Transport::Tls => Denial::new(
                Reason::InternalError,
                "the listener does not tell the cipher suite: it must leave it in the filter state `mtls_policy.connection`, by \
                 `on_downstream_tls_handshake` of `envoy.filters.network.set_filter_state`, as `envoy/envoy.yaml` does",
            ),
        });
    };
    let name = String::from_utf8_lossy(&cipher);
    if accepted.iter().any(|suite| suite.is(&cipher)) {
        trace.note(|| Step::new(Stage::Tls, Finding::Yes, format!("cipher suite `{name}`")));
        return Ok(());
    }
    let accepted: Vec<String> = accepted.iter().map(|suite| format!("`{suite}`")).collect();
    let detail = format_args!("the cipher suite is `{name}`; accepted are {}", accepted.join(", "));
    Err(Denial::new(Reason::Cipher, detail))
}
