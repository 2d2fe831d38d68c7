"""Tables and what is taken away from them: verdicts in words, failures named, every format."""

import csv
import io
import json
import math
import re
from html.parser import HTMLParser

import pytest
from scipy import stats

from backprop_evo.evaluation.exports import as_csv, as_json, as_latex
from backprop_evo.evaluation.groups import GROUPS
from backprop_evo.evaluation.report import as_html
from backprop_evo.evaluation.table import make_table
from backprop_evo.records.evaluating import Setting
from backprop_evo.records.methods import MethodSpec
from backprop_evo.records.states import TrialState
from backprop_evo.records.training import TrainSpec
from backprop_evo.service import evaluation_spec_to_json, parse_evaluation_spec

BASE = (0.50, 0.52, 0.48, 0.51, 0.49)
HIGHER = (0.55, 0.58, 0.52, 0.57, 0.53)
NEAR = (0.50, 0.53, 0.47, 0.51, 0.50)


def verdicts(table):
    return [row.verdict for block in table.blocks for row in block.rows]


def test_a_verdict_says_by_how_much_from_where_to_where_and_over_how_many(scene):
    compared, trained = scene
    spec = compared("g / fro(g)")
    table = make_table(spec, trained(spec, BASE, HIGHER), seeds=5)
    expected = stats.ttest_rel(HIGHER, BASE)
    low, high = (100 * end for end in expected.confidence_interval(0.95))
    mean = 100 * (sum(HIGHER) - sum(BASE)) / 5
    assert verdicts(table) == [None, f"better by {mean:.1f} points, {low:.1f} … {high:.1f}, n = 5"]
    worse = make_table(spec, trained(spec, HIGHER, BASE), seeds=5)
    assert verdicts(worse) == [None, f"worse by {mean:.1f} points, {low:.1f} … {high:.1f}, n = 5"]
    row = table.blocks[0].rows[1]
    assert (row.p, row.p_adjusted) == (pytest.approx(expected.pvalue), row.p)


def test_where_nothing_shows_it_says_what_is_excluded(scene):
    compared, trained = scene
    spec = compared("g / fro(g)")
    table = make_table(spec, trained(spec, BASE, NEAR), seeds=5)
    low, high = (100 * end for end in stats.ttest_rel(NEAR, BASE).confidence_interval(0.95))
    larger = max(abs(low), abs(high))
    assert verdicts(table)[1] == f"no difference shown; more than {larger:.1f} points are excluded, n = 5"


def test_one_seed_is_too_few_and_so_is_none(scene):
    compared, trained = scene
    spec = compared("g / fro(g)")
    one = make_table(spec, trained(spec, [0.5], [0.9]), seeds=1)
    none = make_table(spec, (), seeds=1)
    assert (verdicts(one)[1], verdicts(none)[1]) == ("too few seeds: n = 1", "too few seeds: n = 0")
    assert one.blocks[0].rows[1].difference == pytest.approx(0.4)
    assert none.remarks[0] == "2 of 2 trainings have not ended."


def test_failed_trainings_are_named_on_either_side_and_never_leave_without_a_word(scene):
    compared, trained = scene
    spec = compared("g / fro(g)", "g * dh")
    bad, oom = TrialState.DIVERGED, TrialState.OOM
    columns = ((*BASE[:4], bad), (bad, bad, *HIGHER[2:]), (*HIGHER[:4], oom))
    table = make_table(spec, trained(spec, *columns), seeds=5)
    first, second = verdicts(table)[1:]
    both = "of the baseline 1 of 5 seeds diverged; over the seeds that completed for both: "
    assert first.startswith(f"2 of 5 seeds diverged; {both}")
    assert first.endswith("n = 2")
    assert second.startswith(f"1 of 5 seeds ended as oom; {both}better by")
    assert [(row.n, dict(row.failures)) for row in table.blocks[0].rows] == [
        (4, {"diverged": 1}),
        (3, {"diverged": 2}),
        (4, {"oom": 1}),
    ]
    assert table.ended == 15


