//! The snippets of `docs/ci.md` are valid: YAML is parsed and its shape compared with what GitHub Actions and GitLab CI know,
//! a Jenkinsfile is read as far as strings, comments and brackets go, every script passes `sh -n`, and every call of gomake
//! is one that its own flags accept.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads a document and starts a shell"
)]

use gomake::cli::args::Args;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use yaml_rust2::{Yaml, YamlLoader};

/// A fenced block that stands for a file.
struct Snippet {
    file: String,
    text: String,
}

fn snippets() -> Vec<Snippet> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md");
    let text = fs::read_to_string(path).unwrap();
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else {
            continue;
        };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some((_, file)) = info.split_once(" file=") {
            found.push(Snippet {
                file: file.to_owned(),
                text: body.join("\n") + "\n",
            });
        }
    }
    found
}

/// What is wrong with a snippet.
fn faults(snippet: &Snippet) -> Vec<String> {
    let mut faults = Vec::new();
    let found = if snippet.file.ends_with("Jenkinsfile") {
        jenkinsfile(&snippet.text)
    } else {
        yaml(&snippet.text).map(|yaml| match snippet.file.as_str() {
            ".gitlab-ci.yml" => gitlab(&yaml, &mut faults),
            _ => github(&yaml, &mut faults),
        })
    };
    match found {
        Ok(scripts) => scripts
            .iter()
            .for_each(|script| faults.extend(script_faults(script))),
        Err(fault) => faults.push(fault),
    }
    faults
}

#[test]
fn every_snippet_is_valid() {
    let snippets = snippets();
    let files: Vec<&str> = snippets.iter().map(|one| one.file.as_str()).collect();
    assert_eq!(
        files,
        [
            ".github/workflows/ci.yml",
            ".github/workflows/affected.yml",
            ".github/workflows/image.yml",
            ".gitlab-ci.yml",
            "Jenkinsfile"
        ]
    );
    for snippet in &snippets {
        assert_eq!(faults(snippet), Vec::<String>::new(), "{}", snippet.file);
        assert!(snippet.text.contains("gomake "), "{}", snippet.file);
    }
}

#[test]
fn the_page_has_what_a_job_needs() {
    let all: String = snippets().into_iter().map(|one| one.text).collect();
    for needed in [
        "GOMAKE_CACHE_DIR",
        "actions/cache@",
        "restore-keys",
        "fallback_keys",
        "--junit",
        "--affected-by",
        "--list --json",
        "--push",
        "docker/login-action@",
        "withCredentials",
    ] {
        assert!(all.contains(needed), "{needed}");
    }
}

// YAML

fn yaml(text: &str) -> Result<Yaml, String> {
    let mut documents = YamlLoader::load_from_str(text).map_err(|error| error.to_string())?;
    match documents.len() {
        1 => Ok(documents.remove(0)),
        many => Err(format!("{many} documents")),
    }
}

fn keys(map: &Yaml) -> Vec<&str> {
    let entries = map.as_hash().into_iter().flatten();
    entries.filter_map(|(key, _)| key.as_str()).collect()
}

fn known(what: &str, map: &Yaml, allowed: &[&str], faults: &mut Vec<String>) {
    if map.as_hash().is_none() {
        faults.push(format!("{what} is no map"));
    }
    for key in keys(map) {
        if !allowed.contains(&key) {
            faults.push(format!("{what} has no key {key}"));
        }
    }
}

/// Every text in a value.
fn texts<'a>(value: &'a Yaml, out: &mut Vec<&'a str>) {
    match value {
        Yaml::String(text) => out.push(text),
        Yaml::Array(items) => items.iter().for_each(|item| texts(item, out)),
        Yaml::Hash(map) => map.values().for_each(|item| texts(item, out)),
        _ => {}
    }
}

const ACTIONS: &[(&str, &[&str])] = &[
    ("actions/checkout@v4", &["fetch-depth"]),
    ("actions/cache@v4", &["path", "key", "restore-keys"]),
    ("actions/upload-artifact@v4", &["name", "path"]),
    (
        "docker/login-action@v3",
        &["registry", "username", "password"],
    ),
];

