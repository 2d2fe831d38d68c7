"""The page of the language is current, and the recipe for a new primitive works as it is written."""

import re
from pathlib import Path

import numpy as np
import pytest

import dsl
from dsl import layout, notation, parsing, printing, reference
from dsl.primitives import UnaryRow, unaries
from dsl.reference_page import with_tables

DOCS = Path(__file__).parents[2] / "docs"
RECIPE = (DOCS / "contributing-primitives.md").read_text()


def test_the_tables_of_the_page_are_current() -> None:
    """If not: python -m dsl.reference_page docs/language.md."""
    page = (DOCS / "language.md").read_text()
    assert with_tables(page) == page


def test_equations_in_the_page_are_feasible() -> None:
    notation_section = (DOCS / "language.md").read_text().split("## Notation")[1].split("## Feasibility")[0]
    examples = [
        re.split(r"\s{3,}", line.strip())[0] for line in re.findall(r"^ {4}\S.*$", notation_section, re.M)
    ]
    assert len(examples) == 9
    assert [text for text in examples if not dsl.is_feasible(dsl.parse(text))] == []


def test_the_recipe_adds_a_unary_function(monkeypatch: pytest.MonkeyPatch) -> None:
    row_code, numpy_code = re.findall(r"```python\n(.*?),\n```", RECIPE, re.S)
    row = eval(row_code, {"UnaryRow": UnaryRow, "_named": unaries._named})  # noqa: S307 — our own page
    name, meaning = next(iter(eval("{" + numpy_code + "}", {"np": np}).items()))  # noqa: S307 — as above
    table = {**dsl.UNARIES, row.name: row}
    for module in (notation, parsing, printing):
        monkeypatch.setattr(module, "UNARIES", table)
    monkeypatch.setattr(parsing, "UNARY_PATTERNS", notation._patterns())
    monkeypatch.setattr(reference, "UNARY_MEANING", {**reference.UNARY_MEANING, name: meaning})
    equation = dsl.parse("tanh(g) + h")
    assert equation.operations[0].left_unary == dsl.Unary("tanh")
    assert dsl.to_text(equation) == "tanh(g) + h"
    assert dsl.to_latex(equation).startswith(layout.word("tanh").latex)
    x = np.array([[0.5]])
    value = reference.unary_value(dsl.Unary("tanh"), x, np.random.default_rng(0), {}, "")
    np.testing.assert_allclose(value, np.tanh(x))


def test_the_files_of_the_recipe_exist() -> None:
    root = DOCS.parent
    named = set(re.findall(r"`((?:dsl|backprop_evo)/[\w/]+\.py)`", RECIPE))
    assert len(named) >= 6
    assert [path for path in named if not (root / path).is_file()] == []
