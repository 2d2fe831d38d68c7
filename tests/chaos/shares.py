"""Three users' searches of very different sizes over the same slots."""

from __future__ import annotations

from collections.abc import Iterator

from backprop_evo.settings import Settings
from backprop_evo.store.sql import open_store
from tests.chaos.setting import Setting, case
from tests.chaos.table import Row
from tests.workers.rows import Clock, FakeBroker
from tests.workers.test_sharing import SLOTS, Pool

WITHIN = 0.1


@case("shares")
def shares(setting: Setting) -> Iterator[Row]:
    sizes = (10, 200, 2000) if setting.short else (10, 1000, setting.size or 100_000)
    seconds = int(setting.long_or_short(60, 8))
    store = open_store(setting.database.url)
    options = Settings(home=setting.folder, lease_s=60, heartbeat_s=1, resend_s=30)
    try:
        pool = Pool(store, FakeBroker(), options, Clock())
        setting.tell(f"queueing {sum(sizes):,} trials, the most first")
        huge, large, small = (pool.search(f"of {size}", size) for size in reversed(sizes))
        pool.run(5)
        first = pool.trained[small]
        pool.trained.clear()
        pool.run(seconds)
        share = seconds * SLOTS / 2
        apart = max(abs(pool.trained[each] - share) / share for each in (huge, large))
        idle = seconds * SLOTS - sum(pool.trained.values())
        yield setting.row(
            f"searches of {', '.join(f'{size:,}' for size in sizes)} trials on {SLOTS} slots, the largest "
            f"first: each within {WITHIN:.0%} of its share",
            f"the small one: {first} of {sizes[0]} within 5 s; then {pool.trained[large]} and "
            f"{pool.trained[huge]} in {seconds} s, {apart:.0%} apart from {share:g}; {idle} slots idle",
            first == sizes[0] and apart <= WITHIN and idle == 0,
        )
    finally:
        store.close()
