"""Association with severity: partial Spearman, ordinal and linear models in tidy tables."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy

from cohabit.stats.alignment import align_values, check_table, fit_by_pattern
from cohabit.stats.formula import model_matrix
from cohabit.stats.inference import NUMBERS, adjust_p, normal_quantile, tidy_columns
from cohabit.stats.least_squares import ONE_LEVEL, fit_least_squares
from cohabit.stats.logistic import fit_proportional_odds
from cohabit.stats.permuted_correlation import permuted_p

ASSOCIATION_COLUMNS = tidy_columns("n")


def partial_spearman(
    values: pd.DataFrame,
    x: pd.Series,
    covariates: pd.DataFrame | None = None,
    *,
    min_prevalence: float = 0.0,
    zeros_removed: bool = False,
    min_samples: int = 7,
) -> pd.DataFrame:
    """Return the Spearman correlation of each feature with `x`, adjusted for covariates.

    ``min_prevalence=0.5, zeros_removed=True`` repeats the study: features present in at
    least half of the samples, zeros left out, at least 7 samples.

    Parameters
    ----------
    values : DataFrame, shape (n_samples, n_features)
        Any monotone scale; counts of unequal depth are better given as shares. A missing
        value drops the sample for that feature only.
    x : Series
        For example MSSS. Its index selects the samples: give only patients.
    covariates : DataFrame, optional
        Numbers, or text that becomes 0/1 columns; must cover the index of `x`.
    min_prevalence, min_samples
        Features above zero in a smaller share of the samples, or with fewer samples, are not
        tested.
    zeros_removed : bool
        Leave out samples in which the feature is zero.

    Returns
    -------
    DataFrame, one row per feature
        `estimate` is the partial rank correlation; `df` = n - 2 - covariates; t statistic
        r sqrt(df / (1 - r²)); p under permutations (`permuted_correlation.permuted_p`), because
        ranks reach large r more often than t says; 95% interval by Fisher's z with Bonett and
        Wright's variance (1 + r²/2) / (df - 1). Not tested: no number, and the reason in `note`.

    Raises
    ------
    ValueError
        When `x` or a covariate is missing for somebody, or `x` names unknown samples.

    Notes
    -----
    Every rank is taken among the samples used, ties at their mean, then residualised on
    the ranked covariates: the formula of Kim (2015), Communications for Statistical
    Applications and Methods 22:665 (`ppcor`). Interval: Bonett and Wright (2000),
    Psychometrika 65:23.
    """
    values, numbers, adjust = _align(values, x, covariates)
    prevalence = (values.to_numpy() > 0).mean(axis=0)
    used = values.mask(values == 0) if zeros_removed else values
    rare = prevalence < min_prevalence
    found = fit_by_pattern(
        used.to_numpy()[:, ~rare],
        lambda part, rows: _correlate_ranks(part, numbers[rows], adjust[rows], min_samples),
    )
    table = pd.DataFrame(found, index=np.flatnonzero(~rare)).reindex(range(len(rare)))
    table.loc[rare, "note"] = [
        f"filtered: present in {100 * share:.2g}% of samples" for share in prevalence[rare]
    ]
    return _tidy(used, "partial_spearman", f"per rank of {x.name}", table)


def fit_ordinal(
    values: pd.DataFrame, outcome: pd.Series, covariates: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Fit a proportional odds model of an ordered outcome, such as EDSS, to each feature.

    Parameters
    ----------
    values : DataFrame, shape (n_samples, n_features)
        Transformed values, for example CLR. A missing value drops the sample for that
        feature only.
    outcome : Series
        Ordered categories or numbers, each distinct number being a level. Its index selects the
        samples.
    covariates : DataFrame, optional
        As in `partial_spearman`.

    Returns
    -------
    DataFrame, one row per feature
        `estimate` is the log odds ratio of a higher outcome per unit of the feature, with
        Wald's error, interval and z statistic (`df` is infinite).

    Raises
    ------
    ValueError
        When a value is missing, or the outcome has one level.

    Notes
    -----
    log odds(Y > k) = x'b - t_k with one b for all levels k (McCullagh 1980, Journal of the
    Royal Statistical Society B 42:109), by Newton's method on the exact likelihood.
    """
    ordered = isinstance(outcome.dtype, pd.CategoricalDtype) and outcome.cat.ordered
    if not ordered and not pd.api.types.is_numeric_dtype(outcome):
        raise ValueError("outcome: expected numbers or an ordered category")
    values, scores, adjust = _align(values, outcome, covariates)

    def fit(part: np.ndarray, rows: np.ndarray) -> pd.DataFrame:
        fits = [fit_proportional_odds(scores[rows], column, adjust[rows]) for column in part.T]
        return pd.DataFrame(fits)

    found = fit_by_pattern(values.to_numpy(), fit)
    return _tidy(values, "proportional_odds", f"log odds of {outcome.name} per unit", found)


