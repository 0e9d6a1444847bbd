//! A folder to a [`Batch`]: files found, hashes and row counts verified, tables checked and put in canonical order.
//!
//! Faults are collected over all tables before the answer is no. What is odd but can be worked with becomes a
//! [`Finding`].

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate};

use super::batch::{
    AddressLabel, Alert, Asset, AssetPrice, Batch, BatchId, Cluster, GroundTruth, MoneyFlow, Pattern,
};
use super::cell::Cell;
use super::fault::{BatchError, BatchFault, Faults};
use super::findings::{self, Finding};
use super::meta::{self, Checksum, Meta};
use super::schema::{Record, Source, TableKind};
use super::{cell, features, transfers};
use crate::determinism::digest::{Digest, Md5};
use crate::determinism::par;
use crate::table::parquet::{Columns, Reader};
use crate::table::{ReadError, Table, Values, csv};

/// A batch with what was noticed on the way.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The batch.
    pub batch: Batch,
    /// What its files hold, in the order of [`TableKind::ALL`].
    pub tables: Vec<TableReport>,
    /// What is odd about it.
    pub findings: Vec<Finding>,
}

/// What a file of a batch holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableReport {
    /// Which table.
    pub kind: TableKind,
    /// The file's name.
    pub file: String,
    /// Its rows.
    pub rows: usize,
    /// The SHA-256 of its bytes.
    pub digest: Option<Digest>,
    /// Whether META.json vouches for it.
    pub verified: Verified,
    /// Its columns in file order.
    pub columns: Vec<ColumnReport>,
}

/// What a column of a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnReport {
    /// Its name.
    pub name: String,
    /// The type found.
    pub kind: String,
    /// Rows without a value.
    pub missing: usize,
    /// Whether every row holds the same.
    pub constant: bool,
}

/// How far META.json vouches for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// Its SHA-256 is the one noted.
    Sha256,
    /// Its MD5 is the one noted: it is not damaged, but it may be forged.
    Md5,
    /// META.json has no checksum of it, or another one.
    No,
}

impl Batch {
    /// Opens the batch in a folder, of any generation.
    ///
    /// # Errors
    /// With all faults found, up to a limit: files unreadable, malformed or not as META.json says, columns absent or
    /// of another type, values that mean nothing, keys twice; also when the folder holds no batch, or several.
    pub fn open(dir: &Path) -> Result<Batch, BatchError> {
        opened(dir, Look::Batch).map(|opened| opened.batch)
    }
}

/// Opens the batch in a folder, and tells what was noticed.
///
/// # Errors
/// As [`Batch::open`].
pub fn open(dir: &Path) -> Result<Opened, BatchError> {
    opened(dir, Look::Everything)
}

/// How closely a batch is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// As far as its use asks for.
    Batch,
    /// Also for what is odd about it: that walks all rows several times more.
    Everything,
}

fn opened(dir: &Path, look: Look) -> Result<Opened, BatchError> {
    let dir = &the_batch_of(dir)?;
    let mut faults = Faults::default();
    let mut findings = vec![];
    let meta = meta::read(dir, &mut faults);
    if meta.is_none() {
        findings.push(Finding::new("no_meta", None, "no META.json: nothing vouches for the files"));
    }
    let mut files = read_tables(dir, meta.as_ref(), &mut faults);
    let id = identify(dir, meta.as_ref(), &files, &mut findings);
    let empty = Meta::default();
    let described = meta.as_ref().unwrap_or(&empty);
    check_listed(dir, described, &files, &mut faults, &mut findings);
    let mut tables = vec![];
    let mut batch = Batch { id, ..Batch::default() };
    for found in &mut files {
        let verified = verify(found, described, &mut faults, &mut findings);
        if look == Look::Everything {
            match report(found, verified) {
                Ok(report) => tables.push(report),
                Err(fault) => faults.add(fault),
            }
        }
        let table = std::mem::replace(&mut found.table, Table::new("", vec![]));
        let source =
            Source { table, reader: found.reader.as_ref(), id: &batch.id.clone(), faults: &mut faults };
        fill(&mut batch, found.kind, source, &mut findings);
    }
    faults.finish()?;
    if look == Look::Everything {
        findings::of_columns(&tables, &mut findings);
        findings::of_batch(&batch, &mut findings);
    }
    Ok(Opened { batch, tables, findings })
}

