//! Globs over project paths: `*`, `?`, `[…]`, `{a,b}` within a component, `**` across components.
//!
//! A component of a path that starts with a dot matches only a component of the pattern that starts with one, as in a
//! shell; `**` neither matches nor enters it. Exclusions are not so shy: there a wildcard matches everything. `.git` and
//! `.gomake` are never matched by a walk, and symbolic links to directories are followed only where a pattern names them
//! outright. Matching is by case.

use crate::base::fs::{self, DirEntry, FileKind, FsError, FsResult};
use crate::base::path::ProjectPath;
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// Directories that no walk enters, and names that none matches.
pub const NEVER_ENTERED: [&str; 2] = [".git", ".gomake"];

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct PatternError {
    pub reason: String,
}

/// A compiled pattern. As an automaton, its state `n` means that the first `n` components are matched.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    components: Vec<Component>,
}

#[derive(Debug, Clone)]
enum Component {
    /// `**`: any number of components.
    Deep,
    /// Any of the alternatives that braces give; mostly one.
    One(Vec<Part>),
}

#[derive(Debug, Clone)]
enum Part {
    Literal(String),
    /// `prefix*suffix`, by far the most common wildcard, without a regular expression.
    Affix {
        prefix: String,
        suffix: String,
    },
    /// Everything else, with the literal text that each match starts and ends with.
    Glob {
        matcher: GlobMatcher,
        prefix: String,
        suffix: String,
    },
}

/// The states that a pattern can be in, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct States(u64);

impl States {
    fn is_dead(self) -> bool {
        self.0 == 0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    /// Names with a leading dot need a pattern with a leading dot.
    Apart,
    /// Names with a leading dot are like any other.
    Alike,
}

/// So that the states fit a word.
const MAX_COMPONENTS: usize = 60;
const MAX_ALTERNATIVES: usize = 256;

/// Whether a path is to be read as a pattern: it holds a wildcard, a brace, or a backslash that escapes one.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{', '\\'])
}

