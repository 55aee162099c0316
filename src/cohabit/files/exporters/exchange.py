"""What every export holds: metadata of samples, a mapping, and the tables of people as TSV."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.data.schema import ACIDS, BRANCHED_ACIDS, LEVELS, UNCLASSIFIED
from cohabit.files.importers.mapping import PEOPLE, VISIT_FIELDS
from cohabit.files.storage import write_table

METADATA, MAPPING, TAXONOMY = "metadata.tsv", "mapping.toml", "taxonomy.tsv"
SAMPLE_ID = "sample-id"
"""A name of the id column that QIIME 2 accepts."""

_OF_SAMPLES = ("participant_id", "visit", "kit", "replicate", "batch")


def describe_libraries(cohort: Cohort, assay: str | None = None) -> pd.DataFrame:
    """Return one row per library with all that is known of it and of its person.

    Parameters
    ----------
    cohort : Cohort
    assay : str, optional
        ``"16s"`` or ``"shotgun"``; by default the libraries of all, and people without any.

    Returns
    -------
    DataFrame
        Index sample-id; columns of samples, then of participants, whose order the rows keep.

    Raises
    ------
    ValueError
        When samples and participants have a column of one name.
    """
    people, samples = cohort.participants, cohort.samples
    twice = sorted(set(people) & set(samples))
    if twice:
        raise ValueError(
            f"export: participants and samples both have a column {', '.join(twice)}; "
            "an exported table has one of each name: rename it in the cohort"
        )
    if assay is None:
        nobody = people.index[~people.index.isin(samples["participant_id"])]
        empty = pd.DataFrame({"participant_id": nobody}, index=pd.Index(nobody, dtype=object))
        samples = pd.concat([samples, empty.assign(visit=0)]) if len(nobody) else samples
    else:
        samples = samples[samples["assay"] == assay]
    order = np.argsort(people.index.get_indexer(samples["participant_id"]), kind="stable")
    table = samples.iloc[order].join(people, on="participant_id")
    return table.rename_axis(SAMPLE_ID)


def write_people(cohort: Cohort, folder: Path, *, types: bool = False) -> list[str]:
    """Write metadata, mapping and the tables of people; return options of `cohabit import`.

    Parameters
    ----------
    cohort : Cohort
    folder : path
    types : bool
        Whether the metadata say in a second line which columns are numeric, as QIIME 2 reads it.
    """
    table = describe_libraries(cohort)
    words = _words_of_group(cohort)
    if words:
        table = table.assign(group=table["diagnosis"]).drop(columns="diagnosis")
    text = table.to_csv(sep="\t", lineterminator="\n")
    if types:
        head, _, body = text.partition("\n")
        text = "\n".join([head, "\t".join(["#q2:types", *map(_type_of, table.dtypes)]), body])
    (folder / METADATA).write_text(text, encoding="utf-8")
    mapping = _write_mapping(cohort, table, words)
    (folder / MAPPING).write_text(mapping, encoding="utf-8")
    options = ["--metadata", METADATA, "--mapping", MAPPING]
    for name in ("diet", "pathways", "metabolites", "blood", "visits"):
        if (found := getattr(cohort, name)) is not None:
            found = _as_measured(found) if name == "metabolites" else found
            found = found.reset_index(drop=True) if name == "visits" else found
            write_table(found, folder / f"{name}.tsv", index=name != "visits")
            options += [f"--{name}", f"{name}.tsv"]
    return options


def _type_of(dtype) -> str:
    return "numeric" if pd.api.types.is_numeric_dtype(dtype) else "categorical"


def _words_of_group(cohort: Cohort) -> dict[str, list[str]]:
    """Return the cohort's own words for cases and controls, or nothing if it has none."""
    people = cohort.participants
    if "diagnosis" not in people or people["diagnosis"].isna().any():
        return {}
    cases = people["group"] == "MS"
    told = str(cohort.provenance.get("case", "")).split(", ")
    found = people.loc[cases, "diagnosis"].unique().tolist()
    words = told if set(found) <= set(told) else found
    others = people.loc[~cases, "diagnosis"].unique().tolist()
    return {} if set(words) & set(others) else {"case": words, "control": others}


def _as_measured(metabolites: pd.DataFrame) -> pd.DataFrame:
    """Return all metabolites as concentrations; a cohort keeps logs of all but fatty acids."""
    acids = [name for name in metabolites if name.partition(":")[2] in ACIDS + BRANCHED_ACIDS]
    logs = metabolites.columns.difference(acids, sort=False)
    return metabolites.assign(**{name: np.exp(metabolites[name]) for name in logs})


def _write_mapping(cohort: Cohort, table: pd.DataFrame, words: Mapping) -> str:
    """Return the TOML by which `cohabit import` reads the exported metadata."""
    ours = [name for name in (*_OF_SAMPLES, *PEOPLE) if name in table]
    kept = [name for name in cohort.participants if name in table and name not in ours]
    lines = ["[cohort]", f"name = {_quote(cohort.provenance.get('name', ''))}", "", "[columns]"]
    lines += [f"sample_id = {_quote(SAMPLE_ID)}", *(f"{name} = {_quote(name)}" for name in ours)]
    lines += [f"keep = {_quote(kept)}", "", "[missing]", "codes = []"]
    if words:
        lines += ["", "[levels.group]", *(f"{key} = {_quote(list(words[key]))}" for key in words)]
    if cohort.visits is not None:
        lines += ["", "[visits]", 'participant_id = "participant_id"', "[visits.columns]"]
        lines += [f'{name} = "{name}"' for name in VISIT_FIELDS if name in cohort.visits]
    return "\n".join(lines) + "\n"


def _quote(value: object) -> str:
    """Return text, or a list of it, as TOML writes it."""
    return json.dumps(value, ensure_ascii=False)


def write_tree(cohort: Cohort, folder: Path) -> list[str]:
    """Write the tree, if the cohort has one, as Newick; return options of `cohabit import`."""
    if cohort.tree is None:
        return []
    (folder / "tree.nwk").write_text(cohort.tree, encoding="utf-8")
    return ["--tree", "tree.nwk"]


def merge_lineages(cohort: Cohort) -> pd.DataFrame:
    """Return the lineage of each feature of all assays, from phylum to species, empty if unknown.

    Raises
    ------
    ValueError
        When a feature has two lineages in two assays; names the first.
    """
    parts = [cohort.taxonomy(assay).loc[:, :"species"] for assay in cohort.features]
    joined = pd.concat(parts)
    joined = joined[~joined.reset_index().duplicated().to_numpy()]
    twice = joined.index[joined.index.duplicated()]
    if len(twice):
        raise ValueError(f"export: {twice[0]} has two lineages in two tables; export one assay")
    return joined.replace(UNCLASSIFIED, "").rename_axis("feature")


def join_lineage(names: Iterable[str], ranks: Iterable[str]) -> str:
    """Return a lineage as one text with prefixes, ``p__Firmicutes; c__...``."""
    return "; ".join(f"{rank[0]}__{name}" for rank, name in zip(ranks, names, strict=True))


def ordered_levels(column: pd.Series) -> list[str]:
    """Return the levels of a text column: those of the vocabulary in its order, else sorted."""
    known = LEVELS.get(str(column.name))
    return list(known) if known else sorted(column.dropna().astype(str).unique())
