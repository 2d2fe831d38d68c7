"""What this process and device can do, and what was chosen because of it.

Everything chosen is logged and becomes part of a result's environment, so that no figure is without its
circumstances.
"""

from __future__ import annotations

import ctypes
import logging
import platform
import sys
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import torch

from backprop_evo.errors import InvalidSettings

log = logging.getLogger(__name__)

# Numbers of mallopt(3), which Python has no names for.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4


@dataclass(frozen=True, slots=True)
class Capability:
    """The circumstances of one training."""

    device: str
    threads: int
    channels_last: bool
    precision: str
    freed_memory_kept: bool
    cuda_graph: bool

    def as_text(self) -> dict[str, str]:
        """For a result's environment."""
        return {name: str(value) for name, value in asdict(self).items()}


@cache
def keep_freed_memory() -> bool:
    """Tells glibc to keep freed blocks, whatever their size; True where that was possible.

    A training step frees and asks again for the same tens of large activations. By default glibc returns
    each to the kernel and pays thousands of page faults to get it back; kept, a step is 1.1-1.3 times as
    fast (two cores). Only this process is changed.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    # Large blocks too come from the heap, and the heap is not given back until 2 GiB are free.
    kept = mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    return bool(kept)


def choose(device: str | None, *, precision: str, images: bool) -> Capability:
    """Picks device and memory layout by what is there. ``images`` says that the model has convolutions.

    Raises InvalidSettings for a device that is not there.
    """
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        kind = torch.device(chosen).type
    except RuntimeError as error:
        raise InvalidSettings(f"there is no kind of device called {chosen!r}", field="device") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise InvalidSettings(
            f"device {chosen!r} was asked for, but no CUDA device is visible",
            field="device",
            hint="use device 'cpu'",
        )
    # Said, not refused: the results are right, only later.
    if precision == "bf16" and kind == "cpu" and not cpu_has_bf16():
        log.warning("this CPU has no bf16 instructions: bf16 is emulated, right but slower than float32")
    capability = Capability(
        device=chosen,
        threads=torch.get_num_threads(),
        channels_last=images,
        precision=precision,
        freed_memory_kept=keep_freed_memory() if kind == "cpu" else False,
        # A step of these small networks is many tiny kernels; launched one by one, the launches cost most.
        cuda_graph=kind == "cuda",
    )
    log.info("training with %s", capability)
    return capability


@cache
def cpu_has_bf16() -> bool:
    """Whether the CPU multiplies bf16 in hardware (AVX-512 bf16, AMX or Arm bf16)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return any(flag in flags for flag in ("avx512_bf16", "amx_bf16", " bf16"))


def environment(device: str) -> dict[str, str]:
    """Versions and hardware, for a result."""
    found = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "code": _code_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
    }
    if torch.device(device).type == "cuda":
        found["gpu"] = torch.cuda.get_device_name(device)
        found["cuda"] = str(torch.version.cuda)
    return found


def _code_version() -> str:
    try:
        return metadata.version("backprop-evo")
    except metadata.PackageNotFoundError:
        return "not installed"


@cache
def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def resident_memory_mib(device: str) -> float | None:
    """Memory in use now: of this process on a CPU, allocated by torch (peak) on a GPU. None where unknown."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError):
        return None
    return pages * 4096 / 2**20
