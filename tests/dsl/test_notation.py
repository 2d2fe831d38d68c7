"""Text, LaTeX, MathML and JSON: what is printed is read back, and what is wrong is pointed at."""

import json
import math
import random
import time
import xml.etree.ElementTree as ElementTree
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dsl
from dsl import EVERYTHING, Equation, Operation
from dsl.equation import Statistic

operations = st.builds(
    Operation,
    st.sampled_from(EVERYTHING.unaries),
    st.sampled_from(EVERYTHING.operands),
    st.sampled_from(EVERYTHING.unaries),
    st.sampled_from(EVERYTHING.binaries),
)
equations = st.builds(
    Equation,
    st.sampled_from(EVERYTHING.operands),
    st.lists(operations, min_size=1, max_size=3).map(tuple),
)


@settings(max_examples=600, deadline=None)
@given(equations)
def test_what_is_printed_is_read_back(equation: Equation) -> None:
    assert dsl.parse(dsl.to_text(equation)) == equation


def test_what_is_printed_is_read_back_for_thousands_of_feasible_equations() -> None:
    rng = random.Random(5)
    for _ in range(2000):
        equation = dsl.sample(rng, lengths=(0.4, 0.3, 0.3))
        assert dsl.parse(dsl.to_text(equation)) == equation


@settings(max_examples=300, deadline=None)
@given(equations)
def test_json_is_read_back(equation: Equation) -> None:
    assert dsl.from_json(json.loads(json.dumps(dsl.to_json(equation), allow_nan=False))) == equation


@settings(max_examples=300, deadline=None)
@given(equations)
def test_mathml_is_well_formed_and_latex_is_balanced(equation: Equation) -> None:
    root = ElementTree.fromstring(dsl.to_mathml(equation))
    assert root.get("alttext") == dsl.to_text(equation)
    latex = dsl.to_latex(equation)
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\left") == latex.count(r"\right")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("g", "left(g, g)"),
        ("∂h_i/∂h_i^p ⊙ g_i^p", "dh * g"),
        ("∂h*b_{i+1}^p ∂h_{i+1}^p/∂h_i", "dh * b_next_W"),
        ("b_{i+1}^p · ∂h_{i+1}^p/∂h_i^p / ‖.‖_2^elem", "g / elem(g, 2)"),
        ("g/‖g‖_fro", "g / fro(g)"),
        ("g / ‖.‖_inf", "g / mat(g, inf)"),
        ("g/‖.‖_-inf^row", "g / row(g, -inf)"),
        ("m̂(g) − ŝ(h)", "mean(g) - std(h)"),
        ("|g|", "abs(g)"),
        ("h_i^p - h_i^p^+", "h_pre - relu(h_pre)"),
        ("h @ W^t @ W", "h @ W.T @ W"),
        ("g² + g³", "g^2 + g^3"),
        ("g / 2", "0.5 * g"),
        ("2 * g", "2.0 * g"),
        ("0.1 + g", "g + 0.1"),
        ("mean((b_next @ R) * dh)", "mean(b_next_R_dh)"),
        ("mean(sgn(W)) @ W", "mean(sgn_W) @ W"),
        ("h + (b_next @ W)", "h + b_next_W"),
        ("h * (g + dh)", "(g + dh) * h"),
        ("sgn(relu(abs(g)))", "sgn(left(relu(left(abs(g), g)), g))"),
        ("(g + h) / fro(g + h)", "(g + h) / fro(.)"),
        ("(1 + gnoise(0.1)) * g", "g * (1 + gnoise(0.1))"),
    ],
)
def test_other_spellings(written: str, meant: str) -> None:
    assert dsl.parse(written) == dsl.parse(meant)


