//! Inputs against the disk and against what other targets make: edges from files, and inputs that nothing provides.

use crate::base::glob::Pattern;
use crate::base::hash::{HashMap, HashSet};
use crate::base::names::nearest;
use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::lang::ast::Kind;
use crate::plan::claim::{Claim, Claims};
use crate::plan::error::{Lint, PlanError};
use crate::plan::graph::{Edge, EdgeWhy, Graph, Input, Inputs, TargetId};
use crate::plan::place::escaped;
use crate::plan::query::{Answer, Presence, Query};
use crate::plan::resolve::Resolver;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

type Makers = Rc<Vec<(Claim, String)>>;

/// Adds the edges that follow from files, and reports inputs that are nowhere.
pub(super) fn resolve_files(resolver: &mut Resolver<'_>, claims: &Claims) {
    let crowds = crowds(&resolver.graph, claims);
    let mut pass = Pass {
        resolver,
        claims,
        globs: HashMap::default(),
        crowds: HashMap::default(),
    };
    for (dir, names) in crowds {
        let key = dir.as_str().to_owned();
        let odd = match pass.resolver.plan.ask(Query::Presences { dir, names }) {
            Some(Answer::Presences(odd)) => Some(odd),
            _ => None,
        };
        pass.crowds.insert(key, odd);
    }
    for id in pass.resolver.graph.targets.ids() {
        let inputs = std::mem::take(&mut pass.resolver.graph.targets[id].inputs);
        pass.target(id, &inputs);
        pass.resolver.graph.targets[id].inputs = inputs;
    }
}

struct Pass<'r, 'a> {
    resolver: &'r mut Resolver<'a>,
    claims: &'r Claims,
    /// Many targets share a pattern.
    globs: HashMap<String, Makers>,
    /// Directories of which many names are asked for at once: at which there is no file. None: not known yet.
    crowds: HashMap<String, Option<&'a BTreeMap<String, Presence>>>,
}

/// From so many inputs of one directory on, they are asked for at once.
const CROWD: usize = 64;

/// A path's directory and its name there.
fn parted(path: &ProjectPath) -> (&str, &str) {
    path.as_str()
        .rsplit_once('/')
        .unwrap_or(("", path.as_str()))
}

/// Explicit inputs that only the disk can provide, where there are many of one directory: the names in each, sorted.
fn crowds(graph: &Graph, claims: &Claims) -> BTreeMap<ProjectPath, Arc<[String]>> {
    let inputs = graph
        .targets
        .values()
        .flat_map(|target| &target.inputs.items);
    let files = inputs.filter_map(|input| match input {
        Input::File {
            path,
            optional: false,
            ..
        } => Some(path),
        _ => None,
    });
    let mut dirs: HashMap<&str, Vec<&str>> = HashMap::default();
    let (mut last, mut names) = ("", Vec::new());
    for path in files {
        let (dir, name) = parted(path);
        if dir != last {
            dirs.entry(last).or_default().append(&mut names);
            last = dir;
        }
        names.push(name);
    }
    dirs.entry(last).or_default().append(&mut names);
    let mut crowds = BTreeMap::new();
    for (dir, mut names) in dirs {
        let Ok(dir) = ProjectPath::root().resolve(dir) else {
            continue;
        };
        if names.len() < CROWD {
            continue;
        }
        names.sort_unstable();
        names.dedup();
        let is_made = |name: &&str| match dir.is_root() {
            true => claims.is_made(name),
            false => claims.is_made(&format!("{dir}/{name}")),
        };
        names.retain(|name| !name.is_empty() && !is_made(name));
        if names.len() >= CROWD {
            crowds.insert(dir, names.into_iter().map(str::to_owned).collect());
        }
    }
    crowds
}

