//! How events look in JSON: types of their own, so that what happens inside of gomake can change without its readers. Each
//! field stands in `docs/events.md`; a test holds that.

use crate::base::hash::HashMap;
use crate::event::service::ServiceStep;
use crate::event::tests::{TestCase, TestOutcome};
use crate::event::timing::Pending;
use crate::event::watch::{Trigger, WatchStep};
use crate::event::{Event, Failure, ImageReport, PushStep, Status, Summary};
use crate::image::record::ImageRecord;
use crate::plan::graph::TargetId;
use crate::report::cases::tally;
use crate::report::consumer::Mistake;
use crate::report::start::Start;
use serde::Serialize;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum View<'a> {
    Start {
        version: u32,
        gomake: &'a str,
        started: String,
        root: &'a str,
        words: &'a [String],
    },
    Planned {
        wanted: usize,
    },
    Scheduled {
        jobs: usize,
        pending: Vec<PendingView<'a>>,
    },
    Span {
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<&'a str>,
        work: &'static str,
        began: f64,
        took: f64,
    },
    LockWait {
        holder: &'a str,
    },
    Started {
        target: &'a str,
        kind: &'static str,
        attempt: u32,
        dir: &'a str,
        command: &'a str,
        reason: &'a str,
    },
    Output {
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<&'a str>,
        text: &'a str,
        #[serde(skip_serializing_if = "is_false")]
        lossy: bool,
    },
    Terminal {
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<&'a str>,
        taken: bool,
    },
    Finished {
        target: &'a str,
        kind: &'static str,
        status: &'static str,
        duration: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<FailureView<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<&'a str>,
    },
    Warning {
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<&'a str>,
        message: &'a str,
    },
    Removed {
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<&'a str>,
        paths: &'a [String],
    },
    Progress {
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<&'a str>,
        text: &'a str,
    },
    Tests {
        target: &'a str,
        passed: usize,
        failed: usize,
        skipped: usize,
        cases: Vec<CaseView<'a>>,
    },
    Service(ServiceView<'a>),
    Watch(WatchView<'a>),
    ImageBuilt {
        target: &'a str,
        digest: &'a str,
        images: Vec<ImageView<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        unpinned: Option<UnpinnedView<'a>>,
    },
    ImageLoaded {
        target: &'a str,
        engine: &'a str,
        tags: &'a [String],
        #[serde(skip_serializing_if = "Option::is_none")]
        took: Option<f64>,
    },
    NotLoaded {
        target: &'a str,
        failure: FailureView<'a>,
    },
    Push(PushView<'a>),
    Summary {
        ran: usize,
        up_to_date: usize,
        restored: usize,
        failed: &'a [Arc<str>],
        skipped: usize,
        cancelled: usize,
        still_failing: &'a [Arc<str>],
        elapsed: f64,
        interrupted: bool,
    },
    Diagnostic {
        severity: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'a str>,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        help: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<usize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        column: Option<usize>,
    },
    End {
        status: u8,
    },
}

#[derive(Serialize)]
pub struct PendingView<'a> {
    target: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<f64>,
    after: Vec<&'a str>,
}

#[derive(Serialize)]
pub struct FailureView<'a> {
    how: &'a str,
    command: &'a str,
    place: &'a str,
    notes: &'a [String],
}

#[derive(Serialize)]
pub struct CaseView<'a> {
    suite: &'a str,
    name: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    took: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
}

#[derive(Serialize, Default)]
pub struct ServiceView<'a> {
    target: &'a str,
    step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    took: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_false")]
    lossy: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<&'a [String]>,
}

#[derive(Serialize, Default)]
pub struct WatchView<'a> {
    step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paths: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    directories: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<f64>,
}

#[derive(Serialize)]
pub struct ImageView<'a> {
    platform: String,
    manifest: String,
    config: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'a str>,
    /// Bytes of its layers as stored.
    size: u64,
    layers: usize,
}

#[derive(Serialize)]
pub struct UnpinnedView<'a> {
    tag: &'a str,
    digest: &'a str,
}

#[derive(Serialize, Default)]
pub struct PushView<'a> {
    target: &'a str,
    to: &'a [String],
    step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blobs_sent: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_sent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blobs_there: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    was_current: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureView<'a>>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Seconds, to the millisecond.
pub fn rounded(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

/// The word of a status, as events, JUnit properties and traces have it.
pub fn status_word(status: &Status) -> &'static str {
    match status {
        Status::Ran => "ran",
        Status::RanUnchanged => "unchanged",
        Status::UpToDate => "up_to_date",
        Status::Restored => "restored",
        Status::Failed(_) => "failed",
        Status::Skipped { .. } => "skipped",
        Status::Cancelled => "cancelled",
        Status::Stale => "stale",
    }
}

