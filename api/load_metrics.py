"""Metrics of queue, slots, ages and failures: what a dashboard shows and alerts look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from backprop_evo.records.counting import FAILURES
from backprop_evo.records.load import Load
from backprop_evo.records.states import TrialState
from backprop_evo.service.pool import Pool


def load_metrics(load: Load, pool: Pool, now: datetime) -> Iterator[Metric]:
    """An age of 0 says that nothing waits; a controller that never told of a step has none."""
    yield GaugeMetricFamily(
        "backprop_evo_queue_length", "Trials of running searches that wait for a worker", load.queued
    )
    yield GaugeMetricFamily(
        "backprop_evo_oldest_queued_age_seconds",
        "Since when the trial that waits longest waits",
        _age(load.oldest_queued_at, now),
    )
    yield GaugeMetricFamily("backprop_evo_slots", "Slots of live nodes that take trials", pool.slots)
    yield GaugeMetricFamily("backprop_evo_slots_busy", "Slots of live nodes that train now", pool.busy)
    yield GaugeMetricFamily(
        "backprop_evo_slots_wanted",
        "Slots that would be busy if they were there, within the bounds of the settings",
        pool.wanted,
    )
    yield _heartbeats(load.heartbeats, now)
    yield from _controller(load, now)
    yield GaugeMetricFamily(
        "backprop_evo_webhook_deliveries", "Deliveries that wait to be told to webhooks", load.deliveries
    )
    failures = CounterMetricFamily(
        "backprop_evo_attempt_failures",
        "Attempts without a usable result, by how they ended",
        labels=["reason"],
    )
    # All of them, so that a rate begins at 0 instead of with the first failure.
    for reason in FAILURES:
        failures.add_metric([reason.replace(" ", "_")], load.failed_attempts.get(reason, 0))
    yield failures


def finished_trials(counted: Mapping[TrialState, int]) -> Metric:
    """Terminal trials by how they ended."""
    finished = CounterMetricFamily("backprop_evo_trials_finished", "Trials that ended", labels=["state"])
    for state in TrialState:
        if state.is_terminal:
            finished.add_metric([state], counted.get(state, 0))
    return finished


def _heartbeats(heartbeats: Mapping[str, datetime], now: datetime) -> Metric:
    ages = GaugeMetricFamily(
        "backprop_evo_node_heartbeat_age_seconds",
        "Since when a node was not heard of, dead ones too",
        labels=["node"],
    )
    for name, seen_at in sorted(heartbeats.items()):
        ages.add_metric([name], _age(seen_at, now))
    return ages


def _controller(load: Load, now: datetime) -> Iterator[Metric]:
    if load.step is None:
        return
    yield GaugeMetricFamily(
        "backprop_evo_controller_step_age_seconds",
        "Since the last step that a controller told of; it tells at each heartbeat",
        _age(load.step.stepped_at, now),
    )
    yield GaugeMetricFamily("backprop_evo_controller_step_seconds", "What that step took", load.step.step_s)


def _age(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max(0.0, (now - at).total_seconds())
