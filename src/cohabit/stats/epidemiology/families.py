"""Family studies: recurrence risk, twin concordance, heritability, polygenic scores."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import multivariate_normal, norm
from sklearn.metrics import roc_auc_score

from cohabit.stats.epidemiology.ratios import share_with_interval
from cohabit.stats.inference import normal_quantile


@dataclass(frozen=True)
class Liability:
    """Heritability on the liability scale in an AE model: genes and individual environment."""

    heritability: float
    low: float
    high: float
    identical: float
    """Tetrachoric correlation of identical twins, estimated separately."""

    fraternal: float
    """Tetrachoric correlation of fraternal twins, estimated separately."""


def fit_liability(identical: np.ndarray, fraternal: np.ndarray) -> Liability:
    """Fit a liability-threshold model to counts of twin pairs.

    Parameters
    ----------
    identical, fraternal : array, shape (3,)
        Pairs with both, one and none affected.

    Notes
    -----
    Liabilities of a pair are bivariate normal with correlation h2 (identical) or h2/2
    (fraternal); both kinds share one threshold, fitted anew for every h2. h2 is the maximum of
    the likelihood; the 95% interval is where the profile's likelihood ratio stays below 3.84.
    A small h2 from fraternal and a large one from identical twins says that genes do not add
    up on this scale.
    """
    identical, fraternal = (np.asarray(table, dtype=float) for table in (identical, fraternal))
    _check_pairs(identical, fraternal)
    middle = norm.isf(_risk(identical + fraternal))

    def minus_two(h2: float) -> float:
        def at(threshold: float) -> float:
            return _deviance(identical, h2, threshold) + _deviance(fraternal, h2 / 2, threshold)

        near = (middle - 0.3, middle + 0.3)
        return minimize_scalar(at, bounds=near, method="bounded", options={"xatol": 1e-4}).fun

    best = _least(minus_two)
    low, high = _likelihood_interval(minus_two, best)
    alone = [
        _least(lambda r, table=table: _deviance(table, r, norm.isf(_risk(table))))
        for table in (identical, fraternal)
    ]
    return Liability(best, low, high, *alone)


def _check_pairs(*tables: np.ndarray) -> None:
    for table in tables:
        if table.shape != (3,) or (table < 0).any() or table[:2].sum() == 0:
            raise ValueError(
                "twins: expected three counts, pairs with both, one and none affected, and at "
                f"least one affected twin; got {table.tolist()}"
            )


def _risk(table: np.ndarray) -> float:
    return (2 * table[0] + table[1]) / (2 * table.sum())


def _deviance(table: np.ndarray, correlation: float, threshold: float) -> float:
    covariance = [[1, correlation], [correlation, 1]]
    none = multivariate_normal.cdf([threshold, threshold], cov=covariance)
    one = 2 * (norm.cdf(threshold) - none)
    shares = np.maximum([1 - none - one, one, none], 1e-15)
    return float(-2 * (table * np.log(shares)).sum())


def _least(function) -> float:
    return float(minimize_scalar(function, bounds=(0.0, 0.995), method="bounded").x)


def _likelihood_interval(function, best: float) -> tuple[float, float]:
    limit = function(best) + 3.8415

    def beyond(h2: float) -> float:
        return function(h2) - limit

    ends = (0.0, 0.995)
    low, high = (brentq(beyond, best, end, xtol=1e-3) if beyond(end) > 0 else end for end in ends)
    return low, high


def count_pairs(affected: pd.Series, pairs: pd.DataFrame) -> np.ndarray:
    """Count twin pairs with both, one and no member affected; pairs may be listed twice.

    Parameters as in `recurrence`, without `relation`.
    """
    once = pairs[pairs["person"] < pairs["relative"]]
    ill = [_lookup(affected, once[member]) for member in ("person", "relative")]
    return np.bincount(np.sum(ill, axis=0), minlength=3)[::-1]


def recurrence(affected: pd.Series, relatives: pd.DataFrame) -> pd.DataFrame:
    """Return the risk of affected people's relatives, by relation.

    Parameters
    ----------
    affected : Series of bool
        Index: person.
    relatives : DataFrame, one row per ordered pair
        `person`, `relative` and `relation`; every pair is listed in both orders.

    Returns
    -------
    DataFrame
        relation, estimate (share of relatives affected; in twins the probandwise concordance),
        low, high (95%; a pair in which both are affected counts twice, so the variance
        is (2 - p) p (1 - p) / n, and the interval is that of so many fewer), ratio (to the risk
        of all), n (relatives), affected.
    """
    patients = relatives[_lookup(affected, relatives["person"])]
    ill = pd.Series(_lookup(affected, patients["relative"]), patients.index)
    relations = ill.groupby(patients["relation"], observed=True)
    return pd.DataFrame([_recurrence_row(*relation, affected.mean()) for relation in relations])


def pool_recurrence(tables: list[pd.DataFrame], relations: dict[str, str]) -> pd.DataFrame:
    """Pool tables of recurrence risk after renaming their relations by `relations`.

    Parameters
    ----------
    tables : list of DataFrame
        From `recurrence`, each in different people.
    relations : dict
        Relation -> name; two relations of one name are pooled, others are left out.

    Returns
    -------
    DataFrame
        One row per name, in the order of `relations`; as from `recurrence`, with `relation` called
        feature, `p_value` (missing) and `note`.
    """
    table = pd.concat(tables)
    table["feature"] = table["relation"].astype(str).map(relations)
    table["population"] = table["estimate"] / table["ratio"]
    rows = []
    for name in dict.fromkeys(relations.values()):
        chosen = table[table["feature"] == name]
        hits, of = int(chosen["affected"].sum()), int(chosen["n"].sum())
        found = np.arange(of) < hits
        row = _recurrence_row(name, found, chosen["population"].mean()) if of else {"n": 0}
        rows.append(row | {"relation": name, "p_value": np.nan, "note": "" if of else "no pairs"})
    return pd.DataFrame(rows).rename(columns={"relation": "feature"})


def predict_by_score(
    score: pd.Series, ill: pd.Series, *, groups: int = 10
) -> tuple[dict, pd.Series]:
    """Return how well a score predicts illness, and the risk in each tenth of the score.

    Parameters
    ----------
    score : Series of float
    ill : Series of bool

    Returns
    -------
    auc : dict
        estimate, low, high: area under the ROC curve, with the areas whose error by Hanley and
        McNeil reaches the estimate (Newcombe 2006, Statistics in Medicine 25:559, method 5).
    risks : Series
        Share ill by tenth of the score, lowest first.
    """
    ill = ill.loc[score.index].astype(bool)
    area = float(roc_auc_score(ill, score))
    cases, others = int(ill.sum()), int((~ill).sum())
    low, high = _area_interval(area, cases, others)
    tenth = pd.qcut(score.rank(method="first"), groups, labels=range(1, groups + 1))
    auc = {"estimate": area, "low": low, "high": high}
    return auc | {"n": len(score)}, ill.groupby(tenth, observed=True).mean()


def _area_interval(area: float, cases: int, others: int) -> tuple[float, float]:
    """Return the areas from which the estimate lies 1.96 standard errors away."""
    size = (cases + others) / 2

    def beyond(truth: float) -> float:
        spread = 1 + (size - 1) * ((1 - truth) / (2 - truth) + truth / (1 + truth))
        error = np.sqrt(truth * (1 - truth) * spread / (cases * others))
        return abs(area - truth) - normal_quantile(0.975) * error

    low = brentq(beyond, 0.0, min(area, 1 - 1e-9)) if area > 0 else 0.0
    return low, brentq(beyond, max(area, 1e-9), 1.0) if area < 1 else 1.0


def _recurrence_row(relation: str, found: np.ndarray, population: float) -> dict:
    share = found.mean()
    effective = len(found) / (2 - share)  # a concordant pair is one observation, seen twice
    low, high = share_with_interval(share * effective, effective)
    numbers = {"estimate": share, "low": low, "high": high, "ratio": share / population}
    return {"relation": relation} | numbers | {"n": len(found), "affected": int(found.sum())}


def _lookup(affected: pd.Series, people: pd.Series) -> np.ndarray:
    places = affected.index.get_indexer(people)
    if (places < 0).any():
        strange = people[places < 0].head(3).tolist()
        raise ValueError(f"pairs: {strange} are not among the people; pass everyone's status")
    return affected.to_numpy(dtype=bool)[places]
