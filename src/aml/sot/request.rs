//! The body of a request, `BatchData`, to a [`Batch`]; or every fault of it at once, in pydantic's words.
//!
//! `{"alerts": [...], "features": [{"address": ..., any columns}], "clusters": [...], "money_flows": [...] | null}`.
//! Numbers may come as text. Money flows come one per directed pair, or one per transfer (`source_address`,
//! `dest_address`, `amount_usd` ...), which are then summed up by pair. Unknown fields are ignored.

use serde::Serialize;
use serde::de::{DeserializeSeed as _, MapAccess};

use super::batch::{AddressFeatures, Alert, Batch, BatchId, Cluster, MoneyFlow};
use super::cell::{Cell, Check, JsonFault};
use super::feature_rows::FeatureRows;
use super::flows::FlowRows;
use super::json::{By, Ignore, Json, Name, Shape};
use super::rows::{List, Records, Rows, Section};
use super::schema::{ColumnSpec, Presence, Slot};
use crate::determinism::intern::Interner;

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
/// The most distinct fields that the rows of the feature table may have.
pub const MAX_FEATURE_FIELDS: usize = 100_000;
/// The most items that the lists inside of a body's rows may hold together: commas cost their sender a byte and the reader
/// many times that.
pub const MAX_LIST_ITEMS: usize = 8_000_000;
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
    /// A table that cannot be read.
    #[error("{reason}")]
    NotTable {
        /// Which, and what is wrong with it.
        reason: String,
    },
    /// There is no room for what the tables unpack to.
    #[error("the tables unpack to more than there is room for")]
    NoRoom,
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
        let not_json = |e: serde_json::Error| RequestFaults::NotJson {
            line: e.line(),
            column: e.column(),
            reason: e.to_string(),
        };
        let bounds = Bounds::default();
        let mut reader = serde_json::Deserializer::from_slice(body);
        let tables = By(Body { bounds: &bounds }).deserialize(&mut reader).map_err(not_json)?;
        reader.end().map_err(not_json)?;
        let mut scope = bounds.scope();
        match tables {
            Some(tables) => tables.batch(scope),
            None => {
                scope.fault("Input should be a valid dictionary", "dict_type");
                scope.finish(Batch::default())
            }
        }
    }
}

/// What all lists of a body share.
pub(super) struct Bounds {
    id: BatchId,
    /// Items that lists inside of rows may still hold.
    room: std::cell::Cell<usize>,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { id: BatchId::default(), room: std::cell::Cell::new(MAX_LIST_ITEMS) }
    }
}

impl Bounds {
    /// A scope at the body.
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope { loc: vec![Loc::Key("body".into())], faults: vec![], id: &self.id, room: &self.room }
    }
}

/// Where in the body the reader is, and what it found wrong so far.
pub(super) struct Scope<'a> {
    pub(super) loc: Vec<Loc>,
    pub(super) faults: Vec<RequestFault>,
    id: &'a BatchId,
    /// Items that lists inside of rows may still hold.
    room: &'a std::cell::Cell<usize>,
}

impl Scope<'_> {
    /// A field of a row; `None` when a fault was added.
    pub(super) fn field<T: Cell>(
        &mut self,
        slot: Slot<T>,
        spec: &ColumnSpec,
        default: Option<fn(&BatchId) -> T>,
    ) -> Option<T> {
        let optional = default.filter(|_| spec.presence == Presence::Optional);
        let read = match (slot, optional) {
            (Slot::Absent | Slot::Null, Some(default)) => return Some(default(self.id)),
            (Slot::Absent, None) => return self.fault_at(spec.name, "Field required", "missing"),
            (Slot::Null, None) => T::from_json(Json::Null),
            (Slot::Read(read), _) => read,
        };
        match checked(read, spec.check) {
            Ok(cell) => Some(cell),
            Err((msg, kind)) => self.fault_at(spec.name, msg, kind),
        }
    }

    /// What was read, unless it has faults.
    fn finish(self, batch: Batch) -> Result<Batch, RequestFaults> {
        match self.faults {
            faults if faults.is_empty() => Ok(batch),
            faults => Err(RequestFaults::Invalid { faults }),
        }
    }

    /// Whether `n` more items of lists may be kept.
    pub(super) fn makes_room(&self, n: usize) -> bool {
        let left = self.room.get().checked_sub(n);
        self.room.set(left.unwrap_or(0));
        left.is_some()
    }

    /// A key that stands in an earlier row of the table already.
    pub(super) fn repeated<const N: usize>(&mut self, place: [Loc; N], table: &str, first: usize) {
        let depth = self.loc.len();
        self.loc.extend(place);
        self.fault(format!("Value error, already the key of {table}[{first}]"), "value_error");
        self.loc.truncate(depth);
    }

    pub(super) fn fault(&mut self, msg: impl Into<String>, kind: &'static str) {
        if self.faults.len() < MAX_REQUEST_FAULTS {
            self.faults.push(RequestFault { loc: self.loc.clone(), msg: msg.into(), kind });
        }
    }

    pub(super) fn fault_at<T>(
        &mut self,
        field: &str,
        msg: impl Into<String>,
        kind: &'static str,
    ) -> Option<T> {
        self.loc.push(Loc::Key(field.to_owned()));
        self.fault(msg, kind);
        self.loc.pop();
        None
    }
}

