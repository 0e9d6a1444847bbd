//! The flow graph: addresses as dense ids in byte order, pairs as edges in key order.
//!
//! Both orders come from the names alone, so an algorithm that walks ids and edges upwards gives the same answer
//! whatever the order of rows was.

use super::finite;
use crate::aml::sot::MoneyFlow;
use crate::determinism::intern::Interner;
use crate::determinism::par;

/// A directed edge: everything from one address to another.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'a> {
    /// Sender.
    pub from: u32,
    /// Recipient.
    pub to: u32,
    /// US dollars; native units when no flow of the batch has a price. 0 where unknown.
    pub value: f64,
    /// What went along it.
    pub flow: Flow,
    /// The row it was read from; `None` where transfers were added up, which tell the rest themselves.
    pub row: Option<&'a MoneyFlow>,
}

/// What graph algorithms read of a [`MoneyFlow`], a tenth of its size.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "the fields are those of a money flow")]
pub struct Flow {
    pub tx_count: u64,
    pub amount_sum: f64,
    pub amount_usd_sum: f64,
    pub first_seen_timestamp: i64,
    pub last_seen_timestamp: i64,
    pub reciprocity_ratio: f64,
    pub unique_assets: u32,
    pub is_bidirectional: bool,
}

impl From<&MoneyFlow> for Flow {
    fn from(row: &MoneyFlow) -> Self {
        Flow {
            tx_count: row.tx_count,
            amount_sum: row.amount_sum,
            amount_usd_sum: row.amount_usd_sum,
            first_seen_timestamp: row.first_seen_timestamp,
            last_seen_timestamp: row.last_seen_timestamp,
            reciprocity_ratio: row.reciprocity_ratio,
            unique_assets: u32::try_from(row.unique_assets).unwrap_or(u32::MAX),
            is_bidirectional: row.is_bidirectional,
        }
    }
}

/// Flows as a graph.
#[derive(Clone, Debug, Default)]
pub struct FlowGraph<'a> {
    /// Ids in byte order of the addresses.
    pub addresses: Interner,
    /// Ordered by sender, then recipient.
    pub edges: Vec<Edge<'a>>,
    /// Where each address's edges begin; one more at the end.
    outgoing: Vec<u32>,
    /// Edges by recipient, and where each address's begin among them.
    incoming: Vec<u32>,
    incoming_start: Vec<u32>,
}

impl<'a> FlowGraph<'a> {
    /// Numbers the addresses and sorts the flows.
    pub fn new(flows: &'a [MoneyFlow]) -> Self {
        let ends = flows.iter().flat_map(|f| [f.from_address.as_str(), f.to_address.as_str()]);
        let (addresses, ids) = numbered(ends);
        let edge = |(row, ends): (&'a MoneyFlow, &[u32])| Edge {
            from: ends[0],
            to: ends[1],
            value: 0.0,
            flow: Flow::from(row),
            row: Some(row),
        };
        FlowGraph::of_edges(addresses, flows.iter().zip(ids.chunks_exact(2)).map(edge).collect())
    }

    /// The graph of edges in any order, whose values are not known yet, between addresses in byte order, none other.
    pub(super) fn of_edges(addresses: Interner, mut edges: Vec<Edge<'a>>) -> Self {
        appraise(&mut edges);
        par::sort_by(&mut edges, |a, b| {
            let key = |e: &Edge<'_>| (e.from, e.to, e.flow.first_seen_timestamp, e.flow.tx_count);
            key(a).cmp(&key(b)).then_with(|| a.value.total_cmp(&b.value))
        });
        let outgoing = starts(addresses.len(), edges.iter().map(|e| e.from));
        let incoming_start = starts(addresses.len(), edges.iter().map(|e| e.to));
        let mut next = incoming_start.clone();
        let mut incoming = vec![0; edges.len()];
        for (id, edge) in (0_u32..).zip(&edges) {
            let place = &mut next[edge.to as usize];
            incoming[*place as usize] = id;
            *place += 1;
        }
        FlowGraph { addresses, edges, outgoing, incoming, incoming_start }
    }

    /// How many addresses.
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Whether there is no address.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Edges that leave an address, by recipient.
    pub fn outgoing(&self, address: u32) -> impl ExactSizeIterator<Item = &Edge<'a>> {
        self.edges[range_of(&self.outgoing, address)].iter()
    }

    /// Edges that reach an address, by sender.
    pub fn incoming(&self, address: u32) -> impl ExactSizeIterator<Item = &Edge<'a>> {
        self.incoming[range_of(&self.incoming_start, address)].iter().map(|&e| &self.edges[e as usize])
    }

    /// How many edges leave or reach an address; one to itself does both.
    pub fn degree(&self, address: u32) -> usize {
        self.outgoing(address).len() + self.incoming(address).len()
    }

    /// The name of an address.
    pub fn name(&self, address: u32) -> &str {
        self.addresses.name(address)
    }
}

