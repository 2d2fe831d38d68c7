"""How many files tell a word that has a table: a further verb or state is a row, not a round trip."""

import re
from pathlib import Path

import pytest

from backprop_evo.records.states import SearchState, TrialState
from backprop_evo.search.lifecycle import VERBS

ROOT = Path(__file__).parents[2]
ROOMS = ("dsl", "backprop_evo", "workers", "api")
KINDS = (".py", ".html", ".js", ".css")
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*"))
    if path.suffix in KINDS
}

STATES = [str(state) for state in TrialState if state.is_terminal and state not in set(SearchState)]
"""How a trial alone can end; the other ends are told of searches too."""


def tells(word: str, name: str, text: str) -> bool:
    """A quoted literal, alone or at the end of a path, or a class of the style sheet."""
    quotes = "\"'`" if name.endswith(".js") else "\"'"  # elsewhere a backtick is a docstring's
    literal = rf"([{quotes}])(?:[^{quotes}\n]*[:/])?{word}\1"
    style = rf"\.(?:is-)?{word}\b" if name.endswith(".css") else rf"\bis-{word}\b"
    return re.search(f"{literal}|{style}", text) is not None


def files_that_tell(word: str) -> list[str]:
    return [name for name, text in SOURCES.items() if tells(word, name, text)]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_told_in_its_row_and_at_most_one_other_file(verb: str) -> None:
    found = files_that_tell(verb)
    assert "backprop_evo/search/lifecycle.py" in found
    assert len(found) <= 2, found


@pytest.mark.parametrize("state", STATES)
def test_an_end_of_a_trial_is_told_in_its_row(state: str) -> None:
    assert files_that_tell(state) == ["backprop_evo/records/states.py"]


def test_the_counting_sees_what_it_must() -> None:
    assert set(STATES) == {"screened", "pruned", "diverged", "oom", "timeout", "lost"}
    for name, text in {
        "a.py": 'if verb == "pause":',
        "b.py": "f'/searches/{search_id}:pause'",
        "c.html": '<form action="/searches/1/pause">',
        "d.html": '<span class="badge is-pause">',
        "e.css": ".badge.is-pause { }",
        "f.css": ".pause { }",
        "g.js": "kinds.has(`pause`)",
    }.items():
        assert tells("pause", name, text), name
    for text in ("worker.pause()", "pause_s = 3", '"a pause"', "# pause", "``pause``", '"paused"'):
        assert not tells("pause", "a.py", text), text
