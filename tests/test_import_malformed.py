"""What cannot be read: each broken file with the message that says so."""

import io
import pickle
import re
import zipfile

import h5py
import numpy as np
import pytest
from own_cohort import (
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
from cohabit.files.importers import ImportRefused, import_cohort, read_mapping
from cohabit.files.importers.sources import read_source

IDS = [row[0] for row in Files().rows]
QZA = "FeatureTable[Frequency]"


def refuse(folder, files, **options):
    """Import, expect to be refused, return the message."""
    paths = files.write(folder)
    extra = {}
    for name, data in options.items():
        extra[name] = folder / f"{name}.txt"
        extra[name].write_bytes(data)
    with pytest.raises(ValueError, match=r".") as caught:
        take_in(paths, **extra)
    return str(caught.value)


def take_in(paths, **options):
    mapping = read_mapping(paths["mapping"])
    return import_cohort(paths["metadata"], {"16s": paths["table"]}, mapping, **options)


def with_row(line, column, value):
    files = Files()
    files.rows[line][files.header.index(column)] = value
    return files


def with_cell(value, row=1, column=2):
    files = Files()
    files.cells[row][column] = value
    return files


def with_bytes(data, name="counts.tsv"):
    return Files(table=data, table_name=name)


def metadata(data):
    return Files(metadata=data)


def as_text():
    return join([Files().header, *Files().rows])


def twice_in_header():
    files = Files()
    files.header[6] = "age"
    return files


def repeated_sample():
    files = Files()
    files.rows.append([*files.rows[0]])
    return files


def mapped(old, new):
    return Files(mapping=MAPPING.replace(old, new))


def fractions():
    files = Files()
    counts = draw_counts(8)
    shares = (counts / counts.sum(axis=0)).round(9).astype(str).tolist()
    files.cells[1:] = [[row[0], *line] for row, line in zip(files.cells[1:], shares, strict=True)]
    return files


METADATA = {
    "empty": (metadata(b""), r"metadata.tsv: the file is empty"),
    "header alone": (metadata(b"id\thouse\n"), "a header and no rows"),
    "utf-16": (metadata(as_text().encode("utf-16")), "encoded as UTF-16; save it as UTF-8"),
    "latin-1": (
        with_row(2, "town", "Córdoba"),
        r"line 4 is not UTF-8 \(byte 0xf3\).*iconv -f WINDOWS-1252",
    ),
    "NUL byte": (metadata(as_text().replace("North", "No\0rth").encode()), "line 2 holds a NUL"),
    "ragged": (metadata((as_text() + "s9\th9\n").encode()), r"8 columns; 1 line\(s\).*line 10"),
    "open quote": (
        metadata(as_text().replace("s2a", '"s2a').encode()),
        r"unclosed quote",
    ),
    "column twice": (twice_in_header(), r"1 column name\(s\) repeat \(age\)"),
    "unnamed column": (
        metadata(as_text().replace("town", "", 1).encode()),
        r"column\(s\) 7 have no name",
    ),
    "sample twice": (repeated_sample(), r"2 sample id\(s\) repeat \(line 2: s1a, line 10: s1a\)"),
    "no sample id": (with_row(0, "id", ""), r"1 empty sample id\(s\) \(line 2"),
    "spreadsheet": (metadata(b"PK\x03\x04...xl/workbook.xml"), "a spreadsheet; save the sheet as"),
    "old spreadsheet": (metadata(b"\xd0\xcf\x11\xe0" + bytes(99)), "a spreadsheet; save the sheet"),
    "unknown level": (
        with_row(3, "status", "maybe"),
        r"group: unknown level 'maybe' in 1 row\(s\) \(line 5\).*\[levels.group\]; known: control,",
    ),
    "unknown sex": (with_row(0, "gender", "X"), r"sex: unknown level 'X'.*known: male, female"),
    "no group": (with_row(0, "status", ""), r"group: empty \(s1a\); fill it in or leave these"),
    "no household": (with_row(5, "house", "NA"), r"household_id: 1 row.*empty.*\(line 7\)"),
    "age as date": (with_row(0, "age", "1-Feb"), r"age: 1 value\(s\) are not numbers.*a date"),
    "birthday": (with_row(0, "age", "1980-02-03"), r"first '1980-02-03' \(line 2\); a date"),
    "decimal comma": (with_row(0, "bmi", "24,5"), "bmi: .*a decimal comma: write a point"),
    "thousands": (with_row(0, "age", "1,040"), "age: .*a comma between thousands"),
    "bound": (with_row(0, "age", "<18"), "age: .*a bound, not a number"),
    "words": (with_row(0, "age", "forty"), r"list it under \[missing\] codes"),
    "Excel error": (with_row(0, "age", "#DIV/0!"), "age: .*an error of a spreadsheet"),
    "age 400": (with_row(0, "age", "400"), r"age: outside 0 to 120 years \(s1a\); give years"),
    "coded missing": (with_row(1, "bmi", "-9"), r"bmi: outside 8 to 120 kg/m2 \(s1b\)"),
    "infinite": (with_row(1, "bmi", "inf"), r"bmi: 1 value\(s\) are not numbers, first 'inf'"),
    "column not there": (
        mapped('"gender"', '"gende"'),
        r"no column 'gende' for sex; did you mean 'gender'\?",
    ),
    "column used twice": (mapped('"bmi"', '"age"'), "column 'age' is given for age and bmi"),
    "kept column not there": (mapped('["pets"]', '["pet"]'), "no column 'pet' to keep; did you"),
    "two households a person": (
        mapped('site = "town"', 'participant_id = "town"'),
        r"household_id: 2 participant\(s\) have two values \(North, South\)",
    ),
    "no baseline": (
        mapped('age = "age"', 'visit = "age"'),
        r"no sample has visit 0.*from = \"first\" under \[visits\]",
    ),
}  # fmt: skip


def test_malformed_inputs__are_at_least_forty():
    assert len(METADATA) + len(TABLES) + len(MAPPINGS) + len(OTHERS) >= 40


@pytest.mark.parametrize("case", METADATA)
def test_metadata__says_what_is_wrong(case, tmp_path):
    files, expected = METADATA[case]
    if case == "latin-1":
        files = Files(metadata=join([files.header, *files.rows]).encode("latin-1"))
    assert re.search(expected, refuse(tmp_path, files), re.DOTALL)


def external(handle):
    del handle["observation/matrix/data"]
    handle["observation/matrix/data"] = h5py.ExternalLink("other.h5", "/secret")


def outside(handle):
    del handle["observation/matrix/data"]
    handle.create_dataset(
        "observation/matrix/data", (8,), "f8", external=[("/etc/hostname", 0, 64)]
    )


def bloated(handle):
    del handle["sample/ids"]
    handle.create_dataset("sample/ids", (10**10,), h5py.string_dtype(), chunks=(1024,))


def unpacked(handle):
    del handle["observation/ids"]
    handle.create_dataset(
        "observation/ids", (4,), dtype="S500000000", chunks=(1,), compression="gzip"
    )


def soft(handle):
    del handle["sample/ids"]
    handle["sample/ids"] = h5py.SoftLink("/observation/ids")


def virtual(handle):
    del handle["observation/matrix/data"]
    layout = h5py.VirtualLayout((8,), "f8")
    layout[:] = h5py.VirtualSource("/etc/hostname", "d", (8,))
    handle.create_virtual_dataset("observation/matrix/data", layout)


def objects(handle):
    del handle["sample/ids"]
    handle.create_dataset("sample/ids", data=np.arange(8))


def shifted(handle):
    handle["observation/matrix/indices"][0] = 99


def without_ids(handle):
    del handle["observation/ids"]


def table_biom(damage):
    return with_bytes(hdf5_bytes(make_biom(IDS), damage), "counts.biom")


def table_json(**changes):
    return with_bytes(json_bytes(make_biom(IDS), **changes), "counts.biom")


def table_zip(*names, comment=b""):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return with_bytes(stream.getvalue(), "table.qza")


def repeated_feature():
    files = Files()
    files.cells[2][0] = "otu1"
    return files


PAYLOAD = hdf5_bytes(make_biom(IDS))
TABLES = {
    "empty": (with_bytes(b"\n\n"), "counts.tsv: the file is empty"),
    "one column": (with_bytes(b"otu1\notu2\n"), "the header has one column, 'otu1'"),
    "negative": (with_cell("-3"), r"1 negative count\(s\) \(otu1 in s1b: -3\); give raw counts"),
    "fraction": (with_cell("3.5"), r"1 count\(s\) that are not whole.*otu1 in s1b: 3.5"),
    "shares": (fractions(), "samples sum to 1: these are shares; give the counts"),
    "infinite": (with_cell("inf"), r"1 value\(s\) missing or infinite"),
    "too large": (with_cell("1e300"), r"1 count\(s\) above 2\^53"),
    "empty cell": (with_cell(""), "1 cell.* are empty, first 'otu1' in 's1b'; write 0"),
    "thousands": (with_cell("1,234"), r"first '1,234' in row 'otu1'.*comma between thousands"),
    "word": (
        with_cell("many"),
        "1 cell.* are not numbers, first 'many' in row 'otu1', column 's1b'",
    ),
    "date": (with_cell("2-Mar"), "a date, perhaps made by a spreadsheet"),
    "truth values": (with_cell("True"), "not numbers, first 'True'"),
    "feature twice": (repeated_feature(), r"feature ids: 1 id\(s\) repeat \(otu1\)"),
    "sample twice": (with_cell("s1a", row=0), r"1 column name\(s\) repeat \(s1a\)"),
    "ruined id": (with_cell("#NAME?", column=0), "error values of a spreadsheet"),
    "too many columns": (with_bytes(b"id\ts1a\ts1b\no1\t1\t2\no2\t1\t2\t3\n"), "line 3.*saw 4"),
    "rds": (with_bytes(b"\x1f\x8b", "p.rds"), "gzip file is damaged"),
    "rds whole": (with_bytes(gzipped(b"X\n\x00\x00\x00\x03"), "p.rds"), r"readRDS\(\".*p.rds\"\)"),
    "rda": (with_bytes(b"RDX3\nX\n", "p.RData"), "export it in R with"),
    "spreadsheet": (with_bytes(b"any", "counts.xlsx"), "a spreadsheet; save the sheet"),
    "gzip cut": (with_bytes(gzipped(b"a\tb\n" * 99)[:-9], "counts.tsv.gz"), "gzip file is damaged"),
    "other ids": (
        with_bytes(b"id\tx1\tx2\no1\t1\t2\n"),
        r"no sample id is in the metadata \(here \['x1', 'x2'\]",
    ),
    "ids rewritten": (
        with_bytes(join([["id", *(f"X{i}" for i in IDS)], ["o", *["1"] * 8]]).encode()),
        r'\[ids\] strip_prefix = "X" would join 8',
    ),
    "hdf5 cut": (with_bytes(PAYLOAD[:900], "counts.biom"), "unreadable HDF5 file"),
    "hdf5 without ids": (table_biom(without_ids), "no 'observation/ids' in this HDF5 file"),
    "hdf5 link": (table_biom(external), "is a link; links are not followed"),
    "hdf5 outside": (table_biom(outside), "keeps its values outside the file"),
    "hdf5 bomb": (table_biom(bloated), "declares 10000000000 values"),
    "hdf5 wide text": (table_biom(unpacked), "'observation/ids' declares 1,907 MB once unpacked"),
    "hdf5 soft link": (table_biom(soft), "is a link; links are not followed"),
    "hdf5 virtual": (table_biom(virtual), "keeps its values outside the file"),
    "hdf5 numbers for ids": (table_biom(objects), "'sample/ids' holds int64, not text"),
    "hdf5 indices": (table_biom(shifted), "an index points outside the samples"),
    "json cut": (with_bytes(b'{"rows": [', "counts.biom"), "not readable as JSON"),
    "json other": (with_bytes(b'{"a": 1}', "counts.biom"), "without rows, columns, data, shape"),
    "json deep": (with_bytes(b'{"a":' * 9**5, "counts.biom"), "not readable as JSON"),
    "json shape": (table_json(shape=[9, 9]), "shape says .9, 9.; there are 4 rows and 8 columns"),
    "json ids": (table_json(rows=[{"id": 1}] * 4), "rows must be a list of records with a text"),
    "json digits": (
        with_bytes(b'{"rows":' + b"9" * 5000 + b"}", "counts.biom"),
        "counts.biom: not readable as JSON",
    ),
    "json outside": (table_json(data=[[0, 99, 5]]), "a triplet points outside the table"),
    "json triplets": (table_json(data=[[0, 1]]), r"must be \[row, column, count\] triplets"),
    "json dense": (table_json(matrix_type="dense", data=[[1]]), r"dense data of shape \(1, 1\)"),
    "json NaN": (table_json(data=[[0, 1, float("nan")]]), "holds NaN, which is not a count"),
    "qza of another type": (
        with_bytes(artifact("SampleData[Reads]", "x", b""), "table.qza"),
        r"expected FeatureTable\[Frequency\]; this artifact is SampleData\[Reads\]",
    ),
    "qza of shares": (
        with_bytes(artifact("FeatureTable[RelativeFrequency]", "x", b""), "table.qza"),
        r"this artifact is FeatureTable\[RelativeFrequency\]",
    ),
    "qza empty": (
        with_bytes(artifact(QZA, "other.biom", b""), "table.qza"),
        "expected one data/feature-table.biom in the artifact; found 0",
    ),
    "zip without metadata": (table_zip("a/b.txt"), "expected one metadata.yaml"),
    "zip slip": (table_zip("../../evil.sh"), "points outside the archive"),
    "zip slip backwards": (table_zip("..\\evil.sh"), "points outside the archive"),
    "zip absolute": (table_zip("/etc/cron.d/evil"), "points outside the archive"),
    "zip drive": (table_zip("C:/evil.sh"), "points outside the archive"),
    "zip metadata bomb": (
        with_bytes(artifact(QZA + "\n" + "#" * 10**5, "x", b""), "table.qza"),
        "metadata.yaml: larger than 0.0625 MB once unpacked",
    ),
    "pickle": (with_bytes(pickle.dumps({"a": 1}), "counts.biom"), "NUL byte, so it is not text"),
    "gzip twice": (with_bytes(gzipped(gzipped(b"a\tb\n")), "counts.tsv.gz"), "holds a NUL byte"),
    "endless cell": (
        with_bytes(b"id\ts1a\n" + b"o" * 200_000 + b"\t1\n"),
        "line 2: a cell of more",
    ),
    "zip damaged": (with_bytes(b"PK\x03\x04" + bytes(50), "t.qza"), "the archive is damaged"),
}


@pytest.mark.parametrize("case", TABLES)
def test_table__says_what_is_wrong(case, tmp_path):
    files, expected = TABLES[case]
    assert re.search(expected, refuse(tmp_path, files), re.DOTALL)


MAPPINGS = {
    "no toml": (mapped("[columns]", "[columns"), "mapping.toml: not readable as TOML"),
    "section": (mapped("[columns]", "[colums]"), "'colums' is unknown: did you mean 'columns'"),
    "column": (mapped("age =", "aeg ="), r"\[columns\] 'aeg' is unknown: did you mean 'age'"),
    "no household": (mapped('household_id = "house"', ""), r'needs household_id = "..."'),
    "level": (mapped("female =", "femal ="), "'femal' is unknown: did you mean 'female'"),
    "level of nothing": (mapped("[levels.sex]", "[levels.sx]"), r"\[levels\] 'sx' is unknown"),
    "number for text": (mapped('age = "age"', "age = 3"), 'age: expected text in quotes, "3"'),
    "text for list": (mapped('["pets"]', '"pets"'), "keep: expected a list of texts"),
    "assay": (mapped("[columns]", '[cohort]\nassay = "its"\n[columns]'), "one of shotgun, 16s"),
    "unit": (Files(mapping=MAPPING + '[visits]\nunit = "moons"\n'), "one of months, years"),
}  # fmt: skip


@pytest.mark.parametrize("case", MAPPINGS)
def test_mapping__says_what_is_wrong(case, tmp_path):
    files, expected = MAPPINGS[case]
    assert re.search(expected, refuse(tmp_path, files), re.DOTALL)


OTHERS = {
    "taxonomy twice": (
        "taxonomy",
        b"id\tTaxon\notu1\ta\notu1\tb\n",
        "two lineages, first otu1",
    ),
    "no taxon": ("taxonomy", b"id\tname\notu1\ta\n", "expected a column Taxon or taxonomy"),
    "tree open": ("tree", b"((otu1,otu2);", "not a whole Newick tree"),
    "tree closed": ("tree", b"(otu1,otu2));", "not a whole Newick tree.*unbalanced"),
    "tree closed twice": ("tree", b"(otu1,otu2));)", "not a whole Newick tree"),
    "tree length": ("tree", b"(otu1:long,otu2:1);", "not a whole Newick tree.*length.*long"),
    "tree twice": ("tree", b"(otu1,otu2,otu1);", r"1 tip\(s\) of the tree repeat \(otu1\)"),
    "tree nan": ("tree", b"(otu1:nan,otu2:1);", r"1 branch length\(s\) negative.*otu1"),
    "tree negative": ("tree", b"(otu1:1,otu2:-2);", r"1 branch length\(s\) negative.*otu2"),
    "tree quote": ("tree", b"('otu1,otu2);", "not a whole Newick tree"),
    "two trees": ("tree", b"(otu1,otu2);(a,b);", "text after the `;`"),
    "tree of another table": ("tree", b"(a:1,b:1);", "no tip of the tree is a feature"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_files__say_what_is_wrong(case, tmp_path):
    name, data, expected = OTHERS[case]
    message = refuse(tmp_path, Files(), **{name: data})
    assert re.search(expected, message, re.DOTALL)


def test_import__tells_every_problem_at_once(tmp_path):
    files = with_row(0, "age", "400")
    files.rows[1][2] = "maybe"
    files.rows[2][5] = "24,5"
    files.cells[1][2] = "-3"
    files.cells[2][3] = "0.5"
    message = refuse(tmp_path, files)
    assert message.startswith("5 problem(s), nothing was written:\n  1. ")
    for words in (
        "age: outside",
        "unknown level 'maybe'",
        "decimal comma",
        "negative",
        "not whole",
    ):
        assert words in message


@pytest.mark.parametrize("packed", ["gzip", "qza"])
def test_bomb__is_noticed_before_it_fills_the_memory(packed, tmp_path):
    data = bytes(64 * 2**20)
    files = with_bytes(
        gzipped(data) if packed == "gzip" else artifact(QZA, "feature-table.biom", data)
    )
    paths = files.write(tmp_path)
    with pytest.raises(ValueError, match="larger than 8 MB once unpacked"):
        import_cohort(
            paths["metadata"],
            {"16s": paths["table"]},
            read_mapping(paths["mapping"]),
            max_bytes=8 * 2**20,
        )


def test_archive__writes_nothing_outside_or_inside(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    files = table_zip("0f2b/metadata.yaml", "../evil.sh")
    before = {path.name for path in files.write(inside).values()}
    with pytest.raises(ValueError, match="points outside"):
        import_cohort(
            inside / "metadata.tsv",
            {"16s": inside / "table.qza"},
            read_mapping(inside / "mapping.toml"),
        )
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == before


def test_rds__is_never_opened_and_its_message_is_one_line_of_r(tmp_path):
    path = tmp_path / 'my "table".rds'
    path.write_bytes(gzipped(b"X\n\x00\x00\x00\x03"))
    with pytest.raises(ValueError, match="never opened") as caught:
        read_source(path)
    line = str(caught.value).splitlines()[1]
    assert line.startswith("library(phyloseq); p <- readRDS(")
    assert '\\"table\\"' in line


def test_refused_import__leaves_what_was_there(tmp_path, capsys):
    paths = with_cell("-3").write(tmp_path)
    out = tmp_path / "mine"
    out.mkdir()
    (out / "participants.tsv").write_text("earlier", encoding="utf-8")
    (out / "cohort.json").write_text('{"sha256": {"participants.tsv": ""}}', encoding="utf-8")
    arguments = ["--metadata", paths["metadata"], "--table", f"16s={paths['table']}"]
    arguments += ["--mapping", paths["mapping"], "--out", out, "--force"]
    assert cli.main(["import", *map(str, arguments)]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert (out / "participants.tsv").read_text(encoding="utf-8") == "earlier"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "expected one of --mapping FILE and --preset NAME"),
        (["--preset", "imsm"], "no preset 'imsm': did you mean 'imsms'?"),
        (["--preset", "imsms", "--table", "nowhere.biom"], "say which assay it is"),
        (
            ["--preset", "imsms", "--table", "16s=nowhere.biom"],
            "expected a file; it does not exist",
        ),
        (["--mapping", "nowhere.toml"], "make one with --guess"),
    ],
)
def test_command__says_what_is_missing(arguments, words, tmp_path, capsys):
    path = Files().write(tmp_path)["metadata"]
    base = ["import", "--metadata", str(path), "--out", str(tmp_path / "mine")]
    assert cli.main([*base, *arguments]) == 2
    assert words in capsys.readouterr().err


def test_refusal__is_a_value_error():
    assert issubclass(ImportRefused, ValueError)
    assert len(LINEAGES) == 4
