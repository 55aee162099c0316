"""Analyses of the observed cohort compared with exact effects in the same people."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cohabit.data.people import with_study_groups
from cohabit.data.schema import nearest
from cohabit.experiments.two_worlds.differences import differ
from cohabit.simulate.world import World
from cohabit.stats.abundance import compare_abundance
from cohabit.stats.composition import arcsine_sqrt
from cohabit.stats.formula import COVARIATES

INDICATION = f"{COVARIATES} + course + msss"
"""Covariates of comparisons between patients, which include the reasons for treatment."""


def set_beside_exact(
    results: pd.DataFrame,
    exact: pd.Series,
    *,
    touched: pd.Series | None = None,
    dose: float = 1.0,
) -> pd.DataFrame:
    """Join each feature's estimate with its exact mean effect.

    Parameters
    ----------
    results : DataFrame, one row per feature
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
    """Summarise the error of each analysis relative to the exact effects.

    Parameters
    ----------
    beside : DataFrame
        Several tables of `set_beside_exact`, distinguished by the column `by`.

    Returns
    -------
    DataFrame, one row per analysis
        features; correlation of estimate and exact effect; error_over_effect, the root mean
        square error over the root mean square effect; covered, the share of 95% intervals that
        hold the exact effect; called at this FDR, how many of them the change did not touch, and
        how many have the wrong sign.
    """
    rows = {name: _summarise(part, fdr) for name, part in beside.groupby(by, sort=False)}
    return pd.DataFrame(rows).T.rename_axis(by).reset_index()


def _summarise(part: pd.DataFrame, fdr: float) -> dict[str, float]:
    called = part["q_value"] <= fdr
    wrong = np.sign(part["estimate"]) != np.sign(part["exact"])
    error = np.sqrt(((part["estimate"] - part["exact"]) ** 2).mean())
    return {
        "features": len(part),
        "correlation": part["estimate"].corr(part["exact"]),
        "error_over_effect": error / np.sqrt((part["exact"] ** 2).mean()),
        "covered": part["covered"].mean(),
        "called": int(called.sum()),
        "called_untouched": int((called & ~part["touched"]).sum()),
        "wrong_sign": int((called & part["touched"] & wrong).sum()),
    }


@dataclass(frozen=True)
class _Question:
    """How a study estimates a change: the slope on a factor among some people."""

    factor: pd.Series
    """A numeric or two-level factor; missing for people who are not compared."""

    covariates: str
    dose: float
    """Mean change in the factor, in its units."""

    concerned: pd.Series
    """True for people over whom the exact effect is averaged."""


def observe_change(
    name: str, after: World, before: World, counts: pd.DataFrame, species: Sequence[str] = ()
) -> pd.DataFrame:
    """Estimate a change from one cohort, as a study would, and add the exact effect.

    Parameters
    ----------
    name : str
        One of `CHANGES` except "as strangers", which is not about a species' mean.
    after, before : World
        The changed world, and the one the cohort was measured in.
    counts : DataFrame, people x species
        The cohort. The diet of people outside it is unknown.
    species : sequence of str
        What was transferred; left out of the answer.

    Returns
    -------
    DataFrame
        As by `set_beside_exact`, on the arcsine square root scale of the study: the adjusted
        coefficient times the dose of the change, and the exact mean effect.

    Raises
    ------
    ValueError
        When no analysis asks after this change; names the nearest.
    """
    if name not in _ASK:
        raise ValueError(f"no analysis of the change {name!r}: {nearest(name, _ASK)}")
    people = with_study_groups(before.people)
    values = arcsine_sqrt(counts)
    question = _ASK[name](after, before, people, values, list(species))
    people = people.assign(factor=question.factor)[question.factor.notna()]
    people = people[people.index.isin(counts.index)]
    table = compare_abundance(
        counts.loc[people.index], people, "factor", question.covariates, "lmm_asin"
    )
    effects = differ(after, before, "asin")[question.concerned].drop(columns=list(species))
    touched = (differ(after, before) != 0).any()
    return set_beside_exact(table, effects.mean(), touched=touched, dose=question.dose)


def _ask_disease(_, before, people, *__) -> _Question:
    return _Question(people["group"], COVARIATES, -1.0, before.patients)


def _ask_therapy(_, before, people, *__) -> _Question:
    taken = (people["therapy"] == "treated").astype(float).where(before.patients)
    return _Question(taken, INDICATION, -1.0, before.patients & (taken == 1))


def _ask_drug(after, before, people, *_) -> _Question:
    drug = after.people.loc[before.patients, "treatment"].iloc[0]
    taken = (people["treatment"] == drug).astype(float).where(before.patients)
    return _Question(taken, INDICATION, 1 - taken.mean(), before.patients)


def _ask_fibre(after, before, *_) -> _Question:
    eaten, then = (world.species.exposures["diet:fibre"] for world in (before, after))
    return _Question(eaten, f"group + {COVARIATES}", (then - eaten).mean(), eaten.notna())


def _ask_transfer(after, before, _, values, species) -> _Question:
    level = values[species].mean(axis=1).reindex(before.people.index).where(before.patients)
    rise = differ(after, before, "asin", species)[before.patients].mean().mean()
    return _Question(level, COVARIATES, rise, before.patients)


_ASK = {
    "without disease": _ask_disease,
    "without therapy": _ask_therapy,
    "one drug for all": _ask_drug,
    "a fibre-rich diet": _ask_fibre,
    "a transfer": _ask_transfer,
}
