"""``backprop-evo discover``: how large it is, what it goes on with, what it says on its way."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from backprop_evo import data
from backprop_evo.cli import discover
from backprop_evo.cli.discover import Discovery, dataset_here
from backprop_evo.cli.discovery import QUICK, SHARE, WHOLE, Size, Wish, document_of, sized
from backprop_evo.cli.discovery_progress import line_of
from backprop_evo.cli.main import app
from backprop_evo.errors import Conflict, DatasetUnusable
from backprop_evo.service import parse_search_spec
from backprop_evo.service.specs import check_search_spec
from backprop_evo.settings import Settings

NOTHING_SAID = Wish(quick=False, seed=None, budget_s=None, start=None)


def spec_of(size: Size, dataset: str) -> Any:
    return parse_search_spec(document_of(size, dataset=dataset, seed=3, budget_s=9000.0, start=()))


@pytest.mark.parametrize(
    ("size", "dataset"), [(WHOLE, "cifar10"), (WHOLE, "cifar10-mini"), (QUICK, "cifar10-mini")]
)
def test_its_search_can_be_carried_out_and_has_the_steps_that_it_says(size: Size, dataset: str) -> None:
    spec = spec_of(size, dataset)
    check_search_spec(spec)
    info = data.dataset_info(dataset)
    an_epoch = spec.train.steps_per_epoch(info.train_images - info.validation_images)
    assert round(spec.train.epochs * an_epoch) == size.steps
    assert round(spec.confirmation.epochs * an_epoch) == size.confirmation.steps
    assert round(spec.train.learning_rate.probe_epochs * an_epoch) == size.probe_steps == size.rungs[0]
    assert (spec.start, spec.strategy, spec.seed) == ((), "evolution", 3)
    assert spec.budget == pytest.approx(SHARE * 9000)


def test_a_whole_one_passes_every_stage_and_confirms_far_out() -> None:
    spec = spec_of(WHOLE, "cifar10")
    assert min(spec.finalists.best, spec.confirmation.best, spec.transfer.best) > 0
    assert len(spec.transfer.settings) == 2
    assert (WHOLE.confirmation.steps >= 800, spec.confirmation.seeds) == (True, 10)
    assert WHOLE.steps < (WHOLE.finalists.steps if WHOLE.finalists else 0) < WHOLE.confirmation.steps
    assert (spec.train.model, spec.train.batch_size) == ("wrn-10-1", 32)


@pytest.mark.parametrize("size", [WHOLE, QUICK])
def test_another_horizon_is_in_proportion_and_another_child_is_trained(size: Size) -> None:
    other = sized(size, model="mlp-64-64-sigmoid", steps=3 * size.confirmation.steps)
    assert other.rungs == tuple(3 * rung for rung in size.rungs)
    assert (other.steps, other.probe_steps) == (3 * size.steps, 3 * size.probe_steps)
    spec = spec_of(other, size.data)
    check_search_spec(spec)
    assert spec.train.model == "mlp-64-64-sigmoid"
    own = spec_of(size, size.data)
    assert spec.confirmation.epochs == pytest.approx(3 * own.confirmation.epochs, rel=1e-6)
    assert sized(size, model=None, steps=None) == size


def test_both_searches_fit_into_the_time() -> None:
    assert 2 * SHARE < 1


def test_a_budget_that_is_no_time_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["discover", "--budget", "long", "--home", str(tmp_path / "home")])
    assert (done.exit_code, "2h30m" in done.stderr) == (2, True)
    assert not (tmp_path / "home").exists()


def test_without_the_data_set_it_goes_on_with_the_subset_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(name: str, **_: Any) -> None:
        raise DatasetUnusable(f"{name}: no way to its host")

    monkeypatch.setattr(data, "fetch", fetch)
    console = Console(record=True, quiet=False, width=200)
    assert dataset_here("cifar10", console) == "cifar10-mini"
    text = " ".join(console.export_text().split())
    assert "no way to its host" in text
    assert "backprop-evo data fetch cifar10" in text
    monkeypatch.setattr(data, "fetch", lambda _name, **_: None)
    assert dataset_here("cifar10", Console(quiet=True)) == "cifar10"


class Service:
    """Answers like the REST client: the searches of a folder."""

    def __init__(self, *searches: dict[str, Any]) -> None:
        self.searches = searches

    def items(self, _path: str, **_: Any) -> tuple[dict[str, Any], ...]:
        return self.searches

    def get(self, path: str, **_: Any) -> dict[str, Any]:
        return next(each for each in self.searches if path.endswith(each["id"]))


def begun(
    id: str, state: str, *, counterpart: str | None = None, wish: Wish = NOTHING_SAID
) -> dict[str, Any]:
    return {"id": id, "state": state, "counterpart": counterpart, "spec": wish.document("cifar10")}


def other(id: str, state: str) -> dict[str, Any]:
    found = begun(id, state)
    return {**found, "spec": {**found["spec"], "name": "discovery: counterpart"}}


def goes_on_with(wish: Wish, *searches: dict[str, Any]) -> str | None:
    options = Settings(home=Path("home"))
    client, stack = Service(*searches), None
    discovery = Discovery(client, stack, options, Console(quiet=True))  # type: ignore[arg-type]
    found = discovery.begun(wish)
    return None if found is None else found["id"]


class TestGoingOn:
    def test_an_empty_folder_has_nothing_to_go_on_with(self) -> None:
        assert goes_on_with(NOTHING_SAID) is None

    @pytest.mark.parametrize("state", ["queued", "running", "paused", "stopping"])
    def test_one_that_has_not_ended_goes_on(self, state: str) -> None:
        assert goes_on_with(NOTHING_SAID, begun("a", state)) == "a"

    def test_one_without_its_counterpart_has_not_ended(self) -> None:
        assert goes_on_with(NOTHING_SAID, begun("a", "completed")) == "a"
        running = other("b", "running")
        assert goes_on_with(NOTHING_SAID, running, begun("a", "completed", counterpart="b")) == "a"

    def test_one_that_has_ended_is_reported_again_and_another_begun(self) -> None:
        ended = (other("b", "completed"), begun("a", "completed", counterpart="b"))
        assert goes_on_with(NOTHING_SAID, *ended) == "a"
        assert goes_on_with(Wish(quick=False, seed=1, budget_s=None, start=None), *ended) is None
        assert goes_on_with(Wish(quick=False, seed=None, budget_s=None, start=("g",)), *ended) is None
        assert (
            goes_on_with(Wish(quick=False, seed=None, budget_s=None, start=None, model="cnn"), *ended) is None
        )
        assert goes_on_with(Wish(quick=False, seed=None, budget_s=None, start=None, steps=90), *ended) is None

    @pytest.mark.parametrize("state", ["cancelled", "failed"])
    def test_one_that_was_given_up_is_left_alone(self, state: str) -> None:
        assert goes_on_with(NOTHING_SAID, begun("a", state)) is None

    @pytest.mark.parametrize(
        ("wish", "words"),
        [
            (Wish(quick=True, seed=None, budget_s=None, start=None), "no quick one"),
            (Wish(quick=False, seed=4, budget_s=None, start=None), "its seed is 0"),
            (Wish(quick=False, seed=None, budget_s=60.0, start=None), "1h12m"),
            (Wish(quick=False, seed=None, budget_s=None, start=("g",)), "random equations alone"),
            (Wish(quick=False, seed=None, budget_s=None, start=None, model="cnn"), "trains wrn-10-1"),
            (Wish(quick=False, seed=None, budget_s=None, start=None, steps=1800), "confirms after"),
        ],
    )
    def test_another_than_the_unfinished_one_is_refused(self, wish: Wish, words: str) -> None:
        with pytest.raises(Conflict, match=words) as error:
            goes_on_with(wish, begun("a", "running"))
        assert "--home" in (error.value.hint or "")

    def test_saying_the_same_again_goes_on(self) -> None:
        wish = Wish(quick=False, seed=0, budget_s=9000.0, start=None)
        assert goes_on_with(wish, begun("a", "running")) == "a"


def test_the_line_of_progress_says_where_it_is() -> None:
    search = {"spec": {"name": "discovery", "budget": 4320.0}, "started_at": None, "ended_at": None}
    row = {"is_baseline": False, "is_control": False, "pairs": 4, "difference": 0.01, "text": "g / fro(g)"}
    row["verdict"] = "better by 1.0 points, 0.4 … 1.6, n = 4"
    table = {"ended": 12, "planned": 60, "blocks": [{"rows": [row]}]}
    ends = {"trained": 312, "screened out": 40, "ended at rung 1": 240, "completed": 21}
    report: dict[str, Any] = {
        "stages": [{"name": name, "equations": count} for name, count in ends.items()],
        "tables": [],
        "courses": [{"course": {"points": [{"fitness": 0.312}]}}],
        "backprop": 0.301,
    }
    searching = line_of(search, report, 4320.0)
    assert searching == (
        "discovery, searching: 312 trained (240 ended at rung 1, 21 completed), 40 screened out; "
        "best 31.2 % in one training (plain backprop 30.1 %); about 2 h 24 min left"
    )
    confirming = line_of(search, {**report, "tables": [{"role": "confirmation", "table": table}]}, 0.0)
    assert "discovery, confirmation: " in confirming
    assert "confirmation: 12 of 60 trainings" in confirming
    assert "g / fro(g): better by 1.0 points, 0.4 … 1.6, n = 4" in confirming


def test_make_discover_is_the_command() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    assert "backprop-evo discover $(DISCOVER_OPTIONS)" in makefile
    assert discover.EPILOG.count("backprop-evo discover") == 3
