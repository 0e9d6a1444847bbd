"""Do LightGBM and `aml-miner gbdt` say the same of the same model? Prints one JSON line per model, exits 1 on disagreement.

  agreement.py [--tasks credit census ...] [--rounds 50] [--rows 5000] [--quick] [--binary target/release/aml-miner]

"theirs": a model that LightGBM trained, read here. Raw scores must be the same bits and contributions within 1e-9; converted to our own format
and back to text, LightGBM must load it and predict the same bits.
"ours": a model that `gbdt train` made, converted to text and loaded by LightGBM: raw scores within 1e-12, contributions within 1e-9.

Both are written as ONNX, too (unless --no-onnx): what onnxruntime says of the same rows must be our raw score, rounded to float32 or the number beside it, as the operator
gives float32; and the score within 3e-7. Both are written as JSON, too: every field of every node must be what LightGBM's `dump_model` says, but for those that
it rounds.

Rows are float64: validation rows, then the same rows with NaN, zeros, infinities, tiny numbers, thresholds and their neighbours, and
categories that training never saw.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import lightgbm as lgb
import numpy as np
import pandas as pd

import tasks

VARIANTS = {
    "default": dict(),
    "dart": dict(boosting="dart", skip_drop=0.2),
    "rf": dict(boosting="rf", bagging_freq=1, bagging_fraction=0.6, feature_fraction=0.7),
    "zero_as_missing": dict(zero_as_missing=True),
    "no_missing": dict(use_missing=False),
    "categorical": dict(min_data_per_group=20),
}
SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-36, -1e-36, 1e-34, 1e300, -1e300, -1.0, -0.5, 2.7, 99999.0, 3e9]


def codes(X):
    """Columns that hold few whole numbers: what a categorical column looks like once it is coded."""
    found = []
    for f in range(X.shape[1]):
        values = np.unique(X[~np.isnan(X[:, f]), f])
        if 2 < len(values) <= 100 and (values == np.floor(values)).all() and values.max() < 10_000:
            found.append(f)
    return found


def probes(X, booster, n, rng):
    plain = X[:n].astype(np.float64)
    special = plain.copy()
    hit = rng.random(special.shape) < 0.15
    special[hit] = rng.choice(SPECIAL, hit.sum())
    edges = plain.copy()
    nodes = booster.trees_to_dataframe().dropna(subset=["split_feature"])
    nodes = nodes[nodes["decision_type"] == "<="]
    position = {name: i for i, name in enumerate(booster.feature_name())}
    for name, group in nodes.groupby("split_feature"):
        at = rng.random(len(edges)) < 0.3
        t = rng.choice(group["threshold"].astype(float).to_numpy(), at.sum())
        edges[at, position[name]] = np.where(rng.random(at.sum()) < 0.5, t, np.nextafter(t, rng.choice([-np.inf, np.inf], at.sum())))
    return np.vstack([plain, special, edges])


class Engine:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *words):
        r = subprocess.run([self.binary, "gbdt", *map(str, words), "--quiet"], capture_output=True, text=True)
        if r.returncode != 0:
            raise RuntimeError(f"gbdt {' '.join(map(str, words))}: status {r.returncode}: {r.stderr.strip()}")

    def predict(self, model, data, kind):
        out = self.path("out.tsv")
        self.run("predict", "--model", model, "--data", data, "--kind", kind, "--output", out)
        return np.loadtxt(out, dtype=np.float64, ndmin=1)


def write_rows(path, X, features):
    pd.DataFrame(X, columns=features).to_parquet(path, index=False)


def differences(a, b):
    """(largest difference, values whose bits differ)."""
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return float(np.abs(np.where(same, 0, a - b)).max()), int((~same).sum())


def onnx(engine, model, data, X, a):
    """onnxruntime beside us on the same model: rows whose float32 raw score is not ours rounded, the largest distance in steps of float32, and of a score."""
    if a.no_onnx:
        return {}
    import onnxruntime
    path = engine.path("model.onnx")
    engine.run("convert", "--model", model, "--output", path)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    raw, score = (out[:, 0] for out in session.run(["raw_score", "score"], {"features": X}))
    exact = engine.predict(model, data, "raw")
    steps = np.abs(raw - exact) / np.spacing(np.maximum(np.abs(exact), 1e-3).astype(np.float32))
    score = float(np.abs(score - engine.predict(model, data, "score")).max())
    return dict(onnx_rounded_otherwise=int((raw != exact.astype(np.float32)).sum()), onnx_steps=float(steps.max()), onnx_score=score,
                onnx_agrees=bool(steps.max() <= 1 and score <= 3e-7))


ROUNDED = {"internal_value", "internal_weight", "split_gain", "leaf_weight"}  # LightGBM prints these with few digits


def alike(ours, theirs):
    """Whether two nodes of a dump say the same, their children apart. Thresholds within LightGBM's band of zeros are one threshold: ours stands at its edge."""
    if ours.keys() != theirs.keys():
        return False
    if theirs.get("decision_type") == "<=" and max(abs(ours["threshold"]), abs(theirs["threshold"])) <= 1.1e-35:
        ours, theirs = dict(ours, threshold=0.0), dict(theirs, threshold=0.0)
    plain = [key for key in ours if key not in ("left_child", "right_child")]
    return all(np.isclose(ours[key], theirs[key], rtol=1e-5) if key in ROUNDED else ours[key] == theirs[key] for key in plain)


