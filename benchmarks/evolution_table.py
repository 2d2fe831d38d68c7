"""What the comparison of evolution with random search comes to; see ``evolution.py``.

The unit is a pair of searches of one seed: its difference is that of two means over confirmation seeds. Mean
difference over the pairs with two 95 % intervals: Student's t of the pairs, and the percentiles of a
bootstrap over pairs, which supposes no normal distribution but is too narrow for few pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from statistics import fmean
from typing import Any

from backprop_evo.evaluation.statistics import paired_difference
from backprop_evo.wording import duration

Row = Mapping[str, Any]
RESAMPLES = 10_000


def bootstrap(differences: Sequence[float], *, seed: int = 0) -> tuple[float, float]:
    """The middle 95 % of the means of ``RESAMPLES`` samples with replacement."""
    random = Random(seed)
    means = sorted(fmean(random.choices(differences, k=len(differences))) for _ in range(RESAMPLES))
    return means[round(0.025 * (RESAMPLES - 1))], means[round(0.975 * (RESAMPLES - 1))]


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each search seed, then what they say together."""
    whole = [row for row in rows if all(row[side]["mean"] is not None for side in ("evolution", "random"))]
    lines = [
        "| search seed | evolution's best | random search's best | plain backprop | difference, points | "
        "of it 95 % over confirmation seeds |",
        "|---|---|---|---|---|---|",
        *(_line(row) for row in sorted(rows, key=lambda row: row["seed"])),
        "",
    ]
    if left := len(rows) - len(whole):
        lines.append(f"{left} pairs in which a search confirmed nothing are left out of what follows.")
    lines += _together(whole)
    lines += ["", *_spent(rows)]
    return "\n".join(lines)


def _line(row: Row) -> str:
    difference, interval = "–", "–"
    if row["difference"] is not None:
        difference = f"{100 * row['difference']:+.1f}"
    if row["low"] is not None:
        interval = f"{100 * row['low']:+.1f} … {100 * row['high']:+.1f} (n = {row['n']})"
    bests = " | ".join(_best(row[side]) for side in ("evolution", "random", "backprop"))
    return f"| {row['seed']} | {bests} | {difference} | {interval} |"


def _best(side: Row) -> str:
    if side["mean"] is None:
        return "–"
    std = "" if side["std"] is None else f" ± {100 * side['std']:.1f}"
    return f"{100 * side['mean']:.1f}{std}" + (f" `{side['best']}`" if "best" in side else "")


def _together(rows: Sequence[Row]) -> list[str]:
    """Means over the pairs; against plain backprop too, which both searches start beside."""
    told = []
    for one, other in (("evolution", "random"), ("evolution", "backprop"), ("random", "backprop")):
        both = [row for row in rows if row[one]["mean"] is not None and row[other]["mean"] is not None]
        ones, others = [row[one]["mean"] for row in both], [row[other]["mean"] for row in both]
        found = paired_difference(ones, others)
        if found is None:
            continue
        text = f"{one} − {other}: {100 * found.mean:+.2f} points"
        if found.low is not None and found.high is not None:
            low, high = bootstrap([a - b for a, b in zip(ones, others, strict=True)])
            text += (
                f", 95 % {100 * found.low:+.2f} … {100 * found.high:+.2f} (paired t, p = {found.p:.3f}), "
                f"{100 * low:+.2f} … {100 * high:+.2f} (bootstrap)"
            )
        told.append(f"- {text}, n = {found.n} search seeds")
    return told


def _spent(rows: Sequence[Row]) -> list[str]:
    """What each side cost, on average; equal budgets are equal numbers of trainings, not of seconds."""
    lines = [
        "| mean over seeds | trainings | learn, % | twins | screened out | search trainings took | "
        "all trainings took | processor |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in ("evolution", "random"):
        sides = [row[name] for row in rows]
        shares = [each["learning_share"] for each in sides if each["learning_share"] is not None]
        counts = [fmean(each[fact] for each in sides) for fact in ("trainings", "twins", "screened_out")]
        share = f"{100 * fmean(shares):.0f}" if shares else "–"
        times = [duration(fmean(each[fact] for each in sides)) for fact in ("search_s", "all_s", "cpu_s")]
        least = "≥ " if any(row["resumed"] for row in rows) else ""
        lines.append(
            f"| {name} | {counts[0]:.0f} | {share} | {counts[1]:.0f} | {counts[2]:.0f} | {times[0]} | "
            f"{times[1]} | {least}{times[2]} |"
        )
    minutes = sum(row[name]["cpu_s"] for row in rows for name in ("evolution", "random")) / 60
    replayed = sum(row["replayed"] for row in rows)
    judged = rows[0]["compared_by"]
    return [
        *lines,
        "",
        f"{minutes:.1f} core-minutes in all; accuracies are of the {judged} split, in %. "
        f"Replay decided every proposal and every judgement again as recorded in {2 * replayed} of "
        f"{2 * len(rows)} searches.",
    ]
