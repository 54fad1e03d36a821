//! What an image says about how it is run, as the Gofile gives it; what is not given comes from the base.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `None` and empty mean: as the base has it (OCI image-spec, config.md, "Properties").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunConfig {
    /// Setting it drops the base's `cmd`, as in a Dockerfile.
    pub entrypoint: Option<Vec<String>>,
    pub cmd: Option<Vec<String>>,
    /// Added to the base's; the same name replaces.
    pub env: BTreeMap<String, String>,
    /// Absolute.
    pub workdir: Option<String>,
    /// `name`, `uid` or `uid:gid`.
    pub user: Option<String>,
    /// `8080/tcp`; added to the base's.
    pub ports: Vec<String>,
    /// Absolute paths; added to the base's.
    pub volumes: Vec<String>,
    /// Added to the base's.
    pub labels: BTreeMap<String, String>,
    /// `SIGTERM` or a number.
    pub stopsignal: Option<String>,
    pub healthcheck: Option<Healthcheck>,
}

/// Docker's extension of the config; times are nanoseconds, as there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", script]`.
    pub test: Vec<String>,
    pub interval: Option<u64>,
    pub timeout: Option<u64>,
    pub start_period: Option<u64>,
    pub retries: Option<u64>,
}
