//! Charts as SVG text that needs no script, no font file and no network; the only importer of `plotters`.
//!
//! In flows a [`Chart`], out flows one `<svg>` element with a title for readers who do not see it. Coordinates are whole pixels,
//! so the same figures give the same bytes. Points that are not finite are left out.

use plotters::coord::Shift;
use plotters::prelude::*;

/// A plot with two axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chart {
    /// What it shows, in a few words.
    pub title: String,
    /// Name of the horizontal axis.
    pub x_label: String,
    /// Name of the vertical axis.
    pub y_label: String,
    /// Range of the horizontal axis; absent: that of the points.
    pub x_range: Option<(f64, f64)>,
    /// Range of the vertical axis; absent: that of the points, from 0 where none is negative.
    pub y_range: Option<(f64, f64)>,
    /// Drawn in this order.
    pub layers: Vec<Layer>,
}

/// One kind of mark over all its points.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// What it stands for, in the legend.
    pub name: String,
    /// How its points are drawn.
    pub mark: Mark,
    /// Which colour.
    pub colour: Colour,
    /// Horizontal and vertical place.
    pub points: Vec<(f64, f64)>,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A line through them.
    Line,
    /// A thin line, for what is only a standard of comparison.
    Reference,
    /// A line with a dot at each.
    Dots,
    /// A filled shape around them, in their order.
    Area,
    /// A bar from 0 to each, from its place to the next one's; the last point only ends the last bar.
    Bars,
}

/// Colours that remain apart for colour-blind readers (Okabe, Ito, 2008).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// For the model.
    Blue,
    /// For positives, or a second model.
    Vermilion,
    /// For a baseline.
    Orange,
    /// For a baseline.
    Green,
    /// For a baseline.
    Purple,
    /// For what is only a standard of comparison.
    Grey,
}

impl Colour {
    /// As CSS writes it.
    pub fn css(self) -> String {
        let RGBColor(r, g, b) = self.rgb();
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    fn rgb(self) -> RGBColor {
        match self {
            Colour::Blue => RGBColor(0, 114, 178),
            Colour::Vermilion => RGBColor(213, 94, 0),
            Colour::Orange => RGBColor(230, 159, 0),
            Colour::Green => RGBColor(0, 158, 115),
            Colour::Purple => RGBColor(204, 121, 167),
            Colour::Grey => RGBColor(120, 120, 120),
        }
    }
}

impl Chart {
    /// The chart as an `<svg>` element that scales with its surroundings.
    pub fn svg(&self) -> String {
        let mut text = String::new();
        {
            let area = SVGBackend::with_string(&mut text, (WIDTH, HEIGHT)).into_drawing_area();
            draw(&area, self).expect("text has room for a drawing");
        }
        let start = text.find("viewBox").unwrap_or_default();
        let title = self.title.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        format!("<svg role=\"img\" aria-label=\"{title}\" {}", &text[start..])
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.layers.iter().flat_map(|layer| finite(&layer.points))
    }
}

type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;
type Plot<'a> = ChartContext<
    'a,
    SVGBackend<'a>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

fn draw(area: &DrawingArea<SVGBackend<'_>, Shift>, chart: &Chart) -> Drawn {
    let (x, y) = ranges(chart);
    let mut plot = ChartBuilder::on(area)
        .margin(8)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(x.0..x.1, y.0..y.1)?;
    plot.configure_mesh()
        .x_labels(6)
        .y_labels(6)
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_desc(chart.x_label.as_str())
        .y_desc(chart.y_label.as_str())
        .x_label_formatter(&|x| tick(*x))
        .y_label_formatter(&|y| tick(*y))
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 14))
        .draw()?;
    chart.layers.iter().try_for_each(|layer| draw_layer(&mut plot, layer))?;
    drop(plot);
    area.present()
}

