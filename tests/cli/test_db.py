"""``backprop-evo db``: schema, backups and copies as a person or a script meets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from backprop_evo.cli.main import app
from backprop_evo.records.searching import SearchSpec
from backprop_evo.settings import settings
from backprop_evo.store import migrations
from backprop_evo.store.sql import open_store


@pytest.fixture(autouse=True)
def database(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The database of the settings: migrated, with one search in it."""
    store = open_store(sqlite_url)
    store.searches.add(SearchSpec(name="kept"), now=datetime(2026, 1, 1, tzinfo=UTC))
    store.close()
    monkeypatch.setenv("BACKPROP_EVO_DATABASE_URL", sqlite_url)
    settings.cache_clear()
    yield sqlite_url
    settings.cache_clear()


def invoke(*words: object, **options: Any) -> Any:
    return CliRunner().invoke(app, ["db", *map(str, words)], **options)


def searches(url: str) -> list[str]:
    store = open_store(url)
    found = [each.spec.name for each in store.searches.page().items]
    store.close()
    return found


def test_a_backup_and_its_restore_are_told_in_tables_and_json(tmp_path: Path, database: str) -> None:
    file = tmp_path / "evo.backup"
    made = invoke("backup", file)
    assert made.exit_code == 0, made.output
    assert f"revision {migrations.head()}" in made.stdout
    assert "searches" in made.stdout
    told = json.loads(invoke("backup", file, "--replace", "--json").stdout)
    assert told["rows"]["searches"] == 1
    assert (told["bytes"], told["file"]) == (file.stat().st_size, str(file))
    assert invoke("restore", file).exit_code == 2
    restored = invoke("restore", file, "--replace", "--yes", "--json")
    assert restored.exit_code == 0, restored.output
    assert json.loads(restored.stdout)["rows"] == told["rows"]
    assert searches(database) == ["kept"]


def test_what_is_there_is_deleted_only_after_a_yes(tmp_path: Path, database: str) -> None:
    file = tmp_path / "evo.backup"
    invoke("backup", file)
    store = open_store(database)
    store.searches.add(SearchSpec(name="later"), now=datetime(2026, 1, 2, tzinfo=UTC))
    store.close()
    for answer in ("n\n", ""):
        asked = invoke("restore", file, "--replace", input=answer)
        assert asked.exit_code == 1
        assert "holds 2 searches and evaluations with 0 trials. Delete them?" in asked.stderr
        assert searches(database) == ["later", "kept"]
    assert invoke("restore", file, "--replace", input="y\n").exit_code == 0
    assert searches(database) == ["kept"]


def test_a_copy_names_both_and_shows_no_password(
    tmp_path: Path, database: str, new_postgres_database: Any
) -> None:
    target = new_postgres_database()
    done = invoke("copy", database, target)
    assert done.exit_code == 0, done.output
    assert f"every row as in {database}" in done.stdout
    assert searches(target) == ["kept"]
    back = invoke("copy", target, f"sqlite:///{tmp_path / 'back.sqlite'}", "--json")
    assert json.loads(back.stdout)["rows"]["searches"] == 1
    refused = invoke("copy", "postgresql://someone:secret@127.0.0.1:9/nothing", database)
    assert refused.exit_code == 2
    assert "secret" not in refused.output


def test_a_copy_of_a_database_in_use_says_what_that_means(tmp_path: Path, database: str) -> None:
    store = open_store(database)
    assert store.searches.claim("a controller", lease_s=60, now=datetime.now(UTC)) is not None
    store.close()
    done = invoke("copy", database, f"sqlite:///{tmp_path / 'second.sqlite'}")
    assert done.exit_code == 0, done.output
    assert "controller a controller drives" in done.stderr
    assert "two services train the same searches" in done.stderr
    refused = invoke("restore", tmp_path / "absent.backup", "--replace", "--yes")
    assert refused.exit_code == 2
    assert "there is no such file" in refused.stderr


def test_current_says_older_newer_and_none_and_what_to_do(database: str, tmp_path: Path) -> None:
    def told() -> tuple[str, str, int]:
        done = json.loads((shown := invoke("current", "--json")).stdout)
        words = invoke("current")
        assert (words.exit_code, done["needed"]) == (shown.exit_code, migrations.head())
        return done["age"], words.stdout, words.exit_code

    assert told()[::2] == ("current", 0)
    migrations.downgrade(database, "0014")
    age, words, code = told()
    assert (age, code) == ("older", 1)
    assert "older than this version" in words
    assert "backprop-evo db upgrade" in words
    store = open_store(database)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    age, words, code = told()
    assert (age, code) == ("newer", 1)
    assert "or a newer one" in words
    refused = invoke("upgrade")
    assert refused.exit_code == 2
    assert "newer than this version" in refused.stderr
    Path(database.removeprefix("sqlite:///")).unlink()
    assert told()[0] == "none"
