"""The OpenAPI document is true: requests drawn from it get answers that fit it, and never a fault of ours."""

import atexit
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.openapi.checks import RejectedPositiveData

from api.app import create_app
from backprop_evo.settings import Settings
from backprop_evo.store import migrations
from tests.api.fuzz import rule_of

HOME = TemporaryDirectory(prefix="openapi-")
atexit.register(HOME.cleanup)


def load() -> schemathesis.BaseSchema:
    """At import, because the operations are the parameters of the test."""
    url = f"sqlite:///{HOME.name}/store.sqlite"
    migrations.upgrade(url)
    settings = Settings(home=Path(HOME.name), database_url=url, rate_limit=0, rate_limit_changes=0)
    app = create_app(settings)
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers={"Host": "127.0.0.1"})


document = load()
schema = document.exclude(path="/api/v1/events")  # it never ends
QUICK = {"deadline": None, "database": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@document.hook
def filter_failure(context, failure, case, response) -> bool:
    """As in the long form."""
    return not (isinstance(failure, RejectedPositiveData) and rule_of(response))


@schema.parametrize()
@settings(max_examples=4, **QUICK)
def test_answers_fit_the_document(case: schemathesis.Case) -> None:
    """The short form of ``python -m tests.api.fuzz``: every check, one request after the other."""
    case.call_and_validate(headers={"Host": "127.0.0.1"})


def test_sequences_fit_the_document() -> None:
    """And ids that one answer gave go into the next request."""
    statefully = schema.as_state_machine()
    statefully.get_call_kwargs = lambda *_: {"headers": {"Host": "127.0.0.1"}}
    statefully.run(settings=settings(max_examples=5, stateful_step_count=6, **QUICK))


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({}, "invalid-settings"),
        ({"status_code": 400}, None),
        ({"status_code": 412}, None),
        ({"status_code": 412, "type": "urn:backprop-evo:problem:precondition-failed"}, "precondition-failed"),
        ({"type": "urn:backprop-evo:problem:invalid-request"}, None),
        ({"detail": ""}, None),
    ],
)
def test_a_rule_is_a_refusal_in_words_and_of_no_other_form(told: dict[str, Any], rule: str | None) -> None:
    problem = {"type": "urn:backprop-evo:problem:invalid-settings", "detail": "min is above max"}
    content = json.dumps({**problem, "request_id": "1", **told})
    assert rule_of(SimpleNamespace(status_code=told.get("status_code", 422), content=content)) == rule


def test_every_operation_says_what_it_does() -> None:
    for path, operations in document.raw_schema["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), f"{method} {path}"
            assert "default" in operation["responses"], f"{method} {path}"