fn checked<T: Cell>(read: Result<Option<T>, JsonFault>, check: Check) -> Result<T, JsonFault> {
    let cell = read?.ok_or(("Input should not be null", "none_not_allowed"))?;
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

/// Reads the body's object.
struct Body<'a> {
    bounds: &'a Bounds,
}

/// The lists of a body as they were found; of a repeated one the last counts.
#[derive(Default)]
pub(super) struct Tables {
    alerts: Found<Vec<Alert>>,
    clusters: Found<Vec<Cluster>>,
    features: Found<AddressFeatures>,
    money_flows: Found<Vec<MoneyFlow>>,
}

/// Outside: whether the field is there; inside: whether it is something.
type Found<T> = Option<Option<Section<T>>>;

/// What holds a list, in whatever encoding.
pub(super) trait Source<'de> {
    type Error;

    /// Reads the list; `None` for null.
    fn list<R: Rows>(self, list: List<'_, R>) -> Result<Option<Section<R::Out>>, Self::Error>;
}

/// The value of a field.
struct Field<'a, A>(&'a mut A);

impl<'de, A: MapAccess<'de>> Source<'de> for Field<'_, A> {
    type Error = A::Error;

    fn list<R: Rows>(self, list: List<'_, R>) -> Result<Option<Section<R::Out>>, A::Error> {
        self.0.next_value_seed(By(list))
    }
}

impl<'de> Shape<'de> for Body<'_> {
    /// `None` for what is no object.
    type Out = Option<Tables>;

    fn value(self, _json: Json<'_>) -> Option<Tables> {
        None
    }

    fn object<A: MapAccess<'de>>(self, mut fields: A) -> Result<Option<Tables>, A::Error> {
        let mut tables = Tables::default();
        while let Some(list) = fields.next_key_seed(Name(Tables::place))? {
            match list {
                Some(list) => tables.read(list, Field(&mut fields), self.bounds)?,
                None => fields.next_value_seed(By(Ignore))?,
            }
        }
        Ok(Some(tables))
    }
}

const LISTS: [(&str, usize); 4] = [
    ("alerts", MAX_ALERTS),
    ("clusters", MAX_CLUSTERS),
    ("features", MAX_FEATURES),
    ("money_flows", MAX_MONEY_FLOWS),
];

impl Tables {
    /// The place of a list by its name.
    pub(super) fn place(name: &str) -> Option<usize> {
        LISTS.iter().position(|(list, _)| *list == name)
    }

    /// Reads the list of a place.
    pub(super) fn read<'de, S: Source<'de>>(
        &mut self,
        place: usize,
        source: S,
        bounds: &Bounds,
    ) -> Result<(), S::Error> {
        let (name, limit) = LISTS[place];
        let scope = bounds.scope();
        match place {
            0 => self.alerts = Some(source.list(List::<Records<Alert>>::new(name, limit, scope))?),
            1 => self.clusters = Some(source.list(List::<Records<Cluster>>::new(name, limit, scope))?),
            2 => self.features = Some(source.list(List::<FeatureRows>::new(name, limit, scope))?),
            _ => self.money_flows = Some(source.list(List::<FlowRows>::new(name, limit, scope))?),
        }
        Ok(())
    }

    /// The batch, or all faults that the scope and the lists have.
    pub(super) fn batch(self, mut scope: Scope<'_>) -> Result<Batch, RequestFaults> {
        let alerts = required(self.alerts, "alerts", &mut scope);
        let clusters = required(self.clusters, "clusters", &mut scope);
        check_unique(alerts.iter().map(|a| a.alert_id.as_str()), "alerts", "alert_id", &mut scope);
        check_unique(clusters.iter().map(|c| c.cluster_id.as_str()), "clusters", "cluster_id", &mut scope);
        let features = required(self.features, "features", &mut scope);
        let money_flows = self.money_flows.flatten().map(|section| settled(section, &mut scope));
        let from_alert = alerts.first().map(|a| (a.processing_date, a.window_days));
        let from_cluster = || clusters.first().map(|c| (c.processing_date, c.window_days));
        let mut id = BatchId::default();
        if let Some((date, window)) = from_alert.or_else(from_cluster) {
            (id.processing_date, id.window_days) = (date, window);
        }
        let (alerts, clusters) = (Some(alerts), Some(clusters));
        scope.finish(Batch {
            id,
            alerts,
            features: Some(features),
            clusters,
            money_flows,
            ..Batch::default()
        })
    }
}

/// The rows of a list that must be there.
fn required<T: Default>(table: Found<T>, name: &str, scope: &mut Scope<'_>) -> T {
    match table {
        None => scope.fault_at(name, "Field required", "missing").unwrap_or_default(),
        Some(None) => scope.fault_at(name, "Input should be a valid list", "list_type").unwrap_or_default(),
        Some(Some(section)) => settled(section, scope),
    }
}

/// The rows of a list, its faults told.
fn settled<T>(section: Section<T>, scope: &mut Scope<'_>) -> T {
    let room = MAX_REQUEST_FAULTS - scope.faults.len();
    scope.faults.extend(section.faults.into_iter().take(room));
    section.rows
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
            scope.repeated([Loc::Key(table.into()), Loc::Index(i), Loc::Key(field.into())], table, place);
            return;
        }
    }
}
