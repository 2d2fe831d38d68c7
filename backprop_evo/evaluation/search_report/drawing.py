"""Line charts with bands as inline SVG, which needs no script and reads in light, in dark and on paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from backprop_evo.evaluation.axes import even_ticks

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 14, 44
COLOURS = 6
"""The style sheet has so many classes ``c0``, ``c1``, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Points (x, y), and perhaps the ends (x, low, high) of a band. ``is_step``: y holds until the next
    point. ``is_faint``: drawn dashed, as what others are compared with."""

    label: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    is_step: bool = False
    is_faint: bool = False


def line_chart(title: str, lines: Sequence[Line], *, x_label: str, y_label: str, zero: bool = False) -> str:
    """A figure with its legend; empty where there is no point. ``zero``: the height 0 is drawn."""
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    ys += [end for line in lines for _, *ends in line.band for end in ends] + ([0.0] if zero else [])
    if not xs:
        return ""
    x_axis, y_axis = even_ticks(0.0, max(xs)), even_ticks(min(ys), max(ys))

    def across(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (x - x_axis[0]) / (x_axis[-1] - x_axis[0])

    def down(y: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (y_axis[-1] - y) / (y_axis[-1] - y_axis[0])

    body = [_axes(x_axis, y_axis, across, down, x_label, y_label)]
    if zero:
        body.append(f'<path class="zero" d="M{LEFT},{down(0):.1f}H{WIDTH - RIGHT}"/>')
    body += [_line(place, line, across, down) for place, line in enumerate(lines) if line.points]
    name = escape(title)
    return (
        f'<figure><figcaption>{name}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{name}">{"".join(body)}</svg>{_legend(lines)}</figure>'
    )


Place = Callable[[float], float]


def _axes(
    x_axis: Sequence[float], y_axis: Sequence[float], across: Place, down: Place, x_label: str, y_label: str
) -> str:
    base = HEIGHT - BOTTOM
    parts = [
        f'<path class="grid" d="M{LEFT},{down(y):.1f}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 8}" y="{down(y) + 4:.1f}" text-anchor="end">{_tick(y)}</text>'
        for y in y_axis
    ]
    parts += [
        f'<text x="{across(x):.1f}" y="{base + 17}" text-anchor="middle">{_tick(x)}</text>' for x in x_axis
    ]
    parts.append(f'<path class="axis" d="M{LEFT},{TOP}V{base}H{WIDTH - RIGHT}"/>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text class="label" x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>'
    )
    height = (TOP + base) / 2
    parts.append(
        f'<text class="label" x="13" y="{height}" text-anchor="middle" transform="rotate(-90 13 {height})">'
        f"{escape(y_label)}</text>"
    )
    return "".join(parts)


def _tick(value: float) -> str:
    return f"{value:,.6g}".replace("-", "−")


def _line(place: int, line: Line, across: Place, down: Place) -> str:
    parts = []
    kind = _class_of(place, line)
    if len(line.band) > 1:
        there = [f"{across(x):.1f},{down(high):.1f}" for x, _, high in line.band]
        back = [f"{across(x):.1f},{down(low):.1f}" for x, low, _ in reversed(line.band)]
        parts.append(f'<polygon class="band {kind}" points="{" ".join(there + back)}"/>')
    else:
        parts += [
            f'<path class="line {kind}" d="M{across(x):.1f},{down(low):.1f}V{down(high):.1f}"/>'
            for x, low, high in line.band
        ]
    path = f"M{across(line.points[0][0]):.1f},{down(line.points[0][1]):.1f}"
    for x, y in line.points[1:]:
        path += f"H{across(x):.1f}V{down(y):.1f}" if line.is_step else f"L{across(x):.1f},{down(y):.1f}"
    parts.append(f'<path class="line {kind}" d="{path}"><title>{escape(line.label)}</title></path>')
    if not line.is_step:
        parts += [
            f'<circle class="dot {kind}" cx="{across(x):.1f}" cy="{down(y):.1f}" r="3"/>'
            for x, y in line.points
        ]
    return "".join(parts)


def _class_of(place: int, line: Line) -> str:
    return f"c{place % COLOURS}" + (" faint" if line.is_faint else "")


def _legend(lines: Sequence[Line]) -> str:
    entries = "".join(
        f'<li><svg viewBox="0 0 24 8" width="24" height="8" aria-hidden="true"><path class="line '
        f'{_class_of(place, line)}" d="M0,4H24"/></svg> {escape(line.label)}</li>'
        for place, line in enumerate(lines)
        if line.points
    )
    return f'<ul class="legend">{entries}</ul>'
