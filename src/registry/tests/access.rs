//! Credentials: who is shown what, and who never.

use super::fixture::{Bench, index, noise};
use crate::image::document::{Descriptor, media};
use crate::registry::client::Options;
use crate::registry::error::RegistryError;
use crate::registry::fake::{Fake, Fault, Guard, Reply};
use crate::registry::transport::Answer;
use ureq::http::HeaderValue;
use ureq::http::header::{HeaderMap, LOCATION};

/// `me:s3cret` for the registry.
const PASSWORD: &str = r#"{"username": "me", "password": "s3cret"}"#;

fn guarded(guard: Guard) -> Bench {
    let bench = Bench::new();
    let empty = index(&[]);
    let mut state = bench.fake.state();
    state.put_manifest("a", "x", media::INDEX, &empty);
    state.guard = guard;
    drop(state);
    bench
}

#[test]
fn basic_is_shown_once_it_was_asked_for() {
    let bench = guarded(Guard::Basic("me:s3cret"));
    let client = bench.client_for(PASSWORD);
    client.resolve(&bench.reference("a", "x")).unwrap();
    client.resolve(&bench.reference("a", "x")).unwrap();
    let state = bench.fake.state();
    let shown: Vec<_> = state
        .seen
        .iter()
        .map(|seen| seen.header("authorization"))
        .collect();
    let basic = Some("Basic bWU6czNjcmV0");
    assert_eq!(shown, [None, basic, basic]);
}

#[test]
fn a_token_is_fetched_once_and_asked_for_by_scope() {
    for (guard, auth) in [
        (Guard::Bearer(""), "{}"),
        (Guard::Bearer("me:s3cret"), PASSWORD),
        (Guard::Bearer("idt"), r#"{"identitytoken": "idt"}"#),
    ] {
        let bench = guarded(guard);
        let client = bench.client_for(auth);
        client.resolve(&bench.reference("a", "x")).unwrap();
        client.resolve(&bench.reference("a", "x")).unwrap();
        let state = bench.fake.state();
        assert_eq!(state.count("/token"), 1);
        assert_eq!(state.seen.len(), 4, "{:?}", state.lines());
        let request = &state.seen[1];
        let asked = format!(
            "{} {}",
            request.path,
            String::from_utf8_lossy(&request.body)
        );
        assert!(asked.contains("service=fake"), "{asked}");
        assert!(asked.contains("scope=repository:a:pull"), "{asked}");
        match auth.contains("identity") {
            true => {
                assert_eq!(request.method, "POST");
                assert!(asked.contains("grant_type=refresh_token"), "{asked}");
                assert!(!request.path.contains("idt"), "{asked}");
            }
            false => assert_eq!(request.method, "GET"),
        }
    }
}

#[test]
fn an_expired_token_is_renewed_once() {
    let bench = guarded(Guard::Bearer(""));
    let client = bench.client();
    client.resolve(&bench.reference("a", "x")).unwrap();
    bench.fake.state().expire();
    client.resolve(&bench.reference("a", "x")).unwrap();
    assert_eq!(bench.fake.state().count("/token"), 2);
    // A registry that refuses what its own service gives is not asked for ever.
    bench.fake.fail("HEAD", "manifests", 99, {
        let realm = format!("Bearer realm=\"http://{}/token\"", bench.fake.address);
        Fault::Answer(Reply::new(401).header("WWW-Authenticate", realm))
    });
    let error = client.resolve(&bench.reference("a", "x")).unwrap_err();
    assert!(matches!(error, RegistryError::Denied { .. }), "{error}");
    assert_eq!(bench.fake.state().count("/token"), 3);
}

#[test]
fn a_refusal_says_what_may_help_and_no_secret() {
    for (guard, auth, hint) in [
        (
            Guard::Basic("me:other"),
            "{}",
            "there are no credentials for it",
        ),
        (Guard::Basic("me:other"), PASSWORD, ""),
        (Guard::Bearer("me:other"), PASSWORD, ""),
        (Guard::Bearer("other"), r#"{"identitytoken": "s3cret"}"#, ""),
    ] {
        let bench = guarded(guard);
        let client = bench.client_for(auth);
        let error = client.resolve(&bench.reference("a", "x")).unwrap_err();
        // The fake repeats what it was shown, as a registry in a bad mood may.
        let shown = format!("{error} {error:?}");
        assert!(matches!(error, RegistryError::Denied { .. }), "{shown}");
        assert!(shown.contains("to read a"), "{shown}");
        assert!(shown.contains(hint), "{shown}");
        for secret in ["s3cret", "bWU6czNjcmV0", "t0ken"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[test]
fn a_token_that_is_repeated_is_blotted_out() {
    let bench = guarded(Guard::Bearer(""));
    let client = bench.client();
    client.resolve(&bench.reference("a", "x")).unwrap();
    let said = Reply::new(403).body("your t0ken-0 is bad");
    bench
        .fake
        .fail("HEAD", "manifests", 1, Fault::Answer(said.clone()));
    bench.fake.fail(
        "GET",
        "manifests",
        9,
        Fault::Answer(Reply {
            status: 418,
            ..said
        }),
    );
    let reference = bench.reference("a", "x");
    let error = client.resolve(&reference).unwrap_err().to_string();
    // The answer to a HEAD has no body.
    assert!(error.contains("Forbidden"), "{error}");
    bench
        .fake
        .fail("HEAD", "manifests", 1, Fault::Answer(Reply::new(405)));
    let error = client.resolve(&reference).unwrap_err().to_string();
    let end = "answered 418 to a request to read a: your *** is bad";
    assert!(error.ends_with(end), "{error}");
}

#[test]
fn credentials_stay_at_home_when_a_blob_is_elsewhere() {
    let bench = guarded(Guard::Bearer("me:s3cret"));
    let elsewhere = Fake::start();
    let bytes = noise(1000, 3);
    let digest = elsewhere.state().put_blob("a", &bytes);
    let blob = Descriptor::of(media::LAYER_GZIP, &bytes);
    let to = format!("http://{}/cdn/{digest}?sig=abc", elsewhere.address);
    let moved = Reply::new(307).header("Location", to);
    bench
        .fake
        .fail("GET", "blobs", 1, Fault::Answer(moved.clone()));
    let client = bench.client_for(PASSWORD);
    let reference = bench.reference("a", "x");
    client.resolve(&reference).unwrap();
    client.pull_blob(&reference, &blob, &bench.blobs).unwrap();
    let seen = elsewhere.state().seen.clone();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].line(), format!("GET /cdn/{digest}?sig=abc"));
    assert_eq!(seen[0].header("authorization"), None);
    assert!(
        bench
            .fake
            .state()
            .seen
            .last()
            .unwrap()
            .header("authorization")
            .is_some()
    );
}

#[test]
fn redirects_end() {
    let bench = guarded(Guard::Open);
    let around = Reply::new(307).header("Location", "/v2/a/blobs/again");
    bench.fake.fail("GET", "blobs", 99, Fault::Answer(around));
    let blob = Descriptor::of(media::LAYER_GZIP, b"x");
    let error = bench
        .client()
        .pull_blob(&bench.reference("a", "x"), &blob, &bench.blobs);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .ends_with("too many redirects")
    );
    assert_eq!(bench.fake.state().count("GET /v2/a/blobs"), 6);
    let nowhere = Reply::new(302);
    let bench = guarded(Guard::Open);
    bench.fake.fail("GET", "blobs", 1, Fault::Answer(nowhere));
    let error = bench
        .client()
        .pull_blob(&bench.reference("a", "x"), &blob, &bench.blobs);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("Location is missing")
    );
}

#[test]
fn a_token_service_far_away_must_speak_tls() {
    let bench = guarded(Guard::Bearer("me:s3cret"));
    bench.fake.state().challenge = Some("Bearer realm=\"http://auth.example/token\"".to_owned());
    let client = bench.client_for(PASSWORD);
    let error = client.resolve(&bench.reference("a", "x")).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("http://auth.example does not speak TLS"),
        "{error}"
    );
    assert!(bench.pauses().is_empty());
}

