//! Events to what the user sees. Standard output gets what commands print and nothing else, so that it can be piped on;
//! what gomake itself has to say goes to standard error. Knows nothing of how events come about.

mod block;
mod cases;
pub mod ci;
mod consumer;
pub mod diagnostic;
mod estimate;
pub mod events;
mod failures;
mod image;
pub mod junit;
mod live;
mod output;
mod palette;
mod profile;
mod region;
mod reporter;
mod service;
mod sink;
pub mod size;
mod start;
mod story;
mod tame;
pub mod text;
pub mod time;
pub mod trace;
mod watch;

pub use consumer::{Consumer, Fanout, Mistake};
pub use palette::{Palette, Tone};
pub use profile::Profile;
pub use reporter::Reporter;
pub use sink::{Sink, Sinks};
pub use start::Start;

/// How a run is shown; decided once, from the flags and the environment.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub layout: Layout,
    /// Redraw a line for each running target; needs a terminal.
    pub live: bool,
    pub verbosity: Verbosity,
    pub palette: Palette,
    /// Take what moves the cursor out of what commands print, and keep the colours. For commands that were given a
    /// terminal, and for a screen that others would disturb.
    pub tame: bool,
    pub screen: ScreenSize,
}

/// Columns and rows of the terminal, at the moment it is asked; None where that cannot be known.
pub type ScreenSize = fn() -> Option<(u16, u16)>;

/// When a command's output is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As `Grouped`, but a task that starts while nothing else runs is shown as it goes.
    Auto,
    /// Whole, when the target has finished.
    Grouped,
    /// Line by line as it comes, each after its target's name.
    Stream,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}
