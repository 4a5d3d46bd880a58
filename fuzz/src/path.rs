//! Paths: no way of writing a protected one reaches what is open.

use mtls_policy::Engine;
use mtls_policy::policy::Policy;

use crate::request::Request;

/// Protects `/admin` and what is below it, and opens the rest.
const POLICY: &[u8] = include_bytes!("../policies/guarded.json");

/// Asks for the path `data`, without a certificate.
pub fn run(data: &[u8]) {
    let engine = Engine::new(Policy::from_json(POLICY).unwrap_or_else(|_| panic!("the policy has errors")));
    let request = Request::get_bytes([b"/", data].concat());
    let decision = request.decide(&engine);
    request.check(&engine, &decision);
    if decision.verdict().is_ok() {
        let path = [b"/", data].concat();
        let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
        assert!(!may_mean_admin(path), "a guarded path was open: {}", path.escape_ascii());
    }
}

/// Whether a server that decodes, takes backslashes for slashes, drops parameters and resolves dot segments, in the usual
/// order and up to twice, arrives at `/admin`. Written anew here, from the standards and not from the engine.
fn may_mean_admin(path: &[u8]) -> bool {
    let once = decode(path);
    let twice = decode(&once);
    [path.to_vec(), once, twice].into_iter().any(|path| {
        let segments = |path: &[u8]| -> Vec<Vec<u8>> {
            let slashed =
                path.iter().map(|byte| if *byte == b'\\' { b'/' } else { *byte }).collect::<Vec<u8>>();
            let mut kept: Vec<Vec<u8>> = Vec::new();
            for segment in slashed.split(|byte| *byte == b'/') {
                let segment = segment.split(|byte| *byte == b';').next().unwrap_or_default();
                match segment {
                    b"" | b"." => {}
                    b".." => {
                        kept.pop();
                    }
                    _ => kept.push(segment.to_vec()),
                }
            }
            kept
        };
        segments(&path).first().is_some_and(|first| first == b"admin")
    })
}

fn decode(path: &[u8]) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16);
    let mut decoded = Vec::new();
    let mut rest = path;
    while let Some((byte, tail)) = rest.split_first() {
        let value = match (byte, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        match value.and_then(|value| u8::try_from(value).ok()) {
            Some(value) => {
                decoded.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(*byte);
                rest = tail;
            }
        }
    }
    decoded
}
