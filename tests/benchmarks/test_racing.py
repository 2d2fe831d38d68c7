"""Searches with known truth: measuring the best again finds better finalists where one training is noisy."""

import importlib.util
import math
import sys
from pathlib import Path
from random import Random
from statistics import fmean, stdev

import pytest

from backprop_evo.records.selecting import Selection

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "racing.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("racing", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["racing"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["racing"]


def test_a_landscape_has_the_spread_that_is_said(script):
    truths = []
    for seed in range(30):
        language, generator = script.Landscape(seed), Random(seed)
        truths += [language.truth(language.draw(generator).method.equation) for _ in range(60)]
    assert fmean(truths) == pytest.approx(script.MEAN, abs=1.0)
    assert stdev(truths) == pytest.approx(script.BETWEEN, rel=0.2)


@pytest.mark.slow
def test_finalists_are_truly_better_where_the_best_are_measured_again(script):
    """Where noise is great; 160 landscapes, each searched in both ways with as many trainings."""

    def finalists(share):
        return [script.search(seed, Selection(remeasured=share), within=5.0) for seed in range(160)]

    again, once = finalists(0.15), finalists(0.0)
    apart = [mean - other for (_, mean, _), (_, other, _) in zip(again, once, strict=True)]
    assert fmean(apart) > 0.4
    assert fmean(apart) - 1.96 * stdev(apart) / math.sqrt(len(apart)) > 0


def test_without_noise_there_is_no_luck_to_take_out(script):
    for seed in range(3):
        first, mean, _ = script.search(seed, Selection(remeasured=0.1), within=0.0)
        assert first >= mean
