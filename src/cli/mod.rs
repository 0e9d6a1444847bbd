//! The command line: arguments, a call, something printed. One file per subcommand, no arithmetic.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the terminal's edge")]

#[macro_use]
mod stdout;

mod args;
mod audit;
mod batch;
mod bundled;
mod clock;
mod clusters;
mod demo;
mod derive;
mod download;
mod environment;
mod evaluate;
mod explain;
mod fault;
mod gbdt;
mod health;
mod inspect;
mod key;
mod keygen;
mod log;
mod random;
mod rank;
mod request;
mod score;
mod serve;
mod simulate;
mod store;
mod submit;
mod train;
mod tune;
mod validate;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
pub(crate) use fault::Fault;

use crate::determinism::par::{self, Pool};

/// What a command ended with, when nothing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Exit code 0.
    Done,
    /// Exit code 1: it ran, and the answer is no.
    Negative,
}

/// Runs one command and says how it ended: 0 done, 1 negative verdict, 2 usage or input error, 3 internal.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    if let Err(fault) = environment::load() {
        return failed(&fault);
    }
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let ended = with_threads(cli).and_then(|verdict| stdout::finish().map(|()| verdict));
    match ended {
        Ok(Verdict::Done) => ExitCode::SUCCESS,
        Ok(Verdict::Negative) => ExitCode::from(1),
        Err(fault) => failed(&fault),
    }
}

/// Every parallel loop inside a command uses as many threads as were asked for.
fn with_threads(cli: Cli) -> Result<Verdict, Fault> {
    #[allow(clippy::disallowed_methods, reason = "the edge: how many threads there are changes no result")]
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cli.global.threads.map_or(n_cores, |threads| threads as usize);
    if cli.command.trains() && threads <= n_cores {
        par::run_awake(threads, || dispatch(cli)).map_err(Fault::internal)?
    } else {
        Pool::new(threads).map_err(Fault::internal)?.run(|| dispatch(cli))
    }
}

fn failed(fault: &Fault) -> ExitCode {
    eprintln!("error: {fault}");
    ExitCode::from(fault.exit_code())
}

fn dispatch(cli: Cli) -> Result<Verdict, Fault> {
    let global = cli.global;
    log::start(&global)?;
    match cli.command {
        Command::Demo(command) => demo::run(&command, &global),
        Command::Serve(command) => serve::run(&command, &global),
        Command::Health(command) => health::run(&command, &global),
        Command::Request(command) => request::run(&command, &global),
        Command::Derive(args) => derive::run(&args, &global),
        Command::Train(args) => train::run(&args, &global),
        Command::Tune(args) => tune::run(&args, &global),
        Command::Evaluate(args) => evaluate::run(&args, &global),
        Command::Score(args) => score::run(&args),
        Command::Rank(args) => rank::run(&args),
        Command::Clusters(args) => clusters::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Gbdt(command) => gbdt::run(&command, &global),
        Command::Inspect(command) => inspect::run(&command),
        Command::Validate(args) => validate::run(&args, &global),
        Command::Download(args) => download::run(&args, &global),
        Command::Audit(command) => audit::run(&command),
        Command::Replay(args) => audit::replay(&args),
        Command::Key(args) => key::run(&args),
        Command::Keygen(args) => keygen::run(&args),
        Command::Submit(args) => submit::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Simulate(command) => simulate::run(&command, &global),
    }
}
