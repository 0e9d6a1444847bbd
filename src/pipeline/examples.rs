//! Batches -> rows to learn from or to be judged on: features, targets, and who and when each row is.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::aml::bundle::Kind;
use crate::aml::features::{Family, FeatureSet, Rows};
use crate::aml::sot::Batch;
use crate::aml::target::{self, LabelStrategy, Source, Target, TargetError};
use crate::determinism::digest::{Digest, Hasher};
use crate::determinism::rng::Stream;
use crate::gbdt::data::{Column, FeatureMatrix, Task};

/// Labelled rows of any number of batches, the rows of a batch together.
#[derive(Clone, Debug)]
pub struct Examples {
    /// One row per example.
    pub matrix: FeatureMatrix,
    /// What each row is to be scored as.
    pub targets: Vec<Target>,
    /// Who and when each row is.
    pub subjects: Vec<Subject>,
    /// The rows without a target: who is scored beside the labelled ones. Empty in what [`Examples::take`] makes.
    pub others: FeatureMatrix,
    /// Labels that were left out as unknown at the cut-off.
    pub dropped_labels: usize,
    /// Rows without a target.
    pub unlabelled: usize,
}

/// Who and when a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Number of the batch, counting from 0.
    pub batch: u32,
    /// Processing date.
    pub date: NaiveDate,
    /// Id of the alert or cluster.
    pub id: String,
    /// The address that decides the row's fold.
    pub address: String,
    /// A hash of batch name and row id: what sampling goes by.
    pub key: u64,
    /// Position in the batch's table.
    pub row: usize,
}

impl Examples {
    /// The rows of one batch that have a target.
    ///
    /// # Errors
    /// When the batch has no table to take targets from.
    pub fn of(batch: &Batch, features: &FeatureSet, source: Source) -> Result<Self, TargetError> {
        Self::by(batch, features, &source)
    }

    /// The rows of one batch that have a target by this strategy.
    ///
    /// # Errors
    /// When the batch does not hold what the strategy reads.
    pub fn by(
        batch: &Batch,
        features: &FeatureSet,
        strategy: &dyn LabelStrategy,
    ) -> Result<Self, TargetError> {
        let targets = match features.rows() {
            Rows::Alerts => target::of_alerts(batch, strategy)?,
            Rows::Clusters => target::of_clusters(batch, strategy)?,
        };
        let subjects = subjects(batch, features.rows());
        let (kept, others): (Vec<usize>, Vec<usize>) =
            (0..subjects.len()).partition(|&row| targets.rows[row].is_some());
        let matrix = features.matrix(batch);
        Ok(Examples {
            others: matrix.take_rows(&others),
            matrix: matrix.take_rows(&kept),
            targets: targets.rows.iter().flatten().copied().collect(),
            unlabelled: subjects.len() - kept.len(),
            subjects: kept.iter().map(|&row| subjects[row].clone()).collect(),
            dropped_labels: targets.dropped_labels,
        })
    }

    /// The examples of batches, in this order; `None` of none.
    pub fn concat(parts: Vec<Examples>) -> Option<Self> {
        let matrix = stack(&parts.iter().map(|part| &part.matrix).collect::<Vec<_>>())?;
        let others = stack(&parts.iter().map(|part| &part.others).collect::<Vec<_>>())?;
        let number = |(batch, part): (usize, &Examples)| {
            let numbered = move |subject: &Subject| Subject { batch: batch as u32, ..subject.clone() };
            part.subjects.iter().map(numbered).collect::<Vec<_>>()
        };
        Some(Examples {
            matrix,
            others,
            targets: parts.iter().flat_map(|part| part.targets.iter().copied()).collect(),
            subjects: parts.iter().enumerate().flat_map(number).collect(),
            dropped_labels: parts.iter().map(|part| part.dropped_labels).sum(),
            unlabelled: parts.iter().map(|part| part.unlabelled).sum(),
        })
    }