impl Pattern {
    /// Compiles a project-relative pattern. `.` and empty components are dropped.
    ///
    /// # Errors
    /// For unbalanced or overlong brackets and braces, `**` that is not a whole component, a `/` in braces, `..`, an
    /// absolute or an empty pattern.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let wrong = |reason: &str| {
            Err(PatternError {
                reason: reason.to_owned(),
            })
        };
        if text.starts_with('/') {
            return wrong("it is absolute");
        }
        let mut components = Vec::new();
        for component in split_components(text)? {
            match component {
                "" | "." => {}
                ".." => return wrong("it leaves the project"),
                // Two in a row mean what one means.
                "**" if matches!(components.last(), Some(Component::Deep)) => {}
                "**" => components.push(Component::Deep),
                other => components.push(Component::One(parts(other)?)),
            }
        }
        if let Some(Component::Deep) = components.last() {
            // Directories are not matched, so what ends in `**` means a file below.
            components.push(Component::One(vec![Part::Affix {
                prefix: String::new(),
                suffix: String::new(),
            }]));
        }
        match components.len() {
            0 => wrong("it is empty"),
            1..=MAX_COMPONENTS => Ok(Self {
                text: text.to_owned(),
                components,
            }),
            _ => wrong("it has too many components"),
        }
    }
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// Whether it matches a file's path.
    pub fn matches(&self, path: &str) -> bool {
        self.accepts(self.after(path, Hidden::Apart))
    }
    /// As [`Pattern::matches`], for an exclusion: wildcards match names with a leading dot too.
    pub fn excludes(&self, path: &str) -> bool {
        self.accepts(self.after(path, Hidden::Alike))
    }
    /// The directory that every match lies in: the leading components without wildcards, but the last.
    pub fn literal_prefix(&self) -> ProjectPath {
        let last = self.components.len() - 1;
        let names = self.components[..last]
            .iter()
            .map_while(Component::as_literal);
        let text = names.collect::<Vec<_>>().join("/");
        ProjectPath::root()
            .resolve(&text)
            .unwrap_or_else(|_| ProjectPath::root())
    }
    /// Whether it could match anything below a directory.
    pub fn may_match_within(&self, dir: &ProjectPath) -> bool {
        let states = self.after(dir.as_str(), Hidden::Apart);
        states.0 & !(1 << self.components.len()) != 0
    }
    /// Whether some path could be matched by both. May say yes where the answer is no, never the other way round.
    pub fn could_overlap(&self, other: &Self) -> bool {
        let (a, b) = (&self.components, &other.components);
        let mut reached = vec![false; (a.len() + 1) * (b.len() + 1)];
        let mut rest = vec![(0, 0)];
        while let Some((i, j)) = rest.pop() {
            if std::mem::replace(&mut reached[i * (b.len() + 1) + j], true) {
                continue;
            }
            match (a.get(i), b.get(j)) {
                (None, None) => return true,
                (Some(Component::One(x)), Some(Component::One(y))) => {
                    if x.iter().any(|x| y.iter().any(|y| x.could_overlap(y))) {
                        rest.push((i + 1, j + 1));
                    }
                }
                (x, y) => {
                    if let Some(Component::Deep) = x {
                        rest.push((i + 1, j));
                        rest.extend(y.map(|_| (i, j + 1)));
                    }
                    if let Some(Component::Deep) = y {
                        rest.push((i, j + 1));
                        rest.extend(x.map(|_| (i + 1, j)));
                    }
                }
            }
        }
        false
    }

    fn start(&self) -> States {
        self.skip_deep(1)
    }
    /// `**` may match nothing at all.
    fn skip_deep(&self, mut states: u64) -> States {
        for (at, component) in self.components.iter().enumerate() {
            if states & (1 << at) != 0 && matches!(component, Component::Deep) {
                states |= 1 << (at + 1);
            }
        }
        States(states)
    }
    fn step(&self, states: States, name: &str, hidden: Hidden) -> States {
        self.advance(states, |component| component.matches(name, hidden))
    }
    /// As a step into a symbolic link: only a component that is just this name takes it.
    fn step_named(&self, states: States, name: &str) -> States {
        self.advance(states, |component| component.as_literal() == Some(name))
    }
    fn advance(&self, states: States, takes: impl Fn(&Component) -> bool) -> States {
        let mut next = 0;
        for (at, component) in self.components.iter().enumerate() {
            if states.0 & (1 << at) != 0 && takes(component) {
                next |= if matches!(component, Component::Deep) {
                    1 << at
                } else {
                    1 << (at + 1)
                };
            }
        }
        self.skip_deep(next)
    }
    fn after(&self, path: &str, hidden: Hidden) -> States {
        let names = path.split('/').filter(|name| !name.is_empty());
        names.fold(self.start(), |states, name| {
            if states.is_dead() {
                states
            } else {
                self.step(states, name, hidden)
            }
        })
    }
    fn accepts(&self, states: States) -> bool {
        states.0 & (1 << self.components.len()) != 0
    }
    /// Whether everything below a directory in these states is matched, as `vendor/**` does below `vendor`.
    fn swallows(&self, states: States) -> bool {
        let [.., Component::Deep, Component::One(parts)] = &self.components[..] else {
            return false;
        };
        let is_any = |part: &Part| matches!(part, Part::Affix { prefix, suffix } if prefix.is_empty() && suffix.is_empty());
        parts.iter().any(is_any) && states.0 & (1 << (self.components.len() - 2)) != 0
    }
}

impl Component {
    fn matches(&self, name: &str, hidden: Hidden) -> bool {
        match self {
            Self::Deep => hidden == Hidden::Alike || !name.starts_with('.'),
            Self::One(parts) => parts.iter().any(|part| part.matches(name, hidden)),
        }
    }
    fn as_literal(&self) -> Option<&str> {
        match self {
            Self::One(parts) => match &parts[..] {
                [Part::Literal(text)] => Some(text),
                _ => None,
            },
            Self::Deep => None,
        }
    }
}

