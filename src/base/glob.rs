//! Globs over project paths: `*`, `?`, `[…]`, `{a,b}` within a component, `**` across components.
//!
//! A component of a path that starts with a dot matches only a component of the pattern that starts with one, as in a
//! shell; `**` neither matches nor enters it. Exclusions are not so shy: there a wildcard matches everything. `.git` and
//! `.gomake` are never matched by a walk, and symbolic links to directories are followed only where a pattern names them
//! outright. Matching is by case.

use crate::base::path::ProjectPath;
use globset::{GlobBuilder, GlobMatcher};

mod walk;

pub use walk::{Look, Walk, walk, walk_seen};

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
            '\\' if chars.next().is_none() => {
                return wrong("a `\\` at its end escapes nothing");
            }
            '\\' => {}
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

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(path)
    }

    #[test]
    fn wildcards_stay_within_a_component() {
        assert!(matches("src/*.c", "src/a.c"));
        assert!(!matches("src/*.c", "src/a/b.c"));
        assert!(matches("?.[ch]", "a.h") && !matches("?.[ch]", "ab.h") && !matches("a?b", "a/b"));
        assert!(matches("[!a-c]x", "dx") && !matches("[!a-c]x", "bx"));
        assert!(matches("{main,util}.{c,h}", "util.h") && !matches("{main,util}.c", "other.c"));
        assert!(matches("a{,b}{c,{d,e}}", "abe") && matches("a{,b}{c,{d,e}}", "ac"));
        assert!(matches("A.c", "A.c") && !matches("A.c", "a.c"));
        assert!(matches(r"a\*\[b", "a*[b") && !matches(r"a\*", "ab"));
        assert!(matches("./a//b", "a/b"));
        assert!(matches("a*b", "aab") && !matches("ab*ba", "aba"));
    }

    #[test]
    fn two_stars_cross_components() {
        assert!(matches("**/*.go", "a.go") && matches("**/*.go", "a/b/c.go"));
        assert!(
            matches("src/**/test/*.c", "src/test/a.c")
                && matches("src/**/test/*.c", "src/a/b/test/a.c")
        );
        assert!(!matches("src/**/test/*.c", "src/a/b.c"));
        assert!(
            matches("src/**", "src/a") && matches("src/**", "src/a/b") && !matches("src/**", "src")
        );
        assert!(matches("**/**/a", "a"));
    }

    #[test]
    fn hidden_names_must_be_named() {
        assert!(
            !matches("*", ".a")
                && matches(".*", ".a")
                && !matches("**/a", ".b/a")
                && matches(".b/**", ".b/a")
        );
        assert!(matches("{.a,b}*", ".ab") && !matches("[.]a", ".a"));
        let vendor = Pattern::new("vendor/**").unwrap();
        assert!(vendor.excludes("vendor/.git/x") && !vendor.matches("vendor/.git/x"));
    }

    #[test]
    fn mistakes_have_reasons() {
        for (pattern, reason) in [
            ("", "it is empty"),
            ("/a", "it is absolute"),
            ("a/../b", "it leaves the project"),
            ("a**", "`**` must be a whole name between slashes"),
            ("[a", "a `[` is not closed"),
            ("[a/]", "`[…]` cannot hold `/`"),
            ("{a/b,c}", "`{…}` cannot hold `/`"),
            ("{a", "a `{` is not closed"),
            ("a}", "a `}` closes nothing"),
            ("a\\", "a `\\` at its end escapes nothing"),
            (
                "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}",
                "its braces stand for more than 256 names",
            ),
        ] {
            assert_eq!(
                Pattern::new(pattern).unwrap_err().reason,
                reason,
                "{pattern}"
            );
        }
        assert!(Pattern::new("[z-a]").is_err());
        assert!(Pattern::new(&"a/".repeat(100)).is_err());
        assert!(Pattern::new("[]a]/[!]]").is_ok());
    }

    #[test]
    fn where_matches_can_lie() {
        let prefix = |text: &str| {
            Pattern::new(text)
                .unwrap()
                .literal_prefix()
                .as_str()
                .to_owned()
        };
        assert_eq!(prefix("src/lib/*.c"), "src/lib");
        assert_eq!(prefix("src/*/a.c"), "src");
        assert_eq!(prefix("src/a.c"), "src");
        assert_eq!(prefix("*.c"), "");
        let within = |text: &str, dir: &str| {
            let dir = if dir.is_empty() {
                ProjectPath::root()
            } else {
                ProjectPath::root().resolve(dir).unwrap()
            };
            Pattern::new(text).unwrap().may_match_within(&dir)
        };
        assert!(
            within("src/**/*.c", "src/a/b") && within("src/*.c", "") && within("src/*.c", "src")
        );
        assert!(
            !within("src/*.c", "src/a")
                && !within("src/**/*.c", "lib")
                && !within("**/*.c", ".git")
        );
        assert!(is_pattern("a*") && is_pattern("{a}") && !is_pattern("a/b.c"));
    }

    #[test]
    fn overlap_errs_on_the_side_of_yes() {
        let overlap = |a: &str, b: &str| {
            let (a, b) = (Pattern::new(a).unwrap(), Pattern::new(b).unwrap());
            assert_eq!(a.could_overlap(&b), b.could_overlap(&a));
            a.could_overlap(&b)
        };
        assert!(
            overlap("gen/*.go", "**/*.go") && overlap("gen/**", "**/x.c") && overlap("a/b", "a/b")
        );
        assert!(
            overlap("a*c", "*bc") && overlap("**/a/**", "b/**/c") && overlap("x/{a,b}.c", "x/b.*")
        );
        assert!(
            !overlap("gen/*.go", "gen/*.c")
                && !overlap("gen/*.go", "src/**")
                && !overlap("a/b", "a/c")
        );
        assert!(!overlap("gen/*", "gen/*/x") && !overlap("a*", "b*") && !overlap(".x", "*"));
    }

    /// Whatever two patterns both match, they must be said to overlap on.
    #[test]
    fn overlap_is_sound_for_small_patterns_and_paths() {
        let parts = ["a", "b", "*", "a*", "*b", "?", "**", "{a,.b}", "[ab]", ".b"];
        let mut all: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        all.extend(
            parts
                .iter()
                .flat_map(|x| parts.iter().map(move |y| format!("{x}/{y}"))),
        );
        let names = ["a", "b", "ab", ".b"];
        let mut paths: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        paths.extend(
            names
                .iter()
                .flat_map(|x| names.iter().map(move |y| format!("{x}/{y}"))),
        );
        let compiled: Vec<(Pattern, Vec<bool>)> = all
            .iter()
            .map(|text| {
                let pattern = Pattern::new(text).unwrap();
                let hits = paths.iter().map(|path| pattern.matches(path)).collect();
                (pattern, hits)
            })
            .collect();
        for (a, a_hits) in &compiled {
            for (b, b_hits) in &compiled {
                let both = a_hits.iter().zip(b_hits).any(|(x, y)| *x && *y);
                assert!(!both || a.could_overlap(b), "{} {}", a.as_str(), b.as_str());
            }
            for (path, hit) in paths.iter().zip(a_hits) {
                let dir = ProjectPath::root().resolve(path).unwrap().parent().unwrap();
                assert!(!hit || a.may_match_within(&dir), "{} {path}", a.as_str());
                assert!(
                    !hit || dir.is_within(&a.literal_prefix()),
                    "{} {path}",
                    a.as_str()
                );
            }
        }
    }
}
