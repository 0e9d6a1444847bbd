//! Transfers column by column: ten million of them take a gigabyte, where a row of texts each would take nine.
//!
//! In: the transfers of a file, a few columns at a time, or rows. Out: [`Transfers`], in the order of their keys: whatever the
//! order of a file was, nothing computed from them can see it.

use std::cmp::Ordering;

use super::batch::Transfer;
use super::cell::{Cell, Check};
use super::fault::{BatchFault, Faults};
use super::schema::{ColumnSpec, DefaultOf, Record, Source, expected};
use crate::determinism::intern::Interner;
use crate::determinism::par;
use crate::table::{Given, Table, TableColumn, Texts};

/// Transfers by `tx_id`, `event_index`, `edge_index` and `asset_contract`, then by whatever could still differ.
#[derive(Clone, Default)]
pub struct Transfers {
    tx_id: Texts,
    /// What stands in `event_index` and `edge_index`.
    indices: Interner,
    event_index: Vec<u32>,
    edge_index: Vec<u32>,
    block_height: Vec<u64>,
    block_timestamp: Vec<i64>,
    addresses: Interner,
    from_address: Vec<u32>,
    to_address: Vec<u32>,
    /// Symbols and contracts.
    assets: Interner,
    asset_symbol: Vec<u32>,
    asset_contract: Vec<u32>,
    amount: Vec<f64>,
    amount_usd: Vec<f64>,
    fee: Vec<f64>,
}

/// A [`Transfer`] whose texts stand elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of a transfer")]
pub struct TransferRow<'t> {
    pub tx_id: &'t str,
    pub event_index: &'t str,
    pub edge_index: &'t str,
    pub block_height: u64,
    pub block_timestamp: i64,
    pub from_address: &'t str,
    pub to_address: &'t str,
    pub asset_symbol: &'t str,
    pub asset_contract: &'t str,
    pub amount: f64,
    pub amount_usd: f64,
    pub fee: f64,
}

