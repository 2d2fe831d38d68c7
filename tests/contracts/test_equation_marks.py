"""The contract of stars and notes, over SQLite and PostgreSQL."""

import pytest

from backprop_evo.errors import InvalidSettings, NotFound
from backprop_evo.records.choosing import RowChoice
from backprop_evo.records.steering import MAX_NOTE, EquationChanges, EquationMarks


@pytest.fixture
def search(scene):
    """Three equations: behaviours 0, 1 and 2, the last the best."""
    search = scene.search(trials=50)
    for equation, accuracy in (("g", 0.5), ("g / fro(g)", 0.6), ("sgn(g)", 0.7)):
        scene.finish(scene.trial(search, equation=equation), accuracy)
    return search


def change(scene, fingerprint, **changes):
    return scene.store.equations.mark(fingerprint, EquationChanges(**changes), now=scene.now)


def test_star_and_note_are_changed_one_by_one(scene, search):
    assert scene.store.equations.marks("behaviour 1") == EquationMarks()
    assert change(scene, "behaviour 1", starred=True) == EquationMarks(starred=True)
    assert change(scene, "behaviour 1", note="try at 20 epochs") == EquationMarks(
        starred=True, note="try at 20 epochs"
    )
    assert change(scene, "behaviour 1", starred=False, note="") == EquationMarks()
    assert scene.store.equations.marks("behaviour 2") == EquationMarks()


def test_what_was_never_trained_has_no_star(scene, search):
    with pytest.raises(NotFound):
        change(scene, "behaviour 9", starred=True)
    assert scene.store.equations.marks("behaviour 9") == EquationMarks()


def test_the_leaderboard_shows_the_star_and_chooses_by_it(scene, search):
    change(scene, "behaviour 1", starred=True)
    change(scene, "behaviour 0", note="a note is no star")

    def rows(**choice):
        page = scene.store.leaderboard.page(search.id, choice=RowChoice(**choice))
        return [(row.rank, row.fingerprint, row.starred) for row in page.items]

    assert rows() == [(1, "behaviour 2", False), (2, "behaviour 1", True), (3, "behaviour 0", False)]
    assert rows(starred=True) == [(2, "behaviour 1", True)]
    assert rows(starred=False) == [(1, "behaviour 2", False), (3, "behaviour 0", False)]
    change(scene, "behaviour 2", starred=True)
    (setting,) = scene.store.leaderboard.settings().items
    assert setting.best.starred is True


def test_a_star_is_of_the_behaviour_in_every_search(scene, search):
    other = scene.search("another")
    scene.finish(scene.trial(other, equation="g"), 0.4)  # behaviour 0 there too
    change(scene, "behaviour 0", starred=True)
    chosen = scene.store.leaderboard.page(choice=RowChoice(starred=True)).items
    assert {row.search_id for row in chosen} == {search.id, other.id}


@pytest.mark.parametrize("changes", [{}, {"note": "x" * (MAX_NOTE + 1)}, {"note": "\0"}])
def test_what_no_change_can_be_is_refused(changes):
    with pytest.raises(InvalidSettings):
        EquationChanges(**changes)
