"""Initial species template: released values in the terms of the model."""

import numpy as np
import pandas as pd

from calibration import plant
from cohabit.experiments.realism.fit import SITE_COLUMNS, add_carriage_sites, first_level
from cohabit.simulate.dice import stream
from cohabit.simulate.template import LINEAGE, LOADINGS, read_template

DEPTH = 500_000  # reads at which the template's prevalence is detection
TAIL_SPECIES = 900
TAIL_SHARE = 0.02  # of all reads
SITE_SHRINKAGE = pd.Series([0.95, 0.75, 0.8, 0.4, 0.92, 0.92, 0.7], SITE_COLUMNS)
"""Share of a site's mean CLR offset that is not sampling error, by its number of people."""

ON_OFF = {"Prevotella": 0.5, "Akkermansia": 0.93}  # genus -> share of carriers
SHARED_GROUPS = {"Prevotella": 0.5, "Akkermansia": 0.93}  # genus -> loading of its own factor
SHARED_CARRIAGE = {"Prevotella": 0.65, "Akkermansia": 0.9}  # the same for carriage
ICC_SCALE = 0.95  # a REML share cut off at 0 lies above the truth by this much
TRUE_ICC_SPREAD = 0.56  # of the spread of the estimates; the rest is their sampling error
IMPUTED_SD_SCATTER = 0.35  # about the fitted relation of log_sd, which has 0.55


def start_species() -> pd.DataFrame:
    """Return the species template before solving: 441 species and a rare tail."""
    source = read_template("species_source")
    table = pd.concat([_start_real(source), _start_tail(source)], ignore_index=True)
    table["mean"] /= table["mean"].sum()
    table = table.join(load_factors(table)).set_index("feature")
    table = add_carriage_sites(first_level(shift_sites(table), DEPTH))
    return plant.plant_species(table)


def _start_real(source: pd.DataFrame) -> pd.DataFrame:
    rng = stream(0, "calibrate/log_sd")
    scatter = IMPUTED_SD_SCATTER * rng.standard_normal(len(source))
    measured = source["resid_sd_asin"].notna()
    genus = source["genus"]
    table = source.rename(columns={"species": "feature"})
    kept = ["feature", *LINEAGE, "family_calibration", "prevalence", *SITE_COLUMNS]
    table = table[kept].copy()
    table["family"] = source["family_calibration"]  # as the released family table counts them
    table["tail"] = 0
    table["mean"] = source["mean_rel_abund"] * (1 - TAIL_SHARE)
    table["log_sd"] = np.where(measured, source["log_sd"], (source["log_sd"] + scatter).clip(0.7))
    table["sd_asin"] = source["resid_sd_asin"]
    for name, share in ON_OFF.items():
        table.loc[genus == name, "prevalence"] *= share
    table["icc"] = target_icc(source["genus"], source["family_calibration"])
    family = source["family_calibration"]
    table["group"] = np.where(genus.isin(ON_OFF), genus, family)
    implied = read_template("families_source").set_index("family")["implied_within_family_corr"]
    correlation = family.map(implied).fillna(0.05).clip(0.03, 0.6)
    table["group_loading"] = genus.map(SHARED_GROUPS).fillna(np.sqrt(correlation))
    table["carriage_group_loading"] = genus.map(SHARED_CARRIAGE).fillna(0.25)
    return table


def _start_tail(source: pd.DataFrame) -> pd.DataFrame:
    """Return rare species: those of families without template species, then unnamed ones."""
    families = read_template("families_source")
    families = families[families["n_species_template"] == 0]
    each = 2
    named = families.loc[families.index.repeat(each)]
    own = 1 - (1 - named["prevalence_hhc"].clip(0.01, 0.98)) ** (1 / each)
    nameless = TAIL_SPECIES - len(named)
    rng = stream(0, "calibrate/tail")
    weight = np.exp(1.2 * rng.standard_normal(nameless))
    left = TAIL_SHARE - named["mean_rel_abund_hhc"].sum() / each
    table = pd.DataFrame(
        {
            "family": [*named["family"], *["unclassified"] * nameless],
            "mean": [*named["mean_rel_abund_hhc"] / each, *left * weight / weight.sum()],
            "prevalence": [*own, *rng.beta(0.6, 9.0, nameless).clip(0.004)],
            "log_sd": [*named["log_sd_hhc"].fillna(1.6), *np.full(nameless, 1.6)],
        }
    )
    table["feature"] = [f"rare species {number:03d}" for number in range(1, len(table) + 1)]
    table["family_calibration"] = table["family"]
    table["genus"] = table["order"] = table["class"] = table["phylum"] = "unclassified"
    table["tail"], table["group"], table["group_loading"] = 1, "rare", 0.0
    table["carriage_group_loading"], table["icc"] = 0.0, 0.14
    table[SITE_COLUMNS] = 0.0
    return table


def target_icc(genus: pd.Series, family: pd.Series) -> np.ndarray:
    """Return household shares with the distribution of the released genera's.

    A species gets the rank of its genus, or of its family, among the measured ones.
    """
    genera = read_template("genera_source").set_index("genus")
    families = read_template("families_source").set_index("family")["household_icc"]
    guess = genus.map(genera["household_icc"]).fillna(family.map(families)).fillna(0.14)
    jitter = 0.03 * stream(0, "calibrate/icc").standard_normal(len(guess))
    rank = (guess.to_numpy(float) + jitter).argsort().argsort()
    real = genera.loc[genera["tested"] == 1, "household_icc"]
    seen = np.quantile(real, (rank + 0.5) / len(rank))
    middle = real.median()
    return ICC_SCALE * np.clip(middle + TRUE_ICC_SPREAD * (seen - middle), 0.01, None)


def shift_sites(table: pd.DataFrame) -> pd.DataFrame:
    """Shift species so that families differ between sites as in the released tables.

    Species of a family keep their differences from each other.
    """
    families = read_template("families_source").set_index("family")[SITE_COLUMNS]
    wanted = families * SITE_SHRINKAGE
    table = table.copy()
    weight = table["mean"].to_numpy()[:, None]
    family = table["family_calibration"]
    total = pd.Series(weight[:, 0]).groupby(family.to_numpy()).sum()
    for column in SITE_COLUMNS:
        held = (table[column] * table["mean"]).groupby(family).sum() / total
        change = (wanted[column] - held).reindex(family).fillna(0.0)
        table[column] += change.to_numpy()
    return table


def load_factors(table: pd.DataFrame) -> pd.DataFrame:
    """Return loadings on the twelve shared factors: the genus's, or half its family's mean."""
    genera = read_template("genera_source")
    by_genus = genera.set_index("genus")[LOADINGS]
    by_family = genera.groupby("family")[LOADINGS].mean() * 0.5
    loadings = by_genus.reindex(table["genus"]).to_numpy(float)
    fallback = by_family.reindex(table["family"]).fillna(0.0).to_numpy(float)
    loadings = np.where(np.isnan(loadings), fallback, loadings)
    loadings[table["tail"] == 1] = 0.0
    room = np.clip(0.9 - table["group_loading"].to_numpy() ** 2, 0.02, None)
    size = (loadings**2).sum(axis=1)
    loadings *= np.sqrt(np.minimum(1, room / np.maximum(size, 1e-9)))[:, None]
    loadings[table["group"].isin(SHARED_GROUPS)] *= 0.5
    return pd.DataFrame(loadings, table.index, LOADINGS)
