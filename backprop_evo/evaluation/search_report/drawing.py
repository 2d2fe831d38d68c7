"""Line charts with bands as inline SVG, which needs no script and reads in light, in dark and on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from backprop_evo.evaluation.axes import even_ticks

WIDE, NARROW, HEIGHT = 900, 440, 260
"""About as many pixels as the page has for one drawing in a row, and for one of two."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where points come to lie: from x = 0 to ``last``, between the outer ones of ``y_ticks``."""

    width: int
    last: float
    y_ticks: Sequence[float]

    @classmethod
    def around(cls, lines: Sequence[Line], width: int, *, zero: bool) -> Frame:
        """All points and bands, and the height 0 where it is asked for."""
        ys = [y for line in lines for _, y in line.points] + ([0.0] if zero else [])
        ys += [end for line in lines for _, *ends in line.band for end in ends]
        last = max(x for line in lines for x, _ in line.points)
        return cls(width=width, last=last or 1.0, y_ticks=even_ticks(min(ys), max(ys)))

    @property
    def x_ticks(self) -> list[float]:
        """Round numbers up to ``last``, which need not be round: half the drawing would be empty."""
        step = even_ticks(0.0, self.last)[1]
        step = step if 3 * step <= self.last else step / 2
        return [place * step for place in range(int(self.last / step * (1 + 1e-9)) + 1)]

    @property
    def right(self) -> int:
        """The x of the end of every axis."""
        return self.width - RIGHT

    def across(self, x: float) -> float:
        """From the left."""
        return LEFT + (self.right - LEFT) * x / self.last

    def down(self, y: float) -> float:
        """From the top."""
        low, high = self.y_ticks[0], self.y_ticks[-1]
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - y) / (high - low)


def line_chart(
    title: str,
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    width: int = WIDE,
    zero: bool = False,
) -> str:
    """A figure with its legend; empty where there is no point. ``zero``: the height 0 is drawn."""
    drawn = [(place, line) for place, line in enumerate(lines) if line.points]
    if not drawn:
        return ""
    frame = Frame.around([line for _, line in drawn], width, zero=zero)
    body = _axes(frame, x_label, y_label)
    if zero:
        body += f'<path class="zero" d="M{LEFT},{frame.down(0):.1f}H{frame.right}"/>'
    body += "".join(_line(place, line, frame) for place, line in drawn)
    name = escape(title)
    legend = "".join(_entry(place, line) for place, line in drawn)
    return (
        f'<figure><figcaption>{name}</figcaption><svg viewBox="0 0 {width} {HEIGHT}" role="img" '
        f'aria-label="{name}">{body}</svg><ul class="legend">{legend}</ul></figure>'
    )


def _axes(frame: Frame, x_label: str, y_label: str) -> str:
    base = HEIGHT - BOTTOM
    parts = [
        f'<path class="grid" d="M{LEFT},{frame.down(y):.1f}H{frame.right}"/>'
        f'<text x="{LEFT - 8}" y="{frame.down(y) + 4:.1f}" text-anchor="end">{_tick(y)}</text>'
        for y in frame.y_ticks
    ]
    parts += [
        f'<text x="{frame.across(x):.1f}" y="{base + 17}" text-anchor="middle">{_tick(x)}</text>'
        for x in frame.x_ticks
    ]
    middle, height = (LEFT + frame.right) / 2, (TOP + base) / 2
    return (
        "".join(parts) + f'<path class="axis" d="M{LEFT},{TOP}V{base}H{frame.right}"/>'
        f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>'
        f'<text x="13" y="{height}" text-anchor="middle" transform="rotate(-90 13 {height})">'
        f"{escape(y_label)}</text>"
    )


def _tick(value: float) -> str:
    return f"{value:,.6g}".replace("-", "−")


def _line(place: int, line: Line, frame: Frame) -> str:
    kind, parts = _kind(place, line), []
    at = [(frame.across(x), frame.down(y)) for x, y in line.points]
    ends = [(frame.across(x), frame.down(low), frame.down(high)) for x, low, high in line.band]
    if len(ends) > 1:
        around = [(x, high) for x, _, high in ends] + [(x, low) for x, low, _ in reversed(ends)]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in around)
        parts.append(f'<polygon class="band {kind}" points="{corners}"/>')
    else:
        parts += [f'<path class="line {kind}" d="M{x:.1f},{low:.1f}V{high:.1f}"/>' for x, low, high in ends]
    path = f"M{at[0][0]:.1f},{at[0][1]:.1f}"
    path += "".join(f"H{x:.1f}V{y:.1f}" if line.is_step else f"L{x:.1f},{y:.1f}" for x, y in at[1:])
    parts.append(f'<path class="line {kind}" d="{path}"><title>{escape(line.label)}</title></path>')
    if not line.is_step:
        parts += [f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in at]
    return "".join(parts)


def _kind(place: int, line: Line) -> str:
    return f"c{place % COLOURS}" + (" faint" if line.is_faint else "")


def _entry(place: int, line: Line) -> str:
    return (
        '<li><svg viewBox="0 0 24 8" width="24" height="8" aria-hidden="true">'
        f'<path class="line {_kind(place, line)}" d="M0,4H24"/></svg> {escape(line.label)}</li>'
    )
