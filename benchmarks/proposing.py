"""Whether proposing keeps up with many workers: python benchmarks/proposing.py [--known 10000] [--url …]

Drives one search with the real language and the real store as a controller does: reads what finished, asks
the brain, stores what it decided. Workers are played: between two steps all that is out ends at once, and
that is not timed. Twins and what is screened out are proposals too, and part of the time; *trainings* are
what is left for workers. Wall time is that of this machine as it is now, CPU time what the controller needs
of a core; on PostgreSQL the server's own comes on top.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.records.training import TrainResult
from backprop_evo.service.driving import Progress, drive_once
from backprop_evo.store import migrations
from backprop_evo.store.endings import end_trial, lock_with_search
from backprop_evo.store.sql import SqlStore, open_store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "bench"


@dataclass
class Stretch:
    """What a part of the search took: proposals and trainings decided, seconds."""

    proposals: int = 0
    trainings: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def row(self, known: int) -> str:
        per_s = (
            f"{count / taken:,.0f}"
            for count in (self.proposals, self.trainings)
            for taken in (self.wall_s, self.cpu_s)
        )
        return f"| {known:,} | " + " | ".join(per_s) + f" | {self.trainings / max(1, self.proposals):.2f} |"


@dataclass
class Driver:
    """One search, its brain, and the workers that are played."""

    store: SqlStore
    search: SearchRecord
    generator: Random
    progress: Progress | None = None
    proposals: int = 0
    out: list[str] = field(default_factory=list)
    profile: cProfile.Profile | None = None

    def step(self, stretch: Stretch) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        if self.profile is not None:
            self.profile.enable()
        self.progress, decisions = drive_once(self.store, self.search, NAME, self.progress, now=NOW)
        if self.profile is not None:
            self.profile.disable()
        stretch.wall_s += time.perf_counter() - wall
        stretch.cpu_s += time.process_time() - cpu
        stretch.proposals += len(decisions.individuals)
        stretch.trainings += len(decisions.trials)
        self.proposals += len(decisions.individuals)
        self.out += [trial.id for trial in decisions.trials]
        if not decisions.more:
            self._end_all()

    def _end_all(self) -> None:
        with self.store.database.write() as connection:
            for trial_id in self.out:
                row = lock_with_search(connection, trial_id)
                assert row is not None
                accuracy = self.generator.random()
                result = TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=accuracy)
                end_trial(connection, row, result, NOW)
        self.out.clear()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--known", type=int, default=10_000, help="individuals at the last row")
    parser.add_argument("--measured", type=int, default=1_000, help="proposals of each row")
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--url", help="of a database to write to; by default a new SQLite")
    parser.add_argument("--profile", action="store_true", help="say where the last row's time goes")
    options = parser.parse_args()
    spec = SearchSpec(name="proposing", trials=10_000_000, in_flight=options.in_flight)
    with tempfile.TemporaryDirectory() as folder:
        url = options.url or f"sqlite:///{Path(folder) / 'bench.sqlite'}"
        migrations.upgrade(url)
        store = open_store(url)
        store.searches.add(spec, now=NOW)
        search = store.searches.claim(NAME, lease_s=1e6, now=NOW)
        assert search is not None
        driver = Driver(store, search, Random(0))
        print(f"{store.database.url.get_backend_name()}, load {os.getloadavg()[0]:.1f}")
        print("| individuals known | proposals/s, wall | by CPU | trainings/s, wall | by CPU | trained |")
        print("|---|---|---|---|---|---|")
        profile = cProfile.Profile()
        for known in (0, options.known // 10, options.known):
            while driver.proposals < known:
                driver.step(Stretch())
            stretch, first = Stretch(), driver.proposals
            if options.profile and known == options.known:
                driver.profile = profile
            while driver.proposals < first + options.measured:
                driver.step(stretch)
            print(stretch.row(known), flush=True)
        store.close()
    if options.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)


if __name__ == "__main__":
    main()
