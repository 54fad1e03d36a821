//! A clean build of a [`World`], computed here and not by gomake: the outputs, and the facts that each command depends on.

use super::world::{Filter, HEADERS, In, Shape, Target, World};
use std::collections::BTreeMap;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    File { bytes: Vec<u8>, executable: bool },
    Link(String),
    Dir,
}

/// A target, or an instance of one.
#[derive(Debug, Clone)]
pub struct Action {
    pub uid: u32,
    /// As gomake tells it.
    pub name: String,
    /// The line that its script writes into the log.
    pub line: String,
    /// Everything that the result depends on; equal facts are an equal fingerprint.
    pub facts: String,
    pub end: End,
    /// Places in [`Clean::actions`] of all that must come before.
    pub needs: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The declared outputs in order, trees with all that is in them.
    Done(Vec<Output>),
    Failed,
    /// Something that it needs failed.
    Skipped,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Without the `/` of trees.
    pub path: String,
    /// Below `path`; a file has one entry with an empty name.
    pub nodes: BTreeMap<String, Node>,
}

/// Actions, each after what it needs.
#[derive(Debug, Clone, Default)]
pub struct Clean {
    pub actions: Vec<Action>,
}

impl Clean {
    pub fn of(world: &World) -> Self {
        let mut clean = Self::default();
        let mut targets: Vec<&Target> = world.targets.iter().collect();
        targets.sort_by_key(|target| target.layer);
        for target in targets {
            if target.shape == Shape::For {
                let items: Vec<&String> = world
                    .sources
                    .keys()
                    .filter(|path| path.starts_with("var/"))
                    .collect();
                for item in items {
                    clean.add(world, target, Some(item));
                }
            } else {
                clean.add(world, target, None);
            }
        }
        clean
    }

    /// The places of all actions that these targets reach.
    pub fn reach(&self, uids: &[u32]) -> Vec<usize> {
        let mut wanted: Vec<bool> = self
            .actions
            .iter()
            .map(|action| uids.contains(&action.uid))
            .collect();
        for at in (0..self.actions.len()).rev() {
            if wanted[at] {
                self.actions[at]
                    .needs
                    .iter()
                    .for_each(|need| wanted[*need] = true);
            }
        }
        (0..wanted.len()).filter(|at| wanted[*at]).collect()
    }

    fn add(&mut self, world: &World, target: &Target, item: Option<&String>) {
        let read = Reading::of(self, world, target, item);
        let skipped = read
            .needs
            .iter()
            .any(|need| !matches!(self.actions[*need].end, End::Done(_)));
        let end = match (skipped, read.fails(world, target)) {
            (true, _) => End::Skipped,
            (false, true) => End::Failed,
            (false, false) => End::Done(read.outputs(world, target, item)),
        };
        self.actions.push(Action {
            uid: target.uid,
            name: item.map_or_else(
                || target.name.clone(),
                |item| format!("{}[{item}]", target.name),
            ),
            line: item.map_or_else(
                || format!("u{}", target.uid),
                |item| format!("u{} {item}", target.uid),
            ),
            facts: read.facts(world, target, item),
            end,
            needs: read.needs,
        });
    }

    fn outputs(&self, uid: u32) -> impl Iterator<Item = (usize, &Output)> {
        self.actions
            .iter()
            .enumerate()
            .filter(move |(_, action)| action.uid == uid)
            .flat_map(|(at, action)| {
                let outputs = match &action.end {
                    End::Done(outputs) => outputs.as_slice(),
                    _ => &[],
                };
                outputs.iter().map(move |output| (at, output))
            })
    }
}

/// What one action reads.
#[derive(Debug, Default)]
struct Reading {
    needs: Vec<usize>,
    /// `$inputs`, each with what is there.
    inputs: Vec<(String, BTreeMap<String, Node>)>,
    /// Outputs of the targets that it names, with these targets' names: all of them count.
    upstream: Vec<(String, Output)>,
    /// Files of what it needs, which its script reads by path.
    needed: Vec<(String, Vec<u8>)>,
    /// What its depfile lists, with what is there.
    deps: BTreeMap<String, Option<Vec<u8>>>,
}

impl Reading {
    fn of(clean: &Clean, world: &World, target: &Target, item: Option<&String>) -> Self {
        let mut read = Self::default();
        if let Some(item) = item {
            read.source(world, item);
        }
        for input in &target.inputs {
            match input {
                In::Source(path) => read.source(world, path),
                In::VariableGlob => read.sources(world, "var/"),
                In::OddGlob => read.sources(world, "odd/"),
                In::Target(uid) => read.whole(clean, *uid, true),
                In::Path(uid) => read.by_path(clean, *uid),
                In::Layer(layer) => read.layer(clean, world, *layer),
                In::InTree(uid) => read.in_tree(clean, *uid),
            }
        }
        for uid in &target.needs {
            read.whole(clean, *uid, false);
            let needed = world.target(*uid);
            if needed.single_files() {
                for (_, output) in clean.outputs(*uid) {
                    if let Some(Node::File { bytes, .. }) = output.nodes.get("") {
                        read.needed.push((output.path.clone(), bytes.clone()));
                    }
                }
            }
        }
        read.needs.sort_unstable();
        read.needs.dedup();
        if target.shape == Shape::Depfile {
            read.deps(world);
        }
        read
    }

