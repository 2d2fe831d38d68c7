"""Arguments of the studies that are numbers."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable


def whole_number(least: int = 1, most: int | None = None) -> Callable[[str], int]:
    """A type for ``add_argument``: from ``least`` to ``most``, told in words where it is not."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ArgumentTypeError(f"{text!r} is no whole number") from None
        if number < least or (most is not None and number > most):
            upto = "" if most is None else f" and at most {most:,}"
            raise ArgumentTypeError(f"at least {least:,}{upto}, not {number:,}")
        return number

    return read
