"""Published experiments made again: each carries out a tiny form of itself, goes on where it was left, and
fills its place in a page."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.benchmarks.curves import script

reproduce = script("reproduce")
experiment, images, networks, training = (
    script(f"reproductions.{name}") for name in ("experiment", "images", "networks", "training")
)
ledgers, progress = script("reproductions.ledger"), script("reproductions.progress")
NAMES = list(reproduce.EXPERIMENTS)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny training of each kind of each experiment."""
    file: Path = tmp_path_factory.mktemp("reproductions") / "rows.jsonl"
    reproduce.main(["all", *tiny(file)])
    return file


def tiny(file: Path) -> list[str]:
    return ["--tiny", "--seeds", "1", "--results", str(file)]


def rows_of(file: Path, name: str) -> list[dict[str, Any]]:
    return [row for row in ledgers.Ledger(file).rows() if row["experiment"] == name]


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_training_is_a_line_of_the_results(name: str, results: Path) -> None:
    rows, each = rows_of(results, name), reproduce.EXPERIMENTS[name]
    wanted = list(each.trainings({**each.sizes, **each.tiny, "part": "test"}, 0))
    assert len(rows) == len(wanted)
    assert {row["result"]["ended"] for row in rows} == {"completed"}
    assert all(row["result"]["planned"] > 0 and row["cpu_seconds"] > 0 for row in rows)
    table = each.table(rows).splitlines()
    assert len({line.count("|") for line in table}) == 1
    assert len(table) > 2


def test_what_is_there_is_not_trained_again(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = results.read_text()
    monkeypatch.setattr(reproduce, "carry_out", None)
    reproduce.main(["all", *tiny(results)])
    assert results.read_text() == before
    assert "1/" not in capsys.readouterr().out.split("\n\n")[0]


def test_a_line_that_was_cut_short_is_trained_again(results: Path, tmp_path: Path) -> None:
    first, second = results.read_text().splitlines()[:2]
    file = tmp_path / "rows.jsonl"
    file.write_text(f"{first}\n{second[:40]}")
    ledger = ledgers.Ledger(file)
    assert [row["method"] for row in ledger.rows()] == [json.loads(first)["method"]]


def test_tables_and_drawings_are_put_into_their_places(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "methods.md"
    marks = "\n\n".join(
        f"<!-- reproduction {name}: begin -->\nold\n<!-- reproduction {name}: end -->" for name in NAMES
    )
    page.write_text(f"# Before\n\n{marks}\n\nAfter.\n")
    reproduce.main(["all", *tiny(results), "--document", str(page)])
    text = page.read_text()
    assert text.startswith("# Before")
    assert text.endswith("After.\n")
    assert "old" not in text
    for name, each in reproduce.EXPERIMENTS.items():
        assert f"python benchmarks/reproduce.py {name}`; n = 1" in text
        assert (tmp_path / "images" / f"{name}.svg").exists() == (each.draw is not None)


def test_a_page_without_places_says_which_lines_it_wants(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "methods.md"
    page.write_text("# Nothing\n")
    with pytest.raises(SystemExit, match="reproduction unlocked: begin"):
        reproduce.main(["unlocked", *tiny(results), "--document", str(page)])


def test_a_size_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(SystemExit, match="depths has no hidden; it has data, width"):
        reproduce.main(["depths", "--set", "hidden=5"])
    with pytest.raises(SystemExit, match="no experiment is called 'depth'; there are depths"):
        reproduce.main(["depth"])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["depths", "--set", "iterations"], "--set takes NAME=VALUE"),
        (["depths", "--set", "iterations=many"], "depths wants something like iterations=1200"),
        (["depths", "--set", "iterations=0"], "something like iterations"),
        (["depths", "--set", 'rates={"backprop": 1}'], r'something like rates=\{"backprop": 0.001, "dni"'),
        (["copying", "--set", "scales=[]"], r"something like scales=\[0.1, 1.0\]"),
        (
            ["copying", "--set", "truncations=[9]"],
            r"no training with .*truncations=\[9\].*; its own are .*2, 3",
        ),
        (["unlocked", "--set", 'methods=["both"]'], "no method both; it has conditioned, unconditioned"),
        (["depths", "--set", "data=mnit"], "mnit"),
    ],
)
def test_values_that_cannot_be_are_refused_before_the_first_training(
    asked: list[str], told: str, tmp_path: Path
) -> None:
    file = tmp_path / "rows.jsonl"
    with pytest.raises(SystemExit, match=told):
        reproduce.main([*asked, "--results", str(file)])
    assert not file.exists()


