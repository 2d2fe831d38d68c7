"""Read by a type checker, never run: what it concludes of both clients' answers."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import assert_type

from backprop_evo.client import AsyncClient, Client, Leaderboard
from backprop_evo.client.answers import LeaderboardRow, Search
from backprop_evo.client.node_answers import Node
from backprop_evo.client.nouns import Awaiting, Blocking
from backprop_evo.client.searches import SearchHandle
from backprop_evo.client.trial_answers import Trial, TrialDetail
from backprop_evo.records.stored import EventRecord


def blocking(client: Client) -> None:
    search = client.searches.submit(name="first")
    assert_type(search, SearchHandle[Blocking])
    assert_type(search.wait(timeout=3.0, progress=True), Search)
    assert_type(search.pause(at_version=3), Search)
    assert_type(search.clone(seed=4), SearchHandle[Blocking])
    assert_type(search.leaderboard(), Leaderboard)
    assert_type(search.leaderboard()[0], LeaderboardRow)
    assert_type(search.trials(state="running"), Iterator[Trial])
    assert_type(client.searches.list(), Iterator[Search])
    assert_type(client.trial("t").read(), TrialDetail)
    assert_type(client.search("s").events(), Iterator[EventRecord])
    assert_type(client.nodes.list(), tuple[Node, ...])
    rows: Sequence[LeaderboardRow] = search.leaderboard()
    assert rows
    search.extend("many")  # wrong: str
    search.extend(5, seeds=3)  # wrong: no such argument


async def awaiting(client: AsyncClient) -> None:
    search = await client.searches.submit(name="first")
    assert_type(search, SearchHandle[Awaiting])
    assert_type(await search.wait(timeout=3.0), Search)
    assert_type(await search.clone(), SearchHandle[Awaiting])
    assert_type(search.trials(), AsyncIterator[Trial])
    assert_type(client.search("s").events(), AsyncIterator[EventRecord])
    async for each in client.searches.list(state="running"):
        assert_type(each, Search)
    print(search.wait().state)  # wrong: not awaited
