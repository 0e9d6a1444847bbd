//! What a feature may look at. A view holds references to the rows keyed to one address, one alert or one cluster and to
//! nothing else, so a feature cannot read other alerts nor statistics over the request.
//!
//! [`Index`] is made once per matrix and holds only what its rows read: the flows that touch one of their addresses, the
//! clusters that name one of their alerts. One alert within the tables of a whole batch costs two comparisons a flow. A
//! view is a few lookups in it. Flow rows of an address are put in the order of (counterparty, first seen, amount), so sums
//! over them do not depend on the order of rows in a file.

use std::cmp::Ordering;
use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate};

use super::Rows;
use super::evidence::Evidence;
use super::{address, change, graph, temporal};
use crate::aml::sot::{AddressFeatures, Alert, Batch, Cluster, MoneyFlow};

/// Finds the rows of a batch that belong to an address or an alert.
pub struct Index<'a> {
    batch: &'a Batch,
    columns: Vec<Option<&'a [f64]>>,
    times: [Option<&'a [f64]>; 2],
    addresses: Names<'a>,
    inward: Vec<Vec<&'a MoneyFlow>>,
    outward: Vec<Vec<&'a MoneyFlow>>,
    alerts: Names<'a>,
    clusters: Vec<Vec<&'a Cluster>>,
}

impl<'a> Index<'a> {
    /// Goes through the flows and clusters of the batch once, and keeps those that its alerts (or clusters) read.
    pub fn new(batch: &'a Batch, rows: Rows) -> Self {
        let table = batch.features.as_ref();
        let columns = columns_of(table);
        let times = [temporal::FIRST, temporal::LAST].map(|name| table.and_then(|t| t.column(name)));
        let (addresses, alerts) = wanted(batch, rows);
        let [inward, outward] = flows(batch, &addresses);
        let clusters = clusters(batch, &alerts);
        Index { batch, columns, times, addresses, inward, outward, alerts, clusters }
    }

    /// What is known of an alert.
    pub fn alert(&self, alert: &'a Alert) -> AlertView<'_> {
        let clusters = self.batch.clusters.as_ref().map(|_| {
            let place = self.alerts.place(&alert.alert_id);
            place.map_or([].as_slice(), |place| &self.clusters[place])
        });
        let window = Window { date: alert.processing_date, days: alert.window_days };
        let evidence = Evidence::read(&alert.evidence_json);
        AlertView { alert, evidence, address: self.address(&alert.address, window), clusters }
    }

    /// What is known of a cluster and its addresses, these in alphabetic order, each once.
    pub fn cluster(&self, cluster: &'a Cluster) -> ClusterView<'_> {
        let window = Window { date: cluster.processing_date, days: cluster.window_days };
        let names = Names::of(members(cluster).collect());
        let members = names.0.into_iter().map(|name| self.address(name, window)).collect();
        ClusterView { cluster, members }
    }

    fn address(&self, address: &str, window: Window) -> AddressView<'_> {
        let row = self.batch.features.as_ref().and_then(|t| t.addresses.get(address)).map(|r| r as usize);
        let flows = self.batch.money_flows.as_ref().map(|_| match self.addresses.place(address) {
            Some(place) => Flows { inward: &self.inward[place], outward: &self.outward[place] },
            None => Flows { inward: &[], outward: &[] },
        });
        let times = self.times.map(|column| match (column, row) {
            (Some(values), Some(row)) if values[row] > 0.0 => values[row],
            _ => f64::NAN,
        });
        AddressView { columns: &self.columns, row, times, flows, window }
    }
}

/// The columns that features read, at the places by which they ask for them; the first of a name counts.
fn columns_of(table: Option<&AddressFeatures>) -> Vec<Option<&[f64]>> {
    static PLACES: LazyLock<Vec<(&str, usize)>> = LazyLock::new(|| {
        let names = address::names().chain(change::names()).chain(graph::names());
        let mut places: Vec<(&str, usize)> = names.zip(0..).collect();
        places.sort_unstable();
        places
    });
    let mut columns = vec![None; PLACES.len()];
    for column in table.iter().flat_map(|table| &table.columns) {
        if let Ok(at) = PLACES.binary_search_by_key(&column.name.as_str(), |(name, _)| name) {
            columns[PLACES[at].1].get_or_insert(column.values.as_slice());
        }
    }
    columns
}

/// Names in alphabetic order, each once; a name's place is found by halving.
struct Names<'a>(Vec<&'a str>);

impl<'a> Names<'a> {
    fn of(mut names: Vec<&'a str>) -> Self {
        names.sort_unstable();
        names.dedup();
        Names(names)
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.0.binary_search(&name).ok()
    }

    /// One empty list for each name.
    fn lists<T>(&self) -> Vec<Vec<T>> {
        self.0.iter().map(|_| vec![]).collect()
    }
}

/// The addresses whose flows, and the alerts whose clusters, the rows read.
fn wanted(batch: &Batch, rows: Rows) -> (Names<'_>, Names<'_>) {
    match rows {
        Rows::Alerts => {
            let alerts = batch.alerts.as_deref().unwrap_or_default();
            let addresses = alerts.iter().map(|alert| alert.address.as_str()).collect();
            let ids =
                alerts.iter().map(|alert| alert.alert_id.as_str()).filter(|id| !id.is_empty()).collect();
            (Names::of(addresses), Names::of(ids))
        }
        Rows::Clusters => {
            let addresses = batch.clusters.iter().flatten().flat_map(members).collect();
            (Names::of(addresses), Names::of(vec![]))
        }
    }
}

