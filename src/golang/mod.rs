//! golang
