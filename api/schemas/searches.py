"""Searches, and the individuals they proposed."""

from __future__ import annotations

from datetime import datetime

from api.schemas.methods import MethodOut, method_fields
from api.schemas.setting import SettingOut, setting_fields
from api.schemas.steering import InjectionOut, marks_of
from api.schemas.wire import Wire
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import IndividualRecord, Origin, SearchRecord
from backprop_evo.search.counterparts import offered_verbs
from backprop_evo.search.fruitless import notice


class SearchOut(Wire):
    """A search; ``verbs`` are those its state allows, ``version`` is its ETag, ``setting`` what its results
    may be compared with. ``priority``, ``tags``, ``note`` and ``archived`` are as they were changed last,
    ``injected``, in the answer to ``inject`` only, what becomes of each equation.
    ``screened_out`` equations were found worthless before any training step and are
    none of ``trials_done``; ``counterpart`` is the search that was ordered beside it, or beside which it was;
    ``notice`` is what to know of it while it runs, and ``warnings`` in the answer to its submission. Of one
    with a budget ``spent_s`` seconds are used, as of the last look, which alone changes no version;
    ``stranded`` is set where the service paused it, so that it goes on by itself when a node can train it;
    ``time_left_s`` is null where time does not decide when it ends. ``owner`` is the name of the API key that
    submitted it, null where none was demanded."""

    id: str
    owner: str | None
    state: SearchState
    version: int
    verbs: list[str]
    trials_done: int
    trials_total: int
    screened_out: int
    best_fitness: float | None
    spent_s: float
    time_left_s: float | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    stranded: str | None
    counterpart: str | None
    notice: str | None
    failure: str | None
    setting: SettingOut
    spec: SearchSpec
    priority: int
    tags: tuple[str, ...]
    note: str
    archived: bool
    injections: int
    retries: int
    warnings: tuple[str, ...] = ()
    injected: tuple[InjectionOut, ...] = ()

    @classmethod
    def of(cls, search: SearchRecord) -> SearchOut:
        """A search as stored, with the verbs of its state."""
        marked = ("priority", "tags", "note", "archived")
        made = ("verbs", "notice", "setting", "warnings", "injected", *marked)
        known = {name: getattr(search, name) for name in cls.model_fields if name not in made}
        verbs = [verb.name for verb in offered_verbs(search)]
        setting = SettingOut(**setting_fields(search.spec.train))
        return cls(verbs=verbs, notice=notice(search), setting=setting, **known, **marks_of(search))


class IndividualOut(Wire):
    """One proposal and where it came from; ``twin`` is the earlier individual that behaves the same,
    ``screened_out`` why it is not trained, ``inherited_step`` its parent's best relative step,
    ``remeasures`` the earlier individual that is trained again with another seed."""

    search_id: str
    number: int
    origin: Origin
    method: MethodOut
    equation: str | None
    canonical: str | None
    fingerprint: str
    parent: int | None
    twin: int | None
    mutation: str | None
    finishes_known: int
    screened_out: str | None
    inherited_step: float | None
    remeasures: int | None
    created_at: datetime

    @classmethod
    def of(cls, individual: IndividualRecord) -> IndividualOut:
        """An individual as stored."""
        known = {n: getattr(individual, n) for n in cls.model_fields if n not in ("method", "equation")}
        return cls(**method_fields(individual.method), **known)
