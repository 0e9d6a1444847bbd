//! Time of the simulated economy: days since 1970 UTC, milliseconds, and who is awake when.

use super::draw::Draw;

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;
/// Milliseconds of an hour.
pub(super) const HOUR_MS: i64 = 3_600_000;
/// Milliseconds between blocks.
pub(super) const BLOCK_MS: i64 = 8_000;

/// When somebody acts within a day.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rhythm {
    /// Waking hours at an offset from UTC in hours.
    Awake(i64),
    /// Nine to six at an offset from UTC in hours.
    Office(i64),
    /// Any hour: machines.
    Always,
}

/// An instant on `day`.
pub(super) fn moment(draw: &mut Draw, day: i64, rhythm: Rhythm) -> i64 {
    let (hour, offset) = match rhythm {
        Rhythm::Awake(offset) => (draw.weighted(&WAKING) as i64, offset),
        Rhythm::Office(offset) => (draw.whole(9, 17) as i64, offset),
        Rhythm::Always => (draw.below(24) as i64, 0),
    };
    let hour = (hour - offset).rem_euclid(24);
    day * DAY_MS + hour * HOUR_MS + draw.below(HOUR_MS as u64) as i64
}

/// The same instant if it lies in office hours of a weekday, else an instant of the next office day.
pub(super) fn office(draw: &mut Draw, at: i64, offset: i64) -> i64 {
    let local = at + offset * HOUR_MS;
    let hour = local.rem_euclid(DAY_MS) / HOUR_MS;
    let mut day = local.div_euclid(DAY_MS);
    if weekday(day) < 5 && (9..18).contains(&hour) {
        return at;
    }
    if hour >= 9 || weekday(day) >= 5 {
        day += 1;
    }
    while weekday(day) >= 5 {
        day += 1;
    }
    let morning = draw.lognormal(1.5, 0.8).min(8.9);
    day * DAY_MS + ((9.0 + morning) * HOUR_MS as f64) as i64 - offset * HOUR_MS
}

/// 0 = Monday; 1 January 1970 was a Thursday.
pub(super) fn weekday(day: i64) -> usize {
    (day + 3).rem_euclid(7) as usize
}

/// How lively private life is on a day; 1 on average.
pub(super) fn liveliness(day: i64) -> f64 {
    [1.06, 1.08, 1.08, 1.1, 1.12, 0.86, 0.7][weekday(day)]
}

/// An offset from UTC, as people are spread.
pub(super) fn time_zone(draw: &mut Draw) -> i64 {
    [-8, -5, -3, 0, 1, 2, 5, 8][draw.weighted(&[1.0, 3.0, 0.7, 2.5, 4.0, 1.6, 1.0, 2.0])]
}

/// Activity by local hour, from midnight.
const WAKING: [f64; 24] = [
    1.6, 0.8, 0.4, 0.25, 0.2, 0.3, 0.8, 1.8, 3.2, 4.4, 5.0, 5.3, 5.6, 5.2, 5.0, 5.1, 5.3, 5.6, 6.0, 6.2, 6.0,
    5.2, 4.0, 2.8,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::determinism::rng::Stream;

    #[test]
    fn weekdays_match_the_calendar() {
        assert_eq!(weekday(0), 3);
        assert_eq!(weekday(20_000), 4); // 2024-10-04
        assert_eq!(weekday(20_031), 0);
    }

    #[test]
    fn office_moves_into_office_hours_and_never_back() {
        let mut draw = Draw::new(Stream::new(1, "test"));
        for i in 0..2_000 {
            let at = i * 1_234_567;
            let moved = office(&mut draw, at, -5);
            let local = moved - 5 * HOUR_MS;
            assert!(moved >= at);
            assert!(weekday(local.div_euclid(DAY_MS)) < 5);
            assert!((9..18).contains(&(local.rem_euclid(DAY_MS) / HOUR_MS)), "{at}");
        }
    }
}
