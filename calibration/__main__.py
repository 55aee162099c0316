"""``python -m calibration``: solve the template's constants and write them."""

import pandas as pd

from calibration import plant, solve, solve_molecules, start, start_genera
from calibration.solve_effects import solve_covariate, solve_disease
from calibration.write import write_template
from cohabit.simulate.template import forget_templates, read_taxa, read_template

SITE_SCALE = 1.1  # on the genera's site shares: solved, they stay this much behind
HEADER = """\
# solved from iMSMS Consortium 2022 released data (authors' repository), re-analysed, by
# python -m calibration: a template, not measurements
"""


def main() -> None:
    """Write `species.tsv` and `genera.tsv` of the package's template and the molecules' tables."""
    species, genera = solve_templates()
    write_template("species", species.reset_index(), HEADER)
    write_template("genera", genera.reset_index(), HEADER)
    forget_templates()
    read_taxa.cache_clear()
    solve_molecules.main()


def solve_templates() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Solve levels, then effects, and then levels again given the effects."""
    population, small = solve.LargeStudy.draw(3), solve.LargeStudy.draw(1)
    species = start.start_species()
    species = _solve_species(species, population, 8)
    genera = start_genera.start_genera(species)
    genera = _solve_genera(genera, species, population, 10)
    for _ in range(2):
        for name in ("sex", "age", "bmi"):
            species, genera = solve_covariate(small, species, genera, name, 3)
        species, genera = solve_disease(small, species, genera, 4)
        species = _solve_species(species, population, 4)
        genera = _solve_genera(genera, species, population, 8)
    return species, genera


def _solve_species(species: pd.DataFrame, population, steps: int) -> pd.DataFrame:
    families = read_template("families_source").set_index("family")
    sd_asin = (families["status_coef"] / families["status_d"]).abs()
    targets = families[["site_share"]].assign(sd_asin=sd_asin.where(families["tested"] == 1))
    group = solve.Grouping(species["family_calibration"], targets)
    observe = solve.observe_species(population, start.DEPTH)
    return solve.solve_levels(species, population, observe, steps, group)


def _solve_genera(genera: pd.DataFrame, species: pd.DataFrame, population, steps: int):
    targets = SITE_SCALE * plant.known_genera()[["site_share"]]
    group = solve.Grouping(pd.Series(genera.index, genera.index), targets)
    latent = population.assemble(species, "species")
    observe = solve.observe_genera(population, latent)
    return solve.solve_levels(genera, population, observe, steps, group)


if __name__ == "__main__":
    main()
