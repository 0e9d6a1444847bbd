"""How many of the simulator's planted schemes the pattern detectors find, by shape and intent.

  aml-miner simulate --output SIM --shapes all ...      then, for each batch of it
  aml-miner derive BATCH --patterns all --output OUT    into SIM's own place: OUT/NETWORK/DATE/WINDOW
  planted.py BATCH=OUT [BATCH=OUT ...]

A scheme counts where at least three of its members stand in the batch; as found when half of them stand in one pattern or another, as touched when any
does. The last column names the three types of pattern that find most of a shape's laundering schemes when each is used alone.
"""
import os
import sys

import pandas as pd


def schemes(batch, out):
    """One row per scheme: its type, and the share of its members that each type of pattern names; `any` is all types together."""
    truth = pd.read_parquet(os.path.join(batch, "ground_truth.parquet")).drop_duplicates(["address", "pattern_instance_id"])
    patterns = pd.read_parquet(os.path.join(out, "patterns.parquet"))
    named = {kind: set().union(*map(set, rows.addresses_involved)) for kind, rows in patterns.groupby("pattern_type")}
    named["any"] = set().union(*named.values())
    rows = [dict(type=kind, members=len(of), **{by: of.address.isin(addresses).mean() for by, addresses in named.items()})
            for (kind, _), of in truth.groupby(["pattern_type", "pattern_instance_id"])]
    return pd.DataFrame([row for row in rows if row["members"] >= 3])


def main():
    batches = [schemes(*entry.split("=", 1)) for entry in sys.argv[1:]]
    all_schemes = pd.concat(batches).fillna(0.0)
    kinds = [column for column in all_schemes if column not in ("type", "members", "any")]
    print("| planted | schemes | found | touched | found by one type alone |\n|---|---|---|---|---|")
    for kind, of in all_schemes.groupby("type"):
        alone = (of[kinds] >= 0.5).mean().sort_values(ascending=False, kind="stable").head(3)
        alone = ", ".join(f"{by} {100 * share:.0f} %" for by, share in alone.items() if share >= 0.05)
        print(f"| {kind} | {len(of)} | {100 * (of['any'] >= 0.5).mean():.0f} % | {100 * (of['any'] > 0).mean():.0f} % | {alone or '-'} |")


if __name__ == "__main__":
    main()
