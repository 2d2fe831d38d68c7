"""A home with everything the pages can show, told through the store's own door by a made clock.

The brain proposes, the controller drives, and a made-up worker ends each training with a plausible curve, so
that lineage, twins, confirmation and tables are those of a real search.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.methods import equation_method
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Lease, TrialRecord
from backprop_evo.records.training import CurvePoint, LearningRateGrid, RateProbe, TrainResult, TrainSpec
from backprop_evo.service import Service, drive_once
from backprop_evo.service.driving import read_again
from backprop_evo.store.sql import SqlStore

SLOTS = 2
CONTROLLER = "controller"
TRAIN = TrainSpec(
    model="wrn-10-1", data="cifar10-mini", epochs=4.0, learning_rate=LearningRateGrid(rates=(0.03, 0.1, 0.3))
)
LONG_REASON = (
    "the worker raised RuntimeError: CUDA out of memory while it allocated 1.53 GiB. GPU 0 has 15.77 GiB "
    "in all, of which 912 MiB are free. Process 71 has 14.86 GiB in use, of which 13.02 GiB are PyTorch's "
    "and 1.41 GiB are reserved and not allocated. The training was given the memory limit of 8192 MiB by "
    "its spec; another process of the machine uses the device."
)


@dataclass
class Clock:
    """Stands still until it is told."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Told:
    """What there is to look at, by what it is."""

    ids: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.ids[name]


class Teller:
    """Plays controller and workers."""

    def __init__(self, store: SqlStore, now: datetime) -> None:
        self.store, self.clock = store, Clock(now - timedelta(minutes=50))
        self.service = Service(store, clock=self.clock)
        self.progress: dict[str, object] = {}
        self.claimed: dict[str, object] = {}

    def drive(self, driven_id: str) -> None:
        """One step of the controller for it."""
        for noun in (self.store.searches, self.store.evaluations):
            while (found := noun.claim(CONTROLLER, lease_s=1e6, now=self.clock())) is not None:
                self.claimed[found.id] = found
        driven = read_again(self.store, self.claimed[driven_id])  # type: ignore[arg-type]
        if not driven.state.is_terminal:
            self.progress[driven_id], _ = drive_once(
                self.store,
                driven,
                CONTROLLER,
                self.progress.get(driven_id),
                now=self.clock(),
                slots=SLOTS,  # type: ignore[arg-type]
            )

    def begin(self, trial: TrialRecord) -> Lease:
        worker = f"node-a/{trial.individual % SLOTS}"
        lease = self.store.trials.claim(trial.id, worker, lease_s=1e6, now=self.clock())
        assert lease is not None
        assert self.store.trials.start(lease, now=self.clock())
        return lease

    def train(self, driven_id: str, until: Callable[[], bool]) -> None:
        """Drive and train until it says so."""
        while not until():
            self.drive(driven_id)
            waiting = [each for each in self.store.trials.open(driven_id) if each.state is TrialState.QUEUED]
            for trial in waiting[:SLOTS]:
                lease = self.begin(trial)
                self.clock.pass_by(9.0)
                assert self.store.trials.finish(lease, result_of(trial), now=self.clock())
            self.clock.pass_by(1.0)

    def to_the_end(self, search_id: str) -> None:
        """With all that it orders."""

        def has_ended() -> bool:
            return self.store.searches.get(search_id).state.is_terminal

        def nothing_open() -> bool:
            return has_ended() or not self.store.trials.open(search_id)

        while not has_ended():
            self.drive(search_id)
            self.train(search_id, nothing_open)
            for stage in self.store.evaluations.of_search(search_id):
                self.drive(search_id)
                self.train(stage.id, lambda stage=stage: self.evaluation_ended(stage.id))

    def evaluation_ended(self, evaluation_id: str) -> bool:
        return self.store.evaluations.get(evaluation_id).state.is_terminal

    def leave_running(self, search_id: str) -> None:
        """Two trainings in the middle."""
        self.drive(search_id)
        waiting = [each for each in self.store.trials.open(search_id) if each.state is TrialState.QUEUED]
        for place, trial in enumerate(waiting[:SLOTS]):
            lease = self.begin(trial)
            epoch = 1.4 + place
            live = {"epoch": epoch, "epochs": 4.0, "train_loss": 1.83, "images_per_s": 612.0, "eta_s": 21.0}
            self.store.trials.renew(lease, lease_s=1e6, now=self.clock(), progress=live)


