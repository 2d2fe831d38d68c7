"""Pages show what they must and work without a script; errors are pages too."""

import re
from html import escape, unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient

from backprop_evo.records.alignment import AlignmentPoint
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Origin
from backprop_evo.records.training import TrainResult
from backprop_evo.search.lifecycle import VERBS

HOSTILE = "<script>alert(1)</script>"
VOID = {"meta", "link", "input", "br", "img", "hr"}


class WellFormed(HTMLParser):
    """Fails on a tag that is closed out of order, and collects what the policy forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        names = dict(attributes)
        if tag == "style" or "style" in names or any(name.startswith("on") for name in names):
            self.inline.append(str(self.get_starttag_text()))
        if tag == "script" and "src" not in names:
            self.inline.append(str(self.get_starttag_text()))

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """``<path/>`` opens and closes at once."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag


def page(client: TestClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    checked = WellFormed()
    checked.feed(answer.text)
    assert checked.open == []
    assert checked.inline == []
    assert '<main id="main"' in answer.text
    assert '<html lang="en">' in answer.text
    return answer.text


def test_home_lists_searches_and_offers_the_form(client: TestClient, seed: Any) -> None:
    text = page(client, "/")
    assert f'href="/searches/{seed.search_id}"' in text
    assert '<form method="post" action="/searches">' in text
    assert "36.7" in text


def test_home_of_an_empty_database_says_what_to_do(client: TestClient) -> None:
    text = page(client, "/")
    assert "No searches yet" in text
    assert "No node is alive" in text


def test_a_search_shows_progress_verbs_best_chart_and_running_trials(client: TestClient, seed: Any) -> None:
    text = page(client, f"/searches/{seed.search_id}")
    for verb in ("pause", "stop", "cancel", "extend", "clone"):
        assert f'action="/searches/{seed.search_id}/{verb}"' in text
    assert f'action="/searches/{seed.search_id}/resume"' not in text
    assert '<progress max="24" value="6"' in text
    assert "Best, confirmed" in text
    assert "<math" in text
    charts = f"/searches/{seed.search_id}/charts"
    assert f'<figure class="chart" data-chart="fitness" data-source="{charts}" data-on="trial.' in text
    assert "plain backprop" in text
    assert "612" in text
    assert "data-live" in text


def test_an_ended_search_is_not_live(client: TestClient, seed: Any) -> None:
    seed.end()
    assert "data-live" not in page(client, f"/searches/{seed.search_id}")


def test_a_search_without_results_is_a_page_too(client: TestClient, seed: Any) -> None:
    search = seed.store.searches.add(seed.spec, now=seed.now)
    text = page(client, f"/searches/{search.id}")
    assert "waiting for a controller" in text
    page(client, f"/searches/{search.id}/trials")
    page(client, f"/searches/{search.id}/lineage")


def test_leaderboards(client: TestClient, seed: Any) -> None:
    everything = page(client, "/leaderboard")
    assert "36.0 ± 1.0" in everything
    assert "35.0 ± 1.0" in everything
    of_one = page(client, f"/leaderboard?search_id={seed.search_id}&limit=2")
    following = re.search(r'href="(\?[^"]*cursor=[^"]+)"', of_one)
    assert following is not None
    assert page(client, "/leaderboard" + following[1].replace("&amp;", "&"))


def test_a_trial_shows_curve_environment_and_attempts(client: TestClient, seed: Any) -> None:
    text = page(client, f"/trials/{seed.search_id}-1-search-0")
    for wanted in (
        "Loss and validation accuracy",
        "training loss",
        "2.12.1",
        "node-a/0",
        "diverged",
        "wrn-10-1",
        "waiting",
        "15.5 s",
    ):
        assert wanted in text
    assert "the loss is NaN" in page(client, f"/trials/{seed.search_id}-3-search-0")
    assert "data-live" in page(client, f"/trials/{seed.search_id}-7-search-0")


def measured(seed: Any, points: tuple[AlignmentPoint, ...]) -> str:
    """The id of a trial that ended with these alignment points."""
    trial = seed.trial(20, "b_next_R_dh")
    seed.propose([seed.individual(20, "b_next_R_dh", Origin.RANDOM, None)], [trial])
    lease = seed.store.trials.claim(trial.id, "node-a/0", lease_s=600, now=seed.tick())
    assert seed.store.trials.start(lease, now=seed.tick())
    result = TrainResult(outcome=TrialState.COMPLETED, validation_accuracy=0.3, alignment=points)
    assert seed.store.trials.finish(lease, result, now=seed.tick())
    return str(trial.id)


def test_a_trial_that_measured_alignment_shows_it(client: TestClient, seed: Any) -> None:
    angles = [(0, 88.0, 91.0), (20, 60.0, 70.0), (40, 66.0, 64.0)]
    upper = tuple(AlignmentPoint(step, "head", 0.0, 1.0, feedback) for step, _, feedback in angles)
    lower = tuple(AlignmentPoint(step, "stem", update, 1.0, None) for step, update, _ in angles)
    text = page(client, f"/trials/{measured(seed, lower + upper)}")
    assert '<h2 id="alignment">Alignment</h2>' in text
    assert 'data-chart="update"' in text
    assert 'data-chart="feedback"' in text
    for row in (
        '<td>stem</td><td class="num">88.0</td><td class="num">66.0</td>',
        '<td>head</td><td class="num">0.0</td><td class="num">0.0</td>',
        '<td>head</td><td class="num">91.0</td><td class="num">64.0</td>',
    ):
        assert text.count(row) == 1


def test_without_an_r_there_is_no_chart_of_it(client: TestClient, seed: Any) -> None:
    points = tuple(AlignmentPoint(step, "stem", 80.0 - step, 1.0, None) for step in range(3))
    text = page(client, f"/trials/{measured(seed, points)}")
    assert "Update against true gradient" in text
    assert "W against R" not in text


def test_a_trial_that_did_not_measure_has_no_alignment(client: TestClient, seed: Any) -> None:
    for trial in (f"{seed.search_id}-1-search-0", f"{seed.search_id}-7-search-0"):
        assert 'id="alignment"' not in page(client, f"/trials/{trial}")


def test_all_trials_and_the_lineage(client: TestClient, seed: Any) -> None:
    assert "baseline" in page(client, f"/searches/{seed.search_id}/trials")
    assert "diverged" in page(client, f"/searches/{seed.search_id}/trials?state=diverged")
    assert 'href="?individual=1#ancestry"' in page(client, f"/searches/{seed.search_id}/lineage")


def test_an_equation_shows_mathematics_facts_history_and_curve(client: TestClient, seed: Any) -> None:
    row = client.get("/api/v1/leaderboard").json()["items"][0]
    text = page(client, f"/equations/{row['fingerprint']}")
    for wanted in ("<math", "canonical form", "not true of it", "Validation accuracy", "evaluation"):
        assert wanted in text
    assert seed.search_id in text


def test_an_equation_leads_to_forms_that_are_filled_with_it(client: TestClient, seed: Any) -> None:
    row = client.get(f"/api/v1/leaderboard?search_id={seed.search_id}").json()["items"][0]
    text = page(client, f"/equations/{row['fingerprint']}")
    written = row["equation"]
    for name, field in (("evaluations?methods", "methods"), ("?start", "start")):
        (address,) = re.findall(rf'href="(/{re.escape(name)}=[^"#]+)', text)
        form = page(client, address)
        (typed,) = re.findall(rf'<textarea name="{field}"[^>]*>\s*(.*?)</textarea>', form, re.DOTALL)
        assert unescape(typed) == written
    # Every row is of this equation: its formula is not said again in each.
    assert "<math" not in text.split('id="history"')[1].split("</section>")[0]


def test_the_equations_page_checks_an_equation_or_points_at_the_mistake(client: TestClient) -> None:
    assert "canonical form" in page(client, "/equations?text=g%20%2F%20fro(g)")
    assert "Infeasible:" in page(client, "/equations?text=W%20%2B%20g")
    wrong = page(client, "/equations?text=g%20%2F%20nope(g)", status=422)
    assert "Column 5" in wrong
    assert "<mark>n</mark>" in wrong
    assert "feedback-alignment" in page(client, "/equations")


def test_nodes_and_reference(client: TestClient, seed: Any) -> None:
    assert "node-a" in page(client, "/nodes")
    assert "/api/v1/searches/{search_id}:pause" in page(client, "/reference")
    assert seed.search_id


@pytest.mark.parametrize(
    "path", ["/nope", "/searches/none", "/trials/none", "/equations/none", "/searches/none/trials"]
)
def test_unknown_pages(client: TestClient, path: str) -> None:
    assert "Not found" in page(client, path, status=404)


def test_a_wrong_number_beside_a_button_keeps_the_page(client: TestClient, seed: Any) -> None:
    path = f"/searches/{seed.search_id}"
    for typed in ("abc", "", "0", "1.5", HOSTILE):
        answer = client.post(f"{path}/extend", data={"trials": typed})
        assert answer.status_code == 422
        assert '<h2 id="leaderboard">' in answer.text, "the page of the search, not of an error"
        (alert,) = re.findall(r'<div [^>]*id="verb-error" role="alert"><p>([^<]*)</p>', answer.text)
        assert alert.startswith("trials must be a whole number from 1 to 10000000")
        (field,) = re.findall(r'<input name="trials"[^>]*>', answer.text)
        assert 'aria-invalid="true" aria-describedby="verb-error"' in field
        assert f'value="{escape(typed)}"' in field, "what was typed is still there"
        assert "data-live" not in answer.text, "or the script would swap it away"
    assert client.post(f"{path}/extend", data={"pace": "3", "trials": "5"}).status_code == 422
    assert client.get("/api/v1" + path).json()["trials_total"] == 24
    assert "aria-invalid" not in page(client, path)
    assert client.post("/searches/none/extend", data={"trials": "abc"}).status_code == 404


def test_extend_begins_with_the_trials_of_the_spec(client: TestClient, seed: Any) -> None:
    (field,) = re.findall(r'<input name="trials"[^>]*>', page(client, f"/searches/{seed.search_id}"))
    assert 'inputmode="numeric"' in field
    assert 'value="24"' in field
    assert 'aria-label="Trials to add."' in field


def test_a_dangerous_verb_asks_first_and_needs_no_script(client: TestClient, seed: Any) -> None:
    text = page(client, f"/searches/{seed.search_id}")
    questions = re.findall(r"<details class=\"ask\">(.*?)</details>", text, re.DOTALL)
    folded = [re.findall(r'action="[^"]*/(\w+)"', question) for question in questions]
    dangerous = [verb for verb in VERBS.values() if verb.dangerous]
    assert folded == [[verb.name] for verb in dangerous] == [["cancel"]]
    for verb, question in zip(dangerous, questions, strict=True):
        assert f'<summary class="danger" title="{verb.summary}">{verb.name.title()}</summary>' in question
        assert question.index("</summary>") < question.index("<form"), "the button comes after unfolding"
        assert f"Yes, {verb.name} this search</button>" in question
    for verb in VERBS.values():
        buttons = re.findall(rf'<button title="{re.escape(verb.summary)}">{verb.name.title()}</button>', text)
        is_direct = not verb.dangerous and f'/{verb.name}"' in text
        assert len(buttons) == is_direct


def test_static_files_are_served(client: TestClient) -> None:
    for name, kind in (
        ("style.css", "text/css"),
        ("live.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ):
        assert client.get(f"/static/{name}").headers["content-type"].startswith(kind)
