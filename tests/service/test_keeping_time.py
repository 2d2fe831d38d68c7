"""A search with a budget ends in time, whatever its pool and its trainings are; what was decided is stored."""

from random import Random

import pytest

from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from tests.service.pools import Pool

BUDGET_S = 200.0


def varied(longest_s, shortest=0.3):
    """Each equation takes its own time, up to ``longest_s``."""

    def length_s(trial):
        return longest_s * (shortest + (1 - shortest) * Random(trial.fingerprint).random())

    return length_s


@pytest.fixture
def timed(small_spec):
    def spec(**options):
        return small_spec(**{"budget": BUDGET_S, "trials": 100_000, "start_random": 8, **options})

    return spec


@pytest.mark.parametrize(
    ("slots", "longest_s", "shortest"),
    [
        (1, 4.0, 0.2),
        (1, 2.0, 0.9),
        (2, 4.0, 0.3),
        (2, 1.0, 0.5),
        pytest.param(64, 4.0, 0.9, marks=pytest.mark.slow),
        pytest.param(64, 4.0, 0.1, marks=pytest.mark.slow),
    ],
)
def test_it_ends_within_a_tenth_of_its_budget(store, clock, service, timed, slots, longest_s, shortest):
    """Where no training is longer than 2 % of it."""
    search = service.submit_search(timed())
    took_s = Pool(store, clock, slots, varied(longest_s, shortest)).run(search.id, at_most_s=2 * BUDGET_S)
    ended = store.searches.get(search.id)
        slots,
        longest_s,
        took_s,
        ended.trials_done,
        [(e.spec.seeds, len(e.spec.rows)) for e in store.evaluations.of_search(search.id)],
        ended.spent_s,
        ended.slot_s,
    )
    assert ended.state is SearchState.COMPLETED
    assert took_s == pytest.approx(BUDGET_S, rel=0.1)
