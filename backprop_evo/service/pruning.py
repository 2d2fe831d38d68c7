"""Whether a training that a worker reports on goes on: the pruner of its search, asked in the store's
order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from backprop_evo.records.searching import PrunerSpec, Purpose
from backprop_evo.records.stored import IntermediateRecord, Lease
from backprop_evo.records.training import IntermediateValue
from backprop_evo.search.pruners import pruner, reason_to_prune
from backprop_evo.store.base import Store


def report_value(
    store: Store, lease: Lease, spec: PrunerSpec, value: IntermediateValue, *, now: datetime
) -> str | None:
    """Store a value; why the training is to end there, None where it goes on.

    Also None where the lease was lost: the heartbeat ends such a training. Raises ``Unavailable``.
    """
    rule = pruner(spec.name)

    def judge(purpose: Purpose, earlier: Sequence[IntermediateRecord]) -> str | None:
        return reason_to_prune(rule, spec, value, purpose, earlier)

    stored = store.intermediates.report(lease, value, judge=judge, now=now)
    return None if stored is None else stored.pruned
