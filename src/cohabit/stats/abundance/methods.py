"""The methods of differential abundance, and the data and settings that they receive.

Regressions of transformed counts (household mixed models, LinDA's correction, ANCOM-BC) and
tests of the difference within pairs (signed ranks, paired regression, presence).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from cohabit.stats.association import fit_linear_model
from cohabit.stats.composition import arcsine_sqrt, clr
from cohabit.stats.formula import ModelMatrix, model_matrix
from cohabit.stats.inference import NUMBERS, add_notes, infer
from cohabit.stats.least_squares import find_independent, rests_on_one
from cohabit.stats.logistic import fit_matched_pairs
from cohabit.stats.mixed import fit_household_model
from cohabit.stats.nonparametric import paired_wilcoxon
from cohabit.stats.paired import (
    count_informative,
    differ_within,
    find_pairs,
    fit_paired_model,
    subtract,
)

_LEAST_FEATURES = 3
"""Smallest number of features with which a bias or a mode of coefficients is estimated."""

METHOD_COLUMNS = ["feature", "contrast", *NUMBERS, "n_pairs", "note", "formula"]
"""Columns of what a method returns, one row per feature tested and contrast."""


@dataclass(frozen=True)
class Comparison:
    """Aligned and checked counts, metadata and model terms of one comparison."""

    counts: pd.DataFrame
    """All features, because shares are taken of everything counted."""

    kept: pd.Index
    """Features to test."""

    people: pd.DataFrame
    """Metadata with the same rows as `counts`."""

    factor: str
    covariates: str | None
    household: str
    pseudocount: float | None

    @property
    def formula(self) -> str:
        """Formula of the factor and the covariates."""
        return " + ".join(filter(None, [self.factor, self.covariates]))

    @cached_property
    def matrix(self) -> ModelMatrix:
        """The model matrix of the formula."""
        matrix = model_matrix(self.formula, self.people)
        if not matrix.terms.get(self.factor):
            raise ValueError(f"column {self.factor!r}: expected at least two levels, got one")
        return matrix

    @cached_property
    def household_sizes(self) -> np.ndarray:
        """Number of people in each household."""
        return self.people[self.household].value_counts().to_numpy()

    @cached_property
    def levels(self) -> tuple[str, str]:
        """Control and case level of a two-level factor."""
        labels = [self.matrix.contrasts[name] for name in self.matrix.terms[self.factor]]
        if len(labels) != 1 or " - " not in labels[0]:
            raise ValueError(
                f"column {self.factor!r}: a paired method needs two levels, one in each half of "
                f"a pair; got {len(labels) + 1} levels or a number: {', '.join(labels)}"
            )
        level = self.matrix.terms[self.factor][0].partition("[")[2].rstrip("]")
        return labels[0].removeprefix(f"{level} - "), level

    @property
    def pair_names(self) -> dict[str, str]:
        """Keyword arguments for `paired.find_pairs`."""
        control, case = self.levels
        return {
            "household": self.household,
            "group": self.factor,
            "case": case,
            "control": control,
        }

    def count_pairs(self, contrasts: pd.Series) -> pd.Series:
        """Return for each contrast the number of households in which its column differs."""
        columns, households = self.matrix.values, self.people[self.household]
        counts = {
            self.matrix.contrasts[name]: int(
                count_informative(columns[[name]].notna(), columns[name], households).iloc[0]
            )
            for name in self.matrix.terms[self.factor]
        }
        return contrasts.map(counts)

    def clr(self) -> pd.DataFrame:
        """Centred log-ratios of the tested features, taken among these features."""
        return clr(self.counts[self.kept], self.pseudocount)

    def asin(self) -> pd.DataFrame:
        """asin(sqrt(share)) of the tested features."""
        return arcsine_sqrt(self.counts)[self.kept]


def fit_lmm_asin(comparison: Comparison) -> pd.DataFrame:
    """Fit the study's model: asin-sqrt shares, random household, fixed covariates."""
    return fit_mixed(comparison.asin(), comparison)


def fit_lmm_clr(comparison: Comparison) -> pd.DataFrame:
    """Fit the study's model to centred log-ratios."""
    return fit_mixed(comparison.clr(), comparison)


def fit_linda(comparison: Comparison) -> pd.DataFrame:
    """Fit CLR mixed models and subtract the mode of their coefficients (LinDA, Zhou 2022).

    Most features do not change, so the most frequent coefficient is the shift due to closure. The
    mode is that of a Gaussian kernel density; its own error is ignored.
    """
    parts = fit_lmm_clr(comparison).groupby("contrast", sort=False)
    return pd.concat([_take_off_mode(part) for _, part in parts]).sort_index()


