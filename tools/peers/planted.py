"""How many of the simulator's planted schemes the pattern detectors find, by shape and intent.

  aml-miner simulate --output SIM --shapes all ...      then, for each batch of it
  aml-miner derive BATCH --patterns all --output OUT
  planted.py BATCH=OUT [BATCH=OUT ...]

A scheme counts where at least three of its members stand in the batch; as found when half of them stand in some pattern. Its own detector is the type of
pattern that looks for its shape: found likewise, and touched when it names any member (a burst names one address only).
"""
import os
import sys

import pandas as pd

# planted by launderers, planted as a look-alike, the type of pattern that looks for it
SHAPES = [("Cycle / Round Trip", "Treasury Rotation", "cycle"), ("Deep Layering", "Supply Chain Payments", "layering_path"),
          ("Fan-In / Collection Pattern", "Merchant Collection", "motif_fanin"), ("Smurfing Network", "Shop Takings", "smurfing_network"),
          ("Rapid Fan-Out", "Payroll Run", "motif_fanout"), ("Scatter-Gather", "Group Booking", "smurfing_network"),
          ("Gather-Scatter", "Savings Club", "gather_scatter"), ("Bipartite Dispersal", "Supplier Invoices", "bipartite"),
          ("Stacked Bipartite Layers", "Distribution Chain", "stack"), ("Classic Peel Chain", "Change Address Spending", "peel_chain"),
          ("Mixer Emulation", "Private Savings", "mixer_like"), ("Temporal Burst (Fan-Out)", "Prize Draw", "temporal_burst"),
          ("Dormant Wallet Activation", "Matured Savings", "dormant_activation"), ("Wash Trading", "Liquidity Balancing", "cycle"),
          ("Sybil Network (Airdrop Farming)", "Voucher Programme", "smurfing_network"),
          ("Rug Pull", "Crowdfunding", "rug_pull")]
OWN = {planted: own for *both, own in SHAPES for planted in both}


def schemes(batch, out):
    """One row per scheme: its type, and the share of its members in any pattern and in those of its own detector; and how many addresses any names."""
    read = lambda folder, table: pd.read_parquet(os.path.join(folder, f"{table}.parquet"))
    truth, patterns, transfers = read(batch, "ground_truth"), read(out, "patterns"), read(batch, "transfers")
    named = {kind: set().union(*map(set, rows.addresses_involved)) for kind, rows in patterns.groupby("pattern_type")}
    everyone, somewhere = set(transfers.from_address) | set(transfers.to_address), set().union(*named.values())
    share = lambda addresses, of: sum(a in of for a in addresses) / len(addresses)
    rows = []
    for (kind, _), of in truth.groupby(["pattern_type", "pattern_instance_id"]):
        members = sorted(set(of.address))
        if len(members) >= 3:
            rows.append(dict(type=kind, any=share(members, somewhere), own=share(members, named.get(OWN[kind], set()))))
    return pd.DataFrame(rows), len(somewhere & everyone), len(everyone)


def main():
    batches = [schemes(*entry.split("=", 1)) for entry in sys.argv[1:]]
    found = pd.concat([rows for rows, *_ in batches]).set_index("type")
    percent = lambda hits: f"{100 * hits.mean():.0f} %"
    print("| planted | schemes | found | own detector | found by it | touched by it |\n|---|---|---|---|---|---|")
    for planted in (name for *both, _ in SHAPES for name in both if name in found.index):
        of, own = found.loc[[planted]], OWN[planted]
        mine = [f"`{own}`", percent(of.own >= 0.5), percent(of.own > 0)] if own else ["-"] * 3
        print("| " + " | ".join([planted, str(len(of)), percent(of["any"] >= 0.5), *mine]) + " |")
    named, everyone = (sum(batch[i] for batch in batches) for i in (1, 2))
    print(f"\n{100 * named / everyone:.0f} % of {everyone:,} addresses stand in some pattern.")


if __name__ == "__main__":
    main()
