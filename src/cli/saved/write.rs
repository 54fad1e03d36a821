//! After a run: what is known now, as the next snapshot.
