//! The places that tools name in their output: compilers, linters, test runners, stack traces. A line counts when it has one
//! of their forms; whether there is such a file, is for others to say.

/// What a tool complains about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    /// The first of them that is a file of the project is meant: of a stack, the innermost comes first.
    pub places: Vec<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub path: String,
    /// From 1.
    pub line: usize,
    /// From 1; 0 where it is not said.
    pub column: usize,
}

/// Frames of a stack that are kept.
const FRAMES: usize = 50;
/// A longer line is data.
const LONGEST_LINE: usize = 4096;

/// The errors in an output, in its order; warnings and notes are left out.
pub fn problems(text: &str) -> Vec<Problem> {
    let mut reading = Reading::default();
    for line in text.lines().filter(|line| line.len() <= LONGEST_LINE) {
        reading.take(line.trim_end());
    }
    reading.end_stack();
    reading.found
}

#[derive(Default)]
struct Reading {
    found: Vec<Problem>,
    /// rustc says what is wrong first, and then where.
    rust: Option<Rust>,
    /// Python's frames, the outermost first.
    frames: Vec<Place>,
    /// A line that may head a JavaScript stack, and the frames below it.
    error: Option<String>,
    stack: Vec<Place>,
}

enum Rust {
    Error(String),
    /// A warning's or a note's place is passed over.
    Other,
    /// The message follows a panic's place.
    Panic(Place),
}

impl Reading {
    fn take(&mut self, line: &str) {
        let bare = line.trim_start();
        if self.rust(line, bare) || self.python(line, bare) || self.javascript(bare) {
            return;
        }
        self.end_stack();
        if let Some((place, message)) = typescript(bare).or_else(|| plain(bare)) {
            self.found.push(Problem {
                message,
                places: vec![place],
            });
        }
    }

    /// `error[E0308]: mismatched types`, then `  --> src/main.rs:2:5`; and `thread 'x' panicked at src/lib.rs:7:9:`.
    fn rust(&mut self, line: &str, bare: &str) -> bool {
        if let Some(Rust::Panic(place)) = self.rust.take_if(|rust| matches!(rust, Rust::Panic(_))) {
            self.found.push(Problem {
                message: bare.to_owned(),
                places: vec![place],
            });
            return true;
        }
        if let Some((_, at)) = bare.split_once(" panicked at ")
            && bare.starts_with("thread '")
        {
            let place = at.trim_end_matches(':');
            if let Some((place, "")) = placed(place) {
                self.rust = Some(Rust::Panic(place));
            }
            return true;
        }
        if let Some(at) = bare.strip_prefix("--> ") {
            if let (Some(Rust::Error(message)), Some((place, _))) = (self.rust.take(), placed(at)) {
                self.found.push(Problem {
                    message,
                    places: vec![place],
                });
            }
            return true;
        }
        let head = ["error", "warning", "note", "help"]
            .into_iter()
            .find_map(|word| Some((word, line.strip_prefix(word)?)));
        let Some((word, rest)) = head else {
            return false;
        };
        let message = match rest
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "))
        {
            Some((_, message)) => message,
            None => match rest.strip_prefix(": ") {
                Some(message) => message,
                None => return false,
            },
        };
        self.rust = Some(match word {
            "error" => Rust::Error(message.to_owned()),
            _ => Rust::Other,
        });
        true
    }

