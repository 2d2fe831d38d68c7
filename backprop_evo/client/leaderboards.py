"""A leaderboard as a value: its rows, a table in a notebook, and a frame for those who have pandas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, overload

from typing_extensions import override

from backprop_evo.client.answers import LeaderboardRow
from backprop_evo.errors import Unavailable
from backprop_evo.records.stored import Accuracies
from backprop_evo.wording import UNKNOWN, spread

MARKS = ("confirmed", "starred", "is_baseline", "is_yardstick", "is_control")


@dataclass(frozen=True, slots=True)
class Leaderboard(Sequence[LeaderboardRow]):
    """Rows as the service ranks them."""

    rows: tuple[LeaderboardRow, ...]

    @overload
    def __getitem__(self, place: int) -> LeaderboardRow: ...
    @overload
    def __getitem__(self, place: slice) -> Leaderboard: ...
    @override
    def __getitem__(self, place: int | slice) -> LeaderboardRow | Leaderboard:
        return Leaderboard(self.rows[place]) if isinstance(place, slice) else self.rows[place]

    @override
    def __len__(self) -> int:
        return len(self.rows)

    @override
    def __iter__(self) -> Iterator[LeaderboardRow]:
        return iter(self.rows)

    @property
    def best(self) -> LeaderboardRow | None:
        """The first that is an equation which was searched for: no baseline, yardstick or control."""
        asked = (row for row in self.rows if not (row.is_baseline or row.is_yardstick or row.is_control))
        return next(asked, None)

    def columns(self) -> dict[str, list[Any]]:
        """Flat columns, as tables want them: accuracies as ``…_mean``, ``…_std`` and ``…_n``."""
        rows = [_flat(row) for row in self.rows]
        return {name: [row[name] for row in rows] for name in _flat_names()}

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` of ``columns``. Raises ``Unavailable`` where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise Unavailable(
                "to_pandas needs pandas, which is not installed",
                hint="pip install pandas, or take columns() for a dictionary of lists",
            ) from error
        return pandas.DataFrame(self.columns())

    def _repr_html_(self) -> str:
        """A notebook shows it as a table."""
        head = "".join(f"<th>{name}</th>" for name in ("rank", "method", "validation %", "test %", ""))
        body = "".join(_html_row(row) for row in self.rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


_ACCURACIES = ("validation", "search_fitness", "test")
_LEFT_OUT = ("method", "latex", *_ACCURACIES)


def _flat_names() -> list[str]:
    plain = [name for name in LeaderboardRow.__dataclass_fields__ if name not in _LEFT_OUT]
    of_accuracies = [f"{name}_{part}" for name in _ACCURACIES for part in ("mean", "std", "n")]
    return [plain[0], "method", *of_accuracies, *plain[1:]]


def _flat(row: LeaderboardRow) -> dict[str, Any]:
    flat = {name: getattr(row, name) for name in LeaderboardRow.__dataclass_fields__ if name not in _LEFT_OUT}
    for name in _ACCURACIES:
        found: Accuracies | None = getattr(row, name)
        for part in ("mean", "std", "n"):
            flat[f"{name}_{part}"] = None if found is None else getattr(found, part)
    return {**flat, "method": row.method.text}


def _html_row(row: LeaderboardRow) -> str:
    marks = ", ".join(name.removeprefix("is_") for name in MARKS if getattr(row, name))
    rank = UNKNOWN if row.rank is None else str(row.rank)
    cells = (rank, row.method.text, _in_words(row.validation), _in_words(row.test), marks)
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _in_words(found: Accuracies | None) -> str:
    return UNKNOWN if found is None else f"{spread(found.mean, found.std)} ({found.n})"
