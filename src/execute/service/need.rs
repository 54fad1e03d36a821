//! What a target has to do with services: which ones it needs, what they count as, and how it is settled with them.

use crate::base::digest::Digest;
use crate::execute::check::{CheckError, Prepared};
use crate::execute::expand::Disk;
use crate::execute::perform::{Settled, Trouble};
use crate::execute::project::Project;
use crate::execute::service::instance::{Fault, Job, Shown};
use crate::execute::service::lease::{Lease, Unready};
use crate::execute::service::left_over::PidFile;
use crate::execute::service::ready::Script;
use crate::execute::signal::Cancel;
use crate::fingerprint::content::{Content, Outputs, SERVICE, service_output};
use crate::fingerprint::explain::facts;
use crate::plan::action::{Command, Kind};
use crate::plan::graph::TargetId;
use crate::plan::name::file_name;
use crate::plan::service::{Probe, ShellLine};
use std::collections::BTreeSet;
use std::sync::Arc;
use tempfile::NamedTempFile;

/// What a service counts as, out of its outputs.
pub(crate) fn key_of(outputs: &Outputs) -> Option<Digest> {
    outputs.iter().find_map(|(path, content)| match content {
        Content::File { digest, .. } if path == SERVICE => Some(*digest),
        _ => None,
    })
}

