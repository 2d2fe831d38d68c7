"""The plan of a search for the pool that there is; what cannot be is said with what to change."""

import pytest

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.funnel import Confirmation, Finalists, Transfer
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.presets import preset
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import OPEN_TRIALS
from backprop_evo.search.time_plan import open_rungs
from backprop_evo.service import parse_search_spec
from backprop_evo.service.timing import guess_of, plan_document
from tests.service.pools import Pool

NOBODY = {"budget": 7200.0, "trials": OPEN_TRIALS}
ASHA = PrunerSpec(name="asha")


@pytest.fixture
def beat(store, clock):
    def beat(name="node", slots=2, devices=("cpu", "cpu"), **rest):
        node = NodeRecord(
            name=name,
            slots=slots,
            devices=devices,
            code_version="0",
            started_at=clock(),
            seen_at=clock(),
            **rest,
        )
        store.nodes.record_heartbeat(node)
        return node

    return beat


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("2h", 7200), ("90m", 5400), ("1h30m", 5400), ("1 h 30 min", 5400), ("45s", 45), ("600", 600), (90, 90)],
)
def test_a_time_is_read_as_people_write_it(written, seconds):
    spec = parse_search_spec({"name": "x", "budget": written})
    assert (spec.budget, spec.trials) == (seconds, OPEN_TRIALS)


@pytest.mark.parametrize("written", ["soon", "2 weeks", "h", "", "-5", "nan", "1e99", 0])
def test_what_is_no_time_is_refused(written):
    with pytest.raises(InvalidSettings) as refused:
        parse_search_spec({"name": "x", "budget": written})
    assert refused.value.field == "budget"


def test_without_a_budget_trials_has_its_default_and_with_one_its_bound():
    assert parse_search_spec({"name": "x"}).trials == 100
    assert parse_search_spec({"name": "x", "budget": None}).trials == 100
    assert parse_search_spec({"name": "x", "budget": "2h", "trials": 50}).trials == 50


def test_the_plan_is_for_the_slots_that_can_train_it(service, small_spec, beat):
    beat(slots=2)
    beat("without", slots=8, datasets=("mnist",))
    checked = service.check_search(small_spec(**NOBODY))
    assert checked.plan.slots == 2
    assert any("a guess" in each for each in checked.warnings)


def test_without_a_slot_it_is_for_one_and_a_guess(service, small_spec):
    checked = service.check_search(small_spec(**NOBODY))
    assert checked.plan.slots == 1
    assert "no slot lives: this is the plan for one, and a guess" in checked.warnings


def test_it_stands_on_what_was_measured_in_this_very_setting(service, store, clock, small_spec, beat):
    beat()
    measured = service.submit_search(small_spec(trials=20))
    Pool(store, clock, 2, lambda _trial: 8.0).run(measured.id, at_most_s=1000)
    beat()
    here = service.check_search(small_spec(**NOBODY)).plan
    assert here.pace.measured == 21
    assert here.pace.training_s(62) == pytest.approx(8.0)
    assert plan_document(here)["stands_on"] == "measured on 21 trainings in this setting"
    elsewhere = service.check_search(small_spec(**NOBODY, train=preset("quick", epochs=3.0))).plan
    assert elsewhere.pace.measured == 0


def test_what_is_open_follows_from_the_plan_and_is_stored(service, small_spec, beat):
    beat()
    stored = service.submit_search(small_spec(**NOBODY, pruner=ASHA)).spec
    assert stored.pruner.rungs == open_rungs(62, 3.0) == (10, 30)
    plan = service.check_search(stored).plan
    assert stored.population_size == plan.trials // 5
    named = service.submit_search(small_spec(**NOBODY, population_size=7)).spec
    assert named.population_size == 7


def test_every_stage_has_its_row(service, small_spec, beat):
    beat()
    funnel = {
        "finalists": Finalists(best=8),
        "confirmation": Confirmation(best=2),
        "transfer": Transfer(best=1),
    }
    plan = service.check_search(small_spec(**NOBODY, **funnel)).plan
    assert [each.name for each in plan.stages] == ["search", "finalists", "confirmation", "transfer"]
    assert plan.ends_s == pytest.approx(7200, rel=0.1)


def test_a_bound_that_ends_it_before_its_time_is_said(service, small_spec, beat):
    beat()
    checked = service.check_search(small_spec(budget=7200.0, trials=24))
    assert any("leave it out" in each for each in checked.warnings)
    assert checked.spec.population_size is None


class TestRefused:
    def test_a_budget_in_which_no_rung_of_the_pool_fits_tells_the_least_that_would(
        self, service, store, clock, small_spec, beat
    ):
        measured = service.submit_search(small_spec(trials=20))
        Pool(store, clock, 2, lambda _trial: 8.0).run(measured.id, at_most_s=1000)
        beat()
        with pytest.raises(InvalidSettings, match="10 s is too short for one rung of the pool") as refused:
            service.check_search(small_spec(budget=10.0))
        assert refused.value.field == "budget"
        assert "measured on 21 trainings" in refused.value.message
        least_s = service.check_search(small_spec(budget=100.0)).plan.least_s
        assert service.check_search(small_spec(budget=least_s)).plan is not None
        with pytest.raises(InvalidSettings):
            service.check_search(small_spec(budget=least_s - 1))

    def test_a_guess_refuses_only_what_is_far_off(self, service, small_spec, beat):
        beat()
        least_s = service.check_search(small_spec(budget=3600.0)).plan.least_s
        assert service.check_search(small_spec(budget=least_s / 2)).plan is not None
        with pytest.raises(InvalidSettings, match="a guess"):
            service.check_search(small_spec(budget=least_s / 5))

    def test_a_reduction_of_one(self, small_spec):
        with pytest.raises(InvalidSettings, match="choose the pruner none") as refused:
            small_spec(pruner=PrunerSpec(name="asha", rungs=(1, 2), reduction=1.0))
        assert refused.value.field == "pruner.reduction"

    @pytest.mark.parametrize("rungs", [(10, 62), (*range(1, 30), 70), (100,)])
    def test_rungs_beyond_the_last_step(self, service, small_spec, rungs):
        with pytest.raises(InvalidSettings, match="a training has 62 steps") as refused:
            service.check_search(small_spec(**NOBODY, pruner=PrunerSpec(name="asha", rungs=rungs)))
        assert "name steps below 62" in refused.value.hint

    def test_a_training_that_is_too_short_for_a_rung(self, service, small_spec):
        with pytest.raises(InvalidSettings, match="too short for a rung") as refused:
            service.check_search(small_spec(**NOBODY, pruner=ASHA, train=preset("quick", epochs=0.2)))
        assert "pruner none" in refused.value.hint


def test_a_guess_grows_with_the_model_and_is_another_on_a_gpu(beat):
    small, large = preset("quick"), preset("quick", model="wrn-28-10")
    on_cpu, on_gpu = [beat()], [beat("gpu", 1, ("cuda:0",))]
    assert guess_of(large, on_cpu).step_s > 100 * guess_of(small, on_cpu).step_s
    assert guess_of(small, on_gpu).step_s < guess_of(small, on_cpu).step_s
    assert (
        guess_of(preset("quick", learning_rate=0.1), on_cpu).overhead_s < guess_of(small, on_cpu).overhead_s
    )
