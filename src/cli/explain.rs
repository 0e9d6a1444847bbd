//! `aml-miner explain`: one alert, its score, the exact contributions, the reasons and the evidence.

use clap::Args;
use serde_json::{Value, json};

use super::batch::Input;
use super::{Fault, Verdict};
use crate::aml::score::{self, AlertScore, Explain, Explanation, ScoreError, answer};
use crate::aml::sot::{Alert, Batch};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainAlert {
    #[command(flatten)]
    input: Input,
    /// The alert's id
    #[arg(long, value_name = "ID")]
    alert: String,
    /// How many reasons to give
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ExplainAlert) -> Result<Verdict, Fault> {
    let (mut batch, bundle) = args.input.open()?;
    let alert = find(&batch, &args.alert)?;
    batch.alerts = Some(vec![alert.clone()]);
    let mut scores = score::score_alerts(&bundle, &batch, Explain::Top(args.top)).map_err(Fault::input)?;
    let score = scores.pop().ok_or_else(|| Fault::Internal("one alert has one score".to_owned()))?;
    let Some(explanation) = &score.explanation else {
        return Err(Fault::Internal("an explanation was asked for".to_owned()));
    };
    if args.json {
        println!("{}", to_json(&alert, &score, explanation)?);
    } else {
        print(&alert, &score, explanation);
    }
    Ok(Verdict::Done)
}

fn find(batch: &Batch, id: &str) -> Result<Alert, Fault> {
    let alerts = batch.alerts.as_deref().unwrap_or_default();
    let found = alerts.iter().find(|alert| alert.alert_id == id).cloned();
    let absent = || ScoreError::NoAlert { batch: batch.id.name(), id: id.to_owned(), rows: alerts.len() };
    found.ok_or_else(|| Fault::input(absent()))
}

fn to_json(alert: &Alert, score: &AlertScore, explanation: &Explanation) -> Result<Value, Fault> {
    let why: Value = serde_json::from_str(&answer::explain_json(explanation)).map_err(Fault::internal)?;
    let evidence = serde_json::from_str(&alert.evidence_json).unwrap_or(Value::Null);
    Ok(json!({
        "alert_id": alert.alert_id,
        "address": alert.address,
        "typology_type": alert.typology_type,
        "score": score.score,
        "model_version": &*score.model_version,
        "explanation": why,
        "evidence": evidence,
    }))
}

fn print(alert: &Alert, score: &AlertScore, explanation: &Explanation) {
    println!("alert {}", alert.alert_id);
    println!("address {}", alert.address);
    println!("{} {}: {}", alert.severity, alert.typology_type, alert.description);
    println!("score {:.4} by {}", score.score, score.model_version);
    println!("raw score {:+.4} = base {:+.4} + contributions", explanation.raw_score, explanation.base_value);
    println!("\nreasons");
    for reason in &explanation.top {
        println!("  {:+.4}  {}", reason.contribution, reason.text);
    }
    let shown: f64 = explanation.top.iter().map(|reason| reason.contribution).sum();
    let all: f64 = explanation.contributions.iter().map(|(_, contribution)| contribution).sum();
    println!("  {:+.4}  all other features", all - shown);
    println!("\nevidence\n  {}", alert.evidence_json);
}
