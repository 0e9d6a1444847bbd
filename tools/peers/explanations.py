"""Do shap and XGBoost say the same as `aml-miner gbdt predict` of the same model? Prints one JSON line per game, exits 1 on disagreement.

  explanations.py [--rows 200] [--rounds 30] [--binary target/release/aml-miner]

"pairs, shap": interaction values of a LightGBM model, both in float64, within 1e-9 of the raw score's scale.
"pairs, xgboost": those of an XGBoost model by XGBoost itself, which works in float32 (of its own model, read as UBJSON).
"interventional, shap": contributions of a LightGBM model against background rows, within 1e-6: shap's are rounded to about float32, as the distance of their
sums from the raw scores shows, which is printed of both; ours have to be within 1e-12.

Features are numbers, some missing: shap reads no categorical splits of LightGBM.
"""
import argparse
import json
import os
import sys
import tempfile

import lightgbm as lgb
import numpy as np
import shap
import xgboost as xgb

import tasks
from agreement import Engine, write_rows


def line(game, mine, theirs, allowed):
    scale = max(1.0, float(np.abs(theirs).max()))
    largest = float(np.abs(mine - theirs).max())
    print(json.dumps(dict(game=game, values=int(mine.size), largest_difference=largest, agrees=largest <= allowed * scale)), flush=True)
    return largest <= allowed * scale


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rows", type=int, default=200)
    p.add_argument("--rounds", type=int, default=30)
    p.add_argument("--binary", default="target/release/aml-miner")
    a = p.parse_args()
    task = tasks.synthetic(rows=20_000, features=13)
    X, y = task.train.X.astype(np.float64), task.train.y
    rows, background = X[:a.rows], X[-100:]
    n = X.shape[1]
    booster = lgb.train(dict(objective="binary", num_leaves=31, verbosity=-1, seed=1), lgb.Dataset(X, y), a.rounds)
    other = xgb.train(dict(objective="binary:logistic", max_depth=6, seed=1), xgb.DMatrix(X, y), a.rounds)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine(a.binary, folder)
        theirs, ubj, data, behind = (engine.path(name) for name in ("m.txt", "m.ubj", "rows.parquet", "behind.parquet"))
        booster.save_model(theirs)
        other.save_model(ubj)
        write_rows(data, rows, task.features)
        write_rows(behind, background, task.features)

        pairs = engine.predict(theirs, data, "interaction")[:, :-1].reshape(-1, n, n)
        agrees = line("pairs, shap", pairs, shap.TreeExplainer(booster).shap_interaction_values(rows), 1e-9)

        write_rows(data, rows.astype(np.float32), [f"f{i}" for i in range(n)])
        pairs = engine.predict(ubj, data, "interaction")[:, :-1].reshape(-1, n, n)
        agrees &= line("pairs, xgboost", pairs, other.predict(xgb.DMatrix(rows), pred_interactions=True)[:, :-1, :-1], 1e-5)

        write_rows(data, rows, task.features)
        out = engine.path("against.tsv")
        engine.run("predict", "--model", theirs, "--data", data, "--kind", "contrib", "--background", behind, "--output", out)
        mine = np.loadtxt(out)[:, :-1]
        explainer = shap.TreeExplainer(booster, data=background, feature_perturbation="interventional")
        values = explainer.shap_values(rows, check_additivity=False)
        agrees &= line("interventional, shap", mine, values, 1e-6)
        gain = booster.predict(rows, raw_score=True) - booster.predict(background, raw_score=True).mean()
        ours, theirs = (float(np.abs(v.sum(axis=1) - gain).max()) for v in (mine, values))
        print(json.dumps(dict(game="interventional, sums", largest_difference=ours, of_shap=theirs, agrees=ours <= 1e-12)))
        agrees &= ours <= 1e-12
    sys.exit(0 if agrees else 1)


if __name__ == "__main__":
    main()
