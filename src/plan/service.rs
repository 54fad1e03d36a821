//! What a service says about itself beside its command: how it shows that it is ready, and how it is ended.

use crate::base::names::nearest;
use crate::base::source::Span;
use crate::plan::bind::Binder;
use crate::plan::error::PlanError;
use crate::plan::image::reader::{Pair, Reader, is_open};
use crate::plan::limit::read_duration;
use crate::plan::script::interpreter;
use crate::plan::settings::shell;
use crate::plan::value::Value;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a service may take to be ready where it is not said.
pub const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take to end after it was asked to.
pub const STOP_GRACE: Duration = Duration::from_secs(5);

/// None of it counts for what needs the service: how it was seen to be ready does not change what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    pub ready: Ready,
    pub stop: Stop,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    pub probe: Probe,
    pub timeout: Duration,
}

/// How it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// It has started.
    Started,
    /// Something listens on this port of this machine, by IPv4 or IPv6.
    Port(u16),
    /// A GET of this address is answered with a status from 200 to 399.
    Http(String),
    /// A line of its output holds this text.
    Log(String),
    /// A command exits with 0.
    Command(ShellLine),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    pub signal: StopSignal,
    pub grace: Duration,
    /// Asks it to end before any signal does.
    pub command: Option<ShellLine>,
}

/// A script as one string, for the file's shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellLine {
    /// Program and options.
    pub interpreter: Vec<String>,
    /// True: the script is handed over as a file, else by `-c`.
    pub as_file: bool,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopSignal {
    Term,
    Int,
    Quit,
    Hup,
    Usr1,
    Usr2,
    Kill,
}

impl StopSignal {
    pub const ALL: [Self; 7] = [
        Self::Term,
        Self::Int,
        Self::Quit,
        Self::Hup,
        Self::Usr1,
        Self::Usr2,
        Self::Kill,
    ];
    pub fn word(self) -> &'static str {
        match self {
            Self::Term => "TERM",
            Self::Int => "INT",
            Self::Quit => "QUIT",
            Self::Hup => "HUP",
            Self::Usr1 => "USR1",
            Self::Usr2 => "USR2",
            Self::Kill => "KILL",
        }
    }
    /// With or without `SIG`.
    fn named(text: &str) -> Option<Self> {
        let word = text.strip_prefix("SIG").unwrap_or(text);
        Self::ALL.into_iter().find(|signal| signal.word() == word)
    }
}

impl ServiceSpec {
    /// The port of this machine that it will listen on, where that is said: nobody else may.
    pub fn port(&self) -> Option<u16> {
        match &self.ready.probe {
            Probe::Port(port) => Some(*port),
            Probe::Http(url) => local_port(url),
            Probe::Started | Probe::Log(_) | Probe::Command(_) => None,
        }
    }
}

/// Keys that only a service has.
pub(super) fn is_own_key(key: &str) -> bool {
    matches!(key, "ready" | "stop")
}

const PROBES: [&str; 4] = ["port", "http", "log", "command"];
const READY_KEYS: &[&str] = &["port", "http", "log", "command", "timeout"];
const STOP_KEYS: &[&str] = &["signal", "grace", "command"];
const READY_HELP: &str =
    "write `{ port = 8080 }`, `{ http = \"…\" }`, `{ log = \"…\" }` or `{ command = \"…\" }`";
const STOP_HELP: &str = "write `{ signal = \"TERM\", grace = \"5s\" }`";
const DURATION_HELP: &str = "durations are written \"90s\", \"10m\", \"1h30m\" or \"500ms\"";

impl Binder<'_> {
    pub(super) fn service(&mut self) -> ServiceSpec {
        let mut reader = self.reader();
        let spec = reader.service();
        self.errors.extend(reader.errors);
        spec
    }
}

