//! Transfers as steps between numbered addresses: in time order, and by sender and recipient.

use std::ops::Deref;

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

/// What searches along and against time read of a ledger: made for them, for it is as large.
pub(super) struct Trails<'l> {
    ledger: &'l Ledger,
    /// Steps by sender.
    hops: Vec<Hop>,
    /// Steps by recipient.
    arrivals: Vec<Arrival>,
}

impl Deref for Trails<'_> {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        self.ledger
    }
}

/// A step among those of its sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hop {
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// As the step's.
    pub(super) value: f64,
    /// Recipient.
    pub(super) to: u32,
    /// The step's position in time.
    pub(super) id: u32,
    /// Where the recipient's own hops after this one begin ...
    next: u32,
    /// ... and end.
    end: u32,
}

/// A step among those of its recipient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// Sender.
    pub(super) from: u32,
    /// Where the sender's own arrivals before this one end.
    end: u32,
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
        let step = |(t, [from, to]): (&Entry, [u32; 2])| {
            let value = finite(if priced { t.usd } else { t.amount });
            (from, Step { peer: to, at: t.at, value })
        };
        let steps: Vec<(u32, Step)> = kept().map(step).collect();
        let typed = kept().map(|(t, _)| t.typed()).collect();
        // what takes its place is as large
        drop(transfers);
        let ((sent, sent_steps), (received, received_steps)) = par::join(
            || owned(addresses.len(), &steps, |&(from, step)| (from, step)),
            || owned(addresses.len(), &steps, |&(from, step)| (step.peer, Step { peer: from, ..step })),
        );
        Ledger { sent, received, sent_steps, received_steps, typed }
    }

    /// What searches read.
    pub(super) fn trails(&self) -> Trails<'_> {
        let (hops, arrivals) = par::join(|| hops(self), || arrivals(self));
        Trails { ledger: self, hops, arrivals }
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
}

impl Trails<'_> {
    /// What a hop's recipient sent after it, in time order, and where the first of them stands among all hops.
    pub(super) fn onward(&self, hop: &Hop) -> (u32, &[Hop]) {
        (hop.next, &self.hops[hop.next as usize..hop.end as usize])
    }

    /// What a hop's recipient sent at the same time or later, in time order.
    pub(super) fn since(&self, hop: &Hop) -> &[Hop] {
        let own = self.sent.range(hop.to).start;
        let later = hop.next as usize;
        let tied = self.hops[own..later].iter().rev().take_while(|other| other.at >= hop.at).count();
        &self.hops[later - tied..hop.end as usize]
    }

    /// What an arrival's sender received at the same time or before, in time order.
    pub(super) fn until(&self, arrival: &Arrival) -> &[Arrival] {
        let own = self.received.range(arrival.from);
        let before = arrival.end as usize;
        let tied = self.arrivals[before..own.end].iter().take_while(|other| other.at <= arrival.at).count();
        &self.arrivals[own.start..before + tied]
    }

    /// Hops out of an address, in time order.
    pub(super) fn hops_of(&self, address: u32) -> &[Hop] {
        &self.hops[self.sent.range(address)]
    }

    /// The hop out of an address that stands at a position in time.
    pub(super) fn hop_of(&self, address: u32, id: u32) -> Option<&Hop> {
        let hops = self.hops_of(address);
        hops.binary_search_by_key(&id, |hop| hop.id).ok().map(|at| &hops[at])
    }

    /// Arrivals at an address, in time order.
    pub(super) fn arrivals_of(&self, address: u32) -> &[Arrival] {
        &self.arrivals[self.received.range(address)]
    }
}

/// The steps of one owner behind those of the other, and where they stand in time; `side` says whose a step is.
fn owned<S>(n: usize, steps: &[S], side: impl Fn(&S) -> (u32, Step)) -> (Lists, Vec<Step>) {
    let lists = Lists::of_owners(n, steps.iter().map(|step| side(step).0));
    let in_order = lists.items().iter().map(|&id| side(&steps[id as usize]).1).collect();
    (lists, in_order)
}

/// The steps one recipient's behind the other, each with what its sender had received before it.
fn arrivals(ledger: &Ledger) -> Vec<Arrival> {
    let received = &ledger.received;
    let arrival =
        |step: &Step| Arrival { at: step.at, from: step.peer, end: received.range(step.peer).start as u32 };
    let mut arrivals: Vec<Arrival> = ledger.received_steps.iter().map(arrival).collect();
    let mut count = vec![0_u32; received.len()];
    for (place, to) in in_time(received) {
        let from = ledger.received_steps[place as usize].peer;
        count[to as usize] += 1;
        // an address is no sender to itself
        arrivals[place as usize].end += count[from as usize];
    }
    arrivals
}

/// The steps one sender's behind the other, each with what its recipient sent after it.
fn hops(ledger: &Ledger) -> Vec<Hop> {
    let sent = &ledger.sent;
    let hop = |(step, &id): (&Step, &u32)| {
        let Step { peer: to, at, value } = *step;
        let own = sent.range(to);
        Hop { at, value, to, id, next: own.start as u32, end: own.end as u32 }
    };
    let mut hops: Vec<Hop> = ledger.sent_steps.iter().zip(sent.items()).map(hop).collect();
    // how many its recipient has sent by then, and how many its sender
    let mut count = vec![0_u32; sent.len()];
    for (place, from) in in_time(sent) {
        let to = ledger.sent_steps[place as usize].peer;
        count[from as usize] += 1;
        hops[place as usize].next += count[to as usize];
    }
    hops
}

/// Where steps stand in lists of them and whose they are, first to last in time.
fn in_time(lists: &Lists) -> Vec<(u32, u32)> {
    let mut places = vec![(0, 0); lists.items().len()];
    let owners = (0..lists.len() as u32).flat_map(|a| lists.range(a).map(move |place| (place as u32, a)));
    owners.zip(lists.items()).for_each(|(place, &id)| places[id as usize] = place);
    places
}
