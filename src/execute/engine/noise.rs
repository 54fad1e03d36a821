//! Docker's notice that its older builder is deprecated, which it gives with each build and which cannot be turned off.

const START: &[u8] = b"DEPRECATED: The legacy builder is deprecated";

/// Takes the notice out of a build's output: the line, the indented ones below it, and an empty one.
#[derive(Debug, Default)]
pub struct Noise {
    /// A line's beginning that may be the notice's.
    held: Vec<u8>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    LineStart,
    Line,
    /// In a line of the notice.
    Notice,
    /// At the start of a line below the notice.
    Below,
}

impl Noise {
    /// Appends to `out` what is to be shown of a chunk.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        for &byte in chunk {
            match self.state {
                State::LineStart => self.at_start(byte, out),
                State::Line => {
                    out.push(byte);
                    if byte == b'\n' {
                        self.state = State::LineStart;
                    }
                }
                State::Notice if byte == b'\n' => self.state = State::Below,
                State::Notice => {}
                State::Below => match byte {
                    b' ' => self.state = State::Notice,
                    b'\n' => self.state = State::LineStart,
                    _ => {
                        self.state = State::LineStart;
                        self.at_start(byte, out);
                    }
                },
            }
        }
    }
    /// Appends what was held back.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
    }
    fn at_start(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.held.push(byte);
        if self.held == START {
            self.held.clear();
            self.state = State::Notice;
        } else if !START.starts_with(&self.held) {
            out.append(&mut self.held);
            self.state = if byte == b'\n' {
                State::LineStart
            } else {
                State::Line
            };
        }
    }
}
