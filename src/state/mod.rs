//! What the last runs left in `.gomake/`: results, explanations, digests of files, and the lock. Knows nothing of
//! graphs or commands. Everything here is a cache of the past: damaged, torn, older or foreign files mean that
//! something is done again, never an error and never a wrong answer.
//!
//! Order of use: [`dir::StateDir::open`], then [`lock::Lock::acquire`] (writers only), then [`store::Store::open`] and
//! [`memo::Memo::open`]. The formats are described in `docs/design/state-format.md`.

pub mod bases;
pub mod dir;
pub mod error;
pub mod gitindex;
pub mod journal;
pub mod lock;
pub mod memo;
pub mod resumed;
pub mod snapshot;
pub mod store;
