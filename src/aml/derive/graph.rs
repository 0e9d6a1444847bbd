//! The flow graph: addresses as dense ids in byte order, pairs as edges in key order.
//!
//! Both orders come from the names alone, so an algorithm that walks ids and edges upwards gives the same answer
//! whatever the order of rows was.

use super::finite;
use crate::aml::sot::MoneyFlow;
use crate::determinism::intern::Interner;

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
    outgoing: Vec<Vec<u32>>,
    incoming: Vec<Vec<u32>>,
}

impl<'a> FlowGraph<'a> {
    /// Numbers the addresses and sorts the flows.
    pub fn new(flows: &'a [MoneyFlow]) -> Self {
        let mut names: Vec<&str> =
            flows.iter().flat_map(|f| [f.from_address.as_str(), f.to_address.as_str()]).collect();
        names.sort_unstable();
        names.dedup();
        let addresses: Interner = names.into_iter().collect();
        let edges = sorted_edges(flows, &addresses);
        let mut outgoing = vec![Vec::new(); addresses.len()];
        let mut incoming = vec![Vec::new(); addresses.len()];
        for (id, edge) in (0_u32..).zip(&edges) {
            outgoing[edge.from as usize].push(id);
            incoming[edge.to as usize].push(id);
        }
        FlowGraph { addresses, edges, outgoing, incoming }
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
        self.outgoing[address as usize].iter().map(|&e| &self.edges[e as usize])
    }

    /// Edges that reach an address, by sender.
    pub fn incoming(&self, address: u32) -> impl ExactSizeIterator<Item = &Edge<'a>> {
        self.incoming[address as usize].iter().map(|&e| &self.edges[e as usize])
    }

    /// The name of an address.
    pub fn name(&self, address: u32) -> &str {
        self.addresses.name(address)
    }
}

fn sorted_edges<'a>(flows: &'a [MoneyFlow], addresses: &Interner) -> Vec<Edge<'a>> {
    let id = |name: &str| addresses.get(name).expect("every endpoint was interned");
    let priced = flows.iter().any(|f| finite(f.amount_usd_sum) > 0.0);
    let value = |f: &MoneyFlow| finite(if priced { f.amount_usd_sum } else { f.amount_sum });
    let mut edges: Vec<Edge<'a>> = flows
        .iter()
        .map(|f| Edge { from: id(&f.from_address), to: id(&f.to_address), flow: f, value: value(f) })
        .collect();
    edges.sort_by(|a, b| {
        let key = |e: &Edge<'_>| (e.from, e.to, e.flow.first_seen_timestamp, e.flow.tx_count);
        key(a).cmp(&key(b)).then_with(|| a.value.total_cmp(&b.value))
    });
    edges
}
