"""The OpenAPI document is true: requests drawn from it get answers that fit it, and never a fault of ours."""

import atexit
from pathlib import Path
from tempfile import TemporaryDirectory

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from backprop_evo.settings import Settings
from backprop_evo.store import migrations

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


HOME = TemporaryDirectory(prefix="openapi-")
atexit.register(HOME.cleanup)


def load() -> schemathesis.BaseSchema:
    """At import, because the operations are the parameters of the test."""
    url = f"sqlite:///{HOME.name}/store.sqlite"
    migrations.upgrade(url)
    app = create_app(Settings(home=Path(HOME.name), database_url=url))
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers={"Host": "127.0.0.1"})


document = load()
schema = document.exclude(path="/api/v1/events")  # it never ends


@schema.parametrize()
@settings(
    max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
def test_answers_fit_the_document(case: schemathesis.Case) -> None:
    case.call_and_validate(checks=CHECKS, headers={"Host": "127.0.0.1"})


def test_every_operation_says_what_it_does() -> None:
    for path, operations in document.raw_schema["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), f"{method} {path}"
            assert "default" in operation["responses"], f"{method} {path}"
