"""A search with a budget ends in time, whatever its pool and its trainings are; what decided is stored."""

from random import Random

import pytest

from backprop_evo.records.funnel import Confirmation, Finalists, Transfer
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import Role
from backprop_evo.search.fruitless import notice
from backprop_evo.search.replay import replay
from backprop_evo.search.search_language import SearchLanguage
from tests.service.pools import Pool

BUDGET_S = 200.0


def varied(longest_s, shortest=0.3):
    """Each equation takes its own time, up to ``longest_s``, and longer trainings take longer."""

    def length_s(trial):
        return (
            longest_s
            * trial.spec.epochs
            / 2
            * (shortest + (1 - shortest) * Random(trial.fingerprint).random())
        )

    return length_s


@pytest.fixture
def timed(small_spec):
    def spec(**options):
        return small_spec(**{"budget": BUDGET_S, "trials": 100_000, "start_random": 8, **options})

    return spec


def kinds(store, search_id):
    """The events of a search that are no trial's, in order."""
    found, last = [], 0
    while page := store.events.after(last, search_id=search_id):
        last = page[-1].id
        found += [each.kind for each in page if not each.kind.startswith(("trial.", "individuals."))]
    return found


@pytest.mark.parametrize(
    ("slots", "longest_s", "shortest"),
    [
        (1, 4.0, 0.2),
        (1, 2.0, 0.9),
        (2, 4.0, 0.3),
        pytest.param(2, 1.0, 0.5, marks=pytest.mark.slow),
        # Four times as many in flight as the search begins with at random.
        pytest.param(16, 4.0, 0.9, marks=pytest.mark.slow),
        pytest.param(64, 4.0, 0.1, marks=pytest.mark.slow),
    ],
)
def test_it_ends_within_a_tenth_of_its_budget(store, clock, service, timed, slots, longest_s, shortest):
    """Where no training is longer than 2 % of it."""
    search = service.submit_search(timed())
    took_s = Pool(store, clock, slots, varied(longest_s, shortest)).run(search.id, at_most_s=2 * BUDGET_S)
    ended = store.searches.get(search.id)
    assert ended.state is SearchState.COMPLETED
    assert took_s == pytest.approx(BUDGET_S, rel=0.1)
    assert ended.spent_s == pytest.approx(took_s, abs=3)
    assert ended.slot_s == pytest.approx(slots * ended.spent_s)


@pytest.mark.parametrize("factor", [0.5, 1.8])
def test_a_load_that_changes_in_the_last_stage_changes_its_seeds(store, clock, service, timed, factor):
    search = service.submit_search(timed())
    length_s = varied(2.0)

    def disturbed(trial):
        return length_s(trial) * (factor if trial.purpose is Purpose.EVALUATION else 1.0)

    took_s = Pool(store, clock, 2, disturbed).run(search.id, at_most_s=2 * BUDGET_S)
    assert took_s == pytest.approx(BUDGET_S, rel=0.1)
    (confirmation,) = store.evaluations.of_search(search.id)
    assert confirmation.seeds == confirmation.spec.seeds
    assert confirmation.extensions == 0
    confirmed = [row for row in store.leaderboard.page(search.id, limit=500).items if row.confirmed]
    assert {row.validation.n for row in confirmed} == {confirmation.seeds}
    assert len(confirmed) == len(confirmation.spec.rows)


def test_all_stages_have_their_share(store, clock, service, timed):
    funnel = {
        "finalists": Finalists(best=4, seeds=2),
        "confirmation": Confirmation(best=1, seeds=3),
        "transfer": Transfer(best=1, seeds=2, settings=("longer", "other-optimizer")),
    }
    search = service.submit_search(timed(**funnel))
    pool = Pool(store, clock, 2, varied(1.0))
    took_s = pool.run(search.id, at_most_s=2 * BUDGET_S)
    assert took_s == pytest.approx(BUDGET_S, rel=0.1)
    stages = store.evaluations.stages_of(search.id)
    assert set(stages) == set(Role)
    assert all(len(each.spec.rows) >= 2 and each.spec.seeds >= 2 for each in stages.values())
    shares = {
        role: (each.ended_at - each.created_at).total_seconds() / BUDGET_S for role, each in stages.items()
    }
    assert shares[Role.FINALISTS] == pytest.approx(0.15, abs=0.05)
    assert shares[Role.CONFIRMATION] == pytest.approx(0.20, abs=0.06)


def test_what_was_decided_is_stored_once_and_replays(store, clock, service, timed):
    search = service.submit_search(timed())
    Pool(store, clock, 2, varied(4.0)).run(search.id, at_most_s=2 * BUDGET_S)
    ended = store.searches.get(search.id)
    assert ended.trials_total == ended.trials_done < ended.spec.trials
    assert kinds(store, search.id).count("search.shortened") == 1
    individuals, finishes = store.individuals.of(search.id), store.trials.finishes(search.id)
    assert replay(ended.spec, SearchLanguage(ended.spec), individuals, finishes) == tuple(individuals)


