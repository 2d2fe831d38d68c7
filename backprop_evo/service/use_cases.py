"""The use cases: what is more than a look into the store. What is only read is read from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from backprop_evo.records.searching import (
    SearchSpec,
)
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import NodeRecord, SearchRecord
from backprop_evo.service.specs import check_search_spec
from backprop_evo.store.base import Store

NODE_SILENCE_S = 60.0


def utc_now() -> datetime:
    """The clock of a service that is given no other."""
    return datetime.now(UTC)


class Service:
    """Every method raises the errors of ``backprop_evo.errors`` and stores nothing when it does. ``pause``,
    ``resume``, ``stop`` and ``cancel`` may be repeated without harm."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.store = store
        self._clock = clock

    def submit_search(self, spec: SearchSpec) -> SearchRecord:
        """Check a search and queue it. Raises ``InvalidSettings``, ``InvalidEquation``,
        ``UnknownDataset``."""
        check_search_spec(spec)
        return self.store.searches.add(spec, now=self._clock())

    def pause(self, search_id: str, *, expected_version: int | None = None) -> SearchRecord:
        """Trials that run end, none begin."""
        return self._move(search_id, SearchState.PAUSED, expected_version)

    def resume(self, search_id: str, *, expected_version: int | None = None) -> SearchRecord:
        """Go on after a pause."""
        return self._move(search_id, SearchState.RUNNING, expected_version)

    def stop(self, search_id: str, *, expected_version: int | None = None) -> SearchRecord:
        """Nothing new is proposed; the search ends when the trials that are out have ended, without
        confirmation."""
        search = self.store.searches.get(search_id)
        if search.state is SearchState.STOPPED:
            return search
        return self._move(search_id, SearchState.STOPPING, expected_version)

    def cancel(self, search_id: str, *, expected_version: int | None = None) -> SearchRecord:
        """End now; trials that run are told to stop."""
        return self._move(search_id, SearchState.CANCELLED, expected_version)

    def _move(self, search_id: str, to: SearchState, expected_version: int | None) -> SearchRecord:
        return self.store.searches.move(search_id, to, now=self._clock(), expected_version=expected_version)

    def extend(self, search_id: str, trials: int) -> SearchRecord:
        """Add trials to the budget; a completed or stopped search runs again."""
        return self.store.searches.extend(search_id, trials=trials, now=self._clock())

    def clone(self, search_id: str, *, name: str | None = None, seed: int | None = None) -> SearchRecord:
        """Submit the same search again, with its present budget."""
        original = self.store.searches.get(search_id)
        spec = replace(
            original.spec,
            name=original.spec.name if name is None else name,
            seed=original.spec.seed if seed is None else seed,
            trials=original.trials_total,
        )
        return self.submit_search(spec)

    def live_nodes(self) -> Sequence[NodeRecord]:
        """Nodes that were heard of in the last ``NODE_SILENCE_S`` seconds."""
        return self.store.nodes.alive(seen_after=self._clock() - timedelta(seconds=NODE_SILENCE_S))
