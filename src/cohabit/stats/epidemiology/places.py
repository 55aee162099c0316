"""Places: rates by region and latitude, age at move, and the spatial scan."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import chi2
from statsmodels.regression.linear_model import OLS

from cohabit.stats.epidemiology.ratios import risk_ratio, share_with_interval


@dataclass(frozen=True)
class Scan:
    """Result of a spatial scan."""

    places: pd.Index
    """Places of the most likely cluster."""

    observed: int
    expected: float
    log_likelihood_ratio: float
    p_value: float
    """P-value of the most likely cluster, corrected for all circles examined."""

    simulated: np.ndarray
    """Largest log likelihood ratio in each simulated map."""


def standardise_rates(
    people: pd.DataFrame, ill: pd.Series, by: str, strata: list[str], *, per: float = 1e5
) -> pd.DataFrame:
    """Return directly standardised prevalences of the groups of a column.

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
        by; crude; estimate, directly standardised; low, high (95%); cases; n. Strata that a group
        lacks are left out of its standard.

    Notes
    -----
    Gamma interval of Fay and Feuer (1997, Statistics in Medicine 16:791), which is exact for a
    Poisson count when all strata weigh the same, and has an upper end without any case.
    """
    frame = people[[by, *strata]].assign(ill=ill.loc[people.index].astype(float))
    weight = frame.groupby(strata, observed=True).size() / len(frame)
    cells = frame.groupby([by, *strata], observed=True)["ill"].agg(["sum", "size"])
    share = weight.reindex(cells.index.droplevel(by)).to_numpy()
    cells["weight"] = share
    cells["rate"] = share * cells["sum"] / cells["size"]
    cells["variance"] = share**2 * cells["sum"] / cells["size"] ** 2
    groups = cells.assign(largest=share / cells["size"]).groupby(level=by, observed=True)
    table = groups.sum()
    rate, low, high = (
        number / table["weight"]
        for number in _gamma_interval(table["rate"], table["variance"], groups["largest"].max())
    )
    found = {
        "crude": per * table["sum"] / table["size"],
        "estimate": per * rate,
        "low": per * low,
        "high": per * high,
        "cases": table["sum"].astype(int),
        "n": table["size"].astype(int),
    }
    return pd.DataFrame(found).reset_index()


def _gamma_interval(
    rate: pd.Series, variance: pd.Series, largest: pd.Series
) -> tuple[pd.Series, ...]:
    """Return weighted sums of Poisson counts with their 95% interval of Fay and Feuer.

    `largest` is the largest weight of a count in each sum.
    """
    low = variance / (2 * rate) * chi2.ppf(0.025, 2 * rate**2 / variance)
    more, spread = rate + largest, variance + largest**2
    high = spread / (2 * more) * chi2.ppf(0.975, 2 * more**2 / spread)
    return rate, low.fillna(0.0), high


def latitude_slope(rates: pd.DataFrame) -> dict[str, float]:
    """Return the change in rate per degree of latitude, with one point per region.

    Parameters
    ----------
    rates : DataFrame
        One row per region: `estimate` (per 100,000, say) and `latitude` (degrees).

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
    """Return the risk by age at move, and the risk ratio of moves before and after an age.

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


def map_cases(people: pd.DataFrame, towns: pd.DataFrame) -> pd.DataFrame:
    """Count families with MS by town and the number expected from latitude and size.

    Relatives live near each other and share genes, so each kindred counts once, in its town;
    otherwise every family would be a cluster.

    Parameters
    ----------
    people : DataFrame
        `town_of_birth`, `kindred` and `ms` (ever ill).
    towns : DataFrame, one row per town
        `longitude` and `latitude` (degrees).

    Returns
    -------
    DataFrame
        Towns with people: x, y, cases, expected. Expectation is a Poisson regression of cases on
        latitude and its square, people as exposure, over all towns.
    """
    ill = people[people["ms"]].drop_duplicates(["town_of_birth", "kindred"])
    size = people.groupby("town_of_birth").size()
    cases = ill.groupby("town_of_birth").size().reindex(size.index, fill_value=0)
    table = towns.loc[size.index, ["longitude", "latitude"]].set_axis(["x", "y"], axis=1)
    north = (table["y"] - table["y"].mean()) / 10
    design = pd.DataFrame({"const": 1.0, "north": north, "square": north**2})
    family = sm.families.Poisson()
    fit = sm.GLM(cases, design, family=family, offset=np.log(size)).fit()
    return table.assign(cases=cases, expected=fit.fittedvalues)


def scan_map(
    places: pd.DataFrame, *, largest: float = 0.1, n_simulations: int = 199, rng=None
) -> Scan:
    """Find the circle with the largest excess of cases and test it by simulation.

    Parameters
    ----------
    places : DataFrame, one row per place
        `x` and `y`; `cases`; `expected`, in any unit: what size, age and latitude would lead
        one to expect.
    largest : float
        Share of all expected cases that a circle may hold.
    n_simulations : int
        Random maps with as many cases, falling where they are expected.
    rng : Generator, seed or None

    Notes
    -----
    Circles are centred on every place and hold all places as near as the farthest one. With c
    cases observed and e expected in a circle and C in all, log LR = c log(c/e) + (C - c)
    log((C - c)/(C - e)) where c > e, else 0 (Kulldorff 1997). p = (1 + maps at least as extreme)
    / (1 + maps).
    """
    rng = np.random.default_rng(rng)
    places = places.loc[sorted(places.index, key=str)]
    cases = places["cases"].to_numpy(dtype=float)
    total = cases.sum()
    if total < 1 or (places["expected"] <= 0).any():
        raise ValueError("places: expected at least one case, and some expectation everywhere")
    share = places["expected"].to_numpy() / places["expected"].sum()
    nearest_first, whole = _rings(places[["x", "y"]].to_numpy(dtype=float))
    inside = np.cumsum(share[nearest_first], axis=1)
    allowed = whole & (inside <= largest + 1e-9)

    def ratios(counts: np.ndarray) -> np.ndarray:
        return np.where(
            allowed, _log_ratio(np.cumsum(counts[nearest_first], axis=1), inside, total), 0.0
        )

    found = ratios(cases)
    centre, size = np.unravel_index(np.argmax(found), found.shape)
    maps = rng.multinomial(int(total), share, size=n_simulations)
    simulated = np.array([ratios(one.astype(float)).max() for one in maps])
    chosen = nearest_first[centre, : size + 1]
    return Scan(
        places=places.index[np.sort(chosen)],
        observed=int(cases[chosen].sum()),
        expected=float(total * share[chosen].sum()),
        log_likelihood_ratio=float(found.max()),
        p_value=float((1 + (simulated >= found.max() - 1e-9).sum()) / (1 + n_simulations)),
        simulated=simulated,
    )


def _rings(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places by distance from each, and whether none beyond is as near.

    Distances that differ by less than 1e-9 of the map's width are equal.
    """
    distance = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))
    nearest_first = distance.argsort(axis=1, kind="stable")
    step = np.diff(np.take_along_axis(distance, nearest_first, axis=1), axis=1)
    return nearest_first, np.pad(
        step > 1e-9 * distance.max(), ((0, 0), (0, 1)), constant_values=True
    )


def _log_ratio(seen: np.ndarray, share: np.ndarray, total: float) -> np.ndarray:
    expected = total * share
    rest, rest_expected = total - seen, total - expected
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.where(seen > 0, seen * np.log(seen / expected), 0.0)
        outer = np.where(rest > 0, rest * np.log(rest / rest_expected), 0.0)
    return np.where(seen > expected, inner + outer, 0.0)
