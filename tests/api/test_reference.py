"""The reference shows every route with what it takes, and no marks of the text it was written in."""

from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.rendering import with_code


def test_every_route_is_there_with_its_parameters(client: TestClient, app: FastAPI) -> None:
    text = client.get("/reference").text
    paths = app.openapi()["paths"]
    assert all(f"<code>{path}</code>" in text for path in paths)
    names = {
        each["name"] for told in paths.values() for way in told.values() for each in way.get("parameters", ())
    }
    assert len(names) > 5
    assert all(f"<code>{name}</code>" in text for name in names)
    assert "`" not in text


def test_what_stands_between_backticks_is_code_and_the_rest_is_escaped() -> None:
    assert with_code("a ``b < c`` and `d` & e") == "a <code>b &lt; c</code> and <code>d</code> &amp; e"
