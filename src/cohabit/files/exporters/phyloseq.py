"""A folder for phyloseq: tables as text, and a short R reader of them."""

from importlib import resources
from pathlib import Path

import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.files.exporters.exchange import TAXONOMY, merge_lineages, write_people, write_tree
from cohabit.files.storage import write_table

READER = "read_cohort.R"


def write_phyloseq(cohort: Cohort, folder: Path) -> list[str]:
    """Write counts, lineages, tree and metadata with an R reader; return import options.

    The reader's ``read_cohort(folder, assay)`` returns a phyloseq object, or, where phyloseq is
    not installed, a list of its parts.
    """
    options = write_people(cohort, folder)
    for assay, table in cohort.features.items():
        counts = table.matrix_data.toarray().astype(int)
        rows = pd.Index(table.ids("observation"), name="feature")
        write_table(pd.DataFrame(counts, rows, table.ids()), folder / f"{assay}.tsv")
        options += ["--table", f"{assay}={assay}.tsv"]
    write_table(merge_lineages(cohort), folder / TAXONOMY)
    options += ["--taxonomy", TAXONOMY, *write_tree(cohort, folder)]
    reader = resources.files("cohabit.files.exporters") / READER
    (folder / READER).write_text(reader.read_text(encoding="utf-8"), encoding="utf-8")
    return options
