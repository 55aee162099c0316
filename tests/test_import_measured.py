"""Diet, pathways, metabolites, blood and visits of one's own cohort: taken in or refused."""

import re

import biom
import numpy as np
import pandas as pd
import pytest
from own_cohort import MAPPING, Files, hdf5_bytes, join

from cohabit import cli
from cohabit.files.importers import guess_mapping, import_cohort, read_mapping
from cohabit.files.storage import read_cohort

IDS = [row[0] for row in Files().rows]
MORE = """
[diet]
participant_id = "subject"

[diet.columns]
hei_total = "HEI-2015"

[metabolites.columns]
"stool:acetate" = "Acetic acid"

[visits]
unit = "years"
participant_id = "subject"

[visits.columns]
visit = "year"
edss = "EDSS score"

[levels.treatment]
interferon = ["Rebif"]
"""


def rows(header, *columns, ids=IDS):
    """Return cells of a table: ids, then columns, each one value or a list."""
    filled = [value if isinstance(value, list) else [value] * len(ids) for value in columns]
    return [header, *([str(cell) for cell in row] for row in zip(ids, *filled, strict=True))]


def diet(hei="61.5"):
    return rows(["subject", "HEI-2015", "Vitamin C (mg)", "notes"], hei, "80", "well filled in")


def stool(acid="900"):
    return rows(["id", "Acetic acid", "lysine"], acid, "2.5")


def pathways(first="0.25"):
    names = ["# Pathway", *(f"{name}_Abundance" for name in IDS)]
    body = {"UNMAPPED": "3", "PWY-1: a name": first, "PWY-1: a name|g__Dorea": "0.1", "PWY-2": "1"}
    return [names, *([name, *[value] * len(IDS)] for name, value in body.items())]


def blood(cells="1.1"):
    return rows(["id", "cd4_t"], cells)


def visits(edss="2.5", year="1", drug="Rebif"):
    header = ["subject", "year", "EDSS score", "treatment", "relapses", "nurse"]
    one = rows(header, "0", edss, drug, "1", "A")
    return [*one, *([*row[:1], year, *row[2:]] for row in one[1:])]


WHOLE = {"diet": diet, "stool": stool, "pathways": pathways, "blood": blood, "visits": visits}


def write_all(folder, **cells):
    paths = Files(mapping=MAPPING + MORE).write(folder)
    tables = {name: cells.get(name) or make() for name, make in WHOLE.items()}
    for name, table in tables.items():
        paths[name] = folder / f"{name}.tsv"
        paths[name].write_text(join(table), encoding="utf-8")
    return paths


def take_in(paths, mapping=None):
    mapping = mapping or read_mapping(paths["mapping"])
    measured = {name: paths[name] for name in WHOLE if name in paths}
    return import_cohort(paths["metadata"], {"16s": paths["table"]}, mapping, measured=measured)


@pytest.mark.parametrize("before", ["", "#HUMAnN v4.0.0.alpha.1\n"])
@pytest.mark.parametrize("first", ["# Pathway", "# Pathway HUMAnN v4.0.0.alpha.1", "Pathway"])
@pytest.mark.parametrize("rest", [["UNMAPPED", "UNINTEGRATED"], ["READS_UNMAPPED", "UNGROUPED"]])
def test_import__reads_pathways_of_humann_3_and_4(before, first, rest, tmp_path):
    table = pathways()
    names = [first, *(f"{name}_Abundance-CPM" for name in IDS)]
    both = [[rest[0], *["2"] * 8], [rest[1], *["1"] * 8], [f"{rest[1]}|g__X", *["1"] * 8]]
    paths = write_all(tmp_path)
    text = before + join([names, *both, *table[2:]])
    paths["pathways"].write_text(text, encoding="utf-8")
    cohort, log = take_in(paths)
    assert list(cohort.pathways) == ["PWY-1", "PWY-2"]
    assert cohort.pathways.loc["s1a", "PWY-1"] == pytest.approx(0.25 / 4.25)
    assert f"{rest[0]} and {rest[1]} left out: not pathways" in log.describe()


