//! One HTTP request on the wire and its answer, without redirects, credentials or second tries. Chooses how to reach a
//! server: through the environment's proxy or not, with its certificate checked or not.

use crate::registry::address::{Origin, Scheme};
use crate::registry::secret::Secret;
use std::fmt;
use std::io::Read;
use std::time::Duration;
use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use ureq::http::{Method, Request, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Error, SendBody};

/// Nothing interrupts it but its end, and it is tried again.
const CONNECT: Duration = Duration::from_secs(10);
/// Of one read or write, not of a whole transfer. A registry may take its time to store a large blob before it answers.
const IDLE: Duration = Duration::from_secs(120);
/// Blobs travel at the same time, see `push`.
const CONNECTIONS: usize = 4;

/// A request that can be sent again.
#[derive(Debug, Clone)]
pub struct Ask<'b> {
    pub method: Method,
    pub uri: Uri,
    pub headers: Vec<(HeaderName, String)>,
    /// None for methods without a body; empty says `Content-Length: 0`, which some registries insist on.
    pub body: Option<&'b [u8]>,
}

impl<'b> Ask<'b> {
    pub fn new(method: Method, uri: Uri) -> Self {
        Self {
            method,
            uri,
            headers: Vec::new(),
            body: None,
        }
    }
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
    #[must_use]
    pub fn body(mut self, body: &'b [u8]) -> Self {
        self.body = Some(body);
        self
    }
}

/// Bytes that can be sent once only.
pub struct Stream<'r> {
    pub reader: &'r mut dyn Read,
    pub size: u64,
}

/// An answer whose body was not read yet.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Where it came from: redirects may have led there.
    pub uri: Uri,
    pub body: Body,
}

impl Answer {
    /// A header's text; None if it is missing or not ASCII.
    pub fn header(&self, name: impl Into<Name>) -> Option<&str> {
        let Name(name) = name.into();
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A header's name, of ours or of the library's.
pub struct Name(HeaderName);

impl From<HeaderName> for Name {
    fn from(name: HeaderName) -> Self {
        Self(name)
    }
}
impl From<&'static str> for Name {
    /// Lower case.
    fn from(name: &'static str) -> Self {
        Self(HeaderName::from_static(name))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({})", self.status)
    }
}

/// A request that got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Another try may help: refused, reset, timed out.
    Passing(String),
    /// It will not: a certificate nobody vouches for, a host that does not exist.
    Lasting(String),
}

impl Trouble {
    pub fn reason(self) -> String {
        match self {
            Self::Passing(reason) | Self::Lasting(reason) => reason,
        }
    }
}

pub struct Transport {
    insecure: Vec<String>,
    /// Through the environment's proxy, certificates checked.
    usual: Agent,
    /// For registries that the user calls insecure.
    unchecked: Agent,
    /// Loopback: never through a proxy.
    loopback: Agent,
}

