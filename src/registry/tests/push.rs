//! Pushing images: what is asked, in which order, and what is left after a failure.

use super::fixture::{Bench, index};
use crate::image::digest::Sha256;
use crate::image::document::{Descriptor, media};
use crate::image::layout::Image;
use crate::registry::client::{Progress, Pushed};
use crate::registry::error::{RegistryError, RegistryResult};
use crate::registry::fake::{Fault, Guard, Reply};
use std::sync::Mutex;

fn push(bench: &Bench, image: &Image, tags: &[&str]) -> RegistryResult<Pushed> {
    let tags: Vec<_> = tags
        .iter()
        .map(|tag| bench.reference("team/api", tag))
        .collect();
    bench.client().push(image, &tags, &bench.find(), &|_| ())
}

#[test]
fn an_image_is_written_from_the_leaves_to_the_tags() {
    let bench = Bench::new();
    let image = bench.image(&[b"one", b"two"]);
    let pushed = push(&bench, &image, &["v1", "latest"]).unwrap();
    let state = bench.fake.state();
    assert_eq!(state.manifest("team/api", "v1"), Some(&image.bytes[..]));
    assert_eq!(state.manifest("team/api", "latest"), Some(&image.bytes[..]));
    assert_eq!(state.blobs.len(), 3);
    let lines = state.lines();
    assert_eq!(pushed.requests, lines.len());
    assert_eq!(
        (pushed.blobs_sent, pushed.blobs_there, pushed.tags_current),
        (3, 0, 0)
    );
    let last: Vec<_> = lines.iter().rev().take(2).rev().collect();
    assert_eq!(
        last,
        [
            "PUT /v2/team/api/manifests/v1",
            "PUT /v2/team/api/manifests/latest"
        ]
    );
    // Probe, two tags, three blobs of three requests, two tags.
    assert_eq!(lines.len(), 1 + 2 + 9 + 2);
}

#[test]
fn an_unchanged_image_costs_at_most_three_requests() {
    for guard in [Guard::Open, Guard::Bearer("")] {
        let bench = Bench::new();
        bench.fake.state().guard = guard;
        let image = bench.image(&[b"one"]);
        push(&bench, &image, &["v1"]).unwrap();
        bench.fake.state().seen.clear();
        let again = push(&bench, &image, &["v1"]).unwrap();
        assert_eq!(again.tags_current, 1);
        assert_eq!(again.requests, bench.fake.state().seen.len());
        assert!(again.requests <= 3, "{:?}", bench.fake.state().lines());
    }
}

#[test]
fn only_the_tags_that_name_something_else_are_written() {
    let bench = Bench::new();
    let image = bench.image(&[b"one"]);
    push(&bench, &image, &["v1"]).unwrap();
    bench.fake.state().seen.clear();
    let pushed = push(&bench, &image, &["v1", "v2", "v2"]).unwrap();
    assert_eq!(
        (pushed.tags_current, pushed.blobs_there, pushed.blobs_sent),
        (1, 2, 0)
    );
    let state = bench.fake.state();
    assert_eq!(
        (
            state.count("PUT "),
            state.count("PUT /v2/team/api/manifests/v2")
        ),
        (1, 1)
    );
}

#[test]
fn a_tag_is_not_written_when_a_blob_fails() {
    let bench = Bench::new();
    let image = bench.image(&[b"one", b"two"]);
    let denied = Reply::new(403).body(r#"{"errors":[{"code":"DENIED","message":"quota"}]}"#);
    bench.fake.fail(
        "PUT",
        &image.manifests[0].1.layers[1].digest.to_string(),
        1,
        Fault::Answer(denied),
    );
    let error = push(&bench, &image, &["v1"]).unwrap_err().to_string();
    let expected = format!("{} refuses to write team/api: quota", bench.fake.registry());
    assert_eq!(error, expected);
    assert_eq!(bench.fake.state().count("PUT /v2/team/api/manifests"), 0);
}

#[test]
fn a_registry_that_stores_something_else_is_noticed() {
    let bench = Bench::new();
    let image = bench.image(&[b"one"]);
    let wrong = Sha256::of(b"other").to_string();
    bench.fake.fail(
        "PUT",
        "manifests",
        1,
        Fault::Header("Docker-Content-Digest", Some(wrong)),
    );
    let error = push(&bench, &image, &["v1"]).unwrap_err();
    assert!(matches!(error, RegistryError::Corrupt { .. }), "{error}");
}

/// An image of two platforms.
fn two_platforms(bench: &Bench) -> Image {
    let (one, other) = (bench.image(&[b"amd"]), bench.image(&[b"arm"]));
    let bytes = index(&[(&one.root, "linux/amd64"), (&other.root, "linux/arm64")]);
    Image {
        root: Descriptor::of(media::INDEX, &bytes),
        bytes,
        manifests: one.manifests.into_iter().chain(other.manifests).collect(),
        referrers: Vec::new(),
        record: one.record,
    }
}

#[test]
fn children_are_written_before_the_index_and_referrers_before_the_tag() {
    let bench = Bench::new();
    bench.fake.state().knows_subjects = true;
    let mut image = two_platforms(&bench);
    image.referrers = vec![bench.referrer(&image.manifests[0].0, "sbom")];
    push(&bench, &image, &["v1"]).unwrap();
    let state = bench.fake.state();
    let lines = state.lines();
    let puts = lines
        .iter()
        .filter_map(|line| line.strip_prefix("PUT /v2/team/api/manifests/"));
    let digest = |descriptor: &Descriptor| descriptor.digest.to_string();
    let expected = [
        digest(&image.manifests[0].0),
        digest(&image.manifests[1].0),
        digest(&image.root),
        digest(&image.referrers[0].0),
        "v1".to_owned(),
    ];
    assert_eq!(puts.collect::<Vec<_>>(), expected);
    // Two layers, one config, an SBOM and its empty config: each once.
    assert_eq!(state.count("POST "), 5);
}

#[test]
fn a_registry_without_referrers_gets_a_list() {
    let bench = Bench::new();
    let mut image = bench.image(&[b"one"]);
    let subject = image.root.clone();
    let tag = format!("sha256-{}", subject.digest.hex());
    let foreign = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"digest":"sha512:ab","x":1}]}"#;
    bench
        .fake
        .state()
        .put_manifest("team/api", &tag, media::INDEX, foreign.as_bytes());
    image.referrers = vec![
        bench.referrer(&subject, "one"),
        bench.referrer(&subject, "two"),
    ];
    for tag in ["v1", "v2"] {
        push(&bench, &image, &[tag]).unwrap();
    }
    let state = bench.fake.state();
    let list = state.manifest("team/api", &tag).unwrap();
    let list: serde_json::Value = serde_json::from_slice(list).unwrap();
    let entries = list["manifests"].as_array().unwrap();
    assert_eq!(entries.len(), 3, "{list}");
    assert_eq!(
        entries[0],
        serde_json::json!({"digest": "sha512:ab", "x": 1})
    );
    assert_eq!(
        entries[1]["digest"],
        image.referrers[0].0.digest.to_string()
    );
    assert_eq!(entries[1]["artifactType"], media::SPDX);
    assert_eq!(entries[1]["annotations"]["name"], "one");
    assert_eq!(state.count(&format!("PUT /v2/team/api/manifests/{tag}")), 1);
}

