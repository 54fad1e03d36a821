//! Single keys from a terminal, for watch mode. Knows nothing of what they lead to.

/// What a person asks for while watching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// r
    Rerun,
    /// a
    All,
    /// w
    Why,
    /// q, or the end of the input
    Quit,
    /// Enter
    Clear,
    /// h, ?
    Help,
}

/// Takes keys one by one, without waiting for Enter, until it is dropped; then the terminal is as it was. Ctrl-C stays a signal.
pub struct Keys {}

impl Keys {
    /// None where standard input is no terminal, or we are in its background. `on_key` is called on a thread of its own.
    ///
    /// # Errors
    /// When the terminal cannot be set up.
    pub fn start(_on_key: impl Fn(Key) + Send + 'static) -> std::io::Result<Option<Self>> {
        todo!("keys")
    }

    /// While the guard lives, the terminal is as it was before: an interactive command has it.
    pub fn pause(&self) {
        todo!("keys")
    }

    pub fn resume(&self) {
        todo!("keys")
    }
}