impl Transport {
    pub fn new(insecure: Vec<String>) -> Self {
        let proxy = ureq::Proxy::try_from_env();
        Self {
            insecure,
            usual: agent(proxy.clone(), false),
            unchecked: agent(proxy, true),
            loopback: agent(None, true),
        }
    }
    /// All there are, to be shut down.
    pub fn agents(&self) -> [Agent; 3] {
        [&self.usual, &self.unchecked, &self.loopback].map(Agent::clone)
    }
    /// Whether the user, or its being on this machine, says that no eavesdropper matters.
    pub fn is_trusted_plain(&self, origin: &Origin) -> bool {
        origin.is_loopback() || origin.is_among(&self.insecure)
    }
    /// How a registry may be spoken to, the best first.
    pub fn schemes(&self, registry: &str) -> &'static [Scheme] {
        let mut names = self.insecure.iter();
        let is_insecure = names.any(|name| name.eq_ignore_ascii_case(registry));
        match Origin::of_registry(registry, Scheme::Tls) {
            Some(origin) if origin.is_loopback() => &[Scheme::Plain, Scheme::Tls],
            _ if is_insecure => &[Scheme::Tls, Scheme::Plain],
            _ => &[Scheme::Tls],
        }
    }
    fn agent_for(&self, uri: &Uri) -> &Agent {
        match Origin::of(uri) {
            Some(origin) if origin.is_loopback() => &self.loopback,
            Some(origin) if origin.is_among(&self.insecure) => &self.unchecked,
            _ => &self.usual,
        }
    }
    /// Sends a request; any status is an answer. A stream takes the place of the body.
    pub fn exchange(
        &self,
        ask: &Ask<'_>,
        authorization: Option<&Secret>,
        stream: Option<Stream<'_>>,
    ) -> Result<Answer, Trouble> {
        let unsendable = |what: &str| Trouble::Lasting(format!("{what} cannot be sent"));
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(ask.uri.clone());
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        if let Some(secret) = authorization {
            let mut value = HeaderValue::from_str(secret.reveal())
                .map_err(|_| unsendable("the credentials"))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let agent = self.agent_for(&ask.uri);
        let unbuilt = |_| unsendable("the request");
        let answer = match (stream, ask.body) {
            (Some(stream), _) => {
                let body = SendBody::from_reader(stream.reader);
                let request = request.header(CONTENT_LENGTH, stream.size);
                agent.run(request.body(body).map_err(unbuilt)?)
            }
            (None, Some(body)) => agent.run(request.body(body).map_err(unbuilt)?),
            (None, None) => agent.run(request.body(()).map_err(unbuilt)?),
        };
        let (parts, body) = answer.map_err(|error| trouble(&error))?.into_parts();
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            uri: ask.uri.clone(),
            body,
        })
    }
}

fn agent(proxy: Option<ureq::Proxy>, unchecked: bool) -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .disable_verification(unchecked)
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .proxy(proxy)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_idle_connections_per_host(CONNECTIONS)
        .timeout_connect(Some(CONNECT))
        .timeout_per_read(Some(IDLE))
        .timeout_per_write(Some(IDLE))
        .user_agent(concat!("gomake/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// Says what went wrong without the address: a signed one is a credential.
fn trouble(error: &Error) -> Trouble {
    match error {
        Error::Io(error) => Trouble::Passing(error.to_string()),
        Error::Timeout(what) => Trouble::Passing(format!("timeout ({what})")),
        Error::Protocol(error) => Trouble::Passing(format!("not HTTP as it should be: {error}")),
        Error::ConnectionFailed => Trouble::Passing("the connection failed".to_owned()),
        Error::ConnectProxyFailed(why) => Trouble::Passing(format!("the proxy refuses: {why}")),
        Error::HostNotFound => Trouble::Lasting("there is no such host".to_owned()),
        Error::Rustls(error) => Trouble::Lasting(error.to_string()),
        Error::Tls(why) => Trouble::Lasting((*why).to_owned()),
        Error::LargeResponseHeader(..) => {
            Trouble::Lasting("the answer's header is too large".to_owned())
        }
        _ => Trouble::Lasting("the request cannot be sent".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_registries_and_loopback_may_be_plain() {
        let transport = Transport::new(vec!["reg.lan:5000".to_owned()]);
        use Scheme::{Plain, Tls};
        assert_eq!(transport.schemes("reg.lan:5000"), [Tls, Plain]);
        assert_eq!(transport.schemes("REG.lan:5000"), [Tls, Plain]);
        assert_eq!(transport.schemes("reg.lan"), [Tls]);
        assert_eq!(transport.schemes("docker.io"), [Tls]);
        assert_eq!(transport.schemes("localhost:5000"), [Plain, Tls]);
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        let is_same = |text: &str, agent: &Agent| {
            let chosen = transport.agent_for(&uri(text)).config();
            let (chosen, expected) = (chosen.tls_config(), agent.config().tls_config());
            chosen.disable_verification() == expected.disable_verification()
        };
        assert!(is_same("https://reg.lan:5000/", &transport.unchecked));
        assert!(is_same("https://reg.lan/", &transport.usual));
        assert!(is_same("https://evil.example/", &transport.usual));
        assert!(!transport.usual.config().tls_config().disable_verification());
        assert!(transport.loopback.config().proxy().is_none());
        let loopback = transport.agent_for(&uri("http://[::1]:5000/"));
        assert!(loopback.config().proxy().is_none());
    }
}