/// All batches under a folder, itself included, in the order of their paths.
///
/// # Errors
/// When a folder cannot be read.
pub fn discover(dir: &Path) -> Result<Vec<PathBuf>, BatchError> {
    let mut found = vec![];
    discover_in(dir, MAX_DEPTH, &mut found)?;
    found.sort();
    Ok(found)
}

fn discover_in(dir: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), BatchError> {
    if is_batch(dir) {
        found.push(dir.to_owned());
        return Ok(());
    }
    let io = |e: std::io::Error| {
        BatchFault::from(ReadError::Io { file: dir.display().to_string(), reason: e.to_string() })
    };
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        // what begins with a dot is on its way here, not published
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if depth > 0 && !hidden && path.is_dir() {
            discover_in(&path, depth - 1, found)?;
        }
    }
    Ok(())
}

fn is_batch(dir: &Path) -> bool {
    TableKind::ALL.iter().any(|kind| inside(dir, *kind).is_some()) || dir.join(meta::FILE).is_file()
}

/// The folder itself, or the only batch below it.
fn the_batch_of(dir: &Path) -> Result<PathBuf, BatchError> {
    if is_batch(dir) {
        return Ok(dir.to_owned());
    }
    let mut found = discover(dir)?;
    let shown = dir.display().to_string();
    match found.len() {
        0 => Err(BatchFault::NoTable { dir: shown }.into()),
        1 => Ok(found.remove(0)),
        _ => {
            let found = found.iter().map(|path| path.display().to_string()).collect();
            Err(BatchFault::Several { dir: shown, found }.into())
        }
    }
}

/// A table as its file has it.
struct FoundTable {
    kind: TableKind,
    /// Whether the file lies in the batch's folder; undated labels may lie outside.
    inside: bool,
    /// Where META.json notes that kind of checksum.
    md5: Option<Md5>,
    /// What is decoded of it.
    table: Table,
    /// Its file, if that is Parquet.
    reader: Option<Reader>,
}

impl FoundTable {
    /// The values of a column, decoded if need be; `None` where it has none or they are malformed, which is told when the column is
    /// read for good.
    fn column(&self, name: &str) -> Option<Cow<'_, Values>> {
        if let Some(values) = self.table.column(name) {
            return Some(Cow::Borrowed(values));
        }
        let columns = self.reader.as_ref()?.columns(Columns::Named(&[name])).ok()?;
        columns.into_iter().next().map(|column| Cow::Owned(column.values))
    }
}

fn read_tables(dir: &Path, meta: Option<&Meta>, faults: &mut Faults) -> Vec<FoundTable> {
    let mut files = vec![];
    for kind in TableKind::ALL {
        let Some(path) = inside(dir, kind).or_else(|| labels_elsewhere(dir, kind, meta)) else { continue };
        let noted = meta.and_then(|meta| meta.checksums.get(&kind.file()));
        match read_table(&path, kind, noted) {
            Ok(found) => files.push(FoundTable { inside: path.parent() == Some(dir), ..found }),
            Err(fault) => faults.add(fault),
        }
    }
    files
}

/// The table's file in the batch's folder: Parquet, else text.
fn inside(dir: &Path, kind: TableKind) -> Option<PathBuf> {
    let named = |extension: &str| dir.join(format!("{}.{extension}", kind.name()));
    ["parquet", "csv", "csv.gz", "tsv", "tsv.gz"].into_iter().map(named).find(|path| path.is_file())
}

/// A table with the columns that its kind has, of transfers none yet: those are read a few at a time.
fn read_table(path: &Path, kind: TableKind, noted: Option<&Checksum>) -> Result<FoundTable, ReadError> {
    let mut found = FoundTable { kind, inside: true, md5: None, table: Table::new("", vec![]), reader: None };
    if path.extension().is_none_or(|extension| extension != "parquet") {
        found.table = csv::read_as_text(path)?;
        return Ok(found);
    }
    let reader = Reader::open(path)?;
    let names = kind.columns().iter().flat_map(|spec| [&[spec.name], spec.read_as].concat()).collect();
    let columns = match kind {
        TableKind::Transfers => Some(vec![]),
        // whatever columns it has
        TableKind::Features => None,
        _ => Some(names),
    };
    let columns = columns.as_deref().map_or(Columns::All, Columns::Named);
    let (columns, digest) = par::join(|| reader.columns(columns), || reader.digest());
    let is_md5 = matches!(noted, Some(Checksum::Md5(_)));
    found.md5 = is_md5.then(|| Md5::of_pieces(|each| reader.each_block(each))).transpose()?;
    let (name, n_rows) = (reader.name().to_owned(), reader.n_rows());
    found.table = Table { name, columns: columns?, n_rows, digest: Some(digest?) };
    found.reader = Some(reader);
    Ok(found)
}

