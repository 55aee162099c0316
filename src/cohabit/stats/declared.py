"""Contrasts that a cohort's mapping declares under ``[model]``: groups, doses, time."""

import pandas as pd

from cohabit.data.cohort import Cohort
from cohabit.data.covariates import why_not_held
from cohabit.stats.abundance import compare_abundance
from cohabit.stats.composition import arcsine_sqrt, filter_features
from cohabit.stats.inference import adjust_p
from cohabit.stats.mixed import fit_household_model

DECLARED_COLUMNS = (
    *("declared", "feature", "contrast", "estimate", "std_error", "low", "high", "p_value"),
    *("q_value", "n", "note", "formula"),
)


def fit_declared(cohort: Cohort, method: str = "lmm_asin") -> pd.DataFrame:
    """Fit every contrast of ``[model]`` to the counts of highest resolution.

    Parameters
    ----------
    cohort : Cohort
        Its provenance holds the declared `contrasts`, `covariates` and `reference` levels.
    method : str
        One of `abundance.METHODS`, for contrasts of people.

    Returns
    -------
    DataFrame, one row per contrast and feature
        Columns `DECLARED_COLUMNS`; `n` people were compared. A column of levels gives each level
        minus the reference, a column of numbers a slope per unit, ``group:visit`` the change a
        month of a case minus that of a control. `q_value` is taken over the features of one
        contrast. Empty when nothing is declared.

    Notes
    -----
    Being a case is held fixed beside the covariates, unless the contrast says who is a case.
    ``group:visit`` fits each person's least-squares slope over the visits, then `group` and the
    covariates with ``(1 | household)``: a person with one visit says nothing of change.
    """
    declared = dict(cohort.provenance.get("model") or {})
    parts = [
        _fit_change(cohort) if name == "group:visit" else _fit_column(cohort, name, method)
        for name in declared.get("contrasts", ())
    ]
    names = list(DECLARED_COLUMNS)
    return pd.concat(parts, ignore_index=True)[names] if parts else pd.DataFrame(columns=names)


def _fit_column(cohort: Cohort, name: str, method: str) -> pd.DataFrame:
    counts = cohort.resolution.counts
    people = cohort.participants.loc[counts.index].dropna(subset=[name])
    reference = cohort.provenance["model"].get("reference", {}).get(name)
    people = people.assign(**{name: _ordered(people[name], reference)})
    held = [other for other in cohort.covariates if other != name]
    if not _same_as_group(people, name):
        held.append("group")
    held = [other for other in held if not why_not_held(people, other)]
    people = people.dropna(subset=held)
    covariates = " + ".join(held) or None
    table = compare_abundance(counts.loc[people.index], people, name, covariates, method)
    return table.assign(declared=name, n=len(people))


def _ordered(column: pd.Series, reference: str | None) -> pd.Series:
    """Return a column of levels with the reference first; numbers as they are."""
    if pd.api.types.is_numeric_dtype(column) and reference is None:
        return column
    ordered = isinstance(column.dtype, pd.CategoricalDtype)
    levels = [str(level) for level in (column.cat.categories if ordered else sorted(set(column)))]
    levels = [level for level in levels if level in set(column.astype(str))]
    first = [reference] if reference in levels else []
    order = [*first, *(level for level in levels if level not in first)]
    return column.astype(str).astype(pd.CategoricalDtype(order, ordered=True))


def _same_as_group(people: pd.DataFrame, name: str) -> bool:
    """Return True when the levels of a column already say who is a case."""
    return bool((people.groupby(name, observed=True)["group"].nunique() <= 1).all())


def _fit_change(cohort: Cohort) -> pd.DataFrame:
    slopes = person_slopes(cohort)
    people = cohort.participants.loc[slopes.index]
    held = [name for name in cohort.covariates if not why_not_held(people, name)]
    people = people.dropna(subset=held)
    formula = " + ".join(["group", *held])
    table = fit_household_model(slopes.loc[people.index], people, formula)
    table = table[table["coefficient"] == "group[MS]"].reset_index(drop=True)
    contrast = "MS - control : month"
    fitted = table["formula"].map("slope a month ~ {}".format)
    return table.assign(
        declared="group:visit",
        contrast=contrast,
        formula=fitted,
        q_value=adjust_p(table["p_value"]),
        n=table["n_samples"],
    )


def person_slopes(cohort: Cohort) -> pd.DataFrame:
    """Return each person's change a month of arcsine square roots of shares, by least squares.

    People x features of the highest resolution that pass the study's filter over all visits;
    people with samples of a single visit are left out.
    """
    main = cohort.resolution
    visits = sorted(cohort.samples.loc[cohort.samples["assay"] == main.assay, "visit"].unique())
    tables = {int(v): cohort.table(main.assay, main.rank, visit=int(v)) for v in visits}
    counts = pd.concat(tables, names=["visit"])
    kept = filter_features(counts).columns
    values = arcsine_sqrt(counts)[kept]
    month = values.index.get_level_values("visit").to_numpy(float)
    person = values.index.get_level_values("participant_id")
    centred = pd.Series(month, values.index) - pd.Series(month, values.index).groupby(
        person
    ).transform("mean")
    spread = centred.pow(2).groupby(person).sum()
    products = values.mul(centred, axis=0).groupby(person).sum()
    slopes = products.div(spread.where(spread > 0), axis=0).dropna(how="all")
    return slopes.loc[cohort.participants.index.intersection(slopes.index)].astype(float)
