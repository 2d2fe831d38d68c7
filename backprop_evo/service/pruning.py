"""Whether a training that a worker reports on goes on: the pruner of its search, asked in the store's
order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from backprop_evo.records.judging import IntermediateRecord, Judged
from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.stored import Lease
from backprop_evo.records.training import IntermediateValue
from backprop_evo.search.pruners import judge_value
from backprop_evo.store.base import Store


def report_value(
    store: Store, lease: Lease, spec: SearchSpec, value: IntermediateValue, *, now: datetime
) -> str | None:
    """Store a value; why the training is to end there, None where it goes on.

    Also None where the lease was lost: the heartbeat ends such a training. Raises ``Unavailable``.
    """

    def judge(purpose: Purpose, individual: int, earlier: Sequence[IntermediateRecord]) -> Judged:
        return judge_value(spec, value, purpose, individual, earlier)

    stored = store.intermediates.report(lease, value, judge=judge, now=now)
    return None if stored is None else stored.judged.pruned
