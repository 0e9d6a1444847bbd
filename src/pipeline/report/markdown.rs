//! Blocks as Markdown; charts are left out.

use std::fmt::Write as _;

use super::document::{Block, Cell, Table};

/// The page.
pub(super) fn page(blocks: &[Block]) -> String {
    let mut page = String::new();
    for block in blocks {
        match block {
            Block::Heading(level, text) => {
                let _ = writeln!(page, "{} {}\n", "#".repeat(usize::from(*level)), escape(text));
            }
            Block::Text(text) => {
                let _ = writeln!(page, "{}\n", escape(text));
            }
            Block::List(points) => {
                points.iter().for_each(|point| page.push_str(&format!("* {}\n", escape(point))));
                page.push('\n');
            }
            Block::Table(table) => page.push_str(&self::table(table)),
            Block::Figures(_) => {}
        }
    }
    page
}

fn table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = format!("{}:\n\n", escape(table.caption.trim_end_matches('.')));
    text.push_str(&line(table.head.iter().map(|name| escape(name)).collect()));
    text.push_str(&format!("|{}\n", "---|".repeat(table.head.len())));
    for row in &table.rows {
        text.push_str(&line(row.iter().map(|cell: &Cell| escape(cell.words())).collect()));
    }
    text.push('\n');
    text
}

/// Text that cannot become markup or break a table: ids and names come from data.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '|' | '*' | '`' | '[' | ']' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_break_a_table() {
        let table = Table::new("c", &["id", "n"], vec![vec![Cell::text("a|b\n<i>"), Cell::share(0.5)]]);
        assert_eq!(page(&[Block::Table(table)]), "c:\n\n| id | n |\n|---|---|\n| a\\|b &lt;i> | 0.500 |\n\n");
    }
}
