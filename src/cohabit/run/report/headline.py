"""The headline of a report: the largest gap between promise and result in its tables.

Each candidate compares what an analysis promises (80% power, 5% false discoveries, 95% coverage,
95% correct verdicts) with its result. The largest gap is the headline; the largest gap of each
other kind is listed below it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

STUDY_METHOD = "lmm_asin"
"""The published study's own method."""

METHOD_NAMES = {
    "lmm_asin": "the study's own model",
    "lmm_clr": "the mixed model on log-ratios",
    "paired_wilcoxon": "the paired Wilcoxon test",
    "paired_t_clr": "the paired t-test on log-ratios",
    "linda": "LinDA",
    "ancombc": "ANCOM-BC",
    "presence_clogit": "the test of presence",
    "nbinom": "the negative binomial mixed model",
    "zinb": "the zero-inflated mixed model",
    "presence_logit": "the mixed model of presence",
    "nonzero_log": "the mixed model of those who have it",
    "two_parts": "presence and amount together",
    "matched_sets": "the permutation test within homes",
}


@dataclass(frozen=True)
class Headline:
    """A number and its sentence."""

    kind: str
    number: str
    sentence: str
    promise: str
    gap: float


def find_headlines(claims: pd.DataFrame, recovery: pd.DataFrame) -> list[Headline]:
    """Return the largest gap between promise and result of each kind, largest first.

    `claims` and `recovery` are the tables of a run; either may be empty.
    """
    found = [*_from_methods(recovery), *_from_claims(claims)]
    widest: dict[str, Headline] = {}
    for candidate in sorted(found, key=lambda candidate: -candidate.gap):
        widest.setdefault(candidate.kind, candidate)
    return list(widest.values()) or [_without_truth(claims)]


def _from_methods(recovery: pd.DataFrame) -> Iterator[Headline]:
    if recovery.empty or "sensitivity" not in recovery:
        return
    own = recovery[recovery["method"] == STUDY_METHOD]
    for row in (own if len(own) else recovery).itertuples():
        yield from _from_method(row)


def _from_method(row) -> Iterator[Headline]:
    """Yield the headlines of one method: power, false discoveries, coverage."""
    name = METHOD_NAMES.get(row.method, row.method)
    where = f" ({row.contrast.replace(' - ', ' − ')})"
    if row.n_planted > 0:
        found = f"{round(row.sensitivity * row.n_planted)} of {row.n_planted}"
        sentence = f"planted species are all that {name} finds{where}."
        promise = "A study planned for 80% power expects four of five."
        yield Headline("power", found, sentence, promise, 0.80 - row.sensitivity)
    if row.n_called > 0:
        invented = f"{round(row.false_discovery * row.n_called)} of {row.n_called}"
        sentence = f"species that {name} reports were never touched{where}."
        promise = "It promises at most 5% false discoveries."
        yield Headline("discovery", invented, sentence, promise, row.false_discovery - 0.05)
    if pd.notna(row.coverage):
        sentence = f"of the intervals of {name} hold the true value{where}."
        gap = 0.95 - row.coverage
        yield Headline("coverage", f"{row.coverage:.0%}", sentence, "It promises 95%.", gap)


def _from_claims(claims: pd.DataFrame) -> Iterator[Headline]:
    if claims.empty or "right" not in claims:
        return
    decided = claims[claims["right"].notna()]
    if len(decided):
        wrong = int((~_is_true(decided["right"])).sum())
        yield Headline(
            "wrong",
            f"{wrong} of {len(decided)}",
            "decided verdicts are wrong in this world.",
            "A 95% interval promises at most one in twenty.",
            wrong / len(decided) - 0.05,
        )
    true_here = claims[_is_true(claims["true_here"]) & (claims["verdict"] != "not estimated")]
    if len(true_here):
        unseen = int((true_here["verdict"] == "cannot tell").sum())
        yield Headline(
            "open",
            f"{unseen} of {len(true_here)}",
            "published claims that are true in this world stay undecided at this size of study.",
            "A study planned for 80% power leaves one in five open.",
            unseen / len(true_here) - 0.20,
        )


def _without_truth(claims: pd.DataFrame) -> Headline:
    """Return the headline of a real cohort: how many claims it can decide."""
    judged = claims[claims["verdict"] != "not estimated"] if len(claims) else claims
    if judged.empty:
        return Headline(
            "open", "0", "claims were judged in this run.", "Run the notebooks first.", 0.0
        )
    open_ones = int((judged["verdict"] == "cannot tell").sum())
    return Headline(
        "open",
        f"{open_ones} of {len(judged)}",
        "published claims cannot be decided with this cohort.",
        "An interval that crosses the edge of a claim decides nothing.",
        0.0,
    )


def _is_true(values: pd.Series) -> pd.Series:
    """Return a column of true, false and missing values, as read from any file."""
    return values.astype("string").str.lower().eq("true").fillna(False)
