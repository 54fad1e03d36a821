//! Which files of a directory Go builds for a platform: by their names and by their constraints. Does not read files
//! (`header` does) and does not know what is built of them (`directory` does).
//!
//! Rules: `go help buildconstraint`; `go/build` for names; `go/build/constraint` for the syntax; `internal/syslist` for the lists.

use crate::golang::header::Header;

/// What is built for, as far as constraints ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `GOOS`.
    pub os: String,
    /// `GOARCH`.
    pub arch: String,
    /// `CGO_ENABLED`.
    pub cgo: bool,
    /// From `-tags`, and those that Go's settings bring: `race`, `amd64.v1`, `goexperiment.…`.
    pub tags: Vec<String>,
    /// N of the Go 1.N that builds: all of `go1.1` to `go1.N` hold.
    pub go_minor: u32,
}

/// Names of systems that Go knows or knew, which a file's name may end in.
const KNOWN_OS: [&str; 18] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
];
/// Those for which the tag `unix` holds.
const UNIX_OS: [&str; 12] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "linux",
    "netbsd",
    "openbsd",
    "solaris",
];
const KNOWN_ARCH: [&str; 24] = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "arm64",
    "arm64be",
    "armbe",
    "loong64",
    "mips",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "mipsle",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

impl Platform {
    /// Does a tag hold?
    pub fn has(&self, tag: &str) -> bool {
        let implied = match self.os.as_str() {
            "android" => "linux",
            "illumos" => "solaris",
            "ios" => "darwin",
            _ => "",
        };
        match tag {
            "cgo" if self.cgo => true,
            "gc" => true,
            "unix" if UNIX_OS.contains(&self.os.as_str()) => true,
            "boringcrypto" => self.is_given("goexperiment.boringcrypto"),
            _ => {
                tag == self.os
                    || tag == self.arch
                    || (!implied.is_empty() && tag == implied)
                    || self.is_given(tag)
            }
        }
    }

    fn is_given(&self, tag: &str) -> bool {
        self.tags.iter().any(|given| given == tag)
            || release(tag).is_some_and(|minor| (1..=self.go_minor).contains(&minor))
    }
}

/// N of `go1.N`, written as Go writes it.
fn release(tag: &str) -> Option<u32> {
    let minor = tag.strip_prefix("go1.")?;
    let plain = minor.starts_with(|c: char| matches!(c, '1'..='9'))
        && minor.bytes().all(|b| b.is_ascii_digit());
    minor.parse().ok().filter(|_| plain)
}

/// The tag that alone lets a file be built, where it is one that somebody chose: no system, no processor, nothing of Go's own.
pub fn chosen_tag(lines: &[String]) -> Option<&str> {
    const OF_GO: [&str; 8] = [
        "ignore", "cgo", "gc", "gccgo", "unix", "race", "msan", "asan",
    ];
    let [line] = lines else { return None };
    let tag = line.strip_prefix("//go:build")?.trim();
    let is_known = OF_GO.contains(&tag)
        || KNOWN_OS.contains(&tag)
        || KNOWN_ARCH.contains(&tag)
        || release(tag).is_some()
        || tag.starts_with("goexperiment.");
    let is_tag = !tag.is_empty() && tag.chars().all(in_tag);
    (is_tag && !is_known).then_some(tag)
}

/// Is a file built on the platform, as far as its name and its header say? False for what Go never looks at (`_x.go`, `.x.go`), what it
/// ignores, and what it can make nothing of.
pub fn matches(name: &str, header: &Header, platform: &Platform) -> bool {
    let is_test = name.ends_with("_test.go");
    // Go builds no test with cgo, and says so instead of ignoring it.
    let wants_cgo = !is_test && header.imports.iter().any(|path| path == "C");
    !name.starts_with(['_', '.'])
        && name_matches(name, platform)
        && header.package != "documentation"
        && (platform.cgo || !wants_cgo)
        && constraints_match(&header.constraints, platform)
}

