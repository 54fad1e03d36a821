//! What was found, as the text of a Gofile. Says no more than is there, and comments where a reader would ask.

use crate::init::c_sources::CPrograms;
use crate::init::container::{Container, Files};
use crate::init::modules::{Found, Module, Program, relative};
use crate::init::names::Names;
use crate::init::text::{bracketed, indented, list, map, one_or_more, string};
use crate::init::walk::{Survey, holds_programs_only};
use crate::init::{Draft, Setting, Told};
use crate::lang::error::SyntaxError;
use crate::lang::format::format;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// Of the project, what the text needs beside what was found.
pub struct Place<'p> {
    root: &'p Path,
    /// The directory's name.
    name: String,
    survey: &'p Survey,
    setting: &'p Setting,
}

impl<'p> Place<'p> {
    pub fn new(root: &'p Path, survey: &'p Survey, setting: &'p Setting) -> Self {
        let name = root.file_name().unwrap_or_default().to_string_lossy();
        Self {
            root,
            name: name.into_owned(),
            survey,
            setting,
        }
    }

    /// A directory for what is made: one that is not there, or holds nothing but what was made.
    fn free_dir(&self, wishes: [&'static str; 2]) -> &'static str {
        let is_free = |dir: &&&str| {
            !self.survey.holds_sources(dir) && holds_programs_only(&self.root.join(dir))
        };
        wishes.iter().find(is_free).copied().unwrap_or(".out")
    }
}

/// The Gofile.
///
/// # Errors
/// When the text is none, which would be a mistake of this module's.
pub fn write(
    place: &Place<'_>,
    go: Found,
    c: CPrograms,
    container: Option<Container>,
) -> Result<Draft, Vec<SyntaxError>> {
    let mut writer = Writer {
        place,
        names: Names::default(),
        bin: place.free_dir(["bin", "dist"]),
        outputs: BTreeSet::new(),
        body: String::new(),
        targets: Vec::new(),
        notes: place.survey.notes.clone(),
        made: BTreeSet::new(),
    };
    writer.notes.extend(go.notes.iter().cloned());
    writer.notes.extend(c.notes.iter().cloned());
    writer.includes();
    let images = writer.programs(&go, container.as_ref());
    writer.c_programs(&c);
    writer.tests(&go);
    if let (Some(container), Some(image)) = (&container, images) {
        writer.image(container, &image);
    }
    if writer.targets.is_empty() && place.survey.gofiles.is_empty() {
        writer.start();
    }
    let text = writer.text(&go);
    Ok(Draft {
        text: format(&indented(&text))?,
        targets: writer.targets,
        notes: writer.notes,
        made: writer.made.into_iter().collect(),
    })
}

struct Writer<'w> {
    place: &'w Place<'w>,
    names: Names,
    /// Where programs go.
    bin: &'static str,
    outputs: BTreeSet<String>,
    /// All statements behind the lets.
    body: String,
    targets: Vec<Told>,
    notes: Vec<String>,
    made: BTreeSet<String>,
}

/// What the image is called, and the program in it.
struct Image {
    name: String,
    /// The program's target; empty where a Dockerfile says what goes in.
    program: String,
    repository: String,
}

impl Writer<'_> {
    /// The whole text, not yet formatted.
    fn text(&self, go: &Found) -> String {
        let mut text = String::from(
            "gofile 1\n\n# Written by `gomake --init` from what lay here. It is yours now: nothing writes to it again.\n\n",
        );
        let defaults: Vec<String> = self
            .targets
            .iter()
            .filter(|target| target.is_default)
            .map(|target| target.name.clone())
            .collect();
        match &defaults[..] {
            [] => {}
            [one] => _ = writeln!(text, "settings {{\ndefault = {one}\n}}\n"),
            all => _ = writeln!(text, "settings {{\ndefault = {}\n}}\n", bracketed(all)),
        }
        let programs = go.modules.iter().flat_map(|module| &module.programs);
        if programs
            .into_iter()
            .any(|program| program.version.is_some())
        {
            text.push_str(match self.place.setting.has_history {
                true => "# What the programs say of themselves: the last tag, and what came after it\nlet version = git.describe\n\n",
                false => "# What the programs say of themselves. In a git repository `git.describe` knows it better\nlet version = \"dev\"\n\n",
            });
        }
        text.push_str(&self.body);
        // Alone it would be the first target, and a bare `gomake` would remove what the included ones have made.
        if !self.targets.is_empty() {
            text.push_str("## Removes what targets have made\nclean {}\n");
        }
        text
    }

