//! What can be said of a target without running anything: from its declaration, the graph and the state. `--help` and the page
//! of `--graph html` show it; how is theirs.

use crate::base::hash::HashMap;
use crate::base::source::{Sources, Span};
use crate::cli::list::{defaults, shown};
use crate::lang::ast::{Entry, Item, TargetDecl};
use crate::plan::action::Kind;
use crate::plan::graph::{Decl, DeclId, Edge, EdgeWhy, Graph, Input, ParamInfo, Target, TargetId};
use crate::plan::module::Modules;
use crate::plan::name::plain_text;
use crate::plan::value::Value;
use crate::report::text::count;
use crate::state::store::Store;
use std::collections::BTreeMap;

/// How many names stand in a list before the rest is only counted.
const SHOWN: usize = 12;

/// What is to be told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A declaration, with all instances of its `for`.
    Decl(DeclId),
    Target(TargetId),
}

/// One heading with what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    pub about: &'static str,
    pub lines: Vec<Line>,
}

/// A line, and what is said to its right with less weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    pub note: String,
}

/// How a target's last runs here ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Last {
    /// The last success: milliseconds since 1970, and how many it took.
    pub success: Option<(u64, u64)>,
    /// Its command was started after that, and has not come to a success: it failed, was cut short, or runs now.
    pub unfinished: bool,
}

/// A project as it is told about.
pub struct Book<'a> {
    graph: &'a Graph,
    modules: &'a Modules,
    sources: &'a Sources,
    /// None where the state cannot be read: then nothing is said of earlier runs.
    store: Option<&'a Store>,
    needed_by: HashMap<TargetId, Vec<TargetId>>,
}

impl Line {
    fn new(text: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            note: note.into(),
        }
    }
    fn plain(text: impl Into<String>) -> Self {
        Self::new(text, "")
    }
}

impl<'a> Book<'a> {
    pub fn new(
        graph: &'a Graph,
        modules: &'a Modules,
        sources: &'a Sources,
        store: Option<&'a Store>,
    ) -> Self {
        let mut needed_by: HashMap<TargetId, Vec<TargetId>> = HashMap::default();
        for (id, target) in graph.targets.iter() {
            for edge in &target.needs {
                let known = needed_by.entry(edge.to).or_default();
                if known.last() != Some(&id) {
                    known.push(id);
                }
            }
        }
        Self {
            graph,
            modules,
            sources,
            store,
            needed_by,
        }
    }

