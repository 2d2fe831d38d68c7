"""One slot of a node: a Celery worker process with one pool process of its own, which trains one child at a
time.

The pool process is spawned, not forked, so that CUDA may be used in it; time limits and termination work in
this pool and in no other (threads and solo ignore both). ``python -m workers.slot`` expects the environment
that the node sets.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from contextlib import suppress
from types import FrameType
from typing import Any

os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")  # read when celery and billiard are imported

from celery import signals
from celery.platforms import EX_OK, SecurityWarning
from celery.worker import state

from backprop_evo.logs import configure_logs
from backprop_evo.settings import settings
from workers.app import DRAIN_SIGNAL, LEAVE_SIGNAL, app


def leave_at_once(_number: int, _frame: FrameType | None) -> None:
    """Before there is a worker there is nothing to finish."""
    sys.exit(EX_OK)


@signals.worker_ready.connect
def _leave_when_trained(**_: object) -> None:
    """Celery's warm shutdown, of which it has no signal left: its SIGTERM is the one with a limit."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        state.should_stop = EX_OK

    signal.signal(LEAVE_SIGNAL, leave)


@signals.worker_ready.connect
def _tell_pool_first(sender: Any, **_: object) -> None:
    """On SIGTERM the pool process hears of it at once: it ends or gives back its trial while Celery waits.

    Celery's own signal for this comes after that wait, when the pool is gone.
    """
    celery_handler: Any = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: FrameType | None) -> None:
        for pid in sender.pool.info["processes"]:
            with suppress(ProcessLookupError):
                os.kill(pid, DRAIN_SIGNAL)
        celery_handler(number, frame)

    signal.signal(signal.SIGTERM, drain)


def main() -> None:
    """Hands the process to Celery, which returns when it was told to stop."""
    signal.signal(LEAVE_SIGNAL, leave_at_once)
    # Containers run as root; messages are JSON ids, never pickles, which is what Celery's warning is about.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    configure_logs(settings().log_format)
    name = os.environ.get("BACKPROP_EVO_WORKER", f"worker-{os.getpid()}").replace("/", "-")
    app.worker_main(
        [
            "--quiet",
            "worker",
            "--pool=prefork",
            "--concurrency=1",
            f"--hostname={name}@%h",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
            "--loglevel=WARNING",
        ]
    )


if __name__ == "__main__":
    main()
