"""Faults that files can have, one row each: refused in words, never taken in silence or for long.

A later fault is a row of `INPUTS` (somebody's files), `MAPPINGS`, `COHORTS` (a folder of our own)
or `GROWING` (what a reader could take too long or too much memory for).
"""

import json
import re
import time
import tracemalloc
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import h5py
import pytest
from own_cohort import MAPPING, Files, artifact, hdf5_bytes, json_bytes, make_biom

from cohabit import cli
from cohabit.files import paths
from cohabit.files.importers import ImportLog, import_cohort, read_mapping
from cohabit.files.importers.count_rows import read_counts_tsv
from cohabit.files.importers.features import read_tree
from cohabit.files.importers.mapping import parse_mapping
from cohabit.files.importers.sources import Source, read_source
from cohabit.files.importers.tables import read_biom_json, read_hdf5
from cohabit.files.importers.tsv import read_grid
from cohabit.files.storage import check_replaceable, read_cohort, write_cohort

IDS = [row[0] for row in Files().rows]
QZA = "FeatureTable[Frequency]"


def quoted_features() -> Files:
    files = Files()
    files.cells[1][0], files.cells[4][0] = '"otu1', 'otu4"'
    return files


def quoted_people(first='"s1a', last='s4b"') -> Files:
    files = Files()
    files.rows[0][0], files.rows[-1][0] = first, last
    return files


def with_feature(name: str) -> Files:
    files = Files()
    files.cells[1][0] = name
    return files


def as_text(**changes) -> Files:
    return Files(table=json_bytes(make_biom(IDS), **changes), table_name="counts.biom")


def shared_text(n: int) -> bytes:
    """Return a table of `n` ids that all point to one long text of the file."""

    def damage(handle):
        del handle["observation/ids"]
        kind = h5py.string_dtype()
        ids = handle.create_dataset("observation/ids", (n,), kind, fillvalue="x" * 4000)
        assert ids.shape == (n,)

    return hdf5_bytes(make_biom(IDS), damage)


def packed(method: int) -> Files:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("0f2b/metadata.yaml", "type: " + QZA)
    return Files(table=stream.getvalue(), table_name="table.qza")


INPUTS = {
    "quote over rows of a table": (quoted_features(), "counts.tsv: line 2: an unclosed quote"),
    "quote over rows of metadata": (quoted_people(), "metadata.tsv: line 2: an unclosed quote"),
    "tab in a quoted cell": (quoted_people('"s1a\th1"', "s4b"), "quoted cell holds a tab"),
    "text behind a quote": (quoted_people('"s1"a', "s4b"), "line 2: an unclosed quote"),
    "empty feature id": (with_feature(""), r"feature ids: 1 empty id\(s\) \(number 1\)"),
    "feature id of a control character": (with_feature("\x01"), "feature names are empty"),
    "empty feature id of JSON": (
        as_text(rows=[{"id": name, "metadata": None} for name in ("", "a", "b", "c")]),
        r"feature ids: 1 empty id\(s\)",
    ),
    "no rows": (Files(table=b"id\ts1a\ts1b\n", table_name="a.tsv"), "a header and no rows"),
    "no samples": (as_text(columns=[], data=[], shape=[4, 0]), r"empty, \(4, 0\); export again"),
    "million columns": (
        Files(table=b"id" + b"\ta" * 10**6 + b"\n", table_name="a.tsv"),
        "line 1: more than 1,000,000 columns",
    ),
    "wide metadata": (Files(metadata=b"id" + b"\ta" * 30_000 + b"\n"), "more than 20,000 columns"),
    "text without end": (
        Files(table=shared_text(200_000), table_name="counts.biom"),
        "'observation/ids' holds more than 128 MB of text",
    ),
    "packed by LZMA": (packed(zipfile.ZIP_LZMA), "packed in a way that QIIME 2 does not use"),
    "type without end": (
        Files(table=artifact("\t" * 60_000, "x", b""), table_name="table.qza"),
        "metadata.yaml names no type",
    ),
}  # fmt: skip


def take_in(folder: Path, files: Files):
    there = files.write(folder)
    mapping = read_mapping(there["mapping"])
    return import_cohort(there["metadata"], {"16s": there["table"]}, mapping)


@pytest.mark.parametrize("case", INPUTS)
def test_input__is_refused_in_words(case, tmp_path):
    files, expected = INPUTS[case]
    with pytest.raises(ValueError, match=expected):
        take_in(tmp_path, files)


