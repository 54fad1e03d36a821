//! A registry for tests, in this process: as much of the specification as the client uses, and faults on demand. It keeps what
//! arrived, so that tests can say what was asked and what was not. The end-to-end tests take this file in too.

use crate::image::digest::Sha256;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    /// What arrived of it.
    pub body: Vec<u8>,
}

impl Seen {
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Answered without doing anything.
    Answer(Reply),
    /// The connection ends after so many bytes of the request's body; an upload keeps them.
    Hangup(usize),
    /// The answer's body ends after so many bytes, and the connection with it.
    Truncate(usize),
    /// The answer's body is another of the same length.
    Corrupt,
    /// The answer lacks a header, or has another value.
    Header(&'static str, Option<String>),
}

/// A fault, and the requests that it befalls.
pub struct Rule {
    method: &'static str,
    part: String,
    times: usize,
    fault: Fault,
}

#[derive(Debug, Clone, Default)]
pub enum Guard {
    #[default]
    Open,
    Basic(&'static str),
    /// Tokens from `/token`, for `user:password`, an identity token, or (empty) anybody.
    Bearer(&'static str),
}

#[derive(Default)]
pub struct State {
    pub seen: Vec<Seen>,
    /// By repository and digest.
    pub blobs: HashMap<(String, String), Vec<u8>>,
    /// By repository and tag or digest: media type and bytes.
    pub manifests: HashMap<(String, String), (String, Vec<u8>)>,
    pub uploads: HashMap<String, Vec<u8>>,
    pub guard: Guard,
    /// The `WWW-Authenticate` to send instead of the usual one.
    pub challenge: Option<String>,
    tokens: usize,
    pub rules: Vec<Rule>,
    /// Whether `OCI-Subject` is answered.
    pub knows_subjects: bool,
    /// The answer to a mount of something that exists.
    pub mounts: u16,
    /// Whether blobs can be had from the middle.
    pub ranges: bool,
    /// Where uploads and their next steps are said to be: `` or `http://host:port`.
    pub upload_base: String,
}

impl State {
    /// Makes all tokens of now invalid.
    pub fn expire(&mut self) {
        self.tokens += 1;
    }
    pub fn lines(&self) -> Vec<String> {
        self.seen.iter().map(Seen::line).collect()
    }
    pub fn count(&self, part: &str) -> usize {
        self.lines()
            .iter()
            .filter(|line| line.contains(part))
            .count()
    }
    pub fn put_blob(&mut self, repository: &str, bytes: &[u8]) -> String {
        let digest = Sha256::of(bytes).to_string();
        let key = (repository.to_owned(), digest.clone());
        self.blobs.insert(key, bytes.to_vec());
        digest
    }
    pub fn put_manifest(&mut self, repository: &str, tag: &str, kind: &str, bytes: &[u8]) {
        for name in [tag.to_owned(), Sha256::of(bytes).to_string()] {
            let key = (repository.to_owned(), name);
            self.manifests
                .insert(key, (kind.to_owned(), bytes.to_vec()));
        }
    }
    pub fn manifest(&self, repository: &str, name: &str) -> Option<&[u8]> {
        let key = (repository.to_owned(), name.to_owned());
        self.manifests.get(&key).map(|(_, bytes)| bytes.as_slice())
    }
}

pub struct Fake {
    pub address: SocketAddr,
    pub state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Fake {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            mounts: 201,
            ranges: true,
            ..State::default()
        }));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (Arc::clone(&state), Arc::clone(&stop));
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream.ok()?, &state, address));
            }
        });
        Self {
            address,
            state,
            stop,
            accepting: Some(accepting),
        }
    }
    pub fn registry(&self) -> String {
        self.address.to_string()
    }
    pub fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
    /// Lets the next `times` requests whose line has the method and the part fail.
    pub fn fail(&self, method: &'static str, part: &str, times: usize, fault: Fault) {
        self.state().rules.push(Rule {
            method,
            part: part.to_owned(),
            times,
            fault,
        });
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

/// Serves one connection until it ends.
fn serve(stream: TcpStream, state: &Mutex<State>, address: SocketAddr) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut seen = head(&mut reader)?;
        let fault = fault(&mut state.lock().unwrap(), &seen);
        let length = seen
            .header("content-length")
            .map_or(0, |text| text.parse().unwrap());
        let read = match &fault {
            Some(Fault::Hangup(after)) => length.min(*after),
            _ => length,
        };
        seen.body = vec![0; read];
        reader.read_exact(&mut seen.body).ok()?;
        let mut held = state.lock().unwrap();
        held.seen.push(seen.clone());
        let reply = match &fault {
            Some(Fault::Hangup(_)) => {
                let id = upload_of(&seen.path);
                if let Some(bytes) = id.and_then(|id| held.uploads.get_mut(&id)) {
                    bytes.extend_from_slice(&seen.body);
                }
                drop(held);
                // What was not read makes the kernel reset the connection.
                return stream.shutdown(std::net::Shutdown::Both).ok();
            }
            Some(Fault::Answer(reply)) => reply.clone(),
            _ => answer(&mut held, &seen, address),
        };
        drop(held);
        if !write(&mut stream, &seen, reply, fault)? {
            return None;
        }
    }
}

