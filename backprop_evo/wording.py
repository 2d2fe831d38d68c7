"""Numbers as people read and write them, the same on the command line and on the pages."""

from __future__ import annotations

import re

from backprop_evo.errors import InvalidSettings

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
UNKNOWN = "–"


def percent(accuracy: float | None, digits: int = 1) -> str:
    """An accuracy in [0, 1] as a number of per cent."""
    return UNKNOWN if accuracy is None else f"{100 * accuracy:.{digits}f}"


def spread(mean: float, std: float | None) -> str:
    """Mean ± standard deviation of accuracies in [0, 1], in per cent; the mean alone for one run."""
    return percent(mean) if std is None else f"{percent(mean)} ± {percent(std)}"


def duration(seconds: float | None) -> str:
    """Two units at most: 4.2 s, 3 min 10 s, 5 h 2 min, 3 d 4 h."""
    if seconds is None:
        return UNKNOWN
    if seconds < MINUTE_S:
        return f"{seconds:.1f}".removesuffix(".0") + " s" if seconds < 10 else f"{int(seconds)} s"
    for unit, name, below, below_name in (
        (DAY_S, "d", HOUR_S, "h"),
        (HOUR_S, "h", MINUTE_S, "min"),
        (MINUTE_S, "min", 1, "s"),
    ):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} {int(seconds % unit // below)} {below_name}"
    raise AssertionError("a minute or more has a unit")


def distance(seconds: float) -> str:
    """One unit, for how long ago something was."""
    for unit, name in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{seconds:.0f} s"


_UNITS = {"d": DAY_S, "h": HOUR_S, "m": MINUTE_S, "s": 1}
_TIME = re.compile("".join(rf"(?:(?P<{unit}>\d+(?:\.\d+)?)\s*{unit}\s*)?" for unit in _UNITS))


def read_time(text: str) -> float:
    """Seconds of a time as in ``2h``, ``1h30m``, ``90 m``, ``45s``, or of a plain number. Raises
    ``ValueError``."""
    written = text.strip().lower().replace("min", "m")
    found = _TIME.fullmatch(written)
    if not written or found is None:
        return float(written)
    return float(sum(float(found[unit]) * seconds for unit, seconds in _UNITS.items() if found[unit]))


def time_text(seconds: float) -> str:
    """The time as ``read_time`` reads it, exactly: 2h, 1h30m, 90.5."""
    whole, text = int(seconds), ""
    for unit, size in _UNITS.items():
        if unit != "d" and whole // size:
            text += f"{whole // size}{unit}"
            whole %= size
    return text if seconds == int(seconds) and text else repr(float(seconds)).removesuffix(".0")


def read_rates(text: str) -> tuple[float, ...]:
    """Learning rates as in ``0.1`` or ``0.01, 0.1, 1``. Raises ``InvalidSettings``."""
    parts = [part for part in text.replace(";", ",").split(",") if part.strip()]
    try:
        rates = tuple(float(part) for part in parts)
    except ValueError:
        rates = ()
    if not rates:
        raise InvalidSettings(
            f"{text[:60]!r} is no learning rate",
            field="train.learning_rate",
            hint="one number, or several to be probed: 0.01, 0.1, 1",
        )
    return rates
