//! The words that the Go tool and a program behind its build cache exchange (`GOCACHEPROG`, Go 1.24 and later). Knows no cache and no
//! process. Source: the package `cmd/go/internal/cacheprog` of Go 1.26, and `cmd/go/internal/cache/prog.go`, which speaks it.
//!
//! ```text
//! ours:  {"ID":0,"KnownCommands":["get","put","close"]}
//! Go's:  {"ID":1,"Command":"get","ActionID":"base64"}
//! ours:  {"ID":1,"Miss":true}
//! Go's:  {"ID":2,"Command":"put","ActionID":"base64","OutputID":"base64","BodySize":4}
//!        "base64 of 4 bytes"
//! ours:  {"ID":2,"DiskPath":"/…"}
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read};

/// A request without its body is some 200 bytes long. What is longer than this is no request.
const LONGEST_REQUEST: u64 = 64 << 10;
/// How much of a body is decoded at once; a multiple of 4.
const PIECE: usize = 32 << 10;

/// The first Go that speaks this: 1.24. What earlier ones had for trial used other names.
const FIRST_MINOR: u32 = 24;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Get,
    Put,
    Close,
    /// What we never said that we know.
    Other(String),
}

/// A request. Its body, if it has one, is still to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub id: i64,
    pub asked: Asked,
    /// What the Go tool knows the thing by: a SHA-256, as far as we need not know.
    pub action: Vec<u8>,
    /// What the Go tool calls the bytes: their SHA-256.
    pub output: Vec<u8>,
    /// Bytes of the body. Zero: none follows.
    pub body_size: u64,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Request(Request),
    /// Not one that can be answered with anything but why. A body may follow all the same.
    Wrong {
        id: i64,
        why: String,
        has_body: bool,
    },
}

/// Why there is no going on: where the next message begins cannot be said.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    #[error("the Go tool's request cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("the Go tool's request is no JSON object with an `ID` and a `Command`: {0}")]
    NoRequest(#[from] serde_json::Error),
    #[error("a request of the Go tool's is longer than {LONGEST_REQUEST} bytes")]
    TooLong,
    #[error("the Go tool ended in the middle of a request")]
    Torn,
    #[error("the body of a request of the Go tool's does not begin with a quote")]
    NoBody,
}

/// What came of a body that was read to its end.
pub type Body = Result<(), &'static str>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawRequest {
    #[serde(rename = "ID")]
    id: i64,
    command: String,
    #[serde(rename = "ActionID", default)]
    action: Option<String>,
    #[serde(rename = "OutputID", default)]
    output: Option<String>,
    #[serde(default)]
    body_size: i64,
}

/// Requests, one after the other.
pub struct Requests<R>(R);

impl<R: BufRead> Requests<R> {
    pub fn new(input: R) -> Self {
        Self(input)
    }