impl<'a> View<'a> {
    /// `name` knows the names of the targets that have started. None: who reads events is told each target by itself.
    pub fn of(
        event: &'a Event,
        name: &dyn Fn(TargetId) -> Option<&'a str>,
        start: &Start,
    ) -> Option<Self> {
        Some(match event {
            Event::UpToDate { .. } => return None,
            Event::Planned { wanted } => Self::Planned { wanted: *wanted },
            Event::Scheduled { jobs, pending } => {
                let names = pending.iter().map(|one| (one.target, &*one.name)).collect();
                Self::Scheduled {
                    jobs: *jobs,
                    pending: pending.iter().map(|one| of_pending(one, &names)).collect(),
                }
            }
            Event::Span(span) => Self::Span {
                target: span.target.as_ref().map(|(_, name)| &**name),
                work: span.work.word(),
                began: rounded(start.until(span.began)),
                took: rounded(span.took),
            },
            Event::LockWait { holder } => Self::LockWait { holder },
            Event::Started {
                name,
                kind,
                attempt,
                dir,
                command,
                reason,
                ..
            } => Self::Started {
                target: name,
                kind: kind.word(),
                attempt: *attempt,
                dir,
                command,
                reason,
            },
            // Whoever writes has put chunks together to whole characters.
            Event::Output { target, .. } => Self::Output {
                target: name(*target),
                text: "",
                lossy: false,
            },
            Event::Terminal { target, taken } => Self::Terminal {
                target: name(*target),
                taken: *taken,
            },
            Event::Finished {
                name,
                kind,
                status,
                duration,
                ..
            } => Self::Finished {
                target: name,
                kind: kind.word(),
                status: status_word(status),
                duration: rounded(*duration),
                failure: match status {
                    Status::Failed(failure) => Some(of_failure(failure)),
                    _ => None,
                },
                because: match status {
                    Status::Skipped { because } => Some(because),
                    _ => None,
                },
            },
            Event::Warning { target, message } => Self::Warning {
                target: target.as_deref(),
                message,
            },
            Event::Removed { target, paths } => Self::Removed {
                target: name(*target),
                paths,
            },
            Event::Progress { target, text } => Self::Progress {
                target: name(*target),
                text,
            },
            Event::Tests { name, report, .. } => {
                let (passed, failed, skipped) = tally(report);
                Self::Tests {
                    target: name,
                    passed,
                    failed,
                    skipped,
                    cases: report.cases.iter().map(of_case).collect(),
                }
            }
            Event::Service { name, step, .. } => Self::Service(of_service(name, step)),
            Event::Watch(step) => Self::Watch(of_watch(step)),
            Event::ImageBuilt { name, report, .. } => of_image(name, report),
            Event::ImageLoaded {
                name,
                engine,
                tags,
                took,
                ..
            } => Self::ImageLoaded {
                target: name,
                engine,
                tags,
                took: took.map(rounded),
            },
            Event::NotLoaded { name, failure, .. } => Self::NotLoaded {
                target: name,
                failure: of_failure(failure),
            },
            Event::Push { name, to, step, .. } => Self::Push(of_push(name, to, step)),
            Event::Summary(summary) => of_summary(summary),
        })
    }

    pub fn of_mistake(mistake: &'a Mistake) -> Self {
        let place = mistake.place.as_ref();
        Self::Diagnostic {
            severity: if mistake.is_error { "error" } else { "lint" },
            code: mistake.code.as_deref(),
            message: &mistake.message,
            help: mistake.help.as_deref(),
            file: place.map(|(file, ..)| file.as_str()),
            line: place.map(|(_, line, _)| *line),
            column: place.map(|(.., column)| *column),
        }
    }

    pub fn of_service_output(name: &'a str, text: &'a str, lossy: bool) -> Self {
        Self::Service(ServiceView {
            target: name,
            step: "output",
            text: Some(text.into()),
            lossy,
            ..ServiceView::default()
        })
    }
}

fn of_pending<'a>(one: &'a Pending, names: &HashMap<TargetId, &'a str>) -> PendingView<'a> {
    PendingView {
        target: &one.name,
        kind: one.kind.word(),
        last: one.last.map(rounded),
        after: one
            .after
            .iter()
            .filter_map(|id| names.get(id).copied())
            .collect(),
    }
}

fn of_failure(failure: &Failure) -> FailureView<'_> {
    FailureView {
        how: &failure.how,
        command: &failure.command,
        place: &failure.place,
        notes: &failure.notes,
    }
}

fn of_case(case: &TestCase) -> CaseView<'_> {
    let (outcome, message, text) = match &case.outcome {
        TestOutcome::Passed => ("passed", None, None),
        TestOutcome::Failed { message, text } => ("failed", Some(message), Some(text)),
        TestOutcome::Skipped { message } => ("skipped", Some(message), None),
    };
    CaseView {
        suite: &case.suite,
        name: &case.name,
        outcome,
        took: case.took.map(rounded),
        message: message.map(String::as_str),
        text: text.map(String::as_str),
        file: case.place.as_ref().map(|(file, _)| file.as_str()),
        line: case.place.as_ref().map(|(_, line)| *line),
    }
}

