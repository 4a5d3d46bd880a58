//! Operations on what Envoy forwards.

use mtls_policy::cert::xfcc::{self, Element};
use serde_json::{Map, Value};

use super::answer::{Finding, Verdict};
use super::case::{Case, Refusal};

/// `parse_xfcc`: the elements of a header `x-forwarded-client-cert`.
pub(super) fn parse(case: &Case) -> Result<Finding, Refusal> {
    let [header] = case.texts(["header"])?;
    Ok(match xfcc::parse(header.as_bytes()) {
        Ok(elements) => {
            let elements = elements.iter().map(element).collect();
            Finding::plain(Verdict::Accept).with("elements", Value::Array(elements))
        }
        Err(error) => Finding::because(Verdict::Reject, "malformed_header", error),
    })
}

fn element(element: &Element<'_>) -> Value {
    let Element { by, hash, cert, chain, subject, uri, dns } = element;
    let mut fields = Map::new();
    for (key, values) in [("by", by), ("uri", uri), ("dns", dns)] {
        fields.insert(key.to_owned(), values.iter().map(|value| text(value)).collect());
    }
    for (key, value) in [("hash", hash), ("cert_raw", cert), ("chain_raw", chain), ("subject", subject)] {
        fields.extend(value.iter().map(|value| (key.to_owned(), text(value).into())));
    }
    Value::Object(fields)
}

/// The header came as text, and is taken apart where its ASCII separators are.
fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}
