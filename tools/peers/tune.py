"""`aml-miner tune` against Optuna on the same budget. Needs: pip install optuna (5.0.0 was used).

  tune.py functions [--seeds 50]       four cheap functions with a known least value, 40 trials: regret of the best trial. Ours come from
                                       `cargo test --test tune -- --ignored figures_of_functions --nocapture`, run by this script,
                                       or from a file with that output (--ours FILE)
  tune.py training --data DIR [--binary target/release/aml-miner] [--config FILE] [--objective O] [--seeds 5] [--trials 40] [--tasks scorer ranker clusters]
                                       the three models on real folds. Optuna's points are evaluated by `aml-miner tune --points -`: the same
                                       trainer, rows and folds. No pruning, no point given in advance, on either side.

Prints a Markdown table: median, least and largest over seeds. Every sampler is run with its defaults.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile

import optuna

optuna.logging.set_verbosity(optuna.logging.WARNING)
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PEERS = {
    "Optuna TPE": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "Optuna TPE, univariate": lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=False),
    "Optuna random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}


def branin(trial):
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    inner = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return inner**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.397887357729739


def valley(trial):
    x = math.log10(trial.suggest_float("a", 1e-4, 1, log=True)) + 2
    y = math.log10(trial.suggest_float("b", 1e-4, 1, log=True)) + 4
    return 10 * (y - x * x) ** 2 + (1 - x) ** 2


def mixture(trial):
    x, kind = trial.suggest_float("x", 0, 1), trial.suggest_categorical("kind", list("abcd"))
    centre, floor = {"a": (0.2, 0.3), "b": (0.5, 0.2), "c": (0.8, 0.0), "d": (0.4, 0.4)}[kind]
    return floor + 2 * (x - centre) ** 2 + 0.05 * (math.log2(trial.suggest_int("n", 1, 32, log=True)) - 3) ** 2


def bowl(trial):
    return sum((trial.suggest_float(f"x{i}", 0, 1) - 0.3 - 0.08 * i) ** 2 / (1 + i) for i in range(6))


FUNCTIONS = {"branin": branin, "valley on logs": valley, "mixture with choices": mixture, "bowl of six": bowl}


def study(cost, sampler, trials, direction="minimize"):
    search = optuna.create_study(sampler=sampler, direction=direction)
    search.optimize(cost, n_trials=trials)
    return search.best_value


def table(title, rows, digits):
    print(f"\n| {title} | median | least | largest |\n|---|---|---|---|")
    for name, values in rows.items():
        cells = [statistics.median(values), min(values), max(values)]
        print(f"| {name} | " + " | ".join(f"{cell:.{digits}f}" for cell in cells) + " |", flush=True)


def functions(options):
    if options.ours:
        text = open(options.ours).read()
    else:
        command = ["cargo", "test", "--test", "tune", "--", "--ignored", "figures_of_functions", "--nocapture"]
        text = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    ours = {}
    for line in text.splitlines():
        if "FIGURES\t" in line:
            _, function, sampler, values = line[line.index("FIGURES"):].split("\t")
            ours.setdefault(function, {})[sampler] = [float(v) for v in values.split()][: options.seeds]
    for name, cost in FUNCTIONS.items():
        rows = dict(ours[name])
        for peer, sampler in PEERS.items():
            rows[peer] = [study(cost, sampler(seed), 40) for seed in range(options.seeds)]
        table(f"{name}: regret after 40 trials, {options.seeds} seeds", rows, 4)


class Trainer:
    """`aml-miner tune --points -`: a point in, its figure out."""

    def __init__(self, command):
        self.process = subprocess.Popen(command + ["--points", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = json.loads(self.process.stdout.readline())
        self.known = {}

    def figure(self, point):
        line = json.dumps(point, sort_keys=True)
        if line not in self.known:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            self.known[line] = json.loads(self.process.stdout.readline())["mean"]
        return self.known[line]

    def cost(self, trial):
        point = {}
        for dimension in self.about["space"]["dimensions"]:
            (kind, domain), name = next(iter(dimension["domain"].items())), dimension["name"]
            if kind == "choice":
                point[name] = trial.suggest_categorical(name, domain)
            else:
                suggest = trial.suggest_int if kind == "int" else trial.suggest_float
                point[name] = suggest(name, domain["low"], domain["high"], log=domain["scale"] == "log")
        return self.figure(point)


def training(options):
    config = ["--config", options.config] if options.config else []
    config += ["--objective", options.objective] if options.objective else []
    for task in options.tasks:
        command = [options.binary, "--threads", "1", "--quiet", "tune", task, "--data", options.data] + config
        trainer = Trainer(command)
        lower = trainer.about["better"].startswith("lower")
        rows = {}
        for sampler in ["tpe", "random"]:
            rows[f"ours {sampler}"] = [ours(command, sampler, seed, options.trials) for seed in range(options.seeds)]
        direction = "minimize" if lower else "maximize"
        for peer, sampler in PEERS.items():
            if "univariate" in peer:
                continue
            rows[peer] = [study(trainer.cost, sampler(seed), options.trials, direction) for seed in range(options.seeds)]
        current = trainer.about["current"]
        if current:
            rows["the configuration's own values"] = [trainer.figure(current)]
        trainer.process.stdin.close()
        trainer.process.wait()
        name, folds = trainer.about["objective"], trainer.about["folds"]
        table(f"{task}: {name} on {folds} folds, {options.trials} trials, {options.seeds} seeds", rows, 5)


def ours(command, sampler, seed, trials):
    with tempfile.TemporaryDirectory() as folder:
        extra = ["--sampler", sampler, "--seed", str(seed), "--trials", str(trials), "--no-pruning", "--no-current"]
        output = ["--output", os.path.join(folder, "best.yaml")]
        text = subprocess.run(command + extra + output, check=True, capture_output=True, text=True).stdout
    line = next(line for line in text.splitlines() if line.startswith("best "))
    return float(line.split(": ")[1].split()[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("functions")
    one.add_argument("--seeds", type=int, default=50)
    one.add_argument("--ours")
    one.set_defaults(run=functions)
    two = commands.add_parser("training")
    two.add_argument("--data", required=True)
    two.add_argument("--binary", default=os.path.join(ROOT, "target/release/aml-miner"))
    two.add_argument("--config")
    two.add_argument("--objective", help="default: each model's own")
    two.add_argument("--seeds", type=int, default=5)
    two.add_argument("--trials", type=int, default=40)
    two.add_argument("--tasks", nargs="+", default=["scorer", "ranker", "clusters"])
    two.set_defaults(run=training)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    sys.exit(main())
