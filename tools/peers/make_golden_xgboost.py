"""Writes tests/golden/xgboost_*: small models by XGBoost, rows that try its roundings, and what XGBoost says of them.

  python tools/peers/make_golden_xgboost.py            (XGBoost 3.4.1, numpy; see setup.sh)

Every number is drawn here from a fixed seed; nothing is fetched. Per model NAME: `NAME.json` is XGBoost's own file, `NAME.tsv` has one row
a line: features (f64, which XGBoost rounds to f32), margin, score, contributions, base value.
"""
import json
import os

import numpy as np
import xgboost as xgb

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden")
COMMON = dict(max_depth=4, eta=0.3, nthread=1, tree_method="hist", seed=3)


def rows(rng, n):
    X = rng.standard_normal((n, 4)).astype(np.float32).astype(np.float64)
    X[:, 2] = rng.integers(0, 9, n)
    X[:, 3] = np.round(X[:, 3] * 2)
    X[:, :2][rng.random((n, 2)) < 0.1] = np.nan
    X[:, 3][rng.random(n) < 0.1] = np.nan
    return X


def thresholds(path):
    found = []
    for tree in json.load(open(path))["learner"]["gradient_booster"]["model"]["trees"]:
        for left, feature, value, kind in zip(tree["left_children"], tree["split_indices"], tree["split_conditions"], tree["split_type"]):
            if left != -1 and kind == 0:
                found.append((feature, np.float32(value)))
    return found


def probes(rng, path, n):
    """Ordinary rows; rows at a threshold, one step of f32 beside it, and half-way between, where rounding turns; special values."""
    edges, found = rows(rng, 2 * n), thresholds(path)
    for row in edges:
        for _ in range(2):
            feature, t = found[rng.integers(len(found))]
            below, above = (float(np.nextafter(t, np.float32(side))) for side in (-np.inf, np.inf))
            t = float(t)
            halves = [(below + t) / 2, (t + above) / 2]
            near = [np.nextafter(h, side) for h in halves for side in (-np.inf, np.inf)]
            row[feature] = rng.choice([t, below, above, *halves, *near])
    special = rows(rng, n)
    for row in special:
        row[rng.integers(2)] = rng.choice([0.0, -0.0, np.nan, 1e-45, -1e-45, 1e-50, 3e38, -3e38])
        row[2] = rng.choice([0.0, 8.0, 9.0, 31.0, 64.0, 2.9])
    return np.vstack([rows(rng, n), edges, special])


def write(name, objective, categorical=False, **more):
    rng = np.random.default_rng(5)
    X = rows(rng, 600)
    signal = np.nan_to_num(X[:, 0]) + (X[:, 2] % 3 == 1) * 1.5 + np.nan_to_num(X[:, 3]) * 0.3 + rng.logistic(size=600) * 0.4
    y = np.clip(np.round(signal), 0, 3) if objective.startswith("rank") else signal > 0.5
    kinds = dict(feature_types=["float", "float", "c", "float"], enable_categorical=True) if categorical else {}
    data = xgb.DMatrix(X, y.astype(int), **kinds)
    if objective.startswith("rank"):
        data.set_group([20] * 30)
    model = xgb.train(dict(COMMON, objective=objective, **more), data, 12)
    path = os.path.join(OUT, name + ".json")
    model.save_model(path)
    model.save_model(os.path.join(OUT, name + ".ubj"))
    asked = probes(rng, path, 40)
    if categorical:
        asked[:, 2] = np.where(asked[:, 2] == 2.9, 2.0, asked[:, 2])
    d = xgb.DMatrix(asked, **kinds)
    table = np.column_stack([asked, model.predict(d, output_margin=True), model.predict(d), model.predict(d, pred_contribs=True)])
    with open(os.path.join(OUT, name + ".tsv"), "w") as out:
        for row in table:
            out.write("\t".join(repr(float(v)) for v in row) + "\n")


if __name__ == "__main__":
    write("xgboost_binary", "binary:logistic", scale_pos_weight=2)
    write("xgboost_logitraw", "binary:logitraw")
    write("xgboost_rank", "rank:ndcg")
    write("xgboost_categories", "binary:logistic", categorical=True, max_cat_to_onehot=1)
