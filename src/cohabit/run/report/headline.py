"""The headline of a report: the largest gap between promise and result in its tables.

Each candidate compares what an analysis promises (80% power, 5% false discoveries, 95% coverage,
95% correct verdicts) with its result. The largest gap is the headline; the largest gap of each
other kind is listed below it. The page of a real cohort opens with its own answers instead, read
from the tables of the run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cohabit.run.report.cells import Picture
from cohabit.run.report.page import number

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

_FDR, _SHOWN = 0.05, 6
_CONTRAST = "MS - control"


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


@dataclass(frozen=True)
class Answer:
    """One question about a cohort, answered in words, with a table or a figure if there is one."""

    question: str
    sentences: tuple[str, ...]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    picture: str = ""
    """HTML of a figure."""


@dataclass(frozen=True)
class OwnResults:
    """The tables of a run that concern its cohort, and what a case is called."""

    folder: Path
    case: str

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the run; empty when its notebook did not write it."""
        path = self.folder / "tables" / f"{name}.tsv"
        return pd.read_csv(path, sep="\t") if path.is_file() else pd.DataFrame()

    @property
    def features(self) -> tuple[str, pd.DataFrame]:
        """What was compared (``"genera"``), and the rows of cases against partners that were."""
        for noun in ("species", "genera", "features"):
            found = self.table(f"06_{noun}")
            if {"contrast", "p_value", "q_value"} <= set(found):
                rows = found[(found["contrast"] == _CONTRAST) & found["p_value"].notna()]
                return noun, rows.sort_values("p_value")
        return "features", pd.DataFrame()


def find_answers(folder: Path, case: str) -> list[Answer]:
    """Return what a run found of its own cohort, in the order of the page."""
    results = OwnResults(folder, case)
    parts = (_who, _home, _differences, _diversity, _declared, _map, _size)
    return [answer for part in parts for answer in part(results)]


def own_headline(folder: Path, case: str) -> Headline | None:
    """Return the headline of a real cohort, or None when none of its comparisons ended."""
    results = OwnResults(folder, case)
    noun, rows = results.features
    if len(rows):
        called = int((rows["q_value"] <= _FDR).sum())
        sentence = f"{noun} differ between cases of {case} and the controls they live with."
        promise = f"False discovery rate 5%. {_reach(results)}".strip()
        return Headline("own", f"{called} of {len(rows)}", sentence, promise, 0.0)
    home = _row(results.table("05_alone"), "term", "household")
    if home:
        sentence = "of what differs between two communities goes with the home."
        promise = "Adjusted R², Bray-Curtis distances of families."
        return Headline("own", f"{home['r2_adjusted']:.0%}", sentence, promise, 0.0)
    return None


def _reach(results: OwnResults) -> str:
    seen = results.table("06_visible")
    if seen.empty:
        return ""
    alone, among = seen["visible_effect"].iloc[[0, -1]]
    return (
        f"{int(seen['n_pairs'].iloc[0])} pairs see a difference of "
        f"{number(alone)} standard deviations in one feature tested alone, of {number(among)} in "
        "one among all (80% power, nothing adjusted for)."
    )


def _who(results: OwnResults) -> Iterator[Answer]:
    counts = results.table("03_who")
    if len(counts):
        told = [f"{n:,} {what}" for what, n in zip(counts["what"], counts["n"], strict=True) if n]
        yield Answer("Who is in it?", (f"{'; '.join(told)}. A case is: {results.case}.",))


def _home(results: OwnResults) -> Iterator[Answer]:
    alone, test = results.table("05_alone"), results.table("05_home")
    home, exact = _row(alone, "term", "household"), _row(test, "term", "household_id")
    if not home:
        return
    ends = _interval(home, "r2_adjusted_low", "r2_adjusted_high", percent=True)
    told = [f"The home explains {home['r2_adjusted']:.1%}{ends} of the variation between people."]
    if exact:
        f_and_p = f"F = {number(exact['pseudo_f'])}, P = {number(exact['p_value'])}"
        told.append(f"{f_and_p}, people exchanged among homes.")
    status = _row(results.table("05_joint"), "term", "group")
    if status:
        p_value = f", P = {number(status['p_value'])}" if pd.notna(status["p_value"]) else ""
        told.append(f"Being a case explains {status['r2_adjusted']:.1%}{p_value} beside the rest.")
    told.append("Adjusted R², Bray-Curtis distances of families.")
    kin = results.table("05_kinship")
    rows = [
        (row["kind"], f"{number(row['mean'])}{_interval(row)}", number(row["n_pairs"]))
        for row in kin.to_dict("records")
    ]
    columns = ("People of one home", "Mean distance, 95% interval", "Pairs") if rows else ()
    yield Answer("What does a home explain?", tuple(told), columns, tuple(rows))


