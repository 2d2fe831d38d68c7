"""The leaderboard over all searches, each setting for itself, over SQLite and PostgreSQL."""

from collections import defaultdict
from dataclasses import replace
from random import Random

import pytest
import sqlalchemy as sa

from backprop_evo.errors import InvalidInput, NotFound
from backprop_evo.records.evaluating import Setting, setting_id
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.searching import Purpose
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from tests.contracts.confirming import SPEC, order
from tests.contracts.confirming import confirm as confirmed

SHORT = TrainSpec(model="mlp-8", epochs=1.0)
LONG = replace(SHORT, epochs=20.0)
STEPS = replace(SHORT, learning_rate=RelativeStepGrid(relative_steps=(0.01, 0.1)))


def in_pages(read, limit):
    """Every item of a listing, by its cursors."""
    cursor = None
    while True:
        page = read(cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        yield from page.items
        if (cursor := page.next_cursor) is None:
            return


def filled(scene, accuracies):
    """A search for each train spec of the mapping, with its accuracies, the first of which is plain
    backprop's."""
    found = []
    for train, values in accuracies:
        search = scene.search(train=train)
        for place, value in enumerate(values):
            purpose = Purpose.SEARCH if place else Purpose.BASELINE
            scene.finish(scene.trial(search, purpose=purpose), value)
        found.append(search)
    return found


def confirm(scene, search, individual, *values, epochs=None):
    measured = replace(search.spec.train, epochs=epochs or search.spec.train.epochs)
    settings = (Setting(name="its own", train=measured),)
    ordered = order(scene, search, replace(SPEC, seeds=len(values), settings=settings))
    number, behaviour = min(individual, 1), f"behaviour {individual}"
    confirmed(scene, ordered, number, *[(value, value) for value in values], behaviour=behaviour)


def test_a_row_knows_the_setting_of_its_search_whatever_its_limits(scene):
    searches = filled(scene, [(SHORT, [0.5]), (replace(SHORT, time_limit_s=9.0), [0.4]), (LONG, [0.3])])
    for search in searches:
        (row,) = scene.store.leaderboard.page(search.id).items
        assert row.setting_id == setting_id(search.spec.train)
        assert scene.store.leaderboard.baseline(search.id).setting_id == row.setting_id
    rows = scene.store.leaderboard.page(setting_id=setting_id(SHORT)).items
    assert [(row.search_id, row.rank) for row in rows] == [(searches[0].id, 1), (searches[1].id, 2)]


@pytest.mark.parametrize("limit", [1, 3, 4, 100])
def test_settings_come_one_after_the_other_each_ranked_from_the_first(scene, limit):
    generator = Random(0)
    trains = (SHORT, LONG, STEPS, SHORT, LONG)
    filled(scene, [(train, [generator.randrange(9) / 10 for _ in range(4)]) for train in trains])
    rows = list(in_pages(scene.store.leaderboard.page, limit))
    assert len({(row.search_id, row.individual) for row in rows}) == len(rows) == 20
    by_setting = defaultdict(list)
    for row in rows:
        by_setting[row.setting_id].append(row)
    assert rows == [row for setting in sorted(by_setting) for row in by_setting[setting]]
    for setting, ranked in by_setting.items():
        assert [row.rank for row in ranked] == list(range(1, len(ranked) + 1))
        fitness = [row.search_fitness.mean for row in ranked]
        assert fitness == sorted(fitness, reverse=True)
        read = lambda **part: scene.store.leaderboard.page(setting_id=setting, **part)  # noqa: E731, B023
        assert list(in_pages(read, limit)) == ranked


def test_a_great_accuracy_of_one_setting_is_nothing_in_another(scene):
    filled(scene, [(SHORT, [0.3, 0.4]), (LONG, [0.9])])
    short = scene.store.leaderboard.page(setting_id=setting_id(SHORT)).items
    assert [(row.rank, row.search_fitness.mean) for row in short] == [(1, 0.4), (2, 0.3)]


def test_each_setting_is_told_with_its_results_its_best_and_its_backprop(scene):
    two, three = (Confirmation(best=1, seeds=seeds) for seeds in (2, 3))
    few, many = scene.search(train=SHORT, confirmation=two), scene.search(train=SHORT, confirmation=three)
    for search in (few, many):
        scene.finish(scene.trial(search, purpose=Purpose.BASELINE), 0.3)
        scene.finish(scene.trial(search), 0.9)
        scene.finish(scene.trial(search), 0.5)
    confirm(scene, few, 0, 0.6, 0.6)
    confirm(scene, many, 0, 0.2, 0.3, 0.4)
    confirm(scene, many, 2, 0.7, 0.7, 0.7)
    (short,) = scene.store.leaderboard.settings().items
    assert (short.id, short.train, short.results) == (setting_id(SHORT), SHORT, 6)
    assert (short.best.search_id, short.best.individual, short.best.rank) == (many.id, 2, 1)
    assert (short.baseline.mean, short.baseline.std) == (pytest.approx(0.3), pytest.approx(0.1))
    assert short.baseline.n == 3, "of the search with the most seeds, not the luckier one"
    assert scene.store.leaderboard.setting(short.id) == short


def test_what_is_confirmed_in_longer_trainings_is_ranked_among_those(scene):
    longer = replace(SHORT, epochs=7.0)
    confirmation = Confirmation(best=1, seeds=2, epochs=7.0)
    search = scene.search(train=SHORT, confirmation=confirmation)
    scene.finish(scene.trial(search, purpose=Purpose.BASELINE), 0.3)
    for _ in range(2):
        scene.finish(scene.trial(search), 0.4)
    confirm(scene, search, 1, 0.8, 0.9, epochs=7.0)
    page = scene.store.leaderboard.page
    assert [(row.confirmed, row.rank) for row in page(search.id).items] == [(True, 1), (False, 2), (False, 3)]
    (row,) = page(setting_id=setting_id(longer)).items
    assert (row.individual, row.confirmed) == (1, True)
    assert scene.store.leaderboard.setting(setting_id(longer)).train == longer
    assert [row.individual for row in page(setting_id=setting_id(SHORT)).items] == [2, 0]
    confirm(scene, search, 1, 0.8, 0.9, None, epochs=7.0)
    assert {row.setting_id for row in page(search.id).items} == {setting_id(SHORT)}


def test_backprop_that_was_not_confirmed_in_a_setting_has_no_confirmed_value_there(scene):
    filled(scene, [(SHORT, [0.3, 0.5])])
    assert scene.store.leaderboard.setting(setting_id(SHORT)).baseline is None


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_settings_are_listed_by_their_results_page_by_page(scene, limit):
    trains = [replace(SHORT, epochs=float(epochs)) for epochs in range(1, 6)]
    numbers = [2, 1, 3, 1, 2]
    filled(scene, [(train, [0.5] * number) for train, number in zip(trains, numbers, strict=True)])
    listed = list(in_pages(scene.store.leaderboard.settings, limit))
    expected = sorted(
        ((-number, setting_id(train)) for train, number in zip(trains, numbers, strict=True)),
    )
    assert [(-each.results, each.id) for each in listed] == expected
    assert [setting_id(each.train) for each in listed] == [each.id for each in listed]


def test_nothing_has_no_settings(scene):
    scene.search(train=SHORT)
    assert scene.store.leaderboard.settings().items == ()
    assert scene.store.leaderboard.page().items == ()


@pytest.mark.parametrize("unknown", ["", "000000000000", "x" * 64])
def test_a_setting_without_results_is_not_found(scene, unknown):
    filled(scene, [(SHORT, [0.5])])
    for read in (scene.store.leaderboard.setting, lambda it: scene.store.leaderboard.page(setting_id=it)):
        with pytest.raises(NotFound, match="no search has results"):
            read(unknown)


def test_a_cursor_belongs_to_its_setting(scene):
    (search, _) = filled(scene, [(SHORT, [0.5, 0.6]), (LONG, [0.5, 0.6])])
    board = scene.store.leaderboard
    cursor = board.page(setting_id=setting_id(SHORT), limit=1).next_cursor
    assert len(board.page(setting_id=setting_id(SHORT), cursor=cursor).items) == 1
    for others in ({"setting_id": setting_id(LONG)}, {"search_id": search.id}, {}):
        with pytest.raises(InvalidInput, match="cursor"):
            board.page(**others, cursor=cursor)
    with pytest.raises(InvalidInput, match="cursor"):
        board.settings(cursor=cursor)


def test_a_row_whose_setting_nobody_told_is_compared_with_none(scene):
    """As a process of an earlier version leaves it."""
    search, _ = filled(scene, [(SHORT, [0.5, 0.6]), (LONG, [0.4])])
    with scene.store.database.write() as connection:
        connection.execute(
            sa.text("UPDATE standings SET setting_id = '' WHERE search_id = :it"), {"it": search.id}
        )
    assert [row.search_fitness.mean for row in scene.store.leaderboard.page().items] == [0.4]
    assert [each.id for each in scene.store.leaderboard.settings().items] == [setting_id(LONG)]
    assert [row.rank for row in scene.store.leaderboard.page(search.id).items] == [1, 2]


def test_a_row_has_the_setting_of_its_search_whatever_rates_its_equation_inherited(scene):
    search = scene.search(train=STEPS)
    scene.finish(scene.trial(search, purpose=Purpose.BASELINE), 0.3)
    inherited = replace(STEPS, learning_rate=RelativeStepGrid(relative_steps=(0.003, 0.01, 0.03)))
    scene.finish(scene.trial(search, spec=inherited), 0.4)
    rows = scene.store.leaderboard.page(search.id).items
    assert {row.setting_id for row in rows} == {setting_id(STEPS)}
    assert len(rows) == 2
