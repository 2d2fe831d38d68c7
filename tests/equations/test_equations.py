"""Equations from outside: one way to read them, one text for what is wrong, one report."""

import pytest

import dsl
from backprop_evo.equations import (
    language_errors,
    read_equation,
    read_known_or_text,
    report_on,
    require_feasible,
)
from backprop_evo.errors import InvalidEquation

INFEASIBLE = "infeasible equation: the result is weight, but a signal is sample × input"


def test_a_feasible_equation_is_read() -> None:
    assert read_equation(" g/fro( g )") == dsl.parse("g / fro(g)")


def test_what_does_not_parse_comes_with_column_and_hint() -> None:
    with pytest.raises(InvalidEquation, match=r"^unknown function 'clop'$") as caught:
        read_equation("g + clop(h)")
    assert (caught.value.column, caught.value.hint) == (5, "did you mean clip?")


@pytest.mark.parametrize("refuse", [lambda: read_equation("W"), lambda: require_feasible(dsl.parse("W"))])
def test_infeasible_equations_are_refused_in_the_same_words(refuse) -> None:
    with pytest.raises(InvalidEquation) as caught:
        refuse()
    assert caught.value.message == INFEASIBLE
    assert caught.value.column is None
    assert "equal shapes" in (caught.value.hint or "")


def test_known_equations_are_read_by_name_and_others_by_text() -> None:
    assert read_known_or_text(" feedback-alignment ") == dsl.parse("b_next_R_dh")
    assert read_known_or_text("W") == dsl.parse("W")
    with pytest.raises(InvalidEquation) as caught:
        read_known_or_text("g + clop(h)")
    assert caught.value.message.splitlines()[0] == "g + clop(h)"
    assert caught.value.message.splitlines()[1].startswith("    ^ column 5: ")


def test_every_error_of_the_language_becomes_ours_and_no_other() -> None:
    with pytest.raises(InvalidEquation) as caught, language_errors():
        dsl.vocabulary(["h_per"])
    assert caught.value.hint == "did you mean h_pre?"
    with pytest.raises(ZeroDivisionError), language_errors():
        _ = 1 / 0


def test_the_report_is_of_text_and_of_equations() -> None:
    report = report_on("g / elem(g, 2)")
    assert report == report_on(dsl.parse("g / elem(g, 2)"))
    assert (report.text, report.canonical, report.operations) == ("g / elem(g, 2)", "g / fro(g)", 1)
    assert report.fingerprint == dsl.fingerprint(dsl.parse("g / fro(g)"))
    assert report.facts == dsl.facts(dsl.parse("g / fro(g)")).as_json()


def test_the_report_on_an_infeasible_equation_says_why_and_nothing_of_its_behaviour() -> None:
    report = report_on("W")
    assert INFEASIBLE.endswith(report.infeasible or "-")
    assert (report.canonical, report.fingerprint, report.facts) == (None, None, {})
    with pytest.raises(InvalidEquation):
        report_on("g +")
