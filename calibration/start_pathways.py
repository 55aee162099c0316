"""The pathway template before it is solved: what was released, and the carriers by rule."""

import numpy as np
import pandas as pd
from scipy import stats

from cohabit.simulate.gene_content import hash_uniform, name_carriers
from cohabit.simulate.taxa import SITES
from cohabit.simulate.template import read_template

HEXURONATE = ("GLUCUROCAT-PWY", "GALACT-GLUCUROCAT-PWY", "GALACTUROCAT-PWY", "PWY-6507", "PWY-7242")
PLANTED = (*HEXURONATE, "PWY-5097", "PWY-4702")
"""The study's pathways: the only ones whose expression MS changes."""

CALLED = 0.05  # released false discovery rate below which a pathway leans
RAREST = 1e-7  # mean share where the released one is rounded to nothing
GROUP_LOADING = 0.5  # of a pathway on the factor of its class: our assumption
TWIN_LOADING = 0.95  # of the hexuronate pathways, which share most of their reactions


def start_pathways() -> pd.DataFrame:
    """Return one row a pathway: targets, carriers by rule, effects by first approximation."""
    source = read_template("pathways_source").set_index("id")
    table = source[["name", "class_path", "prevalence", "household_icc", "site_share"]].copy()
    table["mean"] = source["mean_rel_abund"].clip(lower=RAREST)
    table["log_sd"] = source["log_sd_positive"]
    table["household_icc"] = table["household_icc"].fillna(table["household_icc"].median())
    table["leans"] = np.sign(source["all_ms_coef"]).where(source["all_ms_fdr"] < CALLED, 0.0)
    table = table.join(name_carriers(table)).drop(columns="leans")
    table["group"] = [" > ".join(path.split(" > ")[:2]) for path in table["class_path"]]
    table["group_loading"] = GROUP_LOADING
    table.loc[list(HEXURONATE), ["group", "group_loading"]] = ["hexuronate", TWIN_LOADING]
    for name in ("sex", "age", "bmi"):
        coefficient = shrink(source[f"{name}_coef"], source[f"{name}_p"])
        table[f"target_{name}"] = (coefficient / asin_slope(table)).fillna(0.0)
    table["target_ms"] = source["all_ms_coef"].where(table.index.isin(PLANTED), 0.0)
    table["ms"] = table["target_ms"] / asin_slope(table)
    return table.rename_axis("feature")


def asin_slope(table: pd.DataFrame) -> pd.Series:
    """Return how far arcsine square roots move for one unit of log level, on average."""
    spread = np.exp(-(table["log_sd"] ** 2) / 8)
    return 0.5 * table["prevalence"] * np.sqrt(table["mean"] / table["prevalence"]) * spread


def shrink(estimate: pd.Series, p_value: pd.Series) -> pd.Series:
    """Return estimates times 1 - 1/z², 0 where z is below 1 (positive-part James-Stein)."""
    z = stats.norm.isf(p_value.clip(lower=1e-300) / 2)
    return (estimate * np.clip(1 - 1 / np.maximum(z, 1e-9) ** 2, 0, None)).fillna(0.0)


def site_pattern(features: pd.Index) -> pd.DataFrame:
    """Return offsets of the sites with variance 1 over the study's pairs, features x sites.

    Only the share of variance is released; which site stands where is our assignment, from the
    hash of the names.
    """
    from cohabit.simulate.design import PAIRS_PER_SITE

    weight = np.array([PAIRS_PER_SITE[site] for site in SITES], float)
    weight /= weight.sum()
    drawn = [[hash_uniform(f"{name} at {site}") for site in SITES] for name in features]
    offsets = stats.norm.ppf(np.array(drawn))
    offsets -= (offsets * weight).sum(axis=1, keepdims=True)
    offsets /= np.sqrt((offsets**2 * weight).sum(axis=1, keepdims=True))
    columns = [f"site_{site.replace(' ', '_')}" for site in SITES]
    return pd.DataFrame(offsets, features, columns)
