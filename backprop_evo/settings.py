"""All settings, read once from ``BACKPROP_EVO_*`` variables, frozen, every error named at the start."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backprop_evo.errors import InvalidSettings
from backprop_evo.records.nodes import LABELS_WANTED, MOST_SLOTS, are_labels
from backprop_evo.records.retrying import RetryPolicy

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})


def default_home() -> Path:
    """``$XDG_DATA_HOME/backprop-evo``, by default ``~/.local/share/backprop-evo``."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "backprop-evo"


class Settings(BaseSettings):
    """Without any variable: one machine, SQLite and an embedded Redis in ``home``, API on 127.0.0.1:8000."""

    model_config = SettingsConfigDict(env_prefix="BACKPROP_EVO_", frozen=True, extra="ignore")

    home: Path = Field(
        default_factory=default_home, description="where the embedded database, Redis and logs live"
    )
    database_url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in home")
    redis_url: str = Field(default="", description="broker; empty: a Redis started by us in home")
    data_dir: Path | None = Field(default=None, description="where data sets live; empty: home/data")
    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=1, le=65535)
    api_keys_required: bool = Field(default=False, description="demand an API key for every request")
    rate_limit: int = Field(
        default=30_000, ge=0, description="requests a minute of one key, or of an address without; 0: any"
    )
    rate_limit_changes: int = Field(
        default=10_000, ge=0, description="of those, how many may be other than reading; 0: any"
    )
    webhook_private_addresses: bool = Field(
        default=False, description="webhooks may lead to this machine and to private networks"
    )
    slots: int = Field(
        default=0,
        ge=0,
        le=MOST_SLOTS,
        description="worker processes of a node; 0: slots_per_gpu for each GPU, else one per core as memory "
        "allows",
    )
    slots_per_gpu: int = Field(default=1, ge=1, le=64, description="worker processes that share one GPU")
    slot_placement: Literal["spread", "pack"] = Field(
        default="spread", description="spread: slots take the GPUs in turn; pack: one GPU is filled first"
    )
    node_name: str = Field(default="", pattern="^[^:/]*$", description="empty: the host's name")
    labels: str = Field(default="", description="labels of a node, with commas between")
    fetch_data: bool = Field(default=False, description="a node fetches data sets that queued trials want")
    forget_node_s: float = Field(
        default=7 * 86400.0, gt=0, description="a node that is silent that long is forgotten"
    )
    pool_min_slots: int = Field(default=0, ge=0, description="the pool is never asked to have fewer slots")
    pool_max_slots: int = Field(default=1000, ge=0, description="the pool is never asked to have more slots")
    lease_s: float = Field(
        default=60.0, gt=0, description="a worker that is silent that long loses its trial"
    )
    heartbeat_s: float = Field(default=10.0, gt=0, description="a worker renews its lease that often")
    stall_s: float = Field(
        default=600.0, gt=0, description="a training without progress for that long is killed as hanging"
    )
    trial_time_limit_s: float = Field(default=6 * 3600.0, gt=0, description="limit of one training")
    trial_time_grace_s: float = Field(
        default=60.0,
        gt=0,
        description="a training over its limit is interrupted that much later, killed after twice that",
    )
    max_attempts: int = Field(
        default=3, ge=1, description="a trial whose workers vanish that often ends as lost"
    )
    retry_delay_s: float = Field(
        default=2.0, ge=0, description="pause after the first loss of a trial; twice as long after the next"
    )
    retry_delay_max_s: float = Field(default=60.0, ge=0, description="no pause after a loss is longer")
    quarantine_after: int = Field(
        default=3, ge=1, description="a node with so many faults in a row takes no trials until it tests well"
    )
    self_test_s: float = Field(
        default=30.0, gt=0, description="pause between two self-tests of a node in quarantine"
    )
    drain_s: float = Field(
        default=10.0, ge=0, description="a worker that is told to stop may finish its trial for that long"
    )
    resend_s: float = Field(
        default=30.0, gt=0, description="a trial waits that long before its message counts as lost"
    )
    event_days: float = Field(
        default=0.0, ge=0, description="events of what has ended are dropped after so many days; 0: never"
    )
    poll_s: float = Field(default=0.5, gt=0, description="the controller looks for news that often")
    log_format: str = Field(default="console", pattern="^(console|json)$")

    @model_validator(mode="after")
    def _heartbeats_fit_the_lease(self) -> Settings:
        # One lost heartbeat must not cost a worker its trial.
        if self.heartbeat_s * 2 > self.lease_s:
            raise ValueError("heartbeat_s must be at most half of lease_s")
        return self

    @model_validator(mode="after")
    def _labels_are_words(self) -> Settings:
        if not are_labels(self.own_labels):
            raise ValueError(f"labels must be {LABELS_WANTED}")
        return self

    @model_validator(mode="after")
    def _pool_has_room(self) -> Settings:
        if self.pool_min_slots > self.pool_max_slots:
            raise ValueError("pool_min_slots must be at most pool_max_slots")
        return self

    @model_validator(mode="after")
    def _heartbeats_show_an_overrun(self) -> Settings:
        # The last sign of life tells whether a dead worker was over the limit (``RetryPolicy.overrun_s``).
        if self.heartbeat_s > self.trial_time_grace_s:
            raise ValueError("heartbeat_s must be at most trial_time_grace_s")
        return self

    @model_validator(mode="after")
    def _no_open_door(self) -> Settings:
        # Whoever can reach the API can make this machine train.
        if self.api_host not in LOOPBACK_HOSTS and not self.api_keys_required:
            raise ValueError(
                f"api_host {self.api_host} is reachable from other machines: "
                "set BACKPROP_EVO_API_KEYS_REQUIRED=true"
            )
        return self

    @property
    def own_labels(self) -> tuple[str, ...]:
        """Labels that a node starts with."""
        return tuple(each.strip() for each in self.labels.split(",") if each.strip())

    @property
    def resolved_database_url(self) -> str:
        """The database that is used, whether named or embedded."""
        return self.database_url or f"sqlite:///{self.home / 'backprop-evo.sqlite'}"

    @property
    def resolved_data_dir(self) -> Path:
        """The folder of data sets that is used."""
        return self.data_dir or self.home / "data"

    @property
    def retry_policy(self) -> RetryPolicy:
        """The settings that say what becomes of a trial whose worker vanished."""
        return RetryPolicy(
            max_attempts=self.max_attempts,
            delay_s=self.retry_delay_s,
            longest_delay_s=self.retry_delay_max_s,
            # Celery interrupts only then; a worker that died earlier died of something else.
            overrun_s=self.trial_time_limit_s + self.trial_time_grace_s,
            lease_s=self.lease_s,
            quarantine_after=self.quarantine_after,
        )

    @property
    def is_embedded(self) -> bool:
        """True where this machine starts a Redis of its own."""
        return not self.redis_url


@cache
def settings() -> Settings:
    """The process's settings. Raises ``InvalidSettings`` naming every wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"BACKPROP_EVO_{'_'.join(map(str, e['loc'])).upper() or '*'}: {e['msg']}" for e in error.errors()
        )
        raise InvalidSettings(
            f"environment: {problems}", field="environment", hint="fix the variables named"
        ) from None
