//! A [`Table`] to what the engine takes: a matrix of features beside label, group sizes, weights and row keys.
//!
//! Feature columns keep their width (f32 stays f32). Booleans become 0 and 1, integers and decimals the nearest
//! double (beyond 2^53 neighbours may meet), dates days, timestamps milliseconds; text becomes a categorical feature
//! whose codes count its sorted distinct values. Lists and types not decoded are refused by name.

use std::collections::BTreeMap;
use std::path::Path;

use super::layout::Layout;
use super::side::SideFile;
use super::{ReadError, Table, Values, file, libsvm, parts};
use crate::determinism::digest::Digest;
use crate::gbdt::data::{Column, Feature, FeatureKind, FeatureMatrix, MatrixError, Schema};

/// Which columns play which part; the rest are features.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    /// What is to be learned.
    pub label: Option<String>,
    /// Query id: rows of one query stand together.
    pub group: Option<String>,
    /// Row weight.
    pub weight: Option<String>,
    /// What identifies a row.
    pub key: Option<String>,
    /// Columns of codes (or text) without an order.
    pub categorical: Vec<String>,
}

/// A table, taken apart by [`Roles`].
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// All columns without another part.
    pub features: FeatureMatrix,
    /// One per row, none missing.
    pub label: Option<Vec<f64>>,
    /// Rows of each query, in file order; they add up to the rows of the table.
    pub group: Option<Vec<usize>>,
    /// One per row, finite and not negative.
    pub weight: Option<Vec<f64>>,
    /// One per row, all different.
    pub key: Option<Vec<u64>>,
    /// Where each row was shown; side files alone say it.
    pub position: Option<Vec<u32>>,
    /// The raw score that each row starts from, finite; side files alone say it.
    pub init_score: Option<Vec<f64>>,
}

