"""Rate limits: by key, by address without one, never for probes; told in words with ``Retry-After``."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from backprop_evo.records.callers import AuditFilter, KeyScope
from backprop_evo.settings import Settings
from backprop_evo.store.sql import SqlStore

LIST = "/api/v1/searches"
Open = Callable[..., TestClient]


@pytest.fixture
def limited(store: SqlStore, settings: Settings) -> Iterator[Open]:
    def build(*, address: str = "192.0.2.1", **limits: object) -> TestClient:
        app = create_app(settings.model_copy(update=limits), store)
        return TestClient(app, base_url="http://127.0.0.1", client=(address, 5000))

    return build


def statuses(client: TestClient, times: int, path: str = LIST, **more: object) -> list[int]:
    return [client.get(path, **more).status_code for _ in range(times)]


def test_an_address_is_told_to_wait(limited: Open) -> None:
    client = limited(rate_limit=3)
    assert statuses(client, 5) == [200, 200, 200, 429, 429]
    answer = client.get(LIST)
    assert answer.headers["content-type"] == "application/problem+json"
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    problem = answer.json()
    assert (problem["type"], problem["status"]) == ("urn:backprop-evo:problem:too-many-requests", 429)
    assert "3 requests a minute" in problem["detail"]
    page = client.get("/")
    assert (page.status_code, page.headers["content-type"]) == (429, "text/html; charset=utf-8")


def test_probes_scrapes_and_assets_are_never_refused(limited: Open) -> None:
    client = limited(rate_limit=1)
    assert statuses(client, 2) == [200, 429]
    for path in ("/livez", "/readyz", "/metrics", "/version", "/static/style.css"):
        assert statuses(client, 3, path) == [200] * 3, path


def test_each_address_has_its_own_share(limited: Open) -> None:
    client = limited(rate_limit=1)
    other = TestClient(client.app, base_url="http://127.0.0.1", client=("192.0.2.2", 5000))
    assert (statuses(client, 2), statuses(other, 2)) == ([200, 429], [200, 429])


def test_each_key_has_its_own_share_wherever_it_comes_from(limited: Open, store: SqlStore) -> None:
    client = limited(rate_limit=2, api_keys_required=True)
    other = TestClient(client.app, base_url="http://127.0.0.1", client=("192.0.2.2", 5000))
    texts = [store.keys.issue(f"{n}", KeyScope.READ, now=datetime.now(UTC))[1] for n in range(2)]
    one, two = ({"Authorization": f"Bearer {text}"} for text in texts)
    assert statuses(client, 2, headers=one) + statuses(other, 2, headers=one) == [200, 200, 429, 429]
    assert statuses(client, 2, headers=two) == [200, 200]


def test_guessing_keys_is_limited_and_takes_nothing_from_who_has_one(limited: Open, store: SqlStore) -> None:
    client = limited(rate_limit=2, api_keys_required=True)
    key_id, text = store.keys.issue("mine", KeyScope.READ, now=datetime.now(UTC))
    guess = {"Authorization": f"Bearer bpe_{key_id.id}_{'a' * 43}"}
    assert statuses(client, 3, headers=guess) == [401, 401, 429]
    assert statuses(client, 2, headers={"Authorization": f"Bearer {text}"}) == [200, 200]


def test_changes_have_a_limit_beside_that_of_all_requests(limited: Open, store: SqlStore) -> None:
    client = limited(rate_limit=100, rate_limit_changes=2)
    posts = [client.post(LIST, json={"name": "x", "trials": 3}).status_code for _ in range(3)]
    assert posts == [202, 202, 429]
    assert statuses(client, 2) == [200, 200]
    # What was not tried is no act.
    assert len(store.audit.page(AuditFilter()).items) == 2


def test_nothing_is_no_limit_and_two_applications_count_apart(limited: Open) -> None:
    assert statuses(limited(rate_limit=0, rate_limit_changes=0), 5) == [200] * 5
    one, two = limited(rate_limit=1), limited(rate_limit=1)
    assert (statuses(one, 2), statuses(two, 2)) == ([200, 429], [200, 429])


def test_the_defaults_are_far_from_what_people_do(settings: Settings) -> None:
    assert (settings.rate_limit, settings.rate_limit_changes) == (30_000, 10_000)
