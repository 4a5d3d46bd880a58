//! What a request wants, as people write it.

use std::str::FromStr;

/// Method, host and path of a request, and whether it comes over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) method: String,
    pub(crate) authority: String,
    /// As sent: nothing is decoded or resolved, for that is what a policy is tried with.
    pub(crate) path: String,
    pub(crate) scheme: Scheme,
}

/// How the client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Https,
    Http,
}

impl Target {
    /// Reads `https://host/path`, `http://host/path` (without TLS) or `host/path`.
    pub(crate) fn from_url(method: &str, url: &str) -> Result<Self, String> {
        let (scheme, rest) = match url.split_once("://") {
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(("http", rest)) => (Scheme::Http, rest),
            // A path may hold `://` as well.
            Some((before, _)) if !before.contains('/') => {
                return Err(format!("`{url}` is not a URL of the scheme `https` or `http`"));
            }
            Some(_) | None => (Scheme::Https, url),
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        if authority.is_empty() {
            return Err(format!("`{url}` names no host; write `https://host/path`"));
        }
        Ok(Self { method: method.to_owned(), authority: authority.to_owned(), path: path.to_owned(), scheme })
    }
}

/// Reads `GET https://host/path`.
impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(' ') {
            Some((method, url)) => Self::from_url(method, url),
            None => Err(format!("`{text}` is not a request such as `GET https://host/path`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Result<(String, String, String, Scheme), String> {
        text.parse().map(|target: Target| (target.method, target.authority, target.path, target.scheme))
    }

    #[test]
    fn a_request_is_read_with_its_path_as_sent() {
        for (text, method, authority, path, scheme) in [
            ("GET https://a.example/x", "GET", "a.example", "/x", Scheme::Https),
            (
                "POST a.example:8443/%2e%2e//x?q=/y",
                "POST",
                "a.example:8443",
                "/%2e%2e//x?q=/y",
                Scheme::Https,
            ),
            ("GET http://a.example", "GET", "a.example", "/", Scheme::Http),
            ("GET a.example/https://b.example/", "GET", "a.example", "/https://b.example/", Scheme::Https),
        ] {
            let expected = (method.to_owned(), authority.to_owned(), path.to_owned(), scheme);
            assert_eq!(parts(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for text in ["", "GET", "https://a.example/", "GET ftp://a.example/", "GET https:///x", "GET /x"] {
            assert!(parts(text).is_err(), "{text}");
        }
    }
}