    /// The next one. The body of the one before must have been read. None: the Go tool has ended.
    ///
    /// # Errors
    /// When what comes is no request; nothing further can be read then.
    pub fn read(&mut self) -> Result<Option<Message>, ProtocolError> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let taken = (&mut self.0)
                .take(LONGEST_REQUEST)
                .read_until(b'\n', &mut line)?;
            let is_whole = line.ends_with(b"\n");
            if !is_whole && taken as u64 == LONGEST_REQUEST {
                return Err(ProtocolError::TooLong);
            }
            // Go ends a request with an empty line.
            if !line.trim_ascii().is_empty() {
                if !is_whole {
                    return Err(ProtocolError::Torn);
                }
                return Ok(Some(message(serde_json::from_slice(&line)?)));
            }
            if !is_whole {
                return Ok(None);
            }
        }
    }

    /// Reads the body that follows a request, a piece at a time. A body that is not what it should be is read to its end, and the
    /// next request follows.
    ///
    /// # Errors
    /// When it has no end, or is no body at all.
    pub fn body(&mut self, size: u64, take: &mut dyn FnMut(&[u8])) -> Result<Body, ProtocolError> {
        self.opening_quote()?;
        let mut decoder = Decoder::default();
        loop {
            let bytes = self.some()?;
            let end = bytes.iter().position(|byte| *byte == b'"');
            let length = end.unwrap_or(bytes.len());
            decoder.push(&bytes[..length], take);
            self.0.consume(length + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(decoder.finish(size));
            }
        }
    }

    fn opening_quote(&mut self) -> Result<(), ProtocolError> {
        loop {
            let bytes = self.some()?;
            let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace());
            let blank = blank.count();
            match bytes.get(blank) {
                Some(b'"') => {
                    self.0.consume(blank + 1);
                    return Ok(());
                }
                Some(_) => return Err(ProtocolError::NoBody),
                None => self.0.consume(blank),
            }
        }
    }

    /// What has come and was not yet read; at least a byte.
    fn some(&mut self) -> Result<&[u8], ProtocolError> {
        loop {
            match self.0.fill_buf() {
                Ok([]) => return Err(ProtocolError::Torn),
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Nothing is read here: the buffer has something in it.
        Ok(self.0.fill_buf()?)
    }
}

fn message(raw: RawRequest) -> Message {
    let wrong = |why: String| Message::Wrong {
        id: raw.id,
        why,
        has_body: raw.body_size > 0,
    };
    let id_of = |text: &Option<String>| BASE64.decode(text.as_deref().unwrap_or_default());
    let (Ok(action), Ok(output)) = (id_of(&raw.action), id_of(&raw.output)) else {
        return wrong("an id is not base64".to_owned());
    };
    let Ok(body_size) = u64::try_from(raw.body_size) else {
        return wrong(format!("BodySize is {}", raw.body_size));
    };
    let asked = match raw.command.as_str() {
        "get" => Asked::Get,
        "put" => Asked::Put,
        "close" => Asked::Close,
        other => Asked::Other(other.to_owned()),
    };
    if action.is_empty() && matches!(asked, Asked::Get | Asked::Put) {
        return wrong(format!("{} without an ActionID", raw.command));
    }
    Message::Request(Request {
        id: raw.id,
        asked,
        action,
        output,
        body_size,
    })
}

/// Base64 that comes in pieces of any length.
#[derive(Default)]
struct Decoder {
    /// Up to three digits that wait for a fourth.
    begun: Vec<u8>,
    size: u64,
    out: Vec<u8>,
    /// Padding came, behind which nothing may follow.
    is_over: bool,
    wrong: Option<&'static str>,
}

impl Decoder {
    fn push(&mut self, mut digits: &[u8], take: &mut dyn FnMut(&[u8])) {
        if !self.begun.is_empty() {
            let (first, rest) = digits.split_at(digits.len().min(4 - self.begun.len()));
            self.begun.extend_from_slice(first);
            digits = rest;
            if self.begun.len() < 4 {
                return;
            }
            let whole = std::mem::take(&mut self.begun);
            self.decode(&whole, take);
        }
        let (whole, begun) = digits.split_at(digits.len() & !3);
        for piece in whole.chunks(PIECE) {
            self.decode(piece, take);
        }
        self.begun.extend_from_slice(begun);
    }

    /// A multiple of four digits.
    fn decode(&mut self, digits: &[u8], take: &mut dyn FnMut(&[u8])) {
        if self.wrong.is_some() || digits.is_empty() {
            return;
        }
        let most = digits.len() / 4 * 3;
        self.out.resize(self.out.len().max(most), 0);
        match BASE64.decode_slice(digits, &mut self.out) {
            Ok(_) if self.is_over => self.wrong = Some("the body goes on behind its end"),
            Ok(length) => {
                self.is_over = length < most;
                self.size += length as u64;
                take(&self.out[..length]);
            }
            Err(_) => self.wrong = Some("the body is not base64"),
        }
    }

    fn finish(self, size: u64) -> Body {
        match self.wrong {
            Some(wrong) => Err(wrong),
            None if !self.begun.is_empty() => Err("the body is not base64"),
            None if self.size != size => Err("the body is not as long as BodySize says"),
            None => Ok(()),
        }
    }
}

/// What a request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply<'a> {
    Hit {
        output: &'a [u8],
        size: u64,
        /// When it was put, as RFC 3339 has it.
        time: String,
        /// Absolute.
        path: &'a str,
    },
    Miss,
    /// Where the body of a put lies.
    Stored {
        path: &'a str,
    },
    Closed,
    Failed(&'a str),
}

#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RawResponse<'a> {
    #[serde(rename = "ID")]
    id: i64,
    #[serde(skip_serializing_if = "str::is_empty")]
    err: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    known_commands: &'a [&'a str],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    miss: bool,
    #[serde(rename = "OutputID", skip_serializing_if = "String::is_empty")]
    output: String,
    #[serde(skip_serializing_if = "is_zero")]
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    disk_path: &'a str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What is said before anything is asked: the requests that are understood.
pub fn greeting() -> Vec<u8> {
    line(&RawResponse {
        known_commands: &["get", "put", "close"],
        ..RawResponse::default()
    })
}

/// The line that answers a request.
pub fn answer(id: i64, reply: Reply<'_>) -> Vec<u8> {
    let empty = RawResponse {
        id,
        ..RawResponse::default()
    };
    line(&match reply {
        Reply::Hit {
            output,
            size,
            time,
            path,
        } => RawResponse {
            output: BASE64.encode(output),
            size,
            time: Some(time),
            disk_path: path,
            ..empty
        },
        Reply::Miss => RawResponse {
            miss: true,
            ..empty
        },
        Reply::Stored { path } => RawResponse {
            disk_path: path,
            ..empty
        },
        Reply::Closed => empty,
        Reply::Failed(err) => RawResponse { err, ..empty },
    })
}

fn line(response: &RawResponse<'_>) -> Vec<u8> {
    let mut line = serde_json::to_vec(response).expect("responses are plain data");
    line.push(b'\n');
    line
}

/// Whether the Go of a `GOVERSION` (`go1.26.1`, `go1.25rc1`, `devel go1.27-1a2b3c Mon …`) can be given such a program.
pub fn is_spoken_by(version: &str) -> bool {
    let version = version.strip_prefix("devel ").unwrap_or(version);
    let Some(rest) = version.strip_prefix("go1.") else {
        return false;
    };
    let end = rest.find(|c: char| !c.is_ascii_digit());
    let minor = &rest[..end.unwrap_or(rest.len())];
    minor.parse().is_ok_and(|minor: u32| minor >= FIRST_MINOR)
}

#[cfg(test)]
mod tests;
