"""The calibration tables shipped with the package, as arrays the community reads.

`species.tsv` and `genera.tsv` hold one row a taxon: lineage, what was released, and the constants
solved from it by ``python -m cohabit.calibrate``. No dial re-solves them.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files

import numpy as np
import pandas as pd

from cohabit import schema

FACTORS = [f"factor{number}" for number in range(1, 13)]
SITES = list(schema.SITE_COUNTRY)
LINEAGE = ["phylum", "class", "order", "family", "genus"]


@dataclass(frozen=True)
class Template:
    """Taxa of one assay and their solved constants; every array is in the order of `taxa`."""

    table: pd.DataFrame
    """One row a taxon; index: its name."""

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
        return self.columns(FACTORS)

    @cached_property
    def groups(self) -> np.ndarray:
        """Number of the group (a family or a genus) whose factor a taxon shares."""
        return pd.factorize(self.table["group"], sort=True)[0]

    @cached_property
    def specific(self) -> np.ndarray:
        """Loading on what a taxon shares with no other, so that the variance is one."""
        shared = (self.loadings**2).sum(axis=0) + self.column("group_loading") ** 2
        return np.sqrt(np.clip(1 - shared, 0, None))


def read_table(name: str) -> pd.DataFrame:
    """Read one of the package's tables, for example ``"depth.tsv"``."""
    path = files("cohabit.simulate") / "template" / name
    with path.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, sep="\t", keep_default_na=False, na_values=["NA", ""])


@lru_cache
def read_template(name: str) -> Template:
    """Read a solved template, ``"species"`` or ``"genera"``."""
    return Template(read_table(f"{name}.tsv").set_index("feature"))