impl Transfers {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.block_timestamp.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.block_timestamp.is_empty()
    }

    /// One of them.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn get(&self, row: usize) -> TransferRow<'_> {
        TransferRow {
            tx_id: self.tx_id(row),
            event_index: self.indices.name(self.event_index[row]),
            edge_index: self.indices.name(self.edge_index[row]),
            block_height: self.block_height[row],
            block_timestamp: self.block_timestamp[row],
            from_address: self.addresses.name(self.from_address[row]),
            to_address: self.addresses.name(self.to_address[row]),
            asset_symbol: self.assets.name(self.asset_symbol[row]),
            asset_contract: self.assets.name(self.asset_contract[row]),
            amount: self.amount[row],
            amount_usd: self.amount_usd[row],
            fee: self.fee[row],
        }
    }

    fn tx_id(&self, row: usize) -> &str {
        self.tx_id.get(row).unwrap_or_default()
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = TransferRow<'_>> {
        (0..self.len()).map(|row| self.get(row))
    }

    /// All of them as rows of their own.
    pub fn to_vec(&self) -> Vec<Transfer> {
        self.iter().map(Transfer::from).collect()
    }

    /// Senders and recipients; some may belong to no transfer.
    pub fn addresses(&self) -> &Interner {
        &self.addresses
    }

    /// Contracts and symbols; some may belong to no transfer.
    pub fn assets(&self) -> &Interner {
        &self.assets
    }

    /// The numbers of a transfer's sender and recipient among the addresses.
    pub fn ends(&self, row: usize) -> [u32; 2] {
        [self.from_address[row], self.to_address[row]]
    }

    /// The numbers of its contract and symbol among the assets.
    pub fn asset(&self, row: usize) -> [u32; 2] {
        [self.asset_contract[row], self.asset_symbol[row]]
    }

    /// Times in milliseconds since 1970 UTC.
    pub fn times(&self) -> &[i64] {
        &self.block_timestamp
    }

    /// Block numbers.
    pub fn heights(&self) -> &[u64] {
        &self.block_height
    }

    /// Native units.
    pub fn amounts(&self) -> &[f64] {
        &self.amount
    }

    /// US dollars.
    pub fn dollars(&self) -> &[f64] {
        &self.amount_usd
    }

    /// Gives up what only tells rows apart, and the fees: they stay in their order, but `tx_id` and the indices are empty from now on
    /// and fees 0. For who needs the memory for what is computed from the rest.
    pub fn forget_ids(&mut self) {
        let rows = self.len();
        let mut none = Texts::default();
        let empty = none.add_entry("");
        (0..rows).for_each(|_| none.push_entry(Some(empty)));
        self.tx_id = none;
        self.indices = [""].into_iter().collect();
        self.event_index = vec![0; rows];
        self.edge_index = vec![0; rows];
        self.fee = vec![0.0; rows];
    }

    fn push(&mut self, t: TransferRow<'_>) {
        self.tx_id.push(Some(t.tx_id));
        self.event_index.push(self.indices.intern(t.event_index));
        self.edge_index.push(self.indices.intern(t.edge_index));
        self.block_height.push(t.block_height);
        self.block_timestamp.push(t.block_timestamp);
        self.from_address.push(self.addresses.intern(t.from_address));
        self.to_address.push(self.addresses.intern(t.to_address));
        self.asset_symbol.push(self.assets.intern(t.asset_symbol));
        self.asset_contract.push(self.assets.intern(t.asset_contract));
        self.amount.push(t.amount);
        self.amount_usd.push(t.amount_usd);
        self.fee.push(t.fee);
    }

    /// By the columns that no two may share.
    fn by_key(&self, a: usize, b: usize) -> Ordering {
        let place =
            |row: usize| [self.event_index[row], self.edge_index[row]].map(|id| self.indices.name(id));
        let contract = |row: usize| self.assets.name(self.asset_contract[row]);
        (self.tx_id(a).cmp(self.tx_id(b)))
            .then_with(|| place(a).cmp(&place(b)))
            .then_with(|| contract(a).cmp(contract(b)))
    }

    /// By everything: who compares as equal is equal.
    fn by_all(&self, a: usize, b: usize) -> Ordering {
        self.by_key(a, b).then_with(|| {
            let (a, b) = (self.get(a), self.get(b));
            let texts =
                |t: &TransferRow<'_>| [t.asset_symbol, t.from_address, t.to_address].map(str::to_owned);
            (a.block_timestamp, a.block_height, texts(&a))
                .cmp(&(b.block_timestamp, b.block_height, texts(&b)))
                .then_with(|| a.amount.total_cmp(&b.amount))
                .then_with(|| a.amount_usd.total_cmp(&b.amount_usd))
                .then_with(|| a.fee.total_cmp(&b.fee))
        })
    }

    /// The rows in the order of their keys; `None` where they stand in it.
    fn order(&self) -> Option<Vec<u32>> {
        let is_sorted = (1..self.len()).all(|row| self.by_all(row - 1, row).is_le());
        let mut order: Vec<u32> = if is_sorted { return None } else { (0..self.len() as u32).collect() };
        par::sort_by(&mut order, |&a, &b| self.by_all(a as usize, b as usize).then(a.cmp(&b)));
        Some(order)
    }

    fn in_order(mut self) -> Self {
        if let Some(order) = self.order() {
            self.reorder(&order);
        }
        self
    }

    fn reorder(&mut self, order: &[u32]) {
        fn put<T: Copy>(values: &mut Vec<T>, order: &[u32]) {
            *values = order.iter().map(|&row| values[row as usize]).collect();
        }
        self.tx_id.reorder(order);
        for ids in [
            &mut self.event_index,
            &mut self.edge_index,
            &mut self.from_address,
            &mut self.to_address,
            &mut self.asset_symbol,
            &mut self.asset_contract,
        ] {
            put(ids, order);
        }
        put(&mut self.block_height, order);
        put(&mut self.block_timestamp, order);
        for numbers in [&mut self.amount, &mut self.amount_usd, &mut self.fee] {
            put(numbers, order);
        }
    }

    /// Some rows of the column at a place among the table's.
    pub(super) fn given(&self, place: usize, rows: std::ops::Range<usize>) -> Given<'_> {
        fn texts<'t>(names: &'t Interner, ids: &[u32]) -> Given<'t> {
            Given::Texts(ids.iter().map(|&id| names.name(id)).collect())
        }
        match Transfer::COLUMNS[place].name {
            "tx_id" => Given::Texts(rows.map(|row| self.tx_id(row)).collect()),
            "event_index" => texts(&self.indices, &self.event_index[rows]),
            "edge_index" => texts(&self.indices, &self.edge_index[rows]),
            "block_height" => <u64 as Cell>::given(self.block_height[rows].iter()),
            "block_timestamp" => <i64 as Cell>::given(self.block_timestamp[rows].iter()),
            "from_address" => texts(&self.addresses, &self.from_address[rows]),
            "to_address" => texts(&self.addresses, &self.to_address[rows]),
            "asset_symbol" => texts(&self.assets, &self.asset_symbol[rows]),
            "asset_contract" => texts(&self.assets, &self.asset_contract[rows]),
            "amount" => Given::Floats(&self.amount[rows]),
            "amount_usd" => Given::Floats(&self.amount_usd[rows]),
            _ => Given::Floats(&self.fee[rows]),
        }
    }
}