def quality(trial: TrialRecord) -> float:
    """The accuracy that its equation would have on the mean: plain backprop has 33 %."""
    if trial.method == equation_method("g"):
        return 0.33
    return max(0.1, Random(trial.fingerprint).gauss(0.24, 0.08))


def result_of(trial: TrialRecord) -> TrainResult:
    """As a worker would report it. One in seven diverges, one in eleven runs out of memory."""
    draw = Random(f"{trial.fingerprint} {trial.seed}")
    fate = Random(f"fate of {trial.fingerprint}").random()
    environment = {"device": "cpu", "torch": "2.12.1", "python": "3.11.2", "threads": "1"}
    if trial.method != equation_method("g") and fate < 0.14:
        curve = (CurvePoint(0.5, 2.31, 0.1, 0.1, 2.0), CurvePoint(1.0, math.nan, 0.1, 0.1, 4.0))
        return TrainResult(
            outcome=TrialState.DIVERGED,
            reason="the training loss is not a number at step 31",
            validation_accuracy=0.1,
            curve=curve,
            environment=environment,
            wall_time_s=4.0,
        )
    if trial.method != equation_method("g") and fate < 0.2:
        return TrainResult(outcome=TrialState.FAILED, reason=LONG_REASON, environment=environment)
    accuracy = min(0.95, max(0.1, quality(trial) + draw.gauss(0, 0.012)))
    epochs = [0.25 * step for step in range(1, 17)]
    curve = tuple(
        CurvePoint(
            each,
            2.3 - 3.4 * (accuracy - 0.1) * (each / 4) ** 0.6 + draw.gauss(0, 0.01),
            0.1 + (accuracy - 0.1) * (each / 4) ** 0.5 * (1 if each == 4 else draw.uniform(0.93, 1.0)),
            0.05 * (1 + math.cos(math.pi * each / 4)),
            4 * each,
        )
        for each in epochs
    )
    sites = ("1", "3", "5", "7")
    angles = tuple(
        AlignmentPoint(step, site, 12.0 + 15 * place - step / 40, 0.9 + 0.05 * place, None)
        for step in range(0, 120, 10)
        for place, site in enumerate(sites)
    )
    return TrainResult(
        outcome=TrialState.COMPLETED,
        validation_accuracy=accuracy,
        test_accuracy=accuracy - 0.006 if trial.spec.evaluate_test else None,
        train_loss=curve[-1].train_loss,
        learning_rate=0.1,
        epochs_done=4.0,
        probes=(RateProbe(0.03, accuracy / 2), RateProbe(0.1, accuracy * 0.6), RateProbe(0.3, None)),
        curve=curve,
        alignment=angles if trial.spec.alignment_every else (),
        wall_time_s=16.2,
        images_per_s=640.0,
        peak_memory_mib=512.0,
        seconds={
            "waiting": 0.25,
            "claim": 0.02,
            "data": 0.1,
            "set-up": 0.4,
            "first step": 0.3,
            "steps": 15.1,
        },
        environment=environment,
    )


def spec(name: str, trials: int, **options: object) -> SearchSpec:
    chosen: dict[str, object] = {
        "confirmation": Confirmation(best=2, seeds=5, controls="few"),
        "start": ("g / fro(g)", "min(g / fro(g), clip(h, 1.0))"),
        "start_random": 8,
        "in_flight": 4,
        "train": TRAIN,
    }
    return SearchSpec(name=name, trials=trials, **(chosen | options))  # type: ignore[arg-type]


