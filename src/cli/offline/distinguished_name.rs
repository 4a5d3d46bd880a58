//! Distinguished names of minted certificates, in which an attribute may stand several times.

use std::collections::BTreeMap;

use mtls_policy::identity::AttributeType;
use yasna::ASN1Result;
use yasna::models::ObjectIdentifier;

use super::OneOrMany;

/// What a distinguished name holds: attributes by name or object identifier, each with its values.
pub(super) type Attributes = BTreeMap<String, OneOrMany<String>>;

/// Where a certificate's own fields hold its names (RFC 5280, section 4.1): version, serial number, signature, issuer,
/// validity, subject, ...
const ISSUER: usize = 3;
const SUBJECT: usize = 5;

/// Attributes in the order in which authorities write them, from the country to the holder. Others stand in between.
const OUTER: &[&str] = &["DC", "C", "ST", "L", "STREET", "O", "OU"];
const INNERMOST: &str = "CN";

/// A name in DER: one attribute in each relative name, in UTF-8, from the outermost to the innermost.
///
/// # Errors
/// Attributes that are not known.
pub(super) fn encode(attributes: &Attributes) -> Result<Vec<u8>, String> {
    let mut pairs = Vec::new();
    let mut attributes: Vec<_> = attributes.iter().collect();
    attributes.sort_by_key(|(attribute, _)| rank(attribute));
    for (attribute, values) in attributes {
        let kind = AttributeType::parse(attribute).map_err(|error| error.to_string())?;
        let arcs = kind.object_identifier().arcs();
        let arcs = arcs.ok_or_else(|| format!("`{attribute}` is too large an object identifier"))?;
        let oid = ObjectIdentifier::new(arcs);
        pairs.extend(values.as_slice().iter().map(|value| (oid.clone(), value)));
    }
    Ok(yasna::construct_der(|writer| {
        writer.write_sequence(|name| {
            for (oid, value) in &pairs {
                name.next().write_set(|relative| {
                    relative.next().write_sequence(|attribute| {
                        attribute.next().write_oid(oid);
                        attribute.next().write_utf8_string(value);
                    });
                });
            }
        });
    }))
}

fn rank(attribute: &str) -> usize {
    let is = |name: &str| attribute.eq_ignore_ascii_case(name);
    let others = if is(INNERMOST) { OUTER.len() + 1 } else { OUTER.len() };
    OUTER.iter().position(|name| is(name)).unwrap_or(others)
}

/// `certificate` with these names, signed anew by `sign`.
pub(super) fn rename(
    certificate: &[u8],
    issuer: &[u8],
    subject: &[u8],
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> ASN1Result<Vec<u8>> {
    let parts = elements(certificate)?;
    let [body, algorithm, _signature] = parts.as_slice() else {
        return Err(yasna::ASN1Error::new(yasna::ASN1ErrorKind::Invalid));
    };
    let fields = elements(body)?;
    let fields = fields.iter().enumerate().map(|(index, field)| match index {
        ISSUER => issuer,
        SUBJECT => subject,
        _ => field,
    });
    let body = yasna::construct_der(|writer| {
        writer.write_sequence(|body| fields.for_each(|field| body.next().write_der(field)));
    });
    let signature = sign(&body);
    Ok(yasna::construct_der(|writer| {
        writer.write_sequence(|certificate| {
            certificate.next().write_der(&body);
            certificate.next().write_der(algorithm);
            certificate.next().write_bitvec_bytes(&signature, signature.len() * 8);
        });
    }))
}

/// What a sequence holds, each element whole.
fn elements(sequence: &[u8]) -> ASN1Result<Vec<Vec<u8>>> {
    yasna::parse_der(sequence, |reader| {
        let mut elements = Vec::new();
        reader.read_sequence_of(|element| {
            elements.push(element.read_der()?);
            Ok(())
        })?;
        Ok(elements)
    })
}
