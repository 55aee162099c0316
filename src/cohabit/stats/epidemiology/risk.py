"""Causes from records: ratios, interaction, rates, place, migration, a genetic score.

Counts in, tidy numbers out; blind to how the people came about. Families are in
`families`, maps in `scan`.
"""

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import norm
from sklearn.metrics import roc_auc_score
from statsmodels.regression.linear_model import OLS

from cohabit.stats.epidemiology.ratios import risk_ratio, share_with_interval

Z = norm.ppf(0.975)


def fit_logistic(ill: pd.Series, exposures: pd.DataFrame) -> pd.DataFrame:
    """Fit one logistic regression and return odds ratios.

    Parameters
    ----------
    ill : Series of bool
    exposures : DataFrame of numbers
        Columns are adjusted for each other.

    Returns
    -------
    DataFrame
        feature, estimate (odds ratio), low, high, p_value, n, note.
    """
    design = sm.add_constant(exposures.loc[ill.index].astype(float))
    fit = sm.Logit(ill.astype(float), design).fit(disp=False)
    table = np.exp(pd.concat([fit.params, fit.conf_int()], axis=1)).drop(index="const")
    table.columns = ["estimate", "low", "high"]
    table["p_value"] = fit.pvalues
    return table.rename_axis("feature").reset_index().assign(n=len(ill), note="")


def find_interaction(one: pd.Series, other: pd.Series, ill: pd.Series) -> pd.DataFrame:
    """Return how two exposures act together, on both scales.

    Parameters
    ----------
    one, other, ill : Series of bool
        Same people.

    Returns
    -------
    DataFrame
        One row a measure, with estimate, low, high, p_value and n: odds ratios "one only",
        "other only" and "both" (against neither); "multiplicative", their ratio of ratios
        (1: they multiply); "RERI", the relative excess risk due to interaction (0: they add;
        interval by the delta method, Hosmer and Lemeshow 1992).
    """
    parts = {"one only": one & ~other, "other only": other & ~one, "both": one & other}
    design = sm.add_constant(pd.DataFrame(parts).astype(float))
    fit = sm.Logit(ill.astype(float), design).fit(disp=False)
    names = list(parts)
    effects, covariance = fit.params[names], fit.cov_params().loc[names, names]
    rows = [_exp_row(name, effects[name], covariance.loc[name, name]) for name in names]
    lean = np.array([-1.0, -1.0, 1.0])
    rows.append(_exp_row("multiplicative", lean @ effects, lean @ covariance @ lean))
    slope = np.exp(effects) * lean
    excess, spread = np.exp(effects) @ lean + 1, np.sqrt(slope @ covariance @ slope)
    reri = {"measure": "RERI", "estimate": excess, "low": excess - Z * spread}
    reri |= {"high": excess + Z * spread, "p_value": 2 * norm.sf(abs(excess / spread))}
    return pd.DataFrame([*rows, reri]).assign(n=len(ill))


def _exp_row(measure: str, effect: float, variance: float) -> dict:
    spread = np.sqrt(variance)
    ends = {"low": np.exp(effect - Z * spread), "high": np.exp(effect + Z * spread)}
    p_value = 2 * norm.sf(abs(effect) / spread)
    return {"measure": measure, "estimate": np.exp(effect), **ends, "p_value": p_value}


