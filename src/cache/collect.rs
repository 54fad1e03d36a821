//! What to keep when the cache is too large: the most recently used results and what they name, blobs of base images, tests
//! that passed, what the Go tool has built and what it said of packages; and in any case what a running Go tool was given.

use crate::base::digest::Digest;
use crate::base::fs::{self, FsResult};
use crate::base::hash::{HashMap, HashSet};
use crate::cache::go;
use crate::cache::layout::{Item, Layout, Part};
use crate::cache::lease;
use crate::cache::store::{CachedResult, Collected};
use crate::fingerprint::content::{Content, Tree, TreeNode};

/// Forgets the least recently used results until the rest fits into `limit` bytes, then all that no result names.
/// The caller sees to it that nobody stores meanwhile.
pub fn collect(layout: &Layout, limit: u64) -> FsResult<Collected> {
    let mut census = Census::take(layout)?;
    let mut used: Vec<(Part, Item)> = Vec::new();
    for part in [
        Part::Results,
        Part::Images,
        Part::Tests,
        Part::Go,
        Part::Listings,
    ] {
        used.extend(layout.items(part)?.into_iter().map(|item| (part, item)));
    }
    if let Some(floor) = lease::floor(layout)? {
        // Taken away under the Go tool, it would fail what is built.
        used.retain(|(part, item)| {
            let is_read = *part == Part::Go && item.mtime >= floor;
            !(is_read && census.keep_go(layout, item, u64::MAX))
        });
    }
    used.sort_by_key(|(_, item)| (std::cmp::Reverse(item.mtime), item.digest));
    let mut done = Collected::default();
    let mut oldest_kept = i64::MAX;
    let mut full = false;
    for (part, item) in used {
        // Once one does not fit, no older one may stay.
        full = full
            || !match part {
                Part::Images | Part::Tests | Part::Listings => census.keep_blob(&item, limit),
                Part::Go => census.keep_go(layout, &item, limit),
                _ => census.keep(layout, &item, limit),
            };
        if full {
            fs::if_exists(fs::remove_file(&item.path))?;
            done.results_removed += u64::from(part == Part::Results);
            done.bytes_removed += item.size;
        } else {
            oldest_kept = item.mtime;
        }
    }
    for item in layout.items(Part::Manifests)? {
        if item.mtime < oldest_kept {
            fs::if_exists(fs::remove_file(&item.path))?;
            done.bytes_removed += item.size;
        } else {
            census.used += item.size;
        }
    }
    done.bytes_removed += census.sweep()?;
    done.bytes_left = census.used;
    Ok(done)
}

/// All blobs and trees, and which of them the results kept so far name.
struct Census {
    items: HashMap<(Part, Digest), Item>,
    named: HashSet<(Part, Digest)>,
    /// Bytes of what is kept.
    used: u64,
}

impl Census {
    fn take(layout: &Layout) -> FsResult<Self> {
        let mut items = HashMap::default();
        for part in [Part::Blobs, Part::Trees] {
            let found = layout.items(part)?;
            items.extend(found.into_iter().map(|item| ((part, item.digest), item)));
        }
        Ok(Self {
            items,
            named: HashSet::default(),
            used: 0,
        })
    }

    /// Keeps what the Go tool has built and the blob that it is in, if that fits.
    fn keep_go(&mut self, layout: &Layout, item: &Item, limit: u64) -> bool {
        let Some(entry) = layout.load::<go::Entry>(Part::Go, item.digest) else {
            // Damaged, and removed by the attempt.
            return true;
        };
        self.keep_with(item, HashSet::from_iter([(Part::Blobs, entry.blob)]), limit)
    }

    /// Keeps a result and what it names, if all of it is there and fits.
    fn keep(&mut self, layout: &Layout, item: &Item, limit: u64) -> bool {
        let Some(result) = layout.load::<CachedResult>(Part::Results, item.digest) else {
            // Damaged, and removed by the attempt: it takes no room and pushes nothing out.
            return true;
        };
        let mut more = HashSet::default();
        for (_, content) in &result.outputs {
            match *content {
                // It lies in the result.
                Content::File { digest, .. } if result.small(digest).is_some() => {}
                Content::File { digest, .. } | Content::Link { digest } => {
                    more.insert((Part::Blobs, digest));
                }
                Content::Tree { digest } => {
                    more.insert((Part::Trees, digest));
                    // A tree that is already named has its files named too.
                    if !self.named.contains(&(Part::Trees, digest)) {
                        more.extend(blobs_of(layout, digest));
                    }
                }
                Content::Absent => {}
            }
        }
        self.keep_with(item, more, limit)
    }

    /// Keeps a thing with what else it needs, if that fits.
    fn keep_with(&mut self, item: &Item, mut more: HashSet<(Part, Digest)>, limit: u64) -> bool {
        more.retain(|what| !self.named.contains(what));
        let sizes = more.iter().filter_map(|what| self.items.get(what));
        let size = item.size + sizes.map(|item| item.size).sum::<u64>();
        if self.used.saturating_add(size) > limit {
            return false;
        }
        self.used += size;
        self.named.extend(more);
        true
    }

    /// Keeps a blob that stands for itself, if it fits.
    fn keep_blob(&mut self, item: &Item, limit: u64) -> bool {
        let fits = self.used.saturating_add(item.size) <= limit;
        if fits {
            self.used += item.size;
        }
        fits
    }

    /// Removes what is not named; gives its bytes.
    fn sweep(&self) -> FsResult<u64> {
        let mut removed = 0;
        for (what, item) in &self.items {
            if !self.named.contains(what) {
                fs::if_exists(fs::remove_file(&item.path))?;
                removed += item.size;
            }
        }
        Ok(removed)
    }
}

fn blobs_of(layout: &Layout, tree: Digest) -> Vec<(Part, Digest)> {
    let tree: Tree = layout.load(Part::Trees, tree).unwrap_or_default();
    let nodes = tree.entries.into_iter().map(|entry| entry.node);
    nodes
        .filter_map(|node| match node {
            TreeNode::File { digest, .. } => Some((Part::Blobs, digest)),
            TreeNode::Dir | TreeNode::Link(_) => None,
        })
        .collect()
}
