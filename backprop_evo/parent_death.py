"""Ties a process to its parent: when the parent dies, by whatever signal, the kernel ends the child.

``python -m backprop_evo.parent_death PROGRAM [ARGUMENT…]`` does so and then becomes PROGRAM, with the same
process id. On systems other than Linux it only becomes PROGRAM.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def dying_with_parent(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command line that runs ``argv`` tied to the process that starts it."""
    return (sys.executable, "-m", "backprop_evo.parent_death", *argv)


def die_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Ask the kernel to send ``signal_number`` to this process when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def main() -> None:
    """Becomes the program in the arguments, with the parent's death as its own."""
    parent = os.getppid()
    die_with_parent()
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit(1)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
