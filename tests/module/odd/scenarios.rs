//! What goes on while the host answers oddly.

use std::sync::LazyLock;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::counts::configured;
use crate::host::abi::pairs;
use crate::host::stream::Stream;
use crate::host::world::{Response, START, Sent};
use crate::host::{FILTER, Trap, Vm};
use crate::mint::Minted;
use crate::policies::{PAY, policy, revocation_by_list, revocation_by_responder, route, with};
use crate::request::{BILLING, BILLING_CERTIFICATE, CA, request, service, unverified};
use crate::servers::{found, ticks};

/// The context of the first stream in a VM.
const FIRST: i32 = 2;

/// As many ticks as it takes until nothing is left to be done.
const TICKS: usize = 8;

/// Something that goes on.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// What was before.
    pub(super) before: fn() -> Vm,
    /// What happens while one answer is odd.
    pub(super) act: fn(&mut Vm) -> Result<(), Trap>,
    /// What holds then, whatever the answer; without an odd one, also what is to come of it.
    pub(super) holds: fn(&mut Vm, is_odd: bool) -> Result<(), String>,
    /// Whether certificates are held against lists or responders.
    pub(super) revokes: bool,
    pub(super) has_trailers: bool,
}

/// A client that is not allowed.
static WEB: LazyLock<Minted> = LazyLock::new(|| service("web"));

/// One that would be, and was revoked.
static REVOKED: LazyLock<Minted> =
    LazyLock::new(|| CA.leaf("revoked").spiffe(BILLING).dns("revoked.acme.example").mint());

/// One of `billing` that ends half an hour after the start.
static ENDING: LazyLock<Minted> = LazyLock::new(|| {
    let leaf = CA.leaf("billing").spiffe(BILLING);
    leaf.valid(start() - time::Duration::DAY, start() + time::Duration::minutes(30)).mint()
});

/// The list that says so.
static LIST: LazyLock<Vec<u8>> = LazyLock::new(|| CA.crl().revoke(&REVOKED).der());

/// What the responder says of both.
static ANSWERS: LazyLock<[(Vec<u8>, Vec<u8>); 2]> = LazyLock::new(|| {
    let at = start() - time::Duration::minutes(1);
    let signed = |certificate: &Minted, answer| (certificate.serial(), CA.ocsp(at).answer(&answer).der());
    let revoked = CA.good(&REVOKED, at).revoked(at);
    [signed(&REVOKED, revoked), signed(&BILLING_CERTIFICATE, CA.good(&BILLING_CERTIFICATE, at))]
});

fn start() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp((START / 1_000_000_000).cast_signed()).unwrap()
}

