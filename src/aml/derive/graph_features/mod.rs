//! Address features beyond the official columns: what single transfers, their order and an address's surroundings say.
//!
//! [`graph_features`] computes one column for each line of the registry, [`features`]; a family is one file: a list of
//! names, units and formulas beside one function that fills them for all addresses. They stand in the table that
//! `derive` writes, behind the official columns; models read those that `features::graph` names.
//!
//! Values are US dollars, or native units in a batch without any price. Nothing here reads labels. Payments to oneself
//! are left out. Every address is computed alone from steps in time order, so neither the order of rows nor the number
//! of threads can be seen; what is bounded is bounded by numbers that stand in the formulas.

mod amounts;
mod anomaly;
mod betweenness;
mod communities;
mod fans;
mod forest;
mod ledger;
mod motifs;
mod neighbours;
mod passage;
mod paths;
mod position;
mod rhythm;
mod sample;
mod shapes;
mod ties;

use std::ops::{Deref, Range};

use self::ledger::{Ledger, Step};
use super::chronicle::Chronicle;
use super::graph::FlowGraph;
use super::known;
use super::lists::Lists;
use super::reach::Reach;
use crate::aml::sot::{AddressFeatures, MoneyFlow, NumberColumn, Spill, Transfer};
use crate::determinism::intern::Interner;
use crate::determinism::par;

/// One column: what it is called and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// The column's name.
    pub name: String,
    /// `amounts`, `rhythm` ...
    pub family: &'static str,
    /// `count`, `usd`, `ratio`, `hours` ...
    pub unit: &'static str,
    /// In words and symbols.
    pub formula: String,
}

/// Columns that say something together. They are computed a part after the other, so that those of a large family need not all be
/// in memory at once.
struct Family {
    name: &'static str,
    parts: usize,
    /// The columns of a part.
    list: fn(usize) -> Vec<Line>,
    /// One vector for each line of the part's list, one value for each address.
    compute: fn(&View<'_>, usize) -> Vec<Vec<f64>>,
}

impl Family {
    fn lines(&self) -> Vec<Line> {
        (0..self.parts).flat_map(self.list).collect()
    }
}

/// A line of a family's list: name, unit, formula.
type Line = (String, &'static str, String);

/// In the order of the columns; a family may read the columns of those before it.
const FAMILIES: &[Family] = &[
    amounts::AMOUNTS,
    rhythm::RHYTHM,
    fans::FANS,
    passage::PASSAGE,
    motifs::MOTIFS,
    shapes::SHAPES,
    paths::PATHS,
    position::POSITION,
    anomaly::ANOMALY,
    neighbours::NEIGHBOURS,
    neighbours::SURROUNDINGS,
    ties::TIES,
];

/// What families look at.
pub(super) struct Scene {
    addresses: Interner,
    ledger: Ledger,
    /// Pairs of two addresses and the value they carry, by sender, then recipient.
    pairs: Vec<(u32, u32, f64)>,
    /// Distinct recipients of each address, upwards.
    recipients: Lists,
    /// Distinct senders to each address, upwards.
    senders: Lists,
    /// Searches along payments, and against them.
    ahead: Reach,
    behind: Reach,
    /// From the first to the end of the window, milliseconds.
    window: Range<i64>,
}

/// What a family reads: the batch, and the columns of the families before it.
pub(super) struct View<'v> {
    scene: &'v Scene,
    aside: &'v Spill,
}

impl Deref for View<'_> {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        self.scene
    }
}

impl View<'_> {
    /// A column of an earlier family.
    fn column(&self, name: &str) -> Vec<f64> {
        self.aside.column(name)
    }

    /// Some rows of one.
    fn part(&self, name: &str, rows: Range<usize>) -> Vec<f64> {
        self.aside.part(name, rows)
    }
}

