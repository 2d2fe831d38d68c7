"""Tables and drawings in a page of the documentation, between marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reproductions.experiment import Experiment, Row


def block(experiment: Experiment, rows: Sequence[Row], command: str, image: str | None) -> str:
    """Title, table, and under what circumstances it was made."""
    parts = [f"**{experiment.title}**", experiment.table(rows)]
    if image is not None:
        parts.append(f"![{experiment.title}]({image})")
    seeds = {row["seed"] for row in rows}
    minutes = sum(row["cpu_seconds"] for row in rows) / 60
    first = rows[0]
    under = first["environment"]
    parts.append(
        f"`{command}`; n = {len(seeds)}; {under['cpu']}, {first['threads']} thread, torch {under['torch']}; "
        f"{len(rows)} trainings, {minutes:.1f} minutes of one core in all."
    )
    return "\n\n".join(parts)


def put_into(page: Path, name: str, text: str) -> None:
    """Raises SystemExit where the page has no such marks."""
    begin, end = f"<!-- reproduction {name}: begin -->", f"<!-- reproduction {name}: end -->"
    found = page.read_text()
    if begin not in found or end not in found:
        raise SystemExit(
            f"{page} has no place for {name}: put these two lines where it belongs\n{begin}\n{end}"
        )
    before, after = found.split(begin)[0], found.split(end)[1]
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def draw(experiment: Experiment, rows: Sequence[Row], page: Path) -> str | None:
    """The experiment's drawing beside the page; its address there, None for one without."""
    if experiment.draw is None:
        return None
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": experiment.name, "svg.fonttype": "none", "font.size": 9}
    mpl.rcParams |= {"axes.spines.top": False, "axes.spines.right": False}
    file = page.parent / "images" / f"{experiment.name}.svg"
    file.parent.mkdir(exist_ok=True)
    experiment.draw(rows).savefig(file, format="svg", facecolor="white", metadata={"Date": None})
    return f"images/{file.name}"