impl Pass<'_, '_> {
    fn target(&mut self, id: TargetId, inputs: &Inputs) {
        let mut needed: Option<HashSet<TargetId>> = None;
        let excludes: Vec<Pattern> = inputs
            .excludes
            .iter()
            .filter_map(|text| Pattern::new(text).ok())
            .collect();
        for item in &inputs.items {
            let makers = match item {
                Input::Target { id: to, span } => {
                    self.check_makes(*to, *span);
                    continue;
                }
                Input::File {
                    path,
                    optional,
                    span,
                } => self.file(id, path, *optional, *span),
                Input::Glob {
                    pattern,
                    optional,
                    span,
                } => {
                    let mut makers = self.glob(id, pattern, &excludes);
                    if let Some(filter) = &inputs.filter {
                        makers.retain(|(_, path)| filter.may_keep(path));
                    }
                    if makers.is_empty() && !optional {
                        self.check_matches(id, inputs, pattern, *span);
                    }
                    makers
                }
            };
            let (Input::File { span, .. } | Input::Glob { span, .. } | Input::Target { span, .. }) =
                item;
            let needs = &mut self.resolver.graph.targets[id].needs;
            let needed = needed.get_or_insert_with(|| needs.iter().map(|edge| edge.to).collect());
            for (claim, path) in makers {
                if needed.insert(claim.target) {
                    needs.push(Edge {
                        to: claim.target,
                        why: EdgeWhy::File(path),
                        span: *span,
                    });
                }
            }
        }
        self.check_exclusions(id, inputs, &excludes);
    }

    /// A target that declares no outputs is nothing to read: its name in `inputs` would count for nothing.
    fn check_makes(&mut self, to: TargetId, span: Span) {
        let graph = &self.resolver.graph;
        let target = &graph.targets[to];
        if target.kind == Kind::Image || self.resolver.makes[target.decl] {
            return;
        }
        let needed = target
            .needs
            .iter()
            .filter(|edge| edge.why == EdgeWhy::Needs);
        let names: Vec<&str> = needed.map(|edge| &*graph.targets[edge.to].name).collect();
        let help = if target.kind == Kind::Service {
            format!(
                "a service makes no files: write `needs = {}`, and it runs meanwhile",
                target.name
            )
        } else if names.is_empty() {
            "to have it run first, write it in `needs`".to_owned()
        } else {
            format!("name what it needs: {}", names.join(", "))
        };
        self.resolver.errors.push(PlanError::NoOutputs {
            target: target.name.to_string(),
            span,
            help,
        });
    }

    fn file(
        &mut self,
        id: TargetId,
        path: &ProjectPath,
        optional: bool,
        span: Span,
    ) -> Vec<(Claim, String)> {
        let makers = self.claims.makers(path.as_str());
        if let Some(own) = makers.iter().find(|claim| claim.target == id) {
            self.resolver.errors.push(PlanError::OwnOutput {
                target: self.resolver.graph.targets[id].name.to_string(),
                path: path.to_string(),
                span,
                output: own.span,
            });
            return Vec::new();
        }
        if makers.is_empty() && !optional {
            self.check_exists(id, path, span);
        }
        makers
            .into_iter()
            .map(|claim| (claim, path.to_string()))
            .collect()
    }

    /// What is at a path; what cannot be looked at is missing. None: not known yet.
    fn presence(&self, path: &ProjectPath) -> Option<Presence> {
        let (dir, name) = parted(path);
        if let Some(odd) = self.crowds.get(dir) {
            return odd.map(|odd| odd.get(name).copied().unwrap_or(Presence::File));
        }
        let plan = &self.resolver.plan;
        Some(match plan.ask(Query::Presence(path.clone()))? {
            Answer::Presence(presence) => *presence,
            _ => Presence::Missing,
        })
    }

