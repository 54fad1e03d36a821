//! Durations for people.

use std::time::Duration;

/// `0.31s`, `4.2s`, `2m 05s`, `1h 02m`: two or three figures that matter.
pub fn short(duration: Duration) -> String {
    let millis = duration.as_millis();
    // Rounding comes first: 59.96 s is a minute, never `60.0s`.
    let (hundredths, tenths) = ((millis + 5) / 10, (millis + 50) / 100);
    let seconds = (millis + 500) / 1000;
    if hundredths < 100 {
        format!("0.{hundredths:02}s")
    } else if tenths < 600 {
        format!("{}.{}s", tenths / 10, tenths % 10)
    } else if seconds < 3600 {
        format!("{}m {:02}s", seconds / 60, seconds % 60)
    } else {
        let minutes = (seconds + 30) / 60;
        format!("{}h {:02}m", minutes / 60, minutes % 60)
    }
}

/// As [`short`], for a time that goes on: no digit that changes faster than it can be read. `0.3s`, `9.9s`, `12s`,
/// `2m 05s`.
pub fn ticking(duration: Duration) -> String {
    let millis = duration.as_millis();
    let (tenths, seconds) = (millis / 100, millis / 1000);
    if seconds < 10 {
        format!("{}.{}s", tenths / 10, tenths % 10)
    } else if seconds < 60 {
        format!("{seconds}s")
    } else {
        short(Duration::from_secs(duration.as_secs()))
    }
}

/// A time that is only guessed: `1s`, `12s`, `2m 05s`.
pub fn about(duration: Duration) -> String {
    let seconds = (duration + Duration::from_millis(500)).as_secs().max(1);
    if seconds < 60 {
        format!("{seconds}s")
    } else {
        short(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_has_whole_seconds() {
        let about = |millis| about(Duration::from_millis(millis));
        assert_eq!([about(0), about(1_499), about(59_400)], ["1s", "1s", "59s"]);
        assert_eq!(about(59_500), "1m 00s");
    }

    #[test]
    fn a_time_that_goes_on_is_readable() {
        for (millis, text) in [
            (0, "0.0s"),
            (312, "0.3s"),
            (9_999, "9.9s"),
            (12_900, "12s"),
            (59_999, "59s"),
            (125_900, "2m 05s"),
        ] {
            assert_eq!(ticking(Duration::from_millis(millis)), text, "{millis} ms");
        }
    }

    #[test]
    fn figures_that_matter_and_no_rounding_over_the_edge() {
        for (millis, text) in [
            (0, "0.00s"),
            (4, "0.00s"),
            (310, "0.31s"),
            (996, "1.0s"),
            (1_249, "1.2s"),
            (59_949, "59.9s"),
            (59_960, "1m 00s"),
            (125_000, "2m 05s"),
            (3_599_600, "1h 00m"),
            (3_725_000, "1h 02m"),
        ] {
            assert_eq!(short(Duration::from_millis(millis)), text, "{millis} ms");
        }
    }
}
