//! Certificates in use: on a real Envoy, each on a connection of its own, and many more in the core alone.

use mtls_policy::Engine;
use mtls_policy::cert::Fingerprint;
use mtls_policy::facts::{FactError, Facts};
use mtls_policy::policy::Policy;
use mtls_policy::request::Headers;
use mtls_policy::revocation::NoEvidence;
use mtls_policy::token::{Claim, ClaimPath};
use serde_json::json;
use time::OffsetDateTime;

use crate::Size;
use crate::curve::{Curve, count};
use crate::harness::mint::{Ca, Minted};
use crate::harness::{Connection, Pki};
use crate::process;
use crate::rules::HOST;
use crate::subject::{Subject, bare, listener, policy, setup, url};

const ON_ENVOY: [usize; 5] = [1, 10, 100, 1_000, 4_000];
const IN_ENGINE: [u64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// So many requests are enough to tell.
const REQUESTS: usize = 4_000;

const MEMORY: (&str, &str) = ("resident memory", "MiB");
const CPU: (&str, &str) = ("CPU of a request", "us");

fn allowing() -> serde_json::Value {
    let pattern = "spiffe://acme.example/ns/prod/sa/*";
    let route = json!({
        "name": "all",
        "match": { "path": { "prefix": "/" } },
        "client_certificate": "required",
        "allow": { "spiffe_id": pattern },
    });
    policy(json!({ "routes": [route] }))
}

fn client(ca: &Ca, number: usize) -> Minted {
    ca.leaf("client").spiffe(&format!("spiffe://acme.example/ns/prod/sa/client{number}")).mint()
}

/// By the number of certificates, with and without the filter.
pub(crate) async fn on_envoy(size: Size) -> Curve {
    let pki = Pki::new();
    let minted: Vec<Minted> =
        (0..ON_ENVOY[ON_ENVOY.len() - 1]).map(|number| client(&pki.ca, number)).collect();
    let mut curve = Curve::new("Certificates in use, each on a connection that stays open", "certificates");
    for number in ON_ENVOY {
        let ours = setup(&pki, listener()).policy(allowing());
        for (who, setup) in [("ours", ours), ("no filter", setup(&pki, bare()))] {
            let subject = Subject::start(setup, &minted[0], "/", 200).await;
            let mut connections = connected(&subject, &minted[..number]).await;
            let (mut cpu, mut memory) = (Vec::new(), Vec::new());
            for _ in 0..size.rounds {
                let before = subject.cpu();
                ask(&mut connections).await;
                cpu.push((subject.cpu() - before).as_secs_f64() * 1e6 / REQUESTS.max(number) as f64);
                memory.push(subject.memory());
            }
            subject.envoy.assert_no_trap().await;
            curve.add(MEMORY, who, number as u64, memory);
            curve.add(CPU, who, number as u64, cpu);
        }
        eprintln!("  {}", count(number as u64));
    }
    curve
}

/// A connection with each certificate, on which one request was answered.
async fn connected(subject: &Subject, clients: &[Minted]) -> Vec<Connection> {
    let mut connections = Vec::new();
    for client in clients {
        let mut connection = subject.envoy.client().presents(client).connect(&url("/")).await;
        assert_eq!(connection.get(&url("/")).await.status, 200);
        connections.push(connection);
    }
    connections
}

/// Asks on all in turn.
async fn ask(connections: &mut [Connection]) {
    let turns = REQUESTS.div_ceil(connections.len());
    for _ in 0..turns {
        for connection in connections.iter_mut() {
            assert_eq!(connection.get(&url("/")).await.status, 200);
        }
    }
}

/// By the number of certificates that come one after the other, in the core alone: natively, without Envoy.
pub(crate) fn in_engine() -> Curve {
    let text = allowing().to_string();
    let engine =
        Engine::new(Policy::from_json(text.as_bytes()).unwrap_or_else(|_| panic!("a policy with errors")));
    let mut shape = Numbered::new(&Ca::new("Acme Root"));
    let now = OffsetDateTime::from_unix_timestamp(1_767_225_600).unwrap();
    let mut curve = Curve::new("Certificates that the core has seen, natively", "certificates");
    let mut seen = 0;
    for number in IN_ENGINE {
        while seen < number {
            let request = shape.request(seen);
            let decision = engine.decide(&request, &NoEvidence, Some(now)).decided();
            assert!(decision.verdict().is_ok(), "{:?}", decision.verdict().err());
            seen += 1;
        }
        let memory = process::resident(std::process::id()) as f64 / f64::from(1 << 20);
        eprintln!("  {}: {memory:.1} MiB", count(number));
        curve.add(MEMORY, "this process", number, [memory]);
    }
    curve
}

/// Certificates that differ in their serial number alone. Nobody has signed them, but that is Envoy's to see.
struct Numbered {
    der: Vec<u8>,
    /// Where eight octets of the serial number are.
    at: usize,
}

impl Numbered {
    fn new(ca: &Ca) -> Numbered {
        let minted = client(ca, 0);
        let serial = minted.serial();
        let at =
            minted.der.windows(serial.len()).position(|octets| octets == serial).expect("its serial number");
        // The first octet keeps it positive.
        Numbered { der: minted.der, at: at + 1 }
    }

    fn request(&mut self, number: u64) -> Seen {
        self.der[self.at..self.at + 8].copy_from_slice(&number.to_be_bytes());
        let pem = pem_rfc7468::encode_string("CERTIFICATE", pem_rfc7468::LineEnding::LF, &self.der).unwrap();
        let pseudo = [(":method", "GET"), (":path", "/"), (":authority", HOST)];
        let pairs = pseudo.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        Seen {
            headers: Headers::new(pairs.to_vec()),
            digest: Fingerprint::of(&self.der).to_string().into_bytes(),
            pem: pem.into_bytes(),
        }
    }
}

/// A request of the holder of a certificate.
struct Seen {
    headers: Headers,
    digest: Vec<u8>,
    pem: Vec<u8>,
}

impl Facts for Seen {
    fn headers(&self) -> Result<&Headers, FactError> {
        Ok(&self.headers)
    }

    fn certificate_digest(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(Some(self.digest.clone()))
    }

    fn certificate_pem(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(Some(self.pem.clone()))
    }

    fn certificate_valid(&self) -> Result<Option<bool>, FactError> {
        Ok(Some(true))
    }

    fn protocol(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn server_name(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(Some(HOST.as_bytes().to_vec()))
    }

    fn tls_version(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(Some(b"TLSv1.3".to_vec()))
    }

    fn cipher(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn claim(&self, _metadata: &str, _path: &ClaimPath) -> Result<Claim, FactError> {
        Ok(Claim::Missing)
    }

    fn source_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn forwarded_address(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn envoy_route(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn envoy_cluster(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }

    fn route_metadata(&self) -> Result<Option<Vec<u8>>, FactError> {
        Ok(None)
    }
}