/// Why a table is not what the engine takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A named column is not there.
    #[error("{file}: no column `{column}` for {role}; it has {found}")]
    NoColumn {
        /// The file.
        file: String,
        /// The column asked for.
        column: String,
        /// What it was asked for.
        role: &'static str,
        /// The columns there are.
        found: String,
    },
    /// A column of a type that is not a number.
    #[error("{file}: column `{column}`: expected numbers{for_what}, found {found}; leave it out of the file")]
    Type {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// What the column was meant for, with its preposition.
        for_what: &'static str,
        /// The type found.
        found: String,
    },
    /// A value that its part does not allow.
    #[error("{file}: column `{column}`, row {row}: expected {expected}, found {found}")]
    Value {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Counted from 0.
        row: usize,
        /// What may stand there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// Rows of one query are apart.
    #[error(
        "{file}: column `{column}`, row {row}: query {group} comes back after another one; sort rows by query"
    )]
    ScatteredGroup {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// Where the query comes back.
        row: usize,
        /// The query's id.
        group: String,
    },
    /// Two rows of one key.
    #[error("{file}: column `{column}`: rows {first} and {second} have the same key {key}")]
    DuplicateKey {
        /// The file.
        file: String,
        /// The column.
        column: String,
        /// The earlier row.
        first: usize,
        /// The later row.
        second: usize,
        /// What both have.
        key: String,
    },
    /// A side file does not fit the table.
    #[error("{file}: expected {expected}, found {found}")]
    SideFile {
        /// The side file.
        file: String,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// The columns do not make a matrix.
    #[error("{file}: {reason}")]
    Matrix {
        /// The file.
        file: String,
        /// Why not.
        reason: MatrixError,
    },
    /// A side file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Frame {
    /// Takes a table apart; columns move where they can.
    ///
    /// # Errors
    /// When a named column is absent or holds what its part does not allow.
    pub fn new(mut table: Table, roles: &Roles) -> Result<Self, FrameError> {
        let key = take(&mut table, roles.key.as_ref(), "--key")?;
        let key = key.map(|(name, values)| keys(&table, &name, &values)).transpose()?;
        let group = take(&mut table, roles.group.as_ref(), "--group")?;
        let group = group.map(|(name, values)| group_sizes(&table, &name, &values)).transpose()?;
        let weight = take(&mut table, roles.weight.as_ref(), "--weight")?;
        let weight = weight.map(|(name, values)| weights(&table, &name, &values)).transpose()?;
        let label = take(&mut table, roles.label.as_ref(), "--label")?;
        let label = label.map(|(name, values)| labels(&table, &name, &values)).transpose()?;
        for name in &roles.categorical {
            if table.column(name).is_none() {
                return Err(no_column(&table, name, "--categorical"));
            }
        }
        let features = features(table, &roles.categorical)?;
        Ok(Frame { features, label, group, weight, key, position: None, init_score: None })
    }

    /// Reads the rows of files of one [`Layout`], one file behind the other, and takes them apart. Without a named label, that of
    /// a text is its first column; where columns have no names, `roles` name them by position, from 0. Beside each `FILE`,
    /// `FILE.query` or `FILE.group` (rows of each query), `FILE.weight`, `FILE.position` and `FILE.init` (one number a row)
    /// are read where no column was named for them.
    ///
    /// # Errors
    /// When a file cannot be read, does not fit, or is not like the first.
    ///
    /// # Panics
    /// Without a path.
    pub fn read<P: AsRef<Path>>(paths: &[P], roles: &Roles) -> Result<(Self, Layout), FrameError> {
        let (mut table, layout, rows) = parts::open(paths)?;
        let roles = default_roles(&mut table, layout, roles.clone());
        let mut frame = Frame::new(table, &roles)?;
        if frame.group.is_none() {
            frame.group = beside(paths, &rows, &["query", "group"], SideFile::query_sizes)?;
        }
        if frame.weight.is_none() {
            frame.weight = beside(paths, &rows, &["weight"], SideFile::weights)?;
        }
        frame.position = beside(paths, &rows, &["position"], SideFile::positions)?;
        frame.init_score = beside(paths, &rows, &["init"], SideFile::scores)?;
        Ok((frame, layout))
    }

    /// Gives a LibSVM file the features of `schema` that all of its lines left out: they are 0.
    pub fn widen(&mut self, schema: &Schema) {
        let own = self.features.schema().clone();
        let absent = schema.features.iter().filter(|feature| own.position(&feature.name).is_none());
        let mut widened = own.clone();
        let mut columns: Vec<Column> = (0..own.len()).map(|f| self.features.column(f).clone()).collect();
        for feature in absent {
            widened.features.push(feature.clone());
            columns.push(Column::F64(vec![0.0; self.features.n_rows()]));
        }
        self.features =
            FeatureMatrix::new(widened, columns).expect("names that were absent, columns of one length");
    }
}

/// The numbers of the side files of some endings, one file behind the other: there is one beside each file or beside none.
fn beside<T, P: AsRef<Path>>(
    paths: &[P],
    rows: &[usize],
    endings: &[&str],
    numbers: impl Fn(&SideFile, usize) -> Result<Vec<T>, FrameError>,
) -> Result<Option<Vec<T>>, FrameError> {
    let sides = paths.iter().map(|path| SideFile::beside(path.as_ref(), endings));
    let sides = sides.collect::<Result<Vec<_>, _>>()?;
    if sides.iter().all(Option::is_none) {
        return Ok(None);
    }
    let mut all = vec![];
    for ((side, path), &n_rows) in sides.iter().zip(paths).zip(rows) {
        let side = side.as_ref().ok_or_else(|| FrameError::SideFile {
            file: file::name(path.as_ref()),
            expected: format!("a file .{} beside it, as others have", endings[0]),
            found: "none".to_owned(),
        })?;
        all.extend(numbers(side, n_rows)?);
    }
    Ok(Some(all))
}

