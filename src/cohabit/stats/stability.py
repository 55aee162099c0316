"""How much of a person stays from visit to visit, and what changes within one person."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from cohabit.data import schema
from cohabit.stats.alignment import align_values, check_column
from cohabit.stats.inference import deal_groups, infer, jackknife_interval, leave_groups_out
from cohabit.stats.mixed.repeated import fit_repeated_model, nest_codes

MEDIAN = "median of all features"
VISIT_METRICS = ("bray-curtis", "aitchison")
SAME, PARTNERS, OTHER_HOMES = "the same person", "people of one home", "people of other homes"


def take_occasions(
    counts: pd.DataFrame, participants: pd.DataFrame, visits: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the counts of every visit and their metadata, both indexed by visit.

    Parameters
    ----------
    counts : DataFrame, index (participant_id, visit)
        As from ``cohort.table(..., visit=None)``.
    participants : DataFrame, one row per person
    visits : DataFrame, optional
        ``cohort.visits``: what was found at a visit, used in place of the participant's column
        of the same name.

    Returns
    -------
    counts, metadata : DataFrame
        Index visit_id, for example ``SF-001-a-m12``; metadata with `participant_id`, `visit`
        (months), `months` (the same as a text in order, a factor for formulas) and all columns.

    Raises
    ------
    MissingInput
        When nobody gave two samples at different visits.
    """
    index = counts.index.to_frame(index=False)
    if not index["participant_id"].duplicated().any():
        raise schema.MissingInput("the cohort has no stool of a second visit")
    names = index["participant_id"].astype(str) + "-m" + index["visit"].astype(str)
    metadata = index.join(participants, on="participant_id")
    if visits is not None:
        found = visits.set_index(["participant_id", "visit"])
        found = found.reindex(counts.index).reset_index(drop=True)
        metadata = metadata.assign(**{name: found[name] for name in found})
    months = {visit: f"{visit:07.2f}".removesuffix(".00") for visit in sorted(set(index["visit"]))}
    metadata["months"] = pd.Categorical(metadata["visit"].map(months), [*months.values()])
    names = pd.Index(names, name="visit_id")
    return counts.set_axis(names, axis=0), metadata.set_axis(names, axis=0)


