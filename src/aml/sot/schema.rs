//! The tables of a batch, each described once: columns, types, defaults, checks. Reading Parquet, reading JSON,
//! writing and the documentation all follow from these descriptions.

use chrono::NaiveDate;
use serde::de::MapAccess;
use serde_json::Value;

use super::batch::{
    AddressLabel, Alert, Asset, AssetPrice, BatchId, Cluster, GroundTruth, MoneyFlow, Pattern, Transfer,
};
use super::cell::{Cell, Check, JsonFault};
use super::fault::{BatchFault, Faults};
use super::json::{By, Cells, Json};
use super::request::Scope;
use crate::table::parquet::{Columns, Reader};
use crate::table::{Given, Table, Values};

/// The tables a batch may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableKind {
    /// Raw transfers.
    Transfers,
    /// Labels of addresses.
    AddressLabels,
    /// Assets.
    Assets,
    /// Daily prices.
    AssetPrices,
    /// Planted roles.
    GroundTruth,
    /// Directed pairs.
    MoneyFlows,
    /// One row per address.
    Features,
    /// Pattern detections.
    Patterns,
    /// Alerts.
    Alerts,
    /// Clusters of alerts.
    Clusters,
}

impl TableKind {
    /// Every table, from raw to derived.
    pub const ALL: [TableKind; 10] = [
        TableKind::Transfers,
        TableKind::AddressLabels,
        TableKind::Assets,
        TableKind::AssetPrices,
        TableKind::GroundTruth,
        TableKind::MoneyFlows,
        TableKind::Features,
        TableKind::Patterns,
        TableKind::Alerts,
        TableKind::Clusters,
    ];

    /// The table's name; its file is `{name}.parquet`.
    pub fn name(self) -> &'static str {
        match self {
            TableKind::Transfers => "transfers",
            TableKind::AddressLabels => "address_labels",
            TableKind::Assets => "assets",
            TableKind::AssetPrices => "asset_prices",
            TableKind::GroundTruth => "ground_truth",
            TableKind::MoneyFlows => "money_flows",
            TableKind::Features => "features",
            TableKind::Patterns => "patterns",
            TableKind::Alerts => "alerts",
            TableKind::Clusters => "clusters",
        }
    }

    /// The table's file name.
    pub fn file(self) -> String {
        format!("{}.parquet", self.name())
    }

    /// Its columns; of features only the key, as any other column may come.
    pub fn columns(self) -> &'static [ColumnSpec] {
        match self {
            TableKind::Transfers => Transfer::COLUMNS,
            TableKind::AddressLabels => AddressLabel::COLUMNS,
            TableKind::Assets => Asset::COLUMNS,
            TableKind::AssetPrices => AssetPrice::COLUMNS,
            TableKind::GroundTruth => GroundTruth::COLUMNS,
            TableKind::MoneyFlows => MoneyFlow::COLUMNS,
            TableKind::Features => &[ADDRESS],
            TableKind::Patterns => Pattern::COLUMNS,
            TableKind::Alerts => Alert::COLUMNS,
            TableKind::Clusters => Cluster::COLUMNS,
        }
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSpec {
    /// The name it is written under.
    pub name: &'static str,
    /// Names it is read under, the first that has a value in a row; the plain name where empty.
    pub read_as: &'static [&'static str],
    /// Its type in words.
    pub kind: &'static str,
    /// What may stand in it.
    pub check: Check,
    /// Whether it must be there.
    pub presence: Presence,
    /// JSON Schema of its values in a request's body.
    pub(super) schema: fn(Check) -> Value,
}

/// Whether a column must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Files and request bodies must have it.
    Required,
    /// Request bodies must have it; files may lack it.
    RequiredInBodies,
    /// It has a default.
    Optional,
}

/// The address column, by which feature rows are found.
pub(super) const ADDRESS: ColumnSpec = ColumnSpec {
    name: "address",
    read_as: &[],
    kind: <String as Cell>::KIND,
    check: Check::NotEmpty,
    presence: Presence::Required,
    schema: <String as Cell>::schema,
};

/// A row type whose table is described here.
pub(super) trait Record: Sized {
    /// The table's columns, in file order.
    const COLUMNS: &'static [ColumnSpec];

