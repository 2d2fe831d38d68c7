"""Canonical form and fingerprint: nothing changes its meaning, equals become equal, others stay apart."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dsl
from dsl.facts import live_unaries
from dsl.fingerprint import digest, rounded
from dsl.probes import make_probes, probes, responses


def feasible_equations(seed: int, count: int):
    rng = random.Random(seed)
    for number in range(count):
        equation = dsl.sample(rng, lengths=(0.4, 0.3, 0.3))
        yield dsl.mutate(equation, rng) if number % 2 else equation


def draws_nothing(equation: dsl.Equation) -> bool:
    return not any(dsl.UNARIES[unary.name].random for unary in live_unaries(equation))


def test_canonical_form_is_its_own_and_feasible() -> None:
    for equation in feasible_equations(1, 2000):
        simple = dsl.canonical(equation)
        assert dsl.canonical(simple) == simple
        assert dsl.is_feasible(simple)
        assert len(simple.operations) <= len(equation.operations)


def test_canonical_form_means_the_same() -> None:
    fresh, compared = make_probes(4711), 0
    for equation in feasible_equations(2, 1200):
        simple = dsl.canonical(equation)
        if simple == equation or not draws_nothing(equation):
            continue
        compared += 1
        for a, b in zip(responses(equation, fresh), responses(simple, fresh), strict=True):
            np.testing.assert_allclose(
                a, b, rtol=1e-8, atol=1e-300, equal_nan=True, err_msg=dsl.to_text(equation)
            )
    assert compared > 200


EQUALS = [
    ("g + h", "h + g"),
    ("g * h * dh", "dh * g * h"),
    ("left(g, W)", "left(g, relu(h))"),
    ("-(-g)", "g"),
    ("relu(abs(g))", "abs(g)"),
    ("g / elem(g, 2)", "g / fro(g)"),
    ("g / fro(g) / fro(.)", "g / fro(g)"),
    ("2.0 * (0.5 * g)", "g"),
    ("g + 0.1 + 0.5", "g + 0.6"),
    ("b_next @ W * dh", "g"),
    ("dh * b_next_W", "g"),
    ("b_next @ R * dh", "b_next_R_dh"),
    ("b_next @ sgn(W)", "b_next @ sgn_W"),
    ("min(g, g)", "g"),
    ("g + g", "2.0 * g"),
    ("g * g", "g^2"),
    ("g * g^2", "g^3"),
    ("g - (-h)", "g + h"),
    ("g + (-h)", "g - h"),
    ("-h + g", "g - h"),
    ("g * (0.5 * h)", "0.5 * h * g"),
    ("abs(std(g))", "std(g)"),
    ("left(g.T, h).T", "g"),
    ("left(abs(left(g.T, h)), h).T", "abs(g)"),
    ("(g.T + h.T).T", "g + h"),
    ("(g @ h.T).T @ dh", "h @ g.T @ dh"),
    ("(g @ g.T).T @ h", "g @ g.T @ h"),
    ("(0.5 * g @ h.T).T @ dh", "h @ g.T @ (0.5 * dh)"),
    ("(W.T @ b_next.T).T * dh", "g"),
    ("(R_L.T @ b_top.T).T", "b_top_R_L"),
    ("((g @ h.T) @ b_next) @ W", "g @ h.T @ b_next_W"),
    ("h @ W.T @ b_next.T @ g", "h @ b_next_W.T @ g"),
    ("(b_top.T @ g @ h.T).T @ R_L", "h @ g.T @ b_top @ R_L"),
    ("(W @ h.T).T @ W", "h @ W.T @ W"),
    ("mean(g) / mat(., inf)", "mean(g) / elem(., 1)"),
]


@pytest.mark.parametrize(("one", "other"), EQUALS)
def test_equals_have_one_form(one: str, other: str) -> None:
    assert dsl.canonical(dsl.parse(one)) == dsl.canonical(dsl.parse(other))
    assert dsl.fingerprint(dsl.parse(one)) == dsl.fingerprint(dsl.parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("g", "b_next_W"),
        ("drop(g, 0.1) + drop(g, 0.1)", "2.0 * drop(g, 0.1)"),
        ("drop(g, 0.01)", "drop(g, 0.1)"),
        ("g + gnoise(0.01)", "g + gnoise(0.1)"),
        ("g / row(g, 2)", "g / fro(g)"),
        ("mean(g)", "standardise(g)"),
        ("bn(g)", "standardise(g)"),
        ("clip(g, 0.5)", "clip(g, 1.0)"),
        ("g / elem(g, -inf)", "g / elem(g, 0)"),
        ("max(b_next_W - 10.0, g / fro(g))", "g / fro(g)"),
        ("h", "relu(h)"),
        ("g + 0.01", "g"),
        ("g @ g.T @ g", "g"),
        ("g @ g.T @ g", "g @ h.T @ g"),
        ("g @ h.T @ dh", "h @ g.T @ dh"),
        ("g @ h.T / row(., 2) @ dh", "g @ h.T / col(., 2) @ dh"),
        ("b_top @ b_top.T @ g", "b_next @ b_next.T @ g"),
        ("g @ mean(h).T @ g", "g @ h.T @ g"),
        ("((W + R).T @ b_next.T).T", "((W + S).T @ b_next.T).T"),
    ],
)
def test_others_stay_apart(one: str, other: str) -> None:
    assert dsl.fingerprint(dsl.parse(one)) != dsl.fingerprint(dsl.parse(other))


def test_every_component_has_a_behaviour_of_its_own() -> None:
    """But for what is equal by definition: elem 2 is fro."""
    texts = ["b_next_W / elem(b_next_W, 2)"]
    marks = {dsl.fingerprint(dsl.parse(text)) for text in texts}
    for unary in dsl.EVERYTHING.unaries:
        if unary.name != "transpose":
            equation = dsl.Equation(dsl.Operand("b_next_W"), (dsl.parse("g").operations[0],))
            operation = dsl.Operation(unary, dsl.Operand("g"), dsl.Unary("identity"), "left")
            marks.add(dsl.fingerprint(dsl.Equation(equation.first, (operation,))))
    assert len(marks) == len(dsl.EVERYTHING.unaries) - 2


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=20))
def test_rounding_errors_do_not_show(values: list[float]) -> None:
    x = np.array(values)
    noisy = np.nextafter(x, np.inf)
    assert np.mean(rounded(x) == rounded(noisy)) == 1 or np.abs(rounded(x) - rounded(noisy)).max() == 1
    assert not np.array_equal(rounded(x), rounded(x * 1.001))


def test_special_values_have_one_code_each() -> None:
    codes = rounded(np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, 1e-20]))
    assert codes[0] == codes[1]
    assert codes[4] == codes[5] == codes[7]
    assert len(set(codes.tolist())) == 5


def test_probes_tell_steps_apart() -> None:
    equation = dsl.parse("mean(g)")
    first, second = responses(equation)[:2]
    assert not np.allclose(first[0], second[0])
    assert len(probes()) == 7


def test_the_fingerprint_does_not_drift() -> None:
    """Stored fingerprints stay comparable: whoever changes probes or rounding changes VERSION and these."""
    assert {text: dsl.fingerprint(dsl.parse(text)) for text in STORED} == STORED


def test_the_digest_is_of_values_and_of_what_was_looked_at() -> None:
    values = responses(dsl.parse("g / fro(g)"))
    assert digest(values, [dsl.Operand("g")]) == dsl.fingerprint(dsl.parse("g / elem(g, 2)"))
    assert digest(values, [dsl.Operand("h")]) != dsl.fingerprint(dsl.parse("g / elem(g, 2)"))


def test_an_argument_that_never_decides_still_tells_equations_apart() -> None:
    """No probe can show that it never will, so this duplicate is missed on purpose."""
    both, one = dsl.parse("max(abs(g), relu(g))"), dsl.parse("abs(g)")
    assert all(np.array_equal(a, b) for a, b in zip(responses(both), responses(one), strict=True))
    assert dsl.fingerprint(both) != dsl.fingerprint(one)


STORED = {
    "g": "2-f8568ac9fd328db4c0d60acd6443d78d",
    "b_next_R_dh": "2-baea387b3f8d52b8a5f5cbe7ac92b650",
    "g / fro(g)": "2-a02f1b2e0757a8b3699fc4b10d0f5d4d",
    "min(g / fro(g), clip(h, 1.0))": "2-7effcd881e31a4ae717a735330b5f2f3",
    "drop(g, 0.1) + mean(h)": "2-4f75fe777a98f1c223ed02411a56fa44",
    "b_next @ S * dh": "2-8e014fe9c06f72efea61cc50d80f42b6",
    "standardise(g) + gnoise(0.1)": "2-2dae9ffb9116a9dc25d2e4f4abd9b679",
}
