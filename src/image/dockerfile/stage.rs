//! The stages of a Dockerfile: what each reads of the context, and which of the others it needs.

use crate::image::dockerfile::lines::{Instruction, Line};
use crate::image::dockerfile::scope::{Env, Scope};
use crate::image::dockerfile::{DockerfileError, Reads, words};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// More than any file has; it bounds the work on one that was made to be slow.
const MOST_STAGES: usize = 1000;

pub(super) struct Stage {
    /// Lower case.
    pub(super) name: Option<String>,
    needs: BTreeSet<Need>,
    sources: BTreeSet<String>,
    env: Rc<Env>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// FROM: a stage above of this name, or an image.
    Base(String),
    /// `--from`: a stage's name or number, or an image.
    From(String),
    /// Its name has a variable that nothing resolves.
    Unknown,
}

pub(super) fn read(
    lines: &[Line],
    escape: char,
    args: &BTreeMap<String, String>,
) -> Result<Vec<Stage>, DockerfileError> {
    let mut global = Scope::global();
    let mut stages = Vec::new();
    let mut open: Option<Open> = None;
    for line in lines {
        let Instruction { name, rest, .. } = &line.instruction;
        let wrong = |reason: String| DockerfileError::new(line.number, reason);
        match (name.as_str(), &mut open) {
            ("FROM", _) => {
                stages.extend(open.take().map(Open::finish));
                if stages.len() == MOST_STAGES {
                    return Err(wrong(format!("there are more than {MOST_STAGES} stages")));
                }
                open = Some(Open::start(rest, &global, escape, &stages).map_err(wrong)?);
            }
            ("ARG", None) => global.set_args(rest, escape, args, None),
            (name, None) => return Err(wrong(format!("`{name}` stands above the first FROM"))),
            ("ARG", Some(open)) => open.scope.set_args(rest, escape, args, Some(&global)),
            ("ENV", Some(open)) => open.scope.set_env(rest, escape),
            ("ONBUILD", Some(open)) => open.trigger(&Instruction::parse(rest)),
            (_, Some(open)) => open.step(&line.instruction, Moment::Now),
        }
    }
    stages.extend(open.map(Open::finish));
    Ok(stages)
}

/// When an instruction takes effect, and so what its variables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Now,
    /// In a stage or an image on top of this one.
    Later,
}

/// A stage while its lines are read.
struct Open {
    name: Option<String>,
    needs: BTreeSet<Need>,
    sources: BTreeSet<String>,
    scope: Scope,
    escape: char,
}

impl Open {
    /// `image` or `image AS name`.
    fn start(rest: &str, global: &Scope, escape: char, above: &[Stage]) -> Result<Self, String> {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let (base, name) = match words[..] {
            [base] => (base, None),
            [base, word, name] if word.eq_ignore_ascii_case("as") => {
                (base, Some(name.to_lowercase()))
            }
            _ => return Err("FROM takes an image, or an image and `AS` and a name".to_owned()),
        };
        let need = global
            .expand(base, escape)
            .map_or(Need::Unknown, Need::Base);
        let below = match &need {
            Need::Base(base) => above.iter().rev().find(|stage| stage.is_named(base)),
            _ => None,
        };
        Ok(Self {
            name,
            needs: BTreeSet::from([need]),
            sources: BTreeSet::new(),
            scope: Scope::of_stage(below.map(|stage| Rc::clone(&stage.env))),
            escape,
        })
    }
    fn finish(self) -> Stage {
        Stage {
            name: self.name,
            needs: self.needs,
            sources: self.sources,
            env: self.scope.finish(),
        }
    }
    /// What ONBUILD holds. A builder that is asked for a stage on top of this one reads its sources then.
    fn trigger(&mut self, instruction: &Instruction) {
        match instruction.name.as_str() {
            "ENV" | "ARG" => self.scope.set_trigger(&instruction.rest, self.escape),
            _ => self.step(instruction, Moment::Later),
        }
    }
    fn step(&mut self, instruction: &Instruction, moment: Moment) {
        match instruction.name.as_str() {
            "COPY" => self.copy(instruction, moment, Remote::NoSuch),
            "ADD" => self.copy(instruction, moment, Remote::Fetched),
            "RUN" => self.mounts(instruction, moment),
            _ => {}
        }
    }

