"""What the microbes do: pathways and metabolites of every person, with their truth."""

from dataclasses import dataclass

import pandas as pd

from cohabit.simulate.community import Community
from cohabit.simulate.effects import lengthen
from cohabit.simulate.metabolites import Metabolites, produced_coefficients
from cohabit.simulate.pathways import Pathways, carried_coefficients

PASSED_ON = ("group:MS", "spillover", "treatment:", "msss")
"""Factors whose effect through the microbes is listed beside the molecules' own."""


@dataclass(frozen=True)
class Molecules:
    """Pathways and metabolites, and the communities they come from."""

    species: Community
    genera: Community
    pathways: Pathways
    metabolites: Metabolites

    def list_effects(self) -> pd.DataFrame:
        """Return the planted effects, two rows where microbes pass one on.

        Pathways: ``expression``, exact on the log level, and ``carried``, what the carriers pass
        on. Metabolites: ``level`` and ``produced``. The passed-on parts are first order:
        coefficients averaged over carriers; the exact sums are in the estimands.
        """
        pathways, metabolites = self.pathways.levels, self.metabolites.levels
        carried = carried_coefficients(self.species, pathways.template)
        produced = produced_coefficients(self.genera, self.species, metabolites.template)
        parts = {
            ("pathways", "expression", "log"): pathways.coefficients,
            ("pathways", "carried", "log, first order"): _passed_on(carried),
            ("metabolites", "level", "log"): metabolites.coefficients,
            ("metabolites", "produced", "log, first order"): _passed_on(produced),
        }
        rows = [
            lengthen(table.rename(index={"stool_water": "stool_water:MS"}), target, scale).assign(
                assay=assay
            )
            for (assay, target, scale), table in parts.items()
        ]
        return pd.concat(rows, ignore_index=True)

    def expose(self, exposures: pd.DataFrame, species: Community, genera: Community) -> "Molecules":
        """Return the same people under other exposures, with the microbes these make."""
        return Molecules(
            species,
            genera,
            self.pathways.expose(exposures, species),
            self.metabolites.expose(exposures, genera),
        )


def _passed_on(coefficients: pd.DataFrame) -> pd.DataFrame:
    return coefficients[[name.startswith(PASSED_ON) for name in coefficients.index]]
