"""A Frictionless data package: a cohort folder with a description of its files and columns."""

import json
from pathlib import Path

import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.data.schema import LEVELS, UNITS
from cohabit.files.storage import TEXT_COLUMNS, sha256, write_cohort

DESCRIPTOR = "datapackage.json"
_ID_COLUMNS = {"participants.tsv": "participant_id", "samples.tsv": "sample_id"}
_MEANINGS = {
    "household_id": "people who live together have the same value",
    "group": "MS: a case, of the disease that cohort.json names; control: lives with one",
    "visit": "months since baseline",
    "depth": "reads of the library",
}


def write_frictionless(cohort: Cohort, folder: Path) -> list[str]:
    """Write a cohort folder with `datapackage.json`; `cohabit run --cohort` takes it as it is.

    Tables have a schema with types, levels, units and keys; other files are listed with their size
    and hash (Data Package, https://specs.frictionlessdata.io/data-package/).
    """
    write_cohort(cohort, folder)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    name = str(cohort.provenance.get("name") or "cohort")
    package = {
        "profile": "data-package",
        "name": "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-") or "cohort",
        "title": name,
        "resources": [_describe(path) for path in files],
    }
    text = json.dumps(package, indent=2, ensure_ascii=False)
    (folder / DESCRIPTOR).write_text(text + "\n", encoding="utf-8")
    return []


def _describe(path: Path) -> dict:
    resource = {
        "name": path.name.replace(".", "-").replace("_", "-"),
        "path": path.name,
        "bytes": path.stat().st_size,
        "hash": f"sha256:{sha256(path)}",
    }
    if path.suffix != ".tsv":
        kinds = {"biom": "application/x-hdf5", "nwk": "text/plain", "json": "application/json"}
        return resource | {"mediatype": kinds[path.suffix[1:]]}
    resource |= {"profile": "tabular-data-resource", "format": "tsv", "encoding": "utf-8"}
    return resource | {"dialect": {"delimiter": "\t"}, "schema": _describe_table(path)}


def _describe_table(path: Path) -> dict:
    """Return the table schema: fields, the key, and the people it refers to."""
    text = dict.fromkeys((*_ID_COLUMNS.values(), *TEXT_COLUMNS), str)
    table = pd.read_csv(path, sep="\t", dtype=text, keep_default_na=False, na_values=[""])
    schema = {
        "fields": [_describe_field(table[name]) for name in table],
        "missingValues": [""],
        "primaryKey": [table.columns[0]],
    }
    if path.name not in ("participants.tsv",) and "participant_id" in table:
        reference = {"resource": "participants-tsv", "fields": ["participant_id"]}
        schema["foreignKeys"] = [{"fields": ["participant_id"], "reference": reference}]
    return schema


def _describe_field(column: pd.Series) -> dict:
    name = str(column.name)
    kinds = {"i": "integer", "f": "number", "b": "boolean"}
    field: dict = {"name": name, "type": kinds.get(column.dtype.kind, "string")}
    if column.isna().all():
        field["type"] = "any"
    if name in LEVELS:
        field |= {"type": "string", "constraints": {"enum": list(LEVELS[name])}}
    meaning = _MEANINGS.get(name) or (f"in {UNITS[name]}" if name in UNITS else "")
    return field | ({"description": meaning} if meaning else {})
