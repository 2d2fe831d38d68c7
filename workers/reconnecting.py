"""How soon a worker finds its Redis again.

Celery waits two seconds longer after each try, up to thirty, and has no setting for it: slots stood idle for
a quarter of a minute after a Redis that had been away for one.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer

#: Seconds between two tries, at most.
LONGEST_PAUSE_S = 3.0


class ReconnectingConsumer(Consumer):  # type: ignore[misc]  # celery carries no types
    """Celery's, with a bound on its pauses."""

    def ensure_connected(self, conn: Any) -> Any:
        """The connection, once it stands; asked for by Celery at its start and after each loss."""
        conn.ensure_connection = partial(conn.ensure_connection, interval_max=LONGEST_PAUSE_S)
        return super().ensure_connected(conn)