def test_where_everything_diverged_there_is_nothing_to_compare(scene):
    compared, trained = scene
    spec = compared("g / fro(g)")
    table = make_table(spec, trained(spec, BASE, [TrialState.DIVERGED] * 5), seeds=5)
    assert verdicts(table)[1] == (
        "5 of 5 seeds diverged; over the seeds that completed for both: too few seeds: n = 0"
    )
    assert table.blocks[0].rows[1].validation is None


def test_verdicts_are_adjusted_for_all_comparisons_of_the_table(scene):
    compared, trained = scene
    slight = tuple(base + step for base, step in zip(BASE, (0.004, 0.01, 0.001, 0.006, 0.0035), strict=True))
    alone = compared("g / fro(g)")
    assert verdicts(make_table(alone, trained(alone, BASE, slight), seeds=5))[1].startswith("better by")
    many = compared("g / fro(g)", *(f"{k}.0 * g" for k in range(2, 8)))
    table = make_table(many, trained(many, BASE, slight, *[NEAR] * 6), seeds=5)
    assert table.comparisons == 7
    assert verdicts(table)[1].startswith("no difference shown after adjusting for 7 comparisons; more than ")
    row = table.blocks[0].rows[1]
    assert row.low > 0, "the interval alone would have found it"
    assert row.p < 0.05 < row.p_adjusted == pytest.approx(7 * row.p)
    assert "7 comparisons (Holm)" in table.remarks[-1]


def test_the_test_split_is_what_is_compared_where_it_was_read(scene):
    compared, trained = scene
    spec = compared("g / fro(g)", test=True)
    table = make_table(spec, trained(spec, BASE, HIGHER, test=0.1), seeds=5)
    row = table.blocks[0].rows[1]
    assert (table.compared_by, row.test.mean) == ("test", pytest.approx(sum(HIGHER) / 5 - 0.1))
    assert row.validation.mean == pytest.approx(sum(HIGHER) / 5)


def test_each_setting_is_a_block_of_its_own(scene):
    compared, trained = scene
    wide = Setting(name="wide", train=TrainSpec(model="mlp-16", epochs=1))
    small = Setting(name="small", train=TrainSpec(model="mlp-8", epochs=1))
    spec = compared("g / fro(g)", settings=(small, wide))
    outcomes = trained(spec, BASE, HIGHER) + trained(spec, HIGHER, BASE, setting=wide)
    table = make_table(spec, outcomes, seeds=5)
    assert [(block.setting, block.rows[1].finding) for block in table.blocks] == [
        ("small", "better"),
        ("wide", "worse"),
    ]
    assert table.headline.count("(small)") == table.headline.count("(wide)") == 1


def test_an_addition_of_seeds_is_told(scene):
    compared, trained = scene
    spec = compared("g / fro(g)", seeds=3)
    table = make_table(spec, trained(spec, BASE, HIGHER), seeds=5, additions=2)
    assert table.looks == 3
    assert table.remarks[0].startswith("Second look: seeds were added 2 times, 2 in all")


@pytest.fixture
def table(scene):
    compared, trained = scene
    spec = compared("g / fro(g)", "-1.0 * g", seeds=4, name="50 % & <more>")
    outcomes = trained(spec, BASE, HIGHER, (*NEAR[:4], TrialState.DIVERGED))
    return spec, outcomes, make_table(spec, outcomes, seeds=5, additions=1)


def test_json_has_no_infinity_and_is_the_same_text_for_the_same_results(table):
    spec, outcomes, made = table
    text = as_json(made)
    assert text == as_json(make_table(spec, tuple(reversed(outcomes)), seeds=5, additions=1))
    document = json.loads(text)
    assert document["blocks"][0]["rows"][1]["method"] == {
        "name": "equation",
        "settings": {"text": "g / fro(g)"},
    }
    assert math.isfinite(document["blocks"][0]["rows"][1]["p"])


