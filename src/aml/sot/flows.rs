//! The money flows of a request: one row per directed pair, or one per transfer, which are then summed up by pair.
//!
//! In: the objects of the list as they stream by. Out: one [`MoneyFlow`] per pair, in the order of the pairs, whatever the
//! order of the request.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime};
use serde::de::MapAccess;

use super::batch::{BatchId, MoneyFlow};
use super::cell::{Cell, Check};
use super::json::{By, Cells, Ignore, Json, Name};
use super::request::{Loc, Scope};
use super::rows::Rows;
use super::schema::{ColumnSpec, Presence, Record, Slot};

/// Flows and transfers read so far.
#[derive(Default)]
pub(super) struct FlowRows {
    pairs: BTreeMap<(String, String), (usize, MoneyFlow)>,
    sums: BTreeMap<(String, String), PairSum>,
}

impl Rows for FlowRows {
    type Out = Vec<MoneyFlow>;

    fn row<'de, A: MapAccess<'de>>(
        &mut self,
        i: usize,
        mut fields: A,
        scope: &mut Scope<'_>,
    ) -> Result<(), A::Error> {
        let mut flow = <MoneyFlow as Record>::Slots::default();
        let mut payment = PaymentSlots::default();
        let place = |name: &str| MoneyFlow::place(name).ok_or_else(|| PaymentSlots::field(name));
        while let Some(place) = fields.next_key_seed(Name(place))? {
            match place {
                Ok(place) => MoneyFlow::read_slot(&mut flow, place, &mut fields, scope)?,
                Err(Some(field)) => payment.read(field, &mut fields, scope)?,
                Err(None) => fields.next_value_seed(By(Ignore))?,
            }
        }
        if payment.is_one() {
            if let Some((pair, payment)) = payment.settle(scope) {
                self.sums.entry(pair).or_default().add(&payment);
            }
        } else if let Some(flow) = MoneyFlow::settle(flow, scope) {
            self.flow(i, flow, scope);
        }
        Ok(())
    }

    fn finish(self, _n_rows: usize, _scope: &mut Scope<'_>) -> Vec<MoneyFlow> {
        let mut flows: Vec<MoneyFlow> = self.pairs.into_values().map(|(_, flow)| flow).collect();
        flows.extend(self.sums.iter().map(|(pair, sum)| sum.flow(pair, &self.sums)));
        flows.sort_by(|a, b| (&a.from_address, &a.to_address).cmp(&(&b.from_address, &b.to_address)));
        flows
    }
}

impl FlowRows {
    fn flow(&mut self, i: usize, flow: MoneyFlow, scope: &mut Scope<'_>) {
        let pair = (flow.from_address.clone(), flow.to_address.clone());
        match self.pairs.get(&pair) {
            Some((first, _)) => scope.repeated([Loc::Key("to_address".into())], "money_flows", *first),
            None => _ = self.pairs.insert(pair, (i, flow)),
        }
    }
}

/// One transfer of the older shape.
struct Payment {
    amount_usd: f64,
    timestamp: Option<i64>,
    asset: String,
}

/// The fields of a transfer as they were found.
#[derive(Default)]
struct PaymentSlots {
    from: Slot<String>,
    to: Slot<String>,
    amount_usd: Slot<f64>,
    asset: Slot<String>,
    /// Outside: whether it is there; inside: whether it is a time.
    timestamp: Option<Option<i64>>,
}

#[derive(Clone, Copy)]
enum PaymentField {
    From,
    To,
    Amount,
    Asset,
    Timestamp,
}

impl PaymentSlots {
    fn field(name: &str) -> Option<PaymentField> {
        Some(match name {
            "source_address" => PaymentField::From,
            "dest_address" => PaymentField::To,
            "amount_usd" => PaymentField::Amount,
            "asset" => PaymentField::Asset,
            "timestamp" => PaymentField::Timestamp,
            _ => return None,
        })
    }

    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        field: PaymentField,
        fields: &mut A,
        scope: &mut Scope<'_>,
    ) -> Result<(), A::Error> {
        match field {
            PaymentField::From => self.from = Slot::read(fields, scope)?,
            PaymentField::To => self.to = Slot::read(fields, scope)?,
            PaymentField::Amount => self.amount_usd = Slot::read(fields, scope)?,
            PaymentField::Asset => self.asset = Slot::read(fields, scope)?,
            PaymentField::Timestamp => {
                self.timestamp = fields.next_value_seed(By(Cells(|json: Json<'_>| match json {
                    Json::Null => None,
                    json => Some(milliseconds(json)),
                })))?;
            }
        }
        Ok(())
    }

    /// Whether the row has a field that only transfers have.
    fn is_one(&self) -> bool {
        !matches!((&self.from, &self.to), (Slot::Absent, Slot::Absent))
    }

    fn settle(self, scope: &mut Scope<'_>) -> Option<((String, String), Payment)> {
        let [from, to, amount, asset] = PAYMENT_COLUMNS;
        let from = scope.field(self.from, from, None);
        let to = scope.field(self.to, to, None);
        let amount = scope.field(self.amount_usd, amount, None);
        let asset = scope.field(self.asset, asset, Some(|_: &BatchId| String::new()));
        let timestamp = match self.timestamp {
            Some(None) => scope.fault_at("timestamp", "Input should be a valid datetime", "datetime_parsing"),
            time => Some(time.flatten()),
        };
        Some(((from?, to?), Payment { amount_usd: amount?, timestamp: timestamp?, asset: asset? }))
    }
}

