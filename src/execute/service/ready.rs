//! Finds out whether a service is ready, again and again until it is. Knows nothing of who waits.

use crate::execute::environment::Variables;
use crate::execute::poll::readable;
use crate::execute::process::{self, Group, How, Output, Spawn, Stdin};
use crate::execute::service::latch::Latch;
use crate::execute::service::port;
use crate::execute::signal::{Cancel, Level};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The first look comes at once, each next one after half as long again, up to the longest pause.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_millis(250);
/// For one HTTP request, or one run of a command.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is kept of what a command printed, from its end.
const SAID: usize = 300;

/// A way to ask.
#[derive(Debug)]
pub enum Question {
    Port(u16),
    Http(String),
    Command(Script),
}

/// A program to run in the service's own surroundings.
#[derive(Debug, Clone)]
pub struct Script {
    pub words: Vec<OsString>,
    pub env: Arc<Variables>,
    pub dir: PathBuf,
    /// As the Gofile has it.
    pub text: String,
}

/// Asks until it is answered, on a thread of its own.
#[derive(Debug)]
pub struct Asking {
    stop: Cancel,
    /// What the last answer was, as a sentence.
    last: Arc<Mutex<String>>,
    thread: Option<std::thread::JoinHandle<()>>,
    /// It runs commands, which must be gone before we are.
    runs: bool,
}

impl Asking {
    /// Sets `ready` at the first good answer.
    ///
    /// # Errors
    /// When there are no more threads or file descriptors to be had.
    pub fn start(question: Question, ready: Arc<Latch>) -> std::io::Result<Self> {
        let stop = Cancel::new()?;
        let last = Arc::new(Mutex::new(String::new()));
        let (stopped, said) = (stop.clone(), last.clone());
        let runs = matches!(question, Question::Command(_));
        let thread = std::thread::Builder::new()
            .name("service is ready".to_owned())
            .spawn(move || {
                let mut pause = SHORTEST;
                while !stopped.is_cancelled() {
                    match question.ask(&stopped) {
                        Ok(()) => return ready.set(),
                        Err(answer) => {
                            *said.lock().unwrap_or_else(PoisonError::into_inner) = answer;
                        }
                    }
                    let _ = readable([stopped.above(Level::None)], Some(Instant::now() + pause));
                    pause = (pause * 3 / 2).min(LONGEST);
                }
            })?;
        Ok(Self {
            stop,
            last,
            thread: Some(thread),
            runs,
        })
    }

    /// `nothing listens on port 8080`; empty before the first answer.
    pub fn last_answer(&self) -> String {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }
}

/// A command that was asked is killed and reaped; a request that is still on its way is left to itself, since it ends soon.
impl Drop for Asking {
    fn drop(&mut self) {
        self.stop.request(Level::Now);
        if let Some(thread) = self.thread.take().filter(|_| self.runs) {
            let _ = thread.join();
        }
    }
}

impl Question {
    /// # Errors
    /// The answer, where it is not the good one.
    fn ask(&self, stop: &Cancel) -> Result<(), String> {
        match self {
            Self::Port(port) if port::is_open(*port) => Ok(()),
            Self::Port(port) => Err(format!("nothing listens on port {port}")),
            Self::Http(url) => get(url),
            Self::Command(script) => {
                let (how, said) = script
                    .run(PATIENCE, stop)
                    .map_err(|error| error.to_string())?;
                if how == How::Exit(0) {
                    return Ok(());
                }
                let how = crate::execute::command::ending(how, Some(PATIENCE));
                let said = said.trim();
                let colon = if said.is_empty() { "" } else { ": " };
                Err(format!("`{}`: {how}{colon}{said}", script.text))
            }
        }
    }
}

impl Script {
    /// Runs it to its end, and gives that and the end of what it printed.
    pub fn run(
        &self,
        timeout: Duration,
        stop: &Cancel,
    ) -> Result<(How, String), process::SpawnError> {
        let mut said: Vec<u8> = Vec::new();
        let mut on_chunk = |chunk: &[u8]| {
            said.extend_from_slice(chunk);
            said.drain(..said.len().saturating_sub(SAID));
        };
        let (program, args) = self
            .words
            .split_first()
            .expect("an interpreter is a program");
        let ended = process::run(Spawn {
            program,
            args,
            found: None,
            env: (&*self.env).into(),
            dir: &self.dir,
            stdin: Stdin::Null,
            output: Output::Capture(&mut on_chunk),
            group: Group::Own,
            timeout: Some(timeout),
            grace: Duration::ZERO,
            cancel: stop,
            jobserver: None,
        })?;
        Ok((ended.how, String::from_utf8_lossy(&said).into_owned()))
    }
}

/// Answered with a status from 200 to 399, as Kubernetes judges a probe; like it, this looks at no certificate.
fn get(url: &str) -> Result<(), String> {
    let tls = ureq::tls::TlsConfig::builder()
        .disable_verification(true)
        .build();
    let agent = ureq::Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(PATIENCE))
        .build()
        .new_agent();
    match agent.get(url).call() {
        Ok(answer) if (200..400).contains(&answer.status().as_u16()) => Ok(()),
        Ok(answer) => Err(format!("GET {url} is answered with {}", answer.status())),
        Err(error) => Err(format!("GET {url}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Answers each connection with the next of these, on a port of its own.
    fn server(answers: &'static [&'static str]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        port
    }
    fn ask(question: &Question) -> Result<(), String> {
        question.ask(&Cancel::new().unwrap())
    }
    fn script(text: &str) -> Question {
        Question::Command(Script {
            words: ["sh", "-c", text].map(OsString::from).into(),
            env: Arc::new(Variables::from([("PATH".into(), "/usr/bin:/bin".into())])),
            dir: "/".into(),
            text: text.to_owned(),
        })
    }

    #[test]
    fn a_good_status_is_2xx_or_3xx() {
        let port = server(&[
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
            "garbage\r\n\r\n",
        ]);
        let question = Question::Http(format!("http://127.0.0.1:{port}/health"));
        assert_eq!(ask(&question), Ok(()));
        assert_eq!(ask(&question), Ok(()));
        let wrong = ask(&question).unwrap_err();
        assert!(
            wrong.ends_with("/health is answered with 503 Service Unavailable"),
            "{wrong}"
        );
        assert!(
            ask(&question)
                .unwrap_err()
                .starts_with("GET http://127.0.0.1:")
        );
    }

    #[test]
    fn a_command_answers_by_its_status() {
        assert_eq!(ask(&script("exit 0")), Ok(()));
        assert_eq!(
            ask(&script("echo no response; exit 2")).unwrap_err(),
            "`echo no response; exit 2`: exit status 2: no response"
        );
    }

    #[test]
    fn it_is_asked_until_the_answer_is_good_and_the_last_one_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let ready = Arc::new(Latch::new().unwrap());
        let asking = Asking::start(Question::Port(port), ready.clone()).unwrap();
        while asking.last_answer().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(
            asking.last_answer(),
            format!("nothing listens on port {port}")
        );
        assert!(!ready.is_set());
        let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let until = Some(Instant::now() + Duration::from_secs(20));
        assert_eq!(readable([ready.fd()], until).unwrap(), [true]);
    }

    #[test]
    fn a_command_that_is_asked_ends_with_the_asking() {
        let ready = Arc::new(Latch::new().unwrap());
        let asking = Asking::start(script("sleep 1000"), ready).unwrap();
        let stop = asking.stop.clone();
        stop.request(Level::Now);
        let mut asking = asking;
        asking.thread.take().unwrap().join().unwrap();
    }
}
