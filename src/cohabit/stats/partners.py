"""Comparisons of patients with their partners: results, counts, replication and power."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cohabit.stats.abundance import compare_abundance, lenient_rule
from cohabit.stats.composition import arcsine_sqrt
from cohabit.stats.formula import COVARIATES, hold_fixed
from cohabit.stats.inference import correlation_interval, power_of_t
from cohabit.stats.mixed import fit_household_model

HOUSEHOLD_SHARE = 0.145
"""Median household share of the variance, recomputed from the study's released data."""


def compare_with_partners(
    counts: pd.DataFrame,
    groups: Mapping[str, pd.DataFrame],
    methods: Sequence[str] = ("lmm_asin",),
    covariates: str | None = COVARIATES,
) -> pd.DataFrame:
    """Compare several sets of patients with their household partners.

    Parameters
    ----------
    counts : DataFrame, shape (n_samples, n_features)
        One sample a person.
    groups : mapping
        Name -> sample metadata of whole households, for example from `pairs_where`. People
        without counts are left out.
    methods, covariates
        Names of `abundance.METHODS`; a formula, from which `formula.hold_fixed` leaves out what
        the cohort cannot answer.

    Returns
    -------
    DataFrame
        As from `compare_abundance`, one row per group, method and feature; `contrast` says
        who is compared, as in ``"untreated MS - control"``. `called` and `lenient` are those of
        `lenient_rule`.
    """
    parts = []
    for name, people in groups.items():
        people, held = hold_fixed(people[people.index.isin(counts.index)], covariates)
        for method in methods:
            table = compare_abundance(counts.loc[people.index], people, "group", held, method)
            parts.append(lenient_rule(table).assign(contrast=f"{name} - control"))
    return pd.concat(parts, ignore_index=True)


def count_hits(results: pd.DataFrame, by: str | Sequence[str], alpha: float = 0.05) -> pd.DataFrame:
    """Count significant features of each analysis and the number expected by chance.

    Parameters
    ----------
    results : DataFrame, one row per test
        `p_value`, `q_value`, the columns in `by`, and `lenient` where that rule was tried.
        Rows without a p-value do not count as tests.
    by : str or sequence of str
        Columns that tell the analyses apart; they come out in order of appearance.
    alpha : float
        Bound of p for a nominal hit, of q for a hit at that FDR.

    Returns
    -------
    DataFrame, one row per analysis
        The columns in `by`; tested, nominal, expected (alpha times tested), fdr, and lenient
        when `results` has it.
    """
    tested = results.dropna(subset=["p_value"])
    flags = {
        "tested": True,
        "nominal": tested["p_value"] <= alpha,
        "expected": alpha,
        "fdr": tested["q_value"] <= alpha,
    }
    if "lenient" in tested:
        flags["lenient"] = tested["lenient"].astype(bool)
    counts = tested.assign(**flags).groupby(by, sort=False, observed=True)[[*flags]].sum()
    whole = [name for name in flags if name != "expected"]
    return counts.astype(dict.fromkeys(whole, int)).reset_index()


def set_methods_side_by_side(results: pd.DataFrame, fdr: float = 0.05) -> pd.DataFrame:
    """Join the statistics of two methods by feature and say which method calls each one.

    Parameters
    ----------
    results : DataFrame
        One contrast and exactly two methods.
    fdr : float
        A feature is called when its q-value is at most this.

    Returns
    -------
    DataFrame, one row per feature that both tested
        One column per method; `found`: ``"both"``, ``"neither"`` or the one that calls it.
    """
    wide = results.pivot(index="feature", columns="method", values=["statistic", "q_value"])
    names = list(wide["statistic"].columns)
    if len(names) != 2:
        raise ValueError(f"results: expected two methods; got {len(names)}: {', '.join(names)}")
    wide = wide.dropna()
    first, second = (wide["q_value"][name] <= fdr for name in names)
    found = np.select([first & second, first, second], ["both", *names], "neither")
    return wide["statistic"].astype(float).assign(found=found)


