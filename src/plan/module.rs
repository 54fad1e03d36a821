//! The Gofiles of a run: the root and its includes, parsed.

use crate::base::hash::HashMap;
use crate::base::ids::IdVec;
use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::dense_id;
use crate::lang::ast;
use std::sync::OnceLock;

dense_id! {
    /// A Gofile in its place: the same file included twice is two modules.
    ModuleId
}

/// The root is the first.
#[derive(Debug, Default)]
pub struct Modules {
    pub modules: IdVec<ModuleId, Module>,
    /// Made at the first look-up, when all modules are there.
    names: OnceLock<IdVec<ModuleId, Names>>,
}

/// Where each name of a module is declared, so that a look-up does not search the text's 100,000 statements.
#[derive(Debug, Default)]
struct Names {
    /// Statement indices.
    lets: HashMap<String, usize>,
    targets: HashMap<String, usize>,
    aliases: HashMap<String, ModuleId>,
    /// Statement indices of `settings`.
    settings: Vec<usize>,
    /// The including module and the index among its includes; None for the root.
    includer: Option<(ModuleId, usize)>,
}

/// What gives a top-level name its value.
#[derive(Debug, Clone, Copy)]
pub enum Definition<'a> {
    Let(&'a ast::Let),
    /// An entry of `with { }`, to be evaluated in the including module.
    With(ModuleId, &'a ast::Entry),
}

#[derive(Debug)]
pub struct Module {
    pub tree: ast::File,
    /// The directory that the file's paths are relative to.
    pub dir: ProjectPath,
    /// `""` for the root, `"api:"`, `"api:db:"`.
    pub prefix: String,
    pub includes: Vec<Included>,
}

/// An include that was found and parsed.
#[derive(Debug)]
pub struct Included {
    pub alias: String,
    pub module: ModuleId,
    /// `with { name = value }`; evaluated in the including module.
    pub with: Vec<ast::Entry>,
    pub span: Span,
}

/// Where the modules of a plan are: at hand, or in texts that are parsed when something must be evaluated after all.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    Here(&'a Modules),
    Later(&'a dyn Parse),
}

/// Modules that are parsed when somebody asks for them first.
pub trait Parse: std::fmt::Debug + Sync {
    /// # Errors
    /// Why they cannot be had, as a sentence: the texts are no longer those that the plan was made of, say.
    fn modules(&self) -> Result<&Modules, &str>;
}

impl<'a> Source<'a> {
    /// # Errors
    /// Why they cannot be had, as a sentence.
    pub fn get(self) -> Result<&'a Modules, &'a str> {
        match self {
            Self::Here(modules) => Ok(modules),
            Self::Later(texts) => texts.modules(),
        }
    }
}

impl Modules {
    pub const ROOT: ModuleId = ModuleId(0);

    pub fn new(modules: IdVec<ModuleId, Module>) -> Self {
        Self {
            modules,
            names: OnceLock::new(),
        }
    }
    /// What a top-level name stands for: the includer's `with` goes before the module's own let.
    pub fn definition(&self, module: ModuleId, name: &str) -> Option<Definition<'_>> {
        let names = self.names(module);
        if let Some((parent, include)) = names.includer {
            let passed = self.modules[parent].includes[include]
                .with
                .iter()
                .find(|entry| entry.key.value == name);
            if let Some(entry) = passed {
                return Some(Definition::With(parent, entry));
            }
        }
        match self.modules[module]
            .tree
            .statements
            .get(*names.lets.get(name)?)
        {
            Some(ast::Statement::Let(found)) => Some(Definition::Let(found)),
            _ => None,
        }
    }
    /// A target's declaration by its name within the module.
    pub fn target(&self, module: ModuleId, name: &str) -> Option<&ast::TargetDecl> {
        match self.modules[module]
            .tree
            .statements
            .get(*self.names(module).targets.get(name)?)
        {
            Some(ast::Statement::Target(found)) => Some(found),
            _ => None,
        }
    }
    /// All entries of a module's settings.
    pub fn settings(&self, module: ModuleId) -> impl Iterator<Item = &ast::Entry> {
        let statements = &self.modules[module].tree.statements;
        let found = self
            .names(module)
            .settings
            .iter()
            .filter_map(|at| statements.get(*at));
        found.flat_map(|statement| match statement {
            ast::Statement::Settings { entries, .. } => entries.as_slice(),
            _ => &[],
        })
    }
    pub fn alias(&self, module: ModuleId, alias: &str) -> Option<ModuleId> {
        self.names(module).aliases.get(alias).copied()
    }
    /// The including module; None for the root.
    pub fn includer(&self, module: ModuleId) -> Option<(ModuleId, &Included)> {
        let (parent, include) = self.names(module).includer?;
        Some((parent, &self.modules[parent].includes[include]))
    }
    /// Every name that an expression at the top level of the module may use, in no particular order.
    pub fn visible(&self, module: ModuleId) -> impl Iterator<Item = String> + '_ {
        let names = self.names(module);
        let with = self
            .includer(module)
            .map_or(&[][..], |(_, included)| &included.with);
        let passed = with.iter().map(|entry| entry.key.value.clone());
        let foreign = names.aliases.iter().flat_map(|(alias, &id)| {
            self.names(id)
                .targets
                .keys()
                .map(move |target| format!("{alias}:{target}"))
        });
        passed
            .chain(names.lets.keys().cloned())
            .chain(names.targets.keys().cloned())
            .chain(foreign)
    }
    fn names(&self, module: ModuleId) -> &Names {
        &self.names.get_or_init(|| self.index())[module]
    }
    fn index(&self) -> IdVec<ModuleId, Names> {
        let mut index: IdVec<ModuleId, Names> = self.modules.values().map(Names::of).collect();
        for (id, module) in self.modules.iter() {
            for (at, included) in module.includes.iter().enumerate() {
                index[included.module].includer = Some((id, at));
            }
        }
        index
    }
}

impl Names {
    fn of(module: &Module) -> Self {
        let mut names = Self::default();
        for (at, statement) in module.tree.statements.iter().enumerate() {
            // The first declaration counts; the resolver reports the second.
            match statement {
                ast::Statement::Let(found) => {
                    names.lets.entry(found.name.value.clone()).or_insert(at);
                }
                ast::Statement::Target(found) => {
                    let name = found
                        .name
                        .as_ref()
                        .map_or(found.kind.value.word(), |name| &name.value);
                    names.targets.entry(name.to_owned()).or_insert(at);
                }
                ast::Statement::Settings { .. } => names.settings.push(at),
                _ => {}
            }
        }
        for included in &module.includes {
            names
                .aliases
                .entry(included.alias.clone())
                .or_insert(included.module);
        }
        names
    }
}