def test_numbers_keep_what_was_written() -> None:
    equation = dsl.parse("-0.125 * g + (h - 3.5)")
    assert dsl.to_text(equation) == "-0.125 * g + (h - 3.5)"
    assert math.isinf(dsl.parse("g / elem(g, -inf)").operations[0].left_unary.constant or 0)


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("", 1, "empty", "for example"),
        ("   ", 1, "empty", "for example"),
        ("clop(g, 1)", 1, "unknown function 'clop'", "did you mean clip?"),
        ("g / frp(g)", 5, "unknown function 'frp'", "did you mean fro?"),
        ("g + h_per", 5, "unknown operand 'h_per'", "did you mean h_pre?"),
        ("clip(g)", 1, "takes 2 arguments, not 1", "clip(x, c)"),
        ("min(g, h, dh)", 1, "takes 2 arguments, not 3", "min(x, y)"),
        ("clip(g, 0.3)", 9, "not in the grid", "0.01, 0.1, 0.5, 1.0"),
        ("g / elem(g, 3)", 13, "not in the grid", "0, 1, 2, -inf, inf"),
        ("1e999 * g", 1, "not finite", None),
        ("nan * g", 1, "finite", None),
        ("g + inf", 5, "finite", None),
        ("1e7 * g", 1, "at most 1e+06", None),
        ("2g", 2, "found 'g'", "write products with *"),
        ("(g + h", 7, "to close the '(' of column 1", None),
        ("g)", 2, "found ')'", None),
        ("g +", 4, "found the end of the text", None),
        ("0.5", 1, "a number cannot stand by itself", None),
        ("clip", 1, "is a function", "clip(x, c)"),
        ("mean(g + h)", 8, "an operand by itself", "running statistics"),
        ("h / fro(g)", 5, "fro cannot stand by itself", "both x the same"),
        ("fro(g)", 1, "cannot stand by itself", "x / fro(x)"),
        ("(g + h) - (g * dh)", 14, "on the right of subtract", "longer side on the left"),
        ("g + h + g + h + g", 15, "at most 3 operations, this one has 4", None),
        ("g ^ 4", 5, "2, 3, t", None),
        ("g > 1", 5, "expected 0", None),
        ("g / 0", 5, "division by zero", None),
        ("с + g", 1, "CYRILLIC SMALL LETTER ES", "looks like 'c'"),
        ("g + ｇ", 5, "FULLWIDTH LATIN SMALL LETTER G", "looks like 'g'"),
        ("g; import os", 2, "unexpected character ';'", None),
        ("__import__('os')", 12, "unexpected character", None),
    ],
)
def test_errors_point_at_the_column(text: str, column: int, message: str, hint: str | None) -> None:
    with pytest.raises(dsl.EquationSyntaxError) as caught:
        dsl.parse(text)
    error = caught.value
    assert message in error.message
    assert error.column == column
    if hint is not None:
        assert hint in (error.hint or "")
    caret = error.pointing_at(text).splitlines()[1]
    assert caret.index("^") == column - 1


HOSTILE = [
    "(" * 10_000_000,
    "(" * 990,
    "-" * 990,
    "|" * 990,
    "‖" * 990,
    "min(" * 240,
    "g + " * 245,
    "g^2" + "^2" * 490,
    "relu(" * 160 + "g" + ")" * 160,
    "mean" * 240,
    "a" * 999,
    "9" * 999,
    "1e" + "9" * 990,
    "." * 990,
    "g" + ".T" * 490,
    "ℊ" * 1000,
    "\x00" * 100,
    "(" * 39 + "g" + ")" * 39 + "(",
    "min(g," * 160,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: f"{text[:6]!r} x {len(text)}")
def test_hostile_text_is_refused_fast(text: str) -> None:
    def refusal_s() -> float:
        start = time.process_time()
        with pytest.raises(dsl.EquationSyntaxError):
            dsl.parse(text)
        return time.process_time() - start

    assert min(refusal_s() for _ in range(5)) < 0.010


@settings(max_examples=600, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "g",
                "h",
                "W",
                "(",
                ")",
                "+",
                "-",
                "*",
                "/",
                "@",
                ".",
                ",",
                "|",
                "‖",
                "_2",
                "^",
                "2",
                "0.5",
                ">",
                "0",
                "min(",
                "clip(",
                "fro(",
                "mean(",
                "elem(",
                ".T",
                "left(",
                "gnoise(",
                "1",
                "^p",
            ]
        ),
        max_size=25,
    ).map("".join)
)
def test_any_text_is_an_equation_or_a_syntax_error(text: str) -> None:
    equation = parsed_or_refused(text)
    if equation is not None:
        assert dsl.parse(dsl.to_text(equation)) == equation


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60))
def test_any_unicode_is_an_equation_or_a_syntax_error(text: str) -> None:
    parsed_or_refused(text)


def parsed_or_refused(text: str) -> Equation | None:
    """The equation, or None where the text is refused at a column that exists; nothing else is raised."""
    column = None
    try:
        return dsl.parse(text)
    except dsl.EquationSyntaxError as error:
        column = error.column
    assert 1 <= column <= len(text) + 1
    return None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.pop("first"), "members first, operations"),
        (lambda v: v.update(operations=[]), "1 to 3"),
        (lambda v: v["first"].update(name="x"), "first.name"),
        (lambda v: v["first"].update(statistic="median"), "first.statistic"),
        (lambda v: v["operations"][0].update(binary="pow"), "operations[0].binary"),
        (lambda v: v["operations"][0]["left_unary"].update(constant=1), "takes none"),
        (lambda v: v["operations"][0]["right_unary"].update(constant=0.3), "must be one of"),
        (lambda v: v["operations"][0]["right_unary"].update(constant=True), "must be a number"),
        (lambda v: v["operations"][0]["right_unary"].update(constant="nan"), "must be one of"),
        (lambda v: v["operations"][0].update(extra=1), "operations[0] must be an object"),
    ],
)
def test_wrong_json_is_named(change, message: str) -> None:
    value = dsl.to_json(dsl.parse("g + clip(h, 1.0)"))
    change(value)
    with pytest.raises(dsl.EquationError) as caught:
        dsl.from_json(value)
    assert message in str(caught.value)


def test_the_statistics_have_a_row_each() -> None:
    assert {"value", *dsl.STATISTICS} == set(get_args(Statistic))
