//! A world for tests: Gofiles as text, files and variables as lists, and answers made of them.

use crate::base::glob::Pattern;
use crate::base::ids::IdVec;
use crate::base::path::ProjectPath;
use crate::base::source::Sources;
use crate::lang::ast::Statement;
use crate::lang::parse::parse;
use crate::plan::action::Action;
use crate::plan::bind::{Context, Files, bind};
use crate::plan::eval::Running;
use crate::plan::graph::{Graph, Output, TargetId};
use crate::plan::module::{Included, Module, ModuleId, Modules, Source};
use crate::plan::query::{Answer, Answers, GitFact, GoAnswer, HostFact, Outcome, Presence, Query};
use crate::plan::resolve::{Request, add_go_edges, resolve, unmet_inputs};
use crate::plan::select::read_words;
use miette::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub struct World {
    pub sources: Sources,
    pub modules: Modules,
    pub files: BTreeSet<String>,
    /// What is in the files that are read.
    pub texts: BTreeMap<String, String>,
    pub env: BTreeMap<String, String>,
    pub programs: BTreeSet<String>,
    pub go: GoAnswer,
    pub answers: Answers,
    pub running: Running,
    /// How often queries had to be answered.
    pub rounds: usize,
}

impl World {
    pub fn new(gofile: &str, files: &[&str]) -> Self {
        Self::with_includes(gofile, &[], files)
    }

    /// `includes`: the text of the Gofile in each included directory.
    pub fn with_includes(gofile: &str, includes: &[(&str, &str)], files: &[&str]) -> Self {
        let mut world = Self {
            sources: Sources::default(),
            modules: Modules::default(),
            files: files.iter().map(|file| (*file).to_owned()).collect(),
            texts: BTreeMap::new(),
            env: BTreeMap::new(),
            programs: ["cc", "go", "bash", "python3"].map(str::to_owned).into(),
            go: GoAnswer::default(),
            answers: Answers::default(),
            running: Running::Allowed,
            rounds: 0,
        };
        let mut modules = IdVec::new();
        world.load(
            &mut modules,
            "Gofile",
            gofile,
            ProjectPath::root(),
            "",
            includes,
        );
        world.modules = Modules::new(modules);
        world
    }

    fn load(
        &mut self,
        modules: &mut IdVec<ModuleId, Module>,
        name: &str,
        text: &str,
        dir: ProjectPath,
        prefix: &str,
        includes: &[(&str, &str)],
    ) -> ModuleId {
        let base = self.sources.add(name, text);
        let (tree, errors) = parse(text, base);
        assert!(errors.is_empty(), "{errors:?}\n{text}");
        let id = modules.push(Module {
            tree,
            dir: dir.clone(),
            prefix: prefix.to_owned(),
            includes: Vec::new(),
        });
        for at in 0..modules[id].tree.statements.len() {
            let Statement::Include(include) = modules[id].tree.statements[at].clone() else {
                continue;
            };
            let path = include.path.value.as_str();
            let (_, text) = includes
                .iter()
                .find(|(dir, _)| *dir == path)
                .expect("an included text");
            let alias = include.alias.value.clone();
            let module = self.load(
                modules,
                &format!("{path}/Gofile"),
                text,
                dir.resolve(path).expect("a path"),
                &format!("{prefix}{alias}:"),
                includes,
            );
            modules[id].includes.push(Included {
                alias,
                module,
                with: include.with,
                span: include.span,
            });
        }
        id
    }

    pub fn answer(&mut self, queries: Vec<Query>) {
        self.rounds += 1;
        assert!(self.rounds < 20, "the same is asked for ever: {queries:?}");
        for query in queries {
            let answer = self.answer_one(&query);
            self.answers.insert(query, answer);
        }
    }

    fn presence(&self, wanted: &ProjectPath) -> Presence {
        let below = format!("{wanted}/");
        if self.files.contains(wanted.as_str()) {
            Presence::File
        } else if self.files.iter().any(|file| file.starts_with(&below)) {
            Presence::Dir
        } else {
            Presence::Missing
        }
    }

