"""Prometheus metrics, counted from SQL at the moment of the scrape, so every process tells the same."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from backprop_evo.records.searching import SearchState, TrialState
from backprop_evo.records.stored import NodeRecord
from backprop_evo.service import Service

__all__ = ["CONTENT_TYPE", "exposition"]


def exposition(service: Service) -> bytes:
    """All metrics as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counts(service))
    return generate_latest(registry)


class _Counts(Collector):
    def __init__(self, service: Service) -> None:
        self.service = service

    def collect(self) -> Iterator[Metric]:
        counted = self.service.store.statistics()
        searches = GaugeMetricFamily("backprop_evo_searches", "Searches by state", labels=["state"])
        for search_state in SearchState:
            searches.add_metric([search_state], counted.searches.get(search_state, 0))
        yield searches
        trials = GaugeMetricFamily("backprop_evo_trials", "Trials by state", labels=["state"])
        for trial_state in TrialState:
            trials.add_metric([trial_state], counted.trials.get(trial_state, 0))
        yield trials
        yield GaugeMetricFamily(
            "backprop_evo_last_event", "Id of the newest event", self.service.store.last_event()
        )
        yield from _node_metrics(list(self.service.nodes()))


def _node_metrics(nodes: list[NodeRecord]) -> Iterator[Metric]:
    slots = GaugeMetricFamily("backprop_evo_node_slots", "Worker slots of a live node", labels=["node"])
    busy = GaugeMetricFamily("backprop_evo_node_busy_slots", "Slots that train now", labels=["node"])
    for node in nodes:
        slots.add_metric([node.name], node.slots)
        busy.add_metric([node.name], node.busy)
    yield slots
    yield busy
