//! All rows of all judged batches of one kind, and the cut of them that one model is judged on.
//!
//! In flow batches with their scores and targets; out flows [`Rows`]: the rows that have a target of the chosen kind, batch
//! by batch, with features, scores and whom each row belongs to.

use std::collections::BTreeMap;

use super::figures::{CONFIDENCE, FLAT, SEVERITY};
use super::marks::Marks;
use crate::aml::bundle::{Bundle, Kind, Scorer};
use crate::aml::features::Rows as RowsOf;
use crate::aml::sot::Batch;
use crate::aml::target::{Target, Targets};
use crate::determinism::intern::Interner;
use crate::determinism::rng::Stream;
use crate::gbdt::data::{Column, FeatureMatrix, Schema};

/// Rows of one kind.
#[derive(Debug, Default)]
pub(super) struct Pool {
    /// Rows of each batch; 0 where it has none.
    groups: Vec<usize>,
    batches: Vec<String>,
    ids: Vec<String>,
    /// The bootstrap's unit: the pattern instance of the row's address, or the address.
    units: Vec<String>,
    attributes: BTreeMap<&'static str, Vec<String>>,
    targets: BTreeMap<&'static str, Vec<Option<Target>>>,
    columns: BTreeMap<Kind, Vec<Vec<f64>>>,
    marks: Marks,
    rival: Marks,
}

/// Rows with targets, for one model.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    pub(super) kind: Kind,
    pub(super) scorer: &'a Scorer,
    /// Names of the batches that have rows.
    pub(super) batches: Vec<String>,
    /// Rows of each of them.
    pub(super) groups: Vec<u32>,
    /// Position in `batches`, of each row.
    pub(super) batch: Vec<u32>,
    pub(super) labels: Vec<f32>,
    pub(super) grades: Vec<u8>,
    pub(super) ids: Vec<String>,
    /// A hash of batch and id: what samples go by.
    pub(super) keys: Vec<u64>,
    /// The bootstrap's unit of each row, from 0.
    pub(super) units: Vec<u32>,
    pub(super) n_units: usize,
    /// A hash of each row's unit, the same in other batches.
    pub(super) unit_keys: Vec<u64>,
    pub(super) attributes: BTreeMap<&'static str, Vec<String>>,
    pub(super) matrix: FeatureMatrix,
    pub(super) scores: Vec<f64>,
    /// What needs no model.
    pub(super) baselines: Vec<(String, Vec<f64>)>,
    /// The same model of another bundle.
    pub(super) rival: Option<Vec<f64>>,
}

/// Scores of one batch.
pub(super) struct Scored {
    /// By the bundle's models and by what needs none.
    pub(super) marks: Marks,
    /// By the other bundle's models.
    pub(super) rival: Marks,
}

impl Pool {
    /// The next batch: every row of its table, with all scores.
    pub(super) fn add(&mut self, bundle: &Bundle, batch: &Batch, rows: RowsOf, scored: Scored) {
        let before = self.ids.len();
        match rows {
            RowsOf::Alerts => self.add_alerts(batch),
            RowsOf::Clusters => self.add_clusters(batch),
        }
        self.groups.push(self.ids.len() - before);
        self.batches.push(batch.id.name());
        for kind in Kind::ALL.into_iter().filter(|kind| kind.rows() == rows) {
            let Some(scorer) = bundle.scorer(kind) else { continue };
            let matrix = scorer.features().matrix(batch);
            let columns = self.columns.entry(kind).or_insert_with(|| vec![vec![]; matrix.n_features()]);
            for (f, all) in columns.iter_mut().enumerate() {
                let column = matrix.column(f);
                all.extend((0..column.len()).map(|row| column.get(row)));
            }
        }
        let extend = |all: &mut Marks, next: Marks| {
            next.into_iter().for_each(|(name, scores)| all.entry(name).or_default().extend(scores));
        };
        extend(&mut self.marks, scored.marks);
        extend(&mut self.rival, scored.rival);
    }

    /// Whether no batch had rows.
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Targets of the batch added last; a kind of target that earlier batches lacked is absent for them.
    pub(super) fn target(&mut self, name: &'static str, targets: &Targets) {
        let all = self.targets.entry(name).or_default();
        all.resize(self.ids.len() - targets.rows.len(), None);
        all.extend(&targets.rows);
    }

