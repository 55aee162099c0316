"""Exercises of notebook 08."""

import pandas as pd

from cohabit.course.registry import Context, exercise, is_near


@exercise("08.1")
def _edss_against_msss(answer: object, context: Context) -> bool | str:
    """Spearman correlation of age with EDSS minus that of age with MSSS, over patients."""
    patients = context.patients
    rho = patients[["age", "edss", "msss"]].corr(method="spearman")["age"]
    return is_near(answer, rho["edss"] - rho["msss"], absolute=0.02) or (
        "Rank correlations among patients only: age with EDSS, then age with MSSS; subtract."
    )


@exercise("08.2")
def _treated_are_milder(answer: object, context: Context) -> bool | str:
    """Mean EDSS of untreated minus treated patients: treatment is given by course and age."""
    return is_near(answer, _gap(context.patients), absolute=0.02) or (
        "Mean EDSS of untreated patients minus mean EDSS of treated patients."
    )


@exercise("08.3")
def _treated_are_milder_within_relapsing(answer: object, context: Context) -> bool | str:
    """Difference of 08.2 inside RRMS: how much of it was course."""
    patients = context.patients
    relapsing = patients[patients["course"].astype(str).eq("RRMS")]
    return is_near(answer, _gap(relapsing), absolute=0.02) or (
        "Keep the relapsing patients (RRMS) and take the same difference again."
    )


@exercise("08.4")
def _smallest_visible_correlation(answer: object, context: Context) -> bool | str:
    """Smallest |rho| that reaches P = 0.05 in this many untreated patients: 1.96 / sqrt(n - 2)."""
    n = int(context.patients["treatment"].astype(str).eq("untreated").sum())
    return is_near(answer, 1.96 / max(n - 2, 1) ** 0.5, relative=0.05) or (
        "A rank correlation of nothing has a standard error near 1 / sqrt(n - 2), "
        "where n is the number of untreated patients."
    )


def _gap(patients: pd.DataFrame) -> float:
    untreated = patients["treatment"].astype(str).eq("untreated")
    return float(patients.loc[untreated, "edss"].mean() - patients.loc[~untreated, "edss"].mean())
