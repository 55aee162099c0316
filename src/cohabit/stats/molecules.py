"""Measured pathways and metabolites: their scales, and comparisons with partners."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.data.schema import ACIDS, BRANCHED_ACIDS, MissingInput, feature_weights
from cohabit.stats.composition import arcsine_root
from cohabit.stats.formula import COVARIATES, hold_fixed
from cohabit.stats.inference import adjust_p
from cohabit.stats.mixed import fit_household_model
from cohabit.stats.paired import compare_pair_differences, count_informative, find_pairs

MOLECULE_COLUMNS = (
    *("feature", "contrast", "estimate", "std_error", "low", "high", "df", "statistic"),
    *("p_value", "q_value", "n_pairs", "n_samples", "converged", "note", "formula"),
)


def take_molecules(
    cohort: Cohort, *, required: bool = True
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Return a cohort's pathways, log metabolites and the names of missing files.

    A missing file gives a table without columns, for which all functions of this module return
    empty results; `MissingInput` is raised when both are missing and one was `required`.
    """
    files = {"pathways.biom": cohort.pathways, "metabolites.tsv": cohort.metabolites}
    missing = [name for name, table in files.items() if table is None]
    if required and len(missing) == len(files):
        raise MissingInput(f"the cohort has no {' and no '.join(missing)}: no data on function")
    nothing = pd.DataFrame(index=cohort.participants.index)
    pathways, metabolites = (nothing if table is None else table for table in files.values())
    return pathways, log_metabolites(metabolites), missing


def log_metabolites(metabolites: pd.DataFrame) -> pd.DataFrame:
    """Return the natural logarithm of every metabolite.

    `metabolites` are people x metabolites named ``matrix:metabolite``, the fatty acids of `ACIDS`
    and `BRANCHED_ACIDS` in concentrations above 0, all others as logs already, as in
    ``metabolites.tsv``.
    """
    acids = [name for name in metabolites if name.partition(":")[2] in ACIDS + BRANCHED_ACIDS]
    wrong = [name for name in acids if (metabolites[name] <= 0).any()]
    if wrong:
        raise ValueError(
            f"fatty acids: expected positive concentrations; {', '.join(wrong[:5])} hold zero or "
            "less: give logs under another name, or leave values below detection missing"
        )
    return metabolites.assign(**{name: np.log(metabolites[name]) for name in acids})


