"""Importers under random input: a cohort, or a `ValueError` with words; nothing else."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_cohort import (
    Files,
    artifact,
    gzipped,
    hdf5_bytes,
    join,
    json_bytes,
    make_biom,
)

from cohabit.data.lineage import Lineage
from cohabit.files.importers import ImportRefused, guess_mapping, import_cohort, read_mapping
from cohabit.files.importers.features import read_tree
from cohabit.files.importers.log import ImportLog, inert
from cohabit.files.importers.mapping import parse_mapping
from cohabit.files.importers.sources import Source

FEW = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
IDS = [row[0] for row in Files().rows]
TABLES = {
    "counts.tsv": join(Files().cells).encode(),
    "counts.tsv.gz": gzipped(join(Files().cells).encode()),
    "json.biom": json_bytes(make_biom(IDS)),
    "table.qza": artifact(
        "FeatureTable[Frequency]", "feature-table.biom", json_bytes(make_biom(IDS))
    ),
}
ODD = st.sampled_from(
    [
        "",
        "NA",
        "-1",
        "1,5",
        "1e400",
        "nan",
        "=1+1",
        "<b>",
        "\x00",
        "é",
        "\t",
        "\n",
        '"',
        "#",
        "\u202e",
    ]
)
CELL = st.one_of(ODD, st.text(max_size=6), st.integers(-5, 10**20).map(str))


def accept_or_explain(work):
    """Run; a refusal must be a ValueError with words."""
    refused = None
    try:
        work()
    except ValueError as error:
        refused = error
    if refused is not None:
        assert type(refused) in (ValueError, ImportRefused)
        assert len(str(refused)) > 10


def import_all(folder, files):
    paths = files.write(folder)
    mapping = read_mapping(paths["mapping"])
    return import_cohort(paths["metadata"], {"16s": paths["table"]}, mapping)


@FEW
@given(
    line=st.integers(0, 8),
    column=st.integers(0, 7),
    value=CELL,
    more=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 7), CELL), max_size=4),
)
def test_metadata__survives_any_cell(tmp_path, line, column, value, more):
    files = Files()
    lines = [files.header, *files.rows]
    for place, across, text in [(line, column, value), *more]:
        lines[place][across] = text
    accept_or_explain(lambda: import_all(tmp_path, files))


@FEW
@given(row=st.integers(0, 4), column=st.integers(0, 8), value=CELL)
def test_table__survives_any_cell(tmp_path, row, column, value):
    files = Files()
    files.cells[row][column] = value
    accept_or_explain(lambda: import_all(tmp_path, files))


@pytest.mark.parametrize("name", TABLES)
@FEW
@given(data=st.data())
def test_table__survives_damaged_bytes(name, tmp_path, data):
    whole = TABLES[name]
    start = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 20))
    damage = data.draw(st.binary(max_size=20))
    files = Files(table=whole[:start] + damage + whole[start + cut :], table_name=name)
    accept_or_explain(lambda: import_all(tmp_path, files))


@FEW
@given(data=st.binary(max_size=300))
def test_everything__survives_noise(tmp_path, data):
    files = Files(metadata=data)
    accept_or_explain(lambda: import_all(tmp_path, files))
    accept_or_explain(lambda: import_all(tmp_path, Files(table=data)))
    accept_or_explain(lambda: parse_mapping(data, "noise"))
    path = tmp_path / "noise.tsv"
    path.write_bytes(data)
    accept_or_explain(lambda: guess_mapping(path))


def rewrite(handle, path, values):
    del handle[path]
    handle[path] = values


@FEW
@given(
    path=st.sampled_from(["data", "indices", "indptr"]),
    values=st.lists(st.one_of(st.integers(-9, 40), st.floats(width=32)), max_size=40),
)
def test_hdf5__survives_contradictory_matrices(tmp_path, path, values):
    table = hdf5_bytes(
        make_biom(IDS), lambda handle: rewrite(handle, f"observation/matrix/{path}", values)
    )
    files = Files(table=table, table_name="counts.biom")
    accept_or_explain(lambda: import_all(tmp_path, files))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@FEW
@given(key=st.sampled_from(["rows", "columns", "data", "shape", "matrix_type"]), value=JSON)
def test_json__survives_any_part(tmp_path, key, value):
    table = json_bytes(make_biom(IDS), **{key: value})
    files = Files(table=table, table_name="counts.biom")
    accept_or_explain(lambda: import_all(tmp_path, files))


@FEW
@given(text=st.text(alphabet="(),:;'[]ab1. \n", max_size=40))
def test_tree__is_read_or_refused(text):
    accept_or_explain(lambda: read_tree(Source("tree", "text", text.encode()), [], ImportLog()))


@FEW
@given(text=st.text(max_size=60))
def test_guess__of_any_metadata_is_a_mapping_or_words(tmp_path, text):
    files = Files()
    files.header[3], files.rows[0][2], files.rows[1][7] = text[:20], text[20:40], text[40:]
    path = files.write(tmp_path)["metadata"]
    accept_or_explain(lambda: parse_mapping(guess_mapping(path).encode(), "guess"))


@FEW
@given(text=st.text(max_size=40))
def test_names__become_inert_and_stay_so(text):
    safe = inert(text)
    assert inert(safe) == safe
    assert safe.isprintable()
    assert len(Lineage.parse(text).names) == 6


def test_deep_tree__is_refused_at_once():
    deep = "(" * 200_000 + "a" + ")" * 200_000 + ";"
    with pytest.raises(ValueError, match="200,000 deep"):
        read_tree(Source("tree", "text", deep.encode()), ["a"], ImportLog())
