"""Cells about few people are marked, and only those."""

import json

import pandas as pd

from cohabit.privacy import MARK, find_small_cells, mark_small_cells, survey_tables
from cohabit.report import build_report


def test_find_small_cells__looks_at_counts_of_people_only():
    table = pd.DataFrame(
        {"site": ["A", "B", "C"], "MS": [3, 5, 0], "df": [1, 1, 1], "control": [0.4, 2.0, 3.0]}
    )
    found = find_small_cells(table)
    assert found.to_numpy().tolist() == [["A", "MS", 3]]


def test_survey__names_the_table(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "06_species.tsv").write_text("feature\tn_nonzero\na\t2\nb\t9\n")
    assert survey_tables(tmp_path).to_numpy().tolist() == [["06_species.tsv", "a", "n_nonzero", 2]]
    assert survey_tables(tmp_path / "nowhere").empty


def test_mark__marks_a_count_and_no_other_number():
    table = pd.DataFrame({"n_pairs": [4, 5], "df": [1, 2], "estimate": [0.25, 3.0]}, ["a", "b"])
    html = mark_small_cells(table.to_html())
    assert html.count(MARK) == 1
    assert f'<td class="few">4 <small>{MARK}</small></td>' in html


def test_mark__reads_the_header_under_a_named_index():
    people = pd.DataFrame({"site": ["A"] * 3 + ["B"] * 9, "group": ["MS", "control", "MS"] * 4})
    counts = people.groupby(["site", "group"]).size().unstack()
    html = mark_small_cells(counts.to_html())
    assert html.count(MARK) == int(((counts > 0) & (counts < 5)).sum().sum()) == 3


def test_report__of_real_people_says_what_it_holds(tmp_path):
    run = tmp_path / "run"
    (run / "tables").mkdir(parents=True)
    (run / "tables" / "06_species.tsv").write_text("feature\tn_nonzero\na\t2\nb\t9\n")
    told = {"run": "mine", "simulated": False, "case": "CD, <b>UC</b>", "notebooks": []}
    (run / "run.json").write_text(json.dumps(told))
    page = build_report(run).read_text(encoding="utf-8")
    assert "MS stands for CD, &lt;b&gt;UC&lt;/b&gt; on this page" in page
    assert "1 such cells, in 06_species.tsv" in page
    (run / "run.json").write_text(json.dumps({**told, "simulated": True}))
    assert "such cells" not in build_report(run).read_text(encoding="utf-8")


def test_mark__marks_printed_counts():
    text = "group\ncontrol    12\nMS          3\ndtype: int64"
    html = mark_small_cells(f'<pre class="text" tabindex="0">{text}</pre><pre>MS 3</pre>')
    assert html.count(MARK) == 1
    assert f"MS          3  ({MARK})" in html
