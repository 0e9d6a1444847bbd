//! Small charts as SVG inside a page: axes, points, a line, bars. Coordinates are rounded to a tenth of a pixel, so the bytes are the
//! same everywhere.

use std::fmt::Write as _;

/// A chart under construction.
pub(super) struct Chart {
    size: (f64, f64),
    x: Axis,
    y: Axis,
    body: String,
}

/// An axis: where it begins and ends, and what is written along it.
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<(f64, String)>,
    pub(super) title: String,
}

impl Axis {
    /// An axis over these values with about `n` round ticks.
    pub(super) fn over(values: impl Iterator<Item = f64>, n: u32, title: &str) -> Self {
        let finite = values.filter(|value| value.abs() < f64::MAX);
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = match (low.is_finite(), high > low) {
            (false, _) => (0.0, 1.0),
            (true, false) => (low - 0.5, low + 0.5),
            (true, true) => (low - 0.04 * (high - low), high + 0.04 * (high - low)),
        };
        let step = step((high - low) / f64::from(n.max(1)));
        let first = (low / step).ceil();
        let count = ((high / step).floor() - first).max(0.0) as u32;
        let at = |i: u32| (first + f64::from(i)) * step;
        let ticks = (0..=count).map(|i| (at(i), number(at(i), step))).collect();
        Axis { low, high, ticks, title: title.to_owned() }
    }
}

impl Chart {
    pub(super) fn new(width: f64, height: f64, x: Axis, y: Axis) -> Self {
        Chart { size: (width, height), x, y, body: String::new() }
    }

    /// A dot; what is off the axis stands at its end. `hint` is shown under the pointer.
    pub(super) fn dot(&mut self, x: f64, y: f64, class: &str, hint: &str) {
        let (x, y) = (self.left(x), self.top(y));
        let hint = escape(hint);
        let _ = write!(
            self.body,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" class=\"{class}\"><title>{hint}</title></circle>"
        );
    }

    /// A line of steps through these points.
    pub(super) fn steps(&mut self, points: &[(f64, f64)]) {
        let mut path = String::new();
        for (i, &(x, y)) in points.iter().enumerate() {
            let (x, y) = (self.left(x), self.top(y));
            let _ = if i == 0 { write!(path, "M{x:.1} {y:.1}") } else { write!(path, "H{x:.1}V{y:.1}") };
        }
        let _ = write!(self.body, "<path d=\"{path}\" class=\"best\"/>");
    }

    pub(super) fn svg(&self) -> String {
        let (width, height) = self.size;
        let (right, bottom) = (width - MARGIN.1, height - MARGIN.3);
        let (left, top) = (MARGIN.0, MARGIN.2);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">"
        );
        let _ = write!(svg, "<path d=\"M{left} {top}V{bottom}H{right}\" class=\"axis\"/>");
        for (at, text) in &self.x.ticks {
            let x = self.left(*at);
            let _ =
                write!(svg, "<text x=\"{x:.1}\" y=\"{}\" class=\"x\">{}</text>", bottom + 14.0, escape(text));
        }
        for (at, text) in &self.y.ticks {
            let y = self.top(*at);
            let _ = write!(svg, "<path d=\"M{left} {y:.1}H{right}\" class=\"grid\"/>");
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" class=\"y\">{}</text>",
                left - 5.0,
                y + 4.0,
                escape(text)
            );
        }
        let middle = (left + right) / 2.0;
        let _ = write!(
            svg,
            "<text x=\"{middle}\" y=\"{}\" class=\"x\">{}</text>",
            height - 4.0,
            escape(&self.x.title)
        );
        let _ = write!(
            svg,
            "<text x=\"{left}\" y=\"{}\" class=\"title\">{}</text>",
            top - 6.0,
            escape(&self.y.title)
        );
        svg + &self.body + "</svg>\n"
    }

    fn left(&self, x: f64) -> f64 {
        let share = ((x - self.x.low) / (self.x.high - self.x.low)).clamp(0.0, 1.0);
        MARGIN.0 + share * (self.size.0 - MARGIN.0 - MARGIN.1)
    }

    fn top(&self, y: f64) -> f64 {
        let share = ((y - self.y.low) / (self.y.high - self.y.low)).clamp(0.0, 1.0);
        self.size.1 - MARGIN.3 - share * (self.size.1 - MARGIN.2 - MARGIN.3)
    }
}

/// Text that is safe inside a page.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn step(least: f64) -> f64 {
    let mut power = 1e-300;
    for exponent in -300..=300 {
        power = format!("1e{exponent}").parse().unwrap_or(power);
        if let Some(factor) = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= least) {
            return factor * power;
        }
    }
    power
}

/// A number with the digits that its step has.
fn number(value: f64, step: f64) -> String {
    let digits = (0..12).find(|&digits| step >= format!("1e-{digits}").parse().unwrap_or(0.0)).unwrap_or(12);
    let text = format!("{value:.digits$}");
    if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') {
        text.replace('-', "")
    } else {
        text
    }
}

/// Pixels left, right, above and below the drawing.
const MARGIN: (f64, f64, f64, f64) = (58.0, 12.0, 22.0, 34.0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let texts = |low: f64, high: f64| -> Vec<String> {
            Axis::over([low, high].into_iter(), 5, "").ticks.into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(texts(0.0, 10.0), ["0", "5", "10"]);
        assert_eq!(texts(0.91, 0.95), ["0.91", "0.92", "0.93", "0.94", "0.95"]);
        assert_eq!(texts(-0.4, 0.4), ["-0.4", "-0.2", "0.0", "0.2", "0.4"]);
        assert_eq!(texts(3.0, 3.0).len(), 5);
        assert!(!texts(f64::MAX, f64::MAX).is_empty());
    }

    #[test]
    fn texts_are_escaped_and_points_stay_inside() {
        let axis = || Axis::over([0.0, 1.0].into_iter(), 2, "a < b & \"c\"");
        let mut chart = Chart::new(300.0, 200.0, axis(), axis());
        chart.dot(9e9, -9e9, "done", "<script>");
        let svg = chart.svg();
        assert!(!svg.contains("<script>") && svg.contains("a &lt; b &amp; &quot;c&quot;"));
        assert!(svg.contains("cx=\"288.0\" cy=\"166.0\""), "{svg}");
    }
}
