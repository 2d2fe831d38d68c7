"""Tables as CSV, JSON Lines and Parquet, written while they are read: memory does not grow with the rows."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from backprop_evo.errors import InvalidInput, NotInstalled

#: Rows that are written at once: some hundred kilobytes, and one row group of Parquet each.
BATCH_ROWS = 2000

BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What spreadsheets calculate when they open a file; a text that begins so gets an apostrophe before it."""

Value = str | int | float | bool | datetime | None
Row = tuple[Value, ...]


class Kind(StrEnum):
    """What a column holds; any value may be missing."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind


Write = Callable[[Sequence[Column], Iterator[Row]], Iterator[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """One of them; ``needs`` is the library that it is written with, where that is no part of us."""

    name: str
    media_type: str
    suffix: str
    write: Write
    needs: str | None = None


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch


def as_csv(columns: Sequence[Column], rows: Iterator[Row]) -> Iterator[bytes]:
    """A head and a line a row (RFC 4180); what is missing is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.name for column in columns])
    for batch in _batches(rows):
        writer.writerows([_cell(value) for value in row] for row in batch)
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def _cell(value: Value) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(BEGINS_A_FORMULA):
        return f"'{value}"
    return value


def as_json_lines(columns: Sequence[Column], rows: Iterator[Row]) -> Iterator[bytes]:
    """An object a line; numbers that are not finite, which JSON lacks, are null."""
    names = [column.name for column in columns]
    for batch in _batches(rows):
        lines = (dict(zip(names, map(_plain, row), strict=True)) for row in batch)
        texts = (json.dumps(line, ensure_ascii=False, allow_nan=False) for line in lines)
        yield "".join(f"{text}\n" for text in texts).encode()


def _plain(value: Value) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, datetime) else value


def as_parquet(columns: Sequence[Column], rows: Iterator[Row]) -> Iterator[bytes]:
    """Typed columns, a row group for each batch."""
    import pyarrow as pa
    from pyarrow import parquet

    kinds = {
        Kind.TEXT: pa.string(),
        Kind.INTEGER: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.FLAG: pa.bool_(),
        Kind.TIME: pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(column.name, kinds[column.kind]) for column in columns])
    out = _Written()
    with parquet.ParquetWriter(pa.PythonFile(out, mode="w"), schema) as writer:
        for batch in _batches(rows):
            by_column = zip(schema.types, zip(*batch, strict=True), strict=True)
            arrays = [pa.array(values, kind) for kind, values in by_column]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield out.taken()
    yield out.taken()


class _Written:
    """A file of which what was written is taken away."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def write(self, part: Any) -> int:
        """Takes any buffer."""
        self._parts.append(bytes(part))
        self._at += len(self._parts[-1])
        return len(self._parts[-1])

    def tell(self) -> int:
        """How much was written, taken or not."""
        return self._at

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """What is written stays to be taken."""

    def taken(self) -> bytes:
        """What was written since it was asked for last."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


_ROWS = (
    ExportFormat(name="csv", media_type="text/csv", suffix="csv", write=as_csv),
    ExportFormat(name="jsonl", media_type="application/x-ndjson", suffix="jsonl", write=as_json_lines),
    ExportFormat(
        name="parquet",
        media_type="application/vnd.apache.parquet",
        suffix="parquet",
        write=as_parquet,
        needs="pyarrow",
    ),
)
EXPORT_FORMATS: Mapping[str, ExportFormat] = {each.name: each for each in _ROWS}


def find_export_format(name: str) -> ExportFormat:
    """Raises ``InvalidInput``, and ``NotInstalled`` where the library that writes it is missing here."""
    if name not in EXPORT_FORMATS:
        raise InvalidInput(
            f"no format of a table is called {name[:40]!r}", hint=f"known: {', '.join(EXPORT_FORMATS)}"
        )
    found = EXPORT_FORMATS[name]
    if found.needs is not None and importlib.util.find_spec(found.needs) is None:
        raise NotInstalled(
            f"{name} is written with {found.needs}, which is not installed where the service runs",
            hint="pip install 'backprop-evo[export]' there, or ask for csv or jsonl",
        )
    return found
