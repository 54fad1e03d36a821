//! What goes wrong on the way to and from registries, end to end: connections that end, answers that lie, disks that are full,
//! people who lose patience. A registry in this process does what real ones do only on bad days.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, where a failure is a failed test"
)]

use crate::components::set_docker_config;
use crate::harness::{Project, Run, wait_until};
use crate::image::fake::{Fake, Fault, Guard, Reply};
use crate::image::{digest, good, project};
use crate::model::faults::SmallDisk;
use gomake::image::digest::Sha256;
use gomake::image::platform::Platform;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

const ALWAYS: usize = usize::MAX;

/// The project `api` with tags in the repository `team/api` of a registry.
fn tagged(fake: &Fake, tags: &[&str], keys: &str) -> Project {
    let names: Vec<_> = tags
        .iter()
        .map(|tag| format!("\"{}/team/api:{tag}\"", fake.registry()))
        .collect();
    let mut project = project(&format!("  tags = [{}]\n{keys}", names.join(", ")));
    set_docker_config(&mut project, &json!({}));
    project
}

/// Bytes that no compressor makes smaller.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    (0..size).map(|_| next()).collect()
}

/// What a tag of `team/api` names.
fn pushed(fake: &Fake, tag: &str) -> Option<String> {
    let state = fake.state();
    let bytes = state.manifest("team/api", tag)?;
    Some(Sha256::of(bytes).to_string())
}

/// All that the image in a registry names is there.
fn is_whole(fake: &Fake, tag: &str) {
    let state = fake.state();
    let manifest: Value = serde_json::from_slice(state.manifest("team/api", tag).unwrap()).unwrap();
    let layers = manifest["layers"].as_array().unwrap();
    for blob in layers.iter().chain([&manifest["config"]]) {
        let key = (
            "team/api".to_owned(),
            blob["digest"].as_str().unwrap().to_owned(),
        );
        assert!(state.blobs.contains_key(&key), "{key:?}");
    }
}

/// A push that fails for a reason of the registry's: the image is built and kept, nothing has the tag.
fn fails(project: &Project, fake: &Fake) -> Run {
    let run = project.run(&["--push", "api"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains(&fake.registry()), "{run}");
    assert_eq!(pushed(fake, "1"), None);
    run
}

/// Then the registry is well again, and so is the push.
fn recovers(project: &Project, fake: &Fake) {
    fake.state().rules.clear();
    let run = good(project.run(&["--push", "api"]));
    assert_eq!(run.fate("api"), "up to date", "{run}");
    assert_eq!(pushed(fake, "1"), Some(digest(project, "api")));
    is_whole(fake, "1");
}

/// A base image with one layer, in a registry.
struct Base {
    fake: Fake,
    manifest: String,
    config: String,
    layer: String,
}

impl Base {
    fn new(size: usize) -> Self {
        let fake = Fake::start();
        let layer = noise(size);
        let config = json!({
            "os": "linux", "architecture": Platform::host().arch,
            "rootfs": { "type": "layers", "diff_ids": [Sha256::of(b"unpacked").to_string()] },
        })
        .to_string();
        let mut state = fake.state();
        let digest = state.put_blob("base", config.as_bytes());
        let layer_digest = state.put_blob("base", &layer);
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest, "size": config.len(),
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": layer_digest, "size": layer.len(),
            }],
        })
        .to_string();
        state.put_manifest("base", "1", kind, manifest.as_bytes());
        drop(state);
        Self {
            fake,
            manifest: Sha256::of(manifest.as_bytes()).to_string(),
            config: digest,
            layer: layer_digest,
        }
    }
    fn name(&self) -> String {
        format!("{}/base:1", self.fake.registry())
    }
    /// A project whose image stands on it.
    fn project(&self, target: &Fake) -> Project {
        let project = tagged(target, &["1"], "");
        let gofile = project.read("Gofile");
        project.write(
            "Gofile",
            gofile.replace("\"scratch\"", &format!("\"{}\"", self.name())),
        );
        project
    }
}

/// Where a blob of a base is, or would be, in the project's cache.
fn cached(project: &Project, digest: &str) -> PathBuf {
    project
        .cache()
        .join("images/sha256")
        .join(&digest["sha256:".len()..])
}

/// What is in the cache of base images beside whole blobs.
fn left_over(project: &Project) -> Vec<PathBuf> {
    let entries = fs::read_dir(project.cache().join("images"));
    let paths = entries
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    paths.filter(|path| !path.ends_with("sha256")).collect()
}

