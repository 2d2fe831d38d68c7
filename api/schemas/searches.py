"""Searches, what may be asked of one, and the individuals it proposed."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.methods import MethodOut, method_fields
from api.schemas.wire import Wire
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import IndividualRecord, Origin, SearchRecord
from backprop_evo.search.lifecycle import VERBS


class SearchOut(Wire):
    """A search; ``verbs`` are those its state allows, ``version`` is its ETag."""

    id: str
    state: SearchState
    version: int
    verbs: list[str]
    trials_done: int
    trials_total: int
    best_fitness: float | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    failure: str | None
    spec: SearchSpec

    @classmethod
    def of(cls, search: SearchRecord) -> SearchOut:
        """A search as stored, with the verbs of its state."""
        known = {name: getattr(search, name) for name in cls.model_fields if name != "verbs"}
        return cls(verbs=list(VERBS[search.state]), **known)


class ExtendIn(BaseModel):
    """How many trials to add to a search."""

    model_config = ConfigDict(extra="forbid")
    trials: int = Field(ge=1, le=10_000_000)


class CloneIn(BaseModel):
    """What the copy is called and its seed; both as in the original where they are left out."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = Field(default=None, min_length=1, max_length=200)
    seed: int | None = Field(default=None, ge=0, lt=2**63)


class IndividualOut(Wire):
    """One proposal and where it came from; ``twin`` is the earlier individual that behaves the same."""

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
    created_at: datetime

    @classmethod
    def of(cls, individual: IndividualRecord) -> IndividualOut:
        """An individual as stored."""
        known = {n: getattr(individual, n) for n in cls.model_fields if n not in ("method", "equation")}
        return cls(**method_fields(individual.method), **known)
