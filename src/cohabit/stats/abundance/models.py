"""Regressions of transformed counts: household mixed models, LinDA's correction, ANCOM-BC."""

import numpy as np
import pandas as pd

from cohabit.stats.abundance.comparison import Comparison, join_notes
from cohabit.stats.association import fit_linear_model
from cohabit.stats.inference import NUMBERS, infer
from cohabit.stats.least_squares import find_independent, rests_on_one
from cohabit.stats.mixed import fit_household_model

_LEAST_FEATURES = 3
"""Fewer coefficients have no mode, fewer features no sampling fractions."""

_COLUMNS = ["feature", "contrast", *NUMBERS, "n_pairs", "note"]


def fit_lmm_asin(comparison: Comparison) -> pd.DataFrame:
    """Fit the study's own model: asin-sqrt shares, random household, fixed covariates."""
    return _fit_mixed(comparison.asin(), comparison)


def fit_lmm_clr(comparison: Comparison) -> pd.DataFrame:
    """Fit the same model to centred log-ratios."""
    return _fit_mixed(comparison.clr(), comparison)


def fit_linda(comparison: Comparison) -> pd.DataFrame:
    """Fit CLR mixed models and take the mode of their coefficients off each (Zhou 2022).

    Most features do not change, so the most frequent coefficient is what closure added to
    all of them. The mode is that of a Gaussian kernel density; its own error is not counted.
    """
    parts = fit_lmm_clr(comparison).groupby("contrast", sort=False)
    return pd.concat([_take_off_mode(part) for _, part in parts]).sort_index()


def _take_off_mode(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one contrast with the mode of their coefficients taken off."""
    found = table["estimate"].notna()
    if 0 < found.sum() < _LEAST_FEATURES:
        few = f"{found.sum()} features are too few for a mode"
        return table.assign(**dict.fromkeys(NUMBERS, np.nan), note=table["note"].where(~found, few))
    bias = density_mode(table.loc[found, "estimate"].to_numpy()) if found.any() else 0.0
    told = table["note"].map(lambda note: join_notes(note, f"closure bias {bias:+.4g} taken off"))
    return table.assign(
        **infer(table["estimate"] - bias, table["std_error"], table["df"]),
        note=table["note"].where(~found, told),
    )


def density_mode(values: np.ndarray) -> float:
    """Return the mode of a Gaussian kernel density with Silverman's bandwidth.

    Found by mean shift from the observation where the density is highest.
    """
    quartiles = np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34
    spread = min(filter(None, (values.std(ddof=1), quartiles)), default=0)
    if spread == 0:
        return float(np.median(values))
    width = 0.9 * spread * len(values) ** -0.2
    kernel = np.exp(-0.5 * ((values[:, None] - values) / width) ** 2)
    mode = values[kernel.sum(axis=0).argmax()]
    for _ in range(500):
        weight = np.exp(-0.5 * ((values - mode) / width) ** 2)
        moved = weight @ values / weight.sum()
        if abs(moved - mode) < 1e-10 * width:
            break
        mode = moved
    return float(moved)


def fit_ancombc(comparison: Comparison) -> pd.DataFrame:
    """Fit ANCOM-BC by scikit-bio; the household is not in the model.

    Columns of the model matrix are handed over as numbers, so that levels keep our order.
    """
    design = comparison.matrix.values
    independence = find_independent(design)
    kept = design.iloc[:, independence.kept]
    lone = kept.columns[rests_on_one(kept.to_numpy(), np.arange(len(kept)))]
    table = comparison.counts[comparison.kept]
    unfit = _why_no_ancombc(table)
    fit = None if unfit else _call_ancombc(table + comparison.pseudocount, kept)
    parts = []
    for name in comparison.matrix.terms[comparison.factor]:
        reason = unfit or independence.reason((design.columns == name).astype(float))
        reason = reason or "rests on one person alone: no variance" * (name in lone)
        part = pd.DataFrame({"feature": comparison.kept, "note": reason})
        if not reason:
            rows = fit.xs(f"x{kept.columns.get_loc(name)}", level="Covariate")
            tests = infer(rows["Log(FC)"].to_numpy(), rows["SE"].to_numpy())
            part = part.assign(**tests).assign(note="household not in the model")
        parts.append(part.assign(contrast=comparison.matrix.contrasts[name]))
    n_pairs = int((comparison.household_sizes > 1).sum())
    return pd.concat(parts, ignore_index=True).reindex(columns=_COLUMNS).assign(n_pairs=n_pairs)


def _why_no_ancombc(table: pd.DataFrame) -> str:
    """Say why sampling fractions cannot be told; empty where they can."""
    if table.shape[1] < _LEAST_FEATURES:
        return f"{table.shape[1]} features are too few for sampling fractions"
    return "constant: no feature varies" if (table.nunique() == 1).all() else ""


def _call_ancombc(table: pd.DataFrame, design: pd.DataFrame) -> pd.DataFrame:
    """Return scikit-bio's table; the terms are x1, x2, ... after the intercept."""
    from skbio.stats.composition import ancombc

    plain = design.set_axis([f"x{number}" for number in range(design.shape[1])], axis=1)
    plain = plain.drop(columns="x0")
    table = table.set_axis(range(table.shape[1]), axis=1)
    return ancombc(table, plain, " + ".join(plain), p_adjust=None).result


def _fit_mixed(values: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """Return the factor's rows of a household mixed model, or of least squares."""
    asked = comparison.matrix.terms[comparison.factor]
    alone = comparison.household_sizes.max() == 1
    if alone:
        table = fit_linear_model(values, comparison.people, comparison.formula)
    else:
        table = fit_household_model(
            values, comparison.people, comparison.formula, comparison.household
        )
    table = table[table["coefficient"].isin(asked)].reset_index(drop=True)
    if alone:
        told, where = "nobody shares a household: ordinary regression", table.index
    else:
        told, where = "household variance 0", table.index[table["boundary"].astype(bool)]
    table.loc[where, "note"] = [join_notes(note, told) for note in table.loc[where, "note"]]
    table["n_pairs"] = int((comparison.household_sizes > 1).sum())
    return table.reindex(columns=_COLUMNS)
