"""Replays schedulers over the table of training curves, in seconds and without torch.

    python benchmarks/schedulers.py [--table FILE] [--orders 20] [--document docs/measurements.md]
    python benchmarks/schedulers.py --sweep
    python benchmarks/schedulers.py --own my_schedulers.py

Each scheduler gets all equations in an order drawn by lot (parents before their mutants), and one seed's
trainings to ask for; ``--orders`` orders for each seed. True is the mean accuracy over all seeds after the
last rung, at the relative step where that is best. Of each scheduler: steps and CPU seconds an equation; how
many equations it judges in the CPU seconds in which full training judges one (a training that stands at
guessing after 80 steps ends there), and in those of full training that ends nothing; recall, the share of the
ten truly best among the ten that it ranks first; regret, by how many points of true accuracy its first falls
short of the best; and the truly best found for a core-hour against full training, which is recall times
saving, for a scheduler that finds half as many is no better than full training of half the equations. Full
training sees one seed too, so its own recall says what noise leaves.

``--own`` takes a file with a dict ``SCHEDULERS``: name → function (arrivals, trainer) → equations from the
best to the worst, as ``scheduler_rules.py`` has it.
"""

from __future__ import annotations

import argparse
import math
import runpy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from statistics import mean, stdev

from curve_table import LEARNT, PACKED, Table, unpack
from early_signals import signal_tables
from scheduler_rules import Scheduler, Trainer, sweep, tabled

#: So many of the truly best have to be found.
TOP = 10
#: A recall of at most so much less than full training's counts as equal: half an equation of ten.
EQUAL = 0.05
REFERENCE = "full training at the full grid"
#: What a search without a cascade trains: the service's own guard against guessing waits for two epochs.
NOTHING_ENDED = "the same, to the end where it stands at guessing"
#: With fewer equations the ten best are no top.
ENOUGH = 100
BEGIN, END = "<!-- schedulers: begin -->", "<!-- schedulers: end -->"


@dataclass(frozen=True)
class Truth:
    """The accuracies of the table's equations, and the best of them."""

    accuracies: tuple[float, ...]

    @classmethod
    def of(cls, table: Table) -> Truth:
        return cls(tuple(table.true_accuracy(number) for number in range(len(table.equations))))

    @cached_property
    def top(self) -> frozenset[int]:
        ranked = sorted(range(len(self.accuracies)), key=lambda number: -self.accuracies[number])
        return frozenset(ranked[:TOP])

    def recall(self, ranking: Sequence[int]) -> float:
        """In [0, 1]: of the truly best, in the first places of ``ranking``."""
        return len(self.top & set(ranking[: len(self.top)])) / len(self.top)

    def regret(self, ranking: Sequence[int]) -> float:
        """In points of accuracy; of an empty ranking all that there is."""
        found = self.accuracies[ranking[0]] if ranking else 0.0
        return 100 * (max(self.accuracies) - found)


@dataclass(frozen=True)
class Replay:
    """One scheduler over all equations in one order with one seed. Costs are for each equation."""

    steps: float
    seconds: float
    recall: float
    regret: float


def arrivals(table: Table, generator: Random) -> list[int]:
    """Every equation once, in an order drawn by lot, parents before their mutants."""
    order: list[int] = []
    seen: set[int] = set()

    def add(number: int) -> None:
        parent = table.equations[number].parent
        if parent is not None and parent not in seen:
            add(parent)
        if number not in seen:
            seen.add(number)
            order.append(number)

    for number in generator.sample(range(len(table.equations)), len(table.equations)):
        add(number)
    return order


def replay(scheduler: Scheduler, table: Table, truth: Truth, orders: int) -> list[Replay]:
    """``orders`` orders for each seed, the same ones for every scheduler.

    Raises ValueError for a ranking that names an equation twice or one that is not there.
    """
    found = []
    for order in range(orders):
        arriving = arrivals(table, Random(order))
        for seed in table.seeds:
            trainer = Trainer(table, seed)
            ranking = scheduler(tuple(arriving), trainer)
            if len(set(ranking)) != len(ranking) or not set(ranking) <= set(arriving):
                raise ValueError("a scheduler answers every equation at most once, by its number")
            cost = trainer.steps / len(arriving), trainer.seconds / len(arriving)
            found.append(Replay(*cost, truth.recall(ranking), truth.regret(ranking)))
    return found


def is_equal(replays: Sequence[Replay], reference: Sequence[Replay]) -> bool:
    """Whether its mean recall counts as equal to the reference's, or is better."""
    return mean(each.recall for each in replays) >= mean(each.recall for each in reference) - EQUAL


