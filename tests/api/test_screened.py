"""What was screened out is told with its reason and counted, over REST, on the pages and in the terminal."""

from dataclasses import replace
from typing import Any

from fastapi.testclient import TestClient
from rich.console import Console

from backprop_evo.cli.demo import how_they_ended
from backprop_evo.cli.tables import search_table
from backprop_evo.cli.watching import SearchSnapshot, headline
from backprop_evo.records.states import TrialState
from backprop_evo.records.stored import Origin
from backprop_evo.records.training import RateProbe, TrainResult

BY_FACTS = "no operand carries the error: nothing below the classifier can learn"
BY_PASS = "screened out: the first signal is zero at every layer below the classifier"


def screen_two(seed: Any) -> str:
    """One by its facts, one by its first backward pass; the id of that one's trial."""
    hopeless = replace(seed.individual(9, "h * dh", Origin.RANDOM, None), screened_out=BY_FACTS)
    zero = replace(seed.individual(10, "g - g", Origin.MUTATION, 1), inherited_step=0.03)
    trial = seed.trial(10, "g - g")
    seed.propose([hopeless, zero], [trial])
    lease = seed.store.trials.claim(trial.id, "node/9", lease_s=600, now=seed.tick(1))
    assert seed.store.trials.start(lease, now=seed.tick(1))
    result = TrainResult(outcome=TrialState.SCREENED, reason=BY_PASS)
    assert seed.store.trials.finish(lease, result, now=seed.tick(1))
    return str(trial.id)


def test_over_rest(client: TestClient, seed: Any) -> None:
    path = f"/api/v1/searches/{seed.search_id}"
    before = client.get(path).json()
    trial_id = screen_two(seed)
    after = client.get(path).json()
    assert (before["screened_out"], after["screened_out"]) == (0, 2)
    assert before["trials_done"] == after["trials_done"]
    assert after["version"] > before["version"]
    assert after["notice"] is None
    told = client.get(f"{path}/individuals", params={"limit": 20}).json()["items"]
    assert [(each["screened_out"], each["inherited_step"]) for each in told[9:]] == [
        (BY_FACTS, None),
        (None, 0.03),
    ]
    (listed,) = client.get(f"{path}/trials", params={"state": "screened"}).json()["items"]
    assert (listed["id"], listed["reason"]) == (trial_id, BY_PASS)


def test_on_the_pages(client: TestClient, seed: Any) -> None:
    trial_id = screen_two(seed)
    assert "2 more screened out" in client.get(f"/searches/{seed.search_id}").text
    assert BY_FACTS in client.get(f"/searches/{seed.search_id}/lineage").text
    assert BY_PASS in client.get(f"/trials/{trial_id}").text


def test_probes_of_relative_steps_are_shown_by_the_loss_that_chose(client: TestClient, seed: Any) -> None:
    individual = seed.individual(9, "h * g", Origin.RANDOM, None)
    trial = seed.trial(9, "h * g")
    seed.propose([individual], [trial])
    lease = seed.store.trials.claim(trial.id, "node/9", lease_s=600, now=seed.tick(1))
    assert seed.store.trials.start(lease, now=seed.tick(1))
    probes = (RateProbe(0.5, None, 0.01, 2.125), RateProbe(1.5, None, 0.03))
    result = TrainResult(
        outcome=TrialState.PRUNED, reason="behind", learning_rate=0.5, relative_step=0.01, probes=probes
    )
    assert seed.store.trials.finish(lease, result, now=seed.tick(1))
    text = client.get(f"/trials/{trial.id}").text
    assert "late loss" in text
    assert "2.125" in text or "2.12" in text
    assert text.count('<td class="num">diverged</td>') == 1


def test_in_the_terminal(client: TestClient, seed: Any) -> None:
    screen_two(seed)
    search = client.get(f"/api/v1/searches/{seed.search_id}").json()
    assert "2 more screened out" in headline(SearchSnapshot(search, [], [], []))
    console = Console(width=100)
    with console.capture() as captured:
        console.print(search_table({**search, "notice": "something to know"}))
    assert "2 before any training" in captured.get()
    assert "running: something to know" in captured.get()


def test_the_demo_adds_up() -> None:
    search = {"trials_done": 120, "screened_out": 7, "spec": {"pruner": {"rungs": [8, 24]}}}
    said = how_they_ended(search, {"pruned": 100, "completed": 12, "diverged": 8, "screened": 4})
    assert "127 equations judged: 7 screened out" in said
    assert "100 were stopped early (the rungs are at steps 8 and 24), 8 diverged or failed" in said
    assert "12 reached the end" in said
