//! Services: who needs one, and which are up. A service is started when the first command that needs it is about to run, is
//! shared by all that need it, and ends when nobody is left. One object serves a whole call; in watch mode that is many runs.

mod instance;
mod latch;
mod lease;
mod left_over;
mod log;
mod need;
mod port;
mod process;
mod ready;
#[cfg(test)]
mod tests;
mod voice;

use crate::base::digest::Digest;
use crate::event::Emit;
use crate::execute::poll::readable;
use crate::execute::service::instance::{Fate, Instance, Job};
use crate::execute::service::voice::Voice;
use crate::execute::signal::{Cancel, Level};
use crate::plan::graph::TargetId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use crate::execute::service::need::key_of;

/// What becomes of a service that nobody needs at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    /// It is ended as soon as no target of the run can need it any more.
    Ends,
    /// It stays up until the end of the call, or until what it runs is something else (watch mode).
    Stays,
}

/// The services of one call.
#[derive(Debug)]
pub struct Services {
    shared: Arc<Shared>,
    cancel: Cancel,
}

/// What the threads of the services share with those that need them.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    voice: Voice,
}

#[derive(Debug)]
struct State {
    idle: Idle,
    /// Everything whose thread lives, and what failed in this run, in the order of the starts.
    entries: Vec<Entry>,
    /// Targets of this run that are not settled, with the services that they may still need.
    awaited: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// Named by the call: they are wanted for themselves.
    named: BTreeSet<Arc<str>>,
    /// What ended by itself, by what it ran then.
    crashed: BTreeMap<Arc<str>, Digest>,
    leases: u64,
    /// Targets whose commands run with services.
    users: BTreeMap<TargetId, Cancel>,
}

#[derive(Debug)]
struct Entry {
    instance: Arc<Instance>,
    /// Who uses it now, and how to end them.
    leases: Vec<(u64, Cancel)>,
    /// How many services that are up need it.
    supports: usize,
    /// It makes place for one that runs something else, or for nothing.
    retired: bool,
}

impl Services {
    /// Does `work` with services that tell what happens by `emit`. All have ended when this returns, also by a panic.
    pub fn with<T>(
        emit: Emit<'_>,
        cancel: &Cancel,
        idle: Idle,
        work: impl FnOnce(&Services) -> T,
    ) -> T {
        let (voice, ears) = Voice::new();
        std::thread::scope(|scope| {
            scope.spawn(move || ears.listen(emit));
            let services = Self::new(voice, cancel, idle);
            work(&services)
        })
    }

    /// For calls that run nothing.
    pub fn none(cancel: &Cancel) -> Self {
        Self::new(Voice::new().0, cancel, Idle::Ends)
    }

    fn new(voice: Voice, cancel: &Cancel, idle: Idle) -> Self {
        let state = State {
            idle,
            entries: Vec::new(),
            awaited: BTreeMap::new(),
            named: BTreeSet::new(),
            crashed: BTreeMap::new(),
            leases: 0,
            users: BTreeMap::new(),
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                voice,
            }),
            cancel: cancel.clone(),
        }
    }

    /// Whether a service is up and ready.
    pub fn is_up(&self, name: &str) -> bool {
        let state = self.shared.lock();
        state
            .current(name)
            .is_some_and(|entry| entry.instance.fate() == Fate::Ready)
    }

    /// Named services that ended by themselves are started again by the next run, as if nothing had happened.
    pub fn forget_crashes(&self) {
        self.shared.lock().crashed.clear();
    }

    /// A target is settled: services that only it could still need may end.
    pub fn settled(&self, target: &str) {
        let mut state = self.shared.lock();
        if state.awaited.remove(target).is_some() {
            state.reconsider();
        }
    }

    /// Ends all, the last one started first, and returns when they have ended.
    pub fn stop_all(&self) {
        {
            let mut state = self.shared.lock();
            state.named.clear();
            state.awaited.clear();
            state.idle = Idle::Ends;
        }
        loop {
            let last = {
                let mut state = self.shared.lock();
                let last = state.entries.pop();
                // It may still be looked up by its own thread when that ends.
                last.map(|entry| entry.instance)
            };
            let Some(instance) = last else { return };
            instance.ask.set();
            if let Ok([_, true]) = readable(
                [instance.ended.fd(), self.cancel.above(Level::Polite)],
                None,
            ) {
                instance.kill.request(Level::Now);
                let _ = readable([instance.ended.fd()], None);
            }
        }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.stop_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One that needed these has ended, or will never start.
    fn let_go(&self, needs: &[Arc<Instance>]) {
        let mut state = self.lock();
        for need in needs {
            if let Some(entry) = state.entry_of(need) {
                entry.supports = entry.supports.saturating_sub(1);
            }
        }
        state.reconsider();
    }

    /// It ended by itself, or never came up: what uses it now is ended.
    fn broken(&self, instance: &Arc<Instance>) {
        let mut state = self.lock();
        let (name, key) = (instance.job.name.clone(), instance.job.key);
        state.crashed.insert(name, key);
        let users = state.users_of(instance);
        // What stands on it cannot go on as if nothing had happened.
        let leaning = state.leaning_on(instance);
        leaning.iter().for_each(|other| state.retire(other));
        drop(state);
        users
            .iter()
            .for_each(|cancel| cancel.request(Level::Polite));
    }

    /// Its thread is at its end. What failed stays known until the next run, so that it is not tried again for each that needs it.
    fn gone(&self, instance: &Arc<Instance>) {
        let mut state = self.lock();
        let failed = matches!(instance.fate(), Fate::Failed(_));
        state
            .entries
            .retain(|entry| !Arc::ptr_eq(&entry.instance, instance) || (failed && !entry.retired));
    }
}

