"""The one task: train the trial of that id, in the pool process."""

from __future__ import annotations

import importlib
import os
import signal
import threading
import time
from contextlib import suppress
from functools import cache

from celery import signals

from backprop_evo import telemetry
from backprop_evo.errors import Unavailable
from backprop_evo.logs import configure_logs
from backprop_evo.settings import settings
from backprop_evo.store.sql import open_store
from workers.app import DRAIN_SIGNAL, app
from workers.attempt import Attempts, Ending
from workers.children import train_on_slot
from workers.drain import Drain

DRAIN = Drain()
WARM_UP = threading.Thread(target=lambda: _warm_up(), daemon=True)
"""The import of torch and what it makes at its first step, which takes seconds."""

LOOK_AGAIN_S = 0.3
"""A trial that may not begin yet goes to the end of the queue; where nothing else waits, it comes back at
once."""


@app.task(name="train")
def train(trial_id: str) -> None:
    """Train one trial. Delivered twice, or too late, it does nothing: the claim in SQL decides."""
    # A trial claimed earlier would only wait here, and be lost where the node stops meanwhile.
    if WARM_UP.ident is not None:
        WARM_UP.join()
    if DRAIN.is_over:
        return
    ending = _attempts().run(trial_id)
    # A trial that waits for its time would otherwise come back at once, thousands of times a second.
    if ending is Ending.NOT_YET:
        time.sleep(LOOK_AGAIN_S)
    # The message was used up: without a new one the trial would wait for the reconciler.
    if ending in (Ending.RELEASED, Ending.NOT_YET) and DRAIN.deadline is None:
        train.delay(trial_id)


@cache
def _attempts() -> Attempts:
    options = settings()
    return Attempts(
        store=open_store(options.resolved_database_url),
        worker=os.environ.get("BACKPROP_EVO_WORKER", f"worker-{os.getpid()}"),
        options=options,
        train=train_on_slot,
        drain=DRAIN,
    )


@signals.worker_process_init.connect
def _begin_pool_process(**_: object) -> None:
    """Torch takes seconds to import: begin before the first trial comes."""
    options = settings()
    configure_logs(options.log_format)
    telemetry.begin("worker")
    signal.signal(DRAIN_SIGNAL, lambda *_: DRAIN.begin(options.drain_s))
    WARM_UP.start()
    # At once and before any claim, or a trial whose message went elsewhere would wait for its lease to end.
    with suppress(Unavailable):
        _attempts().lose_predecessor()


def _warm_up() -> None:
    with suppress(Exception):  # the first trial will meet it again and report it
        importlib.import_module("backprop_evo.training.run.trainer")
        importlib.import_module("backprop_evo.training.run.warm_up").warm_up()
