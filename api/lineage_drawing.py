"""An ancestry as a drawing: one row an individual, the newest on top, and lanes in which links run down.

A layered layout with one individual a layer: numbers fall from child to ancestor, so that no link runs up and
no two labels meet, however many there are. Lanes are given out as ``git log --graph`` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from backprop_evo.records.methods import MethodSpec
from backprop_evo.service.ancestry import Ancestry, AncestryLink, Descent

ROW, LANE, RADIUS = 58, 22, 7
"""Pixels: from row to row, from lane to lane, and of a dot."""

SHADES = 5
"""Colours of fitness, from the worst of the drawing to its best."""

TEXT, CHARACTER = 140, 8.0
"""Characters shown of an equation, and the width of one in pixels."""

BESIDE = 72
"""Pixels for a fitness and the gaps around it."""

CLASS_OF = {
    Descent.PARENT: "parent",
    Descent.SECOND_PARENT: "partner",
    Descent.TWIN: "twin",
    Descent.MEASURED_AGAIN: "again",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnIndividual:
    """A dot at (``x``, ``y``). ``shade`` is 1 to ``SHADES``, 0 where there is no fitness; ``label`` is what
    was changed, short."""

    number: int
    x: int
    y: int
    method: MethodSpec
    fingerprint: str
    fitness: float | None
    shade: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLink:
    """A path from the child down to the ancestor."""

    path: str
    kind: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageDrawing:
    """Sizes in pixels; ``words_x`` is where the text of every equation begins, behind number and fitness."""

    width: int
    height: int
    words_x: int
    individuals: tuple[DrawnIndividual, ...]
    links: tuple[DrawnLink, ...]


def draw_ancestry(ancestry: Ancestry) -> LineageDrawing:
    """Links to individuals that are left out are not drawn."""
    rows = {each.number: row for row, each in enumerate(ancestry.individuals)}
    links = [link for link in ancestry.links if link.ancestor in rows]
    lanes, lane_of = _lanes(ancestry, links)
    known = [each.mean for each in ancestry.fitnesses.values()]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    drawn = []
    for each in ancestry.individuals:
        fitness = ancestry.fitnesses.get(each.number)
        drawn.append(
            DrawnIndividual(
                number=each.number,
                x=_x(lanes[each.number]),
                y=_y(rows[each.number]),
                method=each.method,
                fingerprint=each.fingerprint,
                fitness=fitness.mean if fitness else None,
                shade=0 if fitness is None else _shade(fitness.mean, low, high),
                label=_label([link for link in ancestry.links if link.child == each.number]),
            )
        )
    digits = len(str(ancestry.number))
    lanes_end = _x(max((*lanes.values(), *lane_of.values()), default=0)) + 2 * RADIUS
    words_x = lanes_end + round(digits * CHARACTER) + BESIDE
    return LineageDrawing(
        width=round(words_x + TEXT * CHARACTER),
        height=_y(len(rows)) - ROW // 3,
        words_x=words_x,
        individuals=tuple(drawn),
        links=tuple(_drawn(link, rows, lanes, lane_of) for link in links),
    )


def _lanes(ancestry: Ancestry, links: list[AncestryLink]) -> tuple[dict[int, int], dict[AncestryLink, int]]:
    """The lane of each individual, and that in which each link runs between its ends."""
    waiting: list[int | None] = []  # by lane: the ancestor to which its links lead
    lanes: dict[int, int] = {}
    lane_of: dict[AncestryLink, int] = {}
    for each in ancestry.individuals:
        at = [lane for lane, ancestor in enumerate(waiting) if ancestor == each.number]
        lanes[each.number] = at[0] if at else _free(waiting)
        for lane in at:
            waiting[lane] = None
        for link in links:
            if link.child == each.number:
                lane = _lane_to(link.ancestor, waiting)
                waiting[lane], lane_of[link] = link.ancestor, lane
    return lanes, lane_of


def _lane_to(ancestor: int, waiting: list[int | None]) -> int:
    """One in which something leads there already, else a free one."""
    return waiting.index(ancestor) if ancestor in waiting else _free(waiting)


def _free(waiting: list[int | None]) -> int:
    if None not in waiting:
        waiting.append(None)
    return waiting.index(None)


def _drawn(
    link: AncestryLink, rows: dict[int, int], lanes: dict[int, int], lane_of: dict[AncestryLink, int]
) -> DrawnLink:
    (x0, y0), lane = (_x(lanes[link.child]), _y(rows[link.child])), _x(lane_of[link])
    x1, y1 = _x(lanes[link.ancestor]), _y(rows[link.ancestor])
    bend = ROW // 2
    path = f"M{x0},{y0}"
    if rows[link.ancestor] - rows[link.child] == 1:
        path += f"C{x0},{y0 + bend} {x1},{y1 - bend} {x1},{y1}"
    else:
        path += f"C{x0},{y0 + bend} {lane},{y0 + bend} {lane},{y0 + ROW}V{y1 - ROW}"
        path += f"C{lane},{y1 - bend} {x1},{y1 - bend} {x1},{y1}"
    told = f": {link.change}" if link.change else ""
    title = f"{link.child} from {link.ancestor}, {link.descent}{told}"
    return DrawnLink(path=path, kind=CLASS_OF[link.descent], title=title)


def _label(links: list[AncestryLink]) -> str:
    """What was changed in the parent, and what else it came from."""
    told = []
    for link in links:
        if link.descent is Descent.PARENT:
            told.append(short_change(link.change) if link.change else f"from {link.ancestor}")
        else:
            words = {Descent.SECOND_PARENT: "crossed with", Descent.TWIN: "twin of"}
            told.append(f"{words.get(link.descent, 'measures again')} {link.ancestor}")
    return " · ".join(told)


def short_change(change: str) -> str:
    """``operation 1: add to mul`` as ``add → mul``; whatever else as it is."""
    parts = []
    for part in change.split("; "):
        found = re.fullmatch(r"[^:]+: (.+) to (.+)", part)
        parts.append(f"{found[1]} → {found[2]}" if found else part)
    return "; ".join(parts)


def shortened(text: str) -> str:
    """So much of an equation's text as a row has room for."""
    return text if len(text) <= TEXT else text[: TEXT - 1] + "…"


def _shade(fitness: float, low: float, high: float) -> int:
    return SHADES if high <= low else 1 + min(SHADES - 1, int((fitness - low) / (high - low) * SHADES))


def _x(lane: int) -> int:
    return RADIUS + 5 + LANE * lane


def _y(row: int) -> int:
    return ROW // 3 + ROW * row