    /// All rows; `None` when a fault was added.
    fn read(source: &mut Source<'_>) -> Option<Vec<Self>>;

    /// A column of the rows, by its place among [`Record::COLUMNS`].
    fn given(rows: &[Self], place: usize) -> Given<'_>;

    /// The fields of a row of a request's body as they were found.
    type Slots: Default;

    /// The place of a field among [`Record::COLUMNS`].
    fn place(name: &str) -> Option<usize>;

    /// Reads the value of the field at a place; of a repeated field the last counts.
    fn read_slot<'de, A: MapAccess<'de>>(
        slots: &mut Self::Slots,
        place: usize,
        fields: &mut A,
        scope: &mut Scope<'_>,
    ) -> Result<(), A::Error>;

    /// The row; `None` when a fault was added.
    fn settle(slots: Self::Slots, scope: &mut Scope<'_>) -> Option<Self>;
}

/// A field of a row of a request's body.
#[derive(Default)]
pub(super) enum Slot<T> {
    /// Not there.
    #[default]
    Absent,
    /// Null, which is as good as absent where there is a default.
    Null,
    /// Its cell, or why it is none.
    Read(Result<Option<T>, JsonFault>),
}

impl<T: Cell> Slot<T> {
    /// Reads a field's value.
    pub(super) fn read<'de, A: MapAccess<'de>>(
        fields: &mut A,
        scope: &mut Scope<'_>,
    ) -> Result<Self, A::Error> {
        fields.next_value_seed(By(Cells(|json: Json<'_>| match json {
            Json::Null => Slot::Null,
            json if !scope.makes_room(json.n_items()) => Slot::Read(Err(NO_ROOM)),
            json => Slot::Read(T::from_json(json)),
        })))
    }
}

/// Lists of the whole body hold more than [`super::request::MAX_LIST_ITEMS`].
const NO_ROOM: JsonFault = ("Lists inside of rows should have at most 8000000 items together", "too_long");
const _: () = assert!(super::request::MAX_LIST_ITEMS == 8_000_000, "the message names the limit");

/// A default that may depend on the batch.
pub(super) type DefaultOf<T> = fn(&BatchId) -> T;

/// A table on its way to rows.
pub(super) struct Source<'a> {
    pub(super) table: Table,
    /// The table's file, where some of its columns are not in `table` yet.
    pub(super) reader: Option<&'a Reader>,
    pub(super) id: &'a BatchId,
    pub(super) faults: &'a mut Faults,
}