/// An image whose first layer is its base's, which the registry has as `library/base`.
fn on_a_base(bench: &Bench) -> Image {
    let mut image = bench.image(&[b"of the base", b"own"]);
    bench.fake.state().put_blob("library/base", b"of the base");
    let record = &mut image.record.images[0];
    let digest = Sha256::of(b"base manifest");
    record.base = Some(format!("{}/library/base@{digest}", bench.fake.registry()));
    record.layers[0].of_base = true;
    image
}

#[test]
fn layers_of_a_base_are_mounted() {
    let bench = Bench::new();
    bench.fake.state().guard = Guard::Bearer("");
    let image = on_a_base(&bench);
    let pushed = push(&bench, &image, &["v1"]).unwrap();
    assert_eq!((pushed.blobs_sent, pushed.blobs_there), (2, 1));
    let state = bench.fake.state();
    let digest = &image.manifests[0].1.layers[0].digest;
    assert_eq!(
        state.count(&format!(
            "POST /v2/team/api/blobs/uploads/?mount={digest}&from=library/base"
        )),
        1
    );
    let token = state
        .lines()
        .into_iter()
        .find(|line| line.contains("/token"))
        .unwrap();
    assert!(
        token.contains("scope=repository:team/api:pull%2Cpush&scope=repository:library/base:pull"),
        "{token}"
    );
}

#[test]
fn what_is_not_mounted_is_sent() {
    for (status, posts) in [(202, 1), (403, 2), (404, 2)] {
        let bench = Bench::new();
        bench.fake.state().mounts = status;
        let image = on_a_base(&bench);
        let layer = image.manifests[0].1.layers[0].digest;
        let pushed = push(&bench, &image, &["v1"]).unwrap();
        assert_eq!((pushed.blobs_sent, pushed.blobs_there), (3, 0), "{status}");
        let state = bench.fake.state();
        let key = ("team/api".to_owned(), layer.to_string());
        assert!(state.blobs.contains_key(&key));
        assert_eq!(state.count("POST "), 2 + posts, "{status}");
    }
}

#[test]
fn layers_that_only_their_maker_may_give_are_not_sent() {
    let bench = Bench::new();
    let mut image = bench.image(&[b"one", b"two"]);
    let layers = &mut image.manifests[0].1.layers;
    layers[0].media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".to_owned();
    let pushed = push(&bench, &image, &["v1"]).unwrap();
    assert_eq!(pushed.blobs_sent, 2);
}

#[test]
fn progress_never_goes_back_and_ends_at_the_whole() {
    let bench = Bench::new();
    let layer = super::fixture::noise(300 << 10, 5);
    let image = bench.image(&[&layer, b"small"]);
    bench
        .fake
        .fail("PATCH", "uploads", 2, Fault::Hangup(100 << 10));
    let told = Mutex::new(Vec::new());
    let tell = |progress: Progress| told.lock().unwrap().push(progress);
    let tags = [bench.reference("team/api", "v1")];
    let pushed = bench
        .client()
        .push(&image, &tags, &bench.find(), &tell)
        .unwrap();
    let told = told.into_inner().unwrap();
    assert!(told.windows(2).all(|pair| pair[0].done <= pair[1].done));
    let last = told.last().unwrap();
    assert_eq!(
        (last.done, last.total),
        (pushed.bytes_sent, pushed.bytes_sent)
    );
    assert!(last.total > 300 << 10);
}

#[test]
fn tags_of_two_repositories_are_no_push() {
    let bench = Bench::new();
    let image = bench.image(&[]);
    let tags = [bench.reference("a", "x"), bench.reference("b", "x")];
    let error = bench.client().push(&image, &tags, &bench.find(), &|_| ());
    assert!(matches!(error, Err(RegistryError::Protocol { .. })));
    let none = bench.client().push(&image, &[], &bench.find(), &|_| ());
    assert_eq!(none.unwrap(), Pushed::default());
    assert_eq!(bench.fake.state().lines(), [""; 0]);
}