def fit_linear_model(values: pd.DataFrame, metadata: pd.DataFrame, formula: str) -> pd.DataFrame:
    """Fit ``feature ~ formula`` to every feature by ordinary least squares.

    For people who do not share a household: patients against patients, or severity in the
    untreated. With household members in the table its errors are too small.

    Parameters
    ----------
    values : DataFrame, shape (n_samples, n_features)
        Transformed values. A missing value drops the sample for that feature only.
    metadata : DataFrame
        Index as `values`, in any order.
    formula : str
        Names joined by ``+``, ``:`` and ``*``.

    Returns
    -------
    DataFrame
        One row per feature and coefficient (column `coefficient`, without the intercept),
        with the `formula`;
        `q_value` is taken over the features of one coefficient. A coefficient that others
        determine, a term of one level, or a constant feature, has no number and the reason in
        `note`.
    """
    values, metadata = align_values(values, metadata)
    matrix = model_matrix(formula, metadata)
    design = matrix.values
    fits = fit_by_pattern(values.to_numpy(), lambda y, rows: fit_least_squares(y, design[rows]))
    parts = {}
    for name, contrast in matrix.contrasts.items():
        row = design.columns.get_loc(name)
        found = {key: numbers[row] for key, numbers in fits.items()}
        parts[name] = _tidy(values, "ols", contrast, found)
    for term in matrix.one_level:
        nothing = dict.fromkeys(NUMBERS, np.nan) | {"note": ONE_LEVEL}
        parts[term] = _tidy(values, "ols", "one level", nothing)
    for name, part in parts.items():
        part.insert(1, "coefficient", name)
        part["formula"] = formula
    return pd.concat(parts.values()).sort_index(kind="stable").reset_index(drop=True)


def _tidy(values: pd.DataFrame, method: str, contrast: str, found: Mapping) -> pd.DataFrame:
    """Return one row per feature with its results."""
    present = values.notna()
    table = pd.DataFrame({"feature": values.columns, "contrast": contrast, "method": method})
    table = table.assign(
        **found,
        n=present.sum().to_numpy(),
        n_nonzero=(present & (values != 0)).sum().to_numpy(),
    )
    table["q_value"] = adjust_p(table["p_value"])
    table["converged"] = table["p_value"].notna()
    return table[list(ASSOCIATION_COLUMNS)]


