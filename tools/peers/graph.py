"""networkx and igraph on the graph that `derive` walked, beside the columns that it wrote: the same values, and how long each takes.

  aml-miner derive BATCH --output OUT          (or --output OUT of a batch that has money_flows: then name that folder as FLOWS)
  graph.py OUT [--skip-slow] [--seconds S]     S: what `derive` took, for the ratio

For every measure one line of JSON: who, seconds, and how our column compares. `equal` is the share of addresses whose values agree to 1e-9 relative,
`largest` the largest relative difference, `rank` Spearman's correlation where the definitions differ (the reason stands beside it).
networkx's pure Python needs hours for exact betweenness and closeness beyond some ten thousand addresses: --skip-slow leaves those out.
"""
import argparse
import json
import os
import time

import igraph
import networkx as nx
import numpy as np
import pandas as pd
from scipy.stats import spearmanr


def load(folder):
    flows = pd.read_parquet(os.path.join(folder, "money_flows.parquet"),
                            columns=["from_address", "to_address", "amount_sum", "amount_usd_sum"])
    features = pd.read_parquet(os.path.join(folder, "features.parquet")).set_index("address")
    priced = (flows.amount_usd_sum.astype(float) > 0).any()
    flows["value"] = flows.amount_usd_sum.astype(float) if priced else flows.amount_sum.astype(float)
    return flows.sort_values(["from_address", "to_address"]), features


class Graphs:
    """The same payments as each library wants them; payments to oneself only where the measure has a place for them."""

    def __init__(self, flows, names):
        number = {name: i for i, name in enumerate(names)}
        ends = np.column_stack([flows.from_address.map(number), flows.to_address.map(number)])
        other = ends[:, 0] != ends[:, 1]
        self.names, self.weights, self.other = names, flows.value.to_numpy(), other
        self.nx = nx.DiGraph()
        # nodes come in the order in which edges name them: to_undirected keeps the weight that it meets last
        self.nx.add_weighted_edges_from((a, b, w) for (a, b), w in zip(ends.tolist(), self.weights))
        self.plain_nx = nx.DiGraph(self.nx)
        self.plain_nx.remove_edges_from(list(nx.selfloop_edges(self.plain_nx)))
        self.undirected_nx = self.plain_nx.to_undirected()
        self.ig = igraph.Graph(n=len(names), edges=ends.tolist(), directed=True)
        self.plain_ig = igraph.Graph(n=len(names), edges=ends[other].tolist(), directed=True)
        self.undirected_ig = self.plain_ig.as_undirected(mode="collapse")

    def column(self, values):
        """A dictionary by node, or a list, as an array in the order of the names."""
        return np.array([values[i] for i in range(len(self.names))], dtype=float)


def modularity(graph, group):
    """Of the undirected graph without weights."""
    return graph.undirected_ig.modularity(group)


def our_groups(graph, features):
    """Our communities, which the table tells by their properties: neighbours that share all of them are in the same one."""
    traits = ["part_size", "community_size", "community_density", "community_inside_share"]
    key = features[traits].astype(str).agg("|".join, axis=1)
    code = pd.factorize(key)[0]
    inside = [e.tuple for e in graph.undirected_ig.es if code[e.source] == code[e.target]]
    return igraph.Graph(n=len(code), edges=inside).connected_components().membership


def nearness(nodes):
    """Harmonic closeness over at most three payments, as our column has it but for its bound of 2,000 addresses."""
    into = nodes.reverse(copy=False)
    return {a: sum(1 / d for d in nx.single_source_shortest_path_length(into, a, 3).values() if d) for a in nodes}


