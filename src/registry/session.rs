//! Requests about one repository: shows the registry what it wants to be shown, follows redirects, tries again. Knows nothing
//! of what is asked for.
//!
//! Credentials go to the registry's own origin (scheme, host, port) and to the token service that it names, and nowhere
//! else: not to where a redirect or an upload's `Location` leads.

mod grant;

use crate::base::hash::HashMap;
use crate::registry::address::{Origin, Scheme, resolve};
use crate::registry::auth::Auth;
use crate::registry::credential::Source;
use crate::registry::error::{RegistryError, RegistryResult};
use crate::registry::refusal::{short, words};
use crate::registry::retry::{TRIES, is_temporary, pause_after, retry_after};
use crate::registry::secret::Secret;
use crate::registry::transport::{Answer, Ask, Stream, Transport, Trouble};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use ureq::http::header::{LOCATION, RETRY_AFTER};
use ureq::http::{Method, Uri};

const REDIRECTS: usize = 5;
const CHUNK: usize = 64 << 10;

/// Waits, or returns early once the second argument says so.
pub type Sleep<'a> = Box<dyn Fn(Duration, &dyn Fn() -> bool) + Send + Sync + 'a>;

/// How much a request carries, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Up to here a blob is sent with the request that commits it: one request less.
    pub small: u64,
    /// The pieces for those who refuse more.
    pub piece: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            small: 1 << 20,
            piece: 16 << 20,
        }
    }
}

/// What all sessions of a client share.
pub struct Link<'a> {
    transport: Transport,
    source: Source,
    cancelled: &'a (dyn Fn() -> bool + Sync),
    sleep: Sleep<'a>,
    sizes: Sizes,
    registries: Mutex<HashMap<String, Arc<Known>>>,
}

/// What was learned of a registry.
#[derive(Debug, Default)]
struct Known {
    origin: Mutex<Option<Origin>>,
    auth: Mutex<Auth>,
}

/// What is to be done in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    Read,
    /// With the repositories of the same registry that blobs are mounted from.
    Write {
        from: Vec<String>,
    },
}

/// A try that failed.
#[derive(Debug)]
pub enum Fault {
    /// Another may succeed; the error is for when it was the last.
    Again {
        error: RegistryError,
        after: Option<Duration>,
    },
    Final(RegistryError),
}

impl From<RegistryError> for Fault {
    fn from(error: RegistryError) -> Self {
        Self::Final(error)
    }
}

pub struct Session<'s> {
    link: &'s Link<'s>,
    known: Arc<Known>,
    pub registry: String,
    pub repository: String,
    scopes: Vec<String>,
    /// `to read library/alpine`.
    purpose: String,
    requests: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panicking thread left behind is a cache: no half of it is wrong.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits in small steps, so that an interruption is noticed.
pub fn sleep(pause: Duration, cancelled: &dyn Fn() -> bool) {
    const STEP: Duration = Duration::from_millis(50);
    let end = Instant::now() + pause;
    while !cancelled() {
        match end.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => std::thread::sleep(left.min(STEP)),
            _ => return,
        }
    }
}

impl<'a> Link<'a> {
    pub fn new(
        transport: Transport,
        source: Source,
        cancelled: &'a (dyn Fn() -> bool + Sync),
        (sleep, sizes): (Sleep<'a>, Sizes),
    ) -> Self {
        Self {
            transport,
            source,
            cancelled,
            sleep,
            sizes,
            registries: Mutex::default(),
        }
    }
    /// # Errors
    /// `Cancelled`, once it is.
    pub fn check(&self) -> RegistryResult<()> {
        match (self.cancelled)() {
            true => Err(RegistryError::Cancelled),
            false => Ok(()),
        }
    }
    pub fn agents(&self) -> [ureq::Agent; 3] {
        self.transport.agents()
    }
    pub fn session<'s>(&'s self, registry: &str, repository: &str, access: &Access) -> Session<'s> {
        let mut registries = lock(&self.registries);
        let known = registries.entry(registry.to_owned()).or_default();
        let (scopes, purpose) = match access {
            Access::Read => (
                vec![format!("repository:{repository}:pull")],
                format!("to read {repository}"),
            ),
            Access::Write { from } => {
                let own = format!("repository:{repository}:pull,push");
                let others = from.iter().map(|name| format!("repository:{name}:pull"));
                (
                    [own].into_iter().chain(others).collect(),
                    format!("to write {repository}"),
                )
            }
        };
        Session {
            link: self,
            known: Arc::clone(known),
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            scopes,
            purpose,
            requests: AtomicUsize::new(0),
        }
    }
}

