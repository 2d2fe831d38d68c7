"""Which trials a slot may try: none where it is one too many, none that asks for labels its node does not
carry; and not those that its node lost a moment ago, could not begin, or lacks the data for, while another
node lives that may.

Every question is answered from rows and from the node's own disk, without a word between nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from backprop_evo.records.nodes import NOT_BEGUN, NodeRecord, node_of, slot_of
from backprop_evo.records.offering import Offer
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import AttemptRecord, TrialRecord
from backprop_evo.settings import Settings
from backprop_evo.store.base import Store
from workers.devices import present_datasets


@dataclass(frozen=True, slots=True)
class Placement:
    """What ``worker``'s node may try."""

    store: Store
    worker: str
    options: Settings

    @property
    def node(self) -> str:
        """The name of this node."""
        return node_of(self.worker)

    def leaves(self, offer: Offer, now: datetime) -> bool:
        """True for a queued trial that is to be left to another node, or to another time."""
        trial, here = offer.trial, offer.node
        if trial.state is not TrialState.QUEUED:
            return False
        if here is not None and (here.quarantine is not None or not here.wish.has_slot(slot_of(self.worker))):
            return True
        carried = self.options.own_labels if here is None else here.labels
        if not set(offer.labels) <= set(carried):
            return True
        if trial.spec.data not in present_datasets(self.options.resolved_data_dir):
            return True
        attempts = self.store.trials.attempts(trial.id) if trial.fence else ()
        return self._is_not_yet_ours(trial, attempts, now) or (
            self.node in _could_not_begin(attempts) and bool(self._untried(trial, attempts, now))
        )

    def nobody_is_left(self, trial: TrialRecord, now: datetime) -> bool:
        """True once every live node that could try the trial has, in vain, and often enough."""
        attempts = self.store.trials.attempts(trial.id)
        in_vain = sum(each.outcome == NOT_BEGUN for each in attempts)
        return in_vain >= self.options.max_attempts and not self._untried(trial, attempts, now)

    def _is_not_yet_ours(self, trial: TrialRecord, attempts: Sequence[AttemptRecord], now: datetime) -> bool:
        """A lost trial waits until it is due, and is then left to other nodes that live, for ``resend_s``."""
        if trial.not_before is None or now >= trial.not_before + timedelta(seconds=self.options.resend_s):
            return False
        # Two waits follow each other: the pause after a loss holds for everybody, the one after it only for
        # the node on which the trial was lost.
        if now < trial.not_before:
            return True
        if node_of(attempts[-1].worker) != self.node:
            return False
        # A node that is alone must not wait for others: its trial would never be tried again.
        return any(each.name != self.node for each in self._able(trial, now))

    def _untried(self, trial: TrialRecord, attempts: Sequence[AttemptRecord], now: datetime) -> set[str]:
        return {each.name for each in self._able(trial, now)} - {self.node} - _could_not_begin(attempts)

    def _able(self, trial: TrialRecord, now: datetime) -> Sequence[NodeRecord]:
        alive = self.store.nodes.alive(seen_after=now - timedelta(seconds=self.options.lease_s))
        labels = self.store.queue.labels_asked(trial.search_id)
        return [each for each in alive if each.lacks(trial.spec.data, labels) is None]


def _could_not_begin(attempts: Sequence[AttemptRecord]) -> set[str]:
    return {node_of(each.worker) for each in attempts if each.outcome == NOT_BEGUN}
