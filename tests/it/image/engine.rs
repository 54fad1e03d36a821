//! Images in the container engines of this machine: loaded, known by the same id, and run.

use crate::components::{Docker, docker, free_port, podman, unique, wait_for_http};
use crate::harness::{Project, has};
use crate::image::{digest, good, image_id, project};
use std::path::Path;
use std::process::Command;

/// What an engine calls an image: the digest of its configuration, or of its manifest (Docker's containerd store).
fn ids(project: &Project) -> [String; 2] {
    [image_id(project, "api"), digest(project, "api")]
}

#[test]
fn docker_and_podman_load_the_archive() {
    let name = format!("localhost/{}:1", unique("archive"));
    let project = project(&format!("  tags = \"{name}\"\n  output = \"dist/api.tar\""));
    project.ran(&["api"]);
    let tar = project.path("dist/api.tar").display().to_string();
    if let Some(docker) = docker() {
        docker.run(&["load", "--input", &tar]);
        let id = docker.run(&["image", "inspect", "--format", "{{.Id}}", &name]);
        assert!(ids(&project).contains(&id), "{id}");
        docker.run(&["image", "rm", &name]);
    }
    if let Some(podman) = podman() {
        podman.run(&["load", "--input", &tar]);
        let id = podman.run(&["image", "inspect", "--format", "{{.Id}}", &name]);
        assert_eq!(format!("sha256:{id}"), image_id(&project, "api"));
        podman.run(&["image", "rm", &name]);
    }
}

#[test]
fn an_image_is_loaded_when_it_is_asked_for() {
    let Some(docker) = docker() else { return };
    let name = format!("{}:1", unique("load"));
    let mut project = project(&format!("  tags = \"{name}\"\n  engine = \"docker\""));
    docker.set(&mut project);
    good(project.run(&["api"]));
    assert!(!docker.has_image(&name));
    let run = good(project.run(&["--load", "api"]));
    assert_eq!(run.fate("api"), "up to date", "{run}");
    let id = docker.run(&["image", "inspect", "--format", "{{.Id}}", &name]);
    assert!(ids(&project).contains(&id), "{id}");
    assert!(
        run.err.contains("loaded     image api into docker"),
        "{run}"
    );
    let run = good(project.run(&["--load", "api"]));
    assert!(run.err.contains("current    image api in docker"), "{run}");
    // A changed image takes the tag over.
    project.write("app.conf", "port = 2\n");
    good(project.run(&["--load", "api"]));
    let id = docker.run(&["image", "inspect", "--format", "{{.Id}}", &name]);
    assert!(ids(&project).contains(&id), "{id}");
    docker.run(&["image", "rm", "--force", &name]);
}

#[test]
fn load_true_keeps_the_engine_in_step_even_without_a_tag() {
    let Some(docker) = docker() else { return };
    let mut project = project("  load = true\n  engine = \"docker\"");
    docker.set(&mut project);
    let run = good(project.run(&["api"]));
    assert!(
        run.err.contains("loaded     image api into docker"),
        "{run}"
    );
    let id = image_id(&project, "api");
    assert!(docker.has_image(&id));
    let run = good(project.run(&["api"]));
    assert!(
        !run.err.contains("docker"),
        "nothing is said of what is there: {run}"
    );
    docker.run(&["image", "rm", "--force", &id]);
    let run = good(project.run(&["api"]));
    assert_eq!(run.fate("api"), "up to date", "{run}");
    assert!(
        run.err.contains("loaded     image api into docker"),
        "{run}"
    );
    assert!(docker.has_image(&id));
    docker.run(&["image", "rm", "--force", &id]);
}

#[test]
fn podman_loads_what_it_is_named_for() {
    let Some(podman) = podman() else { return };
    let name = format!("localhost/{}:1", unique("load"));
    let project = project(&format!("  tags = \"{name}\"\n  engine = \"podman\""));
    good(project.run(&["--load", "api"]));
    let id = podman.run(&["image", "inspect", "--format", "{{.Id}}", &name]);
    assert_eq!(format!("sha256:{id}"), image_id(&project, "api"));
    podman.run(&["image", "rm", &name]);
}

/// The example as the article has it: a static Go program from scratch, in a container that answers.
#[test]
fn the_example_answers_http_from_a_container() {
    if !has("go") || !cfg!(target_arch = "x86_64") {
        return;
    }
    let Some(docker) = docker() else { return };
    let name = format!("{}:1", unique("hello"));
    let mut project = hello_go(&name);
    docker.set(&mut project);
    project.env("GOTOOLCHAIN", "local").env("GOPROXY", "off");
    // Compiling may take longer than any other run.
    let output = project
        .command(&["-v", "--output", "plain", "--load", "api"])
        .output();
    let run = crate::harness::Run::read(output.expect("gomake starts"));
    assert_eq!(run.status, 0, "{run}");
    assert!(run.targets(&["ran"]).contains("api"), "{run}");
    answers(&docker, &name);
    docker.run(&["image", "rm", "--force", &name]);
}

fn hello_go(tag: &str) -> Project {
    let project = Project::new("");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/hello-go/.");
    let copied = Command::new("cp")
        .arg("-R")
        .arg(from)
        .arg(&project.root)
        .status();
    assert!(copied.expect("cp starts").success());
    let gofile = project.read("Gofile");
    let tagged = gofile.replace("localhost:5000/hello:$version", tag);
    assert_ne!(gofile, tagged, "the example has another tag");
    project.write("Gofile", tagged);
    project
}

fn answers(docker: &Docker, image: &str) {
    let port = free_port();
    let address = format!("ADDR=:{port}");
    let container = docker.start(image, port, &["--env", &address]);
    let body = wait_for_http(port, "/greet?name=Ann");
    assert!(body.contains("Hello, Ann!"), "{body}\n{}", container.logs());
}
