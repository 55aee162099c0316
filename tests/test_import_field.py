"""Files as the programs of the field write them: each gives the same cohort, or says why not."""

import io

import field_files as field
import h5py
import pandas as pd
import pytest
from own_cohort import FEATURES, LINEAGES, MAPPING, Files, join

from cohabit.files.importers import import_cohort, read_mapping
from cohabit.files.importers.mapping import parse_mapping

GENERA = ["Akkermansia", "Bacteroides", "Clostridiales unclassified", "Dorea"]
SPECIES = ["Dorea unclassified", "Clostridiales unclassified", "Bacteroides ovatus",
           "Akkermansia muciniphila"]  # fmt: skip
LINEAGE_TSV = join([["Feature ID", "Taxon"],
                    *map(list, zip(FEATURES, LINEAGES, strict=True))]).encode()  # fmt: skip
SEQUENCES = ["TACGGAGG" + "ACGT" * i for i in range(4)]


def taxa(rename=str.title, empty=""):
    names = [rename(name) for name in field.RANKS]
    rows = [[n, *field.split_ranks(text, empty)]
            for n, text in zip(FEATURES, LINEAGES, strict=True)]  # fmt: skip
    return [["feature", *names], *rows]


def dialect(change):
    rows = [[n, change(text)] for n, text in zip(FEATURES, LINEAGES, strict=True)]
    return join([["Feature ID", "Taxon"], *rows]).encode()


TSV = field.separated(field.table(), "\t")
OF_16S = {
    "tsv": (TSV, LINEAGE_TSV),
    "csv": (field.separated(field.table(), ","), LINEAGE_TSV),
    "csv of samples as rows": (
        field.separated([list(row) for row in zip(*field.table(), strict=True)], ","),
        LINEAGE_TSV,
    ),
    "semicolons and decimal commas": (
        field.separated(field.table(numbers=[[f"{n},0" for n in r] for r in field.COUNTS]), ";"),
        LINEAGE_TSV,
    ),
    "mothur shared and cons.taxonomy": (field.shared(), field.mothur_lineages(header=True)),
    "mothur shared and taxonomy": (field.shared(), field.mothur_lineages(header=False)),
    "emu combined": (field.with_ranks(), None),
    "anndata": (field.anndata_bytes(), None),
    "anndata dense": (field.anndata_bytes("dense"), None),
    "anndata by columns": (field.anndata_bytes("csc_matrix"), None),
    "anndata with a layer of counts": (field.anndata_bytes(layer=True), None),
    "biom with Taxon": (
        field.biom_with("hdf5", lambda text: {"Taxon": text, "Confidence": "0.9"}), None,
    ),
    "biom with Consensus Lineage": (
        field.biom_with("json", lambda text: {"Consensus Lineage": text}), None,
    ),
    "biom with ranks of phyloseq": (
        field.biom_with("json", lambda text: {
            f"Rank{i}": name for i, name in enumerate(field.split_ranks(text), 1)}), None,
    ),
    "lineages of RDP": (TSV, dialect(lambda t: "Root;" + ";".join(field.split_ranks(t)))),
    "lineages of SILVA": (
        TSV, dialect(lambda t: ";".join(f"D_{i}__{n or 'uncultured bacterium'}"
                                        for i, n in enumerate(field.split_ranks(t)))),
    ),
    "lineages of GTDB": (
        TSV, dialect(lambda t: t.replace("k__", "d__").replace("; ", ";")
                     .replace("s__ovatus", "s__Bacteroides ovatus")),
    ),
    "lineages of QIIME 2, collapsed": (
        TSV, dialect(lambda t: ";".join("__" if p.endswith("__") else p for p in t.split("; "))),
    ),
    "ranks in columns": (TSV, join(taxa()).encode()),
    "ranks in columns, by R": (TSV, field.r_csv([["", *taxa()[0][1:]], *taxa(empty="NA")[1:]])),
}  # fmt: skip


