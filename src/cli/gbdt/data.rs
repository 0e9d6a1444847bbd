//! A table as the matrix that a model reads.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::Fault;
use crate::cli::args::Global;
use crate::gbdt::data::{FeatureMatrix, Schema};
use crate::gbdt::model::lightgbm;
use crate::table::layout::{self, Layout};
use crate::table::{Table, TableColumn, Values, frame, libsvm};

/// Which table, and which of its columns are no features.
#[derive(Debug, Args)]
pub(super) struct Data {
    /// Rows to read: .parquet, .csv, .tsv, .svm or LightGBM's bare lines of numbers, also .gz
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Column of the label, which is left out; by position from 0 where columns have no names [default: the first, but
    /// of .parquet, where there are more columns than features]
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    /// Column of the query, which is left out
    #[arg(long, value_name = "COL")]
    group: Option<String>,
}

impl Data {
    /// Another file, read in the same way.
    pub(super) fn of(&self, path: &Path) -> Data {
        Data { data: path.to_owned(), label: self.label.clone(), group: self.group.clone() }
    }

    /// The columns that the model names, in its order; by position where no name is known.
    pub(super) fn read(&self, schema: &Schema, global: &Global) -> Result<FeatureMatrix, Fault> {
        let (mut table, layout) = layout::open(&self.data).map_err(Fault::input)?;
        self.drop_roles(&mut table, layout, schema)?;
        match layout {
            Layout::Named | Layout::Headed => {
                adopt_plain_names(&mut table, schema);
                let known = schema.names().filter(|name| table.column(name).is_some()).count();
                if known == 0 && !schema.is_empty() {
                    let first = schema.names().next().unwrap_or_default();
                    let lacks = format!("no column `{first}`, nor any other feature of the model, and ");
                    by_position(&mut table, schema, &lacks)?;
                    if !global.quiet {
                        let file = &table.name;
                        eprintln!("note: {file}: no column bears a name of the model's; taken by position");
                    }
                }
            }
            Layout::Numbered => by_position(&mut table, schema, "")?,
            Layout::Sparse => {
                widen(&mut table, schema);
                by_position(&mut table, schema, "indices count from 0 and make ")?;
            }
        }
        frame::conform(table, schema, &frame::Roles::default()).map_err(Fault::input)
    }

    fn drop_roles(&self, table: &mut Table, layout: Layout, schema: &Schema) -> Result<(), Fault> {
        for (name, flag) in [(&self.label, "--label"), (&self.group, "--group")] {
            let Some(name) = name else { continue };
            let at = table.columns.iter().position(|c| &c.name == name);
            let at =
                at.ok_or_else(|| Fault::Input(format!("{}: no column `{name}` for {flag}", table.name)))?;
            table.columns.remove(at);
        }
        let first_is_label = match layout {
            Layout::Named => false,
            Layout::Headed => table.columns.first().is_some_and(|c| schema.position(&c.name).is_none()),
            Layout::Numbered => true,
            Layout::Sparse => {
                table
                    .columns
                    .retain(|column| ![libsvm::LABEL, libsvm::QUERY].contains(&column.name.as_str()));
                false
            }
        };
        if self.label.is_none() && first_is_label && table.columns.len() > schema.len() {
            table.columns.remove(0);
        }
        Ok(())
    }
}

/// Names the columns as the model does, one after another; there must be as many.
fn by_position(table: &mut Table, schema: &Schema, lacks: &str) -> Result<(), Fault> {
    if table.columns.len() != schema.len() {
        let (file, found, expected) = (&table.name, table.columns.len(), schema.len());
        return Err(Fault::Input(format!("{file}: {lacks}{found} columns instead of {expected}")));
    }
    table.columns.iter_mut().zip(schema.names()).for_each(|(c, name)| c.name = name.to_owned());
    Ok(())
}

/// The features behind the greatest index of a LibSVM file: all of its lines left them out, so they are 0.
fn widen(table: &mut Table, schema: &Schema) {
    let zeros = || Values::F64(vec![0.0; table.n_rows]);
    let absent: Vec<TableColumn> = (table.columns.len()..schema.len())
        .map(|i| TableColumn::new(format!("Column_{i}"), zeros()))
        .collect();
    table.columns.extend(absent);
}

/// LightGBM cannot hold every name: a column whose name it would have changed to the model's bears that name.
fn adopt_plain_names(table: &mut Table, schema: &Schema) {
    let named: Vec<Option<String>> = table
        .columns
        .iter()
        .map(|column| Some(lightgbm::plain_name(&column.name)).filter(|plain| *plain != column.name))
        .map(|plain| plain.filter(|plain| table.column(plain).is_none() && schema.position(plain).is_some()))
        .collect();
    for (column, plain) in table.columns.iter_mut().zip(named) {
        let lost = schema.position(&column.name).is_none();
        plain.filter(|_| lost).into_iter().for_each(|plain| column.name = plain);
    }
}
