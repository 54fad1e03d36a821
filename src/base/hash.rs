//! Maps and sets by hash: seeded for each map, as those of the standard library, and several times as fast on short texts. Keys that
//! somebody made to collide would cost time, and need the seed.

use std::collections::{hash_map, hash_set};

pub type RandomState = foldhash::fast::RandomState;

pub type HashMap<K, V> = hash_map::HashMap<K, V, RandomState>;
pub type HashSet<T> = hash_set::HashSet<T, RandomState>;
