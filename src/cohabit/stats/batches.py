"""The same comparison made twice: what keeps its sign, what shrinks, what others had said."""

import numpy as np
import pandas as pd

from cohabit.stats.inference import correlation_interval


def set_batches_side_by_side(
    first: pd.DataFrame, second: pd.DataFrame, fdr: float = 0.05
) -> pd.DataFrame:
    """Return each feature's effect in two batches.

    Parameters
    ----------
    first, second : DataFrame, one row a feature
        feature, estimate, q_value; one contrast, one method.
    fdr : float
        A feature is called when its q-value in the first batch is at most this.

    Returns
    -------
    DataFrame, one row a feature that both estimated
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
    """Say how well a second batch repeats the first.

    Parameters
    ----------
    batches : DataFrame
        From `set_batches_side_by_side`.
    n_bootstrap : int
        Resamples of called features, for the interval of `size`.
    rng : int or Generator, optional

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
    rows = {
        "sign": (*_share(int((turned > 0).sum()), len(called)), len(called)),
        "size": (
            *_shrinkage(turned, called["first"].abs().to_numpy(), n_bootstrap, rng),
            len(called),
        ),
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
    """Set results beside directions that others published.

    Parameters
    ----------
    earlier : DataFrame
        ``read_reference("earlier_studies")``; rows without a direction are left out.
    results : DataFrame
        feature, rank, contrast, statistic. Brackets of doubtful names are ignored.

    Returns
    -------
    DataFrame, one row a taxon and study
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
