//! Image targets once all targets are known: their platforms, and which targets and files go into them. Adds inputs and
//! edges to the graph, and reports what does not fit together.

use crate::base::source::Span;
use crate::image::platform::Platform;
use crate::lang::ast::Kind;
use crate::plan::body::{Body, with_article};
use crate::plan::claim::Claims;
use crate::plan::error::PlanError;
use crate::plan::eval::Evaluator;
use crate::plan::eval::Scope;
use crate::plan::graph::{Edge, EdgeWhy, Graph, Input, Output, TargetId};
use crate::plan::image::draft::{
    Draft, DraftBase, DraftFile, DraftLayer, DraftSource, DraftWhat, Referred,
};
use crate::plan::image::form::Form;
use crate::plan::image::platforms::{ImagePlatforms, MadeFor, made_for};
use crate::plan::image::reader::Reader;
use crate::plan::image::{Source, layout_dir};
use crate::plan::module::ModuleId;
use crate::plan::resolve::Resolver;
use crate::plan::target::with_given;
use crate::plan::value::Value;
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Resolver<'a> {
    /// Reads an image's own keys, and gives its outputs: the layout and what `output` says.
    pub(in crate::plan) fn read_image(
        &mut self,
        id: TargetId,
        module: ModuleId,
        scope: &Scope<'a>,
        body: &Body<'a>,
    ) -> Vec<Output> {
        if let Some(run) = body.run {
            self.errors.push(PlanError::NoSuchKey {
                owner: with_article(Kind::Image),
                key: "run".to_owned(),
                span: run.span(),
                help: Some(
                    "gomake builds images itself, from `files`, or has an engine do it, from a `dockerfile`; what makes the files is a build"
                        .to_owned(),
                ),
            });
        }
        let target = &self.graph.targets[id];
        let (span, name) = (self.graph.decls[target.decl].name_span, target.name.clone());
        let scope = with_given(scope.clone());
        let dir = self.modules.modules[module].dir.clone();
        let mut reader = Reader {
            plan: &self.plan,
            run: &self.check,
            module,
            scope: &scope,
            dir: &dir,
            body,
            errors: Vec::new(),
            lints: Vec::new(),
        };
        let mut draft = Draft::read(&mut reader, span);
        reader.check_keys(draft.form);
        let (errors, lints) = (reader.errors, reader.lints);
        self.errors.extend(errors);
        self.graph.lints.extend(lints);
        for (referred, span) in draft.referred() {
            referred.ids = self.referred(&referred.reference, span, self.depth[id] + 1);
        }
        self.images.insert(id, draft);
        let path = layout_dir(&name);
        let mut outputs = vec![Output::Tree { path, span }];
        if let Some(entry) = body.get("output") {
            let value = self.plan.eval(module, &scope, &entry.value);
            let place = entry.value.span;
            if matches!(value, Value::Str(_) | Value::Unknown(_)) {
                outputs.extend(self.output(module, value, place));
            }
        }
        if let Some(Output::Pattern { pattern, span }) = outputs.get(1) {
            self.errors.push(PlanError::BadText {
                text: pattern.clone(),
                expected: "a file or a directory",
                span: *span,
                help: "an archive is one file, \"dist/api.tar\"; \"dist/api/\" is a directory with an OCI layout",
            });
            outputs.truncate(1);
        }
        outputs
    }
}

/// Platforms, inputs and edges of all images.
pub(in crate::plan) fn settle(resolver: &mut Resolver<'_>, claims: &Claims) {
    let drafts = std::mem::take(&mut resolver.images);
    let mut platforms = ImagePlatforms::new(&drafts, &resolver.graph, &resolver.plan);
    platforms.settle();
    let (settled, errors) = (platforms.done, platforms.errors);
    resolver.errors.extend(errors);
    for (id, found) in settled {
        resolver.graph.targets[id].platforms = found;
    }
    for (&id, draft) in &drafts {
        let mut pass = Pass {
            id,
            found: Found::default(),
            errors: Vec::new(),
            graph: &resolver.graph,
            evaluator: &resolver.plan,
            drafts: &drafts,
        };
        pass.image(draft);
        let (found, errors) = (pass.found, pass.errors);
        resolver.errors.extend(errors);
        found.add_to(&mut resolver.graph, id);
        if let Some(dockerfile) = &draft.dockerfile {
            resolver.read_context(id, dockerfile, claims);
        }
    }
}

