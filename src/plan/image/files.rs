//! `files`: layers of paths in the image, each with what goes there.

use crate::base::names::nearest;
use crate::base::source::Span;
use crate::image::platform::Platform;
use crate::lang::ast::{Expr, ExprKind};
use crate::plan::error::PlanError;
use crate::plan::eval::Evaluator;
use crate::plan::image::draft::{DraftFile, DraftLayer, DraftSource, DraftWhat, Referred};
use crate::plan::image::reader::{Pair, Reader, image_path, is_open, pairs_of};
use crate::plan::place::{Place, escaped, place};
use crate::plan::target::spanned;
use crate::plan::value::Value;

/// What a map as the value of a path may say.
const ATTRIBUTES: &[&str] = &["from", "mode", "owner", "link", "text"];
const SOURCES: &str = "a file, a pattern, a directory, a target or a map";
const LAYERS: &str = "a map from paths to files, or a list of such maps";

impl<'a> Reader<'_, 'a> {
    /// The layers of the `files` key, the lowest first.
    pub(super) fn files(&mut self) -> Vec<DraftLayer> {
        let Some(entry) = self.entry("files") else {
            return Vec::new();
        };
        let mut layers = Vec::new();
        self.layers("files", &entry.value, None, &mut layers);
        layers
    }

    pub(super) fn layers(
        &mut self,
        key: &str,
        expr: &Expr,
        platform: Option<&Platform>,
        layers: &mut Vec<DraftLayer>,
    ) {
        if let ExprKind::List(items) = &expr.kind {
            for item in items {
                self.layers(key, item, platform, layers);
            }
            return;
        }
        match self.pairs(self.plan, expr) {
            Ok(pairs) => layers.push(self.layer(&pairs, platform)),
            Err(value) => self.layers_of(key, &value, expr.span, platform, layers),
        }
    }

    /// The same for a value that is no literal.
    pub(super) fn layers_of(
        &mut self,
        key: &str,
        value: &Value,
        span: Span,
        platform: Option<&Platform>,
        layers: &mut Vec<DraftLayer>,
    ) {
        let items = match value {
            Value::List(_) => Evaluator::items(value),
            single => vec![single.clone()],
        };
        for item in items {
            match pairs_of(&item, span) {
                Ok(pairs) => layers.push(self.layer(&pairs, platform)),
                Err(other) => self.key_type(key, LAYERS, &other, span, None),
            }
        }
    }

    fn layer(&mut self, pairs: &[Pair<'_>], platform: Option<&Platform>) -> DraftLayer {
        let files = pairs.iter().filter_map(|pair| self.file(pair));
        DraftLayer {
            files: files.collect(),
            platform: platform.cloned(),
        }
    }

    fn file(&mut self, pair: &Pair<'_>) -> Option<DraftFile> {
        let dest = match image_path(&pair.key) {
            Ok(dest) => dest,
            Err(help) => {
                self.bad_text(&pair.key, "a path in an image", pair.key_span, help);
                return None;
            }
        };
        let mut file = DraftFile {
            dest,
            into: pair.key.ends_with('/') || pair.key.ends_with("/."),
            what: DraftWhat::Dir,
            mode: None,
            owner: None,
            span: pair.key_span,
        };
        // A literal with a value that is not known yet is a map all the same.
        let is_literal = |expr: &Expr| matches!(expr.kind, ExprKind::Map(_));
        if matches!(pair.value, Value::Map(_)) || pair.expr.is_some_and(is_literal) {
            self.attributes(pair, &mut file)?;
        } else {
            file.what = DraftWhat::Sources(self.sources(pair));
        }
        Some(file)
    }

    /// `{ from = …, mode = "0755", owner = "0:0" }`
    fn attributes(&mut self, pair: &Pair<'_>, file: &mut DraftFile) -> Option<()> {
        let attributes = match pair.expr {
            Some(expr) => self.pairs(self.run, expr),
            None => pairs_of(&pair.value, pair.span),
        };
        let mut given: Option<Span> = None;
        for attribute in attributes.unwrap_or_default() {
            let name = attribute.key.as_str();
            match name {
                "from" => file.what = DraftWhat::Sources(self.sources(&attribute)),
                "link" => file.what = DraftWhat::Link(self.attribute_text(&attribute)?),
                "text" => file.what = DraftWhat::Text(self.attribute_text(&attribute)?),
                "mode" => file.mode = self.mode(&attribute),
                "owner" => file.owner = self.owner(&attribute),
                _ => self.unknown_attribute(&attribute),
            }
            if matches!(name, "from" | "link" | "text")
                && let Some(first) = given.replace(attribute.key_span)
            {
                self.errors.push(PlanError::KeyTwice {
                    key: format!("what goes to {}", file.dest),
                    first,
                    span: attribute.key_span,
                });
            }
        }
        if matches!(file.what, DraftWhat::Dir) && !file.into {
            self.bad_text(
                &pair.key,
                "a directory's path",
                pair.key_span,
                "for an empty directory, end the path with `/`; else say what goes there: `from`, `text` or `link`",
            );
            return None;
        }
        if matches!(file.what, DraftWhat::Link(_) | DraftWhat::Text(_)) && file.into {
            self.bad_text(
                &pair.key,
                "a file's path",
                pair.key_span,
                "a text or a link is one file: write the path without the `/` at its end",
            );
            return None;
        }
        Some(())
    }

    fn unknown_attribute(&mut self, attribute: &Pair<'_>) {
        let help = match nearest(&attribute.key, ATTRIBUTES.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its keys: {}", ATTRIBUTES.join(", ")),
        };
        self.errors.push(PlanError::NoSuchKey {
            owner: "a file of an image".to_owned(),
            key: attribute.key.clone(),
            span: attribute.key_span,
            help: Some(help),
        });
    }

    fn attribute_text(&mut self, attribute: &Pair<'_>) -> Option<String> {
        match &attribute.value {
            Value::Str(text) => Some(text.to_string()),
            // Shown by `--check` only.
            Value::Unknown(name) => Some(format!("‹{name}›")),
            other => {
                self.key_type(&attribute.key, "a string", other, attribute.span, None);
                None
            }
        }
    }

    fn mode(&mut self, attribute: &Pair<'_>) -> Option<u32> {
        const HELP: &str = "write permissions in quotes, as chmod has them: \"0755\", \"4755\"";
        match &attribute.value {
            Value::Str(text) => {
                let digits = text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
                if digits && matches!(text.len(), 3 | 4) {
                    return u32::from_str_radix(text, 8).ok();
                }
                self.bad_text(text, "a mode", attribute.span, HELP);
            }
            other => self.key_type(
                "mode",
                "a string",
                other,
                attribute.span,
                Some(HELP.to_owned()),
            ),
        }
        None
    }

    fn owner(&mut self, attribute: &Pair<'_>) -> Option<(u32, u32)> {
        const HELP: &str = "write numbers, \"65532:65532\" or \"0\": names mean something only in an image's /etc/passwd";
        if is_open(&attribute.value) {
            return None;
        }
        let Some(text) = attribute.value.as_text() else {
            let help = Some(HELP.to_owned());
            self.key_type("owner", "a string", &attribute.value, attribute.span, help);
            return None;
        };
        let (user, group) = text.split_once(':').unwrap_or((&text, &text));
        match (number(user), number(group)) {
            (Some(user), Some(group)) => Some((user, group)),
            _ => {
                self.bad_text(&text, "an owner", attribute.span, HELP);
                None
            }
        }
    }

    fn sources(&mut self, pair: &Pair<'_>) -> Vec<(DraftSource, Span)> {
        let items = match pair.expr {
            Some(expr) => spanned(self.plan, self.module, self.scope, expr),
            None => {
                let items = Evaluator::items(&pair.value).into_iter();
                items.map(|item| (item, pair.span)).collect()
            }
        };
        let sources = items
            .into_iter()
            // After a mistake it is as if it were not known yet: what follows from it is not reported, too.
            .map(|(item, span)| {
                let source = self.source(item, span);
                (source.unwrap_or(DraftSource::Open), span)
            });
        sources.collect()
    }

    fn source(&mut self, value: Value, span: Span) -> Option<DraftSource> {
        match value {
            Value::Str(text) => self.path_source(&text, false, span),
            Value::Optional(text) => self.path_source(&text, true, span),
            Value::Target(reference) => Some(DraftSource::Target(Referred::new(reference))),
            Value::Unknown(_) | Value::Bad => Some(DraftSource::Open),
            other => {
                self.key_type("files", SOURCES, &other, span, None);
                None
            }
        }
    }

    fn path_source(&mut self, text: &str, optional: bool, span: Span) -> Option<DraftSource> {
        if text.starts_with('!') {
            self.report_exclusion(text, span);
            return None;
        }
        match place(self.dir, text) {
            Ok(Place::File(path)) => Some(DraftSource::File { path, optional }),
            Ok(Place::Pattern(pattern)) => Some(DraftSource::Glob { pattern, optional }),
            Ok(Place::Dir(path)) => {
                let within = escaped(path.as_str());
                let pattern = if path.is_root() {
                    "**".to_owned()
                } else {
                    format!("{within}/**")
                };
                Some(DraftSource::Glob { pattern, optional })
            }
            Err(reason) => {
                self.errors.push(PlanError::PathOutside {
                    path: text.to_owned(),
                    reason,
                    span,
                });
                None
            }
        }
    }

    pub(super) fn report_exclusion(&mut self, text: &str, span: Span) {
        self.errors.push(exclusion(text, span));
    }
}

/// An exclusion would hold for all patterns of the target, and so would take files out of other layers.
pub(in crate::plan) fn exclusion(text: &str, span: Span) -> PlanError {
    PlanError::BadText {
        text: text.to_owned(),
        expected: "something that goes into an image",
        span,
        help: "exclusions are for `inputs` of other kinds: here, `glob(\"…\", exclude = \"…\")` names the files",
    }
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
