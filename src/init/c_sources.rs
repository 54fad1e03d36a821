//! C programs that are nobody else's: not cgo's, and not those of another build system. Reads as much C as it takes to see `main`
//! and what is included.

use crate::base::fs::{self, FsError};
use crate::base::lexis::{block_comment, line_comment, literal};
use crate::init::modules::{Found, is_aside};
use crate::init::walk::{Dir, Survey, below};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is compiled, and what is linked of it. Without programs there is nothing.
#[derive(Debug, Default)]
pub struct CPrograms {
    pub programs: Vec<CProgram>,
    /// Sources that go into each program.
    pub shared: Vec<String>,
    /// Directories with sources, all of which are compiled.
    pub dirs: Vec<String>,
    /// Directories for `-I`.
    pub includes: Vec<String>,
    /// `-lm`, `-pthread`.
    pub libraries: Vec<&'static str>,
    pub notes: Vec<String>,
}

#[derive(Debug)]
pub struct CProgram {
    pub source: String,
    pub name: String,
}

/// Files by which another tool builds C.
const BUILD_SYSTEMS: [&str; 4] = ["CMakeLists.txt", "meson.build", "configure", "configure.ac"];

pub fn find(root: &Path, survey: &Survey, go: &Found, errors: &mut Vec<FsError>) -> CPrograms {
    let mut found = CPrograms::default();
    let is_c = |dir: &&Dir| !dir.has_go() && dir.with_extension("c").next().is_some();
    let mut dirs: Vec<&Dir> = survey.dirs.iter().filter(is_c).collect();
    if dirs.iter().any(|dir| !is_aside(&dir.path)) || !go.modules.is_empty() {
        dirs.retain(|dir| !is_aside(&dir.path));
    }
    if dirs.is_empty() {
        return found;
    }
    if let Some(system) = BUILD_SYSTEMS.iter().find(|name| survey.has("", name)) {
        let note = format!("the C sources are left to {system}");
        found.notes.push(note);
        return found;
    }
    let is_pattern = |text: &str| text.contains(['*', '?', '[', ']', '{', '}', '\\', '!']);
    let names = || dirs.iter().flat_map(|dir| dir.with_extension("c"));
    if dirs.iter().any(|dir| is_pattern(&dir.path)) || names().any(is_pattern) {
        let note = "the C sources are left out: a name among them would be a pattern in a Gofile";
        found.notes.push(note.to_owned());
        return found;
    }
    let mut includes = BTreeMap::new();
    let mut mains = Vec::new();
    for (dir, name) in dirs
        .iter()
        .flat_map(|dir| dir.with_extension("c").map(move |name| (dir, name)))
    {
        let source = below(&dir.path, name);
        let text = match fs::read(&root.join(&source)) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let code = Code::of(&text);
        match code.has_main {
            true => mains.push(source.clone()),
            false => found.shared.push(source.clone()),
        }
        includes.insert(source, code.includes);
    }
    if mains.is_empty() {
        // Beside Go it is for something else.
        if go.modules.is_empty() {
            let note = "no C source has a main, so none is built";
            found.notes.push(note.to_owned());
        }
        return CPrograms {
            notes: found.notes,
            ..CPrograms::default()
        };
    }
    found.dirs = dirs.iter().map(|dir| dir.path.clone()).collect();
    found.includes = include_dirs(survey, &includes);
    found.libraries = libraries(&includes);
    found.programs = named(root, mains);
    found
}

impl Dir {
    fn has_go(&self) -> bool {
        self.with_extension("go").next().is_some()
    }
}

/// A file called `main.c` says nothing; then its directory does, and where that is `src` or the root, the project.
fn named(root: &Path, mains: Vec<String>) -> Vec<CProgram> {
    let project = root.file_name().unwrap_or_default().to_string_lossy();
    let name = |source: &str| {
        let (dir, file) = source.rsplit_once('/').unwrap_or(("", source));
        let stem = file.strip_suffix(".c").unwrap_or(file);
        let dir = dir.rsplit('/').next().unwrap_or_default();
        match (stem, dir) {
            ("main", "" | "src") => project.clone().into_owned(),
            ("main", dir) => dir.to_owned(),
            (stem, _) => stem.to_owned(),
        }
    };
    let programs = mains.into_iter().map(|source| CProgram {
        name: name(&source),
        source,
    });
    programs.collect()
}

/// Directories of the project in which included files lie that the compiler would not find by itself.
fn include_dirs(survey: &Survey, includes: &BTreeMap<String, Vec<Include>>) -> Vec<String> {
    let mut needed = BTreeSet::new();
    let mut dirs: Vec<&Dir> = survey.dirs.iter().collect();
    // `include` before others, and those near the root before those below.
    dirs.sort_by_key(|dir| {
        (
            !dir.path.ends_with("include"),
            dir.path.matches('/').count(),
        )
    });
    for (source, all) in includes {
        let own = source.rsplit_once('/').map_or("", |(dir, _)| dir);
        for include in all {
            let (inner, file) = include.path.rsplit_once('/').unwrap_or(("", &include.path));
            let place = |dir: &str| match inner {
                "" => dir.to_owned(),
                inner => below(dir, inner),
            };
            let is_beside = include.is_quoted && survey.has(&place(own), file);
            let found = dirs.iter().find(|dir| survey.has(&place(&dir.path), file));
            if let Some(dir) = found.filter(|_| !is_beside) {
                needed.insert(dir.path.clone());
            }
        }
    }
    let as_flag = |dir: String| if dir.is_empty() { ".".to_owned() } else { dir };
    needed.into_iter().map(as_flag).collect()
}

