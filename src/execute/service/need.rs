//! What a run wants of services: which ones a target needs, what they count as, and having them up while its command runs.

use crate::base::digest::Digest;
use crate::event::service::ServiceStep;
use crate::execute::check::{CheckError, Prepared};
use crate::execute::expand::Disk;
use crate::execute::perform::{Settled, Trouble};
use crate::execute::poll::readable;
use crate::execute::project::{Going, Project};
use crate::execute::service::instance::{Fate, Fault, Instance, Job, Shown};
use crate::execute::service::left_over::PidFile;
use crate::execute::service::ready::Script;
use crate::execute::service::{Services, Shared, State};
use crate::execute::signal::{Cancel, Level};
use crate::execute::wanted::Wanted;
use crate::fingerprint::content::{Content, Outputs, SERVICE, service_output};
use crate::fingerprint::explain::facts;
use crate::plan::action::{Command, Kind};
use crate::plan::graph::TargetId;
use crate::plan::name::file_name;
use crate::plan::service::{Probe, ShellLine};
use std::collections::BTreeSet;
use std::sync::Arc;
use tempfile::NamedTempFile;

/// What tells a service's start from others where no target needs it.
const NAMED: &str = "named by the call";

/// The services that one command needs, up and ready. They stay up until this is dropped.
pub struct Lease {
    shared: Arc<Shared>,
    number: u64,
    target: Option<TargetId>,
    /// Rises with the run's, and when one of the services ends.
    cancel: Cancel,
    /// With where its log was.
    users: Vec<(Arc<Instance>, u64)>,
}

/// A run; see [`Services::run`].
pub struct Run<'a>(&'a Services);

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let mut state = self.0.shared.lock();
        state.awaited.clear();
        state.reconsider();
    }
}

impl Services {
    /// Begins a run: takes note of who may need which service, and forgets what failed in the run before. When the run is
    /// over, what was started for its targets alone ends.
    pub fn run(&self, project: &Project<'_>, wanted: &Wanted) -> Run<'_> {
        let graph = project.graph();
        let name = |id: TargetId| graph.target(id).name.clone();
        let mut state = self.shared.lock();
        state.named = project.named_services().into_iter().map(name).collect();
        state.awaited.clear();
        for &id in &wanted.order {
            let behind = project.services_behind(id);
            if !behind.is_empty() && graph.target(id).kind != Kind::Service {
                let behind = behind.into_iter().map(name).collect();
                state.awaited.insert(name(id), behind);
            }
        }
        state.entries.retain(|entry| {
            !(entry.instance.ended.is_set() && matches!(entry.instance.fate(), Fate::Failed(_)))
        });
        let of_no_use: Vec<Arc<Instance>> = state
            .entries
            .iter()
            .map(|entry| &entry.instance)
            .filter(|instance| {
                !graph.by_name.contains_key(&*instance.job.name)
                    || matches!(instance.fate(), Fate::Failed(_))
            })
            .cloned()
            .collect();
        of_no_use.iter().for_each(|instance| state.retire(instance));
        drop(state);
        Run(self)
    }

    /// Brings named services up and stays until the run is interrupted or one of them ends; with `-k`, until all have. Returns
    /// the names of those that failed.
    pub fn stay(&self, project: &Project<'_>, services: &[TargetId]) -> Vec<Arc<str>> {
        let mut left = services.to_vec();
        let mut failed = Vec::new();
        while !left.is_empty() && !project.cancel.is_cancelled() {
            let lease = match self.named(project, &left, &mut failed) {
                Some(lease) => lease,
                None => break,
            };
            let _ = readable([lease.cancel.above(Level::None)], None);
            let broken = lease.broken_names();
            left.retain(|id| !broken.contains(&project.graph().target(*id).name));
            let is_stuck = broken.is_empty();
            failed.extend(broken);
            if is_stuck || project.options.keep_going == Going::StopAtFailure {
                break;
            }
        }
        failed
    }

    /// Brings named services up, and returns when they are ready, or failed, or the run was interrupted: for services that
    /// stay up by themselves ([`crate::execute::service::Idle::Stays`]). One that ended by itself is left alone until it would
    /// run something else. Returns the names of those that failed now.
    pub fn bring_up(&self, project: &Project<'_>, services: &[TargetId]) -> Vec<Arc<str>> {
        let crashed = self.shared.lock().crashed.clone();
        let is_new = |id: &&TargetId| {
            let key = key_of(&project.current_outputs(**id));
            let before = crashed.get(&project.graph().target(**id).name);
            before.is_none() || before.copied() != key
        };
        let wanted: Vec<TargetId> = services.iter().filter(is_new).copied().collect();
        let mut failed = Vec::new();
        if let Some(lease) = self.named(project, &wanted, &mut failed) {
            let _ = lease.wait();
            failed.extend(lease.broken_names());
        }
        failed
    }

    /// Starts what is named. Where even that is not possible, it is told, and the name added to `failed`.
    fn named(
        &self,
        project: &Project<'_>,
        services: &[TargetId],
        failed: &mut Vec<Arc<str>>,
    ) -> Option<Lease> {
        let made = |id: TargetId| project.current_outputs(id);
        match self.take(project, None, services, &made) {
            Ok(lease) => Some(lease),
            Err((id, how)) => {
                let name = project.graph().target(id).name.clone();
                (project.emit)(crate::event::Event::Service {
                    target: id,
                    name: name.clone(),
                    step: ServiceStep::Failed {
                        how,
                        place: (project.place)(id),
                        log: Arc::default(),
                        notes: Vec::new(),
                    },
                });
                failed.push(name);
                None
            }
        }
    }

    /// Has these services started, for a target or for the call itself; does not wait for them.
    ///
    /// # Errors
    /// Which one could not be started, and why.
    fn take(
        &self,
        project: &Project<'_>,
        target: Option<TargetId>,
        services: &[TargetId],
        made: &dyn Fn(TargetId) -> Outputs,
    ) -> Result<Lease, (TargetId, String)> {
        let first = services.first().copied().unwrap_or(TargetId(0));
        let cancel = target.map_or_else(
            || project.cancel.child(),
            |id| project.cancel_of(id).child(),
        );
        let cancel = cancel.map_err(|error| (first, error.to_string()))?;
        let reason = match target {
            Some(id) => format!("needed by {}", project.graph().target(id).name),
            None => NAMED.to_owned(),
        };
        let mut starter = Starter {
            services: self,
            project,
            made,
            state: &mut self.shared.lock(),
        };
        starter.state.leases += 1;
        let mut lease = Lease {
            shared: self.shared.clone(),
            number: starter.state.leases,
            target,
            cancel,
            users: Vec::new(),
        };
        let mut wrong = None;
        for &service in services {
            match starter.instance(service, &reason) {
                Ok(instance) => {
                    let mark = instance.log().mark();
                    if let Some(entry) = starter.state.entry_of(&instance) {
                        entry.leases.push((lease.number, lease.cancel.clone()));
                    }
                    lease.users.push((instance, mark));
                }
                Err(how) => {
                    wrong = Some((service, how));
                    break;
                }
            }
        }
        if let Some(id) = target {
            starter.state.users.insert(id, lease.cancel.clone());
        }
        // Before the lease is dropped, which takes the lock.
        drop(starter);
        wrong.map_or(Ok(lease), Err)
    }

    /// What ends the command of a target that holds a lease.
    fn cancel_of(&self, target: TargetId) -> Option<Cancel> {
        self.shared.lock().users.get(&target).cloned()
    }
}

/// Starts services, and before them those that they need.
struct Starter<'s, 'p, 'a> {
    services: &'s Services,
    project: &'s Project<'p>,
    made: &'s dyn Fn(TargetId) -> Outputs,
    state: &'a mut State,
}

