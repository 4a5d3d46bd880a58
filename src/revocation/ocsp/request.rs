//! Questions, as they are sent.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::certificate_id::{SHA1, sha1};
use super::{NONCE_BYTES, Nonce, Query};
use crate::cert::Fingerprint;
use crate::cert::der::{INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, element};
use crate::revocation::ServerUrl;

/// `id-pkix-ocsp-nonce`, 1.3.6.1.5.5.7.48.1.2 (RFC 9654 section 2.1).
pub(super) const NONCE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 48, 1, 2];

/// The longest URL of a GET request, in bytes; longer ones are sent by POST (RFC 5019 section 5).
const MAX_GET_URL_BYTES: usize = 255;

/// A request, to be sent through the responder's cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The scheme of the URL: `http` or `https`.
    pub scheme: &'static str,
    /// The host of the URL, and its port where it names one.
    pub authority: String,
    /// The path of the URL with its query.
    pub path: String,
    /// Further headers.
    pub headers: &'static [(&'static str, &'static str)],
    /// The body; empty with `GET`.
    pub body: Vec<u8>,
}

impl Query<'_> {
    /// What the answer is kept under: everything that it depends on, so that two queries of one key may share an answer.
    pub fn key(&self) -> Fingerprint {
        let nonce = match self.responder.nonce {
            Nonce::Off => 0u8,
            Nonce::Optional => 1,
            Nonce::Required => 2,
        };
        let mut hashed = vec![nonce];
        let issuer = self.issuer.spki_fingerprint();
        for part in [
            self.responder.cluster.as_bytes(),
            self.responder.url.as_bytes(),
            issuer.as_bytes(),
            self.issuer.subject_der(),
            self.serial,
        ] {
            hashed.extend_from_slice(&(part.len() as u64).to_be_bytes());
            hashed.extend_from_slice(part);
        }
        Fingerprint::of(&hashed)
    }

    /// The question for the responder, with a nonce where one is given.
    ///
    /// `None` where the responder's URL is none of HTTP, which no policy holds.
    pub fn request(&self, nonce: Option<&[u8; NONCE_BYTES]>) -> Option<HttpRequest> {
        let body = self.to_der(nonce);
        let url: &str = &self.responder.url;
        let ServerUrl { scheme, authority, path } = ServerUrl::split(url)?;
        let authority = authority.to_owned();
        if self.responder.get && !path.contains('?') {
            let separator = if path.ends_with('/') { "" } else { "/" };
            let encoded = in_url(&BASE64_STANDARD.encode(&body));
            if url.len() + separator.len() + encoded.len() <= MAX_GET_URL_BYTES {
                let path = [path, separator, &encoded].concat();
                let headers = &[("accept", "application/ocsp-response")];
                return Some(HttpRequest {
                    method: "GET",
                    scheme,
                    authority,
                    path,
                    headers,
                    body: Vec::new(),
                });
            }
        }
        let headers =
            &[("content-type", "application/ocsp-request"), ("accept", "application/ocsp-response")];
        Some(HttpRequest { method: "POST", scheme, authority, path: path.to_owned(), headers, body })
    }

    /// The `OCSPRequest` (RFC 6960 section 4.1.1).
    fn to_der(self, nonce: Option<&[u8; NONCE_BYTES]>) -> Vec<u8> {
        const NULL: &[u8] = &[0x05, 0x00];
        const REQUEST_EXTENSIONS: u8 = 0xa2;
        let algorithm = element(SEQUENCE, &[&element(OBJECT_IDENTIFIER, &[SHA1]), NULL]);
        let id = element(
            SEQUENCE,
            &[
                &algorithm,
                &element(OCTET_STRING, &[&sha1(self.issuer.subject_der())]),
                &element(OCTET_STRING, &[&sha1(self.issuer.key_bits())]),
                &element(INTEGER, &[self.serial]),
            ],
        );
        let list = element(SEQUENCE, &[&element(SEQUENCE, &[&id])]);
        let extensions = nonce.map(|nonce| {
            let value = element(OCTET_STRING, &[&element(OCTET_STRING, &[nonce])]);
            let extension = element(SEQUENCE, &[&element(OBJECT_IDENTIFIER, &[NONCE]), &value]);
            element(REQUEST_EXTENSIONS, &[&element(SEQUENCE, &[&extension])])
        });
        element(SEQUENCE, &[&element(SEQUENCE, &[&list, &extensions.unwrap_or_default()])])
    }
}

