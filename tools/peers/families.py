"""Which families of derived columns help, judged by the fixed learner and folds of quality.py.

  families.py amlsim_fanin200 FEATURES.parquet           the accounts of an AMLSim graph
  families.py simulated BATCH FEATURES.parquet [...]     batches of `aml-miner simulate`; whole patterns held out; pairs of arguments, means over batches

FEATURES is what `aml-miner derive` wrote. Families are read from docs/features_address.md. Lines: the official columns alone, with one family more,
all families, all but one. PARTITIONS=1 in the environment takes one cut into folds instead of three. Choose here; the other data sets of quality.py are for one final report.
"""
import json
import os
import re
import sys
import zlib

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

import quality

PARTITIONS = int(os.environ.get("PARTITIONS", "3"))
# launderers' roles of `simulate --shapes` (src/aml/simulate/shape.rs) that quality.py, made for the real sample, does not count
SHAPES = set("""bipartite_source bipartite_dest burst_payer burst_payee gather_source gather_scatter_hub gather_dest scatter_source scatter_mule
scatter_dest stack_source stack_hop stack_dest""".split())
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "features_address.md")


def families():
    """Column names by family, in the order of the page; the official columns are the family `official`."""
    found, family = {"official": []}, "official"
    for line in open(PAGE):
        heading = re.match(r"## Family `(\w+)`", line)
        family = heading[1] if heading else family
        found.setdefault(family, []).extend(re.findall(r"^\| `(\w+)` \|", line))
    return found


def accounts(name):
    nodes, _ = quality.graph(name)
    index = np.array([f"account-{i}" for i in nodes.nodeid])
    return index, nodes.isFraud.to_numpy(), index


def simulated(batch):
    """Addresses of a simulated batch, whether they launder, and the pattern (or share of the background) that they belong to."""
    transfers = pd.read_parquet(os.path.join(batch, "transfers.parquet"), columns=["from_address", "to_address"])
    index = np.array(sorted(set(transfers.from_address) | set(transfers.to_address)))
    truth = pd.read_parquet(os.path.join(batch, "ground_truth.parquet")).drop_duplicates("address").set_index("address")
    y = truth.role.isin(quality.MALICIOUS | SHAPES).reindex(index).fillna(False).astype(int).to_numpy()
    instance = truth.pattern_instance_id.reindex(index)
    return index, y, np.array([g if isinstance(g, str) else f"background-{zlib.crc32(a.encode()) % 40}" for a, g in instance.items()])


def judge(tasks, columns):
    scores = []
    for (index, y, group), frame in tasks:
        X = frame.reindex(index)[[c for c in columns if c in frame]]
        p = quality.out_of_fold(X, y, group, partitions=PARTITIONS)
        scores.append((roc_auc_score(y, p), average_precision_score(y, p)))
    return [round(float(x), 4) for x in np.mean(scores, axis=0)]


def load(path):
    return quality.usable(pd.read_parquet(path).set_index("address"))


def main():
    what, words = sys.argv[1], sys.argv[2:]
    if what == "simulated":
        tasks = [(simulated(batch), load(path)) for batch, path in zip(words[::2], words[1::2])]
    else:
        tasks = [(accounts(what), load(words[0]))]
    known = families()
    # changes and nearness are only there on request
    written = set().union(*(frame.columns for _, frame in tasks))
    official, others = known.pop("official"), {family: columns for family, columns in known.items() if written & set(columns)}
    everything = official + sum(others.values(), [])
    sets = {"official": official, **{f"official + {f}": official + c for f, c in others.items()}, "all": everything}
    sets |= {f"all - {f}": [c for c in everything if c not in set(columns)] for f, columns in {"official": official, **others}.items()}
    for name, columns in sets.items():
        auc, ap = judge(tasks, columns)
        print(json.dumps(dict(task=what, columns=name, count=len(columns), auc=auc, ap=ap)), flush=True)


if __name__ == "__main__":
    main()