/// A workflow, as "Workflow syntax for GitHub Actions" has it. Gives its scripts.
fn github(flow: &Yaml, faults: &mut Vec<String>) -> Vec<String> {
    known(
        "the workflow",
        flow,
        &["name", "on", "jobs", "permissions", "env"],
        faults,
    );
    known("on", &flow["on"], &["push", "pull_request"], faults);
    let mut scripts = Vec::new();
    let jobs: BTreeSet<&str> = keys(&flow["jobs"]).into_iter().collect();
    if jobs.is_empty() {
        faults.push("no jobs".to_owned());
    }
    for name in &jobs {
        let job = &flow["jobs"][*name];
        let allowed = [
            "runs-on",
            "needs",
            "if",
            "env",
            "outputs",
            "permissions",
            "strategy",
            "steps",
        ];
        known(name, job, &allowed, faults);
        if job["runs-on"].as_str().is_none() {
            faults.push(format!("{name} runs on nothing"));
        }
        if let Some(needs) = job["needs"].as_str().filter(|needs| !jobs.contains(needs)) {
            faults.push(format!("{name} needs {needs}, which is no job"));
        }
        let steps = job["steps"].as_vec().cloned().unwrap_or_default();
        if steps.is_empty() {
            faults.push(format!("{name} has no steps"));
        }
        for step in &steps {
            scripts.extend(github_step(name, step, faults));
        }
        expressions(flow, job, &steps, faults);
    }
    scripts
}

fn github_step(job: &str, step: &Yaml, faults: &mut Vec<String>) -> Option<String> {
    known(
        job,
        step,
        &["name", "id", "if", "uses", "with", "run", "env"],
        faults,
    );
    match (step["uses"].as_str(), step["run"].as_str()) {
        (Some(action), None) => {
            match ACTIONS.iter().find(|(name, _)| *name == action) {
                Some((_, inputs)) if !step["with"].is_badvalue() => {
                    known(action, &step["with"], inputs, faults);
                }
                Some(_) => {}
                None => faults.push(format!("{action} is not known here")),
            }
            None
        }
        (None, Some(script)) => {
            // What others write (a branch's name) would become part of the script.
            if script.contains("${{") {
                faults.push(format!(
                    "a script of {job} has an expression in it: use env"
                ));
            }
            Some(script.to_owned())
        }
        _ => {
            faults.push(format!(
                "a step of {job} neither uses nor runs, or does both"
            ));
            None
        }
    }
}

/// `${{ … }}` are closed, and name contexts, steps and outputs that there are.
fn expressions(flow: &Yaml, job: &Yaml, steps: &[Yaml], faults: &mut Vec<String>) {
    let mut all = Vec::new();
    texts(job, &mut all);
    let mut found: Vec<&str> = job["if"].as_str().into_iter().collect();
    for text in all {
        let mut rest = text;
        while let Some((_, after)) = rest.split_once("${{") {
            match after.split_once("}}") {
                Some((inside, after)) => {
                    found.push(inside);
                    rest = after;
                }
                None => {
                    faults.push(format!("an expression is not closed: {text}"));
                    break;
                }
            }
        }
    }
    for expression in found {
        let bare: String = expression
            .split('\'')
            .step_by(2)
            .collect::<Vec<_>>()
            .join("");
        for word in bare.split(|c: char| !(c.is_alphanumeric() || "._-".contains(c))) {
            let parts: Vec<&str> = word.split('.').collect();
            let fine = match parts.as_slice() {
                [""] | ["always" | "fromJSON"] => true,
                [
                    "github",
                    "workspace" | "sha" | "base_ref" | "ref_name" | "actor",
                ] => true,
                ["runner", "os"] | ["secrets", "GITHUB_TOKEN"] => true,
                ["matrix", name] => !job["strategy"]["matrix"][*name].is_badvalue(),
                ["steps", id, "outputs", _] => {
                    steps.iter().any(|step| step["id"].as_str() == Some(id))
                }
                ["needs", other, "outputs", name] => {
                    job["needs"].as_str() == Some(other)
                        && !flow["jobs"][*other]["outputs"][*name].is_badvalue()
                }
                _ => false,
            };
            if !fine {
                faults.push(format!("{word} is nothing in {expression}"));
            }
        }
    }
}

