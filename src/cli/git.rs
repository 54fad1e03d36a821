//! What a git repository says about HEAD, read from its files: no process is started. Where the files are of a kind
//! that only git itself can read, there is no answer.

use crate::base::fs;
use std::path::{Path, PathBuf};

/// A repository as seen from a checkout.
struct Repository {
    /// Holds HEAD; a worktree has one of its own.
    own: PathBuf,
    /// Holds branches and packed references.
    common: PathBuf,
}

enum Head {
    Branch(String),
    Detached(String),
}

pub fn is_repository(dir: &Path) -> bool {
    find(dir).is_some()
}

/// The full commit of HEAD.
pub fn commit(dir: &Path) -> Option<String> {
    let repository = find(dir)?;
    match head(&repository)? {
        Head::Detached(commit) => Some(commit),
        Head::Branch(reference) => resolve(&repository, &reference),
    }
}

/// The branch's name; empty where HEAD is detached.
pub fn branch(dir: &Path) -> Option<String> {
    match head(&find(dir)?)? {
        Head::Detached(_) => Some(String::new()),
        // What a repository with another format of references says in HEAD.
        Head::Branch(reference) if reference == "refs/heads/.invalid" => None,
        Head::Branch(reference) => reference.strip_prefix("refs/heads/").map(str::to_owned),
    }
}

/// The files that are written when HEAD or a branch moves; none where no repository is.
pub fn heads(dir: &Path) -> Vec<PathBuf> {
    let Some(repository) = find(dir) else {
        return Vec::new();
    };
    let mut files = vec![
        repository.own.join("HEAD"),
        // Written at every move of HEAD, unless the user has turned that off.
        repository.own.join("logs/HEAD"),
        repository.common.join("packed-refs"),
        repository.common.join("refs/tags"),
        repository.common.join("config"),
    ];
    if let Some(Head::Branch(reference)) = head(&repository) {
        files.push(repository.common.join(reference));
    }
    files
}

fn find(dir: &Path) -> Option<Repository> {
    let dot_git = dir
        .ancestors()
        .map(|dir| dir.join(".git"))
        .find(|path| fs::stat(path).is_ok())?;
    // In a worktree or a submodule, `.git` is a file that says where the repository is.
    let own = match fs::read_text(&dot_git) {
        Ok(text) => dot_git.parent()?.join(text.strip_prefix("gitdir:")?.trim()),
        Err(_) => dot_git,
    };
    let common = match fs::read_text(&own.join("commondir")) {
        Ok(text) => own.join(text.trim()),
        Err(_) => own.clone(),
    };
    Some(Repository { own, common })
}

fn head(repository: &Repository) -> Option<Head> {
    let text = fs::read_text(&repository.own.join("HEAD")).ok()?;
    match text.strip_prefix("ref:") {
        Some(reference) => Some(Head::Branch(reference.trim().to_owned())),
        None => as_commit(&text).map(Head::Detached),
    }
}

/// A reference may point on to another one; git itself stops after five.
fn resolve(repository: &Repository, reference: &str) -> Option<String> {
    let mut reference = reference.to_owned();
    for _ in 0..5 {
        if reference.split('/').any(|part| part == "..") {
            return None;
        }
        let loose = [&repository.own, &repository.common]
            .iter()
            .find_map(|dir| fs::read_text(&dir.join(&reference)).ok());
        match loose {
            None => return packed(repository, &reference),
            Some(text) => match text.strip_prefix("ref:") {
                Some(next) => reference = next.trim().to_owned(),
                None => return as_commit(&text),
            },
        }
    }
    None
}

fn packed(repository: &Repository, reference: &str) -> Option<String> {
    let text = fs::read_text(&repository.common.join("packed-refs")).ok()?;
    text.lines().find_map(|line| {
        let (commit, name) = line.split_once(' ')?;
        if name == reference {
            as_commit(commit)
        } else {
            None
        }
    })
}

/// A remote's address without the user and password that somebody may have written into it.
pub fn without_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit('@').next().unwrap_or(authority);
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

/// SHA-1 or SHA-256 in hex.
fn as_commit(text: &str) -> Option<String> {
    let text = text.trim();
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && matches!(text.len(), 40 | 64)).then(|| text.to_owned())
}
