//! What the journal and the memo got since.
