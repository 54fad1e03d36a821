//! Numbers of bytes for people. Decimal, as engines and registries write them: 1 MB is 1,000,000 bytes.

const KILO: u64 = 1_000;
const MEGA: u64 = 1_000_000;
const GIGA: u64 = 1_000_000_000;

/// `512 B`, `12.3 kB`, `0.2 MB`, `4.6 MB`, `1.2 GB`. A tenth of a megabyte and more is in MB, so that the sizes of an image's
/// layers can be compared at a glance.
pub fn short(bytes: u64) -> String {
    let unit = unit(bytes);
    format!("{} {}", in_unit(bytes, unit), name(unit))
}

/// `3.1/4.6 MB`: both in the unit of the latter.
pub fn progress(done: u64, total: u64) -> String {
    let unit = unit(total);
    format!(
        "{}/{} {}",
        in_unit(done, unit),
        in_unit(total, unit),
        name(unit)
    )
}

/// Rounding comes first: 999,960,000 bytes are a gigabyte, never `1000.0 MB`.
fn unit(bytes: u64) -> u64 {
    match bytes {
        0..1_000 => 1,
        1_000..99_950 => KILO,
        99_950..999_950_000 => MEGA,
        _ => GIGA,
    }
}

fn name(unit: u64) -> &'static str {
    match unit {
        1 => "B",
        KILO => "kB",
        MEGA => "MB",
        _ => "GB",
    }
}

fn in_unit(bytes: u64, unit: u64) -> String {
    if unit == 1 {
        return bytes.to_string();
    }
    let tenths = bytes.saturating_add(unit / 20) / (unit / 10);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_before_their_unit_is_chosen() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (99_949, "99.9 kB"),
            (99_950, "0.1 MB"),
            (218_000, "0.2 MB"),
            (4_649_999, "4.6 MB"),
            (4_650_000, "4.7 MB"),
            (999_949_999, "999.9 MB"),
            (999_950_000, "1.0 GB"),
            (u64::MAX, "18446744073.7 GB"),
        ] {
            assert_eq!(short(bytes), text, "{bytes} bytes");
        }
        assert_eq!(progress(0, 4_600_000), "0.0/4.6 MB");
        assert_eq!(progress(3_100_000, 4_600_000), "3.1/4.6 MB");
        assert_eq!(progress(10, 900), "10/900 B");
    }
}
