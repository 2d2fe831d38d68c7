"""An ancestry: second parents, twins, its end, and how little is read for it."""

from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from sqlalchemy import event

from backprop_evo.equations import read_equation
from backprop_evo.errors import NotFound
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.stored import IndividualRecord, Origin
from backprop_evo.search.search_language import SearchLanguage, identify_equation, read_crossing
from backprop_evo.service.ancestry import Descent, ancestry_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Lineage:
    """A search that a controller drives, and its individuals by their texts."""

    def __init__(self, store):
        self.store = store
        store.searches.add(SearchSpec(name="lineage"), now=NOW)
        claimed = store.searches.claim("c", lease_s=60, now=NOW)
        assert claimed is not None
        self.id = claimed.id

    def propose(self, number, text, parent=None, **rest):
        known = identify_equation(read_equation(text))
        given = IndividualRecord(
            search_id=self.id,
            number=number,
            origin=Origin.RANDOM if parent is None else Origin.MUTATION,
            method=known.method,
            canonical=known.canonical,
            fingerprint=known.fingerprint,
            parent=parent,
            twin=None,
            mutation=None if parent is None else "operation 1: add to subtract",
            finishes_known=0,
            created_at=NOW,
        )
        self.store.individuals.record(self.id, "c", [replace(given, **rest)], [], now=NOW)

    def links(self, number):
        found = ancestry_of(self.store, self.id, number).links
        return [(link.child, str(link.descent), link.ancestor) for link in found]

    def statements(self, number, **options):
        """How many statements the ancestry takes, and the ancestry."""
        counted = []

        def count(_connection, _cursor, statement, *_rest):
            counted.append(statement)

        event.listen(self.store.database.reader, "before_cursor_execute", count)
        try:
            found = ancestry_of(self.store, self.id, number, **options)
        finally:
            event.remove(self.store.database.reader, "before_cursor_execute", count)
        return len([each for each in counted if each.lstrip().upper().startswith(("SELECT", "WITH"))]), found


@pytest.fixture
def lineage(store):
    return Lineage(store)


def test_the_second_parent_of_a_crossover_is_an_ancestor_with_its_own(lineage):
    lineage.propose(0, "g")
    lineage.propose(1, "g + h", 0)
    lineage.propose(2, "bn(g)")
    lineage.propose(3, "bn(g) - h", 2)
    lineage.propose(4, "g - h", 1, mutation="crossed with bn(g) - h: operation 1: add to subtract")
    assert lineage.links(4) == [
        (4, "parent", 1),
        (4, "second parent", 3),
        (3, "parent", 2),
        (1, "parent", 0),
    ]
    (link,) = [
        each for each in ancestry_of(lineage.store, lineage.id, 4).links if each.change and each.child == 4
    ]
    assert (link.descent, link.change) == (Descent.PARENT, "operation 1: add to subtract")


def test_a_second_parent_that_came_later_or_is_unknown_is_none(lineage):
    lineage.propose(0, "g")
    lineage.propose(1, "g + h", 0, mutation="crossed with sgn(g): operation 1: left to add")
    lineage.propose(2, "sgn(g)")
    lineage.propose(3, "g * h", 0, mutation="crossed with no equation: nothing")
    assert lineage.links(1) == [(1, "parent", 0)]
    assert lineage.links(3) == [(3, "parent", 0)]


def test_a_twin_and_a_measurement_lead_to_whom_they_repeat(lineage):
    lineage.propose(0, "g")
    lineage.propose(1, "g + h", 0)
    lineage.propose(2, "h + g", 0, twin=1)
    lineage.propose(3, "g + h", None, remeasures=1)
    assert lineage.links(2) == [(2, "parent", 0), (2, "twin", 1), (1, "parent", 0)]
    assert lineage.links(3) == [(3, "measured again", 1), (1, "parent", 0)]


def test_an_individual_that_is_not_there_is_said(lineage):
    with pytest.raises(NotFound, match="no individual 7"):
        ancestry_of(lineage.store, lineage.id, 7)


def chain(lineage, length):
    for number in range(length):
        lineage.propose(number, "g", number - 1 if number else None)


def test_a_long_ancestry_is_read_in_two_statements_and_cut(lineage):
    chain(lineage, 40)
    short, whole = lineage.statements(3)
    long, cut = lineage.statements(39, limit=20)
    assert (short, long) == (2, 2), "the ancestry, and the fitnesses"
    assert [each.number for each in cut.individuals] == list(range(39, 19, -1))
    assert (cut.is_cut, whole.is_cut) == (True, False)


def test_crossovers_take_two_statements_more_a_generation_not_each(lineage):
    lineage.propose(0, "g")
    for number, text in enumerate(("g + h", "g * h", "g - h", "min(g, h)"), start=1):
        lineage.propose(number, text, 0)
    mutations = ("g * h", "g - h", "min(g, h)")
    for number, (text, partner) in enumerate(
        zip(("2.0 * g", "3.0 * g", "5.0 * g"), mutations, strict=True), start=5
    ):
        lineage.propose(
            number, text, number - 1 if number > 5 else 1, mutation=f"crossed with {partner}: x: a to b"
        )
    statements, found = lineage.statements(7)
    assert [each.number for each in found.individuals] == [7, 6, 5, 4, 3, 2, 1, 0]
    assert statements == 4, "ancestors, second parents, their ancestors, fitnesses"


def test_what_the_language_writes_of_a_crossover_is_read_again():
    spec = SearchSpec(name="x")
    crossing = replace(spec, operators=replace(spec.operators, crossover=1.0))
    language = SearchLanguage(crossing)
    child, mutation = language.vary("g / fro(g) + h", Random(3), lambda: "bn(g) * dh")
    partner, change = read_crossing(mutation)
    assert partner == "bn(g) * dh"
    assert change
    assert "crossed" not in change
    assert child.method.equation not in ("g / fro(g) + h", "bn(g) * dh")
    assert read_crossing("operation 1: add to mul") == (None, "operation 1: add to mul")
    assert read_crossing(None) == (None, None)
