"""Proportions, risk ratios and odds ratios with 95% intervals."""

import numpy as np
import pandas as pd
from statsmodels.stats.contingency_tables import StratifiedTable, Table2x2
from statsmodels.stats.proportion import proportion_confint

from cohabit.stats.alignment import align_metadata, check_finite, household_codes
from cohabit.stats.binary import BinaryFit, fit_binary
from cohabit.stats.inference import infer

ODDS_COLUMNS = ("feature", "estimate", "low", "high", "p_value", "n", "note")


def share_with_interval(hits: float, of: float, level: float = 0.95) -> tuple[float, float]:
    """Return the exact (Clopper-Pearson) interval of a proportion; counts may be fractional."""
    if of <= 0:
        raise ValueError(f"expected at least one trial; got {of}")
    low, high = proportion_confint(hits, of, alpha=1 - level, method="beta")
    return float(low), float(high)


def odds_ratio(exposed: pd.Series, ill: pd.Series) -> dict[str, float]:
    """Return the crude odds ratio of an exposure with Woolf's interval.

    Parameters
    ----------
    exposed, ill : Series of bool
        Same people; aligned by index.
    """
    return _describe("oddsratio", exposed, ill)


def risk_ratio(exposed: pd.Series, ill: pd.Series) -> dict[str, float]:
    """Return the risk ratio of an exposure in a cohort (not in a case-control study)."""
    return _describe("riskratio", exposed, ill)


def mantel_haenszel(exposed: pd.Series, ill: pd.Series, strata: pd.DataFrame) -> dict[str, float]:
    """Return the Mantel-Haenszel odds ratio over strata, with Robins' variance.

    Parameters
    ----------
    strata : DataFrame
        Categorical covariates; each combination is a stratum.

    Returns
    -------
    dict
        estimate, low, high, p_value; homogeneity, the p-value of Breslow and Day's test with
        Tarone's correction, missing where one stratum is informative; n; note. No number for
        odds without a bound, which `conditional_logit` of the strata has.
    """
    exposed, ill = _flags(exposed, ill)
    stratum = strata.loc[exposed.index].groupby(list(strata), observed=True).ngroup().to_numpy()
    counts = _cross(exposed, ill, stratum)
    counts = counts[(counts.sum(axis=1) > 0).all(axis=1) & (counts.sum(axis=2) > 0).all(axis=1)]
    if len(counts) == 0:
        raise ValueError("strata: none has exposed and unexposed, ill and healthy people")
    table = StratifiedTable(list(counts))
    note = "" if len(counts) > 1 else "one informative stratum: no test of homogeneity"
    products = counts[:, [0, 0], [0, 1]] * counts[:, [1, 1], [1, 0]]
    numbers = dict.fromkeys(("estimate", "low", "high", "homogeneity"), np.nan)
    if not products.sum(axis=0).all():
        note = "separated: the exposure leaves the odds without a bound"
    else:
        ends = table.oddsratio_pooled_confint()
        numbers |= {"estimate": table.oddsratio_pooled, "low": ends[0], "high": ends[1]}
        if len(counts) > 1:
            numbers["homogeneity"] = table.test_equal_odds(adjust=True).pvalue
    p_value = table.test_null_odds().pvalue
    found = numbers | {"p_value": p_value}
    return {name: float(value) for name, value in found.items()} | {"n": len(exposed), "note": note}


def conditional_logit(ill: pd.Series, exposures: pd.DataFrame, sets: pd.Series) -> pd.DataFrame:
    """Fit a logistic regression that is conditional on matched sets.

    Parameters
    ----------
    ill, exposures
        As in `fit_logistic`.
    sets : Series
        Which matched set each person is in; any numbers of ill and healthy people.

    Returns
    -------
    DataFrame
        As from `fit_logistic`; n counts sets. An exposure that never differs within a set of
        ill and healthy people has no number.
    """
    ill, exposures = _model_table(ill, exposures)
    codes = household_codes(sets.rename("sets").to_frame().loc[ill.index], "sets")
    fit = fit_binary(ill.to_numpy(), exposures, codes)
    return _odds_table(fit, codes.max(initial=-1) + 1)


