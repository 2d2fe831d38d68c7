"""Who works on a database now: before it is filled anew, nobody may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from backprop_evo.errors import Conflict
from backprop_evo.store.tables import NODES, SEARCHES, TRIALS
from backprop_evo.wording import distance


def signs_of_life(connection: Connection, *, now: datetime, silence_s: float) -> Iterator[str]:
    """In words: nodes that were heard of in the last ``silence_s`` seconds, controllers whose claim and
    workers whose lease has not run out. A controller without a search to drive and the API leave no sign:
    they keep nothing of the database in mind.
    """
    nodes = select(NODES).where(NODES.c.seen_at > now - timedelta(seconds=silence_s)).order_by(NODES.c.name)
    for node in connection.execute(nodes):
        silent = distance(max((now - node.seen_at).total_seconds(), 0.0))
        yield f"node {node.name} was heard of {silent} ago"
    claims = select(SEARCHES).where(SEARCHES.c.claim_expires_at > now).order_by(SEARCHES.c.id)
    for search in connection.execute(claims):
        left = distance((search.claim_expires_at - now).total_seconds())
        yield f"controller {search.claimed_by} drives {search.id}, by a claim that ends in {left}"
    leases = select(TRIALS).where(TRIALS.c.lease_expires_at > now).order_by(TRIALS.c.row)
    for trial in connection.execute(leases):
        left = distance((trial.lease_expires_at - now).total_seconds())
        yield f"worker {trial.worker} trains {trial.id}, by a lease that ends in {left}"


def refuse_while_in_use(connection: Connection, what: str, *, now: datetime, silence_s: float) -> None:
    """Raises ``Conflict`` naming who works on ``what``."""
    alive = list(signs_of_life(connection, now=now, silence_s=silence_s))
    if alive:
        more = f"; and {len(alive) - 3} more" if len(alive) > 3 else ""
        raise Conflict(
            f"{what} is in use: {'; '.join(alive[:3])}{more}",
            hint="stop `up`, or the nodes and controllers, on it; what was killed counts as alive for up to "
            f"{silence_s:.0f} s more",
        )