impl Source<'_> {
    /// Decodes columns that are not in the table yet; `None` when a fault was added.
    pub(super) fn load(&mut self, columns: &[&str]) -> Option<()> {
        let Some(reader) = self.reader else { return Some(()) };
        match reader.columns(Columns::Named(columns)) {
            Ok(columns) => self.table.columns.extend(columns),
            Err(fault) => {
                self.faults.add(fault);
                return None;
            }
        }
        Some(())
    }

    /// The cells of a column; `None` when a fault was added.
    pub(super) fn column<T: Cell>(
        &mut self,
        spec: &ColumnSpec,
        default: Option<DefaultOf<T>>,
    ) -> Option<Vec<T>> {
        let plain = [spec.name];
        let names = if spec.read_as.is_empty() { &plain[..] } else { spec.read_as };
        let present: Vec<&str> =
            names.iter().copied().filter(|name| self.table.column(name).is_some()).collect();
        if let [name] = present[..] {
            return self.only_column(name, spec, default);
        }
        let mut cells: Option<Vec<Option<T>>> = None;
        for name in present {
            let next = self.cells::<T>(name, spec)?;
            match &mut cells {
                None => cells = Some(next),
                Some(cells) => fill_blanks(cells, next),
            }
        }
        let file = &self.table.name;
        match (cells, default) {
            (Some(cells), default) => self.settle(spec, cells, default),
            (None, Some(default)) => Some((0..self.table.n_rows).map(|_| default(self.id)).collect()),
            (None, None) => {
                let (file, column) = (file.clone(), spec.name.to_owned());
                self.faults.add(BatchFault::NoColumn { file, column, expected: T::KIND });
                None
            }
        }
    }

    /// The cells of a column that is read under one name: what it holds is never in memory twice.
    fn only_column<T: Cell>(
        &mut self,
        name: &str,
        spec: &ColumnSpec,
        default: Option<DefaultOf<T>>,
    ) -> Option<Vec<T>> {
        self.check_type::<T>(name)?;
        let (file, n_rows) = (&self.table.name, self.table.n_rows);
        let values = self.table.columns.iter_mut().find(|c| c.name == name).map(|c| &mut c.values)?;
        let mut cells = Vec::with_capacity(n_rows);
        for row in 0..n_rows {
            let found = match (T::take(values, row), default) {
                (Ok(Some(cell)), _) if cell.keeps(spec.check) => {
                    cells.push(cell);
                    continue;
                }
                (Ok(None), Some(default)) => {
                    cells.push(default(self.id));
                    continue;
                }
                (Ok(None), None) => "nothing".to_owned(),
                _ => found(values, row),
            };
            let (file, column, expected) = (file.clone(), spec.name.to_owned(), expected::<T>(spec.check));
            self.faults.add(BatchFault::Cell { file, column, row, expected, found });
        }
        // what was taken out leaves an empty place for each row, which nothing reads any more
        *values = values.blank();
        (cells.len() == n_rows).then_some(cells)
    }

    fn check_type<T: Cell>(&mut self, name: &str) -> Option<()> {
        let values = self.table.column(name)?;
        if T::accepts(values) {
            return Some(());
        }
        let (file, column) = (self.table.name.clone(), name.to_owned());
        self.faults.add(BatchFault::Type { file, column, expected: T::KIND, found: values.kind() });
        None
    }

    fn cells<T: Cell>(&mut self, name: &str, spec: &ColumnSpec) -> Option<Vec<Option<T>>> {
        self.check_type::<T>(name)?;
        let (file, n_rows) = (&self.table.name, self.table.n_rows);
        let values = self.table.columns.iter_mut().find(|c| c.name == name).map(|c| &mut c.values)?;
        let mut cells = Vec::with_capacity(n_rows);
        for row in 0..n_rows {
            match T::take(values, row) {
                Ok(Some(cell)) if !cell.keeps(spec.check) => cells.push(Err(())),
                Ok(cell) => cells.push(Ok(cell)),
                Err(()) => cells.push(Err(())),
            }
            if cells.last().is_some_and(Result::is_err) {
                let (file, column) = (file.clone(), name.to_owned());
                let (expected, found) = (expected::<T>(spec.check), found(values, row));
                self.faults.add(BatchFault::Cell { file, column, row, expected, found });
            }
        }
        let cells: Vec<Option<T>> = cells.into_iter().collect::<Result<_, ()>>().ok()?;
        // what was taken out leaves an empty place for each row, which nothing reads any more
        *values = values.blank();
        Some(cells)
    }

    /// Puts defaults in the place of missing values, or faults where there is none.
    fn settle<T: Cell>(
        &mut self,
        spec: &ColumnSpec,
        cells: Vec<Option<T>>,
        default: Option<DefaultOf<T>>,
    ) -> Option<Vec<T>> {
        let mut settled = Vec::with_capacity(cells.len());
        for (row, cell) in cells.into_iter().enumerate() {
            match (cell, default) {
                (Some(cell), _) => settled.push(cell),
                (None, Some(default)) => settled.push(default(self.id)),
                (None, None) => {
                    let (file, column) = (self.table.name.clone(), spec.name.to_owned());
                    let expected = expected::<T>(spec.check);
                    self.faults.add(BatchFault::Cell {
                        file,
                        column,
                        row,
                        expected,
                        found: "nothing".into(),
                    });
                }
            }
        }
        (settled.len() == self.table.n_rows).then_some(settled)
    }
}

pub(super) fn expected<T: Cell>(check: Check) -> &'static str {
    match check {
        Check::Any => T::KIND,
        Check::NotEmpty => "text that is not empty",
        Check::Finite => "a finite number",
        Check::Amount => "a finite number, not negative",
    }
}

/// An empty text was moved out and looks like null by now.
fn found(values: &Values, row: usize) -> String {
    match values.show(row).as_str() {
        "null" => "an empty text".into(),
        shown => shown.to_owned(),
    }
}

fn fill_blanks<T: Cell>(cells: &mut [Option<T>], next: Vec<Option<T>>) {
    for (cell, other) in cells.iter_mut().zip(next) {
        if cell.as_ref().is_none_or(Cell::is_blank) {
            if let Some(other) = other {
                *cell = Some(other);
            }
        }
    }
}

