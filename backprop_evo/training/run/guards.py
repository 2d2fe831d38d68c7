"""When a training is not worth or not able to go on: the rules, and the exception that carries the verdict
to the loop.

All verdicts become results (``TrainResult.outcome`` and ``reason``), never faults.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from backprop_evo.records.states import TrialState
from backprop_evo.training.run.capability import resident_memory_mib

EXPLODED_AT_CHANCE_TIMES = 100.0
"""A loss above this many times ln K (what guessing costs) does not come back."""

ZERO_SIGNAL_STEPS = 10
"""So many steps in a row without any signal, and the lower layers are declared cut off."""

# Of the loss of guessing, ln K: a network that begins to learn is well below within an epoch.
STUCK_SHARE = 0.995
STUCK_AFTER_RUN_SHARE = 0.5
# Leaves an equation with small signals time to begin.
STUCK_AFTER_EPOCHS = 2.0


class EndedEarly(Exception):
    """The training ended before its last step."""

    def __init__(self, outcome: TrialState, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


@dataclass(slots=True)
class Limits:
    """What holds for a whole training, probes included: time, memory, and the caller's wish to stop."""

    device: str
    time_limit_s: float | None = None
    memory_limit_mib: float | None = None
    should_stop: Callable[[], bool] | None = None
    started: float = field(default_factory=time.monotonic)
    peak_memory_mib: float | None = None
    _next_look: float = 0.0

    def elapsed_s(self) -> float:
        """Wall time since the training began, in seconds."""
        return time.monotonic() - self.started

    def check(self) -> None:
        """Raises EndedEarly where a limit is passed. Cheap: looks at most five times a second."""
        now = time.monotonic()
        # Asking the caller reads the clock of another thread, and memory a file of the kernel: not at every
        # step.
        if now < self._next_look:
            return
        self._next_look = now + 0.2
        if self.should_stop is not None and self.should_stop():
            raise EndedEarly(TrialState.CANCELLED, "stopped on request")
        if self.time_limit_s is not None and self.elapsed_s() > self.time_limit_s:
            raise EndedEarly(TrialState.TIMEOUT, f"the time limit of {self.time_limit_s:g} s is over")
        self._check_memory()

    def _check_memory(self) -> None:
        used = self.read_memory()
        if used is not None and self.memory_limit_mib is not None and used > self.memory_limit_mib:
            raise EndedEarly(
                TrialState.OOM, f"{used:.0f} MiB in use, the limit is {self.memory_limit_mib:g} MiB"
            )

    def read_memory(self) -> float | None:
        """MiB in use now; remembers the peak. None where it cannot be told."""
        used = resident_memory_mib(self.device)
        if used is not None:
            self.peak_memory_mib = max(used, self.peak_memory_mib or 0.0)
        return used


def check_loss(loss: float, *, classes: int | None, epoch: float, step: int) -> None:
    """Raises EndedEarly for a loss that is NaN, infinite or exploded.

    ``classes`` is None for a loss that is no cross-entropy, which has no ceiling.
    """
    where = f"at step {step} (epoch {epoch:.2f})"
    if math.isnan(loss):
        raise EndedEarly(TrialState.DIVERGED, f"the loss became NaN {where}")
    if math.isinf(loss):
        raise EndedEarly(TrialState.DIVERGED, f"the loss became infinite {where}")
    if classes is None:
        return
    # At least two classes: ln 1 would forbid every loss.
    ceiling = EXPLODED_AT_CHANCE_TIMES * math.log(max(classes, 2))
    if loss > ceiling:
        raise EndedEarly(
            TrialState.DIVERGED, f"the loss exploded to {loss:.3g} {where}; the limit is {ceiling:.3g}"
        )


@dataclass(slots=True)
class ZeroSignalWatch:
    """Counts steps in a row whose signal was exactly zero below the top."""

    in_a_row: int = 0

    def observe(self, is_zero: bool) -> None:
        """Raises EndedEarly once ``ZERO_SIGNAL_STEPS`` were zero in a row."""
        self.in_a_row = self.in_a_row + 1 if is_zero else 0
        if self.in_a_row >= ZERO_SIGNAL_STEPS:
            raise EndedEarly(
                TrialState.PRUNED,
                f"the signal below the top was exactly zero for {ZERO_SIGNAL_STEPS} steps in a row",
            )


def check_progress(
    train_loss: float,
    accuracy: float | None,
    *,
    classes: int,
    epoch: float,
    epochs: float,
    phase_epochs: float,
) -> None:
    """Raises EndedEarly for a run that is no better than guessing after half its time, and after two epochs
    of its phase. Without an accuracy the loss alone tells.
    """
    if phase_epochs < STUCK_AFTER_EPOCHS or not STUCK_AFTER_RUN_SHARE * epochs <= epoch < epochs:
        return
    chance_loss, chance = math.log(max(classes, 2)), 1 / max(classes, 2)
    # Both: a loss near guessing with an accuracy above it is slow, not stuck; the tenth is for the luck of a
    # small split.
    if train_loss >= STUCK_SHARE * chance_loss and (accuracy or 0.0) <= 1.1 * chance:
        raise EndedEarly(
            TrialState.PRUNED,
            f"stuck: no better than guessing after {epoch:g} of {epochs:g} epochs (loss {train_loss:.3f})",
        )