impl From<TransferRow<'_>> for Transfer {
    fn from(t: TransferRow<'_>) -> Self {
        Transfer {
            tx_id: t.tx_id.to_owned(),
            event_index: t.event_index.to_owned(),
            edge_index: t.edge_index.to_owned(),
            block_height: t.block_height,
            block_timestamp: t.block_timestamp,
            from_address: t.from_address.to_owned(),
            to_address: t.to_address.to_owned(),
            asset_symbol: t.asset_symbol.to_owned(),
            asset_contract: t.asset_contract.to_owned(),
            amount: t.amount,
            amount_usd: t.amount_usd,
            fee: t.fee,
        }
    }
}

impl<'t> From<&'t Transfer> for TransferRow<'t> {
    fn from(t: &'t Transfer) -> Self {
        TransferRow {
            tx_id: &t.tx_id,
            event_index: &t.event_index,
            edge_index: &t.edge_index,
            block_height: t.block_height,
            block_timestamp: t.block_timestamp,
            from_address: &t.from_address,
            to_address: &t.to_address,
            asset_symbol: &t.asset_symbol,
            asset_contract: &t.asset_contract,
            amount: t.amount,
            amount_usd: t.amount_usd,
            fee: t.fee,
        }
    }
}

/// Rows in any order, which is then that of their keys.
impl<'t> FromIterator<TransferRow<'t>> for Transfers {
    fn from_iter<I: IntoIterator<Item = TransferRow<'t>>>(rows: I) -> Self {
        let mut transfers = Transfers::default();
        rows.into_iter().for_each(|row| transfers.push(row));
        transfers.in_order()
    }
}

impl FromIterator<Transfer> for Transfers {
    fn from_iter<I: IntoIterator<Item = Transfer>>(rows: I) -> Self {
        let mut transfers = Transfers::default();
        rows.into_iter().for_each(|row| transfers.push(TransferRow::from(&row)));
        transfers.in_order()
    }
}

impl From<&[Transfer]> for Transfers {
    fn from(rows: &[Transfer]) -> Self {
        rows.iter().map(TransferRow::from).collect()
    }
}

impl From<Vec<Transfer>> for Transfers {
    fn from(rows: Vec<Transfer>) -> Self {
        Transfers::from(rows.as_slice())
    }
}

impl PartialEq for Transfers {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl std::fmt::Debug for Transfers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Reads the table; `None` when a fault was added. Of a file that is not decoded yet a few columns are in memory at a time.
pub(super) fn read(source: &mut Source<'_>) -> Option<Transfers> {
    let (words, numbers) = match source.reader {
        None => (Words::read(source), Numbers::read(source)),
        Some(_) => {
            let mut faults = Faults::default();
            let table = Table { columns: vec![], ..source.table.clone() };
            let mut beside = Source { table, faults: &mut faults, ..*source };
            let read = par::join(|| Words::read(source), || Numbers::read(&mut beside));
            source.faults.append(faults);
            read
        }
    };
    // every column was asked for, so that all faults are known
    let mut transfers = words?.with(numbers?);
    let order = transfers.order();
    are_keys_distinct(&transfers, order.as_deref(), source).then(|| {
        order.iter().for_each(|order| transfers.reorder(order));
        transfers
    })
}

/// The columns of text.
struct Words {
    tx_id: Texts,
    indices: Interner,
    places: [Vec<u32>; 2],
    addresses: Interner,
    ends: [Vec<u32>; 2],
    assets: Interner,
    kinds: [Vec<u32>; 2],
}

impl Words {
    fn read(source: &mut Source<'_>) -> Option<Self> {
        let (mut addresses, mut assets, mut indices) = (Interner::new(), Interner::new(), Interner::new());
        let mut tx_id = Texts::default();
        let ids = walk(source, &[spec("tx_id")], |_, part| tx_id.append(part));
        let places = numbered(source, ["event_index", "edge_index"], &mut indices);
        let ends = numbered(source, ["from_address", "to_address"], &mut addresses);
        let kinds = numbered(source, ["asset_symbol", "asset_contract"], &mut assets);
        ids?;
        Some(Words { tx_id, indices, places: places?, addresses, ends: ends?, assets, kinds: kinds? })
    }

