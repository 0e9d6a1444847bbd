//! A search as one page that needs no network: the objective trial by trial, slices along each parameter, what explains the
//! differences, and every trial.

use std::fmt::Write as _;

use super::chart::{Axis, Chart, escape};
use super::goal::Goal;
use super::importance::{FEWEST, importance};
use super::journal::Header;
use super::space::{Dimension, Domain};
use super::trial::Trial;

/// The page of a search.
pub fn html(header: &Header, goal: Goal, folds: usize, trials: &[Trial]) -> String {
    let page = Page { header, goal, folds, trials };
    let title = format!("Search for parameters of {}", header.model);
    let mut text = format!("{HEAD}<title>{0}</title>\n<h1>{0}</h1>\n", escape(&title));
    text += &page.summary();
    text += &page.best();
    let _ = write!(text, "<h2>Trial by trial</h2>\n{}", page.history());
    let _ = write!(text, "<h2>Along each parameter</h2>\n<div class=\"slices\">{}</div>\n", page.slices());
    text += &page.importance();
    text + &page.table()
}

struct Page<'a> {
    header: &'a Header,
    goal: Goal,
    folds: usize,
    trials: &'a [Trial],
}

impl Page<'_> {
    fn summary(&self) -> String {
        let stopped = self.trials.iter().filter(|trial| !trial.is_complete()).count();
        let costs: usize = self.trials.iter().map(|trial| trial.costs.len()).sum();
        let whole = self.trials.len() * self.folds;
        let saved = if whole == 0 { 0.0 } else { 100.0 * (1.0 - costs as f64 / whole as f64) };
        format!(
            "<p>{} trials by the sampler <b>{}</b> on {} folds; objective <b>{}</b> ({}), mean over folds. {stopped} trials were \
             stopped early as worse than the median, which saved {saved:.0} % of all trainings. Rows and folds: \
             <code>{}</code>; engine {}.</p>\n",
            self.trials.len(),
            self.header.sampler.name(),
            self.folds,
            self.goal.name(),
            self.goal.better(),
            escape(&self.header.data_sha256),
            escape(&self.header.engine_version),
        )
    }

    fn best(&self) -> String {
        let Some(best) = best(self.trials) else {
            return "<p>No trial was completed.</p>\n".to_owned();
        };
        let mut text = format!("<h2>Best: {}, trial {}</h2>\n<table>", figure(self.value(best)), best.number);
        for (name, value) in self.header.space.texts(&best.point) {
            let _ = write!(text, "<tr><th>{}</th><td>{}</td></tr>", escape(&name), escape(&value));
        }
        let folds: Vec<String> = best.costs.iter().map(|&cost| figure(self.goal.cost(cost))).collect();
        let _ = writeln!(text, "<tr><th>on each fold</th><td>{}</td></tr></table>", folds.join(", "));
        text
    }

    /// Completed trials, stopped ones and the best so far.
    fn history(&self) -> String {
        let complete = || self.trials.iter().filter(|trial| trial.is_complete());
        let y = Axis::over(complete().map(|trial| self.value(trial)), 5, self.goal.name());
        let x = Axis::over(self.trials.iter().map(|trial| trial.number as f64), 8, "trial");
        let mut chart = Chart::new(860.0, 300.0, x, y);
        let mut line: Vec<(f64, f64)> = vec![];
        let mut best: Option<&Trial> = None;
        for trial in self.trials {
            let class = if trial.is_complete() { "done" } else { "stopped" };
            chart.dot(trial.number as f64, self.value(trial), class, &self.hint(trial));
            if trial.is_complete() && best.is_none_or(|best| trial.compare(best).is_lt()) {
                best = Some(trial);
            }
            line.extend(best.map(|best| (trial.number as f64, self.value(best))));
        }
        chart.steps(&line);
        chart.svg() + LEGEND
    }

    fn slices(&self) -> String {
        let slice = |(d, dimension): (usize, &Dimension)| {
            let complete = || self.trials.iter().filter(|trial| trial.is_complete());
            let y = Axis::over(complete().map(|trial| self.value(trial)), 4, self.goal.name());
            let mut chart = Chart::new(280.0, 200.0, along(dimension), y);
            for trial in self.trials {
                let age = 3 * trial.number as usize / self.trials.len().max(1);
                let class = if trial.is_complete() { format!("done age{age}") } else { "stopped".to_owned() };
                chart.dot(
                    dimension.domain.unit(trial.point[d]),
                    self.value(trial),
                    &class,
                    &self.hint(trial),
                );
            }
            chart.svg()
        };
        self.header.space.dimensions().iter().enumerate().map(slice).collect()
    }

    fn importance(&self) -> String {
        let shares = importance(&self.header.space, self.trials);
        let mut text = format!(
            "<h2>What explains the differences</h2>\n<p>{METHOD} At least {FEWEST} completed trials.</p>\n<table>"
        );
        for (dimension, share) in self.header.space.dimensions().iter().zip(shares) {
            let bar = share.map_or_else(
                || "not known".to_owned(),
                |share| {
                    format!(
                        "<span class=\"bar\" style=\"width:{:.0}px\"></span> {:.0} %",
                        300.0 * share,
                        100.0 * share
                    )
                },
            );
            let _ =
                write!(text, "<tr><th>{}</th><td class=\"left\">{bar}</td></tr>", escape(&dimension.name));
        }
        text + "</table>\n"
    }

    fn table(&self) -> String {
        let names: String =
            self.header.space.dimensions().iter().map(|d| format!("<th>{}</th>", escape(&d.name))).collect();
        let goal = self.goal.name();
        let mut text =
            format!("<h2>Trials</h2>\n<table><tr><th>trial</th><th>{goal}</th><th>folds</th>{names}</tr>\n");
        let mut order: Vec<&Trial> = self.trials.iter().collect();
        order.sort_by(|a, b| a.compare(b));
        for trial in order {
            let values = self.header.space.dimensions().iter().zip(&trial.point);
            let cells: String =
                values.map(|(d, &value)| format!("<td>{}</td>", escape(&d.domain.text(value)))).collect();
            let end = if trial.is_complete() { "" } else { ", stopped" };
            let (number, mean, folds) = (trial.number, figure(self.value(trial)), trial.costs.len());
            let _ = writeln!(text, "<tr><td>{number}</td><td>{mean}</td><td>{folds}{end}</td>{cells}</tr>");
        }
        text + "</table>\n"
    }

    fn value(&self, trial: &Trial) -> f64 {
        self.goal.cost(trial.cost())
    }

    fn hint(&self, trial: &Trial) -> String {
        let texts = self.header.space.texts(&trial.point);
        let values: Vec<String> = texts.iter().map(|(name, value)| format!("{name} {value}")).collect();
        format!("trial {}: {}; {}", trial.number, figure(self.value(trial)), values.join(", "))
    }
}