/// What an image needs.
#[derive(Default)]
struct Found {
    items: Vec<Input>,
}

impl Found {
    fn add_to(self, graph: &mut Graph, id: TargetId) {
        let target = &mut graph.targets[id];
        let mut needed: BTreeSet<TargetId> = target.needs.iter().map(|edge| edge.to).collect();
        for item in &self.items {
            if let Input::Target { id: to, span } = item
                && needed.insert(*to)
            {
                target.needs.push(Edge {
                    to: *to,
                    why: EdgeWhy::Input,
                    span: *span,
                });
            }
        }
        target.inputs.items.extend(self.items);
    }
}

struct Pass<'p, 'a> {
    id: TargetId,
    found: Found,
    errors: Vec<PlanError>,
    graph: &'p Graph,
    evaluator: &'p Evaluator<'a>,
    drafts: &'p BTreeMap<TargetId, Draft>,
}

impl Pass<'_, '_> {
    fn image(&mut self, draft: &Draft) {
        if let Some((DraftBase::Target(referred), span)) = &draft.base {
            self.base(referred, *span);
        }
        let platforms = &self.graph.targets[self.id].platforms;
        for layer in &draft.layers {
            let mut seen = BTreeMap::new();
            for file in &layer.files {
                let chosen = chosen(self.graph, self.evaluator, layer, file, platforms);
                // Where platforms are a mistake or not known yet, all instances are taken.
                if !platforms.is_empty() {
                    self.check_platforms(layer, file, platforms);
                    let before = self.errors.len();
                    if !file.into {
                        self.check_single(file, &chosen);
                    }
                    if self.errors.len() == before {
                        self.check_twice(file, &chosen, &mut seen);
                    }
                }
                for (source, span) in chosen {
                    self.add_source(source, span);
                }
            }
        }
    }

    fn base(&mut self, referred: &Referred, span: Span) {
        if let [_, _, ..] = &referred.ids[..] {
            self.errors.push(PlanError::KeyType {
                key: "base".to_owned(),
                expected: "one image",
                got: format!("{} targets", referred.ids.len()),
                span,
                help: Some("choose an instance: `base = name[\"item\"]`".to_owned()),
            });
            return;
        }
        let Some(&id) = referred.ids.first() else {
            return;
        };
        let target = &self.graph.targets[id];
        let from_dockerfile = self
            .drafts
            .get(&id)
            .is_some_and(|draft| draft.form == Some(Form::Dockerfile));
        let wrong = if target.kind != Kind::Image {
            Some((
                with_article(target.kind),
                "a base is an image",
                "what it makes goes into `files`",
            ))
        } else if from_dockerfile {
            Some((
                "built from a Dockerfile".to_owned(),
                "its layers lie in an engine",
                "push it to a registry, and name it there as the base",
            ))
        } else {
            None
        };
        if let Some((kind, why, help)) = wrong {
            self.errors.push(PlanError::ImageSource {
                target: target.name.to_string(),
                kind,
                why,
                span,
                help,
            });
            return;
        }
        self.found.items.push(Input::Target { id, span });
        let missing = self.graph.targets[self.id].platforms.iter().find(|wanted| {
            let mut has = target.platforms.iter();
            !target.platforms.is_empty() && !has.any(|platform| platform.serves(wanted))
        });
        if let Some(platform) = missing {
            self.errors.push(PlanError::MissingPlatform {
                target: target.name.to_string(),
                platform: platform.to_string(),
                span,
                help: format!(
                    "a base must be there for all platforms of the image; it has {}",
                    list(&target.platforms)
                ),
            });
        }
    }

