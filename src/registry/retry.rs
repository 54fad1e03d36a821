//! When to try again. Knows headers and times, nothing of requests.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often something is tried before it counts as failed.
pub const TRIES: u32 = 5;

/// A registry that asks for more patience than this gets an error instead.
const LONGEST: Duration = Duration::from_secs(60);

/// The pause after the try number `tried` (from 0): 0.25 s, 0.5 s, 1 s, 2 s. Without jitter: a build is one client, and what
/// happened can be told from its times.
pub fn pause_after(tried: u32) -> Duration {
    Duration::from_millis(250) * (1 << tried.min(5))
}

/// Whether a status says that the same request may succeed later.
pub fn is_temporary(status: u16) -> bool {
    matches!(status, 429 | 500 | 502 | 503 | 504)
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds or a date; at most a minute.
pub fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    let pause = match header.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        // A date that has passed means at once.
        Err(_) => http_date(header)?.duration_since(now).unwrap_or_default(),
    };
    Some(pause.min(LONGEST))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7); the two obsolete forms are not read.
fn http_date(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.split_once(", ")?;
    let words: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, clock, "GMT"] = words[..] else {
        return None;
    };
    let day: u64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let year: u64 = year
        .parse()
        .ok()
        .filter(|year| (1970..=9999).contains(year))?;
    let clock: Vec<u64> = clock
        .split(':')
        .map(str::parse)
        .collect::<Result<_, _>>()
        .ok()?;
    let [hour @ 0..24, minute @ 0..60, second @ 0..=60] = clock[..] else {
        return None;
    };
    let seconds = ((days_before(year, month) + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Days from 1970 to the first of a month.
fn days_before(year: u64, month: u64) -> u64 {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let leaps = |before: u64| (before - 1) / 4 - (before - 1) / 100 + (before - 1) / 400;
    let leap_day = u64::from(is_leap && month > 2);
    (year - 1970) * 365 + leaps(year) - leaps(1970) + BEFORE[month as usize - 1] + leap_day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // RFC 9110's own example is 784111777 seconds after 1970.
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let seconds = |header, now| retry_after(header, at(now)).map(|pause| pause.as_secs());
        assert_eq!(seconds("7", 0), Some(7));
        assert_eq!(seconds(" 0 ", 0), Some(0));
        assert_eq!(seconds("86400", 0), Some(60));
        assert_eq!(seconds(date, 784_111_770), Some(7));
        assert_eq!(seconds(date, 784_111_778), Some(0));
        assert_eq!(
            seconds("Thu, 29 Feb 2024 00:00:01 GMT", 1_709_164_800),
            Some(1)
        );
        for nonsense in [
            "",
            "-1",
            "soon",
            "Sun, 06 Now 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Nov 0 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(seconds(nonsense, 0), None, "{nonsense}");
        }
    }

    #[test]
    fn pauses_grow() {
        let all: Vec<u128> = (0..4).map(|tried| pause_after(tried).as_millis()).collect();
        assert_eq!(all, [250, 500, 1000, 2000]);
    }
}
