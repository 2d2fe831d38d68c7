"""Tables of a search over REST, streamed; 50,000 rows in the memory of a few pages; filters at the door."""

import csv
import io
import json
import math
import tracemalloc

import pytest
import sqlalchemy as sa

from backprop_evo.records.choosing import TrialChoice, TrialOrder
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainResult
from backprop_evo.service import export_formats
from backprop_evo.service.export_formats import EXPORT_FORMATS
from backprop_evo.service.exporting import EXPORT_TABLES, Wanted
from backprop_evo.store.codec import encode
from backprop_evo.store.tables import TRIALS

API = "/api/v1"
LEFT_OUT = ("row", "id", "finish_order", "result")


@pytest.fixture
def search(seed):
    return f"{API}/searches/{seed.search_id}"


@pytest.mark.parametrize("table", EXPORT_TABLES)
@pytest.mark.parametrize("form", EXPORT_FORMATS)
def test_every_table_in_every_format(client, search, table, form):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    answer = client.get(f"{search}/tables/{table}?format={form}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(EXPORT_FORMATS[form].media_type)
    assert answer.headers["content-disposition"].endswith(f'-{table}.{form}"')
    assert len(answer.content) > 100


def test_trials_are_those_of_the_list(client, search):
    listed = client.get(f"{search}/trials?limit=100").json()["items"]
    rows = list(csv.DictReader(io.StringIO(client.get(f"{search}/tables/trials").text)))
    assert [row["trial"] for row in rows] == [each["id"] for each in listed]
    assert [row["state"] for row in rows] == [each["state"] for each in listed]
    numbers = [float(row["validation_accuracy"] or "nan") for row in rows]
    assert [None if math.isnan(each) else each for each in numbers] == [
        each["validation_accuracy"] for each in listed
    ]


def test_tables_and_lists_are_filtered_alike(client, search):
    asked = "component=fro&state=completed&sort=best"
    listed = [each["equation"] for each in client.get(f"{search}/trials?{asked}").json()["items"]]
    assert listed == ["g / fro(g)", "min(g / fro(g), clip(h, 1.0))"]
    text = client.get(f"{search}/tables/trials?format=jsonl&{asked}").text
    assert [json.loads(line)["equation"] for line in text.splitlines()] == listed
    found = client.get(f"{search}/leaderboard?text=clip").json()["items"]
    assert [(row["rank"], row["equation"]) for row in found] == [
        (2, "min(g / fro(g), clip(h, 1.0))"),
        (5, "clip(g, 1.0) * dh"),
    ]
    assert client.get(f"{API}/leaderboard?model=mlp-8").json()["items"] == []
    assert len(client.get(f"{API}/leaderboard?model=wrn-10-1&data=cifar10-mini").json()["items"]) == 6


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("tables/everything", 404, "leaderboard, trials, curves"),
        ("tables/trials?format=xlsx", 422, "csv, jsonl, parquet"),
        ("tables/trials?state=odd", 422, "state"),
        ("tables/trials?component=a%20b", 422, "component"),
        ("trials?sort=random", 422, "sort"),
        ("trials?text=", 422, "text"),
        ("trials?text=a%00b", 400, "U+0000"),
        ("leaderboard?confirmed=perhaps", 422, "confirmed"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(client, search, path, status, said):
    refused = client.get(f"{search}/{path}")
    assert refused.status_code == status, refused.text
    assert said in refused.text


def test_without_its_library_parquet_is_501(client, search, monkeypatch):
    monkeypatch.setattr(export_formats.importlib.util, "find_spec", lambda _name: None)
    refused = client.get(f"{search}/tables/trials?format=parquet")
    assert (refused.status_code, refused.json()["title"]) == (501, "Not installed")
    assert "backprop-evo[export]" in refused.json()["hint"]
    assert client.get(f"{search}/tables/trials?format=csv").status_code == 200


def test_the_page_of_trials_filters_without_a_script(client, seed):
    page = client.get(f"/searches/{seed.search_id}/trials?component=bn&sort=best").text
    assert "1 trial" not in page
    assert page.count('class="nowrap" data-label="trial"><a href="/trials/') == 1
    assert 'value="bn"' in page
    assert "tables/trials?format=csv" in client.get(f"/searches/{seed.search_id}").text


@pytest.mark.slow
def test_fifty_thousand_trials_take_no_more_memory_than_five_thousand(seed):
    """Rows of the search's own, doubled in SQL; with results without a curve, which take long to read."""
    short = sa.literal(encode(TrainResult(outcome=TrialState.COMPLETED)))
    store, columns = seed.store, [each for each in TRIALS.c if each.name not in LEFT_OUT]
    done = (TRIALS.c.search_id == seed.search_id) & (TRIALS.c.state == "completed")

    def grow(wanted):
        """To so many rows."""
        with store.database.write() as connection:
            while True:
                number = connection.execute(sa.select(sa.func.count()).where(done)).scalar_one()
                if number >= wanted:
                    return
                copied = sa.select(TRIALS.c.id + "+" + str(number), short, *columns).where(done)
                names = ["id", "result", *(each.name for each in columns)]
                connection.execute(TRIALS.insert().from_select(names, copied.limit(wanted - number)))

    def peak():
        table, search = EXPORT_TABLES["trials"], store.searches.get(seed.search_id)
        wanted = Wanted(trials=TrialChoice(order=TrialOrder.OLDEST))
        tracemalloc.start()
        rows = table.rows(store, search, wanted)
        written = sum(part.count(b"\n") for part in EXPORT_FORMATS["csv"].write(table.columns, rows))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return written, most

    grow(5_000)
    few = peak()
    grow(50_000)
    many = peak()
    assert (few[0] > 5_000, many[0] > 50_000) == (True, True)
    assert many[1] < 1.3 * few[1] + 1_000_000
