"""The contract of marks, archive and deletion, over SQLite and PostgreSQL; and of events that are dropped."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from backprop_evo.errors import Conflict, InvalidSettings, NotFound, PreconditionFailed
from backprop_evo.records.evaluating import EvaluationSpec
from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.steering import MAX_NOTE, Changes
from backprop_evo.records.stored import Role
from backprop_evo.store.tables import Base

SPEC = EvaluationSpec(name="e", methods=(equation_method("g / fro(g)"),), seeds=1)


def ended(scene, name="ended", to=SearchState.COMPLETED, **options):
    search = scene.search(name, **options)
    return scene.store.searches.move(search.id, to, now=scene.now)


def test_marks_are_changed_one_by_one_and_every_change_is_a_version(scene):
    search = scene.search(priority=2)
    assert search.marks.priority == 2
    changed = scene.store.searches.mark(search.id, Changes(priority=7), now=scene.now)
    changed = scene.store.searches.mark(search.id, Changes(tags=("B", "a", "a")), now=scene.now)
    changed = scene.store.searches.mark(search.id, Changes(note="seen"), now=scene.now)
    assert (changed.marks.priority, changed.marks.tags, changed.marks.note) == (7, ("a", "b"), "seen")
    assert changed.version == search.version + 3
    assert (changed.spec.priority, changed.present_spec.priority) == (2, 7)
    assert scene.kinds(search_id=search.id)[-1] == "search.changed"
    cleared = scene.store.searches.mark(search.id, Changes(tags=(), note=""), now=scene.now)
    assert (cleared.marks.tags, cleared.marks.note) == ((), "")


def test_priority_counts_from_the_next_turn_on(scene):
    search = scene.search()
    scene.trial(search)
    scene.store.searches.mark(search.id, Changes(priority=9), now=scene.now)
    (share,) = scene.store.queue.shares()
    assert share.priority == 9


def test_only_who_saw_the_latest_version_changes_it(scene):
    search = scene.search()
    scene.store.searches.mark(
        search.id, Changes(note="first"), now=scene.now, expected_version=search.version
    )
    with pytest.raises(PreconditionFailed):
        scene.store.searches.mark(
            search.id, Changes(note="second"), now=scene.now, expected_version=search.version
        )
    with pytest.raises(NotFound):
        scene.store.searches.mark("x", Changes(note="x"), now=scene.now)
    with pytest.raises(NotFound):
        scene.store.evaluations.mark(search.id, Changes(note="x"), now=scene.now)
    assert scene.store.searches.get(search.id).marks.note == "first"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "body"),
        ({"priority": 0}, "priority"),
        ({"priority": 101}, "priority"),
        ({"trials": 0}, "trials"),
        ({"trials": 10_000_001}, "trials"),
        ({"note": "x" * (MAX_NOTE + 1)}, "note"),
        ({"note": "a\0b"}, "note"),
        ({"tags": ("two words",)}, "tags"),
        ({"tags": ('a"b',)}, "tags"),
        ({"tags": ("",)}, "tags"),
        ({"tags": ("x" * 51,)}, "tags"),
        ({"tags": tuple(f"t{n}" for n in range(21))}, "tags"),
    ],
)
def test_odd_changes_are_refused_by_name(changes, field):
    with pytest.raises(InvalidSettings) as refused:
        Changes(**changes)
    assert refused.value.field == field


def test_the_budget_of_what_runs_is_set_anew(scene):
    search = scene.search(trials=10)
    assert scene.store.searches.mark(search.id, Changes(trials=4), now=scene.now).trials_total == 4
    assert scene.store.searches.mark(search.id, Changes(trials=40), now=scene.now).trials_total == 40
    done = ended(scene)
    with pytest.raises(Conflict, match="its budget is spent") as refused:
        scene.store.searches.mark(done.id, Changes(trials=40), now=scene.now)
    assert "extend" in refused.value.hint
    by_time = scene.search("by time", budget=600.0)
    with pytest.raises(Conflict, match="budget of time"):
        scene.store.searches.mark(by_time.id, Changes(trials=40), now=scene.now)


def test_what_is_archived_is_in_no_list_unless_so_asked(scene):
    first, second = ended(scene, "first"), ended(scene, "second")
    archived = scene.store.searches.mark(first.id, Changes(archived=True), now=scene.now)
    assert archived.marks.archived_at == scene.now
    assert [each.id for each in scene.store.searches.page().items] == [second.id]
    assert {each.id for each in scene.store.searches.page(archived=True).items} == {first.id, second.id}
    assert scene.store.searches.get(first.id).marks.archived_at
    scene.store.searches.mark(first.id, Changes(archived=False), now=scene.now)
    assert len(scene.store.searches.page().items) == 2


def test_what_runs_is_not_archived_and_what_runs_again_no_longer(scene):
    search = scene.search()
    with pytest.raises(Conflict, match="only what has ended is archived"):
        scene.store.searches.mark(search.id, Changes(archived=True), now=scene.now)
    scene.store.searches.move(search.id, SearchState.COMPLETED, now=scene.now)
    scene.store.searches.mark(search.id, Changes(archived=True), now=scene.now)
    extended = scene.store.searches.extend(search.id, trials=1, now=scene.now)
    assert (extended.state, extended.marks.archived_at) == (SearchState.RUNNING, None)


def test_lists_by_tag_find_whole_tags_only(scene):
    for name, tags in (("one", ("paper", "a_b")), ("two", ("paper-2",)), ("three", ("axb",))):
        search = scene.search(name)
        scene.store.searches.mark(search.id, Changes(tags=tags), now=scene.now)

    def names(tag):
        return {each.spec.name for each in scene.store.searches.page(tag=tag).items}

    assert names("paper") == names("PAPER") == {"one"}
    assert names("a_b") == {"one"}
    assert names("%") == names('"') == names("pape") == set()


def counted(scene):
    """Rows by table."""
    database = scene.store.database
    with database.read() as connection:
        return {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in Base.metadata.sorted_tables
        }


def test_a_deleted_search_leaves_nothing_but_that_it_was_deleted(scene):
    kept = scene.search("kept")
    scene.finish(scene.trial(kept))
    before = counted(scene)
    search = scene.search("gone", trials=5)
    other = scene.store.searches.order_counterpart(
        search.id, SearchSpec(name="its counterpart"), now=scene.now
    )
    for accuracy in (0.5, None):
        scene.finish(scene.trial(search), accuracy)
    transfer = scene.store.evaluations.add(SPEC, now=scene.now, search_id=search.id, role=Role.TRANSFER)
    with pytest.raises(Conflict, match=f"search '{search.id}' is running: only what has ended is deleted"):
        scene.store.searches.delete(search.id, now=scene.now)
    scene.store.searches.move(search.id, SearchState.COMPLETED, now=scene.now)
    with pytest.raises(Conflict, match=f"evaluation '{transfer.id}' is queued"):
        scene.store.searches.delete(search.id, now=scene.now)
    scene.store.evaluations.move(transfer.id, SearchState.CANCELLED, now=scene.now)
    version = scene.store.searches.get(search.id).version
    with pytest.raises(PreconditionFailed):
        scene.store.searches.delete(search.id, now=scene.now, expected_version=version - 1)
    scene.store.searches.delete(search.id, now=scene.now, expected_version=version)
    after = counted(scene)
    of_other = len(scene.kinds(search_id=other.id))
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "searches": 1,
        "events": of_other + 1,
    }
    assert scene.store.searches.get(other.id).counterpart is None
    with pytest.raises(NotFound):
        scene.store.evaluations.get(transfer.id)
    with pytest.raises(NotFound):
        scene.store.searches.delete(search.id, now=scene.now)
    last = scene.store.events.after(scene.store.events.last() - 1)[0]
    assert (last.kind, last.payload) == ("search.deleted", {"id": search.id, "name": "gone"})


def test_a_worker_of_what_was_deleted_can_report_nothing(scene):
    search = scene.search()
    lease = scene.running(scene.trial(search))
    scene.store.searches.move(search.id, SearchState.CANCELLED, now=scene.now)
    scene.store.searches.delete(search.id, now=scene.now)
    assert not scene.store.trials.renew(lease, lease_s=60, now=scene.now)
    assert not scene.store.trials.release(lease, now=scene.now, reason="x", retry=True)


def test_a_stage_goes_with_its_search_alone(scene):
    search = scene.search()
    stage = scene.store.evaluations.order(search.id, "c", Role.CONFIRMATION, SPEC, now=scene.now)
    scene.store.searches.move(search.id, SearchState.CANCELLED, now=scene.now)
    with pytest.raises(Conflict, match="is a stage of search"):
        scene.store.evaluations.delete(stage.id, now=scene.now)
    alone = scene.store.evaluations.add(SPEC, now=scene.now)
    scene.store.evaluations.move(alone.id, SearchState.CANCELLED, now=scene.now)
    scene.store.evaluations.delete(alone.id, now=scene.now)
    scene.store.searches.delete(search.id, now=scene.now)
    assert scene.store.evaluations.page().items == ()


def test_old_events_of_what_has_ended_are_dropped_and_results_stay(scene):
    search, live = scene.search("ended"), scene.search("lives")
    scene.finish(scene.trial(search))
    scene.store.searches.move(search.id, SearchState.COMPLETED, now=scene.now)
    of_live = scene.kinds(search_id=live.id)
    newest = scene.store.events.last()
    cutoff = scene.now + timedelta(days=1)
    dropped = 0
    while (count := scene.store.events.forget(before=cutoff, limit=2)) > 0:
        assert count <= 2
        dropped += count
    assert dropped > 3
    assert scene.kinds(search_id=search.id) == []
    assert scene.kinds(search_id=live.id) == of_live
    assert scene.store.searches.get(search.id).trials_done == 1
    assert len(scene.store.leaderboard.page(search.id).items) == 1
    scene.trial(live)
    assert scene.store.events.last() > newest
    assert scene.store.events.forget(before=scene.now - timedelta(days=1), limit=10) == 0
