"""A page's comparison of two searches is made again when either went on, but not too often for its cost."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import SearchRecord
from backprop_evo.service import comparing
from backprop_evo.service.comparing import SHARE_OF_TIME, Comparisons

TOOK_S = 2.0


def search(search_id: str, counterpart: str | None) -> SearchRecord:
    return SearchRecord(
        id=search_id,
        spec=SearchSpec(name=search_id),
        state=SearchState.RUNNING,
        version=1,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        counterpart=counterpart,
        trials_done=10,
    )


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []

    def compare(_store: object, one: SearchRecord, _with: object) -> str:
        clock.now += TOOK_S
        told.append(one.id)
        return f"comparison {len(told)}"

    monkeypatch.setattr(comparing, "compare_stored", compare)
    return told


@pytest.fixture
def other() -> list[SearchRecord]:
    return [search("b", "a")]


@pytest.fixture
def comparisons(clock: Clock, other: list[SearchRecord]) -> Comparisons:
    store: Any = SimpleNamespace(
        searches=SimpleNamespace(get=lambda _: other[0]),
        evaluations=SimpleNamespace(stages_of=lambda _: {}),
    )
    return Comparisons(store, clock=clock)


def test_nothing_is_made_without_a_counterpart(comparisons: Comparisons, made: list[str]) -> None:
    assert comparisons.of(search("a", None)) is None
    assert made == []


def test_what_did_not_change_is_never_made_again(
    comparisons: Comparisons, made: list[str], clock: Clock
) -> None:
    first = comparisons.of(search("a", "b"))
    clock.now += 1e6
    assert comparisons.of(search("a", "b")) == first
    assert made == ["a"]


@pytest.mark.parametrize("changed", ["its own", "the other's"])
def test_what_changed_is_made_again_when_that_is_cheap(
    comparisons: Comparisons, made: list[str], clock: Clock, other: list[SearchRecord], changed: str
) -> None:
    one = search("a", "b")
    first = comparisons.of(one)
    if changed == "its own":
        one = replace(one, trials_done=11)
    else:
        other[0] = replace(other[0], trials_done=11)
    clock.now += TOOK_S / SHARE_OF_TIME - 0.1
    assert comparisons.of(one) == first
    clock.now += 0.2
    assert comparisons.of(one) != first
    assert made == ["a", "a"]


def test_only_so_many_are_kept(
    comparisons: Comparisons, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "MOST_KEPT", 2)
    for search_id in ("a", "c", "d", "d"):
        comparisons.of(search(search_id, "b"))
    assert made == ["a", "c", "d"]
    comparisons.of(search("a", "b"))
    assert made == ["a", "c", "d", "a"]