def saving(replays: Sequence[Replay], reference: Sequence[Replay]) -> float:
    """How many equations it judges in the CPU seconds in which the reference judges one; infinitely many
    where it trains nothing."""
    seconds = mean(each.seconds for each in replays)
    return mean(each.seconds for each in reference) / seconds if seconds else math.inf


def found_for_a_core_hour(replays: Sequence[Replay], reference: Sequence[Replay]) -> float:
    """Truly best ones against the reference."""
    share = mean(each.recall for each in replays) / mean(each.recall for each in reference)
    return share * saving(replays, reference)


def scheduler_table(results: Mapping[str, Sequence[Replay]]) -> str:
    """As Markdown; the saving is in bold where recall is equal to the reference's."""
    reference = results[REFERENCE]
    to_the_end = results.get(NOTHING_ENDED, reference)
    lines = [
        "| scheduler | steps | CPU s | equations for a core-hour | where nothing is ended | recall | regret "
        "| true best for a core-hour |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, replays in results.items():
        factors = [f"{saving(replays, each):.1f}×" for each in (reference, to_the_end)]
        if is_equal(replays, reference):
            factors = [f"**{factor}**" for factor in factors]
        cells = (
            name,
            _spread([each.steps for each in replays], 0),
            _spread([each.seconds for each in replays], 2),
            *factors,
            _spread([each.recall for each in replays], 2),
            _spread([each.regret for each in replays], 1),
            f"{found_for_a_core_hour(replays, reference):.1f}×",
        )
        lines.append(f"| {' | '.join(cells)} |")
    equal = [name for name, replays in results.items() if is_equal(replays, reference)]
    best = max(equal, key=lambda name: saving(results[name], reference))
    lines += [
        "",
        f"Mean ± standard deviation, n = {len(reference)} replays. Bold: a recall at most {EQUAL:g} below "
        f"full training's; the most of these: {best}, {saving(results[best], reference):.1f}× full training, "
        f"{saving(results[best], to_the_end):.1f}× where nothing is ended.",
    ]
    return "\n".join(lines)


def _spread(values: Sequence[float], digits: int) -> str:
    deviation = stdev(values) if len(values) > 1 else 0.0
    return f"{mean(values):.{digits}f} ± {deviation:.{digits}f}"


def described(table: Table) -> str:
    """What the table holds and where it comes from."""
    header, environment = table.header, table.header["environment"]
    learners = sum(accuracy >= LEARNT for accuracy in Truth.of(table).accuracies)
    seeds = (
        f"{len(table.seeds)} seeds" if len(table.seeds) > 1 else "one seed, so that full training is right"
    )
    return (
        f"{len(table.equations)} equations of {header['equations_drawn']} drawn, {learners} of them learn; "
        f"relative steps {', '.join(f'{step:g}' for step in table.relative_steps)}, {seeds}, "
        f"{len(table.further)} carried on; {header['model']}, {header['data']}, batches of "
        f"{header['batch_size']}; {environment['cpu']}, torch {environment['torch']}, {header['made']}."
        + (" Too few equations to conclude anything from." if len(table.equations) < ENOUGH else "")
    )


def into_document(page: Path, text: str) -> None:
    """Between its marks. Raises ValueError for a page without them."""
    before, found, rest = page.read_text().partition(BEGIN)
    if not found or END not in rest:
        raise ValueError(f"{page} has no {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, default=PACKED)
    parser.add_argument("--orders", type=int, default=20, help="orders of arrival for each seed")
    parser.add_argument("--sweep", action="store_true", help="many settings of asynchronous halving")
    parser.add_argument("--own", type=Path, help="a file that defines SCHEDULERS")
    parser.add_argument("--document", type=Path, help="put everything between its marks in this page")
    given = parser.parse_args()
    table = unpack(given.table)
    truth = Truth.of(table)
    chosen = sweep() if given.sweep else tabled()
    if given.own:
        chosen = {REFERENCE: chosen[REFERENCE], **runpy.run_path(str(given.own))["SCHEDULERS"]}
    results = {name: replay(scheduler, table, truth, given.orders) for name, scheduler in chosen.items()}
    if given.sweep:
        ordered = sorted(results, key=lambda name: -found_for_a_core_hour(results[name], results[REFERENCE]))
        results = {name: results[name] for name in ordered}
    text = "\n\n".join([described(table), scheduler_table(results)])
    if not (given.own or given.sweep):
        text += f"\n\n{signal_tables(table)}"
    print(text)
    if given.document:
        into_document(given.document, text)


if __name__ == "__main__":
    main()
