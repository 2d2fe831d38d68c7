"""The slots of a node as processes: as many as are wanted now, each ended in good order when it is one too
many or is to become another.

A slot that leaves finishes what it trains first, however long that takes; its number is free again when its
process has ended, because a worker's name holds the number, and leases are known by that name.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from backprop_evo.errors import Unavailable
from backprop_evo.settings import Settings
from backprop_evo.supervision import ProcessSpec, Supervised, Supervisor
from workers.app import LEAVE_SIGNAL
from workers.devices import Slot

log = structlog.get_logger(__name__)

LONGER_THAN_ANY_TRIAL_S = 60.0
"""A slot that still leaves so long after every limit of a training hangs."""


@dataclass(slots=True)
class Leaving:
    """A slot on its way out: when it is killed, and whether it was told to give its trial back."""

    slot: Slot
    member: Supervised
    until: float
    gives_back: bool = False


@dataclass(slots=True)
class SlotPool:
    """``process_of`` is the process of a slot. To be used from one thread."""

    process_of: Callable[[Slot], ProcessSpec]
    options: Settings
    clock: Callable[[], float] = time.monotonic
    _staying: dict[int, tuple[Slot, Supervised]] = field(default_factory=dict)
    _leaving: dict[int, Leaving] = field(default_factory=dict)
    _supervisor: Supervisor = field(default_factory=Supervisor)

    def step(self, plan: Sequence[Slot], *, gives_back: bool) -> None:
        """Come closer to ``plan``, and start again what crashed; to be called about twice a second.
        ``gives_back``: slots that are too many give their trials back, now."""
        wanted = {slot.number: slot for slot in plan}
        for number, (slot, member) in list(self._staying.items()):
            if wanted.get(number) != slot:
                self._let_go(slot, member)
        self._look_at_leaving(wanted if gives_back else None)
        for number, slot in wanted.items():
            if number not in self._staying and number not in self._leaving:
                self._start(slot)
        self._supervisor.restart_crashed()

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of all slots with a process, those too that leave."""
        return tuple(sorted({*self._staying, *self._leaving}))

    def stop(self) -> None:
        """All at once, each within its grace."""
        self._supervisor.members += [each.member for each in self._leaving.values()]
        self._supervisor.stop_together()
        self._staying.clear()
        self._leaving.clear()

    def _start(self, slot: Slot) -> None:
        member = Supervised(self.process_of(slot), self.clock)
        self._staying[slot.number] = slot, member
        # Before it is started: what cannot be started now is tried again as what crashed is.
        self._supervisor.members.append(member)
        try:
            member.start()
        except Unavailable as error:
            log.error("slot not started", slot=slot.number, reason=error.message)

    def _let_go(self, slot: Slot, member: Supervised) -> None:
        del self._staying[slot.number]
        self._supervisor.members.remove(member)
        limit_s = self.options.trial_time_limit_s + 2 * self.options.trial_time_grace_s
        until = self.clock() + limit_s + LONGER_THAN_ANY_TRIAL_S
        self._leaving[slot.number] = Leaving(slot, member, until)
        log.info("slot leaves", slot=slot.number)
        member.send(LEAVE_SIGNAL)

    def _look_at_leaving(self, giving_back_but: dict[int, Slot] | None) -> None:
        for number, each in list(self._leaving.items()):
            if not each.member.is_running:
                log.info("slot has left", slot=number, exit_code=each.member.exit_code)
                del self._leaving[number]
            elif self.clock() > each.until:
                log.error("slot does not leave: killing it", slot=number)
                each.member.kill()
            # One that only becomes another, with more threads for instance, is in no hurry.
            elif giving_back_but is not None and number not in giving_back_but and not each.gives_back:
                each.gives_back = True
                each.until = self.clock() + each.member.spec.grace_s
                each.member.send(signal.SIGTERM)
