//! Small sequences of transfers within a day or a week: there and back, in and out, out and out, round in three.

use super::sample::ratio;
use super::{DAY_MS, Family, HOUR_MS, Scene, Step, WEEK_MS, lines};

pub(super) const MOTIFS: Family =
    Family { name: "motifs", parts: 1, list: |_| lines(LIST), compute: |scene, _| motifs(scene) };

const LIST: &[(&str, &str, &str)] = &[
    ("return_share", "ratio", "transfers sent that their recipient answers within 24 hours / transfers sent"),
    ("return_equal_share", "ratio", "those answered with 90 % to 110 % of the amount / transfers sent"),
    (
        "quick_in_out_share",
        "ratio",
        "transfers received that a transfer sent follows within an hour / transfers received",
    ),
    (
        "quick_out_out_share",
        "ratio",
        "transfers sent that one to somebody else follows within an hour / transfers sent",
    ),
    (
        "quick_in_in_share",
        "ratio",
        "transfers received that one from somebody else follows within an hour / received",
    ),
    (
        "triangle_week",
        "count",
        "transfers sent that start a round of three: each hop no earlier than the one before, all within 7 days; of each \
         address's transfers in that time the first 50",
    ),
];

/// Transfers looked at after one: a bound for addresses that hardly pause.
const MOST: usize = 500;

fn motifs(scene: &Scene) -> Vec<Vec<f64>> {
    scene.each(|address| {
        let (received, sent) = (scene.ledger.received(address), scene.ledger.sent(address));
        let (n_in, n_out) = (received.len() as f64, sent.len() as f64);
        let answered = |equal: bool| sent.iter().filter(|s| is_answered(s, received, equal)).count() as f64;
        let triangles = sent.iter().filter(|first| starts_triangle(scene, address, first)).count();
        [
            ratio(answered(false), n_out, 0.0),
            ratio(answered(true), n_out, 0.0),
            ratio(followed(received, sent, |_, _| true), n_in, 0.0),
            ratio(followed(sent, sent, |a, b| a.peer != b.peer), n_out, 0.0),
            ratio(followed(received, received, |a, b| a.peer != b.peer), n_in, 0.0),
            triangles as f64,
        ]
    })
}

fn is_answered(step: &Step, received: &[Step], equal: bool) -> bool {
    let from = received.partition_point(|r| r.at < step.at);
    let near = |r: &Step| r.value >= 0.9 * step.value && r.value <= 1.1 * step.value;
    received[from..]
        .iter()
        .take_while(|r| r.at.saturating_sub(step.at) <= DAY_MS)
        .take(MOST)
        .any(|r| r.peer == step.peer && (!equal || near(r)))
}

/// How many of `first` have a fitting one of `then` within the hour from it on.
fn followed(first: &[Step], then: &[Step], fits: impl Fn(&Step, &Step) -> bool) -> f64 {
    let within = |a: &&Step| {
        let from = then.partition_point(|b| b.at < a.at);
        then[from..]
            .iter()
            .take_while(|b| b.at.saturating_sub(a.at) <= HOUR_MS)
            .take(MOST)
            .any(|b| fits(a, b))
    };
    first.iter().filter(within).count() as f64
}

fn starts_triangle(scene: &Scene, home: u32, first: &Step) -> bool {
    let end = first.at.saturating_add(WEEK_MS);
    let pays_home = |address: u32| scene.senders.of(home).binary_search(&address).is_ok();
    following(scene, first.peer, first.at, end).any(|second| {
        pays_home(second.peer)
            && second.peer != home
            && following(scene, second.peer, second.at, end).any(|third| third.peer == home)
    })
}

/// The first 50 transfers an address sent from `from` to `until`.
fn following(scene: &Scene, address: u32, from: i64, until: i64) -> impl Iterator<Item = &Step> {
    let sent = scene.ledger.sent(address);
    let start = sent.partition_point(|step| step.at < from);
    sent[start..].iter().take_while(move |step| step.at <= until).take(50)
}
