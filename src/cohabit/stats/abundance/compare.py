"""Differential abundance: named methods behind one function, one tidy table."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.stats.abundance import count_models, matched_sets, methods, two_parts
from cohabit.stats.abundance.methods import Comparison
from cohabit.stats.alignment import align_values, check_column, household_codes
from cohabit.stats.composition import arcsine_sqrt, check_counts, take_for_counts, why_filtered
from cohabit.stats.formula import variables
from cohabit.stats.inference import adjust_p, tidy_columns

ABUNDANCE_COLUMNS = (*tidy_columns()[:-1], "transform", "note", "formula")


@dataclass(frozen=True)
class Method:
    """The transformation, the household model and the source of one method."""

    transform: str
    """Scale of the estimate."""

    household: str
    """How the method models the household, if it does."""

    reference: str
    """DOI."""

    fit: Callable[[Comparison], pd.DataFrame]
    pseudocount: float | None = None
    """Added to every count; None when the method uses zeros as they are."""

    min_variance: float = 0.0
    """Smallest variance on the asin-sqrt scale of a feature that is tested."""

    more: tuple[str, ...] = ()
    """Columns of its own, after those that all methods have."""


METHODS = {
    "lmm_asin": Method(
        "asin-sqrt of shares",
        "random intercept",
        "10.1016/j.cell.2022.08.021",
        methods.fit_lmm_asin,
        min_variance=1e-5,
    ),
    "lmm_clr": Method(
        "clr",
        "random intercept",
        "10.1111/j.2517-6161.1982.tb01195.x",
        methods.fit_lmm_clr,
        pseudocount=0.5,
    ),
    "paired_wilcoxon": Method(
        "asin-sqrt of shares, pair difference",
        "pair difference; covariates not in the model",
        "10.2307/3001968",
        methods.fit_paired_wilcoxon,
    ),
    "paired_t_clr": Method(
        "clr, pair difference",
        "pair difference, regressed on covariate differences",
        "10.1111/j.2517-6161.1982.tb01195.x",
        methods.fit_paired_t_clr,
        pseudocount=0.5,
    ),
    "linda": Method(
        "clr, less the mode of all coefficients",
        "random intercept",
        "10.1186/s13059-022-02655-5",
        methods.fit_linda,
        pseudocount=0.5,
    ),
    "ancombc": Method(
        "log counts, sampling fraction removed",
        "household not in the model: its members are taken as independent",
        "10.1038/s41467-020-17041-7",
        methods.fit_ancombc,
        pseudocount=1.0,
    ),
    "presence_clogit": Method(
        "log odds of presence",
        "conditional likelihood of the pair",
        "10.1093/oxfordjournals.aje.a112623",
        methods.fit_presence_clogit,
    ),
    "nbinom": Method(
        "log mean count per read (negative binomial)",
        "random intercept",
        "10.32614/RJ-2017-066",
        count_models.fit_nbinom,
        more=count_models.SHAPE_COLUMNS[:2],
    ),
    "zinb": Method(
        "log mean count per read (negative binomial, a share of further zeros)",
        "random intercept",
        "10.32614/RJ-2017-066",
        count_models.fit_zinb,
        more=count_models.SHAPE_COLUMNS,
    ),
    "presence_logit": Method(
        "log odds of presence, given the household",
        "random intercept",
        "10.1101/2024.12.13.628459",
        two_parts.fit_presence_logit,
        more=count_models.SHAPE_COLUMNS[:1],
    ),
    "nonzero_log": Method(
        "log share among those who have the feature",
        "random intercept",
        "10.1101/2024.12.13.628459",
        two_parts.fit_nonzero_log,
    ),
    "two_parts": Method(
        "presence and amount, no single estimate",
        "random intercept in both parts",
        "10.1101/2024.12.13.628459",
        two_parts.fit_two_parts,
        more=two_parts.PART_COLUMNS,
    ),
    "matched_sets": Method(
        "asin-sqrt of shares, within homes; p-value of shares, asin-sqrt and presence together",
        "members permuted within the household",
        "10.1093/bioinformatics/btaa260",
        matched_sets.fit_matched_sets,
        more=matched_sets.SCALE_COLUMNS,
    ),
}
"""Method name -> its properties."""


def compare_abundance(
    counts: pd.DataFrame,
    metadata: pd.DataFrame,
    factor: str,
    covariates: str | None = None,
    method: str = "lmm_clr",
    *,
    household: str = "household_id",
    min_prevalence: float = 0.05,
    min_total: float | None = None,
    pseudocount: float | None = None,
) -> pd.DataFrame:
    """Compare the abundance of every feature between the levels of a factor.

    Parameters
    ----------
    counts : DataFrame, shape (n_samples, n_features)
        One sample a person.
    metadata : DataFrame
        Index as `counts`, in any order; people without counts are left out.
    factor : str
        Column to compare by: `group`, or for patients `treatment` or a number. The paired
        methods need two levels, one in each half of a pair.
    covariates : str, optional
        Names joined by ``+``, ``:`` and ``*``, as in ``"sex + age + bmi + site"``.
    method : str
        One of `METHODS`, which describe how the household is modelled.
    household : str
        Column of the household. If nobody shares one (patients against
        patients), the mixed models become ordinary regressions, with a note.
    min_prevalence, min_total : float
        The study's filter, see `composition.why_filtered`.
    pseudocount : float, optional
        Added to every count of the features kept; by default the method's own. Methods that
        use zeros as they are refuse one. For shares or percents `min_total` and `pseudocount`
        have no default: give both in the table's unit.

    Returns
    -------
    DataFrame, one row per feature and contrast
        Columns `ABUNDANCE_COLUMNS`, then those of the method's own (`Method.more`). `estimate` is
        on the scale named in `transform`, second level minus first; `low` and `high` bound the 95%
        interval; `q_value` is Benjamini and Hochberg's over the features tested in one contrast.
        Features that fail the filter stay, without numbers, with the reason in `note`. `n_pairs`
        counts the households in which the contrast differs (a case and a control); for paired
        methods, the pairs that bear on the feature. `formula` is the model as fitted.

    Raises
    ------
    ValueError
        For an unknown method or column (the nearest is named), missing covariates, empty
        samples, IDs that do not match, or a factor the method cannot take.
    """
    if method not in METHODS:
        raise ValueError(f"method: no {method!r}; {schema.nearest(method, METHODS)}")
    chosen = METHODS[method]
    people = _check(counts, metadata, factor, covariates, household)
    pseudocount = _choose_pseudocount(counts, method, pseudocount)
    min_total = take_for_counts(counts, min_total, 10, "min_total")
    reasons = _why_not_tested(counts, chosen.min_variance, min_prevalence, min_total)
    kept = reasons.index[reasons == ""]
    comparison = Comparison(counts, kept, people, factor, covariates, household, pseudocount)
    fitted = chosen.fit(comparison)
    table = _with_filtered(fitted, reasons)
    table["method"] = method
    table["transform"] = _name_transform(chosen, pseudocount)
    table["n_nonzero"] = (counts > 0).sum().reindex(table["feature"]).to_numpy()
    table["q_value"] = table.groupby("contrast", sort=False)["p_value"].transform(adjust_p)
    table["converged"] = table["p_value"].notna()
    told = table["formula"].dropna() if "formula" in table else pd.Series(dtype=object)
    table["formula"] = told.iloc[0] if len(told) else comparison.formula
    table = table.reindex(columns=[*ABUNDANCE_COLUMNS, *chosen.more])
    table.attrs.update(
        **fitted.attrs,
        filter=_name_filter(chosen, min_prevalence, min_total),
        transform=_name_transform(chosen, pseudocount),
        household=chosen.household,
        reference=chosen.reference,
    )
    return table


def lenient_rule(table: pd.DataFrame, alpha: float = 0.05, extreme: float = 0.05) -> pd.DataFrame:
    """Call features significant by FDR and, in a column of its own, by the study's lenient rule.

    Where FDR finds none, the lenient rule calls p <= alpha with a coefficient among the lowest or
    highest `extreme` of all coefficients. Unlike FDR it controls no error rate and calls features
    even if nothing has an effect.

    Parameters
    ----------
    table : DataFrame
        Result of `compare_abundance`; contrasts are judged apart.
    alpha, extreme : float
        Bound of q, then of p; share of the coefficients at either end.

    Returns
    -------
    DataFrame
        The table with `called` (FDR) and `lenient` (FDR, or the lenient rule), both bool.
    """
    parts = [_call(part, alpha, extreme) for _, part in table.groupby("contrast", sort=False)]
    return pd.concat(parts).loc[table.index] if parts else table.assign(called=False, lenient=False)


def _call(table: pd.DataFrame, alpha: float, extreme: float) -> pd.DataFrame:
    passed = table["q_value"] <= alpha
    if passed.any():
        return table.assign(called=passed, lenient=passed)
    low, high = table["estimate"].quantile([extreme, 1 - extreme])
    outer = (table["estimate"] <= low) | (table["estimate"] >= high)
    return table.assign(called=False, lenient=(table["p_value"] <= alpha) & outer)


def _check(
    counts: pd.DataFrame,
    metadata: pd.DataFrame,
    factor: str,
    covariates: str | None,
    household: str,
) -> pd.DataFrame:
    """Return the metadata of the counted people, in the order of the counts."""
    check_counts(counts)
    _, people = align_values(counts, metadata)
    for name in variables(" + ".join(filter(None, [factor, covariates]))):
        check_column(people, name)
    household_codes(people, household)
    return people


def _choose_pseudocount(
    counts: pd.DataFrame, method: str, pseudocount: float | None
) -> float | None:
    own = METHODS[method].pseudocount
    if own is None and pseudocount is not None:
        raise ValueError(f"pseudocount: {method} takes zeros as they are; leave it out")
    return own and take_for_counts(counts, pseudocount, own, "pseudocount")


def _why_not_tested(
    counts: pd.DataFrame, min_variance: float, min_prevalence: float, min_total: float
) -> pd.Series:
    """Return the reason why each feature is not tested, or an empty string."""
    reasons = why_filtered(counts, min_prevalence, min_total)
    spread = arcsine_sqrt(counts).var(axis=0)
    still = (reasons == "") & (spread < min_variance)
    reasons[still] = [
        f"filtered: asin-sqrt variance {value:.1e}, below {min_variance:g}"
        for value in spread[still]
    ]
    if (reasons != "").all():
        raise ValueError(f"counts: no feature passes the filter; first {reasons.iloc[0]!r}")
    return reasons


def _with_filtered(table: pd.DataFrame, reasons: pd.Series) -> pd.DataFrame:
    """Add rows for the filtered features, in the order of the counts."""
    rows = pd.DataFrame(
        list(product(reasons.index[reasons != ""], table["contrast"].unique())),
        columns=["feature", "contrast"],
    )
    if len(rows):
        rows["note"] = reasons[rows["feature"]].to_numpy()
        table = pd.concat([table, rows], ignore_index=True)
    place = reasons.index.get_indexer(table["feature"])
    return table.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def _name_filter(method: Method, min_prevalence: float, min_total: float) -> str:
    text = f"present in >= {100 * min_prevalence:g}% of samples, total > {min_total:g}"
    return text + (f", asin-sqrt variance >= {method.min_variance:g}" * bool(method.min_variance))


def _name_transform(method: Method, pseudocount: float | None) -> str:
    return method.transform + ("" if pseudocount is None else f"; pseudocount {pseudocount:g}")
