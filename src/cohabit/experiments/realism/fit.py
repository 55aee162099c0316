"""Template estimated from a user's own paired feature table."""

import numpy as np
import pandas as pd
from scipy import special

from cohabit.data.people import why_not_held
from cohabit.simulate.template import LINEAGE, LOADINGS, SITES
from cohabit.stats.composition import arcsine_sqrt, clr, relative_abundance
from cohabit.stats.mixed import fit_household_model

SITE_COLUMNS = [f"site_{site.replace(' ', '_')}" for site in SITES]
RICHNESS_CARRIAGE, RICHNESS_ABUNDANCE = 0.27, 0.4  # loadings on how rich a gut is
CARRIAGE_GROUP = 0.06  # variance of carriage that a family has in common
CARRIAGE_LOADING = 1.3  # of the shared factors, relative to abundance
MOST_SHARED = 0.85  # of a taxon's variance that factors may explain


def fit_template(table: pd.DataFrame, metadata: pd.DataFrame) -> pd.DataFrame:
    """Estimate a template from a paired table of counts, one row per person.

    `metadata`, with the index of `table`, needs ``household_id``; ``group`` and ``site`` are used
    when there and known of all. Returns the columns of `template/species.tsv`, one row per feature:
    mean, log_sd, prevalence, household share (icc), site offsets, loadings, and the intercept,
    spread and carriage that follow from them before closure. All effects but the sites' are zero.
    Wrap it in `cohabit.simulate.template.Template` to draw communities from it.
    """
    people = _align(table, metadata)
    shares = relative_abundance(table)
    logs = np.log(shares.where(table > 0))
    fitted = pd.DataFrame(
        {
            "mean": shares.mean(),
            "log_sd": logs.std().fillna(1.0).clip(lower=0.2),
            "prevalence": (table > 0).mean(),
            "icc": _household_shares(table, people),
        }
    ).rename_axis("feature")
    fitted = fitted.join(_site_offsets(table, people)).join(_loadings(table, people))
    depth = float(table.sum(axis=1).median())
    return add_carriage_sites(first_level(_without_groups(fitted), depth))


def plant_effects(
    template: pd.DataFrame,
    effects: int | dict[str, float] = 20,
    *,
    size: float = 0.4,
    min_prevalence: float = 0.2,
    rng: int | np.random.Generator = 1,
) -> pd.DataFrame:
    """Return a template in which some taxa differ between patients and controls.

    `effects` is how many taxa change, drawn among those of `min_prevalence`, half of them up, by
    `size` standard deviations of log abundance; or name -> effect on log abundance, natural log.
    """
    planted = pd.Series(0.0, index=template.index)
    if isinstance(effects, int):
        common = template.index[template["prevalence"] >= min_prevalence]
        if effects > len(common):
            raise ValueError(
                f"effects: {effects} taxa should change, but {len(common)} have a prevalence of "
                f"{min_prevalence:g} or more; plant fewer or lower min_prevalence"
            )
        chosen = np.random.default_rng(rng).choice(common, effects, replace=False)
        signs = np.resize([1.0, -1.0], effects)
        effects = dict(zip(chosen, signs * size * template.loc[chosen, "spread"], strict=True))
    unknown = [name for name in effects if name not in template.index]
    if unknown:
        raise ValueError(f"effects: not in the template: {', '.join(unknown[:5])}")
    planted[list(effects)] = list(effects.values())
    return template.assign(ms=planted)


def _align(table: pd.DataFrame, metadata: pd.DataFrame) -> pd.DataFrame:
    strange = table.index.difference(metadata.index)
    if len(strange):
        raise ValueError(f"{len(strange)} sample(s) have no metadata, first {strange[:5].tolist()}")
    people = metadata.loc[table.index]
    if people["household_id"].value_counts().max() < 2:
        raise ValueError("expected households of two; every household_id occurs once")
    never = table.columns[(table == 0).all()]
    if len(never):
        raise ValueError(
            f"{len(never)} feature(s) have no counts, first {never[:5].tolist()}; leave them out"
        )
    return people


def _terms(people: pd.DataFrame) -> list[str]:
    return [name for name in ("group", "site") if not why_not_held(people, name, 0.0)]


