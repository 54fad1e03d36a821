use super::*;
use crate::plan::action::Kind;
use std::io::{self, Write};
use std::sync::Arc;

/// Tells a profile events at moments of its choice, in tenths of seconds.
struct Story {
    now: Arc<Mutex<Duration>>,
    text: Arc<Mutex<Vec<u8>>>,
    profile: Profile,
}

struct Kept(Arc<Mutex<Vec<u8>>>);
impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn tenths(tenths: u64) -> Duration {
    Duration::from_millis(tenths * 100)
}

impl Story {
    fn new(screen: ScreenSize) -> Self {
        let (now, text) = (Arc::<Mutex<Duration>>::default(), Arc::default());
        let clock = now.clone();
        let look = Look {
            layout: crate::report::Layout::Auto,
            live: false,
            verbosity: crate::report::Verbosity::Normal,
            palette: Palette::PLAIN,
            tame: false,
            screen,
        };
        let sink = Sink::new(Box::new(Kept(Arc::clone(&text))));
        let clock = Box::new(move || *clock.lock().expect("no panic"));
        Self {
            now,
            text,
            profile: Profile::with_clock(&look, sink, clock),
        }
    }
    fn at(&self, moment: u64) -> &Self {
        *self.now.lock().expect("no panic") = tenths(moment);
        self
    }
    fn schedule(&self, jobs: usize, needs: &[(u32, &str, &[u32])]) -> &Self {
        let pending = needs.iter().map(|(id, name, after)| Pending {
            target: TargetId(*id),
            name: (*name).into(),
            kind: Kind::Build,
            last: None,
            after: after.iter().map(|&id| TargetId(id)).collect(),
        });
        let pending = pending.collect();
        self.profile.handle(&Event::Scheduled { jobs, pending });
        self
    }
    /// It ends now.
    fn end(&self, target: u32, took: u64, status: Status) -> &Self {
        self.profile.handle(&Event::Finished {
            target: TargetId(target),
            name: "x".into(),
            kind: Kind::Build,
            status,
            duration: tenths(took),
        });
        self
    }
    fn ran(&self, target: u32, took: u64) -> &Self {
        self.end(target, took, Status::Ran)
    }
    fn told(&self, elapsed: u64) -> String {
        self.profile.handle(&Event::Summary(Summary {
            elapsed: tenths(elapsed),
            ..Summary::default()
        }));
        let text = std::mem::take(&mut *self.text.lock().expect("no panic"));
        String::from_utf8(text).expect("UTF-8")
    }
}

fn plain() -> Story {
    Story::new(|| None)
}

#[test]
fn a_chain_that_takes_all_the_time_is_the_limit() {
    let story = plain();
    story.at(2).schedule(
        4,
        &[
            (1, "gen", &[]),
            (2, "lib", &[1]),
            (3, "doc", &[1]),
            (4, "app", &[2, 3]),
        ],
    );
    story.at(12).ran(1, 10);
    story.at(17).ran(3, 5);
    story.at(42).ran(2, 30);
    story.at(62).ran(4, 20);
    assert_eq!(
        story.at(63).told(63),
        "
critical path: 3 targets, 6.0s of 6.3s (95 %)
       at     took share   target
    0.20s     1.0s  16 %   build gen
     1.2s     3.0s  48 %   build lib
     4.2s     2.0s  32 %   build app
slowest:
     3.0s   build lib
     2.0s   build app
     1.0s   build gen
    0.50s   build doc
the critical path is 100 % of the time that targets took: more jobs would not help, a faster or shorter path would
"
    );
}

#[test]
fn busy_jobs_are_the_limit_and_the_wait_is_told() {
    let story = plain();
    story.at(0).schedule(
        2,
        &[(1, "a", &[]), (2, "b", &[]), (3, "c", &[]), (4, "d", &[])],
    );
    story.at(10).ran(1, 10).ran(2, 10);
    story.at(20).ran(3, 10);
    story.at(21).ran(4, 11);
    let told = story.at(21).told(21);
    assert!(
        told.contains("     1.0s     1.1s  52 %   build d  waited 1.0s while all jobs were busy\n"),
        "{told}"
    );
    assert!(
        told.ends_with("the critical path waited 1.0s while all 2 jobs were busy: more jobs would help, if there are CPUs for them\n"),
        "{told}"
    );
    let story = plain();
    story
        .at(0)
        .schedule(1, &[(1, "a", &[]), (2, "b", &[1]), (3, "c", &[])]);
    story.at(8).ran(3, 8);
    story.at(16).ran(1, 7);
    story.at(17).ran(2, 1);
    let told = story.told(17);
    assert!(
        told.contains("waited 0.90s while all jobs were busy"),
        "{told}"
    );
}

