//! Transfers as steps between numbered addresses: in time order, and by sender and recipient.

use std::ops::Range;

use crate::aml::derive::chronicle::{Chronicle, Entry};
use crate::aml::derive::finite;
use crate::aml::derive::lists::Lists;
use crate::determinism::intern::Interner;
use crate::determinism::par;

/// One transfer between two different addresses, as one of them sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Recipient of what the address sent, sender of what it received.
    pub(super) peer: u32,
    /// For a step sent, where among all of those the ones that its recipient sent after it begin; for one received, where
    /// among all of those the ones that its sender had received before it end.
    turn: u32,
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// US dollars; native units when no transfer of the batch has a price. 0 where unknown.
    pub(super) value: f64,
}

/// All steps; payments to oneself are left out, for they tell nothing of anybody else.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// Positions of steps in the order of the chronicle, by sender and by recipient: equal times have a fixed order too.
    sent: Lists,
    received: Lists,
    /// The steps at those positions, so that each address's are read in one piece.
    sent_steps: Vec<Step>,
    received_steps: Vec<Step>,
    /// What somebody typed, in the order of the chronicle: native units, US dollars where those are 0.
    typed: Vec<f64>,
}

/// A transfer as the chronicle has it.
#[derive(Clone, Copy)]
struct Transfer {
    from: u32,
    to: u32,
    at: i64,
    value: f64,
}

impl Ledger {
    /// Numbers the transfers between some addresses; others are left out.
    pub(super) fn new(addresses: &Interner, transfers: Chronicle) -> Self {
        let numbers = transfers.numbers_in(addresses);
        let priced = transfers.entries().iter().any(|t| finite(t.usd) > 0.0);
        let ends = |t: &Entry| {
            let (from, to) = (numbers[t.from as usize]?, numbers[t.to as usize]?);
            (from != to).then_some([from, to])
        };
        let kept = || transfers.entries().iter().filter_map(|t| Some((t, ends(t)?)));
        let transfer = |(t, [from, to]): (&Entry, [u32; 2])| Transfer {
            from,
            to,
            at: t.at,
            value: finite(if priced { t.usd } else { t.amount }),
        };
        let all: Vec<Transfer> = kept().map(transfer).collect();
        let typed = kept().map(|(t, _)| t.typed()).collect();
        // what takes its place is as large
        drop(transfers);
        let ((sent, sent_steps), (received, received_steps)) = par::join(
            || owned(addresses.len(), &all, |t| (t.from, t.to)),
            || owned(addresses.len(), &all, |t| (t.to, t.from)),
        );
        Ledger { sent, received, sent_steps, received_steps, typed }
    }

    /// How many steps there are.
    pub(super) fn len(&self) -> usize {
        self.sent_steps.len()
    }

    /// The times of the first and of the last step.
    pub(super) fn span(&self) -> Option<(i64, i64)> {
        let times = || self.sent_steps.iter().map(|step| step.at);
        times().min().zip(times().max())
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
    pub(super) fn sent(&self, address: u32) -> &[Step] {
        &self.sent_steps[self.sent.range(address)]
    }

    /// Steps an address received, in time order.
    pub(super) fn received(&self, address: u32) -> &[Step] {
        &self.received_steps[self.received.range(address)]
    }

    /// What somebody typed in the steps at some positions.
    pub(super) fn typed(&self, ids: &[u32]) -> impl Iterator<Item = f64> {
        ids.iter().map(|&id| self.typed[id as usize])
    }

    /// Steps an address sent or received, in time order.
    pub(super) fn touching(&self, address: u32) -> Vec<Step> {
        let (sent, received) = (self.sent_ids(address), self.received_ids(address));
        let mut sent = sent.iter().zip(self.sent(address)).peekable();
        let mut received = received.iter().zip(self.received(address)).peekable();
        let mut all = Vec::with_capacity(sent.len() + received.len());
        while let Some(&(id, _)) = sent.peek() {
            let first = received.next_if(|(other, _)| *other < id).or_else(|| sent.next());
            all.extend(first.map(|(_, step)| *step));
        }
        all.extend(received.map(|(_, step)| *step));
        all
    }

    /// Where the steps stand among all sent that a step's recipient sent after it, in time order.
    pub(super) fn after(&self, sent: &Step) -> Range<usize> {
        sent.turn as usize..self.sent.range(sent.peer).end
    }

    /// The steps at some places among all sent.
    pub(super) fn sent_at(&self, places: Range<usize>) -> &[Step] {
        &self.sent_steps[places]
    }

    /// Their positions in time.
    pub(super) fn sent_ids_at(&self, places: Range<usize>) -> &[u32] {
        &self.sent.items()[places]
    }

    /// What a step's recipient sent at the same time or later, in time order.
    pub(super) fn since(&self, sent: &Step) -> &[Step] {
        let own = self.sent.range(sent.peer);
        let later = sent.turn as usize;
        let tied = self.sent_steps[own.start..later].iter().rev().take_while(|other| other.at >= sent.at);
        &self.sent_steps[later - tied.count()..own.end]
    }

    /// What a step's sender received at the same time or before, in time order.
    pub(super) fn until(&self, received: &Step) -> &[Step] {
        let own = self.received.range(received.peer);
        let before = received.turn as usize;
        let tied = self.received_steps[before..own.end].iter().take_while(|other| other.at <= received.at);
        &self.received_steps[own.start..before + tied.count()]
    }

    /// The step out of an address that stands at a position in time.
    pub(super) fn sent_as(&self, address: u32, id: u32) -> Option<&Step> {
        self.sent_ids(address).binary_search(&id).ok().map(|at| &self.sent(address)[at])
    }
}

/// The steps of one owner behind those of the other, and where they stand in time; `ends` are a transfer's owner and peer.
fn owned(n: usize, all: &[Transfer], ends: impl Fn(&Transfer) -> (u32, u32)) -> (Lists, Vec<Step>) {
    let lists = Lists::of_owners(n, all.iter().map(|t| ends(t).0));
    let steps = in_turn(&lists, all, ends);
    (lists, steps)
}

/// The steps in the order of the lists, each with how far its peer had come by then.
fn in_turn(lists: &Lists, all: &[Transfer], ends: impl Fn(&Transfer) -> (u32, u32)) -> Vec<Step> {
    let mut placed = vec![Step { peer: 0, turn: 0, at: 0, value: 0.0 }; all.len()];
    let mut next: Vec<u32> =
        (0..lists.len() as u32).map(|address| lists.range(address).start as u32).collect();
    for transfer in all {
        let (owner, peer) = ends(transfer);
        let place = next[owner as usize] as usize;
        next[owner as usize] += 1;
        placed[place] = Step { peer, turn: next[peer as usize], at: transfer.at, value: transfer.value };
    }
    placed
}