/// Describes a table: `column: type, check, presence[, names it is read under];`, in file order, one for each field of
/// the row. Presence is `required`, `or(default)`, or `file_or(default)` where only request bodies must have it.
macro_rules! record {
    ($row:ident { $($field:ident: $type:ty, $check:ident, $presence:ident $(($default:expr))? $(, [$($name:literal),*])?;)* }) => {
        const _: () = {
        /// The fields of a row as they were found.
        #[derive(Default)]
        pub(super) struct Slots {
            $($field: Slot<$type>,)*
        }

        impl Record for $row {
            const COLUMNS: &'static [ColumnSpec] = &[$(ColumnSpec {
                name: stringify!($field),
                read_as: &[$($($name),*)?],
                kind: <$type as Cell>::KIND,
                check: Check::$check,
                presence: record!(@presence $presence),
                schema: <$type as Cell>::schema,
            }),*];

            fn read(source: &mut Source<'_>) -> Option<Vec<Self>> {
                let mut specs = Self::COLUMNS.iter();
                $(
                    let spec = specs.next().expect("one description for each field");
                    let $field = source.column::<$type>(spec, record!(@default $type $(, $default)?));
                )*
                // every column was asked for, so that all faults are known
                $(let mut $field = $field?.into_iter();)*
                let mut rows = Vec::with_capacity(source.table.n_rows);
                for _ in 0..source.table.n_rows {
                    rows.push($row { $($field: $field.next()?),* });
                }
                Some(rows)
            }

            fn given(rows: &[Self], place: usize) -> Given<'_> {
                let columns: &[fn(&[$row]) -> Given<'_>] =
                    &[$(|rows| <$type as Cell>::given(rows.iter().map(|row| &row.$field))),*];
                columns[place](rows)
            }

            type Slots = Slots;

            #[inline]
            fn place(name: &str) -> Option<usize> {
                [$(stringify!($field)),*].iter().position(|field| *field == name)
            }

            fn read_slot<'de, A: MapAccess<'de>>(
                slots: &mut Slots,
                place: usize,
                fields: &mut A,
                scope: &mut Scope<'_>,
            ) -> Result<(), A::Error> {
                let mut at = 0..;
                $(
                    if at.next() == Some(place) {
                        slots.$field = Slot::read(fields, scope)?;
                        return Ok(());
                    }
                )*
                Ok(())
            }

            fn settle(slots: Slots, scope: &mut Scope<'_>) -> Option<Self> {
                let mut specs = Self::COLUMNS.iter();
                $(
                    let spec = specs.next().expect("one description for each field");
                    let $field = scope.field::<$type>(slots.$field, spec, record!(@default $type $(, $default)?));
                )*
                Some($row { $($field: $field?),* })
            }
        }
        };
    };
    (@presence required) => { Presence::Required };
    (@presence file_or) => { Presence::RequiredInBodies };
    (@presence or) => { Presence::Optional };
    (@default $type:ty) => { None };
    (@default $type:ty, $default:expr) => { Some($default as DefaultOf<$type>) };
}

record!(Alert {
    alert_id: String, NotEmpty, required;
    processing_date: NaiveDate, Any, file_or(|id| id.processing_date);
    window_days: u32, Any, file_or(|id| id.window_days);
    address: String, NotEmpty, required;
    typology_type: String, Any, required;
    pattern_id: String, Any, or(|_| String::new());
    pattern_type: String, Any, or(|_| String::new());
    severity: String, Any, or(|_| "medium".into());
    suspected_address_type: String, Any, or(|_| "unknown".into());
    suspected_address_subtype: String, Any, or(|_| String::new());
    alert_confidence_score: f64, Finite, required;
    description: String, Any, file_or(|_| String::new());
    volume_usd: f64, Finite, or(|_| 0.0);
    evidence_json: String, Any, file_or(|_| "{}".into());
    risk_indicators: Vec<String>, Any, file_or(|_| vec![]);
});

