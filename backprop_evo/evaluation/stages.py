"""The funnel of a search: the stages that its best go through, and which of them is ordered next.

A stage is an evaluation of what came through the one before it, on seeds of its own. ``STAGES`` is the whole
truth of them; a search has those that its spec gives a ``best``. All here are functions of rows: a controller
that died asks again and is told the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from backprop_evo.evaluation.elsewhere import settings_elsewhere
from backprop_evo.evaluation.ordering import BACKPROP, behaviour_of, measured_anew, with_controls, with_more
from backprop_evo.evaluation.table import EvaluationTable
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.funnel import Confirmation, Finalists, Transfer, trained_for
from backprop_evo.records.methods import ControlGroup, MethodSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import EvaluationRecord, Role
from backprop_evo.search.randomness import stage_seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage. ``asked`` is what a search's spec says of it, ``settings`` where it trains. ``measures``:
    the search's yardsticks are trained beside the equations, where it is the only look at them.

    ``doing`` is the word for a search while the stage is open, ``title`` the stage's name in sentences,
    ``passed`` what equations are that came through.
    """

    role: Role
    title: str
    doing: str
    passed: str
    asked: Callable[[SearchSpec], Finalists | Confirmation | Transfer]
    settings: Callable[[SearchSpec], tuple[Setting, ...]]
    controls: Callable[[SearchSpec], ControlGroup]
    test: Callable[[SearchSpec], bool]
    measures: bool = False

    def is_in(self, search: SearchSpec) -> bool:
        """Whether the search has it."""
        return self.asked(search).best > 0


STAGES = (
    Stage(
        role=Role.FINALISTS,
        title="choice of finalists",
        doing="narrowing",
        passed="finalists",
        asked=lambda search: search.finalists,
        settings=lambda search: (_own_setting(search, search.finalists.epochs),),
        controls=lambda _search: "none",
        test=lambda _search: False,
    ),
    Stage(
        role=Role.CONFIRMATION,
        title="confirmation",
        doing="confirming",
        passed="confirmed",
        asked=lambda search: search.confirmation,
        settings=lambda search: (_own_setting(search, search.confirmation.epochs),),
        controls=lambda search: search.confirmation.controls,
        test=lambda search: search.confirmation.test,
        measures=True,
    ),
    Stage(
        role=Role.TRANSFER,
        title="transfer",
        doing="transferring",
        passed="transferred",
        asked=lambda search: search.transfer,
        settings=settings_elsewhere,
        controls=lambda search: search.confirmation.controls,
        # The images of validation chose what is transferred.
        test=lambda _search: True,
    ),
)
"""In the order in which they follow each other."""

STAGE_OF: Mapping[Role, Stage] = {each.role: each for each in STAGES}


def stages_of(search: SearchSpec) -> tuple[Stage, ...]:
    """Those that the search has."""
    return tuple(each for each in STAGES if each.is_in(search))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What may enter a stage: equations, the best first, and yardsticks, which nothing is chosen among."""

    equations: tuple[MethodSpec, ...]
    yardsticks: tuple[MethodSpec, ...] = ()


def candidates_of(search: SearchSpec, finalists: Sequence[MethodSpec]) -> Candidates:
    """What the search itself sends into its first stage."""
    known = {behaviour_of(each) for each in search.yardsticks}
    return Candidates(
        equations=tuple(each for each in finalists if behaviour_of(each) not in known),
        yardsticks=tuple(each for each in finalists if behaviour_of(each) in known),
    )


def survivors(table: EvaluationTable, search: SearchSpec) -> tuple[MethodSpec, ...]:
    """The equations that completed all their trainings in a stage, best first by mean validation accuracy in
    its first setting: among these, paired with the same backprop, that is also the order of their mean
    differences to it. The test split chooses nothing."""
    known = {behaviour_of(each) for each in search.yardsticks}
    whole = [
        (first.validation.mean, first.method)
        for first, *others in zip(*(block.rows for block in table.blocks), strict=True)
        if not (first.is_baseline or first.is_control)
        and first.validation is not None
        and all(row.n == table.seeds for row in (first, *others))
        and behaviour_of(first.method) not in known
    ]
    return tuple(method for _, method in sorted(whole, key=lambda each: -each[0]))


def entrants(
    stage: Stage, search: SearchSpec, candidates: Candidates, *, best: int | None = None
) -> tuple[MethodSpec, ...]:
    """The methods that the stage is about; ``best`` in place of the spec's."""
    chosen = candidates.equations[: stage.asked(search).best if best is None else best]
    return (*chosen, *(candidates.yardsticks if stage.measures else ()))