def take_in(folder, assay, table, taxonomy, name="counts.file", **options):
    paths = Files().write(folder)
    path = folder / name
    if isinstance(table, bytes):
        path.write_bytes(table)
    else:
        table(path)
    if taxonomy is not None:
        options["taxonomy"] = folder / "taxonomy.file"
        options["taxonomy"].write_bytes(taxonomy)
    mapping = options.pop("mapping", None) or read_mapping(paths["mapping"])
    return import_cohort(
        options.pop("metadata", paths["metadata"]), {assay: path}, mapping, **options
    )


@pytest.mark.parametrize("kind", OF_16S)
def test_field__every_16s_table_gives_the_same_genera(kind, tmp_path):
    cohort, log = take_in(tmp_path, "16s", *OF_16S[kind])
    genera = cohort.table("16s", rank="genus")
    rest = ["unclassified"] * (kind == "emu combined")  # its row for reads without a taxon
    assert genera.columns.tolist() == [*GENERA, *rest]
    expected = pd.DataFrame(
        field.COUNTS.T, field.IDS, ["Dorea", GENERA[2], "Bacteroides", GENERA[0]]
    )
    assert (genera.loc[field.IDS, GENERA] == expected[GENERA]).all(axis=None)
    assert "Bacteroides ovatus" in set(cohort.taxonomy("16s")["species"])
    assert "without a genus" in log.describe()


OF_SHOTGUN = {
    "kreport2mpa": (field.hierarchical(), SPECIES),
    "metaphlan": (field.hierarchical("#mpa_vJan21_SGB\n", "clade_name"), SPECIES),
    "bracken combined": (field.bracken(), list(field.SPECIES)),
    "kraken combined": (field.kraken_combined(), SPECIES),
    "kraken reports": (field.kraken_folder, SPECIES),
    "emu combined": (field.with_ranks(), SPECIES),
    "anndata": (field.anndata_bytes(), SPECIES),
}


@pytest.mark.parametrize("kind", OF_SHOTGUN)
def test_field__every_shotgun_table_gives_the_same_species(kind, tmp_path):
    table, names = OF_SHOTGUN[kind]
    cohort, _ = take_in(tmp_path, "shotgun", table, None)
    found = cohort.table("shotgun").loc[field.IDS]
    assert sorted(found) == sorted(names)
    assert (found[names].to_numpy() == field.COUNTS.T).all()
    assert cohort.table("shotgun", rank="species").equals(cohort.table("shotgun"))


def test_field__labels_of_a_table_without_lineages_stay_and_only_the_rest_is_left_out(tmp_path):
    names = ["Dorea unclassified", "Lachnospiraceae_unclassified", "Dorea longicatena", "UNKNOWN"]
    table = field.separated(field.table(names), "\t")
    cohort, log = take_in(tmp_path, "shotgun", table, None)
    assert cohort.table("shotgun").columns.tolist() == names[:3]
    assert "1 row(s) for reads of no taxon left out" in log.describe()


def test_field__sequences_of_dada2_are_features_with_their_taxa(tmp_path):
    numbers = [
        [sample, *map(str, row)] for sample, row in zip(field.IDS, field.COUNTS.T, strict=True)
    ]
    table = field.r_csv([["", *SEQUENCES], *numbers])
    rows = [[s, *field.split_ranks(t, "NA")] for s, t in zip(SEQUENCES, LINEAGES, strict=True)]
    cohort, _ = take_in(tmp_path, "16s", table, field.r_csv([["", *field.RANKS], *rows]))
    assert cohort.table("16s").columns.tolist() == SEQUENCES
    assert cohort.table("16s", rank="genus").columns.tolist() == GENERA


def test_field__metadata_of_anndata_are_read(tmp_path):
    path = tmp_path / "mine.h5ad"
    path.write_bytes(field.anndata_bytes())
    text = '[columns]\nhousehold_id = "house"\ngroup = "status"\nage = "age"\n'
    text += '[levels.group]\ncase = ["ill"]\ncontrol = ["well"]\n'
    mapping = parse_mapping(text.encode(), "mine")
    cohort, _ = import_cohort(path, {"16s": path}, mapping)
    assert cohort.participants["household_id"].tolist() == [name[:2] for name in field.IDS]
    assert cohort.participants.loc["s1b", "age"] == 41