    /// Only these rows, in this order.
    #[must_use]
    pub fn take(&self, rows: &[usize]) -> Self {
        Examples {
            matrix: self.matrix.take_rows(rows),
            others: self.others.take_rows(&[]),
            targets: rows.iter().map(|&row| self.targets[row]).collect(),
            subjects: rows.iter().map(|&row| self.subjects[row].clone()).collect(),
            dropped_labels: self.dropped_labels,
            unlabelled: self.unlabelled,
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// How many rows are positive.
    pub fn positives(&self) -> usize {
        self.targets.iter().filter(|target| target.positive).count()
    }

    /// 1 for positive rows, 0 for the others.
    pub fn labels(&self) -> Vec<f32> {
        self.targets.iter().map(|target| f32::from(u8::from(target.positive))).collect()
    }

    /// Relevance of each row.
    pub fn grades(&self) -> Vec<u8> {
        self.targets.iter().map(|target| target.grade).collect()
    }

    /// Rows of each batch, in order; a query is a batch.
    pub fn groups(&self) -> Vec<u32> {
        let mut groups: Vec<(u32, u32)> = vec![];
        for subject in &self.subjects {
            match groups.last_mut() {
                Some((batch, rows)) if *batch == subject.batch => *rows += 1,
                _ => groups.push((subject.batch, 1)),
            }
        }
        groups.into_iter().map(|(_, rows)| rows).collect()
    }

    /// The rows with those of each batch cut into parts of about `rows`, drawn by their keys; every part is a batch of its own,
    /// which is what a ranker's query is. Nothing changes where `rows` is 0.
    #[must_use]
    pub fn in_parts(&self, rows: u32) -> Self {
        if rows == 0 {
            return self.clone();
        }
        let chance = Stream::new(0, "parts");
        let sizes: BTreeMap<u32, u64> = self.subjects.iter().fold(BTreeMap::new(), |mut sizes, subject| {
            *sizes.entry(subject.batch).or_default() += 1;
            sizes
        });
        let part = |subject: &Subject| {
            let parts = sizes[&subject.batch].div_ceil(u64::from(rows));
            (subject.batch, chance.below(subject.key, parts))
        };
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by_key(|&row| (part(&self.subjects[row]), row));
        let mut cut = self.take(&order);
        let (mut number, mut before) = (0, None);
        for (subject, &row) in cut.subjects.iter_mut().zip(&order) {
            let own = part(&self.subjects[row]);
            number += u32::from(before.is_some_and(|before| before != own));
            before = Some(own);
            subject.batch = number;
        }
        cut
    }

    /// What the engine is asked to learn; rows count by their target's weight.
    pub fn task(&self, kind: Kind) -> Task {
        let weights = Some(self.targets.iter().map(|target| target.weight as f32).collect());
        match kind {
            Kind::AlertScorer | Kind::ClusterScorer => Task::Binary { labels: self.labels(), weights },
            Kind::AlertRanker => Task::Lambdarank { grades: self.grades(), groups: self.groups(), weights },
        }
    }

    /// What sampling goes by.
    pub fn keys(&self) -> Vec<u64> {
        self.subjects.iter().map(|subject| subject.key).collect()
    }

    /// Makes families missing on a share of the rows, chosen by their keys.
    pub fn mask(&mut self, features: &FeatureSet, families: &[Family], share: f64, seed: u64) {
        let chance = Stream::new(seed, "mask");
        let masked: Vec<bool> = self.subjects.iter().map(|s| chance.unit(s.key) < share).collect();
        let columns = features.features().iter().enumerate().map(|(f, feature)| {
            let column = self.matrix.column(f);
            if !families.contains(&feature.family) {
                return column.clone();
            }
            let value = |row: usize| if masked[row] { f64::NAN } else { column.get(row) };
            Column::F64((0..masked.len()).map(value).collect())
        });
        let columns = columns.collect();
        self.matrix =
            FeatureMatrix::new(self.matrix.schema().clone(), columns).expect("the same columns, some NaN");
    }

    /// SHA-256 over features and targets: what was learned from.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        hasher.update(&self.matrix.schema().fingerprint().0);
        for f in 0..self.matrix.n_features() {
            let column = self.matrix.column(f);
            (0..column.len()).for_each(|row| hasher.update(&column.get(row).to_bits().to_le_bytes()));
        }
        for target in &self.targets {
            hasher.update(&[u8::from(target.positive), target.grade]);
            hasher.update(&target.weight.to_bits().to_le_bytes());
            hasher.update(&target.known_ms.to_le_bytes());
        }
        hasher.finish()
    }
}

/// Matrices of one schema below each other; `None` of none.
fn stack(parts: &[&FeatureMatrix]) -> Option<FeatureMatrix> {
    let schema = parts.first()?.schema().clone();
    let column = |f: usize| {
        let values = |part: &&FeatureMatrix| {
            let column = part.column(f).clone();
            (0..column.len()).map(move |row| column.get(row))
        };
        Column::F64(parts.iter().flat_map(values).collect())
    };
    let columns = (0..schema.len()).map(column).collect();
    Some(FeatureMatrix::new(schema, columns).expect("all parts have the features of one set"))
}

fn subjects(batch: &Batch, rows: Rows) -> Vec<Subject> {
    let date = batch.id.processing_date;
    let stream = Stream::new(0, &batch.id.name());
    let subject = |row: usize, id: &str, address: &str| Subject {
        batch: 0,
        date,
        id: id.to_owned(),
        address: address.to_owned(),
        key: stream.round(Stream::new(0, id).bits(0)).bits(0),
        row,
    };
    match rows {
        Rows::Alerts => {
            let alerts = batch.alerts.iter().flatten().enumerate();
            alerts.map(|(row, alert)| subject(row, &alert.alert_id, &alert.address)).collect()
        }
        Rows::Clusters => {
            let clusters = batch.clusters.iter().flatten().enumerate();
            let of = |(row, cluster): (usize, &crate::aml::sot::Cluster)| {
                let first = cluster.addresses_involved.first();
                let address =
                    if cluster.primary_address.is_empty() { first } else { Some(&cluster.primary_address) };
                subject(row, &cluster.cluster_id, address.map_or("", String::as_str))
            };
            clusters.map(of).collect()
        }
    }
}