def _take_off_mode(table: pd.DataFrame) -> pd.DataFrame:
    """Subtract the mode of the coefficients from the rows of one contrast."""
    found = table["estimate"].notna()
    if 0 < found.sum() < _LEAST_FEATURES:
        few = f"{found.sum()} features are too few for a mode"
        return table.assign(**dict.fromkeys(NUMBERS, np.nan), note=table["note"].where(~found, few))
    bias = density_mode(table.loc[found, "estimate"].to_numpy()) if found.any() else 0.0
    table = table.assign(**infer(table["estimate"] - bias, table["std_error"], table["df"]))
    told = f"closure bias {bias:+.4g} taken off"
    table.loc[found, "note"] = add_notes(table.loc[found, "note"], told)
    return table


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
    """Fit scikit-bio's ANCOM-BC; the model does not include the household.

    Columns of the model matrix are passed as numbers to keep the order of levels.
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
    table = pd.concat(parts, ignore_index=True).assign(formula=comparison.formula)
    table["n_pairs"] = comparison.count_pairs(table["contrast"])
    return table.reindex(columns=METHOD_COLUMNS)


def _why_no_ancombc(table: pd.DataFrame) -> str:
    """Return the reason why sampling fractions cannot be estimated, or an empty string."""
    if table.shape[1] < _LEAST_FEATURES:
        return f"{table.shape[1]} features are too few for sampling fractions"
    return "constant: no feature varies" if (table.nunique() == 1).all() else ""


def _call_ancombc(table: pd.DataFrame, design: pd.DataFrame) -> pd.DataFrame:
    """Return scikit-bio's table; the terms after the intercept are called x1, x2, ..."""
    from skbio.stats.composition import ancombc

    plain = design.set_axis([f"x{number}" for number in range(design.shape[1])], axis=1)
    plain = plain.drop(columns="x0")
    table = table.set_axis(range(table.shape[1]), axis=1)
    return ancombc(table, plain, " + ".join(plain), p_adjust=None).result


def fit_mixed(values: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """Return a mixed model's rows of the factor (least squares if no household is shared)."""
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
    table.loc[where, "note"] = add_notes(table.loc[where, "note"], told)
    table["n_pairs"] = comparison.count_pairs(table["contrast"])
    return table.reindex(columns=METHOD_COLUMNS)


def fit_paired_t_clr(comparison: Comparison) -> pd.DataFrame:
    """Regress CLR pair differences on covariate differences and test the intercept."""
    return fit_paired_model(
        comparison.clr(), comparison.people, comparison.covariates, **comparison.pair_names
    )


def fit_paired_wilcoxon(comparison: Comparison) -> pd.DataFrame:
    """Test asin-sqrt pair differences by signed ranks, without covariates."""
    table = paired_wilcoxon(comparison.asin(), comparison.people, **comparison.pair_names)
    if comparison.covariates:
        ignored = f"covariates not in the model: {comparison.covariates}"
        table["note"] = add_notes(table["note"], ignored)
    return table.assign(formula="difference ~ 1")


def fit_presence_clogit(comparison: Comparison) -> pd.DataFrame:
    """Model presence by conditional logistic regression within pairs.

    Only pairs in which exactly one of the two has the feature are informative: the differences of
    group and covariates predict which one has it.
    """
    pairs = find_pairs(comparison.people, **comparison.pair_names)
    matrix = comparison.matrix
    first = matrix.terms[comparison.factor]
    names = first + [name for name in matrix.values if name not in ["Intercept", *first]]
    differences, alike = differ_within(matrix.values[names], pairs)
    independence = find_independent(differences)
    present = (comparison.counts[comparison.kept] > 0).astype(float)
    sign = subtract(present, pairs).to_numpy()
    fit = fit_matched_pairs(differences.to_numpy()[:, independence.kept], sign)
    table = pd.DataFrame(fit).assign(feature=comparison.kept, contrast=pairs.contrast)
    reason = independence.reason(np.eye(differences.shape[1])[0])
    if reason:
        table[list(NUMBERS)] = np.nan
        table["note"] = reason
    fitted = f"presence ~ {comparison.formula} + strata({comparison.household})"
    return table.assign(note=add_notes(table["note"], pairs.note, alike), formula=fitted)