/// What plays which part where nothing was said. Numbered columns get the names that LightGBM gives them, counted without
/// the label, and parts that were named by position are found again.
fn default_roles(table: &mut Table, layout: Layout, mut roles: Roles) -> Roles {
    let first = || table.columns.first().map(|column| column.name.clone());
    match layout {
        Layout::Named => {}
        Layout::Headed | Layout::Numbered => roles.label = roles.label.or_else(first),
        Layout::Sparse => {
            roles.label = roles.label.or_else(|| Some(libsvm::LABEL.to_owned()));
            let query = table.column(libsvm::QUERY).map(|_| libsvm::QUERY.to_owned());
            roles.group = roles.group.or(query);
        }
    }
    if layout != Layout::Numbered {
        return roles;
    }
    let label = table.columns.iter().position(|column| Some(&column.name) == roles.label.as_ref());
    let renamed = |name: &str| match (name.parse::<usize>().ok(), label) {
        (Some(at), Some(label)) if at > label && at < table.columns.len() => format!("Column_{}", at - 1),
        (Some(at), Some(label)) if at < label => format!("Column_{at}"),
        _ => name.to_owned(),
    };
    for role in [&mut roles.group, &mut roles.weight, &mut roles.key] {
        *role = role.take().map(|name| renamed(&name));
    }
    roles.categorical = roles.categorical.iter().map(|name| renamed(name)).collect();
    let names: Vec<String> = table.columns.iter().map(|column| renamed(&column.name)).collect();
    table.columns.iter_mut().zip(names).for_each(|(column, name)| column.name = name);
    roles
}

/// The columns of a table that a model's schema names, in its order; other columns are ignored.
///
/// Text goes to the codes of the schema's levels; a level the schema does not know becomes the first unused code, which
/// no split lists. A schema of unnamed columns (`Column_0`, `Column_1` ... as LightGBM calls them) takes the table's
/// columns by position, those named in `roles` aside.
///
/// # Errors
/// When a column is absent, or text where the schema has numbers.
pub fn conform(mut table: Table, schema: &Schema, roles: &Roles) -> Result<FeatureMatrix, FrameError> {
    let unnamed = schema.names().enumerate().all(|(i, name)| name == format!("Column_{i}"));
    if unnamed && schema.names().any(|name| table.column(name).is_none()) {
        let parts = [&roles.label, &roles.group, &roles.weight, &roles.key];
        table.columns.retain(|c| !parts.iter().any(|part| part.as_ref() == Some(&c.name)));
        table.columns.iter_mut().enumerate().for_each(|(i, c)| c.name = format!("Column_{i}"));
    }
    let mut columns = Vec::with_capacity(schema.len());
    for feature in &schema.features {
        let at = table.columns.iter().position(|c| c.name == feature.name);
        let at = at.ok_or_else(|| no_column(&table, &feature.name, "a feature of the model"))?;
        let values = std::mem::replace(&mut table.columns[at].values, Values::Other(String::new()));
        let column = match (&feature.kind, values) {
            (FeatureKind::Categorical { levels }, Values::Text(texts)) if !levels.is_empty() => {
                codes(&texts, levels)
            }
            (_, values) => numbers(&table.name, &feature.name, " for a feature", values)?,
        };
        columns.push(column);
    }
    let file = table.name;
    FeatureMatrix::new(schema.clone(), columns).map_err(|reason| FrameError::Matrix { file, reason })
}

type Taken = Option<(String, Values)>;

fn take(table: &mut Table, name: Option<&String>, role: &'static str) -> Result<Taken, FrameError> {
    let Some(name) = name else { return Ok(None) };
    match table.columns.iter().position(|c| &c.name == name) {
        Some(at) => Ok(Some((name.clone(), table.columns.remove(at).values))),
        None => Err(no_column(table, name, role)),
    }
}

fn no_column(table: &Table, column: &str, role: &'static str) -> FrameError {
    const SHOWN: usize = 12;
    let mut names: Vec<&str> = table.columns.iter().take(SHOWN).map(|c| c.name.as_str()).collect();
    if table.columns.len() > SHOWN {
        names.push("…");
    }
    let found = if names.is_empty() { "no others".into() } else { names.join(", ") };
    FrameError::NoColumn { file: table.name.clone(), column: column.to_owned(), role, found }
}

fn bad_value(table: &Table, column: &str, row: usize, expected: &'static str, found: String) -> FrameError {
    FrameError::Value { file: table.name.clone(), column: column.to_owned(), row, expected, found }
}

