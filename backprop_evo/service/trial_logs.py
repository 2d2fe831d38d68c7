"""The log of a trial: a function of what is stored of it, so that it costs workers nothing to keep.

It only grows: what is stored later happened later, so that a reader goes on behind the lines it knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backprop_evo.records.judging import IntermediateRecord
from backprop_evo.records.logged import LogLine
from backprop_evo.records.stored import AttemptRecord, TrialRecord
from backprop_evo.store.base import Store
from backprop_evo.wording import duration, percent


def log_of(store: Store, trial_id: str) -> tuple[TrialRecord, tuple[LogLine, ...]]:
    """The trial, and what has happened to it, oldest first. Raises ``NotFound``."""
    # In this order: a trial that has ended meanwhile is read again, one that has ended before is whole.
    trial = store.trials.get(trial_id)
    attempts, values = store.trials.attempts(trial_id), store.intermediates.of_trial(trial_id)
    lines = [_ordered(trial), *_attempts(trial, attempts), *_values(attempts, values), *_end(trial)]
    # Stable: at one moment things stand in the order in which they are told here.
    return trial, tuple(sorted(lines, key=lambda line: line.at))


def _ordered(trial: TrialRecord) -> LogLine:
    return LogLine(
        at=trial.created_at, attempt=None, text=f"queued, purpose {trial.purpose}, seed {trial.seed}"
    )


def _attempts(trial: TrialRecord, attempts: Sequence[AttemptRecord]) -> Iterator[LogLine]:
    for each in attempts:
        text = f"attempt {each.fence} begins on {each.worker}"
        yield LogLine(at=each.started_at, attempt=each.fence, text=text)
        # How the last one ended is told as the end of the trial, with its numbers.
        is_last = each.fence == trial.fence and trial.state.is_terminal
        if each.ended_at is not None and not is_last:
            reason = f": {each.reason}" if each.reason else ""
            text = f"attempt {each.fence} ended: {each.outcome}{reason}"
            yield LogLine(at=each.ended_at, attempt=each.fence, text=text)


def _values(attempts: Sequence[AttemptRecord], values: Sequence[IntermediateRecord]) -> Iterator[LogLine]:
    for each in values:
        begun = [attempt.fence for attempt in attempts if attempt.started_at <= each.at]
        rung = "" if each.value.rung is None else f", rung {each.value.rung}"
        text = f"step {each.value.step}{rung}: training loss {each.value.train_loss:.4g}"
        if each.value.validation_accuracy is not None:
            text += f", validation {percent(each.value.validation_accuracy)} %"
        for what, reason in (("ended", each.judged.pruned), ("spared", each.judged.spared)):
            text += f"; {what}: {reason}" if reason else ""
        yield LogLine(at=each.at, attempt=begun[-1] if begun else None, text=text)


def _end(trial: TrialRecord) -> Iterator[LogLine]:
    if not trial.state.is_terminal or trial.ended_at is None:
        return
    told, result = [], trial.result
    if result is not None:
        accuracies = (("validation", result.validation_accuracy), ("test", result.test_accuracy))
        told += [f"{name} {percent(each)} %" for name, each in accuracies if each is not None]
        told += [f"learning rate {result.learning_rate:g}"] if result.learning_rate is not None else []
        told += [f"{result.epochs_done:g} epochs in {duration(result.wall_time_s)}"]
        told += [result.reason] if result.reason else []
    text = f"{trial.state}: {', '.join(told)}" if told else str(trial.state)
    yield LogLine(at=trial.ended_at, attempt=trial.fence or None, text=text)