    /// `  File "x.py", line 12, in f`, and at the end of the stack `TypeError: …`.
    fn python(&mut self, line: &str, bare: &str) -> bool {
        let frame = || {
            let (path, rest) = bare.strip_prefix("File \"")?.split_once("\", line ")?;
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            Some(Place {
                path: path.to_owned(),
                line: digits.parse().ok()?,
                column: 0,
            })
        };
        if let Some(place) = frame() {
            if self.frames.len() < FRAMES {
                self.frames.push(place);
            }
            return true;
        }
        if self.frames.is_empty() {
            return false;
        }
        // The source text of a frame is indented.
        if line.starts_with([' ', '\t']) || line.is_empty() {
            return true;
        }
        let frames = std::mem::take(&mut self.frames);
        let name = line.split([':', ' ']).next().unwrap_or_default();
        let is_error = name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '_'));
        if is_error {
            self.found.push(Problem {
                message: line.to_owned(),
                places: frames.into_iter().rev().collect(),
            });
        }
        is_error
    }

    /// `TypeError: …`, then `    at f (/p/a.js:12:5)`.
    fn javascript(&mut self, bare: &str) -> bool {
        if let Some(frame) = bare.strip_prefix("at ") {
            let inner = frame
                .rsplit_once('(')
                .map_or(frame, |(_, inner)| inner.trim_end_matches(')'));
            let ours = !inner.contains("node_modules/") && !inner.starts_with("node:");
            if let Some((place, "")) = placed(inner).filter(|_| ours && self.stack.len() < FRAMES) {
                self.stack.push(place);
            }
            return true;
        }
        if bare.contains("Error: ") || bare.starts_with("Error: ") {
            self.end_stack();
            self.error = Some(bare.to_owned());
        }
        false
    }

    fn end_stack(&mut self) {
        if self.stack.is_empty() {
            return;
        }
        let places = std::mem::take(&mut self.stack);
        if let Some(message) = self.error.take() {
            self.found.push(Problem { message, places });
        }
    }
}

/// `src/a.ts(12,5): error TS2322: …`
fn typescript(line: &str) -> Option<(Place, String)> {
    let (path, rest) = line.split_once('(')?;
    let (numbers, rest) = rest.split_once("): error ")?;
    let (row, column) = numbers.split_once(',')?;
    let place = Place {
        path: path_of(path)?,
        line: row.parse().ok()?,
        column: column.parse().ok()?,
    };
    Some((place, rest.to_owned()))
}

/// `path:12:5: error: …` and its kin: gcc, clang, go build, go vet, go test, pytest, javac, shellcheck, eslint, tsc.
fn plain(line: &str) -> Option<(Place, String)> {
    let line = line.strip_prefix("vet: ").unwrap_or(line);
    let (place, rest) = placed(line)?;
    let rest = rest.strip_prefix(':').or_else(|| rest.strip_prefix(" - "));
    let message = rest?.trim();
    let passed_over = ["warning:", "note:", "remark:", "info:", "help:", "style:"];
    if message.is_empty()
        || passed_over.iter().any(|word| message.starts_with(word))
        || message.starts_with("warning ")
        || message.contains("[Warning/")
    {
        return None;
    }
    let message = ["fatal error:", "error:", "error "]
        .iter()
        .find_map(|word| message.strip_prefix(word))
        .unwrap_or(message);
    Some((place, message.trim().to_owned()))
}

/// The place that a line begins with, and what follows it.
fn placed(line: &str) -> Option<(Place, &str)> {
    let mut from = 0;
    // A Windows drive or a URL has a colon before that of the line.
    loop {
        let colon = from + line.get(from..)?.find(':')?;
        let after = &line[colon + 1..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            from = colon + 1;
            continue;
        }
        let row: usize = after[..digits].parse().ok().filter(|&row| row > 0)?;
        let rest = &after[digits..];
        let column = rest.strip_prefix(':').and_then(|rest| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            Some((rest[..digits].parse().ok()?, &rest[digits..]))
        });
        let (column, rest) = column.unwrap_or((0, rest));
        let place = Place {
            path: path_of(&line[..colon])?,
            line: row,
            column,
        };
        return Some((place, rest));
    }
}

