"""Exercises of notebook 14."""

from cohabit.course.registry import Context, exercise, is_near


@exercise("14.1")
def _touched_by_therapy(answer: object, context: Context) -> bool | str:
    """How many species therapy moves by itself in anybody, before shares are taken."""
    from cohabit.experiments import two_worlds

    world = two_worlds.recall_world(context.cohort)
    untreated = two_worlds.stop_therapy(world)
    touched = int((two_worlds.differ(untreated, world) != 0).any().sum())
    return is_near(answer, touched, relative=0) or (
        "Count the species that have a difference other than 0 in anybody, on the scale 'latent', "
        "between the world without therapy and this one."
    )


@exercise("14.2")
def _site_between_treated_and_untreated(answer: object, context: Context) -> bool | str:
    """Size of what site adds to one species between treated and untreated."""
    from cohabit.experiments import two_worlds

    world = two_worlds.recall_world(context.cohort)
    untreated = world.people["treatment"] == "untreated"
    split = two_worlds.split_difference(
        world, world.patients & ~untreated, world.patients & untreated
    )
    site = split.loc["Faecalibacterium prausnitzii", "site"]
    return is_near(answer, site, absolute=0.001) or (
        "Each difference was split into its terms: look for the species' row and the term's column."
    )


@exercise("14.3")
def _people_for_twice_the_effect(answer: object, _: Context) -> bool | str:
    """By what factor the people needed change when a weak first step doubles."""
    return is_near(answer, 0.25, relative=0.05) or (
        "The weak step decides. Its statistic grows with the effect and with the square root of "
        "the people."
    )


@exercise("14.4")
def _found_with_spillover(answer: object, context: Context) -> bool | str:
    """Share of MS that a comparison with partners sees; differs between two worlds."""
    caught = context.cohort.provenance["design"]["spillover"]
    return is_near(answer, 1 - caught, absolute=0.005) or (
        "Patients have the whole effect. What do their partners have, in this world? Subtract."
    )