    /// Where some instances of a target are made for a platform, there must be one for each that is wanted.
    fn check_platforms(&mut self, layer: &DraftLayer, file: &DraftFile, platforms: &[Platform]) {
        let DraftWhat::Sources(sources) = &file.what else {
            return;
        };
        let mut by_name: BTreeMap<&str, (Vec<Platform>, Span)> = BTreeMap::new();
        for (source, span) in sources {
            let DraftSource::Target(referred) = source else {
                continue;
            };
            for &id in &referred.ids {
                if let MadeFor::One(platform) = made_for(&self.graph.targets[id], self.evaluator) {
                    let name = self.graph.decl_of(id).name.as_str();
                    let (found, _) = by_name.entry(name).or_insert((Vec::new(), *span));
                    found.push(platform);
                }
            }
        }
        for (name, (found, span)) in by_name {
            let wanted = wanted(layer, platforms);
            let missing = wanted
                .iter()
                .find(|wanted| !found.iter().any(|platform| platform.serves(wanted)));
            if let Some(platform) = missing {
                self.errors.push(PlanError::MissingPlatform {
                    target: name.to_owned(),
                    platform: platform.to_string(),
                    span,
                    help: format!("what stands here is for {}", list(&found)),
                });
            }
        }
    }

    /// A path without a final `/` is one file, or a directory with the contents of one.
    fn check_single(&mut self, file: &DraftFile, chosen: &[(Source, Span)]) {
        let DraftWhat::Sources(sources) = &file.what else {
            return;
        };
        let is_open = sources.iter().any(|(source, _)| match source {
            DraftSource::Open => true,
            DraftSource::Target(referred) => referred.ids.is_empty(),
            _ => false,
        });
        if is_open {
            return;
        }
        let platform_of = |source: &Source| match source {
            Source::Target { platform, .. } => platform.clone(),
            _ => None,
        };
        let platforms: BTreeSet<Option<Platform>> = chosen
            .iter()
            .map(|(source, _)| platform_of(source))
            .collect();
        for platform in &platforms {
            let mut here = chosen
                .iter()
                .filter(|(source, _)| platform_of(source).is_none_or(|own| Some(own) == *platform));
            let (first, second) = (here.next(), here.next());
            if let (Some(_), Some((_, span))) = (first, second) {
                self.report_dest(file, "several things go there".to_owned(), *span);
                return;
            }
        }
        for (source, span) in chosen {
            let got = match source {
                Source::Glob { pattern, .. } if !is_directory(pattern) => {
                    "all that a pattern matches goes there".to_owned()
                }
                Source::Target { id, name, .. } => {
                    let outputs = &self.graph.targets[*id].outputs;
                    match &outputs[..] {
                        [_, _, ..] => format!("{} outputs of `{name}` go there", outputs.len()),
                        _ => continue,
                    }
                }
                _ => continue,
            };
            self.report_dest(file, got, *span);
            return;
        }
        if sources.is_empty() {
            self.errors.push(PlanError::BadText {
                text: file.dest.clone(),
                expected: "a path that something goes to",
                span: file.span,
                help: "name what goes there; for an empty directory, write `\"/dir/\" = {}`",
            });
        }
    }

    fn report_dest(&mut self, file: &DraftFile, got: String, span: Span) {
        self.errors.push(PlanError::ImageDest {
            dest: file.dest.clone(),
            got,
            span,
        });
    }

    /// Paths that are known now, each once a layer and platform.
    fn check_twice(
        &mut self,
        file: &DraftFile,
        chosen: &[(Source, Span)],
        seen: &mut BTreeMap<String, Vec<(Option<Platform>, Span)>>,
    ) {
        let mut paths = Vec::new();
        match &file.what {
            // A directory may be named for its mode, and again for what is in it.
            DraftWhat::Dir => {}
            DraftWhat::Link(_) | DraftWhat::Text(_) => {
                paths.push((file.dest.clone(), None, file.span));
            }
            DraftWhat::Sources(_) => {
                for (source, span) in chosen {
                    self.known_paths(file, source, *span, &mut paths);
                }
            }
        }
        for (path, platform, span) in paths {
            let before = seen.entry(path.clone()).or_default();
            let first = before
                .iter()
                .find(|(other, _)| other.is_none() || platform.is_none() || *other == platform);
            if let Some((_, first)) = first {
                self.errors.push(PlanError::ImageTwice {
                    path,
                    first: *first,
                    span,
                });
            } else {
                before.push((platform, span));
            }
        }
    }