def tell(store: SqlStore, now: datetime | None = None) -> Told:
    """Everything; takes a second or two."""
    teller, told = Teller(store, now or datetime.now(UTC)), Told()
    _completed(teller, told)
    _running(teller, told)
    _others(teller, told)
    _evaluations(teller, told)
    _nodes(store, teller.clock())
    return told


def _completed(teller: Teller, told: Told) -> None:
    search = teller.service.submit_search(spec("normalised gradients", 30, seed=3))
    teller.to_the_end(search.id)
    told.ids["completed"] = search.id
    trials = teller.store.trials.page(search.id, limit=1000).items
    told.ids["equation"] = teller.store.leaderboard.page(search.id).items[0].fingerprint
    for state in (TrialState.COMPLETED, TrialState.DIVERGED, TrialState.FAILED):
        told.ids[f"{state} trial"] = next(each.id for each in trials if each.state is state)
    told.ids["confirmation"] = teller.store.evaluations.of_search(search.id)[0].id


def _running(teller: Teller, told: Told) -> None:
    aligned = TrainSpec(model="cnn", data="cifar10-mini", epochs=4.0, learning_rate=0.1, alignment_every=10)
    search = teller.service.submit_search(spec("feedback by random matrices", 40, seed=11, train=aligned))
    teller.train(search.id, lambda: teller.store.searches.get(search.id).trials_done >= 12)
    teller.leave_running(search.id)
    told.ids["running"] = search.id
    trials = teller.store.trials.page(search.id, limit=1000).items
    told.ids["running trial"] = next(each.id for each in trials if each.state is TrialState.RUNNING)
    told.ids["aligned trial"] = next(each.id for each in trials if each.result and each.result.alignment)


def _others(teller: Teller, told: Told) -> None:
    long_name = "a long name that somebody gave to a search of everything which fits into one line or two"
    paused = teller.service.submit_search(spec(long_name, 200, seed=5))
    teller.service.apply_verb("pause", paused.id)
    told.ids["paused"] = paused.id
    cancelled = teller.service.submit_search(spec("cancelled at once", 10))
    teller.service.apply_verb("cancel", cancelled.id)
    told.ids["queued"] = teller.service.submit_search(spec("waiting for a controller", 10)).id


def _evaluations(teller: Teller, told: Told) -> None:
    document = {
        "name": "published alternatives",
        "methods": ["g / fro(g)", "b_top_R_L_dh", "indirect-feedback", "sgn(g)"],
        "settings": [
            {"name": "quick", "train": {"model": "mlp-64-64", "data": "cifar10-mini", "epochs": 4.0}}
        ],
        "seeds": 3,
        "controls": "few",
        "test": True,
    }
    ended = teller.service.submit_evaluation_document(document)
    teller.drive(ended.id)
    teller.train(ended.id, lambda: teller.evaluation_ended(ended.id))
    told.ids["evaluation"] = ended.id
    found = teller.store.trials.page(ended.id, limit=1000).items
    told.ids["method"] = next(each.fingerprint for each in found if each.method.equation is None)
    waiting = teller.service.submit_evaluation_document(document | {"name": "waiting"})
    told.ids["waiting evaluation"] = waiting.id


def _nodes(store: SqlStore, now: datetime) -> None:
    # Heard of in the future, so that they live as long as anybody looks.
    heard = datetime.now(UTC) + timedelta(hours=6)
    for name, devices in (("node-a", ("cpu",)), ("gpu-box.lab.example", ("cuda:0", "cuda:1"))):
        node = NodeRecord(
            name=name,
            slots=SLOTS,
            devices=devices,
            code_version="0.1.0",
            started_at=now - timedelta(hours=3),
            seen_at=heard,
            datasets=("cifar10-mini", "fashion-mnist"),
            free_memory_mib=11_264,
        )
        store.nodes.record_heartbeat(node)
    for _ in range(3):
        store.nodes.count_fault(
            "gpu-box.lab.example", "cuda:0 does not answer: unknown error", quarantine_after=3
        )
