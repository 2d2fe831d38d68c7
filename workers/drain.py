"""The wish that a worker process stops soon, from a signal to the trial that trains."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(slots=True)
class Drain:
    """The wish to stop soon: a trial may still end within ``drain_s``."""

    deadline: float | None = None

    def begin(self, drain_s: float) -> None:
        """From now on; a second wish changes no deadline."""
        if self.deadline is None:
            self.deadline = time.monotonic() + drain_s

    @property
    def is_over(self) -> bool:
        """True once the time to finish is spent: what trains is given back."""
        return self.deadline is not None and time.monotonic() >= self.deadline
