//! How well the two ends of its payments know each other: the counterparties that both have.
//!
//! A payment between two that share counterparties stays within a circle; one between strangers leaves it. Three
//! measures of a pair are those of link prediction (Liben-Nowell, Kleinberg 2007; Zhou, Lü, Zhang 2009), summed up over
//! those whom an address pays and those who pay it.

use super::position::undirected;
use super::sample::ratio;
use super::{Family, Line, Lists, Scene};

pub(super) const TIES: Family =
    Family { name: "ties", parts: 1, list: |_| list(), compute: |scene, _| ties(scene) };

/// Measures of a pair.
const MEASURES: [(&str, &str); 3] = [
    ("tie_share", "counterparties in common / counterparties of either"),
    ("tie_cosine", "counterparties in common / sqrt(its own counterparties x the other's)"),
    ("tie_worth", "sum over counterparties in common of 1 / their counterparties"),
];

fn list() -> Vec<Line> {
    let of = |side: &'static str| {
        MEASURES.iter().flat_map(move |(name, formula)| {
            ["mean", "max"].map(|how| {
                (
                    format!("{side}_{name}_{how}"),
                    "ratio",
                    format!("{how} over its {side} of {formula}; 0 for none"),
                )
            })
        })
    };
    of("recipients").chain(of("senders")).collect()
}

fn ties(scene: &Scene) -> Vec<Vec<f64>> {
    let circles = undirected(scene);
    let upwards: Vec<u32> = (0..scene.len() as u32).collect();
    let nobody = || vec![u32::MAX; scene.len()];
    scene.each_along(&upwards, scene.long_block(), nobody, |known_to, a| {
        circles.of(a).iter().for_each(|&x| known_to[x as usize] = a);
        row(scene, &circles, known_to, a)
    })
}

/// Mean and maximum of each measure over recipients, then over senders; `known_to` names the address at its counterparties.
fn row(scene: &Scene, circles: &Lists, known_to: &[u32], address: u32) -> [f64; 12] {
    let own = circles.of(address);
    let measures: Vec<[f64; 3]> =
        own.iter().map(|&other| measures(circles, known_to, address, other)).collect();
    let [recipients, senders] = [&scene.recipients, &scene.senders]
        .map(|side| summaries(side.of(address).iter().map(|b| measures[own.partition_point(|x| x < b)])));
    let mut row = [0.0; 12];
    row[..6].copy_from_slice(&recipients);
    row[6..].copy_from_slice(&senders);
    row
}

/// How many times as many counterparties the other may have before they are looked up instead of walked through.
const FAR_MORE: usize = 8;

/// The measures of a pair; counterparties in common are added up upwards, whoever's are walked through.
fn measures(circles: &Lists, known_to: &[u32], address: u32, other: u32) -> [f64; 3] {
    let (own, others) = (circles.of(address), circles.of(other));
    let (mut common, mut worth) = (0.0, 0.0);
    let mut add = |x: u32| {
        common += 1.0;
        worth += 1.0 / circles.of(x).len() as f64;
    };
    if others.len() <= FAR_MORE * own.len() {
        others.iter().filter(|x| known_to[**x as usize] == address).for_each(|x| add(*x));
    } else {
        own.iter().filter(|x| others.binary_search(x).is_ok()).for_each(|x| add(*x));
    }
    let (a, b) = (own.len() as f64, others.len() as f64);
    [ratio(common, a + b - common, 0.0), ratio(common, (a * b).sqrt(), 0.0), worth]
}

/// Mean and maximum of each measure; 0 for none.
fn summaries(of: impl ExactSizeIterator<Item = [f64; 3]>) -> [f64; 6] {
    let n = of.len() as f64;
    let mut summaries = [0.0; 6];
    for measures in of {
        for (at, x) in measures.into_iter().enumerate() {
            summaries[2 * at] += x;
            summaries[2 * at + 1] = f64::max(summaries[2 * at + 1], x);
        }
    }
    summaries.iter_mut().step_by(2).for_each(|sum| *sum = ratio(*sum, n, 0.0));
    summaries
}
