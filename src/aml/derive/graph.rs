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
    /// The row it stands for.
    pub flow: &'a MoneyFlow,
    /// US dollars; native units when no flow of the batch has a price. 0 where unknown.
    pub value: f64,
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
        let edges = sorted_edges(flows, &ids);
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

    /// The name of an address.
    pub fn name(&self, address: u32) -> &str {
        self.addresses.name(address)
    }
}

/// The set of `names`, numbered in byte order, and the number of each as they come.
pub(super) fn numbered<'n>(names: impl Iterator<Item = &'n str>) -> (Interner, Vec<u32>) {
    let mut known = Interner::new();
    let mut ids: Vec<u32> = names.map(|name| known.intern(name)).collect();
    let mut order: Vec<u32> = (0..known.len() as u32).collect();
    par::sort_by(&mut order, |&a, &b| known.name(a).cmp(known.name(b)));
    let mut rank = vec![0; order.len()];
    (0_u32..).zip(&order).for_each(|(place, &id)| rank[id as usize] = place);
    ids.iter_mut().for_each(|id| *id = rank[*id as usize]);
    (order.iter().map(|&id| known.name(id)).collect(), ids)
}

/// `ids` are those of the flows' ends, sender before recipient.
fn sorted_edges<'a>(flows: &'a [MoneyFlow], ids: &[u32]) -> Vec<Edge<'a>> {
    let priced = flows.iter().any(|f| finite(f.amount_usd_sum) > 0.0);
    let value = |f: &MoneyFlow| finite(if priced { f.amount_usd_sum } else { f.amount_sum });
    let ends = ids.chunks_exact(2);
    let edge =
        |(flow, ends): (&'a MoneyFlow, &[u32])| Edge { from: ends[0], to: ends[1], flow, value: value(flow) };
    let mut edges: Vec<Edge<'a>> = flows.iter().zip(ends).map(edge).collect();
    par::sort_by(&mut edges, |a, b| {
        let key = |e: &Edge<'_>| (e.from, e.to, e.flow.first_seen_timestamp, e.flow.tx_count);
        key(a).cmp(&key(b)).then_with(|| a.value.total_cmp(&b.value))
    });
    edges
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
