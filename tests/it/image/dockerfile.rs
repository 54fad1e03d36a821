//! Images from Dockerfiles: what makes an engine build again, and what does not.

use crate::components::{Docker, Tool, buildah, docker, podman, registry, skopeo_config, unique};
use crate::harness::{Project, set};
use crate::image::good;

const DOCKERFILE: &str = r#"FROM gomake-test-base:1 AS build
ARG SUFFIX=none
COPY src/ /src/
RUN cat /src/a.txt > /made && echo "$SUFFIX" >> /made

FROM gomake-test-base:1
COPY --from=build /made /made
COPY greeting.txt /
CMD ["cat", "/made", "/greeting.txt"]
"#;

/// A project whose image needs two stages, and its tag.
fn project(engine: &str) -> (Project, String) {
    let tag = format!("localhost/{}:1", unique(engine));
    let project = Project::new(&format!(
        r#"
image tool {{
  dockerfile = "Dockerfile"
  args = {{ SUFFIX = "given" }}
  engine = "{engine}"
  tags = "{tag}"
}}
"#
    ));
    project
        .write("Dockerfile", DOCKERFILE)
        .write(".dockerignore", "**/*.log\nnotes\n")
        .write("src/a.txt", "source\n")
        .write("greeting.txt", "hello\n")
        .write("README.md", "not in the image\n");
    (project, tag)
}

/// The same story with every engine. `remove` takes the image out of it.
fn rebuilds_for_what_it_sees(project: &Project, remove: &dyn Fn()) {
    assert_eq!(project.ran(&["tool"]), set(["tool"]));
    assert_eq!(project.ran(&["tool"]), set([]));
    // Edits that no COPY sees, by name or because they are ignored.
    project
        .write("README.md", "another text\n")
        .write("src/debug.log", "ignored\n")
        .write("notes/todo.txt", "ignored\n")
        .touch("greeting.txt");
    assert_eq!(project.ran(&["tool"]), set([]));
    project.write("greeting.txt", "hello again\n");
    assert_eq!(project.ran(&["tool"]), set(["tool"]));
    project.write("src/b.txt", "a new file of a copied directory\n");
    assert_eq!(project.ran(&["tool"]), set(["tool"]));
    let gofile = project.read("Gofile");
    project.write("Gofile", gofile.replace("given", "other"));
    assert_eq!(project.ran(&["tool"]), set(["tool"]));
    assert_eq!(project.ran(&["tool"]), set([]));
    remove();
    assert_eq!(project.ran(&["tool"]), set(["tool"]));
    assert_eq!(project.ran(&["tool"]), set([]));
}

#[test]
fn docker_builds_again_for_what_the_dockerfile_sees() {
    let Some(docker) = docker() else { return };
    let (mut project, tag) = project("docker");
    docker.set(&mut project);
    let remove = || drop(docker.run(&["image", "rm", "--force", &tag]));
    rebuilds_for_what_it_sees(&project, &remove);
    assert_eq!(
        printed(&docker, &tag),
        "source\nother\nhello again",
        "the image is not of the last state"
    );
    remove();
}

fn printed(docker: &Docker, tag: &str) -> String {
    docker.run(&["run", "--rm", "--network", "none", tag])
}

#[test]
fn podman_and_buildah_build_again_for_what_the_dockerfile_sees() {
    let story = |engine: &str, tool: Tool, rm: &[&str]| {
        let (project, tag) = project(engine);
        let remove = || drop(tool.run(&[rm, &[&tag]].concat()));
        rebuilds_for_what_it_sees(&project, &remove);
        remove();
    };
    if let Some(podman) = podman() {
        story("podman", podman, &["image", "rm", "--force"]);
    }
    if let Some(buildah) = buildah() {
        story("buildah", buildah, &["rmi", "--force"]);
    }
}

#[test]
fn a_dockerfile_that_fails_shows_why_and_fails_the_target() {
    let Some(docker) = docker() else { return };
    let (mut project, tag) = project("docker");
    docker.set(&mut project);
    project.write(
        "Dockerfile",
        "FROM gomake-test-base:1\nRUN echo some words of the step; exit 3\n",
    );
    let run = project.run(&["tool"]);
    assert_eq!((run.status, run.fate("tool")), (1, "failed"), "{run}");
    assert!(run.err.contains("some words of the step"), "{run}");
    assert!(!docker.has_image(&tag));
    project.write("Dockerfile", "FROM gomake-test-base:1\nCOPY none /\n");
    let run = project.run(&["tool"]);
    assert_ne!(run.status, 0, "{run}");
    // It works again as soon as the file does.
    project.write("Dockerfile", DOCKERFILE);
    good(project.run(&["tool"]));
    docker.run(&["image", "rm", "--force", &tag]);
}

