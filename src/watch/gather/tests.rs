use super::*;

/// A clock that the test turns, and the paths as text.
struct Desk {
    gather: Gather,
    now: Instant,
}

impl Desk {
    fn new() -> Self {
        Self {
            gather: Gather::default(),
            now: Instant::now(),
        }
    }
    fn after(&mut self, millis: f64) -> &mut Self {
        self.now += Duration::from_secs_f64(millis / 1000.0);
        self
    }
    fn note(&mut self, path: &str, happened: Happened) -> &mut Self {
        self.gather.note(Path::new(path), happened, self.now);
        self
    }
    fn notes(&mut self, path: &str, all: &[Happened]) -> &mut Self {
        for happened in all {
            self.note(path, *happened);
        }
        self
    }
    fn next(&mut self) -> Next {
        self.gather.next(self.now, |_| None)
    }
    /// Waits as long as the state machine asks for, and returns what comes with how long that took, in milliseconds.
    fn delivered(&mut self) -> (u128, Vec<String>) {
        let from = self.now;
        loop {
            match self.next() {
                Next::Deliver(Batch::Paths(paths)) => {
                    let text = paths.iter().map(|path| path.display().to_string());
                    return ((self.now - from).as_millis(), text.collect());
                }
                Next::Deliver(other) => panic!("{other:?}"),
                Next::Wait(Some(until)) => {
                    assert!(until > self.now, "it would spin");
                    self.now = until;
                }
                Next::Wait(None) => panic!("nothing is on its way"),
            }
        }
    }
    fn is_idle(&mut self) -> bool {
        self.next() == Next::Wait(None)
    }
}

use Happened::{Changed, Closed, Found, Gone, Made, Moved, Written};

fn paths(expected: &[&str]) -> Vec<String> {
    expected.iter().map(|path| (*path).to_owned()).collect()
}

#[test]
fn a_save_in_place_is_told_at_its_close() {
    let mut desk = Desk::new();
    desk.note("a", Written);
    assert_eq!(
        desk.next(),
        Next::Wait(Some(desk.now + PAUSE)),
        "truncated, and not written yet"
    );
    desk.after(7.0).notes("a", &[Written, Closed]);
    assert_eq!(desk.delivered(), (0, paths(&["a"])));
    assert!(desk.is_idle());
}

#[test]
fn touch_and_chmod_are_told_at_once() {
    let mut desk = Desk::new();
    assert_eq!(desk.note("a", Changed).delivered(), (0, paths(&["a"])));
    desk.after(1000.0).notes("a", &[Changed, Closed]);
    assert_eq!(desk.delivered(), (0, paths(&["a"])));
}

#[test]
fn an_atomic_replacement_is_told_once_and_without_its_temporary_file() {
    let mut desk = Desk::new();
    desk.notes("a.tmp", &[Made, Written, Closed]);
    assert!(
        matches!(desk.next(), Next::Wait(Some(_))),
        "a rename may follow"
    );
    desk.after(0.3);
    assert!(!desk.gather.note(Path::new("a.tmp"), Gone, desk.now));
    desk.note("a", Changed);
    assert_eq!(desk.delivered(), (0, paths(&["a"])));
    assert!(desk.is_idle());
}

#[test]
fn a_new_file_is_told_when_no_rename_followed() {
    let mut desk = Desk::new();
    desk.notes("new", &[Made, Written, Closed]);
    assert_eq!(desk.delivered(), (FRESH.as_millis(), paths(&["new"])));
}

#[test]
fn vim_is_told_of_when_it_has_written_and_never_before() {
    let mut desk = Desk::new();
    desk.notes("4913", &[Made, Changed, Closed]);
    assert!(matches!(desk.next(), Next::Wait(_)));
    desk.after(0.2).note("4913", Gone);
    assert!(desk.gather.note(Path::new("a"), Gone, desk.now));
    desk.note("a~", Moved);
    assert!(
        matches!(desk.next(), Next::Wait(_)),
        "the file is away for a moment"
    );
    desk.after(0.5).notes("a", &[Made, Written]);
    assert!(matches!(desk.next(), Next::Wait(_)));
    desk.after(2.0).notes("a", &[Closed, Changed]);
    assert_eq!(desk.delivered(), (0, paths(&["a"])), "not new: replaced");
    desk.after(0.2).note("a~", Gone);
    assert_eq!(desk.delivered().1, paths(&["a~"]), "a hint without content");
    assert!(desk.is_idle());
}

#[test]
fn a_removal_is_told_after_a_moment_and_a_move_with_both_sides() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.note("a", Gone).delivered(),
        (GONE.as_millis(), paths(&["a"]))
    );
    desk.after(1000.0).note("b", Gone);
    desk.after(0.1)
        .note("c", Moved)
        .after(0.1)
        .note("c/x", Moved);
    assert_eq!(desk.delivered().1, paths(&["b", "c", "c/x"]));
}