def power_of_pairs(
    n_pairs: Sequence[int],
    effects: Sequence[float],
    *,
    household_share: float = HOUSEHOLD_SHARE,
    alpha: float = 0.05,
) -> pd.DataFrame:
    r"""Return the power of the paired t test to detect a difference between partners.

    The difference between two people who share a part r of their variance has the standard
    error :math:`\sqrt{2(1 - r)/n}`, in standard deviations of one person. Exact for normal
    differences: noncentral t with n - 1 degrees of freedom.

    Parameters
    ----------
    n_pairs, effects : sequence
        Numbers of pairs, and true differences in standard deviations of one person.
    household_share, alpha : float
        r, from 0 to below 1; the two-sided level, for a feature among many what the
        correction leaves.

    Returns
    -------
    DataFrame, one row per number of pairs and an effect
        n_pairs, effect, power (0 for fewer than two pairs). Adjusting for covariates that
        differ inside pairs, sex above all, costs more than this.
    """
    rows = pd.MultiIndex.from_product([n_pairs, effects], names=["n_pairs", "effect"])
    table = rows.to_frame(index=False)
    return table.assign(power=_power(table["n_pairs"], table["effect"], household_share, alpha))


def _power(n_pairs, effect, household_share: float, alpha: float):
    """Return the power of a paired t test, 0 for fewer than two pairs; numbers or arrays."""
    if not 0 <= household_share < 1:
        raise ValueError(f"household_share: expected 0 to below 1; got {household_share}")
    n = np.maximum(n_pairs, 2)
    noncentrality = effect / np.sqrt(2 * (1 - household_share) / n)
    return np.where(n_pairs < 2, 0.0, power_of_t(noncentrality, n - 1, alpha))


