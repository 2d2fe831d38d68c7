"""The form that submits a search: every field, presets, a check that starts nothing, a search as a start."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.access import needed_scope
from api.pages.search_form import blank_form
from backprop_evo.records.callers import KeyScope
from backprop_evo.records.presets import PRESETS
from backprop_evo.records.proposing import VocabularySpec
from backprop_evo.records.pruning import PrunerSpec
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.training import LearningRateGrid, TrainSpec
from backprop_evo.service import parse_search_spec, search_spec_to_json
from backprop_evo.service.documents import texts_of, train_document
from backprop_evo.service.spec_fields import search_fields
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore

FORM = "/searches:form"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Inputs(HTMLParser):
    """What a browser would send, the details that are open, and the input that takes the focus."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.focused: list[str] = []
        self.described: dict[str, str] = {}
        self.open: list[bool] = []
        self.absent: list[str] = []
        self._select = self._textarea = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        name = found.get("name") or ""
        if tag in ("input", "select", "textarea") and name:
            self.values[name] = found.get("value") or ""
            self.described[name] = found.get("aria-describedby") or ""
            if "autofocus" in found:
                self.focused.append(name)
        if tag == "select":
            self._select, self._first = name, True
        elif tag == "textarea":
            self._textarea = name
        elif tag == "option" and ("selected" in found or self._first):
            self._first = False
            self.values[self._select] = found.get("value") or self.values[self._select]
        elif tag == "details":
            self.open.append("open" in found)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea] += data.removeprefix("\n")
        if "not on this machine" in data:
            self.absent.append(data)


def inputs(client: TestClient, path: str = "/", status: int = 200, **form: str) -> Inputs:
    answer = client.post(path, data=form) if form else client.get(path)
    assert answer.status_code == status, answer.text
    return Inputs(answer.text)


def shown_json(text: str) -> Any:
    found = re.search(r'As JSON</summary><pre tabindex="0">(.*?)</pre>', text, re.S)
    assert found is not None
    return json.loads(found[1].replace("&#34;", '"').replace("&gt;", ">").replace("&lt;", "<"))


def test_every_field_has_an_input_with_its_default_and_its_help(client: TestClient) -> None:
    shown = inputs(client)
    for row in search_fields():
        assert shown.values[row.name] == blank_form()[row.name], row.name
        assert shown.described[row.name] == f"{row.name}-told"
    text = client.get("/").text
    assert [row.name for row in search_fields() if f'id="{row.name}-told"' not in text] == []


@pytest.mark.parametrize(
    "spec",
    [
        SearchSpec(name="plain"),
        SearchSpec(
            name="some <of> everything",
            population_size=3,
            start=("g", "g / fro(g)"),
            lengths=(0.25, 0.25, 0.5),
            vocabulary=VocabularySpec(operands=("g", "h"), constants={"clip": (0.5,)}),
            strategy="random",
            pruner=PrunerSpec(name="median", rungs=(3, 6)),
            train=TrainSpec(model="mlp-8", augment=False, train_images=2000, batch_size=64, momentum=0.5),
        ),
        SearchSpec(name="one rate", train=TrainSpec(learning_rate=0.3, time_limit_s=60.5)),
        SearchSpec(
            name="a grid", train=TrainSpec(learning_rate=LearningRateGrid(rates=(1e-5, 2), probe_epochs=0.5))
        ),
    ],
    ids=lambda spec: spec.name,
)
def test_the_filled_form_submits_the_same_search(
    client: TestClient, store: SqlStore, spec: SearchSpec
) -> None:
    original = store.searches.add(spec, now=NOW)
    shown = inputs(client, f"/?from={original.id}")
    shown.values.pop("preset")
    sent = client.post("/searches", data=shown.values, follow_redirects=False)
    assert sent.status_code == 303, sent.text
    again = store.searches.get(sent.headers["location"].rpartition("/")[2])
    assert (again.id == original.id, again.spec) == (False, spec)


