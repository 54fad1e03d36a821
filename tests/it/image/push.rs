//! Pushes to real registries: what arrives, what is sent twice, and who may.

use crate::components::{
    Registry, User, proxy_to, registry, registry_htpasswd, registry_tls, registry_token,
    set_credential_helper, set_docker_config, skopeo, tls_name_and_authority, token_identity,
    token_reader, unique,
};
use crate::harness::{Project, wait_until};
use crate::image::{digest, good, project};
use serde_json::json;

/// The project with tags in a registry.
fn tagged(registry: &Registry, repository: &str, tags: &[&str]) -> Project {
    let names: Vec<_> = tags
        .iter()
        .map(|tag| format!("\"{}/{repository}:{tag}\"", registry.host))
        .collect();
    let mut project = project(&format!("  tags = [{}]", names.join(", ")));
    // Nobody's credentials, until a test gives some.
    set_docker_config(&mut project, &json!({}));
    project
}

#[test]
fn a_pushed_image_is_what_was_built() {
    let Some(registry) = registry() else { return };
    let repository = unique("push");
    let project = tagged(&registry, &repository, &["1", "latest"]);
    let run = good(project.run(&["--push", "api"]));
    let digest = digest(&project, "api");
    assert!(run.err.contains(&digest["sha256:".len()..][..12]), "{run}");
    let mut tags = registry.tags(&repository);
    tags.sort();
    assert_eq!(tags, ["1", "latest"]);
    let by_digest = registry.ask("GET", &format!("/v2/{repository}/manifests/{digest}"));
    assert_eq!(by_digest.status, 200);
    if skopeo().is_some() {
        for tag in tags {
            let inspected = registry.inspect(&format!("{repository}:{tag}"));
            assert_eq!(inspected["Digest"], digest.as_str());
        }
        let raw = registry.raw(&format!("{repository}:1"));
        assert_eq!(raw, by_digest.body);
        let copied = registry.copied_manifest(&format!("{repository}:1"));
        let copied = gomake::image::digest::Sha256::of(&copied);
        assert_eq!(copied.to_string(), digest);
    }
}

#[test]
fn nothing_is_sent_twice() {
    let Some(registry) = registry() else { return };
    let repository = unique("twice");
    let project = tagged(&registry, &repository, &["1"]);
    good(project.run(&["--push", "api"]));
    // The log is written after the answer.
    let put = format!("PUT /v2/{repository}/manifests/1");
    wait_until("the push is in the log", || {
        registry.requests(&repository).contains(&put).then_some(())
    });
    let first = registry.requests(&repository).len();

    good(project.run(&["--push", "api"]));
    wait_until("the second push is in the log", || {
        (registry.requests(&repository).len() > first).then_some(())
    });
    let second = registry.requests(&repository).split_off(first);
    assert!(second.len() <= 3, "{second:?}");
    let reads = |request: &String| request.starts_with("HEAD ") || request.starts_with("GET ");
    assert!(second.iter().all(reads), "{second:?}");

    // What has changed is sent, and the tag moves.
    project.write("app.conf", "port = 2\n");
    good(project.run(&["--push", "api"]));
    if skopeo().is_some() {
        let inspected = registry.inspect(&format!("{repository}:1"));
        assert_eq!(inspected["Digest"], digest(&project, "api").as_str());
    }
}

#[test]
fn the_credentials_of_docker_login_open_a_registry() {
    for registry in [registry_htpasswd(), registry_token()]
        .into_iter()
        .flatten()
    {
        let user = registry.user.clone().expect("it has one");
        let repository = unique("login");
        let mut project = tagged(&registry, &repository, &["1"]);
        set_docker_config(&mut project, &registry.config_for(&user));
        good(project.run(&["--push", "api"]));
        arrived(&registry, &repository, &project);
    }
}

#[test]
fn a_credential_helper_opens_a_registry() {
    for registry in [registry_htpasswd(), registry_token()]
        .into_iter()
        .flatten()
    {
        let user = registry.user.clone().expect("it has one");
        for config in [
            json!({ "credHelpers": { &registry.host: "test" } }),
            json!({ "credsStore": "test" }),
        ] {
            let repository = unique("helper");
            let mut project = tagged(&registry, &repository, &["1"]);
            set_docker_config(&mut project, &config);
            set_credential_helper(&mut project, &user.name, &user.password);
            good(project.run(&["--push", "api"]));
            arrived(&registry, &repository, &project);
        }
    }
}

