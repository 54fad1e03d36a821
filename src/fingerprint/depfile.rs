//! Make-format dependency files.