fn labels(table: &Table, name: &str, values: &Values) -> Result<Vec<f64>, FrameError> {
    checked_numbers(table, name, values, " for the label", "a finite label", f64::is_finite)
}

fn weights(table: &Table, name: &str, values: &Values) -> Result<Vec<f64>, FrameError> {
    const EXPECTED: &str = "a finite weight, not negative";
    checked_numbers(table, name, values, " for the weight", EXPECTED, |w| w.is_finite() && w >= 0.0)
}

fn checked_numbers(
    table: &Table,
    name: &str,
    values: &Values,
    for_what: &'static str,
    expected: &'static str,
    allowed: impl Fn(f64) -> bool,
) -> Result<Vec<f64>, FrameError> {
    let mut numbers = Vec::with_capacity(table.n_rows);
    for row in 0..table.n_rows {
        let Some(value) = values.n_values().and_then(|_| values.number(row)) else {
            let (file, column) = (table.name.clone(), name.to_owned());
            return Err(FrameError::Type { file, column, for_what, found: values.kind() });
        };
        if !allowed(value) {
            return Err(bad_value(table, name, row, expected, values.show(row)));
        }
        numbers.push(value);
    }
    Ok(numbers)
}

/// One number per row, different where the values are: whole numbers as they are, else the start of a digest.
fn keys(table: &Table, name: &str, values: &Values) -> Result<Vec<u64>, FrameError> {
    let key = |row: usize| -> Option<u64> {
        match values {
            Values::Int(v) | Values::Timestamp(v) => v[row].map(|x| x as u64),
            Values::UInt(v) => v[row],
            Values::F64(v) if v[row].fract() == 0.0 && v[row].abs() < 9e15 => Some(v[row] as i64 as u64),
            Values::Text(v) => v[row].as_ref().map(|t| {
                let [a, b, c, d, e, f, g, h, ..] = Digest::of(t.as_bytes()).0;
                u64::from_le_bytes([a, b, c, d, e, f, g, h])
            }),
            _ => None,
        }
    };
    let mut keys = Vec::with_capacity(table.n_rows);
    for row in 0..table.n_rows {
        let found = || values.n_values().map_or_else(|| values.kind(), |_| values.show(row));
        let key = key(row).ok_or_else(|| bad_value(table, name, row, "text or a whole number", found()))?;
        keys.push(key);
    }
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|&row| (keys[row], row));
    match order.windows(2).find(|pair| keys[pair[0]] == keys[pair[1]]) {
        None => Ok(keys),
        Some(pair) => Err(FrameError::DuplicateKey {
            file: table.name.clone(),
            column: name.to_owned(),
            first: pair[0],
            second: pair[1],
            key: values.show(pair[1]),
        }),
    }
}

fn group_sizes(table: &Table, name: &str, values: &Values) -> Result<Vec<usize>, FrameError> {
    let mut first_rows: BTreeMap<String, usize> = BTreeMap::new();
    let mut sizes = vec![];
    let mut current: Option<String> = None;
    for row in 0..table.n_rows {
        let Some(id) = query_id(values, row) else {
            let found = values.n_values().map_or_else(|| values.kind(), |_| values.show(row));
            return Err(bad_value(table, name, row, "a query id", found));
        };
        if current.as_ref() == Some(&id) {
            *sizes.last_mut().expect("a current query has a size") += 1;
            continue;
        }
        if first_rows.insert(id.clone(), row).is_some() {
            let (file, column, group) = (table.name.clone(), name.to_owned(), values.show(row));
            return Err(FrameError::ScatteredGroup { file, column, row, group });
        }
        sizes.push(1);
        current = Some(id);
    }
    Ok(sizes)
}

/// The id of a row's query, whole: texts that messages show alike, cut short, are still two ids.
fn query_id(values: &Values, row: usize) -> Option<String> {
    match values {
        Values::Text(texts) => texts[row].clone(),
        Values::Other(_) => None,
        values => Some(values.show(row)).filter(|id| !matches!(id.as_str(), "null" | "NaN" | "None")),
    }
}

