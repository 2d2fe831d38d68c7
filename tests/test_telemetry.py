"""Traces: off unless configured, nothing imported then; configured, requests and SQL reach a receiver."""

import importlib.util
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from backprop_evo import telemetry
from backprop_evo.store import migrations

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({ENDPOINT: ""}, False),
        ({ENDPOINT: "http://localhost:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, True),
        ({ENDPOINT: "http://localhost:4318", "OTEL_SDK_DISABLED": "True"}, False),
        ({ENDPOINT: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_SERVICE_NAME": "mine"}, False),
    ],
)
def test_traces_are_sent_where_the_variables_say_where_to(environment, expected):
    assert telemetry.is_wanted(environment) is expected


def test_without_configuration_nothing_of_it_is_imported():
    script = """
import sys
import api.__main__, workers.controller
from backprop_evo import telemetry
assert telemetry.begin("test") is False
odd = [n for n in sys.modules if n.startswith(("opentelemetry.sdk", "opentelemetry.instrumentation"))]
assert not odd, odd
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=240)


def test_configured_and_not_installed_it_says_so_and_goes_on(monkeypatch):
    # An entry of None is what Python itself takes for a module that is not there.
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter", None)
    with capture_logs() as lines:
        assert telemetry.begin("test", {ENDPOINT: "http://localhost:4318"}) is False
    (line,) = lines
    assert "not installed" in line["event"]
    assert "backprop-evo[telemetry]" in line["hint"]


class Receiver(BaseHTTPRequestHandler):
    """An OTLP endpoint that keeps what it hears."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, self.headers.get("Content-Encoding"), body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Quiet."""


TRACED = """
import sys
from fastapi.testclient import TestClient
from api.app import create_app
from backprop_evo import telemetry
from backprop_evo.settings import Settings
from workers.app import app as celery

assert telemetry.begin("api")
service = create_app(Settings())
telemetry.instrument_app(service)
with TestClient(service, base_url="http://127.0.0.1") as client:
    assert client.post("/api/v1/searches", json={"name": "traced", "trials": 3}).status_code == 202
    assert client.get("/livez").status_code == 200
from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
assert CeleryInstrumentor().is_instrumented_by_opentelemetry
assert RedisInstrumentor().is_instrumented_by_opentelemetry
assert trace.get_tracer_provider().force_flush()
"""


@pytest.mark.skipif(
    importlib.util.find_spec("opentelemetry.sdk") is None,
    reason="the extra `telemetry` is not installed: that traces arrive was NOT checked",
)
def test_requests_and_statements_arrive_as_one_trace(tmp_path: Path):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    url = f"sqlite:///{tmp_path / 'x.sqlite'}"
    migrations.upgrade(url)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.heard = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    environment = {
        **os.environ,
        ENDPOINT: f"http://127.0.0.1:{server.server_port}",
        "BACKPROP_EVO_DATABASE_URL": url,
        "BACKPROP_EVO_HOME": str(tmp_path),
    }
    try:
        subprocess.run([sys.executable, "-c", TRACED], env=environment, check=True, timeout=240)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    spans, names = {}, set()
    for path, encoding, body in server.heard:
        assert (path, encoding) == ("/v1/traces", None)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names |= {a.value.string_value for a in resource.resource.attributes if a.key == "service.name"}
            spans |= {span.span_id: span for scope in resource.scope_spans for span in scope.spans}
    assert names == {"backprop-evo-api"}
    (request,) = [each for each in spans.values() if each.name == "POST /api/v1/searches"]
    inserts = [each for each in spans.values() if each.name.startswith("INSERT")]
    assert inserts
    assert {each.trace_id for each in inserts} == {request.trace_id}
    assert not any("livez" in each.name for each in spans.values())
