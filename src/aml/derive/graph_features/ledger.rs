//! Transfers as steps between numbered addresses: in time order, and by sender and recipient.

use std::ops::Range;

use crate::aml::derive::chronicle::Chronicle;
use crate::aml::derive::finite;
use crate::aml::derive::graph::FlowGraph;
use crate::aml::sot::Transfer;

/// One transfer between two different addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) from: u32,
    pub(super) to: u32,
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// US dollars; native units when no transfer of the batch has a price. 0 where unknown.
    pub(super) value: f64,
    /// Native units, US dollars where those are 0: what somebody typed.
    pub(super) typed: f64,
}

/// All steps; payments to oneself are left out, for they tell nothing of anybody else.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// In the order of the chronicle, so that equal times have a fixed order too.
    pub(super) steps: Vec<Step>,
    sent: Lists,
    received: Lists,
    /// The steps of `sent`, one sender's behind the other: who goes on from a step reads them in one piece.
    by_sender: Vec<Step>,
    /// For each step how many its recipient had sent before it.
    sent_before: Vec<u32>,
}

impl Ledger {
    /// Numbers the transfers between addresses of `graph`; others are left out.
    pub(super) fn new(graph: &FlowGraph<'_>, transfers: &Chronicle<'_>) -> Self {
        let rows = transfers.rows();
        let priced = rows.iter().any(|t| finite(t.amount_usd) > 0.0);
        let step = |t: &&Transfer| {
            let (from, to) = (graph.addresses.get(&t.from_address)?, graph.addresses.get(&t.to_address)?);
            let (usd, native) = (finite(t.amount_usd), finite(t.amount));
            let typed = if native > 0.0 { native } else { usd };
            let value = if priced { usd } else { native };
            (from != to).then_some(Step { from, to, at: t.block_timestamp, value, typed })
        };
        let steps: Vec<Step> = rows.iter().filter_map(step).collect();
        let sent = Lists::new(graph.len(), steps.iter().map(|s| s.from));
        let received = Lists::new(graph.len(), steps.iter().map(|s| s.to));
        let by_sender = sent.items.iter().map(|&id| steps[id as usize]).collect();
        let sent_before = sent_before(graph.len(), &steps);
        Ledger { steps, sent, received, by_sender, sent_before }
    }

    /// What a step's recipient sent after it, in time order: positions and the steps themselves.
    pub(super) fn onward(&self, id: u32) -> impl Iterator<Item = (u32, &Step)> {
        let own = self.sent.range(self.steps[id as usize].to);
        let rest = own.start + self.sent_before[id as usize] as usize..own.end;
        self.sent.items[rest.clone()].iter().copied().zip(&self.by_sender[rest])
    }

    /// Positions of the steps an address sent, in time order.
    pub(super) fn sent_ids(&self, address: u32) -> &[u32] {
        self.sent.of(address)
    }

    /// Positions of the steps an address received, in time order.
    pub(super) fn received_ids(&self, address: u32) -> &[u32] {
        self.received.of(address)
    }

    /// Steps an address sent, in time order.
    pub(super) fn sent(&self, address: u32) -> Vec<Step> {
        self.sent_ids(address).iter().map(|&id| self.steps[id as usize]).collect()
    }

    /// Steps an address received, in time order.
    pub(super) fn received(&self, address: u32) -> Vec<Step> {
        self.received_ids(address).iter().map(|&id| self.steps[id as usize]).collect()
    }

    /// Steps an address sent or received, in time order.
    pub(super) fn touching(&self, address: u32) -> Vec<Step> {
        let mut ids = [self.sent_ids(address), self.received_ids(address)].concat();
        ids.sort_unstable();
        ids.iter().map(|&id| self.steps[id as usize]).collect()
    }
}

fn sent_before(n: usize, steps: &[Step]) -> Vec<u32> {
    let mut sent = vec![0; n];
    let before = |step: &Step| {
        sent[step.from as usize] += 1;
        sent[step.to as usize]
    };
    steps.iter().map(before).collect()
}

/// A list of numbers for each address, one behind the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    start: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// For each address the positions at which `owners` names it, upwards.
    fn new(n: usize, owners: impl Iterator<Item = u32> + Clone) -> Self {
        Lists::of_pairs(n, (0_u32..).zip(owners).map(|(item, owner)| (owner, item)))
    }

    /// For each address the items of its pairs, in the order of the pairs.
    pub(super) fn of_pairs(n: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut start = vec![0; n + 1];
        pairs.clone().for_each(|(owner, _)| start[owner as usize + 1] += 1);
        (0..n).for_each(|a| start[a + 1] += start[a]);
        let mut next = start.clone();
        let mut items = vec![0; start[n] as usize];
        for (owner, item) in pairs {
            items[next[owner as usize] as usize] = item;
            next[owner as usize] += 1;
        }
        Lists { start, items }
    }

    /// The list of an address.
    pub(super) fn of(&self, address: u32) -> &[u32] {
        &self.items[self.range(address)]
    }

    fn range(&self, address: u32) -> Range<usize> {
        let a = address as usize;
        self.start[a] as usize..self.start[a + 1] as usize
    }
}
