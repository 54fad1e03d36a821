//! The embedded builder: when it runs, what it makes, and that the same inputs make the same bytes.

use crate::components::{base, skopeo, skopeo_config, skopeo_inspect};
use crate::harness::{Project, set};
use crate::image::{digest, good, image_id, json, project};

#[test]
fn an_image_is_built_once_and_again_when_a_file_of_it_changes() {
    let project = project("");
    assert_eq!(project.ran(&["api"]), set(["app", "api"]));
    let first = digest(&project, "api");
    let again = good(project.run(&["api"]));
    assert_eq!(again.fate("api"), "up to date", "{again}");

    project.touch("app.conf").touch("bin/app").touch("Gofile");
    assert_eq!(project.ran(&["api"]), set([]));
    // What is in the project and not in the image is nothing to it.
    project.write("notes.txt", "none of it");
    assert_eq!(project.ran(&["api"]), set([]));

    project.write("app.conf", "port = 2\n");
    assert_eq!(project.ran(&["api"]), set(["api"]));
    assert_ne!(digest(&project, "api"), first);
    project.write("app.txt", "#!/bin/sh\n# Another.\n");
    assert_eq!(project.ran(&["api"]), set(["app", "api"]));
    // That state was built before.
    project
        .write("app.txt", "#!/bin/sh\n")
        .write("app.conf", "port = 1\n");
    assert_eq!(project.ran(&["api"]), set([]));
    assert_eq!(digest(&project, "api"), first);
}

#[test]
fn what_the_image_says_counts_and_its_tags_do_not() {
    let project = project("  cmd = [\"one\"]\n  tags = \"localhost:5000/team/api:1\"");
    project.ran(&["api"]);
    let first = digest(&project, "api");
    let gofile = project.read("Gofile");
    project.write("Gofile", gofile.replace("api:1", "api:2"));
    assert_eq!(project.ran(&["api"]), set([]));
    project.write("Gofile", gofile.replace("\"one\"", "\"two\""));
    assert_eq!(project.ran(&["api"]), set(["api"]));
    assert_ne!(digest(&project, "api"), first);
}