/// Labels are published as `{network}_address_labels.parquet`, beside the batch or in a folder of their own,
/// `address-labels`, next to `snapshots`; formerly day by day in a folder of the network in there.
fn labels_elsewhere(dir: &Path, kind: TableKind, meta: Option<&Meta>) -> Option<PathBuf> {
    if kind != TableKind::AddressLabels {
        return None;
    }
    let absolute = dir.canonicalize().ok()?;
    let by_path = named_by_path(&absolute);
    let network = meta.and_then(|m| m.network.clone()).or_else(|| Some(by_path.as_ref()?.network.clone()))?;
    let name = format!("{network}_{}", kind.file());
    if !meta::is_plain_name(&name) {
        return None;
    }
    let beside = dir.join(&name);
    let ancestors = || absolute.ancestors().skip(1).take(4).map(|folder| folder.join("address-labels"));
    let apart = ancestors().map(|folder| folder.join(&name));
    let undated = std::iter::once(beside).chain(apart).find(|path| path.is_file());
    undated.or_else(|| {
        let date = meta.and_then(|m| m.processing_date).or(by_path.map(|path| path.processing_date))?;
        ancestors().find_map(|folder| labels_until(&folder.join(&network), date))
    })
}

/// The last `address_labels_{YYYY-MM-DD}.parquet` of a folder whose date is not after `date`.
fn labels_until(folder: &Path, date: NaiveDate) -> Option<PathBuf> {
    let dated = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let day = name.strip_prefix("address_labels_")?.strip_suffix(".parquet")?;
        Some((cell::parse_date(day).filter(|day| *day <= date)?, path))
    };
    let files = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    files.filter(|path| path.is_file()).filter_map(dated).max().map(|(_, path)| path)
}

fn check_listed(
    dir: &Path,
    meta: &Meta,
    files: &[FoundTable],
    faults: &mut Faults,
    findings: &mut Vec<Finding>,
) {
    let of_name = |name: &str| TableKind::ALL.into_iter().find(|kind| kind.file() == name);
    let counted =
        meta.counts.iter().filter(|(_, rows)| **rows > 0).map(|(table, _)| format!("{table}.parquet"));
    let mut listed: Vec<String> = meta.checksums.keys().cloned().chain(counted).collect();
    listed.sort_unstable();
    listed.dedup();
    for file in listed {
        let kind = of_name(&file);
        if kind.is_some_and(|kind| files.iter().any(|f| f.kind == kind)) || dir.join(&file).is_file() {
            continue;
        }
        // the one is kept from those who are judged by it, the other is published apart
        if matches!(kind, Some(TableKind::GroundTruth | TableKind::AddressLabels)) {
            findings.push(Finding::new("listed_but_absent", kind, format!("{file} is listed, but absent")));
        } else {
            faults.add(BatchFault::Absent { file });
        }
    }
}

fn verify(found: &FoundTable, meta: &Meta, faults: &mut Faults, findings: &mut Vec<Finding>) -> Verified {
    let text = !found.table.name.ends_with(".parquet");
    let name = if text { found.table.name.clone() } else { found.kind.file() };
    let rows = found.table.n_rows as u64;
    if let Some(&expected) = meta.counts.get(found.kind.name()).filter(|&&n| n != rows) {
        let fault = BatchFault::Count { file: name.clone(), expected, found: rows };
        differs(found, fault, faults, findings);
    }
    let other = |method, expected: String, found: String| {
        Err(BatchFault::Hash { file: name.clone(), method, expected, found })
    };
    let verdict = match (meta.checksums.get(&name), found.table.digest, found.md5) {
        (Some(Checksum::Sha256(noted)), Some(sum), _) if *noted == sum => Ok(Verified::Sha256),
        (Some(Checksum::Sha256(noted)), Some(sum), _) => other("SHA-256", noted.to_string(), sum.to_string()),
        (Some(Checksum::Md5(noted)), _, Some(sum)) if *noted == sum => Ok(Verified::Md5),
        (Some(Checksum::Md5(noted)), _, Some(sum)) => other("MD5", noted.to_string(), sum.to_string()),
        _ => Ok(Verified::No),
    };
    if verdict == Ok(Verified::No) && *meta != Meta::default() {
        let text = format!("{name}: META.json has no checksum for it, so its content is not verified");
        findings.push(Finding::new("not_verified", Some(found.kind), text));
    }
    verdict.unwrap_or_else(|fault| {
        differs(found, fault, faults, findings);
        Verified::No
    })
}

