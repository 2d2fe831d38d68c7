"""Numbers of the charts: columns with ETags, final pages kept, few statements; tables say the same without
a script, and modules find each other."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, insert, select

from api.app import STATIC
from api.vendoring import PACKAGES
from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Origin
from backprop_evo.records.training import TrainResult
from backprop_evo.service.tallies import Tallies
from backprop_evo.store.tables import INDIVIDUALS, TRIALS

LONG = 20_000
#: Just too long to be drawn whole.
THINNED = 5_010


def charts(client: TestClient, search_id: str, name: str, **asked: Any) -> Any:
    answer = client.get(f"/searches/{search_id}/charts/{name}", params=asked)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


@contextmanager
def statements(seed: Any) -> Iterator[list[str]]:
    """Those that are executed within."""
    told: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement != "BEGIN":
            told.append(statement)

    engine = seed.store.database.reader
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_finishes_come_as_columns_and_then_only_what_is_new(client: TestClient, seed: Any) -> None:
    page = charts(client, seed.search_id, "fitness")
    assert page == {
        "after": 0,
        "last": 7,
        "more": False,
        "every": 1,
        "fits": 1,
        "best": 0.367,
        "low": 2440,
        "high": 3670,
        "order": [1, 2, 3, 5, 6, 7],
        "accuracy": [3310, 3670, 3120, 3520, 2440, 3380],
        "purpose": "bsssss",
        "state": "cccccc",
        "rung": "------",
        "failed": {"width": 1, "first": [4], "state": "d", "count": [1]},
    }
    later = charts(client, seed.search_id, "fitness", after=5)
    assert (later["after"], later["last"], later["accuracy"]) == (5, 7, [2440, 3380])
    assert charts(client, seed.search_id, "fitness", after=7)["accuracy"] == []


def test_long_histories_come_in_pages_of_which_full_ones_are_final(client: TestClient, seed: Any) -> None:
    whole = charts(client, seed.search_id, "fitness")
    after, told, control = 0, [], []
    while True:
        asked = {"after": after, "limit": 3, "every": 1}
        answer = client.get(f"/searches/{seed.search_id}/charts/fitness", params=asked)
        page = answer.json()
        told += page["accuracy"]
        control.append("immutable" in answer.headers["cache-control"])
        after = page["last"]
        if not page["more"]:
            break
    assert told == whole["accuracy"]
    assert control == [True, True, False]
    # How many are drawn depends on the length of the search, unless it is asked for.
    chosen = client.get(f"/searches/{seed.search_id}/charts/fitness", params={"limit": 3})
    assert "immutable" not in chosen.headers["cache-control"]


def test_a_long_search_is_thinned_out_until_a_stretch_of_it_is_asked_for(
    client: TestClient, seed: Any
) -> None:
    lengthen(seed, THINNED)
    page = charts(client, seed.search_id, "fitness", limit=THINNED)
    assert (page["every"], page["failed"]["width"], page["more"]) == (2, 20, True)
    assert THINNED / 2 - 10 <= len(page["order"]) < THINNED / 2 + 10
    assert (page["failed"]["first"], page["failed"]["count"]) == ([1], [1])
    later = charts(client, seed.search_id, "fitness", after=page["last"], every=2, best=page["best"])
    assert (later["every"], later["last"], later["more"]) == (2, THINNED + 7, False)
    assert not set(later["order"]) & set(page["order"])
    # A tab that was opened early is told that it draws too many by now.
    assert charts(client, seed.search_id, "fitness", after=THINNED, every=1)["fits"] == 2
    stretch = charts(client, seed.search_id, "fitness", after=1_000, limit=500, every=1)
    assert stretch["order"] == list(range(1_001, 1_501))


@pytest.mark.parametrize("asked", ["every=0", "limit=0", "limit=20001", "best=1.5", "best=nan"])
def test_what_cannot_be_drawn_is_refused(client: TestClient, seed: Any, asked: str) -> None:
    assert client.get(f"/searches/{seed.search_id}/charts/fitness?{asked}").status_code == 422


@pytest.mark.parametrize("name", ["fitness", "frame", "components", "slots", "running"])
def test_what_a_browser_has_is_not_sent_again(client: TestClient, seed: Any, name: str) -> None:
    address = f"/searches/{seed.search_id}/charts/{name}"
    first = client.get(address)
    again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get(address, headers={"If-None-Match": '"another"'}).status_code == 200
    assert client.get(f"/searches/none/charts/{name}").status_code == 404


def test_the_frame_tells_chance_backprop_and_the_best_confirmed(client: TestClient, seed: Any) -> None:
    frame = charts(client, seed.search_id, "frame")
    assert frame["chance"] == 1000
    assert frame["backprop"] == {"mean": 3310, "std": None, "n": 1}
    assert frame["confirmed"] is False
    assert frame["best"] == {"mean": 3600, "std": 100, "n": 3}
    assert frame["live"] is True
    assert frame["counterpart"] is None


def test_one_point_tells_its_trial(client: TestClient, seed: Any) -> None:
    told = charts(client, seed.search_id, "finishes/2")
    assert told["trial"] == f"{seed.search_id}-1-search-0"
    assert (told["individual"], told["equation"], told["seed"]) == (1, "g / fro(g)", 0)
    assert client.get(f"/searches/{seed.search_id}/charts/finishes/99").status_code == 404


def test_components_are_added_up_and_stand_in_the_table_too(client: TestClient, seed: Any) -> None:
    found = charts(client, seed.search_id, "components")
    assert (found["equations"], found["waiting"]) == (5, 0)
    rows = dict(zip(zip(found["kind"], found["name"], strict=True), found["n"], strict=True))
    assert rows["operand", "g"] == 5
    assert rows["binary", "min(x, y)"] == 1
    text = client.get(f"/searches/{seed.search_id}").text
    assert '<td><code>min(x, y)</code></td><td>binary</td><td class="num">1</td>' in text


def test_slots_tell_who_trained_when_and_what_runs(client: TestClient, seed: Any) -> None:
    found = charts(client, seed.search_id, "slots")
    assert found["workers"] == ["node-a/0"]
    assert found["outcome"].count(None) == 1
    newest = max(each for each in found["ended"] if each is not None)
    everywhere = client.get("/nodes/charts/slots").json()
    assert set(found["trial"]) < set(everywhere["trial"])
    assert len(everywhere["workers"]) == len(set(everywhere["workers"]))
    later = charts(client, seed.search_id, "slots", since=newest)
    assert sorted(later["outcome"], key=str) == [None, "completed"]
    assert charts(client, seed.search_id, "slots", since=newest + 1)["outcome"] == [None]
    text = client.get(f"/searches/{seed.search_id}").text
    assert '<td>node-a/0</td><td class="num">8</td>' in text


def test_what_runs_is_where_it_says_it_is(client: TestClient, seed: Any) -> None:
    (line,) = charts(client, seed.search_id, "running")["lines"]
    assert (line["trial"], line["epochs"]) == (f"{seed.search_id}-7-search-0", 4.0)
    assert line["points"] == [[1.4, 1.83, None]]
    running = client.get(f"/trials/{line['trial']}/charts").json()
    assert (running["epoch"], running["loss"], running["live"]) == ([1.4], [1.83], True)


def test_a_trial_has_its_curve_and_angles(client: TestClient, seed: Any) -> None:
    trial = seed.trial(20, "b_next_R_dh")
    seed.propose([seed.individual(20, "b_next_R_dh", Origin.RANDOM, None)], [trial])
    lease = seed.store.trials.claim(trial.id, "node-a/0", lease_s=600, now=seed.tick())
    assert seed.store.trials.start(lease, now=seed.tick())
    points = tuple(AlignmentPoint(step, "3", 2e-5, 1.0, 80.0 - step) for step in range(3))
    done = TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=0.3, alignment=points)
    assert seed.store.trials.finish(lease, done, now=seed.tick())
    found = client.get(f"/trials/{trial.id}/charts").json()
    assert found["update"] == [
        {"layer": "layer 1 of 1", "place": 0, "points": [[0, 0.0], [1, 0.0], [2, 0.0]]}
    ]
    assert found["feedback"][0]["points"] == [[0, 80.0], [1, 79.0], [2, 78.0]]
    curve = client.get(f"/trials/{seed.search_id}-1-search-0/charts").json()
    assert len(curve["epoch"]) == len(curve["loss"]) == len(curve["accuracy"]) > 1
    assert curve["chance"] == 1000


def test_an_equation_has_its_seeds_by_setting(client: TestClient, seed: Any) -> None:
    fingerprint = seed.trial(1, "g / fro(g)").fingerprint
    found = client.get(f"/equations/{fingerprint}/charts").json()
    assert sum(len(each["seed"]) for each in found["settings"]) == 4
    assert sum(each["chosen"].count(True) for each in found["settings"]) == 1
    for setting in found["settings"]:
        drawn = [each for each in found["curves"] if each["trial"] in setting["trial"]]
        assert [setting["trial"][each["ordinal"] - 1] for each in drawn] == [each["trial"] for each in drawn]
        assert [setting["seed"][each["ordinal"] - 1] for each in drawn] == [each["seed"] for each in drawn]
    text = client.get(f"/equations/{fingerprint}").text
    assert text.count("<td>to compare</td>") == 3
    assert text.count("by a search, which chose by it") == 1


def lengthen(seed: Any, number: int) -> None:
    """So many more finishes, each a proposal of its own, without a controller and workers."""
    search, database = seed.search_id, seed.store.database
    with database.write() as connection:
        one = connection.execute(
            select(INDIVIDUALS).where(INDIVIDUALS.c.search_id == search, INDIVIDUALS.c.number == 1)
        ).one()
        trial = connection.execute(select(TRIALS).where(TRIALS.c.id == f"{search}-1-search-0")).one()
        row = connection.execute(select(TRIALS.c.row).order_by(TRIALS.c.row.desc())).scalars().first()
        numbers = range(100, 100 + number)
        connection.execute(insert(INDIVIDUALS), [{**one._mapping, "number": each} for each in numbers])
        more = [
            {
                **trial._mapping,
                "row": row + each,
                "id": f"{search}-{each}-search-0",
                "individual": each,
                "finish_order": each - 92,
            }
            for each in numbers
        ]
        connection.execute(insert(TRIALS), more)


def test_a_long_search_is_read_with_few_statements_and_its_page_reads_but_what_is_new(
    client: TestClient, seed: Any
) -> None:
    lengthen(seed, LONG)
    with statements(seed) as told:
        page = charts(client, seed.search_id, "fitness")
    assert (page["last"], page["more"], page["every"]) == (LONG, True, 5)
    # One for the points, and one that looks up how many there are in an index.
    assert len([each for each in told if "FROM trials" in each]) == 2
    assert len(told) <= 3
    tallies: Tallies = client.app.state.tallies  # type: ignore[attr-defined]
    while tallies.of(seed.search_id, at_most=LONG).is_behind:
        pass
    client.get(f"/searches/{seed.search_id}")
    with statements(seed) as told:
        text = client.get(f"/searches/{seed.search_id}").text
    assert len(told) < 45
    assert "of the first" not in text.lower().split('id="components"')[0]
    # Nothing of what was heard before is read again.
    (heard,) = [each for each in told if "finish_order >" in each]
    assert "LIMIT" in heard
    assert f'<span class="value">{LONG + 5:,}</span>'.replace(",", "") in text.replace(",", "")


def test_charts_are_loaded_only_where_there_is_one(client: TestClient, seed: Any) -> None:
    fingerprint = seed.trial(1, "g / fro(g)").fingerprint
    drawn = (
        f"/searches/{seed.search_id}",
        f"/trials/{seed.search_id}-1-search-0",
        f"/equations/{fingerprint}",
        "/nodes",
    )
    for address in drawn:
        text = client.get(address).text
        assert '<script src="/static/charts/main.js" type="module"></script>' in text
        # Without a script each chart that has numbers of its own has them in a table.
        assert text.count("<figure") - text.count("</figcaption></figure>") == text.count('class="numbers"')
    for address in ("/", "/leaderboard", "/equations", "/reference", "/evaluations"):
        assert "charts/main.js" not in client.get(address).text


def test_modules_find_each_other_and_the_library(client: TestClient) -> None:
    modules = sorted((STATIC / "charts").glob("*.js"))
    for module in modules:
        text = module.read_text()
        wanted = re.findall(r'(?:from |import\()"([^"]+)"', text)
        for each in wanted:
            assert (module.parent / each).resolve().is_file(), f"{module.name}: {each}"
        served = client.get(f"/static/charts/{module.name}")
        assert served.headers["content-type"].startswith("text/javascript")
        # The service's policy forbids what is written into the page.
        assert not re.search(r"innerHTML|\beval\(|new Function|\bhttps?://", text), module.name
    (library,) = [each for each in PACKAGES if each.name == "echarts"]
    address = f"vendor/{library.folder}/echarts.esm.min.mjs"
    assert f'import("../{address}")' in (STATIC / "charts" / "main.js").read_text()
    assert client.get(f"/static/{address}").headers["content-type"].startswith("text/javascript")