#[test]
fn an_upload_that_is_cut_is_sent_again() {
    let fake = Fake::start();
    let project = tagged(&fake, &["1"], "");
    project.write("app.conf", noise(2 << 20));
    fake.fail("PATCH", "/blobs/uploads/", 2, Fault::Hangup(300_000));
    fake.fail("PUT", "/blobs/uploads/", 1, Fault::Hangup(10));
    fake.fail("PUT", "/manifests/", 1, Fault::Hangup(10));
    let run = good(project.run(&["--push", "api"]));
    assert_eq!(pushed(&fake, "1"), Some(digest(&project, "api")), "{run}");
    is_whole(&fake, "1");
}

#[test]
fn a_registry_that_dies_for_good_leaves_no_tag() {
    let fake = Fake::start();
    let project = tagged(&fake, &["1"], "");
    fake.fail("PUT", "/blobs/uploads/", ALWAYS, Fault::Hangup(10));
    let run = fails(&project, &fake);
    assert!(run.err.contains("cannot be reached"), "{run}");
    recovers(&project, &fake);
}

#[test]
fn a_registry_that_is_busy_is_given_its_time() {
    let fake = Fake::start();
    let project = tagged(&fake, &["1"], "");
    let busy = Reply::new(429).header("Retry-After", "1");
    fake.fail("POST", "/blobs/uploads/", 1, Fault::Answer(busy));
    fake.fail("HEAD", "/blobs/", 1, Fault::Answer(Reply::new(500)));
    fake.fail("PUT", "/manifests/", 1, Fault::Answer(Reply::new(503)));
    good(project.run(&["--push", "api"]));
    assert_eq!(pushed(&fake, "1"), Some(digest(&project, "api")));
    is_whole(&fake, "1");
}

#[test]
fn a_registry_that_stays_broken_is_quoted() {
    let fake = Fake::start();
    let project = tagged(&fake, &["1"], "");
    let words = r#"{"errors": [{"code": "UNKNOWN", "message": "the disk\u001b[2J is full"}]}"#;
    let broken = Reply::new(500).body(words);
    fake.fail("PUT", "/manifests/1", ALWAYS, Fault::Answer(broken));
    let run = fails(&project, &fake);
    assert!(
        run.err.contains("500") && run.err.contains("the disk"),
        "{run}"
    );
    assert!(!run.err.contains('\u{1b}'), "{run}");
    recovers(&project, &fake);
}

#[test]
fn a_base_that_is_not_what_its_digest_says_is_refused() {
    for which in ["manifest", "config", "layer"] {
        let base = Base::new(300_000);
        let target = Fake::start();
        let project = base.project(&target);
        let (digest, part) = match which {
            "manifest" => (&base.manifest, "/manifests/sha256:"),
            "config" => (&base.config, base.config.as_str()),
            _ => (&base.layer, base.layer.as_str()),
        };
        base.fake.fail("GET", part, ALWAYS, Fault::Corrupt);
        let run = project.run(&["--push", "api"]);
        assert_eq!(run.status, 1, "{which}: {run}");
        assert!(
            run.err.contains("is not what its digest says"),
            "{which}: {run}"
        );
        assert!(run.err.contains(&base.fake.registry()), "{which}: {run}");
        assert_eq!(pushed(&target, "1"), None, "{which}");
        assert!(!cached(&project, digest).exists(), "{which}");
        assert_eq!(left_over(&project), Vec::<PathBuf>::new(), "{which}");
        base.fake.state().rules.clear();
        good(project.run(&["--push", "api"]));
        is_whole(&target, "1");
    }
}

