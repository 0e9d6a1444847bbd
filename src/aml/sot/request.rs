//! The body of a request, `BatchData`, to a [`Batch`]; or every fault of it at once, in pydantic's words.
//!
//! `{"alerts": [...], "features": [{"address": ..., any columns}], "clusters": [...], "money_flows": [...] | null}`.
//! Numbers may come as text. Money flows come one per directed pair, or one per transfer (`source_address`,
//! `dest_address`, `amount_usd` ...), which are then summed up by pair. Unknown fields are ignored.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime};
use serde::Serialize;
use serde_json::{Map, Value};

use super::batch::{Alert, Batch, BatchId, Cluster, MoneyFlow};
use super::cell::{Cell, Check, JsonFault};
use super::features::{self, Growing, Holds, is_key_column};
use super::schema::{ADDRESS, ColumnSpec, Presence, Record};
use crate::determinism::intern::Interner;
use crate::table::csv::is_missing;

/// The most alerts of one request.
pub const MAX_ALERTS: usize = 100_000;
/// The most feature rows of one request.
pub const MAX_FEATURES: usize = 500_000;
/// The most clusters of one request.
pub const MAX_CLUSTERS: usize = 100_000;
/// The most money flows of one request.
pub const MAX_MONEY_FLOWS: usize = 1_000_000;
/// The most cells of the feature table: rows times distinct columns.
pub const MAX_FEATURE_CELLS: usize = 50_000_000;
/// The most memory that a body may take once its text is unfolded, by [`unfolded`]'s estimate: braces and commas cost their
/// sender a byte and the reader many times that.
pub const MAX_UNFOLDED_BYTES: usize = 512 << 20;
/// The most faults that are told; a request with more is told so.
pub const MAX_REQUEST_FAULTS: usize = 1_000;

/// Why a body is no batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestFaults {
    /// Not JSON at all.
    #[error("not JSON: {reason}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// The parser's words, with line and column.
        reason: String,
    },
    /// JSON that is not a batch.
    #[error("{} faults, the first: {}", faults.len(), faults.first().map_or("none", |f| f.msg.as_str()))]
    Invalid {
        /// Every fault, up to [`MAX_REQUEST_FAULTS`]; at least one.
        faults: Vec<RequestFault>,
    },
}

/// One fault of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestFault {
    /// Where: `["body", "alerts", 3, "volume_usd"]`.
    pub loc: Vec<Loc>,
    /// What is wrong, in words.
    pub msg: String,
    /// What is wrong, as a token: `missing`, `float_parsing` ...
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// A step of a fault's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Loc {
    /// A field.
    Key(String),
    /// A position in a list.
    Index(usize),
}

impl Batch {
    /// Reads the body of a scoring request.
    ///
    /// The batch's date and window are those of the first alert (or cluster); its network is empty.
    ///
    /// # Errors
    /// When the body is not JSON, or with all faults of one that is.
    pub fn from_json(body: &[u8]) -> Result<Batch, RequestFaults> {
        let weight = unfolded(body);
        if weight > MAX_UNFOLDED_BYTES {
            let most = MAX_UNFOLDED_BYTES >> 20;
            let msg =
                format!("Body should unfold to at most {most} MiB, not {}; send it in parts", weight >> 20);
            let loc = vec![Loc::Key("body".into())];
            return Err(RequestFaults::Invalid { faults: vec![RequestFault { loc, msg, kind: "too_long" }] });
        }
        let value: Value = serde_json::from_slice(body).map_err(|e| RequestFaults::NotJson {
            line: e.line(),
            column: e.column(),
            reason: e.to_string(),
        })?;
        let id = BatchId::default();
        let mut scope = Scope { loc: vec![Loc::Key("body".into())], faults: vec![], id: &id };
        let batch = match &value {
            Value::Object(object) => body_of(object, &mut scope),
            _ => {
                scope.fault("Input should be a valid dictionary", "dict_type");
                Batch::default()
            }
        };
        match scope.faults {
            faults if faults.is_empty() => Ok(batch),
            faults => Err(RequestFaults::Invalid { faults }),
        }
    }
}

