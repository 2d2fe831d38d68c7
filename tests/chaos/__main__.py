"""``python -m tests.chaos``: the study of load and faults; one table, exit status 1 where a promise does not
hold.

    python -m tests.chaos                              every case on SQLite and PostgreSQL
    python -m tests.chaos --only storm --database postgresql
    python -m tests.chaos --only sizes --size 20000    another number of trials
    python -m tests.chaos --short --json rows.json
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from backprop_evo.cli.up import ending_on_sigterm
from backprop_evo.logs import configure_logs
from benchmarks.arguments import whole_number
from tests.chaos import cases
from tests.chaos.clocks import CPU, WALL
from tests.chaos.databases import Database, PostgresServer, new_sqlite, postgres_server
from tests.chaos.setting import POSTGRESQL, SQLITE, Setting
from tests.chaos.table import Row, as_json, as_table, machine


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=[*cases.REGISTER], help="some cases, not all")
    parser.add_argument("--database", choices=[SQLITE, POSTGRESQL, "both"], default="both")
    parser.add_argument("--short", action="store_true", help="seconds a case: as in the ordinary tests")
    parser.add_argument("--size", type=whole_number(), help="trials, in place of what the case takes")
    parser.add_argument(
        "--trainings",
        choices=["real", "asleep"],
        default="real",
        help="asleep: real slots sleep 0.3 s instead of training, and start without torch",
    )
    parser.add_argument("--every-s", type=float, default=2.0, help="seconds between two kills of the storm")
    parser.add_argument(
        "--clock",
        choices=[WALL, CPU],
        default=WALL,
        help="cpu: what requests cost, where other work runs too",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave logs and databases there")
    return parser.parse_args(arguments)


def rows(asked: argparse.Namespace, folder: Path) -> Iterator[Row]:
    kinds = (SQLITE, POSTGRESQL) if asked.database == "both" else (asked.database,)
    with ExitStack() as stack:
        server: PostgresServer | None = None
        for name in asked.only or cases.REGISTER:
            for kind in kinds:
                place = folder / f"{name}-{kind}"
                place.mkdir(parents=True)
                if kind == POSTGRESQL and server is None:
                    server = stack.enter_context(postgres_server())
                database = new_sqlite(place) if kind == SQLITE or server is None else server.new_database()
                yield from cases.REGISTER[name](of(asked, name, database, place))
                if asked.keep is None:
                    shutil.rmtree(place, ignore_errors=True)


def of(asked: argparse.Namespace, name: str, database: Database, place: Path) -> Setting:
    return Setting(
        name,
        database,
        place,
        short=asked.short,
        size=asked.size,
        asleep=asked.trainings == "asleep",
        every_s=asked.every_s,
        clock=asked.clock,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    asked = parsed(arguments)
    configure_logs("console", logging.ERROR)
    began = machine()
    found: list[Row] = []
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        with ending_on_sigterm():
            for row in rows(asked, folder):
                found.append(row)
                sys.stderr.write(f"{as_table([row]).splitlines()[-1]}\n")
                sys.stderr.flush()
    finally:
        if asked.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"{began}; at the end {machine()}\n\n{as_table(found)}", flush=True)
        if asked.json is not None:
            asked.json.write_text(json.dumps(as_json(found), indent=1), encoding="utf-8")
    broken = [each for each in found if each.holds is False]
    print(f"\n{len(found)} promises, {len(broken)} do not hold" if broken else f"\n{len(found)} promises")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
