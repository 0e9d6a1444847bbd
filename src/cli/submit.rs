//! `aml-miner submit`: scores -> the document a validator takes, signed, and sent where asked.

use std::path::PathBuf;

use clap::Args;

use super::args::Tls;
use super::batch::{Input, columns_for, write_file};
use super::keygen::read_secret;
use super::{Fault, Verdict};
use crate::aml::derive;
use crate::aml::score::{Explain, score_alerts};
use crate::aml::sot;
use crate::pipeline::fetch::{Client, Limits};
use crate::pipeline::submit::{Document, Manifest, SubmitError, Submitter, differing, manifest_path};
use crate::pipeline::validate::Submission;

/// Arguments of `submit`.
#[derive(Debug, Args)]
#[command(
    after_help = "FILE gets {\"submissions\": [...]}; FILE with .manifest.json for .json gets the digests of scores, bundle and \
                        data under one signature. A validator adds up what it is sent, so --post never tries twice."
)]
pub(crate) struct Submit {
    #[command(flatten)]
    input: Input,
    /// Scores of the batch, as `score --output` wrote them
    #[arg(long, value_name = "FILE")]
    scores: PathBuf,
    /// Who submits: the id that the validator knows
    #[arg(long, value_name = "ID", env = "AML_MINER_SUBMITTER")]
    submitter: String,
    /// Where the model's code is public
    #[arg(long, value_name = "URL", env = "AML_MINER_GITHUB_URL")]
    github_url: String,
    /// File of the document
    #[arg(long, value_name = "FILE", default_value = "submissions.json")]
    output: PathBuf,
    /// Sign with this secret key (`aml-miner keygen` makes one)
    #[arg(long, value_name = "FILE", env = "AML_MINER_KEY")]
    key: Option<PathBuf>,
    /// Send the document to the validator here: URL/api/v1/submissions
    #[arg(long, value_name = "URL")]
    post: Option<String>,
    /// Bearer token of the validator
    #[arg(long, value_name = "TOKEN", env = "AML_MINER_API_KEY", hide_env_values = true, requires = "post")]
    api_key: Option<String>,
    #[command(flatten)]
    tls: Tls,
}

pub(super) fn run(args: &Submit) -> Result<Verdict, Fault> {
    let key = args.key.as_deref().map(read_secret).transpose()?;
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    let trust = args.tls.trust()?;
    let validator = args.post.as_deref().map(|url| (Client::new(url, limits, &trust), url));
    let opened = sot::open(&args.input.batch).map_err(Fault::input)?;
    let bundle = super::batch::open_bundle(&args.input.models)?;
    let batch = derive::complete_with(opened.batch.clone(), columns_for(&bundle));
    let submitter = Submitter { id: args.submitter.clone(), github_url: args.github_url.clone() };
    let scores = Submission::read(&args.scores, &args.github_url).map_err(Fault::input)?;
    let document = match Document::of(&batch, &scores, &submitter) {
        Ok(document) => document,
        Err(SubmitError::Integrity { faults }) => return refuse(&faults),
        Err(error) => return Err(Fault::input(error)),
    };
    let made = score_alerts(&bundle, &batch, Explain::No).map_err(Fault::input)?;
    let others = differing(&document, &made);
    if let Some(first) = others.first() {
        let count = others.len();
        return refuse(&[format!(
            "{count} scores are not what bundle {} gives, first {first}",
            bundle.digest()
        )]);
    }
    let manifest = Manifest::of(&document, &opened, &bundle, &submitter);
    let signed = match &key {
        Some(key) => manifest.sign(key),
        None => manifest.unsigned(),
    };
    let beside = manifest_path(&args.output);
    write_file(&args.output, &document.to_json())?;
    write_file(&beside, &signed.to_json())?;
    println!("{} scores written to {}", document.submissions.len(), args.output.display());
    let by = signed
        .public_key
        .map_or_else(|| "not signed (give --key)".to_owned(), |key| format!("signed by {key}"));
    println!("manifest {}, {by}", beside.display());
    match validator {
        Some((client, url)) => {
            let network = &batch.id.network;
            let address = format!("{}/api/v1/submissions?network={network}", url.trim_end_matches('/'));
            post(args, &client, &address, &document)
        }
        None => Ok(Verdict::Done),
    }
}

fn refuse(reasons: &[String]) -> Result<Verdict, Fault> {
    eprintln!("nothing written: a validator would refuse this submission");
    reasons.iter().for_each(|reason| eprintln!("- {reason}"));
    Ok(Verdict::Negative)
}

fn post(args: &Submit, client: &Client, address: &str, document: &Document) -> Result<Verdict, Fault> {
    let bearer = args.api_key.as_ref().map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> = bearer.iter().map(|value| ("authorization", value.as_str())).collect();
    let reply = client.post_json(address, &document.to_json(), &headers).map_err(Fault::input)?;
    println!("{address}: status {} {}", reply.status, String::from_utf8_lossy(&reply.body).trim());
    Ok(if (200..300).contains(&reply.status) { Verdict::Done } else { Verdict::Negative })
}
