//! A report as a list of blocks, before it is a page: what [`super::html`] and [`super::markdown`] both write.

use super::chart::Chart;
use crate::pipeline::evaluate::{Part, Status};

/// A part of a page.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Block {
    /// A title; 1 is the page's.
    Heading(u8, String),
    /// One paragraph.
    Text(String),
    /// Points.
    List(Vec<String>),
    /// Rows and columns.
    Table(Table),
    /// Charts side by side. A page without pictures leaves them out: their figures stand in tables too, or in the JSON.
    Figures(Vec<Figure>),
}

/// Rows and columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    /// What it shows.
    pub(super) caption: String,
    /// Names of the columns.
    pub(super) head: Vec<String>,
    /// Cells; the first names the row.
    pub(super) rows: Vec<Vec<Cell>>,
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Words.
    Text(String),
    /// A figure, set to the right.
    Number(String),
    /// How a check went.
    Status(Status),
    /// A figure with a bar of this share of the cell.
    Bar(f64, String),
}

/// A chart and what it shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    /// The chart.
    pub(super) chart: Chart,
    /// What it shows.
    pub(super) caption: String,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }

    /// Three decimals.
    pub(super) fn share(value: f64) -> Self {
        Cell::Number(rounded(value))
    }

    /// Three decimals, or a dash.
    pub(super) fn maybe(value: Option<f64>) -> Self {
        Cell::Number(value.map_or_else(|| "-".to_owned(), rounded))
    }

    /// A difference with its sign, four decimals.
    pub(super) fn signed(value: Option<f64>) -> Self {
        Cell::Number(value.map_or_else(|| "-".to_owned(), |value| format!("{:+.4}", value + 0.0)))
    }

    pub(super) fn count(value: u64) -> Self {
        Cell::Number(value.to_string())
    }

    /// An interval, or a dash.
    pub(super) fn interval(low: Option<f64>, high: Option<f64>) -> Self {
        let both = low.zip(high).map(|(low, high)| format!("{} to {}", rounded(low), rounded(high)));
        Cell::Number(both.unwrap_or_else(|| "-".to_owned()))
    }

    /// As words, without the bar.
    pub(super) fn words(&self) -> &str {
        match self {
            Cell::Text(text) | Cell::Number(text) | Cell::Bar(_, text) => text,
            Cell::Status(status) => status.name(),
        }
    }
}

impl Table {
    pub(super) fn new(caption: impl Into<String>, head: &[&str], rows: Vec<Vec<Cell>>) -> Self {
        Table { caption: caption.into(), head: head.iter().map(|name| (*name).to_owned()).collect(), rows }
    }
}

/// The blocks of a part, or one that says why it is absent.
pub(super) fn part<T>(part: &Part<T>, blocks: impl FnOnce(&T) -> Vec<Block>) -> Vec<Block> {
    match part {
        Part::Present(figures) => blocks(figures),
        Part::Absent { absent } => vec![Block::Text(format!("Not shown: {absent}."))],
    }
}

/// A figure as pages show it.
pub(super) fn rounded(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() >= 2.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}
