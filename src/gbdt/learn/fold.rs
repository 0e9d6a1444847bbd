//! Who learns and who is judged: rows cut into folds.
//!
//! Whatever the kind, a row is judged at most once, nobody is judged by a fold that learned from it, and the cut depends on the seed
//! and on the rows in their order alone.

use crate::determinism::rng::Stream;

/// The two sides of one fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Rows learned from, ascending.
    pub learn: Vec<usize>,
    /// Rows judged, ascending.
    pub test: Vec<usize>,
}

/// Why rows cannot be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// One fold leaves nothing to learn from.
    #[error("folds: expected at least 2, found {found}")]
    TooFew {
        /// The number asked for.
        found: usize,
    },
    /// A fold would have nothing to judge or nothing to learn from.
    #[error("{needed} {units} are needed for the folds, found {found}")]
    TooSmall {
        /// At least.
        needed: usize,
        /// What is counted: rows, groups, or times.
        units: &'static str,
        /// How many there are.
        found: usize,
    },
    /// The gap leaves nothing.
    #[error("fold {fold}: no row is older than its first judged time by the gap of {gap}")]
    Gap {
        /// Counting from 0.
        fold: usize,
        /// The gap.
        gap: i64,
    },
}

impl Fold {
    /// Folds that each have the same share of every class, but for a row.
    ///
    /// # Errors
    /// On fewer than 2 folds, or fewer rows than folds.
    pub fn stratified(labels: &[f32], n_folds: usize, seed: u64) -> Result<Vec<Fold>, FoldError> {
        check(n_folds, labels.len(), "rows")?;
        let chance = Stream::new(seed, "folds");
        let mut rows: Vec<usize> = (0..labels.len()).collect();
        rows.sort_by(|&a, &b| {
            let draws = chance.bits(a as u64).cmp(&chance.bits(b as u64));
            labels[a].total_cmp(&labels[b]).then(draws).then(a.cmp(&b))
        });
        let mut fold_of = vec![0; labels.len()];
        rows.iter().enumerate().for_each(|(place, &row)| fold_of[row] = place % n_folds);
        Ok(folds(&fold_of, n_folds))
    }

    /// Folds that no group is cut by, of about as many rows each: groups from the largest down go where there are fewest rows.
    ///
    /// # Shape
    /// `groups`: one per row, anything that tells groups apart.
    ///
    /// # Errors
    /// On fewer than 2 folds, or fewer groups than folds.
    pub fn grouped<G: Ord>(groups: &[G], n_folds: usize, seed: u64) -> Result<Vec<Fold>, FoldError> {
        let mut rows: Vec<usize> = (0..groups.len()).collect();
        rows.sort_by(|&a, &b| groups[a].cmp(&groups[b]).then(a.cmp(&b)));
        let mut runs: Vec<&[usize]> = rows.chunk_by(|&a, &b| groups[a] == groups[b]).collect();
        check(n_folds, runs.len(), "groups")?;
        let chance = Stream::new(seed, "folds");
        // the first row stands for its group
        runs.sort_by_key(|run| (std::cmp::Reverse(run.len()), chance.bits(run[0] as u64), run[0]));
        let (mut fold_of, mut sizes) = (vec![0; groups.len()], vec![0; n_folds]);
        for run in runs {
            let fold = (0..n_folds).min_by_key(|&fold| sizes[fold]).unwrap_or(0);
            sizes[fold] += run.len();
            run.iter().for_each(|&row| fold_of[row] = fold);
        }
        Ok(folds(&fold_of, n_folds))
    }

    /// Folds of ranking: no query is cut.
    ///
    /// # Shape
    /// `groups`: rows per query, as in [`Task::Lambdarank`](crate::gbdt::data::Task::Lambdarank).
    ///
    /// # Errors
    /// As [`Fold::grouped`].
    pub fn by_query(groups: &[u32], n_folds: usize, seed: u64) -> Result<Vec<Fold>, FoldError> {
        let rows = groups.iter().enumerate();
        let query_of: Vec<usize> =
            rows.flat_map(|(query, &n)| std::iter::repeat_n(query, n as usize)).collect();
        Self::grouped(&query_of, n_folds, seed)
    }

    /// Folds that learn from the past: time is cut into one block more than there are folds, of about as many rows each and no
    /// time on two sides; each fold is judged on a block and learns from all rows older than its first time by more than `gap`.
    /// The rows of the first block are judged by nobody.
    ///
    /// # Shape
    /// `times`: one per row, in any order and unit.
    ///
    /// # Errors
    /// On fewer than 2 folds, too few different times, or a gap that leaves a fold nothing to learn from.
    pub fn by_time(times: &[i64], n_folds: usize, gap: i64) -> Result<Vec<Fold>, FoldError> {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let mut different = sorted.clone();
        different.dedup();
        check(n_folds, different.len(), "times")?;
        if different.len() <= n_folds {
            let found = different.len();
            return Err(FoldError::TooSmall { needed: n_folds + 1, units: "times", found });
        }
        let starts = starts(&sorted, &different, n_folds);
        let fold = |(fold, &start): (usize, &i64)| {
            let end = starts.get(fold + 1);
            let rows = || 0..times.len();
            let learn: Vec<usize> = rows().filter(|&row| times[row] < start.saturating_sub(gap)).collect();
            if learn.is_empty() {
                return Err(FoldError::Gap { fold, gap });
            }
            let judged = |time: i64| time >= start && end.is_none_or(|&end| time < end);
            Ok(Fold { learn, test: rows().filter(|&row| judged(times[row])).collect() })
        };
        starts.iter().enumerate().map(fold).collect()
    }
}

/// The first time of each judged block, all different.
fn starts(sorted: &[i64], different: &[i64], n_folds: usize) -> Vec<i64> {
    let mut places: Vec<usize> = Vec::with_capacity(n_folds);
    for fold in 0..n_folds {
        let wanted = sorted[sorted.len() * (fold + 1) / (n_folds + 1)];
        let place = different.partition_point(|&time| time < wanted);
        // a time of its own for this fold, and for those that follow
        let least = places.last().map_or(1, |last| last + 1);
        let most = different.len() - (n_folds - fold);
        places.push(place.clamp(least, most));
    }
    places.into_iter().map(|place| different[place]).collect()
}

fn check(n_folds: usize, found: usize, units: &'static str) -> Result<(), FoldError> {
    if n_folds < 2 {
        Err(FoldError::TooFew { found: n_folds })
    } else if found < n_folds {
        Err(FoldError::TooSmall { needed: n_folds, units, found })
    } else {
        Ok(())
    }
}

fn folds(fold_of: &[usize], n_folds: usize) -> Vec<Fold> {
    let fold = |number: usize| {
        let (test, learn) = (0..fold_of.len()).partition(|&row| fold_of[row] == number);
        Fold { learn, test }
    };
    (0..n_folds).map(fold).collect()
}
