//! Points in time as RFC 3339 writes them, to seconds since 1970. Leap seconds are no seconds, as in POSIX.

/// `2026-01-31T12:00:00Z`, with an offset or fractions of a second; None for what is no such text, or before 1970.
pub(super) fn read_moment(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, offset) = match time.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, 0),
        None => {
            let at = time.rfind(['+', '-'])?;
            let [hours, minutes] = numbers(&time[at + 1..], ':', [2, 2])?;
            let ahead = time[at..].starts_with('+');
            let seconds = (hours * 60 + minutes) * 60;
            (&time[..at], if ahead { seconds } else { -seconds })
        }
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let is_time = hour < 24 && minute < 60 && second <= 60;
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    if !is_time || !is_fraction || !(1..=12).contains(&month) {
        return None;
    }
    if !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    let seconds = days_before(year, month, day) * 86_400 + (hour * 60 + minute) * 60 + second;
    u64::try_from(seconds - offset).ok()
}

/// Digits of just these lengths between separators.
fn numbers<const N: usize>(text: &str, separator: char, lengths: [usize; N]) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for (number, length) in numbers.iter_mut().zip(lengths) {
        let part = parts.next()?;
        if part.len() != length || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to a date.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    let months: i64 = (1..month).map(|month| days_of(year, month)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::read_moment;

    #[test]
    fn moments_are_seconds() {
        // As `date -u -d … +%s` has them.
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2026-01-31T12:00:00Z", 1_769_860_800),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(read_moment(text), Some(seconds), "{text}");
        }
        assert_eq!(
            read_moment("2026-01-31T13:30:00.25+01:30"),
            read_moment("2026-01-31 12:00:00Z")
        );
        assert_eq!(read_moment("1970-01-01T00:00:00-00:01"), Some(60));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2026-01-31",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:00",
            "2026-1-31T12:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00Z ",
        ] {
            assert_eq!(read_moment(text), None, "{text}");
        }
    }
}