#[test]
fn two_clones_make_the_same_image() {
    let project = project("");
    project.ran(&["api"]);
    let mut clone = project.clone_fresh(&["bin"]);
    // Nothing is shared: not the place, not the cache, not the files' times and modes.
    let cache = clone.cache();
    clone.env("GOMAKE_CACHE_DIR", cache.to_str().expect("UTF-8"));
    std::fs::set_permissions(
        clone.path("app.conf"),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .expect("a file of ours");
    assert_eq!(clone.ran(&["api"]), set(["app", "api"]));
    let index = ".gomake/images/api/index.json";
    assert_eq!(clone.read(index), project.read(index));
    assert_eq!(image_id(&clone, "api"), image_id(&project, "api"));
}

#[test]
fn a_fresh_clone_takes_the_image_from_the_cache() {
    let project = project("");
    project.ran(&["api"]);
    let clone = project.clone_fresh(&["bin"]);
    let run = good(clone.run(&["api"]));
    assert_eq!(run.fate("api"), "restored", "{run}");
    assert_eq!(digest(&clone, "api"), digest(&project, "api"));
    // A layout that was damaged or lost comes back in the same way.
    clone.remove(".gomake/images/api");
    let run = good(clone.run(&["api"]));
    assert_eq!(run.fate("api"), "restored", "{run}");
    clone.write(".gomake/images/api/index.json", "{}");
    good(clone.run(&["api"]));
    assert_eq!(digest(&clone, "api"), digest(&project, "api"));
}

#[test]
fn skopeo_reads_the_archive_and_the_layout_as_what_was_built() {
    if skopeo().is_none() {
        return;
    }
    let keys = "  workdir = \"/data\"\n  user = \"65532:65532\"\n  ports = 8080\n  labels = { team = \"a\" }";
    let archive = project(&format!(
        "{keys}\n  tags = \"localhost/team/api:1\"\n  output = \"dist/api.tar\""
    ));
    archive.ran(&["api"]);
    let tar = archive.path("dist/api.tar").display().to_string();
    let inspected = skopeo_inspect(&format!("oci-archive:{tar}"), &[]);
    assert_eq!(inspected["Digest"], digest(&archive, "api").as_str());

    for image in [
        format!("oci-archive:{tar}"),
        format!("docker-archive:{tar}"),
    ] {
        let config = skopeo_config(&image);
        let told = &config["config"];
        assert_eq!(told["Entrypoint"], serde_json::json!(["/app"]), "{image}");
        assert_eq!(told["WorkingDir"], "/data");
        assert_eq!(told["User"], "65532:65532");
        assert_eq!(told["Labels"]["team"], "a");
        assert!(told["ExposedPorts"]["8080/tcp"].is_object());
        let env = told["Env"].as_array().expect("a list");
        assert!(env.contains(&"MODE=test".into()), "{config}");
        let layers = config["rootfs"]["diff_ids"].as_array().expect("a list");
        assert!(!layers.is_empty());
    }

    let layout = project(&format!("{keys}\n  output = \"dist/api/\""));
    layout.ran(&["api"]);
    let inspected = skopeo_inspect(&format!("oci:{}", layout.path("dist/api").display()), &[]);
    assert_eq!(inspected["Digest"], digest(&archive, "api").as_str());
    // A lost archive is a lost output.
    archive.remove("dist/api.tar");
    let run = good(archive.run(&["api"]));
    assert_eq!(run.fate("api"), "restored", "{run}");
    assert!(archive.exists("dist/api.tar"));
}

#[test]
fn an_image_keeps_the_layers_and_settings_of_its_base() {
    let Some(base) = base() else { return };
    let project = project("  output = \"dist/api.tar\"");
    let gofile = project.read("Gofile");
    project.write("Gofile", gofile.replace("scratch", &base.reference));
    project.ran(&["api"]);
    assert_eq!(project.ran(&["api"]), set([]));
    let first = digest(&project, "api");
    // Pinned, it is the same image.
    let pinned = format!("{}@{}", base.reference, base.digest);
    project.write("Gofile", gofile.replace("scratch", &pinned));
    good(project.run(&["api"]));
    if skopeo().is_some() {
        let tar = project.path("dist/api.tar").display().to_string();
        let config = skopeo_config(&format!("oci-archive:{tar}"));
        let env = config["config"]["Env"].as_array().expect("a list");
        assert!(env.contains(&"FROM_BASE=yes".into()), "{config}");
        assert!(env.contains(&"MODE=test".into()), "{config}");
        assert_eq!(config["config"]["Labels"]["of"], "gomake's tests");
        let raw = skopeo_inspect(&format!("oci-archive:{tar}"), &["--raw".to_owned()]);
        assert_eq!(
            raw["annotations"]["org.opencontainers.image.base.digest"],
            base.digest.as_str()
        );
    }
    assert_eq!(image_id(&project, "api").len(), first.len());
}

#[test]
fn several_platforms_make_one_index() {
    let project = Project::new(
        r#"
build app for arch in ["amd64", "arm64"] {
  inputs = []
  outputs = "bin/$arch/app"
  run: echo "$arch" > "$out"
}
image api {
  base = "scratch"
  platforms = {
    "linux/amd64" = { "/app" = app["amd64"] }
    "linux/arm64" = { "/app" = app["arm64"] }
  }
  entrypoint = ["/app"]
  output = "dist/api/"
}
"#,
    );
    project.ran(&["api"]);
    let root = digest(&project, "api");
    let blob = root.replace("sha256:", "blobs/sha256/");
    let index = crate::image::json(&project.read(format!(".gomake/images/api/{blob}")));
    let platforms: Vec<_> = index["manifests"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|image| image["platform"]["architecture"].as_str().unwrap_or("none"))
        .collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    assert_eq!(project.ran(&["api"]), set([]));
    if skopeo().is_some() {
        let layout = format!("oci:{}", project.path("dist/api").display());
        for platform in ["amd64", "arm64"] {
            let options = [format!("--override-arch={platform}")];
            let inspected = skopeo_inspect(&layout, &options);
            assert_eq!(inspected["Architecture"], platform);
        }
    }
}

#[test]
fn a_link_out_of_the_project_is_refused() {
    let project = project("");
    project.remove("app.conf");
    std::os::unix::fs::symlink("/etc/hostname", project.path("app.conf")).expect("a link");
    let run = project.run(&["api"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("app.conf"), "{run}");
    assert!(!project.exists(".gomake/images/api/index.json"));
    // Through a directory as well.
    project.remove("app.conf");
    std::os::unix::fs::symlink("/etc", project.path("conf")).expect("a link");
    let gofile = project.read("Gofile");
    project.write(
        "Gofile",
        gofile.replace("\"app.conf\"", "\"conf/hostname\""),
    );
    let run = project.run(&["api"]);
    assert_ne!(run.status, 0, "{run}");
    assert!(!project.exists(".gomake/images/api/index.json"));
}

#[test]
fn the_time_of_an_image_can_run_out() {
    let project = project("  timeout = \"1ms\"");
    project.write("app.conf", "some words ".repeat(2_000_000));
    let run = project.run(&["api"]);
    assert_eq!((run.status, run.fate("api")), (1, "failed"), "{run}");
    assert!(run.err.contains("timed out after 1ms"), "{run}");
    let gofile = project.read("Gofile");
    project.write("Gofile", gofile.replace("1ms", "1h"));
    good(project.run(&["api"]));
}

#[test]
fn a_named_directory_keeps_its_mode_wherever_it_is_named() {
    let layer_of = |files: &str| {
        let project = Project::new(&format!(
            "image api {{\n  base = \"scratch\"\n  files = {{ {files} }}\n}}\n"
        ));
        project.write("seed/sub/a", "a");
        good(project.run(&["api"]));
        let record = json(&project.read(".gomake/images/api/gomake.json"));
        record["images"][0]["layers"][0]["digest"].clone()
    };
    let (tree, mode) = (
        "\"/data\" = \"seed/\"",
        "\"/data/sub/\" = { mode = \"1777\" }",
    );
    let first = layer_of(&format!("{mode}, {tree}"));
    assert_eq!(first, layer_of(&format!("{tree}, {mode}")));
    assert_ne!(first, layer_of(tree));
}