impl Scene {
    /// `window` is that of the batch; an empty one stands for the time from the first to the last transfer. What it is made from
    /// is given up for it: the graph before the transfers are copied.
    pub(super) fn new(graph: FlowGraph<'_>, transfers: Chronicle, window: Range<i64>) -> Self {
        let others = graph.edges.iter().filter(|e| e.from != e.to);
        let pairs: Vec<(u32, u32, f64)> = others.map(|e| (e.from, e.to, e.value)).collect();
        let mut ends: Vec<(u32, u32)> = pairs.iter().map(|&(from, to, _)| (from, to)).collect();
        ends.dedup();
        let recipients = Lists::of_pairs(graph.len(), ends.iter().copied());
        let senders = Lists::of_pairs(graph.len(), ends.iter().map(|&(from, to)| (to, from)));
        let addresses = graph.addresses.clone();
        drop(graph);
        let ledger = Ledger::new(&addresses, transfers);
        let (ahead, behind) = par::join(|| Reach::of(&recipients), || Reach::of(&senders));
        let seen = || ledger.span().map_or(0..1, |(first, last)| first..last.saturating_add(1));
        let window = if window.is_empty() { seen() } else { window };
        Scene { addresses, ledger, pairs, recipients, senders, ahead, behind, window }
    }

    fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Milliseconds of the window, at least 1.
    fn window_ms(&self) -> f64 {
        (self.window.end.saturating_sub(self.window.start)).max(1) as f64
    }

    /// Rows of `N` values, computed for each address alone, as `N` columns.
    fn each<const N: usize>(&self, row: impl Fn(u32) -> [f64; N] + Sync + Send) -> Vec<Vec<f64>> {
        let rows = |addresses: Range<usize>| addresses.map(|address| row(address as u32)).collect::<Vec<_>>();
        let mut columns: Vec<Vec<f64>> = (0..N).map(|_| Vec::with_capacity(self.len())).collect();
        par::each_block(self.len(), BLOCK, rows, |rows| {
            for (at, column) in columns.iter_mut().enumerate() {
                column.extend(rows.iter().map(|row| row[at]));
            }
        });
        columns
    }

    /// [`Self::each`] in the order of `walk`, which names each address once, with a memory that is made for each block of so many
    /// addresses and handed from one to the next.
    fn each_along<M, const N: usize>(
        &self,
        walk: &[u32],
        block: usize,
        memory: impl Fn() -> M + Sync,
        row: impl Fn(&mut M, u32) -> [f64; N] + Sync,
    ) -> Vec<Vec<f64>> {
        let rows = |places: Range<usize>| {
            let mut memory = memory();
            walk[places].iter().map(|&address| row(&mut memory, address)).collect::<Vec<_>>()
        };
        let mut columns: Vec<Vec<f64>> = (0..N).map(|_| vec![0.0; self.len()]).collect();
        let mut addresses = walk.iter();
        par::each_block(walk.len(), block, rows, |rows| {
            for (row, &address) in rows.into_iter().zip(addresses.by_ref()) {
                columns.iter_mut().zip(row).for_each(|(column, x)| column[address as usize] = x);
            }
        });
        columns
    }

    /// A length of blocks for searches whose memory is as large as the graph: few of them, however large it is.
    fn long_block(&self) -> usize {
        (self.len() / 64).max(BLOCK)
    }
}

/// Addresses, or transfers, that one thread takes at a time.
const BLOCK: usize = 1024;

/// Every column beyond the official ones.
pub fn features() -> Vec<Feature> {
    let of = |family: &Family| {
        let name = family.name;
        let feature = move |(column, unit, formula)| Feature { name: column, family: name, unit, formula };
        family.lines().into_iter().map(feature).collect::<Vec<_>>()
    };
    FAMILIES.iter().flat_map(of).collect()
}

/// Computes every column of the registry for every address of `flows`, in byte order of the addresses.
///
/// `window` is that of the batch, half-open, in milliseconds; an empty one stands for the time from the first to the
/// last transfer.
///
/// # Determinism
/// Each address is computed alone from steps in time order; sums over addresses go upwards.
pub fn graph_features(flows: &[MoneyFlow], transfers: &[Transfer], window: Range<i64>) -> AddressFeatures {
    let graph = FlowGraph::new(flows);
    let (addresses, transfers) = (graph.addresses.clone(), Chronicle::of(transfers));
    let aside = Spill::in_memory(addresses.len());
    let scene = || Scene::new(graph, transfers, window);
    let columns = Beyond::of(Box::new(scene), &aside, &|_| {}).collect();
    AddressFeatures { addresses, columns }
}

