//! Which platforms an image is for: what `platforms` says, else those of what goes into it.

use crate::base::source::Span;
use crate::image::platform::Platform;
use crate::lang::ast::ExprKind;
use crate::plan::error::PlanError;
use crate::plan::eval::Evaluator;
use crate::plan::graph::{Graph, Target, TargetId};
use crate::plan::image::draft::{
    Draft, DraftBase, DraftLayer, DraftPlatform, DraftSource, Referred,
};
use crate::plan::image::form::Form;
use crate::plan::image::reader::Reader;
use crate::plan::name::plain_text;
use crate::plan::query::{Answer, HostFact, Query};
use crate::plan::target::spanned;
use crate::plan::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a target's files are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MadeFor {
    Any,
    One(Platform),
    /// Not known without running something.
    Open,
}

impl<'a> Reader<'_, 'a> {
    /// The `platforms` key. A map from platforms to files adds layers.
    pub(super) fn platforms(
        &mut self,
        layers: &mut Vec<DraftLayer>,
    ) -> Option<Vec<(DraftPlatform, Span)>> {
        let entry = self.entry("platforms")?;
        let mut platforms = Vec::new();
        let whole = self.plan.eval(self.module, self.scope, &entry.value);
        if let Value::Map(_) = whole {
            for pair in self.pairs(self.plan, &entry.value).unwrap_or_default() {
                let Some(platform) = self.platform(&pair.key, pair.key_span) else {
                    continue;
                };
                match pair.expr {
                    Some(expr) => self.layers("platforms", expr, Some(&platform), layers),
                    None => {
                        self.layers_of("platforms", &pair.value, pair.span, Some(&platform), layers)
                    }
                }
                platforms.push((DraftPlatform::Is(platform), pair.key_span));
            }
            return Some(platforms);
        }
        for (item, span) in spanned(self.plan, self.module, self.scope, &entry.value) {
            let platform = match item {
                Value::Str(text) => match self.platform(&text, span) {
                    Some(platform) => DraftPlatform::Is(platform),
                    None => DraftPlatform::Open,
                },
                Value::Target(reference) => DraftPlatform::Of(Referred::new(reference)),
                Value::Unknown(_) | Value::Bad => DraftPlatform::Open,
                other => {
                    let expected = "platforms such as \"linux/amd64\", targets, or a map from platforms to files";
                    self.key_type("platforms", expected, &other, span, None);
                    DraftPlatform::Open
                }
            };
            platforms.push((platform, span));
        }
        if platforms.is_empty() && matches!(entry.value.kind, ExprKind::List(_)) {
            self.bad_text(
                "[]",
                "a list of platforms",
                entry.value.span,
                "without the key, the image is for what goes into it",
            );
        }
        Some(platforms)
    }

    fn platform(&mut self, text: &str, span: Span) -> Option<Platform> {
        let platform: Option<Platform> = text.parse().ok();
        if platform.is_none() {
            self.bad_text(
                text,
                "a platform",
                span,
                "platforms are written \"linux/amd64\" or \"linux/arm/v7\"",
            );
        }
        platform
    }
}

/// What a target makes its files for: its `go` block says it, or `for` variables called `os` and `arch`.
pub(super) fn made_for(target: &Target, evaluator: &Evaluator<'_>) -> MadeFor {
    let (os, arch, arm) = match &target.go {
        Some(go) => {
            let variable = |name: &str| go.env.get(name).filter(|text| !text.is_empty()).cloned();
            let host = |fact| match evaluator.ask(Query::Host(fact)) {
                Some(Answer::Text(Some(text))) => Some(text.clone()),
                _ => None,
            };
            let os = variable("GOOS").or_else(|| host(HostFact::Os));
            let arch = variable("GOARCH").or_else(|| host(HostFact::Arch));
            (os, arch, variable("GOARM"))
        }
        None => {
            let binding = |wanted: &str| {
                let mut bindings = target.bindings.iter();
                let found = bindings.find(|(name, _)| name == wanted);
                found.and_then(|(_, value)| plain_text(value))
            };
            match (binding("os"), binding("arch")) {
                (Some(os), Some(arch)) => (Some(os), Some(arch), binding("arm")),
                _ => return MadeFor::Any,
            }
        }
    };
    match (os, arch) {
        (Some(os), Some(arch)) if !os.contains('‹') && !arch.contains('‹') => {
            MadeFor::One(Platform::of_go(&os, &arch, arm.as_deref()))
        }
        _ => MadeFor::Open,
    }
}

/// Images run on Linux and Windows only.
pub(super) fn check_os(platform: &Platform, span: Span) -> Option<PlanError> {
    let runs = matches!(platform.os.as_str(), "linux" | "windows");
    (!runs).then(|| PlanError::ImageOs {
        platform: platform.to_string(),
        span,
        help: "containers run on Linux (and Windows): build for it with `os = \"linux\"` in the `go` block, or choose such an instance",
    })
}

/// The platforms of all images of a project, those of bases before what is built on them.
pub(super) struct ImagePlatforms<'p, 'a> {
    drafts: &'p BTreeMap<TargetId, Draft>,
    graph: &'p Graph,
    evaluator: &'p Evaluator<'a>,
    pub done: BTreeMap<TargetId, Vec<Platform>>,
    pub errors: Vec<PlanError>,
}