/// A tag whose bytes are not those that the registry announces is none that may be recorded.
#[test]
fn a_tag_that_changes_under_way_is_refused() {
    let base = Base::new(1000);
    let target = Fake::start();
    let project = base.project(&target);
    let lie = Sha256::of(b"another").to_string();
    base.fake.fail(
        "HEAD",
        "/manifests/1",
        1,
        Fault::Header("Docker-Content-Digest", Some(lie.clone())),
    );
    let run = project.run(&["api"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains(&lie), "{run}");
}

#[test]
fn where_a_redirect_leads_sees_no_credentials() {
    let base = Base::new(300_000);
    let target = Fake::start();
    let mut project = base.project(&target);
    base.fake.state().guard = Guard::Basic("me:pa55-of-base");
    set_docker_config(
        &mut project,
        &json!({ "auths": { base.fake.registry(): { "username": "me", "password": "pa55-of-base" } } }),
    );
    // Another host by its port, which has the blob.
    let layer = base.fake.state().blobs[&("base".to_owned(), base.layer.clone())].clone();
    let cdn = Fake::start();
    cdn.state().put_blob("cdn", &layer);
    let to = format!("http://{}/cdn/{}", cdn.registry(), base.layer);
    let moved = Reply::new(307).header("Location", to);
    base.fake.fail(
        "GET",
        &format!("/blobs/{}", base.layer),
        ALWAYS,
        Fault::Answer(moved),
    );
    good(project.run(&["--push", "api"]));
    is_whole(&target, "1");
    assert_eq!(cdn.state().count("/cdn/"), 1);
    for other in [&cdn, &target] {
        let state = other.state();
        assert!(
            state
                .seen
                .iter()
                .all(|seen| seen.header("authorization").is_none())
        );
    }
    assert!(!project.is_stored("pa55-of-base"));
}

#[test]
fn a_damaged_blob_in_the_cache_is_fetched_again() {
    let base = Base::new(300_000);
    let target = Fake::start();
    let project = base.project(&target);
    good(project.run(&["--push", "api"]));
    let damage = |digest: &str| {
        let path = cached(&project, digest);
        let mut bytes = fs::read(&path).unwrap();
        bytes[5] ^= 1;
        fs::write(&path, bytes).unwrap();
    };
    // Whoever builds anew needs the documents, and a push to an empty registry all of it.
    let forget = |target: &Fake| {
        let mut state = target.state();
        state.blobs.clear();
        state.manifests.clear();
    };
    for digest in [&base.manifest, &base.config, &base.layer] {
        damage(digest);
        forget(&target);
        good(project.run(&["--force", "--push", "api"]));
        is_whole(&target, "1");
        let right = Sha256::of(&fs::read(cached(&project, digest)).unwrap());
        assert_eq!(right.to_string(), *digest);
    }
    // With nobody to ask.
    let (name, layer) = (base.fake.registry(), base.layer.clone());
    drop(base);
    damage(&layer);
    forget(&target);
    let run = project.run(&["--push", "api"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(
        run.err.contains(&name) && run.err.contains("cannot be reached"),
        "{run}"
    );
    assert_eq!(pushed(&target, "1"), None);
}

#[test]
fn a_full_disk_under_the_cache_stops_a_pull_and_nothing_else() {
    let base = Base::new(300_000);
    let target = Fake::start();
    let project = base.project(&target);
    fs::create_dir(project.cache()).unwrap();
    let Some(disk) = SmallDisk::at(&project.cache(), "size=160k") else {
        return;
    };
    let run = project.run(&["--push", "api"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("No space left"), "{run}");
    assert!(run.err.contains(project.cache().to_str().unwrap()), "{run}");
    assert_eq!(pushed(&target, "1"), None);
    assert!(!cached(&project, &base.layer).exists());
    assert_eq!(left_over(&project), Vec::<PathBuf>::new());
    disk.remount("size=8m");
    let run = good(project.run(&["--push", "api"]));
    assert_eq!(run.fate("api"), "up to date", "{run}");
    is_whole(&target, "1");
}

#[test]
fn a_full_disk_under_the_project_is_no_image() {
    let fake = Fake::start();
    let model = tagged(&fake, &["1"], "  output = \"out/api.tar\"\n");
    let mut project = Project::new("");
    set_docker_config(&mut project, &json!({}));
    let Some(disk) = SmallDisk::at(&project.root, "size=2m") else {
        return;
    };
    project
        .write("Gofile", model.read("Gofile"))
        .write("app.txt", "#!/bin/sh\n")
        .write("app.conf", "port = 1\n");
    good(project.run(&["app"]));
    project.write("app.conf", noise(300_000));
    let filler = disk.fill();
    // Room for gomake's own notes, not for the layer.
    let file = fs::File::options().write(true).open(&filler).unwrap();
    file.set_len(file.metadata().unwrap().len() - 200_000)
        .unwrap();
    drop(file);
    let run = project.run(&["--push", "api"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains("No space left"), "{run}");
    assert_eq!(pushed(&fake, "1"), None);
    assert!(!project.exists("out/api.tar"), "{run}");
    fs::remove_file(filler).unwrap();
    good(project.run(&["--push", "api"]));
    assert_eq!(pushed(&fake, "1"), Some(digest(&project, "api")));
    is_whole(&fake, "1");
    assert!(project.exists("out/api.tar"));
}

#[test]
fn ctrl_c_ends_a_push_that_waits() {
    let fake = Fake::start();
    let project = tagged(&fake, &["1"], "");
    let busy = Reply::new(503).header("Retry-After", "50");
    fake.fail("PUT", "/blobs/uploads/", ALWAYS, Fault::Answer(busy));
    let going = project.start(&["--push", "api"]);
    wait_until("an upload is refused", || {
        (fake.state().count("?_state=s%3D&digest=") > 0).then_some(())
    });
    going.signal(Signal::INT);
    let run = going.end();
    assert_eq!(run.status, 130, "{run}");
    assert_eq!(pushed(&fake, "1"), None);
    recovers(&project, &fake);
}

/// A registry that takes connections and says nothing: there is no answer to wait for.
#[test]
fn ctrl_c_ends_a_push_to_a_registry_that_is_silent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = silent.local_addr().unwrap();
    let mut project = project(&format!("  tags = \"{name}/team/api:1\""));
    set_docker_config(&mut project, &json!({}));
    let going = project.start(&["--push", "api"]);
    let _open = silent.accept().unwrap();
    let began = std::time::Instant::now();
    going.signal(Signal::INT);
    let run = going.end();
    assert_eq!(run.status, 130, "{run}");
    assert!(
        began.elapsed().as_secs() < 5,
        "it took {:?}",
        began.elapsed()
    );
}

/// The same while planning, which wants to know what a base's tag stands for.
#[test]
fn ctrl_c_ends_a_question_for_a_base() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = silent.local_addr().unwrap();
    let mut project = project("");
    let gofile = project
        .read("Gofile")
        .replace("\"scratch\"", &format!("\"{name}/base:1\""));
    project.write("Gofile", gofile);
    set_docker_config(&mut project, &json!({}));
    let going = project.start(&["api"]);
    let _open = silent.accept().unwrap();
    going.signal(Signal::INT);
    let run = going.end();
    assert_eq!(run.status, 130, "{run}");
    assert!(!run.err.contains("gomake::"), "{run}");
}

#[test]
fn what_is_there_costs_a_request_a_tag() {
    let guards: [(Guard, Value); 3] = [
        (Guard::Open, json!({})),
        (
            Guard::Basic("me:secret"),
            json!({ "username": "me", "password": "secret" }),
        ),
        (
            Guard::Bearer("me:secret"),
            json!({ "username": "me", "password": "secret" }),
        ),
    ];
    for (guard, login) in guards {
        let fake = Fake::start();
        fake.state().guard = guard.clone();
        let mut project = tagged(&fake, &["1", "2"], "");
        set_docker_config(
            &mut project,
            &json!({ "auths": { fake.registry(): login } }),
        );
        good(project.run(&["--push", "api"]));
        fake.state().seen.clear();
        good(project.run(&["--push", "api"]));
        let lines = fake.state().lines();
        // How to speak to it, a token where it wants one, and the tags.
        let before = match guard {
            Guard::Bearer(_) => 2,
            Guard::Open | Guard::Basic(_) => 1,
        };
        assert_eq!(lines.len(), before + 2, "{lines:?}");
    }
}

/// Of several registries one is down: the others get the image all the same, and the run fails.
#[test]
fn one_registry_that_is_down_keeps_the_image_from_no_other() {
    let (first, last) = (Fake::start(), Fake::start());
    let port = crate::components::free_port();
    let names = [
        first.registry(),
        format!("127.0.0.1:{port}"),
        last.registry(),
    ];
    let names = names
        .map(|name| format!("\"{name}/team/api:1\""))
        .join(", ");
    let mut project = project(&format!("  tags = [{names}]"));
    set_docker_config(&mut project, &json!({}));
    let run = project.run(&["--push", "api"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains(&format!("127.0.0.1:{port}")), "{run}");
    for fake in [&first, &last] {
        assert_eq!(pushed(fake, "1"), Some(digest(&project, "api")), "{run}");
        is_whole(fake, "1");
    }
}

/// Sizes that a hostile manifest claims neither fill memory nor break sums.
#[test]
fn sizes_that_cannot_be_are_refused() {
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let layer = |size: u64| json!({ "mediaType": "x", "digest": Sha256::of(b"").to_string(), "size": size });
    let config_text = json!({
        "os": "linux", "architecture": Platform::host().arch,
        "rootfs": { "type": "layers", "diff_ids": vec![Sha256::of(b"").to_string(); 2] },
    })
    .to_string();
    let small = json!({ "mediaType": "x", "digest": Sha256::of(config_text.as_bytes()).to_string(), "size": config_text.len() });
    let cases = [
        (layer(1 << 40), vec![], "which none is"),
        (
            small,
            vec![layer(u64::MAX), layer(u64::MAX)],
            "larger than any disk",
        ),
    ];
    for (config, layers, words) in cases {
        let fake = Fake::start();
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers });
        let text = manifest.to_string();
        fake.state().put_blob("base", config_text.as_bytes());
        fake.state()
            .put_manifest("base", "1", kind, text.as_bytes());
        let project = tagged(&fake, &["1"], "");
        let base = format!("\"{}/base:1\"", fake.registry());
        project.write(
            "Gofile",
            project.read("Gofile").replace("\"scratch\"", &base),
        );
        let run = project.run(&["api"]);
        assert_eq!(run.status, 1, "{run}");
        assert!(run.err.contains(words), "{run}");
    }
}
