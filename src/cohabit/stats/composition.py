"""Compositions: shares, log-ratios, and filters for rare or constant features.

Every function takes and returns samples x features tables and keeps the IDs of both.
"""

import numpy as np
import pandas as pd


def relative_abundance(counts: pd.DataFrame) -> pd.DataFrame:
    """Divide each sample by its total count.

    Parameters
    ----------
    counts : DataFrame, shape (n_samples, n_features)
        Counts, or any amounts of at least 0.

    Returns
    -------
    DataFrame, shape (n_samples, n_features)
        Shares; each row sums to 1.

    Raises
    ------
    ValueError
        When a sample is empty, an amount is negative or missing, or an ID repeats.
    """
    amounts = check_counts(counts)
    return _like(counts, amounts / amounts.sum(axis=1, keepdims=True))


def clr(counts: pd.DataFrame, pseudocount: float | None = None) -> pd.DataFrame:
    """Return log counts minus the mean log count of each sample (Aitchison 1986).

    Parameters
    ----------
    counts : DataFrame, shape (n_samples, n_features)
    pseudocount : float, optional
        Added to every cell, zero or not; by default 0.5, half a read. Shares, percents and other
        amounts, which are no counts, need one on their scale.

    Returns
    -------
    DataFrame, shape (n_samples, n_features)
        Natural logs; each row sums to 0.

    Raises
    ------
    ValueError
        As `relative_abundance`; for amounts that are not whole without a pseudocount; or when
        zeros remain and the pseudocount is not positive.
    """
    amounts = check_counts(counts) + _check_pseudocount(counts, pseudocount)
    return _like(counts, centre_logs(np.log(amounts)))


def take_for_counts(counts: pd.DataFrame, given: float | None, usual: float, name: str) -> float:
    """Return an argument in the unit of the table: the one given, or for counts the usual one.

    Raises
    ------
    ValueError
        When none is given and the table holds fractions, so that its unit is not known.
    """
    if given is not None:
        return float(given)
    amounts = counts.to_numpy(dtype=float)
    broken = counts.index[(amounts != np.floor(amounts)).any(axis=1)]
    if len(broken):
        raise ValueError(
            f"counts: expected whole numbers; {len(broken)} sample(s) hold fractions, "
            f"{_first(broken)}: shares or percents? Give counts, or {name} in the table's unit"
        )
    return float(usual)


def centre_logs(logs: np.ndarray) -> np.ndarray:
    """Subtract the mean of each row of logs."""
    return logs - logs.mean(axis=1, keepdims=True)


def arcsine_sqrt(counts: pd.DataFrame) -> pd.DataFrame:
    """Return asin(sqrt(share)) of counts, from 0 to pi/2, the scale of the study's models."""
    amounts = check_counts(counts)
    return _like(counts, arcsine_root(amounts / amounts.sum(axis=1, keepdims=True)))


def arcsine_root(shares):
    """Return asin(sqrt(share)) of an array or table of shares, which need not sum to 1."""
    return np.arcsin(np.sqrt(shares))


def prevalence(counts: pd.DataFrame) -> pd.Series:
    """Return the share of samples in which each feature is above 0."""
    present = check_counts(counts, allow_empty=True) > 0
    return pd.Series(present.mean(axis=0), index=counts.columns, name="prevalence")


def why_filtered(
    counts: pd.DataFrame, min_prevalence: float = 0.05, min_total: float | None = None
) -> pd.Series:
    """Return the reason why the study's filter drops each feature, or an empty string.

    A feature stays when it is present in at least `min_prevalence` of the samples *and*
    its total is above `min_total`, by default 10 counts; shares need one in their unit.
    """
    if not 0 <= min_prevalence <= 1:
        raise ValueError(f"min_prevalence: expected a share from 0 to 1, got {min_prevalence}")
    share = prevalence(counts)
    min_total = take_for_counts(counts, min_total, 10, "min_total")
    total = counts.sum(axis=0)
    reason = pd.Series("", index=counts.columns, name="reason", dtype=object)
    few = ~(total > min_total)
    reason[few] = [f"filtered: {value:g} in total" for value in total[few]]
    rare = share < min_prevalence
    reason[rare] = [f"filtered: present in {value:.2g}% of samples" for value in 100 * share[rare]]
    return reason


def filter_features(
    counts: pd.DataFrame, min_prevalence: float = 0.05, min_total: float | None = None
) -> pd.DataFrame:
    """Keep features that pass the study's thresholds of prevalence and total count.

    Parameters
    ----------
    counts : DataFrame, shape (n_samples, n_features)
    min_prevalence, min_total : float
        Least share of samples with the feature (the bound itself stays), and what its total
        must be above. `why_filtered` gives the reason for each feature that goes.
    """
    return counts.loc[:, why_filtered(counts, min_prevalence, min_total) == ""]


def filter_variance(values: pd.DataFrame, min_variance: float = 1e-5) -> pd.DataFrame:
    """Keep features whose variance is at least `min_variance`.

    The study applies it to species on the asin-sqrt scale (1e-5), after `filter_features`.
    """
    return values.loc[:, values.var(axis=0) >= min_variance]


def check_counts(counts: pd.DataFrame, allow_empty: bool = False) -> np.ndarray:
    """Return the numbers of a samples x features table of counts after checking it.

    Raises
    ------
    ValueError
        When the table is not a DataFrame of numbers or is empty, IDs repeat, an amount is
        negative, missing or infinite, or a sample sums to 0 and `allow_empty` is false; names
        the rows or columns.
    """
    if not isinstance(counts, pd.DataFrame):
        raise ValueError(
            f"counts: expected a DataFrame, samples x features; got {type(counts).__name__}"
        )
    for axis, ids in (("sample", counts.index), ("feature", counts.columns)):
        repeated = ids[ids.duplicated()]
        if len(repeated):
            raise ValueError(f"counts: {axis} IDs must be unique; repeated: {_first(repeated)}")
    text = [name for name, kind in counts.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]
    if text:
        raise ValueError(f"counts: expected numbers; {_first(text)} hold something else")
    amounts = counts.to_numpy(dtype=float)
    wrong = counts.index[~(np.isfinite(amounts) & (amounts >= 0)).all(axis=1)]
    if len(wrong):
        raise ValueError(
            f"counts: negative, missing or infinite in {len(wrong)} sample(s): {_first(wrong)}"
        )
    if not amounts.size and not allow_empty:
        raise ValueError(f"counts: expected samples and features; got {counts.shape}")
    empty = counts.index[amounts.sum(axis=1) == 0]
    if len(empty) and not allow_empty:
        raise ValueError(
            f"counts: {len(empty)} sample(s) have no counts at all: {_first(empty)}; "
            "leave them out, their composition is unknown"
        )
    return amounts


def _check_pseudocount(counts: pd.DataFrame, pseudocount: float | None) -> float:
    pseudocount = take_for_counts(counts, pseudocount, 0.5, "pseudocount")
    if pseudocount < 0:
        raise ValueError(f"pseudocount: expected at least 0, got {pseudocount}")
    if pseudocount == 0 and (counts.to_numpy() == 0).any():
        raise ValueError("pseudocount: the table holds zeros and log(0) is unknown; give 0.5, say")
    return pseudocount


def _like(counts: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(values, index=counts.index, columns=counts.columns)


def _first(ids) -> str:
    ids = list(ids)
    more = f" and {len(ids) - 5} more" if len(ids) > 5 else ""
    return ", ".join(str(name) for name in ids[:5]) + more
