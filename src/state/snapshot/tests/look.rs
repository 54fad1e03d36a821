//! What is on disk, beside what a snapshot says of it.
