"""Published claims, and the rule that turns an estimate into a verdict.

A claim is a number and the region in which it would be true: a direction is a region that ends at
0, a figure is a region around the published value, and "no difference" is a region of negligible
differences. This module does not use the planted truth.
"""

import math

import pandas as pd

from cohabit.data.schema import nearest

NOT_ESTIMATED = "not estimated"
JUDGED_COLUMNS = (
    *("claim_id", "statement", "quantity", "unit", "published", "source"),
    *("estimate", "low", "high", "p_value", "n", "verdict"),
)


def verdict(low: float, high: float, region_low: float, region_high: float) -> str:
    """Return the verdict on a claim: whether an interval lies in a region, outside or both.

    Parameters
    ----------
    low, high : float
        The 95% interval of the estimate. Missing when a model failed.
    region_low, region_high : float
        Where the claim is true, ends excluded; an open end is ``-inf`` or ``inf``, and an
        interval that has no end there, as of an infinite ratio, lies inside.

    Returns
    -------
    str
        ``"agrees"`` when the whole interval lies inside the region, ``"disagrees"`` when all
        of it lies outside, else ``"cannot tell"``.

    Raises
    ------
    ValueError
        When an interval or a region ends before it begins.

    Examples
    --------
    >>> verdict(0.1, 0.4, 0, float("inf")), verdict(-0.1, 0.4, 0, float("inf"))
    ('agrees', 'cannot tell')
    """
    if not region_low < region_high:
        raise ValueError(f"region: expected low < high; got {region_low} and {region_high}")
    if math.isnan(low) or math.isnan(high):
        return "cannot tell"
    if low > high:
        raise ValueError(f"interval: expected low <= high; got {low} and {high}")
    above = region_low < low or region_low == -math.inf
    below = high < region_high or region_high == math.inf
    if above and below:
        return "agrees"
    if high <= region_low or low >= region_high:
        return "disagrees"
    return "cannot tell"


def judge(estimates: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """Join estimates with published claims and return a verdict on each.

    Parameters
    ----------
    estimates : DataFrame, one row per claim
        As for `Run.estimate_table`: claim_id, estimate, low, high, p_value, n.
    claims : DataFrame
        ``read_reference("claims")``.

    Returns
    -------
    DataFrame
        The claims of `estimates`, in the order of `claims`; columns `JUDGED_COLUMNS`. Where a
        cohort gave no estimate the verdict is ``"not estimated"``.

    Raises
    ------
    ValueError
        When an estimate's claim is unknown (names the nearest) or given twice.
    """
    _check_known(estimates, claims)
    table = claims.merge(estimates, on="claim_id", how="inner", validate="one_to_one")
    ends = table[["low", "high", "region_low", "region_high"]].astype(float)
    table["verdict"] = [verdict(*row) for row in ends.itertuples(index=False)]
    table.loc[table["estimate"].isna(), "verdict"] = NOT_ESTIMATED
    return table[list(JUDGED_COLUMNS)]


def _check_known(estimates: pd.DataFrame, claims: pd.DataFrame) -> None:
    for claim_id in estimates["claim_id"]:
        if claim_id not in set(claims["claim_id"]):
            hint, _, _ = nearest(claim_id, claims["claim_id"]).partition("known:")
            raise ValueError(f"no claim {claim_id!r}; {hint}see data/reference/claims.tsv")
    repeated = estimates["claim_id"][estimates["claim_id"].duplicated()]
    if len(repeated):
        raise ValueError(f"each claim is estimated once; repeated: {sorted(set(repeated))}")


def estimates_for(claims: pd.DataFrame, results: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Return the estimates of claims whose id begins with a prefix, matched by feature.

    Parameters
    ----------
    claims : DataFrame
        ``read_reference("claims")``; `truth_feature` names the feature a claim is about.
    results : DataFrame, one row per feature
        As every statistic returns it: feature, estimate, low, high, p_value, note, and
        `n_pairs` or `n`.
    prefix : str
        For example ``"07.untreated."``.

    Returns
    -------
    DataFrame
        Rows for `Run.estimate_table`. A feature that is not in the results, in a cohort
        for example where it was not detected, has a note and no numbers.

    Raises
    ------
    ValueError
        When no claim begins with the prefix, or a feature has two results.
    """
    chosen = claims[claims["claim_id"].str.startswith(prefix)]
    if chosen.empty:
        raise ValueError(f"no claim begins with {prefix!r}; see data/reference/claims.tsv")
    repeated = results["feature"][results["feature"].duplicated()]
    if len(repeated):
        raise ValueError(
            f"results: expected one row per feature; {[*repeated[:3]]} have more: "
            "choose one contrast first"
        )
    results = results.rename(columns={"n_pairs": "n"}).set_index("feature")
    columns = ["estimate", "low", "high", "p_value", "n", "note"]
    rows = results[columns].reindex(chosen["truth_feature"])
    rows["note"] = rows["note"].where(rows.index.isin(results.index), "not in this cohort")
    rows["n"] = rows["n"].fillna(0).astype(int)
    return rows.assign(claim_id=chosen["claim_id"].to_numpy()).reset_index(drop=True)


def match_estimates(claims: pd.DataFrame, results: pd.DataFrame, notebook: str) -> pd.DataFrame:
    """Return the estimates of a notebook's claims, matched by contrast and feature.

    Parameters
    ----------
    claims, results
        As for `estimates_for`, of any number of contrasts; claims with a `truth_contrast` are
        matched.
    notebook : str
        For example ``"09"``.

    Returns
    -------
    DataFrame
        As from `estimates_for`.
    """
    chosen = claims[(claims["notebook"] == notebook) & (claims["truth_contrast"] != "")]
    parts = [
        estimates_for(rows, results[results["contrast"] == contrast], "")
        for contrast, rows in chosen.groupby("truth_contrast", sort=False)
    ]
    return pd.concat(parts).set_index("claim_id").loc[chosen["claim_id"]].reset_index()