/// A pipeline, as GitLab's "CI/CD YAML syntax reference" has it. Gives its scripts.
fn gitlab(file: &Yaml, faults: &mut Vec<String>) -> Vec<String> {
    let mut scripts = Vec::new();
    let mut stages = Vec::new();
    texts(&file["stages"], &mut stages);
    for name in keys(file) {
        let value = &file[name];
        match name {
            "stages" | "variables" => {}
            "default" => {
                known(name, value, &["image", "cache"], faults);
                let allowed = ["key", "fallback_keys", "paths", "when"];
                known("cache", &value["cache"], &allowed, faults);
            }
            job => {
                let allowed = ["stage", "rules", "variables", "script", "artifacts"];
                known(job, value, &allowed, faults);
                if !value["stage"]
                    .as_str()
                    .is_some_and(|stage| stages.contains(&stage))
                {
                    faults.push(format!("{job} is in no stage"));
                }
                for rule in value["rules"].as_vec().into_iter().flatten() {
                    known("a rule", rule, &["if", "when", "changes"], faults);
                }
                if !value["artifacts"].is_badvalue() {
                    known(
                        "artifacts",
                        &value["artifacts"],
                        &["when", "paths", "reports"],
                        faults,
                    );
                }
                // The runner joins the lines to one script.
                let lines = value["script"].as_vec().into_iter().flatten();
                let lines: Vec<Option<&str>> = lines.map(Yaml::as_str).collect();
                match lines.iter().copied().collect::<Option<Vec<&str>>>() {
                    Some(lines) if !lines.is_empty() => scripts.push(lines.join("\n")),
                    // `- echo a: b` is a map in YAML, a favourite mistake.
                    _ => faults.push(format!("the script of {job} is no list of lines")),
                }
            }
        }
    }
    scripts
}

// Jenkinsfile

/// Reads Groovy as far as it can be read without Groovy: strings end, comments end, brackets match, and the sections and
/// steps of a declarative pipeline are known words in the places where they belong. Gives the scripts of `sh` steps.
fn jenkinsfile(text: &str) -> Result<Vec<String>, String> {
    let mut open: Vec<(char, String)> = Vec::new();
    let mut scripts = Vec::new();
    let mut word = String::new();
    let mut last = String::new();
    let mut at = 0;
    let rest = |at: usize| &text[at..];
    let line = |at: usize| text[..at].matches('\n').count() + 1;
    while let Some(c) = rest(at).chars().next() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            at += c.len_utf8();
            continue;
        }
        if !word.is_empty() {
            if open.len() <= 1 || open.iter().all(|(kind, _)| *kind == '{') {
                check_word(&word, &open, rest(at))
                    .map_err(|why| format!("line {}: {why}", line(at)))?;
            }
            last = std::mem::take(&mut word);
        }
        match c {
            '/' if rest(at).starts_with("//") => {
                at += rest(at).find('\n').unwrap_or(rest(at).len());
                continue;
            }
            '/' if rest(at).starts_with("/*") => {
                let end = rest(at)
                    .find("*/")
                    .ok_or(format!("line {}: a comment does not end", line(at)))?;
                at += end + 2;
                continue;
            }
            '\'' | '"' => {
                let (string, length) =
                    string(rest(at)).ok_or(format!("line {}: a string does not end", line(at)))?;
                if last == "sh" {
                    scripts.push(string);
                }
                last.clear();
                at += length;
                continue;
            }
            '(' | '[' | '{' => open.push((c, last.clone())),
            ')' | ']' | '}' => {
                let expected = match c {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                match open.pop() {
                    // The block after `stage('Test')` is the stage's.
                    Some((kind, owner)) if kind == expected => last = owner,
                    _ => return Err(format!("line {}: {c} closes nothing", line(at))),
                }
            }
            _ => {}
        }
        at += c.len_utf8();
    }
    match open.last() {
        Some((kind, owner)) => Err(format!("{kind} of {owner} is not closed")),
        None if scripts.is_empty() => Err("it has no sh step".to_owned()),
        None => Ok(scripts),
    }
}

/// Whether a word that begins a block or a step may stand there.
fn check_word(word: &str, open: &[(char, String)], rest: &str) -> Result<(), String> {
    let begins = rest.trim_start_matches(' ');
    let is_block = begins.starts_with('{');
    let owner = open.last().map_or("", |(_, owner)| owner.as_str());
    let allowed: &[&str] = match owner {
        "" => &["pipeline"],
        "pipeline" => &["agent", "environment", "options", "stages", "post"],
        "stages" => &["stage"],
        "post" => &["always", "success", "failure"],
        _ => return Ok(()),
    };
    // A word in front of its block, or of a call of a stage.
    let is_head = is_block || begins.starts_with('(');
    match !is_head || allowed.contains(&word) {
        true => Ok(()),
        false => Err(format!("{word} does not belong into {owner:?}")),
    }
}

