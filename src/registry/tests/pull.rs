//! Resolving and pulling.

use super::fixture::{Bench, index, noise};
use crate::base::fs;
use crate::image::digest::Sha256;
use crate::image::document::{Descriptor, media};
use crate::image::platform::Platform;
use crate::registry::client::Options;
use crate::registry::error::RegistryError;
use crate::registry::fake::{Fault, Reply};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bench whose registry has an image as `team/api:v1`.
fn with_image() -> (Bench, Descriptor) {
    let bench = Bench::new();
    let image = bench.image(&[b"layer"]);
    let mut state = bench.fake.state();
    state.put_manifest("team/api", "v1", media::MANIFEST, &image.bytes);
    drop(state);
    (bench, image.root)
}

#[test]
fn a_tag_is_resolved_by_one_head() {
    let (bench, root) = with_image();
    let found = bench.client().resolve(&bench.reference("team/api", "v1"));
    assert_eq!(found.unwrap(), root);
    // The first finds out how loopback is spoken to.
    let lines = ["GET /v2/", "HEAD /v2/team/api/manifests/v1"];
    assert_eq!(bench.fake.state().lines(), lines);
    let accept = bench.fake.state().seen[1]
        .header("accept")
        .unwrap()
        .to_owned();
    for kind in [
        media::INDEX,
        media::MANIFEST,
        media::DOCKER_LIST,
        media::DOCKER_MANIFEST,
    ] {
        assert!(accept.contains(kind), "{accept}");
    }
}

#[test]
fn a_head_that_says_too_little_is_asked_again_in_full() {
    for fault in [
        Fault::Header("Docker-Content-Digest", None),
        Fault::Header("Docker-Content-Digest", Some("sha512:00".to_owned())),
        Fault::Header("Content-Type", Some("text/plain".to_owned())),
        Fault::Answer(Reply::new(405)),
    ] {
        let (bench, root) = with_image();
        bench.fake.fail("HEAD", "manifests", 9, fault);
        let found = bench.client().resolve(&bench.reference("team/api", "v1"));
        assert_eq!(found.unwrap(), root);
        assert_eq!(bench.fake.state().count("GET /v2/team/api/manifests/v1"), 1);
    }
}

