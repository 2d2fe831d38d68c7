"""The self-test of a node in quarantine: reads every data set here, trains a tiny child on every device.

``python -m workers.self_test`` is the test of one device, in a process of its own, as a slot is one: what is
broken may crash. The node lets itself return when it ends well on all of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from backprop_evo import data
from backprop_evo.errors import BackpropEvoError, DeviceUnusable
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainSpec
from backprop_evo.settings import Settings, settings
from backprop_evo.store.base import Store
from workers.children import check_device
from workers.devices import Slot, present_datasets
from workers.heartbeat import utc_now
from workers.side_process import SideProcess

log = structlog.get_logger(__name__)

LONGEST_S = 300.0
"""Importing torch from a cold disk takes a minute; what takes this long hangs."""

TINY = TrainSpec(
    model="mlp-8",
    data="cifar10-mini",
    epochs=1.0,
    batch_size=32,
    learning_rate=0.01,
    train_images=64,
    validation_images=32,
    augment=False,
)


@dataclass(slots=True)
class SelfTest:
    """Of one node: a process a device, one after the other, and again after ``self_test_s``."""

    store: Store
    node: str
    slots: Sequence[Slot]
    options: Settings
    argv: tuple[str, ...] = (sys.executable, "-m", "workers.self_test")
    _waiting: list[Slot] = field(default_factory=list)
    _process: SideProcess | None = None
    _began: float = 0.0
    _next: float = 0.0

    def step(self, quarantine: str | None, clock: float) -> None:
        """Begin, look at or end a test; to be called about twice a second. ``clock`` is a monotonic time in
        seconds. Raises ``Unavailable`` when the database is away."""
        if self._process is not None:
            self._look(clock)
        elif quarantine is not None and clock >= self._next:
            # One slot for each device: they are equal.
            self._waiting = list({slot.device: slot for slot in self.slots}.values())
            self._test_next(clock)

    def stop(self) -> None:
        """End a test that runs."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def _test_next(self, clock: float) -> None:
        slot = self._waiting.pop()
        self._began = clock
        self._process = SideProcess.started(self.argv, env={**os.environ, **slot.environment()})

    def _look(self, clock: float) -> None:
        assert self._process is not None
        code = self._process.poll()
        if code is None and clock - self._began <= LONGEST_S:
            return
        fault = None if code == 0 else _fault(self._process, code)
        self.stop()
        if fault is None and self._waiting:
            self._test_next(clock)
            return
        self._next = clock + self.options.self_test_s
        log.info("self-test ended", node=self.node, fault=fault)
        self.store.nodes.note_self_test(self.node, fault, now=utc_now())


def _fault(process: SideProcess, code: int | None) -> str:
    if code is None:
        return f"the self-test hangs: no end after {LONGEST_S:g} s"
    return f"the self-test failed: {process.reason()}"


def examine(
    data_dir: Path,
    *,
    check: Callable[[], None] = check_device,
    present: Callable[[Path], Sequence[str]] = present_datasets,
) -> Mapping[str, str]:
    """Train a tiny child here, after reading every data set. Raises what keeps this machine from it."""
    check()
    for name in present(data_dir):
        data.load(name, data_dir)
    from backprop_evo.training import train_child

    result = train_child("g", TINY, seed=0, data_dir=data_dir)
    if result.outcome is not TrialState.COMPLETED:
        raise DeviceUnusable(f"a tiny training ended as {result.outcome}: {result.reason}")
    return result.environment


def main() -> int:
    """The exit code; the last line of standard error is the reason."""
    try:
        examine(settings().resolved_data_dir)
    except BackpropEvoError as error:
        sys.stderr.write(f"{error.message}{f' ({error.hint})' if error.hint else ''}\n")
        return error.exit_code
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
