"""Prometheus metrics, counted from SQL at the moment of the scrape, so every process tells the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from api.load_metrics import finished_trials, load_metrics
from backprop_evo.records.nodes import NodeRecord
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.service.pool import Pool
from backprop_evo.store.base import Store

__all__ = ["CONTENT_TYPE", "exposition"]


def exposition(store: Store, nodes: Sequence[NodeRecord], pool: Pool, now: datetime) -> bytes:
    """All metrics as text; ``nodes`` are those alive."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counts(store, nodes, pool, now))
    return generate_latest(registry)


class _Counts(Collector):
    def __init__(self, store: Store, nodes: Sequence[NodeRecord], pool: Pool, now: datetime) -> None:
        self.store = store
        self.nodes = nodes
        self.pool = pool
        self.now = now

    def collect(self) -> Iterator[Metric]:
        counted = self.store.statistics.count()
        searches = GaugeMetricFamily("backprop_evo_searches", "Searches by state", labels=["state"])
        for search_state in SearchState:
            searches.add_metric([search_state], counted.searches.get(search_state, 0))
        yield searches
        evaluations = GaugeMetricFamily("backprop_evo_evaluations", "Evaluations by state", labels=["state"])
        for state in SearchState:
            evaluations.add_metric([state], counted.evaluations.get(state, 0))
        yield evaluations
        trials = GaugeMetricFamily("backprop_evo_trials", "Trials by state", labels=["state"])
        for trial_state in TrialState:
            trials.add_metric([trial_state], counted.trials.get(trial_state, 0))
        yield trials
        yield GaugeMetricFamily("backprop_evo_last_event", "Id of the newest event", self.store.events.last())
        yield from _node_metrics(self.nodes)
        yield finished_trials(counted.trials)
        yield from load_metrics(self.store.monitoring.load(), self.pool, self.now)


def _node_metrics(nodes: Sequence[NodeRecord]) -> Iterator[Metric]:
    slots = GaugeMetricFamily("backprop_evo_node_slots", "Worker slots of a live node", labels=["node"])
    busy = GaugeMetricFamily("backprop_evo_node_busy_slots", "Slots that train now", labels=["node"])
    quarantine = GaugeMetricFamily(
        "backprop_evo_node_quarantine", "1 for a live node in quarantine", labels=["node"]
    )
    for node in nodes:
        quarantine.add_metric([node.name], node.quarantine is not None)
        slots.add_metric([node.name], node.slots)
        busy.add_metric([node.name], node.busy)
    yield slots
    yield busy
    yield quarantine
