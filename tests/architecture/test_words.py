"""The glossary is complete and kept: words of the code stand in it, words it excludes are nobody's name."""

import io
import re
import tokenize
from dataclasses import fields
from pathlib import Path

import pytest

from backprop_evo.records.searching import Purpose, SearchSpec
from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.records.stored import IndividualRecord, Origin, TrialRecord
from backprop_evo.search.lifecycle import VERBS
from backprop_evo.search.pruners import pruners
from backprop_evo.search.strategies import strategies

ROOT = Path(__file__).parents[2]
ROOMS = ("dsl", "backprop_evo", "workers", "api")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
README = (ROOT / "README.md").read_text()

PLAIN = {
    "name",
    "id",
    "number",
    "search_id",
    "created_at",
    "queued_at",
    "started_at",
    "ended_at",
    "lease_expires_at",
}
"""Fields that mean what they say in plain English."""


def section(title: str) -> str:
    return GLOSSARY.split(f"\n## {title}\n")[1].split("\n## ")[0]


def first_cells(text: str) -> list[str]:
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| word ")]
    return [line.split("|")[1].strip() for line in rows]


def words_of(cells: list[str]) -> set[str]:
    """Without the names of fields in brackets, a row of several words taken apart."""
    bare = [re.sub(r"\(.*?\)|[`*]", "", cell) for cell in cells]
    return {word.strip() for cell in bare for word in cell.split(",") if word.strip()}


def names_in_the_code() -> set[str]:
    found = set()
    for path in [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]:
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
            if token.type == tokenize.NAME:
                found.add(token.string)
    return found


def parts(name: str) -> set[str]:
    """``SearchSpec`` and ``search_spec`` are search and spec; the whole is a part of itself."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+", name)
    return {name.lower(), *(word.lower() for word in words)}


EXCLUDED = {
    word.strip()
    for line in section("Words we do not use").splitlines()
    if line.startswith("| ") and not line.startswith("| say ")
    for word in line.split("|")[2].split(",")
}


def told_of(what: str) -> set[str]:
    """The words in the rows of one kind; a row without a first cell belongs to the one above."""
    told, of = set(), ""
    for row in section("Purposes, origins, states").splitlines():
        if row.startswith("| "):
            _, first, words, *_ = row.split("|")
            of = first.strip() or of
            told |= set(re.findall(r"`(\w+)`", words)) if of.startswith(what) else set()
    return told


KINDS = {
    "trial, purpose": Purpose,
    "individual, origin": Origin,
    "search, state": SearchState,
    "trial, state": TrialState,
}


@pytest.mark.parametrize("what", KINDS)
def test_every_purpose_origin_and_state_is_told(what: str) -> None:
    assert told_of(what) == {member.value for member in KINDS[what]}


@pytest.mark.parametrize(
    "record", [SearchSpec, IndividualRecord, TrialRecord], ids=lambda kind: kind.__name__
)
def test_every_field_that_is_a_word_of_ours_is_told(record: type) -> None:
    told = set(re.findall(r"`(\w+)`", GLOSSARY))
    assert {each.name for each in fields(record)} - PLAIN - told == set()


def test_the_plain_words_are_fields() -> None:
    known = {each.name for record in (SearchSpec, IndividualRecord, TrialRecord) for each in fields(record)}
    assert known >= PLAIN


def test_verbs_strategies_and_pruners_are_told_by_name() -> None:
    (verbs,) = re.findall(r"^\| verb \|.*: (.*) \|$", GLOSSARY, re.MULTILINE)
    assert verbs.split(", ") == list(VERBS)
    for kind, known in (("strategy", strategies()), ("pruner", pruners())):
        (row,) = re.findall(rf"^\| {kind} \(.*$", GLOSSARY, re.MULTILINE)
        assert set(re.findall(r"`([a-z-]+)`", row.split("|")[2])) == set(known)


def test_the_readme_says_no_word_that_the_glossary_lacks() -> None:
    table = README.split("\n## Words\n")[1].split("\n## ")[0]
    sections = ("Equations", "Training", "Searching", "Storing and running")
    known = {word for title in sections for word in words_of(first_cells(section(title)))}
    in_readme = words_of(first_cells(table)) - {"---"}
    assert len(in_readme) > 15
    assert in_readme - known == set()


def test_no_word_is_told_twice() -> None:
    sections = ("Equations", "Training", "Searching", "Storing and running")
    cells = [cell for title in sections for cell in first_cells(section(title)) if cell != "---"]
    words = [word for cell in cells for word in words_of([cell])]
    assert sorted(words) == sorted(set(words))


def test_words_that_are_excluded_are_in_no_name() -> None:
    assert len(EXCLUDED) > 20
    guilty = {name: sorted(parts(name) & EXCLUDED) for name in names_in_the_code() if parts(name) & EXCLUDED}
    assert guilty == {}


def test_a_guilty_name_would_be_found() -> None:
    for name in ("TrialJob", "trial_job", "JOB", "find_standings"):
        assert parts(name) & EXCLUDED, name
    assert not parts("TrialRecord") & EXCLUDED