def _household_shares(table: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    """Return partners' common share of the variance of arcsine square roots."""
    formula = " + ".join(_terms(people)) or None
    if formula is None:
        raise ValueError("metadata: expected group or site with two levels at least; found none")
    fits = fit_household_model(arcsine_sqrt(table), people, formula)
    return fits.groupby("feature", sort=False)["household_icc"].first().fillna(0.0)


def _site_offsets(table: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Return each site's mean CLR minus the mean over sites; 0 for absent sites."""
    offsets = pd.DataFrame(0.0, table.columns, SITE_COLUMNS)
    if "site" not in people or people["site"].isna().any():
        return offsets
    means = clr(table).groupby(people["site"].astype(str)).mean()
    centred = means - means.mean()
    for site, column in zip(SITES, SITE_COLUMNS, strict=True):
        if site in centred.index:
            offsets[column] = centred.loc[site]
    return offsets


def _loadings(table: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Return loadings on the first principal axes of the correlation of CLR residuals."""
    values = clr(table)
    for name in _terms(people):
        values = values - values.groupby(people[name].astype(str)).transform("mean")
    correlation = np.corrcoef(values.to_numpy().T)
    size, axes = np.linalg.eigh(np.nan_to_num(correlation))
    kept = min(len(LOADINGS), len(size))
    loadings = np.zeros((len(size), len(LOADINGS)))
    loadings[:, :kept] = (axes * np.sqrt(np.clip(size, 0, None)))[:, ::-1][:, :kept]
    explained = (loadings**2).sum(axis=1, keepdims=True)
    loadings *= np.sqrt(np.minimum(1, MOST_SHARED / np.maximum(explained, 1e-9)))
    return pd.DataFrame(loadings, table.columns, LOADINGS)


def _without_groups(fitted: pd.DataFrame) -> pd.DataFrame:
    """Add the columns that cannot be estimated from counts."""
    plain = dict.fromkeys(("group_loading", "carriage_group_loading", "batch"), 0.0)
    lineage = dict.fromkeys(LINEAGE, "unclassified")
    return fitted.assign(tail=0, group="all", **plain, **lineage)


def add_carriage_sites(table: pd.DataFrame) -> pd.DataFrame:
    """Add site effects on carriage that correspond to those on abundance."""
    probit = table[SITE_COLUMNS].div(table["log_sd"], axis=0)
    return table.join(probit.add_prefix("carriage_"))


def first_level(table: pd.DataFrame, depth: float) -> pd.DataFrame:
    """Add first values of intercept, spread and carriage that ignore closure."""
    table = table.copy()
    site = table[SITE_COLUMNS].var(axis=1, ddof=0)
    table["spread"] = np.sqrt((table["log_sd"] ** 2 - site).clip(0.3**2))
    carriers = table["prevalence"].clip(upper=0.995)
    for _ in range(20):
        level = np.log(table["mean"] / carriers) - table["log_sd"] ** 2 / 2
        detected = detection(level.to_numpy(), table["log_sd"].to_numpy(), depth)
        carriers = (table["prevalence"] / detected).clip(upper=0.995)
    table["intercept"] = level
    table["carriage"] = special.ndtri(carriers)
    table["household_share"] = (1.3 * table["icc"]).clip(0, 0.9)
    table["carriage_loading"] = carriage_loading(table)
    table = add_richness(table)
    table["carriage_share"] = 0.2
    return table


def carriage_loading(table: pd.DataFrame) -> np.ndarray:
    """Return the factor that converts loadings on abundance to loadings on carriage."""
    size = (table[LOADINGS] ** 2).sum(axis=1) + 1e-9
    return np.sqrt(np.minimum(CARRIAGE_LOADING**2, (0.95 - CARRIAGE_GROUP) / size))


def add_richness(table: pd.DataFrame) -> pd.DataFrame:
    """Add loadings on richness: rich guts carry more taxa, with more even abundances."""
    table = table.copy()
    ordered = table["mean"].sort_values()
    middle = ordered[ordered.cumsum() >= 0.5 * ordered.sum()].iloc[0]  # half of all reads below
    table["richness_loading"] = RICHNESS_ABUNDANCE * np.tanh(np.log(middle / table["mean"]) / 1.5)
    table["carriage_richness_loading"] = RICHNESS_CARRIAGE
    return table


def detection(level: np.ndarray, log_sd: np.ndarray, depth: float) -> np.ndarray:
    """Return the probability of at least one read if carried, for lognormal shares."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    mean = depth * np.exp(level[:, None] + log_sd[:, None] * nodes)
    return (1 - np.exp(-mean)) @ weights / weights.sum()
