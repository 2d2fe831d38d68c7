"""Revisions up and down, on both databases; they build exactly what the code expects."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from typer.testing import CliRunner

from backprop_evo.errors import BackpropEvoError, InvalidInput, InvalidSettings, Unavailable
from backprop_evo.records.evaluating import EvaluationSpec, setting_id
from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import (
    Purpose,
    SearchSpec,
)
from backprop_evo.records.selecting import Selection
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import IndividualRecord, Origin, TrialRecord
from backprop_evo.records.training import LearningRateGrid, RelativeStepGrid, TrainSpec
from backprop_evo.service import drive_once
from backprop_evo.store import migrations
from backprop_evo.store.engine import Database
from backprop_evo.store.sql import open_store
from backprop_evo.store.tables import Base

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
VERSIONS = sorted((Path(__file__).parents[2] / "alembic" / "versions").glob("*.py"))

OF_BEFORE = TrainSpec(validation_part="whole")
"""The one part that trainings of early versions know."""


def table_names(url):
    database = Database(url)
    with database.read() as connection:
        names = set(sa.inspect(connection).get_table_names())
    database.close()
    return names


def test_an_empty_database_is_brought_up_and_down_again(empty_url):
    expected = set(Base.metadata.tables)
    assert migrations.upgrade(empty_url) == migrations.head()
    assert table_names(empty_url) == {*expected, "alembic_version"}
    assert migrations.downgrade(empty_url, "base") is None
    assert table_names(empty_url) == {"alembic_version"}
    assert migrations.upgrade(empty_url) == migrations.head()


def test_every_revision_goes_up_and_down_alone(empty_url):
    for path in VERSIONS:
        revision = path.name.split("_")[0]
        before = migrations.upgrade(empty_url, revision)
        assert before == revision
        migrations.downgrade(empty_url, "-1")
        assert migrations.upgrade(empty_url, revision) == revision


def test_what_is_stored_survives_the_way_down_and_up(empty_url):
    migrations.upgrade(empty_url)
    store = open_store(empty_url)
    search = store.searches.add(SearchSpec(name="old", train=OF_BEFORE), now=NOW)
    store.searches.claim("c", lease_s=60, now=NOW)
    proposed = {"origin": Origin.START, "parent": None, "twin": None, "mutation": None, "finishes_known": 0}
    said = {"search_id": search.id, "method": equation_method("g"), "fingerprint": "f", "created_at": NOW}
    individual = IndividualRecord(number=0, canonical="g", **said, **proposed)
    trial = TrialRecord(
        id="t",
        individual=0,
        purpose=Purpose.SEARCH,
        spec=search.spec.train,
        seed=1,
        state=TrialState.QUEUED,
        fence=0,
        queued_at=NOW,
        **said,
    )
    store.individuals.record(search.id, "c", [individual], [trial], now=NOW)
    store.trials.claim("t", "node/0", lease_s=60, now=NOW)
    before = (store.trials.get("t"), store.trials.attempts("t"))
    store.close()
    migrations.downgrade(empty_url, "0001")
    migrations.upgrade(empty_url)
    store = open_store(empty_url)
    assert (store.trials.get("t"), store.trials.attempts("t")) == before
    store.close()


def test_a_table_is_not_rebuilt_where_that_would_delete_what_refers_to_it(tmp_path):
    database = Database(f"sqlite:///{tmp_path / 'enforcing.sqlite'}")
    migrations.upgrade(str(database.url), "0004")
    config = Config()
    config.set_main_option("script_location", str(migrations.scripts()))
    config.set_main_option("path_separator", "os")
    with database.write() as connection:
        config.attributes["connection"] = connection
        with pytest.raises(RuntimeError, match="foreign keys"):
            command.upgrade(config, "0005")
    with database.migrate() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 0
    with database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    database.close()


def test_searches_of_before_go_on_drawing_as_they_did(empty_url):
    migrations.upgrade(empty_url)
    store = open_store(empty_url)
    new = store.searches.add(SearchSpec(name='a "mutations":[1.0] of ⊙', mutations=(0.5, 0.5)), now=NOW)
    store.close()
    migrations.downgrade(empty_url, "0004")
    database = Database(empty_url)
    with database.read() as connection:
        (text,) = connection.execute(sa.text("SELECT spec FROM searches")).scalars()
    database.close()
    assert "mutation_redraw" not in text
    assert "products" not in text
    assert "controls" not in text
    migrations.upgrade(empty_url)
    store = open_store(empty_url)
    pruner = replace(new.spec.pruner, spared=0.0)
    confirmation = replace(new.spec.confirmation, controls="none", test=True)
    before = replace(new.spec, mutation_redraw="place", products="three", train=OF_BEFORE, pruner=pruner)
    selection = Selection(parents="completed", remeasured=0)
    before = replace(before, screening=False, confirmation=confirmation, selection=selection)
    assert store.searches.get(new.id).spec == before
    store.close()


TRAINS = (
    TrainSpec(),
    OF_BEFORE,
    TrainSpec(validation_part="finalists", model="mlp-9"),
    TrainSpec(model="mlp-8", epochs=1, learning_rate=0.1, time_limit_s=9.0, memory_limit_mib=64.0),
    TrainSpec(learning_rate=LearningRateGrid(rates=(0.1, 1), probe_epochs=1), augment=False),
    TrainSpec(learning_rate=RelativeStepGrid(relative_steps=(0.01,)), train_images=500, momentum=0.5),
    TrainSpec(learning_rate=RelativeStepGrid(relative_steps=(0.01, 1.0), extra_probes=0), feedback="usf"),
    TrainSpec(classifier_rate=0.5, decay="decoupled", warm_up_steps=3),
)


def test_rows_of_before_get_the_setting_of_their_search(empty_url):
    migrations.upgrade(empty_url)
    store = open_store(empty_url)
    searches = [store.searches.add(SearchSpec(name="ä", train=train), now=NOW) for train in TRAINS]
    store.close()
    migrations.downgrade(empty_url, "0011")
    zero = ("search_fitness", "rank_key", "train_time_s", "validation_mean", "validation_m2", "test_mean")
    none = ("individual", "search_n", "confirmations_planned", "validation_n", "test_n", "test_m2")
    values = {**dict.fromkeys((*zero, *none), 0), "tier": 1, "equation": "g", "fingerprint": "f"}
    columns = sa.table("standings", *map(sa.column, ("search_id", "is_baseline", *values)))
    database = Database(empty_url)
    with database.write() as connection:
        for search in searches:
            row = {**values, "search_id": search.id, "is_baseline": True}
            connection.execute(sa.insert(columns).values(**row))
    database.close()
    migrations.upgrade(empty_url)
    store = open_store(empty_url)
    for search in searches:
        assert store.leaderboard.baseline(search.id).setting_id == setting_id(search.spec.train)
    assert {each.id: each.results for each in store.leaderboard.settings().items} == {
        setting_id(train): 1 for train in TRAINS
    }
    store.close()


def test_upgrading_twice_changes_nothing(empty_url):
    assert migrations.upgrade(empty_url) == migrations.upgrade(empty_url)


def test_the_revisions_build_the_tables_of_the_code(empty_url):
    migrations.upgrade(empty_url)
    migrations.check(empty_url)


def test_a_table_without_a_revision_is_noticed(empty_url):
    migrations.upgrade(empty_url)
    extra = sa.Table("extra", Base.metadata, sa.Column("id", sa.Integer, primary_key=True))
    try:
        with pytest.raises(BackpropEvoError, match="extra"):
            migrations.check(empty_url)
    finally:
        Base.metadata.remove(extra)


def test_many_processes_may_upgrade_at_once(empty_url):
    with ThreadPoolExecutor(4) as pool:
        reached = list(pool.map(lambda _: migrations.upgrade(empty_url), range(4)))
    assert set(reached) == {migrations.head()}


def test_an_unknown_revision_is_named(empty_url):
    with pytest.raises(InvalidInput, match="no-such"):
        migrations.upgrade(empty_url, "no-such")


def test_a_database_without_tables_is_not_ready_and_says_what_to_do(empty_url):
    store = open_store(empty_url)
    assert not store.is_ready()
    with pytest.raises(Unavailable, match="searches") as missing:
        store.searches.page()
    assert "db upgrade" in missing.value.hint
    store.close()


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_revisions_import_nothing_of_ours(path):
    assert not re.search(
        r"^\s*(from|import) (backprop_evo|dsl|workers|api)\b", path.read_text(), re.MULTILINE
    )


def test_the_commands_look_after_the_database_of_the_settings(tmp_path, monkeypatch):
    from backprop_evo.cli import db
    from backprop_evo.settings import settings

    monkeypatch.setenv("BACKPROP_EVO_DATABASE_URL", f"sqlite:///{tmp_path / 'cli.sqlite'}")
    settings.cache_clear()
    run = CliRunner().invoke
    try:
        assert run(db.app, ["current"]).exit_code == 1
        assert migrations.head() in run(db.app, ["upgrade"]).output
        assert run(db.app, ["current"]).exit_code == 0
        assert run(db.app, ["check"]).exit_code == 0
        assert "base" in run(db.app, ["downgrade", "base"]).output
    finally:
        settings.cache_clear()


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:", "postgresql+nonsense://h/d"]
)
def test_a_database_we_cannot_use_is_refused(url):
    with pytest.raises(InvalidSettings, match="database_url"):
        open_store(url)


def test_a_database_that_does_not_answer_is_unavailable_and_shows_no_password():
    store = open_store("postgresql://someone:secret@127.0.0.1:9/nothing")
    with pytest.raises(Unavailable) as refused:
        store.searches.page()
    assert "secret" not in str(refused.value)
    assert not store.is_ready()


def test_a_file_that_is_no_database_is_unavailable(tmp_path):
    path = tmp_path / "broken.sqlite"
    path.write_text("this is no database, however long it goes on being none" * 100)
    store = open_store(f"sqlite:///{path}")
    with pytest.raises(Unavailable, match="not a database"):
        store.searches.page()


def test_a_wheel_installs_the_revisions():
    setup = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert "share/backprop-evo/alembic/versions" in setup
    assert (migrations.scripts() / "env.py").is_file()


def test_the_store_needs_no_torch():
    modules = "backprop_evo.store.sql, backprop_evo.store.migrations, backprop_evo.search.brain"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_on_the_way_down_evaluations_go_and_searches_stay(empty_url):
    migrations.upgrade(empty_url)
    store = open_store(empty_url)
    search = store.searches.add(SearchSpec(name="stays"), now=NOW)
    asked = store.evaluations.add(
        EvaluationSpec(name="goes", methods=(equation_method("g / fro(g)"),), in_flight=2), now=NOW
    )
    evaluation = store.evaluations.claim("c", lease_s=60, now=NOW)
    _, decisions = drive_once(store, evaluation, "c", None, now=NOW)
    assert store.trials.claim(decisions.trials[0].id, "node/0", lease_s=60, now=NOW) is not None
    store.close()
    migrations.downgrade(empty_url, "0008")
    migrations.upgrade(empty_url)
    store = open_store(empty_url)
    assert [each.id for each in store.searches.page().items] == [search.id]
    assert store.evaluations.page().items == ()
    assert store.trials.open(asked.id) == []
    assert store.individuals.of(asked.id) == []
    store.close()
