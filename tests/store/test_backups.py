"""Backups of databases that are written to, and their way back."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta

import pytest
import sqlalchemy as sa

from backprop_evo.errors import Conflict, InvalidInput, NotFound, Unavailable
from backprop_evo.records.selecting import Selection
from backprop_evo.service import Service
from backprop_evo.store import backups, migrations
from backprop_evo.store.engine import Database
from backprop_evo.store.sql import open_store
from tests.service.conftest import Clock, train_oldest
from tests.service.lives import live
from tests.store.conftest import LATER, NOW, begin, spec_of
from tests.store.test_copying import contents, end


@pytest.fixture
def file(tmp_path):
    return tmp_path / "a backup? of #1.evo"


def back_up(url, file, **options):
    return backups.back_up(url, file, now=NOW, program="0.1.0", **options)


def restore(file, url, **options):
    return backups.restore(file, url, **{"now": LATER, "silence_s": 60, **options})


def test_a_backup_of_a_search_that_runs_goes_on_and_replays(database_url, empty_url, file):
    """A search writes as fast as it can, while it is backed up again and again."""
    store, clock = open_store(database_url), Clock(NOW)
    search = Service(store, clock=clock).submit_search(spec_of(12))
    taken = threading.Event()

    def ended():
        return taken.is_set() or store.searches.get(search.id).state.is_terminal

    running = threading.Thread(target=live, args=(store, clock, "the first", ended, train_oldest))
    running.start()
    try:
        manifests = [back_up(database_url, file, replace=True)]
        while not manifests[-1].rows["attempts"] >= 4:
            manifests.append(back_up(database_url, file, replace=True))
    finally:
        taken.set()
        running.join()
        store.close()
    grown = [sum(each.rows.values()) for each in manifests]
    assert grown == sorted(grown)
    assert restore(file, empty_url) == manifests[-1]
    assert contents(empty_url) == manifests[-1].tables
    end(empty_url, search.id)


def test_a_backup_restores_to_what_was_there_and_is_one_file(begun, empty_url, file):
    url, search_id = begun
    manifest = back_up(url, file)
    assert manifest.tables == contents(url)
    assert manifest.source in url
    companions = [each.name for each in file.parent.iterdir() if each.name.startswith(file.name)]
    assert companions == [file.name]
    file.chmod(0o444)
    restore(file, empty_url)
    assert contents(empty_url) == contents(url)
    assert end(empty_url, search_id) == end(url, search_id)


def test_what_lies_only_in_the_write_ahead_log_is_backed_up(sqlite_url, file):
    writing = open_store(sqlite_url)  # stays open, or SQLite would empty the log
    writing.searches.add(spec_of(3), now=NOW)
    path = sa.make_url(sqlite_url).database
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as without_log:
        assert without_log.execute("SELECT count(*) FROM searches").fetchone() == (0,)
    assert back_up(sqlite_url, file).rows["searches"] == 1
    writing.close()


def test_progress_reaches_its_end(begun, empty_url, file):
    heard = {}

    def hear(step, done, total):
        assert 0 <= done <= total
        heard[step] = (done, total)

    back_up(begun[0], file, on_progress=hear)
    restore(file, empty_url, on_progress=hear)
    assert {"verifying trials", "copying trials", "comparing trials"} <= set(heard)
    assert all(done == total for done, total in heard.values())


def test_a_file_that_is_there_is_written_over_only_when_told(begun, file):
    url, _ = begun
    file.write_text("precious")
    with pytest.raises(Conflict, match="is there already"):
        back_up(url, file)
    assert file.read_text() == "precious"
    back_up(url, file, replace=True)
    assert backups.verify(file).rows["searches"] == 1


def test_the_database_itself_is_never_written_over(sqlite_url):
    path = sa.make_url(sqlite_url).database
    for name in (path, f"{path}/../{path.rsplit('/', 1)[1]}"):
        with pytest.raises(Conflict, match="the database itself"):
            back_up(sqlite_url, backups.Path(name).resolve(), replace=True)


def test_a_backup_that_fails_leaves_what_was_there(begun, file, monkeypatch):
    url, _ = begun
    file.write_text("the last one")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups.os, "fsync", full)
    with pytest.raises(Unavailable, match="No space left"):
        back_up(url, file, replace=True)
    assert file.read_text() == "the last one"
    assert not file.with_name(f"{file.name}.part").exists()
    with pytest.raises(Unavailable, match="cannot write"):
        back_up(url, file.parent / "no such folder" / "x")


def test_a_file_that_is_no_backup_is_refused(sqlite_url, begun, empty_url, file):
    with pytest.raises(NotFound, match="no such file"):
        restore(file, empty_url)
    for foreign in (b"", b"PGDMP" * 999, b"SQLite format"):
        file.write_bytes(foreign)
        with pytest.raises(InvalidInput, match="is no backup"):
            restore(file, empty_url)
    with pytest.raises(InvalidInput, match="without a manifest") as refused:
        restore(backups.Path(sa.make_url(sqlite_url).database), empty_url)
    assert "db copy" in refused.value.hint


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95, 0.999])
def test_a_torn_backup_is_refused_and_the_target_kept(sqlite_url, part, file):
    """Every way of tearing at a place: the rest is missing, zero, or noise."""
    begin(sqlite_url)
    back_up(sqlite_url, file)
    whole = file.read_bytes()
    here = int(len(whole) * part)
    before = contents(sqlite_url)
    for torn in (whole[:here], whole[:here].ljust(len(whole), b"\0")):
        file.write_bytes(torn)
        with pytest.raises(InvalidInput, match=r"is torn or was changed|is no backup"):
            restore(file, sqlite_url, replace=True)
        assert contents(sqlite_url) == before


def test_a_changed_row_is_noticed(begun, empty_url, file):
    back_up(begun[0], file)
    whole = file.read_bytes()
    place = whole.index(b"in its middle")
    for changed in (
        whole[:place] + b"I" + whole[place + 1 :],
        whole.replace(b"search.queued", b"search.quEued"),
    ):
        assert changed != whole
        file.write_bytes(changed)
        with pytest.raises(InvalidInput, match=r"torn or was changed.*: (searches|events)"):
            restore(file, empty_url)
    file.write_bytes(whole)
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("DELETE FROM attempts")
        raw.commit()
    with pytest.raises(InvalidInput, match="attempts not as the manifest says"):
        restore(file, empty_url)


def test_a_full_target_is_replaced_only_when_told_and_when_nobody_works_on_it(begun, empty_url, file):
    url, _ = begun
    back_up(url, file)
    restore(file, empty_url)
    with pytest.raises(Conflict, match="is not empty"):
        restore(file, empty_url)
    with pytest.raises(Conflict, match="in use: controller the first drives"):
        restore(file, empty_url, replace=True, now=NOW + timedelta(seconds=1))
    restore(file, empty_url, replace=True)
    assert contents(empty_url) == contents(url)


def set_revision(url, revision):
    database = Database(url)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    database.close()


def test_an_older_database_is_backed_up_before_its_upgrade_and_restored_upgraded(
    database_url, empty_url, file
):
    url = database_url
    search_id = begin(url, selection=Selection(parents="completed", remeasured=0.0))  # as of old
    migrations.downgrade(url, "0014")
    manifest = back_up(url, file)
    assert manifest.revision == "0014"
    assert manifest.rows["trials"] > 6
    with pytest.raises(Conflict, match="revision 0014, older than this version") as refused:
        restore(file, empty_url)
    assert "--upgrade" in refused.value.hint
    assert restore(file, empty_url, upgrade_first=True) == manifest
    migrations.upgrade(url)
    assert contents(empty_url) == contents(url)
    end(empty_url, search_id)


def test_what_a_newer_version_wrote_is_refused_in_words(begun, empty_url, file):
    url, _ = begun
    back_up(url, file)
    with closing(sqlite3.connect(file)) as raw:
        (text,) = raw.execute(f"SELECT document FROM {backups.MANIFEST}").fetchone()
        newer = json.dumps({**json.loads(text), "revision": "9999"})
        raw.execute(f"UPDATE {backups.MANIFEST} SET document = ?", (newer,))
        raw.commit()
    for upgrade_first in (False, True):
        with pytest.raises(Conflict, match="revision 9999, newer than this version") as refused:
            restore(file, empty_url, upgrade_first=upgrade_first)
        assert "or a newer one" in refused.value.hint
    with closing(sqlite3.connect(file)) as raw:
        newer = json.dumps({**json.loads(text), "form": 2})
        raw.execute(f"UPDATE {backups.MANIFEST} SET document = ?", (newer,))
        raw.commit()
    with pytest.raises(InvalidInput, match="of a form that this version does not know"):
        restore(file, empty_url)
    set_revision(url, "9999")
    with pytest.raises(Conflict, match="newer than this version"):
        back_up(url, file, replace=True)


def test_nothing_is_backed_up_where_there_is_nothing(empty_url, tmp_path, file):
    with pytest.raises((Conflict, NotFound), match=r"no tables yet|no such file"):
        back_up(empty_url, file)
    assert not file.exists()


def test_a_damaged_database_is_not_backed_up_as_whole(sqlite_url, file):
    begin(sqlite_url)
    path = backups.Path(sa.make_url(sqlite_url).database)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
        (page,) = raw.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'trials'").fetchone()
        (size,) = raw.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = bytes(size)
    path.write_bytes(content)
    with pytest.raises(backups.BackpropEvoError, match=r"damaged|malformed"):
        back_up(sqlite_url, file)
    assert not file.exists()
