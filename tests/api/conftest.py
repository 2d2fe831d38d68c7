"""A store with one search in the middle of its life, written through its own door; clients over it."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.event_feed import EventFeed
from api.parts import KeptParts
from api.routes.events import told
from backprop_evo.evaluation.planning import trainings
from backprop_evo.evaluation.stages import STAGE_OF, Candidates, stage_spec
from backprop_evo.logs import configure_logs
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.methods import equation_method
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import IndividualRecord, Origin, Role, TrialRecord
from backprop_evo.records.training import (
    CurvePoint,
    RateProbe,
    TrainResult,
    TrainSpec,
)
from backprop_evo.service import Service
from backprop_evo.service.comparing import Comparisons
from backprop_evo.service.tallies import Tallies
from backprop_evo.settings import Settings
from backprop_evo.store import migrations
from backprop_evo.store.engine import Database
from backprop_evo.store.sql import SqlStore

EQUATIONS = (
    ("g", 0.331),
    ("g / fro(g)", 0.367),
    ("clip(g, 1.0) * dh", 0.312),
    ("bn(g) + 0.5 * h", None),
    ("min(g / fro(g), clip(h, 1.0))", 0.352),
    ("sgn(g) * abs(h_pre)", 0.244),
    ("g - mean(g)", 0.338),
)
CONTROLLER, WORKER = "controller-1", "node-a/0"
HOSTILE = "<script>alert(1)</script>"


class Seed:
    """Plays the parts of controller and workers."""

    def __init__(self, store: SqlStore, *, name: str = "normalised gradients", trials: int = 24) -> None:
        self.store = store
        self.now = datetime.now(UTC) - timedelta(minutes=9)
        self.spec = SearchSpec(name=name, trials=trials, train=TrainSpec(epochs=4.0, learning_rate=0.1))
        self.search = store.searches.add(self.spec, now=self.now)
        claimed = store.searches.claim(CONTROLLER, lease_s=3600, now=self.now)
        assert claimed is not None
        self.search_id = self.search.id
        self.confirmation_id = ""

    def tick(self, seconds: float = 7.0) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def individual(self, number: int, equation: str, origin: Origin, parent: int | None) -> IndividualRecord:
        return IndividualRecord(
            search_id=self.search_id,
            number=number,
            origin=origin,
            method=equation_method(equation),
            canonical=equation,
            fingerprint=fingerprint(equation),
            parent=parent,
            twin=None,
            mutation="replaced op2" if parent is not None else None,
            finishes_known=0,
            created_at=self.now,
        )

    def trial(
        self, number: int, equation: str, purpose: Purpose = Purpose.SEARCH, seed: int = 0
    ) -> TrialRecord:
        return TrialRecord(
            id=f"{self.search_id}-{number}-{purpose}-{seed}",
            search_id=self.search_id,
            individual=number,
            method=equation_method(equation),
            fingerprint=fingerprint(equation),
            purpose=purpose,
            spec=self.spec.train,
            seed=seed,
            state=TrialState.QUEUED,
            fence=0,
            created_at=self.now,
            queued_at=self.now,
        )

    def propose(self, individuals: list[IndividualRecord], trials: list[TrialRecord]) -> None:
        self.store.individuals.record(self.search_id, CONTROLLER, individuals, trials, now=self.now)

    def run(self, trial: TrialRecord, accuracy: float | None, test: float | None = None) -> None:
        lease = self.store.trials.claim(trial.id, WORKER, lease_s=600, now=self.tick(1))
        assert lease is not None
        assert self.store.trials.start(lease, now=self.tick(1))
        assert self.store.trials.finish(lease, result_of(accuracy, test), now=self.tick())

    def begin(self, trial: TrialRecord) -> None:
        lease = self.store.trials.claim(trial.id, WORKER, lease_s=600, now=self.tick(1))
        assert lease is not None
        assert self.store.trials.start(lease, now=self.tick(1))
        live = {"epoch": 1.4, "epochs": 4.0, "train_loss": 1.83, "images_per_s": 612.0, "eta_s": 21.0}
        assert self.store.trials.renew(lease, lease_s=600, now=self.tick(1), progress=live)

    def tell(self) -> None:
        """A whole search so far: a baseline, some equations, one that diverged, one that runs."""
        everything = []
        for number, (equation, accuracy) in enumerate(EQUATIONS):
            origin = (Origin.BASELINE, Origin.START, Origin.RANDOM)[min(number, 2)]
            origin = Origin.MUTATION if number > 3 else origin
            self.propose(
                [self.individual(number, equation, origin, 1 if number > 3 else None)],
                [trial := self.trial(number, equation, Purpose.BASELINE if number == 0 else Purpose.SEARCH)],
            )
            everything.append((trial, accuracy))
        for trial, accuracy in everything:
            self.run(trial, accuracy)

    def confirm(self) -> None:
        """Order an evaluation of one equation against plain backprop; the equation's trainings have ended."""
        spec = replace(self.spec, confirmation=Confirmation(controls="none", seeds=3))
        store, now = self.store, self.tick()
        candidates = Candidates(equations=(equation_method(EQUATIONS[1][0]),))
        wanted = stage_spec(STAGE_OF[Role.CONFIRMATION], spec, candidates)
        ordered = store.evaluations.order(self.search_id, CONTROLLER, Role.CONFIRMATION, wanted, now=now)
        assert store.evaluations.claim(CONTROLLER, lease_s=3600, now=now) is not None
        self.confirmation_id = ordered.id
        self.confirm_row(1, record_rows=True)

    def confirm_row(self, row: int, *, record_rows: bool = False) -> None:
        """The trainings of one row of the evaluation that was ordered; row 0 is plain backprop."""
        ordered = self.store.evaluations.get(self.confirmation_id)
        individuals = [
            replace(self.individual(place, each.equation or "", Origin.EVALUATED, None), search_id=ordered.id)
            for place, each in enumerate(ordered.spec.rows)
        ]
        trials = [
            replace(
                self.trial(row, individuals[row].method.equation or "", Purpose.EVALUATION, training.seed),
                id=training.trial_id(ordered.id),
                search_id=ordered.id,
                spec=training.train,
            )
            for training in trainings(ordered.spec, 3)
            if training.row == row
        ]
        self.store.individuals.record(
            ordered.id, CONTROLLER, individuals if record_rows else [], trials, now=self.tick()
        )
        for place, trial in enumerate(trials):
            self.run(trial, 0.35 + 0.01 * place, 0.34 + 0.01 * place)

    def leave_running(self) -> None:
        number = len(EQUATIONS)
        equation = "g * clip(h, 1.0)"
        queued = "g + 0.1 * h"
        running = self.trial(number, equation)
        self.propose(
            [
                self.individual(number, equation, Origin.MUTATION, 1),
                self.individual(number + 1, queued, Origin.MUTATION, 4),
            ],
            [running, self.trial(number + 1, queued)],
        )
        self.begin(running)
        self.heartbeat("node-a", slots=2)

    def heartbeat(self, name: str, *, slots: int = 1) -> None:
        """A node that lives."""
        self.store.nodes.record_heartbeat(
            NodeRecord(
                name=name,
                slots=slots,
                devices=("cpu",),
                code_version="0.1.0",
                started_at=self.now,
                seen_at=datetime.now(UTC),
            )
        )

    def end(self, state: SearchState = SearchState.COMPLETED) -> None:
        self.store.searches.move(self.search_id, state, now=self.tick())