def test_every_controller_that_comes_decides_the_same(store, clock, service, timed):
    """One that forgets everything before each of its steps cuts the search at the same trial."""

    class Forgetful(Pool):
        def step(self):
            for driven in self.held.values():
                driven[1] = None
            super().step()

    numbers = []
    for kind in (Pool, Forgetful):
        # Left open it would follow from the plan, which the first of the two changes by what it measures.
        search = service.submit_search(timed(budget=60.0, population_size=4))
        kind(store, clock, 2, varied(3.0)).run(search.id, at_most_s=120)
        numbers.append(store.searches.get(search.id).trials_total)
    assert numbers[0] == numbers[1]


def test_pauses_and_times_without_a_slot_do_not_count(store, clock, service, timed):
    search = service.submit_search(timed())
    pool = Pool(store, clock, 2, varied(4.0))
    for _ in range(60):
        pool.step()
    service.apply_verb("pause", search.id)
    clock.pass_by(500)
    service.apply_verb("resume", search.id)
    pool.step()
    pool.slots = 0
    for _ in range(100):
        pool.step()
    pool.slots = 2
    left_s = pool.run(search.id, at_most_s=2 * BUDGET_S)
    assert left_s + 30 == pytest.approx(BUDGET_S, rel=0.12)
    assert store.searches.get(search.id).spent_s == pytest.approx(BUDGET_S, rel=0.12)


def test_a_trial_that_is_screened_out_after_the_end_is_not_replaced(store, clock, service, timed):
    search = service.submit_search(timed())

    def ends(trial):
        is_late = trial.purpose is Purpose.SEARCH and store.searches.get(search.id).trials_total < 1000
        return TrialState.SCREENED if is_late else TrialState.COMPLETED

    Pool(store, clock, 2, varied(4.0), ends).run(search.id, at_most_s=2 * BUDGET_S)
    ended = store.searches.get(search.id)
    assert ended.screened_out > 0
    assert ended.trials_done == ended.trials_total
    last = max(each.created_at for each in store.individuals.of(search.id))
    assert (last - search.created_at).total_seconds() < 0.75 * BUDGET_S


def test_an_extension_asks_for_trials_and_time_decides_no_longer(store, clock, service, timed):
    search = service.submit_search(timed(budget=60.0))
    pool = Pool(store, clock, 2, varied(3.0))
    pool.run(search.id, at_most_s=120)
    before = store.searches.get(search.id)
    service.apply_verb("extend", search.id, {"trials": 30})
    pool.run(search.id, at_most_s=600)
    after = store.searches.get(search.id)
    assert after.trials_done == before.trials_done + 30
    assert after.spent_s == before.spent_s


def test_a_clone_asks_for_the_same_time_and_not_for_the_trials_that_fitted(store, clock, service, timed):
    search = service.submit_search(timed(budget=60.0))
    Pool(store, clock, 2, varied(3.0)).run(search.id, at_most_s=120)
    assert service.apply_verb("clone", search.id).spec == store.searches.get(search.id).spec


def test_trials_is_a_bound(store, clock, service, timed):
    search = service.submit_search(timed(trials=10))
    took_s = Pool(store, clock, 2, varied(2.0)).run(search.id, at_most_s=2 * BUDGET_S)
    assert store.searches.get(search.id).trials_done == 10
    assert took_s < 0.6 * BUDGET_S


def test_trials_that_outlive_the_time_are_not_sent_whatever_is_asked_for(store, clock, service, timed):
    search = service.submit_search(timed(in_flight=1000, trials=5000))
    took_s = Pool(store, clock, 1, varied(2.0, 0.9)).run(search.id, at_most_s=2 * BUDGET_S)
    assert took_s == pytest.approx(BUDGET_S, rel=0.1)


@pytest.mark.parametrize("end", [TrialState.PRUNED, TrialState.DIVERGED])
def test_a_search_whose_first_equations_all_die_is_told_and_ends_in_time(store, clock, service, timed, end):
    search = service.submit_search(timed(budget=60.0))
    told = []

    def ends(trial):
        told.append(notice(store.searches.get(search.id)))
        return end if trial.purpose is Purpose.SEARCH else TrialState.COMPLETED

    Pool(store, clock, 2, varied(3.0), ends).run(search.id, at_most_s=90)
    assert told[0] is None
    assert "none of the first" in told[-1]
    assert "no training of the search reached a fitness" in store.searches.get(search.id).end_reason