/// About how many bytes the values of a JSON text take in memory, texts aside: a node of the map for each object, a value
/// for each comma and bracket. Right for JSON; for anything else the parser has the last word.
fn unfolded(body: &[u8]) -> usize {
    const OBJECT: usize = 640;
    const VALUE: usize = size_of::<Value>();
    let (mut weight, mut in_text, mut escaped) = (0usize, false, false);
    for &byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' => weight = weight.saturating_add(OBJECT),
            b',' | b'[' => weight = weight.saturating_add(VALUE),
            _ => {}
        }
    }
    weight
}

/// Where in the body the reader is, and what it found wrong so far.
pub(super) struct Scope<'a> {
    loc: Vec<Loc>,
    faults: Vec<RequestFault>,
    id: &'a BatchId,
}

impl Scope<'_> {
    /// A field of a row; `None` when a fault was added.
    pub(super) fn field<T: Cell>(
        &mut self,
        object: &Map<String, Value>,
        spec: &ColumnSpec,
        default: Option<fn(&BatchId) -> T>,
    ) -> Option<T> {
        let optional = default.filter(|_| spec.presence == Presence::Optional);
        match (object.get(spec.name), optional) {
            (None | Some(Value::Null), Some(default)) => Some(default(self.id)),
            (None, None) => self.fault_at(spec.name, "Field required", "missing"),
            (Some(value), _) => match checked::<T>(value, spec.check) {
                Ok(cell) => Some(cell),
                Err((msg, kind)) => self.fault_at(spec.name, msg, kind),
            },
        }
    }

    fn fault(&mut self, msg: impl Into<String>, kind: &'static str) {
        if self.faults.len() < MAX_REQUEST_FAULTS {
            self.faults.push(RequestFault { loc: self.loc.clone(), msg: msg.into(), kind });
        }
    }

    fn fault_at<T>(&mut self, field: &str, msg: impl Into<String>, kind: &'static str) -> Option<T> {
        self.within(Loc::Key(field.to_owned()), |scope| scope.fault(msg, kind));
        None
    }

    fn within<T>(&mut self, step: Loc, read: impl FnOnce(&mut Self) -> T) -> T {
        self.loc.push(step);
        let value = read(self);
        self.loc.pop();
        value
    }
}

fn checked<T: Cell>(value: &Value, check: Check) -> Result<T, JsonFault> {
    let cell = T::from_json(value)?.ok_or(("Input should not be null", "none_not_allowed"))?;
    if cell.keeps(check) {
        return Ok(cell);
    }
    Err(match check {
        Check::NotEmpty => ("String should have at least 1 character", "string_too_short"),
        Check::Amount => {
            ("Input should be a finite number, greater than or equal to 0", "greater_than_equal")
        }
        Check::Finite | Check::Any => ("Input should be a finite number", "finite_number"),
    })
}

fn body_of(object: &Map<String, Value>, scope: &mut Scope<'_>) -> Batch {
    let alerts: Vec<Alert> = records(object, "alerts", MAX_ALERTS, scope);
    let clusters: Vec<Cluster> = records(object, "clusters", MAX_CLUSTERS, scope);
    check_unique(alerts.iter().map(|a| a.alert_id.as_str()), "alerts", "alert_id", scope);
    check_unique(clusters.iter().map(|c| c.cluster_id.as_str()), "clusters", "cluster_id", scope);
    let features = list(object, "features", MAX_FEATURES, scope);
    let features = scope.within(Loc::Key("features".into()), |scope| feature_rows(features, scope));
    let flows = match object.get("money_flows") {
        None | Some(Value::Null) => None,
        Some(_) => {
            let flows = list(object, "money_flows", MAX_MONEY_FLOWS, scope);
            Some(scope.within(Loc::Key("money_flows".into()), |scope| money_flows(flows, scope)))
        }
    };
    let from_alert = alerts.first().map(|a| (a.processing_date, a.window_days));
    let from_cluster = || clusters.first().map(|c| (c.processing_date, c.window_days));
    let mut id = BatchId::default();
    if let Some((date, window)) = from_alert.or_else(from_cluster) {
        (id.processing_date, id.window_days) = (date, window);
    }
    let (alerts, clusters) = (Some(alerts), Some(clusters));
    Batch { id, alerts, features: Some(features), clusters, money_flows: flows, ..Batch::default() }
}

