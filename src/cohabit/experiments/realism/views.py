"""A cohort as the released study was looked at: complete pairs, rarefied, per family."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.stats import composition, diversity
from cohabit.stats.formula import model_matrix
from cohabit.stats.mixed import fit_household_model

RAREFIED_TO = 10_000  # reads, as in the released tables
MODEL = "group + sex + age + bmi + site"


@dataclass(frozen=True)
class Views:
    """Tables that several figures are computed from; each made once."""

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
        """The rarefied ASVs by genus, those in at least 5% of people."""
        lineage = self.cohort.taxonomy("16s")["genus"].reindex(self.asvs.columns)
        counts = self.asvs.T.groupby(lineage.to_numpy()).sum().T
        return counts

    @cached_property
    def common_genera(self) -> pd.DataFrame:
        """Genera in at least 5% of people."""
        return self.genera.loc[:, (self.genera > 0).mean() >= 0.05]

    @cached_property
    def tested_genera(self) -> pd.DataFrame:
        """Arcsine square roots of the genera that vary enough to be tested."""
        values = composition.arcsine_sqrt(self.genera)[self.common_genera.columns]
        shares = self.genera.div(RAREFIED_TO)[self.common_genera.columns]
        return values.loc[:, shares.var() >= 1e-6]

    @cached_property
    def genus_clr(self) -> pd.DataFrame:
        """CLR of the common genera, zeros at half a read."""
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
        counts = counts.drop(columns="unclassified", errors="ignore")
        return counts.div(counts.sum(axis=1), axis=0)

    @cached_property
    def genus_models(self) -> pd.DataFrame:
        """The pair mixed model of every tested genus, all complete pairs."""
        return fit_household_model(self.tested_genera, self.people, MODEL)

    @cached_property
    def residual_correlations(self) -> np.ndarray:
        """Correlations between genera of CLR residuals, one number a pair of genera."""
        values = self.genus_clr
        design = model_matrix(MODEL, self.people.loc[values.index]).values.to_numpy(float)
        fitted = design @ np.linalg.lstsq(design, values.to_numpy(), rcond=None)[0]
        matrix = np.corrcoef((values.to_numpy() - fitted).T)
        return matrix[np.triu_indices(len(matrix), 1)]

    def distances_of(self, table: str) -> pd.DataFrame:
        """Return square distances: ``genus bray``, ``genus aitchison`` or ``family bray``."""
        return self._distances[table]

    @cached_property
    def _distances(self) -> dict[str, pd.DataFrame]:
        made = {"genus bray": diversity.bray_curtis(self.genera)}
        made["family bray"] = diversity.bray_curtis(self.families)
        frames = {name: m.to_data_frame() for name, m in made.items()}
        values = self.genus_clr.to_numpy()
        gram = np.einsum("ij,kj->ik", values, values)
        squares = np.diag(gram)[:, None] + np.diag(gram) - 2 * gram
        root = np.sqrt(np.clip(squares, 0, None))
        index = self.genus_clr.index
        frames["genus aitchison"] = pd.DataFrame(root, index, index)
        return frames

    def pair_table(self, values: pd.Series) -> pd.DataFrame:
        """Return values of pairs: households x (MS, control)."""
        people = self.people.loc[values.index]
        wide = pd.DataFrame(
            {"home": people["household_id"].astype(str), "group": people["group"].astype(str)}
        ).assign(value=values)
        return wide.pivot(index="home", columns="group", values="value").dropna()
