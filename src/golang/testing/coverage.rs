//! Coverage profiles as `go test -coverprofile` writes them (`golang.org/x/tools/cover` has the format): a line with the mode, then
//! `import/path/file.go:line.column,line.column statements count` for each block.

use std::collections::BTreeMap;

/// A profile, its blocks by package. The blocks of a package stay in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// `set`, `count` or `atomic`; empty while there is none.
    pub mode: String,
    /// By import path, each block's line without its end.
    pub packages: BTreeMap<String, Vec<String>>,
}

/// What is no profile, or does not go together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CoverageError {
    #[error("line {line} of the coverage profile is not understood: {text}")]
    Line { line: usize, text: String },
    #[error("coverage profiles of the modes {one} and {other} cannot be put together")]
    Mode { one: String, other: String },
}

impl Profile {
    /// # Errors
    /// At the first line that is not of the format.
    pub fn read(text: &str) -> Result<Self, CoverageError> {
        let mut profile = Self::default();
        for (at, line) in text.lines().enumerate() {
            let not_understood = || CoverageError::Line {
                line: at + 1,
                text: line.to_owned(),
            };
            if let Some(mode) = line.strip_prefix("mode: ") {
                profile.take_mode(mode)?;
                continue;
            }
            let package = package_of(line).ok_or_else(not_understood)?;
            if profile.mode.is_empty() {
                return Err(not_understood());
            }
            let blocks = profile.packages.entry(package.to_owned()).or_default();
            blocks.push(line.to_owned());
        }
        Ok(profile)
    }

    /// Adds another run's blocks, behind those that are there: tests of several packages may run the same block, and Go's own
    /// tools add up the lines of one block.
    ///
    /// # Errors
    /// When the modes differ.
    pub fn add(&mut self, other: Self) -> Result<(), CoverageError> {
        if !other.mode.is_empty() {
            self.take_mode(&other.mode)?;
        }
        for (package, blocks) in other.packages {
            self.packages.entry(package).or_default().extend(blocks);
        }
        Ok(())
    }

    /// As a file. Packages come by name, so that the same runs in another order give the same bytes.
    pub fn text(&self) -> String {
        let mut text = format!("mode: {}\n", self.mode);
        for line in self.packages.values().flatten() {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    fn take_mode(&mut self, mode: &str) -> Result<(), CoverageError> {
        if !self.mode.is_empty() && self.mode != mode {
            return Err(CoverageError::Mode {
                one: self.mode.clone(),
                other: mode.to_owned(),
            });
        }
        mode.clone_into(&mut self.mode);
        Ok(())
    }
}

/// `a/b/x.go:1.2,3.4 5 6` is of `a/b`. None: it is no block.
fn package_of(line: &str) -> Option<&str> {
    let (file, block) = line.rsplit_once(':')?;
    let mut parts = block.split(' ');
    let (range, statements, count) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_place = |text: &str| {
        let place = text.split_once('.');
        place.is_some_and(|(line, column)| is_number(line) && is_number(column))
    };
    let (from, to) = range.split_once(',')?;
    let is_block = is_place(from)
        && is_place(to)
        && is_number(statements)
        && is_number(count)
        && parts.next().is_none();
    is_block.then(|| file.rsplit_once('/').map_or("", |(package, _)| package))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "mode: set\nex.com/b/b.go:3.13,5.2 1 1\nex.com/a/a b.go:1.1,2.2 2 0\nex.com/b/b.go:7.1,8.2 1 0\n";

    #[test]
    fn blocks_are_kept_by_package() {
        let profile = Profile::read(ONE).unwrap();
        let packages: Vec<_> = profile
            .packages
            .iter()
            .map(|(package, blocks)| (package.as_str(), blocks.len()))
            .collect();
        assert_eq!(packages, [("ex.com/a", 1), ("ex.com/b", 2)]);
        assert_eq!(
            profile.text(),
            "mode: set\nex.com/a/a b.go:1.1,2.2 2 0\nex.com/b/b.go:3.13,5.2 1 1\nex.com/b/b.go:7.1,8.2 1 0\n"
        );
        assert_eq!(Profile::read(&profile.text()).unwrap(), profile);
    }

    #[test]
    fn runs_are_put_together() {
        let mut all = Profile::default();
        all.add(Profile::read(ONE).unwrap()).unwrap();
        all.add(Profile::read("mode: set\nex.com/a/c.go:1.1,2.2 2 1\n").unwrap())
            .unwrap();
        assert_eq!(all.packages["ex.com/a"].len(), 2);
        let other = Profile::read("mode: atomic\n").unwrap();
        assert!(matches!(all.add(other), Err(CoverageError::Mode { .. })));
    }

    #[test]
    fn what_is_no_profile_is_refused_by_line() {
        let at = |text: &str| match Profile::read(text) {
            Err(CoverageError::Line { line, .. }) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(at("ex.com/a/a.go:1.1,2.2 2 0\n"), 1, "no mode");
        for line in [
            "x",
            "a.go:1,2 1 1",
            "a.go:1.1,2.2 1",
            "a.go:1.1,2.2 1 1 1",
            "a.go:1.1,2.2 1 -1",
            "",
        ] {
            assert_eq!(at(&format!("mode: set\n{line}\n")), 2, "{line:?}");
        }
    }
}