/// The items of a list that must be there.
fn list<'a>(object: &'a Map<String, Value>, name: &str, limit: usize, scope: &mut Scope<'_>) -> &'a [Value] {
    match object.get(name) {
        None => scope.fault_at(name, "Field required", "missing").unwrap_or_default(),
        Some(Value::Array(items)) if items.len() > limit => {
            let msg = format!("List should have at most {limit} items after validation, not {}", items.len());
            scope.fault_at(name, msg, "too_long").unwrap_or_default()
        }
        Some(Value::Array(items)) => items,
        Some(_) => scope.fault_at(name, "Input should be a valid list", "list_type").unwrap_or_default(),
    }
}

/// Calls `read` for each item that is an object, with the scope at its place.
fn each_object(
    items: &[Value],
    scope: &mut Scope<'_>,
    mut read: impl FnMut(usize, &Map<String, Value>, &mut Scope<'_>),
) {
    for (i, item) in items.iter().enumerate() {
        scope.within(Loc::Index(i), |scope| match item {
            Value::Object(object) => read(i, object, scope),
            _ => scope.fault("Input should be a valid dictionary", "dict_type"),
        });
    }
}

fn records<R: Record>(
    object: &Map<String, Value>,
    name: &str,
    limit: usize,
    scope: &mut Scope<'_>,
) -> Vec<R> {
    let items = list(object, name, limit, scope);
    let mut rows = Vec::with_capacity(items.len());
    scope.within(Loc::Key(name.to_owned()), |scope| {
        each_object(items, scope, |_, object, scope| rows.extend(R::from_json(object, scope)));
    });
    rows
}

/// Answers are keyed by id, so an id must stand once. Only asked of lists without other faults: positions hold then.
fn check_unique<'a>(ids: impl Iterator<Item = &'a str>, table: &str, field: &str, scope: &mut Scope<'_>) {
    if !scope.faults.is_empty() {
        return;
    }
    let mut seen = Interner::new();
    for (i, id) in ids.enumerate() {
        let place = seen.intern(id) as usize;
        if seen.len() <= i {
            repeated(scope, [Loc::Key(table.into()), Loc::Index(i), Loc::Key(field.into())], table, place);
            return;
        }
    }
}

fn repeated<const N: usize>(scope: &mut Scope<'_>, place: [Loc; N], table: &str, first: usize) {
    let depth = scope.loc.len();
    scope.loc.extend(place);
    scope.fault(format!("Value error, already the key of {table}[{first}]"), "value_error");
    scope.loc.truncate(depth);
}

