"""Stool and serum metabolites: fatty acids as concentrations, others as log levels.

A fatty acid follows the CLR of the genera associated with it; MS and each drug have target effects
on the total, so losses through producers are not counted twice. ``stool_water`` dilutes everything
in patients' stool by the same factor.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cohabit.data.schema import ACIDS, BRANCHED_ACIDS
from cohabit.simulate.community import Community
from cohabit.simulate.design import StudyDesign
from cohabit.simulate.dice import Dice
from cohabit.simulate.effects import build_coefficients
from cohabit.simulate.molecules import MoleculeLevels, draw_molecule_levels
from cohabit.simulate.template import Template, read_taxa, read_template

HALF_GENUS_READ = 0.5 / 20_000  # share that stands in for a genus that is not there
MEASURED = {
    "San Francisco": 56 / 164,
    "Boston": 21 / 42,
    "New York": 34 / 59,
    "Pittsburgh": 5 / 12,
    "Buenos Aires": 112 / 129,
    "Edinburgh": 99 / 131,
    "San Sebastian": 22 / 39,
}
"""Site -> share of households with measured metabolites; 349 of 576 in total."""

FATTY_ACIDS = [
    f"{matrix}:{acid}" for matrix in ("stool", "serum") for acid in ACIDS + BRANCHED_ACIDS
]
"""Columns that are concentrations; all others are natural logs."""

STAYS = 0.7  # correlation of a person's own part from one visit to the next
BUTYRATE = "stool:butyrate"


@dataclass(frozen=True)
class Metabolites:
    """The metabolites of every person, whether measured or not."""

    levels: MoleculeLevels
    dice: Dice
    people: pd.DataFrame

    def table(self) -> pd.DataFrame:
        """Return people x metabolites of the measured households.

        Fatty acids are in ug/g (stool) and ng/mL (serum), all others natural logs.
        """
        measured = self.dice.quotas("measured") < self.people["site"].map(MEASURED).to_numpy(float)
        level, raw = self.levels.level[measured], self.levels.template.column("raw") == 1
        values = np.round(level, 4)
        values[:, raw] = _round_to(np.exp(level[:, raw]), digits=4)
        return pd.DataFrame(values, self.people.index[measured], list(self.levels.features))

    def scales(self) -> dict[str, np.ndarray]:
        """Return the log level."""
        return {"latent": self.levels.level}

    def follow_butyrate(self) -> pd.DataFrame:
        """Return stool butyrate in SD from the typical level, people x months 0, 12 and 24.

        Individual variation changes between visits; everything else is constant.
        """
        column = self.levels.features.get_loc(BUTYRATE)
        start, own = self.levels.level[:, column], self.levels.person[:, column]
        spread = np.sqrt(np.mean(own**2))
        typical, sd = (
            self.levels.template.column(name)[column] for name in ("typical", "total_sd")
        )
        months, now = {0: (start - typical) / sd}, own
        for month in (12, 24):
            fresh = self.dice.normals(f"butyrate/month{month}") * spread
            now = STAYS * now + np.sqrt(1 - STAYS**2) * fresh
            months[month] = (start - own + now - typical) / sd
        return pd.DataFrame(months, self.people.index)

    def expose(self, exposures: pd.DataFrame, genera: Community) -> "Metabolites":
        """Return the same people under other exposures, with the genera that result."""
        inherited = inherit_from_genera(genera, self.levels.template)
        return replace(self, levels=self.levels.expose(add_water(exposures), inherited))


def _round_to(values: np.ndarray, digits: int) -> np.ndarray:
    """Return positive values rounded to significant digits."""
    unit = 10.0 ** (np.floor(np.log10(values)) - digits + 1)
    return np.round(np.round(values / unit) * unit, 6)


def draw_metabolites(
    genera: Community, dice: Dice, design: StudyDesign, template: Template | None = None
) -> Metabolites:
    """Draw the metabolites of everyone in a community."""
    template = read_taxa("metabolites") if template is None else template
    dice = dice.within("metabolites")
    coefficients = build_coefficients(template, design)
    coefficients.loc["stool_water"] = design.stool_water * (template.table["matrix"] == "stool")
    levels = draw_molecule_levels(
        template,
        add_water(genera.exposures),
        coefficients,
        inherit_from_genera(genera, template),
        dice,
        design,
    )
    return Metabolites(levels, dice, genera.people)


def add_water(exposures: pd.DataFrame) -> pd.DataFrame:
    """Add an exposure for the patients whose stool may be diluted."""
    return exposures.assign(stool_water=exposures["group:MS"])


def genus_clr(genera: Community) -> pd.DataFrame:
    """Return the CLR of the template's genera with half a read added, people x genera."""
    real = genera.template.column("tail") == 0
    logs = np.log(genera.composition[:, real] + HALF_GENUS_READ)
    logs -= logs.mean(axis=1, keepdims=True)
    return pd.DataFrame(logs, genera.people.index, genera.taxa[real])


def inherit_from_genera(genera: Community, template: Template) -> np.ndarray:
    """Return the effect of genera on each metabolite, people x metabolites; 0 if typical."""
    weights = producer_weights(template)
    centre = read_producers().groupby("genus", sort=True)["clr_typical"].first()
    values = genus_clr(genera)[weights.index] - centre
    return np.einsum("ig,gk->ik", values.to_numpy(), weights.to_numpy())


def read_producers() -> pd.DataFrame:
    """Return the genera associated with each metabolite: genus, metabolite, weight, clr_typical."""
    return read_template("metabolite_producers")


def producer_weights(template: Template) -> pd.DataFrame:
    """Return the change in log level per unit of CLR, genera x metabolites."""
    table = read_producers().pivot(index="genus", columns="metabolite", values="weight")
    return table.reindex(columns=template.taxa).fillna(0.0).sort_index()


def produced_coefficients(genera: Community, species: Community, template: Template):
    """Return the first-order effect of factors on metabolites through their genera.

    Factors x metabolites: the coefficient of each genus (for followers the mean coefficient of its
    species times `following`) times its weight.
    """
    weights = producer_weights(template)
    effect = genera.coefficients + followed_coefficients(genera.template, species)
    made = np.einsum("qg,gk->qk", effect[weights.index].to_numpy(), weights.to_numpy())
    return pd.DataFrame(made, effect.index, template.taxa)


def followed_coefficients(genera: Template, species: Community) -> pd.DataFrame:
    """Return the effect of factors on genera through their species, factors x genera."""
    genus = species.template.table["genus"].to_numpy()
    real = species.template.column("tail") == 0
    member = (genus[:, None] == genera.taxa.to_numpy()) & real[:, None]
    weight = member * species.template.column("mean")[:, None]
    weight = weight / np.maximum(weight.sum(axis=0), 1e-12)
    effect = np.einsum("qj,jg->qg", species.coefficients.to_numpy(), weight)
    effect = effect * np.nan_to_num(genera.column("following"))
    return pd.DataFrame(effect, species.coefficients.index, genera.taxa)
