//! URLs of servers that are asked for lists and responses.

/// A URL, in the parts that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerUrl<'a> {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host, and port where the URL has one.
    pub authority: &'a str,
    /// Path and query.
    pub path: &'a str,
}

impl<'a> ServerUrl<'a> {
    /// Splits an absolute URL of `http` or `https` (RFC 9110 section 4.2), as policies hold them: the scheme in lower case, and no
    /// fragment. `None` for any other.
    pub fn split(url: &'a str) -> Option<ServerUrl<'a>> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = ["http", "https"].into_iter().find(|known| *known == scheme)?;
        let (authority, path) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at_checked(at)?,
            None => (rest, "/"),
        };
        // `?query` right after the authority would need a slash that the text does not have.
        let is_whole = !authority.is_empty() && path.starts_with('/') && !path.contains('#');
        is_whole.then_some(ServerUrl { scheme, authority, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_url_is_cut_into_what_a_request_names() {
        for (url, scheme, authority, path) in [
            ("http://crl.acme.example/a.crl", "http", "crl.acme.example", "/a.crl"),
            ("https://[2001:db8::1]:8080/a?b=/c", "https", "[2001:db8::1]:8080", "/a?b=/c"),
            ("http://crl.acme.example", "http", "crl.acme.example", "/"),
            ("http://crl.acme.example/", "http", "crl.acme.example", "/"),
        ] {
            assert_eq!(ServerUrl::split(url), Some(ServerUrl { scheme, authority, path }), "{url}");
        }
    }

    #[test]
    fn what_no_policy_holds_is_not_asked_for() {
        for url in [
            "",
            "http://",
            "http:///a.crl",
            "http://crl.acme.example?a",
            "http://crl.acme.example#a",
            "http://crl.acme.example/a#b",
            "http://crl.acme.example/a?b#c",
            "HTTP://crl.acme.example/a",
            "ldap://crl.acme.example/a",
            "crl.acme.example/a.crl",
        ] {
            assert_eq!(ServerUrl::split(url), None, "{url}");
        }
    }
}