impl Part {
    fn new(text: &str) -> Result<Self, PatternError> {
        let is_escaped = text.contains('\\');
        if !text.contains(['*', '?', '[']) && !is_escaped {
            return Ok(Self::Literal(text.to_owned()));
        }
        if !is_escaped
            && !text.contains(['?', '['])
            && let Some((prefix, suffix)) = text.split_once('*')
            && !suffix.contains('*')
        {
            return Ok(Self::Affix {
                prefix: prefix.to_owned(),
                suffix: suffix.to_owned(),
            });
        }
        let (prefix, rest) = literal_run(text);
        if rest.is_empty() {
            return Ok(Self::Literal(prefix));
        }
        let glob = GlobBuilder::new(text)
            .literal_separator(true)
            .backslash_escape(true)
            .build();
        let matcher = glob
            .map_err(|error| PatternError {
                reason: error.kind().to_string(),
            })?
            .compile_matcher();
        let suffix = match is_escaped || text.contains('[') {
            true => String::new(),
            false => text
                .rsplit(['*', '?'])
                .next()
                .unwrap_or_default()
                .to_owned(),
        };
        Ok(Self::Glob {
            matcher,
            prefix,
            suffix,
        })
    }
    fn matches(&self, name: &str, hidden: Hidden) -> bool {
        if hidden == Hidden::Apart && name.starts_with('.') && !self.prefix().starts_with('.') {
            return false;
        }
        match self {
            Self::Literal(text) => text == name,
            Self::Affix { prefix, suffix } => {
                name.len() >= prefix.len() + suffix.len()
                    && name.starts_with(prefix)
                    && name.ends_with(suffix)
            }
            Self::Glob { matcher, .. } => matcher.is_match(name),
        }
    }
    fn prefix(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::Affix { prefix, .. } | Self::Glob { prefix, .. } => prefix,
        }
    }
    fn suffix(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::Affix { suffix, .. } | Self::Glob { suffix, .. } => suffix,
        }
    }
    fn could_overlap(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Literal(a), b) => b.matches(a, Hidden::Apart),
            (a, Self::Literal(b)) => a.matches(b, Hidden::Apart),
            (a, b) => {
                let (x, y) = (a.prefix(), b.prefix());
                let (u, v) = (a.suffix(), b.suffix());
                (x.starts_with(y) || y.starts_with(x)) && (u.ends_with(v) || v.ends_with(u))
            }
        }
    }
}

/// The text before the first wildcard with its escapes taken off, and the rest.
fn literal_run(text: &str) -> (String, &str) {
    let mut literal = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '*' | '?' | '[' => return (literal, &text[at..]),
            '\\' => literal.extend(chars.next().map(|(_, escaped)| escaped)),
            plain => literal.push(plain),
        }
    }
    (literal, "")
}

/// Splits at `/`, and refuses what stands in the way of that.
fn split_components(text: &str) -> Result<Vec<&str>, PatternError> {
    let wrong = |reason: &str| {
        Err(PatternError {
            reason: reason.to_owned(),
        })
    };
    let mut components = Vec::new();
    let (mut start, mut braces, mut in_class) = (0, 0u32, false);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\0' => return wrong("it holds a NUL byte"),
            '\\' => {
                if chars.next().is_none() {
                    return wrong("a `\\` at its end escapes nothing");
                }
            }
            '/' if in_class => return wrong("`[…]` cannot hold `/`"),
            '/' if braces > 0 => return wrong("`{…}` cannot hold `/`"),
            '/' => {
                components.push(&text[start..at]);
                start = at + 1;
            }
            '[' if !in_class => {
                in_class = true;
                // A `]` that comes first stands for itself.
                let rest = text[at + 1..].trim_start_matches(['!', '^']);
                let skipped = text.len() - at - 1 - rest.len() + usize::from(rest.starts_with(']'));
                for _ in 0..skipped {
                    chars.next();
                }
            }
            ']' if in_class => in_class = false,
            '{' if !in_class => braces += 1,
            '}' if !in_class => match braces.checked_sub(1) {
                Some(left) => braces = left,
                None => return wrong("a `}` closes nothing"),
            },
            _ => {}
        }
    }
    if in_class {
        return wrong("a `[` is not closed");
    }
    if braces > 0 {
        return wrong("a `{` is not closed");
    }
    components.push(&text[start..]);
    Ok(components)
}

