"""The Celery app. A message is one trial id; SQL is the truth, and every setting here serves that.

Measured on Celery 5.7 with Redis: without ``task_reject_on_worker_lost`` a killed worker process takes its
message with it; with the default restore interval a message came back after 100 s instead of 16; a
visibility timeout below the hard limit ran one healthy task three times.
"""

from __future__ import annotations

import signal
from math import ceil

from celery import Celery

from backprop_evo.settings import Settings, settings
from workers.embedded import broker_url

QUEUE = "trials"
DRAIN_SIGNAL = signal.SIGUSR2
"""From a worker to its pool process: finish the trial soon, or give it back."""

LEAVE_SIGNAL = signal.SIGUSR2
"""From a node to a worker: take no more trials, and end once the one that trains has ended."""

RELEASE_S = 2.0
"""Time a worker process has to write a release into SQL after its drain is over."""


def make_app(options: Settings) -> Celery:
    """A Celery app for these settings; it connects to nothing yet."""
    app = Celery("backprop_evo", broker=broker_url(options), include=["workers.tasks"])
    app.conf.update(configuration(options))
    return app


def configuration(options: Settings) -> dict[str, object]:
    """Every Celery setting that is not Celery's default."""
    # Our own limit comes first, then Celery interrupts, then Celery kills.
    soft_limit_s = ceil(options.trial_time_limit_s + options.trial_time_grace_s)
    hard_limit_s = ceil(options.trial_time_limit_s + 2 * options.trial_time_grace_s)
    # Redis hands a message out again after this: longer than any attempt, and a margin for its claim and
    # report.
    visibility_timeout = hard_limit_s + 480
    transport = {
        "visibility_timeout": visibility_timeout,
        # Messages of killed workers are looked for this often; the default was far too slow (above).
        "unacked_restore_interval": 2,
        "unacked_restore_throttle": 1,
        "socket_keepalive": True,
        "socket_connect_timeout": 5,
        "health_check_interval": 25,
        "global_keyprefix": "backprop-evo:",
    }
    return {
        "task_default_queue": QUEUE,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        # A message is done when its task is: a worker that dies gives it back.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": soft_limit_s,
        "task_time_limit": hard_limit_s,
        "visibility_timeout": visibility_timeout,
        "broker_transport_options": transport,
        "result_backend_transport_options": transport,
        "broker_connection_retry_on_startup": True,
        # For ever: trials wait in SQL while Redis is away.
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 5,
        # Or a Redis that was away for a minute is found again a quarter of a minute late.
        "worker_consumer": "workers.reconnecting:ReconnectingConsumer",
        # A long training must not sit on messages that another slot could take.
        "worker_prefetch_multiplier": 1,
        # A forked process cannot use CUDA once its parent did, and shares the parent's database connections.
        "worker_pool_start_method": "spawn",
        # Seconds; on a busy machine a spawned process needs longer to start than the default of four.
        "worker_proc_alive_timeout": 60,
        "worker_soft_shutdown_timeout": options.drain_s + RELEASE_S,
        # Logs are structlog's, one form for all processes.
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
        "enable_utc": True,
    }


app = make_app(settings())
