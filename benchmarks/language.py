"""How fast the language is, beside DEAP on comparable work, interleaved in one run on one core.

    python benchmarks/language.py [--seconds 1.0] [--rounds 5]

Ours: select a parent uniformly, mutate it (again while infeasible), print it. DEAP's: select a tree
uniformly, clone it, mutate it by a uniformly chosen subtree, print it; its trees are untyped, so nothing is
ever infeasible.
Canonical form and fingerprint are measured on random equations of one to three operations.
"""

from __future__ import annotations

import argparse
import operator
import platform
import random
import statistics
import time
from collections.abc import Callable

import dsl

LENGTHS = (0.4, 0.3, 0.3)


def ours(rng: random.Random) -> Callable[[], object]:
    population = [dsl.sample(rng) for _ in range(1000)]
    return lambda: dsl.to_text(dsl.mutate(population[int(rng.random() * 1000)], rng))


def deap_trees(rng: random.Random) -> Callable[[], object]:
    from deap import base, creator, gp, tools

    random.seed(rng.random())
    primitives = gp.PrimitiveSet("main", 4)
    for function in (operator.add, operator.sub, operator.mul, max, min):
        primitives.addPrimitive(function, 2)
    for function in (operator.neg, abs):
        primitives.addPrimitive(function, 1)
    creator.create("Tree", gp.PrimitiveTree)
    toolbox = base.Toolbox()
    toolbox.register("expression", gp.genHalfAndHalf, pset=primitives, min_=1, max_=2)
    toolbox.register("tree", tools.initIterate, creator.Tree, toolbox.expression)
    toolbox.register("subtree", gp.genFull, min_=0, max_=1)
    toolbox.register("mutate", gp.mutUniform, expr=toolbox.subtree, pset=primitives)
    population = [toolbox.tree() for _ in range(1000)]

    def step() -> object:
        child = toolbox.clone(population[int(random.random() * 1000)])
        (child,) = toolbox.mutate(child)
        return str(child)

    return step


def over_equations(rng: random.Random, function: Callable[[dsl.Equation], object]) -> Callable[[], object]:
    equations = [dsl.sample(rng, lengths=LENGTHS) for _ in range(2000)]
    return lambda: function(equations[int(rng.random() * 2000)])


def rate(step: Callable[[], object], seconds: float) -> float:
    """Calls per second."""
    calls, start = 0, time.perf_counter()
    while (taken := time.perf_counter() - start) < seconds:
        for _ in range(20):
            step()
        calls += 20
    return calls / taken


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="per measurement")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rng = random.Random(0)
    steps = {
        "select + mutate + feasibility + print (ours)": ours(rng),
        "select + clone + mutate + print (DEAP)": deap_trees(rng),
        "canonical form": over_equations(rng, dsl.canonical),
        "fingerprint": over_equations(rng, dsl.fingerprint),
        "parse": over_equations(rng, lambda equation: dsl.parse(dsl.to_text(equation))),
    }
    rates: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.rounds):
        for name, step in steps.items():
            rates[name].append(rate(step, options.seconds))
    print(f"{platform.machine()}, Python {platform.python_version()}, one core, n = {options.rounds} rounds")
    print(f"{'per second':46} {'median':>9} {'min':>9} {'max':>9}")
    for name, measured in rates.items():
        print(f"{name:46} {statistics.median(measured):9,.0f} {min(measured):9,.0f} {max(measured):9,.0f}")
    mine, theirs = list(rates)[:2]
    ratios = [a / b for a, b in zip(rates[mine], rates[theirs], strict=True)]
    print(f"ours / DEAP, median of rounds: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