def test_missing_data_are_named_with_their_command_before_the_first_training(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    asked = ["unformatted", "--set", 'data=["cifar10-mini", "fashion-mnist"]', "--data-dir", str(tmp_path)]
    with pytest.raises(
        SystemExit, match=r"fashion-mnist is not on this machine(.|\n)*data fetch fashion-mnist"
    ):
        reproduce.main([*asked, "--results", str(file)])
    assert not file.exists()


def test_a_width_of_the_kernel_stays_the_text_that_it_is() -> None:
    asked = script("reproductions.asked")
    fifty = reproduce.EXPERIMENTS["fifty-layers"]
    assert asked.sizes_of(fifty, ["sigma=10"], tiny=False, part="test")["sigma"] == "10"


def test_characters_of_the_validation_part_are_told_as_such(tmp_path: Path) -> None:
    characters = reproduce.EXPERIMENTS["characters"]
    sizes = {**characters.sizes, **characters.tiny, "part": "validation"}
    training = next(iter(characters.trainings(sizes, 0)))
    result = characters.carry_out(training, experiment.Circumstances())
    assert result["test_bits"] is None
    row = {"method": training.method, "settings": training.settings, "result": result}
    header, _, line = characters.table([row]).splitlines()
    assert "`bptt`, validation bits" in header
    assert f"{result['bits']:.3f}" in line


def test_the_plan_trains_nothing_that_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.jsonl"
    reproduce.main(["asynchronous", "--tiny", "--results", str(file), "--plan"])
    assert not file.exists()
    assert "asynchronous      9 trainings" in capsys.readouterr().out


def test_the_rate_falls_to_a_tenth_at_each_decay() -> None:
    rates: list[float] = []

    class Noting(torch.optim.SGD):
        def step(self, closure: Any = None) -> None:
            rates.append(self.param_groups[0]["lr"])
            super().step(closure)

    material = images.load("cifar10-mini", "validation", "unit", None)
    network = networks.perceptron(material.features, [4], material.classes)
    course = training.Course(10, 16, [5], (0.6, 0.8))
    outcome = training.train(network, "g", {}, material, course, lambda given: Noting(given, lr=1.0), 0)
    assert rates == pytest.approx([1.0] * 6 + [0.1] * 2 + [0.01] * 2)
    assert [point[0] for point in outcome.curve] == [5, 10]


def test_a_training_that_diverges_ends_there_and_says_so() -> None:
    material = images.load("cifar10-mini", "validation", "unit", None)
    network = networks.perceptron(material.features, [4], material.classes, batch_norm=False)
    torch.nn.init.constant_(network[-1].weight, float("inf"))
    outcome = training.train(network, "g", {}, material, training.Course(5, 16), training.sgd(0.1), 0)
    assert outcome.ended.startswith("the loss of iteration 1 is")
    assert len(outcome.curve) == 1


def test_scaled_pixels_have_mean_none_and_deviation_one() -> None:
    material = images.load("cifar10-mini", "validation", "standard", None)
    x, _ = material.train.at(torch.arange(len(material.train)))
    assert float(x.mean()) == pytest.approx(0, abs=1e-3)
    assert float(x.std()) == pytest.approx(1, abs=1e-3)
    unit = images.load("cifar10-mini", "test", "unit", None)
    assert len(unit.train) == 5000, "all published training images, where the test images are measured"
    assert float(unit.train.at(torch.arange(9))[0].min()) >= 0


def test_time_left_is_that_of_the_same_kind_or_else_of_its_neighbours() -> None:
    def row(name: str, method: str, width: int) -> dict[str, Any]:
        return {"experiment": name, "method": method, "seed": 0, "settings": {"width": width}}

    pace = progress.Pace()
    assert pace.left([row("a", "g", 1)]) == "1 of a kind not tried yet left"
    pace.hear(row("a", "g", 1), 60.0)
    pace.hear(row("a", "g", 2), 120.0)
    pace.hear(row("a", "dni", 1), 600.0)
    assert pace.expected({**row("a", "g", 2), "seed": 7}) == 120
    assert pace.expected(row("a", "g", 3)) == 90
    assert pace.expected(row("a", "hsic", 1)) == 260
    together = pace.left([row("a", "g", 1), row("a", "dni", 1), row("b", "g", 1)])
    assert together == "about 11.0 minutes of one core and 1 of a kind not tried yet left"


def test_a_long_training_says_now_and_then_how_long_it_will_take(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 1.0, 60.0, 61.0, 240.0])
    heartbeat = progress.Heartbeat(400, lambda: next(times))
    for done in (10, 100, 101, 400):
        heartbeat.tell(done)
    told = capsys.readouterr().out
    assert told == "    100 of 400 iterations, about 3.0 minutes of this training left\n"


def test_an_accuracy_is_the_last_one_looked_at_until_then() -> None:
    rows = [{"result": {"curve": [[10, 1.0, 0.5], [20, 1.0, 0.75]]}}, {"result": {"curve": [[5, 9.0, 0.1]]}}]
    assert experiment.at(rows, 10) == [50, 10]
    assert experiment.at(rows, 25) == [75, 10]
    assert experiment.spread([1.0, 3.0], 1) == "2.0 ± 1.4"
