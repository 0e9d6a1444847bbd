"""Is a model the same for every number of threads? Trains peers and `aml-miner gbdt` with 1, 2, 3 and 8 threads; prints one JSON line per case.

  reproducibility.py [--tasks synthetic credit] [--threads 1 2 3 8] [--binary target/release/aml-miner]

"models": how many different models came out (1 is what one hopes for). "largest_difference": the largest difference between two raw scores of a
validation row. LightGBM's text is compared without the lines that name settings of threads. LightGBM runs as it is and as its `deterministic` setting makes it;
XGBoost has no such setting. On small dense data all engines may agree: these are cases where some do not. Exits 1 when ours differ.
"""
import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

import tasks

PLAIN = dict(num_leaves=255, learning_rate=0.1, min_data_in_leaf=20, num_iterations=30, seed=1)
CASES = {
    "plain": {},
    "quantised": dict(num_leaves=31, num_iterations=50, use_quantized_grad=True),
    "sampled": dict(num_leaves=63, bagging_fraction=0.8, bagging_freq=1, feature_fraction=0.8),
}
OURS = {name: {k: v for k, v in {**PLAIN, **case}.items() if k != "use_quantized_grad"} for name, case in CASES.items()}


def digest(text):
    lines = [line for line in text.splitlines() if not line.startswith(("[num_threads", "[nthread"))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def lightgbm(case, task, threads, **extra):
    import lightgbm as lgb
    params = dict(PLAIN, **CASES[case], objective="binary", verbose=-1, num_threads=threads, **extra)
    rounds = params.pop("num_iterations")
    model = lgb.train(params, lgb.Dataset(task.train.X, task.train.y, params=params), rounds)
    return digest(model.model_to_string()), model.predict(task.valid.X, raw_score=True)


def lightgbm_deterministic(case, task, threads):
    return lightgbm(case, task, threads, deterministic=True, force_row_wise=True)


def xgboost(case, task, threads):
    import xgboost as xgb
    ours = OURS[case]
    params = dict(objective="binary:logistic", tree_method="hist", grow_policy="lossguide", max_leaves=ours["num_leaves"], max_depth=0, max_bin=255,
                  eta=ours["learning_rate"], min_child_weight=1e-3, nthread=threads, seed=ours["seed"],
                  subsample=ours.get("bagging_fraction", 1), colsample_bytree=ours.get("feature_fraction", 1))
    model = xgb.train(params, xgb.DMatrix(task.train.X, task.train.y, nthread=threads), ours["num_iterations"])
    scores = model.predict(xgb.DMatrix(task.valid.X), output_margin=True)
    return hashlib.sha256(bytes(model.save_raw("json"))).hexdigest(), scores


class AmlMiner:
    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *words):
        r = subprocess.run([self.binary, "gbdt", *map(str, words)], capture_output=True, text=True)
        if r.returncode != 0:
            raise RuntimeError(f"gbdt {' '.join(map(str, words))}: status {r.returncode}: {r.stderr.strip()}")

    def __call__(self, case, task, threads):
        words = [word for name, value in OURS[case].items() for word in ("--param", f"{name}={value}")]
        self.run("train", "--data", self.path("train.parquet"), "--label", "label", "--threads", threads, "--quiet",
                 "--output", self.path("model"), *words)
        self.run("predict", "--model", self.path("model"), "--data", self.path("valid.parquet"), "--label", "label", "--kind", "raw",
                 "--threads", threads, "--quiet", "--output", self.path("scores"))
        with open(self.path("model"), "rb") as f:
            return hashlib.sha256(f.read()).hexdigest(), np.loadtxt(self.path("scores"))

    def write(self, task):
        import pandas as pd
        for part in ("train", "valid"):
            split = getattr(task, part)
            pd.DataFrame(split.X, columns=task.features).assign(label=split.y).to_parquet(self.path(f"{part}.parquet"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=["synthetic", "credit"])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2, 3, 8])
    parser.add_argument("--binary", default="target/release/aml-miner")
    args = parser.parse_args()
    stable = True
    with tempfile.TemporaryDirectory() as folder:
        ours = AmlMiner(args.binary, folder)
        for name in args.tasks:
            task = tasks.synthetic(rows=200_000) if name == "synthetic" else getattr(tasks, name)()
            ours.write(task)
            for case in CASES:
                for engine, fit in dict(lightgbm=lightgbm, lightgbm_deterministic=lightgbm_deterministic, xgboost=xgboost, ours=ours).items():
                    runs = [fit(case, task, threads) for threads in args.threads]
                    models = len({found for found, _ in runs})
                    scores = np.array([found for _, found in runs], np.float64)
                    row = dict(task=name, case=case, engine=engine, threads=args.threads, models=models,
                               largest_difference=float((scores.max(axis=0) - scores.min(axis=0)).max()))
                    print(json.dumps(row), flush=True)
                    stable &= engine != "ours" or models == 1
    sys.exit(0 if stable else 1)


if __name__ == "__main__":
    main()