def test_import__takes_in_every_table(tmp_path):
    cohort, log = take_in(write_all(tmp_path))
    words = log.describe()
    assert cohort.diet.loc["s1a", ["hei_total", "vitamin_c_mg"]].tolist() == [61.5, 80.0]
    assert "1 column(s) without numbers were left out (notes)" in words
    assert cohort.metabolites.loc["s1a", "stool:acetate"] == 900
    assert cohort.metabolites.loc["s1a", "stool:lysine"] == pytest.approx(np.log(2.5))
    assert list(cohort.pathways) == ["PWY-1", "PWY-2"]
    assert cohort.pathways.loc["s1a", "PWY-1"] == pytest.approx(0.25 / 4.25)
    for told in ("read with people as columns", "1 row(s) of single species", "divided by each"):
        assert told in words
    assert cohort.blood["cd4_t"].tolist() == [1.1] * 8
    assert cohort.visits.loc["s1a-m12", ["visit", "edss", "treatment"]].tolist() == [
        12,
        2.5,
        "interferon",
    ]
    assert "1 column(s) not in the mapping were left out (nurse)" in words


def test_import__writes_tables_that_the_collection_reads(tmp_path, capsys):
    paths = write_all(tmp_path)
    arguments = ["--metadata", paths["metadata"], "--table", f"16s={paths['table']}"]
    arguments += ["--mapping", paths["mapping"], "--out", tmp_path / "mine"]
    for name in ("diet", "pathways", "blood", "visits"):
        arguments += [f"--{name}", paths[name]]
    arguments += ["--metabolites", f"stool={paths['stool']}"]
    assert cli.main(["import", *map(str, arguments)]) == 0
    cohort = read_cohort(tmp_path / "mine")
    assert list(cohort.diet.index) == list(cohort.participants.index)
    assert cohort.pathways.shape == (8, 2)
    assert cohort.visits["visit"].nunique() == 2
    assert cohort.metabolites.columns.tolist() == ["stool:acetate", "stool:lysine"]


def test_import__reads_a_table_whose_first_column_has_no_name(tmp_path):
    cells = stool()
    cells[0][0] = ""
    cohort, _ = take_in(write_all(tmp_path, stool=cells))
    assert cohort.metabolites["stool:acetate"].tolist() == [900] * 8


def test_guess__finds_people_by_the_ids_of_further_tables(tmp_path):
    files = Files(header=[*Files().header, "nr"])
    files.rows = [[*row, f"p{number}"] for number, row in enumerate(files.rows)]
    paths = files.write(tmp_path)
    table = tmp_path / "visits.tsv"
    ids = [f"p{number}" for number in range(8)]
    table.write_text(join(rows(["person", "months"], "0", ids=ids)), encoding="utf-8")
    text = guess_mapping(paths["metadata"], [paths["table"]], measured={"visits": table})
    assert 'participant_id = "nr"  # 0.90, 8 ids of further tables' in text
    assert '"visit" = "months"' in text


def test_import__gives_a_samples_measurements_to_its_person(tmp_path):
    files = Files(header=[*Files().header, "who"])
    files.rows = [[*row, f"p{number}"] for number, row in enumerate(files.rows)]
    files.mapping = (MAPPING + MORE).replace(
        'sample_id = "id"', 'sample_id = "id"\nparticipant_id = "who"'
    )
    paths = files.write(tmp_path)
    paths["diet"] = tmp_path / "diet.tsv"
    paths["diet"].write_text(join([*diet(), ["stranger", "1", "1", ""]]), encoding="utf-8")
    cohort, log = take_in(paths)
    assert cohort.diet.index.tolist() == [f"p{number}" for number in range(8)]
    assert "1 row(s) of people not in the metadata left out (stranger)" in log.describe()


def test_import__takes_logs_of_metabolites_as_they_are(tmp_path):
    paths = write_all(tmp_path, stool=stool(acid="-0.5"))
    text = (MAPPING + MORE).replace(
        "[metabolites.columns]", '[metabolites]\nscale = "log"\n[metabolites.columns]'
    )
    paths["mapping"].write_text(text, encoding="utf-8")
    cohort, _ = take_in(paths)
    assert cohort.metabolites.loc["s1a", "stool:acetate"] == pytest.approx(np.exp(-0.5))
    assert cohort.metabolites.loc["s1a", "stool:lysine"] == 2.5


def test_import__takes_values_below_detection_for_missing(tmp_path):
    cohort, log = take_in(write_all(tmp_path, stool=stool(acid=["0", "NA", *["5"] * 6])))
    assert cohort.metabolites["stool:acetate"].isna().tolist() == [True, True, *[False] * 6]
    assert "1 value(s) of 0 became missing: below detection" in log.describe()


