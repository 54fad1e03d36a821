//! One large blob and all that may happen to it on its way.

use super::fixture::{Bench, PIECE, noise};
use crate::base::fs;
use crate::image::document::Descriptor;
use crate::image::error::ImageError;
use crate::image::layout::Image;
use crate::registry::client::{Options, Pushed};
use crate::registry::error::{RegistryError, RegistryResult};
use crate::registry::fake::{Fake, Fault, Guard, Reply};
use std::sync::atomic::{AtomicBool, Ordering};

/// Larger than two of the fixture's pieces.
const SIZE: usize = 300 << 10;

/// An image with one layer that is no small one.
fn with_layer() -> (Bench, Image, Descriptor) {
    let bench = Bench::new();
    let image = bench.image(&[&noise(SIZE, 11)]);
    let layer = image.manifests[0].1.layers[0].clone();
    (bench, image, layer)
}

fn push(bench: &Bench, image: &Image) -> RegistryResult<Pushed> {
    let tags = [bench.reference("a", "x")];
    bench.client().push(image, &tags, &bench.find(), &|_| ())
}

fn arrived(bench: &Bench, blob: &Descriptor) -> bool {
    let key = ("a".to_owned(), blob.digest.to_string());
    bench.fake.state().blobs.contains_key(&key)
}

/// `PATCH 0-9 (10)` for each piece, without the range where none was sent.
fn pieces(bench: &Bench) -> Vec<String> {
    let state = bench.fake.state();
    let patches = state.seen.iter().filter(|seen| seen.method == "PATCH");
    patches
        .map(|seen| {
            let range = seen.header("content-range").unwrap_or("all");
            format!("{range} ({})", seen.body.len())
        })
        .collect()
}

#[test]
fn a_large_blob_goes_out_in_one_stream() {
    let (bench, image, layer) = with_layer();
    push(&bench, &image).unwrap();
    assert!(arrived(&bench, &layer));
    assert_eq!(pieces(&bench), [format!("all ({SIZE})")]);
    let state = bench.fake.state();
    let commit = state
        .lines()
        .into_iter()
        .find(|line| line.starts_with("PUT") && line.contains(&layer.digest.to_string()));
    assert!(commit.unwrap().contains("?_state=s%3D&digest=sha256:"));
}

#[test]
fn a_stream_that_broke_is_resumed_where_it_did() {
    let (bench, image, layer) = with_layer();
    bench
        .fake
        .fail("PATCH", "uploads", 1, Fault::Hangup(100_000));
    bench
        .fake
        .fail("PATCH", "uploads", 1, Fault::Hangup(50_000));
    push(&bench, &image).unwrap();
    assert!(arrived(&bench, &layer));
    let last = SIZE - 1;
    assert_eq!(
        pieces(&bench),
        [
            "all (100000)".to_owned(),
            format!("100000-{last} (50000)"),
            format!("150000-{last} ({})", SIZE - 150_000),
        ]
    );
    assert_eq!(bench.fake.state().count("GET /v2/a/blobs/uploads/"), 2);
}

#[test]
fn an_upload_that_was_forgotten_is_begun_again() {
    let (bench, image, layer) = with_layer();
    bench
        .fake
        .fail("PATCH", "uploads", 1, Fault::Hangup(100_000));
    bench
        .fake
        .fail("GET", "uploads", 1, Fault::Answer(Reply::new(404)));
    push(&bench, &image).unwrap();
    assert!(arrived(&bench, &layer));
    let whole = format!("all ({SIZE})");
    assert_eq!(pieces(&bench), ["all (100000)".to_owned(), whole]);
}

#[test]
fn a_registry_that_lost_the_thread_is_asked_for_it() {
    let (bench, image, layer) = with_layer();
    bench
        .fake
        .fail("PATCH", "uploads", 1, Fault::Answer(Reply::new(416)));
    bench
        .fake
        .fail("PATCH", "uploads", 2, Fault::Answer(Reply::new(500)));
    bench
        .fake
        .fail("PUT", "uploads", 1, Fault::Answer(Reply::new(503)));
    push(&bench, &image).unwrap();
    assert!(arrived(&bench, &layer));
    assert_eq!(pieces(&bench).len(), 4);
}

#[test]
fn what_is_too_large_goes_in_pieces() {
    let (bench, image, layer) = with_layer();
    let (piece, size) = (PIECE as usize, SIZE);
    bench
        .fake
        .fail("PATCH", "uploads", 1, Fault::Answer(Reply::new(413)));
    push(&bench, &image).unwrap();
    let expected: Vec<String> = [(0, piece), (piece, 2 * piece), (2 * piece, size)]
        .into_iter()
        .map(|(from, to)| format!("{from}-{} ({})", to - 1, to - from))
        .collect();
    assert_eq!(pieces(&bench)[1..], expected);
    assert!(arrived(&bench, &layer));
}

