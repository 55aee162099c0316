"""The flow of samples: from the files given to what each analysis used."""

from pathlib import Path

import pandas as pd

from cohabit.files import privacy
from cohabit.run.paper.facts import RunFacts

FLOW_COLUMNS = ("step", "unit", "n", "of", "left_out", "why")
_UNKNOWN = "a value that the model needs is unknown"
_ANALYSES = {
    "04": ("equivalence", "n_samples", "alpha diversity", f"too few reads, or {_UNKNOWN}"),
    "06": ("species", "n_pairs", "differential abundance", f"no contrast, or {_UNKNOWN}"),
    "07": ("power", "pairs", "untreated and treated", f"no contrast, or {_UNKNOWN}"),
    "08": ("models", "n", "severity", _UNKNOWN),
}
"""Notebook -> its table, the column of how many it used, its subject, and why others are out."""


def count_flow(facts: RunFacts) -> pd.DataFrame:
    """Return one row per step, from the samples given to those analysed.

    Parameters
    ----------
    facts : RunFacts

    Returns
    -------
    DataFrame
        step, unit (samples, people, households), `n` that remain, of how many, how many were
        `left_out` and why. What an import left out is counted from its log.
    """
    rows = [*_imported(facts), *_in_cohort(facts), *_analysed(facts)]
    table = pd.DataFrame(rows, columns=list(FLOW_COLUMNS))
    table[["n", "of", "left_out"]] = table[["n", "of", "left_out"]].astype("Int64")
    return table if facts.summary.get("simulated") else privacy.mark_rows(table)


def _imported(facts: RunFacts):
    """Yield what the import left out of the rows of metadata, or of a table of counts."""
    log = facts.log[facts.log["kind"] == "change"]
    told = log[log["what"].str.contains("left out") & log["what"].str.contains("sample|row")]
    n = len(facts.cohort.samples)
    total = n + int(told["n"].sum())
    for row in told.itertuples():
        left = int(row.n)
        yield "given", "samples", total - left, total, left, f"{row.where}: {row.what}"
        total -= left
    yield "in the cohort", "samples", n, total, 0, ""


def _in_cohort(facts: RunFacts):
    people, samples = facts.cohort.participants, facts.cohort.samples
    n = len(people)
    with_library = people.index.isin(samples["participant_id"])
    yield "in the cohort", "people", n, n, 0, ""
    lacking = int((~with_library).sum())
    yield "with a library", "people", n - lacking, n, lacking, "no library" if lacking else ""
    first = people.index.isin(samples.loc[samples["visit"] == 0, "participant_id"])
    late = int((with_library & ~first).sum())
    why = "no library at baseline" if late else ""
    yield "with a library at baseline", "people", int(first.sum()), n - lacking, late, why
    homes, pairs = facts.people["households"], facts.people["pairs"]
    why = "not exactly one case and one control" if pairs < homes else ""
    yield "pairs of a case and a control", "households", pairs, homes, homes - pairs, why


def _analysed(facts: RunFacts):
    """Yield how many people or pairs the main table of each finished notebook used."""
    for number, (name, column, subject, why) in _ANALYSES.items():
        table = facts.table(number, name)
        used = pd.to_numeric(table.get(column, pd.Series(dtype=float)), errors="coerce").max()
        if pd.isna(used):
            continue
        pairs = "pair" in column
        total = facts.people["pairs"] if pairs else len(facts.cohort.participants)
        if number == "08":
            total = facts.people["cases"]
        left = max(total - int(used), 0)
        unit = "households" if pairs else "people"
        yield f"notebook {number}: {subject}", unit, int(used), total, left, why if left else ""


def draw_flow_of(flow: pd.DataFrame, folder: Path) -> None:
    """Draw the flow and write it as `flow.svg` and `flow.pdf`."""
    from matplotlib.figure import Figure

    from cohabit.figures.flow import draw_flow
    from cohabit.figures.style import save_vector

    figure = Figure(figsize=(7.2, 0.5 + 0.62 * len(flow)), layout="constrained")
    draw_flow(flow, ax=figure.subplots())
    for name in ("flow.svg", "flow.pdf"):
        save_vector(figure, folder / name)