#[test]
fn what_is_not_there_is_named() {
    let (bench, _) = with_image();
    let error = bench
        .client()
        .resolve(&bench.reference("team/api", "v2"))
        .unwrap_err();
    let expected = format!("{}/team/api:v2 is not there", bench.fake.registry());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn bytes_that_are_not_the_digests_are_refused() {
    let (bench, root) = with_image();
    let reference = bench.reference("team/api", "v1");
    let wrong = Sha256::of(b"other").to_string();
    let header = Fault::Header("Docker-Content-Digest", Some(wrong));
    bench.fake.fail("GET", "manifests", 1, header);
    let error = bench
        .client()
        .document(&reference, &root, &bench.blobs)
        .unwrap_err();
    assert!(matches!(error, RegistryError::Corrupt { .. }), "{error}");
    bench.fake.fail("GET", "manifests", 1, Fault::Corrupt);
    let error = bench
        .client()
        .document(&reference, &root, &bench.blobs)
        .unwrap_err();
    assert!(matches!(error, RegistryError::Corrupt { .. }), "{error}");
    assert!(!bench.blobs.has(&root));
    let bytes = bench
        .client()
        .document(&reference, &root, &bench.blobs)
        .unwrap();
    assert_eq!(Sha256::of(&bytes), root.digest);
    // From now on it is at hand.
    bench.fake.state().seen.clear();
    bench
        .client()
        .document(&reference, &root, &bench.blobs)
        .unwrap();
    assert_eq!(bench.fake.state().lines(), [""; 0]);
}

#[test]
fn a_huge_document_is_none() {
    let (bench, root) = with_image();
    let huge = noise((4 << 20) + 1, 1);
    bench
        .fake
        .state()
        .put_manifest("team/api", "v1", media::MANIFEST, &huge);
    let reference = bench.reference("team/api", "v1");
    bench
        .fake
        .fail("HEAD", "manifests", 1, Fault::Answer(Reply::new(405)));
    let error = bench.client().resolve(&reference).unwrap_err();
    assert!(
        error.to_string().contains("larger than 4194304 bytes"),
        "{error}"
    );
    let large = Descriptor {
        size: u64::MAX,
        ..root
    };
    let error = bench
        .client()
        .document(&reference, &large, &bench.blobs)
        .unwrap_err();
    assert!(matches!(error, RegistryError::Protocol { .. }), "{error}");
}

#[test]
fn the_best_platform_of_an_index_is_taken() {
    let bench = Bench::new();
    let images: Vec<_> = (0..4u8).map(|n| bench.image(&[&[n]])).collect();
    let mut state = bench.fake.state();
    for image in &images {
        state.put_manifest("base", "x", media::MANIFEST, &image.bytes);
    }
    let inner = index(&[(&images[3].root, "linux/riscv64")]);
    state.put_manifest("base", "inner", media::INDEX, &inner);
    let inner = Descriptor::of(media::INDEX, &inner);
    let outer = index(&[
        (&images[0].root, "unknown/unknown"),
        (&images[1].root, "linux/arm64"),
        (&images[2].root, "linux/arm64/v8"),
        (&inner, ""),
    ]);
    state.put_manifest("base", "1", media::INDEX, &outer);
    drop(state);
    let client = bench.client();
    let reference = bench.reference("base", "1").at(Sha256::of(&outer));
    let found = |platform: &str| {
        let platform: Platform = platform.parse().unwrap();
        client.manifest_for(&reference, &platform, &bench.blobs)
    };
    assert_eq!(found("linux/arm64").unwrap().1, images[1].bytes);
    assert_eq!(found("linux/arm64/v8").unwrap().1, images[2].bytes);
    assert_eq!(found("linux/riscv64").unwrap().1, images[3].bytes);
    let error = found("linux/s390x").unwrap_err().to_string();
    let there = "no image for linux/s390x in ";
    assert!(error.starts_with(there), "{error}");
    assert!(
        error.ends_with("; there is linux/arm64, linux/arm64/v8, linux/riscv64"),
        "{error}"
    );
}

#[test]
fn an_image_that_is_alone_must_not_be_for_another_platform() {
    let (bench, root) = with_image();
    let config =
        br#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}"#;
    bench.fake.state().put_blob("team/api", config);
    let empty = tempfile::tempdir().unwrap();
    let blobs = crate::image::blobs::Blobs::at(empty.path());
    let client = bench.client();
    let reference = bench.reference("team/api", "v1");
    let amd64 = Platform::new("linux", "amd64");
    let (found, _) = client.manifest_for(&reference, &amd64, &blobs).unwrap();
    assert_eq!(found, root);
    let arm64 = Platform::new("linux", "arm64");
    let error = client
        .manifest_for(&reference, &arm64, &blobs)
        .unwrap_err()
        .to_string();
    assert!(error.contains("there is linux/amd64"), "{error}");
}

/// A registry that has one blob.
fn with_blob(size: usize) -> (Bench, Descriptor) {
    let bench = Bench::new();
    let bytes = noise(size, 7);
    bench.fake.state().put_blob("a", &bytes);
    (bench, Descriptor::of(media::LAYER_GZIP, &bytes))
}

#[test]
fn a_blob_is_brought_once() {
    let (bench, blob) = with_blob(300_000);
    let reference = bench.reference("a", "x");
    let client = bench.client();
    let path = client.pull_blob(&reference, &blob, &bench.blobs).unwrap();
    assert_eq!(Sha256::of(&fs::read(&path).unwrap()), blob.digest);
    client.pull_blob(&reference, &blob, &bench.blobs).unwrap();
    assert_eq!(bench.fake.state().count("GET /v2/a/blobs"), 1);
}

#[test]
fn what_broke_off_is_resumed() {
    let (bench, blob) = with_blob(300_000);
    bench.fake.fail("GET", "blobs", 1, Fault::Truncate(100_000));
    bench
        .fake
        .fail("GET", "blobs", 1, Fault::Answer(Reply::new(503)));
    bench.fake.fail("GET", "blobs", 1, Fault::Truncate(100_000));
    let client = bench.client();
    client
        .pull_blob(&bench.reference("a", "x"), &blob, &bench.blobs)
        .unwrap();
    let state = bench.fake.state();
    let ranges: Vec<_> = state.seen[1..]
        .iter()
        .map(|seen| seen.header("range"))
        .collect();
    let from = |text| Some(text);
    assert_eq!(
        ranges,
        [
            None,
            from("bytes=100000-"),
            from("bytes=100000-"),
            from("bytes=200000-")
        ]
    );
    assert_eq!(bench.pauses(), [250, 500, 1000]);
}

#[test]
fn a_registry_without_ranges_sends_all_again() {
    let (bench, blob) = with_blob(300_000);
    bench.fake.state().ranges = false;
    bench.fake.fail("GET", "blobs", 1, Fault::Truncate(100_000));
    let client = bench.client();
    client
        .pull_blob(&bench.reference("a", "x"), &blob, &bench.blobs)
        .unwrap();
    assert!(bench.blobs.verified(&blob).unwrap().is_some());
}

#[test]
fn damaged_bytes_are_asked_for_once_more() {
    let (bench, blob) = with_blob(1000);
    let client = bench.client();
    let reference = bench.reference("a", "x");
    bench.fake.fail("GET", "blobs", 2, Fault::Corrupt);
    let error = client
        .pull_blob(&reference, &blob, &bench.blobs)
        .unwrap_err();
    assert!(matches!(error, RegistryError::Corrupt { .. }), "{error}");
    assert_eq!(bench.fake.state().count("GET /v2/a/blobs"), 2);
    let left = fs::list_dir(&bench.dir.path().join("blobs")).unwrap();
    assert_eq!(left.len(), 1, "nothing half pulled stays: {left:?}");
    bench.fake.fail("GET", "blobs", 1, Fault::Corrupt);
    client.pull_blob(&reference, &blob, &bench.blobs).unwrap();
}

#[test]
fn more_than_was_announced_is_not_taken() {
    let (bench, blob) = with_blob(1000);
    let small = Descriptor { size: 10, ..blob };
    let error = bench
        .client()
        .pull_blob(&bench.reference("a", "x"), &small, &bench.blobs);
    assert!(matches!(error, Err(RegistryError::Corrupt { .. })));
}

#[test]
fn patience_has_an_end() {
    let (bench, blob) = with_blob(1000);
    let slow = Reply::new(429).header("Retry-After", "7").body("slow down");
    bench.fake.fail("GET", "blobs", 99, Fault::Answer(slow));
    let error = bench
        .client()
        .pull_blob(&bench.reference("a", "x"), &blob, &bench.blobs);
    let expected = format!(
        "{} answered 429 to a request to read a: slow down",
        bench.fake.registry()
    );
    assert_eq!(error.unwrap_err().to_string(), expected);
    assert_eq!(bench.pauses(), [7000; 4]);
    assert_eq!(bench.fake.state().count("GET /v2/a/blobs"), 5);
}

#[test]
fn an_interruption_ends_everything() {
    let (bench, blob) = with_blob(1000);
    let asked = AtomicUsize::new(0);
    let cancelled = || asked.fetch_add(1, Ordering::SeqCst) >= 4;
    bench
        .fake
        .fail("GET", "blobs", 99, Fault::Answer(Reply::new(500)));
    let client = bench.client_with(Options {
        cancelled: &cancelled,
        ..bench.options()
    });
    let error = client.pull_blob(&bench.reference("a", "x"), &blob, &bench.blobs);
    assert!(matches!(error, Err(RegistryError::Cancelled)));
    assert!(bench.fake.state().count("GET /v2/a/blobs") <= 2);
}

#[test]
fn nobody_at_home_is_said_after_some_tries() {
    let bench = Bench::new();
    let mut reference = bench.reference("a", "x");
    // A port that nothing listens on: its listener is gone.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    reference.registry = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = bench.client().resolve(&reference).unwrap_err();
    assert!(
        matches!(error, RegistryError::Unreachable { .. }),
        "{error}"
    );
    assert_eq!(bench.pauses(), [250, 500, 1000, 2000]);
    reference.registry = "no such host".to_owned();
    let error = bench.client().resolve(&reference).unwrap_err();
    assert_eq!(error.to_string(), "no such host: is no name of a host");
}
