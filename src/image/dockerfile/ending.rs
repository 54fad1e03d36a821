//! What a Dockerfile's last stage comes to, where it only copies files of other stages and sets up the image: such an image needs no
//! engine to be built. A stage that runs anything, or copies from the context, is none.

use crate::image::dockerfile::expand::{Variable, expand};
use crate::image::dockerfile::lines::{self, Instruction};
use crate::image::dockerfile::scope::Scope;
use crate::image::dockerfile::words::{self, Older};
use std::collections::BTreeMap;

/// The last stage. Texts are expanded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ending {
    /// `scratch`, or an image of somebody else's.
    pub base: String,
    pub copies: Vec<Copied>,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    /// As written: `8080`, `53/udp`.
    pub ports: Vec<String>,
    pub env: Vec<(String, String)>,
    pub labels: Vec<(String, String)>,
    pub user: Option<String>,
    /// Absolute.
    pub workdir: Option<String>,
}

/// `COPY --from=build SOURCE DESTINATION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    pub source: String,
    /// As written, and so relative to the working directory at that line, or absolute.
    pub destination: String,
    /// At that line; `/` where nothing was said.
    pub workdir: String,
    /// Out of a stage of this file; else out of an image of somebody else's.
    pub is_of_stage: bool,
    /// Out of a stage that is based on an image of Go, or builds with Go.
    pub is_of_go: bool,
}

/// None: there is more in it than is said here, or something in it is not known.
pub fn ending(text: &str) -> Option<Ending> {
    let file = lines::read(text).ok()?;
    if file
        .syntax
        .is_some_and(|image| !super::speaks_dockerfile(&image))
    {
        return None;
    }
    let is_from = |line: &lines::Line| line.instruction.name == "FROM";
    let last = file.lines.iter().rposition(is_from)?;
    let mut global = Scope::global();
    let mut above: Vec<Above> = Vec::new();
    for Instruction { name, rest, .. } in file.lines[..last].iter().map(|line| &line.instruction) {
        match (name.as_str(), above.last_mut()) {
            ("ARG", None) => global.set_args(rest, file.escape, &BTreeMap::new(), None),
            ("FROM", _) => {
                let stage = Above::start(rest, &global, file.escape, &above)?;
                above.push(stage);
            }
            ("RUN", Some(stage)) => stage.has_go |= builds_with_go(rest),
            _ => {}
        }
    }
    let from = &file.lines[last].instruction;
    let base = from.rest.split_whitespace().next()?;
    let base = global.expand(base, file.escape)?;
    let is_stage = above.iter().any(|stage| stage.is_named(&base));
    let is_plain = from.flags.is_empty() && !base.is_empty() && !is_stage;
    let mut stage = Stage {
        escape: file.escape,
        above,
        ending: Ending {
            base,
            ..Ending::default()
        },
    };
    for line in &file.lines[last + 1..] {
        stage.take(&line.instruction)?;
    }
    is_plain.then_some(stage.ending)
}

/// A stage above the last one, as far as it counts where it is copied from.
struct Above {
    /// Lower case.
    name: Option<String>,
    has_go: bool,
}

impl Above {
    /// `image` or `image AS name`.
    fn start(rest: &str, global: &Scope, escape: char, above: &[Above]) -> Option<Self> {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let (base, name) = match words[..] {
            [base] => (base, None),
            [base, _, name] => (base, Some(name.to_lowercase())),
            _ => return None,
        };
        let base = global.expand(base, escape);
        let has_go = base.is_some_and(|base| {
            let below = above.iter().rev().find(|stage| stage.is_named(&base));
            below.map_or_else(
                || base.to_lowercase().contains("golang"),
                |stage| stage.has_go,
            )
        });
        Some(Self { name, has_go })
    }

    fn is_named(&self, name: &str) -> bool {
        self.name.as_deref() == Some(&*name.to_lowercase())
    }
}

