//! The address features of a request: objects with whatever fields, read straight into columns.
//!
//! Objects tend to name the same fields in the same order, so a field is first looked for behind the one before; only a
//! stranger costs a search. A row's values wait until its address is known, as it may stand anywhere in the row.

use serde::de::MapAccess;

use super::batch::{AddressFeatures, NumberColumn};
use super::cell::{Cell, JsonFault};
use super::features::{Holds, holds, is_key_column, number_in};
use super::json::{By, Cells, Ignore, Json, Name};
use super::request::{Loc, MAX_FEATURE_CELLS, MAX_FEATURE_FIELDS, RequestFault, Scope};
use super::rows::Rows;
use super::schema::{ADDRESS, Slot};
use crate::determinism::intern::Interner;
use crate::table::csv::is_missing;

/// The table in the making.
#[derive(Default)]
pub(super) struct FeatureRows {
    addresses: Interner,
    columns: Vec<NumberColumn>,
    fields: Fields,
    /// Of the row that is being read: field and what stands in it, each field once.
    waiting: Vec<(usize, Found)>,
    /// Rows after which there were more columns than before, with how many.
    grown: Vec<(usize, usize)>,
    full: Option<Full>,
}

/// What a value of a row is good for.
enum Found {
    Number(f64),
    Nothing,
    Fault(JsonFault),
}

/// A table that got too large, from the row that made it so: the rest is only looked through for faults.
enum Full {
    Cells,
    Fields(usize),
}

impl Rows for FeatureRows {
    type Out = AddressFeatures;

    fn row<'de, A: MapAccess<'de>>(
        &mut self,
        i: usize,
        mut row: A,
        scope: &mut Scope<'_>,
    ) -> Result<(), A::Error> {
        let mut address = Slot::<String>::Absent;
        self.waiting.clear();
        self.fields.start_row();
        while let Some(key) = row.next_key_seed(Name(|name: &str| self.fields.find(name)))? {
            match key {
                Key::Address => address = Slot::read(&mut row, scope)?,
                Key::Ignored => row.next_value_seed(By(Ignore))?,
                Key::Field(field) => {
                    let name = self.fields.name(field);
                    let found = row.next_value_seed(By(Cells(|json: Json<'_>| found(json, name))))?;
                    self.wait(field, found);
                }
            }
        }
        if self.fields.overflow && self.full.is_none() {
            self.full = Some(Full::Fields(i));
        }
        let Some(address) = scope.field(address, &ADDRESS, None) else { return Ok(()) };
        if let Err(first) = self.start(&address) {
            scope.repeated([Loc::Key(ADDRESS.name.into())], "features", first);
            return Ok(());
        }
        self.flush(scope);
        self.measure(i);
        Ok(())
    }

    fn finish(mut self, n_rows: usize, scope: &mut Scope<'_>) -> AddressFeatures {
        let wide = self.grown.iter().find(|(_, columns)| columns * n_rows > MAX_FEATURE_CELLS);
        let too_many = match (&self.full, wide) {
            (Some(Full::Fields(row)), _) => Some((*row, format!("{MAX_FEATURE_FIELDS} fields"))),
            (_, Some((row, _))) => Some((*row, format!("{MAX_FEATURE_CELLS} cells"))),
            (_, None) => None,
        };
        if let Some((row, limit)) = too_many {
            let msg = format!("Row {row} brings the table beyond {limit}");
            scope.insert(row, msg, "too_long");
            return AddressFeatures::default();
        }
        self.columns.iter_mut().for_each(|c| c.values.resize(self.addresses.len(), f64::NAN));
        self.columns.sort_by(|a, b| a.name.cmp(&b.name));
        AddressFeatures { addresses: self.addresses, columns: self.columns }
    }
}

impl FeatureRows {
    /// Keeps a value until the row ends; of a repeated field the last counts.
    fn wait(&mut self, field: usize, found: Found) {
        let row = self.fields.row;
        let known = &mut self.fields.all[field];
        if known.seen_in == row {
            self.waiting[known.waits_at].1 = found;
        } else {
            (known.seen_in, known.waits_at) = (row, self.waiting.len());
            self.waiting.push((field, found));
        }
    }

    /// Starts the row of an address; the number of its earlier row if it has one.
    fn start(&mut self, address: &str) -> Result<(), usize> {
        let next = self.addresses.len();
        let place = self.addresses.intern(address) as usize;
        if place < next { Err(place) } else { Ok(()) }
    }

    /// Puts the waiting values into their columns and tells the faults among them by name.
    fn flush(&mut self, scope: &mut Scope<'_>) {
        let mut faults: Vec<(usize, JsonFault)> = vec![];
        let before = self.addresses.len() - 1;
        for (field, found) in self.waiting.drain(..) {
            match found {
                Found::Number(_) if self.full.is_some() => {}
                Found::Number(number) => {
                    let Fields { all, places, .. } = &mut self.fields;
                    let values = column(&mut all[field], places.name(field as u32), &mut self.columns);
                    values.resize(before, f64::NAN);
                    values.push(number);
                }
                Found::Nothing => {}
                Found::Fault(fault) => faults.push((field, fault)),
            }
        }
        let name = |field: usize| self.fields.name(field);
        faults.sort_by(|a, b| name(a.0).cmp(name(b.0)));
        for (field, (msg, kind)) in faults {
            _ = scope.fault_at::<()>(name(field), msg, kind);
        }
    }

    /// Notes when columns came, and stops keeping values before they take more memory than a table may.
    fn measure(&mut self, i: usize) {
        let n_columns = self.columns.len();
        if self.grown.last().is_none_or(|(_, before)| *before < n_columns) {
            self.grown.push((i, n_columns));
        }
        if self.full.is_none() && n_columns * self.addresses.len() > MAX_FEATURE_CELLS {
            self.full = Some(Full::Cells);
            self.columns.iter_mut().for_each(|column| column.values = vec![]);
        }
    }
}

/// The values of a field's column, which is made when its first number comes.
fn column<'a>(field: &mut Field, name: &str, columns: &'a mut Vec<NumberColumn>) -> &'a mut Vec<f64> {
    let place = *field.column.get_or_insert_with(|| {
        columns.push(NumberColumn { name: name.to_owned(), values: vec![] });
        columns.len() - 1
    });
    &mut columns[place].values
}

fn found(json: Json<'_>, name: &str) -> Found {
    match number(&json) {
        Some(number) if number.is_finite() => Found::Number(number),
        Some(_) => Found::Fault(NOT_FINITE),
        // what the column may hold is only looked up for the few values that are no numbers
        None if !is_absent(&json) && holds(name) == Holds::Numbers => {
            Found::Fault(<f64 as Cell>::from_json(json).err().unwrap_or(NOT_FINITE))
        }
        None => Found::Nothing,
    }
}

/// A number, a flag, or a number as text; nothing of other kinds, as no model feature reads them.
fn number(value: &Json<'_>) -> Option<f64> {
    match value {
        Json::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Json::Text(text) => number_in(text),
        value => value.as_f64(),
    }
}

/// Null, or a text that says as much.
fn is_absent(value: &Json<'_>) -> bool {
    match value {
        Json::Null => true,
        Json::Text(text) => is_missing(text.trim()),
        _ => false,
    }
}

const NOT_FINITE: JsonFault = ("Input should be a finite number", "finite_number");

/// The fields that rows have had so far.
#[derive(Default)]
struct Fields {
    all: Vec<Field>,
    /// Their names: a name's number is its place in `all`.
    places: Interner,
    /// The field that is expected next.
    next: usize,
    /// Rows begun.
    row: usize,
    /// Whether there were more than may be.
    overflow: bool,
}

struct Field {
    key: Key,
    /// Its place among the columns, once it had a number.
    column: Option<usize>,
    /// The last row that had it, and where it waits there.
    seen_in: usize,
    waits_at: usize,
}

/// What a field's name means.
#[derive(Clone, Copy)]
enum Key {
    Address,
    Field(usize),
    Ignored,
}

impl Fields {
    fn start_row(&mut self) {
        self.row += 1;
        self.next = 0;
    }

