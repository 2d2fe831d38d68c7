"""Searches: what they have beyond everything that controllers drive."""

from __future__ import annotations

from datetime import datetime

from typing_extensions import override

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import SearchRecord
from backprop_evo.search.lifecycle import EXTEND, MAX_TRIALS
from backprop_evo.store.columns import Kind
from backprop_evo.store.driven import SqlDriven
from backprop_evo.store.driven_base import Searches
from backprop_evo.store.engine import Database
from backprop_evo.store.rows import search_record


class SqlSearches(SqlDriven[SearchRecord], Searches):
    """Searches over SQL."""

    __slots__ = ()

    def __init__(self, database: Database) -> None:
        super().__init__(database, Kind.SEARCH, search_record)

    @override
    def add(self, spec: SearchSpec, *, now: datetime) -> SearchRecord:
        return self.store_new(spec, now)

    @override
    def extend(
        self, search_id: str, *, trials: int, now: datetime, expected_version: int | None = None
    ) -> SearchRecord:
        if trials < 1:
            raise InvalidSettings("trials to add must be at least 1", field="trials")

        def more(search: SearchRecord) -> int:
            if search.trials_total + trials > MAX_TRIALS:
                raise InvalidSettings(f"a search has at most {MAX_TRIALS} trials", field="trials")
            return trials

        return self.raise_total(search_id, EXTEND, more, now=now, expected_version=expected_version)