/// A text that may be the path of a source file.
fn path_of(text: &str) -> Option<String> {
    let path = text.trim();
    let is_one =
        !path.is_empty() && path.len() < 1024 && !path.ends_with('/') && !path.contains(": ");
    is_one.then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write;

    fn told(text: &str) -> String {
        let mut out = String::new();
        for problem in problems(text) {
            let places = problem.places.iter();
            let places = places.map(|at| format!("{}:{}:{}", at.path, at.line, at.column));
            let _ = writeln!(
                out,
                "{} | {}",
                places.collect::<Vec<_>>().join(" "),
                problem.message
            );
        }
        out
    }

    #[test]
    fn compilers() {
        insta::assert_snapshot!(told(
            "In file included from src/a.c:1:\n\
             src/a.c: In function 'main':\n\
             src/a.c:3:10: error: 'x' undeclared (first use in this function)\n\
             src/a.c:3:10: note: each undeclared identifier is reported only once\n\
             src/a.c:4:1: warning: unused variable 'y' [-Wunused-variable]\n\
             src/b.h:9:10: fatal error: nope.h: No such file or directory\n\
             make: *** [Makefile:12: all] Error 1\n\
             # example.com/m\n\
             ./main.go:12:2: undefined: foo\n\
             vet: ./x.go:3:1: expected declaration\n\
             src/a.ts(12,5): error TS2322: Type 'string' is not assignable.\n\
             src/b.ts:7:3 - error TS2304: Cannot find name 'q'.\n\
             Main.java:12: error: ';' expected\n\
             /p/src/file.js:5:9: 'x' is not defined. [Error/no-undef]\n\
             /p/src/file.js:6:9: Unexpected console. [Warning/no-console]\n\
             run.sh:4:6: warning: Double quote to prevent globbing. [SC2086]\n\
             run.sh:5:1: error: Couldn't parse this. [SC1073]\n"
        ), @r"
        src/a.c:3:10 | 'x' undeclared (first use in this function)
        src/b.h:9:10 | nope.h: No such file or directory
        ./main.go:12:2 | undefined: foo
        ./x.go:3:1 | expected declaration
        src/a.ts:12:5 | TS2322: Type 'string' is not assignable.
        src/b.ts:7:3 | TS2304: Cannot find name 'q'.
        Main.java:12:0 | ';' expected
        /p/src/file.js:5:9 | 'x' is not defined. [Error/no-undef]
        run.sh:5:1 | Couldn't parse this. [SC1073]
        ");
    }

    #[test]
    fn rust_says_where_after_what() {
        insta::assert_snapshot!(told(
            "warning: unused import: `std::io`\n --> src/lib.rs:1:5\n  |\n\
             error[E0308]: mismatched types\n  --> src/main.rs:2:18\n   |\n2 |     let x: u32 = \"\";\n\
             error: could not compile `x` (bin \"x\") due to 1 previous error\n\
             thread 'tests::bad' (123) panicked at src/lib.rs:7:9:\nassertion `left == right` failed\n"
        ), @r"
        src/main.rs:2:18 | mismatched types
        src/lib.rs:7:9 | assertion `left == right` failed
        ");
    }

    #[test]
    fn stacks_are_told_from_the_inside() {
        insta::assert_snapshot!(told(
            "Traceback (most recent call last):\n  File \"/p/a.py\", line 3, in <module>\n    f()\n    ~^^\n\
             \x20 File \"/usr/lib/python3/json.py\", line 9, in f\n    raise\njson.decoder.JSONDecodeError: no\n\
             \x20 File \"b.py\", line 4\n    def (\n        ^\nSyntaxError: invalid syntax\n\
             tests/test_x.py:9: AssertionError\n\
             TypeError: x is not a function\n    at f (/p/node_modules/q/i.js:1:2)\n    at g (/p/a.js:12:5)\n\
             \x20   at node:internal/main:1:2\n    at file:///p/b.mjs:3:1\nok\n\
             --- FAIL: TestX (0.00s)\n    x_test.go:12: got 1\n"
        ), @r"
        /usr/lib/python3/json.py:9:0 /p/a.py:3:0 | json.decoder.JSONDecodeError: no
        b.py:4:0 | SyntaxError: invalid syntax
        tests/test_x.py:9:0 | AssertionError
        /p/a.js:12:5 file:///p/b.mjs:3:1 | TypeError: x is not a function
        x_test.go:12:0 | got 1
        ");
    }

    #[test]
    fn what_only_looks_like_a_place_is_none() {
        assert_eq!(
            told("listening on :8080\n12:30:01 started\na:0: no\n:1: x\n"),
            ""
        );
        assert_eq!(told("error: something\nerror\n--> x\n  at nowhere\n"), "");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(vec![
            "a.c", ":", "1", "é", " ", "(", ")", ",", "error", "[", "]", ": ", "--> ", "File \"", "\", line ", "at ", "\n", "thread '",
            " panicked at ", "Error: ", " - ", "99999999999999999999999",
        ]), 0..40)) {
            problems(&pieces.concat());
        }
    }
}
