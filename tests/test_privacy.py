"""Cells about few people are marked, and only those."""

import json
import re
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.core.formatters import DisplayFormatter

from cohabit import figures
from cohabit.files.privacy import (
    FEW_COLUMN,
    FEW_MARK,
    find_small_cells,
    mark_cells,
    mark_displays,
    mark_rows,
    mark_words,
    survey_tables,
)
from cohabit.files.storage import write_cohort
from cohabit.run.report import build_report
from cohabit.run.results import open_run

ROOT = Path(__file__).resolve().parents[1]


def test_find_small_cells__looks_at_counts_of_people_only():
    table = pd.DataFrame(
        {"site": ["A", "B", "C"], "MS": [3, 5, 0], "df": [1, 1, 1], "control": [0.4, 2.0, 3.0]}
    )
    found = find_small_cells(table)
    assert found.to_numpy().tolist() == [["A", "MS", 3]]


def test_find_small_cells__a_share_of_everybody_is_no_count():
    shares = pd.DataFrame({"column": ["sex", "age"], "MS": [1.0, 1.0], "answered": [1.0, 1.0]})
    assert find_small_cells(shares).empty
    counts = shares.assign(n=[2.0, 9.0], MS=[1, 12])
    assert find_small_cells(counts)[["column", "n"]].to_numpy().tolist() == [["n", 2], ["MS", 1]]


def test_run__marks_what_it_writes_about_few_real_people(tmp_path, small_cohort):
    table = pd.DataFrame({"site": ["A", "B", "C"], "n": [3, 5, 0], "n_pairs": [1, 9, 9]})
    real = replace(small_cohort, provenance={"simulated": False})
    run = open_run(tmp_path / "run", notebook="06", seed=1)
    run.read_cohort(write_cohort(small_cohort, tmp_path / "simulated"))
    before = pd.read_csv(run.write_table(table, "sites"), sep="\t")
    run.read_cohort(write_cohort(real, tmp_path / "mine"))
    after = pd.read_csv(run.write_table(table, "sites"), sep="\t", keep_default_na=False)
    assert FEW_COLUMN not in before
    assert after[FEW_COLUMN].tolist() == ["fewer than 5: n, n_pairs", "", ""]
    assert after.drop(columns=FEW_COLUMN).equals(table)
    run.estimate("05.site_r2", 0.1, 0.0, 0.2, n=4)
    assert (run.output / "tables" / "06_estimates.tsv").read_text().count("fewer than 5: n") == 1
    other = open_run(tmp_path / "other", notebook="06", seed=1)
    assert FEW_MARK not in other.write_table(table, "sites").read_text()


def test_run__says_what_ms_stands_for_in_a_cohort_of_others(tmp_path, small_cohort, capsys):
    run = open_run(tmp_path / "run", notebook="06", seed=1)
    for case in ("MS", "CD, UC"):
        real = replace(small_cohort, provenance={"simulated": False, "case": case})
        run.read_cohort(write_cohort(real, tmp_path / case))
    words = "MS stands for CD, UC in tables; figures say CD, UC.\n"
    assert capsys.readouterr().out == words


def test_mark_rows__leaves_a_table_without_counts_as_it_is():
    shares = pd.DataFrame({"estimate": [3]})
    assert mark_rows(shares) is shares


def test_notebooks__read_cohorts_through_their_run():
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
        assert not re.search(r"(?<!run\.)\bread_cohort\(", code), path.name


def test_survey__names_the_table(tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "06_species.tsv").write_text("feature\tn_nonzero\na\t2\nb\t9\n")
    assert survey_tables(tmp_path).to_numpy().tolist() == [["06_species.tsv", "a", "n_nonzero", 2]]
    assert survey_tables(tmp_path / "nowhere").empty


def test_mark_cells__marks_a_count_and_no_other_number():
    table = pd.DataFrame({"n_pairs": [4, 5], "df": [1, 2], "estimate": [0.25, 3.0]}, ["a", "b"])
    marked = mark_cells(table)
    assert marked["n_pairs"].tolist() == [f"4 ({FEW_MARK})", 5]
    assert marked.drop(columns="n_pairs").equals(table.drop(columns="n_pairs"))


def test_mark_cells__knows_groups_across_and_columns_of_two_levels():
    people = pd.DataFrame({"site": ["A"] * 3 + ["B"] * 9, "group": ["MS", "control", "MS"] * 4})
    counts = people.groupby(["site", "group"]).size().unstack()
    few = int(((counts > 0) & (counts < 5)).sum().sum())
    assert few == 3
    for shown in (counts, pd.concat({"n": counts.rename(columns=str.lower)}, axis=1)):
        assert mark_cells(shown).to_html().count(FEW_MARK) == few


def test_displays__mark_tables_and_printed_counts():
    formatter = DisplayFormatter()
    counts = pd.Series({"control": 12, "MS": 3})
    table = counts.to_frame("n")
    assert FEW_MARK not in str(formatter.format(table)) + str(formatter.format(counts))
    mark_displays(formatter)
    shown, _ = formatter.format(table)
    assert shown["text/html"].count(FEW_MARK) == shown["text/plain"].count(FEW_MARK) == 1
    assert formatter.format(counts)[0]["text/plain"].count(f"3 ({FEW_MARK})") == 1
    assert FEW_MARK not in str(formatter.format(counts / 2))


def test_figure__marks_the_few_people_it_tells_of(tmp_path):
    pairs = pd.DataFrame({"MS": range(30, 42), "control": range(31, 43)})
    pairs["opposite_sex"] = [False] * 3 + [True] * 9
    counts = pd.DataFrame({"untreated": [3, 12], "treated": [0, 7]}, index=["Boston", "Edinburgh"])
    words = {}
    for about_people in (False, True):
        run = open_run(tmp_path / str(about_people), notebook="03", seed=1)
        run.about_people = about_people
        fig, axs = plt.subplots(1, 2, figsize=(9, 4))
        figures.draw_pairs(pairs, ax=axs[0])
        figures.draw_counts(counts, ax=axs[1])
        words[about_people] = run.write_figure(fig, "people").with_suffix(".txt").read_text()
        key = [text.get_text() for text in axs[0].get_legend().get_texts()]
        assert ("same sex (3, fewer than 5)" in key) == about_people
        plt.close(fig)
    assert FEW_MARK not in words[False]
    assert "same sex (3)" in words[False]
    assert "same sex (3, fewer than 5)" in words[True]
    assert "Boston 3 (fewer than 5), 0; Edinburgh 12, 7" in words[True]
    assert mark_words("a 4 points, b 14 points") == "a 4 points (fewer than 5), b 14 points"


def test_report__of_real_people_says_what_it_holds(tmp_path):
    run = tmp_path / "run"
    (run / "tables").mkdir(parents=True)
    (run / "tables" / "06_species.tsv").write_text("feature\tn_nonzero\na\t2\nb\t9\n")
    told = {"run": "mine", "simulated": False, "case": "CD, <b>UC</b>", "notebooks": []}
    (run / "run.json").write_text(json.dumps(told))
    page = build_report(run).read_text(encoding="utf-8")
    assert "MS stands for CD, &lt;b&gt;UC&lt;/b&gt; in tables" in page
    assert "1 such cells, in 06_species.tsv" in page
    (run / "run.json").write_text(json.dumps({**told, "simulated": True}))
    assert "such cells" not in build_report(run).read_text(encoding="utf-8")
