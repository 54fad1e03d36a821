//! `--cache`: what the user's cache holds, and cleaning it.

use crate::cache::store::Cache;
use crate::cli::args::CacheCommand;
use crate::cli::fault::{CallError, Fault};
use crate::cli::run::CACHE_LIMIT;
use crate::cli::settings::Environment;

/// Does it and says what was done.
///
/// # Errors
/// When there is no place for a cache, or it cannot be read or written.
pub fn cache(command: CacheCommand, env: &Environment) -> Result<String, Fault> {
    let place = env.cache_dir().ok_or_else(|| Fault::one(CallError::NoCache))?;
    let cache = Cache::open(&place, CACHE_LIMIT).map_err(Fault::one)?;
    let before = cache.size().map_err(Fault::one)?;
    let at = place.display();
    Ok(match command {
        CacheCommand::Size => format!("{at}: {}\n", bytes(before)),
        CacheCommand::Clean => {
            cache.clear().map_err(Fault::one)?;
            format!("{at}: removed {}\n", bytes(before))
        }
        CacheCommand::Collect => {
            let done = cache.collect(CACHE_LIMIT).map_err(Fault::one)?;
            format!(
                "{at}: removed {} ({} results); {} are left\n",
                bytes(done.bytes_removed),
                done.results_removed,
                bytes(done.bytes_left)
            )
        }
    })
}

/// `12.3 MiB`.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let mut scaled = count as f64 / 1024.0;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_shown_in_the_largest_unit_that_fits() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(10 << 30), "10.0 GiB");
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
    }
}
