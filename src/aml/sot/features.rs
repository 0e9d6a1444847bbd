//! The address-features table, whatever columns it has: numbers and flags are kept, numbers written as text too.

use std::collections::BTreeMap;

use super::batch::{AddressFeatures, BatchId, NumberColumn};
use super::fault::BatchFault;
use super::schema::{ADDRESS, Source};
use crate::determinism::intern::Interner;
use crate::table::{TableColumn, Values};

/// Columns that say which row it is, not what is known of the address.
pub(super) fn is_key_column(name: &str) -> bool {
    matches!(name, "address" | "processing_date" | "window_days" | "network" | "_version")
}

/// The number a text holds; `None` for other text, also for `NaN` and `inf`.
pub(super) fn number_in(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// A table of addresses in the making, a row at a time, a column where one turns up.
#[derive(Default)]
pub(super) struct Growing {
    addresses: Interner,
    columns: Vec<NumberColumn>,
    by_name: BTreeMap<String, usize>,
}

impl Growing {
    /// Starts the row of an address; the number of its earlier row if it has one.
    pub(super) fn row(&mut self, address: &str) -> Result<(), usize> {
        let next = self.addresses.len();
        let place = self.addresses.intern(address) as usize;
        if place < next { Err(place) } else { Ok(()) }
    }

    /// Sets a value of the row that was started last.
    pub(super) fn set(&mut self, column: &str, value: f64) {
        let place = match self.by_name.get(column) {
            Some(&place) => place,
            None => {
                self.by_name.insert(column.to_owned(), self.columns.len());
                self.columns.push(NumberColumn { name: column.to_owned(), values: vec![] });
                self.columns.len() - 1
            }
        };
        let values = &mut self.columns[place].values;
        values.resize(self.addresses.len() - 1, f64::NAN);
        values.push(value);
    }

    pub(super) fn n_columns(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn finish(mut self) -> AddressFeatures {
        self.columns.iter_mut().for_each(|c| c.values.resize(self.addresses.len(), f64::NAN));
        AddressFeatures { addresses: self.addresses, columns: self.columns }
    }
}

/// Reads the table; `None` when a fault was added.
pub(super) fn read(source: &mut Source<'_>) -> Option<AddressFeatures> {
    let addresses = source.column::<String>(&ADDRESS, None)?;
    let file = source.table.name.clone();
    let mut names = Interner::new();
    let mut sound = true;
    for (second, address) in addresses.iter().enumerate() {
        let first = names.intern(address) as usize;
        if first < second && names.len() <= second {
            let key = format!("address {address}");
            source.faults.add(BatchFault::Duplicate { file, first, second, key });
            return None;
        }
    }
    let mut columns = vec![];
    for column in source.table.columns.iter().filter(|c| !is_key_column(&c.name)) {
        let Some(values) = numbers(&column.values) else { continue };
        if let Some(row) = values.iter().position(|v| v.is_infinite()) {
            let (file, column, found) = (file.clone(), column.name.clone(), values[row].to_string());
            let expected = "a finite number";
            source.faults.add(BatchFault::Cell { file, column, row, expected, found });
            sound = false;
        }
        columns.push(NumberColumn { name: column.name.clone(), values });
    }
    sound.then_some(AddressFeatures { addresses: names, columns })
}

/// The values of a column of numbers, flags or numbers as text; `None` for other columns.
fn numbers(values: &Values) -> Option<Vec<f64>> {
    match values {
        Values::Text(texts) => {
            let present = texts.iter().flatten().next().is_some();
            let number = |text: &Option<String>| match text {
                None => Some(f64::NAN),
                Some(text) => number_in(text),
            };
            texts.iter().map(number).collect::<Option<Vec<f64>>>().filter(|_| present)
        }
        Values::Date(_) => None,
        values => {
            let rows = values.n_values()?;
            (0..rows).map(|row| values.number(row)).collect()
        }
    }
}

/// The table as columns, with the batch's key columns.
pub(super) fn write(features: &AddressFeatures, id: &BatchId) -> Vec<TableColumn> {
    let rows = features.addresses.len();
    let addresses = features.addresses.names().map(|name| Some(name.to_owned())).collect();
    let date = super::cell::days_of(id.processing_date);
    let mut columns = vec![
        TableColumn::new("window_days", Values::Int(vec![Some(id.window_days.into()); rows])),
        TableColumn::new("processing_date", Values::Date(vec![Some(date); rows])),
        TableColumn::new(ADDRESS.name, Values::Text(addresses)),
    ];
    let number = |c: &NumberColumn| TableColumn::new(&c.name, Values::F64(c.values.clone()));
    columns.extend(features.columns.iter().filter(|c| !is_key_column(&c.name)).map(number));
    columns
}
