//! When an address acts: its part of the window, its pauses, its busiest times, what comes first.

use super::sample::{cv, median, ratio};
use super::{DAY_MS, Family, HOUR_MS, Scene, Step, WEEK_MS, lines};

pub(super) const RHYTHM: Family =
    Family { name: "rhythm", parts: 1, list: |_| lines(LIST), compute: |scene, _| rhythm(scene) };

const LIST: &[(&str, &str, &str)] = &[
    ("start_share", "ratio", "(first transfer - start of the window) / window: near 0 for old addresses"),
    ("end_share", "ratio", "(last transfer - start of the window) / window"),
    ("life_share", "ratio", "(last - first transfer) / window"),
    ("dormancy_share", "ratio", "longest pause between two transfers / window"),
    ("after_dormancy_share", "ratio", "transfers after the longest (the first such) pause / transfers"),
    ("busiest_hour", "count", "most transfers within an hour"),
    ("busiest_day", "count", "most transfers within 24 hours"),
    ("busiest_week", "count", "most transfers within 7 days"),
    ("busiest_day_share", "ratio", "busiest_day / transfers"),
    ("gap_median", "hours", "median pause between transfers; 0 for fewer than 2"),
    ("gap_cv", "ratio", "standard deviation / mean of the pauses"),
    ("gap_even_share", "ratio", "pauses within 10 % of the median / pauses"),
    ("in_pair_day", "count", "most transfers received from one sender within 24 hours"),
    ("out_pair_day", "count", "most transfers sent to one recipient within 24 hours"),
    ("first_out_delay", "hours", "first transfer sent - first received; 0 without both"),
    (
        "turn_order",
        "ratio",
        "share of (received, sent) pairs in which receiving came first; 0.5 without both",
    ),
    ("in_before_out_share", "ratio", "value received before the first transfer sent / value received"),
];

fn rhythm(scene: &Scene) -> Vec<Vec<f64>> {
    scene.each(|address| {
        let all = scene.ledger.touching(address);
        let (received, sent) = (scene.ledger.received(address), scene.ledger.sent(address));
        let (first, last) = (all.first().map_or(0, |s| s.at), all.last().map_or(0, |s| s.at));
        let window = scene.window_ms();
        let n = all.len() as f64;
        // nothing happened: 0 throughout
        let since =
            |at: i64| if n > 0.0 { at.saturating_sub(scene.window.start) as f64 / window } else { 0.0 };
        let gaps: Vec<f64> = all.windows(2).map(|w| w[1].at.saturating_sub(w[0].at) as f64).collect();
        let pause = super::sample::argmax(&gaps);
        let middle = median(&gaps);
        let even = gaps.iter().filter(|&&g| (g - middle).abs() <= 0.1 * middle).count();
        let busiest_day = most_within(&all, DAY_MS) as f64;
        [
            since(first),
            since(last),
            since(last) - since(first),
            gaps.get(pause).map_or(0.0, |g| g / window),
            if gaps.is_empty() { 0.0 } else { (all.len() - 1 - pause) as f64 / n },
            most_within(&all, HOUR_MS) as f64,
            busiest_day,
            most_within(&all, WEEK_MS) as f64,
            ratio(busiest_day, n, 0.0),
            middle / HOUR_MS as f64,
            cv(&gaps),
            ratio(even as f64, gaps.len() as f64, 0.0),
            most_with_one(received) as f64,
            most_with_one(sent) as f64,
            first_out_delay(received, sent),
            turn_order(received, sent),
            early_share(received, sent),
        ]
    })
}

/// Most steps in a half-open span of `span` milliseconds.
fn most_within(steps: &[Step], span: i64) -> usize {
    let (mut most, mut from) = (0, 0);
    for to in 0..steps.len() {
        while steps[to].at.saturating_sub(steps[from].at) >= span {
            from += 1;
        }
        most = most.max(to + 1 - from);
    }
    most
}

/// Most steps with one counterparty in 24 hours.
fn most_with_one(steps: &[Step]) -> usize {
    let mut by_peer = steps.to_vec();
    by_peer.sort_by_key(|s| (s.peer, s.at));
    by_peer.chunk_by(|a, b| a.peer == b.peer).map(|own| most_within(own, DAY_MS)).max().unwrap_or(0)
}

fn first_out_delay(received: &[Step], sent: &[Step]) -> f64 {
    let both = received.first().zip(sent.first());
    both.map_or(0.0, |(first_in, first_out)| first_out.at.saturating_sub(first_in.at) as f64 / HOUR_MS as f64)
}

/// Share of pairs in which the received step is the earlier; equal times count half.
fn turn_order(received: &[Step], sent: &[Step]) -> f64 {
    if received.is_empty() || sent.is_empty() {
        return 0.5;
    }
    let before = |at: i64| received.partition_point(|r| r.at < at) as f64;
    let until = |at: i64| received.partition_point(|r| r.at <= at) as f64;
    let first: f64 = sent.iter().map(|s| f64::midpoint(before(s.at), until(s.at))).sum();
    first / (received.len() as f64 * sent.len() as f64)
}

fn early_share(received: &[Step], sent: &[Step]) -> f64 {
    let first = sent.first().map_or(i64::MAX, |s| s.at);
    let early: f64 = received.iter().filter(|r| r.at <= first).map(|r| r.value).sum();
    ratio(early, received.iter().map(|r| r.value).sum(), 0.0)
}
