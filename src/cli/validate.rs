//! `aml-miner validate`: what a submission would be worth, and whether a server keeps its word.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::args::{Global, Tls};
use super::batch::{columns_for, open_batch, open_bundle, write_file};
use super::clock::SystemClock;
use super::{Fault, Verdict};
use crate::aml::bundle::Bundle;
use crate::aml::evolution::{HORIZON_DAYS, successor};
use crate::aml::score::{Explain, score_alerts};
use crate::aml::sot::{Batch, BatchId, discover, identify_folder};
use crate::pipeline::fetch::{Client, Limits};
use crate::pipeline::validate::backtest::{
    ASSUMED_SHARES, Pair, PastBatch, expect, nearly_constant, pairs, shares,
};
use crate::pipeline::validate::{
    Baseline, Company, Facts, Previous, Reading, Report, Submission, SubmittedRow, api, judge, markdown,
};
use crate::server::Clock as _;

/// Arguments of `validate`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 0: the submission would be taken; 1: it would not, or a check of the server failed; \
                        2: wrong arguments or input."
)]
pub(crate) struct Validate {
    /// Folder of the batch; absent tables are derived
    #[arg(value_name = "BATCH")]
    batch: PathBuf,
    /// Judge this server, and the scores it gives
    #[arg(long, value_name = "URL", conflicts_with = "scores")]
    url: Option<String>,
    /// Judge the scores of this file: .json, .ndjson, .csv, .parquet, or a submissions document
    #[arg(long, value_name = "FILE")]
    scores: Option<PathBuf>,
    /// Folder of the bundle that scores, where neither a server nor a file does [default: models]
    #[arg(long, value_name = "DIR", env = "AML_MINER_MODELS")]
    models: Option<PathBuf>,
    /// Only the rules as documents and configuration say
    #[arg(long, conflicts_with = "as_coded")]
    as_specified: bool,
    /// Only the rules as the reference computes them
    #[arg(long)]
    as_coded: bool,
    /// Folder with batches of other days: the one thirty days later decides tier 3B, the latest earlier one steadiness, and
    /// every pair thirty days apart is back-tested. Scores beside a batch (scores.json, .ndjson, .csv, .parquet) count as submitted
    #[arg(long, value_name = "DIR")]
    history: Option<PathBuf>,
    /// Scores of another submitter for the same batch; may be given several times
    #[arg(long, value_name = "FILE")]
    others: Vec<PathBuf>,
    /// Days from the batch to the judgement
    #[arg(long, value_name = "N", default_value_t = HORIZON_DAYS)]
    day: u32,
    /// Where the model's code is, for rows that do not say it
    #[arg(long, value_name = "URL", env = "AML_MINER_GITHUB_URL", default_value = "")]
    github_url: String,
    /// Calls of the server to time
    #[arg(long, value_name = "N", default_value_t = 5)]
    calls: usize,
    /// The most milliseconds an alert may take, from end to end
    #[arg(long, value_name = "MS", default_value_t = 1.0)]
    max_latency_ms: f64,
    /// Seed of the draws behind the expected reward
    #[arg(long, value_name = "N", default_value_t = 42, env = "RANDOM_SEED")]
    seed: u64,
    /// Write the report as JSON here, and beside it as Markdown
    #[arg(long, value_name = "REPORT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    tls: Tls,
}

pub(super) fn run(args: &Validate, global: &Global) -> Result<Verdict, Fault> {
    let judge = Judge::new(args)?;
    let batch = judge.open_batch(&args.batch)?;
    let report = judge.report(&batch, global)?;
    let page = markdown(&report);
    if let Some(path) = &args.output {
        let mut json = serde_json::to_vec_pretty(&report).map_err(Fault::internal)?;
        json.push(b'\n');
        write_file(path, &json)?;
        write_file(&path.with_extension("md"), page.as_bytes())?;
    }
    // whoever reads only the head of it has the verdict in the exit code all the same
    let _reader_left = std::io::Write::write_all(&mut std::io::stdout(), page.as_bytes());
    Ok(if report.passed { Verdict::Done } else { Verdict::Negative })
}

/// The arguments with what they name opened.
struct Judge<'a> {
    args: &'a Validate,
    client: Option<(Client, &'a str)>,
    bundle: Option<Bundle>,
    history: BTreeMap<BatchId, PathBuf>,
}

