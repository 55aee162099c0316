"""The calibration tables shipped with the package, as arrays the community reads.

`species.tsv` and `genera.tsv` hold one row a taxon: lineage, what was released, and the constants
solved from it by ``python -m calibration``. No dial re-solves them.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.simulate.template import read_template

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


@cache
def read_taxa(name: str) -> Template:
    """Read a solved template, ``"species"`` or ``"genera"``."""
    return Template(read_template(name).set_index("feature"))
