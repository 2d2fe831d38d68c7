"""``python -m workers.health``: does the node of this machine live? For health checks of containers.

A node that is stuck sends no heartbeats. While the database is away nobody can tell, and a restart would not
help: then the answer is yes.
"""

from __future__ import annotations

import platform
import sys
from datetime import datetime, timedelta

from backprop_evo.errors import BackpropEvoError
from backprop_evo.settings import Settings, settings
from backprop_evo.store.base import Nodes
from backprop_evo.store.sql import open_store
from workers.heartbeat import utc_now


def fault_of(nodes: Nodes, options: Settings, now: datetime) -> str | None:
    """Why the node does not live, in words. Raises ``Unavailable`` when the database is away."""
    name = options.node_name or platform.node()
    node = nodes.find(name)
    if node is None:
        return f"{name} was never heard of"
    if now - node.seen_at > timedelta(seconds=options.lease_s):
        return f"{name} was last heard of at {node.seen_at:%H:%M:%S} UTC"
    return None


def main() -> int:
    """0 for a node that lives, else 1."""
    options = settings()
    store = open_store(options.resolved_database_url)
    try:
        fault = fault_of(store.nodes, options, utc_now())
    except BackpropEvoError as error:
        sys.stderr.write(f"{error.message}\n")
        return 0
    finally:
        store.close()
    if fault is not None:
        sys.stderr.write(f"{fault}\n")
    return int(fault is not None)


if __name__ == "__main__":
    sys.exit(main())
