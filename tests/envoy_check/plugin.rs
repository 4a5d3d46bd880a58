//! The filter itself: how it is recognised, and how its VM is set up.

use serde_json::{Value, json};

use crate::common::{
    WASM, chain, filter, finds, finds_at, found, http_filter, http_filters, plugin, remove, report, shipped,
};

#[test]
fn failing_open_is_an_error_and_failing_for_good_a_note() {
    for value in [Value::from("FAIL_OPEN"), 3.into()] {
        finds_at("error fail-open", ".failure_policy", |bootstrap| {
            plugin(bootstrap)["failure_policy"] = value
        });
    }
    finds_at("error fail-open", ".fail_open", |bootstrap| plugin(bootstrap)["fail_open"] = true.into());
    finds_at("note fail-closed", ".failure_policy", |bootstrap| {
        plugin(bootstrap)["failure_policy"] = "FAIL_CLOSED".into();
    });
    finds_at("note fail-closed", ".config", |bootstrap| remove(plugin(bootstrap), "failure_policy"));
    finds(&[], |bootstrap| {
        plugin(bootstrap)["fail_open"] = false.into();
        plugin(bootstrap)["failure_policy"] = 1.into();
    });
}

#[test]
fn headers_that_do_not_stop_the_body_are_found() {
    finds_at("error stop-iteration", ".allow_on_headers_stop_iteration", |bootstrap| {
        plugin(bootstrap)["allow_on_headers_stop_iteration"] = true.into();
    });
    finds(&[], |bootstrap| plugin(bootstrap)["allow_on_headers_stop_iteration"] = false.into());
}

#[test]
fn another_runtime_is_found() {
    finds_at("error runtime", ".runtime", |bootstrap| {
        plugin(bootstrap)["vm_config"]["runtime"] = "envoy.wasm.runtime.wamr".into();
    });
}

#[test]
fn a_plugin_without_ids_is_found() {
    finds_at("warning root-id", ".config", |bootstrap| remove(plugin(bootstrap), "root_id"));
    finds_at("warning vm-id", ".vm_config", |bootstrap| {
        plugin(bootstrap)["vm_config"]["vm_id"] = "".into();
    });
}

#[test]
fn the_filter_is_known_by_any_of_its_names_and_by_its_module() {
    let rename = |bootstrap: &mut Value, name: &str| {
        filter(bootstrap)["name"] = name.into();
        for key in ["name", "root_id"] {
            plugin(bootstrap)[key] = name.into();
        }
        plugin(bootstrap)["vm_config"]["vm_id"] = name.into();
        plugin(bootstrap)["vm_config"]["code"]["local"]["filename"] = format!("/opt/{name}.wasm").into();
    };
    finds(&["error filter-not-found"], |bootstrap| rename(bootstrap, "guard"));
    for fields in [&["name"][..], &["typed_config", "config", "root_id"]] {
        finds(&[], |bootstrap| {
            rename(bootstrap, "guard");
            let at = fields.iter().fold(filter(bootstrap), |value, field| &mut value[*field]);
            *at = "acme.mtls_policy".into();
        });
    }
    finds(&[], |bootstrap| {
        rename(bootstrap, "guard");
        plugin(bootstrap)["vm_config"]["code"] =
            json!({ "remote": { "http_uri": { "uri": "https://acme.example/mtls-policy-1.2.wasm" } } });
    });
    // A folder's name is not the module's.
    finds(&["error filter-not-found"], |bootstrap| {
        rename(bootstrap, "guard");
        plugin(bootstrap)["vm_config"]["code"]["local"]["filename"] = "/etc/mtls_policy/guard.wasm".into();
    });
}

#[test]
fn another_filter_of_that_name_is_not_ours() {
    finds(&["error filter-not-found"], |bootstrap| {
        let mut lua = http_filter("lua", "Lua");
        lua["name"] = "mtls_policy".into();
        *filter(bootstrap) = lua;
    });
}

#[test]
fn a_typed_struct_stands_for_the_filter() {
    let wrap = |bootstrap: &mut Value| {
        let mut config = filter(bootstrap)["typed_config"].take();
        remove(&mut config, "@type");
        filter(bootstrap)["typed_config"] = json!({
            "@type": "type.googleapis.com/udpa.type.v1.TypedStruct", "type_url": WASM, "value": config,
        });
    };
    finds(&[], wrap);
    finds_at("error fail-open", ".value.config.failure_policy", |bootstrap| {
        plugin(bootstrap)["failure_policy"] = "FAIL_OPEN".into();
        wrap(bootstrap);
    });
}

fn discovered(bootstrap: &mut Value) -> &mut Value {
    *filter(bootstrap) = json!({
        "name": "mtls_policy",
        "config_discovery": { "config_source": { "ads": {} }, "type_urls": [WASM] },
    });
    filter(bootstrap)
}

#[test]
fn a_filter_that_comes_from_elsewhere_is_named() {
    finds(&["note policy-unknown", "note discovered-filters"], |bootstrap| {
        discovered(bootstrap);
    });
    finds(&["error filter-not-found"], |bootstrap| {
        discovered(bootstrap)["config_discovery"]["type_urls"] = json!(["type.googleapis.com/acme.Filter"]);
    });
    let mut config = filter(&mut shipped())["typed_config"].take();
    finds(&["note discovered-filters"], |bootstrap| {
        discovered(bootstrap)["config_discovery"]["default_config"] = config.clone();
    });
    finds(&["note discovered-filters", "error fail-open"], |bootstrap| {
        config["config"]["failure_policy"] = "FAIL_OPEN".into();
        discovered(bootstrap)["config_discovery"]["default_config"] = config;
    });
}

#[test]
fn listeners_that_come_from_elsewhere_are_named() {
    let with_lds = |bootstrap: &mut Value| {
        bootstrap["dynamic_resources"] =
            json!({ "lds_config": { "path_config_source": { "path": "lds.yaml" } } });
    };
    let report = report(with_lds);
    assert_eq!(found(&report), ["note discovered-listeners"]);
    assert_eq!(report["envoy"]["findings"][0]["listener"], Value::Null);
    assert_eq!(report["envoy"]["findings"][0]["path"], "dynamic_resources.lds_config");
    finds(&[], |bootstrap| bootstrap["dynamic_resources"] = json!({ "cds_config": { "ads": {} } }));
    finds(&["note discovered-listeners", "warning filter-not-found"], |bootstrap| {
        with_lds(bootstrap);
        http_filters(bootstrap).remove(0);
    });
}

#[test]
fn connection_managers_that_come_from_elsewhere_are_named() {
    finds(&["note discovered-filters", "warning filter-not-found"], |bootstrap| {
        chain(bootstrap)["filters"] =
            json!([{ "name": "manager", "config_discovery": { "config_source": { "ads": {} } } }]);
    });
}
