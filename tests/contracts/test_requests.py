"""The contract of requests under a key, over SQLite and PostgreSQL (``database_url``)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from backprop_evo.errors import Conflict
from backprop_evo.records.callers import Answer, EarlierRequest
from backprop_evo.records.searching import SearchSpec
from backprop_evo.store.keyed import DuplicateRequest, KeyedRequest, under_key


def keyed(scene, sha256="1", *, caller="", key="k"):
    return KeyedRequest(caller=caller, key=key, sha256=sha256, at=scene.now)


class TestRequests:
    def submit(self, scene, request, **options):
        with under_key(request):
            return scene.store.searches.add(SearchSpec(name="once", **options), now=scene.now)

    def test_the_second_request_under_a_key_does_nothing_whatever_it_asks(self, scene):
        first = self.submit(scene, keyed(scene))
        for second in (keyed(scene), keyed(scene, "2")):
            with pytest.raises(Conflict, match="'k'"):
                self.submit(scene, second, seed=1)
            assert (second.was_second, second.is_marked) == (True, False)
        assert scene.store.searches.page().items == (first,)

    def test_many_requests_with_one_key_store_one_search(self, scene):
        with ThreadPoolExecutor(8) as pool:
            futures = [pool.submit(self.submit, scene, keyed(scene)) for _ in range(16)]
        stored = [future.result().id for future in futures if future.exception() is None]
        refused = [future.exception() for future in futures if future.exception() is not None]
        assert [each.id for each in scene.store.searches.page().items] == stored
        assert [type(each) for each in refused] == [DuplicateRequest] * 15

    def test_a_key_belongs_to_its_caller(self, scene):
        stored = [self.submit(scene, keyed(scene, caller=caller)) for caller in ("a", "b")]
        assert len(scene.store.searches.page().items) == len(stored)

    def test_a_request_is_found_from_its_transaction_on_and_keeps_its_first_answer(self, scene):
        request, late = keyed(scene, "1"), keyed(scene, "2")
        first = Answer(status=202, headers={"location": "/x"}, body="{}")
        assert scene.store.requests.find("", "k") is None
        self.submit(scene, request)
        assert scene.store.requests.find("", "k") == EarlierRequest(sha256="1", answer=None)
        scene.store.requests.keep(request, first)
        scene.store.requests.keep(late, Answer(status=200, headers={}, body="another"))
        assert scene.store.requests.find("", "k") == EarlierRequest(sha256="1", answer=first)