    fn with(self, numbers: Numbers) -> Transfers {
        let ([event_index, edge_index], [from_address, to_address]) = (self.places, self.ends);
        let [asset_symbol, asset_contract] = self.kinds;
        Transfers {
            tx_id: self.tx_id,
            indices: self.indices,
            event_index,
            edge_index,
            block_height: numbers.block_height,
            block_timestamp: numbers.block_timestamp,
            addresses: self.addresses,
            from_address,
            to_address,
            assets: self.assets,
            asset_symbol,
            asset_contract,
            amount: numbers.amount,
            amount_usd: numbers.amount_usd,
            fee: numbers.fee,
        }
    }
}

/// The columns of numbers.
struct Numbers {
    block_height: Vec<u64>,
    block_timestamp: Vec<i64>,
    amount: Vec<f64>,
    amount_usd: Vec<f64>,
    fee: Vec<f64>,
}

impl Numbers {
    fn read(source: &mut Source<'_>) -> Option<Self> {
        let block_height = loaded(source, "block_height", Some(|_| 0));
        let block_timestamp = loaded(source, "block_timestamp", None);
        let (amount, amount_usd) = (loaded(source, "amount", None), loaded(source, "amount_usd", None));
        let fee = loaded(source, "fee", Some(|_| 0.0));
        Some(Numbers {
            block_height: block_height?,
            block_timestamp: block_timestamp?,
            amount: amount?,
            amount_usd: amount_usd?,
            fee: fee?,
        })
    }
}

/// A column that is decoded now.
fn loaded<T: Cell>(source: &mut Source<'_>, column: &str, default: Option<DefaultOf<T>>) -> Option<Vec<T>> {
    source.load(&[column])?;
    source.column(spec(column), default)
}

/// Whether no key stands twice; `order` is that of the keys.
fn are_keys_distinct(transfers: &Transfers, order: Option<&[u32]>, source: &mut Source<'_>) -> bool {
    let row = |at: usize| order.map_or(at, |order| order[at] as usize);
    let mut sound = true;
    for at in (1..transfers.len()).filter(|&at| transfers.by_key(row(at - 1), row(at)).is_eq()) {
        sound = false;
        let t = transfers.get(row(at));
        let key = format!(
            "tx_id {}, event_index {}, edge_index {} and asset_contract {}",
            t.tx_id, t.event_index, t.edge_index, t.asset_contract
        );
        let (file, first, second) = (source.table.name.clone(), row(at - 1), row(at));
        source.faults.add(BatchFault::Duplicate { file, first, second, key });
    }
    sound
}

/// Two columns of text as numbers of names.
fn numbered(source: &mut Source<'_>, columns: [&str; 2], names: &mut Interner) -> Option<[Vec<u32>; 2]> {
    let specs = columns.map(spec);
    let mut numbers = [vec![], vec![]];
    walk(source, &specs, |which, part| {
        let of_entry = names.intern_all((0..part.n_entries()).map(|entry| part.entry(entry)));
        numbers[which].extend((0..part.len()).filter_map(|row| Some(of_entry[part.entry_of(row)?])));
    })?;
    Some(numbers)
}

/// Hands on the parts of columns of text, from their first row to their last, defaults put in; `None` when a fault was added.
fn walk(source: &mut Source<'_>, specs: &[&ColumnSpec], mut each: impl FnMut(usize, Texts)) -> Option<()> {
    let names: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
    let mut read = vec![0; specs.len()];
    let mut sound = true;
    let Source { table, faults, reader, .. } = source;
    if let Some(reader) = reader {
        let walked = reader.each_texts(&names, |which, part| {
            sound &= settle(specs[which], part, read[which], (&table.name, faults))
                .map(|part| {
                    read[which] += part.len();
                    each(which, part);
                })
                .is_some();
        });
        if let Err(fault) = walked {
            faults.add(fault);
            return None;
        }
    }
    for (which, spec) in specs.iter().enumerate().filter(|&(which, _)| read[which] == 0 && sound) {
        let part = other_texts(source, spec)?;
        let file = source.table.name.clone();
        each(which, settle(spec, part, 0, (&file, source.faults))?);
    }
    sound.then_some(())
}

/// A column of text that the file keeps in another dress, or not at all.
fn other_texts(source: &mut Source<'_>, spec: &ColumnSpec) -> Option<Texts> {
    source.load(&[spec.name])?;
    let (file, n_rows) = (source.table.name.clone(), source.table.n_rows);
    let found = source.table.columns.iter_mut().find(|column| column.name == spec.name);
    let Some(TableColumn { values, .. }) = found else {
        if default_of(spec.name).is_some() {
            return Some((0..n_rows).map(|_| None::<&str>).collect());
        }
        let (column, expected) = (spec.name.to_owned(), <String as Cell>::KIND);
        source.faults.add(BatchFault::NoColumn { file, column, expected });
        return None;
    };
    if !String::accepts(values) {
        let (column, expected, found) = (spec.name.to_owned(), <String as Cell>::KIND, values.kind());
        source.faults.add(BatchFault::Type { file, column, expected, found });
        return None;
    }
    // text is never refused as text
    let texts = (0..n_rows).map(|row| String::take(values, row).ok().flatten()).collect();
    *values = values.blank();
    Some(texts)
}

/// Checks the part of a column that begins at a row, and puts its default where there is nothing.
fn settle(
    spec: &ColumnSpec,
    part: Texts,
    first: usize,
    (file, faults): (&str, &mut Faults),
) -> Option<Texts> {
    let default = default_of(spec.name);
    let is_missing = |row: &usize| part.entry_of(*row).is_none();
    let is_blank = |row: &usize| spec.check == Check::NotEmpty && part.get(*row) == Some("");
    let wrong = |row: &usize| is_blank(row) || default.is_none() && is_missing(row);
    let mut sound = true;
    for row in (0..part.len()).filter(wrong) {
        sound = false;
        let found = if is_missing(&row) { "nothing" } else { "an empty text" };
        let (file, column, expected) =
            (file.to_owned(), spec.name.to_owned(), expected::<String>(spec.check));
        faults.add(BatchFault::Cell { file, column, row: first + row, expected, found: found.into() });
    }
    if !sound || !(0..part.len()).any(|row| is_missing(&row)) {
        return sound.then_some(part);
    }
    Some(part.or(default?))
}

/// What stands for a text that is not there.
fn default_of(column: &str) -> Option<&'static str> {
    match column {
        "event_index" | "edge_index" => Some("0"),
        "asset_symbol" => Some(""),
        "asset_contract" => Some("native"),
        _ => None,
    }
}

