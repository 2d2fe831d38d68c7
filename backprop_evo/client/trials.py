"""One trial by its id, and its log as it is written."""

from __future__ import annotations

from backprop_evo.client.following import PATIENCE_S
from backprop_evo.client.nouns import Carrier, M, Noun, call, iteration
from backprop_evo.client.reading import read
from backprop_evo.client.retrying import asked_to
from backprop_evo.client.steps import Conversation, Found, Iteration, Pause
from backprop_evo.client.trial_answers import TrialDetail, TrialLog
from backprop_evo.errors import Unavailable
from backprop_evo.records.logged import LogLine

LOOK_EVERY_S = 1.0


class TrialHandle(Noun[M]):
    """One trial by its id."""

    def __init__(self, connection: Carrier, id: str) -> None:
        super().__init__(connection)
        self.id = id
        self._path = f"/trials/{id}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    @call
    def read(self) -> Conversation[TrialDetail]:
        """All that is known of it: train spec, result with its curve, attempts. Raises ``NotFound``."""
        return self._get(TrialDetail, self._path)

    @call
    def retry(self) -> Conversation[TrialDetail]:
        """Try it again, if it was lost, failed, or came to a limit; its search runs again for it. Raises
        ``Conflict`` where its result stands."""
        request = asked_to("POST", f"{self._path}:retry")
        return read(TrialDetail, (yield from self._ask(request)).json())

    @iteration
    def log(
        self, *, follow: bool = False, every_s: float = LOOK_EVERY_S, away_s: float = PATIENCE_S
    ) -> Iteration[LogLine]:
        """What has happened to it, a line each, oldest first; with ``follow`` what happens on, until the
        trial has ended. Looks every ``every_s``; the service may be away for ``away_s``."""
        clock = self._connection.clock
        told, answered = 0, clock()
        while True:
            try:
                log = yield from self._get(TrialLog, f"{self._path}/log")
            except Unavailable:
                if not follow or clock() - answered > away_s:
                    raise
            else:
                answered = clock()
                for line in log.items[told:]:
                    yield Found(line)
                told = len(log.items)
                if log.has_ended or not follow:
                    return
            yield Pause(every_s)