#[test]
fn a_pool_is_the_limit_where_jobs_are_free() {
    let story = plain();
    story.at(0).schedule(8, &[(1, "a", &[]), (2, "b", &[])]);
    story.at(10).ran(1, 10);
    story.at(20).ran(2, 10);
    let told = story.at(20).told(20);
    assert!(
        told.contains("build b  waited 1.0s for its pool, or for one that runs alone\n"),
        "{told}"
    );
    assert!(told.ends_with("1 target waited 1.0s together for a pool, or for one that runs alone, while jobs were free\n"), "{told}");
}

#[test]
fn a_slot_of_a_jobserver_is_waited_for() {
    let story = plain();
    story.at(0).schedule(8, &[(1, "a", &[])]);
    story.profile.handle(&Event::Span(Span {
        target: Some((TargetId(1), "a".into())),
        work: Work::Wait,
        began: Instant::now(),
        took: tenths(7),
    }));
    story.at(10).ran(1, 10);
    let told = story.told(10);
    assert!(
        told.contains("build a  waited 0.70s for a slot of the jobserver\n"),
        "{told}"
    );
}

#[test]
fn time_without_targets_is_told() {
    let story = plain();
    story.at(8).schedule(2, &[(1, "a", &[])]);
    story.at(10).ran(1, 2);
    let told = story.told(10);
    assert!(
        told.ends_with(
            "0.80s of 1.0s went by without a target: reading Gofiles, asking Go, looking at files\n"
        ),
        "{told}"
    );
}

#[test]
fn nothing_to_do_is_one_line() {
    assert_eq!(
        plain().told(1),
        "profile: no target took any time; reading the Gofile and looking at files was all\n"
    );
}

#[test]
fn stages_follow_one_another_and_a_second_run_begins_anew() {
    let story = plain();
    story.at(0).schedule(1, &[(1, "clean", &[])]);
    story.at(10).ran(1, 10);
    story.at(11).schedule(1, &[(1, "all", &[])]);
    story.at(31).ran(1, 20);
    let told = story.told(31);
    assert!(
        told.contains("critical path: 2 targets, 3.0s of 3.1s (97 %)"),
        "{told}"
    );
    // What a change overtook runs again; only then it counts.
    story
        .at(100)
        .schedule(1, &[(1, "all", &[]), (2, "later", &[1])]);
    story.at(105).end(1, 5, Status::Stale);
    story.at(110).ran(1, 4);
    story.end(
        2,
        0,
        Status::Skipped {
            because: "all".into(),
        },
    );
    let told = story.told(10);
    assert!(
        told.contains("critical path: 1 target, 0.40s of 1.0s (40 %)"),
        "{told}"
    );
}

#[test]
fn long_chains_and_narrow_screens_are_cut() {
    let story = Story::new(|| Some((40, 24)));
    let after: Vec<[u32; 1]> = (0..40).map(|id: u32| [id.saturating_sub(1)]).collect();
    let name = "资产".repeat(20);
    let needs: Vec<(u32, &str, &[u32])> = (0..40)
        .map(|id| {
            let after: &[u32] = if id == 0 { &[] } else { &after[id as usize] };
            (id, name.as_str(), after)
        })
        .collect();
    story.at(0).schedule(2, &needs);
    let mut now = 0;
    for id in 0..40 {
        let took = if id % 4 == 0 { 10 } else { 1 };
        now += took;
        story.at(now).ran(id, took);
    }
    let told = story.told(now);
    assert!(told.contains("and 25 sh"), "{told}");
    for line in told.lines() {
        assert!(crate::report::text::columns(line) <= 39, "{line}");
    }
    // No width at all is no reason to fail.
    let story = Story::new(|| Some((1, 1)));
    story.at(0).schedule(1, &[(1, "a", &[])]);
    story.at(1).ran(1, 1);
    assert!(!story.told(1).is_empty());
}
