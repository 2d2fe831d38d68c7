"""What a search and an evaluation have in common: they are read, moved by verbs, waited for and followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from backprop_evo.client.answers import Evaluation, Search
from backprop_evo.client.following import PATIENCE_S, followed
from backprop_evo.client.nouns import Carrier, M, Noun, call, iteration
from backprop_evo.client.progress import Show, bar
from backprop_evo.client.reading import read
from backprop_evo.client.retrying import asked_to
from backprop_evo.client.steps import Conversation, Iteration
from backprop_evo.client.trial_answers import Trial
from backprop_evo.client.waiting import Patience, until_ended
from backprop_evo.records.searching import Purpose
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import EventRecord
from backprop_evo.wording import percent

V = TypeVar("V", Search, Evaluation)

LOOK_EVERY_S = 1.0


class DrivenHandle(Noun[M], Generic[M, V]):
    """One search or evaluation by its id; ``warnings`` are those of its submission, where this is the answer
    to one."""

    kind: type[V]

    def __init__(self, connection: Carrier, id: str, path: str, warnings: tuple[str, ...] = ()) -> None:
        super().__init__(connection)
        self.id = id
        self.warnings = warnings
        self._path = f"{path}/{id}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    @call
    def read(self) -> Conversation[V]:
        """It as it is now. Raises ``NotFound``."""
        return self._read()

    @call
    def wait(
        self,
        timeout: float | None = None,
        *,
        progress: bool = False,
        every_s: float = LOOK_EVERY_S,
        away_s: float = PATIENCE_S,
    ) -> Conversation[V]:
        """It, once it has ended: completed, stopped, cancelled or failed, which its ``state`` says.

        ``timeout`` in seconds, None: for ever. ``progress`` draws a bar. The service is asked every
        ``every_s`` and may be away, as for a restart, for ``away_s``. Raises ``NotEnded`` (a
        ``TimeoutError``) after the timeout, ``Unavailable`` where the service stays away.
        """
        patience = Patience(timeout=timeout, every_s=every_s, away_s=away_s)
        with bar(progress) as show:
            look = self._drawing(show) if progress else self._read
            return (yield from until_ended(look, patience, self._connection.clock))

    @iteration
    def events(
        self, since: int = 0, *, follow: bool = True, away_s: float = PATIENCE_S
    ) -> Iteration[EventRecord]:
        """What happens to it, each event once and in order, from behind the event ``since``; a broken stream
        is opened again. It has no end with ``follow``, as whatever has ended may be extended; without, it
        ends where there is nothing more."""
        return followed(
            since,
            search_id=self.id,
            follow=follow,
            patience_s=away_s,
            retrying=self._connection.retrying,
            clock=self._connection.clock,
            url=self._connection.url,
        )

    @iteration
    def trials(
        self,
        *,
        state: TrialState | str | None = None,
        purpose: Purpose | str | None = None,
        limit: int | None = None,
    ) -> Iteration[Trial]:
        """Its trials, newest first, all of them unless ``limit`` is given."""
        return self._each(Trial, f"{self._path}/trials", limit, state=state, purpose=purpose)

    @call
    def pause(self, *, at_version: int | None = None) -> Conversation[V]:
        """Running trials end, new ones do not begin. With ``at_version`` it acts on that version only."""
        return self._act("pause", at_version)

    @call
    def resume(self, *, at_version: int | None = None) -> Conversation[V]:
        """Go on after a pause."""
        return self._act("resume", at_version)

    @call
    def stop(self, *, at_version: int | None = None) -> Conversation[V]:
        """Let running trials end, then end it."""
        return self._act("stop", at_version)

    @call
    def cancel(self, *, at_version: int | None = None) -> Conversation[V]:
        """End it and its running trials now."""
        return self._act("cancel", at_version)

    @call
    def change(self, /, *, at_version: int | None = None, **changes: object) -> Conversation[V]:
        """Give it another ``priority``, ``tags``, ``note``, ``archived`` or, of a search, budget of
        ``trials``; what is not named stays. Raises ``InvalidInput``."""
        request = asked_to("PATCH", self._path, body=changes, at_version=at_version)
        return read(self.kind, (yield from self._ask(request)).json())

    @call
    def delete(self, *, at_version: int | None = None) -> Conversation[None]:
        """It, its trials and their results, for good. Raises ``Conflict`` before it has ended."""
        yield from self._ask(asked_to("DELETE", self._path, at_version=at_version))

    def _read(self) -> Conversation[V]:
        return self._get(self.kind, self._path)

    def _act(self, verb: str, at_version: int | None, **arguments: object) -> Conversation[V]:
        said = {name: value for name, value in arguments.items() if value is not None}
        request = asked_to("POST", f"{self._path}:{verb}", body=said, at_version=at_version)
        return read(self.kind, (yield from self._ask(request)).json())

    def _drawing(self, show: Show) -> Callable[[], Conversation[V]]:
        def look() -> Conversation[V]:
            found = yield from self._read()
            done, total, words = yield from self._how_far(found)
            show(done, total, words)
            return found

        return look

    def _how_far(self, found: V) -> Conversation[tuple[int, int, str]]:
        """Trainings done, all of them, and words."""
        yield from ()
        return found.trials_done, found.trials_total, f"{found.spec.name}: {found.state}"


def best_in_words(fitness: float | None) -> str:
    """As it stands behind a bar."""
    return "" if fitness is None else f", best {percent(fitness)} %"
