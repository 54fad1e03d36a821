//! Damaged files, and made-up ones whose checks are right.