/// The completed trial of the least cost.
pub fn best(trials: &[Trial]) -> Option<&Trial> {
    trials.iter().filter(|trial| trial.is_complete()).min_by(|a, b| a.compare(b))
}

/// The coordinate axis of a dimension, with values written along it.
fn along(dimension: &Dimension) -> Axis {
    let tick = |value: f64| (dimension.domain.unit(value), dimension.domain.text(value));
    let ticks = match &dimension.domain {
        Domain::Choice(texts) => (0..texts.len()).map(|i| tick(i as f64)).collect(),
        domain => [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0].map(|unit| tick(domain.at(unit))).to_vec(),
    };
    Axis { low: -0.04, high: 1.04, ticks, title: dimension.name.clone() }
}

fn figure(value: f64) -> String {
    if value.abs() >= f64::MAX { "none".to_owned() } else { format!("{value:.5}") }
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n<style>body{font:15px sans-serif;margin:2em;max-width:60em}\
td,th{padding:.15em .7em;text-align:right;border-bottom:1px solid #ddd}th,td.left{text-align:left}\
svg text{font:11px sans-serif;fill:#444}svg .x{text-anchor:middle}svg .y{text-anchor:end}svg .title{font-weight:bold}\
.axis{fill:none;stroke:#444}.grid{stroke:#eee}.best{fill:none;stroke:#c33;stroke-width:1.5}\
.done{fill:#2a6db0}.stopped{fill:none;stroke:#999}.age0{fill:#b7d0ea}.age1{fill:#5f9bd1}.age2{fill:#174a80}\
.bar{display:inline-block;height:.8em;background:#2a6db0}.slices{display:flex;flex-wrap:wrap}</style>\n";

const LEGEND: &str = "<p>Blue: completed trials. Rings: stopped trials, at the mean of the folds they got; off the scale they stand at \
its end. Red: the best so far.</p>\n";

const METHOD: &str = "Share of the variance of the trials' ranks that lies between four equal groups along one parameter (correlation ratio, \
corrected for chance: epsilon squared). It sees no effects of parameters together, and a sampler that stays where it is good leaves less \
to explain.";
