"""Ties a process to its parent: when the parent dies, by whatever signal, the kernel ends the child.

``python -m backprop_evo.parent_death PARENT PROGRAM [ARGUMENT…]`` does so and then becomes PROGRAM, with the
same process id. PARENT is the parent's process id: asked of the system, it would be another one's where the
parent died while the interpreter started. On systems other than Linux only that is noticed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def dying_with_parent(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The command line that runs ``argv`` tied to this process, which has to be the one that starts it."""
    return (sys.executable, "-m", "backprop_evo.parent_death", str(os.getpid()), *argv)


def die_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Ask the kernel to send ``signal_number`` to this process when the thread that started it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)


def main() -> None:
    """Becomes the program in the arguments, with the parent's death as its own."""
    parent, *argv = sys.argv[1:]
    die_with_parent()
    if os.getppid() != int(parent):  # it died before the kernel was asked
        sys.exit(1)
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main()