def test_csv_has_a_line_a_row_and_no_formula(table):
    rows = list(csv.DictReader(io.StringIO(as_csv(table[2]))))
    assert [row["method"] for row in rows] == ["g", "g / fro(g)", "'-1.0 * g"]
    assert [row["failures"] for row in rows] == ["", "", "diverged=1"]
    assert float(rows[1]["difference"]) == pytest.approx((sum(HIGHER) - sum(BASE)) / 5)
    assert rows[0]["verdict"] == ""


def test_latex_is_balanced_and_escaped(scene):
    compared, trained = scene
    spec = compared("b_next_W", name="x", test=True)
    text = as_latex(make_table(spec, trained(spec, BASE, HIGHER, test=0.1), seeds=5))
    assert r"\texttt{b\_next\_W}" in text
    assert text.count(r"\begin{tabular}{lrrrl}") == text.count(r"\end{tabular}") == 1
    for line in text.splitlines():
        if " & " in line:
            assert len(re.findall(r"(?<!\\)&", line)) == 4
    assert "±" not in text
    assert "…" not in text


class Reader(HTMLParser):
    """Tags that were opened, and text; raises nothing: what is left open is told."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""

    def handle_starttag(self, tag, _attrs):
        self.tags.append(tag)
        if tag not in ("meta", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "path":
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_report_stands_alone_and_asks_for_the_same_again(table):
    spec, outcomes, made = table
    page = as_html(made, outcomes, evaluation_spec_to_json(spec))
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert "<more>" not in page
    assert "50 % & <more>" in reader.text
    assert not re.search(r"""(src|href)=|@import|url\(""", page)
    assert reader.tags.count("polyline") == 3
    assert "2.12.1" in reader.text
    document = json.loads(
        reader.text[(start := reader.text.index('{\n  "name"')) : reader.text.index("\n}", start) + 2]
    )
    again = parse_evaluation_spec(document)
    assert (again.seeds, again.methods, again.settings) == (5, spec.methods, spec.settings)


class TestSpecsFromOutside:
    def test_words_become_methods_and_presets_settings(self):
        words = {"methods": ["g / fro(g)", "feedback-alignment"], "settings": ["quick", "A1"]}
        spec = parse_evaluation_spec({"name": "x", "controls": "none"} | words)
        assert [each.equation for each in spec.rows] == ["g", "g / fro(g)", "b_next_R_dh"]
        assert [each.name for each in spec.settings] == ["quick", "A1"]
        assert spec.settings[1].train.model == "wrn-16-2"

    def test_groups_hold_what_fits(self, monkeypatch):
        narrow = [{"name": "s", "train": {"model": "mlp-8"}}]
        table_1 = parse_evaluation_spec({"name": "x", "methods": ["table-1"], "settings": ["A1"]})
        assert {"g", "g / fro(g)", "g / fro(g) + 0.5 * g"} <= {each.equation for each in table_1.methods}
        known = parse_evaluation_spec({"name": "x", "methods": ["known"]})
        assert len(known.methods) > len(table_1.methods)
        both = {"known": lambda: (*GROUPS["known"](), MethodSpec("indirect-feedback"))}
        monkeypatch.setattr("backprop_evo.evaluation.groups.GROUPS", both)
        named = parse_evaluation_spec({"name": "x", "methods": ["known"], "settings": narrow})
        assert MethodSpec("indirect-feedback") in named.methods
        wide = parse_evaluation_spec({"name": "x", "methods": ["known"], "settings": ["A1"]})
        assert MethodSpec("indirect-feedback") not in wide.methods

    @pytest.mark.parametrize(
        "baseline", ["g / fro(g)", 1, {"name": "equation", "settings": {"text": "g / fro(g)"}}]
    )
    def test_the_baseline_is_written_in_three_ways(self, baseline):
        words = {"methods": ["g", "g / fro(g)"], "baseline": baseline}
        spec = parse_evaluation_spec({"name": "x", "controls": "none"} | words)
        assert [each.equation for each in spec.rows] == ["g / fro(g)", "g"]