#[test]
fn a_token_service_that_fails_is_tried_again_and_named() {
    let bench = guarded(Guard::Bearer(""));
    bench.fake.fail("GET", "/token", 1, Fault::Hangup(0));
    bench.fake.fail("GET", "/token", 1, Fault::Truncate(5));
    bench
        .fake
        .fail("GET", "/token", 1, Fault::Answer(Reply::new(503)));
    let client = bench.client();
    client.resolve(&bench.reference("a", "x")).unwrap();
    assert_eq!(bench.pauses(), [250, 500, 1000]);
    assert_eq!(bench.fake.state().count("/token"), 4);
    let client = bench.client();
    bench.fake.fail(
        "GET",
        "/token",
        1,
        Fault::Answer(Reply::new(200).body("{}")),
    );
    let error = client.resolve(&bench.reference("a", "x")).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the token service gave no token")
    );
    bench.fake.fail("GET", "/token", 9, Fault::Hangup(0));
    let error = client.resolve(&bench.reference("a", "x")).unwrap_err();
    assert!(
        matches!(error, RegistryError::Unreachable { .. }),
        "{error}"
    );
}

#[test]
fn a_helper_that_is_missing_is_named_when_it_matters() {
    let bench = guarded(Guard::Basic("me:s3cret"));
    let path = bench.dir.path().join("config.json");
    crate::base::fs::write_atomic(&path, br#"{"credsStore": "gone"}"#).unwrap();
    let client = bench.client_with(Options {
        docker_config: Some(path),
        ..bench.options()
    });
    let error = client
        .resolve(&bench.reference("a", "x"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("docker-credential-gone cannot be run"),
        "{error}"
    );
    bench.fake.state().guard = Guard::Open;
    client.resolve(&bench.reference("a", "x")).unwrap();
}

#[test]
fn tls_is_not_left() {
    let bench = guarded(Guard::Open);
    let client = bench.client();
    let session = client.reading(&bench.reference("a", "x"));
    let leads = |from: &str, to: &'static str| {
        let answer = Answer {
            status: 307,
            headers: HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(to))]),
            uri: from.parse().unwrap(),
            body: ureq::Body::builder().data(""),
        };
        let found = session.location(&answer.uri, &answer);
        found
            .map(|uri| uri.to_string())
            .map_err(|error| error.to_string())
    };
    let down = leads("https://reg.example/v2/", "http://cdn.example/x?sig=s3cret").unwrap_err();
    assert!(
        down.contains("leads from https to http://cdn.example,"),
        "{down}"
    );
    assert!(!down.contains("s3cret"), "{down}");
    let up = leads("http://localhost/v2/", "https://cdn.example/x");
    assert_eq!(up.as_deref(), Ok("https://cdn.example/x"));
    assert!(leads("https://reg.example/v2/", "https://me:pw@cdn.example/x").is_err());
    assert!(leads("https://reg.example/v2/", "file:///etc/passwd").is_err());
}

#[test]
fn a_loopback_that_answers_400_is_still_spoken_to() {
    let bench = guarded(Guard::Open);
    let odd = Fault::Answer(Reply::new(400));
    bench.fake.fail("GET", "/v2/", 1, odd);
    let client = bench.client();
    client.resolve(&bench.reference("a", "x")).unwrap();
    client.resolve(&bench.reference("a", "x")).unwrap();
    assert_eq!(bench.fake.state().count("GET /v2/"), 1);
}
