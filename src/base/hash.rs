//! Maps and sets by hash, for keys that no stranger chooses: names and paths of a project. Several times as fast as the standard
//! library's own hasher, which withstands keys that are made to collide.

use std::collections::{hash_map, hash_set};

pub type RandomState = foldhash::fast::RandomState;

pub type HashMap<K, V> = hash_map::HashMap<K, V, RandomState>;
pub type HashSet<T> = hash_set::HashSet<T, RandomState>;
