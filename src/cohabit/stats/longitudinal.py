"""Repeated visits: yearly changes, dropout and stability over time."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cohabit.data import schema
from cohabit.stats.cluster_robust import fit_clustered_model
from cohabit.stats.inference import adjust_p, correlation_interval, infer
from cohabit.stats.mixed import fit_household_model
from cohabit.stats.paired import find_pairs

STATE = ("treatment", "edss", "relapses", "new_lesions", "smoking", "bmi", "hei_total")
"""Columns of a visit that can change over time."""


def take_visits(
    visits: pd.DataFrame | None, participants: pd.DataFrame, needed: Sequence[str] = ()
) -> pd.DataFrame:
    """Return visits with their participants' metadata, sorted by person and month.

    Parameters
    ----------
    visits : DataFrame, one row per visit, or None
        ``cohort.visits``: participant_id, visit (months), and what was found.
    participants : DataFrame, one row per person
        Its columns are added where a visit has none of that name.
    needed : sequence of str
        Columns of a visit without which nothing can be asked.

    Raises
    ------
    MissingInput
        When there are no visits, only those of one month, or a needed column is missing.
    ValueError
        When a visit has no participant, or a person has two visits in one month.
    """
    if visits is None:
        raise schema.MissingInput("the cohort has no visits.tsv, the follow-up")
    lacking = [name for name in needed if name not in visits or visits[name].isna().all()]
    if lacking:
        raise schema.MissingInput(f"visits.tsv has no {', '.join(lacking)}")
    if visits["visit"].nunique() < 2:
        raise schema.MissingInput("visits.tsv has visits of one month only")
    stray = visits.index[~visits["participant_id"].isin(participants.index)]
    if len(stray):
        raise ValueError(f"visits: {len(stray)} belong to no participant, first {[*stray[:5]]}")
    twice = visits.index[visits.duplicated(["participant_id", "visit"])]
    if len(twice):
        raise ValueError(f"visits: expected one per person and month; repeated: {[*twice[:5]]}")
    new = participants.drop(columns=[name for name in participants if name in visits])
    table = visits.join(new, on="participant_id")
    return table.sort_values(["participant_id", "visit"])


def list_years(visits: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each pair of consecutive visits.

    Parameters
    ----------
    visits : DataFrame
        As from `take_visits`.

    Returns
    -------
    DataFrame
        The later visit's row; `months` since the earlier one; each column of `STATE` as it
        was then, with ``_before``; `edss_change`; `therapy` (none, started, stopped, switched,
        kept; missing for people without a treatment) and `smoker` (never, earlier, stopped,
        current: whether who smoked at the first visit still does).
    """
    person = visits.groupby("participant_id", sort=False)
    state = [name for name in STATE if name in visits]
    years = visits.join(person[["visit", *state]].shift().add_suffix("_before"))
    if "smoking" in visits:
        first = person["smoking"].transform("first").astype(object)
        years["smoker"] = _name_smokers(first, visits["smoking"].astype(object))
    years = years[years["visit_before"].notna()]
    if "treatment" in visits:
        years["therapy"] = _name_therapies(years["treatment_before"], years["treatment"])
    if "edss" in visits:
        years["edss_change"] = years["edss"] - years["edss_before"]
    return years.assign(months=years["visit"] - years["visit_before"]).drop(columns="visit_before")


def _name_therapies(before: pd.Series, now: pd.Series) -> pd.Series:
    before, now = before.astype(object), now.astype(object)
    none_before, none_now = before == "untreated", now == "untreated"
    names = np.select(
        [none_before & none_now, none_before, none_now, before != now],
        ["none", "started", "stopped", "switched"],
        "kept",
    )
    return pd.Series(names, before.index, dtype=object).where(before.notna() & now.notna())


def _name_smokers(first: pd.Series, now: pd.Series) -> pd.Series:
    names = np.select(
        [now == "current", first == "current", now == "former"],
        ["current", "stopped", "earlier"],
        "never",
    )
    return pd.Series(names, now.index, dtype=object).where(first.notna() & now.notna())


def weigh_returners(visits: pd.DataFrame, formula: str) -> pd.Series:
    """Return the inverse probability that a person was still attending at each visit.

    Parameters
    ----------
    visits : DataFrame
        As from `take_visits`; people who miss a visit are assumed not to return.
    formula : str
        Predictors of the next attendance, all of them observed at the visit before.

    Returns
    -------
    Series
        Index as `visits`; 1 at the first visit. Unlikely attenders represent those
        like them who did not come. Valid if attendance depends only on the formula.

    Notes
    -----
    One logistic model of coming to the next visit for all visits but the last month; the
    chances of a person multiply (Robins, Rotnitzky and Zhao 1995, JASA 90:106).
    """
    person = visits.groupby("participant_id", sort=False)
    at_risk = visits["visit"] < visits["visit"].max()
    came = person["visit"].shift(-1).notna()[at_risk].astype(float)
    if came.all():
        return pd.Series(1.0, visits.index)
    seen = visits[at_risk]
    model = fit_clustered_model(came, seen, formula, family="binomial", cluster="participant_id")
    chance = model.predict(seen).reindex(visits.index)
    carried = chance.groupby(visits["participant_id"], sort=False).shift().fillna(1.0)
    return 1 / carried.groupby(visits["participant_id"], sort=False).cumprod()


