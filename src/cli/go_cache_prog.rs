//! gomake as the program behind the Go tool's build cache: what Go builds lies in the user's cache and is found there, also by a Go whose
//! own cache is empty. The Go tool starts it, asks, and ends it. Does not know why it is asked.
//!
//! One thread reads, looks and answers: a look takes as long as handing it to another thread would.

use crate::cache::go::{GoCache, GoObject};
use crate::cli::run::CACHE_LIMIT;
use crate::cli::settings::Environment;
use crate::golang::cacheprog::{
    Asked, Message, ProtocolError, Reply, Request, Requests, answer, greeting,
};
use crate::image::date::rfc3339;
use signal_hook::consts::SIGINT;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Requests come by a pipe, which holds as much.
const BUFFER: usize = 64 << 10;
/// As for a call that is wrong: the Go tool shows what was said, and ends.
const FAILED: u8 = 2;

/// Serves the Go tool until it has what it wants, and returns the exit status. The words are the cache's directory and its limit
/// in bytes, both of which can be left out by who calls us by hand.
pub fn serve_go(words: &[OsString]) -> u8 {
    // On Ctrl-C the Go tool finishes what it is doing, and needs us for it. When it is gone, there is nothing to read.
    let _ = signal_hook::flag::register(SIGINT, std::sync::Arc::default());
    let done = run(words);
    if let Err(why) = &done {
        tell(why);
    }
    if done.is_ok() { 0 } else { FAILED }
}

fn run(words: &[OsString]) -> Result<(), String> {
    let (dir, limit) = place(words)?;
    let mut output = std::io::stdout();
    // The Go tool waits for it, and for the cache only when it needs something.
    output
        .write_all(&greeting())
        .and_then(|()| output.flush())
        .map_err(|error| error.to_string())?;
    let cache = GoCache::open(&dir, limit);
    let input = BufReader::with_capacity(BUFFER, std::io::stdin().lock());
    let served = serve(input, output, &cache);
    if let Some(trouble) = cache.trouble() {
        tell(&format!("what Go builds is not all kept: {trouble}"));
    }
    // Also of a Go tool that was killed in the middle, what was put is there.
    let settled = cache.settle().map_err(|error| error.to_string());
    served.map_err(|error| error.to_string()).and(settled)
}

fn place(words: &[OsString]) -> Result<(PathBuf, u64), String> {
    let dir = match words.first() {
        Some(dir) => Some(PathBuf::from(dir)),
        None => Environment::capture()
            .map_err(|error| error.to_string())?
            .cache_dir(),
    };
    let dir = dir.ok_or("there is no place for a cache: set GOMAKE_CACHE_DIR or HOME")?;
    if !dir.is_absolute() {
        let shown = dir.display();
        return Err(format!(
            "the cache's place is to be an absolute path, which {shown} is not"
        ));
    }
    let limit = match words.get(1) {
        None => Some(CACHE_LIMIT),
        Some(limit) => limit.to_str().and_then(|limit| limit.parse().ok()),
    };
    let limit = limit.ok_or("the cache's limit is no number of bytes")?;
    match words.get(2) {
        None => Ok((dir, limit)),
        Some(_) => Err("there are words behind the cache's limit".to_owned()),
    }
}

fn tell(what: &str) {
    // Standard error is the Go tool's; where it is closed, nobody listens.
    let _ = writeln!(std::io::stderr(), "gomake: {what}");
}

/// Answers until the Go tool says that it is done, or is gone.
///
/// # Errors
/// When it says what cannot be understood.
fn serve(
    input: impl BufRead,
    mut output: impl Write,
    cache: &GoCache,
) -> Result<(), ProtocolError> {
    let mut requests = Requests::new(input);
    while let Some(message) = requests.read()? {
        let (line, is_over) = match message {
            Message::Wrong { id, why, has_body } => {
                if has_body {
                    let _ = requests.body(0, &mut |_| ())?;
                }
                (answer(id, Reply::Failed(&why)), false)
            }
            Message::Request(request) => {
                let is_over = request.asked == Asked::Close;
                (answered(&mut requests, &request, cache)?, is_over)
            }
        };
        let told = output.write_all(&line).and_then(|()| output.flush());
        // A Go tool that does not listen has ended.
        if told.is_err() || is_over {
            break;
        }
    }
    Ok(())
}

/// The answer to a request, whose body is read.
fn answered(
    requests: &mut Requests<impl BufRead>,
    request: &Request,
    cache: &GoCache,
) -> Result<Vec<u8>, ProtocolError> {
    let id = request.id;
    let mut draft = cache.draft();
    let mut body = Ok(());
    if request.body_size > 0 {
        let is_put = request.asked == Asked::Put;
        body = requests.body(request.body_size, &mut |piece| {
            if is_put {
                draft.push(piece);
            }
        })?;
    }
    Ok(match &request.asked {
        Asked::Get => answer(id, found(cache.get(&request.action).as_ref())),
        Asked::Put => {
            let put = body.map_err(str::to_owned).and_then(|()| {
                let put = cache.put(&request.action, &request.output, draft);
                put.map_err(|error| error.to_string())
            });
            match put.as_deref().map(Path::to_str) {
                Ok(Some(path)) => answer(id, Reply::Stored { path }),
                Ok(None) => answer(id, Reply::Failed("the cache's path is not UTF-8")),
                Err(why) => answer(id, Reply::Failed(why)),
            }
        }
        Asked::Close => answer(id, Reply::Closed),
        Asked::Other(command) => {
            let why = format!("the request {command:?} is not known");
            answer(id, Reply::Failed(&why))
        }
    })
}

fn found(object: Option<&GoObject>) -> Reply<'_> {
    let path = object.and_then(|object| object.path.to_str());
    match (object, path) {
        (Some(object), Some(path)) => Reply::Hit {
            output: &object.output,
            size: object.size,
            time: time(object.put),
            path,
        },
        _ => Reply::Miss,
    }
}

/// Nanoseconds since 1970 as RFC 3339 has them; by it the Go tool knows results of tests that `go clean -testcache` made stale.
fn time(nanos: i64) -> String {
    let nanos = u64::try_from(nanos).unwrap_or(0);
    let second = rfc3339(nanos / 1_000_000_000);
    let second = second.trim_end_matches('Z');
    format!("{second}.{:09}Z", nanos % 1_000_000_000)
}

#[cfg(test)]
mod tests;
