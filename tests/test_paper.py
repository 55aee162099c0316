"""A run's texts for a paper: its numbers, nothing that was not measured, blanks for authors."""

import json
import re

import pandas as pd
import pytest
from matplotlib.figure import Figure

from cohabit import cli
from cohabit.figures.flow import draw_flow
from cohabit.files.importers.build import write_with_log
from cohabit.files.importers.log import ImportLog
from cohabit.files.storage import write_table
from cohabit.run.paper import write_paper
from cohabit.run.paper.facts import read_facts
from cohabit.run.paper.flow import count_flow
from cohabit.run.paper.methods import select_references
from cohabit.run.paper.storms import fill_checklist

TITLES = {"04": "Alpha diversity", "05": "Geography", "06": "MS and household", "11": "Networks"}
PARAMETERS = {"04": {"depth_16s": 10000, "depth_shotgun": 7654, "margin": 0.2}}
PARAMETERS |= {"05": {"n_permutations": 321, "n_groups": 17}, "06": {"seed": 1}, "11": {"seed": 1}}


def write_run(folder, cohort, *, done=("04", "05", "06")):
    """Write a run's folder as the runner leaves it, with the tables that the texts read."""
    log = ImportLog()
    log.change("people.tsv", "{n} row(s) left out, as the mapping says", ["a", "b"])
    log.change("counts.tsv", "{n} sample(s) without a single read left out", ["c"])
    log.change("people.tsv", "{n} column(s) not in the mapping were left out", ["zip"])
    write_with_log(cohort, log, folder / "own")
    (folder / "run" / "tables").mkdir(parents=True)
    status = {"contrast": ["MS - control"] * 2, "p_value": [0.25, 0.5]}
    tables = {
        "04_equivalence": {**status, "feature": ["Shannon", "Chao1"], "patients": "all patients"}
        | {"estimate": 0.123, "low": -0.4, "high": 0.6, "n_samples": 6, "formula": "group + age"},
        "05_joint": {"term": ["age"], "r2": [0.0345], "pseudo_f": [1.5], "p_value": [0.031]},
        "05_alone": {"term": ["household"], "r2": [0.6], "r2_adjusted": [0.2]}
        | {"r2_adjusted_low": [0.1], "r2_adjusted_high": [0.3]},
        "06_species": {**status, "q_value": [0.04, 0.5], "n_pairs": 3, "transform": "CLR"},
    }
    for name, columns in tables.items():
        write_table(pd.DataFrame(columns), folder / "run" / "tables" / f"{name}.tsv", index=False)
    rows = [
        {"number": n, "title": f"{n} · {title}", "reason": "", "seconds": 1.0}
        | {"status": "done" if n in done else "skipped", "parameters": PARAMETERS[n]}
        for n, title in TITLES.items()
    ]
    summary = {"run": "mine", "profile": "study", "simulated": False, "case": "colitis"}
    summary |= {"cohort": str(folder / "own"), "seed": None, "notebooks": rows}
    summary |= {"versions": {"python": "3.11", "cohabit": "0.1.0", "numpy": "2.1"}}
    (folder / "run" / "run.json").write_text(json.dumps(summary))
    return folder / "run"


@pytest.fixture
def own(small_cohort):
    record = {"simulated": False, "case": "colitis"}
    return type(small_cohort)(
        small_cohort.participants, small_cohort.samples, small_cohort.features, record
    )


def test_methods__hold_the_numbers_of_the_run(own, tmp_path):
    folder = write_paper(write_run(tmp_path, own))
    text = " ".join((folder / "methods.md").read_text().split())
    for words in (
        "6 people of 3 households took part: 3 with colitis and 3 without",
        "Women were 67% of cases and 67% of controls",
        "The shotgun data are 7 libraries of 6 people",
        "rarefied to 7,654 reads (shotgun)",
        "`group + age`. 6 people informed it",
        "within ±0.2 standard deviations",
        "with 321 permutations",
        "17 groups of households",
        "2 species seen in at least 5% of people",
        "2 row(s) left out, as the mapping says (people.tsv)",
        "python 3.11, cohabit 0.1.0, numpy 2.1",
        "Household alone: R² 0.6, adjusted 0.2 (95% interval 0.1 to 0.3)",
        "age in the joint model: R² 0.0345, pseudo-F 1.5, p 0.031",
        "1 of 2 features differed between cases and partners at FDR 5%",
        "Not run, and therefore not described: Networks",
    ):
        assert words in text, words
    assert "simulated" not in text
    assert "networks" not in text


