"""One cluster for all tests of this room, which is a package for that: importing torch in its workers costs
seconds. It ends with the room, or its controller would look for searches until the last test of all."""

from collections.abc import Iterator

import pytest

from tests.e2e.cluster import Cluster


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.start("redis", "node", "controller")
    yield cluster
    cluster.stop()