fn features(table: Table, categorical: &[String]) -> Result<FeatureMatrix, FrameError> {
    let file = table.name;
    let mut schema = Schema::default();
    let mut columns = Vec::with_capacity(table.columns.len());
    for column in table.columns {
        let (kind, values) = match column.values {
            Values::Text(texts) => {
                let mut levels: Vec<String> = texts.iter().flatten().cloned().collect();
                levels.sort_unstable();
                levels.dedup();
                let codes = codes(&texts, &levels);
                (FeatureKind::Categorical { levels }, codes)
            }
            values => {
                let values = numbers(&file, &column.name, " for a feature", values)?;
                if categorical.contains(&column.name) {
                    check_codes(&file, &column.name, &values)?;
                    (FeatureKind::Categorical { levels: vec![] }, values)
                } else {
                    (FeatureKind::Numerical, values)
                }
            }
        };
        schema.features.push(Feature { name: column.name, kind });
        columns.push(values);
    }
    FeatureMatrix::new(schema, columns).map_err(|reason| FrameError::Matrix { file, reason })
}

fn check_codes(file: &str, column: &str, values: &Column) -> Result<(), FrameError> {
    let is_code = |v: f64| v.is_nan() || (v >= 0.0 && v.fract() == 0.0 && v <= f64::from(i32::MAX));
    match (0..values.len()).find(|&row| !is_code(values.get(row))) {
        None => Ok(()),
        Some(row) => Err(FrameError::Value {
            file: file.to_owned(),
            column: column.to_owned(),
            row,
            expected: "a category code: a whole number from 0 to 2147483647",
            found: values.get(row).to_string(),
        }),
    }
}

/// Codes of one list of names as those of another; a name that the other lacks gets its first unused code. Lists without names
/// leave codes as they are.
pub fn recode(column: &Column, from: &[String], to: &[String]) -> Column {
    if from == to || from.is_empty() || to.is_empty() {
        return column.clone();
    }
    let texts = (0..column.len()).map(|row| {
        let code = Some(column.get(row)).filter(|code| !code.is_nan());
        code.and_then(|code| from.get(code as usize).cloned())
    });
    codes(&texts.collect::<Vec<Option<String>>>(), to)
}

/// Positions among sorted levels; a text that is none of them gets the first unused code.
fn codes(texts: &[Option<String>], levels: &[String]) -> Column {
    let by_name: BTreeMap<&str, usize> = levels.iter().enumerate().map(|(i, l)| (l.as_str(), i)).collect();
    let code = |text: &Option<String>| match text {
        None => f64::NAN,
        Some(text) => by_name.get(text.as_str()).copied().unwrap_or(levels.len()) as f64,
    };
    Column::F64(texts.iter().map(code).collect())
}

