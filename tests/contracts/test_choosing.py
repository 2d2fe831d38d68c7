"""The contract of filters and orders of lists, over SQLite and PostgreSQL."""

import pytest

from backprop_evo.errors import InvalidInput
from backprop_evo.records.choosing import RowChoice, TrialChoice, TrialOrder
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainSpec

EQUATIONS = {"g": 0.5, "g / fro(g)": 0.9, "clip(g, 1.0) * dh": 0.7, "sgn(g) * h_pre": None, "100% g_b": 0.6}


@pytest.fixture
def search(scene):
    search = scene.search(trials=50)
    for equation, accuracy in EQUATIONS.items():
        scene.finish(scene.trial(search, equation=equation), accuracy)
    scene.trial(search, equation="fro(g) * fro(h)")
    return search


def pages(page, limit=2, **options):
    """All items, a few at a time."""
    found, cursor = [], None
    while True:
        part = page(cursor=cursor, limit=limit, **options)
        found += part.items
        cursor = part.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"component": "fro"}, ["fro(g) * fro(h)", "g / fro(g)"]),
        ({"component": "h"}, ["fro(g) * fro(h)"]),
        ({"component": "dh"}, ["clip(g, 1.0) * dh"]),
        ({"text": "clip(g"}, ["clip(g, 1.0) * dh"]),
        ({"text": "100%"}, ["100% g_b"]),
        ({"text": "g_b"}, ["100% g_b"]),
        ({"text": "%"}, ["100% g_b"]),
        ({"text": "g", "state": TrialState.DIVERGED}, ["sgn(g) * h_pre"]),
        ({"component": "nothing"}, []),
    ],
)
def test_trials_are_chosen_by_how_they_are_written(scene, search, choice, expected):
    chosen = pages(lambda **o: scene.store.trials.page(search.id, choice=TrialChoice(**choice), **o))
    assert [each.method.equation for each in chosen] == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (TrialOrder.OLDEST, [*EQUATIONS, "fro(g) * fro(h)"]),
        (TrialOrder.NEWEST, ["fro(g) * fro(h)", *reversed(EQUATIONS)]),
        (
            TrialOrder.BEST,
            ["g / fro(g)", "clip(g, 1.0) * dh", "100% g_b", "g", "fro(g) * fro(h)", "sgn(g) * h_pre"],
        ),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_trials_come_in_every_order_page_by_page(scene, search, order, expected, limit):
    chosen = pages(
        lambda **o: scene.store.trials.page(search.id, choice=TrialChoice(order=order), **o), limit
    )
    assert [each.method.equation for each in chosen] == expected


def test_equal_numbers_come_once_each(scene):
    search = scene.search(trials=50)
    for _ in range(7):
        scene.finish(scene.trial(search), 0.5)
    for order in (TrialOrder.BEST, TrialOrder.LONGEST):
        chosen = pages(
            lambda order=order, **o: scene.store.trials.page(search.id, choice=TrialChoice(order=order), **o)
        )
        assert len({each.id for each in chosen}) == len(chosen) == 7


def test_a_cursor_goes_on_in_its_own_order(scene, search):
    cursor = scene.store.trials.page(search.id, limit=1).next_cursor
    with pytest.raises(InvalidInput, match="no cursor of this listing"):
        scene.store.trials.page(search.id, choice=TrialChoice(order=TrialOrder.BEST), cursor=cursor)
    cursor = scene.store.leaderboard.page(search.id, limit=1).next_cursor
    with pytest.raises(InvalidInput, match="no cursor of this listing"):
        scene.store.leaderboard.page(search.id, choice=RowChoice(text="g"), cursor=cursor)


def test_rows_of_a_leaderboard_keep_their_ranks(scene, search):
    def chosen(**choice):
        rows = pages(
            lambda **o: scene.store.leaderboard.page(search.id, choice=RowChoice(**choice), **o), limit=1
        )
        return [(row.rank, row.method.equation) for row in rows]

    assert chosen(component="clip") == [(2, "clip(g, 1.0) * dh")]
    assert chosen(text="g", confirmed=False) == [
        (1, "g / fro(g)"),
        (2, "clip(g, 1.0) * dh"),
        (3, "100% g_b"),
        (4, "g"),
    ]
    assert chosen(confirmed=True) == []


def test_settings_are_chosen_by_model_data_and_optimizer(scene, search):
    other = scene.search("other", train=TrainSpec(model="mlp-8", data="mnist", optimizer="momentum"))
    scene.finish(scene.trial(other, equation="h"), 0.8)

    def chosen(**choice):
        return [
            (row.rank, row.method.equation)
            for row in pages(lambda **o: scene.store.leaderboard.page(choice=RowChoice(**choice), **o))
        ]

    assert chosen(model="mlp-8") == chosen(data="mnist") == chosen(optimizer="momentum") == [(1, "h")]
    assert len(chosen(model="wrn-10-1")) == 4
    assert chosen(model="wrn-10-1", data="mnist") == []
    assert chosen(model="wrn-10-1", component="clip") == [(2, "clip(g, 1.0) * dh")]
    assert len(chosen()) == 5


@pytest.mark.parametrize("odd", [{"text": ""}, {"text": "a\0"}, {"text": "x" * 201}, {"component": "a b"}])
def test_odd_choices_are_refused_in_words(odd):
    with pytest.raises(InvalidInput) as refused:
        TrialChoice(**odd)
    assert refused.value.hint