impl<'a> Reader<'_, 'a> {
    /// Reports what is wrong with `ready` and `stop`; where something is, the spec is of no use.
    pub(super) fn service(&mut self) -> ServiceSpec {
        ServiceSpec {
            ready: self.ready(),
            stop: self.stop(),
        }
    }

    fn ready(&mut self) -> Ready {
        let mut ready = Ready {
            probe: Probe::Started,
            timeout: READY_TIMEOUT,
        };
        let Some((pairs, span)) = self.map("ready", READY_HELP) else {
            return ready;
        };
        let mut first: Option<(&str, Span)> = None;
        for pair in &pairs {
            let key = pair.key.as_str();
            if key == "timeout" {
                ready.timeout = self.duration(pair).unwrap_or(ready.timeout);
            } else if !PROBES.contains(&key) {
                self.unknown_key("ready", READY_KEYS, pair);
            } else if let Some((first_key, first)) = first {
                self.errors.push(PlanError::TwoProbes {
                    first_key: first_key.to_owned(),
                    key: key.to_owned(),
                    first,
                    span: pair.key_span,
                });
            } else {
                first = Some((key, pair.key_span));
                ready.probe = self.probe(pair).unwrap_or(Probe::Started);
            }
        }
        let is_wrong = pairs.iter().any(|pair| !READY_KEYS.contains(&&*pair.key));
        if first.is_none() && !is_wrong {
            self.errors.push(PlanError::MissingKey {
                target: "`ready`".to_owned(),
                key: "port",
                span,
                help: "say how it shows that it is ready: `port`, `http`, `log` or `command`",
            });
        }
        ready
    }

    fn stop(&mut self) -> Stop {
        let mut stop = Stop {
            signal: StopSignal::Term,
            grace: STOP_GRACE,
            command: None,
        };
        let Some((pairs, _)) = self.map("stop", STOP_HELP) else {
            return stop;
        };
        for pair in &pairs {
            match pair.key.as_str() {
                "signal" => stop.signal = self.signal(pair).unwrap_or(stop.signal),
                "grace" => stop.grace = self.duration(pair).unwrap_or(stop.grace),
                "command" => stop.command = self.script(pair),
                _ => self.unknown_key("stop", STOP_KEYS, pair),
            }
        }
        stop
    }

    /// The entries of a key's map, and where it stands. None where it is not written, is not known yet, or is no map.
    fn map(&mut self, key: &str, help: &str) -> Option<(Vec<Pair<'a>>, Span)> {
        let entry = self.entry(key)?;
        let span = entry.value.span;
        match self.pairs(self.run, &entry.value) {
            Ok(pairs) if pairs.is_empty() => {
                let value = self.run.eval(self.module, self.scope, &entry.value);
                (!is_open(&value)).then_some((pairs, span))
            }
            Ok(pairs) => Some((pairs, span)),
            Err(other) => {
                self.key_type(key, "a map", &other, span, Some(help.to_owned()));
                None
            }
        }
    }

    fn probe(&mut self, pair: &Pair<'_>) -> Option<Probe> {
        Some(match pair.key.as_str() {
            "port" => Probe::Port(self.port(pair)?),
            "http" => Probe::Http(self.url(pair)?),
            "log" => {
                let text = self.string(pair)?;
                if text.is_empty() || text.contains('\n') {
                    let help = "write a part of a line that it prints when it is ready";
                    self.bad_text(&text, "a part of a line", pair.span, help);
                }
                Probe::Log(text)
            }
            _ => Probe::Command(self.script(pair)?),
        })
    }

    fn port(&mut self, pair: &Pair<'_>) -> Option<u16> {
        // A port that also goes into the environment may be a text.
        let text = match &pair.value {
            Value::Int(number) => number.to_string(),
            Value::Str(text) => text.to_string(),
            other => {
                self.key_type("port", "a port, such as 8080,", other, pair.span, None);
                return None;
            }
        };
        let port = text.parse().ok().filter(|port| *port > 0);
        if port.is_none() {
            let help = "ports are numbers from 1 to 65535";
            self.bad_text(&text, "a port", pair.span, help);
        }
        port
    }

    fn url(&mut self, pair: &Pair<'_>) -> Option<String> {
        let text = self.string(pair)?;
        if !is_url(&text) {
            let help = "write the whole address: \"http://localhost:8080/health\"";
            self.bad_text(&text, "an address to ask", pair.span, help);
            return None;
        }
        Some(text)
    }

    fn script(&mut self, pair: &Pair<'_>) -> Option<ShellLine> {
        let text = self.string(pair)?;
        if text.trim().is_empty() {
            let help = "write it as in a script: \"pg_isready -q\"";
            self.bad_text(&text, "a command", pair.span, help);
            return None;
        }
        let called = interpreter(&shell(self.run, self.module));
        Some(ShellLine {
            interpreter: called.argv,
            as_file: called.as_file,
            text,
        })
    }

    fn signal(&mut self, pair: &Pair<'_>) -> Option<StopSignal> {
        let text = self.string(pair)?;
        let signal = StopSignal::named(&text);
        if signal.is_none() {
            let help = "one of TERM, INT, QUIT, HUP, USR1, USR2, KILL";
            self.bad_text(&text, "a signal to end with", pair.span, help);
        }
        signal
    }

    fn duration(&mut self, pair: &Pair<'_>) -> Option<Duration> {
        let text = self.string(pair)?;
        let duration = read_duration(&text).filter(|duration| !duration.is_zero());
        if duration.is_none() {
            self.bad_text(&text, "a duration", pair.span, DURATION_HELP);
        }
        duration
    }

    fn string(&mut self, pair: &Pair<'_>) -> Option<String> {
        if let Value::Str(text) = &pair.value {
            return Some(text.to_string());
        }
        self.key_type(&pair.key, "a string", &pair.value, pair.span, None);
        None
    }

    fn unknown_key(&mut self, owner: &str, keys: &[&str], pair: &Pair<'_>) {
        let help = match nearest(&pair.key, keys.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its keys: {}", keys.join(", ")),
        };
        self.errors.push(PlanError::NoSuchKey {
            owner: format!("`{owner}`"),
            key: pair.key.clone(),
            span: pair.key_span,
            help: Some(help),
        });
    }
}

