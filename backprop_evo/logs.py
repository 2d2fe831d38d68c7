"""Structured logs: one line an event, with ``search_id`` and ``trial_id`` on every line that has them."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TextIO, cast

import structlog

_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # locals may hold secrets
)


class SteadyStream:
    """A stream to which writing never fails: on a full disk lines are lost, and how many and why is said once
    in the first line that can be written again.

    Past Python's own buffer, which would keep what could not be written and fail again with it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._lost = 0
        self._reason = ""

    def write(self, text: str) -> int:
        """All of it, or nothing that anybody has to handle."""
        with self._lock:
            try:
                if self._lost:
                    self._put(f"{self._lost} lines of this log were lost: {self._reason}\n")
                    self._lost = 0
                self._put(text)
            # ValueError: the stream was closed, at the end of the process.
            except (OSError, ValueError) as error:
                self._lost += 1
                self._reason = str(error)
        return len(text)

    def flush(self) -> None:
        """Nothing is kept back."""

    def isatty(self) -> bool:
        """Whether people read it as it is written."""
        return self._stream.isatty()

    def _put(self, text: str) -> None:
        try:
            target = self._stream.fileno()
        except (AttributeError, OSError, ValueError):  # no file: a test's
            self._stream.write(text)
            return
        data = text.encode(errors="backslashreplace")
        while data:
            data = data[os.write(target, data) :]


def limit_log(path: Path, most_bytes: int) -> None:
    """Move what a log file holds to ``NAME.1`` and begin it anew, once it is longer than ``most_bytes``.

    Whoever writes it has it open for appending, and goes on at its new beginning. Where there is no room for
    the copy, it is dropped: an old log is worth less than the disk.
    """
    try:
        if path.stat().st_size <= most_bytes:
            return
        before = path.with_name(f"{path.name}.1")
        try:
            before.write_bytes(path.read_bytes()[-most_bytes:])
        except OSError:
            with suppress(OSError):
                before.unlink(missing_ok=True)
        os.truncate(path, 0)
    except OSError:
        return


def configure_logs(log_format: str = "console", level: int = logging.INFO) -> None:
    """Send structlog events to standard error, as text for people or JSON for machines."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _TRACEBACKS if log_format == "json" else structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Standard output belongs to what a command answers.
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, SteadyStream(sys.stderr))),
        cache_logger_on_first_use=True,
    )
