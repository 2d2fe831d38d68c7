"""Evaluations: submitted, listed, and one of them by its id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backprop_evo.client.answers import Evaluation
from backprop_evo.client.driven import DrivenHandle
from backprop_evo.client.nouns import Carrier, M, Noun, call, iteration
from backprop_evo.client.reading import plain, read
from backprop_evo.client.retrying import asked_to
from backprop_evo.client.steps import Conversation, Iteration
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.states import SearchState
from backprop_evo.search.lifecycle import ADD_SEEDS

if TYPE_CHECKING:
    from backprop_evo.evaluation.table import EvaluationTable

PATH = "/evaluations"


class EvaluationHandle(DrivenHandle[M, Evaluation]):
    """One evaluation by its id."""

    kind = Evaluation

    def __init__(self, connection: Carrier, id: str, warnings: tuple[str, ...] = ()) -> None:
        super().__init__(connection, id, PATH, warnings)

    @call
    def table(self) -> Conversation[EvaluationTable]:
        """What has ended so far: a block for each setting, a row with a verdict for each method."""
        # With its statistics it imports scipy, which nobody waits for who asks for no table.
        from backprop_evo.evaluation.table import EvaluationTable

        return (yield from self._get(EvaluationTable, f"{self._path}/table"))

    @call
    def export(self, format: str = "csv") -> Conversation[str]:
        """The table as a text: json, csv, latex or html."""
        request = asked_to("GET", f"{self._path}/table", {"format": format})
        return (yield from self._ask(request)).text

    @call
    def extend(self, seeds: int, *, at_version: int | None = None) -> Conversation[Evaluation]:
        """Add seeds, which the table tells as a second look; one that has ended runs again."""
        return self._act(ADD_SEEDS.name, at_version, seeds=seeds)


class Evaluations(Noun[M]):
    """All evaluations of a service."""

    @call
    def submit(
        self,
        /,
        spec: EvaluationSpec | Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Conversation[EvaluationHandle[M]]:
        """Queue an evaluation: a spec, a document like one, or its fields by name, which go over either.
        ``methods`` and ``settings`` may be written in words, as ``methods=["g / fro(g)"]``. Raises
        ``InvalidInput``."""
        body = {**(plain(spec) if spec is not None else {}), **plain(fields)}
        request = asked_to("POST", PATH, body=body, key=idempotency_key)
        found = read(Evaluation, (yield from self._ask(request)).json())
        return EvaluationHandle(self._connection, found.id, found.warnings)

    @iteration
    def list(
        self, *, state: SearchState | str | None = None, limit: int | None = None
    ) -> Iteration[Evaluation]:
        """Evaluations, newest first, page after page; all of them unless ``limit`` is given."""
        return self._each(Evaluation, PATH, limit, state=state)