impl Session<'_> {
    /// Requests so far, those for tokens among them.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
    pub fn sizes(&self) -> Sizes {
        self.link.sizes
    }
    /// # Errors
    /// `Cancelled`, once it is.
    pub fn check(&self) -> RegistryResult<()> {
        self.link.check()
    }
    /// Pauses after the try number `tried` (from 0), or as long as the registry wishes.
    ///
    /// # Errors
    /// `Cancelled`.
    pub fn pause(&self, tried: u32, after: Option<Duration>) -> RegistryResult<()> {
        let pause = after.unwrap_or_else(|| pause_after(tried));
        (self.link.sleep)(pause, &self.link.cancelled);
        self.check()
    }
    /// `/v2/<repository>/<tail>` at the registry.
    ///
    /// # Errors
    /// When the registry cannot be reached or its name is none.
    pub fn uri(&self, tail: &str) -> RegistryResult<Uri> {
        let origin = self.retrying(|| self.origin())?;
        let text = format!("{origin}/v2/{}/{tail}", self.repository);
        text.parse()
            .map_err(|_| self.protocol(format!("`{}` is no repository's name", self.repository)))
    }
    pub fn protocol(&self, reason: impl Into<String>) -> RegistryError {
        RegistryError::Protocol {
            registry: self.registry.clone(),
            reason: reason.into(),
        }
    }
    pub fn unreachable(&self, reason: impl Into<String>) -> RegistryError {
        RegistryError::Unreachable {
            registry: self.registry.clone(),
            reason: reason.into(),
        }
    }
    pub fn corrupt(&self, what: impl Into<String>) -> RegistryError {
        RegistryError::Corrupt {
            registry: self.registry.clone(),
            what: what.into(),
        }
    }

    /// Repeats what may succeed later, with growing pauses.
    ///
    /// # Errors
    /// The last try's; `Cancelled`.
    pub fn retrying<T>(&self, mut attempt: impl FnMut() -> Result<T, Fault>) -> RegistryResult<T> {
        let mut tried = 0;
        loop {
            self.check()?;
            let error = match attempt() {
                Ok(done) => return Ok(done),
                Err(Fault::Again { after, .. }) if tried + 1 < TRIES => {
                    self.pause(tried, after)?;
                    tried += 1;
                    continue;
                }
                Err(Fault::Final(error) | Fault::Again { error, .. }) => error,
            };
            // An interruption breaks requests; that is not what went wrong.
            self.check()?;
            return Err(error);
        }
    }
    /// Sends a request until there is an answer that more tries would not change. Its body is not read.
    ///
    /// # Errors
    /// `Unreachable`, `Denied`; other statuses are answers.
    pub fn send(&self, ask: &Ask<'_>) -> RegistryResult<Answer> {
        self.retrying(|| self.once(ask, None))
    }
    /// As [`Session::send`], with the body if the status is a success.
    ///
    /// # Errors
    /// As [`Session::send`]; `Protocol` for a body above `limit` bytes.
    pub fn fetch(&self, ask: &Ask<'_>, limit: u64) -> RegistryResult<(Answer, Vec<u8>)> {
        self.retrying(|| {
            let mut answer = self.once(ask, None)?;
            let bytes = match answer.status {
                200..300 => self.body(&mut answer, limit)?,
                _ => Vec::new(),
            };
            Ok((answer, bytes))
        })
    }

    /// One try, redirects and at most one new token included. A stream can be neither redirected nor sent again: a 401
    /// to it renews the token and is a fault.
    pub fn once(&self, ask: &Ask<'_>, mut stream: Option<Stream<'_>>) -> Result<Answer, Fault> {
        let origin = self.origin()?;
        let is_stream = stream.is_some();
        let mut ask = ask.clone();
        let (mut renewed, mut hops) = (false, 0);
        loop {
            self.check()?;
            let is_home = Origin::of(&ask.uri).as_ref() == Some(&origin);
            let shown = if is_home { self.authorization()? } else { None };
            let mut answer = self.exchange(&ask, shown.as_ref(), stream.take())?;
            match answer.status {
                401 if is_home && !renewed && self.learn(&answer, shown.as_ref()) => {
                    renewed = true;
                    if is_stream {
                        let error = self.refused(&mut answer);
                        let after = Some(Duration::ZERO);
                        return Err(Fault::Again { error, after });
                    }
                }
                301 | 302 | 303 | 307 | 308 => {
                    hops += 1;
                    if hops > REDIRECTS {
                        return Err(self.protocol("too many redirects").into());
                    }
                    ask.uri = self.redirected(&ask, is_stream, &answer)?;
                }
                status if is_temporary(status) => {
                    let after = answer.header(RETRY_AFTER);
                    let after = after.and_then(|text| retry_after(text, SystemTime::now()));
                    let error = self.refused(&mut answer);
                    return Err(Fault::Again { error, after });
                }
                _ => return Ok(answer),
            }
            drain(&mut answer);
        }
    }

    /// Sends one request and counts it.
    fn exchange(
        &self,
        ask: &Ask<'_>,
        shown: Option<&Secret>,
        stream: Option<Stream<'_>>,
    ) -> Result<Answer, Fault> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let answer = self.link.transport.exchange(ask, shown, stream);
        answer.map_err(|trouble| self.fault(&ask.uri, trouble))
    }
    /// Trouble with another host than the registry's names it.
    fn fault(&self, uri: &Uri, trouble: Trouble) -> Fault {
        let is_passing = matches!(trouble, Trouble::Passing(_));
        let reason = trouble.reason();
        let known = lock(&self.known.origin).clone();
        let reason = match (Origin::of(uri), known) {
            (Some(origin), Some(own)) if origin != own => format!("{origin}: {reason}"),
            _ => reason,
        };
        let error = self.unreachable(reason);
        match is_passing {
            true => Fault::Again { error, after: None },
            false => Fault::Final(error),
        }
    }
    fn redirected(&self, ask: &Ask<'_>, is_stream: bool, answer: &Answer) -> RegistryResult<Uri> {
        let is_plain_method = matches!(ask.method, Method::GET | Method::HEAD);
        let keeps_method = matches!(answer.status, 307 | 308);
        if is_stream || !(is_plain_method || keeps_method) {
            return Err(self.protocol(format!("redirects {} requests", ask.method)));
        }
        self.location(&ask.uri, answer)
    }
    /// Where an answer's `Location` leads.
    ///
    /// # Errors
    /// `Protocol` without one, and for one that leaves TLS.
    pub fn location(&self, asked: &Uri, answer: &Answer) -> RegistryResult<Uri> {
        let location = answer
            .header(LOCATION)
            .and_then(|text| resolve(asked, text))
            .and_then(|uri| Some((Origin::of(&uri)?, uri)));
        let Some((origin, uri)) = location else {
            return Err(self.protocol("the header Location is missing or wrong"));
        };
        if asked.scheme_str() == Some("https") && origin.scheme == Scheme::Plain {
            return Err(self.protocol(format!(
                "leads from https to {origin}, which is not followed; a proxy in front of the registry may not tell it \
                 that it speaks TLS"
            )));
        }
        Ok(uri)
    }

    /// The registry's server; found out once where there is more than one way to speak to it.
    fn origin(&self) -> Result<Origin, Fault> {
        let mut known = lock(&self.known.origin);
        if let Some(origin) = &*known {
            return Ok(origin.clone());
        }
        let schemes = self.link.transport.schemes(&self.registry);
        let named = schemes
            .iter()
            .map(|scheme| Origin::of_registry(&self.registry, *scheme));
        let Some(origins) = named.collect::<Option<Vec<_>>>() else {
            return Err(self.protocol("is no name of a host").into());
        };
        let found = match &origins[..] {
            [only] => only.clone(),
            several => self.probe(several)?,
        };
        *known = Some(found.clone());
        Ok(found)
    }
    /// Asks `/v2/` in each way; any answer is one. A server that speaks TLS tells a client that does not by a 400 or by
    /// hanging up.
    fn probe(&self, origins: &[Origin]) -> Result<Origin, Fault> {
        let mut doubtful = None;
        let mut first = None;
        for origin in origins {
            self.check()?;
            let Ok(uri) = format!("{origin}/v2/").parse() else {
                continue;
            };
            self.requests.fetch_add(1, Ordering::Relaxed);
            match self
                .link
                .transport
                .exchange(&Ask::new(Method::GET, uri), None, None)
            {
                Ok(answer) if answer.status == 400 && origin.scheme == Scheme::Plain => {
                    doubtful = Some(origin.clone());
                }
                Ok(mut answer) => {
                    if answer.status == 401 {
                        self.learn(&answer, None);
                    }
                    drain(&mut answer);
                    return Ok(origin.clone());
                }
                Err(trouble) => {
                    first.get_or_insert(trouble);
                }
            }
        }
        match (doubtful, first) {
            (Some(origin), _) => Ok(origin),
            (None, trouble) => {
                let reason = trouble.map_or_else(|| "no answer".to_owned(), Trouble::reason);
                let error = self.unreachable(reason);
                Err(Fault::Again { error, after: None })
            }
        }
    }

    /// The error for an answer that is none of those wanted.
    pub fn refused(&self, answer: &mut Answer) -> RegistryError {
        let said = words(answer);
        match answer.status {
            401 | 403 => self.denied(&lock(&self.known.auth), &said),
            status => RegistryError::Answer {
                registry: self.registry.clone(),
                status,
                what: format!("a request {}", self.purpose),
                reason: short(&self.blot(&said)),
            },
        }
    }
    fn blot(&self, text: &str) -> String {
        lock(&self.known.auth).blot(text)
    }
    /// Reads a body that must fit into memory.
    pub fn body(&self, answer: &mut Answer, limit: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        let reading = self.read(answer, |chunk| {
            bytes.extend_from_slice(chunk);
            match bytes.len() as u64 > limit {
                true => Err(self.protocol(format!("the answer is larger than {limit} bytes"))),
                false => Ok(()),
            }
        });
        reading.map(|()| bytes)
    }
    /// Passes a body on in chunks.
    pub fn read(
        &self,
        answer: &mut Answer,
        mut take: impl FnMut(&[u8]) -> RegistryResult<()>,
    ) -> Result<(), Fault> {
        let mut buffer = vec![0; CHUNK];
        let uri = answer.uri.clone();
        let mut reader = answer.body.as_reader();
        loop {
            self.check()?;
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => take(&buffer[..read])?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(self.fault(&uri, Trouble::Passing(error.to_string())));
                }
            }
        }
    }
}

/// Reads what is left of a small body, so that the connection can be used again.
pub fn drain(answer: &mut Answer) {
    const SMALL: u64 = 8 << 10;
    // What fails here fails again, louder, where it matters.
    let _ = std::io::copy(
        &mut answer.body.as_reader().take(SMALL),
        &mut std::io::sink(),
    );
}
