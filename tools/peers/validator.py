"""The twin's report against NumPy, SciPy and scikit-learn: the tiers computed again from its alerts.

Usage: python tools/peers/validator.py REPORT.json   (written by `aml-miner validate --output`; needs numpy, scipy, scikit-learn)
Exit code 1 where a figure differs by more than 1e-9.
"""

import json
import sys

import numpy as np
from scipy.stats import entropy
from sklearn.metrics import brier_score_loss, roc_auc_score

OUTCOME = {"expanding_illicit": 1, "benign_indicators": 0}


def histogram_entropy(scores, coded):
    counts, _ = np.histogram(scores, bins=10, range=(0, 1))
    shares = counts / len(scores)
    return entropy(shares + 1e-10 if coded else shares) / np.log(10)


def evolution(alerts, coded):
    known = [a for a in alerts if a["class"]]
    judged = known if coded else [a for a in known if a["class"] in OUTCOME]
    labels = [OUTCOME.get(a["class"], int(a["score"] >= 0.5)) for a in judged]
    scores = [a["score"] for a in judged]
    auc = roc_auc_score(labels, scores) if len(set(labels)) > 1 else 0.5
    brier = brier_score_loss(labels, scores, pos_label=1) if labels else 0.25
    return auc, brier


def main(path):
    worst = 0.0
    for reward in json.load(open(path))["rewards"]:
        alerts, coded = reward["alerts"], reward["reading"] == "as_coded"
        pairs = [("entropy", histogram_entropy([a["score"] for a in alerts], coded), reward["tier2"]["entropy"])]
        if reward["tier3b"]:
            auc, brier = evolution(alerts, coded)
            pairs += [("3B AUC", auc, reward["tier3b"]["auc"]), ("3B Brier", brier, reward["tier3b"]["brier"])]
        if reward["tier3a"] and not coded:
            known = [a for a in alerts if a["label"] is not None]
            auc = roc_auc_score([a["label"] for a in known], [a["score"] for a in known])
            pairs.append(("3A AUC", auc, reward["tier3a"]["auc"]))
        pairs.append(("sum of parts", sum(a["total"] for a in alerts), reward["final"] or 0.0))
        for name, expected, found in pairs:
            worst = max(worst, abs(expected - found))
            print(f"{reward['reading']:13} {name:13} peers {expected:.12f}  ours {found:.12f}")
    print(f"largest difference {worst:.1e}")
    return int(worst > 1e-9)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