# what it is called, our column, who computes it, whether values are to be the same, whether pure Python is too slow for it
MEASURES = [
    ("pagerank", "pagerank", "networkx", "same", False, lambda g: nx.pagerank(g.nx, alpha=0.85, weight="weight")),
    ("pagerank", "pagerank", "igraph", "same up to its tolerance", False,
     lambda g: g.ig.pagerank(damping=0.85, weights=g.weights.tolist())),
    ("k-core", "kcore", "networkx", "same", False, lambda g: nx.core_number(g.undirected_nx)),
    ("k-core", "kcore", "igraph", "same", False, lambda g: g.undirected_ig.coreness()),
    ("weighted clustering", "clustering_coefficient", "networkx", "same", True,
     lambda g: nx.clustering(g.undirected_nx, weight="weight")),
    ("clustering", "clustering_plain", "networkx", "same up to 100 counterparties", True, lambda g: nx.clustering(g.undirected_nx)),
    ("clustering", "clustering_plain", "igraph", "same up to 100 counterparties", False,
     lambda g: g.undirected_ig.transitivity_local_undirected(mode="zero")),
    ("harmonic closeness, 3 hops", "harmonic_closeness", "networkx", "same up to 2,000 addresses", True, lambda g: nearness(g.plain_nx)),
    ("harmonic closeness, 3 hops", "harmonic_closeness", "igraph", "same up to 2,000 addresses", True,
     lambda g: g.plain_ig.harmonic_centrality(mode="in", cutoff=3, normalized=False)),
    ("betweenness", "path_betweenness", "networkx", "theirs from 64 sources, ours exact in graphs of some thousand addresses", True,
     lambda g: nx.betweenness_centrality(g.plain_nx, k=min(64, len(g.names)), seed=0)),
    ("betweenness", "path_betweenness", "igraph", "same in graphs of some thousand addresses, an estimate beyond", True,
     lambda g: np.array(g.plain_ig.betweenness()) / (len(g.names) * max(len(g.names) - 2, 1))),
]

COMMUNITIES = [
    ("networkx", lambda g: nx.community.louvain_communities(g.undirected_nx, weight=None, seed=0)),
    ("igraph", lambda g: g.undirected_ig.community_multilevel().membership),
]


def compared(ours, theirs, how):
    line = dict(definition=how)
    if how.startswith("same"):
        difference = np.abs(ours - theirs) / np.maximum(np.maximum(np.abs(ours), np.abs(theirs)), 1e-300)
        difference[ours == theirs] = 0
        line |= dict(equal=round(float((difference <= 1e-9).mean()), 5), largest=float(f"{difference.max():.2g}"))
    return line | dict(rank=round(float(spearmanr(ours, theirs).statistic), 4))


def timed(work, *args):
    begin = time.perf_counter()
    return work(*args), time.perf_counter() - begin


def main():
    words = argparse.ArgumentParser()
    words.add_argument("folder")
    words.add_argument("--skip-slow", action="store_true")
    words.add_argument("--seconds", type=float)
    args = words.parse_args()
    flows, features = load(args.folder)
    graph = Graphs(flows, features.index.tolist())
    print(json.dumps(dict(addresses=len(features), pairs=len(flows), our_columns=features.shape[1])))
    total = {}
    for measure, column, who, how, slow, work in MEASURES:
        if slow and args.skip_slow:
            continue
        values, seconds = timed(work, graph)
        total[who] = total.get(who, 0) + seconds
        line = compared(features[column].to_numpy(), graph.column(values), how)
        print(json.dumps(dict(measure=measure, who=who, seconds=round(seconds, 3), **line)), flush=True)
    for who, work in COMMUNITIES:
        groups, seconds = timed(work, graph)
        total[who] = total.get(who, 0) + seconds
        if who == "networkx":
            member = {a: i for i, group in enumerate(groups) for a in group}
            groups = [member[a] for a in range(len(graph.names))]
        print(json.dumps(dict(measure="communities", who=who, seconds=round(seconds, 3), groups=max(groups) + 1,
                              modularity=round(modularity(graph, groups), 5))), flush=True)
    ours = our_groups(graph, features)
    print(json.dumps(dict(measure="communities", who="ours", groups=max(ours) + 1, modularity=round(modularity(graph, ours), 5))))
    ratio = {who: round(seconds / args.seconds, 1) for who, seconds in total.items()} if args.seconds else None
    print(json.dumps(dict(seconds={who: round(s, 2) for who, s in total.items()}, ours=args.seconds, ratio=ratio)))


if __name__ == "__main__":
    main()