/// The set of `names`, numbered in byte order, and the number of each as they come.
pub(super) fn numbered<'n>(names: impl Iterator<Item = &'n str>) -> (Interner, Vec<u32>) {
    let mut known = Interner::new();
    let mut ids: Vec<u32> = names.map(|name| known.intern(name)).collect();
    let (in_order, rank) = ranked(&known, ids.iter().copied());
    ids.iter_mut().for_each(|id| *id = rank[*id as usize]);
    (in_order, ids)
}

/// Those of `known` that are named, numbered in byte order, and by their number there the one here; it means nothing for the
/// others.
pub(super) fn ranked(known: &Interner, named: impl Iterator<Item = u32>) -> (Interner, Vec<u32>) {
    let mut rank = vec![u32::MAX; known.len()];
    named.for_each(|id| rank[id as usize] = 0);
    // the first bytes beside the number, for a name is far away
    let ids = (0..known.len() as u32).filter(|&id| rank[id as usize] == 0);
    let mut order: Vec<(u64, u32)> = ids.map(|id| (prefix(known.name(id)), id)).collect();
    par::sort_by(&mut order, |a, b| a.0.cmp(&b.0).then_with(|| known.name(a.1).cmp(known.name(b.1))));
    (0_u32..).zip(&order).for_each(|(place, &(_, id))| rank[id as usize] = place);
    (order.iter().map(|&(_, id)| known.name(id)).collect(), rank)
}

/// The first eight bytes as a number in their order; what is missing counts as zeros, before which nothing comes.
fn prefix(name: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = name.len().min(8);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

/// Gives edges their values.
fn appraise(edges: &mut [Edge<'_>]) {
    let priced = edges.iter().any(|e| finite(e.flow.amount_usd_sum) > 0.0);
    for edge in edges {
        edge.value = finite(if priced { edge.flow.amount_usd_sum } else { edge.flow.amount_sum });
    }
}

/// Edges of each address by what they carry: for searches that follow amounts.
pub(super) struct ByValue<'g, 'a> {
    graph: &'g FlowGraph<'a>,
    outgoing: Carried<'g>,
    incoming: Carried<'g>,
}

/// Each owner's edges by value, then as they stand in the graph.
struct Carried<'g> {
    /// Where each owner's begin; one more at the end.
    starts: &'g [u32],
    values: Vec<f64>,
    edges: Vec<u32>,
}

impl<'g, 'a> ByValue<'g, 'a> {
    pub(super) fn of(graph: &'g FlowGraph<'a>) -> Self {
        let all = || (0..graph.edges.len() as u32).collect();
        let (outgoing, incoming) = par::join(
            || Carried::of(&graph.edges, &graph.outgoing, all()),
            || Carried::of(&graph.edges, &graph.incoming_start, graph.incoming.clone()),
        );
        ByValue { graph, outgoing, incoming }
    }

    /// Edges that leave an address and carry `least` to `most`, by their value and then as they stand.
    pub(super) fn outgoing(&self, address: u32, least: f64, most: f64) -> impl Iterator<Item = &'g Edge<'a>> {
        self.within(&self.outgoing, address, least, most)
    }

    /// The same of those that reach it.
    pub(super) fn incoming(&self, address: u32, least: f64, most: f64) -> impl Iterator<Item = &'g Edge<'a>> {
        self.within(&self.incoming, address, least, most)
    }

    fn within(
        &self,
        carried: &Carried<'_>,
        address: u32,
        least: f64,
        most: f64,
    ) -> impl Iterator<Item = &'g Edge<'a>> {
        let own = range_of(carried.starts, address);
        let (values, edges) = (&carried.values[own.clone()], &carried.edges[own]);
        let from = values.partition_point(|&value| value < least);
        let end = from + values[from..].partition_point(|&value| value <= most);
        let graph = self.graph;
        edges[from..end].iter().map(move |&edge| &graph.edges[edge as usize])
    }
}

impl<'g> Carried<'g> {
    /// Of edges in an order in which each owner's stand together.
    fn of(edges: &[Edge<'_>], starts: &'g [u32], mut order: Vec<u32>) -> Self {
        for own in starts.windows(2) {
            order[own[0] as usize..own[1] as usize].sort_unstable_by(|&a, &b| {
                let value = |edge: u32| edges[edge as usize].value;
                value(a).total_cmp(&value(b)).then(a.cmp(&b))
            });
        }
        let values = order.iter().map(|&edge| edges[edge as usize].value).collect();
        Carried { starts, values, edges: order }
    }
}

/// Where each owner's items begin when they are sorted by owner; one more at the end.
fn starts(n: usize, owners: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut start = vec![0; n + 1];
    owners.for_each(|owner| start[owner as usize + 1] += 1);
    (0..n).for_each(|a| start[a + 1] += start[a]);
    start
}

fn range_of(starts: &[u32], address: u32) -> std::ops::Range<usize> {
    starts[address as usize] as usize..starts[address as usize + 1] as usize
}