def stage_spec(
    stage: Stage,
    search: SearchSpec,
    candidates: Candidates,
    *,
    best: int | None = None,
    seeds: int | None = None,
) -> EvaluationSpec:
    """The evaluation that the stage is, of ``best`` equations with ``seeds`` seeds; None: as many as the
    spec says. Raises ``InvalidSettings`` where that is too much for one evaluation, or nothing enters."""
    settings = stage.settings(search)
    entering = entrants(stage, search, candidates, best=best)
    methods, controls = with_controls(entering, stage.controls(search), settings)
    return EvaluationSpec(
        name=f"{search.name[:180]}: {stage.title}",
        methods=methods,
        baseline=BACKPROP,
        settings=settings,
        controls=controls,
        first_seed=stage_seed(search.seed, stage.role),
        seeds=stage.asked(search).seeds if seeds is None else seeds,
        test=stage.test(search),
        in_flight=None if search.in_flight is None else min(search.in_flight, 10_000),
        priority=search.priority,
        labels=search.labels,
    )


def _own_setting(search: SearchSpec, epochs: float | None) -> Setting:
    """The search's, on images that its fitness was not measured on."""
    train = trained_for(measured_anew(search.train), epochs)
    longer = f", {train.epochs:g} epochs" if train.epochs != search.train.epochs else ""
    return Setting(name=f"{train.model} on {train.data}{longer}"[:100], train=train)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is next in a funnel: ``order`` a stage, new or with more methods; or else wait for one that is
    ``open``; or else it has ended, with a ``reason`` where it did not come to its last stage's end."""

    order: tuple[Stage, EvaluationSpec] | None = None
    open: Stage | None = None
    reason: str | None = None


def next_step(
    search: SearchSpec,
    finalists: Sequence[MethodSpec],
    ordered: Mapping[Role, EvaluationRecord],
    table: Callable[[EvaluationRecord], EvaluationTable],
    sized: Callable[[Stage, Candidates], EvaluationSpec] | None = None,
) -> Step:
    """What follows from the search's ``finalists`` and the stages ``ordered`` so far; ``table`` is asked for
    that of a stage where another comes after it. ``sized`` decides in place of the spec how large a stage
    becomes, once."""
    candidates, through = candidates_of(search, finalists), "search"
    for stage in stages_of(search):
        known = ordered.get(stage.role)
        if through != "search" and not candidates.equations:
            return Step(reason=f"no equation completed all its trainings in the {through}")
        if (wanted := _wanted(stage, search, candidates, known, sized)) is not None:
            return Step(order=(stage, wanted))
        if known is None:
            return Step()
        if not known.state.is_terminal:
            return Step(open=stage)
        if known.state is not SearchState.COMPLETED:
            return Step(reason=_ended_early(stage, known))
        if stage is not stages_of(search)[-1]:
            candidates = replace(candidates, equations=survivors(table(known), search))
        through = stage.title
    return Step()


def _wanted(
    stage: Stage,
    search: SearchSpec,
    candidates: Candidates,
    known: EvaluationRecord | None,
    sized: Callable[[Stage, Candidates], EvaluationSpec] | None,
) -> EvaluationSpec | None:
    """What is to be ordered: the stage, or the methods that it lacks since the search was extended. One that
    was given up stays so."""
    entering = entrants(stage, search, candidates)
    if not entering or (known is not None and known.state in (SearchState.CANCELLED, SearchState.FAILED)):
        return None
    if known is None:
        return stage_spec(stage, search, candidates) if sized is None else sized(stage, candidates)
    if sized is not None:
        return None
    wider = with_more(known.spec, entering)
    return wider if wider != known.spec else None


def _ended_early(stage: Stage, known: EvaluationRecord) -> str:
    was = "" if known.state is SearchState.FAILED else "was "
    return f"the {stage.title} {was}{known.state}" + (f": {known.end_reason}" if known.end_reason else "")
