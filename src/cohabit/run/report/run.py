"""The page of one run: headline, claims, methods and notebooks."""

from datetime import datetime
from pathlib import Path

import pandas as pd

from cohabit.files import privacy
from cohabit.run.report.cells import reads_cohort, render_notebook
from cohabit.run.report.claims import count_verdicts, describe_claims, group_claims
from cohabit.run.report.collect import NotebookResult, RunResults, collect_run
from cohabit.run.report.headline import (
    METHOD_NAMES,
    Headline,
    find_answers,
    find_headlines,
    own_headline,
)
from cohabit.run.report.page import flatten, is_number, moment, number, plain_text, write_page

NATURES = {
    True: "Simulated data: about the method, not about people.",
    False: "Computed from this cohort; the words were written for the simulated study.",
    None: "Simulated data, not this cohort: about the method, not about people.",
}
"""Notice by type of notebook: simulated people, a real cohort, or (None) no cohort."""

STATUS_CLASSES = {
    "done": "good",
    "done in part": "quiet",
    "skipped": "quiet",
    "failed": "bad",
    "blocked": "bad",
}


def build_run_report(folder: Path) -> Path:
    """Write the page of a run, noting what is missing.

    Raises
    ------
    FileNotFoundError
        When there is no such run.
    """
    results = collect_run(folder)
    about = _of_these_people(results)
    claims = describe_claims(about)
    headline, *also = _find_headlines(results, about)
    return write_page(
        folder,
        "run.html",
        run=results,
        headline=headline,
        also=also,
        answers=[] if results.simulated else find_answers(results.folder, results.case),
        published_aside=not results.simulated and results.case != "MS",
        claims=claims,
        known=any(row["truth"] or row["planted"] for row in claims),
        cards=count_verdicts(claims),
        groups=group_claims(claims, {n.number: n.title for n in results.notebooks}),
        methods=describe_methods(results.recovery),
        facts=describe_run(results),
        design=flatten(results.summary.get("design")),
        versions=flatten(results.summary.get("versions")),
        notebooks=_describe_notebooks(results),
        few=[] if results.simulated else privacy.survey_tables(results.folder)["table"],
        fewer=privacy.FEW_MARK,
        made=datetime.now().strftime("%d %B %Y, %H:%M"),
    )


def _find_headlines(results: RunResults, about: pd.DataFrame) -> list[Headline]:
    """Return a real cohort's own headline, or those about promise and result."""
    own = None if results.simulated else own_headline(results.folder, results.case)
    return [own] if own else find_headlines(about, results.recovery)


def _of_these_people(results: RunResults) -> pd.DataFrame:
    """Return the claims without those that a real cohort's run judged on simulated people."""
    if results.simulated or results.claims.empty:
        return results.claims
    others = {n.number for n in results.notebooks if n.path is not None and not reads_cohort(n)}
    whose = results.claims["claim_id"].str.partition(".")[0]
    return results.claims[~whose.isin(others)]


def _describe_notebooks(results: RunResults) -> list[dict]:
    targets = {n.path.name: f"#{n.anchor}" for n in results.notebooks if n.path is not None}
    return [
        {
            "about": notebook,
            "css": STATUS_CLASSES.get(notebook.status, "quiet"),
            "nature": NATURES[results.simulated or (False if reads_cohort(notebook) else None)],
            "body": render_notebook(
                notebook, results.folder, targets, aside=_is_aside(results, notebook)
            ),
            "aside": not results.simulated and not reads_cohort(notebook),
        }
        for notebook in results.notebooks
    ]


def _is_aside(results: RunResults, notebook: NotebookResult) -> bool:
    """Return True for words that were written about MS in a cohort of something else."""
    return not results.simulated and results.case != "MS" and reads_cohort(notebook)


def describe_methods(recovery: pd.DataFrame) -> list[dict]:
    """Return one row per method and contrast as text."""
    return [_describe_method(row) for row in recovery.to_dict("records")]


def _describe_method(row: dict) -> dict:
    method = plain_text(row.get("method"))
    return {
        "method": method,
        "name": METHOD_NAMES.get(method, method),
        "contrast": plain_text(row.get("contrast")).replace(" - ", " − "),
        "planted": number(row.get("n_planted")),
        "called": number(row.get("n_called")),
        "sensitivity": _share(row, "sensitivity"),
        "false_discovery": _share(row, "false_discovery"),
        "closure_shift": _share(row, "closure_shift"),
        "sign_errors": number(row.get("sign_errors")),
        "bias": number(row.get("bias")),
        "coverage": f"{row['coverage']:.0%}" if is_number(row.get("coverage")) else "–",
    }


def _share(row: dict, name: str) -> str:
    if not is_number(row.get(name)):
        return "–"
    text = f"{row[name]:.0%}"
    if is_number(row.get(f"{name}_low")):
        text += f" [{row[f'{name}_low']:.0%}, {row[f'{name}_high']:.0%}]"
    return text


def describe_run(results: RunResults) -> list[tuple[str, str]]:
    """Return the known facts of a run as names and values."""
    summary = results.summary
    design = summary.get("design") or {}
    facts = {
        "Profile": summary.get("profile"),
        "Preset": summary.get("preset"),
        "Cohort": summary.get("cohort"),
        "Seed": summary.get("seed"),
        "Finished": moment(summary.get("finished")),
        "Time": f"{summary['seconds']:.0f} s" if is_number(summary.get("seconds")) else None,
        "Pairs": sum(design["pairs_per_site"].values()) if "pairs_per_site" in design else None,
    }
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]
