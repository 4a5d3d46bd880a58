//! Paths that are none, and paths that a server may read as another. `/admin` is protected, the rest is open.

use super::{HOST, Target};

/// Disguises of `/admin` that Envoy undoes, in the shipped configuration, before any filter sees them.
const UNDONE_BY_ENVOY: [&str; 10] = [
    "//admin",
    "/./admin",
    "/.//admin",
    "/x/../admin",
    "/../../admin",
    "/%2e%2e/admin",
    "/x/%2e%2E/admin",
    "/%61dmin",
    "/\\admin",
    "/x/..;/admin",
];

/// Disguises of `/admin`, and of open paths as `/admin`, that Envoy leaves.
const LEFT_BY_ENVOY: [&str; 17] = [
    "/admin%2f",
    "/%2fadmin",
    "/%5cadmin",
    "/%2561dmin",
    "/admin;a=b",
    "/;/admin",
    "/x%2f..%2fadmin",
    "/x%5c..%5cadmin",
    "/x/%252e%252e/admin",
    "/%2e%2e%2f%2e%2e%2fadmin",
    "/open/..%2fadmin",
    "/admin/..%2fopen",
    "/admin/%2e%2e%2fopen",
    "/admin%2fsettings",
    "/admin%3fx",
    "/admin%23x",
    "/%3b%253b%3f/%2e%2e%2e%2e%253b%252f%5c%2f%3f%3f;a//x;..%2523%5c%2523y%252e",
];

fn get(path: &[u8]) -> Vec<u8> {
    [b"GET ", path, b" HTTP/1.1\r\nhost: pay.acme.example\r\n\r\n"].concat()
}

async fn assert_all(target: &Target, paths: &[&str], expected: &str) {
    for path in paths {
        target.strike_each([(&get(path.as_bytes())[..], expected)]).await;
    }
}

#[tokio::test]
async fn no_disguise_of_a_protected_path_passes_where_envoy_normalizes_paths() {
    let target = Target::start(|setup| setup).await;
    assert_all(&target, &UNDONE_BY_ENVOY, "no_certificate 403").await;
    assert_all(&target, &LEFT_BY_ENVOY, "ambiguous_path 400").await;
    assert_all(&target, &["/admin", "/admin/", "/admin/x", "/admin?x=/open"], "no_certificate 403").await;
    let near_misses = ["/adminx", "/ADMIN", "/x/admin", "/open?x=/../admin", "/admin/../open", "/admin%"];
    assert_all(&target, &near_misses, "permit open 200").await;
}

#[tokio::test]
async fn no_disguise_of_a_protected_path_passes_where_envoy_leaves_paths_as_they_came() {
    let target = Target::start_with_paths_untouched().await;
    assert_all(&target, &UNDONE_BY_ENVOY, "ambiguous_path 400").await;
    assert_all(&target, &LEFT_BY_ENVOY, "ambiguous_path 400").await;
    assert_all(&target, &["/admin/../open"], "ambiguous_path 400").await;
    assert_all(&target, &["/admin", "/admin/", "/admin/x", "/admin?x=/open"], "no_certificate 403").await;
    let near_misses = ["/adminx", "/ADMIN", "/x/admin", "/open?x=/../admin", "/admin%"];
    assert_all(&target, &near_misses, "permit open 200").await;
}

#[tokio::test]
async fn a_path_whose_readings_agree_reaches_the_upstream_as_it_was_sent() {
    let target = Target::start_with_paths_untouched().await;
    for path in [
        "/files/a%2Fb",
        "/files/a%5cb%252f",
        "/caf%C3%A9",
        "/x;y=1/z",
        "/x//y",
        "/x/./y/../z",
        "/100%",
        "/%zz",
        "/a?b=%2e%2e/../admin#",
    ] {
        let path = path.trim_end_matches('#');
        let url = format!("https://{HOST}{path}");
        for client in [target.envoy.client(), target.envoy.client().http2()] {
            let (reply, record) = target.strike(path, client.get(&url)).await;
            assert_eq!((reply.status, reply.echo().path()), (200, path));
            assert_eq!(record.unwrap()["route"], "open");
        }
    }
    // The same below the protected path: whoever may use it may use it with encoded slashes.
    let (reply, record) = target.strike("", target.good.get(&format!("https://{HOST}/admin/a%2Fb"))).await;
    assert_eq!((reply.status, reply.echo().path()), (200, "/admin/a%2Fb"));
    assert_eq!(record.unwrap()["route"], "admin");
}

#[tokio::test]
async fn a_path_with_two_slashes_in_front_names_no_host() {
    let target = Target::start_with_paths_untouched().await;
    for path in ["//evil.example/x", "//pay.acme.example/admin", "//alice@evil.example:1/good"] {
        let url = format!("https://{HOST}{path}");
        for client in [target.envoy.client(), target.envoy.client().http2()] {
            let (reply, record) = target.strike(path, client.get(&url)).await;
            let record = record.unwrap();
            assert_eq!((reply.status, reply.echo().path()), (200, path));
            assert_eq!((&record["route"], &record["request"]["host"]), (&"open".into(), &HOST.into()));
            assert_eq!(record["request"]["path"], path);
        }
    }
    assert_all(&target, &["//admin/x", "//admin"], "ambiguous_path 400").await;
}

#[tokio::test]
async fn paths_that_are_none_are_denied() {
    let target = Target::start_with_paths_untouched().await;
    let long = |length: usize| format!("/{}", "a".repeat(length - 1));
    for (path, expected) in [
        ("/a%00b", "invalid_request 400"),
        ("/a%0ab", "invalid_request 400"),
        ("/a%0d%0aset-cookie:%20x", "invalid_request 400"),
        ("/a%2500", "invalid_request 400"),
        ("/a%7f", "invalid_request 400"),
        (&long(8 * 1024), "permit open 200"),
        (&long(8 * 1024 + 1), "invalid_request 400"),
        (&long(20_000), "invalid_request 400"),
        (&format!("/?{}", long(20_000)), "permit open 200"),
        (&long(70_000), "envoy 431"),
        ("/a#b", "envoy 400"),
        ("/admin#", "envoy 400"),
        ("/a b", "envoy 400"),
        ("/a\tb", "envoy 400"),
        ("/a\0b", "envoy 400"),
        ("/a\x01", "envoy 400"),
        ("/a\x7f", "envoy 400"),
        ("/caf\u{e9}", "envoy 400"),
        ("/open?\u{e9}", "envoy 400"),
        ("", "envoy 400"),
        ("?x", "envoy 400"),
        ("x", "envoy 400"),
        ("\\admin", "envoy 400"),
    ] {
        target.strike_each([(&get(path.as_bytes())[..], expected)]).await;
    }
    target.strike_each([(&get(b"/admin\xff")[..], "envoy 400")]).await;
}