#[test]
fn a_registry_that_never_gets_further_is_given_up() {
    let (bench, image, _) = with_layer();
    bench.fake.fail("PATCH", "uploads", 99, Fault::Hangup(0));
    let error = push(&bench, &image).unwrap_err();
    assert!(
        matches!(error, RegistryError::Unreachable { .. }),
        "{error}"
    );
    assert_eq!(pieces(&bench).len(), 5);
    assert_eq!(bench.fake.state().count("PUT /v2/a/manifests"), 0);
}

#[test]
fn a_registry_that_claims_too_much_is_not_believed() {
    let (bench, image, _) = with_layer();
    bench.fake.fail(
        "PATCH",
        "uploads",
        9,
        Fault::Header("Range", Some(format!("0-{}", 9 * SIZE))),
    );
    let error = push(&bench, &image).unwrap_err().to_string();
    assert!(error.contains("more of an upload than was sent"), "{error}");
}

#[test]
fn a_token_that_expires_on_the_way_is_renewed() {
    let (bench, image, layer) = with_layer();
    bench.fake.state().guard = Guard::Bearer("");
    let realm = format!(
        "Bearer realm=\"http://{}/token\",service=\"fake\"",
        bench.fake.address
    );
    let expired = Reply::new(401).header("WWW-Authenticate", realm);
    bench
        .fake
        .fail("PATCH", "uploads", 1, Fault::Answer(expired));
    push(&bench, &image).unwrap();
    assert!(arrived(&bench, &layer));
    assert_eq!(bench.fake.state().count("/token"), 2);
}

#[test]
fn uploads_elsewhere_get_no_credentials() {
    let (bench, image, layer) = with_layer();
    let elsewhere = Fake::start();
    let mut state = bench.fake.state();
    state.guard = Guard::Bearer("");
    state.upload_base = format!("http://{}", elsewhere.address);
    drop(state);
    let mut state = elsewhere.state();
    state.upload_base = format!("http://{}", elsewhere.address);
    for id in 0..99 {
        state.uploads.insert(format!("u{id}"), Vec::new());
    }
    drop(state);
    push(&bench, &image).unwrap();
    let state = elsewhere.state();
    assert!(
        state
            .blobs
            .contains_key(&("a".to_owned(), layer.digest.to_string()))
    );
    assert!(!state.seen.is_empty());
    assert!(
        state
            .seen
            .iter()
            .all(|seen| seen.header("authorization").is_none())
    );
}

#[test]
fn a_damaged_file_is_never_committed() {
    for size in [1000, SIZE] {
        let bench = Bench::new();
        let bytes = noise(size, 11);
        let image = bench.image(&[&bytes]);
        let layer = image.manifests[0].1.layers[0].clone();
        let mut wrong = bytes;
        wrong[500] ^= 1;
        fs::write_atomic(&bench.blobs.path(layer.digest), &wrong).unwrap();
        let error = push(&bench, &image).unwrap_err();
        let is_wrong = matches!(
            error,
            RegistryError::Image(ImageError::WrongDigest { expected, .. }) if expected == layer.digest
        );
        assert!(is_wrong, "{error}");
        assert!(!arrived(&bench, &layer));
        let state = bench.fake.state();
        assert_eq!(state.count(&format!("digest={}", layer.digest)), 0);
        assert_eq!(state.count("PUT /v2/a/manifests"), 0);
    }
}

#[test]
fn a_commit_whose_answer_was_lost_counts() {
    let bench = Bench::new();
    let image = bench.image(&[b"small"]);
    bench.fake.fail("PUT", "uploads", 1, Fault::Hangup(2));
    let pushed = push(&bench, &image).unwrap();
    assert_eq!((pushed.blobs_sent, pushed.blobs_there), (2, 0));
}

#[test]
fn an_interruption_stops_a_stream() {
    let (bench, image, layer) = with_layer();
    let stop = AtomicBool::new(false);
    let cancelled = || stop.load(Ordering::SeqCst);
    let client = bench.client_with(Options {
        cancelled: &cancelled,
        ..bench.options()
    });
    let tell = |progress: crate::registry::client::Progress| {
        stop.fetch_or(progress.done > 100 << 10, Ordering::SeqCst);
    };
    let tags = [bench.reference("a", "x")];
    let error = client.push(&image, &tags, &bench.find(), &tell);
    assert!(matches!(error, Err(RegistryError::Cancelled)));
    assert!(!arrived(&bench, &layer));
}