def test_the_page_of_a_search_offers_to_change_and_submit_it_again(client: TestClient, seed: Any) -> None:
    link = f"/?from={seed.search_id}#new"
    assert f'href="{link}"' in client.get(f"/searches/{seed.search_id}").text
    assert inputs(client, link).values["name"] == seed.spec.name
    assert client.get("/?from=nothing").status_code == 404


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_training_and_cascade_and_leaves_the_rest(client: TestClient, name: str) -> None:
    wanted = texts_of({"train": train_document(PRESETS[name])})
    is_quick = name.startswith("quick")
    for shown in (
        inputs(client, f"/?preset={name}"),
        inputs(client, FORM, do="fill", preset=name, name="typed", epochs="77"),
    ):
        of_training = {row.name for row in search_fields() if row.path[0] == "train"}
        assert {each: shown.values[each] for each in of_training} == {
            each: wanted[each] for each in of_training
        }
        cascade = [shown.values[each] for each in ("pruner", "rungs", "rates", "pruner_spared")]
        wanted_cascade = ["asha", "6, 24", "inherited"] if is_quick else ["none", "", "grid"]
        assert cascade == [*wanted_cascade, "0.05"]
    assert shown.values["name"] == "typed"
    assert shown.values["preset"] == name


def test_an_unknown_preset_is_named(client: TestClient) -> None:
    assert "A9" in client.get("/?preset=A9").text
    assert client.post(FORM, data={"do": "fill", "preset": "A9"}).status_code == 422


def test_a_check_shows_the_document_and_the_command_and_starts_nothing(client: TestClient) -> None:
    answer = client.post(FORM, data={"do": "check", "name": "checked", "start": "g / fro(g)", "trials": "9"})
    assert answer.status_code == 200
    document = shown_json(answer.text)
    assert parse_search_spec(document) == SearchSpec(name="checked", start=("g / fro(g)",), trials=9)
    assert "curl -sS http://127.0.0.1/api/v1/searches" in answer.text
    assert "data-live" not in answer.text, "a page that was posted cannot be fetched again"
    assert client.get("/api/v1/searches").json()["items"] == []


@pytest.mark.parametrize("path", [FORM, "/searches"])
@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("trials", "many", "Must be a whole number"),
        ("rungs", "20,10", "rising"),
        ("confirm_seeds", "0", "Must be at least 1"),
        ("vocabulary_operands", "nothing", "nothing"),
        ("start", "g / nope(g)", "start[0]"),
        ("data", "cifar11", "cifar11"),
        ("model", "wrn-1", "wrn-1"),
        ("pruner", "median", "rungs"),
        ("crossover", "2", "at most 1"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_which_takes_the_focus(
    client: TestClient, path: str, field: str, value: str, says: str
) -> None:
    answer = client.post(path, data={**blank_form(), "do": "check", field: value})
    assert answer.status_code == 422
    shown = Inputs(answer.text)
    culprit = {"pruner": "rungs", "crossover": "change_length"}.get(field, field)
    assert shown.focused == [culprit]
    told = re.search(rf'id="{culprit}-told">(.*?)</small>', answer.text, re.S)
    assert told is not None
    assert 'role="alert"' in told[1]
    assert says in told[1]
    row = next(each for each in search_fields() if each.name == culprit)
    assert shown.open.count(True) == (not row.told.usual), "its group is open"
    assert client.get("/api/v1/searches").json()["items"] == []


@pytest.mark.parametrize("path", [FORM, "/searches"])
def test_a_data_set_that_is_not_here_is_refused_with_the_command_that_fetches_it(
    client: TestClient, path: str
) -> None:
    assert len(inputs(client).absent) == 4, "all but the bundled one"
    refused = client.post(path, data={"name": "x", "data": "mnist"})
    assert refused.status_code == 422
    assert "backprop-evo data fetch mnist" in refused.text
    assert Inputs(refused.text).focused == ["data"]


def test_with_nodes_elsewhere_a_data_set_that_is_not_here_is_only_warned_of(
    client: TestClient, app: FastAPI, tmp_path: Path
) -> None:
    app.state.settings = Settings(home=tmp_path, redis_url="redis://broker")
    warned = client.post(FORM, data={"name": "x", "data": "mnist"})
    assert warned.status_code == 200
    assert "nodes that train with it need it" in warned.text
    sent = client.post("/searches", data={"name": "x", "data": "mnist"}, follow_redirects=False)
    assert sent.status_code == 303


def test_looking_at_the_form_needs_no_right_to_submit() -> None:
    assert needed_scope("POST", FORM) is KeyScope.READ
    assert needed_scope("POST", "/searches") is KeyScope.SUBMIT


def test_the_blank_form_is_the_default_spec() -> None:
    spec = SearchSpec(name="first search", trials=24)
    assert blank_form() == texts_of(search_spec_to_json(spec))
