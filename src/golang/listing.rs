//! What `go list` printed, and the part of it that belongs to one of several requests which were asked in one call.
//! Does not know a disk.

use crate::base::hash::{HashMap, HashSet};
use crate::golang::list::{GoListError, GoRequest};
use crate::golang::package::Package;
use std::collections::BTreeMap;

/// The records of a call, in Go's order.
#[derive(Debug, Default)]
pub struct Listing {
    pub packages: Vec<Package>,
}

/// Requests that differ in their patterns alone, which one call of `go list` can answer; `of` holds their places in the list that
/// was given.
#[derive(Debug, PartialEq, Eq)]
pub struct Together {
    /// All patterns, each once.
    pub patterns: Vec<String>,
    pub of: Vec<usize>,
}

/// Which requests to ask in one call each.
pub fn together(requests: &[&GoRequest]) -> Vec<Together> {
    let mut groups: Vec<Together> = Vec::new();
    let mut known: BTreeMap<GoRequest, usize> = BTreeMap::new();
    for (at, request) in requests.iter().enumerate() {
        let bare = GoRequest {
            patterns: Vec::new(),
            ..(*request).clone()
        };
        let group = match known.get(&bare) {
            Some(&group) if names_packages(request) => &mut groups[group],
            _ => {
                if names_packages(request) {
                    known.insert(bare, groups.len());
                }
                groups.push(Together {
                    patterns: Vec::new(),
                    of: Vec::new(),
                });
                groups.last_mut().expect("just pushed")
            }
        };
        for pattern in &request.patterns {
            if !group.patterns.contains(pattern) {
                group.patterns.push(pattern.clone());
            }
        }
        group.of.push(at);
    }
    groups
}

/// Files of one package stand for it, and Go takes them with nothing beside them.
fn names_packages(request: &GoRequest) -> bool {
    request
        .patterns
        .iter()
        .all(|pattern| !pattern.ends_with(".go"))
}

impl Listing {
    /// # Errors
    /// When it is not the JSON of `go list -json`.
    pub fn read(json: &[u8]) -> Result<Self, GoListError> {
        let packages = serde_json::Deserializer::from_slice(json).into_iter();
        Ok(Self {
            packages: packages.collect::<Result<Vec<Package>, _>>()?,
        })
    }

    /// What a call for this request alone would have said: the packages that it names, with tests their tests, and all that these
    /// import. (The standard library's own dependencies are left out where Go does not say them; nobody asks for them.)
    pub fn part(&self, request: &GoRequest) -> Self {
        let patterns: HashSet<&str> = request.patterns.iter().map(String::as_str).collect();
        let is_named = |package: &Package| {
            package
                .r#match
                .iter()
                .any(|pattern| patterns.contains(pattern.as_str()))
        };
        let named: HashSet<&str> = self
            .packages
            .iter()
            .filter(|package| package.for_test.is_empty() && is_named(package))
            .map(|package| package.import_path.as_str())
            .collect();
        let is_start = |package: &Package| {
            let path = package.import_path.as_str();
            named.contains(path)
                || (request.tests
                    && (named.contains(package.for_test.as_str())
                        || path
                            .strip_suffix(".test")
                            .is_some_and(|tested| named.contains(tested))))
        };
        let reached = self.reached(is_start);
        let packages = self.packages.iter().zip(reached);
        Self {
            packages: packages
                .filter(|(_, is_reached)| *is_reached)
                .map(|(package, _)| {
                    let mut package = package.clone();
                    package.dep_only = !is_start(&package);
                    package
                })
                .collect(),
        }
    }

    /// For each record whether it is one of the first or imported by any that is.
    fn reached(&self, is_start: impl Fn(&Package) -> bool) -> Vec<bool> {
        let places: HashMap<&str, usize> = self
            .packages
            .iter()
            .enumerate()
            .map(|(at, package)| (package.import_path.as_str(), at))
            .collect();
        let mut reached: Vec<bool> = self.packages.iter().map(&is_start).collect();
        let mut open: Vec<usize> = (0..reached.len()).filter(|at| reached[*at]).collect();
        while let Some(at) = open.pop() {
            for import in &self.packages[at].imports {
                if let Some(&next) = places.get(import.as_str())
                    && !std::mem::replace(&mut reached[next], true)
                {
                    open.push(next);
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::path::ProjectPath;

    fn request(patterns: &[&str]) -> GoRequest {
        GoRequest {
            patterns: patterns.iter().map(|&text| text.to_owned()).collect(),
            ..GoRequest::new(ProjectPath::root())
        }
    }

    #[test]
    fn requests_that_differ_in_patterns_are_asked_together() {
        let (a, b, all) = (
            request(&["./a"]),
            request(&["./b", "./a"]),
            request(&["./..."]),
        );
        let file = request(&["main.go"]);
        let arm = GoRequest {
            arch: Some("arm64".to_owned()),
            ..request(&["./a"])
        };
        let groups = together(&[&a, &file, &arm, &b, &all]);
        let shown: Vec<String> = groups
            .iter()
            .map(|group| format!("{} {:?}", group.patterns.join(" "), group.of))
            .collect();
        assert_eq!(shown, ["./a ./b ./... [0, 3, 4]", "main.go [1]", "./a [2]"]);
    }

    #[test]
    fn a_part_holds_what_a_call_of_its_own_would() {
        let listing = Listing::read(
            br#"{"ImportPath":"fmt","Standard":true,"DepOnly":true}
            {"ImportPath":"m/lib","Imports":["fmt"],"DepOnly":true}
            {"ImportPath":"m/a","Match":["./a"],"Imports":["m/lib"]}
            {"ImportPath":"m/b","Match":["./b","./..."],"Imports":["m/a","m/gone"]}
            {"ImportPath":"m/gone","DepOnly":true,"Error":{"Err":"no"}}
            {"ImportPath":"m/help","DepOnly":true}
            {"ImportPath":"m/a_test [m/a.test]","ForTest":"m/a","Imports":["m/help"]}
            {"ImportPath":"m/a.test","Imports":["m/a","m/a_test [m/a.test]"]}"#,
        )
        .unwrap();
        let part = |patterns: &[&str], tests| -> Vec<String> {
            let request = GoRequest {
                tests,
                ..request(patterns)
            };
            let part = listing.part(&request);
            let mark = |package: &Package| if package.dep_only { "-" } else { "" };
            part.packages
                .iter()
                .map(|package| format!("{}{}", mark(package), package.import_path))
                .collect()
        };
        assert_eq!(part(&["./a"], false), ["-fmt", "-m/lib", "m/a"]);
        assert_eq!(
            part(&["./..."], false),
            ["-fmt", "-m/lib", "-m/a", "m/b", "-m/gone"]
        );
        assert_eq!(
            part(&["./a"], true),
            [
                "-fmt",
                "-m/lib",
                "m/a",
                "-m/help",
                "m/a_test [m/a.test]",
                "m/a.test"
            ]
        );
    }
}
