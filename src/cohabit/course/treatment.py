"""Exercises of notebook 07."""

from cohabit.course.recruitment import most_untreated_site, opposite_sex_share
from cohabit.course.registry import Context, exercise, is_name, is_near, says_yes
from cohabit.data.cohort import pairs_where
from cohabit.stats.composition import filter_features


@exercise("07.1")
def _opposite_sex_share(answer: object, context: Context) -> bool | str:
    """Share of untreated pairs of a woman and a man: why sex must be in the model."""
    pairs = pairs_where(context.people, treatment="untreated")
    return is_near(answer, opposite_sex_share(pairs)) or (
        "Of the households with an untreated patient, in how many do two sexes live? "
        "The answer is a share, between 0 and 1."
    )


@exercise("07.2")
def _hits_by_chance(answer: object, context: Context) -> bool | str:
    """Nominal hits at P <= 0.05 among the filtered species when nothing differs."""
    counts = context.cohort.resolution.counts
    tested = filter_features(counts).shape[1]
    return is_near(answer, 0.05 * tested, relative=0.1) or (
        "When nothing differs, a p-value is as likely to fall anywhere between 0 and 1; "
        "multiply by the number of species that pass the filter."
    )


@exercise("07.3")
def _most_untreated_site(answer: object, context: Context) -> bool | str:
    """Site with the largest untreated share: why site must be in the model."""
    return is_name(answer, most_untreated_site(context.patients)) or (
        "Among the patients of each site, what share is untreated? Name the site with the most."
    )


@exercise("07.4")
def _is_anything_planted(answer: object, context: Context) -> bool | str:
    """Whether untreated MS moves any species at all here; differs between two worlds."""
    planted = context.truth.estimands
    rows = planted["contrast"].eq("untreated MS - control") & planted["scale"].eq("latent")
    moved = bool((planted.loc[rows, "value"] != 0).any())
    return says_yes(answer) is moved or (
        "Look at the whole distribution of p-values: flat, or piled up near 0? Answer yes or no."
    )