fn of_service<'a>(name: &'a str, step: &'a ServiceStep) -> ServiceView<'a> {
    let view = ServiceView {
        target: name,
        ..ServiceView::default()
    };
    match step {
        ServiceStep::Starting { command, reason } => ServiceView {
            step: "starting",
            command: Some(command),
            reason: Some(reason),
            ..view
        },
        ServiceStep::Ready { took } => ServiceView {
            step: "ready",
            took: Some(rounded(*took)),
            ..view
        },
        ServiceStep::Output { bytes, .. } => ServiceView {
            step: "output",
            text: Some(String::from_utf8_lossy(bytes)),
            ..view
        },
        ServiceStep::Log { bytes } => ServiceView {
            step: "log",
            text: Some(String::from_utf8_lossy(bytes)),
            ..view
        },
        ServiceStep::Stopped { took } => ServiceView {
            step: "stopped",
            took: Some(rounded(*took)),
            ..view
        },
        ServiceStep::Failed {
            how,
            place,
            log,
            notes,
        } => ServiceView {
            step: "failed",
            how: Some(how),
            place: Some(place),
            text: Some(String::from_utf8_lossy(log)),
            notes: Some(notes),
            ..view
        },
    }
}

fn of_watch(step: &WatchStep) -> WatchView<'_> {
    let of = |step| WatchView {
        step,
        ..WatchView::default()
    };
    match step {
        WatchStep::Begins { why } => {
            let (why, paths, more) = match why {
                Trigger::Start => ("start", None, None),
                Trigger::Changed { paths, more } => ("changed", Some(paths), Some(*more)),
                Trigger::Rescan => ("rescan", None, None),
                Trigger::Key => ("key", None, None),
            };
            WatchView {
                why: Some(why),
                paths: paths.map(Vec::as_slice),
                more,
                ..of("begins")
            }
        }
        WatchStep::Waits { directories, keys } => WatchView {
            directories: Some(*directories),
            keys: Some(*keys),
            ..of("waits")
        },
        WatchStep::Noticed { paths } => WatchView {
            paths: Some(paths),
            ..of("noticed")
        },
        WatchStep::Overtaken { paths } => WatchView {
            paths: Some(paths),
            ..of("overtaken")
        },
        WatchStep::Wrong => of("wrong"),
        WatchStep::Why { lines } => WatchView {
            lines: Some(lines),
            ..of("why")
        },
        WatchStep::Keys => of("keys"),
        WatchStep::Clear => of("clear"),
        WatchStep::Ended { after } => WatchView {
            after: Some(rounded(*after)),
            ..of("ended")
        },
    }
}

fn of_image<'a>(name: &'a str, report: &'a ImageReport) -> View<'a> {
    let image = |image: &'a ImageRecord| ImageView {
        platform: image.platform.to_string(),
        manifest: image.manifest.to_string(),
        config: image.config.to_string(),
        base: image.base.as_deref(),
        size: image.layers.iter().map(|layer| layer.size).sum(),
        layers: image.layers.len(),
    };
    let unpinned = report.unpinned.as_ref();
    View::ImageBuilt {
        target: name,
        digest: &report.digest,
        images: report.record.images.iter().map(image).collect(),
        unpinned: unpinned.map(|(tag, digest)| UnpinnedView { tag, digest }),
    }
}

fn of_push<'a>(name: &'a str, to: &'a [String], step: &'a PushStep) -> PushView<'a> {
    let view = PushView {
        target: name,
        to,
        ..PushView::default()
    };
    match step {
        PushStep::Started => PushView {
            step: "started",
            ..view
        },
        PushStep::Progress { done, total } => PushView {
            step: "progress",
            done: Some(*done),
            total: Some(*total),
            ..view
        },
        PushStep::Done(report) => PushView {
            step: "done",
            digest: Some(&report.digest),
            blobs_sent: Some(report.blobs_sent),
            bytes_sent: Some(report.bytes_sent),
            blobs_there: Some(report.blobs_there),
            requests: Some(report.requests),
            was_current: Some(report.was_current),
            duration: Some(rounded(report.duration)),
            ..view
        },
        PushStep::Failed(failure) => PushView {
            step: "failed",
            failure: Some(of_failure(failure)),
            ..view
        },
    }
}

fn of_summary(summary: &Summary) -> View<'_> {
    View::Summary {
        ran: summary.ran,
        up_to_date: summary.up_to_date,
        restored: summary.restored,
        failed: &summary.failed,
        skipped: summary.skipped,
        cancelled: summary.cancelled,
        still_failing: &summary.still_failing,
        elapsed: rounded(summary.elapsed),
        interrupted: summary.interrupted,
    }
}