/// Whether a command has `go build` or `go install` in it, in a shell's form or as a list.
fn builds_with_go(command: &str) -> bool {
    let is_between = |c: char| c.is_whitespace() || ";&|()[]\"',".contains(c);
    let words: Vec<&str> = command
        .split(is_between)
        .filter(|word| !word.is_empty())
        .collect();
    words.windows(2).any(|pair| {
        let is_go = pair[0] == "go" || pair[0].ends_with("/go");
        is_go && matches!(pair[1], "build" | "install")
    })
}

struct Stage {
    escape: char,
    above: Vec<Above>,
    ending: Ending,
}

impl Stage {
    fn take(&mut self, instruction: &Instruction) -> Option<()> {
        let Instruction { name, flags, rest } = instruction;
        if name != "COPY" && !flags.is_empty() {
            return None;
        }
        let ending = &mut self.ending;
        match name.as_str() {
            "COPY" => return self.copy(flags, rest),
            "ENTRYPOINT" => ending.entrypoint = words::json(rest)?,
            "CMD" => ending.cmd = words::json(rest)?,
            "EXPOSE" => {
                let ports = rest.split_whitespace().map(|word| self.expanded(word));
                let ports = ports.collect::<Option<Vec<String>>>()?;
                self.ending.ports.extend(ports);
            }
            "ENV" => {
                let more = self.assigned(rest, Older::Taken)?;
                self.ending.env.extend(more);
            }
            "LABEL" => {
                let more = self.assigned(rest, Older::Taken)?;
                self.ending.labels.extend(more);
            }
            "USER" => self.ending.user = Some(self.expanded(rest)?),
            "WORKDIR" => {
                let dir = self.expanded(rest)?;
                self.ending.workdir = Some(dir).filter(|dir| dir.starts_with('/'));
                self.ending.workdir.as_ref()?;
            }
            "MAINTAINER" => {}
            _ => return None,
        }
        Some(())
    }

    fn copy(&mut self, flags: &[String], rest: &str) -> Option<()> {
        let mut source_stage = None;
        for flag in flags {
            match flag.split_once('=').unwrap_or((flag, "")) {
                ("--from", from) if !from.contains('$') => source_stage = Some(from),
                ("--link", _) => {}
                _ => return None,
            }
        }
        let words = words::json(rest)
            .unwrap_or_else(|| rest.split_whitespace().map(str::to_owned).collect());
        let [source, destination] = &words[..] else {
            return None;
        };
        let stage = self.stage(source_stage?);
        let copied = Copied {
            is_of_stage: stage.is_some(),
            is_of_go: stage.is_some_and(|stage| stage.has_go),
            source: self.expanded(source)?,
            destination: self.expanded(destination)?,
            workdir: self.ending.workdir.clone().unwrap_or("/".to_owned()),
        };
        self.ending.copies.push(copied);
        Some(())
    }