#[test]
fn an_identity_token_opens_a_registry() {
    let (Some(registry), Some(token)) = (registry_token(), token_identity()) else {
        return;
    };
    let repository = unique("identity");
    let mut project = tagged(&registry, &repository, &["1"]);
    set_docker_config(
        &mut project,
        &json!({ "credHelpers": { &registry.host: "test" } }),
    );
    set_credential_helper(&mut project, "<token>", &token);
    let run = good(project.run(&["--push", "api"]));
    arrived(&registry, &repository, &project);
    assert!(!run.err.contains(&token) && !project.is_stored(&token));

    let repository = unique("identity");
    let mut project = tagged(&registry, &repository, &["1"]);
    set_docker_config(
        &mut project,
        &json!({ "auths": { &registry.host: { "identitytoken": token } } }),
    );
    good(project.run(&["--push", "api"]));
    arrived(&registry, &repository, &project);
}

fn arrived(registry: &Registry, repository: &str, project: &Project) {
    if skopeo().is_some() {
        let inspected = registry.inspect(&format!("{repository}:1"));
        assert_eq!(inspected["Digest"], digest(project, "api").as_str());
    }
}

#[test]
fn who_may_not_push_is_told_so_and_no_secret_is_told() {
    let nobody = None;
    for registry in [registry_htpasswd(), registry_token()]
        .into_iter()
        .flatten()
    {
        let user = registry.user.clone().expect("it has one");
        let wrong = User {
            password: "not-the-password-7261".to_owned(),
            ..user
        };
        refused(&registry, Some(wrong));
        refused(&registry, nobody.clone());
    }
    if let (Some(registry), Some(reader)) = (registry_token(), token_reader()) {
        refused(&registry, Some(reader));
    }
}

fn refused(registry: &Registry, user: Option<User>) {
    let repository = unique("refused");
    let mut project = tagged(registry, &repository, &["1"]);
    if let Some(user) = &user {
        set_docker_config(&mut project, &registry.config_for(user));
    }
    let run = project.run(&["--push", "api"]);
    assert_eq!(run.status, 1, "{run}");
    // The image is built and kept; only its way out failed.
    assert_eq!(run.fate("api"), "ran", "{run}");
    assert!(run.err.contains(&registry.host), "{run}");
    assert!(run.err.contains("docker login"), "{run}");
    if let Some(user) = user {
        let config = registry.config_for(&user).to_string();
        let encoded = config.rsplit('"').nth(1).expect("the credentials");
        for secret in [user.password.as_str(), encoded] {
            assert!(
                !run.err.contains(secret) && !run.out.contains(secret),
                "{run}"
            );
            assert!(!project.is_stored(secret));
        }
    }
    assert_eq!(good(project.run(&["api"])).fate("api"), "up to date");
}

/// The same registry on loopback, where nobody needs to vouch for it, and under a name, where somebody must.
#[test]
fn a_certificate_that_nobody_vouches_for_needs_a_word_in_the_settings() {
    let (Some(registry), Some((name, authority))) = (registry_tls(), tls_name_and_authority())
    else {
        return;
    };
    let repository = unique("tls");
    let project = tagged(&registry, &repository, &["1"]);
    good(project.run(&["--push", "api"]));
    arrived(&registry, &repository, &project);

    let repository = unique("tls");
    let mut project = tagged(&registry, &repository, &["1"]);
    let gofile = project.read("Gofile").replace(&registry.host, &name);
    project.write("Gofile", &gofile);
    let proxy = proxy_to(&registry.host);
    project.env("HTTPS_PROXY", &proxy).env("NO_PROXY", "");
    let run = project.run(&["--push", "api"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.to_lowercase().contains("certificate"), "{run}");
    assert!(run.err.contains("insecure_registries"), "{run}");
    let is_there = || skopeo().is_some() && registry.has(&format!("{repository}:1"));
    assert!(!is_there());

    let settings = format!("settings {{\n  insecure_registries = \"{name}\"\n}}\n");
    project.write("Gofile", settings + &gofile);
    good(project.run(&["--push", "api"]));
    arrived(&registry, &repository, &project);
    // Who trusts the authority needs no such word.
    project.write("Gofile", &gofile);
    project.env("SSL_CERT_FILE", &authority);
    good(project.run(&["--push", "api"]));
}

#[test]
fn a_registry_that_is_not_there_is_named() {
    // Nobody listens: the port was given out and is closed again.
    let port = crate::components::free_port();
    let mut project = project(&format!("  tags = \"127.0.0.1:{port}/team/api:1\""));
    set_docker_config(&mut project, &json!({}));
    let run = project.run(&["--push", "api"]);
    assert_eq!(run.status, 1, "{run}");
    assert!(run.err.contains(&format!("127.0.0.1:{port}")), "{run}");
    // No setting would help on loopback, where TLS is not asked for.
    assert!(run.err.contains("is a registry running"), "{run}");
    assert!(!run.err.contains("insecure_registries"), "{run}");
    assert_eq!(run.fate("api"), "ran", "{run}");
}