#[test]
fn what_came_and_went_never_was() {
    let mut desk = Desk::new();
    desk.notes("x", &[Made, Written, Closed, Gone]);
    assert!(desk.is_idle());
    // It was there: this is a removal.
    desk.notes("x", &[Gone, Made, Closed, Gone]);
    assert_eq!(desk.delivered().1, paths(&["x"]));
}

#[test]
fn a_writer_that_never_closes_is_told_of_in_its_pauses_and_in_the_end() {
    let mut desk = Desk::new();
    desk.note("log", Written);
    assert_eq!(desk.delivered(), (PAUSE.as_millis(), paths(&["log"])));
    desk.after(1000.0);
    let from = desk.now;
    let told = loop {
        desk.note("log", Written);
        if let Next::Deliver(_) = desk.next() {
            break desk.now;
        }
        desk.after(10.0);
        assert!(desk.now < from + 2 * WRITING_MOST, "never told");
    };
    assert!(told >= from + WRITING_MOST);
}

#[test]
fn one_that_is_written_does_not_hold_up_another() {
    let mut desk = Desk::new();
    desk.note("large", Written).notes("a", &[Written, Closed]);
    assert_eq!(desk.delivered(), (0, paths(&["a"])));
    desk.after(30.0).note("large", Closed);
    assert_eq!(desk.delivered().1, paths(&["large"]));
}

#[test]
fn a_storm_is_told_at_once_and_then_in_one_piece() {
    let mut desk = Desk::new();
    let mut batches = Vec::new();
    for number in 0..1000 {
        desk.note(&format!("{number:04}"), Closed);
        if let Next::Deliver(Batch::Paths(paths)) = desk.next() {
            batches.push(paths.len());
        }
        desk.after(0.2);
    }
    let (_, last) = desk.delivered();
    assert_eq!((batches, last.len()), (vec![1], 999));
}

#[test]
fn a_storm_without_an_end_is_told_in_pieces() {
    let mut desk = Desk::new();
    let mut batches = 0;
    for number in 0..1000 {
        desk.note(&format!("{number}"), Closed);
        batches += u32::from(matches!(desk.next(), Next::Deliver(_)));
        desk.after(5.0);
    }
    let expected = 5000 / u32::try_from(STORM_MOST.as_millis()).unwrap();
    assert!(
        (expected - 2..=expected + 1).contains(&batches),
        "{batches}"
    );
}

#[test]
fn the_second_save_is_at_once_again_when_the_first_is_over() {
    let mut desk = Desk::new();
    assert_eq!(desk.note("a", Closed).delivered().0, 0);
    desk.after(10.0);
    assert_eq!(desk.note("b", Closed).delivered().0, QUIET.as_millis());
    desk.after(60.0);
    assert_eq!(desk.note("a", Closed).delivered().0, 0);
}

#[test]
fn what_is_held_comes_in_one_piece_when_it_is_let_go() {
    let mut desk = Desk::new();
    let step = Duration::from_millis(5);
    for number in 0..100 {
        desk.note(&format!("{number}"), Closed);
        let until = desk.now + step;
        let next = desk.gather.next(desk.now, |_| Some(until));
        assert!(matches!(next, Next::Wait(Some(_))), "{next:?}");
        desk.after(15.0);
    }
    assert_eq!(desk.delivered().1.len(), 100);
}

#[test]
fn what_was_lost_is_told_once_and_for_all() {
    let mut desk = Desk::new();
    desk.note("a", Closed);
    desk.gather.lose(desk.now);
    assert_eq!(desk.next(), Next::Deliver(Batch::Rescan));
    assert!(desk.is_idle());
}

#[test]
fn what_hardly_matters_comes_along_or_late_and_makes_no_storm() {
    let mut desk = Desk::new();
    let mut alone = 0;
    for _ in 0..100 {
        desk.gather.note_minor(Path::new("server.log"), desk.now);
        alone += u32::from(matches!(desk.next(), Next::Deliver(_)));
        desk.after(10.0);
    }
    assert!((1..=2).contains(&alone), "{alone}");
    desk.gather.note_minor(Path::new("server.log"), desk.now);
    assert_eq!(
        desk.note("a", Closed).delivered(),
        (0, paths(&["a", "server.log"]))
    );
    assert!(desk.is_idle());
}

#[test]
fn what_is_found_in_a_new_directory_may_still_be_written() {
    let mut desk = Desk::new();
    desk.note("d", Found).note("d/f", Found).note("d/g", Found);
    desk.after(1.0).note("d/f", Written);
    let (took, told) = desk.delivered();
    assert_eq!((took, told), (2, paths(&["d", "d/g"])));
    desk.after(60.0).note("d/f", Closed);
    assert_eq!(desk.delivered().1, paths(&["d/f"]));
}
