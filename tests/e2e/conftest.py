"""One cluster for all tests of this room: importing torch in its workers costs seconds."""

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.start("redis", "node", "controller")
    yield cluster
    cluster.stop()
