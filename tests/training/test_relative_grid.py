"""How a grid of relative steps is searched: by late loss, growing where its edge wins."""

import math

import pytest

from backprop_evo.records.states import TrialState
from backprop_evo.records.training import RelativeStepGrid
from backprop_evo.training.run import rate_choice
from backprop_evo.training.run.loop import Run


class Landscape:
    """Runs whose late loss is a function of their relative step; None diverges."""

    def __init__(self, loss_of) -> None:
        self.loss_of, self.probed, self.material = loss_of, [], Steps()

    def rate_of_unit_step(self):
        return 2.0

    def make(self, rate, _schedule, *, relative_step=None):
        run = Run.__new__(Run)
        run.material, run.rate, run.relative_step = self.material, rate, relative_step
        run.total_steps, run.validation_accuracy = 10, 0.5
        self.probed.append(relative_step)
        loss = self.loss_of(relative_step)
        run._losses = [] if loss is None else [loss]

        def advance(steps, report, phase):
            if loss is None:
                raise rate_choice.EndedEarly(TrialState.DIVERGED, "the loss became NaN")

        run.advance = advance
        return run


class Steps:
    def steps(self, _epochs):
        return 5


def probed_by(monkeypatch, loss_of, **grid):
    landscape = Landscape(loss_of)
    probed = rate_choice.Probed()
    best = rate_choice.probe_rates(landscape, RelativeStepGrid(**grid), "constant", None, probed)
    return landscape.probed, best, probed


@pytest.mark.parametrize(
    ("best_at", "steps", "expected"),
    [
        (0.03, (0.01, 0.03, 0.1), [0.01, 0.03, 0.1]),
        (1.0, (0.01, 0.1), [0.01, 0.1, 1.0, 10.0]),
        (0.001, (0.01, 0.1), [0.01, 0.1, 0.001, 0.0001]),
        (1e9, (0.01, 0.1), [0.01, 0.1, 1.0, 10.0, 100.0]),
        (0.4, (0.1, 0.2, 0.01), [0.01, 0.1, 0.2, 0.4, 0.8]),
    ],
)
def test_the_grid_grows_until_its_best_is_inside(monkeypatch, best_at, steps, expected):
    probed, best, _ = probed_by(
        monkeypatch, lambda step: abs(math.log(step / best_at)), relative_steps=steps, extra_probes=3
    )
    assert probed == pytest.approx(expected)
    assert best.relative_step == pytest.approx(min(expected, key=lambda step: abs(math.log(step / best_at))))
    assert best.rate == best.relative_step * 2.0


def test_a_diverged_neighbour_is_a_neighbour(monkeypatch):
    probed, best, record = probed_by(
        monkeypatch, lambda step: None if step > 0.05 else -step, relative_steps=(0.01, 0.05)
    )
    assert probed == pytest.approx([0.01, 0.05, 0.25])
    assert best.relative_step == 0.05
    assert record.reasons == ["0.5: the loss became NaN"]
    assert record.probes[-1].relative_step == pytest.approx(0.25)


def test_where_none_survives_smaller_ones_are_tried(monkeypatch):
    probed, best, _ = probed_by(
        monkeypatch, lambda step: None if step > 0.002 else 1.0, relative_steps=(0.01, 0.1), extra_probes=2
    )
    assert probed == pytest.approx([0.01, 0.1, 0.001, 0.0001])
    assert best.relative_step == pytest.approx(0.001)
    assert probed_by(monkeypatch, lambda _: None, relative_steps=(0.1, 1.0))[1] is None


def test_the_grid_may_be_kept_as_it_is(monkeypatch):
    probed, _, _ = probed_by(monkeypatch, lambda step: -step, relative_steps=(0.1, 0.2), extra_probes=0)
    assert probed == [0.1, 0.2]