    /// The stage that `--from` says, by its number or else by its name. Of two with one name builders take either.
    fn stage(&self, from: &str) -> Option<&Above> {
        if let Ok(number) = from.parse::<usize>() {
            return self.above.get(number);
        }
        let mut named = self.above.iter().filter(|stage| stage.is_named(from));
        match (named.next(), named.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }

    fn assigned(&self, rest: &str, older: Older) -> Option<Vec<(String, String)>> {
        let assignments = words::assignments(rest, self.escape, older);
        let expanded = assignments.iter().map(|(name, value)| {
            let value = value.as_deref()?;
            Some((self.expanded(name)?, self.expanded(value)?))
        });
        expanded.collect()
    }

    /// Without quotes and escapes. What a variable is, a build may decide.
    fn expanded(&self, word: &str) -> Option<String> {
        expand(word, self.escape, &|_| Variable::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: &str =
        "FROM golang:1.24 AS build\nWORKDIR /src\nCOPY . .\nRUN go build -o /out/api ./cmd/api\n\n";

    fn of(last: &str) -> Option<Ending> {
        ending(&format!("{BUILD}{last}"))
    }

    #[test]
    fn a_last_stage_that_only_copies_is_told() {
        let found = of("FROM gcr.io/distroless/static:nonroot\nLABEL a=\"b c\"\nWORKDIR /srv\n\
                        COPY --from=build --link /out/api ./api\nENV A=1 B='2 3'\nENV C 4\nEXPOSE 8080 53/udp\n\
                        USER nonroot:nonroot\nENTRYPOINT [\"/srv/api\"]\nCMD [\"-v\"]\n")
        .expect("plain");
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(found.base, "gcr.io/distroless/static:nonroot");
        assert_eq!(
            found.copies,
            [Copied {
                source: "/out/api".to_owned(),
                destination: "./api".to_owned(),
                workdir: "/srv".to_owned(),
                is_of_stage: true,
                is_of_go: true,
            }]
        );
        assert_eq!(
            found.env,
            [pair("A", "1"), pair("B", "2 3"), pair("C", "4")]
        );
        assert_eq!(found.labels, [pair("a", "b c")]);
        assert_eq!(found.ports, ["8080", "53/udp"]);
        assert_eq!(
            (found.entrypoint, found.cmd),
            (vec!["/srv/api".to_owned()], vec!["-v".to_owned()])
        );
        assert_eq!(found.user.as_deref(), Some("nonroot:nonroot"));
        assert_eq!(found.workdir.as_deref(), Some("/srv"));
    }

    #[test]
    fn a_base_may_be_an_argument() {
        let text = format!("ARG BASE=alpine:3\n{BUILD}FROM $BASE\nCOPY --from=build /out/api /\n");
        assert_eq!(ending(&text).expect("plain").base, "alpine:3");
    }

    #[test]
    fn where_a_file_comes_from_is_told() {
        let text = "ARG GO=golang:1.24\nFROM $GO AS base\nFROM base AS Build\nFROM rust AS rust\nRUN cargo build && cargo install x\n\
                    FROM alpine AS own\nRUN set -e; /usr/local/go/bin/go install ./...\nFROM alpine\nRUN [\"go\", \"build\"]\n\
                    FROM rust AS twice\nFROM $UNKNOWN AS twice\n";
        for (from, is_of_stage, is_of_go) in [
            ("base", true, true),
            ("BUILD", true, true),
            ("1", true, true),
            ("rust", true, false),
            ("own", true, true),
            ("4", true, true),
            ("6", true, false),
            // An image, a stage that is not there, the last stage itself, either of two.
            ("alpine:3", false, false),
            ("golang", false, false),
            ("7", false, false),
            ("last", false, false),
            ("twice", false, false),
        ] {
            let text = format!("{text}FROM scratch AS last\nCOPY --from={from} /o/api /api\n");
            let found = ending(&text).expect("plain");
            let copied = &found.copies[0];
            assert_eq!(
                (copied.is_of_stage, copied.is_of_go),
                (is_of_stage, is_of_go),
                "{from}"
            );
        }
    }

    #[test]
    fn whatever_else_a_stage_does_makes_it_none() {
        assert!(of("FROM scratch\nCOPY --from=0 /out/api /\n").is_some());
        for last in [
            "FROM alpine\nRUN apk add curl\n",
            "FROM alpine\nCOPY static /static\n",
            "FROM alpine\nCOPY --from=build --chown=1:1 /a /b\n",
            "FROM alpine\nCOPY --from=build /a /b /c/\n",
            "FROM alpine\nENTRYPOINT /api\n",
            "FROM alpine\nENV A=$B\n",
            "FROM alpine\nWORKDIR srv\n",
            "FROM alpine\nHEALTHCHECK NONE\n",
            "FROM build\n",
            "FROM --platform=linux/arm64 alpine\n",
            "FROM $BASE\n",
        ] {
            assert_eq!(of(last), None, "{last}");
        }
        assert_eq!(ending("# syntax=example.com/mine\nFROM scratch\n"), None);
        assert_eq!(ending("RUN x"), None);
    }
}
