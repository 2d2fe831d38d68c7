"""Traces by OpenTelemetry, where they are configured: the libraries' own instrumentation of requests, SQL,
messages and Redis, sent by OTLP over HTTP.

Off, and nothing of it imported, unless ``OTEL_EXPORTER_OTLP_ENDPOINT``, or the same of traces alone, says
where to; the other variables of OpenTelemetry hold as they stand in its specification. What it needs is
the extra ``telemetry``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import structlog

log = structlog.get_logger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

#: Probes and scrapes come every few seconds and would be most of what is kept.
UNTRACED = "livez,readyz,metrics,version,static/.*"


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether the variables ask for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip().lower() == "none":
        return False
    return any(environment.get(name, "").strip() for name in ENDPOINTS)


def begin(process: str, environment: Mapping[str, str] | None = None) -> bool:
    """Once, at the start of a process and before it opens its store: whether it is traced from now on.

    ``process`` is what it is called where ``OTEL_SERVICE_NAME`` gives no other name. Configured and not
    installed, it says so in the log and goes on: nobody's search ends for want of a trace.
    """
    given = os.environ if environment is None else environment
    if not is_wanted(given):
        return False
    try:
        _instrument(_provider(process, given))
    except ImportError as error:
        log.error(
            "traces are configured, and their libraries are not installed",
            missing=error.name,
            hint="pip install 'backprop-evo[telemetry]', or unset OTEL_EXPORTER_OTLP_ENDPOINT",
        )
        return False
    log.info("traces are sent", process=process)
    return True


def instrument_app(app: Any) -> None:
    """Every request of the application, but probes; after ``begin``."""
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    FastAPIInstrumentor.instrument_app(app, excluded_urls=UNTRACED)


def _provider(process: str, environment: Mapping[str, str]) -> Any:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = environment.get("OTEL_SERVICE_NAME") or "service.name=" in environment.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    provider = TracerProvider(
        resource=Resource.create({} if named else {"service.name": f"backprop-evo-{process}"})
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider


def _instrument(provider: Any) -> None:
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.instrumentation.redis import RedisInstrumentor
    from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor

    CeleryInstrumentor().instrument(tracer_provider=provider)
    RedisInstrumentor().instrument(tracer_provider=provider)
    # It knows SQLAlchemy below 2.1 only and refuses others; a test shows that ours is traced all the same.
    SQLAlchemyInstrumentor().instrument(tracer_provider=provider, skip_dep_check=True)