    fn answer_one(&self, query: &Query) -> Answer {
        let path = |text: &String| ProjectPath::root().resolve(text).expect("a path");
        match query {
            Query::Glob { include, exclude } => {
                let compile = |texts: &[String]| -> Vec<Pattern> {
                    texts
                        .iter()
                        .filter_map(|text| Pattern::new(text).ok())
                        .collect()
                };
                let (include, exclude) = (compile(include), compile(exclude));
                let found = self.files.iter().filter(|file| {
                    include.iter().any(|pattern| pattern.matches(file))
                        && !exclude.iter().any(|pattern| pattern.excludes(file))
                });
                Answer::Paths(found.map(path).collect())
            }
            Query::Presence(wanted) => Answer::Presence(self.presence(wanted)),
            Query::Presences { dir, names } => {
                let found = names.iter().map(|name| {
                    let wanted = dir.resolve(name).expect("a name");
                    (name.clone(), self.presence(&wanted))
                });
                let odd = found.filter(|(_, presence)| *presence != Presence::File);
                Answer::Presences(odd.collect())
            }
            Query::Which(name) => {
                let found = self.programs.contains(name);
                Answer::Program(found.then(|| PathBuf::from(format!("/usr/bin/{name}"))))
            }
            Query::Env(name) => Answer::Text(self.env.get(name).cloned()),
            Query::EnvMatching(glob) => {
                let pattern = Pattern::new(glob).expect("a pattern");
                let found = self.env.iter().filter(|(name, _)| pattern.matches(name));
                Answer::Variables(
                    found
                        .map(|(name, value)| (name.clone(), value.clone()))
                        .collect(),
                )
            }
            Query::Host(HostFact::Os) => Answer::Text(Some("linux".to_owned())),
            Query::Host(HostFact::Arch) => Answer::Text(Some("amd64".to_owned())),
            Query::Host(HostFact::Cpus) => Answer::Text(Some("2".to_owned())),
            Query::Git(GitFact::Describe) => Answer::Text(Some("v1.2".to_owned())),
            Query::Git(GitFact::CommitTime) => Answer::Text(Some("1769860800".to_owned())),
            Query::Git(_) => Answer::Failed("no repository".to_owned()),
            Query::Capture(_) => Answer::Text(Some("captured".to_owned())),
            Query::Read(path) => Answer::Text(self.texts.get(path.as_str()).cloned()),
            Query::Go(_) => Answer::Go(self.go.clone()),
            Query::BaseImage(_) => Answer::Text(Some(format!("sha256:{}", "ab".repeat(32)))),
        }
    }

    /// The graph for the words of a command line, or everything that is wrong, rendered.
    pub fn resolve(&mut self, words: &[&str]) -> Result<(Graph, Request, Vec<String>), String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (request, words) =
            read_words(&self.modules, &words).map_err(|errors| self.render_all(&errors))?;
        loop {
            match resolve(&self.modules, &request, &self.answers, self.running) {
                Outcome::Ready(graph) => {
                    let all: Vec<TargetId> = graph.targets.ids().collect();
                    let unmet = unmet_inputs(&graph, &all);
                    if !unmet.is_empty() {
                        return Err(self.render_all(&unmet));
                    }
                    return Ok((graph, request, words));
                }
                Outcome::Wanting(queries) => self.answer(queries),
                Outcome::Failed(errors) => return Err(self.render_all(&errors)),
            }
        }
    }

    pub fn graph(&mut self) -> Graph {
        match self.resolve(&[]) {
            Ok((graph, _, _)) => graph,
            Err(text) => panic!("{text}"),
        }
    }

    pub fn errors(&mut self) -> String {
        match self.resolve(&[]) {
            Ok(_) => panic!("nothing is wrong"),
            Err(text) => text,
        }
    }

    /// Adds the edges of Go's packages for all targets.
    pub fn go_edges(&mut self, graph: &mut Graph) -> Result<(), String> {
        let all: Vec<TargetId> = graph.targets.ids().collect();
        loop {
            match add_go_edges(graph, &all, &self.answers) {
                Outcome::Ready(()) => return Ok(()),
                Outcome::Wanting(queries) => self.answer(queries),
                Outcome::Failed(errors) => return Err(self.render_all(&errors)),
            }
        }
    }

    /// The action of a target, and its lints rendered; or everything that is wrong.
    pub fn bind(
        &mut self,
        name: &str,
        inputs: &[&str],
        args: &[String],
    ) -> Result<(Action, String), String> {
        let (graph, request, _) = self.resolve(&[])?;
        let id = graph.by_name[name];
        let files = Files {
            inputs: inputs.iter().map(|input| (*input).to_owned()).collect(),
            outputs: graph.targets[id].outputs.iter().map(Output::text).collect(),
        };
        loop {
            let context = Context {
                modules: Source::Here(&self.modules),
                graph: &graph,
                request: &request,
                answers: &self.answers,
                running: self.running,
                extra_args: args,
            };
            match bind(&context, id, &files) {
                Outcome::Ready((action, lints, _)) => return Ok((action, self.render_all(&lints))),
                Outcome::Wanting(queries) => self.answer(queries),
                Outcome::Failed(errors) => return Err(self.render_all(&errors)),
            }
        }
    }

    pub fn render_all<D: Diagnostic>(&self, all: &[D]) -> String {
        let texts: Vec<String> = all.iter().map(|one| self.render(one)).collect();
        texts.join("\n")
    }

    /// Code, message, each label as `place [text] label`, and help: what a snapshot needs of a diagnostic.
    pub fn render(&self, diagnostic: &dyn Diagnostic) -> String {
        let code = diagnostic
            .code()
            .map(|code| code.to_string())
            .unwrap_or_default();
        let mut text = format!("{code}: {diagnostic}\n");
        for label in diagnostic.labels().into_iter().flatten() {
            let span = crate::base::source::Span::new(label.offset(), label.offset() + label.len());
            let words = label.label().unwrap_or_default();
            let shown = self.sources.slice(span).replace('\n', "⏎");
            text.push_str(&format!(
                "  {} [{shown}] {words}\n",
                self.sources.place(span)
            ));
        }
        if let Some(help) = diagnostic.help() {
            text.push_str(&format!("  help: {help}\n"));
        }
        text
    }
}
