//! Whole decisions: any request, any connection, any answer of the proxy.

use mtls_policy::Engine;
use mtls_policy::policy::Policy;
use mtls_policy::request::{Headers, XFCC};

use crate::request::Request;

/// Asks for everything that a route can ask for.
const POLICY: &[u8] = include_bytes!("../policies/everything.json");

/// A certificate that the policy lets in.
const LEAF: &[u8] = include_bytes!("../seeds/certificate/leaf.der");

/// Parts a piece of input from the next: a control character, so that seeds can be written by hand.
const SEPARATOR: u8 = 0x1e;

/// Reads `data` as a request and decides it. Its first byte says of the certificate where it comes from and whether Envoy
/// verified it, its second which question is not answered; the pieces after it are method, path, host, server name, version
/// of TLS, cipher suite, source, name and metadata of Envoy's route, claims as JSON, `x-forwarded-client-cert`, and names and
/// values of headers in turn.
pub fn run(data: &[u8]) {
    let [kind, failing, rest @ ..] = data else { return };
    let mut pieces = rest.split(|byte| *byte == SEPARATOR).map(<[u8]>::to_vec);
    let mut next = || pieces.next().filter(|piece| !piece.is_empty());
    let pseudo = [(":method", next()), (":path", next()), (":authority", next())];
    let mut request = Request {
        server_name: next(),
        tls_version: next(),
        cipher: next(),
        source: next(),
        envoy_route: next(),
        route_metadata: next(),
        claims: next().and_then(|claims| serde_json::from_slice(&claims).ok()).unwrap_or_default(),
        failing: (*failing != 0).then(|| usize::from(*failing) - 1),
        valid: [None, Some(false), Some(true)][usize::from(*kind % 3)],
        ..Request::default()
    };
    let xfcc = next();
    let mut headers: Vec<(String, Vec<u8>)> = pseudo
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .chain(xfcc.clone().map(|value| (XFCC.to_owned(), value)))
        .collect();
    while let Some(name) = next() {
        // Envoy takes no other bytes in names.
        let name: String = name.into_iter().filter(u8::is_ascii_graphic).map(char::from).collect();
        headers.push((name.to_ascii_lowercase(), next().unwrap_or_default()));
    }
    request.headers = Headers::new(headers);
    let (valid, xfcc) = (request.valid, xfcc.unwrap_or_default());
    request = match kind / 3 % 4 {
        0 => request,
        1 => Request { valid, ..request.presenting(LEAF) },
        2 => Request { valid, pem: None, ..request.presenting(LEAF) },
        _ => Request { valid, pem: Some(xfcc), ..request.presenting(LEAF) },
    };
    let policy = Policy::from_json(POLICY).unwrap_or_else(|_| panic!("the policy of this target has errors"));
    let engine = Engine::new(policy);
    let decision = request.decide(&engine);
    request.check(&engine, &decision);
}