def fingerprint(equation: str) -> str:
    """Stands in for the language's, which is dear; the store takes any text."""
    return hashlib.sha256(equation.encode()).hexdigest()[:16]


def result_of(accuracy: float | None, test: float | None = None) -> TrainResult:
    environment = {"device": "cpu", "torch": "2.12.1", "python": "3.11"}
    if accuracy is None:
        curve = (CurvePoint(0.5, 2.31, 0.1, 0.1, 2.0), CurvePoint(1.0, math.nan, None, 0.1, 4.0))
        return TrainResult(
            outcome=TrialState.DIVERGED, reason="the loss is NaN", curve=curve, environment=environment
        )
    epochs = [0.5 * step for step in range(1, 9)]
    curve = tuple(
        CurvePoint(epoch, 2.3 - 0.2 * epoch, 0.1 + (accuracy - 0.1) * (epoch / 4) ** 0.5, 0.1, 4 * epoch)
        for epoch in epochs
    )
    return TrainResult(
        outcome=TrialState.COMPLETED,
        validation_accuracy=accuracy,
        test_accuracy=test,
        train_loss=1.5,
        learning_rate=0.1,
        epochs_done=4.0,
        probes=(RateProbe(0.1, 0.2), RateProbe(1.0, None)),
        curve=curve,
        wall_time_s=16.2,
        images_per_s=640.0,
        seconds={"waiting": 0.25, "steps": 15.5},
        peak_memory_mib=512.0,
        environment=environment,
    )


@pytest.fixture(scope="session", autouse=True)
def logs() -> None:
    """As in the process; the library's own default draws every local of a traceback, which takes seconds."""
    configure_logs()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database, copied for every test."""
    path = tmp_path_factory.mktemp("database") / "empty.sqlite"
    migrations.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def url(template: Path, tmp_path: Path) -> str:
    copy = tmp_path / "store.sqlite"
    copy.write_bytes(template.read_bytes())
    return f"sqlite:///{copy}"


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    opened = SqlStore(Database(url))
    yield opened
    opened.close()


@pytest.fixture
def settings(url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, database_url=url, poll_s=0.05)


@pytest.fixture(scope="session")
def app(template: Path) -> FastAPI:
    """Built once, because that is dear; every test puts its own store behind it."""
    return create_app(Settings(home=template.parent, database_url=f"sqlite:///{template}"))


@pytest.fixture
def client(app: FastAPI, store: SqlStore, settings: Settings) -> Iterator[TestClient]:
    app.state.store, app.state.service, app.state.settings = store, Service(store), settings
    app.state.tallies, app.state.comparisons = Tallies(store), Comparisons(store)
    app.state.kept_parts = KeptParts()
    app.state.feed = EventFeed(store.events, app.state.settings.poll_s, told)
    with TestClient(app, base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.fixture
def seed(store: SqlStore) -> Seed:
    """A search that is running: seven trials have ended, three confirm, one trains, one waits."""
    told = Seed(store)
    told.tell()
    told.confirm()
    told.leave_running()
    return told


@pytest.fixture(scope="session", name="result_of")
def result_of_fixture():
    """``result_of`` above, for tests that end trials themselves."""
    return result_of
