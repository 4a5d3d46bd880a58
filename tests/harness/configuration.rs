//! Makes Envoy's configuration for a set-up out of the shipped files, so that what is shipped is what is tested.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::module::module;
use super::runner::Runner;
use super::setup::{Delivery, Listener, Setup, Wrapping};
use super::workspace::{open_to_all, root, write};

const FILTER: &str = "mtls_policy";
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

/// Files of one Envoy in its folder.
pub struct Files<'a> {
    folder: &'a Path,
    backend: String,
}

impl<'a> Files<'a> {
    /// In this folder, which only one Envoy uses.
    pub fn new(folder: &'a Path) -> Files<'a> {
        let unique = folder.file_name().unwrap_or_default().display().to_string();
        // A socket without a file: no port to find, and no limit on the length of a folder's name.
        Files { folder, backend: format!("@mtls-policy-{unique}") }
    }

    /// The configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("envoy.json")
    }

    /// The file that carries a discovered policy.
    fn discovered(&self) -> PathBuf {
        self.folder.join("discovered/filter.json")
    }

    fn text(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Writes everything that Envoy reads; returns the names of the listeners in order.
    pub fn write(&self, setup: &Setup, runner: &Runner) -> Vec<String> {
        let mut whole = shipped("envoy/envoy.yaml");
        let listeners = setup.all_listeners();
        let template = whole["static_resources"]["listeners"][0].take();
        let made: Vec<Value> = listeners
            .iter()
            .enumerate()
            .map(|(number, listener)| self.listener(setup, runner, listener, number, template.clone()))
            .chain([self.echo()])
            .collect();
        whole["static_resources"]["listeners"] = made.into();
        whole["admin"]["address"]["socket_address"] =
            json!({ "address": runner.bind_address(), "port_value": runner.admin_port() });
        let backend = &mut whole["static_resources"]["clusters"][0];
        backend["type"] = "STATIC".into();
        backend["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] =
            json!({ "pipe": { "path": self.backend } });

        let clusters = whole["static_resources"]["clusters"].as_array_mut().unwrap();
        clusters.extend(setup.clusters.iter().map(|(name, port)| cluster(runner, name, *port)));

        write(&self.folder.join("server.crt"), &setup.server.0);
        write(&self.folder.join("server.key"), &setup.server.1);
        write(&self.folder.join("clients-ca.crt"), &setup.trusted_ca);
        let from = setup.module.as_deref().unwrap_or_else(|| module());
        let bytes =
            fs::read(from).unwrap_or_else(|error| panic!("cannot read `{}`: {error}", from.display()));
        write(&self.folder.join("mtls_policy.wasm"), bytes);
        if setup.delivery == Delivery::Discovered {
            fs::create_dir_all(self.folder.join("discovered")).unwrap();
            open_to_all(&self.folder.join("discovered"), 0o755);
            self.write_discovered(setup, setup.policy.as_deref(), 1);
        }
        for change in &setup.patches {
            change(&mut whole);
        }
        write(&self.configuration(), whole.to_string());
        listeners.into_iter().map(|listener| listener.name).collect()
    }

    /// Puts a policy in the place of the discovered one, at once: Envoy watches for files moved into the folder.
    pub fn write_discovered(&self, setup: &Setup, policy: Option<&str>, generation: u64) {
        assert!(
            setup.delivery == Delivery::Discovered,
            "only a set-up that is `discovered` has a policy to replace"
        );
        let template = shipped("envoy/envoy.yaml");
        let mut manager = manager_of(&template["static_resources"]["listeners"][0]).clone();
        let filter = filter_of(&mut manager);
        self.filter(setup, policy, filter);
        let response = json!({
            "version_info": generation.to_string(),
            "resources": [{
                "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
                "name": FILTER,
                "typed_config": filter["typed_config"],
            }],
        });
        let new = self.folder.join("discovered.new");
        write(&new, response.to_string());
        fs::rename(new, self.discovered()).unwrap();
    }

    fn listener(
        &self,
        setup: &Setup,
        runner: &Runner,
        wanted: &Listener,
        number: usize,
        mut listener: Value,
    ) -> Value {
        let port = runner.listener_port(u16::try_from(number).unwrap());
        listener["name"] = wanted.name.clone().into();
        listener["address"]["socket_address"] =
            json!({ "address": runner.bind_address(), "port_value": port });
        let chain = &mut listener["filter_chains"][0];
        if wanted.tls {
            let context = &mut chain["transport_socket"]["typed_config"]["common_tls_context"];
            let certificate = &mut context["tls_certificates"][0];
            certificate["certificate_chain"]["filename"] = self.text("server.crt").into();
            certificate["private_key"]["filename"] = self.text("server.key").into();
            let trusted = match &wanted.trusted_ca {
                Some(pem) => {
                    let name = format!("clients-ca-{}.crt", wanted.name);
                    write(&self.folder.join(&name), pem);
                    name
                }
                None => "clients-ca.crt".to_owned(),
            };
            context["validation_context"]["trusted_ca"]["filename"] = self.text(&trusted).into();
        } else {
            chain.as_object_mut().unwrap().remove("transport_socket");
        }
        let filters = chain["filters"].as_array_mut().unwrap();
        let manager = &mut filters.last_mut().unwrap()["typed_config"];
        manager["stat_prefix"] = wanted.name.clone().into();
        let filter = filter_of(manager);
        match setup.delivery {
            Delivery::Static => {
                self.filter(setup, wanted.policy.as_deref().or(setup.policy.as_deref()), filter);
                if wanted.policy.is_some() {
                    // In one VM, filters of one name are taken for one that was reconfigured.
                    filter["typed_config"]["config"]["name"] = format!("{FILTER}-{}", wanted.name).into();
                }
            }
            Delivery::Discovered => {
                *filter = json!({
                    "name": FILTER,
                    "config_discovery": {
                        "config_source": {
                            "resource_api_version": "V3",
                            "path_config_source": {
                                "path": self.discovered().display().to_string(),
                                "watched_directory": { "path": self.text("discovered") },
                            },
                        },
                        "type_urls": [WASM],
                    },
                });
            }
        }
        for change in &wanted.patches {
            change(&mut listener);
        }
        listener
    }

    /// The shipped filter with this module, and this policy if there is one.
    fn filter(&self, setup: &Setup, policy: Option<&str>, filter: &mut Value) {
        let plugin = &mut filter["typed_config"]["config"];
        plugin["vm_config"]["code"]["local"]["filename"] = self.text("mtls_policy.wasm").into();
        if let Some(policy) = policy {
            plugin["configuration"]["value"] = policy.into();
        }
        if setup.wrapping == Wrapping::Struct {
            let text = plugin["configuration"]["value"].as_str().unwrap();
            let value: Value = serde_json::from_str(text).expect("a `Struct` holds JSON only");
            plugin["configuration"] =
                json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": value });
        }
    }

    fn echo(&self) -> Value {
        let mut echo = shipped("envoy/echo.yaml")["static_resources"]["listeners"][0].take();
        echo["address"] = json!({ "pipe": { "path": self.backend } });
        echo
    }
}

/// A server on this machine.
fn cluster(runner: &Runner, name: &str, port: u16) -> Value {
    let (kind, address) = runner.this_machine();
    let address = json!({ "socket_address": { "address": address, "port_value": port } });
    json!({
        "name": name,
        "type": kind,
        "dns_lookup_family": "V4_ONLY",
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address } }] }],
        },
    })
}

/// A file of ours that users copy, as JSON.
pub fn shipped(name: &str) -> Value {
    let text =
        fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("cannot read `{name}`: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("`{name}` is no YAML: {error}"))
}

fn manager_of(listener: &Value) -> &Value {
    &listener["filter_chains"][0]["filters"].as_array().unwrap().last().unwrap()["typed_config"]
}

fn filter_of(manager: &mut Value) -> &mut Value {
    let filters = manager["http_filters"].as_array_mut().unwrap();
    filters.iter_mut().find(|filter| filter["name"] == FILTER).expect("the shipped filter")
}
