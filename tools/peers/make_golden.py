"""Writes tests/golden: small models by LightGBM, rows that try every special value, and what LightGBM says of them.

  python tools/peers/make_golden.py            (LightGBM 4.7.0, numpy; see setup.sh)

Every number is drawn here from a fixed seed; nothing is fetched. Per model NAME: `NAME.txt` is LightGBM's own file, `NAME.tsv` has one
row a line: features, raw score, score, contributions, base value; floats read back exactly.
"""
import os

import lightgbm as lgb
import numpy as np

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden")
FEATURES = 6
CATEGORICAL = [4, 5]
ZERO = float(np.float32(1e-35))
COMMON = dict(num_leaves=12, min_data_in_leaf=5, learning_rate=0.2, verbosity=-1, num_threads=1, deterministic=True, seed=3)


def rows(rng, n):
    X = rng.standard_normal((n, FEATURES))
    X[:, 1] = np.exp(X[:, 1])
    X[:, 2] = np.round(X[:, 2] * 2)
    X[:, 4] = rng.integers(0, 12, n)
    X[:, 5] = rng.integers(0, 70, n)
    X[:, :3][rng.random((n, 3)) < 0.1] = np.nan
    X[:, 4:][rng.random((n, 2)) < 0.05] = np.nan
    X[:, :4][rng.random((n, 4)) < 0.1] = 0.0
    return X


def signal(X, rng):
    Z = np.nan_to_num(X)
    return (Z[:, 0] * Z[:, 2] + np.log1p(Z[:, 1]) - 0.7 * (Z[:, 3] > 0.3) * Z[:, 0] + np.sin(Z[:, 4] * 2) + (Z[:, 5] % 7 == 3)
            + rng.logistic(size=len(Z)) * 0.5)


SPECIAL = [0.0, -0.0, np.nan, np.inf, -np.inf, 1e-36, -1e-36, ZERO, -ZERO, np.nextafter(ZERO, 1), np.nextafter(-ZERO, -1), 5e-324, 1.7e308, -1.7e308]
CODES = [np.nan, -1.0, -0.5, -1e-40, 2.7, 11.999, 12.0, 71.0, 99.0, 1e6, 2147483647.0, 2147483648.0, 4294967299.0, -2147483649.0, 1e300, np.inf, -np.inf]


def probes(rng, booster, n_plain, n_special):
    """Ordinary rows; rows with a special value in a third of their places; rows at a threshold and one step beside it."""
    special = rows(rng, n_special)
    for row in special:
        for f in range(FEATURES):
            if rng.random() < 0.34:
                row[f] = rng.choice(CODES if f in CATEGORICAL else SPECIAL)
    table = booster.trees_to_dataframe().dropna(subset=["split_feature"])
    table = table[table["decision_type"] == "<="]
    edges = rows(rng, n_special)
    for row in edges:
        for _, node in table.sample(3, random_state=int(rng.integers(1 << 30))).iterrows():
            f, t = booster.feature_name().index(node["split_feature"]), float(node["threshold"])
            row[f] = rng.choice([t, np.nextafter(t, np.inf), np.nextafter(t, -np.inf)])
    return np.vstack([rows(rng, n_plain), special, edges])


def write(name, booster, X):
    booster.save_model(os.path.join(OUT, name + ".txt"))
    raw, score = booster.predict(X, raw_score=True), booster.predict(X)
    contributions = booster.predict(X, pred_contrib=True)
    with open(os.path.join(OUT, name + ".tsv"), "w") as out:
        for row in np.column_stack([X, raw, score, contributions]):
            out.write("\t".join(repr(float(x)) for x in row) + "\n")


def main():
    os.makedirs(OUT, exist_ok=True)
    models = {
        "numeric": (dict(objective="binary"), []),
        "no_missing": (dict(objective="regression", use_missing=False), []),
        "zero_as_missing": (dict(objective="binary", zero_as_missing=True, sigmoid=1.7), []),
        "categorical": (dict(objective="binary", min_data_per_group=5, cat_smooth=1.0, max_cat_to_onehot=2), CATEGORICAL),
        "dart": (dict(objective="binary", boosting="dart", drop_rate=0.5, skip_drop=0.0), []),
        "forest": (dict(objective="binary", boosting="rf", bagging_freq=1, bagging_fraction=0.6, feature_fraction=0.7), CATEGORICAL),
        "rank": (dict(objective="lambdarank"), [4]),
        "constant": (dict(objective="binary", min_data_in_leaf=100_000), []),
    }
    for index, (name, (extra, categorical)) in enumerate(models.items()):
        rng = np.random.default_rng(index)
        X = rows(rng, 1500)
        y = signal(X, rng)
        group = None
        if extra["objective"] == "binary":
            y = (y > 0.5).astype(float)
        if extra["objective"] == "lambdarank":
            y, group = np.digitize(y, [0, 1, 2]).astype(float), np.full(60, 25)
        data = lgb.Dataset(X, y, group=group, categorical_feature=categorical, feature_name=[f"f{i}" for i in range(FEATURES)])
        booster = lgb.train({**COMMON, **extra}, data, 8)
        plain = name == "constant"
        X = rows(rng, 10) if plain else probes(rng, booster, 30, 40)
        write(name, lgb.Booster(model_str=booster.model_to_string()), X)


if __name__ == "__main__":
    main()
