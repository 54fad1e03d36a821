//! The two forms of image targets, and which key belongs to which. Evaluates nothing.

use crate::base::source::Span;
use crate::plan::body::Body;
use crate::plan::error::PlanError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Form {
    /// `base` and `files`: gomake builds it.
    Files,
    /// `dockerfile`: an engine builds it.
    Dockerfile,
}

/// Keys that an image gives a meaning of its own. The others mean what they mean to every target.
const OWN: &[(&str, Option<Form>)] = &[
    ("base", Some(Form::Files)),
    ("files", Some(Form::Files)),
    ("add", Some(Form::Files)),
    ("entrypoint", Some(Form::Files)),
    ("cmd", Some(Form::Files)),
    ("env", Some(Form::Files)),
    ("workdir", Some(Form::Files)),
    ("user", Some(Form::Files)),
    ("ports", Some(Form::Files)),
    ("volumes", Some(Form::Files)),
    ("annotations", Some(Form::Files)),
    ("stopsignal", Some(Form::Files)),
    ("healthcheck", Some(Form::Files)),
    ("compression", Some(Form::Files)),
    ("created", Some(Form::Files)),
    ("sbom", Some(Form::Files)),
    ("output", None),
    ("dockerfile", Some(Form::Dockerfile)),
    ("context", Some(Form::Dockerfile)),
    ("args", Some(Form::Dockerfile)),
    ("target", Some(Form::Dockerfile)),
    ("secrets", Some(Form::Dockerfile)),
    ("platforms", None),
    ("labels", None),
    ("tags", None),
    ("vcs", None),
    ("load", None),
    ("engine", None),
];

/// Whether the key is read here, and not as one that all kinds share.
pub(in crate::plan) fn is_own(key: &str) -> bool {
    OWN.iter().any(|(name, _)| *name == key)
}

/// What a key belongs to; `pass_env` is a common key, but where gomake builds there is no command that could see it.
fn form_of(key: &str) -> Option<Form> {
    if key == "pass_env" {
        return Some(Form::Dockerfile);
    }
    let found = OWN.iter().find(|(name, _)| *name == key);
    found.and_then(|(_, form)| *form)
}

impl Form {
    /// None where neither `base` nor `dockerfile` is written.
    pub fn of(body: &Body<'_>) -> Option<Self> {
        if body.get("dockerfile").is_some() {
            Some(Self::Dockerfile)
        } else {
            body.get("base").map(|_| Self::Files)
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Files => "from files",
            Self::Dockerfile => "from a Dockerfile",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Files => "base",
            Self::Dockerfile => "dockerfile",
        }
    }

    /// Reports keys that only the other form has.
    pub fn check(self, body: &Body<'_>, errors: &mut Vec<PlanError>) {
        let form_span = body.get(self.key()).map(|entry| entry.key.span);
        for entry in &body.entries {
            let key = entry.key.value.as_str();
            let Some(form) = form_of(key).filter(|form| *form != self) else {
                continue;
            };
            errors.push(PlanError::ImageForm {
                key: key.to_owned(),
                belongs: form.words(),
                span: entry.key.span,
                form: self.words(),
                form_span: form_span.unwrap_or(Span::new(0, 0)),
                help: help(key),
            });
        }
    }
}

fn help(key: &str) -> &'static str {
    match key {
        "base" | "files" | "add" => "an image has one source: split it in two targets",
        "dockerfile" | "context" | "args" | "target" | "secrets" => {
            "write `dockerfile = \"Dockerfile\"` in a target of its own"
        }
        "pass_env" => {
            "no command runs here that could see variables; `env` is what the container gets"
        }
        "env" => "write `ENV` in the Dockerfile, or hand values to it with `args`",
        "created" | "compression" => "the engine decides it",
        _ => "write it as an instruction of the Dockerfile",
    }
}
