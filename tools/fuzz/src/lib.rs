//! What is asked of every reader: any bytes give an error or a value, never a panic and no memory beyond what the bytes stand for; and a value is whole:
//! a model that is let through scores, explains and is written and read back, a table has columns of one length.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use aml_miner::aml::sot::Batch;
use aml_miner::gbdt::infer::{Explainer, Predictor};
use aml_miner::gbdt::model::{Model, lightgbm, onnx, xgboost};
use aml_miner::table::{Table, arrow, layout, parquet};

/// Our own format.
pub fn native_model(bytes: &[u8]) {
    if let Ok(model) = Model::from_bytes(bytes) {
        whole(&model);
    }
}

/// LightGBM's text.
pub fn lightgbm_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(model) = lightgbm::from_text(text) {
        whole(&model);
    }
}

/// XGBoost's JSON.
pub fn xgboost_json(bytes: &[u8]) {
    if let Ok(model) = xgboost::from_json(bytes) {
        whole(&model);
    }
}

/// XGBoost's UBJSON.
pub fn xgboost_ubj(bytes: &[u8]) {
    if let Ok(model) = xgboost::from_ubj(bytes) {
        whole(&model);
    }
}

/// LibSVM's rows.
pub fn svm(bytes: &[u8]) {
    text_as("svm", bytes);
}

/// Rows between commas, tabs or blanks, with a header or without.
pub fn text_table(bytes: &[u8]) {
    let [kind, rest @ ..] = bytes else { return };
    text_as(["csv", "tsv", "data"][usize::from(*kind % 3)], rest);
}

/// Parquet.
pub fn parquet(bytes: &[u8]) {
    if let Ok(table) = parquet::read_bytes("fuzz.parquet", bytes, parquet::Columns::All) {
        check(&table);
    }
}

/// Arrow streams, with room for a hundred megabytes of what they unpack to.
pub fn arrow(bytes: &[u8]) {
    let left = AtomicUsize::new(100 << 20);
    let room = |more: usize| left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(more)).is_ok();
    if let Ok(tables) = arrow::read_streams("fuzz", bytes, &room) {
        tables.iter().for_each(check);
        let _ = Batch::from_arrow(bytes, &|_| true);
    }
}

/// The body of a scoring request.
pub fn request(bytes: &[u8]) {
    let _ = Batch::from_json(bytes);
}

fn text_as(extension: &str, bytes: &[u8]) {
    if let Ok((table, _)) = layout::read_bytes("fuzz", extension, bytes) {
        check(&table);
    }
}

fn check(table: &Table) {
    for column in &table.columns {
        let n_values = column.values.n_values();
        assert!(n_values.is_none_or(|n| n == table.n_rows), "{}", column.name);
    }
}

fn whole(model: &Model) {
    model.check().expect("readers hand out sound models");
    let n = model.schema.len();
    if n > 4096 {
        return; // sound, but a row of it takes longer than it teaches
    }
    let (predictor, explainer) = (Predictor::new(model), Explainer::new(model));
    for value in [0.0, -1.5, 7.0, f64::NAN, f64::INFINITY] {
        let row = vec![value; n];
        let expected = model.raw_score(&row);
        assert_eq!(predictor.raw_row(&row).to_bits(), expected.to_bits());
        let _ = explainer.contributions(&row);
    }
    let back = Model::from_bytes(&model.to_bytes()).expect("our own format takes every sound model");
    assert_eq!(back.digest(), model.digest());
    let _ = onnx::to_bytes(model);
    let _ = lightgbm::to_json(model);
    // names that LightGBM cannot hold are changed, all else is kept
    if let Ok(back) = lightgbm::from_text(&lightgbm::to_text(model)) {
        assert_eq!(back.trees.len(), model.trees.len());
    }
}