    fn told(&mut self, kind: &'static str, name: &str, what: impl Into<String>, is_default: bool) {
        self.targets.push(Told {
            kind,
            name: name.to_owned(),
            what: what.into(),
            is_default,
        });
    }

    /// Directories with a Gofile of their own.
    fn includes(&mut self) {
        let mut aliases = Names::default();
        for dir in &self.place.survey.gofiles {
            let name = dir.rsplit('/').next().unwrap_or(dir);
            let alias = aliases.take(&[name, &dir.replace('/', "-")]);
            _ = writeln!(self.body, "include {} as {alias}", string(dir));
            self.notes.push(format!(
                "{dir}/Gofile is included: its targets are {alias}:…"
            ));
        }
        self.body.push('\n');
    }

    /// The programs of Go, and what the image is to be called.
    fn programs(&mut self, go: &Found, container: Option<&Container>) -> Option<Image> {
        let mut image = None;
        for (at, module) in go.modules.iter().enumerate() {
            for (number, program) in module.programs.iter().enumerate() {
                let files = match container {
                    Some(Container::Files(files)) => Some(&**files),
                    _ => None,
                };
                let files = files.filter(|files| (files.module, files.program) == (at, number));
                let name = self.program(module, program, files);
                if files.is_some() {
                    image = Some((program.name.clone(), name));
                }
            }
        }
        let mut all = go.modules.iter().flat_map(|module| &module.programs);
        let called = match (all.next(), all.next()) {
            (Some(only), None) => only.name.clone(),
            _ => self.place.name.clone(),
        };
        let of_dockerfile = || (called, String::new());
        let is_wanted = matches!(container, Some(Container::Dockerfile(_)));
        let (called, program) = image.or_else(|| is_wanted.then(of_dockerfile))?;
        let name = self.names.take(&[&format!("{called}-image")]);
        let repository = repository(&called);
        Some(Image {
            name,
            program,
            repository,
        })
    }

    /// Returns the target that the image takes.
    fn program(&mut self, module: &Module, program: &Program, files: Option<&Files>) -> String {
        let inner = module.dir.rsplit('/').next().unwrap_or_default();
        let name = self
            .names
            .take(&[&program.name, &format!("{inner}-{}", program.name)]);
        let output = self.output(&program.name, &name);
        let is_linux = self.place.setting.platform.os == "linux";
        let of = |dir: &str| match dir {
            "" => String::new(),
            dir => format!(" of {}", relative(dir)),
        };
        let what = format!("The program{}", of(&program.dir));
        self.build(
            &what,
            &name,
            &output,
            &go_keys(program, files.is_some() && is_linux, None),
            module,
        );
        self.told(
            "build",
            &name,
            format!("the program{}", of(&program.dir)),
            true,
        );
        if files.is_none() || is_linux {
            return name;
        }
        let linux = self.names.take(&[&format!("{name}-linux")]);
        let output = self.output(&format!("{}-linux", program.name), &linux);
        let what = format!("The program{} as it goes into the image", of(&program.dir));
        self.build(
            &what,
            &linux,
            &output,
            &go_keys(program, true, Some("linux")),
            module,
        );
        self.told("build", &linux, "the same for Linux, for the image", false);
        linux
    }

    fn build(&mut self, what: &str, name: &str, output: &str, keys: &[String], module: &Module) {
        let out = &mut self.body;
        _ = writeln!(out, "## {what}\nbuild {name} {{");
        if !module.dir.is_empty() {
            _ = writeln!(out, "dir = {}", string(&module.dir));
        }
        match keys {
            [_, _, _, ..] => _ = writeln!(out, "go {{\n{}\n}}", keys.join("\n")),
            keys => _ = writeln!(out, "go {{ {} }}", keys.join(", ")),
        }
        _ = writeln!(out, "outputs = {}\n}}\n", string(output));
        self.made.insert(format!("/{}/", self.bin));
    }

    /// Where a program goes: under the name that it has with Go, unless another one has that.
    fn output(&mut self, natural: &str, name: &str) -> String {
        let is_plain = natural
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._+".contains(c));
        let wish = format!("{}/{natural}", self.bin);
        let free = is_plain && self.outputs.insert(wish.clone());
        match free {
            true => wish,
            false => format!("{}/{name}", self.bin),
        }
    }