    /// How many batches have rows with this target.
    pub(super) fn batches_with(&self, target: &str) -> usize {
        let mut begin = 0;
        let Some(targets) = self.targets.get(target) else { return 0 };
        let known = self.groups.iter().filter(|&&rows| {
            let range = begin.min(targets.len())..(begin + rows).min(targets.len());
            begin += rows;
            targets[range].iter().any(Option::is_some)
        });
        known.count()
    }

    /// The kinds of target that rows have.
    pub(super) fn targets(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.targets.keys().copied()
    }

    /// The rows that have a target of this kind, for one model, or all rows where no kind is asked for; `None` where the bundle
    /// lacks the model or no row remains.
    pub(super) fn rows<'a>(&self, bundle: &'a Bundle, kind: Kind, target: Option<&str>) -> Option<Rows<'a>> {
        let scorer = bundle.scorer(kind)?;
        let unknown = Target { positive: false, weight: 1.0, grade: 0, known_ms: i64::MAX };
        let known: Vec<(usize, Target)> = match target {
            None => (0..self.ids.len()).map(|row| (row, unknown)).collect(),
            Some(target) => {
                let targets = self.targets.get(target)?.iter().enumerate();
                targets.filter_map(|(row, target)| target.map(|t| (row, t))).collect()
            }
        };
        if known.is_empty() {
            return None;
        }
        let kept: Vec<usize> = known.iter().map(|(row, _)| *row).collect();
        let labels: Vec<f32> = known.iter().map(|(_, t)| f32::from(u8::from(t.positive))).collect();
        let pick = |all: &[String]| kept.iter().map(|&row| all[row].clone()).collect::<Vec<_>>();
        let marks = |all: &Marks, name: &str| {
            all.get(name).map(|scores| kept.iter().map(|&row| scores[row]).collect::<Vec<_>>())
        };
        let (batches, groups, batch) = self.cut(&kept);
        let mut units = Interner::default();
        let unit_of: Vec<u32> = kept.iter().map(|&row| units.intern(&self.units[row])).collect();
        Some(Rows {
            kind,
            scorer,
            keys: kept
                .iter()
                .zip(&batch)
                .map(|(&row, &b)| key(&batches[b as usize], &self.ids[row]))
                .collect(),
            ids: pick(&self.ids),
            grades: known.iter().map(|(_, t)| t.grade).collect(),
            attributes: self.attributes.iter().map(|(name, all)| (*name, pick(all))).collect(),
            matrix: matrix(scorer.features().schema(), &self.columns[&kind], &kept),
            scores: marks(&self.marks, kind.name())?,
            baselines: self.baselines(&labels, &marks),
            rival: marks(&self.rival, kind.name()),
            n_units: units.len(),
            unit_keys: kept.iter().map(|&row| unit_key(&self.units[row])).collect(),
            units: unit_of,
            batches,
            groups,
            batch,
            labels,
        })
    }

    /// Scores that need no model: the base rate for all, 0.30 for all, and copies of what the row says.
    fn baselines(
        &self,
        labels: &[f32],
        marks: &dyn Fn(&Marks, &str) -> Option<Vec<f64>>,
    ) -> Vec<(String, Vec<f64>)> {
        let base_rate = labels.iter().map(|&label| f64::from(label)).sum::<f64>() / labels.len() as f64;
        let flat = [(FLAT, base_rate), ("flat 0.30", 0.3)];
        let flat = flat.into_iter().map(|(name, score)| (name.to_owned(), vec![score; labels.len()]));
        let copies = [SEVERITY, CONFIDENCE].into_iter();
        let copies = copies.filter_map(|name| Some((name.to_owned(), marks(&self.marks, name)?)));
        flat.chain(copies).collect()
    }

    /// The batches that have kept rows, how many, and each row's.
    fn cut(&self, kept: &[usize]) -> (Vec<String>, Vec<u32>, Vec<u32>) {
        let (mut batches, mut groups, mut batch) = (vec![], vec![], vec![]);
        let (mut begin, mut next) = (0, kept.iter().peekable());
        for (&rows, name) in self.groups.iter().zip(&self.batches) {
            begin += rows;
            let mut count = 0;
            while next.next_if(|&&row| row < begin).is_some() {
                batch.push(batches.len() as u32);
                count += 1;
            }
            if count > 0 {
                batches.push(name.clone());
                groups.push(count);
            }
        }
        (batches, groups, batch)
    }

    fn add_alerts(&mut self, batch: &Batch) {
        let instances = instances(batch);
        for alert in batch.alerts.iter().flatten() {
            self.ids.push(alert.alert_id.clone());
            self.units.push(unit(&instances, &alert.address));
            self.attribute("network", &batch.id.network);
            self.attribute("address type", &alert.suspected_address_type);
            self.attribute("typology", &alert.typology_type);
        }
    }

    fn add_clusters(&mut self, batch: &Batch) {
        let instances = instances(batch);
        for cluster in batch.clusters.iter().flatten() {
            let first = cluster.addresses_involved.first().map_or("", String::as_str);
            let address = if cluster.primary_address.is_empty() { first } else { &cluster.primary_address };
            self.ids.push(cluster.cluster_id.clone());
            self.units.push(unit(&instances, address));
            self.attribute("network", &batch.id.network);
            self.attribute("cluster type", &cluster.cluster_type);
        }
    }

    fn attribute(&mut self, name: &'static str, value: &str) {
        let value = if value.is_empty() { "unknown" } else { value };
        self.attributes.entry(name).or_default().push(value.to_ascii_lowercase());
    }
}