def test_quote__inside_a_cell_is_a_letter(tmp_path):
    files = Files()
    files.rows[0][7], files.rows[1][7] = '5" dog', '"a ""big"" cat"'
    cohort, _ = take_in(tmp_path, files)
    assert cohort.participants["pets"].iloc[:2].tolist() == ['5" dog', 'a "big" cat']


def test_input__that_cannot_be_read_is_not_called_unwritable(tmp_path, monkeypatch):
    path = Files().write(tmp_path)["metadata"]

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ValueError, match=r"metadata.tsv: cannot be read \(Permission denied\)"):
        read_source(path)


MAPPINGS = {
    "word of two levels": (
        MAPPING.replace('control = ["well"]', 'control = ["well", "ill"]'),
        r"\[levels.group\]: ill is named for MS and for control",
    ),
    "case and MS share a word": (
        MAPPING.replace('["well"]', '["ill"]'), "ill is named for MS and for control"),
    "section that is a list": ("columns = []\n", r"\[columns\]: expected a table of names"),
    "levels that are text": (MAPPING + '[levels]\nkit = "a"\n', "expected a table of names"),
    "level that is a number": (MAPPING.replace('["F"]', "[1]"), "expected a list of texts"),
    "replace that is a list": (MAPPING + "[ids]\nreplace = []\n", "expected a table of names"),
    "missing of one word": (MAPPING + '[missing]\ncodes = "NA"\n', "expected a list of texts"),
    "columns of a table": (MAPPING + "[diet]\ncolumns = 3\n", "expected a table of names"),
    "scale that is a list": (MAPPING + "[metabolites]\nscale = []\n", "expected one of"),
}  # fmt: skip


@pytest.mark.parametrize("case", MAPPINGS)
def test_mapping__is_refused_in_words(case):
    text, expected = MAPPINGS[case]
    with pytest.raises(ValueError, match=expected):
        parse_mapping(text.encode(), "mapping.toml")


def test_mapping__of_case_and_ms_takes_the_words_of_both():
    text = MAPPING.replace('case = ["ill"]', 'case = ["ill"]\nMS = ["sick"]')
    assert parse_mapping(text.encode(), "m").levels["group"]["MS"] == ("ill", "sick")


def change_record(folder: Path, **changes) -> None:
    path = folder / "cohort.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}), encoding="utf-8")


def plain(folder: Path) -> None:
    (folder / "cohort.json").unlink()


def swallow(folder: Path) -> None:
    plain(folder)
    path = folder / "participants.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1], lines[2] = '"' + lines[1], lines[2].replace("\t", '"\t', 1)
    path.write_text("\n".join(lines), encoding="utf-8")


def rename_sample(folder: Path) -> None:
    plain(folder)
    path = folder / "samples.tsv"
    path.write_text(path.read_text(encoding="utf-8").replace("shotgun", "16s"), encoding="utf-8")


def overwrite(name: str, data: bytes):
    def damage(folder: Path) -> None:
        if name != "cohort.json":
            plain(folder)
        (folder / name).write_bytes(data)

    return damage


COHORTS = {
    "record that is a list": (overwrite("cohort.json", b"[]"), "expected a table; got"),
    "record that is cut": (overwrite("cohort.json", b'{"sha'), "not the record of a cohort"),
    "record that is deep": (overwrite("cohort.json", b"[" * 10**5), "not the record of a cohort"),
    "checksums that are a list": (lambda f: change_record(f, sha256=[]), "sha256: expected"),
    "simulated in words": (lambda f: change_record(f, simulated="false"), "true or false"),
    "record that leaves its folder": (
        lambda f: change_record(f, sha256={"../../x": ""}), "names '../../x', which is outside"),
    "record of an absolute path": (
        lambda f: change_record(f, sha256={"/etc/hostname": ""}), "which is outside this folder"),
    "table that is empty": (overwrite("participants.tsv", b""), "participants.tsv: not readable"),
    "table in another encoding": (
        overwrite("participants.tsv", b"id\th\xf3\n"), "participants.tsv: not readable"),
    "quote over rows": (swallow, "holds a tab or a line break in row 1; .*unclosed quote"),
    "counts that are no HDF5": (overwrite("shotgun.biom", b"x"), "shotgun.biom: unreadable BIOM"),
    "counts of nobody": (rename_sample, "shotgun.biom: 7 sample.* does not list as shotgun"),
}  # fmt: skip