/// A string at the beginning, without its quotes, and its length with them. Escapes are read in all but the raw form.
fn string(text: &str) -> Option<(String, usize)> {
    let quote = ["'''", "\"\"\"", "'", "\""]
        .into_iter()
        .find(|quote| text.starts_with(quote))?;
    let mut value = String::new();
    let mut at = quote.len();
    loop {
        let rest = &text[at..];
        if rest.starts_with(quote) {
            return Some((value, at + quote.len()));
        }
        let mut chars = rest.chars();
        match chars.next()? {
            '\\' => {
                let escaped = chars.next()?;
                value.push(match escaped {
                    'n' => '\n',
                    other => other,
                });
                at += 1 + escaped.len_utf8();
            }
            '\n' if quote.len() == 1 => return None,
            c => {
                value.push(c);
                at += c.len_utf8();
            }
        }
    }
}

// Scripts

fn script_faults(script: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut shell = Command::new("sh")
        .arg("-n")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut input = shell.stdin.take().expect("a pipe");
    input.write_all(script.as_bytes()).expect("a reading shell");
    drop(input);
    let output = shell.wait_with_output().expect("it ends");
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        faults.push(format!("sh -n: {said} in {script}"));
    }
    for call in calls(script) {
        let words = call.iter().map(OsString::from);
        if let Err(error) = Args::read(words) {
            faults.push(format!("{call:?}: {error}"));
        }
    }
    faults
}

/// The words of each call of gomake, as far as one can see them without a shell.
fn calls(script: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in script.lines() {
        let starts = line.match_indices("gomake ").filter(|(at, _)| {
            let before = line[..*at].trim_end();
            before.is_empty() || before.ends_with(['(', ';', '|', '&'])
        });
        for (at, _) in starts {
            let call = line[at..]
                .split([')', '|', ';', '&'])
                .next()
                .unwrap_or_default();
            found.push(shlex::split(call).expect("words"));
        }
    }
    found
}

// The checks find what they are for.

fn broken(file: &str, from: &str, to: &str) -> Vec<String> {
    let mut snippet = snippets()
        .into_iter()
        .find(|one| one.file == file)
        .unwrap_or_else(|| panic!("{file}"));
    assert!(snippet.text.contains(from), "{from} in {file}");
    snippet.text = snippet.text.replacen(from, to, 1);
    faults(&snippet)
}

#[test]
fn mistakes_are_found() {
    let (ci, affected) = (".github/workflows/ci.yml", ".github/workflows/affected.yml");
    for (file, from, to) in [
        (ci, "jobs:", "jobs"),
        (ci, "    steps:", "   steps:"),
        (ci, "runs-on", "run-on"),
        (ci, "uses: actions/cache@v4", "uses: actions/cash@v4"),
        (ci, "restore-keys", "restore_keys"),
        (ci, "--keep-going", "--keep-on-going"),
        (ci, "run: gomake", "run: if gomake"),
        (ci, "${{ runner.os }}", "${{ runner.os }"),
        (ci, "github.sha", "github.shaa"),
        (affected, "needs: plan\n", "needs: plans\n"),
        (affected, "id: list", "id: listed"),
        (affected, "matrix.target", "matrix.targets"),
        (
            affected,
            "gomake \"$TARGET\"",
            "gomake \"${{ matrix.target }}\"",
        ),
        (affected, "--list --json", "--json"),
        (".gitlab-ci.yml", "stage: test", "stage: tests"),
        (".gitlab-ci.yml", "script:", "scripts:"),
        (".gitlab-ci.yml", "fallback_keys", "fallback-keys"),
        (
            ".gitlab-ci.yml",
            "- gomake --keep-going",
            "- gomake: --keep-going",
        ),
        ("Jenkinsfile", "stages {", "stages"),
        ("Jenkinsfile", "build test'", "build test"),
        ("Jenkinsfile", "'''\n", "''\n"),
        (
            "Jenkinsfile",
            "passwordVariable: 'REGISTRY_PASSWORD')]",
            "passwordVariable: 'REGISTRY_PASSWORD'])",
        ),
        ("Jenkinsfile", "  post {", "  posts {"),
        ("Jenkinsfile", "--junit", "--junits"),
        ("Jenkinsfile", "options {", "options { /*"),
    ] {
        assert!(!broken(file, from, to).is_empty(), "{file}: {from} as {to}");
    }
}
