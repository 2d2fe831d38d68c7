"""The tables. Who writes what stands in ``docs/search.md``; rows never leave this room, records do.

Times are stored in UTC. JSON is text of our own codec: decoded once, the same on every database.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from backprop_evo.records.counting import FAILURES
from backprop_evo.store.caller_tables import API_KEYS, REQUESTS
from backprop_evo.store.columns import LongId, partial_index
from backprop_evo.store.counter_tables import ENDED_TRIALS, SETTING_RESULTS
from backprop_evo.store.node_table import NODES
from backprop_evo.store.steering_tables import EQUATION_MARKS, INJECTIONS, RETRIES
from backprop_evo.store.table_base import Base, table_of

__all__ = [
    "API_KEYS",
    "ATTEMPTS",
    "CONTROLLERS",
    "ENDED_TRIALS",
    "EQUATION_MARKS",
    "EVENTS",
    "INDIVIDUALS",
    "INJECTIONS",
    "INTERMEDIATE_VALUES",
    "LEADERBOARD",
    "NODES",
    "OPEN_STATES",
    "REQUESTS",
    "RETRIES",
    "SEARCHES",
    "SETTING_RESULTS",
    "TRIALS",
    "Base",
]

OPEN_STATES = "state IN ('queued', 'leased', 'running')"
ENDED_STATES = "state NOT IN ('queued', 'leased', 'running')"
BEST, LONGEST = ("validation_accuracy", "row"), ("wall_time_s", "row")
FAILED_ATTEMPTS = f"outcome IN ({', '.join(map(repr, map(str, FAILURES)))})"


class SearchRow(Base):
    """A search, or an evaluation: ``kind`` says which, and so what ``spec`` is. An evaluation may belong to
    the search ``search_id``, in a ``role``; searches have each other as ``counterpart``. ``finishes`` is the
    last finish order given, ``reports`` the last report order, ``retries`` and ``injections`` count the rows
    of those tables; ``claimed_by`` may decide until it expires. ``tags`` is a JSON list; ``labels`` and
    ``datasets`` repeat the spec as JSON lists, for nodes; ``stranded``: see ``records``."""

    __tablename__ = "searches"
    __table_args__ = (
        Index("ix_searches_kind_created_at_id", "kind", "created_at", "id"),
        Index("ix_searches_state", "state"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), server_default="search")
    search_id: Mapped[str | None] = mapped_column(String(64), index=True)
    role: Mapped[str | None] = mapped_column(String(16))
    counterpart: Mapped[str | None] = mapped_column(String(64), unique=True, index=True)
    owner: Mapped[str | None] = mapped_column(String(200))
    name: Mapped[str] = mapped_column(String(200))
    spec: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    version: Mapped[int]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(Text)
    trials_done: Mapped[int]
    trials_total: Mapped[int]
    extensions: Mapped[int] = mapped_column(server_default="0")
    priority: Mapped[int] = mapped_column(server_default="1")
    best_fitness: Mapped[float | None]
    finishes: Mapped[int]
    reports: Mapped[int] = mapped_column(server_default="0")
    screened_out: Mapped[int] = mapped_column(server_default="0")
    claimed_by: Mapped[str | None] = mapped_column(String(200))
    claim_expires_at: Mapped[datetime | None]
    spent_s: Mapped[float] = mapped_column(server_default="0")
    slot_s: Mapped[float] = mapped_column(server_default="0")
    metered_at: Mapped[datetime | None]
    retries: Mapped[int] = mapped_column(server_default="0")
    injections: Mapped[int] = mapped_column(server_default="0")
    archived_at: Mapped[datetime | None]
    tags: Mapped[str] = mapped_column(Text, server_default="[]")
    note: Mapped[str] = mapped_column(Text, server_default="")
    labels: Mapped[str] = mapped_column(Text, server_default="[]")
    datasets: Mapped[str] = mapped_column(Text, server_default="[]")
    stranded: Mapped[str | None] = mapped_column(String(96))


class IndividualRow(Base):
    """One proposal. ``method`` is the JSON of a method that is no equation; ``equation`` and ``canonical``
    are empty then. For an equation, which nearly every row is, it is null: its text is enough."""

    __tablename__ = "individuals"
    __table_args__ = (Index("ix_individuals_fingerprint", "fingerprint"),)

    search_id: Mapped[str] = mapped_column(ForeignKey("searches.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    origin: Mapped[str] = mapped_column(String(16))
    equation: Mapped[str] = mapped_column(Text)
    method: Mapped[str | None] = mapped_column(Text)
    canonical: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(128))
    parent: Mapped[int | None]
    twin: Mapped[int | None]
    mutation: Mapped[str | None] = mapped_column(Text)
    finishes_known: Mapped[int]
    created_at: Mapped[datetime]
    screened_out: Mapped[str | None] = mapped_column(Text)
    inherited_step: Mapped[float | None]
    remeasures: Mapped[int | None]


class TrialRow(Base):
    """``row`` is the order of insertion, by which pages go. Numbers beside ``result`` repeat it for lists."""

    __tablename__ = "trials"
    __table_args__ = (
        ForeignKeyConstraint(
            ["search_id", "individual"], ["individuals.search_id", "individuals.number"], ondelete="CASCADE"
        ),
        UniqueConstraint("search_id", "finish_order"),
        Index("ix_trials_search_id_row", "search_id", "row"),
        Index("ix_trials_search_id_purpose_row", "search_id", "purpose", "row"),
        partial_index("ix_trials_best", "search_id", *BEST, where="validation_accuracy IS NOT NULL"),
        partial_index("ix_trials_longest", "search_id", *LONGEST, where="wall_time_s IS NOT NULL"),
        Index("ix_trials_fingerprint_row", "fingerprint", "row"),
        Index("ix_trials_state", "state"),
        partial_index("ix_trials_open", "search_id", "state", "row", where=OPEN_STATES),
        partial_index("ix_trials_ended", "search_id", "state", "row", where=ENDED_STATES),
        partial_index("ix_trials_lease_expires_at", "lease_expires_at", where="lease_expires_at IS NOT NULL"),
    )

    row: Mapped[int] = mapped_column(LongId, primary_key=True)
    id: Mapped[str] = mapped_column(String(96), unique=True)
    search_id: Mapped[str] = mapped_column(String(64))
    individual: Mapped[int]
    equation: Mapped[str] = mapped_column(Text)
    method: Mapped[str | None] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(128))
    purpose: Mapped[str] = mapped_column(String(16))
    spec: Mapped[str] = mapped_column(Text)
    seed: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))
    fence: Mapped[int]
    created_at: Mapped[datetime]
    queued_at: Mapped[datetime]
    not_before: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(200))
    lease_expires_at: Mapped[datetime | None]
    finish_order: Mapped[int | None]
    progress: Mapped[str | None] = mapped_column(Text)
    validation_accuracy: Mapped[float | None]
    test_accuracy: Mapped[float | None]
    relative_step: Mapped[float | None]
    wall_time_s: Mapped[float | None]
    result: Mapped[str | None] = mapped_column(Text)


class AttemptRow(Base):
    """One try at a trial by one worker; no ``outcome`` while it runs."""

    __tablename__ = "attempts"
    __table_args__ = (partial_index("ix_attempts_failed", "outcome", where=FAILED_ATTEMPTS),)

    trial_id: Mapped[str] = mapped_column(ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True)
    fence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    worker: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)


class IntermediateValueRow(Base):
    """Append only. ``pruned`` is the judgement on the value, in words, ``spared`` one that a lot set aside;
    both null where it is good enough."""

    __tablename__ = "intermediate_values"
    __table_args__ = (
        UniqueConstraint("search_id", "report_order"),
        Index("ix_intermediate_values_search_id_rung", "search_id", "rung"),
    )

    trial_id: Mapped[str] = mapped_column(ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    search_id: Mapped[str] = mapped_column(String(64))
    report_order: Mapped[int]
    rung: Mapped[int | None]
    validation_accuracy: Mapped[float | None]
    train_loss: Mapped[float]
    pruned: Mapped[str | None] = mapped_column(Text)
    spared: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]


class LeaderboardRow(Base):
    """One behaviour of one search on the leaderboard, kept up to date by every finished trial of the search
    and of its confirmation. A control that the search has not proposed has minus its number there for an
    ``individual``, and no search trial: ``search_n`` is 0.

    Rows are ranked by ``tier`` (0 confirmed, 1 not), then ``rank_key`` (minus the accuracy that counts): all
    ascending, so that a page is one range of an index. ``m2`` are sums of squared deviations.
    """

    __tablename__ = "standings"  # its first name; renaming a table would lock out every older process
    __table_args__ = (
        Index("ix_standings_search_ranking", "search_id", "tier", "rank_key", "individual"),
        Index("ix_standings_setting_ranking", "setting_id", "tier", "rank_key", "search_id", "individual"),
        Index("ix_standings_search_id_fingerprint", "search_id", "fingerprint"),
    )

    search_id: Mapped[str] = mapped_column(ForeignKey("searches.id", ondelete="CASCADE"), primary_key=True)
    individual: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    equation: Mapped[str] = mapped_column(Text)
    method: Mapped[str | None] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(128))
    is_baseline: Mapped[bool]
    is_yardstick: Mapped[bool] = mapped_column(server_default=false())
    is_control: Mapped[bool] = mapped_column(server_default=false())
    setting_id: Mapped[str] = mapped_column(String(12), server_default="")
    tier: Mapped[int]
    rank_key: Mapped[float]
    search_fitness: Mapped[float]
    search_n: Mapped[int]
    search_m2: Mapped[float] = mapped_column(server_default="0")
    learning_rate: Mapped[float | None]
    train_time_s: Mapped[float]
    validation_n: Mapped[int]
    validation_mean: Mapped[float]
    validation_m2: Mapped[float]
    test_n: Mapped[int]
    test_mean: Mapped[float]
    test_m2: Mapped[float]


class EventRow(Base):
    """Append only; ``id`` follows the order of commits."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_search_id_id", "search_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(LongId, primary_key=True)
    search_id: Mapped[str | None] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    payload: Mapped[str] = mapped_column(Text)


class ControllerRow(Base):
    """One controller process, as of a step that it has ended."""

    __tablename__ = "controllers"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    stepped_at: Mapped[datetime]
    step_s: Mapped[float]


SEARCHES = table_of(SearchRow)
INDIVIDUALS = table_of(IndividualRow)
TRIALS = table_of(TrialRow)
ATTEMPTS = table_of(AttemptRow)
INTERMEDIATE_VALUES = table_of(IntermediateValueRow)
LEADERBOARD = table_of(LeaderboardRow)
EVENTS = table_of(EventRow)
CONTROLLERS = table_of(ControllerRow)
