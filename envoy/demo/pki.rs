//! The demo's certificates, as files for `curl`. Their keys follow from their names and are no secrets.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{Pki, root};

/// The folder with the files.
pub(crate) struct Files(PathBuf);

impl Files {
    /// As a person types it, from the root of the repository.
    pub(crate) fn folder(&self) -> String {
        self.0.strip_prefix(root()).unwrap_or(&self.0).display().to_string()
    }
}

/// Mints a PKI and writes to `target/demo/` what clients need.
pub(crate) fn mint() -> Result<(Pki, Files), String> {
    let pki = Pki::new();
    let files = Files(crate::harness::target().join("demo"));
    fs::create_dir_all(&files.0)
        .map_err(|error| format!("cannot create `{}`: {error}", files.0.display()))?;
    let write = |name: &str, text: String| {
        let path: &Path = &files.0.join(name);
        fs::write(path, text).map_err(|error| format!("cannot write `{}`: {error}", path.display()))
    };
    write("clients-ca.crt", pki.ca.pem())?;
    write("server-ca.crt", pki.server_ca.pem())?;
    write("server.crt", pki.server.pem())?;
    write("server.key", pki.server.key_pem())?;
    let billing = "spiffe://acme.example/ns/prod/sa/billing";
    for (file, ca, name, id) in [
        ("billing", &pki.ca, "billing", billing),
        ("web", &pki.ca, "web", "spiffe://acme.example/ns/prod/sa/web"),
        ("stranger", &pki.stranger, "billing", billing),
    ] {
        let certificate = ca.leaf(name).spiffe(id).mint();
        write(&format!("{file}.crt"), certificate.pem())?;
        write(&format!("{file}.key"), certificate.key_pem())?;
    }
    Ok((pki, files))
}
