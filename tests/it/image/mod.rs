//! Images end to end: built by gomake and judged by skopeo, Docker, podman and real registries.

mod build;
mod dockerfile;
mod engine;
#[expect(dead_code, reason = "the unit tests use more of it")]
#[expect(clippy::unwrap_used, reason = "it is a test's")]
#[path = "../../../src/registry/fake.rs"]
mod fake;
mod faults;
mod push;

/// What the fake registry needs of the library, where it looks for it.
mod digest {
    pub use gomake::image::digest::Sha256;
}

use crate::harness::{Project, Run};
use serde_json::Value;

/// A project with an image `api` of one program and one file. `KEYS` are more lines of the image.
fn project(keys: &str) -> Project {
    let project = Project::new(&format!(
        r#"
build app {{
  inputs = "app.txt"
  outputs = "bin/app"
  run: cat app.txt > bin/app; chmod 755 bin/app
}}

image api {{
  base = "scratch"
  files = {{ "/app" = app, "/etc/app.conf" = "app.conf" }}
  entrypoint = ["/app"]
  env = {{ MODE = "test" }}
{keys}
}}
"#
    ));
    project
        .write("app.txt", "#!/bin/sh\n")
        .write("app.conf", "port = 1\n");
    project
}

/// The digest of what was built: `sha256:…` of the manifest or index.
fn digest(project: &Project, target: &str) -> String {
    let index = json(&project.read(format!(".gomake/images/{target}/index.json")));
    let digest = index["manifests"][0]["digest"].as_str();
    digest.expect("a digest").to_owned()
}

/// The digest of the configuration, which engines call the image's id.
fn image_id(project: &Project, target: &str) -> String {
    let record = json(&project.read(format!(".gomake/images/{target}/gomake.json")));
    let id = record["images"][0]["config"].as_str();
    id.expect("a digest").to_owned()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// A run that must succeed.
fn good(run: Run) -> Run {
    assert_eq!(run.status, 0, "{run}");
    run
}