fn spec(column: &str) -> &'static ColumnSpec {
    let found = Transfer::COLUMNS.iter().find(|spec| spec.name == column);
    found.expect("a column of the table")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aml::sot::BatchId;
    use crate::table::Values;

    /// What is read column by column is what is read row by row, defaults included.
    #[test]
    fn rows_and_columns_say_the_same() {
        let texts = |list: &[Option<&str>]| Values::Text(list.iter().map(|t| t.map(str::to_owned)).collect());
        let required = || {
            let named = [
                ("tx_id", texts(&[Some("b"), Some("a")])),
                ("from_address", texts(&[Some("x"), Some("y")])),
                ("to_address", texts(&[Some("y"), Some("x")])),
                ("block_timestamp", Values::Int(vec![Some(5), Some(7)])),
                ("amount", Values::F64(vec![1.5, 2.5])),
                ("amount_usd", Values::F64(vec![3.0, 0.0])),
            ];
            named.map(|(name, values)| TableColumn::new(name, values)).to_vec()
        };
        let optional = [
            ("event_index", Values::Int(vec![Some(3), None])),
            ("edge_index", texts(&[None, Some("1")])),
            ("asset_symbol", texts(&[Some("TOR"), None])),
            ("asset_contract", texts(&[None, Some("0xc")])),
        ];
        let optional = optional.map(|(name, values)| TableColumn::new(name, values)).to_vec();
        for columns in [required(), [required(), optional].concat()] {
            let table = Table::new("transfers.csv", columns);
            let (id, mut faults) = (BatchId::default(), Faults::default());
            let mut source = Source { table: table.clone(), reader: None, id: &id, faults: &mut faults };
            let by_columns = read(&mut source).expect("sound");
            source.table = table;
            let by_rows: Vec<Transfer> = Record::read(&mut source).expect("sound");
            assert_eq!(by_columns, Transfers::from(by_rows));
            assert_eq!(by_columns.get(0).tx_id, "a");
        }
    }
}
