"""What a contrast owes: what disease, therapy and severity changed in those it compares.

A cohort is drawn twice from one seed, with these three and without. All other draws are the
same, so the difference between a person's two measured values is what the three did to it:
closed to 1, in the reads of that library. The estimators are linear in the values. Given these
differences, they return what they owe, with the drugs, the severity, the sites and the
covariates of the people they contrast, and nearly without noise. Rank correlations are not
linear: what one owes in a world is its mean over cohorts of that world.
"""

import pandas as pd

from cohabit.data.cohort import Cohort, pairs_where
from cohabit.data.people import with_study_groups
from cohabit.data.schema import TREATMENTS
from cohabit.judge import claims
from cohabit.simulate import StudyDesign, simulate_cohort, simulate_shotgun
from cohabit.stats import association, composition, molecules, paired

SEVERITY = "per MSSS point (untreated)"
THERAPIES = ("therapy", "treatment")
DIFFERENCES = "sex + age + bmi"
WORLDS = ("study", "null")
HELD = ("age", "bmi")
RANKS = {"min_prevalence": 0.5, "zeros_removed": True}


def measure_contrasts(seed: int, published: pd.DataFrame) -> pd.DataFrame:
    """Return what one cohort's people owe to each claim about a contrast.

    Parameters
    ----------
    seed : int
    published : DataFrame
        Rows of ``read_reference("claims")`` that have a contrast.

    Returns
    -------
    DataFrame
        claim_id; owed; mild, the same were nobody's severity to matter; world; seed.
    """
    seen, untouched = (simulate_cohort(StudyDesign.preset(name), seed) for name in WORLDS)
    mild = simulate_cohort(StudyDesign.preset("study").replace(severity=0.0), seed)
    owed, without = (
        _match(published, contrast_changes(cohort, untouched, published)).set_index("claim_id")
        for cohort in (seen, mild)
    )
    table = owed.assign(mild=without["owed"]).reset_index()
    return table.assign(world=WORLDS[0], seed=seed)


def measure_ranks(seed: int, published: pd.DataFrame) -> pd.DataFrame:
    """Return the rank correlations with severity of one cohort's people, in both worlds.

    Returns
    -------
    DataFrame
        claim_id; owed, by the study's rule; site_held, with the site held too; world; seed.
    """
    parts = []
    for name in WORLDS:
        cohort = simulate_shotgun(StudyDesign.preset(name), seed)
        untreated = pairs_where(cohort.participants, treatment="untreated")
        rules = (HELD, (*HELD, "site"))
        ranked = (rank_severity(cohort.table("shotgun"), untreated, held) for held in rules)
        owed, held = (_match(published, table).set_index("claim_id") for table in ranked)
        parts.append(owed.assign(site_held=held["owed"], world=name, seed=seed))
    return pd.concat(parts).reset_index()


def rank_severity(
    counts: pd.DataFrame, untreated: pd.DataFrame, held: tuple[str, ...] = HELD
) -> pd.DataFrame:
    """Return rank correlations of species with severity among untreated patients."""
    patients = untreated[untreated["group"] == "MS"].dropna(subset=["msss", *held])
    shares = composition.relative_abundance(counts).loc[patients.index]
    ranked = association.partial_spearman(shares, patients["msss"], patients[[*held]], **RANKS)
    return ranked.assign(contrast=SEVERITY).rename(columns={"n": "n_pairs"})


def contrast_changes(seen: Cohort, untouched: Cohort, published: pd.DataFrame) -> pd.DataFrame:
    """Return the study's estimates from what changed in each person between two worlds."""
    people = with_study_groups(seen.participants)
    untreated = pairs_where(people, treatment="untreated")
    groups = {"MS": people, "untreated MS": untreated, "treated MS": people.drop(untreated.index)}
    groups |= {f"{drug} MS": pairs_where(people, treatment=drug) for drug in TREATMENTS[1:]}
    found = []
    for after, before in zip(read_scales(seen), read_scales(untouched), strict=True):
        change = molecules.combine_molecules(after - before, published["truth_feature"])
        measured = people[people.index.isin(change.index)]
        found.append(molecules.compare_molecules(change, groups))
        found += [
            paired.compare_pair_differences(change, measured, by, differences=DIFFERENCES)
            for by in THERAPIES
        ]
    return pd.concat(found, ignore_index=True)


def read_scales(cohort: Cohort) -> list[pd.DataFrame]:
    """Return species, genera and pathways as asin-sqrt shares, and log metabolites."""
    pathways, logs, _ = molecules.take_molecules(cohort)
    species, genera = (
        composition.arcsine_sqrt(cohort.table(*assay)) for assay in (("shotgun",), ("16s", "genus"))
    )
    return [species, genera, composition.arcsine_root(pathways), logs]


def _match(published: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    names = published["notebook"].unique()
    table = pd.concat(claims.match_estimates(published, found, name) for name in names)
    return table.rename(columns={"estimate": "owed"})[["claim_id", "owed"]].dropna()
