"""Cells about few people are marked, and only those."""

import json
from dataclasses import replace

import pandas as pd

from cohabit.files.privacy import (
    FEW_COLUMN,
    MARK,
    find_small_cells,
    mark_small_cells,
    mark_table,
    remember_real,
    survey_tables,
)
from cohabit.files.storage import read_cohort, write_cohort
from cohabit.run.report import build_report
from cohabit.run.results import estimate_row, open_run


def test_find_small_cells__looks_at_counts_of_people_only():
    table = pd.DataFrame(
        {"site": ["A", "B", "C"], "MS": [3, 5, 0], "df": [1, 1, 1], "control": [0.4, 2.0, 3.0]}
    )
    found = find_small_cells(table)
    assert found.to_numpy().tolist() == [["A", "MS", 3]]


def test_write_table__marks_cells_about_few_real_people(tmp_path, small_cohort):
    table = pd.DataFrame({"site": ["A", "B", "C"], "n": [3, 5, 0], "n_pairs": [1, 9, 9]})
    folder = write_cohort(replace(small_cohort, provenance={"simulated": False}), tmp_path / "mine")
    run = open_run(tmp_path / "run", notebook="06", seed=1)
    before = pd.read_csv(run.write_table(table, "sites"), sep="\t")
    read_cohort(folder)
    after = pd.read_csv(run.write_table(table, "sites"), sep="\t", keep_default_na=False)
    assert FEW_COLUMN not in before
    assert after[FEW_COLUMN].tolist() == ["fewer than 5: n, n_pairs", "", ""]
    assert after.drop(columns=FEW_COLUMN).equals(table)
    row = estimate_row("05.site_r2", 0.1, 0.0, 0.2, n=4)
    run.write_estimates(pd.DataFrame([row]))
    assert (run.output / "tables" / "06_estimates.tsv").read_text().count("fewer than 5: n") == 1


def test_write_table__of_simulated_people_or_of_no_counts_stays_as_it_is(tmp_path, small_cohort):
    read_cohort(write_cohort(small_cohort, tmp_path / "simulated"))
    table = pd.DataFrame({"site": ["A"], "n": [3]})
    assert mark_table(table) is table
    remember_real(tmp_path)
    assert mark_table(table)[FEW_COLUMN].tolist() == ["fewer than 5: n"]
    shares = pd.DataFrame({"estimate": [3]})
    assert mark_table(shares) is shares


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
