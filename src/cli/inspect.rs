//! `inspect`: what a batch holds, what vouches for it, and what is odd about it.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{Fault, Verdict};
use crate::aml::sot::{self, Opened, TableReport, Verified};
use crate::table::file;

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// Folder of the batch
    #[arg(value_name = "BATCH")]
    batch: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write JSON to a file
    #[arg(long, value_name = "FILE.json")]
    output: Option<PathBuf>,
}

pub(super) fn run(command: &Inspect) -> Result<Verdict, Fault> {
    let opened = sot::open(&command.batch).map_err(Fault::input)?;
    let json = format!("{:#}\n", to_json(&opened));
    if let Some(path) = &command.output {
        file::write(path, json.as_bytes()).map_err(Fault::internal)?;
    }
    let printed = match (command.json, &command.output) {
        (true, _) => json,
        (false, Some(_)) => return Ok(Verdict::Done),
        (false, None) => to_text(&opened),
    };
    print!("{printed}");
    Ok(Verdict::Done)
}

fn to_json(opened: &Opened) -> Value {
    let id = &opened.batch.id;
    let tables = opened.tables.iter().map(|table| {
        let columns = table
            .columns
            .iter()
            .map(|c| json!({"name": c.name, "type": c.kind, "missing": c.missing, "constant": c.constant}));
        json!({
            "table": table.kind.name(),
            "file": table.file,
            "rows": table.rows,
            "sha256": table.digest.map(|d| d.to_string()),
            "verified": table.verified != Verified::No,
            "columns": columns.collect::<Vec<_>>(),
        })
    });
    json!({
        "batch": id.name(),
        "network": id.network,
        "processing_date": id.processing_date.to_string(),
        "window_days": id.window_days,
        "tables": tables.collect::<Vec<_>>(),
        "findings": opened.findings,
    })
}

fn to_text(opened: &Opened) -> String {
    let mut text = format!("batch {}\n\n", opened.batch.id.name());
    let write = |text: &mut String, line: std::fmt::Arguments<'_>| {
        text.write_fmt(line).expect("writing to a string does not fail");
        text.push('\n');
    };
    write(&mut text, format_args!("{:<16}{:>10}{:>9}  verified", "table", "rows", "columns"));
    for table in &opened.tables {
        let (name, columns) = (table.kind.name(), table.columns.len());
        write(&mut text, format_args!("{name:<16}{:>10}{columns:>9}  {}", table.rows, vouched(table)));
    }
    for table in &opened.tables {
        write(&mut text, format_args!("\n{}", table.file));
        for column in &table.columns {
            let missing =
                if column.missing > 0 { format!("  {} missing", column.missing) } else { String::new() };
            let constant = if column.constant { "  constant" } else { "" };
            write(&mut text, format_args!("  {:<32}{:<20}{missing}{constant}", column.name, column.kind));
        }
    }
    write(&mut text, format_args!("\n{} findings", opened.findings.len()));
    for finding in &opened.findings {
        let table = finding.table.map(|table| format!(" ({table})")).unwrap_or_default();
        let severity = finding.severity.name();
        write(
            &mut text,
            format_args!("  {severity:<8}{}{table}: {}; {}", finding.code, finding.text, finding.rule),
        );
    }
    text
}

fn vouched(table: &TableReport) -> &'static str {
    match table.verified {
        Verified::Sha256 => "SHA-256 as in META.json",
        Verified::Md5 => "MD5 as in META.json",
        Verified::No => "no",
    }
}