/// A past batch that was scored, with what is known of it by now.
struct Past {
    name: String,
    facts: Facts,
    scores: Vec<f64>,
}

impl<'a> Judge<'a> {
    fn new(args: &'a Validate) -> Result<Self, Fault> {
        let trust = args.tls.trust()?;
        let client = args.url.as_deref().map(|url| (Client::new(url, Limits::default(), &trust), url));
        let needed = args.url.is_none() && args.scores.is_none();
        let models = args.models.clone().or_else(|| needed.then(|| PathBuf::from("models")));
        let bundle = models.filter(|_| args.url.is_none()).map(|dir| open_bundle(&dir)).transpose()?;
        let mut history = BTreeMap::new();
        if let Some(dir) = &args.history {
            for folder in discover(dir).map_err(Fault::input)? {
                if let Some(id) = identify_folder(&folder) {
                    history.insert(id, folder);
                }
            }
        }
        Ok(Judge { args, client, bundle, history })
    }

    fn readings(&self) -> Vec<Reading> {
        match (self.args.as_specified, self.args.as_coded) {
            (true, _) => vec![Reading::Specified],
            (_, true) => vec![Reading::Coded],
            _ => Reading::ALL.to_vec(),
        }
    }

    fn report(&self, batch: &Batch, global: &Global) -> Result<Report, Fault> {
        let args = self.args;
        let (checks, submission, source) = self.submission(batch)?;
        let later = self.history.get(&successor(&batch.id));
        let later = later.map(|dir| self.open_batch(dir)).transpose()?;
        let facts = Facts::of(batch, later.as_ref()).map_err(Fault::input)?;
        let company = self.company(batch)?;
        let readings = self.readings();
        let judged = |submission: &Submission| {
            readings
                .iter()
                .map(|&reading| judge(&facts, submission, &company, args.day, reading))
                .collect::<Vec<_>>()
        };
        let rewards = judged(&submission);
        let specified = judge(&facts, &submission, &company, args.day, Reading::Specified);
        let past = self.past(global)?;
        let scores = complete(&facts, &submission);
        let expected = scores.filter(|_| later.is_none()).map(|scores| {
            let known: Vec<&Facts> = past.iter().map(|past| &past.facts).collect();
            let seen = shares(&known);
            match seen.iter().sum::<f64>() > 0.0 {
                true => expect(&scores, &facts, seen, "shares of the past pairs", args.seed),
                false => {
                    expect(&scores, &facts, ASSUMED_SHARES, "shares assumed, no past pair at hand", args.seed)
                }
            }
        });
        let baselines = if later.is_some() { baselines(batch, &judged) } else { vec![] };
        Ok(Report {
            batch: batch.id.name(),
            alerts: facts.alerts.len(),
            scores: source,
            later: later.map(|later| later.id.name()),
            previous: company.previous.as_ref().map(|previous| previous.date.to_string()),
            others: company.others.len(),
            passed: specified.tier1.passed && checks.iter().all(|check| check.passed),
            checks,
            rewards,
            baselines,
            expected,
            backtest: past.iter().map(|p| PastBatch::judge(p.name.clone(), &p.facts, &p.scores)).collect(),
        })
    }

    /// The scores to judge, with the checks of the server that gave them.
    fn submission(&self, batch: &Batch) -> Result<(Vec<api::Check>, Submission, String), Fault> {
        let url = &self.args.github_url;
        if let Some((client, server)) = &self.client {
            let clock = SystemClock::start();
            let now = || clock.monotonic();
            let demands =
                api::Demands { calls: self.args.calls, latency_ms: self.args.max_latency_ms, now: &now };
            let served = api::check(client, server, batch, url, &demands).map_err(Fault::input)?;
            return Ok((served.checks, served.submission, format!("server {server}")));
        }
        if let Some(path) = &self.args.scores {
            let submission = Submission::read(path, url).map_err(Fault::input)?;
            return Ok((vec![], submission, path.display().to_string()));
        }
        let bundle = self.bundle.as_ref().ok_or_else(|| Fault::Internal("no source of scores".to_owned()))?;
        Ok((vec![], self.by_bundle(bundle, batch)?, format!("bundle {}", bundle.digest())))
    }