impl State {
    /// The one that whoever needs the service now is given.
    fn current(&self, name: &str) -> Option<&Entry> {
        let mut entries = self.entries.iter().rev();
        entries.find(|entry| &*entry.instance.job.name == name && !entry.retired)
    }

    fn entry_of(&mut self, instance: &Arc<Instance>) -> Option<&mut Entry> {
        let mut entries = self.entries.iter_mut();
        entries.find(|entry| Arc::ptr_eq(&entry.instance, instance))
    }

    /// The services in use that need this one themselves.
    fn leaning_on(&self, instance: &Arc<Instance>) -> Vec<Arc<Instance>> {
        let in_use = self.entries.iter().filter(|entry| !entry.retired);
        let leaning = in_use.map(|entry| &entry.instance).filter(|other| {
            let mut needs = other.needs.iter();
            needs.any(|need| Arc::ptr_eq(need, instance))
        });
        leaning.cloned().collect()
    }

    /// How to end the commands that run with a service, or with one that needs it.
    fn users_of(&self, instance: &Arc<Instance>) -> Vec<Cancel> {
        let mut entries = self.entries.iter();
        let entry = entries.find(|entry| Arc::ptr_eq(&entry.instance, instance));
        let leases = entry.into_iter().flat_map(|entry| &entry.leases);
        let mut users: Vec<Cancel> = leases.map(|(_, cancel)| cancel.clone()).collect();
        for other in self.leaning_on(instance) {
            users.extend(self.users_of(&other));
        }
        users
    }

    /// Takes a service out of use, with all that need it: they end when nobody uses them any more.
    fn retire(&mut self, instance: &Arc<Instance>) {
        let leaning = self.leaning_on(instance);
        if let Some(entry) = self.entry_of(instance) {
            entry.retired = true;
        }
        leaning.iter().for_each(|other| self.retire(other));
        self.reconsider();
    }

    /// Ends what nobody needs: those that need others first, since they let go of them when they have ended.
    fn reconsider(&mut self) {
        for entry in self.entries.iter().rev() {
            let is_free = entry.leases.is_empty() && entry.supports == 0;
            if is_free && (entry.retired || !self.is_wanted(&entry.instance.job.name)) {
                entry.instance.ask.set();
            }
        }
    }

    fn is_wanted(&self, name: &str) -> bool {
        self.idle == Idle::Stays
            || self.named.contains(name)
            || self
                .awaited
                .values()
                .any(|services| services.contains(name))
    }

    /// The instance that runs this job's key, started if there is none.
    fn start(
        &mut self,
        shared: &Arc<Shared>,
        mut job: Job,
        needs: Vec<Arc<Instance>>,
    ) -> std::io::Result<Arc<Instance>> {
        let before = self.last_of(&job.name);
        if let Some(changed) = before.as_ref().map(|before| job.changed_since(&before.job))
            && !changed.is_empty()
        {
            job.reason = changed;
        }
        let instance = Arc::new(Instance::new(job, needs)?);
        for need in &instance.needs {
            if let Some(entry) = self.entry_of(need) {
                entry.supports += 1;
            }
        }
        self.entries.push(Entry {
            instance: instance.clone(),
            leases: Vec::new(),
            supports: 0,
            retired: false,
        });
        let (shared, living) = (shared.clone(), instance.clone());
        let thread = std::thread::Builder::new().name("service".to_owned());
        let spawned = thread.spawn(move || instance::live(&shared, &living, before));
        if let Err(error) = spawned {
            self.entries.pop();
            return Err(error);
        }
        Ok(instance)
    }

    /// The last one of a service that has not ended: its successor waits for its end.
    fn last_of(&self, name: &str) -> Option<Arc<Instance>> {
        let mut entries = self.entries.iter().rev();
        entries
            .find(|entry| &*entry.instance.job.name == name)
            .map(|entry| entry.instance.clone())
    }
}
