"""A real node, but for the programs of its slots: those of ``asleep_slot``."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import workers.node
from backprop_evo.supervision import ProcessSpec

real_slot_process = workers.node.slot_process


def asleep(*arguments: Any, **options: Any) -> ProcessSpec:
    return replace(
        real_slot_process(*arguments, **options), argv=(sys.executable, "-m", "tests.chaos.asleep_slot")
    )


workers.node.slot_process = asleep

if __name__ == "__main__":
    sys.exit(workers.node.main())
