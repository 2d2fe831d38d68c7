"""Tables of a search as files: written while they are read, typed, and harmless in a spreadsheet."""

import csv
import io
import json
import math
import tracemalloc
from datetime import UTC, datetime
from itertools import count, islice

import pytest

from backprop_evo.errors import InvalidInput, NotFound, NotInstalled
from backprop_evo.records.choosing import TrialChoice, TrialOrder
from backprop_evo.records.states import TrialState
from backprop_evo.service import export_formats
from backprop_evo.service.export_formats import EXPORT_FORMATS, Column, Kind, find_export_format
from backprop_evo.service.exporting import EXPORT_TABLES, Wanted, find_export_table
from tests.service.lives import run_to_the_end

NOW = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = (
    Column("text", Kind.TEXT),
    Column("integer", Kind.INTEGER),
    Column("number", Kind.NUMBER),
    Column("flag", Kind.FLAG),
    Column("time", Kind.TIME),
)
ROWS = [
    ("g / fro(g)", 1, 0.5, True, NOW),
    (None, None, None, None, None),
    ('∂, "quoted"\nline', -7, math.nan, False, NOW),
    ('=HYPERLINK("x")', 2, -math.inf, True, NOW),
]


def whole(name, rows, columns=COLUMNS):
    return b"".join(EXPORT_FORMATS[name].write(columns, iter(rows)))


def read_parquet(written):
    parquet = pytest.importorskip("pyarrow.parquet")
    return parquet.read_table(io.BytesIO(written))


def test_csv_is_read_back():
    head, *rows = csv.reader(io.StringIO(whole("csv", ROWS).decode(), newline=""))
    assert head == [column.name for column in COLUMNS]
    assert rows[0] == ["g / fro(g)", "1", "0.5", "true", NOW.isoformat()]
    assert rows[1] == [""] * 5
    assert rows[2] == ['∂, "quoted"\nline', "-7", "nan", "false", NOW.isoformat()]


@pytest.mark.parametrize("begins", ["=1+1", "+1", "-g", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_no_text_of_a_csv_is_a_formula(begins):
    _, row = csv.reader(io.StringIO(whole("csv", [(begins, 0, -1.5, True, NOW)]).decode(), newline=""))
    assert row[0] == f"'{begins}"
    assert row[2] == "-1.5", "a number is none"


def test_json_lines_are_read_back():
    lines = [json.loads(line) for line in whole("jsonl", ROWS).decode().split("\n")[:-1]]
    assert lines[0] == {
        "text": "g / fro(g)",
        "integer": 1,
        "number": 0.5,
        "flag": True,
        "time": NOW.isoformat(),
    }
    assert lines[3]["text"].startswith("=HYPERLINK"), "no spreadsheet opens it"
    assert [line["number"] for line in lines] == [0.5, None, None, None]


def test_parquet_is_read_back_with_its_types():
    table = read_parquet(whole("parquet", ROWS))
    assert table.column("text").to_pylist() == [row[0] for row in ROWS]
    assert table.column("time").to_pylist() == [row[4] for row in ROWS]
    assert table.column("number").to_pylist()[3] == -math.inf
    assert [str(each) for each in table.schema.types] == [
        "string",
        "int64",
        "double",
        "bool",
        "timestamp[us, tz=UTC]",
    ]


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_no_rows_are_a_table_all_the_same(name):
    if name == "parquet":
        assert read_parquet(whole(name, [])).num_rows == 0
    else:
        assert whole(name, []).decode() in ("", "text,integer,number,flag,time\r\n")


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_the_first_part_is_written_before_the_last_row_is_read(name):
    if name == "parquet":
        pytest.importorskip("pyarrow")
    endless = ((f"equation {number}", number, 0.5, True, NOW) for number in count())
    parts = list(islice(EXPORT_FORMATS[name].write(COLUMNS, endless), 3))
    assert all(len(part) > 1000 for part in parts[:2])


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_fifty_thousand_rows_take_no_more_memory_than_ten_thousand(name):
    if name == "parquet":
        pytest.importorskip("pyarrow")

    def peak(rows):
        made = ((f"g / fro(g) + {number}", number, number / 7, True, NOW) for number in range(rows))
        tracemalloc.start()
        written = sum(map(len, EXPORT_FORMATS[name].write(COLUMNS, made)))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return written, most

    few, many = peak(10_000), peak(50_000)
    assert many[0] > 4 * few[0]
    assert many[1] < 1.5 * few[1] + 200_000


def test_every_table_of_a_search_as_every_format(store, clock, service, small_spec, train):
    search = service.submit_search(small_spec(start=("g", "g / fro(g)")))
    run_to_the_end(store, clock, "searches", search.id, train)
    search = store.searches.get(search.id)
    for table in EXPORT_TABLES.values():
        rows = list(table.rows(store, search, Wanted()))
        assert {len(row) for row in rows} <= {len(table.columns)}
        for form in ("csv", "jsonl"):
            assert b"".join(EXPORT_FORMATS[form].write(table.columns, iter(rows)))[:1] or not rows
    trials = list(EXPORT_TABLES["trials"].rows(store, search, Wanted()))
    assert len(trials) == 5
    chosen = Wanted(trials=TrialChoice(state=TrialState.FAILED))
    assert list(EXPORT_TABLES["trials"].rows(store, search, chosen)) == []
    ranks = [row[0] for row in EXPORT_TABLES["leaderboard"].rows(store, search, Wanted())]
    assert ranks == list(range(1, len(ranks) + 1))


def test_pages_are_put_together_whole(store, clock, service, small_spec, train, monkeypatch):
    monkeypatch.setattr("backprop_evo.service.exporting.PAGE_ROWS", 2)
    search = service.submit_search(small_spec())
    run_to_the_end(store, clock, "searches", search.id, train)
    search = store.searches.get(search.id)
    wanted = Wanted(trials=TrialChoice(order=TrialOrder.OLDEST))
    read = [row[0] for row in EXPORT_TABLES["trials"].rows(store, search, wanted)]
    assert read == [each.id for each in reversed(store.trials.page(search.id).items)]


def test_what_does_not_exist_is_refused_with_what_does(monkeypatch):
    with pytest.raises(InvalidInput, match="no format") as refused:
        find_export_format("xlsx")
    assert "csv, jsonl, parquet" in refused.value.hint
    with pytest.raises(NotFound, match="no table") as missing:
        find_export_table("x")
    assert "curves" in missing.value.hint
    monkeypatch.setattr(export_formats.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(NotInstalled, match="pyarrow") as absent:
        find_export_format("parquet")
    assert (absent.value.status, "backprop-evo[export]" in absent.value.hint) == (501, True)
    assert find_export_format("csv").suffix == "csv"
