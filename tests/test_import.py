"""Your own cohort: every kind of file in, one cohort out, nothing in silence."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from own_cohort import (
    FEATURES,
    LINEAGES,
    MAPPING,
    Files,
    artifact,
    draw_counts,
    gzipped,
    hdf5_bytes,
    join,
    json_bytes,
    make_biom,
)

from cohabit import cli
from cohabit.data import schema
from cohabit.files.importers import (
    ImportRefused,
    Mapping,
    guess_mapping,
    import_cohort,
    read_mapping,
    read_preset,
)
from cohabit.files.importers.log import ImportLog, inert
from cohabit.files.importers.mapping import parse_mapping
from cohabit.files.importers.sources import explain_rds
from cohabit.files.storage import read_cohort

QZA = "FeatureTable[Frequency]"
ORACLES = Path(__file__).resolve().parent / "oracles"


def take_in(folder, files=None, assay="16s", **options):
    paths = (files or Files()).write(folder)
    mapping = read_mapping(paths["mapping"])
    return import_cohort(paths["metadata"], {assay: paths["table"]}, mapping, **options)


def as_plain(files, **_):
    return join(files.cells).encode()


def as_turned(files, **_):
    return join([list(row) for row in zip(*files.cells, strict=True)]).encode()


def as_biom_text(files, **_):
    return ("# Constructed from biom file\n" + join(files.cells)).encode()


def as_r_wrote_it(files, **_):
    return join([files.cells[0][1:], *files.cells[1:]]).encode()


def as_quoted(files, **_):
    return join([[f'"{cell}"' for cell in row] for row in files.cells]).encode()


def with_lineages(files):
    ends = ["taxonomy", *LINEAGES]
    return join([[*row, end] for row, end in zip(files.cells, ends, strict=True)]).encode()


def ids(files):
    return [row[0] for row in files.rows]


KINDS = {
    "tsv": ("counts.tsv", as_plain),
    "tsv the other way round": ("counts.tsv", as_turned),
    "tsv by biom convert": ("counts.txt", as_biom_text),
    "tsv by write.table": ("counts.tsv", as_r_wrote_it),
    "tsv quoted": ("counts.tsv", as_quoted),
    "tsv with Windows line ends": ("counts.tsv", lambda f: as_plain(f).replace(b"\n", b"\r\n")),
    "tsv with taxonomy": ("counts.tsv", with_lineages),
    "tsv.gz": ("counts.tsv.gz", lambda f: gzipped(as_plain(f))),
    "biom hdf5": ("counts.biom", lambda f: hdf5_bytes(make_biom(ids(f)))),
    "biom hdf5 gz": ("counts.biom.gz", lambda f: gzipped(hdf5_bytes(make_biom(ids(f))))),
    "biom json": ("counts.biom", lambda f: json_bytes(make_biom(ids(f)))),
    "qza": (
        "table.qza",
        lambda f: artifact(QZA, "feature-table.biom", hdf5_bytes(make_biom(ids(f)))),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_import__reads_the_same_counts_from_every_kind_of_file(kind, tmp_path):
    files = Files()
    files.table_name, write = KINDS[kind]
    files.table = write(files)
    cohort, log = take_in(tmp_path, files)
    expected = pd.DataFrame(draw_counts(8).T, index=ids(files), columns=FEATURES)
    found = cohort.table("16s")
    np.testing.assert_array_equal(found.loc[expected.index, list(FEATURES)], expected)
    which = "rows" if kind == "tsv the other way round" else "columns"
    assert f"read with samples as {which}: 8" in log.describe()


def test_import__writes_a_cohort_that_the_collection_reads(tmp_path):
    paths = Files().write(tmp_path)
    out = tmp_path / "mine"
    arguments = ["--metadata", paths["metadata"], "--table", f"16s={paths['table']}"]
    arguments += ["--mapping", paths["mapping"], "--out", out]
    assert cli.main(["import", *map(str, arguments)]) == 0
    cohort = read_cohort(out)
    assert cohort.provenance["simulated"] is False
    assert list(cohort.participants["group"].value_counts()) == [4, 4]
    assert cohort.participants.loc["s1a", "household_id"] == "h1"
    log = pd.read_csv(out / "import_log.tsv", sep="\t")
    assert "'ill' became 'MS' in 4 row(s)" in set(log["what"])
    assert set(log["kind"]) <= {"note", "change", "warning"}


def test_import__keeps_ids_that_are_digits_as_text(tmp_path):
    files = Files(rows=[[str(i), f"{i // 2:03d}", s, "F", "30", "22", "7", "no"]
                        for i, s in enumerate(["ill", "well"] * 3)])  # fmt: skip
    paths = files.write(tmp_path)
    arguments = ["--metadata", paths["metadata"], "--table", f"16s={paths['table']}"]
    arguments += ["--mapping", paths["mapping"], "--out", tmp_path / "mine"]
    assert cli.main(["import", *map(str, arguments)]) == 0
    cohort = read_cohort(tmp_path / "mine")
    assert cohort.participants["household_id"].tolist() == ["000"] * 2 + ["001"] * 2 + ["002"] * 2
    assert cohort.participants["site"].tolist() == ["7"] * 6
    assert len(cohort.table("16s")) == 6


def test_import__reads_qiime2_metadata(tmp_path):
    files = Files()
    types = ["#q2:types", *["categorical"] * 7]
    files.metadata = join([files.header, types, *files.rows])
    cohort, _ = take_in(tmp_path, files)
    assert len(cohort.participants) == 8


@pytest.mark.parametrize("form", ["tsv", "ranks", "qza"])
def test_import__reads_a_taxonomy_beside_the_table(form, tmp_path):
    rows = [[name, text, "0.9"] for name, text in zip(FEATURES, LINEAGES, strict=True)]
    text = join([["Feature ID", "Taxon", "Confidence"], *rows])
    if form == "ranks":
        ranks = [[p.strip() for p in text.split(";")] for text in LINEAGES]
        header = ["", "Kingdom", "Phylum", "Class", "Order", "Family", "Genus", "Species"]
        header[0] = "taxon"
        text = join([header, *([f, *r] for f, r in zip(FEATURES, ranks, strict=True))])
        text = text.replace("taxon\t", "feature\t", 1)
    path = tmp_path / ("taxonomy.qza" if form == "qza" else "taxonomy.tsv")
    data = text.encode()
    if form == "qza":
        data = artifact("FeatureData[Taxonomy]", "taxonomy.tsv", data)
    path.write_bytes(data)
    cohort, _ = take_in(tmp_path, taxonomy=path)
    lineage = cohort.taxonomy("16s")
    assert lineage.loc["otu3", "species"] == "Bacteroides ovatus"
    assert lineage.loc["otu2", "genus"] == schema.UNCLASSIFIED
    assert cohort.table("16s", rank="genus").shape == (8, 4)


@pytest.mark.parametrize("packed", [False, True])
def test_import__takes_a_tree_and_names_features_that_are_no_tip(packed, tmp_path):
    newick = b"((otu1:0.1,'otu2':1e-2)0.98:0.3,otu3:0.5);\n"
    path = tmp_path / "tree.nwk"
    path.write_bytes(artifact("Phylogeny[Rooted]", "tree.nwk", newick) if packed else newick)
    cohort, log = take_in(tmp_path, tree=path)
    assert cohort.tree == newick.decode()
    assert "1 feature(s) are not tips of the tree (otu4)" in log.describe()


def test_import__joins_two_assays_of_the_same_samples(tmp_path):
    paths = Files().write(tmp_path)
    tables = {"16s": paths["table"], "shotgun": paths["table"]}
    cohort, _ = import_cohort(paths["metadata"], tables, read_mapping(paths["mapping"]))
    assert cohort.table("shotgun").equals(cohort.table("16s"))
    assert schema.check_samples(cohort.samples, cohort.participants) is cohort.samples


def test_import__tells_what_is_legal_and_what_it_left_out(tmp_path):
    files = Files()
    files.rows[1][2] = "ill"  # two cases in one household
    files.rows[3][1] = "alone"  # and one person by herself
    files.rows[7][0] = "elsewhere"
    numbers = draw_counts(8)
    numbers[:, 4] = 0
    numbers[3] = 0
    files.cells[1:] = [[name, *map(str, row)] for name, row in zip(FEATURES, numbers, strict=True)]
    cohort, log = take_in(tmp_path, files)
    words = log.describe()
    assert "1 household(s) have two or more cases (h1); valid" in words
    assert "household(s) have one member (alone, h2)" in words
    assert "1 sample(s) without a single read left out (s3a)" in words
    assert "1 feature(s) without counts left out (otu4)" in words
    assert "1 sample(s) without metadata left out (s4b)" in words
    assert "1 sample(s) of the metadata are not in the table (elsewhere)" in words
    assert len(cohort.participants) == 8
    assert len(cohort.table("16s")) == 6


def test_import__takes_everyone_for_a_control_when_the_mapping_says_so(tmp_path):
    text = MAPPING.replace('group = "status"\n', "").replace(
        'case = ["ill"]\ncontrol = ["well"]', 'everyone = ["control"]'
    )
    cohort, log = take_in(tmp_path, Files(mapping=text))
    assert set(cohort.participants["group"]) == {"control"}
    assert "there are no cases" in log.describe()


def test_import__counts_visits_from_each_persons_first_sample(tmp_path):
    files = Files(header=[*Files().header[:-1], "year"])
    files.rows = [[*row[:-1], "2010"] for row in files.rows[:4]]
    files.rows += [["s1a2", *files.rows[0][1:4], "43", *files.rows[0][5:-1], "2012"]]
    files.cells = None
    files.__post_init__()
    files.header.append("who")
    files.rows = [[*row, row[0][:3]] for row in files.rows]
    files.mapping = MAPPING.replace('keep = ["pets"]', 'visit = "year"\nparticipant_id = "who"')
    files.mapping += '\n[visits]\nunit = "years"\nfrom = "first"\n'
    cohort, log = take_in(tmp_path, files)
    assert cohort.samples["visit"].tolist() == [0, 0, 0, 0, 24]
    assert cohort.participants.loc["s1a", "age"] == 41
    assert "1 participant(s) have several values; the first visit's" in log.describe()


def imsms_files(folder, n=6):
    """Fabricate tables in the layout of the study's release; no real record is here."""
    header = ["iMSMS_ID", "household", "site", "sex", "age", "bmi", "disease", "disease_course"]
    header += ["disease_duration", "treatment_status", "treatments", "edss", "MSSS", "smoke"]
    header += ["education", "pets", "nsaids"]
    drugs = ["Dimethyl fumarate", "Fingolimod", "Glatiramer acetate", "Interferon", "Natalizumab"]
    drugs += ["ocrevus(rituxan)", "Untreated"]
    rows = []
    for home, drug in enumerate(drugs * (n // 6)):
        place = ["Mount Sinai", "Boston"][home % 2]
        treated = "Untreated" if drug == "Untreated" else "Treated"
        case = ["MS", ["RRMS", "SPMS", "PPMS"][home % 3], "9", treated, drug, "2.5", "3.1"]
        control = ["Control", "Control", "NA", "Control", "Control", "NA", "0"]
        for i, (sex, clinic) in enumerate([("F", case), ("M", control)]):
            name = f"7{home:04d}-000{i + 1}"
            rows.append(
                [name, f"7{home:04d}", place, sex, "50", "26", *clinic, "never", "x", "1", "0"]
            )
    names = [row[0].replace("-", ".") for row in rows]
    lines = [["#OTU ID", *names, "taxonomy"]]
    for feature, line, text in zip(
        FEATURES, draw_counts(len(names)).tolist(), LINEAGES, strict=True
    ):
        lines.append([feature, *map(str, line), text])
    (folder / "map.tsv").write_text(join([header, *rows]), encoding="utf-8")
    (folder / "asv.tsv").write_text(join(lines), encoding="utf-8")
    return folder / "map.tsv", folder / "asv.tsv"


def test_preset__reads_the_layout_of_the_studys_release(tmp_path):
    metadata, table = imsms_files(tmp_path)
    cohort, log = import_cohort(metadata, {"16s": table}, read_preset("imsms"))
    people = cohort.participants
    assert set(people["site"]) == {"New York", "Boston"}
    assert set(people["country"]) == {"US"}
    patients, controls = people[people["group"] == "MS"], people[people["group"] == "control"]
    assert set(patients["treatment"]) == set(schema.TREATMENTS)
    assert set(patients["course"]) == set(schema.COURSES)
    clinical = ["treatment", "course", "edss", "msss", "duration"]
    assert controls[clinical].isna().all(axis=None)
    assert "0 of 7 control(s) became missing" in log.describe()
    assert "'70000-0001' became '70000.0001'" in log.describe()
    assert cohort.table("16s").index.str.match(r"^7\d{4}\.000[12]$").all()
    assert cohort.taxonomy("16s").loc["otu1", "genus"] == "Dorea"


def test_guess__proposes_a_mapping_that_imports(tmp_path):
    metadata, table = imsms_files(tmp_path)
    text = guess_mapping(metadata, [table])
    assert 'household_id = "household"  # 1.00' in text
    assert 'anti_cd20 = ["ocrevus(rituxan)"]' in text
    assert 'zero_in_controls = ["msss"]' in text
    assert 'replace = { "-" = "." }' in text
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    cohort, _ = import_cohort(metadata, {"16s": table}, read_mapping(tmp_path / "mine.toml"))
    own, _ = import_cohort(metadata, {"16s": table}, read_preset("imsms"))
    both = ["household_id", "group", "sex", "age", "bmi", "treatment", "course", "edss", "msss"]
    pd.testing.assert_frame_equal(cohort.participants[both], own.participants[both])


def test_guess__takes_nobody_for_ill_where_no_word_says_who_is_well(tmp_path):
    paths = Files().write(tmp_path)
    text = guess_mapping(paths["metadata"], [paths["table"]])
    assert 'case = ["ill"]\ncontrol = ["well"]' in text
    odd = paths["metadata"].read_text(encoding="utf-8").replace("well", "arm B")
    paths["metadata"].write_text(odd.replace("ill", "arm A"), encoding="utf-8")
    text = guess_mapping(paths["metadata"], [paths["table"]])
    assert '# decide, case, control, leave_out: ["arm A", "arm B"]' in text
    paths["mapping"].write_text(text, encoding="utf-8")
    with pytest.raises(ImportRefused, match=r"unknown level 'arm A'.*\[levels.group\]"):
        import_cohort(paths["metadata"], {"16s": paths["table"]}, read_mapping(paths["mapping"]))


def test_import__a_word_that_is_a_level_is_not_missing_there(tmp_path):
    """`none` means untreated of patients, nothing of controls, and missing elsewhere."""
    files = Files()
    files.header += ["drug", "smoker"]
    for row, smokes in zip(files.rows, ["never", "ex-smoker", "none", "current"] * 2, strict=True):
        row += ["Avonex" if row[0] == "s1a" else "none", smokes]
    paths = files.write(tmp_path)
    text = guess_mapping(paths["metadata"], [paths["table"]])
    assert 'untreated = ["none"]' in text
    assert 'former = ["ex-smoker"]' in text
    assert 'codes = ["none"]' in text
    assert 'zero_in_controls = ["treatment"]' in text
    paths["mapping"].write_text(text, encoding="utf-8")
    cohort, log = import_cohort(
        paths["metadata"], {"16s": paths["table"]}, read_mapping(paths["mapping"])
    )
    treatments = cohort.participants["treatment"]
    assert treatments.dropna().to_dict() == {
        "s1a": "interferon", "s2a": "untreated", "s3a": "untreated", "s4a": "untreated"
    }  # fmt: skip
    assert cohort.participants["smoking"].isna().sum() == 2
    assert "untreated of 4 control(s) became missing" in log.describe()


def test_import__reads_row_names_without_a_name_as_r_writes_them(tmp_path):
    paths = Files().write(tmp_path)
    ranks = ["Kingdom", "Phylum", "Class", "Order", "Family", "Genus", "Species"]
    rows = [[name, *text.split("; ")] for name, text in zip(FEATURES, LINEAGES, strict=True)]
    taxonomy = tmp_path / "tax.tsv"
    taxonomy.write_text(join([ranks, *rows]), encoding="utf-8")
    named = paths["metadata"].read_text(encoding="utf-8")
    paths["metadata"].write_text(named.removeprefix("id\t"), encoding="utf-8")
    mapping = parse_mapping(MAPPING.replace('"id"', '"row_name"').encode(), "mine")
    cohort, log = import_cohort(
        paths["metadata"], {"16s": paths["table"]}, mapping, taxonomy=taxonomy
    )
    assert cohort.taxonomy("16s").loc["otu3", "species"] == "Bacteroides ovatus"
    assert cohort.participants.loc["s1a", "age"] == 41
    assert log.describe().count("the header lacks a name for the first column") == 2
    trailing = "".join(f"{line}\t\n" for line in named.splitlines()[1:])
    paths["metadata"].write_text(named.splitlines()[0] + "\n" + trailing, encoding="utf-8")
    trailed, _ = import_cohort(
        paths["metadata"], {"16s": paths["table"]}, parse_mapping(MAPPING.encode(), "mine")
    )
    assert trailed.participants.equals(cohort.participants)


def test_guess__prints_and_imports_nothing(tmp_path, capsys):
    metadata, table = imsms_files(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert cli.main(["import", "--guess", "--metadata", str(metadata), "--table", str(table)]) == 0
    assert "[columns]" in capsys.readouterr().out
    assert sorted(tmp_path.iterdir()) == before


def test_rds__what_the_printed_line_of_r_wrote_is_imported():
    """`phyloseq_export.R` ran the line on an object of phyloseq; its two files are stored."""
    line = explain_rds(Path("made.rds")).splitlines()[1]
    assert (ORACLES / "phyloseq_line.R").read_text(encoding="utf-8") == line + "\n"
    columns = {"household_id": "house", "group": "status", "age": "age"}
    levels = {"group": {"MS": ("ill",), "control": ("well",)}}
    cohort, _ = import_cohort(
        ORACLES / "phyloseq_metadata.tsv",
        {"16s": ORACLES / "phyloseq_table.tsv"},
        Mapping(columns, levels=levels),
    )
    counts = cohort.table("16s")
    assert counts.columns.tolist() == [f"asv{taxon}" for taxon in range(1, 5)]
    assert counts.loc["71402-0001"].tolist() == [13, 23, 33, 43]
    assert cohort.taxonomy("16s")["genus"].tolist() == [
        "Dorea", "unclassified", "Bacteroides", "Akkermansia",
    ]  # fmt: skip
    assert cohort.participants["age"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("text", ["=1+1", "+cmd|'/c calc'!A0", "@SUM(A1)", "-2+3", "\t=1", "\r=1"])
def test_inert__disarms_formulas(text):
    assert inert(text)[0] == "'"


def test_inert__leaves_nothing_for_mathtext():
    assert inert("$x$ Dorea") == "_x_ Dorea"


@pytest.mark.parametrize("text", ["-3", "+1.5e3", "plain", "a=b", "s__<b>bold</b>"])
def test_inert__leaves_names_and_numbers(text):
    assert inert(text) == text


def test_import__makes_formulas_inert_in_every_file_it_writes(tmp_path):
    files = Files()
    files.rows[0][7] = '=HYPERLINK("x")'
    files.cells[1][0] = "@otu"
    cohort, log = take_in(tmp_path, files)
    assert cohort.participants.loc["s1a", "pets"] == '\'=HYPERLINK("x")'
    assert "'@otu" in cohort.table("16s")
    assert "1 feature name(s) made inert (@otu)" in log.describe()


def test_import__refuses_names_that_differ_in_control_characters_only(tmp_path):
    files = Files()
    files.cells[1][0], files.cells[2][0] = "same", "sa\u200bme"
    with pytest.raises(ValueError, match="equal once they are inert"):
        take_in(tmp_path, files)


def test_import__joins_sample_ids_that_had_to_be_made_inert(tmp_path):
    files = Files()
    files.rows[0][0] = files.cells[0][1] = "=s1"
    cohort, _ = take_in(tmp_path, files)
    assert "'=s1" in cohort.table("16s").index


def test_log__counts_what_it_only_shows_in_part():
    log = ImportLog()
    log.warn("age", "odd", [f"line {i}" for i in range(9)], "look")
    assert log.describe().endswith("(line 0, line 1, line 2, line 3, line 4, and 4 more); look")
    assert log.table()["n"].tolist() == [9]


def test_import__reads_a_study_sized_table_within_two_seconds(tmp_path):
    rng = np.random.default_rng(3)
    names = [f"s{i}" for i in range(1152)]
    features = [f"otu{i}" for i in range(1400)]
    counts = rng.poisson(0.7, size=(1400, 1152)) * rng.integers(1, 900, size=(1400, 1))
    import biom

    files = Files(table_name="counts.biom", table=hdf5_bytes(biom.Table(counts, features, names)))
    files.rows = [[n, f"h{i // 2}", ["ill", "well"][i % 2], "F", "40", "25", "A", "no"]
                  for i, n in enumerate(names)]  # fmt: skip
    take_in(tmp_path)  # imports
    started = time.process_time()
    cohort, _ = take_in(tmp_path, files)
    assert time.process_time() - started < 2
    assert cohort.table("16s").shape == (1152, 1400)
