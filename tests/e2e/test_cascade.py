"""The whole cascade by real processes, some of which are killed between two rungs: nothing is lost, nothing
is judged twice, and every decision follows from the rows."""

from dataclasses import replace

import pytest

from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.training import RelativeStepGrid, TrainSpec
from backprop_evo.search.budget import COUNTED
from backprop_evo.search.replay import replay, replay_pruning
from backprop_evo.search.search_language import SearchLanguage
from tests.e2e.cluster import Cluster, eventually, search_spec

pytestmark = pytest.mark.slow

TRAIN = TrainSpec(
    model="mlp-32",
    epochs=12,
    batch_size=64,
    learning_rate=RelativeStepGrid(relative_steps=(0.003, 0.03), probe_epochs=0.5, extra_probes=1),
    train_images=1280,
    validation_images=200,
    augment=False,
)
"""240 steps; both probes end at the first rung."""

SPEC = replace(
    search_spec("cascade", trials=16, train=TRAIN, best=1),
    rates="inherited",
    start=("h * dh", "g - g"),
    pruner=PrunerSpec(name="asha", rungs=(10, 60), reduction=2.0, min_trials=2, spared=0.2),
)


def test_workers_and_controller_killed_between_rungs(cluster: Cluster) -> None:
    store = cluster.store
    search = cluster.service.submit_search(SPEC)
    for reports in (3, 9):
        eventually(
            lambda reports=reports: len(store.intermediates.of(search.id)) >= reports,
            f"{reports} values came",
        )
        for process in cluster.pool_processes():
            process.kill()
        cluster.kill("controller")
        cluster.start("controller")
    ended = cluster.until_ended(search.id)

    assert ended.state is SearchState.COMPLETED, ended.failure
    trials = store.trials.page(search.id, limit=500).items
    searched = [trial for trial in trials if trial.purpose in COUNTED]
    screened = [trial for trial in searched if trial.state is TrialState.SCREENED]
    assert (len(searched) - len(screened), ended.trials_done) == (16, 16)
    assert any(trial.fence > 1 for trial in trials), "they were killed too late to mean anything"
    assert sorted(trial.finish_order or 0 for trial in trials) == list(range(1, len(trials) + 1))

    individuals, values = store.individuals.of(search.id), store.intermediates.of(search.id)
    by_facts = [each for each in individuals if each.screened_out]
    assert [each.method.equation for each in by_facts][:1] == ["h * dh"]
    assert ended.screened_out == len(by_facts) + len(screened)
    assert "g - g" in {trial.method.equation for trial in screened}
    again = replay(ended.spec, SearchLanguage(ended.spec), individuals, store.trials.finishes(search.id))
    assert again == tuple(individuals)
    assert replay_pruning(ended.spec, values) == tuple(each.judged for each in values)

    pruned = {each.trial_id: each.judged.pruned for each in values if each.judged.pruned}
    stopped = {trial.id for trial in searched if trial.result and trial.result.rung is not None}
    assert set(pruned) == stopped
    assert all(store.trials.get(each).result.reason == pruned[each] for each in stopped)  # type: ignore[union-attr]
    reported = [(each.trial_id, each.value.step) for each in values]
    assert len(set(reported)) == len(reported)