    fn copy(&mut self, instruction: &Instruction, moment: Moment, remote: Remote) {
        let flags = &instruction.flags;
        if let Some(from) = flags.iter().find_map(|flag| flag.strip_prefix("--from=")) {
            self.need(from);
            return;
        }
        let is_parents = |flag: &String| {
            flag == "--parents"
                || flag
                    .strip_prefix("--parents=")
                    .is_some_and(|on| on != "false")
        };
        let parents = flags.iter().any(is_parents);
        let words = words::json(&instruction.rest).unwrap_or_else(|| {
            let words = instruction.rest.split_whitespace();
            words.map(str::to_owned).collect()
        });
        let Some((_destination, sources)) = words.split_last() else {
            return;
        };
        for source in sources {
            if words::document(source).is_some() {
                continue;
            }
            let text = self.expand(source, moment);
            if remote == Remote::Fetched && text.as_deref().is_some_and(is_remote) {
                continue;
            }
            let pattern = text.map_or_else(|| ".".to_owned(), |text| below_context(&text));
            self.sources.insert(if parents {
                above_deep(&pattern).to_owned()
            } else {
                pattern
            });
        }
    }
    fn mounts(&mut self, instruction: &Instruction, moment: Moment) {
        for flag in &instruction.flags {
            if let Some(mount) = flag.strip_prefix("--mount=") {
                self.mount(mount, moment);
            }
        }
    }
    /// `type=bind,source=a,target=/b` (Dockerfile reference, "RUN --mount").
    fn mount(&mut self, mount: &str, moment: Moment) {
        let (mut kind, mut source, mut from) = ("bind", None, None);
        for field in mount.split(',') {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "type" => kind = value,
                "source" | "src" => source = Some(value),
                "from" => from = Some(value),
                _ => {}
            }
        }
        if mount.contains('"') {
            // A field with a comma in it (CSV), too rare to be read.
            self.needs.insert(Need::Unknown);
            self.sources.insert(".".to_owned());
        }
        match (from, source) {
            _ if matches!(kind, "tmpfs" | "secret" | "ssh") => {}
            (Some(from), _) => self.need(from),
            (None, _) if kind == "cache" => {}
            (None, source) => {
                let text = self.expand(source.unwrap_or("."), moment);
                let path =
                    text.map_or_else(|| ".".to_owned(), |text| literal(&below_context(&text)));
                self.sources.insert(path);
            }
        }
    }
    fn need(&mut self, from: &str) {
        // Builders differ in whether they expand it.
        let need = if from.contains('$') {
            Need::Unknown
        } else {
            Need::From(from.to_owned())
        };
        self.needs.insert(need);
    }
    fn expand(&self, word: &str, moment: Moment) -> Option<String> {
        match moment {
            Moment::Now => self.scope.expand(word, self.escape),
            Moment::Later => Scope::of_stage(None).expand(word, self.escape),
        }
    }
}

/// Whether a source may be an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remote {
    Fetched,
    NoSuch,
}

/// Addresses that ADD fetches (Dockerfile reference, "ADD", "Source").
fn is_remote(source: &str) -> bool {
    let schemes = ["http://", "https://", "git://", "ssh://", "git@"];
    schemes.iter().any(|scheme| source.starts_with(scheme))
}

/// A source below the context: `.` and `..` resolved as far as the context's root, no leading `/`.
fn below_context(source: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

/// With `--parents`, `**` is any number of directories: what stands above it, then.
fn above_deep(pattern: &str) -> &str {
    let parts = pattern.split('/');
    let fixed: usize = parts
        .take_while(|part| !part.contains("**"))
        .map(|part| part.len() + 1)
        .sum();
    match pattern.get(..fixed.saturating_sub(1)) {
        None => pattern,
        Some("") => ".",
        Some(above) => above,
    }
}

/// A path as a pattern that matches it alone.
fn literal(path: &str) -> String {
    let mut pattern = String::new();
    for c in path.chars() {
        if matches!(c, '*' | '?' | '[' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

impl Stage {
    fn is_named(&self, name: &str) -> bool {
        let own = self.name.as_deref();
        own.is_some_and(|own| own == name.to_lowercase())
    }
}

/// The stage that a target names: the last of that name, or by number.
pub(super) fn named(stages: &[Stage], name: &str) -> Option<usize> {
    let by_name = stages.iter().rposition(|stage| stage.is_named(name));
    by_name.or_else(|| name.parse().ok().filter(|number| *number < stages.len()))
}

/// What a stage reads, with all that it needs.
pub(super) fn reached(stages: &[Stage], target: usize) -> Reads {
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, stage) in stages.iter().enumerate() {
        if let Some(name) = &stage.name {
            by_name.entry(name).or_default().push(at);
        }
    }
    let mut seen = BTreeSet::from([target]);
    let mut waiting = vec![target];
    let (mut sources, mut images) = (BTreeSet::new(), BTreeSet::new());
    while let Some(at) = waiting.pop() {
        sources.extend(stages[at].sources.iter().cloned());
        for need in &stages[at].needs {
            let of_name = |name: &str| match by_name.get(name.to_lowercase().as_str()) {
                Some(stages) => stages.clone(),
                None => Vec::new(),
            };
            let needed: Vec<usize> = match need {
                Need::Unknown => (0..stages.len()).collect(),
                Need::Base(name) => of_name(name).into_iter().filter(|n| *n < at).collect(),
                Need::From(name) => match name.parse::<usize>() {
                    Ok(number) => (number < stages.len())
                        .then_some(number)
                        .into_iter()
                        .collect(),
                    Err(_) => of_name(name),
                },
            };
            if let (Need::Base(name) | Need::From(name), true) = (need, needed.is_empty())
                && name != "scratch"
                && !name.is_empty()
            {
                images.insert(name.clone());
            }
            waiting.extend(needed.into_iter().filter(|needed| seen.insert(*needed)));
        }
    }
    if sources.contains(".") {
        sources = BTreeSet::from([".".to_owned()]);
    }
    Reads {
        sources: sources.into_iter().collect(),
        images: images.into_iter().collect(),
    }
}