/// `http://` or `https://`, a host, perhaps a port, and visible characters only.
fn is_url(text: &str) -> bool {
    let Some((_, host, port)) = parts(text) else {
        return false;
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    text.chars().all(|c| c.is_ascii_graphic())
        && !host.is_empty()
        && !host.contains('@')
        && port.is_none_or(is_port)
}

/// Scheme, host and port of an address.
fn parts(url: &str) -> Option<(&str, &str, Option<&str>)> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "http" | "https") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    // An IPv6 address stands in brackets, with colons of its own.
    let host_end = authority.find(']').map_or(0, |at| at + 1);
    Some(match authority[host_end..].split_once(':') {
        Some((host, port)) => (scheme, &authority[..host_end + host.len()], Some(port)),
        None => (scheme, authority, None),
    })
}

/// The port of an address on this machine.
fn local_port(url: &str) -> Option<u16> {
    let (scheme, host, port) = parts(url)?;
    if !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        return None;
    }
    match port {
        Some(port) => port.parse().ok(),
        None if scheme == "https" => Some(443),
        None => Some(80),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_whole() {
        for good in [
            "http://localhost",
            "https://127.0.0.1:8443/health?full=1",
            "http://[::1]:8080/",
            "http://web.lan:1/x#y",
        ] {
            assert!(is_url(good), "{good}");
        }
        for bad in [
            "",
            "localhost:8080",
            "ftp://localhost/",
            "http://",
            "http:///health",
            "http://localhost:0/",
            "http://localhost:99999/",
            "http://localhost:http/",
            "http://local host/",
            "http://user@localhost/",
            "http://[::1]x:y",
        ] {
            assert!(!is_url(bad), "{bad}");
        }
    }

    #[test]
    fn only_addresses_of_this_machine_have_a_port_to_be_free() {
        assert_eq!(local_port("http://localhost:8080/x"), Some(8080));
        assert_eq!(local_port("http://[::1]:81"), Some(81));
        assert_eq!(local_port("https://127.0.0.1/"), Some(443));
        assert_eq!(local_port("http://localhost?x=:1"), Some(80));
        assert_eq!(local_port("http://web.lan:8080/"), None);
    }

    #[test]
    fn signals_have_names() {
        assert_eq!(StopSignal::named("SIGINT"), Some(StopSignal::Int));
        assert_eq!(StopSignal::named("TERM"), Some(StopSignal::Term));
        assert_eq!(StopSignal::named("term"), None);
        assert_eq!(StopSignal::named("STOP"), None);
    }
}