    fn check_exists(&mut self, id: TargetId, path: &ProjectPath, span: Span) {
        match self.presence(path) {
            None | Some(Presence::File) => return,
            Some(Presence::Dir) => {
                self.resolver.errors.push(PlanError::DirectoryInput {
                    path: path.to_string(),
                    span,
                });
                return;
            }
            Some(Presence::Missing) if self.claims.incomplete => return,
            Some(Presence::Missing) => {}
        }
        let plan = &self.resolver.plan;
        let dir = path.parent().unwrap_or_else(ProjectPath::root);
        let mut beside = escaped(dir.as_str());
        beside.push_str(if dir.is_root() { "*" } else { "/*" });
        let query = Query::Glob {
            include: vec![beside],
            exclude: Vec::new(),
        };
        let near = match plan.ask(query) {
            None => return,
            Some(Answer::Paths(paths)) => {
                nearest(path.as_str(), paths.iter().map(ProjectPath::as_str))
            }
            Some(_) => None,
        };
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "paths are relative to the Gofile; write optional(\"…\") if it may be missing"
                .to_owned(),
        };
        let missing = PlanError::MissingInput {
            path: path.to_string(),
            span,
            help,
        };
        self.resolver.graph.unmet.push((id, missing));
    }

    /// Who makes what the glob matches, but for the target itself and what is excluded.
    fn glob(&mut self, id: TargetId, pattern: &str, excludes: &[Pattern]) -> Vec<(Claim, String)> {
        let makers = match self.globs.get(pattern) {
            Some(makers) => Rc::clone(makers),
            None => {
                let makers = Rc::new(self.claims.glob_makers(pattern));
                self.globs.insert(pattern.to_owned(), Rc::clone(&makers));
                makers
            }
        };
        let others = makers.iter().filter(|(claim, path)| {
            claim.target != id && !excludes.iter().any(|exclude| exclude.excludes(path))
        });
        others.cloned().collect()
    }

    fn check_matches(&mut self, id: TargetId, inputs: &Inputs, pattern: &str, span: Span) {
        let Some(answer) = self.resolver.plan.ask(inputs.glob_query(pattern)) else {
            return;
        };
        let found = match answer {
            Answer::Paths(paths) => paths.iter().any(|path| {
                let makers = self.claims.makers(path.as_str());
                !makers.iter().any(|claim| claim.target == id)
            }),
            _ => false,
        };
        if !found && !self.claims.incomplete {
            let pattern = pattern.to_owned();
            self.resolver
                .graph
                .unmet
                .push((id, PlanError::NoMatch { pattern, span }));
        }
    }

    /// An exclusion that takes nothing out of any glob is probably a slip.
    fn check_exclusions(&mut self, id: TargetId, inputs: &Inputs, excludes: &[Pattern]) {
        if excludes.is_empty() {
            return;
        }
        let mut idle: Vec<bool> = vec![true; excludes.len()];
        let mut mark = |path: &str| {
            for (idle, exclude) in idle.iter_mut().zip(excludes) {
                *idle = *idle && !exclude.excludes(path);
            }
        };
        for item in &inputs.items {
            let Input::Glob { pattern, .. } = item else {
                continue;
            };
            let query = Query::Glob {
                include: vec![pattern.clone()],
                exclude: Vec::new(),
            };
            match self.resolver.plan.ask(query) {
                None => return,
                Some(Answer::Paths(paths)) => paths.iter().for_each(|path| mark(path.as_str())),
                Some(_) => {}
            }
            for (_, path) in self.claims.glob_makers(pattern) {
                mark(&path);
            }
        }
        let spans = self.resolver.exclude_spans.get(&id);
        let spans = spans.map(Vec::as_slice).unwrap_or_default();
        for ((text, span), idle) in inputs.excludes.iter().zip(spans).zip(idle) {
            if idle {
                self.resolver.graph.lints.push(Lint::IdleExclusion {
                    pattern: text.clone(),
                    span: *span,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::eval::Running;
    use crate::plan::fixture::World;
    use crate::plan::query::{Answers, Outcome};
    use crate::plan::resolve::{Request, Resolution};

    /// A target with these inputs, of which `many` more are there: the mistakes, and the questions.
    fn read(many: usize) -> (String, Vec<Query>) {
        let there: Vec<String> = (0..many).map(|at| format!("src/f{at}")).collect();
        let inputs = there.iter().map(|path| format!(", {path:?}"));
        let text = format!(
            "build made {{ outputs = \"src/made\", inputs = [], run = [\"x\"] }}\n\
             build app {{ outputs = \"app\", run = [\"x\"], inputs = [\"src/made\", \"src/sub\", \"src/f_\", \
             optional(\"src/g\"), \"src/f1\"{}] }}\n",
            inputs.collect::<String>()
        );
        let mut files: Vec<&str> = there.iter().map(String::as_str).collect();
        files.extend(["src/f1", "src/sub/a"]);
        let mut world = World::new(&text, &files);
        let errors = world.errors();
        let (request, none) = (Request::default(), Answers::default());
        let asked = Resolution::default().pass(&world.modules, &request, &none, Running::Allowed);
        match asked {
            Outcome::Wanting(asked) => (errors, asked),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_with_many_inputs_is_what_is_wrong_with_few() {
        let (errors, asked) = read(3);
        assert!(errors.contains("directory_input: the input `src/sub` is a directory"));
        assert!(errors.contains("missing_input: there is no file `src/f_`"));
        assert!(!errors.contains("src/made") && !errors.contains("src/g"));
        assert_eq!(asked.len(), 5);
        let (many, asked) = read(CROWD);
        assert_eq!(many, errors);
        let [Query::Presences { dir, names }] = asked.as_slice() else {
            panic!("{asked:?}");
        };
        assert_eq!((dir.as_str(), names.len()), ("src", CROWD + 2));
        assert!(names.is_sorted() && !names.contains(&"made".to_owned()));
    }
}
