//! The container image: `ENVOY_IMAGE`, else Envoy's own if the engine has it or can pull it, else one built from
//! nothing but the pinned binary and the libraries that it links.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::binary::pinned;
use super::command::run;
use super::setup::Version;
use super::workspace::{lock, open_to_all, target};

const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// A registry that does not answer must not hold up the tests; the image is 80 MB.
const PULL_LIMIT: Duration = Duration::from_secs(120);
const BUILD_LIMIT: Duration = Duration::from_secs(300);

/// Whether a container engine answers; `Err` is its excuse.
pub fn engine() -> Result<(), String> {
    run(ANSWER_LIMIT, "docker", &["version", "--format", "{{.Server.Version}}"]).map(|_| ())
}

/// Name and tag of an image that the engine has; `Err` is a sentence that says what to install.
pub fn image(version: Version) -> Result<(String, String), String> {
    if let Ok(named) = std::env::var(version.variable("ENVOY_IMAGE")) {
        return Ok(split(&named));
    }
    let _lock = lock(&format!("image-{}", version.number()));
    let official = format!("envoyproxy/envoy:v{}", version.number());
    let built = format!("mtls-policy-envoy:{}", version.number());
    if let Some(present) = [&official, &built].into_iter().find(|name| has(name)) {
        return Ok(split(present));
    }
    if run(PULL_LIMIT, "docker", &["pull", "--quiet", &official]).is_ok() {
        return Ok(split(&official));
    }
    build(version, &built)?;
    Ok(split(&built))
}

fn has(image: &str) -> bool {
    run(ANSWER_LIMIT, "docker", &["image", "inspect", "--format", "{{.Id}}", image]).is_ok()
}

/// `name:tag`; a colon before a slash belongs to a registry's port.
fn split(image: &str) -> (String, String) {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name.to_owned(), tag.to_owned()),
        Some(_) | None => (image.to_owned(), "latest".to_owned()),
    }
}

const DOCKERFILE: &str = "FROM scratch\nCOPY root /\nENTRYPOINT [\"/usr/local/bin/envoy\"]\n";

fn build(version: Version, name: &str) -> Result<(), String> {
    let binary = pinned(version)?;
    let context = target().join("envoy").join(version.number()).join("image");
    let _ = fs::remove_dir_all(&context);
    let failed = |error: std::io::Error| format!("cannot prepare `{}`: {error}", context.display());
    let put = |from: &Path, inside: &Path| {
        let to = context.join("root").join(inside.strip_prefix("/").unwrap_or(inside));
        fs::create_dir_all(to.parent().unwrap_or(&context))?;
        fs::copy(from, to).map(|_| ())
    };
    put(&binary, Path::new("/usr/local/bin/envoy")).map_err(failed)?;
    // Lines are `libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x..)` or `/lib64/ld-linux-x86-64.so.2 (0x..)`.
    let libraries = run(ANSWER_LIMIT, "ldd", &[&binary.display().to_string()])?;
    for library in libraries.split_whitespace().filter(|word| word.starts_with('/')) {
        put(Path::new(library), Path::new(library)).map_err(failed)?;
    }
    fs::create_dir_all(context.join("root/etc")).map_err(failed)?;
    fs::create_dir_all(context.join("root/tmp")).map_err(failed)?;
    open_to_all(&context.join("root/tmp"), 0o1777);
    fs::write(context.join("root/etc/passwd"), "root:x:0:0:root:/:/none\n").map_err(failed)?;
    fs::write(context.join("root/etc/group"), "root:x:0:\n").map_err(failed)?;
    fs::write(context.join("Dockerfile"), DOCKERFILE).map_err(failed)?;
    run(BUILD_LIMIT, "docker", &["build", "--quiet", "--tag", name, &context.display().to_string()])?;
    let _ = fs::remove_dir_all(&context);
    Ok(())
}
