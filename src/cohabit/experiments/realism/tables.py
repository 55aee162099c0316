"""The tables of a cohort as analysed in the released study: complete pairs, rarefied."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist, squareform

from cohabit.data.cohort import Cohort
from cohabit.data.lineage import find_taxa
from cohabit.data.schema import UNCLASSIFIED
from cohabit.stats import composition, diversity
from cohabit.stats.formula import COVARIATES, model_matrix
from cohabit.stats.least_squares import residuals
from cohabit.stats.mixed import fit_household_model

RAREFIED_TO = 10_000  # reads, as in the released tables
MODEL = f"group + {COVARIATES}"


@dataclass(frozen=True)
class StudyTables:
    """Tables that several measures are computed from, each cached."""

    cohort: Cohort

    @property
    def people(self) -> pd.DataFrame:
        """All participants."""
        return self.cohort.participants

    @cached_property
    def asvs(self) -> pd.DataFrame:
        """ASV counts of complete pairs with enough reads, rarefied once."""
        counts = self.cohort.table("16s")
        deep = counts.index[counts.sum(axis=1) >= RAREFIED_TO]
        pairs = self.people.loc[deep, "household_id"]
        complete = pairs[pairs.map(pairs.value_counts()) == 2].index
        return diversity.rarefy(counts.loc[complete], RAREFIED_TO, rng=1)

    @cached_property
    def genera(self) -> pd.DataFrame:
        """The rarefied ASVs by genus."""
        lineage = self.cohort.taxonomy("16s").reindex(self.asvs.columns)
        taxa = find_taxa(lineage, "genus")
        genera = self.asvs.to_numpy() @ taxa.members()
        return pd.DataFrame(genera, self.asvs.index, taxa.lineage.index)

    @cached_property
    def common_genera(self) -> pd.DataFrame:
        """Genera in at least 5% of people."""
        return self.genera.loc[:, (self.genera > 0).mean() >= 0.05]

    @cached_property
    def tested_genera(self) -> pd.DataFrame:
        """Arcsine square roots of genera that vary enough to be tested."""
        vary = self.common_genera.div(RAREFIED_TO).var() >= 1e-6
        return composition.arcsine_sqrt(self.genera)[self.common_genera.columns[vary]]

    @cached_property
    def genus_clr(self) -> pd.DataFrame:
        """CLR of the common genera with zeros at half a read."""
        logs = np.log(self.common_genera.clip(lower=0.5))
        return logs.sub(logs.mean(axis=1), axis=0)

    @cached_property
    def species(self) -> pd.DataFrame:
        """Shotgun counts of every person."""
        return self.cohort.table("shotgun")

    @cached_property
    def families(self) -> pd.DataFrame:
        """Shotgun shares of known families."""
        counts = self.cohort.table("shotgun", rank="family")
        counts = counts.loc[:, ~counts.columns.str.contains(UNCLASSIFIED)]
        return counts.div(counts.sum(axis=1), axis=0)

    @cached_property
    def genus_models(self) -> pd.DataFrame:
        """The pair mixed model of each tested genus in all complete pairs."""
        return fit_household_model(self.tested_genera, self.people, MODEL)

    @cached_property
    def residual_correlations(self) -> np.ndarray:
        """Correlations of CLR residuals, one for each pair of genera."""
        matrix = np.corrcoef(find_residuals(self.genus_clr, self.people).T)
        return matrix[np.triu_indices(len(matrix), 1)]

    @cached_property
    def distances(self) -> dict[str, pd.DataFrame]:
        """Square distances: ``genus bray``, ``genus aitchison`` and ``family bray``."""
        index = self.genus_clr.index
        euclidean = squareform(pdist(self.genus_clr.to_numpy()))
        return {
            "genus bray": diversity.bray_curtis(self.genera).to_data_frame(),
            "family bray": diversity.bray_curtis(self.families).to_data_frame(),
            "genus aitchison": pd.DataFrame(euclidean, index, index),
        }

    def pair_table(self, values: pd.Series) -> pd.DataFrame:
        """Return values of pairs: households x (MS, control)."""
        people = self.people.loc[values.index, ["household_id", "group"]].astype(str)
        wide = people.assign(value=values)
        return wide.pivot(index="household_id", columns="group", values="value").dropna()


def find_residuals(values: pd.DataFrame, people: pd.DataFrame) -> np.ndarray:
    """Return the residuals of each column after status and covariates."""
    design = model_matrix(MODEL, people.loc[values.index]).values.to_numpy(float)
    return residuals(values.to_numpy(), design)


def fit_status(values: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Return the pair mixed model's coefficient of MS by feature, for some of the people."""
    kept = values.loc[values.index.intersection(people.index)]
    return status_rows(fit_household_model(kept, people, MODEL))


def status_rows(fits: pd.DataFrame) -> pd.DataFrame:
    """Return the coefficient of MS by feature."""
    return fits[fits["coefficient"] == "group[MS]"].set_index("feature")