    fn known_paths(
        &self,
        file: &DraftFile,
        source: &Source,
        span: Span,
        paths: &mut Vec<(String, Option<Platform>, Span)>,
    ) {
        let below = |name: &str| format!("{}/{name}", file.dest.trim_end_matches('/'));
        match source {
            Source::File { path, .. } if file.into => {
                paths.push((below(path.file_name()), None, span));
            }
            Source::Target { id, platform, .. } if file.into => {
                for output in &self.graph.targets[*id].outputs {
                    if let Output::File { path, .. } = output {
                        paths.push((below(path.file_name()), platform.clone(), span));
                    }
                }
            }
            Source::Target { platform, .. } => {
                paths.push((file.dest.clone(), platform.clone(), span));
            }
            Source::File { .. } => paths.push((file.dest.clone(), None, span)),
            Source::Glob { .. } => {}
        }
    }

    fn add_source(&mut self, source: Source, span: Span) {
        self.found.items.push(match source {
            Source::File { path, optional } => Input::File {
                path,
                optional,
                span,
            },
            Source::Glob { pattern, optional } => Input::Glob {
                pattern,
                optional,
                span,
            },
            Source::Target { id, name, .. } => {
                if self.graph.targets[id].kind == Kind::Image {
                    self.errors.push(PlanError::ImageSource {
                        target: name.to_string(),
                        kind: "an image".to_owned(),
                        why: "an image is no file of another",
                        span,
                        help: "write it as `base`; or give it an `output`, and name that file here",
                    });
                    return;
                }
                Input::Target { id, span }
            }
        });
    }
}

/// What goes to one path: of a target with instances for several platforms those that are wanted, each in its image.
pub(super) fn chosen(
    graph: &Graph,
    evaluator: &Evaluator<'_>,
    layer: &DraftLayer,
    file: &DraftFile,
    platforms: &[Platform],
) -> Vec<(Source, Span)> {
    let DraftWhat::Sources(sources) = &file.what else {
        return Vec::new();
    };
    let wanted = wanted(layer, platforms);
    let mut found = Vec::new();
    for (source, span) in sources {
        match source {
            DraftSource::Open => {}
            DraftSource::File { path, optional } => {
                let (path, optional) = (path.clone(), *optional);
                found.push((Source::File { path, optional }, *span));
            }
            DraftSource::Glob { pattern, optional } => {
                let (pattern, optional) = (pattern.clone(), *optional);
                found.push((Source::Glob { pattern, optional }, *span));
            }
            DraftSource::Target(referred) => {
                for &id in &referred.ids {
                    let target = &graph.targets[id];
                    let mut add = |platform| {
                        let name = target.name.clone();
                        found.push((Source::Target { id, name, platform }, *span));
                    };
                    match made_for(target, evaluator) {
                        MadeFor::One(_) if platforms.is_empty() => add(None),
                        MadeFor::One(own) => wanted
                            .iter()
                            .filter(|wanted| own.serves(wanted))
                            .for_each(|wanted| add((platforms.len() > 1).then(|| wanted.clone()))),
                        MadeFor::Any | MadeFor::Open => add(None),
                    }
                }
            }
        }
    }
    found
}

/// The platforms whose images have a layer.
fn wanted(layer: &DraftLayer, platforms: &[Platform]) -> Vec<Platform> {
    match &layer.platform {
        Some(platform) => vec![platform.clone()],
        None => platforms.to_vec(),
    }
}

/// `dir/**`: a whole directory.
fn is_directory(pattern: &str) -> bool {
    let dir = pattern.strip_suffix("/**");
    pattern == "**" || dir.is_some_and(|dir| !crate::base::glob::is_pattern(dir))
}

pub(super) fn list(platforms: &[Platform]) -> String {
    let texts: Vec<String> = platforms.iter().map(Platform::to_string).collect();
    texts.join(", ")
}