/// Base64 as it stands in a URL (RFC 6960 appendix A.1).
fn in_url(base64: &str) -> String {
    let mut escaped = String::with_capacity(base64.len() * 3);
    for character in base64.chars() {
        match character {
            '+' => escaped.push_str("%2B"),
            '/' => escaped.push_str("%2F"),
            '=' => escaped.push_str("%3D"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::situation::{Situation, authority, responder};
    use super::super::{Nonce, Responder};
    use super::*;
    use crate::mint::{self, Ca};
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn request(url: &str, get: bool) -> Option<HttpRequest> {
        let situation = Situation::new();
        let responder = responder(url, get, Nonce::Off);
        Query { responder: &responder, ..situation.query() }.request(None)
    }

    #[test]
    fn a_question_names_issuer_and_serial_number() {
        let situation = Situation::new();
        let post = situation.query().request(None).unwrap();
        assert_eq!(
            (post.method, post.authority.as_str(), post.path.as_str()),
            ("POST", "ocsp.acme.example", "/")
        );
        assert!(post.headers.contains(&("content-type", "application/ocsp-request")));
        let digest = |bytes: &[u8]| mint::der(OCTET_STRING, &[&sha1(bytes)]);
        let name = digest(&situation.ca.name());
        let key = digest(rcgen::PublicKeyData::der_bytes(situation.ca.key()));
        let algorithm = [0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00];
        let id = mint::der(0x30, &[&algorithm, &name, &key, &mint::der(0x02, &[&situation.serial])]);
        let list = |more: &[u8]| {
            mint::der(0x30, &[&mint::der(0x30, &[&mint::der(0x30, &[&mint::der(0x30, &[&id])]), more])])
        };
        assert_eq!(post.body, list(&[]));
        let nonce = [9; NONCE_BYTES];
        let with_nonce = situation.query().request(Some(&nonce)).unwrap();
        let value = mint::der(0x04, &[&mint::der(0x04, &[&nonce])]);
        let extension = mint::der(0x30, &[&mint::der(0x06, &[NONCE]), &value]);
        assert_eq!(with_nonce.body, list(&mint::der(0xa2, &[&mint::der(0x30, &[&extension])])));
    }

    #[test]
    fn a_get_request_is_below_the_responders_path() {
        let escaped = |request: &HttpRequest, prefix: &str| {
            let encoded = request.path.strip_prefix(prefix).unwrap().to_owned();
            assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'%'), "{encoded}");
            let base64 = encoded.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
            BASE64_STANDARD.decode(base64.as_bytes()).unwrap()
        };
        let expected = Situation::new().query().request(None).unwrap().body;
        for (url, prefix) in [
            ("http://ocsp.acme.example", "/"),
            ("http://ocsp.acme.example/", "/"),
            ("https://ocsp.acme.example:8443/a/b", "/a/b/"),
            ("http://ocsp.acme.example/a/", "/a/"),
        ] {
            let get = request(url, true).unwrap();
            assert_eq!((get.method, get.body.as_slice()), ("GET", &[][..]));
            assert_eq!(escaped(&get, prefix), expected);
            let authority = url.split('/').nth(2).unwrap();
            assert_eq!(get.authority, authority);
            assert_eq!(url.split(':').next(), Some(get.scheme));
        }
    }

    #[test]
    fn what_is_too_long_for_a_url_is_posted() {
        let room = |length: usize| format!("http://ocsp.acme.example/{}", "a".repeat(length));
        let shortest = request(&room(0), true).unwrap().path.len() - 1;
        let left = MAX_GET_URL_BYTES - room(0).len() - 1 - shortest;
        assert_eq!(request(&room(left), true).unwrap().method, "GET");
        let post = request(&room(left + 1), true).unwrap();
        assert_eq!(post.method, "POST");
        assert_eq!(post.path, room(left + 1).split_at(24).1);
        assert_eq!(request("http://ocsp.acme.example/?ca=1", true).unwrap().method, "POST");
        assert_eq!(request("http://ocsp.acme.example/?ca=1", true).unwrap().path, "/?ca=1");
    }

    #[test]
    fn nothing_is_sent_to_what_is_no_http_url() {
        for url in ["ldap://ocsp.acme.example/", "ocsp.acme.example", "http://a/#b"] {
            assert_eq!(request(url, false), None, "{url}");
            assert_eq!(request(url, true), None, "{url}");
        }
    }

    #[test]
    fn answers_are_shared_by_equal_questions_only() {
        let situation = Situation::new();
        let key = situation.query().key();
        assert_eq!(Situation::new().query().key(), key);
        let Situation { responder, issuer, .. } = &situation;
        let serial = Query { serial: &[1], ..situation.query() };
        let renamed = Arc::new(authority(Ca::with_seed("Acme", "Acme Root").der()));
        assert_eq!(renamed.spki_fingerprint(), issuer.spki_fingerprint());
        let rekeyed = Arc::new(authority(Ca::with_seed("Acme Root", "Acme").der()));
        let mut keys = vec![
            serial.key(),
            Query { issuer: &renamed, ..situation.query() }.key(),
            Query { issuer: &rekeyed, ..situation.query() }.key(),
        ];
        let plain = Responder::clone(responder);
        for other in [
            Responder { cluster: "other".into(), ..plain.clone() },
            Responder { cluster: "ocs".into(), url: "phttp://ocsp.acme.example/".into(), ..plain.clone() },
            Responder { url: "http://ocsp.acme.example/a".into(), ..plain.clone() },
            Responder { nonce: Nonce::Optional, ..plain.clone() },
            Responder { nonce: Nonce::Required, ..plain.clone() },
        ] {
            keys.push(Query { responder: &Arc::new(other), ..situation.query() }.key());
        }
        keys.push(key);
        let different: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(different.len(), keys.len());
        // How it is asked makes no difference to what is answered.
        let by_get = Arc::new(Responder { get: true, ..plain });
        assert_eq!(Query { responder: &by_get, ..situation.query() }.key(), key);
    }
}