/// A table that is not the one noted is an error, unless it is of labels from outside, which go with the times.
fn differs(found: &FoundTable, fault: BatchFault, faults: &mut Faults, findings: &mut Vec<Finding>) {
    if found.inside {
        faults.add(fault);
    } else {
        findings.push(Finding::new("labels_differ", Some(found.kind), fault.to_string()));
    }
}

/// What a file holds, also in columns that nothing here reads.
fn report(found: &FoundTable, verified: Verified) -> Result<TableReport, ReadError> {
    let mut columns = vec![];
    match &found.reader {
        None => columns.extend(found.table.columns.iter().map(|c| findings::column(&c.name, &c.values))),
        Some(reader) => {
            let names: Vec<&str> = reader.names().collect();
            // a few at a time: nobody asks for all of them together
            for some in names.chunks(par::width()) {
                let decoded = reader.columns(Columns::Named(some))?;
                columns.extend(decoded.iter().map(|c| findings::column(&c.name, &c.values)));
            }
        }
    }
    let Table { name, n_rows, digest, .. } = &found.table;
    Ok(TableReport {
        kind: found.kind,
        file: name.clone(),
        rows: *n_rows,
        digest: *digest,
        verified,
        columns,
    })
}

/// Checks a table and puts it into the batch.
fn fill(batch: &mut Batch, kind: TableKind, mut source: Source<'_>, findings: &mut Vec<Finding>) {
    let source = &mut source;
    match kind {
        TableKind::Transfers => batch.transfers = transfers::read(source),
        TableKind::MoneyFlows => batch.money_flows = in_order(source, by_pair, Some(pair_key)),
        TableKind::Assets => batch.assets = in_order(source, by_asset, Some(asset_key)),
        TableKind::AssetPrices => batch.asset_prices = in_order(source, by_price, Some(price_key)),
        TableKind::AddressLabels => batch.labels = in_order(source, by_label, None),
        TableKind::GroundTruth => batch.ground_truth = in_order(source, by_role, None),
        TableKind::Features => batch.features = features::read(source),
        TableKind::Patterns => batch.patterns = unique(source, "pattern_id", |p: &Pattern| &p.pattern_id),
        TableKind::Alerts => batch.alerts = Record::read(source).map(|alerts| deduplicate(alerts, findings)),
        TableKind::Clusters => batch.clusters = unique(source, "cluster_id", |c: &Cluster| &c.cluster_id),
    }
}

fn by_pair(a: &MoneyFlow, b: &MoneyFlow) -> Ordering {
    (&a.from_address, &a.to_address).cmp(&(&b.from_address, &b.to_address))
}

fn pair_key(flow: &MoneyFlow) -> String {
    format!("from_address {} and to_address {}", flow.from_address, flow.to_address)
}

fn by_asset(a: &Asset, b: &Asset) -> Ordering {
    (&a.asset_contract, &a.asset_symbol).cmp(&(&b.asset_contract, &b.asset_symbol))
}

fn asset_key(asset: &Asset) -> String {
    format!("asset_contract {} and asset_symbol {}", asset.asset_contract, asset.asset_symbol)
}

fn by_price(a: &AssetPrice, b: &AssetPrice) -> Ordering {
    (&a.asset_contract, &a.asset_symbol, a.price_date).cmp(&(
        &b.asset_contract,
        &b.asset_symbol,
        b.price_date,
    ))
}

fn price_key(p: &AssetPrice) -> String {
    format!(
        "asset_contract {}, asset_symbol {} and price_date {}",
        p.asset_contract, p.asset_symbol, p.price_date
    )
}

/// Several labels of one address are legal; all fields decide, so the order is total.
fn by_label(a: &AddressLabel, b: &AddressLabel) -> Ordering {
    fn texts(l: &AddressLabel) -> [&str; 8] {
        [
            &l.address,
            &l.label,
            &l.risk_level,
            &l.source,
            &l.address_type,
            &l.address_subtype,
            &l.trust_level,
            &l.network,
        ]
    }
    let numbers = a.created_timestamp.cmp(&b.created_timestamp);
    texts(a).cmp(&texts(b)).then(numbers).then(a.confidence_score.total_cmp(&b.confidence_score))
}