def test_methods__cite_what_they_list_and_list_what_they_cite(own, tmp_path):
    folder = write_paper(write_run(tmp_path, own))
    text = (folder / "methods.md").read_text()
    listed = re.findall(r"^@\w+\{(\w+),", (folder / "references.bib").read_text(), re.M)
    assert listed == sorted(set(re.findall(r"@([a-z]+\d{4})", text)))
    assert {"shannon1948", "anderson2001", "benjamini1995", "harris2020"} <= set(listed)
    with pytest.raises(ValueError, match="has no nobody1999"):
        select_references("as shown before [@nobody1999]")


def test_methods__say_nothing_of_what_was_not_run_or_not_measured(own, tmp_path):
    people = own.participants.drop(columns=["sex", "site"])
    bare = type(own)(people, own.samples, own.features, own.provenance)
    text = (write_paper(write_run(tmp_path, bare, done=())) / "methods.md").read_text()
    text = text.partition("Not run")[0]
    for absent in ("Women", "sites", "Alpha", "PERMANOVA", "Results", "nan", "None"):
        assert absent not in text, absent


def test_storms__is_filled_where_the_run_knows_and_blank_elsewhere(own, tmp_path):
    run = write_run(tmp_path, own)
    table = fill_checklist(read_facts(run)).set_index("item")
    said = table["said_by_the_run"]
    assert said["Ethics approval and consent"] == said["Funding"] == said["Subgroups"] == ""
    assert "3 with colitis" in said["Who took part: cases, controls, numbers"]
    assert "tables/06_species.tsv" in said.filter(like="Which taxa differ").iloc[0]
    assert (table["where_in_the_manuscript"] == "").all()
    assert not table.index.duplicated().any()
    page = (write_paper(run) / "storms.html").read_text()
    assert all(item.replace("'", "&#39;") in page for item in table.index)
    assert re.findall(r'(?:src|href)="(?!https://doi.org/10.1038/s41591-021-01552-x|#)', page) == []


def test_flow__loses_nobody_between_steps(own, tmp_path):
    flow = count_flow(read_facts(write_run(tmp_path, own)))
    assert (flow["n"] + flow["left_out"] == flow["of"]).all()
    samples = flow[flow["unit"] == "samples"]
    assert samples["of"].tolist() == [10, 8, 7]
    assert samples["n"].tolist() == [8, 7, 7]
    assert flow.set_index("step").loc["notebook 06: differential abundance", "n"] == 3
    assert "few_people" in flow


def test_flow__is_drawn_without_overlap(own, tmp_path):
    flow = count_flow(read_facts(write_run(tmp_path, own)))
    figure = Figure(figsize=(7.2, 0.5 + 0.62 * len(flow)), layout="constrained")
    ax = draw_flow(flow, ax=figure.subplots())
    figure.draw_without_rendering()
    boxes = [t.get_bbox_patch().get_window_extent() for t in ax.texts if t.get_bbox_patch()]
    assert len(boxes) == len(flow) + (flow["left_out"] > 0).sum()
    for place, box in enumerate(boxes):
        assert not [other for other in boxes[place + 1 :] if box.overlaps(other)]
        assert box.x0 >= 0 <= box.y0
        assert box.x1 <= figure.bbox.x1


def test_paper__is_written_by_its_command_with_letters_in_the_files(own, tmp_path, capsys):
    run = write_run(tmp_path, own)
    assert cli.main(["paper", str(run)]) == 0
    assert str(run / "paper") in capsys.readouterr().out
    names = {path.name for path in (run / "paper").iterdir()}
    texts = {"methods.md", "references.bib", "storms.tsv", "storms.html"}
    assert names == texts | {"flow.tsv", "flow.svg", "flow.pdf"}
    assert b"/FontFile2" in (run / "paper" / "flow.pdf").read_bytes()
    assert "<text" not in (run / "paper" / "flow.svg").read_text()
    before = (run / "paper" / "flow.svg").read_bytes()
    write_paper(run)
    assert (run / "paper" / "flow.svg").read_bytes() == before
    assert cli.main(["paper", "no_run_of_mine"]) == 2
