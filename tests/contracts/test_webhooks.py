"""The contract of webhooks, over SQLite and PostgreSQL (``database_url``): what ends is told once to each."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from backprop_evo.errors import Conflict, InvalidInput, NotFound
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.methods import equation_method
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role
from backprop_evo.records.training import TrainSpec
from backprop_evo.store import webhooks
from backprop_evo.store.webhooks import KEPT_FOR, MAX_WEBHOOKS

URL = "https://example.org/hooks/evo"


def hook(scene, search_id=None):
    return scene.store.webhooks.add(URL, search_id=search_id, owner="laptop", now=scene.now)[0]


def end(scene, search, state=SearchState.COMPLETED, **more):
    return scene.store.searches.move(search.id, state, now=scene.now, **more)


def told(scene, webhook, **page):
    return scene.store.webhooks.deliveries(webhook.id, **page).items


def take(scene, limit=10):
    return scene.store.webhooks.take_due(now=scene.now, hold_s=60, limit=limit)


def note(scene, delivery, *, status=200, reason=None, again_at=None):
    scene.store.webhooks.note_delivery(
        delivery.id, status=status, reason=reason, again_at=again_at, now=scene.now
    )


class TestWhatIsTold:
    def test_an_end_is_told_to_those_who_asked_for_it_or_for_all(self, scene):
        search, other = scene.search("one"), scene.search("two")
        everything, mine, theirs = hook(scene), hook(scene, search.id), hook(scene, other.id)
        end(scene, search, SearchState.FAILED, reason="nothing came of it")
        (delivery,) = told(scene, everything)
        assert [len(told(scene, each)) for each in (mine, theirs)] == [1, 0]
        body = json.loads(delivery.body)
        assert (delivery.event, body["event"]) == ("search.failed", "search.failed")
        assert (body["id"], body["name"], body["state"]) == (search.id, "one", "failed")
        assert (body["reason"], body["path"]) == ("nothing came of it", f"/api/v1/searches/{search.id}")

    def test_what_goes_on_is_not_told_and_a_second_end_is(self, scene):
        search, webhook = scene.search(), hook(scene)
        for state in (SearchState.PAUSED, SearchState.RUNNING, SearchState.STOPPING, SearchState.STOPPED):
            end(scene, search, state)
        scene.store.searches.extend(search.id, trials=5, now=scene.now)
        end(scene, search)
        assert [each.event for each in told(scene, webhook)] == ["search.completed", "search.stopped"]

    def test_an_end_that_is_repeated_or_refused_is_told_once(self, scene):
        search, webhook = scene.search(), hook(scene)
        with pytest.raises(Conflict):
            end(scene, search, expected_version=99)
        assert told(scene, webhook) == ()
        for _ in range(2):
            end(scene, search)
        assert len(told(scene, webhook)) == 1

    def test_stages_are_not_told_and_evaluations_are(self, scene):
        search = scene.search(confirmation=Confirmation(best=1, seeds=2))
        webhook = hook(scene)
        rows = {"methods": (equation_method("g"),), "settings": (Setting(name="here", train=TrainSpec()),)}
        spec = EvaluationSpec(name="e", seeds=2, **rows)
        scene.store.evaluations.order(search.id, "c", Role.CONFIRMATION, spec, now=scene.now)
        end(scene, search, SearchState.CANCELLED)
        alone = scene.store.evaluations.add(spec, now=scene.now)
        scene.store.evaluations.move(alone.id, SearchState.CANCELLED, now=scene.now)
        events = [(each.event, each.search_id) for each in told(scene, webhook)]
        assert events == [("evaluation.cancelled", alone.id), ("search.cancelled", search.id)]


class TestTaking:
    def test_a_delivery_is_given_to_one_of_many(self, scene):
        hook(scene)
        for number in range(6):
            end(scene, scene.search(f"{number}"))
        with ThreadPoolExecutor(6) as pool:
            taken = [each.id for part in pool.map(lambda _: take(scene, 2), range(6)) for each in part]
        rest = take(scene)
        assert len(taken + [each.id for each in rest]) == len({*taken, *(each.id for each in rest)}) == 6

    def test_whoever_takes_one_and_dies_loses_none(self, scene):
        _, secret = scene.store.webhooks.add(URL, search_id=None, owner=None, now=scene.now)
        end(scene, scene.search())
        (first,) = take(scene)
        assert (first.url, first.secret, first.attempts) == (URL, secret, 0)
        assert take(scene) == []
        scene.later(61)
        assert [each.id for each in take(scene)] == [first.id]

    def test_a_failed_try_comes_again_at_its_time_until_it_is_given_up(self, scene):
        webhook = hook(scene)
        end(scene, scene.search())
        (delivery,) = take(scene)
        again_at = scene.now + timedelta(seconds=20)
        note(scene, delivery, status=500, reason="answered with status 500", again_at=again_at)
        assert take(scene) == []
        scene.later(20)
        (delivery,) = take(scene)
        assert delivery.attempts == 1
        note(scene, delivery, status=None, reason="ConnectionRefusedError")
        scene.later(10_000)
        assert take(scene) == []
        (row,) = told(scene, webhook)
        assert (row.given_up_at is not None, row.attempts, row.reason) == (True, 2, "ConnectionRefusedError")

    def test_what_was_delivered_stays_so(self, scene):
        webhook = hook(scene)
        end(scene, scene.search())
        (delivery,) = take(scene)
        note(scene, delivery)
        note(scene, delivery, status=500, reason="late", again_at=scene.now)
        (row,) = told(scene, webhook)
        assert (row.delivered_at, row.status, row.reason, take(scene)) == (scene.now, 200, None, [])


class TestWebhooks:
    def test_they_are_listed_without_secrets_and_removed_with_their_deliveries(self, scene):
        webhook = hook(scene)
        end(scene, scene.search())
        assert scene.store.webhooks.all() == [webhook]
        assert scene.store.webhooks.remove(webhook.id) == webhook
        assert (scene.store.webhooks.all(), take(scene)) == ([], [])
        for missing in (scene.store.webhooks.remove, scene.store.webhooks.deliveries):
            with pytest.raises(NotFound):
                missing(webhook.id)
        with pytest.raises(NotFound):
            hook(scene, "no such search")

    def test_there_is_a_bound(self, scene, monkeypatch):
        assert MAX_WEBHOOKS == 100
        monkeypatch.setattr(webhooks, "MAX_WEBHOOKS", 2)
        hook(scene), hook(scene)
        with pytest.raises(Conflict, match="there are 2"):
            hook(scene)

    def test_deliveries_are_pages_and_old_ones_go(self, scene):
        webhook = hook(scene)
        for number in range(5):
            end(scene, scene.search(f"{number}"))
        first = scene.store.webhooks.deliveries(webhook.id, limit=3)
        second = scene.store.webhooks.deliveries(webhook.id, limit=3, cursor=first.next_cursor)
        assert len({each.id for each in (*first.items, *second.items)}) == 5
        assert second.next_cursor is None
        with pytest.raises(InvalidInput):
            told(scene, webhook, cursor="rubbish")
        for delivery in take(scene):
            note(scene, delivery)
        scene.now += KEPT_FOR + timedelta(seconds=1)
        end(scene, scene.search("new"))
        (delivery,) = take(scene)
        note(scene, delivery)
        assert [each.id for each in told(scene, webhook)] == [delivery.id]
