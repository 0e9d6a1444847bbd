//! Planted laundering and its innocent look-alikes: every shape is run with either intent.
//!
//! Scheme `number` of an intent is a pure function of (seed, number, intent); numbers count window lengths since 1970
//! in steps of one scheme, so which schemes exist on a day does not depend on the days for which batches are cut.

use std::collections::{BTreeMap, BTreeSet};

use crate::determinism::rng::Stream;

use super::calendar::{self, DAY_MS};
use super::draw::Draw;
use super::economy::Economy;
use super::ledger::{Ledger, Payment};
use super::manner::{Intent, Manner};
use super::plot::{Plot, intent_name};
use super::repertoire::Repertoire;
use super::shape::Shape;

/// One scheme as it was carried out.
#[derive(Clone, Debug)]
pub(super) struct Scheme {
    pub(super) instance: String,
    pub(super) shape: Shape,
    pub(super) intent: Intent,
    /// Address -> role and distance in hops from the source.
    pub(super) members: BTreeMap<u32, (&'static str, i64)>,
    /// The payments that make the shape, in the order in which they were decided.
    pub(super) hops: Vec<Payment>,
    /// Everything else its members did because of it: funding, cashing out, everyday cover.
    pub(super) cover: Vec<Payment>,
}
/// How often schemes begin, of which shapes, and how wallets are shared out among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Season<'a> {
    pub(super) window_ms: i64,
    pub(super) patterns: i64,
    pub(super) shapes: &'a Repertoire,
}

impl Season<'_> {
    /// The schemes that may still be running after `from` and begin before `to`.
    pub(super) fn numbers(self, from: i64, to: i64) -> std::ops::Range<i64> {
        if self.patterns == 0 {
            return 0..0;
        }
        let number = |at: i64| {
            (i128::from(at) * i128::from(self.patterns)).div_euclid(i128::from(self.window_ms)) as i64
        };
        number(from - LONGEST_DAYS * DAY_MS) - 1..number(to + EARLIEST_DAYS * DAY_MS) + 1
    }

    fn start(self, number: i64, draw: &mut Draw) -> i64 {
        let step = self.window_ms as f64 / self.patterns as f64;
        ((number as f64 + draw.unit()) * step) as i64
    }

    /// Schemes of both intents within the time that any of them can last, twice over.
    fn shares(self) -> u64 {
        let schemes = 4 * LONGEST_DAYS * DAY_MS * self.patterns / self.window_ms;
        (schemes as u64).max(2 * self.patterns as u64) + 2
    }
}

/// Carries out scheme `number`.
pub(super) fn carry_out(
    economy: &Economy,
    ledger: &mut Ledger,
    season: Season<'_>,
    stream: Stream,
    number: i64,
    intent: Intent,
) -> Scheme {
    let mut draw = Draw::new(stream.round(intent as u64).round(number as u64));
    let shape = season.shapes.draw(&mut draw);
    let manner = Manner::of(&mut draw, intent);
    let start = season.start(number, &mut draw);
    let shares = season.shares();
    let share = (2 * number + intent as i64).rem_euclid(shares as i64) as u64;
    let slots = (0..economy.slots()).skip(share as usize).step_by(shares as usize).collect();
    let zone = calendar::time_zone(&mut draw);
    let coin = draw.weighted(&[4.0, 3.0, 1.6, 0.8]) as u8;
    let scheme = Scheme {
        instance: economy.names.instance(intent_name(intent), number),
        shape,
        intent,
        members: BTreeMap::new(),
        hops: Vec::new(),
        cover: Vec::new(),
    };
    let recruited = BTreeSet::new();
    let mut plot = Plot {
        economy,
        ledger,
        draw,
        manner,
        number,
        start,
        zone,
        coin,
        opened: 0,
        slots,
        recruited,
        scheme,
    };
    plot.carry_out();
    let end = start + LONGEST_DAYS * DAY_MS;
    plot.scheme.hops.retain(|payment| payment.at < end);
    plot.scheme.cover.retain(|payment| payment.at < end);
    plot.scheme
}

/// No scheme lasts longer than this many days.
pub(super) const LONGEST_DAYS: i64 = 90;
/// No member's cover begins earlier than this many days before its scheme.
const EARLIEST_DAYS: i64 = 27;
