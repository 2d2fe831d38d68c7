"""A search in one process, by the service's own parts: rows of a SQLite database, driven by the brain, and
trained by a worker's attempts, one training after the other, so that a run is repeated to the last digit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from backprop_evo.logs import configure_logs
from backprop_evo.records.training import TrainResult
from backprop_evo.service import drive_once, utc_now
from backprop_evo.settings import Settings
from backprop_evo.store import migrations
from backprop_evo.store.base import Store
from backprop_evo.store.sql import open_store
from workers.attempt import Attempts, Drain

CONTROLLER, WORKER = "study", "study/0"
FOREVER_S = 1e8
"""Of a claim: nobody else drives these searches."""


@contextmanager
def store_in(database: Path) -> Iterator[Store]:
    """The SQLite file, made or brought up to date; one thread and no chatter for all that follows."""
    import torch

    # Imported before anybody counts seconds.
    import backprop_evo.training  # noqa: F401

    torch.set_num_threads(1)
    configure_logs(level=30)  # warnings
    structlog.contextvars.clear_contextvars()
    url = f"sqlite:///{database}"
    migrations.upgrade(url)
    store = open_store(url)
    try:
        yield store
    finally:
        store.close()


def attempts_in(store: Store, home: Path, data_dir: Path | None) -> Attempts:
    """A worker of this process."""
    # A study that was interrupted is no worker that vanishes again and again.
    options = Settings(home=home, data_dir=data_dir, max_attempts=1000, retry_delay_s=0)

    def train(trial, spec, on_progress, should_stop, rungs) -> TrainResult:  # type: ignore[no-untyped-def]
        from backprop_evo.training import train_child

        return train_child(
            trial.method,
            spec,
            seed=trial.seed,
            device="cpu",
            data_dir=options.resolved_data_dir,
            on_progress=on_progress,
            should_stop=should_stop,
            rungs=rungs,
        )

    return Attempts(store=store, worker=WORKER, options=options, train=train, drain=Drain())


def drive(store: Store, search_id: str, attempts: Attempts) -> None:
    """A search to its end, the stages that it orders included."""
    progress: dict[str, Any] = {}
    while not (search := store.searches.get(search_id)).state.is_terminal:
        for noun in (store.searches, store.evaluations):
            while noun.claim(CONTROLLER, lease_s=FOREVER_S, now=utc_now()) is not None:
                pass
        for driven in (search, *store.evaluations.of_search(search_id)):
            if driven.state.is_terminal:
                continue
            known, _ = drive_once(store, driven, CONTROLLER, progress.get(driven.id), now=utc_now())
            progress[driven.id] = known
            for trial in store.trials.open(driven.id):
                attempts.run(trial.id)
