//! Having services up while something needs them: a command of a target, or the call that names them.

use crate::event::Event;
use crate::event::service::ServiceStep;
use crate::execute::poll::readable;
use crate::execute::project::{Going, Project};
use crate::execute::service::instance::{Fate, Fault, Instance, Shown};
use crate::execute::service::need::key_of;
use crate::execute::service::{Services, Shared, State};
use crate::execute::signal::{Cancel, Level};
use crate::execute::wanted::Wanted;
use crate::fingerprint::content::Outputs;
use crate::plan::action::Kind;
use crate::plan::graph::TargetId;
use std::sync::Arc;

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
                (project.emit)(Event::Service {
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
    pub(super) fn take(
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
        let mut state = self.shared.lock();
        state.leases += 1;
        let mut lease = Lease {
            shared: self.shared.clone(),
            number: state.leases,
            target,
            cancel,
            users: Vec::new(),
        };
        if let Some(id) = target {
            state.users.insert(id, lease.cancel.clone());
        }
        let mut starter = Starter {
            services: self,
            project,
            made,
            state: &mut state,
        };
        let started = starter.fill(&mut lease, services);
        // Before the lease may be dropped, which takes the lock.
        drop(state);
        started.map(|()| lease)
    }

    /// What ends the command of a target that holds a lease.
    pub(super) fn cancel_of(&self, target: TargetId) -> Option<Cancel> {
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
    /// Adds the instances of these services to a lease.
    fn fill(&mut self, lease: &mut Lease, services: &[TargetId]) -> Result<(), (TargetId, String)> {
        let reason = match lease.target {
            Some(id) => format!("needed by {}", self.project.graph().target(id).name),
            None => NAMED.to_owned(),
        };
        for &service in services {
            let instance = self.instance(service, &reason);
            let instance = instance.map_err(|how| (service, how))?;
            let mark = instance.log().mark();
            if let Some(entry) = self.state.entry_of(&instance) {
                entry.leases.push((lease.number, lease.cancel.clone()));
            }
            lease.users.push((instance, mark));
        }
        Ok(())
    }

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
    pub(super) fn wait(&self) -> Result<(), Unready> {
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
    pub(super) fn broken(&self) -> Option<(Arc<str>, Arc<Fault>)> {
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
    pub(super) fn show_logs(&self, project: &Project<'_>) {
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

/// Why services are not up.
pub(super) enum Unready {
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
