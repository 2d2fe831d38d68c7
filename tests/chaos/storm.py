"""A random process is killed every two seconds while a search of short trials runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from random import Random

from backprop_evo.errors import Unavailable
from tests.chaos.invariants import broken_promises, waste
from tests.chaos.setting import Setting, case
from tests.chaos.stack import KINDS, Service, service, short_trials
from tests.chaos.table import Row

MOST_WASTED = 0.5


@case("storm")
def storm(setting: Setting) -> Iterator[Row]:
    trials = setting.size or int(setting.long_or_short(300, 12))
    longest_s = setting.long_or_short(900, 8)
    with service(setting, nodes=1 if setting.short else 2) as running:
        search = running.service.submit_search(short_trials("storm", trials))
        running.pass_time(120, lambda: running.finishes(search.id) > 0)
        began, done = time.monotonic(), running.finishes(search.id)
        during = _strike_until_ended(setting, running, search.id, trials, longest_s)
        lasted = time.monotonic() - began
        running.pass_time(600, lambda: running.store.searches.get(search.id).state.is_terminal)
        ended_s = time.monotonic() - began
        broken = broken_promises(running.store, search.id, trials=trials)
        killed = Counter(each.kind for each in running.strikes)
        kinds = ", ".join(f"{killed[kind]} {kind}" for kind in KINDS)
        yield setting.row(
            f"{trials} short trials, a process killed every {setting.every_s:g} s: all terminal, none lost, "
            "none doubled, replay equal",
            "; ".join(broken) or f"all hold after {len(running.strikes)} kills ({kinds}) in {lasted:.0f} s",
            not broken,
        )
        thirds = [sum(lasted * n / 3 <= at < lasted * (n + 1) / 3 for at in during) for n in range(3)]
        yield setting.row(
            "progress: finishes in each third of the storm",
            f"{thirds[0]}, {thirds[1]} and {thirds[2]}; {done} before; the last after {ended_s:.0f} s",
            min(thirds) > 0,
        )
        wasted = waste(running.store, search.id, running.strikes)
        yield setting.row(
            f"at most {MOST_WASTED:.0%} of the time in attempts came to no result",
            f"{wasted.share:.0%} of {wasted.spent_s:.0f} s; {wasted.wasted_attempts} of {wasted.attempts} "
            "attempts",
            wasted.share <= MOST_WASTED,
        )


def _strike_until_ended(
    setting: Setting, running: Service, search_id: str, trials: int, longest_s: float
) -> list[float]:
    """Seconds since the storm began at which trials ended, as far as they were seen from outside."""
    random, began, seen = Random(0), time.monotonic(), running.finishes(search_id)
    at: list[float] = []

    def count() -> bool:
        nonlocal seen
        now_done = running.finishes(search_id)
        at.extend([time.monotonic() - began] * (now_done - seen))
        seen = now_done
        return running.store.searches.get(search_id).state.is_terminal

    while time.monotonic() - began < longest_s:
        # What was killed a moment ago may not be there yet: then it is another's turn.
        kinds = random.sample(KINDS, len(KINDS))
        struck = next((kind for kind in kinds if running.strike(kind, random)), "nothing")
        if len(running.strikes) % 10 == 0:
            setting.tell(
                f"{len(running.strikes)} kills, the last a {struck}; {seen} of {trials} trials ended"
            )
        if running.pass_time(setting.every_s, count):
            break
    with suppress(Unavailable):
        count()
    return at
