//! A table as the matrix that a model reads.

use std::path::PathBuf;

use clap::Args;

use crate::cli::Fault;
use crate::cli::args::Global;
use crate::gbdt::data::{FeatureMatrix, Schema};
use crate::gbdt::model::lightgbm;
use crate::table::{self, Table, frame};

/// Which table, and which of its columns are no features.
#[derive(Debug, Args)]
pub(super) struct Data {
    /// Rows to read: .parquet, .csv or .tsv, also .gz
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Column of the label, which is left out [default: the first of a .csv or .tsv that is no feature of the model]
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    /// Column of the query, which is left out
    #[arg(long, value_name = "COL")]
    group: Option<String>,
}

impl Data {
    /// The columns that the model names, in its order; by position where no name is known.
    pub(super) fn read(&self, schema: &Schema, global: &Global) -> Result<FeatureMatrix, Fault> {
        let mut table = table::read(&self.data).map_err(Fault::input)?;
        self.drop_roles(&mut table, schema)?;
        adopt_plain_names(&mut table, schema);
        let known = schema.names().filter(|name| table.column(name).is_some()).count();
        if known == 0 && !schema.is_empty() {
            if table.columns.len() != schema.len() {
                let (found, expected) = (table.columns.len(), schema.len());
                let first = schema.names().next().unwrap_or_default();
                return Err(Fault::Input(format!(
                    "{}: no column `{first}`, nor any other feature of the model, and {found} columns instead of {expected}",
                    table.name
                )));
            }
            if !global.quiet {
                eprintln!("note: {}: no column bears a name of the model's; taken by position", table.name);
            }
            table.columns.iter_mut().zip(schema.names()).for_each(|(c, name)| c.name = name.to_owned());
        }
        frame::conform(table, schema, &frame::Roles::default()).map_err(Fault::input)
    }

    fn drop_roles(&self, table: &mut Table, schema: &Schema) -> Result<(), Fault> {
        for (name, flag) in [(&self.label, "--label"), (&self.group, "--group")] {
            let Some(name) = name else { continue };
            let at = table.columns.iter().position(|c| &c.name == name);
            let at =
                at.ok_or_else(|| Fault::Input(format!("{}: no column `{name}` for {flag}", table.name)))?;
            table.columns.remove(at);
        }
        let textual = !table.name.trim_end_matches(".gz").ends_with(".parquet");
        let first_is_label = table.columns.first().is_some_and(|c| schema.position(&c.name).is_none());
        if self.label.is_none() && textual && first_is_label && table.columns.len() > schema.len() {
            table.columns.remove(0);
        }
        Ok(())
    }
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