/// All of them.
pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "a policy is configured",
            before: || Vm::start(&FILTER),
            act: |vm| vm.configure(&recorded().to_string()).map(|_| ()),
            holds: |_, _| Ok(()),
            revokes: false,
            has_trailers: false,
        },
        Scenario {
            name: "a request is permitted, with headers and a record",
            before: || configured(&FILTER, &recorded()),
            act: |vm| whole(vm, forged(Some(&BILLING_CERTIFICATE))),
            holds: |vm, is_odd| passed_as_it_should(vm, is_odd),
            revokes: false,
            has_trailers: false,
        },
        Scenario {
            name: "a request of a new certificate is denied",
            before: || configured(&FILTER, &recorded()),
            act: |vm| whole(vm, forged(Some(&WEB))),
            holds: |vm, is_odd| denied(vm, is_odd),
            revokes: false,
            has_trailers: false,
        },
        Scenario {
            name: "a request without a certificate is denied",
            before: || configured(&FILTER, &recorded()),
            act: |vm| {
                let mut stream = forged(None);
                let forged = BILLING_CERTIFICATE.xfcc_element();
                stream.headers.extend(pairs(&[("x-forwarded-client-cert", &forged)]));
                whole(vm, stream)
            },
            holds: |vm, is_odd| denied(vm, is_odd),
            revokes: false,
            has_trailers: false,
        },
        Scenario {
            name: "a request whose certificate Envoy did not verify is denied",
            before: || configured(&FILTER, &recorded()),
            act: |vm| {
                let stream = with_forged(unverified(&BILLING_CERTIFICATE, PAY, "/v1/payments/17"));
                whole(vm, stream)
            },
            holds: |vm, is_odd| denied(vm, is_odd),
            revokes: false,
            has_trailers: false,
        },
        Scenario {
            name: "a gRPC request is denied",
            before: || configured(&FILTER, &recorded()),
            act: |vm| {
                let mut stream = forged(Some(&WEB));
                stream.headers.extend(pairs(&[("content-type", "application/grpc")]));
                whole(vm, stream)
            },
            holds: |vm, is_odd| denied(vm, is_odd),
            revokes: false,
            has_trailers: false,
        },
        Scenario {
            name: "trailers are cleaned",
            before: || configured(&FILTER, &recorded()),
            act: |vm| {
                let mut stream = forged(Some(&BILLING_CERTIFICATE));
                stream.trailers =
                    pairs(&[("x-checksum", "1"), ("x-client-verify", "FORGED"), ("x-client-id", "root")]);
                let (context, _) = vm.open(stream, false)?;
                vm.body(context, 100)?;
                vm.trailers(context)?;
                Ok(())
            },
            holds: |vm, is_odd| clean_trailers(vm, is_odd),
            revokes: false,
            has_trailers: true,
        },
        Scenario {
            name: "a request of a revoked certificate is denied by a list",
            before: || {
                let mut vm = configured(&FILTER, &revocation_by_list());
                serve(&mut vm, TICKS).expect("no trap");
                vm
            },
            act: |vm| whole(vm, forged(Some(&REVOKED))),
            holds: |vm, is_odd| denied(vm, is_odd),
            revokes: true,
            has_trailers: false,
        },
        Scenario {
            name: "a request waits for a list, and its certificate is revoked",
            before: || configured(&FILTER, &revocation_by_list()),
            act: |vm| {
                vm.open(forged(Some(&REVOKED)), true)?;
                serve(vm, TICKS)
            },
            holds: |vm, is_odd| denied(vm, is_odd),
            revokes: true,
            has_trailers: false,
        },
        Scenario {
            name: "a request waits for a responder, and its certificate is good",
            before: || configured(&FILTER, &revocation_by_responder()),
            act: |vm| {
                vm.open(forged(Some(&BILLING_CERTIFICATE)), true)?;
                serve(vm, TICKS)
            },
            holds: |vm, is_odd| passed_as_it_should(vm, is_odd),
            revokes: true,
            has_trailers: false,
        },
        Scenario {
            name: "a request waits for a responder, and its certificate is revoked",
            before: || configured(&FILTER, &revocation_by_responder()),
            act: |vm| {
                vm.open(forged(Some(&REVOKED)), true)?;
                serve(vm, TICKS)
            },
            holds: |vm, is_odd| denied(vm, is_odd),
            revokes: true,
            has_trailers: false,
        },
        Scenario {
            name: "an open stream is cut when its certificate ends",
            before: || {
                let mut vm = configured(&FILTER, &recorded());
                vm.open(forged(Some(&ENDING)), false).expect("no trap");
                vm
            },
            act: |vm| {
                vm.world().now += 3_600_000_000_000;
                serve(vm, TICKS)
            },
            holds: |vm, is_odd| {
                let is_cut = vm.stream(FIRST).reset;
                if is_cut || is_odd { Ok(()) } else { Err("the stream is open".to_owned()) }
            },
            revokes: false,
            has_trailers: false,
        },
        Scenario {
            name: "records go to a collector, and the plugin ends",
            before: || configured(&FILTER, &collected()),
            act: |vm| {
                whole(vm, forged(Some(&WEB)))?;
                vm.open(forged(Some(&BILLING_CERTIFICATE)), true)?;
                serve(vm, TICKS)?;
                vm.close(FIRST + 1)?;
                vm.end()?;
                serve(vm, TICKS)
            },
            holds: |_, _| Ok(()),
            revokes: false,
            has_trailers: false,
        },
    ]
}

/// Requests that come later: those that may pass, and those that must not.
pub(super) fn next(scenario: &Scenario) -> Vec<(Stream, bool)> {
    let revoked = scenario.revokes.then(|| (forged(Some(&REVOKED)), false));
    let others = [(Some(&*BILLING_CERTIFICATE), true), (None, false)];
    let others = others.map(|(certificate, may_pass)| (forged(certificate), may_pass));
    let web = (forged(Some(&WEB)), false);
    others.into_iter().chain([web]).chain(revoked).collect()
}

