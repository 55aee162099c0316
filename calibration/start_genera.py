"""Initial 16S template: the released genera and a rare tail."""

import numpy as np
import pandas as pd

from calibration import plant
from calibration.start import (
    ICC_SCALE,
    SITE_COLUMNS,
    SITE_SHRINKAGE,
    TRUE_ICC_SPREAD,
    add_carriage_sites,
    first_level,
    load_factors,
)
from cohabit.simulate.dice import stream
from cohabit.simulate.template import LINEAGE

DEPTH = 10_000  # reads at which the released prevalence is detection
TAIL_GENERA = 140
POOLED_BELOW = 2e-4  # mean share in controls under which all 1,000 people give a steadier one
MISSED = 0.1  # of absences of common genera: kits and depth make that many
FAINT = (2e-4, 1e-3)  # mean share between which some carriers stay below what is counted
FAINT_CARRIERS = 1.04  # times the released prevalence
RARE_SD_SCALE = (1.22, 1.1)  # below 0.02% and 0.1%: the released logs have longer tails
SD_SCALE = 0.967  # lognormal shares of the released SD lie 3% further apart than the real ones
GENUS_LOADING = 1.15  # on the released loadings, which counting has weakened
N_ASVS = 5000


def start_genera(species: pd.DataFrame) -> pd.DataFrame:
    """Return the 16S template before solving.

    Parameters
    ----------
    species : DataFrame
        The species template; genera it holds follow their species.
    """
    source = plant.known_genera()
    table = pd.concat([_start_real(source), _start_tail(source)], ignore_index=True)
    table = table.join(GENUS_LOADING * load_factors(table)).set_index("feature")
    real = species[species["tail"] == 0]
    table["follows"] = table.index.isin(real["genus"]).astype(int)
    table = add_carriage_sites(first_level(table, DEPTH))
    table = _follow(table, real)
    table["n_asvs"] = _count_asvs(table)
    return plant.plant_genera(table)


def _start_real(source: pd.DataFrame) -> pd.DataFrame:
    table = source.reset_index(names="feature")
    table["genus"] = table["feature"]
    table["mean"] = _mean_share(source).to_numpy()
    present = table[["prevalence_hhc", "prevalence_ms"]].mean(axis=1)
    table["prevalence"] = present + np.where(present > 0.75, MISSED * (1 - present), 0.0)
    faint = table["mean"].between(*FAINT, inclusive="left")
    table["prevalence"] *= np.where(faint, FAINT_CARRIERS, 1.0)
    rare = np.select([table["mean"] < FAINT[0], faint], RARE_SD_SCALE, 1.0)
    table["log_sd"] = rare * table["log_sd_hhc"].fillna(1.4)
    known = source["tested"] == 1
    middle = source.loc[known, "household_icc"].median()
    seen = source["household_icc"].where(known, middle).to_numpy()
    table["icc"] = ICC_SCALE * (middle + TRUE_ICC_SPREAD * (seen - middle)).clip(0.01, None)
    table.loc[table["feature"] == "Odoribacter", "icc"] = source.loc["Odoribacter", "household_icc"]
    table["sd_asin"] = (
        SD_SCALE * np.hypot(source["sd_resid_asin"], source["sd_household_asin"]).to_numpy()
    )
    columns = ["feature", *LINEAGE, "mean", "log_sd", "sd_asin", "prevalence", "icc"]
    table = table[[*columns, *SITE_COLUMNS]].copy()
    table[SITE_COLUMNS] *= SITE_SHRINKAGE
    table["tail"], table["group"] = 0, table["family"]
    table["group_loading"], table["carriage_group_loading"] = 0.15, 0.15
    return table


def _mean_share(source: pd.DataFrame) -> pd.Series:
    """Return the controls' mean share, or everybody's for rare genera."""
    controls = source["mean_rel_abund_hhc"]
    both = source[["mean_rel_abund_hhc", "mean_rel_abund_ms"]].mean(axis=1)
    return both.where(controls < POOLED_BELOW, controls)


def _start_tail(source: pd.DataFrame) -> pd.DataFrame:
    rng = stream(0, "calibrate/tail/16s")
    weight = np.exp(rng.standard_normal(TAIL_GENERA))
    left = max(1 - source["mean_rel_abund_hhc"].sum(), 0.001)
    table = pd.DataFrame({"mean": left * weight / weight.sum()})
    table["feature"] = [f"rare genus {number:03d}" for number in range(1, TAIL_GENERA + 1)]
    table["genus"] = table["feature"]
    table["family"] = table["order"] = table["class"] = table["phylum"] = "unclassified"
    table["prevalence"] = 0.06 * rng.beta(0.8, 2, TAIL_GENERA) + 0.001
    table["log_sd"], table["icc"], table["tail"], table["group"] = 1.4, 0.14, 1, "rare"
    table["group_loading"] = table["carriage_group_loading"] = 0.0
    table[SITE_COLUMNS] = 0.0
    return table


def _follow(table: pd.DataFrame, species: pd.DataFrame) -> pd.DataFrame:
    """Give genera that follow their species the species' level and remaining site effects."""
    table = table.copy()
    followed = table["follows"] == 1
    total = species.groupby("genus")["mean"].sum()
    table["species_level"] = np.log(total.reindex(table.index)).fillna(0.0)
    table["following"] = followed.astype(float)
    weight = species["mean"] / species["genus"].map(total)
    held = species[SITE_COLUMNS].mul(weight, axis=0).groupby(species["genus"]).sum()
    held = held.reindex(table.index).fillna(0.0)
    table[SITE_COLUMNS] -= held
    for name in SITE_COLUMNS:
        table.loc[followed, f"carriage_{name}"] = 0.0
    table.loc[followed, "intercept"] = np.log(table["mean"])
    table.loc[followed, "spread"] = 0.5
    table.loc[followed, "carriage"] = 1.5
    return table


def _count_asvs(table: pd.DataFrame) -> pd.Series:
    """Return the number of ASVs of each genus: more if common and abundant, at least one."""
    weight = table["prevalence"] * table["mean"] ** 0.6
    return (N_ASVS * weight / weight.sum()).round().clip(lower=1).astype(int)