def _differences(results: OwnResults) -> Iterator[Answer]:
    noun, rows = results.features
    if rows.empty:
        return
    called = rows[rows["q_value"] <= _FDR]
    told = f"{len(called)} of {len(rows)} {noun} differ at a false discovery rate of 5%."
    told += "" if len(called) else " The nearest are listed: none of them is a finding."
    fitted = str(rows["formula"].iloc[0]) if "formula" in rows else ""
    shown = rows.head(max(_SHOWN, min(len(called), 2 * _SHOWN)))
    cells = tuple(
        (row["feature"], f"{number(row['estimate'])}{_interval(row)}", number(row["q_value"]))
        for row in shown.to_dict("records")
    )
    columns = (noun.capitalize(), "Case minus partner (asin-sqrt share), 95% interval", "q")
    model = (f"Fitted: {fitted}.",) if fitted else ()
    yield Answer("What differs between a case and the partner?", (told, *model), columns, cells)


def _diversity(results: OwnResults) -> Iterator[Answer]:
    found = results.table("04_equivalence")
    if found.empty:
        return
    rows = tuple(
        (row["feature"], f"{number(row['estimate'])}{_interval(row)}", row["verdict"])
        for row in found[found["patients"] == "all patients"].to_dict("records")
    )
    fitted = found["formula"].iloc[0] if "formula" in found else ""
    told = (
        "Agrees: the whole interval lies in the margin within which a difference counts as none.",
    )
    told += (f"Fitted: {fitted}.",) if fitted else ()
    columns = ("Measure", "Case minus partner (SD), 95% interval", "No difference?")
    yield Answer("Is the diversity the same?", told, columns, rows)


def _declared(results: OwnResults) -> Iterator[Answer]:
    found = results.table("06_declared")
    if found.empty:
        return
    rows = []
    for contrast, part in found.dropna(subset=["p_value"]).groupby("contrast", sort=False):
        best = part.sort_values("p_value").iloc[0]
        called = f"{int((part['q_value'] <= _FDR).sum())} of {len(part)}"
        nearest = f"{best['feature']}: {number(best['estimate'])}{_interval(best)}"
        rows.append((contrast, called, nearest, number(best["q_value"]), best["formula"]))
    columns = ("Contrast", "q ≤ 0.05", "Smallest P: estimate, 95% interval", "q", "Fitted")
    yield Answer("The contrasts declared for this cohort", (), columns, tuple(rows))


def _map(results: OwnResults) -> Iterator[Answer]:
    path = results.folder / "figures" / "05_map_by_group.png"
    if path.is_file():
        words = path.with_suffix(".txt")
        alt = words.read_text(encoding="utf-8").strip() if words.is_file() else ""
        told = ("Each dot is a person, each line joins the people of a home, a diamond is a mean.",)
        yield Answer("Where do they lie?", told, picture=Picture(path.read_bytes(), alt).to_html())


def _size(results: OwnResults) -> Iterator[Answer]:
    if len(results.table("06_visible")):
        yield Answer("What could a study of this size have seen?", (_reach(results),))


def _row(table: pd.DataFrame, column: str, value: str) -> Mapping:
    """Return the first row with a value in a column, or an empty mapping."""
    rows = table[table[column] == value] if column in table else table[:0]
    return rows.iloc[0].to_dict() if len(rows) else {}


def _interval(row: Mapping, low: str = "low", high: str = "high", percent: bool = False) -> str:
    if pd.isna(row.get(low)) or pd.isna(row.get(high)):
        return ""
    ends = [f"{row[end]:.1%}" if percent else number(row[end]) for end in (low, high)]
    return f" [{', '.join(ends)}]"
