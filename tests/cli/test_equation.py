"""``backprop-evo equation``: answers for people and programs, errors with a caret and exit code 2."""

import json

import pytest
from typer.testing import CliRunner

import dsl
from backprop_evo.cli.main import app


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["equation", *words])
    return done.exit_code, done.stdout, done.stderr


def test_check_says_feasible() -> None:
    assert run("check", "g/fro( g )")[:2] == (0, "feasible: g / fro(g)\n")
    code, out, _ = run("check", "g", "--json")
    assert code == 0
    assert json.loads(out) == {"text": "g", "feasible": True, "infeasible": None}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("g + W", "infeasible equation: operation 1"),
        ("clip(g, 0.3)", "c is one of 0.01"),
        ("", "the text is empty"),
    ],
)
def test_what_is_wrong_ends_with_exit_code_2(text: str, said: str) -> None:
    code, _, err = run("check", text)
    assert code == 2
    assert said in err


def test_a_caret_stands_under_the_column() -> None:
    _, _, err = run("show", "g + clop(h)")
    text, caret, hint = err.splitlines()
    assert text == "g + clop(h)"
    assert caret.index("^") == 4
    assert hint == "did you mean clip?"


def test_show_answers_every_notation() -> None:
    code, out, _ = run("show", "g / elem(g, 2)", "--json")
    value = json.loads(out)
    assert code == 0
    assert value["canonical"] == "g / fro(g)"
    assert value["fingerprint"] == dsl.fingerprint(dsl.parse("g / fro(g)"))
    assert value["facts"]["needs"] == ["W"]
    assert dsl.from_json(value["json"]) == dsl.parse("g / elem(g, 2)")
    assert value["mathml"].startswith("<math")
    assert "fingerprint" in run("show", "backprop")[1]


def test_show_of_an_infeasible_equation_says_why() -> None:
    code, out, _ = run("show", "g + W", "--json")
    value = json.loads(out)
    assert code == 0
    assert "sample × input and right is weight" in value["infeasible"]
    assert value["facts"] is None


def test_random_and_mutate_repeat_with_their_seed() -> None:
    one, two, other = (run("random", "-n", "3", "--operations", "2", "--seed", s)[1] for s in ("1", "1", "2"))
    assert one == two != other
    assert all(dsl.is_feasible(dsl.parse(line)) for line in one.splitlines())
    code, out, _ = run("mutate", "g-fro", "--json", "--binary", "add", "--binary", "left", "-n", "4")
    assert code == 0
    assert all(set(row) == {"text", "mutation"} for row in json.loads(out))


def test_unknown_components_are_named() -> None:
    code, _, err = run("random", "--operand", "h_per")
    assert code == 2
    assert "did you mean h_pre?" in err


def test_known_lists_table_1() -> None:
    rows = json.loads(run("known", "--json")[1])
    assert {row["key"] for row in rows} == set(dsl.KNOWN)
    assert "feedback-alignment" in run("known")[1]


def test_facts() -> None:
    assert json.loads(run("facts", "b_next_R_dh", "--json")[1])["needs"] == ["R"]
    assert run("facts", "g + W")[0] == 2


def test_known_says_by_which_optimizer_a_row_was_trained() -> None:
    rows = {row["key"]: row for row in json.loads(run("known", "--json")[1])}
    assert {entry["optimizer"] for entry in rows["backprop"]["published"]} == {"sgd", "momentum"}
