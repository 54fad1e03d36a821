//! Dotenv files: `NAME=value` lines that stand in for variables which the caller has not set. Nothing is expanded.

use crate::base::fs::{self, FsError};
use crate::plan::script::is_shells_own;
use miette::Diagnostic;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use thiserror::Error;

#[derive(Debug, Error, Diagnostic)]
pub enum DotenvError {
    #[error("{file}:{line}: {reason}")]
    #[diagnostic(
        code(gomake::dotenv::line),
        help("a line is `NAME=value`, `export NAME=value`, or a comment that starts with `#`")
    )]
    Line {
        file: String,
        line: usize,
        reason: &'static str,
    },
    #[error(transparent)]
    #[diagnostic(code(gomake::dotenv::unreadable))]
    Unreadable(#[from] FsError),
}

/// What dotenv files add.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dotenv {
    /// Only variables that the caller has not set; a later file does not override an earlier one.
    pub added: BTreeMap<String, String>,
    /// Names that no dotenv file may set, because they decide which code runs: file and name.
    pub refused: Vec<(String, String)>,
}

/// Reads the files, relative to `root`; those that are not there add nothing.
///
/// # Errors
/// For a file that cannot be read, and for the first line of a file that is no assignment.
pub fn load(
    root: &Path,
    files: &[String],
    caller: &BTreeMap<OsString, OsString>,
) -> Result<Dotenv, DotenvError> {
    let mut dotenv = Dotenv::default();
    for file in files {
        let Some(text) = fs::if_exists(fs::read_text(&root.join(file)))? else {
            continue;
        };
        for (name, value) in parse(file, &text)? {
            if is_protected(&name) {
                dotenv.refused.push((file.clone(), name));
            } else if !caller.contains_key(OsStr::new(&name)) {
                dotenv.added.entry(name).or_insert(value);
            }
        }
    }
    Ok(dotenv)
}

/// Whether a variable changes which code runs, beyond what a file of values should be able to.
pub fn is_protected(name: &str) -> bool {
    const MORE: &[&str] = &[
        "GOCACHEPROG",
        "NODE_OPTIONS",
        "PERL5OPT",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "RUBYOPT",
    ];
    is_shells_own(name) || MORE.contains(&name)
}

/// The assignments of a dotenv text in order; of two with the same name, the last one counts, as in a shell.
///
/// # Errors
/// For the first line that is no assignment.
pub fn parse(file: &str, text: &str) -> Result<BTreeMap<String, String>, DotenvError> {
    let mut values = BTreeMap::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        match assignment(line) {
            Ok(Some((name, value))) => {
                values.insert(name.to_owned(), value);
            }
            Ok(None) => {}
            Err(reason) => {
                return Err(DotenvError::Line {
                    file: file.to_owned(),
                    line: at + 1,
                    reason,
                });
            }
        }
    }
    Ok(values)
}

fn assignment(line: &str) -> Result<Option<(&str, String)>, &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let line = line
        .strip_prefix("export")
        .filter(|rest| rest.starts_with([' ', '\t']))
        .map_or(line, str::trim_start);
    let (name, value) = line.split_once('=').ok_or("there is no `=`")?;
    let name = name.trim_end();
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err("before the `=` there is no variable's name");
    }
    let value = value.trim_start();
    let value = match value.chars().next() {
        Some('\'') => single_quoted(&value[1..])?,
        Some('"') => double_quoted(&value[1..])?,
        _ => unquoted(value).to_owned(),
    };
    if value.contains('\0') {
        return Err("a variable cannot hold a NUL byte");
    }
    Ok(Some((name, value)))
}
/// Up to a ` #` comment.
fn unquoted(value: &str) -> &str {
    if value.starts_with('#') {
        return "";
    }
    let end = [" #", "\t#"]
        .iter()
        .filter_map(|mark| value.find(mark))
        .min();
    value[..end.unwrap_or(value.len())].trim_end()
}
fn single_quoted(rest: &str) -> Result<String, &'static str> {
    let (value, after) = rest
        .split_once('\'')
        .ok_or("the `'` is not closed on its line")?;
    nothing_but_comment(after)?;
    Ok(value.to_owned())
}
fn double_quoted(rest: &str) -> Result<String, &'static str> {
    let mut value = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next().ok_or("the `\"` is not closed on its line")? {
            '"' => break,
            '\\' => match chars.next().ok_or("the `\"` is not closed on its line")? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                plain @ ('\\' | '"' | '$' | '`') => value.push(plain),
                other => value.extend(['\\', other]),
            },
            plain => value.push(plain),
        }
    }
    nothing_but_comment(chars.as_str())?;
    Ok(value)
}
fn nothing_but_comment(after: &str) -> Result<(), &'static str> {
    let after = after.trim_start();
    if after.is_empty() || after.starts_with('#') {
        Ok(())
    } else {
        Err("there is text after the closing quote")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &str) -> Option<String> {
        parse(".env", line).unwrap().into_values().next()
    }

    #[test]
    fn reads_the_usual_forms() {
        assert_eq!(value("A=b"), Some("b".into()));
        assert_eq!(value("export A = b c  # note"), Some("b c".into()));
        assert_eq!(value("A=x#y"), Some("x#y".into()));
        assert_eq!(value("A="), Some(String::new()));
        assert_eq!(value("A=#none"), Some(String::new()));
        assert_eq!(value("A='$b \\n' # c"), Some("$b \\n".into()));
        assert_eq!(
            value(r#"A="a\nb \"c\" \$d \q""#),
            Some("a\nb \"c\" $d \\q".into())
        );
        assert_eq!(value("exported=1"), Some("1".into()));
        assert_eq!(value("# A=b"), None);
        assert_eq!(value("\u{feff}A=b\r\n"), Some("b".into()));
    }

    #[test]
    fn bad_lines_say_where_and_why() {
        let said = |text: &str| parse(".env", text).unwrap_err().to_string();
        assert_eq!(said("A=1\nwhat"), ".env:2: there is no `=`");
        assert_eq!(
            said("1A=1"),
            ".env:1: before the `=` there is no variable's name"
        );
        assert_eq!(said("A='x"), ".env:1: the `'` is not closed on its line");
        assert_eq!(
            said("A=\"x\" y"),
            ".env:1: there is text after the closing quote"
        );
    }

    #[test]
    fn never_overrides_the_caller_and_never_sets_what_decides_code() {
        let dir = tempfile::tempdir().unwrap();
        fs::write_atomic(
            &dir.path().join(".env"),
            b"A=file\nB=file\nPATH=/evil\nLD_PRELOAD=x.so\nBASH_ENV=y\n",
        )
        .unwrap();
        fs::write_atomic(&dir.path().join("b.env"), b"B=second\nC=second\n").unwrap();
        let caller = BTreeMap::from([("A".into(), "caller".into())]);
        let files = [".env".to_owned(), "none.env".to_owned(), "b.env".to_owned()];
        let dotenv = load(dir.path(), &files, &caller).unwrap();
        let added: Vec<_> = dotenv
            .added
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(added, ["B=file", "C=second"]);
        let refused: Vec<_> = dotenv
            .refused
            .iter()
            .map(|(_, name)| name.as_str())
            .collect();
        assert_eq!(refused, ["BASH_ENV", "LD_PRELOAD", "PATH"]);
    }
}