fn numbers(file: &str, column: &str, for_what: &'static str, values: Values) -> Result<Column, FrameError> {
    match values {
        Values::F32(values) => return Ok(Column::F32(values)),
        Values::F64(values) => return Ok(Column::F64(values)),
        _ => {}
    }
    let rows = values.n_values().unwrap_or(1);
    let numbers: Option<Vec<f64>> =
        values.n_values().and_then(|_| (0..rows).map(|row| values.number(row)).collect::<Option<Vec<f64>>>());
    numbers.map(Column::F64).ok_or_else(|| FrameError::Type {
        file: file.to_owned(),
        column: column.to_owned(),
        for_what,
        found: values.kind(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::TableColumn;

    fn table() -> Table {
        Table::new(
            "t.csv",
            vec![
                TableColumn::new("y", Values::Int(vec![Some(1), Some(0), Some(1)])),
                TableColumn::new(
                    "q",
                    Values::Text(vec![Some("b".into()), Some("b".into()), Some("a".into())]),
                ),
                TableColumn::new("x", Values::F32(vec![0.5, f32::NAN, 2.0])),
                TableColumn::new("c", Values::Text(vec![Some("red".into()), None, Some("blue".into())])),
                TableColumn::new("d", Values::Decimal { scale: 2, units: vec![Some(150), None, Some(-1)] }),
            ],
        )
    }

    fn roles() -> Roles {
        Roles { label: Some("y".into()), group: Some("q".into()), ..Roles::default() }
    }

    #[test]
    fn takes_a_table_apart() {
        let frame = Frame::new(table(), &roles()).expect("a frame");
        assert_eq!(frame.label, Some(vec![1.0, 0.0, 1.0]));
        assert_eq!(frame.group, Some(vec![2, 1]));
        assert_eq!(frame.features.schema().names().collect::<Vec<_>>(), ["x", "c", "d"]);
        assert!(matches!(frame.features.column(0), Column::F32(_)));
        let levels = vec!["blue".to_owned(), "red".to_owned()];
        assert_eq!(frame.features.schema().features[1].kind, FeatureKind::Categorical { levels });
        assert_eq!(frame.features.value(0, 1), 1.0);
        assert!(frame.features.value(1, 1).is_nan());
        assert_eq!(frame.features.value(0, 2), 1.5);
    }

    #[test]
    fn long_query_ids_are_told_apart_by_their_ends() {
        let id = |end: &str| Some("x".repeat(200) + end);
        let mut long = table();
        long.columns[1].values = Values::Text(vec![id("a"), id("b"), id("b")]);
        assert_eq!(Frame::new(long, &roles()).expect("a frame").group, Some(vec![1, 2]));
        let mut none = table();
        none.columns[1].values = Values::Text(vec![id("a"), None, id("b")]);
        let text = "t.csv: column `q`, row 1: expected a query id, found null";
        assert_eq!(Frame::new(none, &roles()).expect_err("refused").to_string(), text);
    }

    #[test]
    fn a_model_sees_its_own_codes() {
        let trained = Frame::new(table(), &roles()).expect("a frame").features;
        let mut later = table();
        later.columns.reverse();
        later.columns[1].values = Values::Text(vec![Some("green".into()), Some("red".into()), None]);
        let codes = Column::F64(vec![1.0, 0.0, f64::NAN]);
        let [from, to] = [["a", "blue"], ["blue", "red"]].map(|names| names.map(str::to_owned));
        let Column::F64(recoded) = recode(&codes, &from, &to) else { panic!("codes are doubles") };
        assert_eq!(recoded[..2], [0.0, 2.0]);
        assert!(recoded[2].is_nan());
        let matrix = conform(later, trained.schema(), &Roles::default()).expect("a matrix");
        assert_eq!(matrix.schema(), trained.schema());
        assert_eq!([matrix.value(0, 1), matrix.value(1, 1)], [2.0, 1.0]);
        assert!(matrix.value(2, 1).is_nan());
        let error = conform(Table::new("e.csv", vec![]), trained.schema(), &Roles::default());
        let text = "e.csv: no column `x` for a feature of the model; it has no others";
        assert_eq!(error.expect_err("no columns").to_string(), text);
    }

    #[test]
    fn faults_name_column_and_row() {
        let message = |roles: Roles| Frame::new(table(), &roles).expect_err("refused").to_string();
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(
            message(Roles { label: named("z"), ..Roles::default() }),
            "t.csv: no column `z` for --label; it has y, q, x, c, d"
        );
        assert_eq!(
            message(Roles { label: named("x"), ..Roles::default() }),
            "t.csv: column `x`, row 1: expected a finite label, found NaN"
        );
        assert_eq!(
            message(Roles { group: named("y"), ..Roles::default() }),
            "t.csv: column `y`, row 2: query 1 comes back after another one; sort rows by query"
        );
        assert_eq!(
            message(Roles { key: named("q"), ..Roles::default() }),
            "t.csv: column `q`: rows 0 and 1 have the same key `b`"
        );
        assert_eq!(
            message(Roles { weight: named("d"), ..Roles::default() }),
            "t.csv: column `d`, row 1: expected a finite weight, not negative, found null"
        );
        assert_eq!(
            message(Roles { weight: named("c"), ..Roles::default() }),
            "t.csv: column `c`: expected numbers for the weight, found text; leave it out of the file"
        );
    }
}