    fn name(&self, place: usize) -> &str {
        self.places.name(place as u32)
    }

    fn find(&mut self, name: &str) -> Key {
        let next = Some(self.next).filter(|next| *next < self.all.len());
        let expected = next.filter(|next| self.name(*next) == name);
        let place = match expected.or_else(|| self.places.get(name).map(|place| place as usize)) {
            Some(place) => place,
            None if self.all.len() >= MAX_FEATURE_FIELDS => {
                self.overflow = true;
                return Key::Ignored;
            }
            None => self.add(name),
        };
        self.next = place + 1;
        self.all[place].key
    }

    fn add(&mut self, name: &str) -> usize {
        let place = self.all.len();
        let key = match name {
            name if name == ADDRESS.name => Key::Address,
            name if is_key_column(name) => Key::Ignored,
            _ => Key::Field(place),
        };
        self.places.intern(name);
        self.all.push(Field { key, column: None, seen_in: 0, waits_at: 0 });
        place
    }
}

impl Scope<'_> {
    /// A fault of the `row`-th row, behind those that it already has.
    fn insert(&mut self, row: usize, msg: String, kind: &'static str) {
        let at = self.loc.len();
        let later = |fault: &RequestFault| matches!(fault.loc.get(at), Some(Loc::Index(i)) if *i > row);
        let place = self.faults.iter().position(later).unwrap_or(self.faults.len());
        let loc = [self.loc.as_slice(), &[Loc::Index(row)]].concat();
        self.faults.insert(place, RequestFault { loc, msg, kind });
        self.faults.truncate(super::request::MAX_REQUEST_FAULTS);
    }
}
