"""A store for a test, closed after it."""

from collections.abc import Iterator
from contextlib import closing

from backprop_evo.store.sql import SqlStore, open_store


def opened(url: str) -> Iterator[SqlStore]:
    """What a fixture yields from."""
    with closing(open_store(url)) as store:
        yield store
