//! An append-only file of checksummed records. Does not know what a record means.