fn parts(component: &str) -> Result<Vec<Part>, PatternError> {
    if component.contains("**") {
        return Err(PatternError {
            reason: "`**` must be a whole name between slashes".to_owned(),
        });
    }
    let alternatives = expand_braces(component)?;
    alternatives
        .iter()
        .filter(|text| !text.is_empty())
        .map(|text| Part::new(text))
        .collect()
}

/// `a{b,c}d` to `abd`, `acd`. Braces may lie within each other.
fn expand_braces(component: &str) -> Result<Vec<String>, PatternError> {
    let mut done = Vec::new();
    let mut rest = vec![component.to_owned()];
    while let Some(text) = rest.pop() {
        if done.len() + rest.len() > MAX_ALTERNATIVES {
            return Err(PatternError {
                reason: format!("its braces stand for more than {MAX_ALTERNATIVES} names"),
            });
        }
        match first_brace(&text) {
            None => done.push(text),
            Some((open, alternatives, close)) => {
                let expanded = alternatives
                    .iter()
                    .rev()
                    .map(|inner| format!("{}{inner}{}", &text[..open], &text[close + 1..]));
                rest.extend(expanded);
            }
        }
    }
    Ok(done)
}

/// The first outermost pair of braces: where it opens, what stands between its commas, where it closes.
fn first_brace(text: &str) -> Option<(usize, Vec<&str>, usize)> {
    let (mut open, mut depth, mut from) = (0, 0, 0);
    let mut alternatives = Vec::new();
    let mut in_class = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '[' => in_class = true,
            ']' => in_class = false,
            _ if in_class => {}
            '{' => {
                if depth == 0 {
                    (open, from) = (at, at + 1);
                }
                depth += 1;
            }
            ',' if depth == 1 => {
                alternatives.push(&text[from..at]);
                from = at + 1;
            }
            '}' if depth == 1 => {
                alternatives.push(&text[from..at]);
                return Some((open, alternatives, at));
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Walk {
    /// Sorted, without duplicates. A symbolic link to a file counts as one; one that leads nowhere does not.
    pub files: Vec<ProjectPath>,
    /// Every directory that was listed, or that a pattern named and that is not there; sorted. As long as none of them
    /// changes, the same walk finds the same files.
    pub dirs: Vec<ProjectPath>,
}

/// Finds the files below `root` that any of `include` and none of `exclude` matches.
///
/// # Errors
/// For a directory that cannot be listed, and for a file with a name that is not UTF-8 that `include` would match.
pub fn walk(root: &Path, include: &[Pattern], exclude: &[Pattern]) -> FsResult<Walk> {
    let mut walker = Walker {
        include,
        exclude,
        files: BTreeSet::new(),
        dirs: BTreeSet::new(),
        rest: Vec::new(),
    };
    for start in starts(include) {
        let states = |patterns: &[Pattern], hidden| {
            patterns
                .iter()
                .map(|p| p.after(start.as_str(), hidden))
                .collect()
        };
        walker.rest.push(Place {
            disk: start.under(root),
            path: Some(start.clone()),
            include: states(include, Hidden::Apart),
            exclude: states(exclude, Hidden::Alike),
        });
    }
    while let Some(place) = walker.rest.pop() {
        walker.visit(place)?;
    }
    Ok(Walk {
        files: walker.files.into_iter().collect(),
        dirs: walker.dirs.into_iter().collect(),
    })
}

/// The patterns' literal directories, without those that lie below another.
fn starts(include: &[Pattern]) -> Vec<ProjectPath> {
    let all: BTreeSet<ProjectPath> = include.iter().map(Pattern::literal_prefix).collect();
    all.iter()
        .filter(|dir| {
            !all.iter()
                .any(|other| other != *dir && dir.is_within(other))
        })
        .cloned()
        .collect()
}

struct Walker<'p> {
    include: &'p [Pattern],
    exclude: &'p [Pattern],
    files: BTreeSet<ProjectPath>,
    dirs: BTreeSet<ProjectPath>,
    rest: Vec<Place>,
}

/// A directory to be listed, and how far each pattern has come with its path.
struct Place {
    disk: PathBuf,
    /// None below a name that is not UTF-8.
    path: Option<ProjectPath>,
    include: Vec<States>,
    exclude: Vec<States>,
}

impl Walker<'_> {
    fn visit(&mut self, place: Place) -> FsResult<()> {
        self.dirs.extend(place.path.clone());
        let Some(entries) = fs::if_exists(fs::list_dir(&place.disk))? else {
            return Ok(());
        };
        entries
            .into_iter()
            .try_for_each(|entry| self.entry(&place, &entry))
    }
    fn entry(&mut self, place: &Place, entry: &DirEntry) -> FsResult<()> {
        let name = entry.name.to_string_lossy();
        if NEVER_ENTERED.contains(&&*name) {
            return Ok(());
        }
        let disk = || place.disk.join(&entry.name);
        let include = steps(self.include, &place.include, |p, s| {
            p.step(s, &name, Hidden::Apart)
        });
        if include.iter().all(|states| states.is_dead()) {
            return Ok(());
        }
        let exclude = steps(self.exclude, &place.exclude, |p, s| {
            p.step(s, &name, Hidden::Alike)
        });
        let path = entry
            .name
            .to_str()
            .zip(place.path.as_ref())
            .map(|(name, dir)| below(dir, name));
        let (kind, include) = match entry.kind {
            FileKind::Symlink => {
                let target =
                    fs::if_exists(fs::stat(&disk()))?.map_or(FileKind::Other, |stat| stat.kind);
                let named = steps(self.include, &place.include, |p, s| p.step_named(s, &name));
                (
                    target,
                    if target == FileKind::Dir {
                        named
                    } else {
                        include
                    },
                )
            }
            kind => (kind, include),
        };
        match kind {
            FileKind::Dir => {
                let goes_on = self
                    .include
                    .iter()
                    .zip(&include)
                    .any(|(p, s)| s.0 & !(1 << p.components.len()) != 0);
                if goes_on
                    && !self
                        .exclude
                        .iter()
                        .zip(&exclude)
                        .any(|(p, s)| p.swallows(*s))
                {
                    self.rest.push(Place {
                        disk: disk(),
                        path,
                        include,
                        exclude,
                    });
                }
            }
            FileKind::File => {
                let accepts = |patterns: &[Pattern], states: &[States]| {
                    patterns.iter().zip(states).any(|(p, s)| p.accepts(*s))
                };
                if accepts(self.include, &include) && !accepts(self.exclude, &exclude) {
                    self.files.insert(path.ok_or_else(|| not_utf8(&disk()))?);
                }
            }
            FileKind::Symlink | FileKind::Other => {}
        }
        Ok(())
    }
}

fn steps(
    patterns: &[Pattern],
    states: &[States],
    step: impl Fn(&Pattern, States) -> States,
) -> Vec<States> {
    patterns
        .iter()
        .zip(states)
        .map(|(pattern, states)| step(pattern, *states))
        .collect()
}
fn below(dir: &ProjectPath, name: &str) -> ProjectPath {
    dir.resolve(name)
        .expect("a directory's entry is one component")
}
fn not_utf8(path: &Path) -> FsError {
    FsError::new(
        "use the name",
        path,
        io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"),
    )
}
