"""A pool of slots that trains by a made clock: every equation takes its own time, and nothing is computed."""

from __future__ import annotations

from random import Random

from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainResult
from backprop_evo.search.budget import automatic_in_flight
from backprop_evo.service import drive_once

TICK_S = 0.5


class Pool:
    """``length_s`` says how long the training of a method takes; ``ends`` how one ends, completed unless it
    says otherwise."""

    def __init__(self, store, clock, slots, length_s, ends=lambda _trial: TrialState.COMPLETED):
        self.store, self.clock, self.slots = store, clock, slots
        self.length_s, self.ends = length_s, ends
        self.running = []
        self.held = {}

    def step(self):
        """Drive what is there, fill the slots, and let time pass until the next look."""
        for noun in (self.store.searches, self.store.evaluations):
            while (found := noun.claim("c", lease_s=1e9, now=self.clock())) is not None:
                self.held[found.id] = [found, None]
        for driven in self.held.values():
            driven[1], _ = drive_once(
                self.store,
                driven[0],
                "c",
                driven[1],
                now=self.clock(),
                automatic=automatic_in_flight(self.slots),
                slots=self.slots,
            )
        self._begin()
        self.clock.pass_by(TICK_S)
        self._end()

    def run(self, search_id, *, at_most_s):
        """Until the search has ended; how long it took."""
        began = self.clock()
        while not self.store.searches.get(search_id).state.is_terminal:
            assert (self.clock() - began).total_seconds() < at_most_s, "it never ended"
            self.step()
        return (self.clock() - began).total_seconds()

    def _begin(self):
        for driven_id in self.held:
            if len(self.running) >= self.slots:
                return
            for trial in self.store.trials.open(driven_id):
                if trial.state is not TrialState.QUEUED or len(self.running) >= self.slots:
                    continue
                now = self.clock()
                lease = self.store.trials.claim(trial.id, "node/0", lease_s=1e9, now=now)
                if lease is not None and self.store.trials.start(lease, now=now):
                    self.running.append((now, self.length_s(trial), lease, trial))

    def _end(self):
        now = self.clock()
        for each in list(self.running):
            began, length_s, lease, trial = each
            if (now - began).total_seconds() >= length_s:
                self.running.remove(each)
                self.store.trials.finish(lease, self._result(trial, length_s), now=now)

    def _result(self, trial, length_s):
        state = self.ends(trial)
        accuracy = Random(trial.fingerprint).random() if state is TrialState.COMPLETED else None
        return TrainResult(
            outcome=state,
            reason=None if state is TrialState.COMPLETED else "made so",
            validation_accuracy=accuracy,
            test_accuracy=accuracy if trial.spec.evaluate_test else None,
            epochs_done=trial.spec.epochs,
            wall_time_s=length_s,
        )
