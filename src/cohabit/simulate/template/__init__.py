"""Calibration tables shipped with the package, their loader, and taxa as arrays.

Each table is tab-separated; lines that start with ``#`` name its source. `species.tsv` and
`genera.tsv` hold one row per taxon: lineage, what was released, and the constants solved from it by
``python -m calibration``. No dial re-solves them.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from io import StringIO

import numpy as np
import pandas as pd

from cohabit.data import schema


def read_template(name: str) -> pd.DataFrame:
    """Return a copy of the table ``template/<name>.tsv``.

    Raises
    ------
    FileNotFoundError
        When the package ships no such table.
    """
    return _read_once(name).copy()


def forget_templates() -> None:
    """Clear the cache of tables after one of them has been rewritten."""
    _read_once.cache_clear()


@cache
def _read_once(name: str) -> pd.DataFrame:
    path = resources.files(__name__) / f"{name}.tsv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    table = StringIO("".join(line for line in lines if not line.startswith("#")))
    return pd.read_csv(table, sep="\t", keep_default_na=False, na_values=["NA"])


def read_sites() -> pd.DataFrame:
    """Return the constants of each site's people, index site."""
    return read_template("people_sites").set_index("site")


def read_courses() -> pd.DataFrame:
    """Return the constants of each course's patients, index course."""
    return read_template("people_courses").set_index("course")


LOADINGS = [f"factor{number}" for number in range(1, 13)]
SITES = list(schema.SITE_COUNTRY)
LINEAGE = ["phylum", "class", "order", "family", "genus"]


@dataclass(frozen=True)
class Template:
    """The taxa of one assay and their solved constants; arrays follow the order of `taxa`."""

    table: pd.DataFrame
    """One row per taxon; index: its name."""

    @property
    def taxa(self) -> pd.Index:
        """Names of the taxa."""
        return self.table.index

    def column(self, name: str) -> np.ndarray:
        """Return one column as float, shape (n_taxa,)."""
        return self.table[name].to_numpy(float)

    def columns(self, names: list[str]) -> np.ndarray:
        """Return columns as float, shape (len(names), n_taxa)."""
        return self.table[names].to_numpy(float).T

    @cached_property
    def loadings(self) -> np.ndarray:
        """Loadings on the shared gut factors, shape (n_factors, n_taxa)."""
        return self.columns(LOADINGS)

    @cached_property
    def groups(self) -> np.ndarray:
        """Number of the group (family or genus) whose factor a taxon shares."""
        return pd.factorize(self.table["group"], sort=True)[0]


@cache
def read_taxa(name: str) -> Template:
    """Read a solved template, ``"species"`` or ``"genera"``."""
    return Template(read_template(name).set_index("feature"))
