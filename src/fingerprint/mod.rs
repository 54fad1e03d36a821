//! Action to key. One walk over everything that an action's result depends on feeds both the hash and the record that
//! `--why` compares, so that the explanation cannot drift from the key.

pub mod content;
pub mod depfile;
pub mod explain;
pub mod key;
pub mod tree;
