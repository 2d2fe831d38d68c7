"""The report of a search: a verdict that holds, a funnel that adds up, and documents that are well formed."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from scipy import stats

from backprop_evo.errors import InvalidInput
from backprop_evo.evaluation.search_report.drawing import HEIGHT
from backprop_evo.evaluation.search_report.facts import ReplayCheck
from backprop_evo.evaluation.search_report.formats import REPORT_FORMATS, find_report_format
from backprop_evo.evaluation.search_report.report import report_of
from backprop_evo.records.states import SearchState
from backprop_evo.records.stored import Role
from tests.evaluation.reported import FOUND, evaluation, facts, search_record

GAINS = (0.030, 0.034, 0.026, 0.031)


def gained(seed):
    return GAINS[seed]


def nothing(seed):
    return (0.004, -0.005, 0.003, -0.001)[seed]


class TestHeadline:
    def test_a_gain_is_told_with_interval_n_and_horizon(self):
        report = report_of(facts(evaluation(gained)))
        low, high = (200 * end for end in stats.ttest_1samp(GAINS, 0).confidence_interval(0.95))
        mean = 200 * sum(GAINS) / 4
        assert report.headline == (
            f"{FOUND} trains better than plain backprop: +{mean:.1f} points of test accuracy (95 % interval "
            f"+{low:.1f} … +{high:.1f}, n = 4) after 80 steps (2 epochs) of mlp-8 on cifar10-mini."
        )
        assert report.is_confirmed
        assert any(remark.startswith("Control 2 * g: no difference shown") for remark in report.remarks)

    def test_where_nothing_holds_it_says_so(self):
        report = report_of(facts(evaluation(nothing)))
        assert report.headline.startswith("No gain over plain backprop is shown for the confirmed equation.")
        assert f"The nearest is {FOUND}: +0.1 points" in report.headline

    def test_an_interval_that_adjusting_widens_is_no_finding(self):
        # p is 0.03 alone, and two comparisons double it.
        gain = evaluation(lambda seed: (0.012, 0.004, 0.010, 0.005)[seed])
        row = gain.table.blocks[0].rows[1]
        assert row.low > 0
        assert row.p < 0.05 < row.p_adjusted
        headline = report_of(facts(gain)).headline
        assert headline.startswith("No gain over plain backprop is shown")
        assert "which does not hold after adjusting for 2 comparisons, after 80 steps" in headline

    def test_a_loss_has_its_sign(self):
        report = report_of(facts(evaluation(lambda seed: -GAINS[seed])))
        assert report.headline.startswith("No gain over plain backprop")
        assert ": −6.0 points" in report.headline

    def test_equations_that_diverged_are_no_finding(self):
        report = report_of(facts(evaluation(lambda _seed: None)))
        assert report.headline.startswith("Nothing is shown: the confirmation ended without two seeds")
        assert report.equation.equation == FOUND, "the fittest is shown in its place"
        assert not report.is_confirmed

    def test_an_unfinished_search_shows_nothing_yet(self):
        running = search_record(SearchState.RUNNING)
        report = report_of(facts(search=running))
        assert report.headline == (
            "Nothing is shown yet: 4 of 5 trials have ended, and no equation is confirmed."
        )
        begun = evaluation(gained, seeds=1, state=SearchState.RUNNING)
        confirming = report_of(facts(begun, search=running))
        assert confirming.headline == (
            "Nothing is shown yet: 3 of 3 trainings of the confirmation have ended."
        )

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (SearchState.COMPLETED, "the search has confirmed no equation"),
            (SearchState.CANCELLED, "the search was cancelled before it confirmed"),
        ],
    )
    def test_a_search_that_confirmed_nothing_says_so(self, state, words):
        assert words in report_of(facts(search=search_record(state))).headline

    def test_how_far_backprop_is_comes_from_a_longer_evaluation_of_the_same_setting(self):
        unknown = report_of(facts(evaluation(gained)))
        assert unknown.long_run is None
        assert any("is not known" in remark for remark in unknown.remarks)
        longer = evaluation(nothing, role=Role.TRANSFER, epochs=4.0)
        report = report_of(facts(evaluation(gained), longer))
        run = report.long_run
        assert (run.steps, run.long_steps) == (80, 160)
        assert run.share == pytest.approx((2 / 3) / (4 / 5))
        assert any(
            "has reached 83 % of its accuracy in the longest run: " in remark for remark in report.remarks
        )


class TestParts:
    def test_the_funnel_adds_up(self):
        stages = {each.name: each for each in report_of(facts(evaluation(gained))).stages}
        counts = {name: each.equations for name, each in stages.items()}
        assert counts == {
            "proposed": 7,
            "twins": 1,
            "screened out": 2,
            "trained": 4,
            "ended at rung 1": 1,
            "diverged": 1,
            "completed": 2,
            "measures": 1,
            "measured again": 1,
            "confirmation": 1,
        }
        assert counts["proposed"] == counts["twins"] + counts["screened out"] + counts["trained"]
        ends = ("ended at rung 1", "diverged", "completed")
        assert counts["trained"] == sum(counts[name] for name in ends)
        assert stages["trained"].worker_s == sum(stages[name].worker_s for name in ends) == 150.0
        assert (stages["screened out"].worker_s, stages["measures"].worker_s) == (50.0, 10.0)

    def test_the_lineage_leads_from_the_first_ancestor_to_the_best(self):
        lineage = report_of(facts(evaluation(gained))).lineage
        assert [(each.number, each.fitness, each.trial) for each in lineage] == [
            (1, 0.31, 2),
            (3, pytest.approx(0.35), 4),
        ]
        assert [each.change for each in lineage] == [None, "function: clip 1 to identity"]

    def test_differences_are_paired_at_every_step_over_evaluations_of_all_lengths(self):
        longer = evaluation(nothing, role=Role.TRANSFER, epochs=4.0, seeds=3)
        (horizons,) = report_of(facts(evaluation(gained), longer)).horizons
        line = next(each for each in horizons.lines if each.method == FOUND)
        assert [point.steps for point in line.points] == [40, 80, 120, 160]
        assert [point.n for point in line.points] == [4, 4, 3, 3], "more seeds say more"
        assert line.points[1].difference == pytest.approx(2 * sum(GAINS) / 4)
        low, high = (2 * end for end in stats.ttest_1samp(GAINS, 0).confidence_interval(0.95))
        assert (line.points[1].low, line.points[1].high) == (pytest.approx(low), pytest.approx(high))
        assert horizons.is_of_search
        assert horizons.circumstances == "mlp-8, cifar10-mini, sgd, batch 100, relative 0.01/0.03/0.1"

    def test_the_environment_has_every_value_once(self):
        environment = dict(report_of(facts(evaluation(gained))).environment)
        assert environment == {"device": "cpu", "python": "3.12", "torch": "2.12.1"}

    def test_what_is_asked_for_again_has_the_present_budget(self):
        assert report_of(facts()).document == {"name": "found <b>it</b>", "trials": 5}

    def test_a_budget_of_time_is_asked_for_again_as_time(self):
        timed = replace(search_record(budget=5400.0), trials_total=4)
        report = report_of(facts(search=timed))
        assert report.document["trials"] == timed.spec.trials == 5
        assert dict(report.circumstances)["budget"] == (
            "1 h 30 min for the search and all its stages; 4 equations were trained in it"
        )

    def test_a_replay_that_differs_is_told(self):
        check = ReplayCheck(proposals=2, of=8, judgements=0, reason="proposal 1 comes out otherwise")
        assert report_of(facts(replayed=check)).replay == "Not proven: proposal 1 comes out otherwise."
        assert "all 8 proposals and 3 judgements" in report_of(facts()).replay


class Reader(HTMLParser):
    """What is opened is closed, in order; collects tags and text."""

    VOID = ("meta", "path", "circle", "polygon")

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


SITUATIONS = {
    "found": lambda: facts(evaluation(gained), evaluation(nothing, role=Role.TRANSFER, epochs=4.0)),
    "nothing": lambda: facts(evaluation(nothing)),
    "unfinished": lambda: facts(search=search_record(SearchState.RUNNING)),
    "not begun": lambda: facts(
        search=search_record(SearchState.QUEUED),
        individuals=(),
        finishes=(),
        worker_s={},
        intermediates=(),
        environments=(),
        replayed=None,
    ),
    "data set unknown": lambda: facts(evaluation(gained), images={}),
}


@pytest.fixture(params=SITUATIONS)
def report(request):
    return report_of(SITUATIONS[request.param]())


def test_the_page_stands_alone_and_is_well_formed(report):
    page = REPORT_FORMATS["html"].write(report)
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert not {"script", "link", "iframe", "img"} & set(reader.tags)
    assert not re.search(r"@import|url\(|http-equiv", page)
    assert "<b>it" not in page
    assert "found <b>it</b>" in reader.text
    assert report.headline in reader.text
    assert reader.text.index(report.headline) < reader.text.index("The funnel")
    assert ("math" in reader.tags) == (report.equation is not None)
    assert "NaN" not in page


def test_every_table_of_the_markdown_has_as_many_cells_as_heads(report):
    lines = REPORT_FORMATS["markdown"].write(report).splitlines()
    widths, tables = None, 0
    for line in lines:
        if not line.startswith("|"):
            widths = None
            continue
        cells = len(re.findall(r"(?<!\\)\|", line)) - 1
        tables += widths is None
        widths = widths or cells
        assert cells == widths, line
    assert tables >= 2
    assert lines[0] == r"# found \<b\>it\</b\>"


def test_json_says_what_the_others_say(report):
    document = json.loads(REPORT_FORMATS["json"].write(report))
    assert (document["headline"], document["search_id"]) == (report.headline, "s")
    assert len(document["stages"]) == len(report.stages)


def test_the_drawing_has_a_line_for_each_method_with_a_band_for_what_was_found():
    page = REPORT_FORMATS["html"].write(report_of(facts(evaluation(gained))))
    drawing = page[page.index("Difference to plain backprop over") : page.index("The same in numbers")]
    assert drawing.count("<polygon") == 1
    assert drawing.count("<title>") == 2
    for at in re.findall(r"(?<=cy=\")[^\"]+", drawing):
        assert 0 <= float(at) <= HEIGHT


def test_an_unknown_format_is_refused_with_those_there_are():
    with pytest.raises(InvalidInput) as error:
        find_report_format("pdf")
    assert "markdown" in error.value.hint