@pytest.mark.parametrize("case", COHORTS)
def test_cohort__is_refused_in_words(case, tmp_path, small_cohort):
    damage, expected = COHORTS[case]
    folder = write_cohort(small_cohort, tmp_path / "cohort")
    damage(folder)
    with pytest.raises(ValueError, match=re.compile(expected, re.DOTALL)):
        read_cohort(folder)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "..\\x", 3])
def test_inside__refuses_what_leaves_the_folder(name, tmp_path):
    with pytest.raises(ValueError, match="outside this folder"):
        paths.inside(tmp_path, name)
    assert paths.inside(tmp_path, "truth/effects.tsv") == tmp_path / "truth" / "effects.tsv"


@pytest.mark.parametrize("force", [False, True])
def test_out__replaces_nothing_but_a_cohort(force, tmp_path, small_cohort):
    check_replaceable(tmp_path / "new", force=force)
    (tmp_path / "empty").mkdir()
    check_replaceable(tmp_path / "empty", force=force)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.txt").write_text("years", encoding="utf-8")
    for other in ("work", "work/thesis.txt"):
        with pytest.raises(ValueError, match="no cohort's folder; name a new or an empty one"):
            check_replaceable(tmp_path / other, force=force)
    cohort = write_cohort(small_cohort, tmp_path / "cohort")
    if not force:
        with pytest.raises(ValueError, match="holds a cohort; .*--force"):
            check_replaceable(cohort, force=False)
    (cohort / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="notes.txt"):
        check_replaceable(cohort, force=force)
    with pytest.raises(ValueError, match="no cohort's folder"):
        write_cohort(small_cohort, tmp_path / "work")
    assert (tmp_path / "work" / "thesis.txt").read_text(encoding="utf-8") == "years"


@pytest.mark.parametrize("command", ["simulate", "import"])
def test_command__leaves_a_folder_that_is_no_cohorts(command, tmp_path, capsys):
    there = Files().write(tmp_path)
    options = {
        "simulate": ["--pairs", "3"],
        "import": [
            *("--metadata", str(there["metadata"]), "--table", f"16s={there['table']}"),
            *("--mapping", str(there["mapping"])),
        ],
    }
    before = sorted(tmp_path.iterdir())
    arguments = [command, "--out", str(tmp_path), "--force", *options[command]]
    assert cli.main(arguments) == 2
    assert "name a new or an empty one" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def text(name: str, data: str) -> Source:
    return Source(name, "text", data.encode())


def tree_of(data: str):
    return lambda: read_tree(text("tree", data), ["a"], ImportLog())


def grid_of(data: str):
    return lambda: read_grid(text("grid", data), ImportLog())


def counts_of(data: str):
    return lambda: read_counts_tsv(text("counts", data), ImportLog())


GROWING = {
    "brackets": lambda n: tree_of("(" * n + ")" * n + ";"),
    "unclosed brackets": lambda n: tree_of("(" * n),
    "quotes in a tree": lambda n: tree_of("'" * n),
    "comments in a tree": lambda n: tree_of("[" * n),
    "tips": lambda n: tree_of("(" + "a:1," * (n // 8) + "b);"),
    "tabs": lambda n: grid_of("a" + "\t" * n),
    "quotes": lambda n: grid_of('a\tb\n"' + '"' * n),
    "lines": lambda n: grid_of("a\tb\n" + "c\td\n" * (n // 4)),
    "tabs of counts": lambda n: counts_of("a\tb\n" + "\t" * n),
    "counts": lambda n: counts_of("a\tb\n" + "c\t1\n" * (n // 4)),
    "words for counts": lambda n: counts_of("a\tb\n" + "c\tx\n" * (n // 4)),
    "lists": lambda n: lambda: read_biom_json(Source("a", "json", b'{"a":[' + b"[]," * n + b"]}")),
    "ids": lambda n: lambda: read_hdf5(Source("a", "hdf5", shared_text(n))),
}
"""What could take too long: n -> a call whose input has about n bytes."""


def seconds(call) -> float:
    start = time.process_time()
    with suppress(ValueError):
        call()
    return time.process_time() - start


@pytest.mark.parametrize("case", GROWING)
def test_reader__takes_time_and_memory_in_proportion(case):
    """Eight times the bytes take eight times as long; what is quadratic takes 64 times."""
    small, large = GROWING[case](20_000), GROWING[case](160_000)
    seconds(GROWING[case](2_000))
    least = min(seconds(large) for _ in range(2))
    assert least < 40 * max(min(seconds(small) for _ in range(3)), 0.1)
    tracemalloc.start()
    seconds(large)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 * 2**20
