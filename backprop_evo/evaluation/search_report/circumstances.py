"""Under what circumstances a search found what it found, in words: what is needed to repeat it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from backprop_evo.evaluation.search_report.facts import ReplayCheck, SearchFacts
from backprop_evo.records.evaluating import setting_id, setting_words
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import SearchRecord
from backprop_evo.search.randomness import training_seed
from backprop_evo.wording import duration

FILE = "search.json"
COMMAND = f"backprop-evo search submit {FILE} --watch"

Facts = tuple[tuple[str, str], ...]
"""Names with what is said of each, in the order in which they are read."""


def circumstances_of(facts: SearchFacts) -> Facts:
    """The setting of the search in words."""
    spec = facts.search.spec
    steps = facts.steps(spec.train)
    length = f"{spec.train.epochs:g} epochs" + (f", {steps:,} steps" if steps is not None else "")
    return (
        ("setting", f"{setting_words(spec.train)} ({setting_id(spec.train)})"),
        ("each training", f"{length} of {spec.train.batch_size} images"),
        ("proposals", _proposals(spec)),
        ("start", _start(spec)),
        ("cascade", _cascade(spec)),
        ("budget", _budget(facts.search)),
        *_evaluations(facts),
        ("seeds", _seeds(facts)),
    )


def _budget(search: SearchRecord) -> str:
    nothing = "screened ones and twins take nothing from it"
    if not search.keeps_time or search.spec.budget is None:
        return f"{search.trials_total:,} trained equations; {nothing}"
    in_all = f"{duration(search.spec.budget)} for the search and all its stages"
    return f"{in_all}; {search.trials_done:,} equations were trained in it"


def _proposals(spec: SearchSpec) -> str:
    if spec.strategy == "random":
        return "random: every equation is drawn, nothing is learned"
    again = spec.selection.remeasured
    return (
        f"{spec.strategy}; {spec.best_probability:.0%} of the parents are among the {spec.best_size} best; "
        + (f"{again:.0%} of the trials measure one of the best again" if again else "each is measured once")
    )


def _start(spec: SearchSpec) -> str:
    given = f"{len(spec.start)} given equations ({'; '.join(spec.start)}) and " if spec.start else ""
    return f"{given}{spec.start_random} random ones"


def _cascade(spec: SearchSpec) -> str:
    told = ["screening" if spec.screening else "no screening"]
    if spec.pruner.rungs and spec.pruner.name != "none":
        rungs = ", ".join(map(str, spec.pruner.rungs))
        told.append(f"{spec.pruner.name} by {spec.pruner.signal.replace('_', ' ')} after steps {rungs}")
    else:
        told.append("every training goes to its end")
    told.append(
        "rates of mutated equations around the parent's"
        if spec.rates == "inherited"
        else "every rate of the grid"
    )
    return "; ".join(told)


def _evaluations(facts: SearchFacts) -> Iterator[tuple[str, str]]:
    for each in facts.evaluations:
        spec = each.record.spec
        last = spec.first_seed + each.record.seeds - 1
        settings = "; ".join(setting_words(setting.train) for setting in spec.settings)
        name = str(each.record.role or "evaluation")
        yield (
            name,
            f"{settings}; seeds {spec.first_seed} to {last}, compared by {each.table.compared_by} accuracy",
        )


def _seeds(facts: SearchFacts) -> str:
    seed = facts.search.spec.seed
    return f"{seed} of the search, from which {training_seed(seed)} follows for its trainings"


def environment_of(facts: SearchFacts) -> Facts:
    """Each fact with every value it had: trainings may have run on several machines. What differs from
    training to training by its nature is left out."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for environment in _environments(facts):
        for name, value in environment.items():
            found[name][value] = None
    return tuple(
        (name, "; ".join(values))
        for name, values in sorted(found.items())
        if name not in ("seed", "measured on")
    )


def _environments(facts: SearchFacts) -> Iterable[Mapping[str, str]]:
    yield from facts.environments
    for evaluation in facts.evaluations:
        for trial in evaluation.trials:
            if trial.result is not None:
                yield trial.result.environment


def replay_words(check: ReplayCheck | None) -> str:
    """What came of deciding again from the stored rows."""
    if check is None:
        return "Not checked."
    if check.reason is not None:
        return f"Not proven: {check.reason}."
    many = (
        f"all {check.of}" if check.proposals == check.of else f"the first {check.proposals:,} of {check.of:,}"
    )
    judged = f" and {check.judgements:,} judgements at rungs" if check.judgements else ""
    return (
        f"Decided again from the stored rows, {many} proposals{judged} came out as recorded: the search "
        "is a function of its seed and of the order in which trainings finished."
    )