impl Starter<'_, '_, '_> {
    /// The instance that runs what the service is now.
    fn instance(&mut self, id: TargetId, reason: &str) -> Result<Arc<Instance>, String> {
        let name = self.project.graph().target(id).name.clone();
        let key = key_of(&(self.made)(id))
            .ok_or_else(|| format!("what service {name} runs is not known"))?;
        let current = self
            .state
            .current(&name)
            .map(|entry| entry.instance.clone());
        if let Some(current) = current {
            if current.job.key == key && !current.ask.is_set() {
                return Ok(current);
            }
            self.state.retire(&current);
        }
        let mut needs = Vec::new();
        for need in self.project.services_of(id) {
            needs.push(self.instance(need, &format!("needed by {name}"))?);
        }
        let job = self.project.service_job(id, key, reason, self.made)?;
        self.state
            .start(&self.services.shared, job, needs)
            .map_err(|error| format!("no thread for it: {error}"))
    }
}

impl Lease {
    /// Until all are ready.
    ///
    /// # Errors
    /// When one is not.
    fn wait(&self) -> Result<(), Unready> {
        for (instance, _) in &self.users {
            match readable(
                [instance.settled.fd(), self.cancel.above(Level::None)],
                None,
            ) {
                Ok([true, _]) => {}
                _ if self.broken().is_some() => {}
                _ => return Err(Unready::Interrupted),
            }
            match (instance.fate(), self.broken()) {
                (_, Some((name, fault))) => return Err(Unready::Failed(name, fault)),
                (Fate::Ready, None) => {}
                _ => return Err(Unready::Interrupted),
            }
        }
        Ok(())
    }

    /// A service of these, or one that they need, that has failed.
    fn broken(&self) -> Option<(Arc<str>, Arc<Fault>)> {
        self.users.iter().find_map(|(user, _)| broken_by(user))
    }

    fn broken_names(&self) -> Vec<Arc<str>> {
        let broken = self
            .users
            .iter()
            .filter(|(user, _)| broken_by(user).is_some());
        broken.map(|(user, _)| user.job.name.clone()).collect()
    }

    /// What the services printed while the command ran, for one that failed.
    fn show_logs(&self, project: &Project<'_>) {
        for (instance, mark) in &self.users {
            let bytes = instance.log().since(*mark);
            let is_told = matches!(instance.fate(), Fate::Failed(_));
            let is_seen = instance.job.shown != Shown::OnFailure;
            if !bytes.is_empty() && !is_told && !is_seen {
                let bytes = bytes.into();
                (project.emit)(instance.event(ServiceStep::Log { bytes }));
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        for entry in &mut state.entries {
            entry.leases.retain(|(number, _)| *number != self.number);
        }
        if let Some(target) = self.target {
            state.users.remove(&target);
        }
        state.reconsider();
    }
}

enum Unready {
    Failed(Arc<str>, Arc<Fault>),
    Interrupted,
}

/// The deepest failure: what stands on a service that failed fails for it.
fn broken_by(instance: &Arc<Instance>) -> Option<(Arc<str>, Arc<Fault>)> {
    let deeper = instance.needs.iter().find_map(broken_by);
    deeper.or_else(|| match instance.fate() {
        Fate::Failed(fault) => Some((instance.job.name.clone(), fault)),
        Fate::Starting | Fate::Ready | Fate::Stopped => None,
    })
}

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

    fn service_job(
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
        let (env, dir) = (Arc::new(line.env), action.dir.under(self.root));
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
        let place = self.root.join(".gomake").join("services");
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
