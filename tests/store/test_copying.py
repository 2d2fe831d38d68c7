"""Every row from one database to another: counted, compared, and gone on with."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backprop_evo.errors import BackpropEvoError, Conflict, InvalidInput, NotFound, Unavailable
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.retrying import RetryPolicy
from backprop_evo.store import copying, migrations
from backprop_evo.store.engine import Database
from backprop_evo.store.sql import open_store
from backprop_evo.store.tables import Base
from tests.service.conftest import Clock, train_oldest
from tests.service.lives import run_to_the_end
from tests.service.test_driving import assert_whole
from tests.store.conftest import LATER, NOW, begin, spec_of

CHANGING = {
    "sqlite": (
        "CREATE TRIGGER change AFTER INSERT ON events BEGIN "
        "UPDATE events SET payload = '{}' WHERE id = new.id; END",
    ),
    "postgresql": (
        "CREATE FUNCTION change() RETURNS trigger AS "
        "$$ BEGIN new.payload = '{}'; RETURN new; END $$ LANGUAGE plpgsql",
        "CREATE TRIGGER change BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION change()",
    ),
}


def copy(source, target, **options):
    return copying.copy_database(source, target, **{"now": LATER, "silence_s": 60, **options})


def contents(url):
    with copying.opened(url) as database, database.snapshot() as connection:
        return copying.contents_of(connection, Base.metadata.sorted_tables, "reading")


def end(url, search_id, clock=None):
    """Drive and train what is left; every individual as the brain proposed it, in the order of numbers."""
    store, clock = open_store(url), clock or Clock(LATER)
    try:
        store.trials.expire(now=clock(), policy=RetryPolicy(max_attempts=9))
        run_to_the_end(store, clock, "searches", search_id, train_oldest)
        assert_whole(store, search_id, trials=12)
        finishes = [each.trial_id.split(".", 1)[1] for each in store.trials.finishes(search_id)]
        told = [
            (
                each.number,
                each.origin,
                each.method,
                each.parent,
                each.twin,
                each.mutation,
                each.finishes_known,
                each.remeasures,
            )
            for each in store.individuals.of(search_id)
        ]
        return told, finishes
    finally:
        store.close()


def test_a_search_copied_in_its_middle_goes_on_as_an_undisturbed_one(begun, empty_url, tmp_path):
    undisturbed = f"sqlite:///{tmp_path / 'undisturbed.sqlite'}"
    migrations.upgrade(undisturbed)
    expected = end(undisturbed, begin(undisturbed))
    source, search_id = begun
    copied = copy(source, empty_url)
    assert copied == contents(source) == contents(empty_url)
    assert copied["trials"].rows > 6
    assert copied["events"].rows > 10
    assert end(empty_url, search_id) == expected
    assert end(source, search_id) == expected


def test_a_copy_of_a_copy_is_the_first_again(begun, empty_url, tmp_path):
    source, _ = begun
    back = f"sqlite:///{tmp_path / 'back.sqlite'}"
    assert copy(source, empty_url) == copy(empty_url, back) == contents(source)


def test_the_copy_numbers_on_after_the_greatest_key(begun, empty_url):
    source, _ = begun
    copy(source, empty_url)
    greatest = {}
    for url in (source, empty_url):
        store = open_store(url)
        last = max(event.id for event in store.events.after(limit=500))
        store.searches.add(spec_of(3), now=LATER)
        greatest[url] = [event.id - last for event in store.events.after(last)]
        store.close()
    assert greatest[source] == greatest[empty_url] == [1]


def test_what_was_deleted_gives_its_numbers_to_nobody(begun, empty_url, tmp_path):
    """A listener resumes after the number of the last event it heard."""
    source, _ = begun
    copy(source, empty_url)
    small = f"sqlite:///{tmp_path / 'small.sqlite'}"
    migrations.upgrade(small)
    heard = contents(empty_url)["events"].rows
    copy(small, empty_url, replace=True)
    store = open_store(empty_url)
    store.searches.add(spec_of(3), now=LATER)
    (event,) = store.events.after()
    store.close()
    assert event.id > heard


def test_a_target_with_rows_is_refused_and_kept_unless_told(begun, empty_url):
    source, _ = begun
    migrations.upgrade(empty_url)
    store = open_store(empty_url)
    store.searches.add(spec_of(3), now=NOW)
    store.close()
    before = contents(empty_url)
    with pytest.raises(Conflict, match="not empty: it holds 2 rows") as refused:
        copy(source, empty_url)
    assert "--replace" in refused.value.hint
    assert contents(empty_url) == before
    assert copying.rows_in(empty_url)["searches"] == 1
    assert copy(source, empty_url, replace=True) == contents(empty_url)


def test_a_target_somebody_works_on_is_refused_by_their_name(begun, empty_url):
    source, search_id = begun
    copy(source, empty_url)
    for sign, at in (("controller the first drives", NOW), ("worker node/7 trains", LATER)):
        if at is LATER:
            store = open_store(empty_url)
            (waiting, *_) = store.trials.open(search_id)
            assert store.trials.claim(waiting.id, "node/7", lease_s=60, now=LATER) is not None
            store.close()
        with pytest.raises(Conflict, match=f"is in use: .*{sign}") as refused:
            copy(source, empty_url, replace=True, now=at + timedelta(seconds=1))
        assert "stop" in refused.value.hint
    assert copying.who_works_on(empty_url, now=LATER, silence_s=60)
    copy(source, empty_url, replace=True, now=LATER + timedelta(seconds=61))
    heartbeat = NodeRecord(
        name="far", slots=1, devices=("cpu",), code_version="1", started_at=LATER, seen_at=LATER
    )
    store = open_store(empty_url)
    store.nodes.record_heartbeat(heartbeat)
    store.close()
    with pytest.raises(Conflict, match="node far was heard of 59 s ago"):
        copy(source, empty_url, replace=True, now=LATER + timedelta(seconds=59))
    copy(source, empty_url, replace=True, now=LATER + timedelta(seconds=61))


def test_a_copy_that_differs_is_not_kept(begun, empty_url):
    """By a target that changes what it is given."""
    source, _ = begun
    migrations.upgrade(empty_url)
    database = Database(empty_url)
    with database.write() as connection:
        for statement in CHANGING[connection.dialect.name]:
            connection.exec_driver_sql(statement)
    database.close()
    with pytest.raises(BackpropEvoError, match="written to events is not what was read"):
        copy(source, empty_url)
    assert set(copying.rows_in(empty_url).values()) == {0}


def test_one_database_under_two_names_is_refused(sqlite_url, postgres_url, tmp_path):
    with pytest.raises(InvalidInput, match="one database"):
        copy(sqlite_url, sqlite_url.replace(str(tmp_path), f"{tmp_path}/./"))
    with pytest.raises(InvalidInput, match="one database"):
        copy(postgres_url, sa.make_url(postgres_url).set(drivername="postgresql").render_as_string(False))


def test_a_source_that_is_not_there_is_not_made(tmp_path, sqlite_url):
    with pytest.raises(NotFound, match="no such file"):
        copy(f"sqlite:///{tmp_path / 'absent.sqlite'}", sqlite_url)
    assert not (tmp_path / "absent.sqlite").exists()
    with pytest.raises(Unavailable):
        copy("postgresql://nobody:secret@127.0.0.1:9/nothing", sqlite_url)


@pytest.mark.parametrize(("revision", "says"), [("0014", "older than"), ("9999", "newer than")])
def test_a_schema_of_another_version_is_refused_in_words(empty_url, sqlite_url, revision, says):
    migrations.upgrade(empty_url, "0014")
    database = Database(empty_url)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    database.close()
    for pair in ((empty_url, sqlite_url), (sqlite_url, empty_url)):
        with pytest.raises(Conflict, match=f"revision {revision}, {says} this version") as refused:
            copy(*pair)
        assert ("db upgrade" in refused.value.hint) == (says == "older than")
        assert ("newer one" in refused.value.hint) == (says == "newer than")


def test_an_upgrade_does_not_touch_a_database_of_a_newer_version(empty_url):
    migrations.upgrade(empty_url)
    database = Database(empty_url)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    for move in (migrations.upgrade, lambda url: migrations.downgrade(url, "0001")):
        with pytest.raises(Conflict, match="newer than this version") as refused:
            move(empty_url)
        assert "or a newer one" in refused.value.hint
