"""Proportions, risk ratios and odds ratios with 95% intervals."""

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.discrete.conditional_models import ConditionalLogit
from statsmodels.stats.contingency_tables import StratifiedTable, Table2x2
from statsmodels.stats.proportion import proportion_confint

from cohabit.stats.inference import infer


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
        Tarone's correction; n.
    """
    exposed, ill = _flags(exposed, ill)
    stratum = strata.loc[exposed.index].groupby(list(strata), observed=True).ngroup().to_numpy()
    counts = _cross(exposed, ill, stratum)
    counts = counts[(counts.sum(axis=1) > 0).all(axis=1) & (counts.sum(axis=2) > 0).all(axis=1)]
    if len(counts) == 0:
        raise ValueError("strata: none has exposed and unexposed, ill and healthy people")
    table = StratifiedTable(list(counts))
    low, high = table.oddsratio_pooled_confint()
    return {
        "estimate": float(table.oddsratio_pooled),
        "low": float(low),
        "high": float(high),
        "p_value": float(table.test_null_odds().pvalue),
        "homogeneity": float(table.test_equal_odds(adjust=True).pvalue) if len(counts) > 1 else 1.0,
        "n": len(exposed),
    }


def conditional_logit(ill: pd.Series, exposures: pd.DataFrame, sets: pd.Series) -> pd.DataFrame:
    """Fit a logistic regression that is conditional on matched sets.

    Parameters
    ----------
    ill, exposures
        As in `fit_logistic`.
    sets : Series
        Which matched set each person is in.

    Returns
    -------
    DataFrame
        As from `fit_logistic`; n counts sets.
    """
    exposures, sets = exposures.loc[ill.index].astype(float), sets.loc[ill.index]
    model = ConditionalLogit(ill.astype(float).to_numpy(), exposures.to_numpy(), groups=sets)
    fit = model.fit(disp=False)
    low, high = np.exp(fit.conf_int().T)
    columns = {"estimate": np.exp(fit.params), "low": low, "high": high, "p_value": fit.pvalues}
    return pd.DataFrame({"feature": list(exposures), **columns, "n": sets.nunique(), "note": ""})


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

    Returns
    -------
    DataFrame
        person (index), set, ill.
    """
    rng = np.random.default_rng(rng)
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
        Columns are adjusted for each other.

    Returns
    -------
    DataFrame
        One row per exposure: feature, estimate (odds ratio), low, high, p_value, n, note.
    """
    fit = _fit_logit(ill, exposures.loc[ill.index])
    table = np.exp(pd.concat([fit.params, fit.conf_int()], axis=1)).drop(index="const")
    table.columns = ["estimate", "low", "high"]
    table["p_value"] = fit.pvalues
    return table.rename_axis("feature").reset_index().assign(n=len(ill), note="")


def find_interaction(one: pd.Series, other: pd.Series, ill: pd.Series) -> pd.DataFrame:
    """Return the interaction of two exposures on the additive and multiplicative scale.

    Returns
    -------
    DataFrame
        One row per measure, with estimate, low, high, p_value and n: odds ratios "one only",
        "other only" and "both" (against neither); "multiplicative", their ratio of ratios
        (1: they multiply); "RERI", the relative excess risk due to interaction (0: they add;
        interval by the delta method, Hosmer and Lemeshow 1992).
    """
    parts = {"one only": one & ~other, "other only": other & ~one, "both": one & other}
    fit = _fit_logit(ill, pd.DataFrame(parts))
    names = list(parts)
    effects, covariance = fit.params[names], fit.cov_params().loc[names, names]
    rows = [_exp_row(name, effects[name], covariance.loc[name, name]) for name in names]
    lean = np.array([-1.0, -1.0, 1.0])
    rows.append(_exp_row("multiplicative", lean @ effects, lean @ covariance @ lean))
    slope = np.exp(effects) * lean
    excess, spread = np.exp(effects) @ lean + 1, np.sqrt(slope @ covariance @ slope)
    reri = infer(excess, spread)
    rows.append({"measure": "RERI", **{name: reri[name] for name in rows[0] if name in reri}})
    return pd.DataFrame(rows).assign(n=len(ill))


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


def _fit_logit(ill: pd.Series, exposures: pd.DataFrame):
    return sm.Logit(ill.astype(float), sm.add_constant(exposures.astype(float))).fit(disp=False)


def _exp_row(measure: str, effect: float, variance: float) -> dict:
    found = infer(effect, np.sqrt(variance))
    ends = {name: np.exp(found[name]) for name in ("estimate", "low", "high")}
    return {"measure": measure, **ends, "p_value": found["p_value"]}