fn libraries(includes: &BTreeMap<String, Vec<Include>>) -> Vec<&'static str> {
    let is_used = |header: &str| includes.values().flatten().any(|one| one.path == header);
    let known = [("math.h", "-lm"), ("pthread.h", "-pthread")];
    let used = known.iter().filter(|(header, _)| is_used(header));
    used.map(|(_, flag)| *flag).collect()
}

/// What is seen of a C source.
#[derive(Debug, Default, PartialEq, Eq)]
struct Code {
    /// A function of this name outside of any `#if`.
    has_main: bool,
    includes: Vec<Include>,
}

#[derive(Debug, PartialEq, Eq)]
struct Include {
    path: String,
    is_quoted: bool,
}

impl Code {
    fn of(text: &str) -> Self {
        let mut code = Self::default();
        let text = without_comments(text);
        let (mut depth, mut conditions) = (0usize, 0usize);
        let mut in_macro = false;
        for line in text.lines() {
            let goes_on = line.ends_with('\\');
            if let Some(directive) = line.trim_start().strip_prefix('#') {
                let directive = directive.trim_start();
                match directive {
                    _ if directive.starts_with("if") => conditions += 1,
                    _ if directive.starts_with("endif") => {
                        conditions = conditions.saturating_sub(1)
                    }
                    _ => code.includes.extend(include(directive)),
                }
                in_macro = goes_on;
                continue;
            }
            if in_macro {
                in_macro = goes_on;
                continue;
            }
            code.has_main |= depth == 0 && conditions == 0 && calls_main(line);
            for byte in line.bytes() {
                match byte {
                    b'{' => depth += 1,
                    b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
        code
    }
}

fn include(directive: &str) -> Option<Include> {
    let rest = directive.strip_prefix("include")?.trim_start();
    let is_quoted = rest.starts_with('"');
    let end = match rest.chars().next()? {
        '"' => '"',
        '<' => '>',
        _ => return None,
    };
    let (path, _) = rest[1..].split_once(end)?;
    Some(Include {
        path: path.to_owned(),
        is_quoted,
    })
}

/// `main` as a word, with a bracket behind it.
fn calls_main(line: &str) -> bool {
    line.match_indices("main").any(|(at, word)| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].trim_start();
        !before.is_some_and(is_word) && after.starts_with('(') && !after.trim_end().ends_with(';')
    })
}

/// The lines without comments, and without what stands in literals but for includes.
fn without_comments(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    let mut is_directive = false;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        at += match byte {
            b'/' if rest.starts_with(b"//") => line_comment(rest),
            b'/' if rest.starts_with(b"/*") => {
                let length = block_comment(rest);
                out.extend(rest[..length].iter().filter(|b| **b == b'\n'));
                length
            }
            b'"' | b'\'' if !is_directive => literal(rest),
            _ => {
                is_directive = match byte {
                    b'\n' => false,
                    b'#' => true,
                    _ => is_directive,
                };
                out.push(byte);
                1
            }
        };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_main(text: &str) -> bool {
        Code::of(text).has_main
    }

    #[test]
    fn a_main_is_a_function_of_its_own() {
        assert!(has_main(
            "#include <stdio.h>\n\nint main(void) { return 0; }\n"
        ));
        assert!(has_main("int\nmain (int argc,\n      char **argv)\n{\n}\n"));
        assert!(has_main("/* { */ // {\nchar *s = \"{\";\nint main() {}"));
        for text in [
            "int main(void);\n",
            "int domain(void) {}\n",
            "void f(void) {\n  main();\n  main ()\n}\n",
            "// int main() {}\n/*\nint main() {}\n*/\n",
            "#ifdef TEST\nint main(void) { }\n#endif\n",
            "#define X \\\n  int main() {}\nint y;\n",
            "char *s = \"int main() {}\";\n",
        ] {
            assert!(!has_main(text), "{text}");
        }
    }

    #[test]
    fn includes_are_seen() {
        let code = Code::of(
            "#include \"a/b.h\" // x\n  # include <math.h>\n#include MACRO\n//#include \"no.h\"\n",
        );
        let shown: Vec<_> = code
            .includes
            .iter()
            .map(|i| (i.path.as_str(), i.is_quoted))
            .collect();
        assert_eq!(shown, [("a/b.h", true), ("math.h", false)]);
    }

    #[test]
    fn any_text_ends() {
        for text in [
            "",
            "\"",
            "'",
            "/*",
            "/",
            "#",
            "#include",
            "#include \"",
            "\\",
            "\"\\",
            "}}}",
        ] {
            Code::of(text);
        }
    }
}
