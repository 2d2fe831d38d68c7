"""How far a discovery is, in one line."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backprop_evo.cli.tables import seconds_taken
from backprop_evo.cli.watching import SearchSnapshot
from backprop_evo.client import Client
from backprop_evo.wording import duration, percent

Json = Mapping[str, Any]

LOOK_S = 20.0
"""So often the funnel is counted anew, which looks at every trial."""


@dataclass(slots=True)
class ProgressLine:
    """Counted anew every ``LOOK_S``. ``still_to_come_s`` is the time of what comes after this search."""

    client: Client
    still_to_come_s: float
    _looked: float = field(default=float("-inf"))
    _line: str = ""

    def __call__(self, snapshot: SearchSnapshot) -> str:
        """For ``Watch``."""
        if snapshot.has_ended or time.monotonic() - self._looked > LOOK_S:
            path = f"/searches/{snapshot.search['id']}/report"
            report = self.client.get(path, format="json", replay=False)
            self._line = line_of(snapshot.search, report, self.still_to_come_s)
            self._looked = time.monotonic()
        return self._line


def line_of(search: Json, report: Json, still_to_come_s: float) -> str:
    """``discovery, searching: 312 trained (240 ended at rung 1, 51 at rung 2, 21 completed), …``"""
    stages = {each["name"]: each["equations"] for each in report["stages"]}
    ends = [name for name in stages if name.startswith("ended at rung") or name == "completed"]
    rungs = [f"{stages[name]} {name}" for name in ends]
    told = f"{stages.get('trained', 0)} trained ({', '.join(rungs)})"
    told += f", {stages.get('screened out', 0)} screened out"
    known = report["tables"][-1] if report["tables"] else None
    if known is not None:
        table = known["table"]
        told += f"; {known['role']}: {table['ended']} of {table['planned']} trainings"
    stage = "searching" if known is None else known["role"]
    course = report["courses"][0]["course"]["points"]
    best = [each["fitness"] for each in course[-1:]]
    told += f"; best {percent(best[0])} % in one training" if best else ""
    told += f" (plain backprop {percent(report['backprop'])} %)" if best and report["backprop"] else ""
    if judged := _interval(report["tables"]):
        told += f"; {judged}"
    left_s = max(0.0, search["spec"]["budget"] - seconds_taken(search)) + still_to_come_s
    return f"{search['spec']['name']}, {stage}: {told}; about {duration(left_s)} left"


def _interval(tables: Sequence[Json]) -> str | None:
    """The verdict so far on the first confirmed equation, which has its interval."""
    confirmations = [each["table"] for each in tables if each["role"] == "confirmation"]
    rows = [row for table in confirmations for row in table["blocks"][0]["rows"]]
    asked = [row for row in rows if not (row["is_baseline"] or row["is_control"]) and row["pairs"] > 1]
    if not asked:
        return None
    best = max(asked, key=lambda row: row["difference"])
    return f"{best['text']}: {best['verdict']}"
