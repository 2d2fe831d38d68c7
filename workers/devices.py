"""What this machine offers for training, found without torch: GPUs, cores, memory; and what was chosen
because of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from backprop_evo import data

MEMORY_PER_SLOT = 1280 * 2**20
"""Bytes; a child process with torch that trains WRN-16-2 at batch 128 was seen at about 1.1 GiB."""

KEEP_FREED_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
    "MALLOC_TOP_PAD_": str(2**26),
}
"""glibc: freed activations are asked for again in the next step; 1.13-1.33 times as fast on two cores."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One worker process: its number, its GPU (None: CPU) and its number of threads."""

    number: int
    gpu: str | None
    threads: int

    @property
    def device(self) -> str:
        """As torch names it, outside the slot; within, its GPU is the only one it sees."""
        return "cpu" if self.gpu is None else f"cuda:{self.gpu}"

    def environment(self) -> dict[str, str]:
        """Variables that must be set before torch is imported."""
        threads = {
            name: str(self.threads)
            for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
        }
        return {
            **threads,
            **KEEP_FREED_MEMORY,
            # Empty, not absent: a CPU slot must not find the GPUs of its neighbours.
            "CUDA_VISIBLE_DEVICES": self.gpu if self.gpu is not None else "",
            # As nvidia-smi numbers them; CUDA's own order is by speed.
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            # cuBLAS reads this when it starts, long before a spec asks for determinism.
            "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
            "BACKPROP_EVO_SLOT": str(self.number),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What a machine has for slots, memory in bytes, and how they are placed on its GPUs. ``most_threads`` is
    what whoever runs it allows each (None: all)."""

    gpus: tuple[str, ...]
    cores: int
    memory: int
    slots_per_gpu: int = 1
    placement: Literal["spread", "pack"] = "spread"
    most_threads: int | None = None

    def plan(self, wanted: int | None) -> tuple[Slot, ...]:
        """``wanted`` slots, or (None) ``slots_per_gpu`` for each GPU, or without a GPU one per core as far as
        the memory goes.

        Threads are cores over slots: two processes of two threads on two cores reached 0.15-0.6 of one
        process, small perceptrons a tenth, as threads that wait for each other spin. More slots than the GPUs
        are for share them all the same.
        """
        if wanted is None:
            # At least one slot: better a slow training than a node that does nothing.
            by_memory = max(1, self.memory // MEMORY_PER_SLOT)
            wanted = len(self.gpus) * self.slots_per_gpu or max(1, min(self.cores, by_memory))
        threads = max(1, min(self.cores // max(1, wanted), self.most_threads or self.cores))
        return tuple(Slot(number, self._gpu(number), threads) for number in range(wanted))

    def _gpu(self, number: int) -> str | None:
        """Of the slot of that number, however many there are: none moves when others come and go."""
        if not self.gpus:
            return None
        place = number if self.placement == "spread" else number // self.slots_per_gpu
        return self.gpus[place % len(self.gpus)]


def allowed_threads(environment: Mapping[str, str] = os.environ) -> int | None:
    """What ``OMP_NUM_THREADS`` says for the outermost level; None where it says nothing, or no number."""
    first = environment.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and int(first) > 0 else None


def visible_gpus(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Ids of the NVIDIA GPUs this process may use, in PCI order, as the driver's own tool lists them."""
    allowed = environment.get("CUDA_VISIBLE_DEVICES")
    # Ids may be UUIDs; they are passed on as they are.
    if allowed is not None:
        return tuple(name for name in allowed.split(",") if name.strip() not in ("", "-1"))
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    try:
        listed = subprocess.run(
            (tool, "--query-gpu=index", "--format=csv,noheader"),
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in listed.stdout.splitlines() if line.strip().isdigit())


def present_datasets(data_dir: Path) -> tuple[str, ...]:
    """Names of the data sets whose file is here; whether it is whole is seen when it is read."""
    return tuple(name for name in data.names() if data.path_of(name, data_dir).exists())


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Cores this process may use: its affinity, and the quota of its container where there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (cgroup / "cpu.max").read_text(encoding="ascii").split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):
        return cores


def free_memory(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that can be given to new processes without swapping, within the container's limit."""
    available = psutil.virtual_memory().available
    try:
        limit = int((cgroup / "memory.max").read_text(encoding="ascii"))
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
        return max(0, min(available, limit - used))
    except (OSError, ValueError):
        return available