fn feature_rows(items: &[Value], scope: &mut Scope<'_>) -> super::batch::AddressFeatures {
    let mut growing = Growing::default();
    let mut too_many = false;
    each_object(items, scope, |i, object, scope| {
        let Some(address) = scope.field::<String>(object, &ADDRESS, None) else { return };
        if let Err(first) = growing.row(&address) {
            repeated(scope, [Loc::Key(ADDRESS.name.into())], "features", first);
            return;
        }
        for (name, value) in object.iter().filter(|(name, _)| !is_key_column(name)) {
            match (number(value), features::holds(name)) {
                (Some(number), _) if number.is_finite() => growing.set(name, number),
                (Some(_), _) => _ = scope.fault_at::<()>(name, NOT_FINITE.0, NOT_FINITE.1),
                (None, Holds::Numbers) if !is_absent(value) => {
                    let (msg, kind) = <f64 as Cell>::from_json(value).err().unwrap_or(NOT_FINITE);
                    _ = scope.fault_at::<()>(name, msg, kind);
                }
                (None, _) => {}
            }
        }
        if growing.n_columns() * items.len() > MAX_FEATURE_CELLS && !too_many {
            too_many = true;
            scope.fault(format!("Row {i} brings the table beyond {MAX_FEATURE_CELLS} cells"), "too_long");
        }
    });
    if too_many { super::batch::AddressFeatures::default() } else { growing.finish() }
}

/// A number, a flag, or a number as text; nothing of other kinds, as no model feature reads them.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::String(text) => features::number_in(text),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Null, or a text that says as much.
fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => is_missing(text.trim()),
        _ => false,
    }
}

const NOT_FINITE: JsonFault = ("Input should be a finite number", "finite_number");

fn money_flows(items: &[Value], scope: &mut Scope<'_>) -> Vec<MoneyFlow> {
    let mut pairs: BTreeMap<(String, String), (usize, MoneyFlow)> = BTreeMap::new();
    let mut sums: BTreeMap<(String, String), PairSum> = BTreeMap::new();
    each_object(items, scope, |i, object, scope| {
        if object.contains_key("source_address") || object.contains_key("dest_address") {
            if let Some((pair, payment)) = payment(object, scope) {
                sums.entry(pair).or_default().add(&payment);
            }
        } else if let Some(flow) = MoneyFlow::from_json(object, scope) {
            let pair = (flow.from_address.clone(), flow.to_address.clone());
            match pairs.get(&pair) {
                Some((first, _)) => repeated(scope, [Loc::Key("to_address".into())], "money_flows", *first),
                None => _ = pairs.insert(pair, (i, flow)),
            }
        }
    });
    let mut flows: Vec<MoneyFlow> = pairs.into_values().map(|(_, flow)| flow).collect();
    flows.extend(sums.iter().map(|(pair, sum)| sum.flow(pair, &sums)));
    flows.sort_by(|a, b| (&a.from_address, &a.to_address).cmp(&(&b.from_address, &b.to_address)));
    flows
}

/// One transfer of the older shape.
struct Payment {
    amount_usd: f64,
    timestamp: Option<i64>,
    asset: String,
}

fn payment(object: &Map<String, Value>, scope: &mut Scope<'_>) -> Option<((String, String), Payment)> {
    let spec = |name, check, presence| ColumnSpec { name, read_as: &[], kind: "", check, presence };
    let from = scope.field(object, &spec("source_address", Check::NotEmpty, Presence::Required), None);
    let to = scope.field(object, &spec("dest_address", Check::NotEmpty, Presence::Required), None);
    let amount = scope.field(object, &spec("amount_usd", Check::Amount, Presence::Required), None);
    let asset_spec = spec("asset", Check::Any, Presence::Optional);
    let asset = scope.field(object, &asset_spec, Some(|_: &BatchId| String::new()));
    let timestamp = match object.get("timestamp") {
        None | Some(Value::Null) => Some(None),
        Some(value) => match milliseconds(value) {
            Some(time) => Some(Some(time)),
            None => scope.fault_at("timestamp", "Input should be a valid datetime", "datetime_parsing"),
        },
    };
    Some(((from?, to?), Payment { amount_usd: amount?, timestamp: timestamp?, asset: asset? }))
}

/// Milliseconds since 1970, or a date with time in ISO 8601; UTC where no zone is given.
fn milliseconds(value: &Value) -> Option<i64> {
    let text = match value {
        Value::String(text) => text.trim(),
        _ => return <i64 as Cell>::from_json(value).ok().flatten(),
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
