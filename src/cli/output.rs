//! Runs a command for what it prints, with a limit on time and size. Knows nothing of what the text is for.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How a command ended.
#[derive(Debug)]
pub enum Said {
    Done {
        status: ExitStatus,
        stdout: Vec<u8>,
        stderr: Vec<u8>,
    },
    /// It was killed, as it printed without end.
    TooMuch,
    /// It was killed, or has left something running that holds its output open.
    TimedOut,
}

/// Bytes of each stream.
const LIMIT: usize = 16 << 20;

enum Event {
    Stdout(io::Result<Vec<u8>>),
    Stderr(io::Result<Vec<u8>>),
}

/// Runs a command without standard input, and waits for its end and for that of its output.
///
/// # Errors
/// When it cannot be started or waited for.
pub fn output(mut command: Command, timeout: Duration) -> io::Result<Said> {
    let deadline = Instant::now() + timeout;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (send, events) = mpsc::channel();
    read_on_thread(child.stdout.take(), send.clone(), Event::Stdout);
    read_on_thread(child.stderr.take(), send, Event::Stderr);
    let (mut stdout, mut stderr) = (None, None);
    while stdout.is_none() || stderr.is_none() {
        let (stream, slot) =
            match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Event::Stdout(stream)) => (stream, &mut stdout),
                Ok(Event::Stderr(stream)) => (stream, &mut stderr),
                Err(_) => return killed(child, Said::TimedOut),
            };
        let bytes = stream?;
        if bytes.len() > LIMIT {
            return killed(child, Said::TooMuch);
        }
        *slot = Some(bytes);
    }
    let Some(status) = wait_until(&mut child, deadline)? else {
        return killed(child, Said::TimedOut);
    };
    Ok(Said::Done {
        status,
        stdout: stdout.unwrap_or_default(),
        stderr: stderr.unwrap_or_default(),
    })
}

fn read_on_thread(
    stream: Option<impl Read + Send + 'static>,
    send: mpsc::Sender<Event>,
    event: fn(io::Result<Vec<u8>>) -> Event,
) {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let result = match stream {
            Some(stream) => stream
                .take(LIMIT as u64 + 1)
                .read_to_end(&mut bytes)
                .map(|_| bytes),
            None => Ok(bytes),
        };
        // Nobody listens any more after a timeout.
        let _ = send.send(event(result));
    });
}

fn killed(mut child: Child, said: Said) -> io::Result<Said> {
    child.kill()?;
    child.wait()?;
    Ok(said)
}

/// A command that has closed its output mostly ends at once; one that has not is looked at ever less often.
fn wait_until(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_micros(50);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
