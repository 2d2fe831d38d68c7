"""A real node, but for the programs of its slots: those of ``asleep_slot.py``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import workers.node
from backprop_evo.supervision import ProcessSpec

SLOT = Path(__file__).with_name("asleep_slot.py")
real_slot_process = workers.node.slot_process


def asleep(*arguments: Any, **options: Any) -> ProcessSpec:
    return replace(real_slot_process(*arguments, **options), argv=(sys.executable, str(SLOT)))


workers.node.slot_process = asleep

if __name__ == "__main__":
    sys.exit(workers.node.main())
