//! Audit records for the commands that read them.

use serde_json::{Value, json};

/// What a certificate is recorded as, whole, of this workload.
pub(crate) fn certificate(workload: &str) -> Value {
    json!({
        "sha256": digest(workload), "spki_sha256": digest("key"), "serial": "0f3a99", "subject": format!("O=Acme,CN={workload}"),
        "issuer": "CN=Acme Root", "not_before": "2026-01-01T00:00:00Z", "not_after": "2026-12-01T00:00:00Z",
        "dns": [format!("{workload}.acme.example")], "uri": [format!("spiffe://acme.example/{workload}")], "email": [], "ip": [], "upn": [],
        "public_key": "ec_p256", "signature_algorithm": "ecdsa_sha256", "key_usage": ["digitalSignature"],
        "extended_key_usage": ["clientAuth"], "names_omitted": 0, "der": null,
    })
}

fn digest(of: &str) -> String {
    of.bytes().cycle().take(32).map(|byte| format!("{byte:02x}")).collect()
}

/// A whole record of a permit of this workload, with other members in place of some.
pub(crate) fn permit(sequence: u64, workload: &str, members: Value) -> Value {
    let mut record = json!({
        "schema": "mtls-policy.audit/1", "time": "2026-11-20T10:00:00Z", "vm": "00000000000000aa", "sequence": sequence,
        "id": format!("00000000000000aa-{sequence:x}"), "phase": null, "decision": "permit", "client": "verified", "mode": "enforce",
        "reason": null, "detail": null, "route": "payments", "rule": "allow:billing", "policy": "00".repeat(32),
        "request": { "method": "GET", "host": "pay.acme.example", "path": "/v1/payments", "protocol": "HTTP/2" },
        "source": "192.0.2.1:4000", "tls": { "version": "TLSv1.3", "sni": "pay.acme.example", "cipher": null },
        "certificate": certificate(workload), "verification": { "by": "envoy", "bundle": null, "anchor_sha256": null },
        "revocation": null, "duration_us": 12,
    });
    merge(&mut record, members);
    record
}

/// The same of a denial.
pub(crate) fn denial(sequence: u64, workload: &str, reason: &str, members: Value) -> Value {
    let mut record = permit(
        sequence,
        workload,
        json!({ "decision": "deny", "client": null, "reason": reason, "rule": null }),
    );
    merge(&mut record, members);
    record
}

/// Members of objects inside objects are put in place one by one.
fn merge(into: &mut Value, members: Value) {
    match (into, members) {
        (Value::Object(into), Value::Object(members)) => {
            for (key, value) in members {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value,
    }
}

/// As Envoy logs them.
pub(crate) fn lines(records: &[Value]) -> String {
    let line = |record: &Value| {
        format!(
            "[2026-11-20 10:00:00.000][12][warning][wasm] [source/extensions/common/wasm/context.cc:1198] wasm log mtls: {record}\n"
        )
    };
    records.iter().map(line).collect()
}
