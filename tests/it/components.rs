//! What image tests speak to: registries, container engines, skopeo. `scripts/components` starts them and names them in the
//! environment (`scripts/components env`). On CI a missing one is a failure; elsewhere the test says that it is skipped.

use crate::harness::{Project, has, wait_until};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::time::Duration;

/// A registry on loopback.
pub struct Registry {
    /// `127.0.0.1:PORT`.
    pub host: String,
    /// Who may push; none where everybody may.
    pub user: Option<User>,
    /// Where its access log is.
    log: String,
}

#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    pub password: String,
}

/// A Docker engine.
pub struct Docker {
    pub host: String,
}

/// podman or buildah, with a storage of the tests' own (the environment names it).
pub struct Tool {
    program: &'static str,
}

/// An image in the registry without a password to build on: a busybox.
pub struct Base {
    /// `127.0.0.1:PORT/gomake-test-base:1`.
    pub reference: String,
    /// Of the manifest.
    pub digest: String,
}

/// What a registry answered.
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The value of a variable that `scripts/components env` prints.
pub fn component(what: &str, name: &str) -> Option<String> {
    let found = variable(name);
    let in_ci = !matches!(variable("CI").as_deref(), None | Some("false") | Some("0"));
    assert!(
        found.is_some() || !in_ci,
        "no {what}, and CI must have it: {name} is not set"
    );
    if found.is_none() {
        eprintln!("skipped: no {what} (scripts/components start)");
    }
    found
}

/// The registry without a password.
pub fn registry() -> Option<Registry> {
    Registry::named("registry", "GOMAKE_TEST_REGISTRY")
}
/// One with Basic authentication.
pub fn registry_htpasswd() -> Option<Registry> {
    Registry::named("registry with htpasswd", "GOMAKE_TEST_REGISTRY_HTPASSWD")
}
/// One with tokens, as Docker Hub: everybody may pull, its user may push.
pub fn registry_token() -> Option<Registry> {
    Registry::named("registry with tokens", "GOMAKE_TEST_REGISTRY_TOKEN")
}
/// One with TLS and a certificate that nobody vouches for.
pub fn registry_tls() -> Option<Registry> {
    Registry::named("registry with TLS", "GOMAKE_TEST_REGISTRY_TLS")
}
/// The name that its certificate is for and that does not exist (see [`proxy_to`]), and the file of the authority.
pub fn tls_name_and_authority() -> Option<(String, String)> {
    Some((
        component("registry with TLS", "GOMAKE_TEST_REGISTRY_TLS_NAME")?,
        component("registry with TLS", "GOMAKE_TEST_REGISTRY_TLS_CA")?,
    ))
}
/// A user of the registry with tokens who may pull only.
pub fn token_reader() -> Option<User> {
    Some(User {
        name: component("reader", "GOMAKE_TEST_REGISTRY_TOKEN_READER")?,
        password: variable("GOMAKE_TEST_REGISTRY_TOKEN_PASSWORD")?,
    })
}
/// An identity token of the user of the registry with tokens.
pub fn token_identity() -> Option<String> {
    component("identity token", "GOMAKE_TEST_REGISTRY_TOKEN_IDENTITY")
}
pub fn base() -> Option<Base> {
    Some(Base {
        reference: component("base image", "GOMAKE_TEST_BASE")?,
        digest: component("base image", "GOMAKE_TEST_BASE_DIGEST")?,
    })
}
pub fn docker() -> Option<Docker> {
    let host = component("docker engine", "GOMAKE_TEST_DOCKER_HOST")?;
    has("docker").then_some(Docker { host })
}
pub fn podman() -> Option<Tool> {
    Tool::named("podman")
}
pub fn buildah() -> Option<Tool> {
    Tool::named("buildah")
}
pub fn skopeo() -> Option<()> {
    has("skopeo").then_some(())
}

/// A name that no other test and no other run has: of repositories and images that outlive a test.
pub fn unique(name: &str) -> String {
    let nanos = std::time::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .subsec_nanos();
    format!("gomake-test-{name}-{}-{nanos}", std::process::id())
}

