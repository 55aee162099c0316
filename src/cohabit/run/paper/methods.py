"""The methods section of a run, with its numbers, and the references that it cites."""

import re
from importlib.resources import files

import pandas as pd

from cohabit.files import paths
from cohabit.run.paper.facts import SOFTWARE, RunFacts
from cohabit.run.report.collect import strip_number
from cohabit.run.report.page import number

_NAMES = {"16s": "16S", "shotgun": "shotgun"}
_OTHERS = {
    "07": "Untreated and treated cases were each compared with their own partners in the same way.",
    "08": "Severity was related to abundances among cases by partial rank correlation.",
    "09": "Pathways and metabolites were compared with household mixed models, each scale named in "
    "its table.",
    "10": "Diet was summarised by its index and related to communities within and between homes.",
    "11": "Co-occurrence networks of groups were compared by permutation.",
    "12": "Follow-up was analysed as changes since baseline, with errors clustered by person.",
}
"""Notebook -> one sentence on what it does."""


def write_methods(facts: RunFacts) -> tuple[str, str]:
    """Return the methods section as Markdown, and its references as BibTeX.

    Sections are there for the notebooks that finished; what a table does not hold is left out.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    helpers = {"number": number, "count": _count, "percent": "{:.0%}".format}
    environment.globals |= helpers | {"name_of": lambda assay: _NAMES[assay]}
    template = files("cohabit.run.paper").joinpath("template", "methods.md")
    text = environment.from_string(template.read_text(encoding="utf-8")).render(_values(facts))
    text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    return text, select_references(text)


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _values(facts: RunFacts) -> dict:
    versions = dict(facts.summary["versions"])
    four = facts.parameters("04")
    depths = [
        f"{_count(four[f'depth_{a}'])} reads ({_NAMES[a]})" for a in facts.cohort.features if four
    ]
    rows = facts.summary["notebooks"]
    missing = [strip_number(row["title"]) for row in rows if row["status"] != "done"]
    return {
        "run": facts.summary["run"],
        "profile": facts.summary["profile"],
        "seed": facts.summary.get("seed"),
        "simulated": bool(facts.summary.get("simulated")),
        "versions": versions,
        "software": ", ".join(f"{name} {versions[name]}" for name in SOFTWARE if name in versions),
        "case": facts.case,
        "people": {"women": None, "age": None} | facts.people,
        "assays": facts.assays,
        "left_out": _left_out(facts),
        "plural": facts.cohort.resolution.plural,
        "depths": " and ".join(depths),
        "alpha": _alpha(facts),
        "joint": len(facts.table("05", "joint")),
        "n_permutations": facts.parameters("05").get("n_permutations", 0),
        "n_groups": facts.parameters("05").get("n_groups", 0),
        "abundance": _abundance(facts),
        "prediction": len(facts.table("06", "prediction")),
        "others": [words for number_, words in _OTHERS.items() if facts.parameters(number_)],
        "results": list(_results(facts)),
        "not_run": "; ".join(missing),
    }


def _left_out(facts: RunFacts) -> list[str]:
    """Return what an import changed by leaving out, with the name of the file or column."""
    log = facts.log
    told = log[(log["kind"] == "change") & log["what"].str.contains("left out")]
    return [f"{row.what} ({row.where})" for row in told.itertuples()]


def _formula(table: pd.DataFrame) -> str:
    """Return the fitted formula of a table that holds one."""
    known = table["formula"].dropna() if "formula" in table else pd.Series(dtype=object)
    return str(known.iloc[0]) if len(known) else "group + covariates that are known and vary"


def _of_cases(table: pd.DataFrame) -> pd.DataFrame:
    if table.empty or "contrast" not in table:
        return table.iloc[:0]
    return table[(table["contrast"] == "MS - control") & table["p_value"].notna()]


def _alpha(facts: RunFacts) -> dict:
    table = _of_cases(facts.table("04", "equivalence"))
    if table.empty:
        return {}
    n, margin = int(table["n_samples"].max()), facts.parameters("04")["margin"]
    return {"formula": _formula(table), "n": n, "margin": margin}


def _abundance(facts: RunFacts) -> dict:
    table = _of_cases(facts.table("06", "species"))
    if table.empty:
        return {}
    scale = str(table["transform"].iloc[0]) if "transform" in table else "shares"
    known = {"tested": len(table), "formula": _formula(table), "transform": scale}
    return known | {"pairs": table["n_pairs"].max()}


def _results(facts: RunFacts):
    """Yield one sentence per finding, with interval and p."""
    for row in facts.table("05", "alone").itertuples():
        if row.term == "household":
            found = f"R² {number(row.r2)}, adjusted {number(row.r2_adjusted)}"
            yield f"Household alone: {found}{_interval(row.r2_adjusted_low, row.r2_adjusted_high)}."
    for row in facts.table("05", "joint").itertuples():
        if pd.notna(row.p_value):
            test = f"pseudo-F {number(row.pseudo_f)}, p {number(row.p_value)}"
            where = f", {row.stratum}" if hasattr(row, "stratum") else ""
            yield f"{row.term} in the joint model{where}: R² {number(row.r2)}, {test}."
    alpha = _of_cases(facts.table("04", "equivalence"))
    for row in alpha[alpha.get("patients", pd.Series(dtype=object)) == "all patients"].itertuples():
        ends = _interval(row.low, row.high)
        yield f"{row.feature}: {number(row.estimate)} SD{ends}, p {number(row.p_value)}."
    table = _of_cases(facts.table("06", "species"))
    if len(table):
        called = int((table["q_value"] <= 0.05).sum())
        yield f"{called} of {len(table):,} features differed between cases and partners at FDR 5%."
    scores = facts.table("06", "prediction")
    for row in scores.itertuples():
        if row.measure == "auc" and row.predictors == "microbes":
            yield f"AUC of {row.model}: {number(row.estimate)}{_interval(row.low, row.high)}."


def _interval(low: float, high: float) -> str:
    return "" if pd.isna(low) else f" (95% interval {number(low)} to {number(high)})"


def select_references(text: str) -> str:
    """Return the BibTeX entries that a text cites as [@key].

    Raises
    ------
    ValueError
        When a key is not in `docs/references.bib`.
    """
    library = paths.bibliography().read_text(encoding="utf-8")
    entries = dict(re.findall(r"^(?=@\w+\{([^,]+),)(.*?^\})", library, re.M | re.S))
    cited = sorted(set(re.findall(r"@([a-z]+\d{4})", text)))
    unknown = [key for key in cited if key not in entries]
    if unknown:
        raise ValueError(f"references.bib has no {', '.join(unknown)}")
    return "\n\n".join(entries[key] for key in cited) + "\n"