def standardise_rates(
    people: pd.DataFrame, ill: pd.Series, by: str, strata: list[str], *, per: float = 1e5
) -> pd.DataFrame:
    """Return the prevalence of each group, as if all groups had one mix of strata.

    Parameters
    ----------
    people : DataFrame
        Columns `by` and `strata`.
    ill : Series of bool
    by : str
        The groups that are compared, regions say.
    strata : list of str
        Usually age group and sex; the standard is everybody together.

    Returns
    -------
    DataFrame
        by; crude; estimate, directly standardised; low, high (gamma interval of Fay and
        Feuer's kind, by the normal approximation of the sum of Poisson counts); cases; n.
    """
    frame = people[[by, *strata]].assign(ill=ill.loc[people.index].astype(float))
    weight = frame.groupby(strata, observed=True).size() / len(frame)
    cells = frame.groupby([by, *strata], observed=True)["ill"].agg(["sum", "size"])
    share = weight.reindex(cells.index.droplevel(by)).to_numpy()
    cells["rate"], cells["variance"] = (
        share * cells["sum"] / cells["size"],
        share**2 * cells["sum"] / cells["size"] ** 2,
    )
    cells["weight"] = share
    table = cells.groupby(level=by, observed=True).sum()
    rate, spread = table["rate"] / table["weight"], np.sqrt(table["variance"]) / table["weight"]
    found = {
        "crude": per * table["sum"] / table["size"],
        "estimate": per * rate,
        "low": per * np.maximum(rate - Z * spread, 0),
        "high": per * (rate + Z * spread),
        "cases": table["sum"].astype(int),
        "n": table["size"].astype(int),
    }
    return pd.DataFrame(found).reset_index()


def latitude_slope(rates: pd.DataFrame) -> dict[str, float]:
    """Return how much a rate rises per degree; every region is one point.

    Parameters
    ----------
    rates : DataFrame
        One row a region: `estimate` (per 100,000, say) and `latitude` (degrees).

    Notes
    -----
    Ordinary least squares with standard errors that allow regions to differ in precision
    (HC3). A slope over regions is a slope over regions: what differs between them along with
    latitude goes into it.
    """
    fit = OLS(rates["estimate"], sm.add_constant(rates["latitude"])).fit(cov_type="HC3", use_t=True)
    low, high = fit.conf_int().loc["latitude"]
    return {
        "estimate": float(fit.params["latitude"]),
        "low": float(low),
        "high": float(high),
        "p_value": float(fit.pvalues["latitude"]),
        "intercept": float(fit.params["const"]),
        "n": len(rates),
    }


def risk_by_age_at_move(
    move_age: pd.Series, ill: pd.Series, edges: list[float], *, closes: float = 15.0
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the risk by age at move, and the ratio of before to after a given age.

    Parameters
    ----------
    move_age : Series of float
        Years; only people who moved.
    ill : Series of bool
        Ever diagnosed.
    edges : list of float
        Of the age groups.
    closes : float
        The age that parts early from late.

    Returns
    -------
    table : DataFrame
        age (middle of the group), estimate (per 100,000), low, high, cases, n.
    ratio : dict
        Risk ratio of moving before `closes` against later.
    """
    ill = ill.loc[move_age.index]
    groups = pd.cut(move_age, edges, right=False)
    rows = []
    for interval, chosen in ill.groupby(groups, observed=True):
        low, high = share_with_interval(chosen.sum(), len(chosen))
        numbers = {"estimate": 1e5 * chosen.mean(), "low": 1e5 * low, "high": 1e5 * high}
        counts = {"cases": int(chosen.sum()), "n": len(chosen)}
        rows.append({"age": interval.mid, **numbers, **counts})
    return pd.DataFrame(rows), risk_ratio(move_age < closes, ill)


def predict_by_score(
    score: pd.Series, ill: pd.Series, *, groups: int = 10
) -> tuple[dict, pd.Series]:
    """Return how well a score tells who is ill, and the risk in each tenth of it.

    Parameters
    ----------
    score : Series of float
    ill : Series of bool

    Returns
    -------
    auc : dict
        estimate, low, high: area under the ROC curve, interval of Hanley and McNeil (1982).
    risks : Series
        Share ill by tenth of the score, lowest first.
    """
    ill = ill.loc[score.index].astype(bool)
    area = float(roc_auc_score(ill, score))
    cases, others = int(ill.sum()), int((~ill).sum())
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (cases - 1) * (q1 - area**2) + (others - 1) * (q2 - area**2)
    spread = np.sqrt(variance / (cases * others))
    tenth = pd.qcut(score.rank(method="first"), groups, labels=range(1, groups + 1))
    auc = {"estimate": area, "low": area - Z * spread, "high": min(area + Z * spread, 1.0)}
    return auc | {"n": len(score)}, ill.groupby(tenth, observed=True).mean()