def test_import__reads_pathways_from_biom(tmp_path):
    paths = write_all(tmp_path)
    shares = np.full((2, 8), 0.125)
    paths["pathways"] = tmp_path / "pathways.biom"
    paths["pathways"].write_bytes(hdf5_bytes(biom.Table(shares, ["PWY-1", "PWY-2"], IDS)))
    cohort, _ = take_in(paths)
    pd.testing.assert_frame_equal(
        cohort.pathways, pd.DataFrame(0.125, cohort.participants.index, ["PWY-1", "PWY-2"]),
        check_names=False, check_column_type=False,
    )  # fmt: skip


def changed(**cells):
    return cells


def mapped(old, new):
    return {"mapping": (old, new)}


def with_row(table, *rows):
    return [*table, *rows]


MALFORMED = {
    "diet words": (
        changed(diet=diet(hei=["many", *["60"] * 7])),
        r"diet, HEI-2015: 1 value\(s\) are not numbers, first 'many' \(s1a\)",
    ),
    "diet decimal comma": (changed(diet=diet(hei=["61,5", *["60"] * 7])), "a decimal comma"),
    "diet negative": (
        changed(diet=diet(hei=["-9", *["60"] * 7])),
        r"diet, hei_total: 1 negative value\(s\) \(s1a\); an intake cannot be",
    ),
    "diet above 100": (changed(diet=diet(hei="250")), r"outside 0 to 100 points \(s1a"),
    "diet twice": (
        changed(diet=with_row(diet(), ["s1a", "50", "1", ""])),
        r"diet.tsv: 1 participant\(s\) have two rows \(s1a\); give one row per person",
    ),
    "diet of others": (
        changed(diet=rows(["subject", "HEI-2015"], "50", ids=list("abcdefgh"))),
        r"diet.tsv: 8 row\(s\) or column\(s\) are no participant and no sample",
    ),
    "diet ids rewritten": (
        changed(diet=rows(["subject", "HEI-2015"], "50", ids=[f"X{i}" for i in IDS])),
        r'add \[ids\] strip_prefix = "X" to the mapping',
    ),
    "diet no id column": (mapped('"subject"', '"who"'), "diet.tsv: no column 'who'"),
    "diet column not there": (
        mapped("HEI-2015", "HEI"),
        r"no column 'HEI' for hei_total; correct \[diet\]",
    ),
    "diet ragged": (changed(diet=with_row(diet(), ["s9", "1"])), r"4 columns; 1 line\(s\) have"),
    "acid negative": (
        changed(stool=stool(acid="-3")),
        r'metabolites, stool:acetate: 8 negative.*write scale = "log"',
    ),
    "acid too large a log": (
        changed(stool=stool(acid="900"))
        | mapped("[metabolites.columns]", '[metabolites]\nscale = "log"\n[metabolites.columns]'),
        r"metabolites, stool:acetate: 8 value\(s\) over 50, too large for natural logs",
    ),
    "acid word": (
        changed(stool=stool(acid=["<LOD", *["9"] * 7])),
        r"metabolites, Acetic acid: 1 value\(s\) are not numbers, first '<LOD'",
    ),
    "acid bound": (changed(stool=stool(acid=["< 5", *["9"] * 7])), "a bound, not a number"),
    "metabolite twice": (
        changed(stool=[["id", *IDS], ["Acetic acid", *["9"] * 8], ["Acetic acid", *["9"] * 8]]),
        r"1 measurement\(s\) have two rows or columns \(Acetic acid\)",
    ),
    "metabolites not text": (changed(stool="{}"), "expected tab-separated text; got json"),
    "pathway negative": (
        changed(pathways=pathways(first="-1")),
        r"pathways, PWY-1: a name: 8 negative value\(s\)",
    ),
    "pathway empty cell": (
        changed(pathways=pathways(first="")),
        "pathways: empty or infinite cells",
    ),
    "pathway infinite": (changed(pathways=pathways(first="inf")), "not numbers, first 'inf'"),
    "pathway twice": (
        changed(pathways=with_row(pathways(), ["PWY-2: other", *["1"] * 8])),
        r"pathways: ids repeat \(PWY-2, PWY-2\)",
    ),
    "blood negative": (changed(blood=blood(cells="-1")), r"blood, cd4_t: 8 negative value\(s\)"),
    "blood date": (changed(blood=blood(cells=["2-Mar", *["1"] * 7])), "a date, perhaps made by"),
    "visit EDSS": (changed(visits=visits(edss="12")), r"visits, edss: outside 0 to 10 EDSS points"),
    "visit EDSS step": (changed(visits=visits(edss="2.3")), "visits, edss: not in half steps"),
    "visit twice": (
        changed(visits=visits(year="0")),
        r"visits: 8 participant\(s\) have two visits of one month",
    ),
    "visit no time": (
        changed(visits=visits(year="")),
        r"visits, visit: 8 visit\(s\) without a time",
    ),
    "visit word": (changed(visits=visits(year="second")), r"visit: 8 value\(s\) are not numbers"),
    "visit of others": (
        changed(visits=[["subject", "year", "EDSS score"], ["x", "0", "1"]]),
        r"visits.tsv: visits of 1 participant\(s\) who are not in the metadata \(x\)",
    ),
    "visit no column": (
        mapped('visit = "year"', 'visit = "yaer"'),
        "no column 'yaer' for visit; did you mean 'year'",
    ),
    "visit half relapse": (
        changed(visits=[["subject", "year", "EDSS score", "relapses"], ["s1a", "0", "1", "0.5"]]),
        r"visits, relapses: no whole number from 0 \(line 2\)",
    ),
    "mapping section key": (
        mapped("[diet]\n", "[diet]\nunit = 3\n"),
        r"\[diet\] 'unit' is unknown",
    ),
    "mapping visit column": (
        mapped('edss = "EDSS', 'esds = "EDSS'),
        "'esds' is unknown: did you mean 'edss'",
    ),
    "mapping scale": (
        mapped("[metabolites.columns]", '[metabolites]\nscale = "ln"\n[metabolites.columns]'),
        r"\[metabolites\] scale: expected one of concentration, log; got 'ln'",
    ),
    "mapping column number": (mapped('"HEI-2015"', "3"), "hei_total: expected text in quotes"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_measured__says_what_is_wrong(case, tmp_path):
    cells, expected = MALFORMED[case]
    old, new = cells.get("mapping", ("", ""))
    tables = {name: table for name, table in cells.items() if name != "mapping"}
    paths = write_all(tmp_path, **{n: t for n, t in tables.items() if isinstance(t, list)})
    for name, text in tables.items():
        if isinstance(text, str):
            paths[name].write_text(text, encoding="utf-8")
    text = MAPPING + MORE
    assert old in text
    paths["mapping"].write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r".") as caught:
        take_in(paths)
    assert re.search(expected, str(caught.value), re.DOTALL)


def test_measured__tells_the_problems_of_all_tables_at_once(tmp_path):
    paths = write_all(tmp_path, diet=diet(hei="250"), blood=blood("-1"), visits=visits(edss="12"))
    with pytest.raises(ValueError, match="3 problem") as caught:
        take_in(paths)
    for words in ("diet, hei_total", "blood, cd4_t", "visits, edss"):
        assert words in str(caught.value)


def test_measured__makes_names_inert(tmp_path):
    cells = stool()
    cells[0][2] = "=cmd|x"
    paths = write_all(tmp_path, stool=cells)
    cohort, _ = take_in(paths)
    assert "stool:'=cmd|x" in cohort.metabolites


def test_guess__proposes_sections_that_import(tmp_path):
    paths = write_all(tmp_path)
    measured = {name: paths[name] for name in WHOLE}
    text = guess_mapping(paths["metadata"], [paths["table"]], measured=measured)
    for line in (
        'participant_id = "subject"  # 8 of 8 ids joined',
        '"hei_total" = "HEI-2015"',
        '"stool:acetate" = "Acetic acid"',
        '"visit" = "year"',
        '"edss" = "EDSS score"',
    ):
        assert line in text
    text += '\n[levels.treatment]\ninterferon = ["Rebif"]\n'
    (tmp_path / "guess.toml").write_text(text, encoding="utf-8")
    cohort, _ = take_in(paths, read_mapping(tmp_path / "guess.toml"))
    assert cohort.diet["hei_total"].tolist() == [61.5] * 8
    assert cohort.visits["visit"].tolist() == [0] * 8 + [1] * 8  # the unit is the reader's to say
