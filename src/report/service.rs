//! What gomake says about services: that one is up, how it ended, what it printed. Shapes are documented in
//! `docs/services.md`.

use crate::event::service::ServiceStep;
use crate::plan::action::Kind;
use crate::report::block;
use crate::report::output::{Output, Way};
use crate::report::palette::{Palette, Tone};
use crate::report::text::printable;
use crate::report::time::short;
use crate::report::{Layout, Verbosity};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The output of services that is on its way to the user, by name.
#[derive(Debug, Default)]
pub struct Services {
    outputs: BTreeMap<Arc<str>, Output>,
}

/// What is to be shown: the service's own output, and what gomake says, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub out: Vec<u8>,
    pub err: String,
}

/// How it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    pub palette: Palette,
    pub layout: Layout,
    pub verbosity: Verbosity,
    /// As in [`crate::report::Look`].
    pub tame: bool,
}

impl Services {
    /// Takes a step of a service, and gives what is to be shown of it now.
    pub fn step(&mut self, frame: Frame, name: &Arc<str>, step: &ServiceStep) -> Shown {
        if let ServiceStep::Output { bytes, alone } = step {
            let way = match frame.layout {
                Layout::Stream => Way::Prefixed,
                _ if !alone => Way::Prefixed,
                Layout::Auto | Layout::Grouped => Way::Direct,
            };
            let output = self.outputs.entry(name.clone());
            let output = output.or_insert_with(|| Output::new(way, &prefix(name), frame.tame));
            return Shown {
                out: output.push(bytes),
                err: String::new(),
            };
        }
        let ended = matches!(
            step,
            ServiceStep::Stopped { .. } | ServiceStep::Failed { .. }
        );
        let output = self.outputs.get_mut(name).filter(|_| ended);
        let out = output.map(Output::finish).unwrap_or_default();
        let was_shown = ended && self.outputs.remove(name).is_some();
        Shown {
            out,
            err: said(frame, name, step, was_shown),
        }
    }
}

/// `was_shown`: its output has been shown as it came.
fn said(frame: Frame, name: &str, step: &ServiceStep, was_shown: bool) -> String {
    let palette = frame.palette;
    let label = block::label(Kind::Service, name);
    let is_verbose = frame.verbosity == Verbosity::Verbose;
    let timed = |took| format!("{label}  {}", palette.paint(Tone::Faint, &short(took)));
    match step {
        ServiceStep::Starting { command, reason } if is_verbose => {
            let mut text = block::line(palette, "starting", Tone::Detail, &label);
            if !reason.is_empty() {
                text.push_str(&format!("  because {}\n", printable(reason)));
            }
            text + &block::command(palette, command, true)
        }
        ServiceStep::Ready { took } if frame.verbosity > Verbosity::Quiet => {
            block::line(palette, "ready", Tone::Good, &timed(*took))
        }
        ServiceStep::Stopped { took } if is_verbose => {
            block::line(palette, "stopped", Tone::Detail, &timed(*took))
        }
        ServiceStep::Log { bytes } => {
            let head = format!("{label}  printed meanwhile:");
            block::line(palette, "log", Tone::Warning, &head) + &lines(name, bytes)
        }
        ServiceStep::Failed {
            how,
            place,
            log,
            notes,
        } => {
            let mut text = block::line(palette, "failed", Tone::Bad, &label);
            if !was_shown {
                text.push_str(&lines(name, log));
            }
            let how = palette.paint(Tone::Bad, &printable(how));
            text.push_str(&format!("  {how} ({})\n", printable(place)));
            for note in notes {
                let head = palette.paint(Tone::Detail, "note: ");
                text.push_str(&format!("  {head}{}\n", printable(note)));
            }
            text
        }
        ServiceStep::Starting { .. }
        | ServiceStep::Ready { .. }
        | ServiceStep::Stopped { .. }
        | ServiceStep::Output { .. } => String::new(),
    }
}

