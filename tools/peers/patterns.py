"""How many of the sample's 35 planted patterns the detectors find, beside the detectors of the official baseline.

  aml-miner derive SAMPLE --patterns all --output OUT
  patterns.py OUT [PER_TYPE]

The baseline is written down here from its documented definitions and defaults: cycles, paths, communities, strongly connected parts, fans, bursts,
threshold evasion and (a line of its own) proximity to labelled addresses. Nothing in it reads ground truth. Three numbers for each: the share of
instances of which at least half of the guilty addresses stand in some pattern (and the share with any), the share of guilty addresses, and the precision:
guilty addresses among all that some pattern names. Guilty are the roles that quality.py counts; an instance without any is left out.
With PER_TYPE, a line for each instance: guilty addresses, and how many each side found.
"""
import json
import os
import sys
from itertools import islice

import networkx as nx
import numpy as np
import pandas as pd

import quality

LIMITS = (10_000, 50_000, 100_000)


def graph_of(flows):
    graph = nx.DiGraph()
    for f in flows.itertuples():
        graph.add_edge(f.from_address, f.to_address, usd=float(f.amount_usd_sum), count=int(f.tx_count))
    return graph


def cycles(graph):
    for part in (p for p in nx.strongly_connected_components(graph) if len(p) >= 3):
        long_enough = (c for c in nx.simple_cycles(graph.subgraph(part), length_bound=120) if len(c) >= 3)
        yield from islice(long_enough, 5)


def layering_paths(graph):
    volume = {a: sum(d["usd"] for *_, d in [*graph.in_edges(a, data=True), *graph.out_edges(a, data=True)]) for a in graph}
    busy = [a for a in graph if volume[a] >= np.percentile(list(volume.values()), 90)]
    found = 0
    for source in busy[:20]:
        for target in busy[:20]:
            if source == target:
                continue
            for path in nx.all_simple_paths(graph, source, target, cutoff=8):
                found += 1
                usd = np.array([graph.edges[hop]["usd"] for hop in zip(path, path[1:])])
                if len(path) >= 3 and usd.sum() >= 1000 and usd.std() / max(usd.mean(), 1) < 0.5:
                    yield path
                if found >= 1000:
                    return


def smurfing_networks(graph):
    both = nx.Graph()
    for a, b, d in graph.edges(data=True):
        both.add_edge(a, b, usd=d["usd"] + (both.edges[a, b]["usd"] if both.has_edge(a, b) else 0))
    for group in nx.community.greedy_modularity_communities(both, weight="usd"):
        inside = graph.subgraph(group)
        if 5 <= len(group) <= 50 and inside.number_of_edges():
            small = np.mean([d["usd"] < 10_000 for *_, d in inside.edges(data=True)])
            if small > 0.7 and nx.density(inside) > 0.3:
                yield list(group)
    yield from (list(p) for p in nx.strongly_connected_components(graph) if len(p) >= 3)


def fans(graph):
    for wide, narrow, near in [(graph.in_degree, graph.out_degree, graph.predecessors), (graph.out_degree, graph.in_degree, graph.successors)]:
        least = max(5, np.percentile([d for _, d in wide()], 95))
        yield from ([a, *near(a)] for a in graph if wide(a) >= least and narrow(a) <= 3)


def bursts(transfers):
    own = pd.concat([transfers[[end, "block_timestamp"]].set_axis(["address", "at"], axis=1) for end in ("from_address", "to_address")])
    for address, rows in own.groupby("address"):
        at = np.sort(rows["at"].to_numpy(dtype="datetime64[ms]").astype("int64") / 1000)
        base = len(at) / max((at[-1] - at[0]) / 3600, 1e-9)
        count = np.searchsorted(at, at + 3600) - np.arange(len(at))
        strong = (count >= 10) & (count / max(base, 0.1) >= 3) & ((count - base) / max(base ** 0.5, 0.1) >= 2)
        if strong.any():
            yield [address]


def evasions(graph):
    for a in graph:
        sizes = np.repeat([d["usd"] / d["count"] for *_, d in graph.out_edges(a, data=True)], [d["count"] for *_, d in graph.out_edges(a, data=True)])
        for limit in LIMITS:
            near = sizes[(sizes >= 0.8 * limit) & (sizes <= 0.99 * limit)]
            if len(near) >= 5 and len(near) / len(sizes) >= 0.7 and 1 - near.std() / near.mean() >= 0.8:
                yield [a]


def proximity(graph, labels):
    risky = labels[labels.risk_level.str.lower().isin(["high", "critical"])].address
    both = graph.to_undirected()
    for source in (a for a in risky if a in both):
        yield list(nx.single_source_shortest_path_length(both, source, 3))


def baseline(flows, transfers):
    graph = graph_of(flows)
    return [*cycles(graph), *layering_paths(graph), *smurfing_networks(graph), *fans(graph), *bursts(transfers), *evasions(graph)]


def truth_of(folder):
    truth = pd.read_parquet(os.path.join(folder, "ground_truth.parquet"))
    return truth[truth.role.isin(quality.MALICIOUS)].drop_duplicates(["address", "pattern_instance_id"])


def judged(name, lists, guilty, known):
    named = {a for addresses in lists for a in addresses} & known
    hit = guilty.address.isin(named).groupby(guilty.pattern_instance_id).mean()
    addresses = set(guilty.address)
    print(json.dumps(dict(patterns=name, count=len(lists), addresses_named=len(named), instances=len(hit), half_found=round(float((hit >= 0.5).mean()), 3),
                          any_found=round(float((hit > 0).mean()), 3), addresses=round(len(named & addresses) / len(addresses), 3),
                          precision=round(len(named & addresses) / max(len(named), 1), 3))))
    return named


def main():
    ours = pd.read_parquet(os.path.join(sys.argv[1], "patterns.parquet"))
    flows = pd.read_parquet(os.path.join(sys.argv[1], "money_flows.parquet"))
    transfers = pd.read_parquet(os.path.join(quality.SAMPLE, "transfers.parquet"))
    labels = pd.read_parquet(os.path.join(quality.SAMPLE, "address_labels.parquet"))
    guilty, known = truth_of(quality.SAMPLE), set(transfers.from_address) | set(transfers.to_address)
    guilty = guilty[guilty.address.isin(known)]
    lists = [list(a) for a in ours.addresses_involved]
    theirs = baseline(flows, transfers)
    found = dict(baseline=judged("baseline", theirs, guilty, known), ours=judged("ours", lists, guilty, known))
    judged("baseline and proximity", theirs + list(proximity(graph_of(flows), labels)), guilty, known)
    judged("every address", [list(known)], guilty, known)
    for kind, rows in ours.groupby("pattern_type"):
        judged(f"ours: {kind}", [list(a) for a in rows.addresses_involved], guilty, known)
    if len(sys.argv) > 2:
        for (kind, _), rows in guilty.groupby(["pattern_type", "pattern_instance_id"]):
            print(json.dumps(dict(instance=kind, guilty=len(rows), **{who: int(rows.address.isin(named).sum()) for who, named in found.items()})))


if __name__ == "__main__":
    main()
