"""Exercises of notebook 09."""

import numpy as np

from cohabit.course.registry import Context, exercise, is_near, says_yes
from cohabit.data.cohort import pairs_where
from cohabit.stats.levels import take_levels
from cohabit.stats.paired import fit_paired_model


@exercise("09.1")
def _phytate_in_both(answer: object, context: Context) -> bool | str:
    """Share of untreated households in which both partners have phytate degradation."""
    homes = pairs_where(context.people, treatment="untreated")["household_id"]
    pathways, _, _ = take_levels(context.cohort)
    seen = (pathways["PWY-4702"] > 0).reindex(homes.index, fill_value=False)
    return is_near(answer, seen.groupby(homes).all().mean()) or (
        "Above zero in the patient and in the partner; then the mean over households."
    )


@exercise("09.2")
def _interferon_in_buenos_aires(answer: object, context: Context) -> bool | str:
    """Share of measured interferon users at one site: drug and site are tied."""
    _, logs, _ = take_levels(context.cohort)
    measured = context.people[context.people.index.isin(logs.index)]
    users = measured[measured["treatment"].astype(str).eq("interferon")]
    return is_near(answer, users["site"].eq("Buenos Aires").mean()) or (
        "Only people with a row in metabolites.tsv, only interferon; then the share of one site."
    )


@exercise("09.3")
def _stool_mean_shift(answer: object, context: Context) -> bool | str:
    """Patient minus partner in the mean log stool metabolite; water moves it by its amount."""
    _, logs, _ = take_levels(context.cohort)
    own = logs.filter(like="stool:").mean(axis=1).rename("mean")
    expected = fit_paired_model(own, context.people.loc[own.index], None)["estimate"].iloc[0]
    return is_near(answer, expected, relative=0.05, absolute=0.005) or (
        "Fatty acids in logs, as take_levels gives them; one mean a person; patient minus partner, "
        "then the mean over households."
    )


@exercise("09.4")
def _water_alone(answer: object, context: Context) -> bool | str:
    """Whether one amount for all explains the stool of patients; differs between two worlds."""
    rows = context.truth.estimands.query(
        "assay == 'metabolites' and contrast == 'MS - control' and scale == 'latent'"
    )
    planted = rows.loc[rows["feature"].str.startswith("stool:"), "value"]
    alike = bool(np.ptp(planted) < 0.01)
    return says_yes(answer) is alike or (
        "Water moves every stool metabolite by one amount. Do all points of Figure 5, left, "
        "lie on the dashed line up to their intervals? Answer yes or no."
    )
