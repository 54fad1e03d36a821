//! From what is asked for to the files that answer: along the search path, and on through what these ask for themselves.

use crate::base::hash::HashMap;
use crate::base::path::normal;
use crate::golang::cgo::directives::{Asked, Directives, How};
use crate::golang::cgo::options::Search;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the disk is looked at; links are followed.
pub struct Disk<'a> {
    /// What a file asks for; None where no file is.
    pub directives: &'a dyn Fn(&Path) -> Option<Arc<Directives>>,
    pub is_file: &'a dyn Fn(&Path) -> bool,
    /// All files below a directory that could be included.
    pub all_below: &'a dyn Fn(&Path) -> Vec<PathBuf>,
    /// Whether the user's own files are there.
    pub is_own: &'a dyn Fn(&Path) -> bool,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Files that are read, by the names that they are asked for with.
    pub files: BTreeSet<PathBuf>,
    /// Those of them whose own directives were read.
    pub read: BTreeSet<PathBuf>,
    /// Places that were looked at before, or in vain, where nothing is: what appears there is another answer.
    pub absent: BTreeSet<PathBuf>,
    /// Those of them, among the user's own files, where a file is asked for that is nowhere, or at another place of the user's.
    pub awaited: BTreeSet<PathBuf>,
}

/// Made by cgo itself while it builds.
const MADE_BY_CGO: &[&str] = &["_cgo_export.h", "_cgo_flags"];

/// One package's sources of one language.
pub struct Walk<'a> {
    pub disk: &'a Disk<'a>,
    pub search: &'a Search,
    /// Where the compiler runs.
    pub dir: &'a Path,
}

/// A file that asks, or none: flags, and texts that are no files.
struct Asker {
    dir: PathBuf,
    is_own: bool,
}

