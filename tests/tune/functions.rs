//! Samplers on functions that cost nothing and whose least value is known. `tools/peers/tune.py` has the same functions for
//! Optuna and reads what [`figures_of_functions`] prints.

use aml_miner::determinism::math;
use aml_miner::gbdt::params::Scale;
use aml_miner::pipeline::tune::{Dimension, Domain, End, Sampler, Space, Structure, Tpe, Trial};

/// A function, its space and its least value.
struct Function {
    name: &'static str,
    space: Space,
    cost: fn(&[f64]) -> f64,
    least: f64,
}

fn float(name: &str, low: f64, high: f64, scale: Scale) -> Dimension {
    Dimension { name: name.to_owned(), domain: Domain::Float { low, high, scale } }
}

fn space(dimensions: Vec<Dimension>) -> Space {
    Space::new(dimensions).expect("a legal space")
}

fn functions() -> Vec<Function> {
    let linear = |name: &str, low, high| float(name, low, high, Scale::Linear);
    let log = |name: &str| float(name, 1e-4, 1.0, Scale::Log);
    let choice = |texts: &[&str]| Domain::Choice(texts.iter().map(|&text| text.to_owned()).collect());
    vec![
        Function {
            name: "branin",
            space: space(vec![linear("x", -5.0, 10.0), linear("y", 0.0, 15.0)]),
            cost: branin,
            least: 0.397_887_357_729_739,
        },
        Function { name: "valley on logs", space: space(vec![log("a"), log("b")]), cost: valley, least: 0.0 },
        Function {
            name: "mixture with choices",
            space: space(vec![
                linear("x", 0.0, 1.0),
                Dimension { name: "kind".to_owned(), domain: choice(&["a", "b", "c", "d"]) },
                Dimension {
                    name: "n".to_owned(),
                    domain: Domain::Int { low: 1, high: 32, scale: Scale::Log },
                },
            ]),
            cost: mixture,
            least: 0.0,
        },
        Function {
            name: "bowl of six",
            space: space((0..6).map(|i| linear(&format!("x{i}"), 0.0, 1.0)).collect()),
            cost: bowl,
            least: 0.0,
        },
    ]
}

/// Branin's function.
fn branin(at: &[f64]) -> f64 {
    let (x, y) = (at[0], at[1]);
    let pi = std::f64::consts::PI;
    let inner = y - 5.1 / (4.0 * pi * pi) * x * x + 5.0 / pi * x - 6.0;
    inner * inner + 10.0 * (1.0 - 1.0 / (8.0 * pi)) * math::cos(x) + 10.0
}

/// Rosenbrock's valley over decimal logarithms, moved and scaled: the least value is at (1e-1, 1e-3).
fn valley(at: &[f64]) -> f64 {
    let (x, y) =
        (math::ln(at[0]) / std::f64::consts::LN_10 + 2.0, math::ln(at[1]) / std::f64::consts::LN_10 + 4.0);
    10.0 * (y - x * x) * (y - x * x) + (1.0 - x) * (1.0 - x)
}

/// Each choice has a bowl of its own; that of `c` is the deepest.
fn mixture(at: &[f64]) -> f64 {
    let (x, kind, n) = (at[0], at[1] as usize, at[2]);
    let centre = [0.2, 0.5, 0.8, 0.4][kind];
    let floor = [0.3, 0.2, 0.0, 0.4][kind];
    let off = math::log2(n) - 3.0;
    floor + 2.0 * (x - centre) * (x - centre) + 0.05 * off * off
}

/// Axes of unequal weight.
fn bowl(at: &[f64]) -> f64 {
    at.iter()
        .enumerate()
        .map(|(i, x)| (x - 0.3 - 0.08 * i as f64) * (x - 0.3 - 0.08 * i as f64) / (1.0 + i as f64))
        .sum()
}

/// How far above the least value the best of so many trials is.
fn regret(function: &Function, sampler: &Sampler, trials: u64) -> f64 {
    let mut history: Vec<Trial> = vec![];
    for number in 0..trials {
        let point = sampler.suggest(&function.space, &history, number).expect("endless");
        let costs = vec![(function.cost)(&point)];
        history.push(Trial { number, point, costs, end: End::Complete });
    }
    history.iter().map(Trial::cost).fold(f64::INFINITY, f64::min) - function.least
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}

fn median(function: &Function, trials: u64, seeds: u64, sampler: impl Fn(u64) -> Sampler) -> f64 {
    quartiles((0..seeds).map(|seed| regret(function, &sampler(seed), trials)).collect())[1]
}

#[test]
fn least_values_are_as_said() {
    let at = [
        vec![std::f64::consts::PI, 2.275],
        vec![1e-1, 1e-3],
        vec![0.8, 2.0, 8.0],
        (0..6).map(|i| 0.3 + 0.08 * f64::from(i)).collect(),
    ];
    for (function, at) in functions().iter().zip(at) {
        assert!(((function.cost)(&at) - function.least).abs() < 1e-9, "{}", function.name);
    }
}

#[test]
fn the_estimator_beats_chance() {
    for function in functions() {
        let tpe = median(&function, 40, 15, |seed| Sampler::Tpe(Tpe::new(seed)));
        let random = median(&function, 40, 15, |seed| Sampler::Random { seed });
        assert!(tpe < 0.7 * random, "{}: {tpe} {random}", function.name);
    }
}

/// A sampler's name, and how it is made of a seed.
type Named = (&'static str, fn(u64) -> Sampler);

/// For `tools/peers/tune.py`: function, sampler, and the regret after 40 trials by seed.
#[test]
#[ignore = "prints figures; run by tools/peers/tune.py"]
fn figures_of_functions() {
    for function in functions() {
        let samplers: [Named; 6] = [
            ("48 candidates", |seed| Sampler::Tpe(Tpe { candidates: 48, ..Tpe::new(seed) })),
            ("good 0.1", |seed| Sampler::Tpe(Tpe { good_share: 0.1, ..Tpe::new(seed) })),
            ("good 0.15", |seed| Sampler::Tpe(Tpe { good_share: 0.15, ..Tpe::new(seed) })),
            ("ours tpe", |seed| Sampler::Tpe(Tpe::new(seed))),
            ("ours tpe separate", |seed| {
                Sampler::Tpe(Tpe { structure: Structure::Separate, ..Tpe::new(seed) })
            }),
            ("ours random", |seed| Sampler::Random { seed }),
        ];
        for (name, sampler) in samplers {
            let regrets: Vec<String> =
                (0..50).map(|seed| regret(&function, &sampler(seed), 40).to_string()).collect();
            println!("FIGURES\t{}\t{name}\t{}", function.name, regrets.join(" "));
        }
    }
}
