//! Asks the Go tool about packages. What the question and the answer look like is `golang`'s knowledge; this only starts
//! `go` and reads the test data directories that Go's answer points at.

use crate::base::fs;
use crate::base::path::{InputPath, ProjectPath};
use crate::execute::environment::{Variables, strict};
use crate::golang::list::{GoInputs, GoListError, GoRequest, list_args, parse_list};
use crate::golang::toolchain::{env_args, parse_env};
use crate::plan::query::{Answer, GoAnswer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The answer to a question about Go packages, or why there is none.
pub fn answer(root: &Path, caller: &Variables, query: &GoRequest) -> Answer {
    ask(root, caller, query).map_or_else(Answer::Failed, Answer::Go)
}

fn ask(root: &Path, caller: &Variables, request: &GoRequest) -> Result<GoAnswer, String> {
    let go = Go {
        root,
        caller,
        request,
    };
    let env = go.run(&env_args())?;
    let go_work = serde_json::from_slice::<BTreeMap<String, String>>(&env)
        .ok()
        .and_then(|env| {
            env.get("GOWORK")
                .filter(|path| !path.is_empty() && *path != "off")
                .map(PathBuf::from)
        });
    let mut facts = parse_env(&env, root).map_err(|error| error.to_string())?;
    let listed = go.run(&list_args(request))?;
    let exists = |path: &Path| fs::lstat(path).is_ok();
    let found = parse_list(&listed, root, request, go_work.as_deref(), exists)
        .map_err(|error| error.to_string())?;
    for module in &found.modules {
        facts.insert(format!("module {module}"), String::new());
    }
    Ok(GoAnswer {
        files: files(root, &found).map_err(|error| error.to_string())?,
        package_dirs: found.package_dirs,
        embeds: found.embeds,
        facts,
        tests: found.tests,
        errors: found.errors,
    })
}

/// All files that count, sorted: those that Go names, module files that would count if they were there, and what lies in
/// `testdata` directories.
fn files(root: &Path, found: &GoInputs) -> fs::FsResult<Vec<InputPath>> {
    let mut files: Vec<InputPath> = found.files.iter().chain(&found.absent).cloned().collect();
    for dir in &found.test_data_dirs {
        below(root, dir, &mut files)?;
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn below(root: &Path, dir: &ProjectPath, files: &mut Vec<InputPath>) -> fs::FsResult<()> {
    let mut open = vec![dir.clone()];
    while let Some(dir) = open.pop() {
        let Some(entries) = fs::if_exists(fs::list_dir(&dir.under(root)))? else {
            continue;
        };
        for entry in entries {
            let Some(Ok(path)) = entry.name.to_str().map(|name| dir.resolve(name)) else {
                continue;
            };
            if entry.is_dir {
                open.push(path);
            } else {
                files.push(InputPath::Project(path));
            }
        }
    }
    Ok(())
}

/// The Go tool, called for one request, in the environment of the command that the request is for.
struct Go<'a> {
    root: &'a Path,
    caller: &'a Variables,
    request: &'a GoRequest,
}

impl Go<'_> {
    fn run(&self, args: &[String]) -> Result<Vec<u8>, String> {
        let mut env = strict(self.caller);
        let own = self.request.env.iter();
        env.extend(own.map(|(name, value)| (name.into(), value.into())));
        let path = env.get(std::ffi::OsStr::new("PATH"));
        let dir = self.request.dir.under(self.root);
        let program = which::which_in("go", path, &dir)
            .map_err(|_| "the Go tool is needed, and PATH has no `go`".to_owned())?;
        let done = Command::new(program)
            .args(args)
            .env_clear()
            .envs(&env)
            .current_dir(&dir)
            .stdin(std::process::Stdio::null())
            .output()
            .map_err(|error| format!("`go {}` cannot be started: {error}", args[0]))?;
        if done.status.success() {
            return Ok(done.stdout);
        }
        let message = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        Err(GoListError::Failed { message }.to_string())
    }
}
