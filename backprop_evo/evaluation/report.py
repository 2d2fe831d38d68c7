"""One self-contained HTML file: the tables with their verdicts, curves, how to repeat it, where it ran."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import isfinite
from statistics import fmean
from typing import Any

from backprop_evo.evaluation.exports import percentages
from backprop_evo.evaluation.table import Block, EvaluationTable, Outcome

WIDTH, HEIGHT, MARGIN = 640, 260, 36
COLOURS = ("#1f5fa8", "#c2571a", "#2d8659", "#8a3ba0", "#a8891f", "#b3263e", "#4d6572", "#5b8c1f")
MAX_CURVES = 16
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1d232a}
table{border-collapse:collapse;width:100%}th,td{padding:.3rem .6rem;text-align:left;vertical-align:top}
thead th{border-bottom:2px solid #1d232a}tbody tr{border-bottom:1px solid #d5dae0}
.num{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}code,pre{font-size:.9em}
pre{background:#f3f5f7;padding:1rem;overflow:auto}.scroll{overflow-x:auto}.lead{font-size:1.15em}
svg{max-width:100%;height:auto}.legend span{margin-right:1.2em;white-space:nowrap}
"""


def as_html(table: EvaluationTable, outcomes: Sequence[Outcome], spec: Mapping[str, Any]) -> str:
    """``spec`` is the evaluation's document, from which the same can be asked for again."""
    again = {**spec, "seeds": table.seeds}
    body = [
        f"<h1>{escape(table.name)}</h1>",
        f'<p class="lead">{escape(table.headline)}</p>' if table.headline else "",
        _paragraphs(table.remarks),
        *(_block(block, tested=table.compared_by == "test") for block in table.blocks),
        f"<p>Mean ± standard deviation in per cent. Differences are of {table.compared_by} accuracy, paired "
        f"by seed ({table.first_seed} to {table.first_seed + table.seeds - 1}), with 95 % intervals.</p>",
        *(_curves(block, outcomes) for block in table.blocks),
        "<h2>To repeat it</h2><p>Save this as <code>evaluation.json</code>:</p>",
        f"<pre>{escape(json.dumps(again, indent=2, ensure_ascii=False))}</pre>",
        "<pre>backprop-evo evaluate run --file evaluation.json --local</pre>",
        "<h2>Environment</h2>",
        _environment(outcomes),
    ]
    title = escape(table.name)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
        f"<style>{STYLE}</style></head><body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def _paragraphs(texts: Iterable[str]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def _block(block: Block, *, tested: bool) -> str:
    heads = ["method", "validation, %", *(["test, %"] if tested else []), "n", "verdict"]
    rows = []
    for row in block.rows:
        control = " (control)" if row.is_control else ""
        cells = [f"<td><code>{escape(row.text)}</code>{control}</td>", _number(percentages(row.validation))]
        cells += [_number(percentages(row.test))] if tested else []
        verdict = "baseline" if row.is_baseline else escape(row.verdict or "")
        rows.append(f"<tr>{''.join(cells)}{_number(str(row.n))}<td>{verdict}</td></tr>")
    columns = "".join(f'<th scope="col">{head}</th>' for head in heads)
    return (
        f"<h2>{escape(block.setting)} <small><code>{block.setting_id}</code></small></h2>"
        f'<div class="scroll"><table><thead><tr>{columns}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        + (f"<p>{escape(block.noise_floor.capitalize())}.</p>" if block.noise_floor else "")
    )


def _number(text: str) -> str:
    return f'<td class="num">{text}</td>'


def _curves(block: Block, outcomes: Sequence[Outcome]) -> str:
    """Validation accuracy over epochs, the mean over seeds of each method that has curves."""
    lines = []
    for number, row in enumerate(block.rows[:MAX_CURVES]):
        if points := _mean_curve(
            each for each in outcomes if (each.row, each.setting_id) == (number, block.setting_id)
        ):
            lines.append((row.text, COLOURS[number % len(COLOURS)], points))
    if not lines:
        return ""
    last = max(x for _, _, points in lines for x, _ in points) or 1.0
    highest = max(y for _, _, points in lines for _, y in points) or 1.0
    drawn = "".join(
        f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{_path(points, last, highest)}">'
        f"<title>{escape(text)}</title></polyline>"
        for text, colour, points in lines
    )
    base, right = HEIGHT - MARGIN, WIDTH - 8
    axes = (
        f'<path d="M{MARGIN},8V{base}H{right}" fill="none" stroke="#8894a0"/>'
        f'<text x="{MARGIN - 4}" y="14" text-anchor="end" font-size="11">{100 * highest:.0f}</text>'
        f'<text x="{MARGIN - 4}" y="{base}" text-anchor="end" font-size="11">0</text>'
        f'<text x="{right}" y="{base + 16}" text-anchor="end" font-size="11">{last:g} epochs</text>'
    )
    legend = "".join(
        f'<span><b style="color:{colour}">━</b> <code>{escape(text)}</code></span>'
        for text, colour, _ in lines
    )
    left = (
        f"<p>{len(block.rows) - MAX_CURVES} methods are not drawn.</p>"
        if len(block.rows) > MAX_CURVES
        else ""
    )
    label = escape(f"Validation accuracy in {block.setting}")
    return (
        f"<h3>{label}, %, mean over seeds</h3>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{label}">'
        f'{axes}{drawn}</svg><p class="legend">{legend}</p>{left}'
    )


def _mean_curve(outcomes: Iterable[Outcome]) -> list[tuple[float, float]]:
    at: defaultdict[float, list[float]] = defaultdict(list)
    for each in outcomes:
        for point in each.result.curve:
            if point.validation_accuracy is not None and isfinite(point.validation_accuracy):
                at[point.epoch].append(point.validation_accuracy)
    return [(epoch, fmean(values)) for epoch, values in sorted(at.items())]


def _path(points: Sequence[tuple[float, float]], last: float, highest: float) -> str:
    wide, high = WIDTH - MARGIN - 8, HEIGHT - MARGIN - 8
    return " ".join(
        f"{MARGIN + wide * x / last:.1f},{HEIGHT - MARGIN - high * y / highest:.1f}" for x, y in points
    )


def _environment(outcomes: Sequence[Outcome]) -> str:
    """Each fact with every value it had: trainings may have run on several machines."""
    facts: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for each in outcomes:
        for name, value in each.result.environment.items():
            facts[name][value] = None
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape("; ".join(values))}</td></tr>'
        for name, values in sorted(facts.items())
    )
    return f"<table><tbody>{rows}</tbody></table>" if rows else "<p>Nothing has been trained yet.</p>"
