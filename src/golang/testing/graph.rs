//! Which contents the tests of each package can see, by the import graph that `go list -deps -test` prints. In it a package that is built
//! another way for the tests of `p` is an entry of its own, `q [p.test]`, and imports name such entries.

use crate::base::digest::{Digest, FieldHasher};
use crate::base::hash::HashMap;
use crate::base::path::InputPath;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The packages that count, each behind those that it imports; the standard library's are the toolchain's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestGraph {
    /// The files of all packages, sorted.
    files: Vec<InputPath>,
    nodes: Vec<Node>,
    tested: Vec<Tested>,
}

/// A package as it is built for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Node {
    /// What it is called, without what it is built for.
    import_path: String,
    /// Its own files, by their place among those of all.
    files: Vec<u32>,
    /// `path@version` of a module whose files are not looked at.
    module: Option<String>,
    imports: Vec<u32>,
}

/// A package that was named, with what its test binary is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    pub import_path: String,
    /// The directory where its tests run.
    pub dir: InputPath,
    /// What its tests see; None: it has no tests, and only counts for coverage.
    binary: Option<u32>,
    /// The package itself.
    package: u32,
}

/// An entry of the list, as far as it counts here.
#[derive(Debug, Clone, Default)]
pub struct Entry<'a> {
    /// `q [p.test]`, `p_test [p.test]`, `p.test`, or plain.
    pub import_path: &'a str,
    pub dir: Option<InputPath>,
    pub files: Vec<InputPath>,
    pub module: Option<String>,
    pub imports: Vec<&'a str>,
    /// It was named on the command line, or is the test binary of what was.
    pub is_named: bool,
}

impl TestGraph {
    /// `entries` in the order of the list: what is imported comes first. An import that is not among the entries before
    /// is the standard library's, or could not be found, which the list says elsewhere.
    pub fn of(entries: &[Entry<'_>]) -> Self {
        let files: BTreeSet<&InputPath> = entries.iter().flat_map(|entry| &entry.files).collect();
        let mut graph = Self {
            files: files.into_iter().cloned().collect(),
            ..Self::default()
        };
        let mut known: HashMap<String, u32> = HashMap::default();
        let mut named = Vec::new();
        for entry in entries {
            let id = u32::try_from(graph.nodes.len()).expect("fewer packages than that");
            let imports = entry.imports.iter();
            let imports = imports.filter_map(|import| known.get(*import).copied());
            let mut imports: Vec<u32> = imports.collect();
            imports.sort_unstable();
            imports.dedup();
            let is_binary = |path: &str| known.contains_key(path) && entry.files.is_empty();
            let binary_of = entry.import_path.strip_suffix(".test");
            if let (true, Some(dir)) = (entry.is_named, &entry.dir)
                && !binary_of.is_some_and(is_binary)
            {
                named.push((entry.import_path.to_owned(), dir.clone(), id));
            }
            known.insert(entry.import_path.to_owned(), id);
            let own = entry.files.iter();
            let own = own.filter_map(|file| graph.files.binary_search(file).ok());
            graph.nodes.push(Node {
                import_path: plain(entry.import_path).to_owned(),
                files: own.filter_map(|at| u32::try_from(at).ok()).collect(),
                module: entry.module.clone(),
                imports,
            });
        }
        graph.tested = named
            .into_iter()
            .map(|(import_path, dir, package)| Tested {
                binary: known.get(&format!("{import_path}.test")).copied(),
                import_path,
                dir,
                package,
            })
            .collect();
        graph
    }

    /// The packages that were named, in the order of the list.
    pub fn tested(&self) -> &[Tested] {
        &self.tested
    }

    /// The files of all packages: what [`TestGraph::seen`] asks for.
    pub fn files(&self) -> &[InputPath] {
        &self.files
    }

    /// A digest for each of [`TestGraph::tested`] of all contents that its tests can see, or that it consists of where it has no
    /// tests. `content` is what a file holds; None: it could not be read, and is counted as that.
    ///
    /// Linear in packages, files and imports: what a package sees is its own files and what the packages that it imports see.
    pub fn seen(&self, content: impl Fn(&InputPath) -> Option<Digest>) -> Vec<Digest> {
        let contents: Vec<Option<Digest>> = self.files.iter().map(content).collect();
        let mut digests: Vec<Digest> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let mut hasher = FieldHasher::new();
            hasher
                .field(node.import_path.as_bytes())
                .field(node.module.as_deref().unwrap_or_default().as_bytes())
                .field(&(node.files.len() as u64).to_le_bytes());
            for &file in &node.files {
                let at = file as usize;
                let content = contents[at].as_ref();
                hasher
                    .field(self.files[at].to_string().as_bytes())
                    .field(content.map_or(&[][..], |digest| &digest.0));
            }
            for &import in &node.imports {
                // An import comes before what imports it, see `of`.
                hasher.field(&digests[import as usize].0);
            }
            digests.push(hasher.finish());
        }
        let seen = self.tested.iter();
        seen.map(|one| digests[one.binary.unwrap_or(one.package) as usize])
            .collect()
    }
}