impl Walk<'_> {
    /// `first` is what is asked for by no file of its own; `sources` are files.
    pub fn go(&self, first: &Directives, sources: &[PathBuf]) -> Reached {
        let mut reached = Reached::default();
        let mut open: Vec<(Asker, Arc<Directives>)> = vec![(
            Asker {
                dir: self.dir.to_owned(),
                is_own: true,
            },
            Arc::new(first.clone()),
        )];
        for source in sources {
            reached.read.insert(source.clone());
            open.extend(self.opened(source));
        }
        // Whoever includes a macro may mean any of those that look like a file.
        let mut defined: HashMap<Asked, PathBuf> = HashMap::default();
        let mut literals: HashMap<Asked, PathBuf> = HashMap::default();
        let (mut is_computed, mut is_open, mut is_assembled) = (false, false, false);
        loop {
            while let Some((asker, found)) = open.pop() {
                is_computed |= found.is_computed;
                is_open |= found.is_open;
                is_assembled |= found.is_assembled;
                for asked in found.literals.iter().filter(|_| asker.is_own) {
                    literals
                        .entry(asked.clone())
                        .or_insert_with(|| asker.dir.clone());
                }
                for asked in &found.defined {
                    defined
                        .entry(asked.clone())
                        .or_insert_with(|| asker.dir.clone());
                }
                for asked in &found.asked {
                    self.find(asked, &asker, &mut reached, &mut open);
                }
            }
            if is_assembled {
                // Names of data may stand wherever macros are called.
                for (asked, dir) in literals.drain() {
                    let asker = Asker { dir, is_own: false };
                    self.find(&asked, &asker, &mut reached, &mut open);
                }
            }
            if is_computed {
                for (asked, dir) in defined.drain() {
                    // Most of them are no files, and none is waited for.
                    let asker = Asker { dir, is_own: false };
                    self.find(&asked, &asker, &mut reached, &mut open);
                }
            }
            if std::mem::take(&mut is_open) {
                self.add_all(&mut reached, &mut open);
            }
            if open.is_empty() {
                return reached;
            }
        }
    }

    fn opened(&self, file: &Path) -> Option<(Asker, Arc<Directives>)> {
        let found = (self.disk.directives)(file)?;
        let dir = file.parent().unwrap_or(file).to_owned();
        let is_own = (self.disk.is_own)(file);
        Some((Asker { dir, is_own }, found))
    }

    fn find(
        &self,
        asked: &Asked,
        asker: &Asker,
        reached: &mut Reached,
        open: &mut Vec<(Asker, Arc<Directives>)>,
    ) {
        if MADE_BY_CGO.contains(&asked.name.as_str()) {
            return;
        }
        let mut before = Vec::new();
        let mut found = Vec::new();
        for place in self.places(asked, asker) {
            if (self.disk.is_file)(&place) {
                found.push(place);
                if asked.how != How::Each {
                    break;
                }
            } else {
                before.push(place);
            }
        }
        let is_of_system = found
            .first()
            .is_some_and(|place| !(self.disk.is_own)(place));
        if asker.is_own && !is_of_system {
            let own = before.iter().filter(|place| (self.disk.is_own)(place));
            reached.awaited.extend(own.cloned());
        }
        reached.absent.extend(before);
        for place in found {
            if asked.how != How::Data && reached.read.insert(place.clone()) {
                open.extend(self.opened(&place));
            }
            reached.files.insert(place);
        }
    }

    /// Where a file is looked for, in order.
    fn places(&self, asked: &Asked, asker: &Asker) -> Vec<PathBuf> {
        let name = Path::new(&asked.name);
        if name.is_absolute() {
            return vec![name.to_owned()];
        }
        // What the compiler runs in is on the path: the Go tool puts it there.
        let beside = [asker.dir.as_path(), self.dir];
        let quoted = beside
            .into_iter()
            .chain(self.search.quoted.iter().map(PathBuf::as_path));
        let quoted = quoted.filter(|_| asked.how != How::Angled);
        let own = [self.dir].into_iter().filter(|_| asked.how == How::Angled);
        let path = self.search.missing.iter().chain(&self.search.angled);
        let mut places: Vec<PathBuf> = Vec::new();
        for dir in quoted.chain(own).chain(path.map(PathBuf::as_path)) {
            let place = normal(&dir.join(name));
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// What is included cannot be told: all that the user's own directories of the search path hold.
    fn add_all(&self, reached: &mut Reached, open: &mut Vec<(Asker, Arc<Directives>)>) {
        let path = self.search.quoted.iter().chain(&self.search.angled);
        let dirs = path.map(PathBuf::as_path).chain([self.dir]);
        for dir in dirs.filter(|dir| (self.disk.is_own)(dir)) {
            for file in (self.disk.all_below)(dir) {
                if reached.read.insert(file.clone()) {
                    open.extend(self.opened(&file));
                }
                reached.files.insert(file);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golang::cgo::directives;
    use std::collections::BTreeMap;

    /// The project is `/p`; the compiler runs in `/p/a` and looks in `/p/gen`, which is not there, `/p/inc`, and `/usr/include`.
    fn reached(files: &[(&str, &str)], first: &str, sources: &[&str]) -> Reached {
        let files: BTreeMap<PathBuf, &str> = files
            .iter()
            .map(|(path, text)| (PathBuf::from(path), *text))
            .collect();
        let disk = Disk {
            directives: &|path| Some(Arc::new(directives::read(files.get(path)?.as_bytes()))),
            is_file: &|path| files.contains_key(path),
            all_below: &|dir| {
                files
                    .keys()
                    .filter(|path| path.starts_with(dir))
                    .cloned()
                    .collect()
            },
            is_own: &|path| path.starts_with("/p"),
        };
        let search = Search {
            quoted: Vec::new(),
            angled: vec!["/p/inc".into(), "/usr/include".into()],
            missing: vec!["/p/gen".into()],
        };
        let walk = Walk {
            disk: &disk,
            search: &search,
            dir: Path::new("/p/a"),
        };
        let sources: Vec<PathBuf> = sources.iter().map(PathBuf::from).collect();
        walk.go(&directives::read(first.as_bytes()), &sources)
    }
    fn shown(paths: &BTreeSet<PathBuf>) -> Vec<String> {
        paths
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn files_are_found_along_the_path_and_through_each_other() {
        let found = reached(
            &[
                ("/p/a/x.c", "#include \"../b/b.h\"\n#include <stdio.h>\n"),
                ("/p/b/b.h", "#include \"c.h\"\n#include <d.h>\n"),
                ("/p/b/c.h", "#include \"b.h\"\n"),
                ("/p/inc/d.h", ""),
                ("/p/inc/unused.h", ""),
                ("/usr/include/stdio.h", "#include <bits.h>"),
                ("/usr/include/bits.h", ""),
            ],
            "#include \"_cgo_export.h\"\n",
            &["/p/a/x.c"],
        );
        assert_eq!(
            shown(&found.files),
            [
                "/p/b/b.h",
                "/p/b/c.h",
                "/p/inc/d.h",
                "/usr/include/bits.h",
                "/usr/include/stdio.h"
            ]
        );
        // A header nearer on the path would be another one; the system's are not waited for.
        assert_eq!(shown(&found.awaited), ["/p/a/d.h", "/p/gen/d.h"]);
        assert!(found.absent.contains(Path::new("/p/inc/stdio.h")));
        assert!(found.absent.contains(Path::new("/p/gen/bits.h")));
    }

    #[test]
    fn what_is_nowhere_is_waited_for() {
        let found = reached(&[("/p/a/x.c", "")], "#include \"made.h\"", &["/p/a/x.c"]);
        assert_eq!(
            shown(&found.awaited),
            ["/p/a/made.h", "/p/gen/made.h", "/p/inc/made.h"]
        );
        assert!(found.files.is_empty());
    }

    #[test]
    fn macros_lead_to_what_they_may_stand_for() {
        let files = [
            ("/p/a/x.c", "#include <conf.h>\n#include CONFIG\n"),
            ("/p/inc/conf.h", "#define CONFIG <one.h>\n"),
            ("/p/inc/one.h", "#include \"two.h\""),
            ("/p/inc/two.h", ""),
            ("/p/inc/deep/three.h", ""),
        ];
        let found = reached(&files, "", &["/p/a/x.c"]);
        assert_eq!(
            shown(&found.files),
            ["/p/inc/conf.h", "/p/inc/one.h", "/p/inc/two.h"]
        );
        let found = reached(&files, "#include NAME(x)", &[]);
        assert!(
            found.files.contains(Path::new("/p/inc/deep/three.h")),
            "it may be any"
        );
        let found = reached(&files[1..], "#include <conf.h>", &[]);
        assert_eq!(
            shown(&found.files),
            ["/p/inc/conf.h"],
            "nobody includes the macro"
        );
    }

    #[test]
    fn all_of_a_name_may_be_next() {
        let files = [
            ("/p/inc/x.h", "#include_next <x.h>"),
            ("/usr/include/x.h", ""),
        ];
        let found = reached(&files, "#include <x.h>", &[]);
        assert_eq!(shown(&found.files), ["/p/inc/x.h", "/usr/include/x.h"]);
    }

    #[test]
    fn data_is_not_read_any_further() {
        let files = [("/p/a/x.bin", "#include <d.h>"), ("/p/inc/d.h", "")];
        let found = reached(&files, "asm(\".incbin \\\"x.bin\\\"\");", &[]);
        assert_eq!(shown(&found.files), ["/p/a/x.bin"]);
        assert!(found.read.is_empty());
    }
}