fn fault(state: &mut State, seen: &Seen) -> Option<Fault> {
    let line = seen.line();
    let rule = state
        .rules
        .iter_mut()
        .find(|rule| rule.times > 0 && rule.method == seen.method && line.contains(&rule.part))?;
    rule.times -= 1;
    Some(rule.fault.clone())
}

fn head(reader: &mut impl BufRead) -> Option<Seen> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some(Seen {
        method,
        path,
        headers,
        body: Vec::new(),
    })
}

/// False: the connection ends.
fn write(
    stream: &mut TcpStream,
    seen: &Seen,
    mut reply: Reply,
    fault: Option<Fault>,
) -> Option<bool> {
    let length = reply.body.len();
    let mut is_cut = false;
    match fault {
        Some(Fault::Truncate(after)) => {
            reply.body.truncate(after);
            is_cut = true;
        }
        Some(Fault::Corrupt) => reply.body.iter_mut().for_each(|byte| *byte ^= 1),
        Some(Fault::Header(name, value)) => {
            reply.headers.retain(|(key, _)| key != name);
            reply
                .headers
                .extend(value.map(|value| (name.to_owned(), value)));
        }
        _ => {}
    }
    let mut text = format!(
        "HTTP/1.1 {} X\r\nContent-Length: {length}\r\n",
        reply.status
    );
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    if seen.method != "HEAD" {
        bytes.extend(reply.body);
    }
    stream.write_all(&bytes).ok()?;
    Some(!is_cut)
}