def list_scales(shares: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return shares on three scales: asin-sqrt, log where detected, and detected (1 or 0).

    `shares` are people x features, 0 where not detected; they need not sum to 1. Asin-sqrt is
    the study's own scale; logs are missing where nothing was detected.
    """
    return {
        "asin-sqrt": arcsine_root(shares),
        "log, where detected": np.log(shares.where(shares > 0)),
        "detected": (shares > 0).astype(float),
    }


def keep_detected(shares: pd.DataFrame, min_prevalence: float = 0.05) -> pd.DataFrame:
    """Keep features that vary and are detected in enough people (the study's rule)."""
    seen = (shares > 0).mean() >= min_prevalence
    return shares.loc[:, seen & (shares.max() > shares.min())]


def subtract_own_mean(levels: pd.DataFrame) -> pd.DataFrame:
    """Subtract each person's mean level: log-ratios within one sample.

    This removes any factor common to all concentrations of a sample, such as water, and also any
    real change that affects all of them alike.
    """
    return levels.sub(levels.mean(axis=1), axis=0)


def combine_molecules(levels: pd.DataFrame, wanted: Iterable[str]) -> pd.DataFrame:
    """Return named sums and differences of features, as the claims define them.

    `levels` are people x features, `wanted` names as in `schema.feature_weights`: ``"a; b"`` for
    a mean, ``"a minus b"`` for a log-ratio. What needs a feature that is not there is left out.
    """
    recipes = {text: feature_weights(text) for text in dict.fromkeys(wanted)}
    columns = {
        text: levels[list(weights)].mul(pd.Series(weights)).sum(axis=1, skipna=False)
        for text, weights in recipes.items()
        if set(weights) <= set(levels.columns)
    }
    return pd.DataFrame(columns, index=levels.index)


def effective_number(values: pd.DataFrame) -> float:
    """Return the effective number of independent features.

    With eigenvalues l of the correlation matrix, (sum l)² / sum l² (Bretherton et al. 1999,
    Journal of Climate 12:1990): their number when uncorrelated, 1 when perfectly correlated.
    Missing for no feature.
    """
    if values.columns.empty:
        return float("nan")
    correlation = values.corr().to_numpy()
    return float(len(correlation) ** 2 / np.square(correlation).sum())


def compare_molecules(
    values: pd.DataFrame,
    groups: Mapping[str, pd.DataFrame],
    covariates: str | None = COVARIATES,
) -> pd.DataFrame:
    """Compare measured levels of several sets of patients with their household partners.

    Parameters
    ----------
    values : DataFrame, people x features
        On the scale that is to be compared; a missing value drops the person for that
        feature only. No feature at all gives an empty table.
    groups, covariates
        As in `partners.compare_with_partners`; groups without shared households are left out.

    Returns
    -------
    DataFrame, one row per group and feature
        Columns `MOLECULE_COLUMNS`, from the household mixed model; `contrast` as in
        ``"untreated MS - control"``, `q_value` over the features of one group, `n_pairs` the
        households with a case and a control who were measured.
    """
    measured = {name: people[people.index.isin(values.index)] for name, people in groups.items()}
    parts = [
        _compare(values, people, name, covariates)
        for name, people in measured.items()
        if values.shape[1] and people["household_id"].duplicated().any()
    ]
    return pd.concat(parts, ignore_index=True) if parts else _nothing()


def _nothing() -> pd.DataFrame:
    """Return an empty table with the dtypes of a comparison."""
    kinds = dict.fromkeys(MOLECULE_COLUMNS, float)
    kinds |= dict.fromkeys(("feature", "contrast", "note", "formula"), object)
    kinds |= {"n_pairs": int, "n_samples": int, "converged": bool}
    return pd.DataFrame(columns=list(MOLECULE_COLUMNS)).astype(kinds)


def compare_therapies(
    values: pd.DataFrame,
    people: pd.DataFrame,
    covariates: str | None = "site + course + age + sex",
    differences: str | None = "sex + age + bmi",
) -> pd.DataFrame:
    """Compare patient minus partner between each drug and untreated patients.

    Parameters
    ----------
    values : DataFrame, people x features
    people : DataFrame, one row per person
        Those without values are left out.
    covariates, differences : str, optional
        What is held fixed: of the patient, and as a difference within the pair.

    Returns
    -------
    DataFrame
        As from `paired.compare_pair_differences`; `contrast` as in ``"interferon - untreated"``.
        Empty where no feature, no pair, or one treatment at most, is known.
    """
    people = people[people.index.isin(values.index)]
    if values.columns.empty or "treatment" not in people or people["treatment"].nunique() < 2:
        return _nothing()
    if find_pairs(people, required=False).table.empty:
        return _nothing()
    values = values.loc[people.index]
    return compare_pair_differences(
        values, people, "treatment", covariates or None, differences=differences or None
    )


def set_beside(results: pd.DataFrame, released: pd.DataFrame) -> pd.DataFrame:
    """Join results with released ones of the same contrast and feature.

    Adds `name`, `published`, `published_low` and `published_high` (95%, from the released
    standard error); rows without a released figure are left out.
    """
    estimate, reach = released["estimate"], 1.96 * released["std_error"]
    known = released[["contrast", "feature", "name"]].assign(
        published=estimate, published_low=estimate - reach, published_high=estimate + reach
    )
    return results.merge(known, on=["contrast", "feature"])


def _compare(
    values: pd.DataFrame, people: pd.DataFrame, name: str, covariates: str | None
) -> pd.DataFrame:
    people, covariates = hold_fixed(people, covariates)
    formula = " + ".join(filter(None, ["group", covariates]))
    fit = fit_household_model(values.loc[people.index], people, formula)
    rows = fit[fit["coefficient"] == "group[MS]"].assign(contrast=f"{name} - control")
    present = values.loc[people.index].notna()
    informing = count_informative(present, people["group"], people["household_id"])
    rows["n_pairs"] = informing.reindex(rows["feature"]).to_numpy()
    rows["q_value"] = adjust_p(rows["p_value"])
    return rows[list(MOLECULE_COLUMNS)]
