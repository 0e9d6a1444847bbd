//! Who shares counterparties with whom: scatter-gather, bipartite groups and stacks of them, by paths of two payments.
//!
//! For each address all paths of two payments that start or meet at it are counted by their other end. Addresses in
//! the middle that have more than [`BUSY`] counterparties on either side are passed over: services connect everybody
//! with everybody.

use super::sample::ratio;
use super::{Family, Scene, lines};
use crate::determinism::par;

pub(super) const SHAPES: Family =
    Family { name: "shapes", parts: 1, list: |_| lines(LIST), compute: |scene, _| shapes(scene) };

/// Most senders, and most recipients, of an address that others may have in common.
const BUSY: usize = 50;

const LIST: &[(&str, &str, &str)] = &[
    (
        "scatter_gather_source",
        "count",
        "most addresses through which it pays one other in two payments (in all columns of this family shared addresses \
         have at most 50 senders and 50 recipients)",
    ),
    ("scatter_gather_sink", "count", "most addresses through which one other pays it in two payments"),
    (
        "scatter_gather_middle",
        "count",
        "most addresses that stand between the same payer and payee as it does, with itself",
    ),
    ("shared_recipients_most", "count", "most recipients it has in common with one other address"),
    (
        "shared_recipients_share",
        "ratio",
        "largest over other senders of common recipients / recipients of either",
    ),
    ("shared_recipients_peers", "count", "addresses with which it has 2 or more recipients in common"),
    ("shared_senders_most", "count", "most senders it has in common with one other address"),
    ("shared_senders_share", "ratio", "largest over other recipients of common senders / senders of either"),
    ("shared_senders_peers", "count", "addresses with which it has 2 or more senders in common"),
    ("stack_overlap", "count", "min(shared_senders_most, shared_recipients_most): a middle layer of a stack"),
];

/// Where the second payment goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Path {
    /// Out of the shared address to somebody else.
    Onward,
    /// Into the shared address from somebody else.
    Together,
}

/// How often paths from one address end at the others.
#[derive(Clone, Copy, Default)]
struct Ends {
    most: u32,
    share: f64,
    peers: u32,
}

fn shapes(scene: &Scene) -> Vec<Vec<f64>> {
    let onward = all(scene, Side::Sent, Path::Onward);
    let back = all(scene, Side::Received, Path::Onward);
    let out = all(scene, Side::Sent, Path::Together);
    let into = all(scene, Side::Received, Path::Together);
    let middle = middles(scene);
    scene.each(|address| {
        let a = address as usize;
        [
            f64::from(onward[a].most),
            f64::from(back[a].most),
            f64::from(middle[a]),
            f64::from(out[a].most),
            out[a].share,
            f64::from(out[a].peers),
            f64::from(into[a].most),
            into[a].share,
            f64::from(into[a].peers),
            f64::from(into[a].most.min(out[a].most)),
        ]
    })
}

/// Which payments of an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Sent,
    Received,
}

fn all(scene: &Scene, side: Side, path: Path) -> Vec<Ends> {
    let n = scene.len();
    let blocks = par::map_blocks(n, scene.long_block(), |addresses| {
        let mut counts = vec![0_u32; n];
        addresses.map(|a| ends(scene, a as u32, side, path, &mut counts)).collect::<Vec<_>>()
    });
    blocks.concat()
}

/// Counterparties of an address on one side.
fn peers(scene: &Scene, address: u32, side: Side) -> &[u32] {
    match side {
        Side::Sent => scene.recipients.of(address),
        Side::Received => scene.senders.of(address),
    }
}

/// The other ends of paths of two payments from `address`, counted in `counts`; they are listed in the order found.
fn count_ends(scene: &Scene, address: u32, side: Side, path: Path, counts: &mut [u32]) -> Vec<u32> {
    let then = match (side, path) {
        (Side::Sent, Path::Onward) | (Side::Received, Path::Together) => Side::Sent,
        (Side::Received, Path::Onward) | (Side::Sent, Path::Together) => Side::Received,
    };
    let mut found = Vec::new();
    for &shared in peers(scene, address, side).iter().filter(|&&b| is_quiet(scene, b)) {
        for &end in peers(scene, shared, then).iter().filter(|&&end| end != address) {
            if counts[end as usize] == 0 {
                found.push(end);
            }
            counts[end as usize] += 1;
        }
    }
    found
}

fn is_quiet(scene: &Scene, address: u32) -> bool {
    scene.senders.of(address).len() <= BUSY && scene.recipients.of(address).len() <= BUSY
}

fn ends(scene: &Scene, address: u32, side: Side, path: Path, counts: &mut [u32]) -> Ends {
    let found = count_ends(scene, address, side, path, counts);
    let own = peers(scene, address, side).len() as f64;
    let mut ends = Ends::default();
    for &end in &found {
        let common = std::mem::take(&mut counts[end as usize]);
        let either = own + peers(scene, end, side).len() as f64 - f64::from(common);
        ends.most = ends.most.max(common);
        ends.share = ends.share.max(ratio(f64::from(common), either, 0.0));
        ends.peers += u32::from(common >= 2);
    }
    ends
}

/// For each address the most paths between two others one of whose paths it stands in.
fn middles(scene: &Scene) -> Vec<u32> {
    let n = scene.len();
    let blocks = par::map_blocks(n, scene.long_block(), |addresses| {
        let mut counts = vec![0_u32; n];
        let mut best: Vec<(u32, u32)> = Vec::new();
        for a in addresses {
            let found = count_ends(scene, a as u32, Side::Sent, Path::Onward, &mut counts);
            for &middle in scene.recipients.of(a as u32).iter().filter(|&&b| is_quiet(scene, b)) {
                let ends = scene.recipients.of(middle).iter().filter(|&&end| end != a as u32);
                best.push((middle, ends.map(|&end| counts[end as usize]).max().unwrap_or(0)));
            }
            found.iter().for_each(|&end| counts[end as usize] = 0);
        }
        best
    });
    blocks.fold(vec![0; n], |mut middles, part| {
        part.iter().for_each(|&(b, most)| middles[b as usize] = middles[b as usize].max(most));
        middles
    })
}
