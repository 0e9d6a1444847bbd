//! Scores and reasons: of the alert alone, exact, and the same every time.

use std::collections::{BTreeMap, BTreeSet};

use aml_miner::aml::score::{Explain, ScoreError, answer, rank_alerts, score_alerts, score_clusters, text};
use aml_miner::aml::sot::Batch;
use aml_miner::determinism::par::Pool;

use crate::fixture::{batch, bundle, shuffled};

/// Alert id -> its whole answer row.
fn rows(batch: &Batch) -> BTreeMap<String, String> {
    let scores = score_alerts(bundle(), batch, Explain::Top(5)).unwrap();
    let answer = answer::alerts(&scores);
    answer.rows.iter().map(|row| (row.alert_id.clone(), serde_json::to_string(row).unwrap())).collect()
}

#[test]
fn an_alert_scores_alone_as_in_any_batch() {
    let whole = rows(batch());
    assert!(whole.len() > 20, "{} alerts", whole.len());
    assert_eq!(whole, rows(&shuffled(batch(), 9)));
    for parts in [2, 5] {
        let alerts = batch().alerts.as_ref().unwrap();
        let mut together = BTreeMap::new();
        for part in alerts.chunks(alerts.len().div_ceil(parts)) {
            together.extend(rows(&Batch { alerts: Some(part.to_vec()), ..batch().clone() }));
        }
        assert_eq!(whole, together);
    }
    for threads in [1, 2, 3, 8] {
        assert_eq!(whole, Pool::new(threads).unwrap().run(|| rows(batch())));
    }
}

/// What is written while scoring is what the rows would be, to the byte, and of the same digest.
#[test]
fn text_written_at_once_is_that_of_the_rows() {
    let none = Batch { alerts: Some(vec![]), clusters: Some(vec![]), ..batch().clone() };
    for (batch, explain) in
        [(batch(), Explain::Top(5)), (batch(), Explain::Top(0)), (batch(), Explain::No), (&none, Explain::No)]
    {
        let scores = score_alerts(bundle(), batch, explain).unwrap();
        let mut rows = answer::alerts(&scores);
        let written = || text::alerts(bundle(), batch, explain).unwrap();
        assert_eq!((written().n_rows(), written().digest()), (rows.rows.len(), rows.digest));
        assert_eq!(written().into_json(None), rows.to_json());
        rows.rows.iter_mut().for_each(|row| row.latency_ms = Some(0.1 + 0.2));
        assert_eq!(written().into_json(Some(0.1 + 0.2)), rows.to_json());

        let rows = answer::clusters(&score_clusters(bundle(), batch, explain).unwrap());
        let written = || text::clusters(bundle(), batch, explain).unwrap();
        assert_eq!((written().digest(), written().into_json(None)), (rows.digest, rows.to_json()));
    }
}

#[test]
fn contributions_and_base_add_up_to_the_very_score() {
    let scores = score_alerts(bundle(), batch(), Explain::Top(5)).unwrap();
    let mut distinct = BTreeSet::new();
    for score in &scores {
        let why = score.explanation.as_ref().unwrap();
        assert_eq!(why.raw_score, score.raw_score);
        let all: f64 = why.contributions.iter().map(|(_, c)| c).sum();
        let magnitude: f64 = why.contributions.iter().map(|(_, c)| c.abs()).sum();
        assert!((all + why.base_value - why.raw_score).abs() <= 1e-9 * magnitude.max(1.0));
        assert!((0.0..=1.0).contains(&score.score));
        for reason in &why.top {
            let direction =
                if reason.contribution > 0.0 { "; raises the score" } else { "; lowers the score" };
            assert!(
                reason.text.starts_with(&reason.name) && reason.text.ends_with(direction),
                "{}",
                reason.text
            );
        }
        distinct.insert(why.top.first().map(|r| r.text.clone()));
    }
    // the reference gave every alert the same explanation
    assert!(distinct.len() > 3, "{distinct:?}");
}

#[test]
fn ranks_are_a_total_order() {
    let ranks = rank_alerts(bundle(), batch()).unwrap();
    assert_eq!(ranks.len(), batch().alerts.as_ref().unwrap().len());
    for (i, pair) in ranks.windows(2).enumerate() {
        assert_eq!(pair[0].rank, i + 1);
        let (a, b) = (&pair[0], &pair[1]);
        assert!(a.raw_score > b.raw_score || (a.raw_score == b.raw_score && a.alert_id < b.alert_id));
    }
    assert_eq!(
        answer::ranking(&ranks),
        answer::ranking(&rank_alerts(bundle(), &shuffled(batch(), 4)).unwrap())
    );
}

#[test]
fn clusters_are_scored_from_cluster_rows() {
    // the reference fed alert rows to the cluster model, and predicted one constant
    let scores = score_clusters(bundle(), batch(), Explain::Top(3)).unwrap();
    assert_eq!(scores.len(), batch().clusters.as_ref().unwrap().len());
    let distinct: BTreeSet<u64> = scores.iter().map(|s| s.score.to_bits()).collect();
    assert!(distinct.len() > 1, "all {} clusters score alike", scores.len());
}

#[test]
fn batches_that_cannot_be_scored_say_why() {
    let none = Batch { alerts: None, clusters: None, ..batch().clone() };
    let error = score_alerts(bundle(), &none, Explain::No).expect_err("no alerts");
    assert!(error.to_string().ends_with("no alerts table: derive it first"), "{error}");
    assert!(matches!(score_clusters(bundle(), &none, Explain::No), Err(ScoreError::NoTable { .. })));
    let empty = Batch { alerts: Some(vec![]), clusters: Some(vec![]), ..batch().clone() };
    assert!(score_alerts(bundle(), &empty, Explain::Top(1)).unwrap().is_empty());
    assert!(rank_alerts(bundle(), &empty).unwrap().is_empty());
    assert!(score_clusters(bundle(), &empty, Explain::No).unwrap().is_empty());
}

#[test]
fn an_alert_of_an_unknown_address_is_scored() {
    let mut alert = batch().alerts.as_ref().unwrap()[0].clone();
    alert.address = "nobody".to_owned();
    alert.volume_usd = f64::NAN;
    alert.alert_confidence_score = f64::INFINITY;
    alert.evidence_json = "{\"tx_count\": 1e400".to_owned();
    let scores =
        score_alerts(bundle(), &Batch { alerts: Some(vec![alert]), ..batch().clone() }, Explain::Top(9));
    assert!(scores.unwrap()[0].score.is_finite());
}