def compare_ways(visits: pd.DataFrame, column: str, comes_back: str) -> pd.DataFrame:
    """Estimate the change in a mean since the first visit in four ways.

    Parameters
    ----------
    visits, column
        As from `take_visits`, and what changed, for example ``"edss"``, nothing missing.
    comes_back : str
        Formula of `weigh_returners`.

    Returns
    -------
    DataFrame, one row per way and later month
        way, months, estimate, low, high (95%, people as clusters), n (visits). ``"means of who
        came"`` compares different people; ``"only who always came"`` the few; ``"weighted"``
        and ``"model of all visits"`` (a level for each person, REML) all, and are right when
        attendance depends on observed data.
    """
    month = visits.assign(month=visits["visit"].map("{:04d}".format))
    last = visits.groupby("participant_id")["visit"].transform("max")
    always = month[last == visits["visit"].max()]
    options = {"formula": "month", "cluster": "participant_id"}
    weights = weigh_returners(visits, comes_back)
    fits = {
        "means of who came": fit_clustered_model(month[column], month, **options).table,
        "only who always came": fit_clustered_model(always[column], always, **options).table,
        "weighted": fit_clustered_model(month[column], month, weights=weights, **options).table,
        "model of all visits": fit_household_model(
            month[column], month, "month", household="participant_id"
        ).rename(columns={"n_samples": "n"}),
    }
    table = pd.concat(rows.assign(way=way) for way, rows in fits.items())
    table = table[table["coefficient"].str.startswith("month")]
    months = table["coefficient"].str.extract(r"(\d+)", expand=False).astype(int)
    columns = ["way", "months", "estimate", "low", "high", "n"]
    return table.assign(months=months)[columns].reset_index(drop=True)


def compare_before_after(years: pd.DataFrame, column: str, by: str) -> pd.DataFrame:
    """Compare the mean of a year with that of the year before in each group.

    Parameters
    ----------
    years : DataFrame
        As from `list_years`.
    column, by : str
        What is compared, for example ``"relapses"``; what tells the groups apart.

    Returns
    -------
    DataFrame, one row per group and year
        group, when (``"year before"``, ``"year after"``), estimate, low, high (95%, t), n.
    """
    rows = []
    for group, chosen in years.groupby(by, observed=True):
        for when, name in (("year before", f"{column}_before"), ("year after", column)):
            values = chosen[name].dropna()
            found = infer(values.mean(), values.sem(), max(len(values) - 1, 1))
            rows.append({"group": group, "when": when, **found, "n": len(values)})
    return pd.DataFrame(rows, columns=["group", "when", "estimate", "low", "high", "n"])


def relate_to_change(
    values: pd.DataFrame,
    years: pd.DataFrame,
    outcome: str,
    formula: str,
    *,
    at: str = "start",
) -> pd.DataFrame:
    """Relate the change of a year to each feature at its start or at its end.

    Parameters
    ----------
    values : DataFrame, index visit_id
        Transformed values, one row per person and visit, as from `stability.take_occasions`.
    years : DataFrame
        As from `list_years`.
    outcome, formula : str
        Column of the change, and what is held fixed.
    at : str
        ``"start"``: the feature a year before, ``"end"``: at the visit itself.

    Returns
    -------
    DataFrame, one row per feature
        feature, estimate (change per unit), std_error, low, high, p_value, q_value, n; people
        are clusters. Years without a sample are left out.

    Raises
    ------
    ValueError
        For another `at`.
    """
    schema.check_choice("at", at, ("start", "end"))
    month = years["visit"] - (years["months"] if at == "start" else 0)
    ids = years["participant_id"].astype(str) + "-m" + month.astype(int).astype(str)
    here = years.assign(sample=ids)[ids.isin(values.index).to_numpy()]
    model = {"formula": f"{formula} + gut", "cluster": "participant_id"}
    rows = []
    for feature in values:
        gut = here.assign(gut=values.loc[here["sample"], feature].to_numpy())
        fit = fit_clustered_model(here[outcome], gut, **model).table.set_index("coefficient")
        rows.append(fit.loc["gut"].rename(feature))
    columns = ["estimate", "std_error", "low", "high", "p_value", "n"]
    table = pd.DataFrame(rows)[columns].astype(float).rename_axis("feature").reset_index()
    return table.assign(n=table["n"].astype(int), q_value=adjust_p(table["p_value"].to_numpy()))


def compare_to_self(
    visits: pd.DataFrame, participants: pd.DataFrame, columns: Sequence[str]
) -> pd.DataFrame:
    """Correlate patients with themselves over time, and with partners at the first visit.

    Parameters
    ----------
    visits, participants : DataFrame
        As from `take_visits`, and one row per person.
    columns : sequence of str
        Numeric columns of a visit.

    Returns
    -------
    DataFrame, one row per column and comparison
        trait, with (``"self"`` or ``"partner"``), months, estimate (Pearson's r), low, high
        (95%, Fisher's z), n (patients). A comparison of fewer than four patients is left out.
    """
    pairs = find_pairs(participants).table
    rows = []
    for column in columns:
        wide = visits.pivot(index="participant_id", columns="visit", values=column)
        wide = wide.reindex(participants.index)
        start = wide.iloc[:, 0]
        patients = participants.index[participants["group"] == "MS"]
        for month in wide.columns[1:]:
            later = wide.loc[patients, month]
            rows.append(_correlate(start[patients], later, column, "self", month))
        case, control = (pd.Series(start[pairs[side]].to_numpy()) for side in ("case", "control"))
        rows.append(_correlate(case, control, column, "partner", wide.columns[0]))
    table = pd.DataFrame(rows)
    return table[table["n"] >= 4].reset_index(drop=True)


def _correlate(first: pd.Series, second: pd.Series, trait: str, kind: str, month: int) -> dict:
    both = first.notna().to_numpy() & second.notna().to_numpy()
    n = int(both.sum())
    r = np.corrcoef(first[both], second[both])[0, 1] if n >= 4 else np.nan
    low, high = correlation_interval(r, n)
    values = {"estimate": r, "low": low, "high": high, "n": n}
    return {"trait": trait, "with": kind, "months": int(month), **values}
