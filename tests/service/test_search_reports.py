"""The report of a stored search, at every moment of its life and after a change of version."""

from datetime import timedelta
from html import unescape

import pytest

from backprop_evo.evaluation.search_report.formats import REPORT_FORMATS
from backprop_evo.service import drive_once
from backprop_evo.service.search_reports import facts_of, search_report, write_report
from tests.service.lives import run_to_the_end


def ended(service, store, clock, spec, train):
    search = service.submit_search(spec)
    run_to_the_end(store, clock, "searches", search.id, train)
    return store.searches.get(search.id)


def test_a_search_from_its_first_moment_to_its_last(service, store, clock, small_spec, train):
    search = service.submit_search(small_spec(start=("g / fro(g)",)))
    headlines = [search_report(store, search).headline]
    store.searches.claim("c", lease_s=600, now=clock())
    progress = None
    for _ in range(3):
        progress, _ = drive_once(store, search, "c", progress, now=clock())
        train(store, search.id, clock())
        for format in REPORT_FORMATS.values():
            assert search.id in write_report(store, search, format) or format.name == "markdown"
    headlines.append(search_report(store, store.searches.get(search.id)).headline)
    store.searches.release_claim(search.id, "c")
    run_to_the_end(store, clock, "searches", search.id, train)
    report = search_report(store, store.searches.get(search.id))
    assert headlines[0] == "Nothing is shown yet: 0 of 4 trials have ended, and no equation is confirmed."
    assert headlines[1].startswith("Nothing is shown yet: ")
    assert headlines[1] != headlines[0]
    assert "plain backprop" in report.headline
    assert report.is_confirmed
    assert [named.role for named in report.tables] == ["confirmation"]
    assert report.lineage[-1].method == report.equation
    assert report.replay.startswith("Decided again from the stored rows, all ")


def test_a_proposal_that_came_out_otherwise_is_told(service, store, clock, small_spec, train):
    search = ended(service, store, clock, small_spec(), train)
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE individuals SET mutation = 'by hand' WHERE number = 2")
    assert search_report(store, search).replay == (
        "Not proven: proposal 2 comes out otherwise by this version."
    )


def test_worker_time_counts_every_attempt(service, store, clock, small_spec, train):
    search = service.submit_search(small_spec())
    store.searches.claim("c", lease_s=600, now=clock())
    drive_once(store, search, "c", None, now=clock())
    trial = store.trials.open(search.id)[0]
    for seconds in (5, 7):
        lease = store.trials.claim(trial.id, "node/0", lease_s=60, now=clock())
        assert store.trials.start(lease, now=clock())
        clock.pass_by(seconds)
        assert store.trials.release(lease, now=clock(), reason="stopped", retry=True)
    assert store.statistics.worker_time(search.id) == {trial.id: pytest.approx(12)}
    assert sum(facts_of(store, search).worker_s.values()) == pytest.approx(12)
    assert clock.now - search.created_at == timedelta(seconds=12)


def test_the_counterpart_is_told_beside_it(service, store, clock, small_spec, train):
    search = service.submit_search(small_spec(start=("g / fro(g)",)), with_counterpart=True)
    alone = search_report(store, search)
    assert [each.is_counterpart for each in alone.courses] == [False, True]
    run_to_the_end(store, clock, "searches", search.id, train)
    run_to_the_end(store, clock, "searches", search.counterpart, train)
    report = search_report(store, store.searches.get(search.id))
    assert [each.course.trainings for each in report.courses] == [4, 4]
    assert report.comparison.other.search_id == search.counterpart
    for name in ("html", "markdown"):
        text = REPORT_FORMATS[name].write(report)
        assert "random search" in text
        assert report.comparison.sentence.split(",")[0] in unescape(text).replace("\\", "")
