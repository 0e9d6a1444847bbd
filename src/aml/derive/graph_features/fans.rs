//! Many into one, one into many, and the one after the other, each within a span of time.

use super::sample::{cv, ratio};
use super::{DAY_MS, Family, HOUR_MS, Line, MONTH_MS, Scene, Step, WEEK_MS, both_sides, lines};

pub(super) const FANS: Family =
    Family { name: "fans", parts: 1, list: |_| list(), compute: |scene, _| fans(scene) };

fn list() -> Vec<Line> {
    let mut list = both_sides(SIDES);
    list.extend(lines(GATHER_SCATTER));
    list
}

const SIDES: &[(&str, &str, &str)] = &[
    ("fan_hour", "count", "most distinct counterparties of transfers {side} within an hour"),
    ("fan_day", "count", "most distinct counterparties of transfers {side} within 24 hours"),
    ("fan_week", "count", "most distinct counterparties of transfers {side} within 7 days"),
    ("fan_month", "count", "most distinct counterparties of transfers {side} within 30 days"),
    ("fan_day_share", "ratio", "fan_day / distinct counterparties of transfers {side}"),
    (
        "fan_week_cv",
        "ratio",
        "standard deviation / mean of the amounts {side} in the (first) week of fan_week",
    ),
];

const GATHER_SCATTER: &[(&str, &str, &str)] = &[
    (
        "gather_scatter_day",
        "count",
        "largest over transfers sent of min(senders within the 24 hours before it, recipients within the 24 from it on)",
    ),
    ("gather_scatter_week", "count", "the same with 7 days"),
];

fn fans(scene: &Scene) -> Vec<Vec<f64>> {
    scene.each(|address| {
        let (received, sent) = (scene.ledger.received(address), scene.ledger.sent(address));
        let mut row = [0.0; 14];
        row[..6].copy_from_slice(&side(received));
        row[6..12].copy_from_slice(&side(sent));
        row[12] = gather_scatter(received, sent, DAY_MS) as f64;
        row[13] = gather_scatter(received, sent, WEEK_MS) as f64;
        row
    })
}

fn side(steps: &[Step]) -> [f64; 6] {
    let peers: Vec<u32> = steps.iter().map(|s| s.peer).collect();
    let numbered = numbered(&peers);
    let widest = |span: i64| {
        let mut window = Distinct::new(&numbered);
        let (mut most, mut at, mut from) = (0, 0..0, 0);
        for to in 0..steps.len() {
            window.add(to);
            while steps[to].at.saturating_sub(steps[from].at) >= span {
                window.remove(from);
                from += 1;
            }
            if window.count > most {
                (most, at) = (window.count, from..to + 1);
            }
        }
        (most as f64, at)
    };
    let day = widest(DAY_MS).0;
    let (week, at) = widest(WEEK_MS);
    let amounts: Vec<f64> = steps[at].iter().map(|s| s.value).collect();
    let all = numbered.iter().max().map_or(0, |most| most + 1) as f64;
    [widest(HOUR_MS).0, day, week, widest(MONTH_MS).0, ratio(day, all, 0.0), cv(&amounts)]
}

fn gather_scatter(received: &[Step], sent: &[Step], span: i64) -> usize {
    let senders = numbered(&received.iter().map(|s| s.peer).collect::<Vec<_>>());
    let recipients = numbered(&sent.iter().map(|s| s.peer).collect::<Vec<_>>());
    let (mut before, mut after) = (Distinct::new(&senders), Distinct::new(&recipients));
    let (mut most, mut old, mut new, mut ahead) = (0, 0, 0, 0);
    for (now, step) in sent.iter().enumerate() {
        while new < received.len() && received[new].at <= step.at {
            before.add(new);
            new += 1;
        }
        while old < new && step.at.saturating_sub(received[old].at) > span {
            before.remove(old);
            old += 1;
        }
        while ahead < sent.len() && sent[ahead].at.saturating_sub(step.at) <= span {
            after.add(ahead);
            ahead += 1;
        }
        most = most.max(before.count.min(after.count));
        after.remove(now);
    }
    most
}

/// Names as numbers from 0, without gaps.
fn numbered(names: &[u32]) -> Vec<usize> {
    let mut known = names.to_vec();
    known.sort_unstable();
    known.dedup();
    names.iter().map(|name| known.partition_point(|k| k < name)).collect()
}

/// How many different names a moving window holds.
struct Distinct<'a> {
    names: &'a [usize],
    held: Vec<u32>,
    count: usize,
}

impl<'a> Distinct<'a> {
    fn new(names: &'a [usize]) -> Self {
        let known = names.iter().max().map_or(0, |most| most + 1);
        Distinct { names, held: vec![0; known], count: 0 }
    }

    fn add(&mut self, at: usize) {
        let held = &mut self.held[self.names[at]];
        *held += 1;
        self.count += usize::from(*held == 1);
    }

    fn remove(&mut self, at: usize) {
        let held = &mut self.held[self.names[at]];
        *held -= 1;
        self.count -= usize::from(*held == 0);
    }
}
