"""Every strategy fills the budget and replays; a further one is one file."""

import re
import sys
from pathlib import Path
from statistics import mean
from string import ascii_lowercase
from textwrap import dedent

import pytest

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.searching import Purpose
from backprop_evo.records.stored import Origin
from backprop_evo.registry import declared_in
from backprop_evo.search.replay import replay
from backprop_evo.search.strategies import strategies, strategy
from backprop_evo.service.spec_fields import search_fields


@pytest.mark.parametrize("name", sorted(strategies()))
def test_a_strategy_fills_the_budget_and_replays(cluster, name):
    run = cluster(strategy=name, trials=25, in_flight=4, start=("abcd",), shuffled=3).run()
    assert len(run.of(Purpose.SEARCH)) == 25
    assert [each.origin for each in run.individuals[:2]] == [Origin.BASELINE, Origin.START]
    assert replay(run.spec, run.language, run.individuals, run.finishes) == tuple(run.individuals)


@pytest.mark.parametrize(("name", "margin"), [("aging", 0.06), ("learned", 0.04)])
def test_a_strategy_beats_the_control_where_fitness_has_structure(cluster, name, margin):
    """26 letters, fitness their sum: of 24 seeds' best equations the mean, and on most seeds alone."""

    def bests(strategy):
        def best(seed):
            options = {"letters": ascii_lowercase, "trials": 150, "start_random": 10}
            run = cluster(strategy=strategy, seed=seed, shuffled=seed, **options).run()
            return max(each.validation_accuracy for each in run.finishes)

        return [best(seed) for seed in range(24)]

    found, control = bests(name), bests("random")
    assert mean(found) > mean(control) + margin
    assert sum(ours > theirs for ours, theirs in zip(found, control, strict=True)) >= 18


@pytest.mark.parametrize("name", ["aging", "learned"])
def test_what_is_proposed_depends_on_what_finished(cluster, name):
    one, other = (cluster(strategy=name, trials=30, shuffled=place, in_flight=4).run() for place in (1, 2))
    again = cluster(strategy=name, trials=30, shuffled=1, in_flight=4).run()
    assert one.individuals == again.individuals != other.individuals


def test_every_strategy_is_told_in_the_page_and_offered_as_a_choice():
    page = (Path(__file__).parents[2] / "docs" / "search.md").read_text()
    told = page.split("**Strategies**")[1].split("\nA strategy is a pure")[0]
    assert set(re.findall(r"^- `([a-z-]+)`", told, re.MULTILINE)) == set(strategies())
    (field,) = (each for each in search_fields() if each.name == "strategy")
    assert set(field.choices) == set(strategies())


def test_random_search_draws_every_equation_anew(cluster):
    run = cluster(strategy="random", trials=30).run()
    assert {each.origin for each in run.individuals[1:]} == {Origin.RANDOM}
    assert {each.parent for each in run.individuals} == {None}


def test_random_search_proposes_the_same_whatever_finished(cluster):
    one = cluster(strategy="random", trials=30, shuffled=1).run()
    other = cluster(strategy="random", trials=30, shuffled=2, in_flight=7).run()
    assert [each.method.equation for each in one.individuals] == [
        each.method.equation for each in other.individuals
    ]


def test_both_begin_with_the_same_random_equations(cluster):
    evolved, drawn = (cluster(strategy=name, start_random=4).run() for name in ("evolution", "random"))
    assert [e.method.equation for e in evolved.individuals[:5]] == [
        e.method.equation for e in drawn.individuals[:5]
    ]


def test_an_unknown_strategy_is_refused_with_the_known_ones():
    with pytest.raises(InvalidSettings, match="'annealing'") as caught:
        strategy("annealing")
    assert caught.value.field == "strategy"
    assert "evolution" in (caught.value.hint or "")


def test_a_further_strategy_is_one_file(tmp_path, monkeypatch, cluster):
    package = "backprop_evo.search.strategies"
    monkeypatch.setattr(sys.modules[package], "__path__", [*sys.modules[package].__path__, str(tmp_path)])
    (tmp_path / "stubborn.py").write_text(
        dedent("""
        from backprop_evo.records.stored import Origin
        from backprop_evo.search.strategies.strategy import Proposal

        class Stubborn:
            name, summary = "stubborn", "counts through four letters"

            def must_wait(self, known):
                return False

            def propose(self, known, generator):
                text = "".join("abcdefghij"[known.proposed // 10**place % 10] for place in range(4))
                return Proposal(origin=Origin.RANDOM, candidate=known.language.read(text))

        STRATEGY = Stubborn()
        """)
    )
    strategies.cache_clear()
    try:
        assert "stubborn" in {each.name for each in declared_in(package, "STRATEGY")}
        run = cluster(strategy="stubborn", trials=12).run()
        assert [each.method.equation for each in run.individuals[1:4]] == ["aaaa", "baaa", "caaa"]
    finally:
        strategies.cache_clear()
        sys.modules.pop(f"{package}.stubborn", None)
