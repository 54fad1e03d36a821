//! Deterministic faults.
