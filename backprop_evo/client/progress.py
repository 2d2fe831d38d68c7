"""How far something is, drawn while a program waits: a bar in a terminal, one in a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

Show = Callable[[int, int, str], None]
"""Called with what is done, all there is to do, and words."""


@contextmanager
def bar(shown: bool) -> Iterator[Show]:
    """Draws on standard error, in a notebook below the cell; nothing unless ``shown``."""
    if not shown:
        yield lambda _done, _total, _words: None
    elif _in_notebook():
        yield _NotebookBar().show
    else:
        with _terminal_bar() as show:
            yield show


def _in_notebook() -> bool:
    # A shell of a terminal has no kernel. What was not imported cannot be running.
    found = sys.modules.get("IPython")
    shell = found.get_ipython() if found is not None else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def _terminal_bar() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=None)

        def show(done: int, total: int, words: str) -> None:
            progress.update(task, completed=done, total=total, description=words)

        yield show


class _NotebookBar:
    """Drawn anew in its place. No widget: those need a package that many notebooks lack."""

    def __init__(self) -> None:
        self._place: Any = None
        self._html = ""

    def show(self, done: int, total: int, words: str) -> None:
        """Draws what has changed."""
        html = f'<progress value="{done}" max="{total}"></progress> {done} of {total}: {escape(words)}'
        if html == self._html:
            return
        self._html = html
        if self._place is None:
            from IPython.display import display

            self._place = display(self, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._place.update(self)

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return "progress"
