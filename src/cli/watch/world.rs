//! The Gofiles and the environment of one stretch of a watch: what is loaded anew when their texts change.

use crate::base::digest::Digest;
use crate::base::fs;
use crate::base::source::Sources;
use crate::cli::args::Args;
use crate::cli::fault::Fault;
use crate::cli::load::{Loaded, load};
use crate::cli::observe::Observer;
use crate::cli::plan::dotenv_files;
use crate::cli::settings::Environment;
use std::path::{Path, PathBuf};

pub struct World {
    pub loaded: Loaded,
    pub observer: Observer,
    texts: Texts,
}

/// Gofiles that cannot be used as they are.
pub struct Unusable {
    pub sources: Sources,
    pub fault: Fault,
    /// What was read of them. Empty where not even the first could be.
    pub texts: Texts,
}

/// Files with what was in them when they were read; None: nothing.
#[derive(Debug, Default)]
pub struct Texts(Vec<(PathBuf, Option<Digest>)>);

impl Texts {
    fn of_gofiles(loaded: &Loaded) -> Self {
        let gofiles = loaded.files.iter();
        Self(
            gofiles
                .map(|file| (file.path.clone(), Some(file.digest)))
                .collect(),
        )
    }

    fn add(&mut self, path: PathBuf) {
        let digest = digest(&path);
        self.0.push((path, digest));
    }

    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(path, _)| path.as_path())
    }

    /// Whether the files hold what was read. A touch is no change.
    pub fn are_current(&self) -> bool {
        self.0.iter().all(|(path, read)| digest(path) == *read)
    }
}

fn digest(path: &Path) -> Option<Digest> {
    fs::read(path).ok().map(|bytes| Digest::of(&bytes))
}

impl World {
    /// # Errors
    /// When a Gofile or a dotenv file cannot be used.
    pub fn load(args: &Args, env: &Environment) -> Result<Self, Unusable> {
        let mut loaded = load(args, env).map_err(|error| Unusable {
            sources: Sources::default(),
            fault: Fault::one(error),
            texts: Texts::default(),
        })?;
        let mut texts = Texts::of_gofiles(&loaded);
        if !loaded.errors.is_empty() {
            return Err(Unusable {
                fault: Fault::all(std::mem::take(&mut loaded.errors)),
                sources: loaded.sources,
                texts,
            });
        }
        let dotenv = dotenv_files(&loaded.modules);
        // Their contents first: one that changes while it is read is read again.
        dotenv
            .iter()
            .for_each(|file| texts.add(loaded.root.join(file)));
        match Observer::new(&loaded.root, &env.vars, &dotenv) {
            Ok(observer) => Ok(Self {
                loaded,
                observer: observer.keeping(env.cache_dir()),
                texts,
            }),
            Err(error) => Err(Unusable {
                sources: loaded.sources,
                fault: Fault::one(error),
                texts,
            }),
        }
    }

    pub fn texts(&self) -> &Texts {
        &self.texts
    }
}