def compare_occasions(
    values: pd.DataFrame,
    metadata: pd.DataFrame,
    *,
    metric: str = "bray-curtis",
    person: str = "participant_id",
    household: str = "household_id",
    visit: str = "visit",
    n_groups: int = 20,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Compare a person's samples over time with those of partners and of strangers.

    Parameters
    ----------
    values : DataFrame, shape (n_samples, n_features)
        Relative abundances for ``"bray-curtis"``, CLR for ``"aitchison"``.
    metadata : DataFrame
        Index as `values`.
    metric : str
        ``"bray-curtis"`` or ``"aitchison"``.
    person, household, visit : str
        Columns of the IDs and of the months.
    n_groups, rng
        Random groups of households, left out in turn for the intervals; `rng` also draws the
        people of other homes.

    Returns
    -------
    DataFrame, one row per comparison and months apart
        comparison, months, estimate (mean distance), low, high (95%, delete-group jackknife),
        ratio (to people of other homes, equally many months apart), n (pairs of samples). Each
        pair of samples of one person has its counterpart: the later sample of somebody of
        another home, taken in the same month, so that a laboratory's yearly batches are in both.

    Raises
    ------
    ValueError
        For an unknown metric, IDs that do not nest (`nest_codes`), or two samples of one person
        and month.
    """
    schema.check_choice("metric", metric, VISIT_METRICS)
    values, metadata = align_values(values, metadata)
    check_column(metadata, visit)
    people, homes = nest_codes(metadata, person, household)
    months = metadata[visit].to_numpy()
    twice = metadata.index[pd.DataFrame({"p": people, "m": months}).duplicated().to_numpy()]
    if len(twice):
        raise ValueError(
            f"{len(twice)} sample(s) of a person and month that are there already, first "
            f"{[*twice[:5]]}; sum the libraries of one visit first"
        )
    rng = np.random.default_rng(rng)
    pairs = _list_pairs(people, homes, months, rng)
    table = values.to_numpy()
    pairs["distance"] = _distances(table, pairs["one"], pairs["other"], metric)
    groups = deal_groups(homes, n_groups, rng)
    return _summarise(pairs, groups[pairs["one"].to_numpy()])


def _list_pairs(
    people: np.ndarray, homes: np.ndarray, months: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Return pairs of rows of one person, of partners, and of people of other homes."""
    rows = pd.DataFrame({"row": np.arange(len(people)), "who": people, "home": homes, "m": months})
    same = rows.merge(rows, on="who", suffixes=("", "_2"))
    same = same[same["m"] < same["m_2"]]
    home = rows.merge(rows, on=["home", "m"], suffixes=("", "_2"))
    home = home[home["who"] < home["who_2"]]
    starts = pd.concat([same, home.assign(m_2=home["m"])])
    strangers = _draw_strangers(starts, rows, rng)
    parts = {SAME: same, PARTNERS: home.assign(m_2=home["m"]), OTHER_HOMES: strangers}
    return pd.concat(
        pd.DataFrame(
            {
                "comparison": name,
                "months": (part["m_2"] - part["m"]).to_numpy(),
                "one": part["row"].to_numpy(),
                "other": part["row_2"].to_numpy(),
            }
        )
        for name, part in parts.items()
    )


def _draw_strangers(
    starts: pd.DataFrame, rows: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return for each start a random sample of another home in the month of its second sample."""
    parts = []
    for month, here in starts.groupby("m_2"):
        pool = rows[rows["m"] == month]
        drawn = pool.iloc[rng.integers(0, len(pool), len(here))]
        part = here[["row", "m", "m_2", "home"]].assign(
            row_2=drawn["row"].to_numpy(), home_2=drawn["home"].to_numpy()
        )
        parts.append(part[part["home"] != part["home_2"]])
    return pd.concat(parts)


def _distances(table: np.ndarray, one: pd.Series, other: pd.Series, metric: str) -> np.ndarray:
    difference = table[one.to_numpy()] - table[other.to_numpy()]
    if metric == "aitchison":
        return np.sqrt(np.einsum("ij,ij->i", difference, difference))
    total = table.sum(axis=1)
    total = total[one.to_numpy()] + total[other.to_numpy()]
    return np.abs(difference).sum(axis=1) / total


def _summarise(pairs: pd.DataFrame, groups: np.ndarray) -> pd.DataFrame:
    """Return the mean distance of each comparison and months apart, with intervals."""
    keys = pairs.groupby(["comparison", "months"], sort=False).size()

    def means(rows: np.ndarray) -> np.ndarray:
        found = pairs[rows].groupby(["comparison", "months"], sort=False)["distance"].mean()
        return found.reindex(keys.index).to_numpy()

    found = jackknife_interval(*leave_groups_out(means, groups))
    table = keys.rename("n").reset_index().assign(**found)
    strangers = table[table["comparison"] == OTHER_HOMES].set_index("months")["estimate"]
    table["ratio"] = table["estimate"] / table["months"].map(strangers).to_numpy()
    columns = ["comparison", "months", "estimate", "low", "high", "ratio", "n"]
    return table[columns].sort_values(["comparison", "months"], ignore_index=True)


def estimate_stability(
    values: pd.DataFrame,
    metadata: pd.DataFrame,
    formula: str = "months",
    *,
    person: str = "participant_id",
    household: str = "household_id",
    reliability: float = 0.8,
    n_groups: int = 10,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Estimate how well one visit tells the next: the intraclass correlation of each feature.

    Parameters
    ----------
    values, metadata, formula, person, household
        As in `fit_repeated_model`.
    reliability : float
        Between 0 and 1: what the mean of a person's samples should reach.
    n_groups, rng
        Random groups of households, left out in turn for the intervals.

    Returns
    -------
    DataFrame, one row per feature, the most stable first, then one for `MEDIAN`
        feature, estimate (the correlation of two visits of one person), low, high (95%,
        delete-group jackknife), household_icc (that of two people of one home), n_samples_needed
        (a person, by Spearman and Brown), n_people, note.

    Raises
    ------
    ValueError
        As `fit_repeated_model`, and for a reliability outside 0 to 1.
    """
    if not 0 < reliability < 1:
        raise ValueError(f"reliability: expected a number between 0 and 1; got {reliability!r}")
    values, metadata = align_values(values, metadata)
    homes = nest_codes(metadata, person, household)[1]

    def fit(rows: np.ndarray) -> pd.DataFrame:
        found = fit_repeated_model(
            values[rows], metadata[rows], formula, person=person, household=household
        )
        return found.groupby("feature", sort=False).first()

    groups = deal_groups(homes, n_groups, rng)
    whole = fit(np.ones(len(values), dtype=bool))
    left_out = np.array(
        [fit(groups != group)["person_icc"].to_numpy() for group in np.unique(groups)]
    )
    found = pd.DataFrame(jackknife_interval(whole["person_icc"].to_numpy(), left_out), whole.index)
    table = found.join(whole[["household_icc", "n_people", "note"]])
    table = table.sort_values("estimate", ascending=False)
    table.loc[MEDIAN] = {
        **jackknife_interval(whole["person_icc"].median(), np.nanmedian(left_out, axis=1)),
        "household_icc": whole["household_icc"].median(),
        "n_people": whole["n_people"].max(),
        "note": "",
    }
    icc = table["estimate"].where(table["estimate"] > 0)
    needed = reliability * (1 - icc) / (icc * (1 - reliability))
    table["n_samples_needed"] = np.ceil(needed - 1e-9).clip(lower=1)
    columns = ["estimate", "low", "high", "household_icc", "n_samples_needed", "n_people", "note"]
    table[["low", "high"]] = table[["low", "high"]].clip(0, 1)
    return table[columns].rename_axis("feature").reset_index()


def expect_regression(before: pd.Series, after: pd.Series, top: float = 0.2) -> pd.DataFrame:
    """Compare the change of those who were highest with what chance alone foretells.

    Parameters
    ----------
    before, after : Series
        One value per person at two visits; people without both are left out.
    top : float
        Share of people, the highest at first, who are followed.

    Returns
    -------
    DataFrame, one row for ``"the highest"`` and one for ``"everybody"``
        estimate (mean change), low, high (95%, t), expected (everybody's mean change plus
        ``slope - 1`` times their mean distance at first from everybody's, with the slope of the
        second visit on the first; Galton 1886), n.

    Raises
    ------
    ValueError
        For fewer than five people with both, or a share outside 0 to 1.
    """
    both = pd.DataFrame({"before": before, "after": after}).dropna()
    if len(both) < 5 or not 0 < top < 1:
        raise ValueError(
            f"expected at least five people with both visits and a share between 0 and 1; got "
            f"{len(both)} people and top={top!r}"
        )
    moved = both["after"] - both["before"]
    slope = both["before"].cov(both["after"]) / both["before"].var()
    chosen = both["before"] >= both["before"].quantile(1 - top)
    rows = {}
    for name, part in {"the highest": chosen, "everybody": chosen | True}.items():
        found = infer(moved[part].mean(), moved[part].sem(), max(part.sum() - 1, 1))
        away = both.loc[part, "before"].mean() - both["before"].mean()
        rows[name] = {**found, "expected": moved.mean() + (slope - 1) * away, "n": int(part.sum())}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("people").reset_index()
    return table[["people", "estimate", "low", "high", "expected", "n"]]


def chance_of_contrast(n: int, events: int, carriers: int, difference: float) -> float:
    """Return the chance that a marker without meaning differs by so much between outcomes.

    Parameters
    ----------
    n, events, carriers : int
        People, those with the outcome, those with the marker.
    difference : float
        Share of carriers among those with the outcome minus that among the others, at least.

    Returns
    -------
    float
        Exact (hypergeometric), one-sided.

    Raises
    ------
    ValueError
        When there are more events or carriers than people, or none without an event.

    Examples
    --------
    >>> round(chance_of_contrast(95, 39, 26, 0.436 - 0.161), 4)
    0.0033
    """
    if not (0 < events < n and 0 <= carriers <= n):
        raise ValueError(
            f"expected 0 < events < n and 0 to n carriers; got {events}, {n} and {carriers}"
        )
    seen = np.arange(max(0, carriers - (n - events)), min(events, carriers) + 1)
    gap = seen / events - (carriers - seen) / (n - events)
    chances = hypergeom.pmf(seen, n, carriers, events)
    return float(chances[gap >= difference - 1e-9].sum())


def split_exposure(
    metadata: pd.DataFrame, columns: Sequence[str], person: str = "participant_id"
) -> pd.DataFrame:
    """Split exposures into a person's mean and the visit's deviation from it.

    Both in one model tell a change within a person from a difference between people: they are
    equal when whoever is exposed is like everybody else.

    Parameters
    ----------
    metadata : DataFrame, one row per person and visit
    columns : sequence of str
        Numeric or true/false, nothing missing.
    person : str

    Returns
    -------
    DataFrame
        The metadata with two more columns each, ``<name>_between`` and ``<name>_within``.

    Notes
    -----
    Mundlak (1978), Econometrica 46:69; Neuhaus and Kalbfleisch (1998), Biometrics 54:638.
    """
    check_column(metadata, person)
    added = {}
    for name in columns:
        check_column(metadata, name)
        values = metadata[name].astype(float)
        unknown = metadata.index[values.isna()]
        if len(unknown):
            raise ValueError(
                f"column {name!r}: {len(unknown)} value(s) missing, first {[*unknown[:5]]}; leave "
                "these visits out"
            )
        mean = values.groupby(metadata[person]).transform("mean")
        added |= {f"{name}_between": mean, f"{name}_within": values - mean}
    return metadata.assign(**added)
