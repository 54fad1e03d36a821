//! Random edits of random projects against a model that computes, in Rust, what a clean build gives and what each command
//! depends on. After every run the outputs are compared byte for byte, and nothing may have run whose fingerprint was seen
//! before.
//!
//! `GOMAKE_MODEL_CASES` sets the number of projects, `GOMAKE_MODEL_STEPS` the steps in each; `GOMAKE_MODEL_SEED` repeats
//! the one story that a failure names.

mod clean;
pub mod faults;
mod random;
mod steps;
mod story;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use steps::Teller;

const CASES: u64 = 20;
const STEPS: u64 = 12;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number"))
    })
}

fn tell(seed: u64) {
    let mut teller = Teller::new(seed);
    let story = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..number("GOMAKE_MODEL_STEPS", STEPS) {
            teller.step();
        }
    }));
    if let Err(panic) = story {
        eprintln!(
            "the story of GOMAKE_MODEL_SEED={seed} failed:\n{}",
            teller.story.diary.join("\n")
        );
        std::panic::resume_unwind(panic);
    }
}

/// A quarter of the stories, so that the test runner can spread them over threads.
fn quarter(which: u64) {
    match std::env::var("GOMAKE_MODEL_SEED") {
        Ok(_) if which > 0 => {}
        Ok(_) => tell(number("GOMAKE_MODEL_SEED", 0)),
        Err(_) => (0..number("GOMAKE_MODEL_CASES", CASES))
            .filter(|seed| seed % 4 == which)
            .for_each(tell),
    }
}

#[test]
fn random_edits_give_what_a_clean_build_gives_1() {
    quarter(0);
}
#[test]
fn random_edits_give_what_a_clean_build_gives_2() {
    quarter(1);
}
#[test]
fn random_edits_give_what_a_clean_build_gives_3() {
    quarter(2);
}
#[test]
fn random_edits_give_what_a_clean_build_gives_4() {
    quarter(3);
}
