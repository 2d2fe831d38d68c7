"""Facts of searches that nobody had to carry out, for reports."""

from datetime import UTC, datetime, timedelta

from backprop_evo.evaluation.search_report.facts import EvaluationFacts, ReplayCheck, SearchFacts
from backprop_evo.evaluation.table import table_of
from backprop_evo.records.comparing import EndRecord
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.judging import GOES_ON, IntermediateRecord, Judged
from backprop_evo.records.methods import equation_method
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import (
    EvaluationRecord,
    FinishRecord,
    IndividualRecord,
    Origin,
    Role,
    SearchRecord,
    TrialRecord,
)
from backprop_evo.records.training import CurvePoint, IntermediateValue, TrainResult, TrainSpec

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TRAIN = TrainSpec(model="mlp-8", data="cifar10-mini", epochs=2, batch_size=100)
"""40 steps an epoch."""

FOUND, OTHER = "g / fro(g)", "clip(g, 1.0) * dh"


def individual(number, text, origin, **more):
    return IndividualRecord(
        search_id="s",
        number=number,
        origin=origin,
        method=equation_method(text),
        canonical=text,
        fingerprint=more.pop("fingerprint", text),
        parent=more.pop("parent", None),
        twin=more.pop("twin", None),
        mutation=more.pop("mutation", None),
        finishes_known=0,
        created_at=NOW,
        **more,
    )


INDIVIDUALS = (
    individual(0, "g", Origin.BASELINE),
    individual(1, OTHER, Origin.START),
    individual(2, "g * dh", Origin.RANDOM),
    individual(3, FOUND, Origin.MUTATION, parent=1, mutation="function: clip 1 to identity"),
    individual(4, "1 * g / fro(g)", Origin.MUTATION, parent=3, twin=3, fingerprint=FOUND),
    individual(5, "h", Origin.RANDOM, screened_out="no operand carries the error"),
    individual(6, "h_pre * g", Origin.RANDOM),
    individual(7, "g + h", Origin.MUTATION, parent=3, mutation="binary: divide to add"),
    individual(8, FOUND, Origin.REMEASUREMENT, remeasures=3),
)
ENDS = (
    (0, Purpose.BASELINE, TrialState.COMPLETED, 0.30),
    (1, Purpose.SEARCH, TrialState.COMPLETED, 0.31),
    (2, Purpose.SEARCH, TrialState.PRUNED, None),
    (3, Purpose.SEARCH, TrialState.COMPLETED, 0.36),
    (6, Purpose.SEARCH, TrialState.SCREENED, None),
    (7, Purpose.SEARCH, TrialState.DIVERGED, None),
    (8, Purpose.REMEASUREMENT, TrialState.COMPLETED, 0.34),
)


def finishes():
    return tuple(
        FinishRecord(
            trial_id=f"t{number}",
            individual=number,
            purpose=purpose,
            state=state,
            finish_order=order,
            validation_accuracy=accuracy,
        )
        for order, (number, purpose, state, accuracy) in enumerate(ENDS, 1)
    )


def ends():
    return tuple(
        EndRecord(
            individual=number,
            purpose=purpose,
            state=state,
            validation_accuracy=accuracy,
            wall_time_s=10.0 * order,
        )
        for order, (number, purpose, state, accuracy) in enumerate(ENDS, 1)
    )


def value_at_rung(number, order, pruned=None):
    value = IntermediateValue(step=8, rung=0, validation_accuracy=None, train_loss=2.0)
    judged = GOES_ON if pruned is None else Judged(pruned=pruned)
    return IntermediateRecord(
        trial_id=f"t{number}",
        individual=number,
        purpose=Purpose.SEARCH,
        report_order=order,
        value=value,
        judged=judged,
        at=NOW,
    )


def search_record(state=SearchState.COMPLETED, **spec):
    given = {
        "name": "found <b>it</b>",
        "trials": 5,
        "start": (OTHER,),
        "pruner": PrunerSpec(name="asha", rungs=(8,)),
        "train": TRAIN,
    }
    ended = NOW + timedelta(hours=1) if state.is_terminal else None
    return SearchRecord(
        id="s",
        spec=SearchSpec(**given | spec),
        state=state,
        version=9,
        created_at=NOW,
        started_at=NOW,
        ended_at=ended,
        trials_done=4,
        trials_total=5,
        screened_out=2,
    )


def evaluation(gain, *, role=Role.CONFIRMATION, epochs=2.0, seeds=4, state=SearchState.COMPLETED, test=True):
    """FOUND and a control against plain backprop. ``gain`` is the difference at the end of an epoch, by
    (epoch, seed); None: a training that diverged."""
    setting = Setting(name=f"{epochs:g} epochs", train=_with(epochs))
    control = equation_method("2 * g")
    spec = EvaluationSpec(
        name="judged",
        methods=(equation_method(FOUND), control),
        controls=(control,),
        settings=(setting,),
        seeds=seeds,
        test=test,
    )
    ended = [
        _trained(row, seed, setting.train, role, gain(seed) if row == 1 else 0.0)
        for seed in range(seeds)
        for row in range(3)
    ]
    record = EvaluationRecord(
        id=f"s-{role}-{epochs:g}",
        spec=spec,
        state=state,
        version=1,
        created_at=NOW,
        trials_done=len(ended),
        trials_total=3 * seeds,
        search_id="s",
        role=role,
    )
    return EvaluationFacts(record=record, table=table_of(record, ended), trials=ended, worker_s=60.0)


def _with(epochs):
    return TrainSpec(
        model=TRAIN.model, data=TRAIN.data, epochs=epochs, batch_size=100, validation_part="finalists"
    )


def _trained(row, seed, train, role, gain):
    level = 0.4 + 0.01 * seed
    completed = gain is not None
    curve = tuple(
        CurvePoint(epoch, 1.0, level * epoch / (epoch + 1) + (gain or 0.0) * epoch, 0.1, epoch)
        for epoch in range(1, int(train.epochs) + 1)
    )
    last = curve[-1].validation_accuracy
    result = TrainResult(
        outcome=TrialState.COMPLETED if completed else TrialState.DIVERGED,
        reason=None if completed else "the loss is NaN",
        validation_accuracy=last if completed else None,
        test_accuracy=last - 0.02 if completed else None,
        curve=curve,
        environment={"device": "cpu", "torch": "2.12.1", "seed": str(seed)},
    )
    method = equation_method(("g", FOUND, "2 * g")[row])
    return TrialRecord(
        id=f"{role}{train.epochs:g}-{row}-{seed}",
        search_id="e",
        individual=row,
        method=method,
        fingerprint=method.equation,
        purpose=Purpose.EVALUATION,
        spec=train,
        seed=seed,
        state=result.outcome,
        fence=1,
        created_at=NOW,
        queued_at=NOW,
        result=result,
    )


def facts(*evaluations, **more):
    given = {
        "search": search_record(),
        "individuals": INDIVIDUALS,
        "finishes": finishes(),
        "worker_s": {f"t{number}": 10.0 * (place + 1) for place, (number, *_) in enumerate(ENDS)},
        "ends": ends(),
        "intermediates": (value_at_rung(1, 1), value_at_rung(2, 2, pruned="behind"), value_at_rung(3, 3)),
        "evaluations": evaluations,
        "environments": ({"device": "cpu", "python": "3.12"},),
        "images": {"cifar10-mini": 4000},
        "document": {"name": "found <b>it</b>", "trials": 3},
        "replayed": ReplayCheck(proposals=8, of=8, judgements=3),
    }
    return SearchFacts(**given | more)
