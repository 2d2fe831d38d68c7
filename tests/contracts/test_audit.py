"""The contract of the audit trail and of owners, over SQLite and PostgreSQL (``database_url``)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from backprop_evo.errors import IllegalTransition, InvalidInput, NotFound
from backprop_evo.records.callers import ActOutcome, AuditFilter, KeyScope
from backprop_evo.records.evaluating import EvaluationSpec, Setting
from backprop_evo.records.funnel import Confirmation
from backprop_evo.records.methods import equation_method
from backprop_evo.records.searching import SearchSpec
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role
from backprop_evo.records.training import TrainSpec
from backprop_evo.search.lifecycle import VERBS
from backprop_evo.store.acting import KEPT_FOR, Act, acting
from backprop_evo.store.caller_tables import AUDIT
from backprop_evo.store.engine import Database
from backprop_evo.store.keyed import DuplicateRequest, KeyedRequest, under_key

ANY = AuditFilter()


def act(scene, verb="create", target="searches", **other):
    said = {"caller": "k1", "label": "laptop", "address": "192.0.2.7", "request_id": "r", "at": scene.now}
    return Act(verb=verb, target=target, **said | other)


def submit(scene, **other):
    with acting(act(scene, **other)):
        return scene.store.searches.add(SearchSpec(name="mine"), now=scene.now)


def rows(scene, wanted=ANY, **page):
    return scene.store.audit.page(wanted, **page).items


class TestWhatIsDone:
    def test_a_submission_has_an_owner_and_its_row_names_what_it_made(self, scene):
        search = submit(scene)
        assert search.owner == "laptop"
        (row,) = rows(scene)
        told = (row.verb, row.target, row.outcome, row.caller, row.label, row.address, row.at)
        made = f"searches/{search.id}"
        assert told == ("create", made, ActOutcome.DONE, "k1", "laptop", "192.0.2.7", scene.now)

    def test_without_an_act_there_is_no_owner_and_no_row(self, scene):
        assert scene.search().owner is None
        assert rows(scene) == ()

    def test_where_no_key_is_demanded_the_row_is_there_and_the_owner_is_not(self, scene):
        assert submit(scene, caller="", label="").owner is None
        assert len(rows(scene)) == 1

    def test_the_row_is_written_by_the_transaction_that_acts(self, scene, database_url):
        """What is rolled back leaves no row; what is committed always has one."""
        database = Database(database_url)

        def fail() -> None:
            with acting(act(scene)), database.write() as connection:
                connection.execute(delete(AUDIT))
                raise NotFound("in the middle")

        with pytest.raises(NotFound):
            fail()
        assert rows(scene) == ()
        with acting(act(scene)), database.write() as connection:
            assert connection.execute(select(AUDIT)).all() == []
        assert len(rows(scene)) == 1
        database.close()

    def test_an_act_of_several_transactions_is_one_row(self, scene):
        with acting(act(scene, "clone", "searches/a")):
            one, other = (scene.store.searches.add(SearchSpec(name=n), now=scene.now) for n in "ab")
        (row,) = rows(scene)
        assert row.target == "searches/a"
        assert row.detail == f"made searches/{one.id}"
        assert other.owner == "laptop"

    def test_a_verb_that_was_refused_leaves_only_its_refusal(self, scene):
        search = scene.store.searches.add(SearchSpec(name="queued"), now=scene.now)
        asked = act(scene, "resume", f"searches/{search.id}")
        with acting(asked), pytest.raises(IllegalTransition):
            scene.store.searches.apply_verb(VERBS["resume"], search.id, now=scene.now)
        asked.refusal = "409 illegal-transition: it is queued"
        scene.store.audit.note_refusal(asked)
        (row,) = rows(scene)
        assert (row.outcome, row.detail) == (ActOutcome.REFUSED, asked.refusal)

    def test_a_repeated_request_under_a_key_is_noted_once(self, scene):
        for _ in range(2):
            keyed = KeyedRequest(caller="k1", key="k", sha256="1", at=scene.now)
            try:
                with under_key(keyed):
                    submit(scene)
            except DuplicateRequest:
                continue
        assert len(rows(scene)) == len(scene.store.searches.page().items) == 1

    def test_many_at_once_have_a_row_each(self, scene):
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda _: submit(scene), range(24)))
        assert {row.target for row in rows(scene)} == {f"searches/{each.id}" for each in made}

    def test_keys_are_noted_without_their_secret(self, scene):
        with acting(act(scene, target="keys")):
            key, text = scene.store.keys.issue("new", KeyScope.READ, now=scene.now)
        (row,) = rows(scene)
        assert row.target == f"keys/{key.id}"
        assert text[-20:] not in str(row)


class TestOwners:
    def test_a_stage_belongs_to_whom_its_search_belongs_to(self, scene):
        with acting(act(scene)):
            search = scene.store.searches.add(
                SearchSpec(name="mine", confirmation=Confirmation(best=1, seeds=2)), now=scene.now
            )
        scene.store.searches.claim("c", lease_s=60, now=scene.now)
        spec = EvaluationSpec(
            name="its confirmation",
            methods=(equation_method("g"),),
            settings=(Setting(name="here", train=TrainSpec()),),
            seeds=2,
        )
        stage = scene.store.evaluations.order(search.id, "c", Role.CONFIRMATION, spec, now=scene.now)
        assert stage.owner == "laptop"

    def test_an_owner_stays_when_others_act(self, scene):
        search = submit(scene)
        with acting(act(scene, "pause", f"searches/{search.id}", label="another", caller="k2")):
            paused = scene.store.searches.apply_verb(VERBS["pause"], search.id, now=scene.now)
        assert (paused.state, paused.owner) == (SearchState.PAUSED, "laptop")
        assert [row.label for row in rows(scene)] == ["another", "laptop"]


class TestLists:
    def test_pages_go_from_the_newest_to_the_oldest(self, scene):
        made = [f"searches/{submit(scene).id}" for _ in range(5)]
        first = scene.store.audit.page(ANY, limit=3)
        second = scene.store.audit.page(ANY, limit=3, cursor=first.next_cursor)
        assert [row.target for row in (*first.items, *second.items)] == made[::-1]
        assert second.next_cursor is None
        with pytest.raises(InvalidInput, match="cursor"):
            scene.store.audit.page(ANY, cursor="rubbish")

    def test_every_filter_leaves_out_what_it_says(self, scene):
        submit(scene)
        later = scene.later(60)
        refused = act(scene, "pause", "searches/x", caller="k2", label="other")
        scene.store.audit.note_refusal(refused)
        both = {"caller": "k2", "label": "other", "verb": "pause", "target": "searches/x"}
        for name, value in {**both, "outcome": ActOutcome.REFUSED, "since": later}.items():
            (row,) = rows(scene, replace(ANY, **{name: value}))
            assert row.label == "other", name
        (row,) = rows(scene, replace(ANY, until=later))
        assert row.label == "laptop"

    def test_rows_go_after_more_than_a_year(self, scene):
        submit(scene)
        scene.now += KEPT_FOR + timedelta(seconds=1)
        search = submit(scene)
        assert [row.target for row in rows(scene)] == [f"searches/{search.id}"]
