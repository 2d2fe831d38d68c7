"""Known equations: Table 1 is complete, reads as printed, and runs on a site of a Wide ResNet."""

import numpy as np
import pytest

import dsl
from dsl.site_values import Convolution
from tests.sites import random_site

#: Entries per setting and optimizer as printed; the row with p1_b (A3, momentum) is missing.
PRINTED = {
    ("A1", "sgd"): 5,
    ("A1", "momentum"): 5,
    ("A2", "sgd"): 5,
    ("A2", "momentum"): 5,
    ("A3", "sgd"): 5,
    ("A3", "momentum"): 4,
    ("B1", "sgd"): 5,
    ("B1", "momentum"): 5,
}


def test_table_1_is_complete() -> None:
    entries = [entry for known in dsl.KNOWN.values() for entry in known.published]
    counted = {key: sum((e.setting, e.optimizer) == key for e in entries) for key in PRINTED}
    assert counted == PRINTED
    assert len(entries) == sum(PRINTED.values())
    assert max(entry.test_accuracy for entry in entries) == 0.9375
    assert min(entry.test_accuracy for entry in entries) == 0.7310
    baselines = dsl.KNOWN["backprop"].published
    assert len(baselines) == 8
    assert not any(entry.bold for entry in baselines)


@pytest.mark.parametrize("key", dsl.KNOWN)
def test_known_equations_read_run_and_print(key: str) -> None:
    known = dsl.KNOWN[key]
    assert dsl.parse(dsl.to_text(known.equation)) == known.equation == dsl.parse(known.text)
    assert dsl.infeasibility(known.equation) is None
    site = random_site(
        np.random.default_rng(0),
        Convolution(padding=(1, 1)),
        in_shape=(16, 8, 8),
        weight_shape=(32, 16, 3, 3),
        samples=4,
        classes=10,
    )
    signal, memory = dsl.evaluate(known.equation, site)
    signal, _ = dsl.evaluate(known.equation, site, memory)
    assert signal.shape == site.h.shape
    assert np.isfinite(signal).all()


G = r"b_{i + 1}^{p} \frac{\partial h_{i + 1}^{p}}{\partial h_{i}^{p}}"
DH = r"\frac{\partial h_{i}}{\partial h_{i}^{p}}"


@pytest.mark.parametrize(
    ("key", "latex"),
    [
        ("backprop", G),
        (
            "a1-sgd-1",
            rf"\operatorname{{min}} \left(\frac{{{G}}}"
            rf"{{\left\lVert {G} \right\rVert_{{\operatorname{{fro}}}}}} , "
            r"\operatorname{clip}_{1} \left(h_{i}\right)\right)",
        ),
        (
            "a1-sgd-2",
            rf"\frac{{{G}}}{{\left\lVert {G} \right\rVert_{{2}}^{{\operatorname{{row}}}}}} + "
            rf"\frac{{\hat{{m}} \left({DH}\right)}}"
            rf"{{\left\lVert \hat{{m}} \left({DH}\right) \right\rVert_{{0}}^{{\operatorname{{elem}}}}}}",
        ),
        ("b1-sgd-4", rf"\frac{{0.5 \left({G}\right)}}{{\hat{{s}} \left({DH}\right) + 0.1}}"),
        ("b1-momentum-2", rf"\left({DH} - 0.5\right) \odot \left(2 \left({G}\right)\right)"),
    ],
)
def test_known_equations_print_as_the_papers_mathematics(key: str, latex: str) -> None:
    assert dsl.to_latex(dsl.KNOWN[key].equation) == latex


def test_one_newton_schulz_step_prints_as_mathematics() -> None:
    x = rf"\frac{{{G}}}{{\left\lVert {G} \right\rVert_{{\operatorname{{fro}}}}}}"
    product = rf"{x} \cdot {{\left({G}\right)}}^{{t}} \cdot \left({x}\right)"
    expected = rf"-0.5 \left({product}\right) + 1.5 \left({G}\right)"
    assert dsl.to_latex(dsl.KNOWN["newton-schulz"].equation) == expected


def test_feedback_rules_need_no_transposed_weight() -> None:
    assert dsl.facts(dsl.KNOWN["feedback-alignment"].equation).needs == {"R"}
    assert dsl.facts(dsl.KNOWN["direct-feedback-alignment"].equation).needs == {"R_L"}
    assert dsl.facts(dsl.KNOWN["sign-symmetry"].equation).needs == {"W"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("g", {"complexity": 1, "is_constant": False, "is_zero": False, "uses_running_statistics": False}),
        ("g - g", {"is_zero": True, "is_constant": True, "cosine_to_backprop": None}),
        ("sgn(std(h_pre) + 2.0)", {"is_constant": True, "is_zero": False, "uses_running_statistics": True}),
        (
            "standardise(h)",
            {"uses_running_statistics": True, "operands": frozenset({"h"}), "needs": frozenset()},
        ),
        ("drop(g, 0.1) + gnoise(0.1)", {"uses_noise": True, "uses_dropout": True}),
        ("left(h, drop(g, 0.1))", {"uses_dropout": False, "needs": frozenset(), "complexity": 1}),
        ("b_next @ S", {"needs": frozenset({"S"})}),
    ],
)
def test_facts(text: str, expected: dict[str, object]) -> None:
    found = dsl.facts(dsl.parse(text))
    assert {name: getattr(found, name) for name in expected} == expected


def test_what_overflows_in_float32_is_told() -> None:
    assert dsl.facts(dsl.parse("cube(cube(1000000.0 * h_pre))")).is_nan
    assert not dsl.facts(dsl.parse("cube(h_pre)")).is_nan


def test_cosine_to_backprop_is_that_of_the_angle() -> None:
    assert dsl.facts(dsl.parse("g / fro(g)")).cosine_to_backprop == pytest.approx(1.0)
    assert dsl.facts(dsl.parse("-g")).cosine_to_backprop == pytest.approx(-1.0)
    assert abs(dsl.facts(dsl.parse("b_next_R_dh")).cosine_to_backprop or 1.0) < 0.5
