"""Requests made from the OpenAPI document, thousands of them, and every answer judged by all of schemathesis'
checks: ``python -m tests.api.fuzz --examples 30``.

Four ways of making them: the document's examples, every boundary of every parameter, requests drawn at
random, and sequences in which an id that one answer gave goes into the next request. The service is a real
server over a fresh database with a search in the middle of its life.

One thing no document can say: a rule between fields, the grammar of an equation, the cursor of a page, a name
that is looked up, the version that a search has. A request that fits the document and breaks such a rule is
refused with 422, or 412, and says which (``RULES``); it is counted apart, and must be refused in that form.
Whatever else is refused is a finding.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import schemathesis
import structlog
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.statistic import GroupedFailures, Statistic
from schemathesis.openapi.checks import RejectedPositiveData

from backprop_evo.settings import Settings
from backprop_evo.store import migrations
from backprop_evo.store.sql import open_store
from benchmarks.arguments import whole_number
from tests.api.conftest import Seed
from tests.conftest import running_postgres
from tests.serving import serving

RULES = {
    f"urn:backprop-evo:problem:{name}": status
    for name, status in (
        ("invalid-settings", 422),
        ("invalid-equation", 422),
        ("invalid-input", 422),
        ("unknown-dataset", 422),
        ("precondition-failed", 412),
    )
}
"""Problems that tell of a rule, with their status; what does not fit the document is ``invalid-request``."""

PHASES = ("examples", "coverage", "fuzzing", "stateful")


@dataclass
class Report:
    """What a run came to. ``answered`` are the operations that did at least once what they were asked for;
    ``rules`` counts refusals by a rule, by the problem's name."""

    checks: int = 0
    operations: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    cases: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    links: int = 0
    statistic: Statistic = field(default_factory=Statistic)
    errors: list[str] = field(default_factory=list)

    @property
    def findings(self) -> list[tuple[str, GroupedFailures]]:
        """Each with the operation in which it was found."""
        return [(name, each) for name, found in self.statistic.failures.items() for each in found.values()]

    def hear(self, event: events.EngineEvent) -> None:
        """Add up what the engine tells."""
        if isinstance(event, events.ScenarioFinished):
            self.statistic.on_scenario_finished(event.recorder)
            self.cases[event.phase.value] += len(event.recorder.cases)
            for case_id, each in event.recorder.interactions.items():
                operation = event.recorder.cases[case_id].value.operation.label
                self.operations.add(operation)
                if each.response is not None and each.response.status_code < 400:
                    self.answered.add(operation)
        elif isinstance(event, events.PhaseStarted) and event.payload is not None:
            self.links = event.payload.transitions_total
        elif isinstance(event, events.NonFatalError | events.FatalError):
            self.errors.append(str(getattr(event, "info", None) or getattr(event, "exception", event)))

    def write(self) -> str:
        """For people: findings with the request that shows them, then the figures."""
        lines = [f"error: {each}" for each in self.errors]
        for name, group in self.findings:
            lines += [f"{name}: {each.title}: {each.message}" for each in group.failures]
            lines.append(f"  {group.code_sample}")
            if group.response is not None:
                lines.append(f"  {group.response.status_code} {(group.response.content or b'')[:400]!r}")
        by_phase = ", ".join(f"{name} {self.cases[name]:,}" for name in PHASES if name in self.cases)
        lines += [
            f"operations  {len(self.operations)}, of which {len(self.answered)} did what they were asked for",
            f"checks      {self.checks}",
            f"links       {self.links}",
            f"cases       {self.cases.total():,} ({by_phase})",
            f"rules       {self.rules.total():,} ({', '.join(f'{k} {n}' for k, n in self.rules.items())})",
            f"findings    {len(self.findings)}",
        ]
        return "\n".join(lines)


def fuzz(address: str, *, examples: int, steps: int, phases: tuple[str, ...], seed: int = 1) -> Report:
    """Ask the service at ``address``; ``examples`` are drawn for each operation, and so many sequences of at
    most so many ``steps``."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "max-stream-events": 3,  # the stream of events never ends
            "continue-on-failure": True,
            "request-timeout": 30,
            "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
            "phases": {
                **{name: {"enabled": name in phases} for name in PHASES},
                "stateful": {"enabled": "stateful" in phases, "max-steps": steps},
            },
        }
    )
    report = Report()
    document = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json", config=config, timeout=60)

    @document.hook
    def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
        del context, case
        rule = rule_of(response) if isinstance(failure, RejectedPositiveData) else None
        if rule is not None:
            report.rules[rule] += 1
        return rule is None

    for event in from_schema(document).execute():
        report.hear(event)
    report.checks = len(CHECKS.get_all_names())
    return report


def rule_of(response: Any) -> str | None:
    """The name of the rule that a refusal tells of, in the form of all problems; None for another answer."""
    if response.status_code not in RULES.values():
        return None
    problem = json.loads(response.content)
    fits = RULES.get(problem["type"]) == response.status_code
    told = fits and problem["detail"] and problem["request_id"]
    return str(problem["type"]).rpartition(":")[2] if told else None


@contextmanager
def service(url: str, home: Path) -> Iterator[str]:
    """The address of a real server over a fresh database, in which a search is in the middle of its life."""
    # A line a request, thousands of them, would hide what is found.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    migrations.upgrade(url)
    store = open_store(url)
    told = Seed(store)
    told.tell()
    told.confirm()
    told.leave_running()
    settings = Settings(home=home, database_url=url, poll_s=0.05, rate_limit=0, rate_limit_changes=0)
    with serving(settings, store) as address:
        yield address
    store.close()


def main() -> int:
    """Print the report; the exit status is 1 where there is a finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--examples", type=whole_number(), default=30, help="drawn for each operation, and sequences"
    )
    parser.add_argument("--steps", type=int, default=8, help="of a sequence, at most")
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=PHASES)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="fuzz-")))
        url = f"sqlite:///{home / 'store.sqlite'}"
        if asked.database == "postgresql":
            url = stack.enter_context(running_postgres())
        address = stack.enter_context(service(url, home))
        report = fuzz(
            address,
            examples=asked.examples,
            steps=asked.steps,
            phases=tuple(asked.phases),
            seed=asked.seed,
        )
    print(f"{report.write()}\nseconds     {time.monotonic() - began:.0f}")  # noqa: T201
    return 1 if report.findings or report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