/// Every column beyond the official ones, in the order of the registry, computed when it is its turn: all of them
/// may be more than memory holds.
pub(super) struct Beyond<'w> {
    scene: Later<'w>,
    /// Where columns are kept that later families read.
    aside: &'w Spill,
    /// The family and its part that come next.
    next: (usize, usize),
    ready: std::vec::IntoIter<NumberColumn>,
    /// Told when a family ends.
    done: &'w (dyn Fn(&'static str) + Sync),
}

/// A scene that is set when the first family asks for it: what it is made from is smaller.
enum Later<'w> {
    Unset(Option<Set<'w>>),
    Here(Box<Scene>),
}

/// Makes a scene.
pub(super) type Set<'w> = Box<dyn FnOnce() -> Scene + Send + Sync + 'w>;

impl Later<'_> {
    fn here(&mut self) -> &Scene {
        if let Later::Unset(set) = self {
            let set = set.take().expect("a scene is set once");
            *self = Later::Here(Box::new(set()));
        }
        match self {
            Later::Here(scene) => scene,
            Later::Unset(_) => unreachable!("it has just been set"),
        }
    }
}

impl<'w> Beyond<'w> {
    pub(super) fn of(scene: Set<'w>, aside: &'w Spill, done: &'w (dyn Fn(&'static str) + Sync)) -> Self {
        let ready = Vec::new().into_iter();
        Beyond { scene: Later::Unset(Some(scene)), aside, next: (0, 0), ready, done }
    }

    fn computed(&mut self, family: &Family, part: usize) -> Vec<NumberColumn> {
        let view = View { scene: self.scene.here(), aside: self.aside };
        let (columns, lines) = ((family.compute)(&view, part), (family.list)(part));
        assert_eq!(columns.len(), lines.len(), "family {} fills its list", family.name);
        let named = |((name, ..), mut values): (Line, Vec<f64>)| {
            values.iter_mut().for_each(|x| *x = known(*x));
            NumberColumn { name, values }
        };
        lines.into_iter().zip(columns).map(named).collect()
    }
}

impl Iterator for Beyond<'_> {
    type Item = NumberColumn;

    fn next(&mut self) -> Option<NumberColumn> {
        loop {
            if let Some(column) = self.ready.next() {
                return Some(column);
            }
            let (place, part) = self.next;
            let family = FAMILIES.get(place)?;
            let columns = self.computed(family, part);
            let is_last = part + 1 == family.parts;
            if is_last {
                (self.done)(family.name);
            }
            self.next = if is_last { (place + 1, 0) } else { (place, part + 1) };
            for column in columns.iter().filter(|column| is_read_later(family, &column.name)) {
                self.aside.keep(&column.name, 0, &column.values);
            }
            self.ready = columns.into_iter();
        }
    }
}

/// Whether a family to come reads a column of this one.
fn is_read_later(family: &Family, column: &str) -> bool {
    anomaly::reads(family.name) || neighbours::reads(column)
}

/// Lines for the receiving and the sending side: `in_{stem}` and `out_{stem}`, with `{side}` in the formula replaced.
fn both_sides(stems: &[(&str, &'static str, &str)]) -> Vec<Line> {
    let side = |prefix: &'static str, word: &'static str| {
        stems.iter().map(move |(stem, unit, formula)| {
            (format!("{prefix}_{stem}"), *unit, formula.replace("{side}", word))
        })
    };
    side("in", "received").chain(side("out", "sent")).collect()
}

/// Lines as they are.
fn lines(list: &[(&str, &'static str, &str)]) -> Vec<Line> {
    list.iter().map(|(name, unit, formula)| ((*name).to_owned(), *unit, (*formula).to_owned())).collect()
}

/// Milliseconds of an hour, a day, a week and thirty days.
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const WEEK_MS: i64 = 7 * DAY_MS;
const MONTH_MS: i64 = 30 * DAY_MS;