REFUSED = {
    "mothur of two labels": (
        field.shared(("0.01", "0.03")), "rows of several labels, 0.01, 0.03.*keep the rows of one",
    ),
    "bracken of two ranks": (
        field.bracken().replace(b"99\tS", b"99\tG", 1), "rows of several labels, G, S",
    ),
    "bracken of one sample": (
        b"name\ttaxonomy_id\ttaxonomy_lvl\tnew_est_reads\nDorea x\t1\tS\t5\n",
        "output of one sample; join those of all samples",
    ),
    "kraken of one sample": (
        b" 99.98\t78\t78\tU\t0\tunclassified\n  0.02\t1\t0\tR\t1\troot\n",
        "a report by Kraken of one sample; give the folder",
    ),
    "percentages at every rank": (
        field.hierarchical().replace(b"\t", b"\t0."), "not whole numbers",
    ),
    "NA": (
        TSV.replace(b"\t%d\t" % field.COUNTS[0, 1], b"\tNA\t"),
        "'NA' in row .*; write 0 where nothing was seen",
    ),
    "words beside counts": (
        b"otu\tlevel\t" + "\t".join(field.IDS).encode() + b"\n" + b"a\tS" + b"\t1" * 8 + b"\n",
        r"1 column\(s\) hold no numbers \(level\); leave them out",
    ),
    "sums among others": (
        field.separated(field.table(["a", "a|b", "c", "c|d"],
                                    numbers=[["5"] * 8, ["5"] * 8, ["1"] * 8, ["2"] * 8]), "\t"),
        r"1 row\(s\) are the sums of the rows below them.*\(a\); leave out the rows that are sums",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_field__a_table_of_another_kind_is_refused_with_a_remedy(kind, tmp_path):
    table, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message):
        take_in(tmp_path, "shotgun", table, None)


def test_field__percentages_are_told_as_such_once_they_are_disjoint(tmp_path):
    shares = 100 * field.COUNTS / field.COUNTS.sum(axis=0)
    names = ["k__Bacteria", *(f"k__Bacteria|{name}" for name in "abcd")]
    numbers = [["100.0"] * 8, *(list(map("{:.5f}".format, row)) for row in shares)]
    table = field.separated(field.table(names, "clade_name", numbers), "\t")
    with pytest.raises(ValueError, match="samples sum to 100: these are percentages"):
        take_in(tmp_path, "shotgun", table, None)


def test_field__rows_above_others_that_are_no_sums_stay(tmp_path):
    names = ["k__B|p__F|g__Dorea", "k__B|p__F|g__Dorea|s__Dorea_longicatena", "k__B|p__A", "x"]
    numbers = [["1", "9"] * 4, ["9", "1"] * 4, ["3"] * 8, ["4"] * 8]
    table = field.separated(field.table(names, numbers=numbers), "\t")
    cohort, _ = take_in(tmp_path, "shotgun", table, None)
    assert cohort.table("shotgun").columns.tolist() == [
        "Dorea unclassified", "Dorea longicatena", "A unclassified", "x",
    ]  # fmt: skip
    assert cohort.table("shotgun").sum(axis=1).tolist() == [17] * 8


def metadata(header="sample-id"):
    files = Files()
    return [[header, *files.header[1:]], *files.rows]


QIIME2 = {
    "a comment before the header": "# by the core, do not edit\n\n" + join(metadata()),
    "a comment with as many commas as each line": "# by the core, do not edit\n"
    + join([[c.replace("yes", "yes, two") for c in row] for row in metadata()]).replace(
        "pets", "pets, kept"),
    "directives": join([metadata()[0], ["#q2:types", *["categorical"] * 7],
                        ["#q2:missing", *["INSDC:missing"] * 7], *metadata()[1:]]),
    "a comment after the header": join([metadata("#SampleID")[0], ["#more", "cells", "in it"],
                                        *metadata()[1:]]),
    "trailing empty cells": join([[*row, "", ""] for row in metadata()]),
    "short rows": join([row[:-1] if row[0] == "s2a" else row for row in metadata()]),
    "csv": join(metadata()).replace("\t", ","),
    "semicolons": join(metadata()).replace("\t", ";").replace("24.5", "24,5"),
}  # fmt: skip


@pytest.mark.parametrize("kind", QIIME2)
def test_field__metadata_by_the_rules_of_qiime2(kind, tmp_path):
    path = tmp_path / "people.file"
    path.write_text(QIIME2[kind], encoding="utf-8")
    first = "#SampleID" if "#SampleID" in QIIME2[kind] else "sample-id"
    pets = "pets, kept" if "kept" in QIIME2[kind] else "pets"
    text = MAPPING.replace('"id"', f'"{first}"').replace("pets", pets)
    mapping = parse_mapping(text.encode(), "mine")
    cohort, log = take_in(tmp_path, "16s", TSV, LINEAGE_TSV, metadata=path, mapping=mapping)
    assert len(cohort.participants) == 8
    assert cohort.participants["bmi"].tolist() == [24.5] * 8
    kept = cohort.participants.columns[cohort.participants.columns.str.startswith("pets")]
    assert cohort.participants[kept[0]].isna().sum() == (kind == "short rows")
    if kind == "short rows":
        assert "1 short line(s) filled with empty cells (line 4)" in log.describe()


@pytest.mark.parametrize("word", ["Missing: Not provided", "missing", "NOT COLLECTED",
                                  "restricted access", "not applicable"])  # fmt: skip
@pytest.mark.parametrize("column", ["house", "status", "id"])
def test_field__words_for_missing_are_no_ids(column, word, tmp_path):
    files = Files()
    for row in files.rows[4:7]:
        row[files.header.index(column)] = word
    paths = files.write(tmp_path)
    with pytest.raises(ValueError, match=r"with a word for a missing value|words for a missing"):
        import_cohort(paths["metadata"], {"16s": paths["table"]}, read_mapping(paths["mapping"]))


def test_field__a_word_for_missing_can_be_a_level_or_leave_people_out(tmp_path):
    files = Files()
    files.rows[4][1] = files.rows[5][1] = "Missing: Not provided"
    files.rows[0][7] = "not applicable"
    files.mapping += '[levels.household_id]\nleave_out = ["Missing: Not provided"]\n'
    paths = files.write(tmp_path)
    cohort, _ = import_cohort(
        paths["metadata"], {"16s": paths["table"]}, read_mapping(paths["mapping"])
    )
    assert len(cohort.participants) == 6
    assert pd.isna(cohort.participants.loc["s1a", "pets"])


def links():
    for path in ("obs/house", "var/Genus", "X", "var/_index"):
        yield path, h5py.ExternalLink("elsewhere.h5", "/x")
        yield path, h5py.SoftLink("/obs")


DAMAGED = {
    f"{path} as {type(link).__name__}": (path, link, "is a link; links are not followed")
    for path, link in links()
} | {
    "a code without a category": ("var/Genus/codes", [0, 7, 0, 0], "a code without a category"),
    "codes that are text": ("var/Genus/codes", ["a"] * 4, "not a list of numbers"),
    "another number of features": ("var/_index", ["a"], r"expected \(8, 1\)|damaged"),
    "a matrix of text": ("X", ["a"], "expected"),
    "a sparse matrix cut short": ("X/data", [1.0], "different lengths"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_field__a_damaged_or_hostile_anndata_file_is_refused(kind, tmp_path):
    place, value, words = DAMAGED[kind]
    data = io.BytesIO(field.anndata_bytes())
    with h5py.File(data, "r+") as handle:
        del handle[place]
        handle[place] = value
    path = tmp_path / "mine.h5ad"
    path.write_bytes(data.getvalue())
    text = b'[columns]\nhousehold_id = "house"\n[levels.group]\neveryone = ["control"]\n'
    with pytest.raises(ValueError, match=words):
        import_cohort(path, {"16s": path}, parse_mapping(text, "mine"))