    fn tests(&mut self, go: &Found) {
        let dirs: Vec<&str> = go
            .modules
            .iter()
            .map(|module| module.dir.as_str())
            .collect();
        let has_tests = go.modules.iter().any(|module| module.has_tests);
        let what = match has_tests {
            true => "Tests of all packages; only those run that something changed for",
            false => "Builds and vets all packages; tests run here once there are some",
        };
        match &dirs[..] {
            [] => return,
            [""] => {
                _ = writeln!(
                    self.body,
                    "## {what}\ntest unit {{\ngo {{ packages = \"./...\" }}\n}}\n"
                )
            }
            [dir] => {
                let dir = string(dir);
                _ = writeln!(
                    self.body,
                    "## {what}\ntest unit {{\ndir = {dir}\ngo {{ packages = \"./...\" }}\n}}\n"
                );
            }
            dirs => {
                let dirs = list(
                    dirs.iter()
                        .map(|dir| if dir.is_empty() { "." } else { *dir }),
                );
                _ = writeln!(
                    self.body,
                    "## {what}\ntest unit for module in {dirs} {{\ndir = module\ngo {{ packages = \"./...\" }}\n}}\n"
                );
            }
        }
        let is_default = !self.targets.iter().any(|target| target.is_default);
        let told = match (has_tests, dirs.len()) {
            (true, 1) => "all packages".to_owned(),
            (true, modules) => format!("all packages of {modules} modules"),
            (false, _) => "builds and vets all packages: there are no tests yet".to_owned(),
        };
        self.told("test", "unit", told, is_default);
        self.tagged_tests(go);
    }

    /// Tests behind a tag want a database, a network or patience: nobody but their author knows.
    fn tagged_tests(&mut self, go: &Found) {
        let tags: BTreeSet<&str> = go
            .modules
            .iter()
            .flat_map(|module| module.tags.iter().map(String::as_str))
            .collect();
        let Some(first) = tags.first() else { return };
        let all: Vec<&str> = tags.iter().copied().collect();
        let name = first.replace('.', "-");
        _ = writeln!(
            self.body,
            "# Some tests are behind a tag ({}). A target for them looks like this:\n#   test {name} {{\n#     go {{ packages = \"./...\", tags = {} }}\n#   }}\n",
            all.join(", "),
            string(first),
        );
        let is = if all.len() == 1 {
            "the tag"
        } else {
            "the tags"
        };
        self.notes
            .push(format!("tests behind {is} {} are left out", all.join(", ")));
    }

    fn c_programs(&mut self, c: &CPrograms) {
        if c.programs.is_empty() {
            return;
        }
        let build = self.place.free_dir(["build", "obj"]);
        let patterns = c.dirs.iter().map(|dir| match dir.as_str() {
            "" => "*.c".to_owned(),
            dir => format!("{dir}/*.c"),
        });
        let patterns: Vec<String> = patterns.map(|pattern| string(&pattern)).collect();
        let mut flags = vec!["-O2".to_owned(), "-Wall".to_owned()];
        flags.extend(c.includes.iter().map(|dir| format!("-I{dir}")));
        let flags = list(flags.iter().map(String::as_str));
        _ = writeln!(
            self.body,
            "let cflags = {flags}\n\n# An object for each source. Headers are not listed: the compiler writes down which ones it read\n\
             build obj for src in glob({}) {{\ninputs = src\noutputs = \"{build}/$src.o\"\ndepfile = \"{build}/$src.d\"\n\
             run = [\"cc\", cflags, \"-MMD\", \"-MF\", depfile, \"-c\", src, \"-o\", out]\n}}\n",
            patterns.join(", "),
        );
        self.made.insert(format!("/{build}/"));
        let is_alone = c.programs.len() == 1;
        if !is_alone && !c.shared.is_empty() {
            let shared = c.shared.iter().map(|source| object(source));
            let shared = bracketed(&shared.collect::<Vec<_>>());
            _ = writeln!(
                self.body,
                "# What is linked into each program\nlet shared = {shared}\n"
            );
        }
        for program in &c.programs {
            let name = self.names.take(&[&program.name]);
            let output = self.output(&program.name, &name);
            let inputs = match (is_alone, c.shared.is_empty()) {
                (true, _) => "obj".to_owned(),
                (false, true) => object(&program.source),
                (false, false) => format!("[{}, shared]", object(&program.source)),
            };
            let libraries: String = c
                .libraries
                .iter()
                .map(|flag| format!(", {}", string(flag)))
                .collect();
            _ = writeln!(
                self.body,
                "## The program of {}\nbuild {name} {{\ninputs = {inputs}\noutputs = {}\nrun = [\"cc\", \"-o\", out, inputs{libraries}]\n}}\n",
                relative(&program.source),
                string(&output),
            );
            self.told(
                "build",
                &name,
                format!("the program of {}", relative(&program.source)),
                true,
            );
            self.made.insert(format!("/{}/", self.bin));
        }
    }

