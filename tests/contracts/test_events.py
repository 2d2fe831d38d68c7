"""The contract of events and nodes, over SQLite and PostgreSQL (``database_url``)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from backprop_evo.records.nodes import NodeRecord


class TestEvents:
    def test_a_reader_resumes_after_the_last_event_it_saw(self, scene):
        search, other = scene.search("one"), scene.search("two")
        seen = scene.store.events.after(limit=3)
        scene.trial(search)
        rest = scene.store.events.after(seen[-1].id)
        assert [e.id for e in (*seen, *rest)] == [e.id for e in scene.store.events.after()]
        assert {e.search_id for e in scene.store.events.after(search_id=other.id)} == {other.id}

    def test_a_reader_that_follows_misses_nothing_while_many_write(self, scene, train_result):
        searches = [scene.search(str(i)) for i in range(8)]
        leases = [scene.running(scene.trial(search)) for search in searches * 10]
        seen = [e.id for e in scene.store.events.after()]
        with ThreadPoolExecutor(8) as pool:
            writing = [
                pool.submit(scene.store.trials.finish, each, train_result(), now=scene.now) for each in leases
            ]
            while not all(each.done() for each in writing):
                seen += [e.id for e in scene.store.events.after(seen[-1])]
        seen += [e.id for e in scene.store.events.after(seen[-1])]
        assert seen == [e.id for e in scene.store.events.after()]

    def test_a_migrated_database_is_ready(self, scene):
        assert scene.store.is_ready()


class TestNodes:
    def test_nodes_are_those_heard_of_lately_with_their_busy_slots(self, scene):
        search = scene.search()
        scene.running(scene.trial(search), "a/0")
        scene.lease(scene.trial(search), "a/4711/1")
        scene.finish(scene.trial(search))
        node = NodeRecord(
            name="a", slots=4, devices=("cpu",), code_version="1", started_at=scene.now, seen_at=scene.now
        )
        scene.store.nodes.record_heartbeat(node)
        scene.store.nodes.record_heartbeat(replace(node, name="b"))
        scene.store.nodes.record_heartbeat(replace(node, name="b", seen_at=scene.later(100)))
        assert scene.store.nodes.alive(seen_after=scene.now - timedelta(seconds=10)) == [
            replace(node, name="b", seen_at=scene.now)
        ]
        both = scene.store.nodes.alive(seen_after=scene.now - timedelta(seconds=1000))
        assert [(each.name, each.busy) for each in both] == [("a", 2), ("b", 0)]