/// What a transfer of the older shape holds beside its `timestamp`.
pub(super) const PAYMENT_COLUMNS: &[ColumnSpec; 4] = &[
    payment_column::<String>("source_address", Check::NotEmpty, Presence::Required),
    payment_column::<String>("dest_address", Check::NotEmpty, Presence::Required),
    payment_column::<f64>("amount_usd", Check::Amount, Presence::Required),
    payment_column::<String>("asset", Check::Any, Presence::Optional),
];

const fn payment_column<T: Cell>(name: &'static str, check: Check, presence: Presence) -> ColumnSpec {
    ColumnSpec { name, read_as: &[], kind: T::KIND, check, presence, schema: T::schema }
}

/// Milliseconds since 1970, or a date with time in ISO 8601; UTC where no zone is given.
pub(super) fn milliseconds(value: Json<'_>) -> Option<i64> {
    let text = match value {
        Json::Text(text) => text.trim(),
        value => return <i64 as Cell>::from_json(value).ok().flatten(),
    };
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(|t| t.timestamp_millis());
    let plain = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok();
    let spaced = || NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok();
    zoned
        .or_else(|| plain().or_else(spaced).map(|t| t.and_utc().timestamp_millis()))
        .or_else(|| text.parse().ok())
}

/// Payments of one directed pair.
#[derive(Default)]
struct PairSum {
    count: u64,
    amounts: Vec<f64>,
    times: Option<(i64, i64)>,
    assets: BTreeMap<String, f64>,
    hours: Vec<u64>,
    weekdays: Vec<u64>,
}

impl PairSum {
    fn add(&mut self, payment: &Payment) {
        self.count += 1;
        self.amounts.push(payment.amount_usd);
        let largest = self.assets.entry(payment.asset.clone()).or_insert(0.0);
        *largest = largest.max(payment.amount_usd);
        let Some(time) = payment.timestamp else { return };
        let (first, last) = self.times.unwrap_or((time, time));
        self.times = Some((first.min(time), last.max(time)));
        self.hours.resize(24, 0);
        self.weekdays.resize(7, 0);
        self.hours[(time.div_euclid(HOUR_MS)).rem_euclid(24) as usize] += 1;
        // 1970-01-01 was a Thursday
        self.weekdays[(time.div_euclid(DAY_MS) + 3).rem_euclid(7) as usize] += 1;
    }

    /// Smallest first, so that the order of the request does not matter.
    fn usd(&self) -> f64 {
        let mut amounts = self.amounts.clone();
        amounts.sort_by(f64::total_cmp);
        amounts.iter().fold(0.0, |sum, amount| sum + amount)
    }

    fn flow(&self, (from, to): &(String, String), all: &BTreeMap<(String, String), PairSum>) -> MoneyFlow {
        let back = all.get(&(to.clone(), from.clone())).map_or(0.0, PairSum::usd);
        let usd = self.usd();
        let (first, last) = self.times.unwrap_or_default();
        let larger = back.max(usd);
        // ties go to the first symbol in alphabetical order
        let dominant =
            self.assets.iter().fold(None, |best: Option<(&String, f64)>, (asset, &amount)| match best {
                Some((_, most)) if amount <= most => best,
                _ => Some((asset, amount)),
            });
        MoneyFlow {
            from_address: from.clone(),
            to_address: to.clone(),
            tx_count: self.count,
            amount_sum: f64::NAN,
            amount_usd_sum: usd,
            first_seen_timestamp: first,
            last_seen_timestamp: last,
            active_days: u64::try_from(last.saturating_sub(first) / DAY_MS).unwrap_or(0).max(1),
            avg_tx_size_usd: usd / self.count as f64,
            unique_assets: self.assets.len() as u64,
            dominant_asset: dominant.map(|(asset, _)| asset.clone()).unwrap_or_default(),
            hourly_pattern: self.hours.clone(),
            weekly_pattern: self.weekdays.clone(),
            reciprocity_ratio: if larger > 0.0 { back.min(usd) / larger } else { 0.0 },
            is_bidirectional: all.contains_key(&(to.clone(), from.clone())),
        }
    }
}

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