    fn image(&mut self, container: &Container, image: &Image) {
        let Image {
            name,
            program,
            repository,
        } = image;
        let (what, from) = match container {
            Container::Files(files) => (
                format!("The image of the {}, without an engine", files.from),
                files.from,
            ),
            Container::Dockerfile(from) => (
                format!("The image of the {from}, built by docker, podman or buildah"),
                *from,
            ),
        };
        _ = writeln!(self.body, "## {what}\nimage {name} {{");
        match container {
            Container::Dockerfile(from) => _ = writeln!(self.body, "dockerfile = {}", string(from)),
            Container::Files(files) => self.files(files, program),
        }
        _ = writeln!(
            self.body,
            "tags = {}  # `--load` knows it by that; for `--push` a registry stands in front\n}}\n",
            string(&format!("{repository}:latest"))
        );
        let told = match container {
            Container::Files(_) => format!("as the {from} makes it, without docker"),
            Container::Dockerfile(_) => format!("of the {from}, by docker, podman or buildah"),
        };
        self.told("image", name, told, false);
    }

    fn files(&mut self, files: &Files, program: &str) {
        let Files { ending, path, .. } = files;
        let out = &mut self.body;
        _ = writeln!(out, "base = {}", string(&ending.base));
        if !files.add.is_empty() {
            _ = writeln!(out, "add = {}", one_or_more(files.add.iter().copied()));
        }
        _ = writeln!(out, "files = {{ {} = {program} }}", string(path));
        for (key, words) in [("entrypoint", &ending.entrypoint), ("cmd", &ending.cmd)] {
            if !words.is_empty() {
                _ = writeln!(out, "{key} = {}", list(words.iter().map(String::as_str)));
            }
        }
        for (key, entries) in [("env", &ending.env), ("labels", &ending.labels)] {
            if !entries.is_empty() {
                _ = writeln!(out, "{key} = {}", map(entries));
            }
        }
        if let Some(dir) = &ending.workdir {
            _ = writeln!(out, "workdir = {}", string(dir));
        }
        if let Some(user) = &ending.user {
            _ = writeln!(out, "user = {}", string(user));
        }
        let ports =
            ending
                .ports
                .iter()
                .map(|port| match port.strip_suffix("/tcp").unwrap_or(port) {
                    number if number.bytes().all(|byte| byte.is_ascii_digit()) => number.to_owned(),
                    other => string(other),
                });
        let ports: Vec<String> = ports.collect();
        match &ports[..] {
            [] => {}
            [one] => _ = writeln!(out, "ports = {one}"),
            all => _ = writeln!(out, "ports = {}", bracketed(all)),
        }
    }

    /// Nothing is known: something to begin with, which runs.
    fn start(&mut self) {
        self.body.push_str(
            "# A build has inputs and outputs, and runs when one of them is not what it was:\n\
             #   build page {\n#     inputs = \"page.md\"\n#     outputs = \"page.html\"\n#     run: pandoc -o $out $inputs\n#   }\n\
             # Of Go, C and Dockerfiles `gomake --init` knows what to write: remove this file then, and call it again.\n\n\
             ## Says that it works\ntask hello {\nrun: echo \"gomake works here\"\n}\n\n",
        );
        self.told("task", "hello", "something to begin with", true);
        self.notes
            .push("nothing was found here that gomake knows how to build".to_owned());
    }
}

/// The entries of a `go` block.
fn go_keys(program: &Program, is_static: bool, os: Option<&str>) -> Vec<String> {
    let mut keys = vec![format!("package = {}", string(&program.package))];
    keys.extend(os.map(|os| format!("os = {}", string(os))));
    keys.extend(is_static.then(|| "static = true".to_owned()));
    let version = program.version.as_ref();
    keys.extend(version.map(|name| format!("ldflags = \"-X main.{name}=$version\"")));
    keys
}

fn object(source: &str) -> String {
    format!("obj[{}]", string(source))
}

/// A name as repositories of images may be called: `[a-z0-9]+(?:[._-][a-z0-9]+)*` of the distribution specification.
fn repository(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    match parts.is_empty() {
        true => "app".to_owned(),
        false => parts.join("-"),
    }
}
