"""What an analysis of the seen cohort says, set beside the exact effect on the same people."""

import numpy as np
import pandas as pd

SUMMARY = (
    *("features", "correlation", "error_over_effect", "covered"),
    *("called", "called_untouched", "wrong_sign"),
)


def set_beside_exact(
    results: pd.DataFrame,
    exact: pd.Series,
    *,
    touched: pd.Series | None = None,
    dose: float = 1.0,
) -> pd.DataFrame:
    """Set each feature's estimate beside its exact mean effect.

    Parameters
    ----------
    results : DataFrame, one row a feature
        From `compare_abundance`, on the scale of `exact`; features without a number and
        without an exact effect (the rare tail) are left out.
    exact : Series
        Mean of `differ` over the people the question is about; index: feature.
    touched : Series of bool, optional
        Features that the change itself moves; by default those whose exact effect is not 0.
    dose : float
        How many units of the factor the change is on average; the estimate, its error and
        interval are multiplied by it.

    Returns
    -------
    DataFrame
        feature, exact, estimate, std_error, low, high, q_value, touched, covered (whether the
        interval holds the exact effect).
    """
    known = results[results["estimate"].notna() & results["feature"].isin(exact.index)]
    table = known[["feature", "estimate", "std_error", "low", "high", "q_value"]].copy()
    columns = ["estimate", "std_error", "low", "high"]
    table[columns] *= dose
    if dose < 0:
        table[["low", "high"]] = table[["high", "low"]].to_numpy()
        table["std_error"] = table["std_error"].abs()
    table.insert(1, "exact", table["feature"].map(exact))
    moved = table["exact"] != 0 if touched is None else table["feature"].map(touched)
    table["touched"] = moved.astype(bool)
    table["covered"] = table["exact"].between(table["low"], table["high"])
    return table.reset_index(drop=True)


def summarise_errors(beside: pd.DataFrame, by: str, *, fdr: float = 0.05) -> pd.DataFrame:
    """Summarise how far each analysis is from the exact effects.

    Parameters
    ----------
    beside : DataFrame
        Several tables of `set_beside_exact`, told apart by the column `by`.
    by : str

    Returns
    -------
    DataFrame, one row an analysis
        features; correlation of estimate and exact effect; error_over_effect, the root mean
        square error over the root mean square effect; covered, the share of 95% intervals that
        hold the exact effect; called at this FDR, how many of them the change did not touch, and
        how many have the wrong sign.
    """
    rows = {name: _summarise(part, fdr) for name, part in beside.groupby(by, sort=False)}
    return pd.DataFrame(rows, index=SUMMARY).T.rename_axis(by).reset_index()


def _summarise(part: pd.DataFrame, fdr: float) -> tuple:
    called = part["q_value"] <= fdr
    wrong = np.sign(part["estimate"]) != np.sign(part["exact"])
    error = np.sqrt(((part["estimate"] - part["exact"]) ** 2).mean())
    effect = np.sqrt((part["exact"] ** 2).mean())
    return (
        len(part),
        part["estimate"].corr(part["exact"]),
        error / effect,
        part["covered"].mean(),
        int(called.sum()),
        int((called & ~part["touched"]).sum()),
        int((called & part["touched"] & wrong).sum()),
    )