impl Tested {
    pub fn has_tests(&self) -> bool {
        self.binary.is_some()
    }
}

/// `q [p.test]` is `q`.
fn plain(import_path: &str) -> &str {
    import_path
        .split_once(' ')
        .map_or(import_path, |(plain, _)| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> InputPath {
        InputPath::Outside(name.into())
    }
    fn entry<'a>(import_path: &'a str, files: &[&str], imports: &[&'a str]) -> Entry<'a> {
        Entry {
            import_path,
            files: files.iter().map(|name| file(name)).collect(),
            imports: imports.to_vec(),
            ..Entry::default()
        }
    }
    fn named<'a>(import_path: &'a str, files: &[&str], imports: &[&'a str]) -> Entry<'a> {
        Entry {
            is_named: true,
            dir: Some(file(import_path)),
            ..entry(import_path, files, imports)
        }
    }

    /// `low` <- `mid` <- `top`; `mid` and `top` have tests, `top`'s from outside of it.
    fn graph() -> TestGraph {
        TestGraph::of(&[
            Entry {
                module: Some("ex.com/third@v1".to_owned()),
                ..entry("ex.com/third", &[], &["fmt"])
            },
            named("low", &["low.go"], &["fmt", "ex.com/third"]),
            named("mid", &["mid.go"], &["low"]),
            entry(
                "mid [mid.test]",
                &["mid.go", "mid_test.go"],
                &["low", "testing"],
            ),
            named("mid.test", &[], &["mid [mid.test]", "testing"]),
            named("top", &["top.go"], &["mid"]),
            entry("top_test [top.test]", &["top_test.go"], &["top", "testing"]),
            entry("top.test", &[], &["top_test [top.test]"]),
        ])
    }
    fn seen(graph: &TestGraph, changed: &str) -> Vec<Digest> {
        graph.seen(|path| Some(Digest::of(&[u8::from(*path == file(changed))])))
    }
    fn moved(changed: &str) -> Vec<String> {
        let graph = graph();
        let (before, after) = (seen(&graph, ""), seen(&graph, changed));
        let pairs = graph.tested().iter().zip(before.iter().zip(&after));
        pairs
            .filter(|(_, (before, after))| before != after)
            .map(|(one, _)| one.import_path.clone())
            .collect()
    }

    #[test]
    fn a_change_is_seen_by_what_imports_it() {
        assert_eq!(moved("low.go"), ["low", "mid", "top"]);
        assert_eq!(moved("mid.go"), ["mid", "top"]);
        assert_eq!(
            moved("mid_test.go"),
            ["mid"],
            "a test's file is nobody else's"
        );
        assert_eq!(moved("top.go"), ["top"]);
        assert_eq!(moved("top_test.go"), ["top"]);
    }

    #[test]
    fn packages_without_tests_are_told() {
        let graph = graph();
        let with: Vec<_> = graph.tested().iter().map(Tested::has_tests).collect();
        assert_eq!(with, [false, true, true]);
    }

    #[test]
    fn another_version_of_a_module_is_seen() {
        let mut other = graph();
        other.nodes[0].module = Some("ex.com/third@v2".to_owned());
        let (before, after) = (seen(&graph(), ""), seen(&other, ""));
        assert!(
            before
                .iter()
                .zip(&after)
                .all(|(before, after)| before != after)
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_another_content() {
        let graph = graph();
        let without = graph.seen(|path| (*path != file("top.go")).then(|| Digest::of(&[0])));
        let before = seen(&graph, "");
        assert_eq!(before[..2], without[..2]);
        assert_ne!(before[2], without[2]);
    }
}