#[test]
fn a_tag_that_another_image_has_taken_is_given_back() {
    let Some(docker) = docker() else { return };
    let (mut project, tag) = project("docker");
    docker.set(&mut project);
    let gofile = project.read("Gofile");
    project.write("Gofile", gofile.replace("args =", "cache = true\n  args ="));
    // Ids say nothing here: they change when another test takes layers out of the engine's own cache.
    project.ran(&["tool"]);
    docker.run(&["tag", "gomake-test-base:1", &tag]);
    assert_eq!(project.ran(&["tool"]), set(["tool"]));
    assert_eq!(printed(&docker, &tag), "source\ngiven\nhello");
    // The cache knows the first state; but the tag names the second, and then the image is gone.
    project.write("greeting.txt", "another\n");
    project.ran(&["tool"]);
    let second = docker.run(&["image", "inspect", "--format", "{{.Id}}", &tag]);
    assert_eq!(printed(&docker, &tag), "source\ngiven\nanother");
    project.write("greeting.txt", "hello\n");
    good(project.run(&["tool"]));
    assert_eq!(printed(&docker, &tag), "source\ngiven\nhello");
    docker.run(&["image", "rm", "--force", &second, &tag]);
    project.write("greeting.txt", "another\n");
    good(project.run(&["tool"]));
    assert_eq!(printed(&docker, &tag), "source\ngiven\nanother");
    docker.run(&["image", "rm", "--force", &tag]);
}

/// What an engine built goes the ways of every image: into an archive, and to a registry, which has it the next time.
#[test]
fn what_docker_built_is_written_and_pushed() {
    let (Some(docker), Some(registry)) = (docker(), registry()) else {
        return;
    };
    let repository = unique("built");
    let tag = format!("{}/{repository}:1", registry.host);
    let mut project = Project::new(&format!(
        r#"
image tool {{
  dockerfile = "Dockerfile"
  output = "dist/tool.tar"
  engine = "docker"
  tags = "{tag}"
}}
"#
    ));
    docker.set(&mut project);
    project
        .write("Dockerfile", DOCKERFILE)
        .write("src/a.txt", "source\n")
        .write("greeting.txt", "hello\n");
    let run = good(project.run(&["--push", "tool"]));
    assert!(run.err.contains("pushed     image tool"), "{run}");
    let id = docker.run(&["image", "inspect", "--format", "{{.Id}}", &tag]);
    let written = skopeo_config(&format!(
        "docker-archive:{}",
        project.path("dist/tool.tar").display()
    ));
    assert_eq!(written["config"]["Cmd"][0], "cat");
    let manifest: serde_json::Value =
        serde_json::from_slice(&registry.raw(&format!("{repository}:1"))).expect("a manifest");
    assert_eq!(manifest["config"]["digest"], id.trim());
    let run = good(project.run(&["--push", "tool"]));
    assert_eq!(run.targets(&["ran"]), set([]));
    assert!(run.err.contains("current    image tool"), "{run}");
    docker.run(&["image", "rm", "--force", &tag]);
}

/// An engine copies links, modes, empty directories and names with a dot at any depth: all of it counts.
#[test]
fn what_an_engine_copies_beside_files_counts() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let Some(docker) = docker() else { return };
    let mut project =
        Project::new("image tool {\n  dockerfile = \"Dockerfile\"\n  engine = \"docker\"\n}\n");
    docker.set(&mut project);
    project
        .write("Dockerfile", "FROM scratch\nCOPY src/ /\n")
        .write(".dockerignore", "src/ignored\n")
        .write("src/a.txt", "a\n");
    let again = |what: &str| {
        assert_eq!(project.ran(&["tool"]), set(["tool"]), "{what}");
        assert_eq!(project.ran(&["tool"]), set([]), "{what}");
    };
    again("the first build");
    symlink("a.txt", project.path("src/link")).expect("a link");
    again("a link");
    std::fs::remove_file(project.path("src/link")).expect("it is there");
    symlink("nowhere", project.path("src/link")).expect("a link");
    again("a link that leads nowhere");
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(project.path("src/a.txt"), private).expect("a file of ours");
    again("a mode");
    std::fs::create_dir_all(project.path("src/empty")).expect("a directory");
    again("an empty directory");
    project.write("src/.a/.b/.c/.d/deep", "x\n");
    again("a file in hidden directories");
    std::fs::create_dir_all(project.path("src/ignored/empty")).expect("a directory");
    symlink("x", project.path("src/ignored/link")).expect("a link");
    assert_eq!(project.ran(&["tool"]), set([]), "what is ignored");
    let why = project.run(&["--why", "tool"]);
    assert!(why.out.contains("up to date"), "{why}");
    std::fs::remove_file(project.path("src/link")).expect("it is there");
    let why = project.run(&["--why", "tool"]);
    assert!(why.out.contains("link src/link removed"), "{why}");
}