    pub fn decl(&self, subject: Subject) -> &'a Decl {
        match subject {
            Subject::Decl(decl) => &self.graph.decls[decl],
            Subject::Target(target) => self.graph.decl_of(target),
        }
    }
    pub fn name(&self, subject: Subject) -> String {
        match subject {
            Subject::Decl(decl) => self.graph.decls[decl].name.clone(),
            Subject::Target(target) => self.graph.target(target).name.to_string(),
        }
    }
    /// `Gofile:12:7`
    pub fn place(&self, subject: Subject) -> String {
        self.sources.place(self.decl(subject).name_span)
    }

    /// Everything but the name, the place and the help. `files` says how many files a glob matches now, where that is asked.
    pub fn facts(
        &self,
        subject: Subject,
        files: &dyn Fn(&Target, &str) -> Option<usize>,
    ) -> Vec<Fact> {
        let decl = self.decl(subject);
        let tree = self.tree(decl);
        let sample = self.sample(subject);
        let facts = [
            ("parameters", parameters(decl)),
            ("instances", self.instances(subject)),
            ("inputs", self.inputs(sample, tree, files)),
            ("outputs", self.outputs(sample, tree)),
            ("needs", self.needs(subject)),
            ("after", self.after(subject)),
            ("needed by", self.needed_by(subject)),
            ("environment", self.environment(decl, tree)),
            ("settings", self.settings(tree)),
            ("result", vec![Line::plain(self.result(subject, tree))]),
            ("last run", self.last_run(subject)),
        ];
        let facts = facts.into_iter().filter(|(_, lines)| !lines.is_empty());
        facts.map(|(about, lines)| Fact { about, lines }).collect()
    }

    /// What the target runs, as it is written.
    pub fn command(&self, subject: Subject) -> Option<String> {
        let tree = self.tree(self.decl(subject));
        tree.body.iter().find_map(|item| match item {
            Item::Run(script) => Some(script.text.clone()),
            Item::Entry(entry) if entry.key.value == "run" => Some(self.written(entry)),
            _ => None,
        })
    }

    pub fn last(&self, target: TargetId) -> Last {
        let name = &self.graph.target(target).name;
        let Some(store) = self.store else {
            return Last::default();
        };
        Last {
            success: store
                .result(name)
                .map(|record| (record.finished_at_ms, record.duration_ms)),
            unfinished: store.is_unfinished(name),
        }
    }

    fn tree(&self, decl: &Decl) -> &'a TargetDecl {
        crate::plan::resolve::tree_of(self.modules, decl.module, decl.statement)
    }

    /// The targets that a subject stands for; calls with arguments are not meant by the name alone.
    fn targets(&self, subject: Subject) -> Vec<TargetId> {
        match subject {
            Subject::Target(target) => vec![target],
            Subject::Decl(id) => {
                let decl = &self.graph.decls[id];
                let is_plain = |target: &TargetId| {
                    let bound = &self.graph.target(*target).bindings;
                    decl.params.iter().all(|param| {
                        let value = bound.iter().find(|(name, _)| *name == param.name);
                        match (&param.default, value) {
                            (Some(default), Some((_, value))) => default == value,
                            (None, Some((_, value))) => *value == stand_in(param),
                            (_, None) => false,
                        }
                    })
                };
                decl.instances.iter().copied().filter(is_plain).collect()
            }
        }
    }

    /// The target whose inputs and outputs can be shown as they come out; none where there are several, of which the text
    /// says more than any one.
    fn sample(&self, subject: Subject) -> Option<&'a Target> {
        match self.targets(subject)[..] {
            [one]
                if matches!(subject, Subject::Target(_)) || self.decl(subject).fors.is_empty() =>
            {
                Some(self.graph.target(one))
            }
            _ => None,
        }
    }

    fn instances(&self, subject: Subject) -> Vec<Line> {
        if matches!(subject, Subject::Target(_)) || self.decl(subject).fors.is_empty() {
            return Vec::new();
        }
        let names = self.targets(subject);
        let names = names
            .iter()
            .map(|id| self.graph.target(*id).name.to_string());
        match names.len() {
            0 => vec![Line::plain("none: its `for` goes over nothing")],
            _ => clipped(names.map(Line::plain).collect()),
        }
    }

    fn inputs(
        &self,
        sample: Option<&Target>,
        tree: &TargetDecl,
        files: &dyn Fn(&Target, &str) -> Option<usize>,
    ) -> Vec<Line> {
        let mut lines = match sample {
            Some(target) => {
                let items = target.inputs.items.iter();
                let mut lines: Vec<Line> = items
                    .map(|input| self.input(target, input, files))
                    .collect();
                let excludes = target.inputs.excludes.iter();
                lines.extend(excludes.map(|pattern| Line::plain(format!("!{pattern}"))));
                clipped(lines)
            }
            None => self.entry(tree, "inputs"),
        };
        for item in &tree.body {
            if let Item::Block { name, span, .. } = item {
                let text = self.on_one_line(*span);
                let note = if name.value == "go" {
                    "what Go's import graph says"
                } else {
                    ""
                };
                lines.push(Line::new(text, note));
            }
        }
        lines
    }

    fn input(
        &self,
        target: &Target,
        input: &Input,
        files: &dyn Fn(&Target, &str) -> Option<usize>,
    ) -> Line {
        let or_none = |note: String, optional: bool| match (note.is_empty(), optional) {
            (_, false) => note,
            (true, true) => "optional".to_owned(),
            (false, true) => format!("{note}, optional"),
        };
        match input {
            Input::File { path, optional, .. } => {
                Line::new(path.to_string(), or_none(String::new(), *optional))
            }
            Input::Glob {
                pattern, optional, ..
            } => {
                let number = files(target, pattern);
                let note = number.map_or_else(String::new, |number| count(number, "file"));
                Line::new(pattern.clone(), or_none(note, *optional))
            }
            Input::Target { id, .. } => {
                let target = self.graph.target(*id);
                Line::new(
                    target.name.to_string(),
                    format!("what that {} makes", target.kind),
                )
            }
        }
    }

    fn outputs(&self, sample: Option<&Target>, tree: &TargetDecl) -> Vec<Line> {
        match sample {
            Some(target) => {
                let outputs = target.outputs.iter();
                clipped(outputs.map(|output| Line::plain(output.text())).collect())
            }
            None => self.entry(tree, "outputs"),
        }
    }

    fn needs(&self, subject: Subject) -> Vec<Line> {
        let targets = self.targets(subject);
        let edges = targets
            .iter()
            .flat_map(|id| self.graph.target(*id).needs.iter());
        let why: Vec<(TargetId, &'static str)> =
            edges.map(|edge| (edge.to, because(edge))).collect();
        self.named(&why)
    }

    fn after(&self, subject: Subject) -> Vec<Line> {
        let targets = self.targets(subject);
        let earlier = targets
            .iter()
            .flat_map(|id| self.graph.target(*id).after.iter());
        let earlier: Vec<_> = earlier.map(|id| (*id, "if both run")).collect();
        self.named(&earlier)
    }

    fn needed_by(&self, subject: Subject) -> Vec<Line> {
        let targets = self.targets(subject);
        let later = targets
            .iter()
            .flat_map(|id| self.needed_by.get(id).into_iter().flatten());
        let later: Vec<_> = later.map(|id| (*id, "")).collect();
        self.named(&later)
    }

    /// Targets by name, each once; several instances of one `for` are one line.
    fn named(&self, targets: &[(TargetId, &'static str)]) -> Vec<Line> {
        let mut by_decl: BTreeMap<DeclId, Vec<(TargetId, &'static str)>> = BTreeMap::new();
        for (id, why) in targets {
            let group = by_decl.entry(self.graph.target(*id).decl).or_default();
            if !group.iter().any(|(known, _)| known == id) {
                group.push((*id, why));
            }
        }
        let line = |(decl, group): (DeclId, Vec<(TargetId, &'static str)>)| {
            let decl = &self.graph.decls[decl];
            let (first, why) = group[0];
            let text = match group.len() {
                // Calls with different arguments, or none that somebody made: which ones there are says little.
                many if decl.fors.is_empty() && (many > 1 || self.is_stand_in(first)) => {
                    format!("{} {}", decl.kind, decl.name)
                }
                1 => format!("{} {}", decl.kind, self.graph.target(first).name),
                many => format!("{} {} ({})", decl.kind, decl.name, count(many, "instance")),
            };
            Line::new(text, why)
        };
        clipped(by_decl.into_iter().map(line).collect())
    }

    /// Whether nobody called it: a value stands in for what must be given.
    fn is_stand_in(&self, target: TargetId) -> bool {
        let decl = self.graph.decl_of(target);
        let bound = &self.graph.target(target).bindings;
        let mut required = decl.params.iter().filter(|param| param.default.is_none());
        required.any(|param| bound.contains(&(param.name.clone(), stand_in(param))))
    }

    fn environment(&self, decl: &Decl, tree: &TargetDecl) -> Vec<Line> {
        let mut lines = self.entry(tree, "env");
        let passed = |note: &'static str| move |line: Line| Line::new(line.text, note);
        lines.extend(
            self.entry(tree, "pass_env")
                .into_iter()
                .map(passed("passed and counted")),
        );
        if decl.kind == Kind::Image {
            // Nothing of the caller's gets into an image.
            return lines;
        }
        let settings = self.modules.settings(decl.module);
        for entry in settings.filter(|entry| entry.key.value == "pass_env") {
            let note = "passed to every target, and counted";
            lines.push(Line::new(self.written(entry), note));
        }
        if decl.kind == Kind::Task {
            lines.push(Line::plain("the caller's whole environment"));
        }
        lines
    }

    /// How it runs, where that is not as usual.
    fn settings(&self, tree: &TargetDecl) -> Vec<Line> {
        const KEYS: [&str; 12] = [
            "base",
            "dockerfile",
            "platforms",
            "tags",
            "dir",
            "tools",
            "timeout",
            "retries",
            "pool",
            "weight",
            "interactive",
            "exclusive",
        ];
        let entries = entries(tree).filter(|entry| KEYS.contains(&entry.key.value.as_str()));
        let line =
            |entry: &Entry| Line::plain(format!("{} = {}", entry.key.value, self.written(entry)));
        entries.map(line).collect()
    }

    fn result(&self, subject: Subject, tree: &TargetDecl) -> String {
        let kept_out =
            entries(tree).any(|entry| entry.key.value == "cache" && self.written(entry) == "false");
        let always = self
            .targets(subject)
            .iter()
            .any(|id| self.graph.target(*id).always_runs);
        match self.decl(subject).kind {
            Kind::Task => "always runs".to_owned(),
            Kind::Clean => "always removes".to_owned(),
            Kind::Service => "runs for as long as it is needed".to_owned(),
            _ if always => "always runs: it names no inputs to compare".to_owned(),
            _ if kept_out => "remembered here, kept out of the cache (cache = false)".to_owned(),
            Kind::Test => "a pass is remembered, here and in the cache".to_owned(),
            Kind::Build | Kind::Image => "remembered here, and kept in the cache".to_owned(),
        }
    }

    fn last_run(&self, subject: Subject) -> Vec<Line> {
        if self.store.is_none() || self.decl(subject).kind == Kind::Clean {
            return Vec::new();
        }
        let lasts: Vec<Last> = self
            .targets(subject)
            .iter()
            .map(|id| self.last(*id))
            .collect();
        let done: Vec<(u64, u64)> = lasts.iter().filter_map(|last| last.success).collect();
        let unfinished = lasts.iter().filter(|last| last.unfinished).count();
        let mut lines = Vec::new();
        match (done.iter().max(), done.len()) {
            (None, _) => lines.push(Line::plain("has not succeeded here")),
            (Some((at, took)), 1) if lasts.len() == 1 => lines.push(Line::new(
                format!("succeeded {}", date(*at)),
                format!("took {}", duration(*took)),
            )),
            (Some((at, _)), number) => lines.push(Line::new(
                format!("{number} of {} succeeded", count(lasts.len(), "instance")),
                format!("the last {}", date(*at)),
            )),
        }
        match (unfinished, lasts.len()) {
            (0, _) => {}
            (_, 1) => lines.push(Line::plain("was started since, and did not succeed")),
            (number, _) => lines.push(Line::plain(format!(
                "{number} were started since, and did not succeed"
            ))),
        }
        lines
    }

    /// An entry of the body as it is written; none where it is not.
    fn entry(&self, tree: &TargetDecl, key: &str) -> Vec<Line> {
        let found = entries(tree).filter(|entry| entry.key.value == key);
        found
            .map(|entry| Line::plain(self.written(entry)))
            .collect()
    }

    fn written(&self, entry: &Entry) -> String {
        self.on_one_line(entry.value.span)
    }

    /// What is written there, without comments; runs of blanks and line ends are one blank.
    fn on_one_line(&self, span: Span) -> String {
        let mut text = String::new();
        let mut at = span.start;
        let mut take = |from: u32, to: u32| {
            text.push_str(self.sources.slice(Span {
                start: from,
                end: to,
            }));
        };
        for module in self.modules.modules.values() {
            let comments = &module.tree.comments;
            let first = comments.partition_point(|comment| comment.span.start < span.start);
            for comment in &comments[first..] {
                if comment.span.end > span.end {
                    break;
                }
                take(at, comment.span.start);
                at = comment.span.end;
            }
        }
        take(at, span.end);
        let words: Vec<&str> = text.split_whitespace().collect();
        words.join(" ")
    }

    /// How it is called: `gomake deploy host=… [tier=dev|prod]`, and for a `for` also one instance.
    pub fn usage(&self, subject: Subject) -> Vec<Line> {
        let decl = self.decl(subject);
        let params: Vec<String> = match subject {
            Subject::Target(_) => Vec::new(),
            Subject::Decl(_) => decl.params.iter().map(in_usage).collect(),
        };
        let call = |name: &str| {
            let mut words = vec!["gomake".to_owned(), quoted(name)];
            words.extend(params.iter().cloned());
            Line::plain(words.join(" "))
        };
        let mut lines = vec![call(&self.name(subject))];
        if let Subject::Decl(_) = subject
            && !decl.fors.is_empty()
        {
            let one = self.targets(subject).first().copied();
            let one = one.map(|id| self.graph.target(id).name.to_string());
            lines.extend(one.map(|name| call(&name)));
        }
        if matches!(subject, Subject::Decl(_))
            && defaults(self.graph).contains(decl.name.as_str())
            && params.is_empty()
        {
            lines.push(Line::new("gomake", "the default"));
        }
        lines
    }
}

/// A value for a parameter that must be given, where a target is looked at without being called.
pub fn stand_in(param: &ParamInfo) -> Value {
    match (&param.default, &param.choices) {
        (Some(default), _) => default.clone(),
        (None, Some(choices)) => Value::str(choices.first().map_or("", String::as_str)),
        (None, None) => Value::str(format!("‹{}›", param.name)),
    }
}

/// A word as a shell takes it; `name=value` and `ns:target` need no quotes, though some quote them.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}

/// A duration for people.
pub fn duration(millis: u64) -> String {
    crate::report::time::short(std::time::Duration::from_millis(millis))
}

/// `2026-11-23 05:12:33 UTC`
pub fn date(millis: u64) -> String {
    let text = crate::image::date::rfc3339(millis / 1000);
    text.replace('T', " ").replace('Z', " UTC")
}

fn entries(tree: &TargetDecl) -> impl Iterator<Item = &Entry> {
    tree.body.iter().filter_map(|item| match item {
        Item::Entry(entry) => Some(entry),
        _ => None,
    })
}

fn because(edge: &Edge) -> &'static str {
    match edge.why {
        EdgeWhy::Needs => "",
        EdgeWhy::Input => "an input",
        EdgeWhy::File(_) => "makes a file that is read",
        EdgeWhy::Go(_) => "makes a file of the packages",
    }
}

fn parameters(decl: &Decl) -> Vec<Line> {
    let line = |param: &ParamInfo| {
        let choices = param.choices.as_deref().map(|all| all.join(" or "));
        let takes = match (choices, &param.default) {
            (Some(choices), _) => choices,
            (None, Some(Value::Int(_))) => "a whole number".to_owned(),
            (None, Some(Value::Bool(_))) => "true or false".to_owned(),
            (None, Some(Value::List(_))) => "words".to_owned(),
            (None, _) => "a text".to_owned(),
        };
        let note = match &param.default {
            None => "must be given".to_owned(),
            Some(default) => match (plain_text(default).as_deref(), shown(default)) {
                (Some(""), _) => "empty unless given".to_owned(),
                (_, text) => format!("{text} unless given"),
            },
        };
        Line::new(format!("{}: {takes}", param.name), note)
    };
    decl.params.iter().map(line).collect()
}

fn in_usage(param: &ParamInfo) -> String {
    let value = match (&param.choices, &param.default) {
        (Some(choices), _) => choices.join("|"),
        (None, Some(Value::Bool(_))) => "true|false".to_owned(),
        (None, _) => param.name.to_uppercase(),
    };
    match param.default {
        None => format!("{}={value}", param.name),
        Some(_) => format!("[{}={value}]", param.name),
    }
}

/// The first lines of many, and how many more there are.
fn clipped(mut lines: Vec<Line>) -> Vec<Line> {
    if lines.len() > SHOWN + 1 {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(Line::plain(format!("and {more} more")));
    }
    lines
}