    fn by_bundle(&self, bundle: &Bundle, batch: &Batch) -> Result<Submission, Fault> {
        let scores = score_alerts(bundle, batch, Explain::No).map_err(Fault::input)?;
        Ok(Submission::of(&scores, &self.args.github_url))
    }

    /// The scores of a past batch: those submitted then, else the server's or the bundle's of today.
    fn past_submission(&self, dir: &Path, batch: &Batch) -> Result<Option<Submission>, Fault> {
        let stored = ["json", "ndjson", "csv", "parquet"].map(|kind| dir.join(format!("scores.{kind}")));
        if let Some(path) = stored.iter().find(|path| path.is_file()) {
            return Submission::read(path, &self.args.github_url).map(Some).map_err(Fault::input);
        }
        if let Some((client, server)) = &self.client {
            let scores = api::scores(client, server, batch, &self.args.github_url);
            return scores.map(Some).map_err(Fault::input);
        }
        self.bundle.as_ref().map(|bundle| self.by_bundle(bundle, batch)).transpose()
    }

    /// A batch with what the bundle, if there is one, reads of it.
    fn open_batch(&self, dir: &Path) -> Result<Batch, Fault> {
        open_batch(dir, self.bundle.as_ref().map(columns_for).unwrap_or_default())
    }

    fn company(&self, batch: &Batch) -> Result<Company, Fault> {
        let same = |id: &BatchId| id.network == batch.id.network && id.window_days == batch.id.window_days;
        let mut earlier =
            self.history.iter().filter(|(id, _)| same(id) && id.processing_date < batch.id.processing_date);
        let mut company = Company::default();
        if let Some((_, dir)) = earlier.next_back() {
            let before = self.open_batch(dir)?;
            let submission = self.past_submission(dir, &before)?;
            company.previous = submission.map(|submission| Previous::of(&before, &submission));
        }
        for path in &self.args.others {
            let other = Submission::read(path, "").map_err(Fault::input)?;
            company
                .others
                .push(other.by_alert().into_iter().map(|(id, score)| (id.to_owned(), score)).collect());
        }
        Ok(company)
    }

    fn past(&self, global: &Global) -> Result<Vec<Past>, Fault> {
        let mut past = vec![];
        for Pair { base, later } in pairs(&self.history) {
            let batch = self.open_batch(&base)?;
            let Some(submission) = self.past_submission(&base, &batch)? else { continue };
            if !global.quiet {
                eprintln!("back-test {}", batch.id.name());
            }
            let facts = Facts::of(&batch, Some(&self.open_batch(&later)?)).map_err(Fault::input)?;
            match complete(&facts, &submission) {
                Some(scores) => past.push(Past { name: batch.id.name(), facts, scores }),
                None => eprintln!("back-test {}: not every alert has a score, left out", batch.id.name()),
            }
        }
        Ok(past)
    }
}

/// One finite score per alert, or nothing.
fn complete(facts: &Facts, submission: &Submission) -> Option<Vec<f64>> {
    facts.scores(submission).into_iter().map(|score| score.filter(|score| score.is_finite())).collect()
}

/// Answers without a model on the same batch.
fn baselines(
    batch: &Batch,
    judged: &dyn Fn(&Submission) -> Vec<crate::pipeline::validate::Reward>,
) -> Vec<Baseline> {
    let alerts = batch.alerts.as_deref().unwrap_or_default();
    let answer = |score: &dyn Fn(usize) -> f64| Submission {
        rows: (0..alerts.len())
            .map(|i| SubmittedRow {
                alert_id: alerts[i].alert_id.clone(),
                score: score(i),
                model_version: "baseline".to_owned(),
                model_github_url: "baseline".to_owned(),
            })
            .collect(),
    };
    let flat = |i: usize| nearly_constant(0.30, i);
    let nothing = |i: usize| nearly_constant(0.0, i);
    let confidence = |i: usize| alerts[i].alert_confidence_score;
    let answers: [(&'static str, &dyn Fn(usize) -> f64); 3] =
        [("flat 0.30", &flat), ("flat 0", &nothing), ("the alert's confidence", &confidence)];
    let mut baselines = vec![];
    for (name, score) in answers {
        for reward in judged(&answer(score)) {
            let tier3b = reward.tier3b.as_ref().map(|tier| tier.score);
            baselines.push(Baseline { name, reading: reward.reading, r#final: reward.r#final, tier3b });
        }
    }
    baselines
}
