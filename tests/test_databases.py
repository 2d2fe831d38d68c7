"""A reused PostgreSQL database is as new, or it is another one."""

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from backprop_evo.records.searching import SearchSpec
from backprop_evo.store.sql import open_store
from tests.databases import ReusedDatabase, administrator_of
from tests.service.conftest import Clock

TABLES = ("searches", "events")


@pytest.fixture
def reused(new_postgres_database, migrated_postgres):
    reused = ReusedDatabase(lambda: new_postgres_database(migrated_postgres))
    yield reused
    reused.drop()


def add_a_search(url):
    store = open_store(url)
    store.searches.add(SearchSpec(name="left behind"), now=Clock()())
    (event,) = store.events.after()
    store.close()
    return event.id


def test_rows_are_gone_and_numbers_begin_at_one(reused):
    url = reused.url()
    first = add_a_search(url)
    reused.clear()
    assert reused.url() == url
    with administrator_of(url) as administrator:
        counts = [
            administrator.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in TABLES
        ]
    assert counts == [0, 0]
    assert add_a_search(url) == first


@pytest.mark.parametrize(
    "left",
    [
        "CREATE TABLE left_behind (number integer)",
        "ALTER TABLE searches ADD COLUMN left_behind integer",
        "ALTER TABLE trials DISABLE TRIGGER ALL",
        "UPDATE alembic_version SET version_num = '0001'",
        "INSERT INTO audit SELECT FROM generate_series(1, 0); ANALYZE",
    ],
)
def test_what_a_test_leaves_beside_rows_makes_another_one(reused, left):
    url = reused.url()
    with administrator_of(url) as administrator:
        administrator.exec_driver_sql(left)
    reused.clear()
    assert reused.url() != url


def test_whoever_is_still_connected_is_thrown_out(reused):
    engine = sa.create_engine(sa.make_url(reused.url()).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        connection.exec_driver_sql("LOCK TABLE searches")
        reused.clear()
        with pytest.raises(OperationalError):
            connection.exec_driver_sql("SELECT 1")
    engine.dispose()
