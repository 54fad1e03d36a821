//! What counts of a Dockerfile's context: what its instructions copy, without what `.dockerignore` keeps out.

use crate::base::glob::is_pattern;
use crate::base::path::ProjectPath;
use crate::base::source::Span;
use crate::image::dockerfile::{Ignore, Reads, reads};
use crate::lang::ast::Entry;
use crate::plan::claim::Claims;
use crate::plan::error::PlanError;
use crate::plan::eval::Scope;
use crate::plan::graph::{Input, TargetId};
use crate::plan::image::draft::DraftDockerfile;
use crate::plan::place::{escaped, literal_dir};
use crate::plan::query::{Answer, Query};
use crate::plan::resolve::Resolver;
use crate::plan::target::with_given;
use crate::plan::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What `.dockerignore` files keep out of the files that patterns match. Where a Dockerfile has one of its own beside the
/// context's, builders differ in which they read: only what both keep out does not count.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ContextFilter {
    context: ProjectPath,
    /// Never empty.
    ignores: Vec<Ignore>,
}

impl ContextFilter {
    /// None without a text: everything counts.
    fn new(context: &ProjectPath, texts: &[String]) -> Option<Self> {
        (!texts.is_empty()).then(|| Self {
            context: context.clone(),
            ignores: texts.iter().map(|text| Ignore::parse(text)).collect(),
        })
    }

    /// Whether a file counts.
    pub fn keeps(&self, path: &ProjectPath) -> bool {
        !self.ignores(path.as_str(), Ignore::excludes)
    }

    /// Whether anything below a directory may count.
    pub fn may_hold(&self, dir: &ProjectPath) -> bool {
        !self.ignores(dir.as_str(), Ignore::prunes)
    }

    /// Whether some file that another target makes may count: `made` is a path, a directory with `/`, or a pattern.
    pub(in crate::plan) fn may_keep(&self, made: &str) -> bool {
        let dir = match made.strip_suffix('/') {
            Some(dir) => dir,
            None if is_pattern(made) => literal_dir(made),
            None => return !self.ignores(made, Ignore::excludes),
        };
        !self.ignores(dir, Ignore::prunes)
    }

    fn ignores(&self, path: &str, by: fn(&Ignore, &str) -> bool) -> bool {
        let below = match self.context.as_str() {
            "" => Some(path),
            context => path
                .strip_prefix(context)
                .and_then(|rest| rest.strip_prefix('/')),
        };
        below.is_some_and(|below| {
            !below.is_empty() && self.ignores.iter().all(|ignore| by(ignore, below))
        })
    }
}

impl Resolver<'_> {
    /// Adds the Dockerfile and what it copies to the inputs of an image.
    pub(super) fn read_context(
        &mut self,
        id: TargetId,
        dockerfile: &DraftDockerfile,
        claims: &Claims,
    ) {
        let span = dockerfile.span;
        let ignores = ignore_files(dockerfile);
        let mut items = vec![Input::File {
            path: dockerfile.path.clone(),
            optional: false,
            span,
        }];
        items.extend(ignores.iter().map(|path| Input::File {
            path: path.clone(),
            optional: true,
            span,
        }));
        let sources = if claims.makers(dockerfile.path.as_str()).is_empty() {
            self.sources(id, dockerfile)
        } else {
            // What it will copy is not known before it was made.
            Some(vec![".".to_owned()])
        };
        for source in sources.unwrap_or_default() {
            let patterns = patterns(&dockerfile.context, &source);
            items.extend(patterns.into_iter().map(|pattern| Input::Glob {
                pattern,
                optional: true,
                span,
            }));
        }
        let texts: Vec<String> = ignores
            .iter()
            .filter_map(|path| self.text(path, span))
            .map(|text| text.to_string())
            .collect();
        let inputs = &mut self.graph.targets[id].inputs;
        inputs.items.extend(items);
        inputs.filter = ContextFilter::new(&dockerfile.context, &texts).map(Arc::new);
    }

    /// The sources of the Dockerfile's instructions, below the context; None where it cannot be read (yet).
    fn sources(&mut self, id: TargetId, dockerfile: &DraftDockerfile) -> Option<Vec<String>> {
        let text = self.text(&dockerfile.path, dockerfile.span)?;
        let args = self.build_args(id);
        match reads(&text, dockerfile.stage.as_deref(), &args) {
            Ok(Reads { sources, .. }) => Some(
                sources
                    .into_iter()
                    // Made of a value that is not known yet.
                    .map(|source| {
                        if source.contains('‹') {
                            ".".to_owned()
                        } else {
                            source
                        }
                    })
                    .collect(),
            ),
            Err(error) => {
                self.errors.push(PlanError::Dockerfile {
                    path: dockerfile.path.to_string(),
                    reason: error.to_string(),
                    span: dockerfile.span,
                });
                None
            }
        }
    }

    fn text(&mut self, path: &ProjectPath, span: Span) -> Option<String> {
        match self.plan.ask(Query::Read(path.clone()))? {
            Answer::Text(text) => text.clone(),
            Answer::Failed(reason) => {
                self.errors.push(PlanError::Unreadable {
                    path: path.to_string(),
                    reason: reason.clone(),
                    span,
                    help: None,
                });
                None
            }
            other => unreachable!("a file's text is not answered by {other:?}"),
        }
    }

    /// `args` as far as they are known without running anything; the others by name.
    fn build_args(&self, id: TargetId) -> BTreeMap<String, String> {
        let decl = self.graph.targets[id].decl;
        let body = &self.bodies[decl];
        let entry: Option<&Entry> = body.get("args");
        let Some(entry) = entry else {
            return BTreeMap::new();
        };
        let scope = with_given(Scope {
            values: self.graph.targets[id].bindings.iter().cloned().collect(),
            lets: body.lets.clone(),
            ..Scope::default()
        });
        let module = self.graph.decls[decl].module;
        match self.check.eval(module, &scope, &entry.value) {
            Value::Map(pairs) => pairs
                .iter()
                .map(|(name, value)| {
                    let text = value.as_text();
                    let text = text.map_or_else(|| format!("‹{name}›"), |text| text.to_string());
                    (name.to_string(), text)
                })
                .collect(),
            _ => BTreeMap::new(),
        }
    }
}

