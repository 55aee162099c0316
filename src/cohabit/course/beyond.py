"""Exercises of part 4, beyond the study: notebooks 13 to 16."""

import numpy as np

from cohabit.course.registry import Context, exercise, is_name, is_near


@exercise("13.1")
def _untrue_claims(answer: object, context: Context) -> bool | str:
    """How many published claims are untrue in this world."""
    table = context.scorecard("claims")
    untrue = int(table["true_here"].astype("string").eq("False").sum())
    return is_near(answer, untrue, relative=0) or (
        "Count the claims whose column true_here is False; empty means that nobody knows."
    )


@exercise("13.2")
def _wrong_verdicts(answer: object, context: Context) -> bool | str:
    """How many decided verdicts are wrong."""
    table = context.scorecard("claims")
    wrong = int(table["right"].astype("string").eq("False").sum())
    return is_near(answer, wrong, relative=0) or (
        "Count the claims whose verdict was decided and does not fit what was planted."
    )


@exercise("13.3")
def _most_sensitive_method(answer: object, context: Context) -> bool | str:
    """Name the method that calls the largest share of the planted species."""
    table = context.scorecard("recovery")
    best = table.loc[table["sensitivity"].idxmax(), "method"]
    return is_name(answer, best) or (
        "Sort the methods by sensitivity; then ask what its false discoveries cost."
    )


@exercise("13.4")
def _missed_claims(answer: object, context: Context) -> bool | str:
    """Share of the claims that are true here on which the verdict stayed open."""
    table = context.scorecard("claims")
    true = table[table["true_here"].astype("string").eq("True")]
    true = true[true["verdict"] != "not estimated"]
    return is_near(answer, (true["verdict"] == "cannot tell").mean(), absolute=0.01) or (
        "Of the claims that are true here and were estimated, what share got the verdict "
        "'cannot tell'? This is what more pairs would buy."
    )


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


@exercise("15.1")
def _lenient_false_discovery(answer: object, context: Context) -> bool | str:
    """Say how far above 5% the lenient rule's false discovery is where nothing is planted."""
    return is_near(answer, 1 / 0.05, relative=0.05) or (
        "Where nothing is planted, which of the calls are false? Divide their share by 0.05."
    )


@exercise("15.2")
def _same_as_pair_as_term(answer: object, context: Context) -> bool | str:
    """Name the way that equals the pair as a fixed term."""
    return is_name(answer, "paired difference") or (
        "A constant for every household takes the pair's sum away. What is left of two numbers?"
    )


@exercise("15.3")
def _best_on_spike_in(answer: object, context: Context) -> bool | str:
    """Name the most sensitive way on plain CLR that keeps its promise on the spike-in."""
    table = context.table("which_test")
    table = table[(table["generator"] == "spike-in") & table["holds"].astype(bool)]
    table = table[table["way"].str.endswith("· CLR")]
    tied = table.loc[table["gain"] == table["gain"].max(), "way"]
    right = any(is_name(answer, way) or is_name(answer, way.split(" · ")[0]) for way in tied)
    return right or (
        "Keep the rows of the spike-in that hold and end with CLR; which has the highest gain?"
    )


@exercise("15b.1")
def _best_of_eight(answer: object, _: Context) -> bool | str:
    """Chance that the best of eight independent tests is below 0.05."""
    return is_near(answer, 1 - 0.95**8) or (
        "The best of eight is above 0.05 only when all eight are. The answer is a share."
    )


@exercise("15b.2")
def _twice_as_deep(answer: object, _: Context) -> bool | str:
    """Factor between two depths that are 0.7 apart on the natural log scale."""
    return is_near(answer, np.exp(0.7)) or "The dial is in natural logs of reads: turn it back."


@exercise("15b.3")
def _pull_of_a_bloom(answer: object, _: Context) -> bool | str:
    """Log change of every other share when a species of 2% grows fiftyfold."""
    return is_near(answer, -np.log(0.98 + 0.02 * 50)) or (
        "Shares are divided by their sum. What is the sum afterwards, when it was 1 before? "
        "Every other share is divided by it; give the natural log, with its sign."
    )


@exercise("15b.4")
def _left_with_spillover(answer: object, context: Context) -> bool | str:
    """Share of the effect that is left when partners catch two fifths of it, in the run's table."""
    row = context.table("summary").loc["spillover"]
    return is_near(answer, row["wrong_on"] / row["wrong_off"]) or (
        "Divide, in the row spillover, what the wrong analysis finds with the switch on by what "
        "it finds with the switch off: two columns of the table."
    )


@exercise("16.1")
def _pairs_for_money(answer: object, _: Context) -> bool | str:
    """One home at 100, two people at 50, two samples at 150 + 30: 560 a pair, of 60,000."""
    return is_near(answer, 60_000 // 560, relative=1e-3) or (
        "A pair pays for one home, two people, two visits and two samples. Only whole pairs count."
    )


@exercise("16.2")
def _spillover_that_undoes_pairing(answer: object, _: Context) -> bool | str:
    """Variance falls by 1 - r, the squared effect by (1 - s)²: equal at s = 1 - sqrt(1 - r)."""
    return is_near(answer, 1 - np.sqrt(1 - 0.3), absolute=0.003) or (
        "Power depends on effect² / variance. Partners have (1 - s)² / (1 - r) of what strangers "
        "have; when is that 1?"
    )


@exercise("16.3")
def _patients_for_power(answer: object, context: Context) -> bool | str:
    """Smallest size whose whole interval for PERMANOVA lies above one half; 0 when none does."""
    table = context.table("powers")
    sure = table[(table["question"] == "community") & (table["low"] > 0.5)]
    return is_near(answer, sure["n"].min() if len(sure) else 0) or (
        "Look at the lower ends of the intervals, not at the marks. If none is above one half, 0."
    )