fn by_role(a: &GroundTruth, b: &GroundTruth) -> Ordering {
    (&a.pattern_instance_id, &a.address, &a.role, &a.pattern_type, a.hop_distance).cmp(&(
        &b.pattern_instance_id,
        &b.address,
        &b.role,
        &b.pattern_type,
        b.hop_distance,
    ))
}

/// Rows in the order of `compare`; where keys must differ, equal neighbours are a fault.
fn in_order<R: Record + Send + Sync>(
    source: &mut Source<'_>,
    compare: fn(&R, &R) -> Ordering,
    key: Option<fn(&R) -> String>,
) -> Option<Vec<R>> {
    let mut rows = R::read(source)?;
    // most files come in order, and rows are large: they are moved once, where they must be
    let mut order: Vec<u32> = Vec::new();
    if !rows.is_sorted_by(|a, b| compare(a, b).is_le()) {
        order = (0..rows.len() as u32).collect();
        par::sort_by(&mut order, |&a, &b| compare(&rows[a as usize], &rows[b as usize]).then(a.cmp(&b)));
        let mut places: Vec<Option<R>> = rows.into_iter().map(Some).collect();
        rows = order.iter().filter_map(|&row| places[row as usize].take()).collect();
    }
    let mut sound = true;
    if let Some(key) = key {
        for at in (1..rows.len()).filter(|&at| compare(&rows[at - 1], &rows[at]).is_eq()) {
            sound = false;
            let in_file = |at: usize| order.get(at).map_or(at, |&row| row as usize);
            let (first, second) = (in_file(at - 1), in_file(at));
            let file = source.table.name.clone();
            source.faults.add(BatchFault::Duplicate { file, first, second, key: key(&rows[at]) });
        }
    }
    sound.then_some(rows)
}

/// Rows in file order; an id twice is a fault.
fn unique<R: Record>(source: &mut Source<'_>, column: &str, id: fn(&R) -> &String) -> Option<Vec<R>> {
    let rows = R::read(source)?;
    let mut first_rows: BTreeMap<&str, usize> = BTreeMap::new();
    let mut sound = true;
    for (second, row) in rows.iter().enumerate() {
        if let Some(&first) = first_rows.get(id(row).as_str()) {
            sound = false;
            let (file, key) = (source.table.name.clone(), format!("{column} {}", id(row)));
            source.faults.add(BatchFault::Duplicate { file, first, second, key });
        } else {
            first_rows.insert(id(row), second);
        }
    }
    sound.then_some(rows)
}

/// Two patterns of one typology on one address make two alerts of one id: the more confident stays, then the one whose
/// evidence comes first in the alphabet, in the place of the first.
fn deduplicate(alerts: Vec<Alert>, findings: &mut Vec<Finding>) -> Vec<Alert> {
    let rows = alerts.len();
    let mut kept: Vec<Alert> = Vec::with_capacity(rows);
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for alert in alerts {
        match places.get(&alert.alert_id) {
            None => {
                places.insert(alert.alert_id.clone(), kept.len());
                kept.push(alert);
            }
            Some(&place) => {
                if preferred(&alert, &kept[place]).is_lt() {
                    kept[place] = alert;
                }
            }
        }
    }
    if kept.len() < rows {
        let text = format!("{} alerts had the id of another and were left out", rows - kept.len());
        findings.push(Finding::new("duplicate_alerts", Some(TableKind::Alerts), text));
    }
    kept
}

fn preferred(a: &Alert, b: &Alert) -> Ordering {
    let confidence = b.alert_confidence_score.total_cmp(&a.alert_confidence_score);
    let evidence = confidence.then_with(|| a.evidence_json.cmp(&b.evidence_json));
    // beyond the stated rule, so that the order of rows in the file decides nothing
    let rest = |x: &Alert| format!("{x:?}");
    evidence.then_with(|| rest(a).cmp(&rest(b)))
}

/// Network, date and window: by META.json, else by the path, else by the columns.
/// Which batch a folder holds, by its META.json and its path alone, tables unread; `None` where they do not say it.
pub fn identify_folder(dir: &Path) -> Option<BatchId> {
    let meta = meta::read(dir, &mut Faults::default()).unwrap_or_default();
    let path = dir.canonicalize().ok().and_then(|dir| named_by_path(&dir));
    Some(BatchId {
        network: meta.network.or_else(|| path.as_ref().map(|p| p.network.clone()))?,
        processing_date: meta.processing_date.or_else(|| path.as_ref().map(|p| p.processing_date))?,
        window_days: meta.window_days.or_else(|| path.as_ref().map(|p| p.window_days))?,
    })
}

