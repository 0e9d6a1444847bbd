//! Out-of-fold scores as a table: what models said of rows that they had not seen.

use std::fmt::Write as _;

use super::train::{Material, TrainError, Trained};

/// One line per model and judged row:
/// `model,fold,batch,id,address,date,label,grade,raw_score,score`; the score is the model's own, before calibration.
///
/// # Errors
/// When a model was trained without folds, and none can be cut.
pub fn csv(material: &Material, trained: &[Trained]) -> Result<String, TrainError> {
    let mut text = "model,fold,batch,id,address,date,label,grade,raw_score,score\n".to_owned();
    for one in trained {
        let folds = match &one.out_of_fold {
            Some(folds) => folds.clone(),
            None => material.out_of_fold(one.kind)?,
        };
        let rows = material.examples(one.kind);
        let batches = &material.manifest().training.batches;
        for fold in &folds.folds {
            for (i, &row) in fold.rows.iter().enumerate() {
                let (subject, target) = (&rows.subjects[row], &rows.targets[row]);
                let batch = &batches[subject.batch as usize].batch;
                let _ = writeln!(
                    text,
                    "{},{},{batch},{},{},{},{},{},{:?},{:?}",
                    one.kind.name(),
                    fold.number,
                    cell(&subject.id),
                    cell(&subject.address),
                    subject.date,
                    u8::from(target.positive),
                    target.grade,
                    fold.raw[i],
                    fold.scores[i]
                );
            }
        }
    }
    Ok(text)
}

/// RFC 4180.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
