"""Metrics of load, and what looks at them: the dashboard and the alerts name what is really there."""

import json
import re
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from api.load_metrics import FAILURES
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.searching import SearchSpec
from backprop_evo.store.sql import SqlStore
from backprop_evo.store.tables import FAILED_ATTEMPTS

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
NAME = re.compile(r"\bbackprop_evo_\w+")


def samples(client: TestClient) -> dict[str, dict[str, float]]:
    """By name, then by the value of the one label that it may have."""
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[next(iter(sample.labels.values()), "")] = sample.value
    return found


def test_the_load_is_what_is_stored(client: TestClient, store: SqlStore, seed: Any) -> None:
    told = samples(client)
    assert told["backprop_evo_queue_length"][""] == 1
    assert told["backprop_evo_slots"][""] == 2
    assert told["backprop_evo_slots_busy"][""] == 1
    assert told["backprop_evo_slots_wanted"][""] == 2
    waited = (datetime.now(UTC) - seed.now).total_seconds()
    assert told["backprop_evo_oldest_queued_age_seconds"][""] == pytest.approx(waited, abs=10)
    assert told["backprop_evo_node_heartbeat_age_seconds"]["node-a"] < 10
    assert told["backprop_evo_trials_finished_total"]["completed"] == 9
    assert told["backprop_evo_attempt_failures_total"] == {
        "diverged": 1,
        **dict.fromkeys(("lost", "failed", "not_begun", "oom", "timeout"), 0),
    }
    assert "backprop_evo_controller_step_age_seconds" not in told
    store.monitoring.record_step("c", step_s=0.25, now=datetime.now(UTC) - timedelta(seconds=30))
    told = samples(client)
    assert told["backprop_evo_controller_step_seconds"][""] == 0.25
    assert told["backprop_evo_controller_step_age_seconds"][""] == pytest.approx(30, abs=10)


def test_what_waits_in_a_paused_search_is_no_queue(client: TestClient, seed: Any) -> None:
    client.post(f"/api/v1/searches/{seed.search_id}:pause")
    told = samples(client)
    assert told["backprop_evo_queue_length"][""] == 0
    assert told["backprop_evo_oldest_queued_age_seconds"][""] == 0


def test_a_node_in_quarantine_has_no_slots_and_a_dead_one_an_age(client: TestClient, store: SqlStore) -> None:
    now = datetime.now(UTC)
    same = {"slots": 4, "devices": ("cpu",), "code_version": "1", "started_at": now}
    store.nodes.record_heartbeat(NodeRecord(name="ill", seen_at=now, **same))
    store.nodes.count_fault("ill", "no torch", quarantine_after=1)
    store.nodes.record_heartbeat(NodeRecord(name="dead", seen_at=now - timedelta(hours=1), **same))
    told = samples(client)
    assert told["backprop_evo_slots"][""] == 0
    assert told["backprop_evo_node_heartbeat_age_seconds"]["dead"] == pytest.approx(3600, abs=10)
    assert "dead" not in told["backprop_evo_node_slots"]


def test_every_kind_of_failure_that_is_indexed_is_a_reason() -> None:
    assert set(re.findall("'([^']+)'", FAILED_ATTEMPTS)) == set(FAILURES)


def everything(client: TestClient, store: SqlStore) -> set[str]:
    """The names there are once every kind of thing is stored."""
    store.monitoring.record_step("c", step_s=0.1, now=datetime.now(UTC))
    store.searches.add(SearchSpec(name="x"), now=datetime.now(UTC))
    return set(samples(client))


def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
    return read


def expressions() -> list[str]:
    return [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_dashboard_and_the_alerts_name_metrics_that_are_there(
    client: TestClient, store: SqlStore, seed: Any
) -> None:
    there = everything(client, store)
    shown = {
        name for panel in dashboard()["panels"] for t in panel["targets"] for name in NAME.findall(t["expr"])
    }
    watched = {name for rule in alerts() for name in NAME.findall(rule["expr"])}
    tried = set(NAME.findall((MONITORING / "alerts_test.yml").read_text()))
    assert shown | watched | tried <= there


def test_panels_have_places_of_their_own_and_ask_the_chosen_source() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        x, y, w, h = (panel["gridPos"][name] for name in "xywh")
        cells = {(x + i, y + j) for i in range(w) for j in range(h)}
        assert not cells & taken, panel["title"]
        assert x + w <= 24
        taken |= cells
        assert all(each["datasource"]["uid"] == "${datasource}" for each in panel["targets"])
    (variable,) = dashboard()["templating"]["list"]
    assert (variable["name"], variable["type"]) == ("datasource", "datasource")


def test_every_alert_says_what_to_do() -> None:
    for rule in alerts():
        assert set(rule["annotations"]) == {"summary", "do"}, rule["alert"]
        assert rule["labels"]["severity"] in ("warning", "critical")


def promtool(*arguments: object, reads: str = "") -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not on PATH: apt install prometheus has it; nothing was checked by it here")
    command = [program, *map(str, arguments)]
    ended = subprocess.run(command, cwd=MONITORING, input=reads, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_promtool_accepts_rules_and_configuration_and_the_rules_pass_their_tests() -> None:
    promtool("check", "rules", "alerts.yml")
    promtool("check", "config", "prometheus.yml")
    promtool("test", "rules", "alerts_test.yml")


def test_promtool_reads_every_expression_of_the_dashboard() -> None:
    rules = [{"record": f"panel:{n}", "expr": each} for n, each in enumerate(expressions())]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}, file)
        file.flush()
        promtool("check", "rules", file.name)


def test_promtool_accepts_the_metrics_themselves(client: TestClient, seed: Any) -> None:
    promtool("check", "metrics", reads=client.get("/metrics").text)