fn identify(dir: &Path, meta: Option<&Meta>, files: &[FoundTable], findings: &mut Vec<Finding>) -> BatchId {
    let path = dir.canonicalize().ok().and_then(|dir| named_by_path(&dir));
    let noted = meta.cloned().unwrap_or_default();
    let columns = || named_by_columns(files);
    if let (Some(path), Some(date)) = (&path, noted.processing_date) {
        if path.processing_date != date || noted.window_days.is_some_and(|days| days != path.window_days) {
            let text =
                format!("the path says {}, META.json another batch; META.json is followed", path.name());
            findings.push(Finding::new("path_differs", None, text));
        }
    }
    let network =
        noted.network.or_else(|| path.as_ref().map(|p| p.network.clone())).or_else(|| network_of(files));
    let by_path = path.as_ref().map(|p| (p.processing_date, p.window_days));
    let date = noted.processing_date.or(by_path.map(|p| p.0)).or_else(|| Some(columns()?.0));
    let window = noted.window_days.or(by_path.map(|p| p.1)).or_else(|| Some(columns()?.1));
    if date.is_none() || window.is_none() {
        let text =
            "neither META.json nor path nor columns say date and window; taken from the transfers' times";
        findings.push(Finding::new("undated", None, text));
    }
    let (date, window) = match (date, window) {
        (Some(date), Some(window)) => (date, window),
        _ => {
            let (last_date, last_window) = spanned(files);
            (date.unwrap_or(last_date), window.unwrap_or(last_window))
        }
    };
    BatchId { network: network.unwrap_or_default(), processing_date: date, window_days: window }
}

/// `.../{network}/{YYYY-MM-DD}/{N or Nd}`.
fn named_by_path(dir: &Path) -> Option<BatchId> {
    let mut names = dir.iter().rev().map(|name| name.to_str());
    let window = names.next()??;
    let processing_date = cell::parse_date(names.next()??)?;
    let network = names.next()??.to_lowercase();
    Some(BatchId {
        network,
        processing_date,
        window_days: window.strip_suffix('d').unwrap_or(window).parse().ok()?,
    })
}

/// The first date and window that a table's key columns hold.
fn named_by_columns(files: &[FoundTable]) -> Option<(NaiveDate, u32)> {
    files.iter().find_map(|found| {
        let mut date = found.column("processing_date")?.into_owned();
        let mut window = found.column("window_days")?.into_owned();
        if found.table.n_rows == 0 || !NaiveDate::accepts(&date) || !u32::accepts(&window) {
            return None;
        }
        Some((NaiveDate::take(&mut date, 0).ok()??, u32::take(&mut window, 0).ok()??))
    })
}

fn network_of(files: &[FoundTable]) -> Option<String> {
    files.iter().find_map(|found| match found.column("network")?.as_ref() {
        Values::Text(names) => names.iter().flatten().next().map(|name| name.to_lowercase()),
        _ => None,
    })
}

/// The day after the last transfer, and the days back to the first.
fn spanned(files: &[FoundTable]) -> (NaiveDate, u32) {
    let times = files.iter().find_map(|found| {
        let transfers = Some(found).filter(|found| found.kind == TableKind::Transfers)?;
        let mut values = transfers.column("block_timestamp")?.into_owned();
        let times = (0..values.n_values()?).filter_map(|row| <i64 as Cell>::take(&mut values, row).ok()?);
        times.fold(None, |span: Option<(i64, i64)>, time| {
            let (first, last) = span.unwrap_or((time, time));
            Some((first.min(time), last.max(time)))
        })
    });
    let Some((first, last)) = times else { return (NaiveDate::default(), 0) };
    let day = |ms: i64| ms.div_euclid(86_400_000);
    let end = DateTime::from_timestamp((day(last) + 1).saturating_mul(86_400), 0);
    let window = u32::try_from(day(last) + 1 - day(first)).unwrap_or(0);
    (end.map_or(NaiveDate::default(), |end| end.date_naive()), window)
}

/// How deep batches lie below a folder of batches.
const MAX_DEPTH: usize = 6;
