"""A cohort as a whole: who lives in it, what a home explains, kinship, declared contrasts."""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from skbio import DistanceMatrix

from cohabit.data.cohort import Cohort
from cohabit.data.people import why_not_held
from cohabit.stats.abundance import compare_abundance
from cohabit.stats.alignment import check_complete, household_codes
from cohabit.stats.composition import arcsine_sqrt, filter_features
from cohabit.stats.inference import adjust_p, normal_quantile
from cohabit.stats.mixed import fit_household_model
from cohabit.stats.permanova import permanova

_NAMES = re.compile(r"relation|zygo|kin|role|twin", re.IGNORECASE)
KINSHIP_COLUMNS = ("column", "kind", "mean", "low", "high", "n_pairs", "n_households")
DECLARED_COLUMNS = (
    *("declared", "feature", "contrast", "estimate", "std_error", "low", "high", "p_value"),
    *("q_value", "n", "note", "formula"),
)


def count_people(cohort: Cohort) -> pd.DataFrame:
    """Return how many people, homes, cases, homes of both kinds and later samples there are.

    Columns `what` and `n`.
    """
    people = cohort.participants
    groups = people.groupby("household_id")["group"].nunique()
    counts = {
        "people": len(people),
        "households": len(groups),
        "cases": int((people["group"] == "MS").sum()),
        "households of a case and a control": int((groups == 2).sum()),
        "people with counts": len(cohort.resolution.counts),
        "samples after the first visit, which notebooks 03 to 11 leave alone": int(
            (cohort.samples["visit"] > 0).sum()
        ),
    }
    return pd.Series(counts).rename_axis("what").reset_index(name="n")


def explain_by_home(
    distances: DistanceMatrix,
    people: pd.DataFrame,
    *,
    strata: str | None = "site",
    n_permutations: int = 999,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Test whether a home explains anything: PERMANOVA of the household, people exchanged freely.

    People are exchanged among the homes of one level of `strata`. Returns the row of the
    household as from `permanova`, with its name in `term`; no row where nobody shares a home.
    """
    if not people["household_id"].duplicated().any():
        return pd.DataFrame(columns=["term", "pseudo_f", "r2_adjusted", "p_value"])
    options = {"strata": strata, "n_permutations": n_permutations, "rng": rng}
    table = permanova(distances, people, "household_id", blocks=None, **options)
    return table.loc[["household_id"]].reset_index(names="term")


def kinship_columns(people: pd.DataFrame, most: int = 6) -> list[str]:
    """Return columns of 2 to `most` levels named after kinship: relation, zygosity, role, twin."""
    named = [name for name in people if _NAMES.search(str(name))]
    return [name for name in named if 2 <= people[name].nunique() <= most]


def distances_by_kinship(
    distances: DistanceMatrix, people: pd.DataFrame, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return mean distances between people of one home, by the levels of the two.

    Parameters
    ----------
    distances : DistanceMatrix
    people : DataFrame, one row per person
        `household_id` and the columns, as of `kinship_columns`; rows in any order.
    columns : sequence of str, optional
        By default `kinship_columns`. People without a value are left out of that column.

    Returns
    -------
    DataFrame, one row per column and kind of pair
        Columns `KINSHIP_COLUMNS`; `kind` as in ``"mother - twin"``, or one level when both have
        it. `mean` is over homes, each with its mean over such pairs; `low` and `high` bound its
        95% normal interval, homes being independent (none for a single home).
    """
    columns = kinship_columns(people) if columns is None else columns
    parts = [_by_levels(distances, people.dropna(subset=[name]), name) for name in columns]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=KINSHIP_COLUMNS)


def _by_levels(distances: DistanceMatrix, people: pd.DataFrame, name: str) -> pd.DataFrame:
    people = people[people.index.astype(str).isin(distances.ids)]
    check_complete(people, name, "leave them out")
    home = household_codes(people, "household_id")
    first, second = np.nonzero(np.triu(home[:, None] == home, 1))
    if not len(first):
        return pd.DataFrame(columns=KINSHIP_COLUMNS)
    place = [distances.index(str(person)) for person in people.index]
    levels = people[name].astype(str).to_numpy()
    pairs = pd.DataFrame(
        {
            "kind": [_join(levels[i], levels[j]) for i, j in zip(first, second, strict=True)],
            "home": home[first],
            "distance": [
                distances.data[place[i], place[j]] for i, j in zip(first, second, strict=True)
            ],
        }
    )
    by_home = pairs.groupby(["kind", "home"])["distance"].mean().groupby("kind")
    mean, n = by_home.mean(), by_home.size()
    reach = normal_quantile(0.975) * by_home.std() / np.sqrt(n)
    table = pd.DataFrame({"mean": mean, "low": mean - reach, "high": mean + reach})
    table["n_pairs"], table["n_households"] = pairs["kind"].value_counts(), n
    return table.rename_axis("kind").reset_index().assign(column=name)[list(KINSHIP_COLUMNS)]


def _join(first: str, second: str) -> str:
    return first if first == second else " - ".join(sorted((first, second)))


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