def draw_controls(
    people: pd.DataFrame, ill: pd.Series, match: list[str], *, n_controls: int = 4, rng=None
) -> pd.DataFrame:
    """Match each ill person with healthy people who agree in the given columns.

    Parameters
    ----------
    people : DataFrame
        Columns `match`, as categories.
    ill : Series of bool
    n_controls : int
        Controls per patient; fewer where a stratum runs out.
    rng : Generator, seed or None
        Draws belong to people, whatever the order of rows.

    Returns
    -------
    DataFrame
        person (index), set, ill.
    """
    rng = np.random.default_rng(rng)
    people = people.loc[sorted(people.index, key=str)]
    stratum = people.groupby(match, observed=True).ngroup()
    order = pd.Series(rng.permutation(len(people)), people.index)
    frame = pd.DataFrame({"stratum": stratum, "ill": ill.loc[people.index], "order": order})
    frame = frame.sort_values(["stratum", "ill", "order"], ascending=[True, False, True])
    rank = frame.groupby(["stratum", "ill"]).cumcount()
    frame["rank"] = np.where(frame["ill"], rank, rank // n_controls)
    frame = frame[frame["ill"] | (frame["rank"] < frame.groupby("stratum")["ill"].transform("sum"))]
    frame["set"] = frame.groupby(["stratum", "rank"]).ngroup()
    return frame.loc[frame.groupby("set")["ill"].transform("nunique") == 2, ["set", "ill"]]


def attributable_fraction(exposed: pd.Series, ill: pd.Series) -> dict[str, float]:
    """Return the share of cases that a causal exposure accounts for.

    Miettinen's formula, share of cases exposed times (RR - 1) / RR; the interval follows the
    risk ratio's.
    """
    exposed, ill = _flags(exposed, ill)
    among = float(exposed[ill].mean())
    found = risk_ratio(exposed, ill)
    ends = {name: among * (1 - 1 / found[name]) for name in ("estimate", "low", "high")}
    return ends | {"exposed_cases": among, "n": len(exposed)}


def fit_logistic(ill: pd.Series, exposures: pd.DataFrame) -> pd.DataFrame:
    """Fit a logistic regression and return odds ratios.

    Parameters
    ----------
    ill : Series of bool
    exposures : DataFrame of numbers
        Columns are adjusted for each other; index as `ill`, in any order.

    Returns
    -------
    DataFrame
        One row per exposure: feature, estimate (odds ratio), low, high, p_value, n, note.
        Wald's interval, or as `note` says Firth's estimates where an exposure separates the ill
        from the healthy (`binary.fit_binary`). One that others determine has no number.

    Raises
    ------
    ValueError
        When a value is missing or infinite, or illness is anything but true or false.
    """
    ill, exposures = _model_table(ill, exposures)
    design = exposures.assign(Intercept=1.0)[["Intercept", *exposures]]
    return _odds_table(fit_binary(ill.to_numpy(), design), len(ill))


def find_interaction(one: pd.Series, other: pd.Series, ill: pd.Series) -> pd.DataFrame:
    """Return the interaction of two exposures on the additive and multiplicative scale.

    Returns
    -------
    DataFrame
        One row per measure, with estimate, low, high, p_value, n and note: odds ratios "one
        only", "other only" and "both" (against neither); "multiplicative", their ratio of
        ratios (1: they multiply); "RERI", the relative excess risk due to interaction (0: they
        add; interval by the delta method, Hosmer and Lemeshow 1992). Where a group has no ill
        or no healthy people, ratios are Firth's and RERI, which needs all four odds, is missing.
    """
    one, ill = _flags(one, ill)
    other, _ = _flags(other, ill)
    other = other.reindex(one.index)
    parts = {"one only": one & ~other, "other only": other & ~one, "both": one & other}
    apart = _fit_flags(ill, parts)
    product = _fit_flags(ill, {"one": one, "other": other, "multiplicative": one & other})
    rows = pd.concat([apart.table, product.table.loc[["multiplicative"]]])
    table = _exponential(rows).rename_axis("measure").reset_index()
    table = pd.concat([table, pd.DataFrame([_excess(apart, list(parts))])], ignore_index=True)
    return table[["measure", "estimate", "low", "high", "p_value", "note"]].assign(n=len(ill))


def _fit_flags(ill: pd.Series, flags: dict[str, pd.Series]) -> BinaryFit:
    design = pd.DataFrame({"Intercept": 1.0} | flags, index=ill.index).astype(float)
    return fit_binary(ill.to_numpy(dtype=float), design)


def _excess(fit: BinaryFit, names: list[str]) -> dict[str, object]:
    """Return the relative excess risk due to interaction, or why there is none."""
    if fit.covariance is None or fit.table["note"].ne("").any():
        empty = "; ".join(filter(None, fit.table["note"].unique()))
        return {"measure": "RERI", "note": f"no odds of their own in some group ({empty})"}
    odds = np.exp(fit.table.loc[names, "estimate"].to_numpy())
    slope = odds * [-1.0, -1.0, 1.0]
    spread = np.sqrt(slope @ fit.covariance.loc[names, names].to_numpy() @ slope)
    return {"measure": "RERI", **infer(1 + slope.sum(), spread), "note": ""}


def _model_table(ill: pd.Series, exposures: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame]:
    """Return illness as 0 or 1 and complete exposures in the same order."""
    _, ill = _flags(ill, ill)
    exposures = align_metadata(ill.index, exposures).astype(float)
    check_finite(exposures.to_numpy(), exposures.index, "exposures")
    return ill.astype(float), exposures


def _odds_table(fit: BinaryFit, n: int) -> pd.DataFrame:
    table = _exponential(fit.table)[["estimate", "low", "high", "p_value", "note"]]
    return table.rename_axis("feature").reset_index().assign(n=n)[[*ODDS_COLUMNS]]


def _exponential(table: pd.DataFrame) -> pd.DataFrame:
    """Return log odds as odds ratios, with a note where one is beyond what a number can be."""
    with np.errstate(over="ignore", under="ignore"):
        ratios = np.exp(table[["estimate", "low", "high"]])
    beyond = ratios["estimate"].isin([0, np.inf]) & table["note"].eq("")
    note = table["note"].mask(beyond, "odds ratio of one unit out of range: give a larger unit")
    return table.assign(**ratios, note=note)


def _flags(exposed: pd.Series, ill: pd.Series) -> tuple[pd.Series, pd.Series]:
    if not exposed.index.equals(ill.index):
        if not exposed.index.sort_values().equals(ill.index.sort_values()):
            raise ValueError("exposure and illness: expected the same people in both; they differ")
        ill = ill.reindex(exposed.index)
    for name, values in (("exposure", exposed), ("illness", ill)):
        if values.isna().any() or not set(values.unique()) <= {0, 1}:
            raise ValueError(f"{name}: expected true or false for everyone; got other values")
    return exposed.astype(bool), ill.astype(bool)


def _cross(exposed: pd.Series, ill: pd.Series, stratum: np.ndarray | int = 0) -> np.ndarray:
    """Return the 2 x 2 table exposed, unexposed x ill, healthy of each stratum 0, 1, ..."""
    cell = 4 * stratum + 2 * (~exposed.to_numpy()) + (~ill.to_numpy())
    return np.bincount(cell, minlength=4 * (np.max(stratum) + 1)).reshape(-1, 2, 2).astype(float)


def _describe(measure: str, exposed: pd.Series, ill: pd.Series) -> dict[str, float]:
    """Return a measure of the 2 x 2 table; 0.5 is added to all cells if one is 0."""
    (counts,) = _cross(*_flags(exposed, ill))
    table = Table2x2(counts + 0.5 if (counts == 0).any() else counts)
    low, high = getattr(table, f"{measure}_confint")()
    return {
        "estimate": float(getattr(table, measure)),
        "low": float(low),
        "high": float(high),
        "p_value": float(getattr(table, f"{measure}_pvalue")()),
        "n": len(exposed),
    }
