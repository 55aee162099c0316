"""What a world holds beside its estimands: population, follow-up, averages of estimators."""

import json
from collections.abc import Mapping
from importlib.resources import files

import pandas as pd

POPULATION = "population:"
"""Contrasts of the population before the cohort; what it holds is no effect on a feature."""

SAME_TIES = {"contrast": "networks", "scale": "difference", "feature": "ties", "value": 0.0}
"""Who goes with whom is drawn alike in all groups; disease, drugs and severity move levels."""

FOLLOWUP = "followup"
"""Contrast of what moves later visits: sizes as planted, from the effects themselves."""

UNPLANTED = ("disability: Bacteroidaceae",)
"""What claims ask of follow-up and the world does not hold: no taxon acts on later visits."""

EXPECTED = "expected"
"""Scale of a value that is the mean of a notebook's own estimates over other cohorts."""

_TEMPLATE = files("cohabit") / "simulate" / "template"


def read_population_truth() -> pd.DataFrame:
    """Read what the default population of notebooks 01a to 01c holds, as estimands.

    It depends on the design alone, so it is computed once, by the population's calibration, and
    shipped: contrast (``"population:default"``), scale, feature, value.
    """
    with (_TEMPLATE / "population_targets.tsv").open(encoding="utf-8") as text:
        table = pd.read_csv(text, sep="\t", comment="#")
    return table.rename(columns={"reached": "value"})[["contrast", "scale", "feature", "value"]]


def list_followup_truth(effects: pd.DataFrame) -> pd.DataFrame:
    """List what was planted in the later visits as estimands.

    Parameters
    ----------
    effects : DataFrame
        ``truth.effects``; its rows of the assay ``visits``.

    Returns
    -------
    DataFrame
        contrast (``"followup"``), scale, feature, value. Features are outcome and level, as in
        ``"relapses: obese"``, and the same turned round, as in ``"disability: not current"``.
    """
    columns = ["contrast", "scale", "feature", "value"]
    rows = effects[effects["assay"] == "visits"] if "assay" in effects else effects.iloc[:0]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    name, value = rows["feature"] + ": ", rows["coefficient"]
    parts = [
        pd.DataFrame({"scale": rows["scale"], "feature": name + rows["level"], "value": value}),
        pd.DataFrame(
            {"scale": rows["scale"], "feature": name + "not " + rows["level"], "value": -value}
        ),
        pd.DataFrame({"scale": "EDSS points per year", "feature": list(UNPLANTED), "value": 0.0}),
    ]
    return pd.concat(parts, ignore_index=True).assign(contrast=FOLLOWUP)[columns]


def read_expected(design: Mapping[str, object]) -> pd.DataFrame:
    """Read what the notebooks' estimators find on average in cohorts of a design.

    Made by ``python -m validation.expected``, for the `study` preset alone.

    Parameters
    ----------
    design : mapping
        Of the cohort, as in ``cohort.json``; empty when unknown.

    Returns
    -------
    DataFrame
        Index: claim_id; value, sd (over cohorts), cohorts. Empty for any other design.
    """
    with (_TEMPLATE / "expected_estimates.tsv").open(encoding="utf-8") as text:
        known = json.loads(text.readline().removeprefix("# "))
        table = pd.read_csv(text, sep="\t").set_index("claim_id")
    same = bool(design) and all(design.get(name, value) == value for name, value in known.items())
    return table if same else table.iloc[:0]


def judge_expected(found: pd.Series, region_low: float, region_high: float) -> bool | None:
    """Say whether an average lies in a region; missing when within two errors of its end."""
    reach = 2 * found["sd"] / found["cohorts"] ** 0.5
    low, high = found["value"] - reach, found["value"] + reach
    if region_low < low and high < region_high:
        return True
    return False if high <= region_low or low >= region_high else pd.NA