/// A cluster's addresses: those it lists or, where it lists none, its primary one.
fn members(cluster: &Cluster) -> impl Iterator<Item = &str> {
    let primary = cluster.addresses_involved.is_empty() && !cluster.primary_address.is_empty();
    let listed = cluster.addresses_involved.iter().map(String::as_str);
    listed.chain(primary.then_some(cluster.primary_address.as_str()))
}

/// The flows into and out of each address, in an order that the rows of the table cannot change.
fn flows<'a>(batch: &'a Batch, addresses: &Names<'_>) -> [Vec<Vec<&'a MoneyFlow>>; 2] {
    let (mut inward, mut outward) = (addresses.lists(), addresses.lists());
    for flow in batch.money_flows.iter().flatten() {
        let (from, to) = (addresses.place(&flow.from_address), addresses.place(&flow.to_address));
        // money to oneself goes nowhere
        if from != to {
            from.into_iter().for_each(|place| outward[place].push(flow));
            to.into_iter().for_each(|place| inward[place].push(flow));
        }
    }
    inward.iter_mut().for_each(|list| list.sort_by(|a, b| in_order(a, b, |f| &f.from_address)));
    outward.iter_mut().for_each(|list| list.sort_by(|a, b| in_order(a, b, |f| &f.to_address)));
    [inward, outward]
}

fn in_order(a: &MoneyFlow, b: &MoneyFlow, counterparty: impl Fn(&MoneyFlow) -> &str) -> Ordering {
    let times = |f: &MoneyFlow| (f.first_seen_timestamp, f.last_seen_timestamp, f.tx_count);
    let amount = a.amount_usd_sum.total_cmp(&b.amount_usd_sum);
    counterparty(a).cmp(counterparty(b)).then_with(|| times(a).cmp(&times(b))).then(amount)
}

/// The clusters that name each alert, in the order of their ids, each once.
fn clusters<'a>(batch: &'a Batch, alerts: &Names<'_>) -> Vec<Vec<&'a Cluster>> {
    let mut lists: Vec<Vec<&Cluster>> = alerts.lists();
    for cluster in batch.clusters.iter().flatten() {
        let named = cluster.related_alert_ids.iter().chain([&cluster.primary_alert_id]);
        let mut places: Vec<_> = named.filter_map(|id| alerts.place(id)).collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().for_each(|place| lists[place].push(cluster));
    }
    lists.iter_mut().for_each(|list| list.sort_by(|a, b| a.cluster_id.cmp(&b.cluster_id)));
    lists
}

/// The half-open window that a row speaks of, ending before `date`.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The day the window ends before.
    pub date: NaiveDate,
    /// Its length in days.
    pub days: u32,
}

impl Window {
    /// Its end, milliseconds since 1970 UTC.
    pub fn end_ms(self) -> f64 {
        self.date.signed_duration_since(NaiveDate::default()).num_days() as f64 * DAY_MS
    }

    /// Its length in milliseconds; NaN for a window of no days.
    pub fn length_ms(self) -> f64 {
        if self.days == 0 { f64::NAN } else { f64::from(self.days) * DAY_MS }
    }

    /// 0 for Monday to 6 for Sunday.
    pub fn weekday(self) -> f64 {
        f64::from(self.date.weekday().num_days_from_monday())
    }
}

/// Flow rows keyed to one address, self-loops left out.
#[derive(Clone, Copy, Debug)]
pub struct Flows<'a> {
    /// Money that came.
    pub inward: &'a [&'a MoneyFlow],
    /// Money that went.
    pub outward: &'a [&'a MoneyFlow],
}

/// What is known of an address: its feature row and its flow rows.
pub struct AddressView<'a> {
    columns: &'a [Option<&'a [f64]>],
    row: Option<usize>,
    times: [f64; 2],
    /// `None` where the batch has no flows table.
    pub flows: Option<Flows<'a>>,
    /// The window of whoever asks.
    pub window: Window,
}

impl AddressView<'_> {
    /// A column of the address's feature row, by its place among the columns that features read; NaN where absent.
    pub fn column(&self, place: usize) -> f64 {
        match (self.row, self.columns[place]) {
            (Some(row), Some(values)) => values[row],
            _ => f64::NAN,
        }
    }

    /// First activity, milliseconds since 1970 UTC; NaN where unknown.
    pub fn first_ms(&self) -> f64 {
        let seen = self.all_flows().map(|f| f.first_seen_timestamp as f64);
        if self.times[0].is_nan() { seen.fold(f64::NAN, f64::min) } else { self.times[0] }
    }

    /// Last activity, milliseconds since 1970 UTC; NaN where unknown.
    pub fn last_ms(&self) -> f64 {
        let seen = self.all_flows().map(|f| f.last_seen_timestamp as f64);
        if self.times[1].is_nan() { seen.fold(f64::NAN, f64::max) } else { self.times[1] }
    }

    fn all_flows(&self) -> impl Iterator<Item = &MoneyFlow> {
        self.flows.into_iter().flat_map(|f| f.inward.iter().chain(f.outward)).copied()
    }
}

/// What is known of an alert: its own row, its address, the clusters that name it.
pub struct AlertView<'a> {
    /// Its own row.
    pub alert: &'a Alert,
    /// Numbers in its evidence.
    pub evidence: Evidence,
    /// Its address.
    pub address: AddressView<'a>,
    /// In the order of their ids; `None` where the batch has no clusters table.
    pub clusters: Option<&'a [&'a Cluster]>,
}

/// What is known of a cluster: its own row and its addresses.
pub struct ClusterView<'a> {
    /// Its own row.
    pub cluster: &'a Cluster,
    /// Its addresses, in alphabetic order.
    pub members: Vec<AddressView<'a>>,
}

/// Milliseconds of a day.
pub const DAY_MS: f64 = 86_400_000.0;