fn answer(state: &mut State, seen: &Seen, address: SocketAddr) -> Reply {
    let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
    if path == "/token" {
        return token(state, seen);
    }
    if let Some(blob) = path.strip_prefix("/cdn/") {
        let found = state.blobs.iter().find(|((_, digest), _)| digest == blob);
        return found.map_or(Reply::new(404), |(_, bytes)| {
            Reply::new(200).body(bytes.clone())
        });
    }
    if let Some(refusal) = guarded(state, seen, address) {
        return refusal;
    }
    let Some(rest) = path.strip_prefix("/v2/") else {
        return Reply::new(404);
    };
    if let Some((repository, name)) = rest.split_once("/manifests/") {
        return manifest(state, seen, repository, name);
    }
    if let Some((repository, id)) = rest.split_once("/blobs/uploads/") {
        return upload(state, seen, repository, id, query);
    }
    match rest.split_once("/blobs/") {
        Some((repository, digest)) => blob(state, seen, repository, digest),
        None => Reply::new(200),
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn guarded(state: &State, seen: &Seen, address: SocketAddr) -> Option<Reply> {
    let (expected, challenge) = match &state.guard {
        Guard::Open => return None,
        Guard::Basic(pair) => (
            format!("Basic {}", base64(pair)),
            "Basic realm=\"fake\"".to_owned(),
        ),
        Guard::Bearer(_) => (
            format!("Bearer t0ken-{}", state.tokens),
            format!("Bearer realm=\"http://{address}/token\",service=\"fake\",scope=\"a,b\""),
        ),
    };
    let shown = seen.header("authorization");
    let challenge = state.challenge.clone().unwrap_or(challenge);
    (shown != Some(&expected)).then(|| {
        let said = format!("not with {}", shown.unwrap_or("nothing"));
        Reply::new(401).header("WWW-Authenticate", challenge).body(
            serde_json::json!({"errors": [{"code": "UNAUTHORIZED", "message": said}]}).to_string(),
        )
    })
}

fn token(state: &mut State, seen: &Seen) -> Reply {
    let Guard::Bearer(wanted) = &state.guard else {
        return Reply::new(404);
    };
    let body = String::from_utf8_lossy(&seen.body);
    let is_granted = wanted.is_empty()
        || seen.header("authorization") == Some(&format!("Basic {}", base64(wanted)))
        || body.contains(&format!("refresh_token={wanted}"));
    if !is_granted {
        return Reply::new(401).body(format!("who is {:?}", seen.header("authorization")));
    }
    let token = format!("t0ken-{}", state.tokens);
    Reply::new(200).body(serde_json::json!({"access_token": token, "expires_in": 300}).to_string())
}

fn manifest(state: &mut State, seen: &Seen, repository: &str, name: &str) -> Reply {
    let key = (repository.to_owned(), name.to_owned());
    if seen.method == "PUT" {
        let digest = Sha256::of(&seen.body).to_string();
        let kind = seen.header("content-type").unwrap_or_default().to_owned();
        state.put_manifest(repository, name, &kind, &seen.body);
        let reply = Reply::new(201).header("Docker-Content-Digest", digest);
        let text = String::from_utf8_lossy(&seen.body);
        return match state.knows_subjects && text.contains("\"subject\"") {
            true => reply.header("OCI-Subject", "sha256:0"),
            false => reply,
        };
    }
    match state.manifests.get(&key) {
        Some((kind, bytes)) => Reply::new(200)
            .header("Content-Type", kind)
            .header("Docker-Content-Digest", Sha256::of(bytes).to_string())
            .body(bytes.clone()),
        None => Reply::new(404).body("{}"),
    }
}

fn blob(state: &State, seen: &Seen, repository: &str, digest: &str) -> Reply {
    let key = (repository.to_owned(), digest.to_owned());
    let Some(bytes) = state.blobs.get(&key) else {
        return Reply::new(404);
    };
    let range = seen.header("range").filter(|_| state.ranges);
    match range.and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    }) {
        Some(from) => {
            let part = bytes.get(from..).unwrap_or_default();
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            Reply::new(206).header("Content-Range", range).body(part)
        }
        None => Reply::new(200).body(bytes.clone()),
    }
}

fn upload_of(path: &str) -> Option<String> {
    let (_, id) = path.split_once("/blobs/uploads/")?;
    Some(id.split('?').next()?.to_owned())
}

fn upload(state: &mut State, seen: &Seen, repository: &str, id: &str, query: &str) -> Reply {
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    };
    let at = |state: &State, id: &str| {
        format!(
            "{}/v2/{repository}/blobs/uploads/{id}?_state=s%3D",
            state.upload_base
        )
    };
    if seen.method == "POST" {
        if let (Some(digest), Some(from)) = (parameter("mount"), parameter("from")) {
            let known = state.blobs.get(&(from, digest.clone())).cloned();
            match (known, state.mounts) {
                (Some(bytes), 201) => {
                    state.blobs.insert((repository.to_owned(), digest), bytes);
                    return Reply::new(201);
                }
                (Some(_), 202) | (None, _) => {}
                (Some(_), denied) => return Reply::new(denied),
            }
        }
        let id = format!("u{}", state.seen.len());
        state.uploads.insert(id.clone(), Vec::new());
        return Reply::new(202).header("Location", at(state, &id));
    }
    let location = at(state, id);
    let Some(bytes) = state.uploads.get_mut(id) else {
        return Reply::new(404);
    };
    if let Some(range) = seen.header("content-range") {
        let from = range.split('-').next().and_then(|from| from.parse().ok());
        if from != Some(bytes.len()) {
            return Reply::new(416);
        }
    }
    bytes.extend_from_slice(&seen.body);
    let range = format!("0-{}", bytes.len().saturating_sub(1));
    if seen.method != "PUT" {
        let status = if seen.method == "GET" { 204 } else { 202 };
        return Reply::new(status)
            .header("Location", location)
            .header("Range", range);
    }
    let bytes = bytes.clone();
    let digest = Sha256::of(&bytes).to_string();
    if parameter("digest").as_ref() != Some(&digest) {
        return Reply::new(400)
            .body(r#"{"errors":[{"code":"DIGEST_INVALID","message":"digest mismatch"}]}"#);
    }
    state.uploads.remove(id);
    state.put_blob(repository, &bytes);
    Reply::new(201).header("Docker-Content-Digest", digest)
}