def _align(
    values: pd.DataFrame, x: pd.Series, covariates: pd.DataFrame | None
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return the values of the people in `x`, and `x` and the covariates as arrays."""
    name = x.name or "x"
    missing = x.index[x.isna()]
    if len(missing):
        raise ValueError(
            f"{name}: missing for {len(missing)} sample(s), first {missing[:5].tolist()}; "
            "give only the people who have it (controls have no severity)"
        )
    check_table(values, "values")
    stray = x.index[~x.index.isin(values.index)]
    if len(stray):
        raise ValueError(f"values: no row for {len(stray)} of {name}, first {stray[:5].tolist()}")
    values, _ = align_values(values.loc[x.index], x.to_frame())
    numbers = x.cat.codes if isinstance(x.dtype, pd.CategoricalDtype) else x
    if np.isinf(numbers.to_numpy(dtype=float)).any():
        raise ValueError(f"{name}: expected finite numbers")
    if covariates is None or covariates.shape[1] == 0:
        return values, numbers.to_numpy(dtype=float), np.empty((len(x), 0))
    absent = x.index[~x.index.isin(covariates.index)]
    if len(absent):
        raise ValueError(f"covariates: no row for {len(absent)}, first {absent[:5].tolist()}")
    matrix = model_matrix(" + ".join(covariates.columns), covariates.loc[x.index])
    adjust = matrix.values.drop(columns="Intercept").to_numpy()
    return values, numbers.to_numpy(dtype=float), adjust


def _correlate_ranks(
    values: np.ndarray, x: np.ndarray, covariates: np.ndarray, min_samples: int
) -> dict[str, np.ndarray]:
    """Return partial Spearman correlations of features with the same missing values."""
    n, n_features = values.shape
    if n < min_samples:
        return _no_numbers(np.full(n_features, f"only {n} samples, fewer than {min_samples}"))
    basis = _orthonormal(np.column_stack([np.ones(n), scipy.stats.rankdata(covariates, axis=0)]))
    df = n - 1 - basis.shape[1]
    ranks, spread = _residual_ranks(values, basis)
    x_ranks, x_spread = _residual_ranks(x[:, None], basis)
    note = np.full(n_features, "", dtype=object)
    note[~(spread > 1e-8)] = "the covariates determine the feature's ranks"
    note[np.ptp(values, axis=0) == 0] = "constant: the feature does not vary"
    if not x_spread[0] > 1e-8:
        note[:] = "the variable does not vary beside the covariates"
    if df < 2:
        note[:] = f"{n} samples are too few for {basis.shape[1] - 1} covariates"
    if (note != "").all():
        return _no_numbers(note)
    usable = note == ""
    r = np.where(usable, np.clip(x_ranks[:, 0] @ ranks, -1, 1), np.nan)
    p_value = np.full(n_features, np.nan)
    p_value[usable] = permuted_p(r[usable], ranks[:, usable], x_ranks[:, 0], basis)
    numbers = _infer_ranks(r, df) | {"p_value": p_value}
    return numbers | {"df": np.where(usable, float(df), np.nan), "note": note}


def _infer_ranks(r: np.ndarray, df: int) -> dict[str, np.ndarray]:
    with np.errstate(divide="ignore"):
        statistic = r * np.sqrt(df / (1 - r**2))
        fisher = np.arctanh(r)
    error = np.sqrt((1 + r**2 / 2) / (df - 1))
    half = normal_quantile(0.975) * error
    return {
        "estimate": r,
        "std_error": (1 - r**2) * error,
        "low": np.tanh(fisher - half),
        "high": np.tanh(fisher + half),
        "statistic": statistic,
    }


def _orthonormal(columns: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the columns without linearly dependent ones."""
    scaled = columns / np.linalg.norm(columns, axis=0)
    left, singular, _ = np.linalg.svd(scaled, full_matrices=False)
    return left[:, singular > 1e-10 * singular[0]]


def _residual_ranks(values: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rank residuals of unit length and the share of the ranks' length they keep."""
    ranks = scipy.stats.rankdata(values, axis=0)
    ranks -= ranks.mean(axis=0)
    length = np.linalg.norm(ranks, axis=0)
    residual = ranks - basis @ (basis.T @ ranks)
    left = np.linalg.norm(residual, axis=0)
    share = np.divide(left, length, out=np.zeros_like(left), where=length > 0)
    return residual / np.where(left > 0, left, 1), share


def _no_numbers(note: np.ndarray) -> dict[str, np.ndarray]:
    return {**dict.fromkeys(NUMBERS, np.full(len(note), np.nan)), "note": note}
