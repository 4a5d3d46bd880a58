//! Policies that grow: by routes, and by the identities that they let in.

use serde_json::{Value, json};

use crate::Size;
use crate::curve::{Curve, count};
use crate::harness::mint::Minted;
use crate::harness::{Pki, Setup};
use crate::rules;
use crate::subject::{Subject, bare, listener, ms, policy, setup};

const READY: (&str, &str) = ("start until ready", "ms");
const ANSWERED: (&str, &str) = ("start until the first answer", "ms");
const SPENT: (&str, &str) = ("CPU until then", "ms");
const MEMORY: (&str, &str) = ("resident memory", "MiB");
const CPU: (&str, &str) = ("CPU of a request", "us");

/// Who takes part, at one size.
struct Part {
    who: &'static str,
    at: u64,
    setup: Setup,
    client: Minted,
    path: String,
}

/// By the number of routes, of which the one in the middle is asked for.
pub(crate) async fn routes(size: Size) -> Curve {
    let pki = Pki::new();
    let part = |who, routes: usize, setup| Part {
        who,
        at: routes as u64,
        setup,
        client: rules::client(&pki.ca, routes),
        path: rules::path(routes),
    };
    let ours = |routes| part("ours", routes, setup(&pki, listener()).policy(rules::policy(routes)));
    let none = |routes| part("no filter", routes, setup(&pki, bare()));
    let parts = [10, 100, 1_000, 10_000].map(ours).into_iter().chain([10, 10_000].map(none)).collect();
    measure(Curve::new("Routes of a policy", "routes"), &pki, parts, size).await
}

/// By the number of SPIFFE IDs: of one list that a route lets in, and of named identities of which a route names one.
pub(crate) async fn identities(size: Size) -> Curve {
    let pki = Pki::new();
    let part = |who, number: usize, members| Part {
        who,
        at: number as u64,
        setup: setup(&pki, listener()).policy(policy(members)),
        client: rules::client(&pki.ca, number),
        path: "/orders/42".to_owned(),
    };
    let route = |allow: Value| json!([{ "name": "all", "match": { "path": { "prefix": "/" } }, "client_certificate": "required", "allow": allow }]);
    let listed = |number: usize| {
        let ids: Vec<String> = (0..number).map(rules::id).collect();
        part("in one list", number, json!({ "routes": route(json!({ "spiffe_id": ids })) }))
    };
    let named = |number: usize| {
        let identity = |number| (format!("service{number}"), json!({ "spiffe_id": rules::id(number) }));
        let identities: serde_json::Map<String, Value> = (0..number).map(identity).collect();
        let own = json!({ "identity": format!("service{}", number / 2) });
        part("each with a name", number, json!({ "identities": identities, "routes": route(own) }))
    };
    let sizes = [10, 1_000, 10_000, 100_000];
    let parts = sizes.map(listed).into_iter().chain(sizes.map(named)).collect();
    measure(Curve::new("Identities of a policy", "identities"), &pki, parts, size).await
}

/// Starts all in turns, then asks all in turns.
async fn measure(mut curve: Curve, pki: &Pki, parts: Vec<Part>, size: Size) -> Curve {
    let folder = tempfile::tempdir().expect("a folder for keys");
    let mut started: Vec<[Vec<f64>; 3]> = parts.iter().map(|_| Default::default()).collect();
    let mut up = Vec::new();
    for start in 0..size.starts {
        for (part, [ready, answered, spent]) in parts.iter().zip(&mut started) {
            let subject = Subject::start(part.setup.clone(), &part.client, &part.path, 200).await;
            eprintln!("  {} {}: first answer after {:.0} ms", part.who, count(part.at), ms(subject.answered));
            ready.push(ms(subject.ready));
            answered.push(ms(subject.answered));
            spent.push(ms(subject.spent));
            if start + 1 == size.starts {
                up.push(subject);
            }
        }
    }
    let targets: Vec<_> = parts
        .iter()
        .zip(&up)
        .map(|(part, subject)| subject.target(pki, &part.client, &part.path, folder.path()))
        .collect();
    let mut asked: Vec<(Vec<f64>, Vec<f64>)> = parts.iter().map(|_| Default::default()).collect();
    // The first round only warms.
    for round in 0..=size.rounds {
        for ((subject, target), (cpu, memory)) in up.iter().zip(&targets).zip(&mut asked) {
            let each = tokio::task::block_in_place(|| subject.cpu_of_requests(target, size.requests));
            if round > 0 {
                cpu.push(each);
                memory.push(subject.memory());
            }
        }
    }
    for ((part, [ready, answered, spent]), (cpu, memory)) in parts.iter().zip(started).zip(asked) {
        curve.add(READY, part.who, part.at, ready);
        curve.add(ANSWERED, part.who, part.at, answered);
        curve.add(SPENT, part.who, part.at, spent);
        curve.add(MEMORY, part.who, part.at, memory);
        curve.add(CPU, part.who, part.at, cpu);
    }
    for subject in &up {
        subject.envoy.assert_no_trap().await;
    }
    curve
}