record!(Cluster {
    cluster_id: String, NotEmpty, required;
    processing_date: NaiveDate, Any, file_or(|id| id.processing_date);
    window_days: u32, Any, file_or(|id| id.window_days);
    cluster_type: String, Any, required;
    primary_address: String, Any, or(|_| String::new());
    pattern_id: String, Any, or(|_| String::new());
    primary_alert_id: String, Any, file_or(|_| String::new());
    related_alert_ids: Vec<String>, Any, required;
    addresses_involved: Vec<String>, Any, file_or(|_| vec![]);
    total_alerts: u64, Any, required;
    total_volume_usd: f64, Finite, required;
    severity_max: String, Any, or(|_| "medium".into());
    confidence_avg: f64, Finite, file_or(|_| f64::NAN);
    earliest_alert_timestamp: i64, Any, file_or(|_| 0);
    latest_alert_timestamp: i64, Any, file_or(|_| 0);
});

record!(MoneyFlow {
    from_address: String, NotEmpty, required;
    to_address: String, NotEmpty, required;
    tx_count: u64, Any, required;
    amount_sum: f64, Finite, or(|_| f64::NAN);
    amount_usd_sum: f64, Amount, required;
    first_seen_timestamp: i64, Any, or(|_| 0);
    last_seen_timestamp: i64, Any, or(|_| 0);
    active_days: u64, Any, or(|_| 1);
    avg_tx_size_usd: f64, Finite, or(|_| f64::NAN);
    unique_assets: u64, Any, or(|_| 1);
    dominant_asset: String, Any, or(|_| String::new());
    hourly_pattern: Vec<u64>, Any, or(|_| vec![]);
    weekly_pattern: Vec<u64>, Any, or(|_| vec![]);
    reciprocity_ratio: f64, Finite, or(|_| f64::NAN);
    is_bidirectional: bool, Any, or(|_| false);
});

record!(Pattern {
    pattern_id: String, NotEmpty, required;
    pattern_type: String, NotEmpty, required;
    pattern_hash: String, Any, or(|_| String::new());
    addresses_involved: Vec<String>, Any, required, ["cycle_path", "layering_path", "addresses_involved", "addresses"];
    address_roles: Vec<String>, Any, or(|_| vec![]);
    severity_score: f64, Finite, or(|_| f64::NAN);
    confidence_score: f64, Finite, or(|_| f64::NAN);
    risk_score: f64, Finite, or(|_| f64::NAN);
    volume_usd: f64, Finite, or(|_| f64::NAN),
        ["volume_usd", "cycle_volume_usd", "path_volume_usd", "evidence_volume_usd"];
    pattern_start_time: i64, Any, or(|_| 0);
    pattern_end_time: i64, Any, or(|_| 0);
    evidence_transaction_count: u64, Any, or(|_| 0);
    detection_method: String, Any, or(|_| String::new());
});

record!(Transfer {
    tx_id: String, NotEmpty, required;
    event_index: String, Any, or(|_| "0".into());
    edge_index: String, Any, or(|_| "0".into());
    block_height: u64, Any, or(|_| 0);
    block_timestamp: i64, Any, required;
    from_address: String, NotEmpty, required;
    to_address: String, NotEmpty, required;
    asset_symbol: String, Any, or(|_| String::new());
    asset_contract: String, Any, or(|_| "native".into());
    amount: f64, Amount, required;
    amount_usd: f64, Amount, required;
    fee: f64, Amount, or(|_| 0.0);
});

record!(AddressLabel {
    network: String, Any, or(|id| id.network.clone());
    address: String, NotEmpty, required;
    label: String, Any, or(|_| String::new());
    address_type: String, Any, or(|_| "unknown".into());
    address_subtype: String, Any, or(|_| String::new());
    trust_level: String, Any, or(|_| String::new());
    source: String, Any, or(|_| String::new());
    risk_level: String, Any, or(|_| "medium".into());
    confidence_score: f64, Finite, or(|_| 1.0);
    created_timestamp: Option<i64>, Any, or(|_| None);
});

record!(Asset {
    asset_symbol: String, NotEmpty, required;
    asset_contract: String, Any, or(|_| "native".into());
    network: String, Any, or(|id| id.network.clone());
});

record!(AssetPrice {
    asset_symbol: String, NotEmpty, required;
    asset_contract: String, Any, or(|_| "native".into());
    price_date: NaiveDate, Any, required;
    price_usd: f64, Amount, required;
});

record!(GroundTruth {
    address: String, NotEmpty, required;
    role: String, Any, required;
    pattern_type: String, Any, or(|_| String::new());
    pattern_instance_id: String, Any, or(|_| String::new());
    hop_distance: i64, Any, or(|_| -1);
});