impl Rows<'_> {
    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// How many are positive.
    pub(super) fn positives(&self) -> usize {
        self.labels.iter().filter(|&&label| label > 0.0).count()
    }

    /// Whether both classes have rows.
    pub(super) fn has_both(&self) -> bool {
        (1..self.len()).contains(&self.positives())
    }

    /// Whether scores are probabilities.
    pub(super) fn is_probability(&self) -> bool {
        self.kind != Kind::AlertRanker
    }

    /// The rows of each batch.
    pub(super) fn ranges(&self) -> Vec<std::ops::Range<usize>> {
        let mut begin = 0;
        let range = |&rows: &u32| {
            begin += rows as usize;
            begin - rows as usize..begin
        };
        self.groups.iter().map(range).collect()
    }

    /// Scores of rows as the model gives them, after a change to their features.
    pub(super) fn rescore(&self, matrix: &FeatureMatrix) -> Vec<f64> {
        let raw = self.scorer.predictor().raw(matrix).expect("the model's own features");
        raw.into_iter().map(|raw| self.scorer.score(raw)).collect()
    }

    /// A fixed choice of `most` rows, in their order.
    pub(super) fn sample(&self, most: usize) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.len()).collect();
        rows.sort_by_key(|&row| (self.keys[row], row));
        rows.truncate(most);
        rows.sort_unstable();
        rows
    }
}

/// The unit of each alert of a batch, hashed.
pub(super) fn alert_unit_keys(batch: &Batch) -> Vec<u64> {
    let instances = instances(batch);
    batch.alerts.iter().flatten().map(|alert| unit_key(&unit(&instances, &alert.address))).collect()
}

/// The matrix of the kept rows.
fn matrix(schema: Schema, columns: &[Vec<f64>], kept: &[usize]) -> FeatureMatrix {
    let column = |values: &Vec<f64>| Column::F64(kept.iter().map(|&row| values[row]).collect());
    FeatureMatrix::new(schema, columns.iter().map(column).collect())
        .expect("columns of the schema's features")
}

/// The first instance of each address by name.
fn instances(batch: &Batch) -> BTreeMap<&str, &str> {
    let mut instances: BTreeMap<&str, &str> = BTreeMap::new();
    for row in batch.ground_truth.iter().flatten() {
        let known = instances.entry(&row.address).or_insert(&row.pattern_instance_id);
        *known = (*known).min(row.pattern_instance_id.as_str());
    }
    instances
}

fn unit(instances: &BTreeMap<&str, &str>, address: &str) -> String {
    match instances.get(address) {
        Some(instance) => format!("instance {instance}"),
        None => format!("address {address}"),
    }
}

/// A hash of a unit's name.
fn unit_key(unit: &str) -> u64 {
    Stream::new(0, unit).bits(0)
}

fn key(batch: &str, id: &str) -> u64 {
    Stream::new(0, batch).round(Stream::new(0, id).bits(0)).bits(1)
}
