"""Draws how far the equation of ``docs/discovery.md`` is from plain backprop after how many steps.

    python benchmarks/discovery_drawing.py

From the tables that the evaluations of that page gave (``evaluate export``), which lie beside it: differences
of test accuracy, paired by seed, with 95 % intervals.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
FILE = DOCS / "images" / "discovery.svg"
TABLES = ("confirmed.csv", "longer.csv")
CONTROL = "g / fro(g)"


def main() -> None:
    rows = [row for name in TABLES for row in csv.DictReader((DOCS / "discovery" / name).open())]
    compared = [row for row in rows if row["difference"]]
    lines = {
        "the discovery": [row for row in compared if row["method"] != CONTROL],
        f"the control, {CONTROL}": [row for row in compared if row["method"] == CONTROL],
    }
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "discovery", "svg.fonttype": "none", "font.size": 9}
    mpl.rcParams |= {"axes.spines.top": False, "axes.spines.right": False}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.2), layout="constrained")
    for label, of_it in lines.items():
        points = sorted((steps(row["setting"]), *(100 * float(row[n]) for n in NUMBERS)) for row in of_it)
        at, mean, low, high = zip(*points, strict=True)
        axes.plot(at, mean, marker="o", label=label)
        axes.fill_between(at, low, high, alpha=0.2, linewidth=0)
    axes.axhline(0, color="0.4", linewidth=0.8)
    axes.set_xscale("log")
    ticks = sorted({steps(row["setting"]) for row in compared})
    axes.set_xticks(ticks, [f"{each:,}" for each in ticks])
    axes.minorticks_off()
    axes.set_xlabel("steps")
    axes.set_ylabel("points of test accuracy\nabove plain backprop")
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(FILE, format="svg", facecolor="white", metadata={"Date": None})
    print(FILE)


NUMBERS = ("difference", "low", "high")


def steps(setting: str) -> int:
    """Of a setting that is called by them, such as 3,000 steps."""
    found = re.search(r"([\d,]+) steps", setting)
    assert found is not None, setting
    return int(found[1].replace(",", ""))


if __name__ == "__main__":
    main()
