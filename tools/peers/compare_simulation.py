"""Simulated batches beside the real sample: a table of what they have in common, and plots of it.

  compare_simulation.py PLOTS NAME=BATCH [NAME=BATCH ...]       writes PLOTS/*.svg, prints the table in Markdown

BATCH is the folder of a batch with transfers.parquet, or the word `sample` for the real one below AML_MINER_DATA. Same batches, same bytes: the
plots hold no date, and their ids follow from a fixed salt. Drawn are distributions only, no value of a single transfer or address.
"""
import argparse
import os

import matplotlib
import numpy as np
import pandas as pd

import tasks

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "aml-miner", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "axes.grid": True,
                            "grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False})
from matplotlib import pyplot as plt  # noqa: E402  the backend is chosen above

SAMPLE = os.path.join(tasks.DATA, "torus-2025-11-20-w300")
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
STYLES = [dict(color="#333333", linestyle="-"), dict(color="#d95f02", linestyle="--"), dict(color="#1b72b8", linestyle=":")]


class Batch:
    """The distributions of one batch."""

    def __init__(self, folder):
        t = pd.read_parquet(os.path.join(SAMPLE if folder == "sample" else folder, "transfers.parquet"))
        self.transfers = len(t)
        self.usd = np.sort(t.amount_usd.astype(float).to_numpy())
        self.usd = self.usd[self.usd > 0]
        self.amount = t.amount.astype(float).to_numpy()
        pairs = t[["from_address", "to_address"]].drop_duplicates()
        self.pairs = len(pairs)
        self.in_degree = pairs.to_address.value_counts().to_numpy()
        self.out_degree = pairs.from_address.value_counts().to_numpy()
        self.activity = pd.concat([t.from_address, t.to_address]).value_counts().to_numpy()
        time = pd.to_datetime(t.block_timestamp.astype("int64"), unit="ms", utc=True)
        self.hours = np.bincount(time.dt.hour, minlength=24) / len(t)
        self.weekdays = np.bincount(time.dt.day_of_week, minlength=7) / len(t)

    def hill(self):
        """Tail exponent of the largest fiftieth of amounts (Hill, 1975)."""
        top = self.usd[-max(len(self.usd) // 50, 1) - 1:]
        return 1 / np.mean(np.log(top[1:] / top[0]))

    def rows(self):
        number = lambda v: f"{float(f'{v:.3g}'):,.9g}"
        quantiles = lambda values, at: ", ".join(number(v) for v in np.quantile(values, at))
        round_share = np.mean((self.amount >= 100) & (self.amount % 100 == 0))
        return {
            "transfers, addresses, directed pairs": f"{self.transfers:,}, {len(self.activity):,}, {self.pairs:,}",
            "amount in dollars: quantiles .1, .5, .9, .99": quantiles(self.usd, [.1, .5, .9, .99]),
            "standard deviation of log10 dollars": f"{np.log10(self.usd).std():.2f}",
            "tail exponent (Hill, top 2 %)": f"{self.hill():.2f}",
            "share of value in the top 1 % of transfers": f"{100 * self.usd[-max(len(self.usd) // 100, 1):].sum() / self.usd.sum():.0f} %",
            "in-degree: quantiles .5, .9, .99": quantiles(self.in_degree, [.5, .9, .99]),
            "out-degree: quantiles .5, .9, .99": quantiles(self.out_degree, [.5, .9, .99]),
            "transfers per address: quantiles .25, .5, .75, .9, .99": quantiles(self.activity, [.25, .5, .75, .9, .99]),
            "Monday to Sunday, per cent": ", ".join(f"{100 * share:.0f}" for share in self.weekdays),
            "busiest over quietest hour": f"{self.hours.max() / self.hours.min():.1f}" if self.hours.min() else "an hour without any",
            "round amounts (multiples of 100 coins)": f"{100 * round_share:.1f} %",
        }


def tail(values):
    """Share of values at least as large, at no more than 150 places, so that no plot draws single values."""
    values = np.sort(values)
    at = np.unique(np.quantile(values, 1 - np.geomspace(1, 1 / len(values), 150), method="nearest"))
    return at, 1 - np.searchsorted(values, at, side="left") / len(values)


def amounts(axes, batches):
    bins = np.arange(-4, 7.01, 0.25)
    for (name, batch), style in zip(batches.items(), STYLES):
        share = np.histogram(np.log10(batch.usd), bins=bins)[0] / len(batch.usd)
        axes[0].stairs(100 * share, bins, label=name, **style)
        axes[1].loglog(*tail(batch.usd), label=name, **style)
    axes[0].set(xlabel="dollars of a transfer, log10", ylabel="% of transfers", title="Amounts")
    axes[1].set(xlabel="dollars of a transfer", ylabel="share at least as large", title="Amounts, tail")


def degrees(axes, batches):
    for ax, side, title in zip(axes, ["in_degree", "out_degree"], ["In-degree", "Out-degree"]):
        for (name, batch), style in zip(batches.items(), STYLES):
            ax.loglog(*tail(getattr(batch, side)), label=name, **style)
        ax.set(xlabel="at least so many counterparties", ylabel="share of addresses", title=title)


def rhythm(axes, batches):
    for (name, batch), style in zip(batches.items(), STYLES):
        axes[0].step(range(25), 100 * np.append(batch.hours, batch.hours[-1]), where="post", label=name, **style)
        axes[1].plot(DAYS, 100 * batch.weekdays, marker="o", markersize=3, label=name, **style)
    axes[0].set(xlabel="hour of the day, UTC", ylabel="% of transfers", title="Hours", xticks=range(0, 25, 4), ylim=(0, None))
    axes[1].set(ylabel="% of transfers", title="Weekdays, UTC", ylim=(0, None))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plots", help="folder for the plots")
    parser.add_argument("batches", nargs="+", metavar="NAME=BATCH")
    args = parser.parse_args()
    if len(args.batches) > len(STYLES):
        parser.error(f"expected at most {len(STYLES)} batches, found {len(args.batches)}")
    batches = {name: Batch(folder) for name, folder in (entry.split("=", 1) for entry in args.batches)}
    os.makedirs(args.plots, exist_ok=True)
    for draw, file in [(amounts, "amounts"), (degrees, "degrees"), (rhythm, "rhythm")]:
        figure, axes = plt.subplots(1, 2, figsize=(8.4, 3), layout="constrained")
        draw(axes, batches)
        axes[-1].legend(loc="lower left")
        figure.savefig(os.path.join(args.plots, f"{file}.svg"), metadata={"Date": None})
        plt.close(figure)
    tables = {name: batch.rows() for name, batch in batches.items()}
    print("| | " + " | ".join(tables) + " |\n" + "|---" * (len(tables) + 1) + "|")
    for row in next(iter(tables.values())):
        print(f"| {row} | " + " | ".join(table[row] for table in tables.values()) + " |")


if __name__ == "__main__":
    main()