/// Where the engines look for what to keep out: beside the Dockerfile first, then in the context.
fn ignore_files(dockerfile: &DraftDockerfile) -> Vec<ProjectPath> {
    let beside = format!("{}.dockerignore", dockerfile.path.file_name());
    let dir = dockerfile.path.parent().unwrap_or_else(ProjectPath::root);
    let candidates = [
        dir.resolve(&format!("./{beside}")),
        dockerfile.context.resolve(".dockerignore"),
    ];
    candidates.into_iter().flatten().collect()
}

/// Our patterns for a source of COPY (Go's `filepath.Match` below the context): itself, and everything below it. Unlike ours,
/// its wildcards match names with a leading dot, and braces mean themselves.
fn patterns(context: &ProjectPath, source: &str) -> Vec<String> {
    let mut prefix = escaped(context.as_str());
    let mut all = Vec::new();
    let parts: Vec<&str> = source
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    for part in &parts {
        if !prefix.is_empty() {
            prefix.push('/');
        }
        prefix.push_str(&component(part));
    }
    if !parts.is_empty() {
        all.push(prefix.clone());
        prefix.push('/');
    } else if !prefix.is_empty() {
        prefix.push('/');
    }
    // `**` does not enter directories with a leading dot: three of them in a path are found, too.
    all.push(format!("{prefix}**/{{*,.*}}"));
    all.push(format!("{prefix}**/.*/**/{{*,.*}}"));
    all.push(format!("{prefix}**/.*/**/.*/**/{{*,.*}}"));
    all.push(format!("{prefix}**/.*/**/.*/**/.*/**/{{*,.*}}"));
    all
}

fn component(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    let mut rest = part.chars();
    while let Some(c) = rest.next() {
        match c {
            '{' | '}' | ',' => text.extend(['[', c, ']']),
            '*' if text.ends_with('*') => {}
            '\\' => {
                text.push(c);
                text.extend(rest.next());
            }
            c => text.push(c),
        }
    }
    match text.strip_prefix('?') {
        _ if text.starts_with('*') => format!("{{{text},.{text}}}"),
        Some(behind) => format!("{{{text},.{behind}}}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::patterns;
    use crate::base::glob::Pattern;
    use crate::base::path::ProjectPath;
    use crate::plan::image::context::ContextFilter;

    fn takes(context: &str, source: &str, path: &str) -> bool {
        let context = ProjectPath::root()
            .resolve(&format!("./{context}"))
            .expect("a path");
        let mut all = patterns(&context, source).into_iter();
        all.any(|text| Pattern::new(&text).expect("a pattern").matches(path))
    }

    #[test]
    fn a_source_takes_itself_and_what_is_below() {
        assert!(takes("", "src", "src"));
        assert!(takes("", "src", "src/a/b.c"));
        assert!(!takes("", "src", "srcs/a"));
        for path in [
            "a",
            ".env",
            ".github/w/x.yml",
            "a/.b/.c",
            ".a/.b/c",
            ".a/.b/.c/d",
            "a/.b/c/.d/.e/f",
            "a/b/c",
        ] {
            assert!(takes("", ".", path), "{path}");
            assert!(takes("sub", ".", &format!("sub/{path}")), "{path}");
            assert!(takes("sub", "x/", &format!("sub/x/{path}")), "{path}");
        }
        assert!(!takes("sub", ".", "other/a"));
    }

    #[test]
    fn wildcards_are_those_of_go() {
        assert!(takes("", "*.txt", "a.txt"));
        assert!(takes("", "*", ".env"));
        assert!(takes("", "?x", ".x"));
        assert!(takes("", "a**b", "axb"));
        assert!(takes("", "{a}", "{a}"));
        assert!(takes("", "[a-c]x", "bx"));
        assert!(takes("", "[^a]x", "bx"));
        assert!(!takes("", "[^a]x", "ax"));
        assert!(takes("", r"\*", "*"));
        assert!(!takes("", r"\*", "a"));
        assert!(takes("[x]", "a*", "[x]/ab"));
    }

    #[test]
    fn what_one_of_two_files_keeps_out_counts_all_the_same() {
        let path = |text: &str| ProjectPath::root().resolve(text).expect("a path");
        let texts = ["*.log\n*.tmp\n".to_owned(), "*.log\n".to_owned()];
        let filter = ContextFilter::new(&path("ctx"), &texts).expect("there are texts");
        assert!(!filter.keeps(&path("ctx/a.log")));
        assert!(filter.keeps(&path("ctx/a.tmp")));
        assert!(filter.keeps(&path("a.log")), "outside of the context");
        assert!(ContextFilter::new(&path("ctx"), &[]).is_none());
    }
}
