//! Mistakes in matchers, with the whole message.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::allows;

#[test]
fn of_shape() {
    allows(&[
        (
            r#""any""#,
            "5:86: unknown value `any`, expected one of `any_verified` (at `/routes/0/allow`); did you mean `any_verified`?",
        ),
        (
            "7",
            r#"5:86: expected a matcher: an object such as {"dns": "a.example"}, found a number (at `/routes/0/allow`)"#,
        ),
        (
            "null",
            r#"5:86: expected a matcher: an object such as {"dns": "a.example"}, found null (at `/routes/0/allow`)"#,
        ),
        ("{}", "5:86: a matcher must not be empty (at `/routes/0/allow`)"),
        ("[]", "5:86: a list of matchers must not be empty (at `/routes/0/allow`)"),
        (
            r#"{"any": {"dns": "a.example"}}"#,
            "5:94: expected an array, found an object (at `/routes/0/allow/any`)",
        ),
        (r#"{"not": []}"#, "5:94: a list of matchers must not be empty (at `/routes/0/allow/not`)"),
    ]);
}

#[test]
fn of_keys() {
    allows(&[
        (
            r#"{"spifeid": "spiffe://a.example/b"}"#,
            "5:87: unknown key `spifeid` (at `/routes/0/allow/spifeid`); did you mean `spiffe_id`?",
        ),
        (
            r#"{"dns": "a.example", "dns": "b.example"}"#,
            "5:107: duplicate key `dns` (at `/routes/0/allow/dns`)",
        ),
        (
            r#"{"ip": "10.0.0.1"}"#,
            "5:87: `ip` is not supported by this version of mtls-policy (at `/routes/0/allow/ip`)",
        ),
    ]);
}

#[test]
fn of_dns_names() {
    allows(&[
        (
            r#"{"dns": "https://a.example"}"#,
            "5:94: `https://a.example` is no DNS name; expected one like `billing.acme.example` or `*.acme.example` (at `/routes/0/allow/dns`)",
        ),
        (
            r#"{"dns": "a.*.example"}"#,
            "5:94: `a.*.example` is no DNS name; expected one like `billing.acme.example` or `*.acme.example` (at `/routes/0/allow/dns`)",
        ),
    ]);
}

#[test]
fn of_spiffe_ids() {
    allows(&[
        (
            r#"{"spiffe_id": "spiffe://*/a"}"#,
            "5:100: `spiffe://*/a` is no SPIFFE ID: its trust domain is not made of `a` to `z`, `0` to `9`, `.`, `-` and `_`, 255 at most (at `/routes/0/allow/spiffe_id`)",
        ),
        (
            r#"{"spiffe_id": "spiffe://a.example/**/b"}"#,
            "5:100: `spiffe://a.example/**/b` is no SPIFFE ID: `**` must be the last segment (at `/routes/0/allow/spiffe_id`)",
        ),
        (
            r#"{"spiffe_id": "spiffe://a.example/b*"}"#,
            "5:100: `spiffe://a.example/b*` is no SPIFFE ID: a wildcard must be a whole segment, `*` or `**` (at `/routes/0/allow/spiffe_id`)",
        ),
    ]);
}

#[test]
fn of_texts() {
    allows(&[
        (
            r#"{"email": "acme.example"}"#,
            "5:96: `acme.example` is no email address; expected one like `alice@acme.example` (at `/routes/0/allow/email`)",
        ),
        (
            r#"{"uri": {"prefix": "a", "suffix": "b"}}"#,
            "5:94: expected exactly one of `prefix`, `suffix`, `regex`, found several (at `/routes/0/allow/uri`)",
        ),
        (
            r#"{"uri": {"contains": "a"}}"#,
            "5:95: unknown key `contains` (at `/routes/0/allow/uri/contains`); known here: `prefix`, `suffix`, `regex`",
        ),
        (
            r#"{"uri": "a b"}"#,
            "5:94: `a b` can be in no URI, which is printable ASCII without spaces (at `/routes/0/allow/uri`)",
        ),
        (r#"{"subject": {"CN": ""}}"#, "5:105: the text is empty (at `/routes/0/allow/subject/CN`)"),
    ]);
}

#[test]
fn of_regular_expressions() {
    allows(&[
        (
            r#"{"uri": {"regex": "a("}}"#,
            "5:104: `a(` is no regular expression: unclosed group (at `/routes/0/allow/uri/regex`)",
        ),
        (
            r#"{"uri": {"regex": "[a-z]{1000}[a-z]{1000}"}}"#,
            "5:104: `[a-z]{1000}[a-z]{1000}` is too large a regular expression once compiled (at `/routes/0/allow/uri/regex`)",
        ),
        (
            r#"{"uri": {"regex": "ä"}}"#,
            "5:104: `ä` holds characters that are not ASCII, which a regular expression here must not (at `/routes/0/allow/uri/regex`)",
        ),
    ]);
}

#[test]
fn of_subjects() {
    allows(&[
        (
            r#"{"subject": {"CommonName": "a"}}"#,
            "5:99: `CommonName` is no attribute; expected one of `CN`, `SN`, `serialNumber`, `C`, `L`, `ST`, `STREET`, `O`, `OU`, `title`, `GN`, `initials`, `generationQualifier`, `dnQualifier`, `UID`, `DC`, `emailAddress` or a dotted object identifier (at `/routes/0/allow/subject/CommonName`)",
        ),
        (r#"{"subject": "CN=a"}"#, "5:98: expected an object, found a string (at `/routes/0/allow/subject`)"),
    ]);
}

#[test]
fn of_numbers_and_digests() {
    allows(&[
        (
            r#"{"serial": "0f:3a:9"}"#,
            "5:97: `0f:3a:9` is no serial number; expected hexadecimal digits like `0f3a99` or `0f:3a:99`, at most 20 octets (at `/routes/0/allow/serial`)",
        ),
        (
            r#"{"sha256": "abcd"}"#,
            "5:97: `abcd` is no SHA-256 digest; expected 64 hexadecimal digits, which may have a colon after each pair (at `/routes/0/allow/sha256`)",
        ),
        (
            r#"{"spki_sha256": "sha256/abc"}"#,
            "5:102: `sha256/abc` is no SHA-256 digest; expected 64 hexadecimal digits, which may have a colon after each pair, or 44 characters of base64 (at `/routes/0/allow/spki_sha256`)",
        ),
    ]);
}
