"""A run as one HTML page that works offline: it collects, and computes no statistic."""

import os
import re
from datetime import datetime
from html import escape
from importlib.resources import files
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from cohabit.files import paths, privacy
from cohabit.files.storage import write_atomically
from cohabit.run.report.cells import reads_cohort, render_notebook
from cohabit.run.report.collect import RunResults, collect_run
from cohabit.run.report.headline import find_headlines
from cohabit.run.report.page import (
    count_verdicts,
    describe_claims,
    describe_methods,
    describe_run,
    flatten,
    group_claims,
    number,
)

TEMPLATE = files("cohabit.run.report").joinpath("template")
NATURES = {
    True: "Simulated data: about the method, not about people.",
    False: "Computed from this cohort; the words were written for the simulated study.",
    None: "Simulated data, not this cohort: about the method, not about people.",
}
"""What a notebook is about: simulated people, this cohort's, or (None) it reads no cohort."""

STATUS_CLASSES = {
    "done": "good",
    "done in part": "quiet",
    "skipped": "quiet",
    "failed": "bad",
    "blocked": "bad",
}


def build_report(run_dir: str | os.PathLike) -> Path:
    """Write `report.html` of a run: summary, claims, every notebook; nothing from outside.

    Parameters
    ----------
    run_dir : path
        The run's folder; what it lacks (a notebook that failed, a scorecard) is said.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    FileNotFoundError
        When there is no such run.
    """
    folder = paths.from_root(run_dir) if not Path(run_dir).is_absolute() else Path(run_dir)
    html = render_report(collect_run(folder))
    path = folder / "report.html"
    with write_atomically(path) as scratch:
        scratch.write_text(html, encoding="utf-8")
    return path


def render_report(results: RunResults) -> str:
    """Return the page of a run."""
    from jinja2 import Environment, StrictUndefined

    about = _of_these_people(results)
    claims = describe_claims(about)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["breakable"] = _breakable
    template = environment.from_string(_read("page.html"))
    headline, *also = find_headlines(about, results.recovery)
    return template.render(
        run=results,
        headline=headline,
        also=also,
        claims=claims,
        known=any(row.truth or row.planted for row in claims),
        cards=count_verdicts(claims),
        groups=group_claims(claims, {n.number: n.title for n in results.notebooks}),
        methods=describe_methods(results.recovery),
        facts=describe_run(results),
        design=flatten(results.summary.get("design")),
        versions=flatten(results.summary.get("versions")),
        notebooks=_describe_notebooks(results),
        few=[] if results.simulated else privacy.survey_tables(results.folder)["table"],
        fewer=privacy.MARK,
        number=number,
        style=_read("style.css"),
        script=_read("script.js"),
        made=datetime.now().strftime("%d %B %Y, %H:%M"),
    )


def _of_these_people(results: RunResults) -> pd.DataFrame:
    """Return the claims, of a real cohort without those that were judged on simulated people."""
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
            "body": render_notebook(notebook, results.folder, targets, of_study=results.of_study),
        }
        for notebook in results.notebooks
    ]


def _breakable(name: str) -> Markup:
    """Return a long identifier that may break after its dots and underscores."""
    return Markup(re.sub(r"([._])", r"\1<wbr>", escape(name)))


def _read(name: str) -> str:
    return TEMPLATE.joinpath(name).read_text(encoding="utf-8")
