//! What would run, and why, without running anything: `-n` and `--why`.

use crate::base::hash::HashMap;
use crate::execute::check::{CheckError, Verdict};
use crate::execute::expand::Disk;
use crate::execute::project::Project;
use crate::execute::wanted::Wanted;
use crate::fingerprint::content::Outputs;
use crate::plan::action::Kind;
use crate::plan::graph::TargetId;

/// What a run would do with one target.
#[derive(Debug, Clone)]
pub enum Fate {
    UpToDate,
    /// The cache would give its outputs back.
    Restore {
        reasons: Vec<String>,
    },
    Run {
        reasons: Vec<String>,
    },
    /// What it needs would run first; whether this runs hangs on what that makes.
    Perhaps {
        because: TargetId,
    },
}

/// What a run would do with each wanted target, in order.
///
/// # Errors
/// When a file cannot be read, or a target cannot be bound.
pub fn forecast(
    project: &Project<'_>,
    wanted: &Wanted,
) -> Result<Vec<(TargetId, Fate)>, CheckError> {
    let mut fates: Vec<(TargetId, Fate)> = Vec::new();
    let mut dirty: HashMap<TargetId, bool> = HashMap::default();
    for &id in &wanted.order {
        let behind = wanted
            .before(id)
            .iter()
            .map(|(earlier, _)| *earlier)
            .chain(project.services_of(id))
            .find(|id| dirty.get(id).copied().unwrap_or(false));
        let fate = match behind {
            Some(because) if !project.graph().target(id).always_runs => {
                behind_dirty(project, id, because)?
            }
            _ => fate(project, id)?,
        };
        dirty.insert(id, makes_anew(project, id, &fate));
        fates.push((id, fate));
    }
    Ok(fates)
}

/// Whether what comes after must wait to know: a task or a passed test gives nothing that counts.
fn makes_anew(project: &Project<'_>, id: TargetId, fate: &Fate) -> bool {
    let target = project.graph().target(id);
    let counts = !target.outputs.is_empty() || target.kind == Kind::Service;
    !matches!(fate, Fate::UpToDate) && counts
}

fn fate(project: &Project<'_>, id: TargetId) -> Result<Fate, CheckError> {
    let made = |id: TargetId| -> Outputs { project.current_outputs(id) };
    let prepared = project.prepare(id, Disk::AsPlanned, &made)?;
    if prepared.kind == Kind::Service {
        // It runs for others; what it would run is known.
        return project
            .refuse_missing(id, &prepared)
            .map(|()| Fate::UpToDate);
    }
    Ok(match project.verdict(id, &prepared)? {
        Verdict::UpToDate { .. } => Fate::UpToDate,
        Verdict::Restorable { reasons, .. } => Fate::Restore { reasons },
        Verdict::Run { reasons } => Fate::Run { reasons },
    })
}

/// A target behind one that would run: what is declared may already tell that it runs too.
fn behind_dirty(
    project: &Project<'_>,
    id: TargetId,
    because: TargetId,
) -> Result<Fate, CheckError> {
    let target = project.graph().target(id);
    if target.kind == Kind::Service {
        return Ok(Fate::Perhaps { because });
    }
    let name = &target.name;
    let Some(record) = project.store.result(name) else {
        return Ok(Fate::Run {
            reasons: vec!["never built".to_owned()],
        });
    };
    let made = |id: TargetId| -> Outputs { project.current_outputs(id) };
    let prepared = project.prepare(id, Disk::AsPlanned, &made)?;
    let deps = project.contents(&record.deps)?;
    if project.planned_key(id, &prepared, &deps, &made) == record.planned {
        return Ok(Fate::Perhaps { because });
    }
    let reasons = project.changed_facts(id, &prepared.subject(&deps));
    Ok(if reasons.is_empty() {
        Fate::Perhaps { because }
    } else {
        Fate::Run { reasons }
    })
}
