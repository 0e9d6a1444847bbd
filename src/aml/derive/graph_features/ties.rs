//! How well the two ends of its payments know each other: the counterparties that both have.
//!
//! A payment between two that share counterparties stays within a circle; one between strangers leaves it. Three
//! measures of a pair are those of link prediction (Liben-Nowell, Kleinberg 2007; Zhou, Lü, Zhang 2009), summed up over
//! those whom an address pays and those who pay it.

use super::position::undirected;
use super::sample::ratio;
use super::{Family, Line, Lists, Scene};

pub(super) const TIES: Family = Family { name: "ties", list, compute: |scene| ties(scene) };

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
    scene.each(|address| row(scene, &circles, address))
}

/// Mean and maximum of each measure over recipients, then over senders.
fn row(scene: &Scene, circles: &Lists, address: u32) -> [f64; 12] {
    let own = circles.of(address);
    let measures: Vec<[f64; 3]> = own.iter().map(|&other| measures(circles, own, other)).collect();
    let [recipients, senders] = [&scene.recipients, &scene.senders]
        .map(|side| summaries(side.of(address).iter().map(|b| measures[own.partition_point(|x| x < b)])));
    let mut row = [0.0; 12];
    row[..6].copy_from_slice(&recipients);
    row[6..].copy_from_slice(&senders);
    row
}

/// The measures of the pair of an address, whose counterparties are `own`, and one of these.
fn measures(circles: &Lists, own: &[u32], other: u32) -> [f64; 3] {
    let others = circles.of(other);
    let (few, many) = if own.len() <= others.len() { (own, others) } else { (others, own) };
    let (mut common, mut worth) = (0.0, 0.0);
    for &x in few.iter().filter(|x| many.binary_search(x).is_ok()) {
        common += 1.0;
        worth += 1.0 / circles.of(x).len() as f64;
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