def visible_effect(
    n_pairs: int | pd.Series,
    *,
    household_share: float = HOUSEHOLD_SHARE,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float | pd.Series:
    """Return the smallest difference detected with the given power; see `power_of_pairs`.

    Infinite for fewer than two pairs.
    """
    _check_power(power, alpha)
    n = np.atleast_1d(np.asarray(n_pairs, dtype=float))
    low, high = np.zeros_like(n), np.full_like(n, 1e6)
    for _ in range(80):
        middle = (low + high) / 2
        seen = _power(n, middle, household_share, alpha) >= power
        low, high = np.where(seen, low, middle), np.where(seen, middle, high)
    return _like(n_pairs, np.where(n < 2, np.inf, high))


def visible_here(counts: pd.DataFrame, people: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Return the smallest differences that a comparison of these pairs could have seen.

    Parameters
    ----------
    counts, people : DataFrame
        As for `compare_with_partners`.
    results : DataFrame
        One contrast from `compare_with_partners`: the features tested, and the formula.

    Returns
    -------
    DataFrame, two rows
        For a feature tested alone and for one among all (Bonferroni): `visible_effect` in
        standard deviations of a person at 80% power, `household_share` (the median over the
        features, from the model fitted) and `n_pairs`. None where no home holds both groups.
    """
    tested = results.dropna(subset=["p_value"])
    pairs, formula = int(tested["n_pairs"].max()), tested["formula"].iloc[0].split(" + (1 |")[0]
    if not pairs:
        return pd.DataFrame(columns=["feature", "visible_effect", "household_share", "n_pairs"])
    shares = arcsine_sqrt(counts)[tested["feature"]]
    fit = fit_household_model(shares, people.loc[counts.index], formula)
    share = fit.groupby("feature")["household_icc"].first().median()
    levels = {"tested alone": 0.05, f"one of {len(tested)}": 0.05 / len(tested)}
    rows = [visible_effect(pairs, household_share=share, alpha=alpha) for alpha in levels.values()]
    seen = {"visible_effect": rows, "household_share": share, "n_pairs": pairs}
    return pd.DataFrame({"feature": list(levels), **seen})


def pairs_needed(
    effect: float | pd.Series,
    *,
    household_share: float = HOUSEHOLD_SHARE,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float | pd.Series:
    """Return the smallest number of pairs that detects a difference with the given power.

    By `power_of_pairs`; infinite for an effect of zero, or one that needs more than 10^12 pairs.
    """
    _check_power(power, alpha)
    sizes = np.atleast_1d(np.abs(np.asarray(effect, dtype=float)))
    fewer, enough = np.ones_like(sizes), np.full_like(sizes, 1e12)
    reached = _power(enough, sizes, household_share, alpha) >= power
    while (enough - fewer > 1).any():
        middle = np.maximum(np.floor(np.sqrt(fewer * enough)), fewer + (enough - fewer > 1))
        middle = np.maximum(middle, 2)
        seen = _power(middle, sizes, household_share, alpha) >= power
        fewer, enough = np.where(seen, fewer, middle), np.where(seen, middle, enough)
    found = np.where(np.isnan(sizes), np.nan, np.where(reached, enough, np.inf))
    return _like(effect, found)


def _like(asked: float | pd.Series, found: np.ndarray) -> float | pd.Series:
    return pd.Series(found, asked.index) if isinstance(asked, pd.Series) else float(found[0])


def _check_power(power: float, alpha: float) -> None:
    if not 0 < alpha < power < 1:
        raise ValueError(f"power: expected alpha < power < 1; got alpha {alpha}, power {power}")


def set_batches_side_by_side(
    first: pd.DataFrame, second: pd.DataFrame, fdr: float = 0.05
) -> pd.DataFrame:
    """Return each feature's effect in both batches.

    Parameters
    ----------
    first, second : DataFrame, one row per feature
        feature, estimate, q_value; one contrast, one method.
    fdr : float
        A feature is called when its q-value in the first batch is at most this.

    Returns
    -------
    DataFrame, one row per feature that both estimated
        feature, first, second, called, called_again.
    """
    columns = ["feature", "estimate", "q_value"]
    both = first[columns].merge(second[columns], "inner", "feature", suffixes=("_1", "_2"))
    both = both.dropna(subset=["estimate_1", "estimate_2"])
    return pd.DataFrame(
        {
            "feature": both["feature"],
            "first": both["estimate_1"],
            "second": both["estimate_2"],
            "called": both["q_value_1"] <= fdr,
            "called_again": both["q_value_2"] <= fdr,
        }
    ).reset_index(drop=True)


def measure_replication(
    batches: pd.DataFrame,
    *,
    n_bootstrap: int = 999,
    rng: int | np.random.Generator | None = None,
) -> pd.DataFrame:
    """Measure how well a second batch replicates the first.

    Parameters
    ----------
    batches : DataFrame
        From `set_batches_side_by_side`.
    n_bootstrap, rng
        Resamples of called features, for the interval of `size`.

    Returns
    -------
    DataFrame, index measure
        ``sign``: share of called features with the same sign again (Wilson's interval);
        ``size``: their mean effect in the second batch, turned to the first's direction, over
        their mean absolute effect in the first; ``r``: correlation over all features
        (Fisher's interval). Columns estimate, low, high, n. Features count as independent, so
        intervals are too narrow where they are correlated; nothing called gives no number.
    """
    rng = np.random.default_rng(rng)
    called = batches[batches["called"]]
    turned = (np.sign(called["first"]) * called["second"]).to_numpy()
    size, n = called["first"].abs().to_numpy(), len(called)
    rows = {
        "sign": (*_share(int((turned > 0).sum()), n), n),
        "size": (*_shrinkage(turned, size, n_bootstrap, rng), n),
        "r": (*_correlation(batches["first"], batches["second"]), len(batches)),
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["estimate", "low", "high", "n"])
    return table.rename_axis("measure")


def _share(hits: int, of: int) -> tuple[float, float, float]:
    from statsmodels.stats.proportion import proportion_confint

    if of == 0:
        return (np.nan,) * 3
    return hits / of, *proportion_confint(hits, of, method="wilson")


def _shrinkage(
    turned: np.ndarray, size: np.ndarray, n_bootstrap: int, rng: np.random.Generator
) -> tuple[float, float, float]:
    if not len(turned):
        return (np.nan,) * 3
    draws = rng.integers(len(turned), size=(n_bootstrap, len(turned)))
    low, high = np.quantile(turned[draws].sum(axis=1) / size[draws].sum(axis=1), [0.025, 0.975])
    return turned.sum() / size.sum(), low, high


def _correlation(first: pd.Series, second: pd.Series) -> tuple[float, float, float]:
    if len(first) < 4:
        return (np.nan,) * 3
    r = first.corr(second)
    return r, *correlation_interval(r, len(first))


def turn_to_published(earlier: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Join results with the directions that earlier studies published.

    Parameters
    ----------
    earlier : DataFrame
        ``read_reference("earlier_studies")``; rows without a direction are left out.
    results : DataFrame
        feature, rank, contrast, statistic. Brackets of doubtful names are ignored.

    Returns
    -------
    DataFrame, one row per taxon and study
        study, feature, direction, and `estimate`: standard errors in the published
        direction, with `low` and `high`.
    """
    turn = earlier["direction"].map({"up": 1, "down": -1})
    earlier = earlier.assign(turn=turn).dropna(subset=["turn"])
    plain = results["feature"].str.replace(r"[\[\]]", "", regex=True)
    found = earlier.merge(results.assign(feature=plain), on=["feature", "rank", "contrast"])
    found = found.dropna(subset=["statistic"]).reset_index(drop=True)
    estimate = found["turn"] * found["statistic"]
    ends = {"estimate": estimate, "low": estimate - 1.96, "high": estimate + 1.96}
    return found[["study", "feature", "direction"]].assign(**ends)