/// Ticks, and servers that answer: with a list of the revoked, with what is known of each certificate, and that records were taken.
pub(super) fn serve(vm: &mut Vm, number: usize) -> Result<(), Trap> {
    ticks(vm, number, |sent: &Sent| match sent.cluster.as_str() {
        "crl" => found(&LIST),
        "ocsp" => {
            let is_about = |serial: &[u8]| sent.body.windows(serial.len()).any(|octets| octets == serial);
            let known = ANSWERS.iter().find(|(serial, _)| is_about(serial));
            known.and_then(|(_, answer)| found(answer))
        }
        _ => Some(Response { headers: pairs(&[(":status", "200")]), body: b"{}".to_vec() }),
    })
}

/// A request from its beginning to its end; what became of it stays to be seen.
fn whole(vm: &mut Vm, stream: Stream) -> Result<(), Trap> {
    let (context, _) = vm.open(stream, true)?;
    let left = vm.stream(context).clone();
    vm.close(context)?;
    vm.world().streams.insert(context, left);
    Ok(())
}

/// A request that has copies of headers which the filter sets.
fn forged(certificate: Option<&Minted>) -> Stream {
    with_forged(request(certificate, PAY, "/v1/payments/17"))
}

fn with_forged(mut stream: Stream) -> Stream {
    stream.headers.extend(pairs(&[
        ("x-client-verify", "FORGED"),
        ("x-client-id", "root"),
        ("x_client_id", "root"),
    ]));
    stream
}

fn recorded() -> Value {
    let members = json!({
        "audit": { "allowed_ratio": 1.0 },
        "forward": { "headers": { "x-client-id": "{spiffe_id}" } },
    });
    policy(&[with(route("payments", "/v1/payments"), members)])
}

fn collected() -> Value {
    let otlp =
        json!({ "cluster": "collector", "url": "http://collector.acme.example/v1/logs", "max_delay_ms": 10 });
    with(recorded(), json!({ "audit": { "otlp": otlp, "envoy_log": "none", "on_overflow": "deny" } }))
}

fn denied(vm: &mut Vm, is_odd: bool) -> Result<(), String> {
    let stream = vm.stream(FIRST);
    match (stream.went_on, stream.reply, is_odd) {
        (true, _, _) => Err("the request has passed".to_owned()),
        (false, None, false) => Err("the request was not answered".to_owned()),
        (false, _, _) => Ok(()),
    }
}

/// Where it passed the upstream sees what the filter says of the client, and nothing of what the client says.
fn passed_as_it_should(vm: &mut Vm, is_odd: bool) -> Result<(), String> {
    let stream = vm.stream(FIRST).clone();
    if !stream.went_on {
        return if is_odd { Ok(()) } else { Err(format!("it did not pass: {:#?}", vm.world().log)) };
    }
    let told = [stream.header("x-client-verify"), stream.header("x-client-id"), stream.header("x_client_id")];
    let forwarded = stream.header("x-client-id").iter().any(|value| value.starts_with("spiffe:"));
    let good = match told.each_ref().map(Vec::as_slice) {
        [[verify], [id], []] => verify == "SUCCESS" && id == BILLING,
        // The policy forwards no more than that.
        [[verify], _, _] => verify == "SUCCESS" && !forwarded && !policy_forwards(vm),
        _ => false,
    };
    if good { Ok(()) } else { Err(format!("the upstream was told {told:?}")) }
}

/// Whether the policy in force sets more than `x-client-verify`.
fn policy_forwards(vm: &mut Vm) -> bool {
    String::from_utf8_lossy(vm.world().configuration()).contains("x-client-id")
}

/// Trailers that pass bear none of the headers' names that the filter sets.
fn clean_trailers(vm: &mut Vm, is_odd: bool) -> Result<(), String> {
    let stream = vm.stream(FIRST).clone();
    let forged = stream.trailers.iter().any(|(name, _)| name.starts_with(b"x-client"));
    match (stream.trailers_went_on, forged) {
        (true, true) => Err("forged trailers have passed".to_owned()),
        (false, _) if !is_odd => Err("trailers did not pass".to_owned()),
        (_, _) => Ok(()),
    }
}