/// What stands before each line.
fn prefix(name: &str) -> String {
    format!("{} | ", printable(name))
}

/// What it printed, each line after its name, as text that a terminal may have.
fn lines(name: &str, bytes: &[u8]) -> String {
    let mut output = Output::new(Way::Prefixed, &prefix(name), true);
    let mut all = output.push(bytes);
    all.extend(output.finish());
    String::from_utf8_lossy(&all).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn frame(layout: Layout, verbosity: Verbosity) -> Frame {
        Frame {
            palette: Palette::PLAIN,
            layout,
            verbosity,
            tame: false,
        }
    }
    fn output(bytes: &str, alone: bool) -> ServiceStep {
        ServiceStep::Output {
            bytes: bytes.as_bytes().into(),
            alone,
        }
    }
    fn failed(log: &str) -> ServiceStep {
        ServiceStep::Failed {
            how: "ended with exit status 2".to_owned(),
            place: "Gofile:3:9".to_owned(),
            log: log.as_bytes().into(),
            notes: vec!["a hint".to_owned()],
        }
    }

    #[test]
    fn one_service_speaks_for_itself_and_several_by_name() {
        let (api, web): (Arc<str>, Arc<str>) = ("api".into(), "web".into());
        let auto = frame(Layout::Auto, Verbosity::Normal);
        let mut services = Services::default();
        let shown = services.step(auto, &api, &output("one\ntw", true));
        assert_eq!(shown.out, b"one\n");
        let end = ServiceStep::Stopped {
            took: Duration::ZERO,
        };
        let shown = services.step(auto, &api, &end);
        assert_eq!((shown.out.as_slice(), &*shown.err), (&b"tw\n"[..], ""));
        let shown = services.step(auto, &web, &output("x\n", false));
        assert_eq!(shown.out, b"web | x\n");
        let stream = frame(Layout::Stream, Verbosity::Normal);
        let shown = services.step(stream, &api, &output("x\n", true));
        assert_eq!(shown.out, b"api | x\n");
    }

    #[test]
    fn a_failure_is_told_with_what_was_not_shown_yet() {
        let api: Arc<str> = "api".into();
        let quiet = frame(Layout::Auto, Verbosity::Quiet);
        let mut services = Services::default();
        let shown = services.step(quiet, &api, &failed("no database\n"));
        assert_eq!(
            shown.err,
            "failed     service api\napi | no database\n  ended with exit status 2 (Gofile:3:9)\n  note: a hint\n"
        );
        services.step(quiet, &api, &output("no database", true));
        let shown = services.step(quiet, &api, &failed("no database\n"));
        assert_eq!(shown.out, b"no database\n");
        assert!(!shown.err.contains("database"), "{}", shown.err);
    }

    #[test]
    fn how_much_is_said_depends_on_what_was_asked_for() {
        let said = |verbosity, step: &ServiceStep| {
            let frame = frame(Layout::Auto, verbosity);
            Services::default().step(frame, &"api".into(), step).err
        };
        let starting = ServiceStep::Starting {
            command: "./serve".into(),
            reason: "needed by smoke".to_owned(),
        };
        let ready = ServiceStep::Ready {
            took: Duration::from_millis(310),
        };
        assert_eq!(said(Verbosity::Normal, &starting), "");
        let text = said(Verbosity::Verbose, &starting);
        assert!(
            text.starts_with("starting   service api\n  because needed by smoke\n"),
            "{text}"
        );
        assert_eq!(
            said(Verbosity::Normal, &ready),
            "ready      service api  0.31s\n"
        );
        assert_eq!(said(Verbosity::Quiet, &ready), "");
        let log = ServiceStep::Log {
            bytes: b"GET /\n\x1b[31m500".as_slice().into(),
        };
        assert_eq!(
            said(Verbosity::Quiet, &log),
            "log        service api  printed meanwhile:\napi | GET /\napi | \u{1b}[31m500\u{1b}[0m\n"
        );
    }
}