impl Project<'_> {
    /// The services that a target needs, those behind its groups among them, in order.
    pub fn services_of(&self, id: TargetId) -> Vec<TargetId> {
        let graph = self.graph();
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        // Most targets need neither, and then nothing is allocated.
        let may_stand_for =
            |id: &TargetId| matches!(graph.target(*id).kind, Kind::Service | Kind::Task);
        let needs = |id: TargetId| {
            let edges = graph.target(id).needs.iter().rev();
            edges.map(|edge| edge.to).filter(may_stand_for)
        };
        let mut open: Vec<TargetId> = needs(id).collect();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            if graph.target(id).kind == Kind::Service {
                found.push(id);
            } else if self.is_group(id) {
                open.extend(needs(id));
            }
        }
        found
    }

    /// A task that runs nothing stands for what it needs.
    pub fn is_group(&self, id: TargetId) -> bool {
        let bound = self.bound[id].as_ref();
        self.graph().target(id).kind == Kind::Task
            && bound.is_some_and(|bound| bound.action.command == Command::None)
    }

    /// The services that must be up for a target, and those that these need.
    pub fn services_behind(&self, id: TargetId) -> BTreeSet<TargetId> {
        let mut found = BTreeSet::new();
        let mut open = self.services_of(id);
        while let Some(service) = open.pop() {
            if found.insert(service) {
                open.extend(self.services_of(service));
            }
        }
        found
    }

    /// The services that the call names, itself or by a group.
    pub fn named_services(&self) -> Vec<TargetId> {
        let mut named = Vec::new();
        for &id in self.named {
            let services = match self.graph().target(id).kind {
                Kind::Service => vec![id],
                Kind::Task if self.is_group(id) => self.services_of(id),
                _ => continue,
            };
            named.extend(
                services
                    .into_iter()
                    .filter(|id| !named.contains(id))
                    .collect::<Vec<_>>(),
            );
        }
        named
    }

    /// What a service counts as for those that need it; nothing where that cannot be told.
    pub fn service_outputs(&self, id: TargetId, made: &dyn Fn(TargetId) -> Outputs) -> Outputs {
        // One that is not part of this run is nobody's need.
        if self.bound[id].is_none() {
            return Outputs::default();
        }
        match self.prepare(id, Disk::Changed, made) {
            Ok(prepared) => service_output(prepared.subject(&[]).key()),
            Err(_) => Outputs::default(),
        }
    }

    /// A service is settled when it is known what it would run.
    pub(crate) fn settle_service(
        &self,
        id: TargetId,
        disk: Disk,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Settled {
        let known = self.look(id, disk, made).and_then(|(prepared, _)| {
            self.refuse_missing(id, &prepared)?;
            Ok(prepared)
        });
        match known {
            Ok(prepared) => Settled::UpToDate(service_output(prepared.subject(&[]).key())),
            Err(error) => Settled::Failed(self.failure(id, error.to_string(), String::new())),
        }
    }

    /// What may end the command of a target: the run's own request, and the end of a service that it needs.
    pub(crate) fn cancel_for(&self, id: TargetId) -> Cancel {
        self.services
            .cancel_of(id)
            .unwrap_or_else(|| self.cancel_of(id))
    }

    /// Has the services of a target up, before its command starts.
    pub(crate) fn lease(
        &self,
        id: TargetId,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Option<Lease>, Trouble> {
        let services = self.services_of(id);
        if services.is_empty() {
            return Ok(None);
        }
        let failed = |how: String| Trouble::Failed(self.failure(id, how, String::new()));
        let lease = self.services.take(self, Some(id), &services, made);
        let lease = lease.map_err(|(service, how)| {
            let name = &self.graph().target(service).name;
            failed(format!("service {name} cannot be started: {how}"))
        })?;
        match lease.wait() {
            Ok(()) => Ok(Some(lease)),
            Err(Unready::Interrupted) => Err(Trouble::Cancelled),
            Err(Unready::Failed(name, fault)) => Err(failed(sentence(&name, &fault))),
        }
    }

    /// What a command came to, in the light of what became of its services.
    pub(crate) fn with_lease<T>(
        &self,
        id: TargetId,
        lease: Option<Lease>,
        result: Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let Some(lease) = lease else { return result };
        let broken = lease.broken();
        match (result, broken) {
            (Err(Trouble::Failed(mut failure)), Some((name, fault))) => {
                failure
                    .notes
                    .push(format!("{} meanwhile", sentence(&name, &fault)));
                Err(Trouble::Failed(failure))
            }
            (Err(Trouble::Cancelled), Some(_)) if self.cancel_of(id).is_cancelled() => {
                Err(Trouble::Cancelled)
            }
            (Ok(_) | Err(Trouble::Cancelled), Some((name, fault))) => {
                let how = format!("{} while this ran", sentence(&name, &fault));
                Err(Trouble::Failed(self.failure(id, how, String::new())))
            }
            (Err(Trouble::Failed(failure)), None) => {
                lease.show_logs(self);
                Err(Trouble::Failed(failure))
            }
            (result, None) => result,
        }
    }

    /// What of the services that a target needs is something else than when it was prepared. Where nothing is, their facts are
    /// recorded, so that a later change can be explained.
    pub(crate) fn changed_services(
        &self,
        id: TargetId,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Vec<String> {
        let mut changed = Vec::new();
        for service in self.services_of(id) {
            let name = &self.graph().target(service).name;
            match self.prepare(service, Disk::Changed, made) {
                Ok(now) if Some(now.subject(&[]).key()) == key_of(&made(service)) => {
                    self.remember_service(service, &now, made);
                }
                _ => changed.push(format!("what service {name} runs")),
            }
        }
        changed
    }

    fn remember_service(
        &self,
        id: TargetId,
        prepared: &Prepared,
        made: &dyn Fn(TargetId) -> Outputs,
    ) {
        let key = prepared.subject(&[]).key();
        let known = self.store.result(&self.graph().target(id).name);
        if known.is_none_or(|known| known.key != key) {
            let record = self.record_of(id, prepared, key, &[], Vec::new(), 0, made);
            // Only explanations come out of it.
            let _ = self.store.record(record, &facts(&prepared.subject(&[])));
        }
    }

    /// Why a service counts as something else than when one that needs it last succeeded.
    pub fn changed_in_service(&self, id: TargetId) -> Result<Vec<String>, CheckError> {
        let made = |id: TargetId| self.current_outputs(id);
        let prepared = self.prepare(id, Disk::AsPlanned, &made)?;
        let key = prepared.subject(&[]).key();
        match self.store.result(&self.graph().target(id).name) {
            Some(record) if record.key != key => Ok(self.changed_facts(id, &prepared.subject(&[]))),
            Some(_) | None => Ok(Vec::new()),
        }
    }

    pub(super) fn service_job(
        &self,
        id: TargetId,
        key: Digest,
        reason: &str,
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Job, String> {
        let target = self.graph().target(id);
        let prepared = self
            .prepare(id, Disk::Changed, made)
            .map_err(|error| error.to_string())?;
        let action = &prepared.action;
        let spec = action.service.clone().ok_or("it is no service")?;
        let line = self.service_line(id, &prepared)?;
        let mut files = line._files;
        let (env, dir) = (Arc::new(line.env.own), action.dir.under(self.root));
        let mut script = |line: &ShellLine| -> Result<Script, String> {
            let (words, file): (_, Option<NamedTempFile>) = self.shell_line(line)?;
            files.extend(file);
            Ok(Script {
                words,
                env: env.clone(),
                dir: dir.clone(),
                text: line.text.clone(),
            })
        };
        let asks = match &spec.ready.probe {
            Probe::Command(line) => Some(script(line)?),
            _ => None,
        };
        let stops = spec.stop.command.as_ref().map(&mut script).transpose()?;
        let place = self.services_dir().map_err(|error| error.to_string())?;
        let file = file_name(&target.name);
        Ok(Job {
            name: target.name.clone(),
            target: id,
            key,
            facts: facts(&prepared.subject(&[])),
            place: (self.place)(id),
            command: crate::execute::command::text(&action.command).into(),
            reason: reason.to_owned(),
            shown: self.shown(id),
            root: self.root.to_owned(),
            words: std::iter::once(line.program).chain(line.args).collect(),
            secrets: line.secrets,
            log: place.join(format!("{file}.log")),
            pid: PidFile(place.join(format!("{file}.pid"))),
            env,
            dir,
            spec,
            asks,
            stops,
            _files: files,
        })
    }

    fn shown(&self, id: TargetId) -> Shown {
        let named = self.named_services();
        match named.as_slice() {
            [only] if *only == id => Shown::Alone,
            several if several.contains(&id) => Shown::AmongOthers,
            _ => Shown::OnFailure,
        }
    }
}

/// `service api ended with exit status 1`.
fn sentence(name: &str, fault: &Fault) -> String {
    if fault.was_ready {
        format!("service {name} {}", fault.how)
    } else {
        format!("service {name} failed: {}", fault.how)
    }
}