fn draw_layer(plot: &mut Plot<'_>, layer: &Layer) -> Drawn {
    let colour = layer.colour.rgb();
    let points = || finite(&layer.points);
    match layer.mark {
        Mark::Line => plot.draw_series(LineSeries::new(points(), colour.stroke_width(2))).map(|_| ()),
        Mark::Reference => plot.draw_series(LineSeries::new(points(), colour.stroke_width(1))).map(|_| ()),
        Mark::Dots => {
            plot.draw_series(LineSeries::new(points(), colour.stroke_width(2)))?;
            plot.draw_series(points().map(|point| Circle::new(point, 3, colour.filled()))).map(|_| ())
        }
        Mark::Area => {
            let shape = Polygon::new(points().collect::<Vec<_>>(), colour.mix(0.2).filled());
            plot.draw_series(std::iter::once(shape)).map(|_| ())
        }
        Mark::Bars => {
            let corners: Vec<(f64, f64)> = points().collect();
            let bar = |pair: &[(f64, f64)]| {
                Rectangle::new([(pair[0].0, 0.0), (pair[1].0, pair[0].1)], colour.mix(0.5).filled())
            };
            plot.draw_series(corners.windows(2).map(bar)).map(|_| ())
        }
    }
}

fn finite(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite())
}

/// The axes' ranges: those asked for, else those of the points, never empty.
fn ranges(chart: &Chart) -> ((f64, f64), (f64, f64)) {
    let of = |value: fn((f64, f64)) -> f64| {
        let values = chart.points().map(value);
        let (low, high) =
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low <= high { (low, high) } else { (0.0, 1.0) }
    };
    let (low, high) = of(|point| point.1);
    let y = if low >= 0.0 { (0.0, high * 1.05) } else { (low, high + 0.05 * (high - low)) };
    (wide(chart.x_range.unwrap_or_else(|| of(|point| point.0))), wide(chart.y_range.unwrap_or(y)))
}

/// A range that is one point gets room on both sides.
fn wide((low, high): (f64, f64)) -> (f64, f64) {
    let room = if low == 0.0 { 1.0 } else { low.abs() * 0.5 };
    if low < high { (low, high) } else { (low - room, low + room) }
}

/// A number on an axis, short.
fn tick(value: f64) -> String {
    let scaled = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let (value, unit) = scaled
        .iter()
        .find(|(scale, _)| value.abs() >= *scale)
        .map_or((value, ""), |(scale, unit)| (value / scale, *unit));
    let digits = match value.abs() {
        size if size >= 10.0 => 0,
        size if size >= 1.0 => 1,
        size if size >= 0.001 || size == 0.0 => 2,
        _ => return format!("{value:.0e}"),
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

const WIDTH: u32 = 560;
const HEIGHT: u32 = 360;

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>, mark: Mark) -> Chart {
        let layer = Layer { name: "a <b>".to_owned(), mark, colour: Colour::Blue, points };
        Chart {
            title: "t \"<&".to_owned(),
            x_label: "x < 1".to_owned(),
            layers: vec![layer],
            ..Chart::default()
        }
    }

    #[test]
    fn every_mark_draws_the_same_bytes_each_time() {
        for mark in [Mark::Line, Mark::Reference, Mark::Dots, Mark::Area, Mark::Bars] {
            let chart = chart(vec![(0.0, 1.0), (1.0, 2.0), (2.0, 0.5)], mark);
            let svg = chart.svg();
            assert_eq!(svg, chart.svg());
            assert!(svg.starts_with("<svg role=\"img\" aria-label=\"t &quot;&lt;&amp;\" viewBox"), "{svg}");
            assert!(svg.trim_end().ends_with("</svg>") && svg.contains("x &lt; 1") && !svg.contains("x < 1"));
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let odd = vec![(f64::NAN, 1.0), (1.0, f64::INFINITY), (3.0, 3.0)];
        for points in [vec![], odd, vec![(5.0, 0.0)], vec![(-1e300, 1e300), (1e300, -1e300)]] {
            for mark in [Mark::Line, Mark::Area, Mark::Bars, Mark::Dots] {
                let svg = chart(points.clone(), mark).svg();
                assert!(svg.contains("</svg>") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }

    #[test]
    fn ticks_are_short() {
        let ticks: Vec<String> = [0.0, 0.25, 1.0, 1.5, 20.0, 1500.0, -2e6, 3e10, 0.00002].map(tick).into();
        assert_eq!(ticks, ["0", "0.25", "1", "1.5", "20", "1.5k", "-2M", "30G", "2e-5"]);
    }
}