/// By `_GOOS`, `_GOARCH` or `_GOOS_GOARCH` before the first dot, and before `_test`. What stands before the first underscore is never one.
pub fn name_matches(name: &str, platform: &Platform) -> bool {
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let Some((_, rest)) = stem.split_once('_') else {
        return true;
    };
    let rest = rest
        .strip_suffix("_test")
        .unwrap_or(if rest == "test" { "" } else { rest });
    let mut words = rest.rsplit('_');
    let last = words.next().unwrap_or_default();
    let before = words.next();
    if KNOWN_ARCH.contains(&last) {
        let os = before.filter(|word| KNOWN_OS.contains(word));
        return platform.has(last) && os.is_none_or(|os| platform.has(os));
    }
    !KNOWN_OS.contains(&last) || platform.has(last)
}

/// The lines of [`Header::constraints`]: one `//go:build`, or any number of `// +build`, all of which must hold.
pub fn constraints_match(lines: &[String], platform: &Platform) -> bool {
    match lines {
        [] => true,
        [line] if line.starts_with("//go:build") => {
            expression_holds(&line["//go:build".len()..], platform).unwrap_or(false)
        }
        // Go reports several of them.
        [first, ..] if first.starts_with("//go:build") => false,
        // One that is too long is as if it were not there.
        all => all
            .iter()
            .all(|line| plus_build_holds(line, platform).unwrap_or(true)),
    }
}

/// Terms that one expression may have.
const MOST_TERMS: usize = 1000;
/// Operators that one `// +build` line may have.
const MOST_OPERATORS: usize = 100;

/// Of `a && (b || !c)`; None where it is wrong.
fn expression_holds(text: &str, platform: &Platform) -> Option<bool> {
    let mut expression = Expression {
        rest: text.trim(),
        terms: 0,
        platform,
    };
    let holds = expression.any()?;
    expression.rest.is_empty().then_some(holds)
}

struct Expression<'t> {
    /// Begins with a token.
    rest: &'t str,
    terms: usize,
    platform: &'t Platform,
}

impl Expression<'_> {
    fn take(&mut self, token: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(token) else {
            return false;
        };
        self.rest = rest.trim_start_matches([' ', '\t']);
        true
    }

    /// Alternatives, up to what cannot follow one. Each level of brackets is one call, and there are at most [`MOST_TERMS`].
    fn any(&mut self) -> Option<bool> {
        let mut any = false;
        let mut all = true;
        loop {
            all &= self.term()?;
            if self.take("&&") {
                continue;
            }
            any |= all;
            if !self.take("||") {
                return Some(any);
            }
            all = true;
        }
    }

    fn term(&mut self) -> Option<bool> {
        self.terms += 1;
        if self.terms > MOST_TERMS {
            return None;
        }
        let negated = self.take("!");
        let holds = if self.take("(") {
            let holds = self.any()?;
            self.take(")").then_some(holds)?
        } else {
            self.tag()?
        };
        Some(holds != negated)
    }

    fn tag(&mut self) -> Option<bool> {
        let rest = self.rest;
        let length = rest.find(|c| !in_tag(c)).unwrap_or(rest.len());
        let (tag, _) = rest
            .split_at_checked(length)
            .filter(|(tag, _)| !tag.is_empty())?;
        self.take(tag);
        Some(self.platform.has(tag))
    }
}

fn in_tag(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

/// Of `// +build a,!b c`: a comma is "and", a blank is "or". None where it is too long.
fn plus_build_holds(line: &str, platform: &Platform) -> Option<bool> {
    let text = line.trim_start_matches('/').trim();
    let text = text.strip_prefix("+build").unwrap_or(text);
    let words = || text.split_whitespace();
    let operators = words().count().saturating_sub(1) + text.matches(',').count();
    let literal = |literal: &str| {
        let (negated, tag) = match literal.strip_prefix('!') {
            None => (false, literal),
            Some(tag) if tag.is_empty() || tag.starts_with('!') => (false, "ignore"),
            Some(tag) => (true, tag),
        };
        let sound = !tag.is_empty() && tag.chars().all(in_tag);
        platform.has(if sound { tag } else { "ignore" }) != negated
    };
    let holds = match words().next() {
        None => platform.has("ignore"),
        Some(_) => words().any(|word| word.split(',').all(literal)),
    };
    (operators <= MOST_OPERATORS).then_some(holds)
}

#[cfg(test)]
mod tests;
