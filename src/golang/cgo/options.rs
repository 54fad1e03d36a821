//! What a compiler's flags name, and where a compiler says that it looks for includes. Does not know a disk.

use crate::golang::cgo::directives::{Asked, Directives, How};
use std::path::{Path, PathBuf};

/// What flags ask to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `-include x.h`, and macros by which files can be included.
    pub directives: Directives,
    /// Libraries, objects and scripts of the linker: places, of which those that are there are read.
    pub linked: Vec<PathBuf>,
}

/// Suffixes of what `-lname` may stand for behind `libname`.
const LIBRARIES: &[&str] = &[".so", ".a", ".dylib", ".tbd", ".dll.a"];

/// Reads flags for the preprocessor and the compiler.
pub fn of_compiler(words: &[String]) -> Options {
    let mut found = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let included = ["-include", "-imacros", "--include", "--imacros"];
        if included.contains(&word.as_str()) {
            found.include(words.next().map_or("", String::as_str));
        } else if let Some(macro_) = word.strip_prefix("-D") {
            let macro_ = match macro_ {
                "" => words.next().map_or("", String::as_str),
                glued => glued,
            };
            found.define(macro_);
        } else if let Some(name) = included.iter().find_map(|flag| word.strip_prefix(flag)) {
            found.include(name.strip_prefix('=').unwrap_or(name));
        }
    }
    found
}

/// Reads flags for the linker; `dir` is what relative places count from.
pub fn of_linker(words: &[String], dir: &Path) -> Options {
    let mut found = Options::default();
    let (mut dirs, mut names) = (Vec::new(), Vec::new());
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if let Some(place) = word.strip_prefix("-L") {
            let place = match place {
                "" => rest.next().map_or("", String::as_str),
                glued => glued,
            };
            dirs.push(dir.join(place));
        } else if let Some(name) = word.strip_prefix("-l") {
            names.push(name.to_owned());
        } else {
            // `-Wl,--version-script=x.map`: what looks like a file is one if it is there.
            let parts = word.split([',', '=']);
            let parts = parts.filter(|part| !part.starts_with('-') && part.contains(['.', '/']));
            found.linked.extend(parts.map(|part| dir.join(part)));
        }
    }
    for name in names {
        for dir in &dirs {
            match name.strip_prefix(':') {
                Some(exact) => found.linked.push(dir.join(exact)),
                None => {
                    let files = LIBRARIES.iter().map(|end| format!("lib{name}{end}"));
                    found.linked.extend(files.map(|file| dir.join(file)));
                    found.linked.push(dir.join(format!("{name}.lib")));
                }
            }
        }
    }
    found
}

impl Options {
    fn include(&mut self, name: &str) {
        if !name.is_empty() {
            self.directives.asked.push(Asked {
                name: name.to_owned(),
                how: How::Quoted,
            });
        }
    }

    /// `CONFIG="x.h"` or `CONFIG=<x.h>`.
    fn define(&mut self, macro_: &str) {
        let value = macro_.split_once('=').map_or("", |(_, value)| value);
        let (how, inner) = match value.as_bytes().first() {
            Some(b'"') => (How::Quoted, value.trim_matches('"')),
            Some(b'<') => (How::Angled, value.trim_matches(['<', '>'])),
            _ => return,
        };
        self.directives.defined.push(Asked {
            name: inner.to_owned(),
            how,
        });
    }
}

/// Where a compiler looks for includes, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// For `"x.h"` only, behind the file's own directory.
    pub quoted: Vec<PathBuf>,
    pub angled: Vec<PathBuf>,
    /// Directories that it was told and that are not there: what appears in one is found, too.
    pub missing: Vec<PathBuf>,
}

/// The arguments by which GCC and clang say where they look, beside the flags that they are to go by; they say it on standard
/// error.
pub fn search_args(language: &str) -> [&str; 5] {
    ["-E", "-v", "-x", language, "/dev/null"]
}