impl<'p, 'a> ImagePlatforms<'p, 'a> {
    pub fn new(
        drafts: &'p BTreeMap<TargetId, Draft>,
        graph: &'p Graph,
        evaluator: &'p Evaluator<'a>,
    ) -> Self {
        Self {
            drafts,
            graph,
            evaluator,
            done: BTreeMap::new(),
            errors: Vec::new(),
        }
    }

    /// A chain of images may be long: no recursion. A circle is reported where targets are ordered.
    pub fn settle(&mut self) {
        for &id in self.drafts.keys() {
            let mut stack = vec![id];
            let mut begun = BTreeSet::from([id]);
            while let Some(&top) = stack.last() {
                match self.base_of(top) {
                    Some(base) if !self.done.contains_key(&base) && begun.insert(base) => {
                        stack.push(base);
                    }
                    _ => {
                        stack.pop();
                        if !self.done.contains_key(&top) {
                            let found = self.image(&self.drafts[&top], top);
                            self.done.insert(top, found);
                        }
                    }
                }
            }
        }
    }

    fn base_of(&self, id: TargetId) -> Option<TargetId> {
        let Some((DraftBase::Target(referred), _)) = &self.drafts[&id].base else {
            return None;
        };
        let base = referred.ids.first().copied();
        base.filter(|base| self.drafts.contains_key(base))
    }

    fn image(&mut self, draft: &Draft, id: TargetId) -> Vec<Platform> {
        let found = match &draft.platforms {
            Some(said) => self.said(said),
            None if draft.form == Some(Form::Dockerfile) => return Vec::new(),
            None => self.unsaid(draft, id),
        };
        if draft.form == Some(Form::Dockerfile)
            && let [_, (_, span), ..] = &found[..]
        {
            self.errors.push(PlanError::KeyType {
                key: "platforms".to_owned(),
                expected: "one platform",
                got: format!("{} platforms", found.len()),
                span: *span,
                help: Some(
                    "an engine builds a Dockerfile for one at a time: make a target for each, with `for`"
                        .to_owned(),
                ),
            });
        }
        for (platform, span) in &found {
            self.errors.extend(check_os(platform, *span));
        }
        found.into_iter().map(|(platform, _)| platform).collect()
    }

    fn said(&mut self, said: &[(DraftPlatform, Span)]) -> Vec<(Platform, Span)> {
        let mut found: Vec<(Platform, Span)> = Vec::new();
        for (platform, span) in said {
            let own = match platform {
                DraftPlatform::Is(platform) => vec![platform.clone()],
                DraftPlatform::Of(referred) => self.instances(referred, *span),
                DraftPlatform::Open => Vec::new(),
            };
            for platform in own {
                if !found.iter().any(|(known, _)| known.serves(&platform)) {
                    found.push((platform, *span));
                }
            }
        }
        found
    }

    fn instances(&mut self, referred: &Referred, span: Span) -> Vec<Platform> {
        let mut platforms = Vec::new();
        for &id in &referred.ids {
            let target = &self.graph.targets[id];
            match made_for(target, self.evaluator) {
                MadeFor::One(platform) => platforms.push(platform),
                MadeFor::Open => {}
                MadeFor::Any => self.errors.push(PlanError::NoPlatform {
                    target: target.name.to_string(),
                    span,
                }),
            }
        }
        platforms
    }

    /// Those of what goes into it, which must agree; else the base's; else this machine's processor.
    fn unsaid(&mut self, draft: &Draft, id: TargetId) -> Vec<(Platform, Span)> {
        let mut first: Option<(Platform, Span)> = None;
        for (source, span) in draft.layers.iter().flat_map(DraftLayer::sources) {
            let DraftSource::Target(referred) = source else {
                continue;
            };
            for &id in &referred.ids {
                let MadeFor::One(platform) = made_for(&self.graph.targets[id], self.evaluator)
                else {
                    continue;
                };
                match &first {
                    None => first = Some((platform, *span)),
                    Some((known, _)) if known.serves(&platform) => {}
                    Some((known, place)) => {
                        self.errors.push(PlanError::PlatformsDiffer {
                            first_platform: known.to_string(),
                            platform: platform.to_string(),
                            first: *place,
                            span: *span,
                            help: self.differ_help(referred),
                        });
                        return Vec::new();
                    }
                }
            }
        }
        if let Some(first) = first {
            return vec![first];
        }
        let base = self.base_of(id).and_then(|base| self.done.get(&base));
        if let Some(platforms) = base.filter(|platforms| !platforms.is_empty()) {
            let own = platforms.iter().cloned();
            return own.map(|platform| (platform, draft.span)).collect();
        }
        match self.evaluator.ask(Query::Host(HostFact::Arch)) {
            Some(Answer::Text(Some(arch))) => {
                vec![(Platform::of_go("linux", arch, None), draft.span)]
            }
            _ => Vec::new(),
        }
    }

    fn differ_help(&self, referred: &Referred) -> String {
        let name = &referred.reference.name;
        format!(
            "choose one instance of `{name}`; or say that there is to be an image for each: `platforms = {name}[…]`"
        )
    }
}
