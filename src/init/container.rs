//! The image of a Dockerfile: made of files by gomake itself where the last stage only copies one Go program that is known, else by an
//! engine, from the Dockerfile as it is.

use crate::base::fs::{self, FsError};
use crate::image::dockerfile::{Copied, Ending, ending, reads};
use crate::image::reference::Reference;
use crate::init::modules::Found;
use crate::init::walk::Survey;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What an `image` target says.
#[derive(Debug)]
pub enum Container {
    Files(Box<Files>),
    /// From the Dockerfile of this name.
    Dockerfile(&'static str),
}

/// A base, with a Go program in it.
#[derive(Debug)]
pub struct Files {
    /// The Dockerfile that it was taken from.
    pub from: &'static str,
    /// Which of the module's programs, by place.
    pub module: usize,
    pub program: usize,
    /// Where the program goes.
    pub path: String,
    /// What comes from gomake instead of the stage that is copied from.
    pub add: Vec<&'static str>,
    pub ending: Ending,
}

/// What is no Dockerfile is left out with a note: planning would refuse the whole Gofile for it.
pub fn find(
    root: &Path,
    survey: &mut Survey,
    go: &Found,
    errors: &mut Vec<FsError>,
) -> Option<Container> {
    let names = ["Dockerfile", "Containerfile"];
    let name = names.into_iter().find(|name| survey.has("", name))?;
    let bytes = match fs::read(&root.join(name)) {
        Ok(bytes) => bytes,
        Err(error) => {
            errors.push(error);
            return None;
        }
    };
    let text = match text(&bytes) {
        Ok(text) => text,
        Err(reason) => {
            let note = format!("{name} is left out: {reason}");
            survey.notes.push(note);
            return None;
        }
    };
    let files = ending(text).and_then(|ending| of_files(name, ending, go));
    Some(files.map_or(Container::Dockerfile(name), |files| {
        Container::Files(Box::new(files))
    }))
}

/// The text of a file that planning can read, or why it cannot.
fn text(bytes: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())?;
    match reads(text, None, &BTreeMap::new()) {
        Ok(_) => Ok(text),
        Err(error) => Err(error.to_string()),
    }
}

fn of_files(from: &'static str, mut ending: Ending, go: &Found) -> Option<Files> {
    for entries in [&mut ending.env, &mut ending.labels] {
        keep_last(entries);
    }
    if ending.base != "scratch" {
        ending.base.parse::<Reference>().ok()?;
    }
    let mut add = Vec::new();
    let mut copied = None;
    for copy in &ending.copies {
        match addition(&copy.source) {
            Some(name) if !add.contains(&name) => add.push(name),
            Some(_) => {}
            None if copied.is_none() => copied = Some(copy),
            None => return None,
        }
    }
    let copied = copied?;
    let path = destination(copied, &ending)?;
    let (module, program) = program(&path, copied, &ending, go)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let user = ending.user.as_deref().unwrap_or("0");
    let user_is_plain = user.split(':').count() <= 2
        && user
            .split(':')
            .all(|name| !name.is_empty() && name.chars().all(is_name));
    if user.starts_with("nonroot") && ending.base == "scratch" && !add.contains(&"passwd") {
        add.push("passwd");
    }
    let ports_are_plain = ending.ports.iter().all(|port| is_port(port));
    // What cgo links to is in the base of the author's choice, if anywhere.
    let env_is_plain = ending.env.iter().all(|(name, _)| !name.is_empty());
    let is_plain = env_is_plain && user_is_plain && ports_are_plain && !go.modules[module].has_cgo;
    is_plain.then_some(Files {
        from,
        module,
        program,
        path,
        add,
        ending,
    })
}

/// What is said later holds.
fn keep_last(entries: &mut Vec<(String, String)>) {
    let said = std::mem::take(entries);
    for (name, value) in said {
        entries.retain(|(known, _)| *known != name);
        entries.push((name, value));
    }
}

/// What gomake has of its own, by the path that it is usually copied from.
fn addition(source: &str) -> Option<&'static str> {
    match source.trim_end_matches('/') {
        "/etc/ssl/certs/ca-certificates.crt" | "/etc/ssl/certs" | "/etc/ssl" => {
            Some("ca-certificates")
        }
        "/usr/share/zoneinfo" => Some("tzdata"),
        "/etc/passwd" => Some("passwd"),
        _ => None,
    }
}

/// Where a file is in the image: as it is called there, or under its own name in a directory. Which of the two, the program that is
/// started tells where the destination does not.
fn destination(copied: &Copied, ending: &Ending) -> Option<String> {
    let name = copied
        .source
        .rsplit('/')
        .next()
        .filter(|name| !name.is_empty())?;
    let place = join(&copied.workdir, &copied.destination);
    let is_dir =
        copied.destination.ends_with('/') || matches!(copied.destination.as_str(), "." | "..");
    let inside = join(&place, name);
    if is_dir {
        return Some(inside);
    }
    [place, inside]
        .into_iter()
        .find(|path| is_started(path, ending))
}

/// Whether a file is the program that the image starts.
fn is_started(path: &str, ending: &Ending) -> bool {
    let Some(started) = ending.entrypoint.first().or(ending.cmd.first()) else {
        return false;
    };
    match started.contains('/') {
        true => join(ending.workdir.as_deref().unwrap_or("/"), started) == path,
        // Found on PATH.
        false => path.rsplit('/').next() == Some(started),
    }
}

/// An absolute path without `.` and `..`.
fn join(dir: &str, path: &str) -> String {
    let whole = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{dir}/{path}"),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The one program that it can be: the one that is called so, or the only one if it comes out of a stage that has Go and is what the
/// image starts. Stages of other languages make files, too, and images of others hold any.
fn program(path: &str, copied: &Copied, ending: &Ending, go: &Found) -> Option<(usize, usize)> {
    if !copied.is_of_stage {
        return None;
    }
    let all = || {
        let modules = go.modules.iter().enumerate();
        modules.flat_map(|(at, module)| {
            let programs = module.programs.iter().enumerate();
            programs.map(move |(program, told)| ((at, program), told))
        })
    };
    let called = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut names = BTreeSet::from([called(&copied.source)]);
    if copied.is_of_go {
        names.insert(called(path));
    }
    let mut named = all().filter(|(_, program)| names.contains(&program.name));
    match (named.next(), named.next()) {
        (Some((place, _)), None) => return Some(place),
        (Some(_), Some(_)) => return None,
        (None, _) => {}
    }
    let mut places = all().map(|(place, _)| place);
    match (places.next(), places.next()) {
        (Some(only), None) if copied.is_of_go && is_started(path, ending) => Some(only),
        _ => None,
    }
}

/// `8080`, `53/udp`.
fn is_port(text: &str) -> bool {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    matches!(protocol, "tcp" | "udp" | "sctp") && number.parse::<u16>().is_ok_and(|port| port > 0)
}
