"""The layout the architecture page promises."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEVER_A_PACKAGE = ("alembic", "docker")
BANNED_NAMES = re.compile(r"(^|_)(utils?|helpers?|managers?|common|misc)(_|$)")
ROOMS = ("dsl", "backprop_evo", "workers", "api")
LONGEST_MODULE = 300


def sources() -> list[Path]:
    return [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]


def test_folders_that_would_shadow_a_library_are_no_packages() -> None:
    for name in NEVER_A_PACKAGE:
        assert (ROOT / name).is_dir()
        assert not list((ROOT / name).rglob("__init__.py"))


def test_modules_are_named_by_what_they_are() -> None:
    assert [path.name for path in sources() if BANNED_NAMES.search(path.stem)] == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in sources()
        if path.read_text().strip() and not path.read_text().lstrip().startswith('"""')
    ]
    assert silent == []


def test_the_code_map_names_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = [p.name for p in (ROOT / "backprop_evo").iterdir() if p.is_dir() and p.name != "__pycache__"]
    assert [room for room in (*ROOMS, *rooms) if f"{room}/" not in text] == []


def test_no_module_is_longer_than_a_reader_holds_in_mind() -> None:
    modules = [*sources(), *(path for path in (ROOT / "tests").rglob("*.py"))]
    lengths = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in modules}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}
