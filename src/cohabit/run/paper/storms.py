"""The STORMS checklist of a run: filled where the run knows, blank where only the authors do.

Items follow the sections of STORMS (Mirzayi et al. 2021, Nature Medicine 27:1885) in our own words;
the numbers of the published table are left to the authors.
"""

from importlib.resources import files

import pandas as pd

from cohabit.run.paper.facts import SOFTWARE, RunFacts
from cohabit.run.report.page import render_page

SOURCE = "https://doi.org/10.1038/s41591-021-01552-x"


def fill_checklist(facts: RunFacts) -> pd.DataFrame:
    """Return the checklist: section, item, what the run says, and an empty column for the place."""
    stored = files("cohabit.run.paper").joinpath("template", "storms.tsv")
    with stored.open(encoding="utf-8") as stream:
        items = pd.read_csv(stream, sep="\t", keep_default_na=False)
    answers = _answer(facts)
    said = items["key"].map(lambda key: answers.get(key, "") if key else "")
    table = items.assign(said_by_the_run=said, where_in_the_manuscript="")
    return table.drop(columns="key")


def show_checklist(facts: RunFacts, checklist: pd.DataFrame) -> str:
    """Return the checklist as one HTML page that loads nothing."""
    rows = [row for _, row in checklist.iterrows()]
    filled = int((checklist["said_by_the_run"] != "").sum())
    name = facts.summary["run"]
    return render_page("storms.html", rows=rows, filled=filled, run=name, source=SOURCE)


def _answer(facts: RunFacts) -> dict[str, str]:
    """Return the answers that a run knows; a key that is absent stays blank."""
    people, cohort, versions = facts.people, facts.cohort, facts.summary["versions"]
    found = {
        "design": "household-paired comparison of cases and people who live with them",
        "participants": f"{people['n']} people, {people['cases']} with {facts.case}, "
        f"{people['controls']} without, in {people['households']} households",
        "matching": f"by household: {people['pairs']} households of one case and one control",
        "size": "paper/flow.tsv: people and pairs of each analysis",
        "sites": f"{people['sites']} sites: column site" if people["sites"] > 1 else "",
        "sequencing": "; ".join(
            f"{a['assay']}: {a['libraries']:,} libraries, median {a['reads'][0]:,.0f} reads"
            for a in facts.assays
        ),
        "replicates": _replicates(cohort.samples),
        "batches": "column batch of samples.tsv" if "batch" in cohort.samples else "",
        "metabolites": "metabolites.tsv" if cohort.metabolites is not None else "",
        "variables": ", ".join(cohort.participants.dropna(axis=1, how="all").columns),
        "changes": "import_log.tsv: everything that was changed or left out"
        if len(facts.log)
        else "",
        "statistics": "paper/methods.md; formulas in the tables",
        "missing": "covariates unknown or constant leave a model, people with unknown ones too; "
        "numbers in the tables and paper/flow.tsv",
        "software": ", ".join(f"{name} {versions[name]}" for name in SOFTWARE if name in versions),
        "code": f"cohabit {versions.get('cohabit', '')}, executed notebooks, run.json",
        "processed": "cohabit export --to qiime2, anndata, phyloseq or frictionless",
        "results": "tables/ of the run; cohabit export RUN --to rocrate",
    }
    found |= _by_notebook(facts)
    return found


def _replicates(samples: pd.DataFrame) -> str:
    several = samples.groupby(["participant_id", "visit", "assay"]).size().gt(1).sum()
    return f"{several:,} people and visits with several libraries, added up" if several else ""


def _by_notebook(facts: RunFacts) -> dict[str, str]:
    """Return answers of the notebooks that finished."""
    told = {
        "descriptive": ("03", "tables/03_people.tsv, tables/03_answered.tsv"),
        "composition": ("05", "tables/05_*.tsv, figures/05_*"),
        "abundance": ("06", "tables/06_species.tsv or 06_genera.tsv: interval, p and q of each"),
        "subgroups": ("07", "untreated and treated cases: tables/07_*.tsv"),
        "longitudinal": ("12", "tables/12_*.tsv"),
        "other_data": ("09", "pathways and metabolites: tables/09_*.tsv"),
    }
    return {key: words for key, (n, words) in told.items() if facts.parameters(n)}