impl Registry {
    fn named(what: &str, name: &str) -> Option<Self> {
        let user = || {
            Some(User {
                name: variable(&format!("{name}_USER"))?,
                password: variable(&format!("{name}_PASSWORD"))?,
            })
        };
        Some(Self {
            host: component(what, name)?,
            user: user(),
            log: variable(&format!("{name}_LOG")).unwrap_or_default(),
        })
    }
    /// Asks without TLS, with the user's credentials as Basic authentication where the registry has a user.
    pub fn ask(&self, method: &str, path: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.host).expect("the registry listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a duration");
        let credentials = self.user.as_ref().map_or_else(String::new, |user| {
            format!("Authorization: Basic {}\r\n", user.encoded())
        });
        let accept =
            "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";
        // HTTP/1.0: the answer ends where the connection does, and is not cut in chunks.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nAccept: {accept}\r\n{credentials}\r\n",
            self.host
        );
        stream
            .write_all(request.as_bytes())
            .expect("the registry reads");
        let mut bytes = Vec::new();
        stream
            .read_to_end(&mut bytes)
            .expect("the registry answers");
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let body = bytes.split_off(end.expect("the end of the headers") + 4);
        let head = String::from_utf8_lossy(&bytes);
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        Answer {
            status: status.expect("a status line"),
            body,
        }
    }
    /// The tags of a repository; empty if there is none.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let answer = self.ask("GET", &format!("/v2/{repository}/tags/list"));
        let list: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let names = list["tags"].as_array().cloned().unwrap_or_default();
        names
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    }
    /// The requests about a repository that the access log tells: `PUT /v2/team/api/manifests/v1`.
    pub fn requests(&self, repository: &str) -> Vec<String> {
        let log = fs::read_to_string(&self.log).expect("the registry's access log");
        let about = format!("/v2/{repository}/");
        log.lines()
            .filter_map(|line| line.split('"').nth(1)?.strip_suffix(" HTTP/1.1"))
            .filter(|request| request.contains(&about))
            .map(str::to_owned)
            .collect()
    }
    /// What skopeo says of an image here, as JSON; `name` is `repository:tag`.
    pub fn inspect(&self, name: &str) -> Value {
        skopeo_inspect(&self.url(name), &self.skopeo_options())
    }
    /// Whether an image is here, by skopeo.
    pub fn has(&self, name: &str) -> bool {
        let mut command = Command::new("skopeo");
        command
            .args(["--insecure-policy", "inspect", "--raw"])
            .args(self.skopeo_options())
            .arg(self.url(name));
        command.output().expect("it starts").status.success()
    }
    /// The manifest that skopeo writes when it copies an image from here into a directory, verifying every blob on the way.
    pub fn copied_manifest(&self, name: &str) -> Vec<u8> {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut options = vec!["--insecure-policy".to_owned(), "copy".to_owned()];
        for option in self.skopeo_options() {
            options.push(option.replacen("--", "--src-", 1));
        }
        options.push(self.url(name));
        options.push(format!("dir:{}", dir.path().display()));
        let done = Command::new("skopeo").args(&options).output();
        let done = done.expect("it starts");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "skopeo {options:?}: {said}");
        std::fs::read(dir.path().join("manifest.json")).expect("a manifest")
    }
    /// The manifest or index as stored.
    pub fn raw(&self, name: &str) -> Vec<u8> {
        let mut options = self.skopeo_options();
        options.push("--raw".to_owned());
        skopeo_run(&self.url(name), &options)
    }
    fn url(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.host)
    }
    fn skopeo_options(&self) -> Vec<String> {
        let mut options = vec!["--tls-verify=false".to_owned()];
        if let Some(User { name, password }) = &self.user {
            options.push(format!("--creds={name}:{password}"));
        }
        options
    }
    /// Docker's `config.json` for a user of this registry, as `docker login` writes it.
    pub fn config_for(&self, user: &User) -> Value {
        json!({ "auths": { &self.host: { "auth": user.encoded() } } })
    }
}

impl User {
    fn encoded(&self) -> String {
        BASE64.encode(format!("{}:{}", self.name, self.password))
    }
}

/// Gives the project's runs a DOCKER_CONFIG with this `config.json`.
pub fn set_docker_config(project: &mut Project, config: &Value) {
    let dir = project.path("../docker-config");
    fs::create_dir_all(&dir).expect("a directory");
    fs::write(dir.join("config.json"), config.to_string()).expect("a file");
    project.env("DOCKER_CONFIG", dir.to_str().expect("UTF-8"));
}

/// Puts a credential helper `docker-credential-test` on the PATH of the project's runs, which answers with these words for
/// every registry (protocol of docker-credential-helpers: the server's name comes in, JSON goes out).
pub fn set_credential_helper(project: &mut Project, user: &str, secret: &str) {
    let answer = json!({ "ServerURL": "any", "Username": user, "Secret": secret });
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = get ] || exit 1\nread -r server || true\ncat <<'END'\n{answer}\nEND\n"
    );
    let name = "../helpers/docker-credential-test";
    project.write(name, script).executable(name);
    let dir = project.path("../helpers");
    let path = std::env::var("PATH").expect("a PATH");
    project.env("PATH", &format!("{}:{path}", dir.display()));
}

/// What skopeo says of an image, as JSON.
pub fn skopeo_inspect(image: &str, options: &[String]) -> Value {
    serde_json::from_slice(&skopeo_run(image, options)).expect("JSON")
}
/// The configuration of an image, by skopeo.
pub fn skopeo_config(image: &str) -> Value {
    skopeo_inspect(image, &["--config".to_owned()])
}
fn skopeo_run(image: &str, options: &[String]) -> Vec<u8> {
    let mut command = Command::new("skopeo");
    command
        .args(["--insecure-policy", "inspect"])
        .args(options)
        .arg(image);
    succeed(command).stdout
}

