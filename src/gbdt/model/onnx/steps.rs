//! A node's question as a function of one number that steps between left and right.

use crate::determinism::math::above;
use crate::gbdt::model::{Missing, Node, Rule, ZERO};

/// The answers of a node: `left[i]` for values above `ends[i - 1]` and up to `ends[i]`, the last for those above all ends.
#[derive(Debug, PartialEq)]
pub(super) struct Steps {
    /// Rising; at least one.
    pub(super) ends: Vec<f64>,
    /// One more than ends; neighbours differ, but for a question with one answer.
    pub(super) left: Vec<bool>,
    /// The step that NaN follows.
    pub(super) nan: usize,
}

impl Steps {
    /// The node is asked at every place where its answer may change: what it says there holds from the place before.
    pub(super) fn of(node: &Node) -> Self {
        let mut ends = vec![];
        let mut left = vec![];
        for place in places(node).into_iter().chain([f64::INFINITY]) {
            let answer = node.goes_left(place);
            if left.last() == Some(&answer) {
                ends.pop();
                left.pop();
            }
            ends.push(place);
            left.push(answer);
        }
        if ends.len() > 1 {
            ends.pop(); // nothing is above infinity: the last answer needs no end
        } else {
            left.push(!left[0]); // one answer for all: the other side is never reached, but has to hang somewhere
        }
        let nan = node.goes_left(f64::NAN);
        let nan = left.iter().position(|&left| left == nan).unwrap_or(0);
        Steps { ends, left, nan }
    }
}

/// Every number up to which one answer may hold, rising.
fn places(node: &Node) -> Vec<f64> {
    match &node.rule {
        Rule::Numerical { threshold } => {
            let mut places = match node.missing {
                Missing::Zero => vec![below(-ZERO), ZERO, *threshold],
                Missing::None | Missing::Nan => vec![*threshold],
            };
            places.sort_by(f64::total_cmp);
            places.dedup();
            places
        }
        // 0 begins above -1, as -0.5 is cut off to 0
        Rule::Categorical { left } => {
            let code = |code: u32| if code == 0 { -1.0 } else { below(f64::from(code)) };
            let last = (32 * left.words.len() as u64).min(1 << 31);
            let changes = (0..last as u32).filter(|&c| left.contains(c) != (c > 0 && left.contains(c - 1)));
            let end = below(last as f64);
            changes.map(code).chain((last > 0).then_some(end)).collect()
        }
    }
}

fn below(x: f64) -> f64 {
    -above(-x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gbdt::model::{CategorySet, Child, Default};

    fn node(rule: Rule, missing: Missing, default: Default) -> Node {
        let (left, right) = (Child::Leaf(0), Child::Leaf(1));
        Node { feature: 0, rule, missing, default, left, right, gain: 0.0, value: 0.0, weight: 0.0, count: 0 }
    }

    fn answer(steps: &Steps, x: f64) -> bool {
        let step = if x.is_nan() { Some(steps.nan) } else { steps.ends.iter().position(|&end| x <= end) };
        steps.left[step.unwrap_or(steps.ends.len())]
    }

    fn holds(node: &Node) {
        let steps = Steps::of(node);
        assert_eq!(steps.left.len(), steps.ends.len() + 1);
        assert!(steps.ends.windows(2).all(|pair| pair[0] < pair[1]), "{steps:?}");
        let near = steps.ends.iter().flat_map(|&end| [below(end), end, above(end)]);
        let whole = (-2..70).flat_map(|code| [f64::from(code), f64::from(code) + 0.5]);
        let special =
            [0.0, -0.0, 1e-36, -1e-36, ZERO, -ZERO, above(ZERO), below(-ZERO), 2_147_483_648.0, 4e9];
        let unbounded = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN];
        for x in near.chain(whole).chain(special).chain(unbounded) {
            assert_eq!(answer(&steps, x), node.goes_left(x), "{x} of {node:?}: {steps:?}");
        }
    }

    #[test]
    fn thresholds_step_where_the_node_does() {
        for threshold in
            [0.0, -0.0, 3.5, -3.5, 1e-36, -1e-36, ZERO, f64::INFINITY, f64::NEG_INFINITY, f64::MAX]
        {
            for missing in [Missing::None, Missing::Zero, Missing::Nan] {
                for default in [Default::Left, Default::Right] {
                    holds(&node(Rule::Numerical { threshold }, missing, default));
                }
            }
        }
    }

    #[test]
    fn sets_step_at_the_ends_of_runs() {
        for words in
            [vec![], vec![0], vec![1], vec![0b1011_0110], vec![u32::MAX], vec![1 << 31, 1], vec![0, 0, 5]]
        {
            let left = CategorySet { words };
            holds(&node(Rule::Categorical { left }, Missing::Nan, Default::Right));
        }
        let left = CategorySet { words: vec![0b1110] };
        let steps = Steps::of(&node(Rule::Categorical { left }, Missing::None, Default::Left));
        assert_eq!(
            steps,
            Steps { ends: vec![below(1.0), below(4.0)], left: vec![false, true, false], nan: 0 }
        );
    }
}
