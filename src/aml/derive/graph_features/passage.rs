//! Money that passes through: how much of it, how soon, and whether the same amounts leave again.

use std::collections::VecDeque;

use super::sample::ratio;
use super::{DAY_MS, Family, HOUR_MS, Scene, Step, WEEK_MS, lines};
use crate::determinism::math;

pub(super) const PASSAGE: Family =
    Family { name: "passage", parts: 1, list: |_| lines(LIST), compute: |scene, _| passage(scene) };

const LIST: &[(&str, &str, &str)] = &[
    (
        "passed_share",
        "ratio",
        "value that left again / value received; what is received first leaves first (so for all columns of this family)",
    ),
    ("passed_hour_share", "ratio", "value that left within an hour / value received"),
    ("passed_day_share", "ratio", "value that left within 24 hours / value received"),
    ("passed_week_share", "ratio", "value that left within 7 days / value received"),
    ("unfunded_share", "ratio", "value sent beyond what had been received before / value sent"),
    ("hold_mean", "log hours", "mean of ln(1 + hours held) over the value that left"),
    ("hold_min", "hours", "shortest time that any value was held; the window where none left"),
    ("peak_balance_share", "ratio", "largest value held at a time / value received"),
    (
        "equal_forward_share",
        "ratio",
        "transfers sent of 90 % to 100 % of one received within the 7 days before / transfers sent",
    ),
    ("equal_forwarded_share", "ratio", "transfers received of which that holds / transfers received"),
    (
        "equal_forward_delay",
        "hours",
        "shortest time from such a received transfer to the one sent; 168 for none",
    ),
];

/// What passed, by the time it was held.
#[derive(Default)]
struct Passed {
    all: f64,
    hour: f64,
    day: f64,
    week: f64,
    logs: f64,
    unfunded: f64,
    peak: f64,
    shortest: Option<i64>,
}

fn passage(scene: &Scene) -> Vec<Vec<f64>> {
    scene.each(|address| {
        let (received, sent) = (scene.ledger.received(address), scene.ledger.sent(address));
        let total_in: f64 = received.iter().map(|s| s.value).sum();
        let total_out: f64 = sent.iter().map(|s| s.value).sum();
        let passed = first_in_first_out(received, sent);
        let (forwards, forwarded, delay) = equal_forwards(received, sent);
        let hours = |ms: f64| ms / HOUR_MS as f64;
        [
            ratio(passed.all, total_in, 0.0),
            ratio(passed.hour, total_in, 0.0),
            ratio(passed.day, total_in, 0.0),
            ratio(passed.week, total_in, 0.0),
            ratio(passed.unfunded, total_out, 0.0),
            ratio(passed.logs, passed.all, 0.0),
            hours(passed.shortest.map_or(scene.window_ms(), |ms| ms as f64)),
            ratio(passed.peak, total_in, 0.0),
            ratio(forwards as f64, sent.len() as f64, 0.0),
            ratio(forwarded as f64, received.len() as f64, 0.0),
            hours(delay as f64),
        ]
    })
}

fn first_in_first_out(received: &[Step], sent: &[Step]) -> Passed {
    let mut passed = Passed::default();
    let mut held: VecDeque<(i64, f64)> = VecDeque::new();
    let (mut balance, mut next) = (0.0, 0);
    for step in sent {
        while next < received.len() && received[next].at <= step.at {
            held.push_back((received[next].at, received[next].value));
            balance += received[next].value;
            next += 1;
        }
        passed.peak = passed.peak.max(balance);
        let mut rest = step.value;
        while let Some((at, lot)) = held.front_mut().filter(|_| rest > 0.0) {
            let part = lot.min(rest);
            passed.take(step.at.saturating_sub(*at), part);
            (rest, balance) = (rest - part, balance - part);
            *lot -= part;
            if *lot <= 0.0 {
                held.pop_front();
            }
        }
        passed.unfunded += rest;
    }
    balance += received[next..].iter().map(|r| r.value).sum::<f64>();
    passed.peak = passed.peak.max(balance);
    passed
}

impl Passed {
    fn take(&mut self, age: i64, part: f64) {
        self.all += part;
        self.hour += if age <= HOUR_MS { part } else { 0.0 };
        self.day += if age <= DAY_MS { part } else { 0.0 };
        self.week += if age <= WEEK_MS { part } else { 0.0 };
        self.logs += part * math::ln_1p(age as f64 / HOUR_MS as f64);
        if part > 0.0 {
            self.shortest = Some(self.shortest.map_or(age, |s| s.min(age)));
        }
    }
}

/// Sent steps that forward a received one, received ones that are forwarded, shortest delay in milliseconds.
fn equal_forwards(received: &[Step], sent: &[Step]) -> (usize, usize, i64) {
    let mut forwarded = vec![false; received.len()];
    let (mut forwards, mut delay) = (0, WEEK_MS);
    for step in sent {
        let to = received.partition_point(|r| r.at <= step.at);
        let from = received.partition_point(|r| r.at < step.at.saturating_sub(WEEK_MS));
        // the last 100 are enough: who receives more within a week forwards nothing in particular
        let from = from.max(to.saturating_sub(100));
        let mut any = false;
        for (lot, forwarded) in received[from..to].iter().zip(&mut forwarded[from..to]) {
            let whole = lot.value;
            if whole > 0.0 && step.value <= whole && step.value >= 0.9 * whole {
                any = true;
                *forwarded = true;
                delay = delay.min(step.at.saturating_sub(lot.at));
            }
        }
        forwards += usize::from(any);
    }
    (forwards, forwarded.iter().filter(|&&f| f).count(), delay)
}
