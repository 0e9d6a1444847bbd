//! Blocks as one page: no script, no font, no picture from elsewhere.

use std::fmt::Write as _;

use super::chart::Mark;
use super::document::{Block, Cell, Figure, Table};

/// The page; the first heading is its title.
pub(super) fn page(blocks: &[Block]) -> String {
    let title = blocks.iter().find_map(|block| match block {
        Block::Heading(1, text) => Some(escape(text)),
        _ => None,
    });
    let mut page = format!(
        "{HEAD}<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n",
        title.unwrap_or_default()
    );
    let mut chapters = 0;
    let names = blocks.iter().filter_map(|block| match block {
        Block::Heading(2, text) => Some(text),
        _ => None,
    });
    let contents: Vec<String> = names
        .enumerate()
        .map(|(i, name)| format!("<li><a href=\"#c{i}\">{}</a></li>", escape(name)))
        .collect();
    for block in blocks {
        match block {
            Block::Heading(1, text) => {
                let _ = writeln!(
                    page,
                    "<h1>{}</h1>\n<nav aria-label=\"Contents\"><ol>{}</ol></nav>\n<main>",
                    escape(text),
                    contents.concat()
                );
            }
            Block::Heading(2, text) => {
                let _ = writeln!(page, "<h2 id=\"c{chapters}\">{}</h2>", escape(text));
                chapters += 1;
            }
            Block::Heading(level, text) => {
                let _ = writeln!(page, "<h{level}>{}</h{level}>", escape(text));
            }
            Block::Text(text) => {
                let _ = writeln!(page, "<p>{}</p>", escape(text));
            }
            Block::List(points) => {
                let points: String =
                    points.iter().map(|point| format!("<li>{}</li>\n", escape(point))).collect();
                let _ = writeln!(page, "<ul>\n{points}</ul>");
            }
            Block::Table(table) => page.push_str(&self::table(table)),
            Block::Figures(figures) => {
                let figures: String = figures.iter().map(figure).collect();
                let _ = writeln!(page, "<div class=\"figures\">\n{figures}</div>");
            }
        }
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn table(table: &Table) -> String {
    let head: String =
        table.head.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    let mut text = format!(
        "<div class=\"scroll\"><table>\n<caption>{}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n",
        escape(&table.caption)
    );
    for row in &table.rows {
        let cells: String = row.iter().enumerate().map(|(place, cell)| self::cell(place, cell)).collect();
        let _ = writeln!(text, "<tr>{cells}</tr>");
    }
    text.push_str("</tbody>\n</table></div>\n");
    text
}

fn cell(place: usize, cell: &Cell) -> String {
    let words = escape(cell.words());
    match cell {
        Cell::Status(status) => format!("<td><span class=\"status {}\">{words}</span></td>", status.name()),
        _ if place == 0 => format!("<th scope=\"row\">{words}</th>"),
        Cell::Text(_) => format!("<td>{words}</td>"),
        Cell::Number(_) => format!("<td class=\"n\">{words}</td>"),
        Cell::Bar(share, _) => {
            let width = (share.clamp(0.0, 1.0) * 100.0).round();
            format!("<td class=\"n\"><span class=\"bar\" style=\"width:{width:.0}px\"></span> {words}</td>")
        }
    }
}

fn figure(figure: &Figure) -> String {
    let named = figure.chart.layers.iter().filter(|layer| !layer.name.is_empty() && layer.mark != Mark::Area);
    let legend: String = named
        .map(|layer| {
            format!(
                "<span class=\"key\" style=\"background:{}\"></span>{} ",
                layer.colour.css(),
                escape(&layer.name)
            )
        })
        .collect();
    format!(
        "<figure>\n{}\n<figcaption>{} {legend}</figcaption>\n</figure>\n",
        figure.chart.svg().trim_end(),
        escape(&figure.caption)
    )
}

/// Text that cannot become markup: ids and names come from data.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

const HEAD: &str = "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
";

const STYLE: &str = "
body{font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;margin:0 auto;max-width:72rem;padding:1.5rem}
h1{font-size:1.7rem;margin:0 0 .5rem}
h2{font-size:1.35rem;margin:2.5rem 0 .5rem;padding-top:.5rem;border-top:2px solid #0072b2}
h3{font-size:1.1rem;margin:1.8rem 0 .3rem}
h4{font-size:1rem;margin:1.2rem 0 .2rem}
nav ol{columns:2;font-size:.95rem;margin:.5rem 0}
p,ul{max-width:60rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.88rem;margin:.8rem 0}
caption{text-align:left;font-weight:600;padding:.2rem 0;max-width:60rem}
th,td{padding:.22rem .7rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
thead th{border-bottom:2px solid #888}
tbody th{font-weight:400}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.bar{display:inline-block;height:.7em;background:#0072b2;opacity:.55}
.status{padding:.05rem .5rem;border-radius:.6rem;font-weight:600}
.pass{background:#d9f0e3;color:#0b4f2f}.watch{background:#fdeec7;color:#5c4300}
.fail{background:#f8d3c4;color:#7a2000}.unknown{background:#e6e6e6;color:#333}
.figures{display:flex;flex-wrap:wrap;gap:1rem}
figure{margin:.5rem 0;flex:1 1 26rem;max-width:35rem}
figure svg{width:100%;height:auto}
figcaption{font-size:.88rem}
.key{display:inline-block;width:.9em;height:.9em;margin:0 .3em 0 .8em;vertical-align:-.08em}
@media print{nav{display:none}h2{break-before:auto}table,figure{break-inside:avoid}}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_become_markup() {
        let blocks = [
            Block::Heading(1, "<b>".to_owned()),
            Block::Table(Table::new("c", &["id"], vec![vec![Cell::text("<script>alert('x')</script>")]])),
        ];
        let page = page(&blocks);
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
        assert!(page.contains("<caption>c</caption>") && page.contains("scope=\"row\""));
    }
}