/// Reads what a compiler said, in English; `dir` is where it ran. None: it said nothing of the kind.
pub fn search(said: &str, dir: &Path) -> Option<Search> {
    let mut found = Search::default();
    let mut lines = said.lines();
    let mut has_begun = false;
    for line in &mut lines {
        let ignored = line.strip_prefix("ignoring nonexistent directory ");
        if let Some(name) = ignored {
            found.missing.push(tidy(&dir.join(name.trim_matches('"'))));
        } else if line.starts_with("#include \"...\" search starts here:") {
            has_begun = true;
            break;
        }
    }
    let mut is_angled = false;
    for line in lines {
        if line.starts_with("#include <...> search starts here:") {
            is_angled = true;
        } else if line.starts_with("End of search list.") {
            break;
        } else {
            // Frameworks are a directory of directories with headers.
            let name = line.trim_start().trim_end_matches(" (framework directory)");
            let list = match is_angled {
                true => &mut found.angled,
                false => &mut found.quoted,
            };
            list.push(tidy(&dir.join(name)));
        }
    }
    (has_begun && is_angled).then_some(found)
}

/// Without `.` components. `..` stays: behind a link it is another place than it looks.
fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn flags_of_the_compiler_name_files() {
        let found = of_compiler(&words(
            "-O2 -include a.h -DX=\"b.h\" -D Y=<c.h> -DZ=1 -imacros d.h -I inc",
        ));
        let names = |list: &[Asked]| -> Vec<String> {
            list.iter().map(|asked| asked.name.clone()).collect()
        };
        assert_eq!(names(&found.directives.asked), ["a.h", "d.h"]);
        assert_eq!(names(&found.directives.defined), ["b.h", "c.h"]);
        assert_eq!(of_compiler(&words("-include")), Options::default());
    }

    #[test]
    fn flags_of_the_linker_name_libraries() {
        let found = of_linker(
            &words(
                "-lm -L/p/lib -lx -l:y.a ../z/libz.a -Wl,--version-script=v.map -Wl,-rpath,/p/lib",
            ),
            Path::new("/p/q"),
        );
        let shown: Vec<String> = found
            .linked
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        for place in [
            "/p/lib/libx.a",
            "/p/lib/libx.so",
            "/p/lib/libm.a",
            "/p/lib/y.a",
            "/p/q/../z/libz.a",
            "/p/q/v.map",
        ] {
            assert!(shown.contains(&place.to_owned()), "{place} in {shown:?}");
        }
        assert!(
            of_linker(&words("-lm -lpthread"), Path::new("/p"))
                .linked
                .is_empty(),
            "the system's"
        );
    }

    #[test]
    fn a_compiler_says_where_it_looks() {
        let said = "gcc version 12.2.0 (Debian 12.2.0-14)\nignoring nonexistent directory \"gen\"\n\
            ignoring nonexistent directory \"/usr/local/include/x86_64-linux-gnu\"\n\
            #include \"...\" search starts here:\n q\n#include <...> search starts here:\n .\n ../include\n /usr/lib/gcc/12/include\n\
            \x20/Library/Frameworks (framework directory)\nEnd of search list.\n# 0 \"/dev/null\"\n";
        let found = search(said, Path::new("/p/a")).unwrap();
        let shown = |list: &[PathBuf]| -> Vec<String> {
            list.iter().map(|path| path.display().to_string()).collect()
        };
        assert_eq!(shown(&found.quoted), ["/p/a/q"]);
        assert_eq!(
            shown(&found.angled),
            [
                "/p/a",
                "/p/a/../include",
                "/usr/lib/gcc/12/include",
                "/Library/Frameworks"
            ]
        );
        assert_eq!(
            shown(&found.missing),
            ["/p/a/gen", "/usr/local/include/x86_64-linux-gnu"]
        );
        assert_eq!(search("cc: unknown option", Path::new("/p")), None);
    }
}