def dump(engine, model, booster):
    """Our JSON of a model beside LightGBM's own dump of it: nodes that say something else, and whether the rest of the file does."""
    path = engine.path("model.json")
    engine.run("convert", "--model", model, "--output", path)
    with open(path) as file:
        ours, theirs = json.load(file), booster.dump_model()
    same = ("name", "version", "num_class", "num_tree_per_iteration", "max_feature_idx", "objective", "average_output", "feature_names")
    heads = [key for key in same if ours[key] != theirs[key]] + [key for key in theirs if key not in ours]
    pairs = [(a.pop("tree_structure"), b.pop("tree_structure")) for a, b in zip(ours["tree_info"], theirs["tree_info"], strict=True)]
    differing = sum(not alike(a, b) for a, b in zip(ours["tree_info"], theirs["tree_info"]))
    while pairs:
        a, b = pairs.pop()
        differing += not alike(a, b)
        pairs += [(a[side], b[side]) for side in ("left_child", "right_child") if side in a and side in b]
    return dict(dump_heads=heads, dump_differing=differing, dump_agrees=not heads and differing == 0)


def theirs(engine, task, variant, a, rng):
    t = task.train
    categorical = codes(t.X) if variant == "categorical" else []
    if variant == "categorical" and not categorical:
        return None
    params = dict(objective=task.objective, num_leaves=31, verbosity=-1, num_threads=2, seed=1, **VARIANTS[variant])
    booster = lgb.train(params, lgb.Dataset(t.X, t.y, group=t.group, categorical_feature=categorical, params=dict(verbosity=-1)), a.rounds)
    model, data, native, back = (engine.path(n) for n in ("theirs.txt", "rows.parquet", "theirs.model", "back.txt"))
    booster.save_model(model)
    X = probes(task.valid.X, booster, a.rows, rng)
    write_rows(data, X, task.features)
    raw, bits = differences(engine.predict(model, data, "raw"), booster.predict(X, raw_score=True))
    score, _ = differences(engine.predict(model, data, "score"), booster.predict(X))
    runtime = onnx(engine, model, data, X, a)
    few = X[:: max(1, len(X) // a.explained)]
    write_rows(data, few, task.features)
    contributions, _ = differences(engine.predict(model, data, "contrib"), booster.predict(few, pred_contrib=True))
    engine.run("convert", "--model", model, "--output", native)
    engine.run("convert", "--model", native, "--output", back)
    _, back_bits = differences(lgb.Booster(model_file=back).predict(X, raw_score=True), booster.predict(X, raw_score=True))
    dumped = dump(engine, model, lgb.Booster(model_file=model))
    return dict(rows=len(X), raw_differing=bits, raw=raw, score=score, contributions=contributions, converted_differing=back_bits, **runtime, **dumped,
                agrees=runtime.get("onnx_agrees", True) and dumped["dump_agrees"] and bits == 0 and back_bits == 0 and score <= 1e-12 and contributions <= 1e-9)


def ours(engine, task, a, rng):
    train, _ = tasks.to_parquet(task, engine.folder)
    model, text, data = (engine.path(n) for n in ("ours.model", "ours.txt", "rows.parquet"))
    columns = ["--label", "label"] + (["--group", "qid"] if task.objective == "lambdarank" else [])
    values = [f"objective={task.objective}", f"num_iterations={a.rounds}", "num_leaves=31", "seed=1"]
    engine.run("train", "--data", train, *columns, *(w for v in values for w in ("--param", v)), "--output", model)
    engine.run("convert", "--model", model, "--output", text)
    booster = lgb.Booster(model_file=text)
    X = probes(task.valid.X, booster, a.rows, rng)
    write_rows(data, X, task.features)
    raw, bits = differences(engine.predict(model, data, "raw"), booster.predict(X, raw_score=True))
    runtime = onnx(engine, model, data, X, a)
    few = X[:: max(1, len(X) // a.explained)]
    write_rows(data, few, task.features)
    contributions, _ = differences(engine.predict(model, data, "contrib"), booster.predict(few, pred_contrib=True))
    dumped = dump(engine, model, booster)
    return dict(rows=len(X), raw_differing=bits, raw=raw, contributions=contributions, **runtime, **dumped,
                agrees=runtime.get("onnx_agrees", True) and dumped["dump_agrees"] and raw <= 1e-12 and contributions <= 1e-9)


def load(name, a):
    """A task with at most --train-rows rows to train on: agreement does not depend on how good a model is."""
    task = tasks.synthetic(rows=30_000) if name == "synthetic" and a.quick else tasks.TASKS[name]()
    t = task.train
    if t.group is None and len(t.X) > a.train_rows:
        task.train = tasks.Split(t.X[:a.train_rows], t.y[:a.train_rows])
    return task


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tasks", nargs="*", default=list(tasks.TASKS), choices=list(tasks.TASKS))
    p.add_argument("--variants", nargs="*", default=[*VARIANTS, "ours"], choices=[*VARIANTS, "ours"])
    p.add_argument("--rounds", type=int, default=50)
    p.add_argument("--rows", type=int, default=5000)
    p.add_argument("--explained", type=int, default=1000)
    p.add_argument("--train-rows", type=int, default=100_000)
    p.add_argument("--no-onnx", action="store_true", help="leave onnxruntime out")
    p.add_argument("--quick", action="store_true", help="a smaller synthetic task")
    p.add_argument("--binary", default="target/release/aml-miner")
    a = p.parse_args()
    agrees = True
    for name in a.tasks:
        try:
            task = load(name, a)
        except FileNotFoundError as error:
            print(json.dumps(dict(task=name, skipped=str(error))), flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            engine, rng = Engine(a.binary, folder), np.random.default_rng(0)
            for variant in a.variants:
                result = ours(engine, task, a, rng) if variant == "ours" else theirs(engine, task, variant, a, rng)
                if result is not None:
                    agrees &= result["agrees"]
                    print(json.dumps(dict(task=name, model=variant, **result)), flush=True)
    sys.exit(0 if agrees else 1)


if __name__ == "__main__":
    main()
