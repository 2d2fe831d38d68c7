"""Equations: read by the service, looked up, listed; and what the pool has."""

from __future__ import annotations

from backprop_evo.client.answers import Dataset, Equation, EquationMarks, KnownEquation, SettingResults
from backprop_evo.client.node_answers import Node
from backprop_evo.client.nouns import M, Noun, call, iteration
from backprop_evo.client.reading import read
from backprop_evo.client.retrying import asked_to
from backprop_evo.client.steps import Conversation, Iteration
from backprop_evo.client.trial_answers import Trial
from backprop_evo.errors import InvalidEquation


class Equations(Noun[M]):
    """The language, as the service speaks it."""

    @call
    def describe(self, equation: str) -> Conversation[Equation]:
        """An equation in every notation, with its canonical form and its facts. Raises ``InvalidEquation``
        with the column."""
        return self._describe(equation)

    @call
    def latex(self, equation: str) -> Conversation[str]:
        """An equation as mathematics."""
        return (yield from self._describe(equation)).latex

    @call
    def simplify(self, equation: str) -> Conversation[str]:
        """The canonical form: equal forms, equal meaning. Raises ``InvalidEquation`` also where its shapes
        cannot match."""
        found = yield from self._describe(equation)
        if found.canonical is None:
            raise InvalidEquation(f"{found.text} has no canonical form: {found.infeasible}")
        return found.canonical

    @call
    def known(self) -> Conversation[tuple[KnownEquation, ...]]:
        """The equations of the literature by name."""
        return self._all(KnownEquation, "/equations/known")

    @iteration
    def history(self, fingerprint: str, *, limit: int | None = None) -> Iteration[Trial]:
        """Every trial of one behaviour over all searches, newest first."""
        return self._each(Trial, f"/equations/{fingerprint}", limit)

    @call
    def marks(self, fingerprint: str) -> Conversation[EquationMarks]:
        """What people noted of a behaviour: no star and no note where nobody did."""
        answer = yield from self._ask(asked_to("GET", f"/equations/{fingerprint}", {"limit": 1}))
        found = answer.json()
        return EquationMarks(fingerprint=fingerprint, starred=found["starred"], note=found["note"])

    @call
    def mark(
        self, fingerprint: str, *, starred: bool | None = None, note: str | None = None
    ) -> Conversation[EquationMarks]:
        """Star a behaviour, or note something of it; None leaves it as it is. Raises ``NotFound`` where
        nothing was trained of it, ``InvalidInput`` where nothing is to be changed."""
        body = {name: value for name, value in (("starred", starred), ("note", note)) if value is not None}
        request = asked_to("PATCH", f"/equations/{fingerprint}", body=body)
        return read(EquationMarks, (yield from self._ask(request)).json())

    def _describe(self, equation: str) -> Conversation[Equation]:
        request = asked_to("POST", "/equations:check", body={"equation": equation})
        return read(Equation, (yield from self._ask(request)).json())


class Nodes(Noun[M]):
    """The machines that train."""

    @call
    def list(self) -> Conversation[tuple[Node, ...]]:
        """Those that are not forgotten, with what they have and what their slots train."""
        return self._all(Node, "/nodes")


class Datasets(Noun[M]):
    """The catalogue."""

    @call
    def list(self) -> Conversation[tuple[Dataset, ...]]:
        """Every data set that a search may name, the bundled one first."""
        return self._all(Dataset, "/datasets")


class Settings(Noun[M]):
    """The settings in which searches have results."""

    @iteration
    def list(self, *, limit: int | None = None) -> Iteration[SettingResults]:
        """The one with most results first."""
        return self._each(SettingResults, "/leaderboard/settings", limit)

    @call
    def read(self, setting_id: str) -> Conversation[SettingResults]:
        """One setting: what it is, its best, and plain backprop there. Raises ``NotFound``."""
        return self._get(SettingResults, f"/leaderboard/settings/{setting_id}")
