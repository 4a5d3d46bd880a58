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
            r#"{"extended_key_usages": "clientAuth"}"#,
            "5:87: unknown key `extended_key_usages` (at `/routes/0/allow/extended_key_usages`); did you mean `extended_key_usage`?",
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
        (
            r#"{"spiffe_trust_domain": ["a.example", "*.a.example"]}"#,
            "5:124: `*.a.example` is no SPIFFE trust domain; expected `a` to `z`, `0` to `9`, `.`, `-` and `_`, 255 at most, as in `acme.example` (at `/routes/0/allow/spiffe_trust_domain/1`)",
        ),
        (
            r#"{"spiffe_trust_domain": "spiffe://a.example"}"#,
            "5:110: `spiffe://a.example` is no SPIFFE trust domain; expected `a` to `z`, `0` to `9`, `.`, `-` and `_`, 255 at most, as in `acme.example` (at `/routes/0/allow/spiffe_trust_domain`)",
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

#[test]
fn of_ip_addresses() {
    allows(&[
        (
            r#"{"ip": "192.0.2.300"}"#,
            "5:93: `192.0.2.300` is no IP address or network; expected one like `192.0.2.7`, `192.0.2.0/24` or `2001:db8::/32` (at `/routes/0/allow/ip`)",
        ),
        (
            r#"{"ip": "192.0.2.7/24"}"#,
            "5:93: `192.0.2.7/24` has bits set beyond its prefix; write `192.0.2.0/24` for the network or `192.0.2.7` for the one address (at `/routes/0/allow/ip`)",
        ),
        (
            r#"{"ip": "192.0.2.0/33"}"#,
            "5:93: `192.0.2.0/33` has a prefix longer than the `32` bits of such an address (at `/routes/0/allow/ip`)",
        ),
        (
            r#"{"ip": "2001:db8::1/32"}"#,
            "5:93: `2001:db8::1/32` has bits set beyond its prefix; write `2001:db8::/32` for the network or `2001:db8::1` for the one address (at `/routes/0/allow/ip`)",
        ),
        (
            r#"{"ip": "::ffff:192.0.2.7"}"#,
            "5:93: `::ffff:192.0.2.7` is IPv4 in the form of IPv6; write `192.0.2.7` (at `/routes/0/allow/ip`)",
        ),
        (
            r#"{"ip": "192.0.2.0/255.255.255.0"}"#,
            "5:93: `192.0.2.0/255.255.255.0` is no IP address or network; expected one like `192.0.2.7`, `192.0.2.0/24` or `2001:db8::/32` (at `/routes/0/allow/ip`)",
        ),
        (
            r#"{"ip": "billing.example"}"#,
            "5:93: `billing.example` is no IP address or network; expected one like `192.0.2.7`, `192.0.2.0/24` or `2001:db8::/32` (at `/routes/0/allow/ip`)",
        ),
        (
            r#"{"ip": {"cidr": "192.0.2.0/24"}}"#,
            "5:93: expected a string, found an object (at `/routes/0/allow/ip`)",
        ),
        (r#"{"ip": []}"#, "5:93: `ip` must not be empty (at `/routes/0/allow/ip`)"),
    ]);
}

#[test]
fn of_user_principal_names() {
    allows(&[
        (
            r#"{"upn": "alice"}"#,
            "5:94: `alice` is no user principal name; expected one like `alice@acme.example` (at `/routes/0/allow/upn`)",
        ),
        (
            r#"{"upn": "CORP\\alice"}"#,
            "5:94: `CORP\\alice` is no user principal name; expected one like `alice@acme.example` (at `/routes/0/allow/upn`)",
        ),
        (
            r#"{"upn": {"suffix": "@corp @acme.example"}}"#,
            "5:105: `@corp @acme.example` can be in no user principal name, which holds one `@` and no spaces, control or invisible characters (at `/routes/0/allow/upn/suffix`)",
        ),
        (
            r#"{"upn": {"endswith": "@acme.example"}}"#,
            "5:95: unknown key `endswith` (at `/routes/0/allow/upn/endswith`); known here: `prefix`, `suffix`, `regex`",
        ),
    ]);
}

#[test]
fn of_other_names() {
    allows(&[
        (
            r#"{"other_name": "1.2.3"}"#,
            "5:101: expected an object with an `oid`, found a string (at `/routes/0/allow/other_name`)",
        ),
        (r#"{"other_name": {"value": "a"}}"#, "5:101: missing key `oid` (at `/routes/0/allow/other_name`)"),
        (
            r#"{"other_name": {"oid": "1.2.x"}}"#,
            "5:109: `1.2.x` is no object identifier; expected numbers with dots like `1.3.6.1.4.1.99999.1` (at `/routes/0/allow/other_name/oid`)",
        ),
        (
            r#"{"other_name": {"oid": "upn", "value": {"der": "0c0161"}}}"#,
            "5:109: `upn` is no object identifier; expected numbers with dots like `1.3.6.1.4.1.99999.1` (at `/routes/0/allow/other_name/oid`)",
        ),
        (
            r#"{"other_name": {"oid": "1.2.3", "value": {"der": "DAFh"}}}"#,
            "5:135: `DAFh` is not hexadecimal; expected pairs of digits like `0c0161` or `0c:01:61` (at `/routes/0/allow/other_name/value/der`)",
        ),
        (
            r#"{"other_name": {"oid": "1.2.3", "value": {"der": "0c02"}}}"#,
            "5:135: `0c02` is not one value in DER, as that of an `otherName` is (at `/routes/0/allow/other_name/value/der`)",
        ),
        (
            r#"{"other_name": {"oid": "1.2.3", "value": {}}}"#,
            "5:127: expected exactly one of `prefix`, `suffix`, `regex`, `der`, found none (at `/routes/0/allow/other_name/value`)",
        ),
        (
            r#"{"other_name": {"oid": "1.2.3", "value": []}}"#,
            "5:127: `value` must not be empty (at `/routes/0/allow/other_name/value`)",
        ),
        (
            r#"{"other_name": {"oid": "1.2.3", "values": "a"}}"#,
            "5:118: unknown key `values` (at `/routes/0/allow/other_name/values`); did you mean `value`?",
        ),
    ]);
}

#[test]
fn of_key_purposes_and_policies() {
    allows(&[
        (
            r#"{"extended_key_usage": "clientauth"}"#,
            "5:109: `clientauth` is no key purpose; expected one of `clientAuth`, `serverAuth`, `codeSigning`, `emailProtection`, `timeStamping`, `OCSPSigning`, `anyExtendedKeyUsage` or a dotted object identifier (at `/routes/0/allow/extended_key_usage`); did you mean `clientAuth`?",
        ),
        (
            r#"{"extended_key_usage": "id-kp-clientAuth"}"#,
            "5:109: `id-kp-clientAuth` is no key purpose; expected one of `clientAuth`, `serverAuth`, `codeSigning`, `emailProtection`, `timeStamping`, `OCSPSigning`, `anyExtendedKeyUsage` or a dotted object identifier (at `/routes/0/allow/extended_key_usage`); did you mean `clientAuth`?",
        ),
        (
            r#"{"extended_key_usage": ""}"#,
            "5:109: the text is empty (at `/routes/0/allow/extended_key_usage`)",
        ),
        (
            r#"{"policy_oid": "anyPolicy"}"#,
            "5:101: `anyPolicy` is no object identifier; expected numbers with dots like `1.3.6.1.4.1.99999.1` (at `/routes/0/allow/policy_oid`)",
        ),
        (
            r#"{"policy_oid": "1.2.03"}"#,
            "5:101: `1.2.03` is no object identifier; expected numbers with dots like `1.3.6.1.4.1.99999.1` (at `/routes/0/allow/policy_oid`)",
        ),
        (
            r#"{"policy_oid": 1.2}"#,
            "5:101: expected a string, found a number (at `/routes/0/allow/policy_oid`)",
        ),
    ]);
}

#[test]
fn of_extensions() {
    allows(&[
        (
            r#"{"extension": "1"}"#,
            "5:100: `1` is no object identifier; expected numbers with dots like `1.3.6.1.4.1.99999.1` (at `/routes/0/allow/extension`)",
        ),
        (
            r#"{"extension": "subjectAltName"}"#,
            "5:100: `subjectAltName` is no object identifier; expected numbers with dots like `1.3.6.1.4.1.99999.1` (at `/routes/0/allow/extension`)",
        ),
        (r#"{"extension": {"critical": true}}"#, "5:100: missing key `oid` (at `/routes/0/allow/extension`)"),
        (
            r#"{"extension": {"oid": "1.2.3", "critical": "true"}}"#,
            "5:129: expected `true` or `false`, found a string (at `/routes/0/allow/extension/critical`)",
        ),
        (
            r#"{"extension": {"oid": "1.2.3", "value": "a"}}"#,
            "5:126: expected an object with `utf8` or `der`, found a string (at `/routes/0/allow/extension/value`)",
        ),
        (
            r#"{"extension": {"oid": "1.2.3", "value": {"der": "0x0500"}}}"#,
            "5:134: `0x0500` is not hexadecimal; expected pairs of digits like `0c0161` or `0c:01:61` (at `/routes/0/allow/extension/value/der`)",
        ),
        (
            r#"{"extension": {"oid": "1.2.3", "value": {"utf8": {"prefix": ""}}}}"#,
            "5:146: the text is empty (at `/routes/0/allow/extension/value/utf8/prefix`)",
        ),
        (
            r#"{"extension": {"oid": "1.2.3", "value": {"utf8": "a", "der": "0500"}}}"#,
            "5:126: expected exactly one of `utf8`, `der`, found several (at `/routes/0/allow/extension/value`)",
        ),
        (
            r#"{"extension": {"oid": "1.2.3", "value": {"text": "a"}}}"#,
            "5:127: unknown key `text` (at `/routes/0/allow/extension/value/text`); known here: `utf8`, `der`",
        ),
        (
            r#"{"extension": {"oid": "1.2.x", "critical": 1, "value": {"der": "z"}}}"#,
            "5:108: `1.2.x` is no object identifier; expected numbers with dots like `1.3.6.1.4.1.99999.1` (at `/routes/0/allow/extension/oid`)\n5:129: expected `true` or `false`, found a number (at `/routes/0/allow/extension/critical`)\n5:149: `z` is not hexadecimal; expected pairs of digits like `0c0161` or `0c:01:61` (at `/routes/0/allow/extension/value/der`)",
        ),
        (
            r#"{"extension": 7}"#,
            "5:100: expected an object identifier, or an object with an `oid`, found a number (at `/routes/0/allow/extension`)",
        ),
    ]);
}
