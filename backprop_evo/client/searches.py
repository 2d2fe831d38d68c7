"""Searches: submitted, listed, and one of them by its id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from backprop_evo.client.answers import (
    Evaluation,
    Individual,
    Injection,
    LeaderboardRow,
    Search,
    StageOfSearch,
)
from backprop_evo.client.comparisons import CheckedSearch, Comparison
from backprop_evo.client.driven import DrivenHandle, best_in_words
from backprop_evo.client.leaderboards import Leaderboard
from backprop_evo.client.nouns import Carrier, M, Noun, call, collected, iteration
from backprop_evo.client.reading import plain, read
from backprop_evo.client.retrying import asked_to
from backprop_evo.client.steps import Conversation, Iteration
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.search.lifecycle import CHALLENGE, CLONE, EXTEND, INJECT

PATH = "/searches"
ROWS = 100
"""Of a leaderboard, where no number is named."""


class SearchHandle(DrivenHandle[M, Search]):
    """One search by its id: what it is doing, what it has found, and its verbs."""

    kind = Search

    def __init__(self, connection: Carrier, id: str, warnings: tuple[str, ...] = ()) -> None:
        super().__init__(connection, id, PATH, warnings)

    @call
    def leaderboard(self, limit: int = ROWS, *, starred: bool | None = None) -> Conversation[Leaderboard]:
        """The first ``limit`` rows: confirmed equations first, each with its verdict; plain backprop is
        ranked among them. ``starred`` leaves out those that somebody starred, or that nobody did."""
        rows = self._each(LeaderboardRow, f"{self._path}/leaderboard", limit, starred=starred)
        return Leaderboard((yield from collected(rows)))

    @iteration
    def individuals(self, *, limit: int | None = None) -> Iteration[Individual]:
        """Every proposal in order: the lineage of the search."""
        return self._each(Individual, f"{self._path}/individuals", limit)

    @call
    def stages(self) -> Conversation[tuple[StageOfSearch, ...]]:
        """Its funnel: each stage in their order, also those that are to come."""
        return self._stages()

    @call
    def evaluations(self) -> Conversation[tuple[Evaluation, ...]]:
        """Those that belong to it, newest first."""
        return self._all(Evaluation, f"{self._path}/evaluations")

    @call
    def report(self, format: str = "markdown", *, replay: bool = True) -> Conversation[str]:
        """All that it has found, in one document: html, markdown or json. ``replay`` checks that it replays,
        which takes a while."""
        request = asked_to("GET", f"{self._path}/report", {"format": format, "replay": replay})
        return (yield from self._ask(request)).text

    @call
    def comparison(self, with_id: str | None = None) -> Conversation[Comparison]:
        """It beside another search of its setting, else beside its counterpart. Raises ``NotFound`` without
        either, ``InvalidInput`` for one of another setting."""
        return self._get(Comparison, f"{self._path}/comparison", **{"with": with_id})

    @call
    def extend(self, trials: int, *, at_version: int | None = None) -> Conversation[Search]:
        """Add trials to the budget; a completed or stopped search runs again."""
        return self._act(EXTEND.name, at_version, trials=trials)

    @call
    def inject(self, equations: Sequence[str], *, at_version: int | None = None) -> Conversation[Search]:
        """Put equations into a search that runs; ``injected`` of the answer says what becomes of each. Raises
        ``InvalidEquation``, and ``Conflict`` where its budget has no room for them."""
        return self._act(INJECT.name, at_version, equations=[*equations])

    @call
    def injections(self) -> Conversation[tuple[Injection, ...]]:
        """All that were put in, in order."""
        return self._all(Injection, f"{self._path}/injections")

    @call
    def clone(
        self, *, name: str | None = None, seed: int | None = None, at_version: int | None = None
    ) -> Conversation[SearchHandle[M]]:
        """Queue the same search again, with its present budget; the new one."""
        found = yield from self._act(CLONE.name, at_version, name=name, seed=seed)
        return SearchHandle(self._connection, found.id, found.warnings)

    @call
    def challenge(self, *, at_version: int | None = None) -> Conversation[SearchHandle[M]]:
        """Order its counterpart, random search under the same budget; asked again, the same one."""
        found = yield from self._act(CHALLENGE.name, at_version)
        return SearchHandle(self._connection, found.id, found.warnings)

    def _stages(self) -> Conversation[tuple[StageOfSearch, ...]]:
        return self._all(StageOfSearch, f"{self._path}/stages")

    def _how_far(self, found: Search) -> Conversation[tuple[int, int, str]]:
        stages = [each for each in (yield from self._stages()) if each.evaluation is not None]
        words = "".join(f", {each.role} {each.trials_done} of {each.trials_total}" for each in stages)
        done = found.trials_done + sum(each.trials_done for each in stages)
        total = found.trials_total + sum(each.trials_total or 0 for each in stages)
        told = f"{found.spec.name}: {found.state}{best_in_words(found.best_fitness)}{words}"
        return done, total, told


class Searches(Noun[M]):
    """All searches of a service."""

    @call
    def submit(
        self,
        /,
        spec: SearchSpec | Mapping[str, Any] | None = None,
        *,
        with_counterpart: bool = False,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Conversation[SearchHandle[M]]:
        """Queue a search: a spec, a document like one, or its fields by name, which go over either.

        A program that may be started again gives a key of its own: asked twice with it, there is one search.
        Raises ``InvalidInput`` naming the field, and nothing is stored.
        """
        body = {**(plain(spec) if spec is not None else {}), **plain(fields)}
        # Left out where it is not asked for: the key belongs to one address.
        asked = {"with_counterpart": with_counterpart or None}
        request = asked_to("POST", PATH, asked, body=body, key=idempotency_key)
        found = read(Search, (yield from self._ask(request)).json())
        return SearchHandle(self._connection, found.id, found.warnings)

    @call
    def check(
        self, /, spec: SearchSpec | Mapping[str, Any] | None = None, **fields: Any
    ) -> Conversation[CheckedSearch]:
        """The same without queueing it: the search as it would be stored; with a budget also its plan."""
        body = {**(plain(spec) if spec is not None else {}), **plain(fields)}
        request = asked_to("POST", f"{PATH}:check", body=body)
        return read(CheckedSearch, (yield from self._ask(request)).json())

    @iteration
    def list(self, *, state: SearchState | str | None = None, limit: int | None = None) -> Iteration[Search]:
        """Searches, newest first, page after page; all of them unless ``limit`` is given."""
        return self._each(Search, PATH, limit, state=state)