impl Docker {
    /// Lets the project's runs find this engine.
    pub fn set(&self, project: &mut Project) {
        project.env("DOCKER_HOST", &self.host);
    }
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.args(["--host", &self.host]).args(args);
        command
    }
    /// Runs docker, expects success, and returns what it prints.
    pub fn run(&self, args: &[&str]) -> String {
        text(&succeed(self.command(args)))
    }
    pub fn has_image(&self, name: &str) -> bool {
        let output = self.command(&["image", "inspect", name]).output();
        output.expect("docker starts").status.success()
    }
    /// Starts a container whose port can be reached on loopback: by a published port, or where the engine has no bridge by the
    /// host's network. Dropping it removes it.
    pub fn start<'a>(&'a self, image: &str, port: u16, options: &[&str]) -> Container<'a> {
        let publish = format!("127.0.0.1:{port}:{port}");
        let bridges = self.run(&["network", "ls", "--quiet", "--filter", "driver=bridge"]);
        let network = match bridges.is_empty() {
            true => ["--network", "host"],
            false => ["--publish", publish.as_str()],
        };
        let args = [&["run", "--detach"], &network[..], options, &[image]].concat();
        Container {
            id: self.run(&args),
            docker: self,
        }
    }
}

pub struct Container<'a> {
    id: String,
    docker: &'a Docker,
}

impl Container<'_> {
    pub fn logs(&self) -> String {
        let output = self.docker.command(&["logs", &self.id]).output();
        let output = output.expect("docker starts");
        text(&output) + &String::from_utf8_lossy(&output.stderr)
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let _ = self.docker.command(&["rm", "--force", &self.id]).output();
    }
}

impl Tool {
    fn named(program: &'static str) -> Option<Self> {
        component(program, "GOMAKE_TEST_CONTAINERS")?;
        has(program).then_some(Self { program })
    }
    /// Runs it, expects success, and returns what it prints.
    pub fn run(&self, args: &[&str]) -> String {
        let mut command = Command::new(self.program);
        command.args(args);
        text(&succeed(command))
    }
}

/// Starts an HTTP proxy that connects to one server (`host:port`) whatever it is asked for, so that a server on loopback can
/// have any name. Returns its URL; it ends with the process.
pub fn proxy_to(server: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = server.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(&server).expect("the server listens");
            std::thread::spawn(move || tunnel(client, server));
        }
    });
    format!("http://{address}")
}

/// Answers a CONNECT request (RFC 9110, section 9.3.6), and passes bytes on in both directions until both have ended.
fn tunnel(mut client: TcpStream, mut server: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(client.read(&mut byte), Ok(1)) {
            return;
        }
        head.extend(byte);
    }
    assert!(head.starts_with(b"CONNECT "), "only tunnels are asked for");
    let mut from_server = server.try_clone().expect("a socket");
    let mut to_client = client.try_clone().expect("a socket");
    let _ = client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n");
    let back = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut client, &mut server);
    let _ = server.shutdown(Shutdown::Write);
    let _ = back.join();
}

fn succeed(mut command: Command) -> Output {
    let output = command.output().expect("it starts");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A port that nobody listens on just now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Asks a server on loopback until it answers a path with 200, and returns the body.
pub fn wait_for_http(port: u16, path: &str) -> String {
    let server = Registry {
        host: format!("127.0.0.1:{port}"),
        user: None,
        log: String::new(),
    };
    wait_until(&format!("port {port} listens"), || {
        TcpStream::connect(&server.host).ok()
    });
    let answer = server.ask("GET", path);
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[test]
fn the_registries_tell_who_may_do_what() {
    if let Some(open) = registry() {
        assert_eq!(open.ask("GET", "/v2/").status, 200);
    }
    if let Some(mut closed) = registry_htpasswd() {
        assert_eq!(closed.ask("GET", "/v2/").status, 200);
        closed.user = None;
        assert_eq!(closed.ask("GET", "/v2/").status, 401);
    }
    if let Some(tokens) = registry_token() {
        assert_eq!(tokens.ask("GET", "/v2/").status, 401);
    }
}

#[test]
fn the_base_image_is_in_the_registry_and_in_the_engines() {
    let (Some(base), Some(registry)) = (base(), registry()) else {
        return;
    };
    if skopeo().is_some() {
        let there = registry.inspect("gomake-test-base:1");
        assert_eq!(there["Digest"], base.digest.as_str());
    }
    if let Some(docker) = docker() {
        let run = [
            "run",
            "--rm",
            "--network",
            "none",
            "gomake-test-base:1",
            "echo",
            "hi",
        ];
        assert_eq!(docker.run(&run), "hi");
    }
    if let Some(podman) = podman() {
        podman.run(&["image", "inspect", "localhost/gomake-test-base:1"]);
    }
    if let Some(buildah) = buildah() {
        buildah.run(&["inspect", "--type", "image", "localhost/gomake-test-base:1"]);
    }
}

/// A browser without a window. In CI a missing one is a failure; elsewhere the test says that it is skipped.
pub fn chromium() -> Option<&'static str> {
    const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&&str| std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    // The first name is what scripts/setup installs, and what a message should speak of.
    let found = NAMES.iter().find(is_there).unwrap_or(&NAMES[0]);
    has(found).then_some(*found)
}
