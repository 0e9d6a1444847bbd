"""Whom quality.py's learner misses, out of fold. Nothing may be chosen by it: these are the folds that judge.

  misses.py torus FEATURES.parquet                            the real sample, pattern by pattern: how many stand among the first N of all addresses by
                                                              score, N being the number of launderers, and the figures without each pattern's launderers
  misses.py amlsim_fanin200|amlsim_cycle200 FEATURES.parquet  accounts that take part in the scheme's small payments, and those called guilty without
"""
import os
import sys
import zlib

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

import quality

# dollars: AMLSim's schemes pay less, its ordinary accounts hardly ever
SMALL = 30.0


def figures(y, p):
    return f"AUC {roc_auc_score(y, p):.3f}, average precision {average_precision_score(y, p):.3f}"


def shown(title, kind, who, first):
    print(f"\n| {title} | addresses | among the first {first.sum()} |\n|---|---|---|")
    rows = [(k, (who & (kind == k)).sum(), (who & first & (kind == k)).sum()) for k in sorted(set(kind[who]))]
    for k, n, found in sorted(rows, key=lambda row: (row[2] / row[1], row[0])):
        print(f"| {k} | {n} | {found} |")


def torus(path):
    index = pd.read_parquet(os.path.join(quality.SAMPLE, "features.parquet"), columns=["address"]).address
    truth = pd.read_parquet(os.path.join(quality.SAMPLE, "ground_truth.parquet")).drop_duplicates("address").set_index("address").reindex(index)
    guilty = truth.role.isin(quality.MALICIOUS).to_numpy()
    group = np.array([g if isinstance(g, str) else f"background-{zlib.crc32(a.encode()) % 40}" for a, g in truth.pattern_instance_id.items()])
    p = quality.out_of_fold(quality.usable(pd.read_parquet(path).set_index("address").reindex(index)), guilty.astype(int), group)
    first = np.zeros(len(p), bool)
    first[np.argsort(-p, kind="stable")[: guilty.sum()]] = True
    kind = truth.pattern_type.fillna("background").to_numpy()
    print(figures(guilty, p))
    shown("launderers", kind, guilty, first)
    shown("innocent", kind, ~guilty, first)
    print("\nwithout the launderers of")
    for k in sorted(set(kind[guilty])):
        keep = ~(guilty & (kind == k))
        print(f"  {k}: {figures(guilty[keep], p[keep])}")


def amlsim(name, path):
    nodes, flows = quality.graph(name)
    index = np.array([f"account-{i}" for i in nodes.nodeid])
    guilty = nodes.isFraud.to_numpy() == 1
    p = quality.out_of_fold(quality.usable(pd.read_parquet(path).set_index("address").reindex(index)), guilty.astype(int), index)
    small = flows[flows.value < SMALL]
    takes_part = nodes.nodeid.isin(set(small.sourceNodeId) | set(small.targetNodeId)).to_numpy()
    print(f"all: {figures(guilty, p)}; {guilty.sum()} guilty, {(guilty & takes_part).sum()} of whom take part, as {(takes_part & ~guilty).sum()} innocent do")
    for who, left in (("those who take part", ~guilty | takes_part), ("the others", ~guilty | ~takes_part)):
        print(f"of the guilty {who} alone: {figures(guilty[left], p[left])}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data, features = sys.argv[1:]
    if data == "torus":
        torus(features)
    else:
        amlsim(data, features)