    fn push(&mut self, path: String, nodes: BTreeMap<String, Node>) {
        if !self.inputs.iter().any(|(known, _)| *known == path) {
            self.inputs.push((path, nodes));
        }
    }
    fn source(&mut self, world: &World, path: &str) {
        let node = Node::File {
            bytes: world.sources[path].clone(),
            executable: false,
        };
        self.push(path.to_owned(), BTreeMap::from([(String::new(), node)]));
    }
    fn sources(&mut self, world: &World, dir: &str) {
        for path in world.sources.keys().filter(|path| path.starts_with(dir)) {
            self.source(world, path);
        }
    }
    fn whole(&mut self, clean: &Clean, uid: u32, listed: bool) {
        self.needs.extend(
            clean
                .actions
                .iter()
                .enumerate()
                .filter(|(_, action)| action.uid == uid)
                .map(|(at, _)| at),
        );
        for (at, output) in clean.outputs(uid) {
            self.upstream
                .push((clean.actions[at].name.clone(), output.clone()));
            if listed {
                self.push(output.path.clone(), output.nodes.clone());
            }
        }
    }
    fn by_path(&mut self, clean: &Clean, uid: u32) {
        self.needs.extend(
            clean
                .actions
                .iter()
                .enumerate()
                .filter(|(_, action)| action.uid == uid)
                .map(|(at, _)| at),
        );
        if let Some((_, output)) = clean.outputs(uid).next() {
            self.push(output.path.clone(), output.nodes.clone());
        }
    }
    fn layer(&mut self, clean: &Clean, world: &World, layer: usize) {
        let mut found = Vec::new();
        for (at, action) in clean.actions.iter().enumerate() {
            let target = world.target(action.uid);
            if target.layer == layer && !matches!(target.shape, Shape::Test | Shape::Tree) {
                self.needs.push(at);
                if let End::Done(outputs) = &action.end {
                    found.extend(outputs.iter().cloned());
                }
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        for output in found {
            self.push(output.path, output.nodes);
        }
    }
    fn in_tree(&mut self, clean: &Clean, uid: u32) {
        self.needs.extend(
            clean
                .actions
                .iter()
                .enumerate()
                .filter(|(_, action)| action.uid == uid)
                .map(|(at, _)| at),
        );
        let Some((_, output)) = clean.outputs(uid).next() else {
            return;
        };
        for (name, node) in output
            .nodes
            .iter()
            .filter(|(name, _)| name.starts_with("d0/"))
        {
            self.push(
                format!("{}/{name}", output.path),
                BTreeMap::from([(String::new(), node.clone())]),
            );
        }
    }
    fn deps(&mut self, world: &World) {
        for (path, bytes) in &self.needed {
            self.deps.insert(path.clone(), Some(bytes.clone()));
        }
        for header in HEADERS {
            let line = format!("include {header}\n");
            let named = self
                .inputs
                .iter()
                .any(|(_, nodes)| String::from_utf8_lossy(&show(nodes)).contains(&line));
            if named {
                self.deps
                    .insert(header.to_owned(), world.sources.get(header).cloned());
            }
        }
    }

    /// What the script's `every` prints.
    fn every(&self, world: &World, target: &Target) -> Vec<u8> {
        let mut out = Vec::new();
        for (_, nodes) in &self.inputs {
            out.extend(show(nodes));
        }
        for (_, bytes) in &self.needed {
            out.extend(bytes);
        }
        if target.reads_env {
            out.extend(format!("env {}\n", world.env).into_bytes());
        }
        if target.reads_flags {
            out.extend(format!("flags {}\n", world.flags).into_bytes());
        }
        out
    }

    fn filtered(&self, world: &World, target: &Target) -> Vec<u8> {
        let every = self.every(world, target);
        match target.filter {
            Filter::Cat => every,
            Filter::Upper => every.to_ascii_uppercase(),
            Filter::Count => format!("{}\n", lines(&every).len()).into_bytes(),
            Filter::First => lines(&every)
                .first()
                .map_or_else(Vec::new, |line| line.to_vec()),
            Filter::Names => self
                .inputs
                .iter()
                .flat_map(|(path, _)| format!("{path}\n").into_bytes())
                .collect(),
        }
    }

    fn fails(&self, world: &World, target: &Target) -> bool {
        let may = target.strict || target.shape == Shape::Test;
        may && lines(&self.every(world, target))
            .iter()
            .any(|line| line.starts_with(b"FAIL"))
    }

    fn outputs(&self, world: &World, target: &Target, item: Option<&String>) -> Vec<Output> {
        let declared = target.declared();
        let file = |path: &str, bytes: Vec<u8>, executable| Output {
            path: path.to_owned(),
            nodes: BTreeMap::from([(String::new(), Node::File { bytes, executable })]),
        };
        match target.shape {
            Shape::Test => Vec::new(),
            Shape::File => vec![file(
                &declared[0],
                self.filtered(world, target),
                target.executable,
            )],
            Shape::TwoFiles => vec![
                file(
                    &declared[0],
                    self.filtered(world, target),
                    target.executable,
                ),
                file(&declared[1], self.every(world, target), target.executable),
            ],
            Shape::For => {
                let item = item
                    .expect("an instance")
                    .trim_start_matches("var/")
                    .trim_end_matches(".txt");
                vec![file(
                    &declared[0].replace("${stem(item)}", item),
                    self.filtered(world, target),
                    false,
                )]
            }
            Shape::Depfile => vec![file(&declared[0], self.included(world), target.executable)],
            Shape::Tree => vec![Output {
                path: declared[0].trim_end_matches('/').to_owned(),
                nodes: self.tree(world, target),
            }],
            Shape::Pattern => self
                .pattern(world, target)
                .into_iter()
                .map(|(path, bytes)| file(&path, bytes, false))
                .collect(),
        }
    }

    fn included(&self, world: &World) -> Vec<u8> {
        let mut out: Vec<u8> = self
            .needed
            .iter()
            .flat_map(|(_, bytes)| bytes.clone())
            .collect();
        for (_, nodes) in &self.inputs {
            for line in lines(&show(nodes)) {
                match std::str::from_utf8(line)
                    .expect("ours")
                    .trim_end()
                    .strip_prefix("include ")
                {
                    Some(header) => {
                        out.extend(world.sources.get(header).cloned().unwrap_or_default())
                    }
                    None => out.extend(line),
                }
            }
        }
        out
    }

    fn tree(&self, world: &World, target: &Target) -> BTreeMap<String, Node> {
        let file = |bytes: &[u8], executable| Node::File {
            bytes: bytes.to_vec(),
            executable,
        };
        let mut nodes = BTreeMap::from([
            ("d0".to_owned(), Node::Dir),
            ("d1".to_owned(), Node::Dir),
            ("empty".to_owned(), Node::Dir),
            ("link".to_owned(), Node::Link("d0".to_owned())),
            ("d0/base.txt".to_owned(), file(b"tree\n", target.executable)),
        ]);
        for (n, line) in (1..=4).zip(lines(&self.every(world, target))) {
            nodes.insert(format!("d{}/f{n}.txt", n % 2), file(line, false));
        }
        nodes
    }

    fn pattern(&self, world: &World, target: &Target) -> BTreeMap<String, Vec<u8>> {
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut text = b"base\n".to_vec();
        text.extend(self.every(world, target));
        for line in lines(&text).iter().take(4) {
            let line = std::str::from_utf8(line)
                .expect("ours")
                .trim_matches([' ', '\n']);
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let word: String = word.chars().filter(char::is_ascii_lowercase).collect();
            let path = format!("{}-{word}.txt", target.stem());
            files
                .entry(path)
                .or_default()
                .extend(format!("{word} {}\n", rest.trim_start()).into_bytes());
        }
        files
    }

    fn facts(&self, world: &World, target: &Target, item: Option<&String>) -> String {
        // The name is left out: what a renamed target makes is known from before.
        let upstream: Vec<_> = self
            .upstream
            .iter()
            .map(|(name, output)| (name, output))
            .collect();
        let spoken = Target {
            name: String::new(),
            needs: Vec::new(),
            inputs: Vec::new(),
            ..target.clone()
        };
        let env = target.reads_env.then_some(&world.env);
        let flags = target.reads_flags.then_some(&world.flags);
        format!(
            "{spoken:?} {item:?} {:?} {upstream:?} {:?} {:?} {env:?} {flags:?}",
            self.inputs, self.needed, self.deps
        )
    }
}

/// What the script's `show` prints.
fn show(nodes: &BTreeMap<String, Node>) -> Vec<u8> {
    if let Some(Node::File { bytes, .. }) = nodes.get("") {
        return bytes.clone();
    }
    let mut out = Vec::new();
    for (name, node) in nodes {
        if let Node::File { bytes, .. } = node {
            out.extend(format!("./{name}\n").into_bytes());
            out.extend(bytes);
        }
    }
    out
}

/// Lines with their ends.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}
