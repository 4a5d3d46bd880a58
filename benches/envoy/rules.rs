//! The rules that every contestant keeps, in the words of each: a service below `/v1/serviceN` is for the client with the SPIFFE ID of
//! that service alone.

use serde_json::{Value, json};

use crate::harness::mint::{Ca, Key, Leaf, Minted};

/// The host of all services.
pub(crate) const HOST: &str = "pay.acme.example";

/// What is asked of the service whose number is in the middle.
pub(crate) fn path(routes: usize) -> String {
    format!("{}/orders/42", prefix(routes / 2))
}

/// Who may ask that, with its certificate.
pub(crate) fn client(ca: &Ca, routes: usize) -> Minted {
    leaf(ca, "client", routes / 2).mint()
}

/// The client of another service.
pub(crate) fn stranger(ca: &Ca, routes: usize) -> Minted {
    leaf(ca, "client", routes / 2 + 1).mint()
}

/// One of many clients who may, with the key of another: certificates of a service differ in name and time, not in what they are for.
pub(crate) fn replica(ca: &Ca, routes: usize, key: &Key, number: usize) -> Minted {
    leaf(ca, &format!("client {number}"), routes / 2).key(key.clone()).mint()
}

fn leaf(ca: &Ca, name: &str, service: usize) -> Leaf {
    ca.leaf(name).spiffe(&id(service)).dns("client.acme.example")
}

fn prefix(number: usize) -> String {
    format!("/v1/service{number}")
}

pub(crate) fn id(number: usize) -> String {
    format!("spiffe://acme.example/ns/prod/sa/service{number}")
}

/// As a policy of ours. No decision leaves a record.
pub(crate) fn policy(routes: usize) -> Value {
    let route = |number: usize| {
        json!({
            "name": format!("service{number}"),
            "match": { "hosts": [HOST], "path": { "prefix": prefix(number) }, "methods": ["GET", "POST"] },
            "client_certificate": "required",
            "allow": { "spiffe_id": id(number) },
        })
    };
    json!({
        "version": 1,
        "peer_certificate": { "verified_by": { "envoy": { "resumption": "disabled" } } },
        "defaults": { "audit": { "allowed_ratio": 0.0, "denied_ratio": 0.0 } },
        "routes": (0..routes).map(route).collect::<Vec<Value>>(),
    })
}

/// As rules of Envoy's own filter for role-based access control.
pub(crate) fn rbac(routes: usize) -> Value {
    let exactly =
        |name: &str, value: &str| json!({ "header": { "name": name, "string_match": { "exact": value } } });
    let rule = |number: usize| {
        let paths = [
            json!({ "url_path": { "path": { "exact": prefix(number) } } }),
            json!({ "url_path": { "path": { "prefix": format!("{}/", prefix(number)) } } }),
        ];
        let methods = [exactly(":method", "GET"), exactly(":method", "POST")];
        let all = [
            exactly(":authority", HOST),
            json!({ "or_rules": { "rules": paths } }),
            json!({ "or_rules": { "rules": methods } }),
        ];
        let rule = json!({
            "permissions": [{ "and_rules": { "rules": all } }],
            "principals": [{ "authenticated": { "principal_name": { "exact": id(number) } } }],
        });
        (format!("service{number}"), rule)
    };
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": { "action": "ALLOW", "policies": (0..routes).map(rule).collect::<serde_json::Map<_, _>>() },
        },
    })
}

const LUA: &str = r#"
local methods = { GET = true, POST = true }

function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get(":authority") == host and methods[headers:get(":method")] then
    local path = headers:get(":path"):match("^[^?]*")
    for _, route in ipairs(routes) do
      local length = #route.prefix
      if path:sub(1, length) == route.prefix and (#path == length or path:sub(length + 1, length + 1) == "/") then
        local tls = handle:streamInfo():downstreamSslConnection()
        if tls ~= nil and tls:peerCertificateValidated() then
          for _, uri in ipairs(tls:uriSanPeerCertificate()) do
            if uri == route.id then
              headers:replace("x-client-verify", "SUCCESS")
              return
            end
          end
        end
        break
      end
    end
  end
  handle:respond({ [":status"] = "403" }, "forbidden\n")
end
"#;

/// As a script of Envoy's filter for Lua.
pub(crate) fn lua(routes: usize) -> Value {
    let route =
        |number: usize| format!("  {{ prefix = \"{}\", id = \"{}\" }},\n", prefix(number), id(number));
    let routes: String = (0..routes).map(route).collect();
    json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": { "inline_string": format!("local host = \"{HOST}\"\nlocal routes = {{\n{routes}}}\n{LUA}") },
        },
    })
}

/// As a question to a service over HTTP, whose answer is always yes.
pub(crate) fn ext_authz(cluster: &str) -> Value {
    json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "http_service": {
                "server_uri": { "uri": "http://authorization.acme.example", "cluster": cluster, "timeout": "1s" },
            },
        },
    })
}
